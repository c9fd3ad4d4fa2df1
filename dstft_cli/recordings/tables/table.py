"""The columns of numbers in a text file; the only import of pandas."""

import csv
import io
import re
from typing import TextIO

import numpy as np
import pandas as pd

from ...errors import InputError
from ...text import one_line, quoted
from ..request import Request
from .cells import as_number, is_comment, lines_of, number_pattern
from .layout import Layout


class Table:
    """The columns of numbers in a text file.

    request: names the file.
    layout: of the file.

    ``values`` maps the position of a column to its (N,) int64 or float64 numbers, NaN for a cell that is not a number.
    Raises InputError with the line where a line has too many columns or a quotation mark is not closed.
    """

    def __init__(self, request: Request, layout: Layout):
        self.layout = layout
        frame = _read_frame(request, layout)
        self._rows = _filled_rows(request, layout, frame)
        self._frame = frame if len(self._rows) == len(frame) else frame.iloc[self._rows]
        self._check_width()
        number = number_pattern(layout.decimal)
        self.values = {c: _as_numbers(self._frame[c], number, layout.decimal) for c in layout.numeric}

    def __len__(self) -> int:
        return len(self._rows)

    def line(self, row: int) -> int:
        """The number of the line, from 1, that holds a row, counted from 0."""
        return self.layout.header_lines + 1 + int(self._rows[row])

    def numbers(self, column: int, first: int = 0, count: int | None = None) -> np.ndarray:
        """The numbers of a column.

        column: its position.
        first: the first row.
        count: number of rows; None for all the rest.

        Returns (count,) int64 or float64. Raises InputError, with the line, for a cell that is not a finite number.
        """
        end = len(self) if count is None else first + count
        values = self.values[column][first:end]
        wrong = np.flatnonzero(~np.isfinite(values))
        if wrong.size:
            row = first + wrong[0]
            raise InputError(
                f"{self.layout.where} line {self.line(row)}, {self.layout.called(column)}: expected a number, found "
                f"{_cell_text(self._frame[column].iloc[row])}; fix the line, or choose another column or time range"
            )
        return values

    def _check_width(self) -> None:
        width = len(self.layout.names)
        beyond = np.flatnonzero(self._frame[width].notna())
        if beyond.size:
            raise InputError(
                f"{self.layout.where} line {self.line(beyond[0])}: more than {width} columns, found "
                f"{quoted(self._frame[width].iloc[beyond[0]], 40)} beyond the last; fix the line, or give "
                "--delimiter or --decimal"
            )


def _read_frame(request: Request, layout: Layout) -> pd.DataFrame:
    """One row per line, blank lines included; where there are comments among the numbers, they are blanked and all is read again."""
    try:
        with _open(request, layout) as file:
            for _ in range(layout.header_lines):
                file.readline()
            frame = _parse(layout, file)
        if not _holds_comments(frame[0], layout):
            return frame
    except pd.errors.ParserError:
        pass  # may be due to a comment with many commas
    lines = ["" if is_comment(line, layout.delimiter) else line for line in _lines(request, layout)]
    try:
        return _parse(layout, io.StringIO("\n".join(lines)))
    except pd.errors.ParserError as error:
        raise InputError(_parser_refusal(layout, str(error))) from error


def _holds_comments(cells: pd.Series, layout: Layout) -> bool:
    if cells.dtype.kind in "iuf":
        return False
    return any(is_comment(cell, layout.delimiter) for cell in cells if isinstance(cell, str))


def _parse(layout: Layout, file: io.TextIOBase) -> pd.DataFrame:
    """All columns, and an extra one. A line with a value in the extra column has too many cells."""
    return pd.read_csv(
        file,
        header=None,
        names=range(len(layout.names) + 1),
        index_col=False,
        sep=layout.delimiter or "\t",
        decimal=layout.decimal,
        quoting=csv.QUOTE_MINIMAL if layout.quoted else csv.QUOTE_NONE,
        skipinitialspace=True,
        skip_blank_lines=False,
        keep_default_na=False,
        na_values=[""],
        low_memory=False,
    )


def _parser_refusal(layout: Layout, error: str) -> str:
    """An error of pandas in our words; it counts lines from the first one that it was given."""
    if opened := re.search(r"EOF inside string starting at row (\d+)", error):
        line = layout.header_lines + 1 + int(opened[1])
        return f"{layout.where} line {line}: a quotation mark opens here and is never closed; close it, or take another copy"
    match = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", error)
    if not match:
        return (
            f"{layout.where} from line {layout.header_lines + 1} on: cannot be split into cells: {one_line(error, 90)}"
        )
    return (
        f"{layout.where} line {layout.header_lines + int(match[2])}: found {match[3]} columns, expected "
        f"{len(layout.names)}; fix the line, or give --delimiter or --decimal"
    )


def _filled_rows(request: Request, layout: Layout, frame: pd.DataFrame) -> np.ndarray:
    """Positions of the rows that are not blank lines; at the end, lines of delimiters only are blank too."""
    empty = frame.isna().all(axis=1).to_numpy()
    if not empty.any():
        return np.arange(len(frame))
    end = len(frame) - int(empty[::-1].argmin())
    empty = empty[:end].copy()
    if empty.any():
        lines = _lines(request, layout)
        empty &= [not lines[i].strip() or is_comment(lines[i], layout.delimiter) for i in range(end)]
    return np.flatnonzero(~empty)


def _lines(request: Request, layout: Layout) -> list[str]:
    with _open(request, layout) as file:
        return lines_of(file.read())[layout.header_lines :]


def _open(request: Request, layout: Layout) -> TextIO:
    return open(request.path, encoding=layout.encoding, errors="replace", newline="")


def _as_numbers(cells: pd.Series, number: re.Pattern, decimal: str) -> np.ndarray:
    if cells.dtype.kind == "i":
        return cells.to_numpy(np.int64)
    if cells.dtype.kind in "uf":
        return cells.to_numpy(np.float64)
    return np.array([_as_number(cell, number, decimal) for cell in cells], dtype=np.float64)


def _as_number(cell: object, number: re.Pattern, decimal: str) -> float:
    return as_number(cell, number, decimal) if isinstance(cell, str) else float(cell)


def _cell_text(cell: object) -> str:
    if isinstance(cell, str):
        return quoted(cell, 40)
    return "an empty cell" if np.isnan(cell) else repr(float(cell))
