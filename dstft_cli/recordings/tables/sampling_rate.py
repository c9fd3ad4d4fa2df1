"""The sampling rate of a text file: as given, from a time column, or as declared above the numbers."""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError
from ...text import quoted

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
_TIME_ALONE = {w for u in ("s", "ms", "us", "ns") for w in _SPELLINGS[u].split()} - {"s"} | {"t"}  # s: a distance
_COUNTER_WORDS = {
    "index",
    "idx",
    "sample",
    "samples",
    "n",
    "no",
    "nr",
    "num",
    "number",
    "i",
    "k",
    "row",
    "id",
}
_COUNTER_WORDS |= {"count", "counter", "frame", "point"}

_LONGEST = 500  # characters of a line that may declare a rate
_GAP = 1.75  # times the usual step: a sample may be missing
_HALF_STEP = 0.5 + 1e-6  # the rest is rounding

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
    """hz: sampling rate in Hz; column: position of the time column, whether or not the rate came from it."""

    hz: float
    column: int | None
    notes: list[str] = field(default_factory=list)


def find_rate(table: "Table", fs: float | None, time_col: str | int | None, time_unit: str | None) -> Rate:
    """The rate: fs, a time column asked for, one named so, a declared rate, or a steadily rising column.

    A declared rate also stands in for a named time column that is uneven or more than 1 % off it.
    Raises InputError where there is none of these, or the time column that must serve is uneven.
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
        notes.append(f"using the {hz:g} Hz of {called}, not the {declared[0]:g} Hz of {declared[1]}")
    return Rate(hz, column, notes)


def is_time(table: "Table", column: int) -> bool:
    """Whether the column is named as time is, in one of a few languages, and has no unit of anything else."""
    unit = table.layout.units[column].lower()
    words = _words(table.layout.names[column])
    if not words or (unit and unit not in _UNITS):
        return False
    if words[0] == "t" and words[1:] and words[-1] in _UNITS:
        words = ["t"]
    alone = len(words) == 1 and words[0] in _TIME_ALONE and not re.search(r"\d", table.layout.names[column])
    return alone or words[0] in _TIME_WORDS or words[-1] in _TIME_WORDS or words == ["x", "value"]


def is_counter(table: "Table", column: int) -> bool:
    """Whether the column only numbers its rows: in steps of one, unnamed or named as an index."""
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
        text = whole[:_LONGEST]
        if found := _RATE.search(text):
            value = _number(found["value"], table.layout.decimal)
            hz = value * _rate_factor(found["after"] or found["unit"] or "Hz")
        elif found := _STEP.search(text):
            step = _number(found["value"], table.layout.decimal)
            unit = _UNITS.get((found["unit"] or found["after"] or "s").lower(), "s")
            hz = _PER_SECOND[unit] / step if step else 0.0
        else:
            continue
        if np.isfinite(hz) and hz > 0:
            return _tidy(hz), f"line {line}"
    return None


def _number(text: str, decimal: str) -> float:
    """Commas part thousands, except where the file's decimal mark is a comma or they cannot."""
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d*)?", text) and decimal == ".":
        return float(text.replace(",", ""))
    try:
        return float(text.rstrip(".,").replace(",", "."))
    except ValueError:
        return 0.0


def _rate_factor(unit: str) -> float:
    return {"k": 1e3, "K": 1e3, "M": 1e6}[unit[0]] if re.match(r"[kKM]([hH][zZ]|[sS])", unit) else 1.0


def _stated(table: "Table", column: int | None, time_unit: str | None, hz: float, line: str = "") -> Rate:
    """The rate given, or declared in that line, with a note on its source and on time columns that differ."""
    notes = [f"sampling rate {hz:g} Hz from {line}"] if line else []
    beside = _rising(table) if column is None else column
    if beside is None:
        return Rate(hz, None, notes)
    called = table.layout.called(beside)
    try:
        clock, remarks = _clock(table, beside, time_unit)
    except InputError:
        return Rate(hz, beside, [*notes, f"{called} is uneven and was not used for the sampling rate"])
    if _differ(clock, hz):
        notes.append(f"using {hz:g} Hz, not the {clock:g} Hz of {called}")
    elif line and column is not None:
        return Rate(clock, column, remarks)
    return Rate(hz, beside, notes)


def _differ(hz: float, other: float) -> bool:
    return abs(hz - other) > 0.01 * other


def _rising(table: "Table") -> int | None:
    """The first column that rises on an even grid beside others, and does not only count rows."""
    if len(table.layout.numeric) < 2:
        return None
    return next((c for c in table.layout.numeric if _is_even(table.values[c]) and not is_counter(table, c)), None)


