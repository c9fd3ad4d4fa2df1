"""First rows of a table that hold no samples: the time of the start, the sampling rate, or the number of samples."""

from typing import TYPE_CHECKING

import numpy as np

from ..notes import WARNING, Note
from .rates.clock_text import as_date
from .rates.column_roles import is_time, unix_unit

if TYPE_CHECKING:
    from .table import Table

_MAX_RATE = 1e7  # Hz, of a logger that writes its rate as a sample
_FAR = 20  # times the range of the others: no sample is so far from them
_LEAST = 8  # rows, below which none is left out


def leave_out_header_values(table: "Table", fs: float | None) -> tuple["Table", float | None, str | None, list[Note]]:
    """Leave out first rows that hold the start, the rate or the number of samples of what follows.

    table: the columns of numbers.
    fs: sampling rate in Hz that the user gives.

    Returns the table without them, the rate in Hz and the date that they state, and notes; a warning where a first value may be
    such a statement and is read as a sample.
    """
    layout = table.layout
    if len(table) < _LEAST or layout.clocks or any(is_time(table, c) for c in layout.numeric):
        return table, None, None, []
    columns = [c for c in layout.numeric if c not in layout.sparse]
    heads = [_common_value(table, columns, row) for row in range(2)]
    if (
        heads[0] is not None
        and heads[1] is not None
        and _is_start(heads[0], table, columns)
        and 0 < heads[1] <= _MAX_RATE
    ):
        began = as_date(round(heads[0] * unix_unit(heads[0]) * 1e3) * 1_000_000) + "Z"
        said = f"the first two values are the start ({began}) and the sampling rate ({heads[1]:g} Hz), not samples"
        return table.without_first(2), heads[1], began, [Note(said)]
    for count, row in ((1, 0), (2, 0)):
        if heads[row] == len(table) - count and _is_far(heads[row], table, columns, count):
            rate = heads[1] if count == 2 else None
            said = f"the first value ({heads[0]:g}) is the number of samples" + (
                f", the second ({rate:g}) their rate" if rate else ""
            )
            return table.without_first(count), rate, None, [Note(f"{said}; not read as a sample")]
    return _stated_by_user(table, fs, heads[0], columns)


def _stated_by_user(
    table: "Table", fs: float | None, head: float | None, columns: list[int]
) -> tuple["Table", float | None, str | None, list[Note]]:
    """Leave out a first value that is the rate which the user gives; warn of another that is far from the others."""
    if head is None or head != round(head) or not _is_far(head, table, columns, 1):
        return table, None, None, []
    where = f"line {table.line(0)}"
    if fs is not None and head == fs:
        return (
            table.without_first(1),
            None,
            None,
            [Note(f"{where} ({head:g}) is the sampling rate, not read as a sample")],
        )
    said = f"{where} ({head:.12g}) is far from the other values and may be a rate, a start or a count"
    return table, None, None, [Note(f"{said}; if so, leave it out with --skip-rows {table.line(0)}", WARNING)]


def _common_value(table: "Table", columns: list[int], row: int) -> float | None:
    """The value that all columns have in a row; None where they differ."""
    values = {float(table.values[c][row]) for c in columns}
    return values.pop() if len(values) == 1 else None


def _is_start(head: float, table: "Table", columns: list[int]) -> bool:
    return unix_unit(head) is not None and _is_far(head, table, columns, 2)


def _is_far(head: float, table: "Table", columns: list[int], first: int) -> bool:
    """Whether a value is far from those of all columns from row ``first`` on."""
    for column in columns:
        others = table.values[column][first:]
        others = others[np.isfinite(others)]
        if not len(others) or abs(head - np.median(others)) <= _FAR * np.ptp(others):
            return False
    return True
