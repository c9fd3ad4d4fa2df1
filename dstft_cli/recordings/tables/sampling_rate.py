"""The sampling rate of a text file: as given, from a time column, or declared above the numbers."""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError
from ...text import quoted
from ..notes import WARNING, Note

if TYPE_CHECKING:
    from .table import Table

_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9, "min": 1 / 60, "h": 1 / 3600}
_SPELLINGS = {
    "s": "s sec secs second seconds sek sekunde sekunden segundos secondes seconde",
    "ms": "ms msec msecs millis millisecond milliseconds millisekunden",
    "us": "us µs μs usec usecs microsecond microseconds",
    "ns": "ns nsec nsecs nanosecond nanoseconds",
    "min": "min mins minute minutes minuten",
    "h": "h hr hrs hour hours stunde stunden",
}
_UNITS = {word: unit for unit, words in _SPELLINGS.items() for word in words.split()}
_TIME_WORDS = {"time", "zeit", "tempo", "temps", "tiempo", "timestamp", "timestamps", "timer", "elapsed"}
_TIME_ALONE = {w for u in ("s", "ms", "us", "ns") for w in _SPELLINGS[u].split()} - {"s"} | {"t"}  # s may be a distance
_COUNTER_WORDS = set("index idx sample samples n no nr num number i k row id count counter frame point".split())

_MAX_LINE = 500  # characters of a line that may declare a rate
_GAP = 1.75  # times the median step: a sample may be missing
_HALF_STEP = 0.5 + 1e-6  # with some tolerance for rounding

_VALUE = r"""\s*(?:[\[(]\s*(?P<unit>[^\W\d]+(?:/s)?)\s*[\])])?[\s:=,;"]*(?P<value>\d[\d.,]*(?:e[-+]?\d+)?)"""
_RATE = re.compile(
    r"(?:\b(?:sampl\w*|acquisition|scan|abtast)[\s_-]*(?:rate|freq\w*)|\babtastfrequenz|\bfs\b|\bsfreq\b)"
    rf"{_VALUE}\s*(?P<after>[kM]?(?:Hz|S/s|Sa/s|sps)\b)?",
    re.I,
)
_STEP = re.compile(
    r"(?:\bdelta_x|\b(?:sampl\w*)[\s_-]*(?:interval|period)|\btime[\s_-]*(?:step|increment)|\bdt\b)"
    rf"{_VALUE}\s*(?P<after>[^\W\d]+)?",
    re.I,
)


@dataclass(frozen=True)
class Rate:
    """The sampling rate of a text file.

    hz: sampling rate in Hz.
    column: position of the time column, whether or not the rate comes from it; None where there is none.
    notes: remarks for the user.
    """

    hz: float
    column: int | None
    notes: list[Note] = field(default_factory=list)


def find_rate(table: "Table", fs: float | None, time_col: str | int | None, time_unit: str | None) -> Rate:
    """Find the sampling rate of a text file.

    It is ``fs``, else that of the column ``time_col``, of a column named as time, a declared one, or that of a column that
    rises evenly. A declared rate also replaces that of a column named as time which is uneven or differs by more than 1 %.

    table: the columns of numbers.
    fs: sampling rate in Hz that the user gives.
    time_col: name or number from 1 of the time column that the user gives.
    time_unit: of the time column, s, ms, us, ns, min or h.

    Returns the rate. Raises InputError where there is none, or where the time column that it must come from is uneven.
    """
    if time_unit is not None and time_unit not in _PER_SECOND:
        raise InputError(f"time unit {quoted(time_unit, 20)}: it must be one of {', '.join(_PER_SECOND)}")
    declared = _declared(table)
    asked = time_col is not None
    column = table.layout.column(time_col, "--time-col") if asked else _named_time(table)
    if fs is not None:
        return _stated(table, column, time_unit, fs)
    if declared and not asked:
        return _stated(table, column, time_unit, *declared)
    column = _rising(table) if column is None else column
    if column is None:
        raise InputError(_no_rate(table))
    hz, notes = _clock(table, column, time_unit)
    if declared and _differ(hz, declared[0]):
        called = table.layout.called(column)
        notes.append(Note(f"using the {hz:g} Hz of {called}, not the {declared[0]:g} Hz of {declared[1]}"))
    return Rate(hz, column, notes)


