"""What ``dstft compare`` does: get the spectrograms, measure, write the picture and the CSV, and print the table."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from ...config.loading import Config
from ...config.schema import LOCAL_ENTROPY
from ...figures import spectrograms
from ...figures.of_result import view_of
from ...figures.shown.continued_ends import continued_ends
from ...figures.shown.display import Display
from ...figures.shown.levels import drawn
from ...figures.shown.source import display_of, frame_distance, source_of
from ...recordings.preparation.continuation import continued_signal
from ...results.progress import Step
from ...results.result import Result
from ...system.atomic_files import replace_file
from ...workflows import compare, sharpness
from ..options.settings import Settings
from ..printing.comparison import as_csv, print_table
from ..printing.console import Console
from .compare_inputs import Targets, analyse, holds_result, read_results, refuse_settings

__all__ = ["Targets", "run"]

_MEASURES = {  # of each criterion: the measure that it optimises, and its name in the title of a panel
    "entropy": ("entropy_nats", "entropy"),
    "renyi": ("renyi_entropy_nats", "renyi"),
    "kurtosis": ("kurtosis", "kurtosis"),
    "local-entropy": ("local_entropy_nats", "local entropy"),
}


def run(
    console: Console,
    config: Config,
    settings: Settings,
    paths: Sequence[str],
    windows: Sequence[str],
    targets: Targets,
) -> None:
    """Compare results, or the result of analysing one recording, with constant windows. config: that of the settings."""
    if any(holds_result(path) for path in paths):
        refuse_settings(settings)
        inputs = read_results(paths, config, settings, windows, targets)
    else:
        inputs = analyse(console, paths, config, settings, windows, targets)
    results, first = inputs.results, next(iter(inputs.results.values()))
    candidates, order = compare.candidates(results, inputs.lengths), first.config.loss.order
    local = _local_entropies(console, results, candidates)
    measures = [sharpness.measure(one, order, value) for one, value in zip(candidates, local, strict=True)]
    labels, unequal = [one.label for one in candidates], compare.sizes_differ(candidates)
    if inputs.picture is not None:
        if beyond := inputs.config.figures.beyond(first.sample_rate):
            console.note(beyond)
        _draw(inputs.picture, candidates, measures, first, inputs.config, targets.force)
    if inputs.table is not None:
        _write(inputs.table, as_csv(labels, measures, order), targets.force)
    if inputs.table != "-":
        print_table(console, labels, measures, comparable=unequal is None)
    for name, result in results.items():
        if not result.complete:
            console.note(f"{name}: its run was {result.stop_reason}; this is the best state before that")
    if unequal:
        console.note(unequal)
    written = [click.format_filename(path) for path in (inputs.picture, inputs.table) if path not in (None, "-")]
    if written and not console.quiet:
        click.echo(f"written to     {', '.join(written)}", err=inputs.table == "-")


def _local_entropies(
    console: Console, results: Mapping[str, Result], candidates: Sequence[sharpness.Candidate]
) -> list[float]:
    """The local entropy of each candidate if a run optimised it; else NaN."""
    judge = next((result for result in results.values() if result.criterion == LOCAL_ENTROPY), None)
    if judge is None:
        return [math.nan] * len(candidates)
    with console.progress() as show:
        return compare.local_entropies(judge, candidates, lambda index, count: show(Step("bank", index, count)))


def _draw(
    picture: Path,
    candidates: Sequence[sharpness.Candidate],
    measures: Sequence[sharpness.Measures],
    first: Result,
    config: Config,
    force: bool,
) -> None:
    """Write the panels, each titled with the measure that the first result's criterion optimises."""
    key, name = _MEASURES.get(first.criterion, _MEASURES["entropy"])
    displays, view = [_display(one, config) for one in candidates], view_of(first.signal, config)
    panels = [
        spectrograms.Panel(
            one.label,
            spectrograms.Plane(
                display.times, one.frequencies, drawn(display, view, one.window, one.signal.sample_rate)
            ),
            _title_end(name, getattr(measure, key)),
        )
        for one, display, measure in zip(candidates, displays, measures, strict=True)
    ]
    figure = spectrograms.comparison(panels, displays[-1].view(view))
    with replace_file(picture, force) as temporary:
        spectrograms.save(figure, str(temporary), format=picture.suffix.lower()[1:], dpi=config.figures.dpi)


def _display(one: sharpness.Candidate, config: Config) -> Display:
    """A candidate as pictures show it."""
    if one.origin is not None:
        source = source_of(one.origin, view_of(one.signal, config))
        if one.theta is one.origin.theta:
            return display_of(one.origin, source)
        magnitude, times = source.reference(one.theta.item())
        return Display(magnitude, one.theta, times, one.frequencies, source.hop, one.support, source.span)
    beyond = continued_signal(one.signal.samples, one.support // 2)
    return Display(
        continued_ends(one.magnitude, one.theta, one.positions, beyond, one.support, one.window),
        one.theta,
        one.times,
        one.frequencies,
        frame_distance(one.positions, one.support),
        one.support,
    )


def _title_end(name: str, value: float) -> str:
    return "" if math.isnan(value) else f", {name} {value:#.4g}".rstrip(".")


def _write(path: str, text: str, force: bool) -> None:
    if path == "-":
        click.echo(text, nl=False)
        return
    with replace_file(Path(path), force) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
