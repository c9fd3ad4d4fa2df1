"""What ``dstft train`` prints: notes on the clips, a table of windows, the verdict, and lines for other tools."""

from collections.abc import Iterator
from pathlib import Path

import click

from ...text import listed, time_text
from ...training.dataset.examples import PARTS, TEST
from ...training.scores import Mean
from ...training.task import CLASSIFY
from ...workflows.training.prepare import Prepared
from ...workflows.training.train import Outcome
from .console import Row


def notes(prepared: Prepared, asked: bool, resumed: bool) -> Iterator[str]:
    """What the user should know before the first training. asked, resumed: whether to go on from a stored state, and whether it does."""
    clips, setup = prepared.clips, prepared.setup
    yield from clips.notes
    classes = f", {len(prepared.task.classes)} classes" if prepared.task.classes else ""
    yield f"{len(clips)} clips of {time_text(clips.samples.shape[1] / clips.rate)} at {clips.rate:g} Hz{classes}; {prepared.labels}"
    sizes = ", ".join(f"{prepared.parts[0].count(part)} {part}" for part in PARTS)
    yield f"split: {prepared.split} ({sizes})"
    start = f"from {setup.theta:g}" if setup.theta is not None else "from the best of a short sweep"
    yield f"windows of {setup.theta_min:g} to {setup.support} samples, {start}; hop {setup.hop:g} samples"
    if asked:
        finished = len(prepared.run.records)
        yield (
            f"goes on after {finished} finished trainings"
            if resumed
            else "there is nothing to resume; the training begins"
        )


def table(outcome: Outcome) -> tuple[list[str], list[list[str]]]:
    """Headings and rows: each window with its losses and scores."""
    classify, rate = outcome.prepared.task.name == CLASSIFY, outcome.prepared.clips.rate
    columns = [("losses", part) for part in PARTS] + ([("scores", part) for part in PARTS] if classify else [])
    headings = ["window", "samples", "ms"]
    headings += [f"{part} {'loss' if kind == 'losses' else 'accuracy %'}" for kind, part in columns]
    lines = []
    for row in outcome.summary.rows:
        cells = [
            "learnt" if row.length is None else "fixed",
            f"{row.theta.value:.4g}",
            f"{1e3 * row.theta.value / rate:.4g}",
        ]
        for kind, part in columns:
            mean = getattr(row, kind)[part]
            cells.append(_mean(mean, 100 if kind == "scores" else 1, part == TEST))
        lines.append(cells)
    return headings, lines


def _mean(mean: Mean, factor: float, interval: bool) -> str:
    digits = ".1f" if factor == 100 else ".4g"
    width = (
        f" ± {factor * mean.half_width:{'.1f' if factor == 100 else '.2g'}}"
        if interval and mean.half_width is not None
        else ""
    )
    return f"{factor * mean.value:{digits}}{width}"


def rows(outcome: Outcome) -> Iterator[Row]:
    """How many seeds there are, what each of them learnt, and the verdict."""
    learnt = [one.theta for one in outcome.prepared.run.records if one.length is None]
    yield "means over", f"{len(learnt)} seed{'s' if len(learnt) != 1 else ''}, test with 95 % intervals"
    if len(learnt) > 1:
        yield "learnt", f"{listed([f'{sum(theta) / len(theta):.4g}' for theta in learnt], 10)} samples"
    yield "verdict", outcome.summary.verdict


def blocks(outcome: Outcome) -> Iterator[str]:
    """The learnt window as lines to copy, each below the name of its tool."""
    for tool, line in outcome.summary.lines.items():
        yield ""
        yield f"# {tool}"
        yield line


def at_bound(outcome: Outcome) -> str:
    """What to do where the window that is written is as long or as short as allowed; "" where it is not."""
    lengths, setup = outcome.prepared.run.kept.get("spectrogram.layer.theta"), outcome.prepared.setup
    if lengths is not None and float(lengths.max()) > 0.995 * setup.support:
        return "the learnt window is the longest allowed; a longer --support may be better"
    if lengths is not None and float(lengths.min()) < 1.005 * setup.theta_min:
        return "the learnt window is the shortest allowed; a shorter --theta-min may be better"
    return ""


def facts(outcome: Outcome, folder: Path) -> Iterator[Row]:
    """Where the result is."""
    if outcome.parity is not None:
        yield "onnx", f"differs from torch by at most {outcome.parity:.1e} of the largest output"
    if outcome.prepared.run.kept:
        yield "written to", click.format_filename(str(folder))
