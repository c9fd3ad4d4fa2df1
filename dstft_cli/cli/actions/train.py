"""What ``dstft train`` does: read the clips, train, write the folder, and print what was found."""

from pathlib import Path

import click

from ...config.loading import Config
from ...errors import InputError
from ...system.memory import keep_freed_memory
from ...system.shutdown import StopRequest, Terminated, stop_request
from ...training.fit import Budget
from ...workflows.training.prepare import Prepared
from ...workflows.training.settings import TrainSettings
from ...workflows.training.train import OVERWRITE, RESUME, Outcome, default_folder, is_complete, train
from ..printing.console import Console
from ..printing.training import at_bound, blocks, facts, notes, rows, table

_USUAL = {  # where the user gives none; a track has few clips, and nothing but the window to learn
    "classify": {"epochs": 20, "batch_size": 32, "learning_rate": 2e-3, "theta_rate": 0.01},
    "frequency": {"epochs": 40, "batch_size": 4, "learning_rate": 2e-3, "theta_rate": 0.05},
}


def run(
    console: Console,
    config: Config,
    data: str,
    output: str | None,
    resume: bool,
    on_existing: str,
    export: str | None,
    training: dict,
) -> int:
    """Train and print; return the exit code. training: the options of the command that are no keys of the configuration."""
    folder = Path(output) if output is not None else default_folder(data)
    if resume and on_existing == OVERWRITE:
        raise InputError("--resume goes on with a training and --on-existing overwrite begins anew; give one of them")
    if resume and is_complete(folder):
        console.say(f"{folder}: this training is complete")
        return 0
    usual = _USUAL[training["task"]]
    given = {name: training.pop(name) for name in ("epochs", "batch_size", "learning_rate", "theta_rate")}
    budget = Budget(*(usual[name] if value is None else value for name, value in given.items()))
    settings = TrainSettings(config, budget=budget, **training)
    keep_freed_memory()

    def ready(prepared: Prepared, resumed: bool) -> None:
        for warning in prepared.clips.warnings:
            console.warn(warning)
        for note in notes(prepared, resume, resumed):
            console.note(note)

    with stop_request() as stop, console.progress() as show:

        def on_step(step) -> bool:
            show(step)
            if stop and step.phase == "read":  # there is nothing to keep yet
                raise Terminated if stop.code == Terminated.code else KeyboardInterrupt
            return bool(stop)

        outcome = train(data, settings, folder, RESUME if resume else on_existing, export, on_step, ready)
    _print(console, outcome, folder)
    return _end(console, outcome, folder, stop)


def _print(console: Console, outcome: Outcome, folder: Path) -> None:
    if outcome.summary.rows:
        console.table(*table(outcome))
        console.facts(rows(outcome))
        click.echo("\n".join(blocks(outcome)))
    if advice := at_bound(outcome):
        console.note(advice)
    console.facts(facts(outcome, folder), separate=bool(outcome.summary.rows))


def _end(console: Console, outcome: Outcome, folder: Path, stop: StopRequest) -> int:
    if outcome.complete:
        return stop.code
    what = f"the best state so far is in {folder}" if outcome.prepared.run.kept else "there is no state to keep yet"
    console.warn(f"interrupted: {what}; --resume goes on from the last epoch")
    return stop.code or 1
