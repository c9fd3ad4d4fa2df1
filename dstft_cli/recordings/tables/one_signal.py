"""Tables whose columns are no channels: one signal that is written row by row, as seismologists and old programs do."""

from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError
from ...text import quoted
from ..notes import Note
from .rates.column_roles import is_counter
from .rates.declared_rate import declared_counts, declared_rates

if TYPE_CHECKING:
    from .table import Table

_ROWS = 2000  # that are looked at
_FEW = 3  # columns, below which rows are not taken for parts of one signal
_MANY = 20  # columns without names: no instrument has as many channels and less samples than these


def as_one_signal(table: "Table", fs: float | None, value_col: str | int | None) -> tuple["Table", list[Note]]:
    """The table, or one with a single column where its rows are parts of one signal by the number of samples that its header states.

    table: the columns of numbers.
    fs: sampling rate in Hz that the user gives.
    value_col: the column that the user asks for, which settles that the columns are channels.

    Returns the table and notes. Raises InputError where the rows may be parts of one signal and the header does not tell.
    """
    layout = table.layout
    columns = list(layout.numeric)
    if (
        value_col is not None
        or len(columns) < 2
        or not (layout.doubtful_names or all(map(layout.is_nameless, columns)))
    ):
        return table, []
    rates = [line.hz for line in declared_rates(layout.header, layout.decimal, layout.delimiter) if line.hz]
    rows = np.column_stack([table.values[c] for c in columns]).astype(np.float64)
    stated = dict(declared_counts(layout.header, layout.decimal, rates[0] if rates else fs))
    count = int(np.isfinite(rows).sum())
    whole = len(columns) == layout.width and np.isfinite(rows.ravel()[:count]).all()
    if whole and count in stated and count > len(rows):
        line, text = stated[count], dict(layout.header)[stated[count]]
        note = f"the {len(columns)} numbers of a line follow each other in one signal of {count} samples, as line {line} says"
        return table.as_one_column(columns, count), [Note(f"{note} ({quoted(text, 50)})")]
    if len(rows) in stated:
        return table, []
    if len(rows) > 1 and (reason := _why_one_signal(table, rows, bool(whole))):
        raise InputError(
            f"{layout.where} line {table.line(0)}: {len(columns)} numbers on a line without names are either {len(columns)} "
            f"channels of {len(rows)} samples or one signal of {count} samples, and {reason}; choose a column with --value-col, "
            "or write one number on each line"
        )
    return table, []


def _why_one_signal(table: "Table", rows: np.ndarray, whole: bool) -> str:
    """Why the rows may be parts of one signal; "" where nothing speaks for it."""
    count, width = rows.shape
    if width < _FEW or any(is_counter(table, c) for c in table.layout.numeric):
        return ""
    if width > max(count, _MANY):
        return "there are more columns than lines"
    few = rows[:_ROWS]
    few = few[np.isfinite(few).all(axis=1)]
    few = few[:, (few != few[:1]).any(axis=0)]  # constants beside the signal
    if len(few) < 3 or few.shape[1] < _FEW:
        return ""
    within, down = np.median(abs(np.diff(few, axis=1))), np.median(abs(np.diff(few, axis=0)))
    across = np.median(abs(few[1:, 0] - few[:-1, -1]))
    if whole and np.isfinite(rows[:-1]).all() and not np.isfinite(rows[-1]).all():
        return "the last line is shorter"
    if across <= 1.5 * within and 1.5 * within < down:
        return "the numbers of a line follow each other as smoothly as samples do"
    return ""
