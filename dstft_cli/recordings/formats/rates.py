"""The sampling rate that named numbers and named rows of time beside a signal give."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ...text import listed, quoted
from ..notes import WARNING, Note
from ..request import Request, find_name
from ..tables.cells import split_unit
from ..tables.column_names import is_named_as_time
from ..tables.rates.clock_text import as_date
from ..tables.rates.column_roles import HALF_STEP, deviations, unix_unit
from ..tables.rates.declared_rate import declared_rates
from ..tables.rates.time_column import resolution, simple_rate
from ..tables.units import SECONDS, time_unit
from ..tables.words import COUNTER, TIME, plain, words_of

_OTHER_RATES = {"srate", "sampfreq", "fsamp", "samplingfreq"}  # besides those of text files
_OTHER_STEPS = {"xspacing", "ts", "tsamp", "delta"}
_WEAK = {"rate", "hz", "sps", "step", "interval", "increment"}  # used where no clearer name is there
_NEVER = {"freq", "frequency", "frequenz"}  # may be that of anything
_DIFFERS = 0.01  # relative difference of rates that is told of


@dataclass(frozen=True)
class Rate:
    """The sampling rate of the signals in one folder of a file.

    hz: in Hz; None where there is none.
    source: what it comes from, as messages call it; where there is none, why.
    began: time of the first sample, a date or a number of seconds; None where there is no clock.
    notes: remarks for the user.
    unclear: whether there are several, so that none is taken.
    """

    hz: float | None
    source: str
    began: str | float | None = None
    notes: tuple[Note, ...] = ()
    unclear: bool = False


def rate_of_numbers(numbers: Mapping[str, float]) -> Rate:
    """The rate that named numbers declare, such as fs = 12000 or dt = 1e-3.

    numbers: by their names.

    A name that only a rate or a step has comes before "rate" or "step", which may be of something else.
    """
    strong, weak = {}, {}
    for name, value in numbers.items():
        short = name.rpartition("/")[2]
        if plain(short) not in _NEVER and np.isfinite(value) and (hz := _declared(short, value)):
            (weak if plain(short) in _WEAK else strong)[name] = hz
    found = strong or weak
    if not found:
        return Rate(None, "the file gives no sampling rate")
    (name, hz), *others = found.items()
    for other, value in others:
        if abs(value / hz - 1) > _DIFFERS:
            said = f"{quoted(name, 30)} says {hz:g} Hz and {quoted(other, 30)} says {value:g} Hz"
            return Rate(None, said, unclear=True)
    source = quoted(name, 40)
    return Rate(hz, source, notes=(Note(f"sampling rate {hz:.10g} Hz from {source}"),))


def _declared(name: str, value: float) -> float | None:
    key = "".join(words_of(name))
    if key in _OTHER_STEPS:
        return 1 / value if value > 0 else None
    lines = [(1, f"{'fs' if key in _OTHER_RATES else name} = {value:.17g}")]
    return next((line.hz for line in declared_rates(lines, ".") if line.hz), None)


def is_time_name(name: str) -> bool:
    """Whether a variable is time by its name alone: "t", "time_ms" or "timeStamps", but not "X097_DE_time"."""
    short = name.rpartition("/")[2]
    words = words_of(split_unit(short)[0])
    first = bool(words) and (words[0] in TIME | {"t", "tt"} or time_unit(words[0]) is not None)
    return first and is_named_as_time(short)


def is_counter(name: str, row: np.ndarray) -> bool:
    """Whether a row only numbers the samples: an index by its name, in steps of one."""
    words = words_of(name.rpartition("/")[2])
    return bool(words) and set(words) <= COUNTER and bool((np.diff(row[:]) == 1).all())


def find_clock(request: Request, rows: Mapping[str, np.ndarray], names: list[str]) -> str | None:
    """The name of the row of time among rows of numbers; None where there is none.

    request: states it where the user does.
    rows: (N,) each, by name.
    names: of those that may be time.

    Raises InputError where --time-col names none of the rows.
    """
    if (wanted := request.text.time_col) is not None:
        position = find_name(str(wanted).strip(), list(rows))
        if position is None:
            raise InputError(
                f"{request.where}: --time-col {quoted(wanted, 30)} does not exist; choose one of {listed(list(rows))}"
            )
        return list(rows)[position]
    return next((name for name in names if is_time_name(name) or rows[name].dtype.kind == "M"), None)


def rate_of_clock(request: Request, name: str, values: np.ndarray) -> Rate:
    """The rate that a row of times gives.

    request: may state the unit of time.
    name: of the row.
    values: (N,) numbers, or dates as numpy has them.

    Returns a rate of None, with the reason, where time does not rise evenly.
    """
    called = f"the times {quoted(name, 40)}"
    dated = values.dtype.kind == "M"
    values = values.astype("datetime64[ns]").astype(np.int64) if dated else values
    steps = np.diff(values)
    if len(values) < 2 or not np.isfinite(values).all() or (steps <= 0).any():
        return Rate(None, f"{called} do not rise throughout")
    off = deviations(values)
    if np.abs(off).max() > HALF_STEP:
        row = int(np.abs(off).argmax())
        return Rate(None, f"{called} are uneven ({abs(off[row]):.2g} steps off an even grid at sample {row})")
    seconds, notes = (1e-9, []) if dated else _unit(request, name, values)
    hz = simple_rate(len(values) - 1, float(values[-1] - values[0]), resolution(values), seconds)
    if abs(steps.max() / np.median(steps)) > 1.75:
        row = int(steps.argmax())
        jump = f"{called} jump by {steps.max() / np.median(steps):.2g} steps after sample {row}, a sample may be missing there"
        notes.append(Note(jump, WARNING))
    notes = notes or [Note(f"sampling rate {hz:.10g} Hz from {called}")]
    first = float(values[0]) * seconds
    is_date = dated or unix_unit(float(values[0])) == seconds
    began = as_date(round(first * 1e3) * 1_000_000) + "Z" if is_date else first or None
    return Rate(hz, called, began, tuple(notes))


def _unit(request: Request, name: str, values: np.ndarray) -> tuple[float, list[Note]]:
    """Seconds in the unit of time, and a remark where it is a guess."""
    if request.text.time_unit is not None:
        return SECONDS[request.text.time_unit], []
    short, bracketed = split_unit(name.rpartition("/")[2])
    for word in (bracketed, *words_of(short)[:0:-1], *words_of(short)[:1]):
        if word and plain(word) not in ("t", "h", "d", "min") and (seconds := time_unit(word)) is not None:
            return seconds, []
    if (seconds := unix_unit(float(values[0]))) is not None:
        return seconds, []
    hz = simple_rate(len(values) - 1, float(values[-1] - values[0]), resolution(values))
    hint = f"; --time-unit ms makes it {1e3 * hz:.6g} Hz" if hz < 1.5 else ""
    return 1.0, [Note(f"sampling rate {hz:.10g} Hz from the times {quoted(name, 40)}, read in seconds{hint}")]
