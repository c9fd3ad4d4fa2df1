"""What a column of numbers is by its name, its unit and its values: time, a counter of rows, or something else."""

import re
from typing import TYPE_CHECKING

import numpy as np

from ..column_names import is_named_as_time
from ..units import CLEAR, SECONDS, is_unit, time_unit
from ..words import COUNTER, EXCEL, NO_TIME, plain, words_of

if TYPE_CHECKING:
    from ..table import Table

_BRACKETED = re.compile(r"[\[(]([^\[\]()]+)[\])]")
_ABBREVIATED = {"min", "mins", "hr", "hrs", "h", "d", "day", "days", "hour", "hours"}  # min may be a minimum
_UNIX = (1e9, 4.2e9)  # s, the years 2001 to 2103
_EXCEL_DAYS = ((20_000, 80_000), (690_000, 800_000))  # the years 1954 to 2119, as spreadsheets and MATLAB count days
_MAX_STEPS_OFF = 0.1  # share of the steps of a counter that may differ from one, where it wraps or lost rows


def is_time(table: "Table", column: int) -> bool:
    """Whether a column, by its position, is time: by its name in one of a dozen languages, or by a unit of time if it rises."""
    layout = table.layout
    name, unit = layout.names[column], layout.units[column]
    words = words_of(name)
    if unit and time_unit(unit) is None and is_unit(unit):
        return False
    if words and not layout.is_nameless(column):
        if words == ["epoch"] and not unit:  # of a training, unless it is that of Unix
            return unix_unit(float(table.values[column][0])) is not None
        if is_named_as_time(name):
            return True
        if len(words) == 1 and words[0] in _ABBREVIATED and column == layout.numeric[0]:
            return is_even(table.values[column])
    first = layout.numeric[0]
    return (
        time_unit(unit) is not None and name == layout.names[first] and bool((np.diff(table.values[column]) >= 0).all())
    )


def is_counter(table: "Table", column: int) -> bool:
    """Whether a column, by its position, only numbers the rows: whole numbers in steps of one, by any name but that of time."""
    values = table.values[column]
    steps = np.diff(values)
    if len(steps) < 2 or not np.isfinite(values).all() or (values != np.round(values)).any() or is_time(table, column):
        return False
    off = np.count_nonzero(steps != 1)
    return not off or (_is_named_as_counter(table, column) and off < _MAX_STEPS_OFF * len(steps))


def _is_named_as_counter(table: "Table", column: int) -> bool:
    name = table.layout.names[column]
    words = words_of(name)
    return table.layout.is_nameless(column) or "#" in name or bool(words and {words[0], words[-1]} & COUNTER)


def no_time(table: "Table", column: int) -> str:
    """What a column is that is named as something else than time, such as "a frequency"; "" where its name does not tell."""
    layout = table.layout
    unit = layout.units[column]
    for word in [*words_of(layout.names[column]), *words_of(unit)]:
        for kind, words in NO_TIME.items():
            if plain(word) in words.split():
                return kind
    if unit and time_unit(unit) is None:
        return f"a quantity in {unit}" if is_unit(unit) else f"a quantity ({unit})"
    return ""


def unit_of_time(table: "Table", column: int) -> tuple[float, bool]:
    """(seconds in the unit of a time column, whether the file tells it): by its name, by the size of a Unix or Excel time."""
    layout = table.layout
    words = words_of(layout.names[column])
    name = layout.names[column]
    bracketed, clear = _BRACKETED.findall(name), [word for word in words if word in CLEAR]
    for text in (layout.units[column], name, *bracketed, *words[-1:], *words[:1], *clear):
        if text and (seconds := time_unit(text)) is not None:
            return seconds, True
    first = float(table.values[column][0])
    if set(words) & EXCEL and may_be_days(first):
        return SECONDS["d"], True
    if (seconds := unix_unit(first)) is not None:
        return seconds, True
    return 1.0, False


def may_be_days(value: float) -> bool:
    """Whether a number may be a date of our time, in days as spreadsheets or MATLAB count them."""
    return any(low <= value <= high for low, high in _EXCEL_DAYS)


def unix_unit(value: float) -> float | None:
    """The seconds in the unit of a Unix time of this century; None for a number that is none."""
    return next((SECONDS[u] for u in ("s", "ms", "us", "ns") if _UNIX[0] <= value * SECONDS[u] < _UNIX[1]), None)


def is_even(values: np.ndarray) -> bool:
    """Whether values rise, and none is more than half a step off the even grid between the first and the last."""
    if len(values) < 3 or not np.isfinite(values).all() or (np.diff(values) <= 0).any():
        return False
    return float(np.abs(deviations(values)).max()) <= HALF_STEP


HALF_STEP = 0.5 + 1e-6  # with some tolerance for rounding


def deviations(values: np.ndarray) -> np.ndarray:
    """(N,) distances of the values from the even grid between the first and the last, in steps of that grid."""
    elapsed = (values - values[0]).astype(np.float64)
    return elapsed * ((len(values) - 1) / elapsed[-1]) - np.arange(len(values))