def is_time(table: "Table", column: int) -> bool:
    """Whether a column, by its position, is named as time is, in one of a few languages, and has no other unit than one of time."""
    unit = table.layout.units[column].lower()
    words = _words(table.layout.names[column])
    if not words or (unit and unit not in _UNITS):
        return False
    if words[0] == "t" and words[1:] and words[-1] in _UNITS:
        words = ["t"]
    alone = len(words) == 1 and words[0] in _TIME_ALONE and not re.search(r"\d", table.layout.names[column])
    return alone or words[0] in _TIME_WORDS or words[-1] in _TIME_WORDS or words == ["x", "value"]


def is_counter(table: "Table", column: int) -> bool:
    """Whether a column, by its position, only numbers the rows: in steps of one, without a name or named as an index."""
    words = _words(table.layout.names[column])
    if not table.layout.is_nameless(column) and not (words and {words[0], words[-1]} & _COUNTER_WORDS):
        return False
    values = table.values[column]
    return len(values) > 1 and float(np.mean(np.diff(values) == 1)) > 0.9


def _named_time(table: "Table") -> int | None:
    return next((c for c in table.layout.numeric if is_time(table, c)), None)


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())


def _declared(table: "Table") -> tuple[float, str] | None:
    """(rate in Hz, "line 2") from the first line above the numbers that declares a rate or a step in time."""
    for line, whole in table.layout.preamble:
        text = whole[:_MAX_LINE]
        if match := _RATE.search(text):
            value = _number(match["value"], table.layout.decimal)
            hz = value * _rate_factor(match["after"] or match["unit"] or "Hz")
        elif match := _STEP.search(text):
            step = _number(match["value"], table.layout.decimal)
            unit = _UNITS.get((match["unit"] or match["after"] or "s").lower(), "s")
            hz = _PER_SECOND[unit] / step if step else 0.0
        else:
            continue
        if np.isfinite(hz) and hz > 0:
            return _round(hz), f"line {line}"
    return None


def _number(text: str, decimal: str) -> float:
    """Commas separate thousands, except where the decimal mark of the file is a comma or the digits do not allow it."""
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d*)?", text) and decimal == ".":
        return float(text.replace(",", ""))
    try:
        return float(text.rstrip(".,").replace(",", "."))
    except ValueError:
        return 0.0


def _rate_factor(unit: str) -> float:
    return {"k": 1e3, "K": 1e3, "M": 1e6}[unit[0]] if re.match(r"[kKM]([hH][zZ]|[sS])", unit) else 1.0


def _stated(table: "Table", column: int | None, time_unit: str | None, hz: float, line: str = "") -> Rate:
    """The rate given by the user, or declared in that line, with notes on its source and on a time column that differs."""
    notes = [Note(f"sampling rate {hz:g} Hz from {line}")] if line else []
    beside = _rising(table) if column is None else column
    if beside is None:
        return Rate(hz, None, notes)
    called = table.layout.called(beside)
    try:
        clock, clock_notes = _clock(table, beside, time_unit)
    except InputError:
        return Rate(hz, beside, [*notes, Note(f"{called} is uneven and was not used for the sampling rate")])
    if _differ(clock, hz):
        notes.append(Note(f"using {hz:g} Hz, not the {clock:g} Hz of {called}"))
    elif line and column is not None:
        return Rate(clock, column, clock_notes)
    return Rate(hz, beside, notes)


def _differ(hz: float, other: float) -> bool:
    return abs(hz - other) > 0.01 * other


def _rising(table: "Table") -> int | None:
    """The first column that rises evenly and does not only number the rows; None where there is no other column."""
    if len(table.layout.numeric) < 2:
        return None
    return next((c for c in table.layout.numeric if _is_even(table.values[c]) and not is_counter(table, c)), None)


def _is_even(values: np.ndarray) -> bool:
    if len(values) < 3 or not np.isfinite(values).all() or (np.diff(values) <= 0).any():
        return False
    return float(np.abs(_deviations(values)).max()) <= _HALF_STEP


def _deviations(values: np.ndarray) -> np.ndarray:
    """(N,) distances of the values from the even grid between the first and the last, in steps of that grid."""
    elapsed = (values - values[0]).astype(np.float64)
    return elapsed * ((len(values) - 1) / elapsed[-1]) - np.arange(len(values))


