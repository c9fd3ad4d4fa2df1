"""The sampling rate that a column of time gives, or why it gives none."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ....errors import InputError
from ...notes import WARNING, Note
from ..units import SECONDS
from .clock_text import across_midnight, as_date
from .column_roles import HALF_STEP, deviations, may_be_days, unit_of_time, unix_unit

if TYPE_CHECKING:
    from ..table import Table

_GAP = 1.75  # times the median step: a sample may be missing
_UNLIKELY = 1e5  # Hz, of a clock that shows the time of day in seconds
_JITTER = 0.01  # of a step: time that strays further is told of
_SURPRISING = 0.1  # chance that a number of few digits lies within what the resolution of the column leaves open
_MAX_DIGITS = 5  # of a rate or of a step that is taken for exact
_USUAL = [2.0**power for power in range(3, 21)] + [11025.0, 22050.0, 44100.0, 88200.0]  # Hz, as simple as two digits
_MAX_DECIMALS = 12


@dataclass(frozen=True)
class TimeColumn:
    """A column of time.

    table: that it belongs to.
    position: of the column.
    values: (N,) int64 or float64.
    seconds: in the unit of the values.
    certain: whether the file or the user tells that unit.
    began: the time of the first row as a date, a time of day, or a number of seconds.
    notes: remarks for the user.
    """

    table: "Table"
    position: int
    values: np.ndarray
    seconds: float
    certain: bool
    began: str | float | None = None
    notes: tuple[Note, ...] = field(default=())

    @property
    def called(self) -> str:
        """The column as messages call it."""
        return self.table.layout.called(self.position)

    def rate(self) -> tuple[float, list[Note]]:
        """(rate in Hz, notes): the number of steps over the elapsed time, or a simple rate within the column's resolution.

        Raises InputError with the line where time does not increase or deviates from the even grid by more than half a step.
        """
        layout, values = self.table.layout, self.values
        if len(values) < 2:
            raise InputError(f"{layout.where}: one line of numbers gives no sampling rate; give it with --fs")
        if coarse := self._coarse_rate():
            return coarse
        self._check_rising()
        off = deviations(values)
        uneven = np.flatnonzero(np.abs(off) > HALF_STEP)
        if uneven.size:
            raise InputError(f"{layout.where} {self._off_grid(off, int(uneven[0]))}")
        hz = simple_rate(len(values) - 1, float(values[-1] - values[0]), resolution(values), self.seconds)
        self._check_days(hz)
        return hz, [*self.notes, *self._note_on_unit(hz), *(self._warning_of_gap(off) or self._note_on_jitter(off))]

    def _check_days(self, hz: float) -> None:
        """Refuse numbers that may be days as spreadsheets count them, where they make an unlikely rate in seconds."""
        if not self.certain and hz > _UNLIKELY and may_be_days(float(self.values[0])):
            raise InputError(
                f"{self.table.layout.where} line {self.table.line(0)}, {self.called}: {self._shown(0)} may be days, which give "
                f"{hz / SECONDS['d']:.6g} Hz, or seconds, which give {hz:.6g} Hz; give --time-unit d or s"
            )

    def _coarse_rate(self) -> tuple[float, list[Note]] | None:
        """(rate, notes) of a clock whose last digit is coarser than a step, where only one simple rate fits; None for others."""
        steps, unit = np.diff(self.values), resolution(self.values)
        if not (steps == 0).any() or (steps < 0).any() or self.values[-1] == self.values[0]:
            return None
        elapsed = float(self.values[-1] - self.values[0])
        exact = simple_rate(len(steps), elapsed, unit, self.seconds)
        grid = self.values[0] + np.arange(len(self.values)) / (exact * self.seconds)
        if exact == float(f"{len(steps) / elapsed / self.seconds:.12g}") or (abs(grid - self.values) > unit).any():
            return None
        rounded = f"{self.called} is rounded to {unit * self.seconds:g} s; the rate that fits it is {exact:g} Hz"
        return exact, [*self.notes, Note(rounded)]

    def _shown(self, row: int) -> str:
        return self.table.cell(row, self.position)

    def _check_rising(self) -> None:
        still = np.flatnonzero(np.diff(self.values) <= 0)
        if not still.size:
            return
        i = int(still[0]) + 1
        where = f"{self.table.layout.where} line {self.table.line(i)}, {self.called}"
        fix = "fix the time column, or give the rate with --fs"
        different = len(np.unique(self.values))
        if different <= 0.7 * len(self.values) and different > 1:
            each = len(self.values) / different
            lumps = f"{each:.3g} lines share each time"
            why = "as a coarse clock, blocks of samples or pairs of minima and maxima do"
            raise InputError(f"{where}: time repeats ({self._shown(i)}), {lumps} on average, {why}; {fix}")
        if (np.diff(self.values) < 0).all():
            raise InputError(
                f"{where}: time decreases throughout, the newest sample is first; reverse the lines, or {fix}"
            )
        verb = "repeats" if self.values[i] == self.values[i - 1] else "decreases"
        raise InputError(f"{where}: time {verb} ({self._shown(i)} after {self._shown(i - 1)}), it must increase; {fix}")

    def _off_grid(self, off: np.ndarray, row: int) -> str:
        """Where time leaves the even grid: at the longest step if that is an exception, else at the row that is half a step off."""
        fix = "resample the data, or give the rate with --fs"
        steps = np.diff(self.values.astype(np.float64)) * self.seconds
        longest, usual = int(steps.argmax()), float(np.median(steps))
        if steps[longest] > _GAP * usual and np.count_nonzero(steps > _GAP * usual) < 0.1 * len(steps):
            return (
                f"line {self.table.line(longest + 1)}, {self.called}: time jumps from {self._shown(longest)} to "
                f"{self._shown(longest + 1)}, most steps are {usual:.6g} s; split the recording there, {fix}"
            )
        return (
            f"line {self.table.line(row)}, {self.called}: time is {abs(off[row]):.2g} steps off an even grid, "
            f"expected at most half a step; {fix}"
        )

    def _note_on_unit(self, hz: float) -> list[Note]:
        if self.certain:
            return []
        hint = f"; --time-unit ms gives {1e3 * hz:.6g} Hz, --time-unit us {1e6 * hz:.6g} Hz" if hz < 1 else ""
        return [Note(f"sampling rate {hz:.6g} Hz from {self.called}, read in seconds{hint}")]

    def _warning_of_gap(self, off: np.ndarray) -> list[Note]:
        """A warning where one step is almost two: a sample may be missing there, or time is coarsely rounded."""
        steps = np.diff(off)
        if not steps.size or steps.max() < 0.75:
            return []
        i = int(steps.argmax())
        text = f"{self.called} jumps by {1 + steps[i]:.2g} steps at line {self.table.line(i + 1)}, a sample may be missing there"
        return [Note(text, WARNING)]

    def _note_on_jitter(self, off: np.ndarray) -> list[Note]:
        """How far time strays from the even grid that the samples are taken to lie on, from a hundredth of a step on."""
        most = float(np.abs(off).max())
        text = f"{self.called} strays up to {most:.2g} steps from an even grid; the samples are taken as even"
        return [Note(text)] if most >= _JITTER else []


def number_column(table: "Table", column: int, time_unit: str | None) -> TimeColumn:
    """A column of numbers as time.

    table: that it belongs to.
    column: its position.
    time_unit: s, ms, us, ns, min, h or d; None takes it from the file.
    """
    values = table.numbers(column)
    seconds, certain = (SECONDS[time_unit], True) if time_unit else unit_of_time(table, column)
    unix = unix_unit(float(values[0]))
    began: str | float = float(values[0]) * seconds
    if unix == seconds:
        began = as_date(round(float(values[0]) * seconds * 1e3) * 1_000_000) + "Z"
    return TimeColumn(table, column, values, seconds, certain, began)


def clock_column(table: "Table", column: int) -> TimeColumn:
    """A column of times of day, with the column of dates if there is one, or of both, as time.

    Raises InputError for a cell that is neither, and where two readings of the cells differ in the rate.
    """
    clock = table.clock(column)
    ns, dated, unclear = clock.ns, clock.dated, clock.unclear
    if not dated:
        for other in table.layout.clocks:
            day = table.clock(other) if other != column else clock
            if day.dated and not day.timed:
                ns, dated, unclear = ns + day.ns, True, unclear or day.unclear
                break
        else:
            ns = across_midnight(ns)
    if unclear and not clock.dated and not dated:
        called = f"{table.layout.where} line {table.line(0)}, {table.layout.called(column)}"
        raise InputError(f"{called}: {unclear}; give the rate with --fs")
    began = as_date(int(ns[0])) + ("Z" if clock.utc else "") if dated else as_date(int(ns[0])).split("T")[1]
    notes = (Note(f"{table.layout.called(column)}: the date {unclear}"),) if unclear else ()
    return TimeColumn(table, column, ns, SECONDS["ns"], True, began, notes)


def resolution(values: np.ndarray) -> float:
    """The smallest power of ten, or of a tenth, that all values are multiples of; 0 where there is none."""
    few = np.concatenate([values[:500], values[-500:]])
    if few.dtype.kind == "i":
        size = 1
        while size < 10**12 and not (few % (10 * size)).any():
            size *= 10
        return float(size)
    for decimals in range(_MAX_DECIMALS + 1):
        scaled = few * 10.0**decimals
        if (abs(scaled - np.round(scaled)) <= 1e-6 + 4 * np.spacing(abs(scaled))).all():
            return 10.0**-decimals
    return 0.0


def simple_rate(steps: int, elapsed: float, resolution: float, seconds: float = 1.0) -> float:
    """The rate of so many steps in an elapsed time: a rate or a step of few digits where the resolution of time allows it.

    steps: their number.
    elapsed, resolution: in units of ``seconds`` s.

    Returns the rate in Hz. A number of few digits is taken only where it would hardly lie so near by chance.
    """
    hz = steps / elapsed / seconds
    spread = resolution / elapsed
    for digits in range(1, _MAX_DIGITS + 1):
        if 2 * spread * 10**digits > _SURPRISING:
            break
        usual = _USUAL if digits == 2 else []
        for rate in (float(f"{hz:.{digits - 1}e}"), 1 / float(f"{1 / hz:.{digits - 1}e}"), *usual):
            if abs(rate / hz - 1) <= max(spread, 1e-11):
                return float(f"{rate:.15g}")
    return float(f"{hz:.12g}")