def _is_even(values: np.ndarray) -> bool:
    if len(values) < 3 or not np.isfinite(values).all() or (np.diff(values) <= 0).any():
        return False
    return float(np.abs(_steps_off(values)).max()) <= _HALF_STEP


def _steps_off(values: np.ndarray) -> np.ndarray:
    """How far each value lies from the even grid between the first and the last, in steps of that grid."""
    elapsed = (values - values[0]).astype(np.float64)
    return elapsed * ((len(values) - 1) / elapsed[-1]) - np.arange(len(values))


def _clock(table: "Table", column: int, time_unit: str | None) -> tuple[float, list[str]]:
    """(rate in Hz, notes) of a time column: steps over elapsed time.

    Raises InputError with the line where time does not rise or leaves the even grid by more than half a step.
    """
    values = table.numbers(column)
    called = table.layout.called(column)
    if len(values) < 2:
        raise InputError(f"{table.layout.where}: one line of numbers gives no sampling rate; give it with --fs")
    _check_rising(table, values, called)
    off = _steps_off(values)
    wrong = np.flatnonzero(np.abs(off) > _HALF_STEP)
    if wrong.size:
        raise InputError(f"{table.layout.where} {_off_grid(table, called, values, off, int(wrong[0]))}")
    unit, assumed = _unit(table, column, values[0], time_unit)
    per_unit = (len(values) - 1) / float(values[-1] - values[0])
    hz = _tidy(per_unit * _PER_SECOND[unit])
    return hz, _assumed(called, per_unit, hz, assumed) + _uneven(table, called, off)


def _off_grid(table: "Table", called: str, values: np.ndarray, off: np.ndarray, place: int) -> str:
    """Where time leaves the even grid: at the longest step if that is out of all proportion, else where half a step is reached."""
    mend = "resample the data, or give the rate with --fs"
    steps = np.diff(values.astype(np.float64))
    longest, usual = int(steps.argmax()), float(np.median(steps))
    if steps[longest] > _GAP * usual and np.count_nonzero(steps > _GAP * usual) < 0.1 * len(steps):
        return (
            f"line {table.line(longest + 1)}, {called}: time jumps from {values[longest]:.12g} to {values[longest + 1]:.12g}, "
            f"most steps are {usual:.6g}; cut the recording there, {mend}"
        )
    return (
        f"line {table.line(place)}, {called}: {abs(off[place]):.2g} steps off an even grid, more than half a step is refused; "
        f"{mend}"
    )


def _check_rising(table: "Table", values: np.ndarray, called: str) -> None:
    still = np.flatnonzero(np.diff(values) <= 0)
    if still.size:
        i = still[0] + 1
        found = "repeats" if values[i] == values[i - 1] else "falls"
        raise InputError(
            f"{table.layout.where} line {table.line(i)}, {called}: time {found} ({values[i]:.12g} after "
            f"{values[i - 1]:.12g}), it must rise; mend the column, or give the rate with --fs"
        )


def _unit(table: "Table", column: int, first: float, time_unit: str | None) -> tuple[str, bool]:
    """(unit, whether only assumed): as given, from the name, from the size of a Unix time, or seconds."""
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


def _assumed(called: str, per_unit: float, hz: float, assumed: bool) -> list[str]:
    if not assumed:
        return []
    hint = f"; --time-unit ms gives {_tidy(1e3 * per_unit):.6g} Hz" if hz < 1 else ""
    return [f"sampling rate {hz:.6g} Hz from {called}, read in seconds{hint}"]


def _uneven(table: "Table", called: str, off: np.ndarray) -> list[str]:
    """A note where one step is almost two: a sample may be missing there, or time is coarsely rounded."""
    steps = np.diff(off)
    if not steps.size or steps.max() < 0.75:
        return []
    i = int(steps.argmax())
    return [
        f"warning: {called} jumps by {1 + steps[i]:.2g} steps at line {table.line(i + 1)}, "
        "a sample may be missing there"
    ]


def _tidy(hz: float) -> float:
    """Twelve digits: beyond lies the rounding of the division, not the clock."""
    return float(f"{hz:.12g}")


def _no_rate(table: "Table") -> str:
    layout = table.layout
    texts = [c for c in range(len(layout.names)) if c not in layout.numeric and is_time(table, c)]
    reason = "no time column and no declared sampling rate"
    if texts:
        example = quoted(layout.example[texts[0]], 30)
        reason = f"{layout.called(texts[0])} holds text such as {example} and no sampling rate is declared"
    elif layout.unread:
        reason = f"{layout.unread}, which is no plain number, and no sampling rate is declared"
    return f"{layout.where}: {reason}; give the rate in Hz with --fs, or a time column with --time-col"
