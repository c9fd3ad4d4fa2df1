"""What ``dstft optimize`` does: each channel of a recording to a folder with its result."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...config.loading import Config
from ...figures.of_result import check_view
from ...optimization import optimize
from ...optimization.auto_lengths import choose_lengths
from ...recordings.signal import Signal
from ...results.progress import DIVERGED, INTERRUPTED
from ...system.atomic_files import check_folder
from ...system.shutdown import StopRequest, stop_request
from ...viewer.page_file import check_bokeh
from ...workflows import optimize_file
from ..printing.console import Console
from ..printing.result import print_summary


def run(console: Console, config: Config, path: str, output: str | None, on_existing: str) -> int:
    """Load, check, optimise and write each channel; return the exit code."""
    console.say(f"reading {path}", level=1)
    began = time.perf_counter()
    if config.figures.html:
        check_bokeh()
    signals = optimize_file.load_inputs(path, config, whole=False)
    loading = (time.perf_counter() - began) / len(signals)
    console.notes(signals)
    folders = optimize_file.output_folders(output, signals)
    jobs, code = list(_jobs(console, config, signals, folders, on_existing)), 0
    with stop_request() as stop:
        for signal, folder in jobs:
            code = max(code, _run_one(console, config, signal, folder, loading, stop, on_existing))
            if stop:
                break
    return stop.code or code


def _jobs(
    console: Console, config: Config, signals: Sequence[Signal], folders: Sequence[Path], on_existing: str
) -> Iterator[tuple[Signal, Path]]:
    """The signals to optimise and their folders. Raises for what could not be written or drawn, before any work."""
    for signal, folder in zip(signals, folders, strict=True):
        if on_existing == "skip" and optimize_file.result_complete(folder):
            _say_skipped(console, folder)
            continue
        if on_existing == "error":
            optimize_file.check_free(folder)
        check_folder(folder)
        check_view(signal, config)
        if beyond := config.figures.beyond(signal.sample_rate):
            console.note(beyond)
        yield signal, folder


def _say_skipped(console: Console, folder: Path) -> None:
    console.say(f"{folder}: skipped, since it has a result already")


def _run_one(
    console: Console,
    config: Config,
    signal: Signal,
    folder: Path,
    loading: float,
    stop: StopRequest,
    on_existing: str,
) -> int:
    """Optimise and write one signal; return the exit code. loading: s that reading it took."""
    plan = optimize.plan_signal(signal, config)
    if text := choose_lengths(signal, config).text:
        console.say(text)
    console.say(plan.words)
    with console.progress() as show:
        result = optimize_file.run_signal(
            signal, config, folder, lambda step: show(step) or bool(stop), loading, plan=plan, on_existing=on_existing
        )
    if result is None:  # another run has written it meanwhile
        _say_skipped(console, folder)
        return 0
    print_summary(console, result, folder)
    if result.stop_reason == INTERRUPTED:
        drawn = any(folder.glob("spectrogram.*"))
        console.warn(f"interrupted: the best state so far is in {folder}{'' if drawn else '; dstft plot draws it'}")
    elif stop:
        console.warn(f"interrupted after the complete result was written to {folder}")
    if result.stop_reason != DIVERGED:
        return 0
    console.warn(
        f"{signal.where}: the loss is not finite after step {result.steps}; the best state before it is in {folder}"
    )
    return 1
