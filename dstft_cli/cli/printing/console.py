"""The terminal: progress and notes on stderr, results on stdout."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console as RichConsole
from rich.console import RenderableType
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from ...recordings.notes import WARNING, Note
from ...recordings.request import note_line
from ...text import one_line, time_text

if TYPE_CHECKING:  # torch is slow to import, and not every command needs it
    from ...recordings.signal import Signal
    from ...results.progress import Step

Row = tuple[str, str]
"""A line of results: its name and its text."""

_PHASES = {
    "bank": "window bank",
    "search": "best constant",
    "descent": "optimising",
    "verify": "checking",
    "write": "writing",
    "invert": "inverting",
    "read": "reading clips",
    "sweep": "first windows",
    "train": "training",
    "track": "tracking",
}
_QUIET_SECONDS = 2.0  # between two plain lines
_LOG_SECONDS = 10.0  # between two on many inputs, or on a training


def note_text(note: Note) -> str:
    """A note on a recording as one line of text; a warning says that it is one."""
    return one_line(note_line(note))


class Console:
    """What a command prints. quiet: errors, warnings and results only. verbose: number of -v."""

    def __init__(self, quiet: bool = False, verbose: int = 0):
        self.quiet, self.verbose = quiet, verbose
        self._err = RichConsole(stderr=True, highlight=False, soft_wrap=True)

    def say(self, text: str, level: int = 0) -> None:
        """Print a line to stderr, unless quiet. level: the number of -v from which on it is printed."""
        if not self.quiet and self.verbose >= level:
            click.echo(text, err=True)

    def note(self, text: str) -> None:
        """Print what the user should know of a result, unless quiet."""
        self.say(f"note: {text}")

    def warn(self, text: str) -> None:
        """Print what must be seen even with -q."""
        click.echo(f"Warning: {text}", err=True)

    def notes(self, signals: Sequence[Signal], named: bool = False) -> None:
        """Print the notes on signals, each once; damage even with -q. named: with the name of the signal."""
        notes = [(note, signal.where if named else "") for signal in signals for note in signal.notes]
        for note, of in dict.fromkeys(notes):
            self.remark(note, of)

    def row_notes(self, notes: Iterable[Note], of: str) -> None:
        """Print the notes of a batch's row that tell of damage. of: the name of the input."""
        for note in notes:
            if note.severity == WARNING:
                self.remark(note, of)

    def remark(self, note: Note, of: str = "") -> None:
        """Print a note on a recording; damage even with -q. of: the recording's name, where there are several."""
        show = self.warn if note.severity == WARNING else self.say
        show(f"{of}: {note.text}" if of else note.text)

    @contextlib.contextmanager
    def progress(self) -> Iterator[Callable[[Step], None]]:
        """A function to show each Step of a run: as a live bar on a terminal, else as occasional lines."""
        if self.quiet:
            yield lambda step: None
        elif self._err.is_terminal:
            with self._bar() as bar:
                yield _LiveView(bar).show
        else:
            yield _PlainView(self._err).show

    @contextlib.contextmanager
    def inputs(self, total: int) -> Iterator[Callable[[int, str, str], None]]:
        """A function that shows progress: finished inputs, time left and a text. Elsewhere than on a terminal it prints now and then."""
        if self.quiet:
            yield lambda ended, left, text: None
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
        """Print a table on stdout, the first column to the left, numbers to the right.

        best: (row, column) of cells to print in bold with a *. A table wider than the terminal is transposed; elsewhere than
        on a terminal no table is wrapped.
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

    def facts(self, rows: Iterable[Row], separate: bool = False) -> None:
        """Print a line for each row on stdout, a repeated name only once. separate: after an empty line."""
        before = None
        for name, text in rows:
            lead = "\n" if separate and before is None else ""
            click.echo(f"{lead}{name if name != before else '':14} {text}")
            before = name

    def json(self, value: object) -> None:
        """Print a value of finite numbers, texts, lists and dicts as JSON on stdout."""
        click.echo(json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False))


def _grid(lines: Sequence[Sequence[Text]]) -> Table:
    """A table; its first line is the heading."""
    grid = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    words = max(len(word) for line in lines for word in line[0].plain.split())
    for column, heading in enumerate(lines[0]):
        justify, least = ("right", None) if column else ("left", min(words, 16))
        grid.add_column(heading, justify=justify, min_width=least, vertical="top", overflow="fold")
    for line in lines[1:]:
        grid.add_row(*line)
    return grid


def _status(step: Step) -> str:
    parts = (
        [f"{step.index}/{step.total}"] if step.total else [str(step.index)] if step.phase in ("bank", "invert") else []
    )
    names = {"regularization": "λR", "penalty": "λC"}
    forms = {"residual": ".1e"}
    parts += [f"{names.get(name, name)} {value:{forms.get(name, '.4f')}}" for name, value in step.terms.items()]
    if step.theta:
        low, high = (f"{length:.0f}" for length in step.theta)
        parts.append(f"θ {low}" if step.phase == "train" and low == high else f"θ {low}-{high}")
    if step.left:
        parts.append(f"{time_text(max(1, round(step.left)))} left")
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
        pause = _LOG_SECONDS if step.phase == "train" else _QUIET_SECONDS  # a training takes hours
        if step.phase == self.phase and now - self.last < pause:
            return
        self.phase, self.last = step.phase, now
        self.console.print(f"{_PHASES[step.phase]}  {_status(step)}".rstrip(), markup=False)


class _Inputs(Progress):
    """A bar with the time left, and a line of text below it."""

    def __init__(self, console: RichConsole, total: int):
        self.text = ""
        columns = BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}")
        super().__init__(*columns, console=console, transient=True)
        self.task = self.add_task("", total=total)

    def show(self, ended: int, left: str, text: str) -> None:
        self.text = text
        self.update(self.task, completed=ended, description=left)

    def get_renderables(self) -> Iterator[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        yield Text(self.text, no_wrap=True, overflow="ellipsis")


class _Log:
    def __init__(self, console: RichConsole, total: int):
        self.console, self.total, self.last = console, total, time.monotonic()

    def show(self, ended: int, left: str, text: str) -> None:
        if time.monotonic() - self.last >= _LOG_SECONDS:
            self.last = time.monotonic()
            self.console.print(", ".join(filter(None, [f"{ended} of {self.total}: {text}", left])), markup=False)
