"""The sampling rate of a text file: as given, from a column of time, or declared above the numbers."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ....errors import InputError
from ....text import quoted
from ...notes import Note
from ..units import SECONDS
from .column_roles import is_counter, is_even, is_time, no_time
from .declared_rate import Declared, declared_rates
from .time_column import TimeColumn, clock_column, number_column

if TYPE_CHECKING:
    from ..table import Table

_FINER_UNITS = {1e3: "milliseconds", 1e6: "microseconds", 1e9: "nanoseconds"}  # by the ratio of the rates


@dataclass(frozen=True)
class Rate:
    """The sampling rate of a text file.

    hz: sampling rate in Hz.
    column: position of the time column, whether or not the rate comes from it; None where there is none.
    notes: remarks for the user.
    began: the time of the first row by that column: a date, a time of day, or a number of seconds; None where there is none.
    """

    hz: float
    column: int | None
    notes: list[Note] = field(default_factory=list)
    began: str | float | None = None


def find_rate(table: "Table", fs: float | None, time_col: str | int | None, time_unit: str | None) -> Rate:
    """Find the sampling rate of a text file.

    It is ``fs``, else that of the column ``time_col``, of an even column of dates or times of day, of an even column named as time,
    of an even column without a name, or a declared one. What differs from it by more than 1 % is noted.

    table: the columns of numbers.
    fs: sampling rate in Hz that the user gives.
    time_col: name or number from 1 of the time column that the user gives.
    time_unit: of the time column, s, ms, us, ns, min, h or d.

    Returns the rate. Raises InputError where there is none, or where the time column that it must come from is uneven.
    """
    if time_unit is not None and time_unit not in SECONDS:
        raise InputError(f"time unit {quoted(time_unit, 20)}: it must be one of {', '.join(SECONDS)}")
    layout = table.layout
    asked = None if time_col is None else layout.column(time_col, "--time-col", clock=True)
    columns = _time_columns(table) if asked is None else [asked]
    declared = declared_rates(layout.header, layout.decimal, layout.delimiter)
    clocks, faults = _rates(table, columns, time_unit)
    if fs is not None:
        return _given(table, fs, clocks, faults, columns)
    if not clocks and asked is not None:
        raise faults[0][1]
    if not clocks:
        return _declared(table, declared, faults, columns)
    return _of_clock(clocks, faults, declared)


def _rates(
    table: "Table", columns: list[int], time_unit: str | None
) -> tuple[list[tuple[TimeColumn, float, list[Note]]], list[tuple[int, InputError]]]:
    """(columns with the rate and notes that they give, columns with the reason why they give none)."""
    clocks, faults = [], []
    for column in columns:
        try:
            made = (
                clock_column(table, column)
                if column in table.layout.clocks
                else number_column(table, column, time_unit)
            )
            clocks.append((made, *made.rate()))
        except InputError as error:
            faults.append((column, error))
    return clocks, faults


def _time_columns(table: "Table") -> list[int]:
    """The columns of time, the surest first: dates with times, times, numbers named as time, numbers without a name that rise."""
    layout = table.layout
    text = [c for c in layout.clocks if c not in layout.sparse and _is_timed(table, c)]
    named = [c for c in layout.numeric if c not in layout.sparse and is_time(table, c)]
    return [*text, *named] or _rising(table)[:1]


def _is_timed(table: "Table", column: int) -> bool:
    """Whether a column of dates tells more than the day of the recording; one with a bad cell does, so that the cell is named."""
    try:
        clock = table.clock(column)
    except InputError:
        return True
    return clock.timed or bool((clock.ns != clock.ns[0]).any())


def _rising(table: "Table") -> list[int]:
    """The columns without a name that rise evenly and do not only number the rows, where there are others."""
    layout = table.layout
    if len(layout.numeric) < 2:
        return []
    unnamed = [c for c in layout.numeric if layout.is_nameless(c) or layout.doubtful_names]
    return [c for c in unnamed if is_even(table.values[c]) and not is_counter(table, c)]


def _of_clock(
    clocks: list[tuple[TimeColumn, float, list[Note]]], faults: list[tuple[int, InputError]], declared: list[Declared]
) -> Rate:
    """The rate of the first clock, or of one beside it that is finer and agrees; what disagrees is noted."""
    best, hz, notes = clocks[0]
    for clock, other, other_notes in clocks[1:]:
        if not _differ(other, hz) and clock.certain and best.position in best.table.layout.clocks:
            best, hz, notes = clock, other, other_notes
            break
    notes = list(notes)
    for clock, other, _ in clocks:
        if _differ(other, hz):
            notes.append(Note(f"using the {hz:g} Hz of {best.called}, not the {other:g} Hz of {clock.called}"))
    notes += [
        Note(f"{best.table.layout.called(c)} is uneven and was not used for the sampling rate") for c, _ in faults
    ]
    for line in declared[:1]:
        if line.hz is None:
            notes.append(
                Note(f"line {line.line} ({quoted(line.text, 50)}) is not understood and was not used for the rate")
            )
        elif not best.certain and (unit := _FINER_UNITS.get(float(f"{line.hz / hz:.2g}"))):
            said = f"line {line.line} ({quoted(line.text, 50)})"
            return Rate(
                line.hz, best.position, [Note(f"sampling rate {line.hz:g} Hz from {said}; {best.called} is in {unit}")]
            )
        elif _differ(hz, line.hz):
            said = f"line {line.line} ({quoted(line.text, 50)})"
            notes.append(Note(f"using the {hz:g} Hz of {best.called}, not the {line.hz:g} Hz of {said}; --fs decides"))
    began = next((clock.began for clock, _, _ in clocks if isinstance(clock.began, str)), best.began)
    return Rate(hz, best.position, notes, began)


def _given(
    table: "Table",
    fs: float,
    clocks: list[tuple[TimeColumn, float, list[Note]]],
    faults: list[tuple[int, InputError]],
    columns: list[int],
) -> Rate:
    """The rate that the user gives, with notes on clocks that differ or are uneven."""
    notes = [
        Note(f"using {fs:g} Hz, not the {hz:g} Hz of {clock.called}") for clock, hz, _ in clocks if _differ(hz, fs)
    ]
    notes += [Note(f"{table.layout.called(c)} is uneven and was not used for the sampling rate") for c, _ in faults]
    began = clocks[0][0].began if clocks else None
    return Rate(fs, columns[0] if columns else None, notes, began)


def _declared(
    table: "Table", declared: list[Declared], faults: list[tuple[int, InputError]], columns: list[int]
) -> Rate:
    """The rate that a line declares, with a note on that line and on uneven clocks."""
    known = [line for line in declared if line.hz is not None]
    if declared and declared[0].hz is None:
        line = declared[0]
        known = [other for other in known if other.line != line.line]
    if not known:
        if faults:
            raise faults[0][1]
        raise InputError(_no_rate(table, declared))
    line = known[0]
    hz = float(f"{line.hz:.12g}")
    notes = [Note(f"sampling rate {hz:g} Hz from line {line.line} ({quoted(line.text, 50)})")]
    for other in known[1:]:
        if _differ(other.hz, hz):
            notes.append(Note(f"line {other.line} ({quoted(other.text, 50)}) says {other.hz:g} Hz; --fs decides"))
            break
    notes += [Note(f"{table.layout.called(c)} is uneven and was not used for the sampling rate") for c, _ in faults]
    return Rate(hz, columns[0] if columns else None, notes)


def _differ(hz: float, other: float) -> bool:
    return abs(hz - other) > 0.01 * other


def _no_rate(table: "Table", declared: list[Declared]) -> str:
    layout = table.layout
    fix = "give the rate in Hz with --fs, or a time column with --time-col"
    if declared:
        line = declared[0]
        return f"{layout.where} line {line.line}: {quoted(line.text, 60)} is no sampling rate that is understood; {fix}"
    reason = "no time column and no declared sampling rate"
    column = layout.numeric[0]
    called = layout.called(column)
    if len(layout.numeric) > 1 and is_counter(table, column):
        reason = f"{called} only counts the rows, and there is no time column and no declared sampling rate"
    elif len(layout.numeric) > 1 and not layout.is_nameless(column) and is_even(table.values[column]):
        kind = no_time(table, column)
        if kind:
            reason = f"{called} is {_with_article(kind)}, not time, so this is no time series"
            fix = "if the samples are evenly spaced in time, give their rate in Hz with --fs"
        else:
            reason = (
                f"{called} rises evenly, but its name does not say that it is time, and no sampling rate is declared"
            )
            fix = f"if it is time, give --time-col {column + 1}, else the rate in Hz with --fs"
    elif layout.unreadable_column:
        reason = f"{layout.unreadable_column}, which is not a plain number, and no sampling rate is declared"
    return f"{layout.where}: {reason}; {fix}"


def _with_article(kind: str) -> str:
    return kind if kind.startswith("a ") else f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
