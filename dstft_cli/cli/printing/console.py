"""What a person sees while a command runs: progress and remarks on stderr, the result on stdout."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console as RichConsole
from rich.console import RenderableType
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from ...config.lengths import LEAST_WINDOW
from ...recordings.notes import WARNING, Note
from ...stft.modes import FIXED_HOP, OVERLAP
from ...text import duration_text, time_text

if TYPE_CHECKING:  # torch is slow to load, and not every command needs it
    from ...results.progress import Step
    from ...results.result import Result

_PHASES = {
    "bank": "window bank",
    "search": "best constant",
    "descent": "optimising",
    "verify": "checking",
    "write": "writing",
    "invert": "inverting",
}
_QUIET_SECONDS = 2.0  # between two plain lines
_LOG_SECONDS = 10.0  # between two on many inputs


class Console:
    """quiet: only errors and the result's folder. verbose: how many -v."""

    def __init__(self, quiet: bool = False, verbose: int = 0):
        self.quiet, self.verbose = quiet, verbose
        self._err = RichConsole(stderr=True, highlight=False, soft_wrap=True)

    def say(self, text: str, level: int = 0) -> None:
        """A remark, shown from that many -v on."""
        if not self.quiet and self.verbose >= level:
            click.echo(text, err=True)

    def warn(self, text: str) -> None:
        """What must be seen even with -q."""
        click.echo(f"Warning: {text}", err=True)

    def remark(self, note: Note, of: str = "") -> None:
        """A note on a recording, called so where there are several; damage must be seen even with -q."""
        show = self.warn if note.severity == WARNING else self.say
        show(f"{of}: {note.text}" if of else note.text)

    @contextlib.contextmanager
    def progress(self) -> Iterator[Callable[[Step], None]]:
        """A function to show each Step of a run: a live bar on a terminal, a line now and then elsewhere."""
        if self.quiet:
            yield lambda step: None
        elif self._err.is_terminal:
            with self._bar() as bar:
                yield _LiveView(bar).show
        else:
            yield _PlainView(self._err).show

    @contextlib.contextmanager
    def inputs(self, total: int) -> Iterator[Callable[[int, str, str], None]]:
        """A function to show how many inputs have ended, what time is left, and how it goes: live, or a line now and then."""
        if self.quiet:
            yield lambda ended, left, words: None
        elif self._err.is_terminal:
            with _Inputs(self._err, total) as bar:
                yield bar.show
        else:
            yield _Log(self._err, total).show

    def _bar(self) -> Progress:
        return Progress(
            TextColumn("{task.description:13}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[status]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._err,
            transient=True,
        )

    def table(
        self, headings: Sequence[str], rows: Sequence[Sequence[str]], best: Collection[tuple[int, int]] = ()
    ) -> None:
        """A table on stdout, words to the left, figures to the right; best: (row, column) of cells to mark: bold, with a *.

        Where it is wider than the terminal, rows and columns change places; elsewhere than on a terminal it is never broken.
        """
        cells = [
            [Text(f"*{cell}", "bold") if (i, j) in best else Text(cell) for j, cell in enumerate(row)]
            for i, row in enumerate(rows)
        ]
        out = RichConsole(highlight=False)
        screen = out.width if out.is_terminal else 10_000
        out.width = 10_000
        grid = _grid([[Text(heading) for heading in headings], *cells])
        if Measurement.get(out, out.options, grid).maximum > screen:
            names = [Text(" ".join(heading.split())) for heading in headings]
            grid = _grid([list(line) for line in zip(names, *cells, strict=True)])
        out.width = screen
        out.print(grid)

    def facts(self, rows: Iterable[tuple[str, str]], apart: bool = False) -> None:
        """(name, text) for each line on stdout; a name like the one before is left out. apart: after an empty line."""
        before = None
        for name, text in rows:
            lead = "\n" if apart and before is None else ""
            click.echo(f"{lead}{name if name != before else '':14} {text}")
            before = name

    def summary(self, result: Result, folder: Path) -> None:
        """What came out, in a few lines."""
        if self.quiet:
            click.echo(click.format_filename(folder))
            return
        for remark in _remarks(result):
            self.say(f"note: {remark}")
        for name, value in summary_rows(result, folder):
            click.echo(f"{name:14} {value}")


def _grid(lines: Sequence[Sequence[Text]]) -> Table:
    """A table whose first line is its heading."""
    grid = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    words = max(len(word) for line in lines for word in line[0].plain.split())
    for place, heading in enumerate(lines[0]):
        justify, least = ("right", None) if place else ("left", min(words, 16))
        grid.add_column(heading, justify=justify, min_width=least, vertical="top", overflow="fold")
    for line in lines[1:]:
        grid.add_row(*line)
    return grid


def _remarks(result: Result) -> Iterator[str]:
    """What a user should know before trusting the result."""
    best, plane = result.best_constant, result.grid
    if best and best[0] > 0.995 * plane.support:
        yield "the best constant window is the longest allowed; a longer --support may do better"
    elif best and best[0] < 1.005 * plane.theta_min and plane.theta_min > LEAST_WINDOW:
        yield "the best constant window is the shortest allowed; a shorter --theta-min may do better, with a --hop of half of it"
    if np.max(result.hop, initial=0) > plane.support:
        yield (
            f"the hop of {np.max(result.hop):g} samples is longer than the longest window, {plane.support}: "
            "parts of the signal are not seen"
        )
    elif result.hop_mode != FIXED_HOP and result.measures["coverage"]["final"] < 0.99:
        mend = (
            "a smaller --overlap" if result.hop_mode == OVERLAP else "--penalty coverage with a larger --penalty-weight"
        )
        yield f"windows cover {100 * result.measures['coverage']['final']:.1f} % of the signal: {mend} covers more"


def summary_rows(result: Result, folder: Path) -> Iterator[tuple[str, str]]:
    """What came out of a run in words, (name, text) for each line."""
    rate, criterion = result.sample_rate, result.criterion
    bins, frames = result.stft.shape
    hop = (
        _extent(_three(result.hop), rate) if np.ndim(result.hop) else f"{result.hop:g} ({time_text(result.hop / rate)})"
    )
    shared = "" if result.grid.overlap is None else f", windows share {100 - 100 * result.grid.overlap:.4g} %"
    yield "signal", f"{result.signal.where}, {duration_text(result.signal.duration)} at {rate:g} Hz"
    yield (
        "transform",
        (
            f"{result.mode}, {result.window.name}; support {result.support} ({time_text(result.support / rate)}), "
            f"hop {hop}{shared}; {bins} x {frames} bins"
        ),
    )
    yield "window length" + ("s" if result.theta.size > 1 else ""), _extent(result.extent, rate)
    if result.best_constant and not (result.mode == "constant" and result.placed):
        yield "best constant", f"{result.best_constant[0]:.1f} samples ({time_text(result.best_constant[0] / rate)})"
    yield criterion, f"{result.initial[criterion]:.4f} to {result.final[criterion]:.4f}"
    if any(
        terms[name] for terms in (result.initial, result.final) for name in terms if name not in ("loss", criterion)
    ):
        yield "loss", f"{result.initial['loss']:.4f} to {result.final['loss']:.4f}"
    if result.hop_mode != FIXED_HOP or criterion == "kurtosis":
        initial, final = result.measures["coverage"].values()
        yield "coverage", f"{initial:.4f} to {final:.4f}"
    yield "accuracy", f"rms error {result.accuracy.rms:.1e} over {result.accuracy.bins_checked} random bins"
    yield (
        "stopped by",
        f"{result.stop_reason} after {result.steps} step{'s' * (result.steps != 1)}, {result.seconds['total']:.1f} s in all",
    )
    yield "written to", click.format_filename(folder)


def _three(lengths: np.ndarray) -> tuple[float, float, float] | None:
    """The least, the median and the greatest."""
    return tuple(float(f(lengths)) for f in (np.min, np.median, np.max)) if len(lengths) else None


def _extent(lengths: tuple[float, float, float] | None, rate: float) -> str:
    """Lengths in samples as words: one, or from the least to the greatest."""
    if lengths is None:
        return "none"
    low, middle, high = lengths
    if f"{low:.1f}" == f"{high:.1f}":
        return f"{middle:.1f} samples ({time_text(middle / rate)})"
    return f"{low:.1f} to {high:.1f}, median {middle:.1f} samples ({time_text(low / rate)} to {time_text(high / rate)})"


def _status(step: Step) -> str:
    parts = (
        [f"{step.index}/{step.total}"] if step.total else [str(step.index)] if step.phase in ("bank", "invert") else []
    )
    names = {"regularization": "λR", "penalty": "λC"}
    forms = {"residual": ".1e"}
    parts += [f"{names.get(name, name)} {value:{forms.get(name, '.4f')}}" for name, value in step.terms.items()]
    if step.theta:
        parts.append(f"θ {step.theta[0]:.0f}-{step.theta[1]:.0f}")
    return "  ".join(parts)


class _LiveView:
    def __init__(self, bar: Progress):
        self.bar, self.task = bar, bar.add_task("starting", total=None, status="")
        self.phase = ""

    def show(self, step: Step) -> None:
        if step.phase != self.phase:
            self.phase = step.phase
            self.bar.reset(self.task, total=step.total or None)
        self.bar.update(
            self.task,
            description=_PHASES[step.phase],
            total=step.total or None,
            completed=step.index,
            status=_status(step),
        )


class _PlainView:
    def __init__(self, console: RichConsole):
        self.console, self.phase, self.last = console, "", 0.0

    def show(self, step: Step) -> None:
        now = time.monotonic()
        if step.phase == self.phase and now - self.last < _QUIET_SECONDS:
            return
        self.phase, self.last = step.phase, now
        self.console.print(f"{_PHASES[step.phase]}  {_status(step)}".rstrip(), markup=False)


class _Inputs(Progress):
    """A bar with what time is left, and a line of words below it."""

    def __init__(self, console: RichConsole, total: int):
        self.words = ""
        columns = BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}")
        super().__init__(*columns, console=console, transient=True)
        self.task = self.add_task("", total=total)

    def show(self, ended: int, left: str, words: str) -> None:
        self.words = words
        self.update(self.task, completed=ended, description=left)

    def get_renderables(self) -> Iterator[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        yield Text(self.words, no_wrap=True, overflow="ellipsis")


class _Log:
    def __init__(self, console: RichConsole, total: int):
        self.console, self.total, self.last = console, total, time.monotonic()

    def show(self, ended: int, left: str, words: str) -> None:
        if time.monotonic() - self.last >= _LOG_SECONDS:
            self.last = time.monotonic()
            self.console.print(", ".join(filter(None, [f"{ended} of {self.total}: {words}", left])), markup=False)