def _clock(table: "Table", column: int, time_unit: str | None) -> tuple[float, list[Note]]:
    """(rate in Hz, notes) of a time column: number of steps over elapsed time.

    Raises InputError with the line where time does not increase or deviates from the even grid by more than half a step.
    """
    values = table.numbers(column)
    called = table.layout.called(column)
    if len(values) < 2:
        raise InputError(f"{table.layout.where}: one line of numbers gives no sampling rate; give it with --fs")
    _check_rising(table, values, called)
    deviations = _deviations(values)
    uneven = np.flatnonzero(np.abs(deviations) > _HALF_STEP)
    if uneven.size:
        raise InputError(f"{table.layout.where} {_off_grid(table, called, values, deviations, int(uneven[0]))}")
    unit, assumed = _unit(table, column, values[0], time_unit)
    per_unit = (len(values) - 1) / float(values[-1] - values[0])
    hz = _round(per_unit * _PER_SECOND[unit])
    notes = _warning_of_gap(table, called, deviations) or _note_on_jitter(called, deviations)
    return hz, [*_note_on_unit(called, per_unit, hz, assumed), *notes]


def _off_grid(table: "Table", called: str, values: np.ndarray, deviations: np.ndarray, row: int) -> str:
    """Where time leaves the even grid: at the longest step if that is an exception, else at the row that is half a step off."""
    fix = "resample the data, or give the rate with --fs"
    steps = np.diff(values.astype(np.float64))
    longest, usual = int(steps.argmax()), float(np.median(steps))
    if steps[longest] > _GAP * usual and np.count_nonzero(steps > _GAP * usual) < 0.1 * len(steps):
        return (
            f"line {table.line(longest + 1)}, {called}: time jumps from {values[longest]:.12g} to {values[longest + 1]:.12g}, "
            f"most steps are {usual:.6g}; split the recording there, {fix}"
        )
    return (
        f"line {table.line(row)}, {called}: time is {abs(deviations[row]):.2g} steps off an even grid, "
        f"expected at most half a step; {fix}"
    )


def _check_rising(table: "Table", values: np.ndarray, called: str) -> None:
    still = np.flatnonzero(np.diff(values) <= 0)
    if still.size:
        i = still[0] + 1
        verb = "repeats" if values[i] == values[i - 1] else "decreases"
        raise InputError(
            f"{table.layout.where} line {table.line(i)}, {called}: time {verb} ({values[i]:.12g} after "
            f"{values[i - 1]:.12g}), it must increase; fix the time column, or give the rate with --fs"
        )


def _unit(table: "Table", column: int, first: float, time_unit: str | None) -> tuple[str, bool]:
    """(unit, whether it is assumed): as given, from the name, from the size of a Unix time, or seconds."""
    if time_unit:
        return time_unit, False
    words = _words(table.layout.names[column])
    named = _UNITS.get(table.layout.units[column].lower()) or (_UNITS.get(words[-1]) if words else None)
    if named:
        return named, False
    for unit in ("s", "ms", "us", "ns"):
        if 1e9 <= first / _PER_SECOND[unit] < 4.2e9:  # the years 2001 to 2103
            return unit, False
    return "s", True


def _note_on_unit(called: str, per_unit: float, hz: float, assumed: bool) -> list[Note]:
    if not assumed:
        return []
    hint = f"; --time-unit ms gives {_round(1e3 * per_unit):.6g} Hz" if hz < 1 else ""
    return [Note(f"sampling rate {hz:.6g} Hz from {called}, read in seconds{hint}")]


def _warning_of_gap(table: "Table", called: str, deviations: np.ndarray) -> list[Note]:
    """A warning where one step is almost two: a sample may be missing there, or time is coarsely rounded."""
    steps = np.diff(deviations)
    if not steps.size or steps.max() < 0.75:
        return []
    i = int(steps.argmax())
    text = f"{called} jumps by {1 + steps[i]:.2g} steps at line {table.line(i + 1)}, a sample may be missing there"
    return [Note(text, WARNING)]


def _note_on_jitter(called: str, deviations: np.ndarray) -> list[Note]:
    """How far time strays from the even grid that the samples are taken to lie on, from a hundredth of a step on."""
    most = float(np.abs(deviations).max())
    return [Note(f"{called} strays up to {most:.2g} steps from an even grid; the samples are taken as even")] * (
        most >= 0.01
    )


def _round(hz: float) -> float:
    """Twelve digits: the others come from the rounding of the division, not from the clock."""
    return float(f"{hz:.12g}")


def _no_rate(table: "Table") -> str:
    layout = table.layout
    texts = [c for c in range(len(layout.names)) if c not in layout.numeric and is_time(table, c)]
    reason = "no time column and no declared sampling rate"
    if texts:
        example = quoted(layout.example[texts[0]], 30)
        reason = f"{layout.called(texts[0])} holds text such as {example} and no sampling rate is declared"
    elif layout.unreadable_column:
        reason = f"{layout.unreadable_column}, which is not a plain number, and no sampling rate is declared"
    return f"{layout.where}: {reason}; give the rate in Hz with --fs, or a time column with --time-col"
