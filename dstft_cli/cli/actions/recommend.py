"""What ``dstft recommend`` does: find the best constant window, draw the loss, and print both."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from ...config.loading import Config
from ...errors import InputError, OutputExistsError
from ...figures import spectrograms
from ...figures.length_curve import length_curve
from ...figures.shown.view import View
from ...results.writer import finite
from ...system.atomic_files import check_folder, replace_file
from ...workflows.optimize_file import load_inputs
from ...workflows.recommend import Recommendation, recommend
from ...workflows.recommendation_report import report
from ..printing.console import Console
from ..printing.recommendation import labels, loss_name, rows, tool_blocks

_ADVICE = {
    "longest": "the best window is the longest allowed; a longer --support may give a lower loss",
    "shortest": "the best window is the shortest allowed; a shorter --theta-min, with a --hop of half of it, may give a "
    "lower loss",
}


def check_mode(given: Mapping[str, str]) -> None:
    """Raise InputError for a --set of the mode. given: {option: its key}."""
    if {"mode", "transform.mode"} & set(given.values()):
        raise InputError(
            "--set mode: recommend finds one constant window and estimates what adaptive modes would gain; leave it out"
        )


def run(
    console: Console, config: Config, paths: Sequence[str], output: str | None, force: bool, gains: bool, as_json: bool
) -> None:
    """Find the best window, draw the loss to ``output``, print the recommendation. gains: estimate those of adaptive modes."""
    if output is not None:
        _check_picture(Path(output), force)
    recommendation = _recommend(console, config, paths, gains)
    if output is not None:
        _draw(recommendation, Path(output), force)
    if as_json:
        console.json(finite(report(recommendation)))
    else:
        console.facts(rows(recommendation))
        click.echo("\n".join(tool_blocks(recommendation)))
    if output is not None:
        console.say(f"loss curve: {click.format_filename(output)}")


def _recommend(console: Console, config: Config, paths: Sequence[str], gains: bool) -> Recommendation:
    signals = []
    for path in paths:
        console.say(f"reading {path}", level=1)
        signals += load_inputs(path, config)
    console.notes(signals, named=len(paths) > 1)
    with console.progress() as show:
        recommendation = recommend(signals, config, show, gains)
    if recommendation.at_bound:
        console.note(_ADVICE[recommendation.at_bound])
    return recommendation


def _check_picture(path: Path, force: bool) -> None:
    """Raise for a picture that could not be written, before any work."""
    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise InputError(f"-o {path}: the loss curve is a picture; use a .png, .svg or .pdf suffix")
    if path.exists() and not force:
        raise OutputExistsError(f"{path}: this file exists; --force replaces it")
    check_folder(path.parent)


def _draw(recommendation: Recommendation, path: Path, force: bool) -> None:
    names, loss, dpi = labels(recommendation.signals), loss_name(recommendation), recommendation.config.figures.dpi
    one = len(names) == 1
    figure = length_curve(
        recommendation.curve.lengths * 1e3,
        recommendation.total,
        loss if one else f"summed {loss}",
        [(low * 1e3, high * 1e3) for low, high in recommendation.flat],
        View(dpi=dpi, title=names[0] if one else f"{len(names)} signals, one window"),
        None if one else dict(zip(names, recommendation.curve.losses.T, strict=True)),
    )
    with replace_file(path, force) as temporary:
        spectrograms.save(figure, temporary, format=path.suffix[1:].lower(), dpi=dpi)
