"""The columns of numbers in a text file, read by pandas."""

import copy
import csv
import io
import re
from dataclasses import replace
from typing import TextIO

import numpy as np
import pandas as pd

from ...errors import InputError
from ...text import one_line, quoted
from ..request import Request
from .cells import as_number, is_comment, lines_of, number_pattern
from .column_names import nameless
from .encoding import open_text
from .layout import Layout
from .rates.clock_text import TextClock, read_clock


class Table:
    """The columns of numbers in a text file.

    request: names the file.
    layout: of the file.

    ``values`` maps the position of a column to its (N,) int64 or float64 numbers, NaN for a cell that is not a number.
    Raises InputError with the line where a line has too many columns or a quotation mark is not closed.
    """

    def __init__(self, request: Request, layout: Layout):
        self.layout, self._clocks = layout, {}
        frame = _read_frame(request, layout)
        self._rows = _filled_rows(request, layout, frame)
        self._frame = frame if len(self._rows) == len(frame) else frame.iloc[self._rows]
        number = number_pattern(layout.decimal)
        self.values = {c: _as_numbers(self._frame[c], number, layout.decimal) for c in layout.numeric}
        self._check_width()

    def __len__(self) -> int:
        return len(self._rows)

    def line(self, row: int) -> int:
        """The number of the line, from 1, that holds a row, counted from 0."""
        return self.layout.header_lines + 1 + int(self._rows[row])

    def cell(self, row: int, column: int) -> str:
        """A cell as messages show it: its text, or a number."""
        value = self._frame[column].iloc[row]
        return value.strip() if isinstance(value, str) else "" if pd.isna(value) else f"{value:.12g}"

    def cells(self, column: int, first: int, end: int) -> list[str]:
        """The cells of a column from row ``first`` to row ``end``, as they are written where they are text."""
        return [self.cell(row, column) for row in range(first, min(end, len(self)))]

    def clock(self, column: int) -> TextClock:
        """The dates or times of day in a column.

        column: its position, one of ``layout.clocks``.

        Raises InputError, with the line, for a cell that is neither.
        """
        if column not in self._clocks:
            self._clocks[column] = read_clock(self._frame[column], [text for _, text in self.layout.header])
        wrong = self._clocks[column].wrong
        if wrong.size:
            row = int(wrong[0])
            found = quoted(self.cell(row, column), 40) if self.cell(row, column) else "an empty cell"
            raise InputError(
                f"{self.layout.where} line {self.line(row)}, {self.layout.called(column)}: expected a date or a time of day, "
                f"found {found}; fix the line, or give the rate with --fs"
            )
        return self._clocks[column]

    def without_first(self, count: int) -> "Table":
        """The same table without its first rows."""
        table = copy.copy(self)
        table._rows, table._frame, table._clocks = self._rows[count:], self._frame.iloc[count:], {}
        table.values = {c: values[count:] for c, values in self.values.items()}
        return table

    def as_one_column(self, columns: list[int], count: int) -> "Table":
        """A table of one column without a name: the first ``count`` numbers of the columns, line after line."""
        table = copy.copy(self)
        values = np.column_stack([self.values[c] for c in columns]).ravel()[:count]
        table.layout = replace(
            self.layout,
            names=(nameless(0),),
            units=("",),
            numeric=(0,),
            clocks=(),
            sparse=frozenset(),
            width=1,
            example=("",),
        )
        table._rows, table._frame, table._clocks = (
            np.repeat(self._rows, len(columns))[:count],
            pd.DataFrame({0: values}),
            {},
        )
        table.values = {0: values}
        return table

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
            row = first + int(wrong[0])
            raise InputError(
                f"{self.layout.where} line {self.line(row)}, {self.layout.called(column)}: expected a number, found "
                f"{_cell_text(self._frame[column].iloc[row])}; {self._fix(row)}"
            )
        return values

    def grouped(self, column: int) -> str:
        """The first cell of a column whose digits are in groups of three, such as 5.000,35; "" where there is none.

        Raises InputError, with the line, where other cells have as many digits in one piece, so that the mark may be a decimal one.
        """
        cells = self._frame[column]
        if cells.dtype.kind in "iuf":
            return ""
        number = number_pattern(self.layout.decimal)
        matches = [number.fullmatch(cell.strip().strip('"')) if isinstance(cell, str) else None for cell in cells]
        marked = next((row for row, match in enumerate(matches) if match and match["apart"]), None)
        if marked is None:
            return ""
        whole = re.compile(r"[-+]?[1-9]\d{3,}")
        plain = next(
            (row for row, match in enumerate(matches) if match and not match["apart"] and whole.match(match[0])), None
        )
        if plain is not None:
            raise InputError(
                f"{self.layout.where} line {self.line(marked)}, {self.layout.called(column)}: {quoted(self.cell(marked, column), 30)} "
                f"may be a number with or without a decimal mark, since line {self.line(plain)} has "
                f"{quoted(self.cell(plain, column), 30)}; write all numbers alike"
            )
        return self.cell(marked, column)

    def _fix(self, row: int) -> str:
        """What to do about a row with a cell that is no number."""
        first = self._frame[0].iloc[row]
        above = any(np.isfinite(values[row]) for values in self.values.values())
        if not above and isinstance(first, str) and row + 1 < len(self) and len(self.layout.names) > 1:
            return "a second block begins here, or a remark; split the file there, or choose a time range"
        return "fix the line, or choose another column or time range"

    def _check_width(self) -> None:
        width = len(self.layout.names)
        for column in range(width, self.layout.width + 1):
            beyond = np.flatnonzero(self._frame[column].notna())
            if beyond.size:
                row = int(beyond[0])
                if not any(np.isfinite(self.values[c][row]) for c in self.layout.numeric):
                    raise InputError(
                        f"{self.layout.where} line {self.line(row)}: more than {width} columns and no numbers, found "
                        f"{quoted(self._frame[column].iloc[row], 40)}; another header begins there: split the file, one "
                        "recording in each"
                    )
                raise InputError(
                    f"{self.layout.where} line {self.line(beyond[0])}: more than {width} columns, found "
                    f"{quoted(self._frame[column].iloc[beyond[0]], 40)} beyond the last; fix the line, or give "
                    "--delimiter or --decimal"
                )


def _read_frame(request: Request, layout: Layout) -> pd.DataFrame:
    """One row per line, blank lines included; where there are comments among the numbers, they are blanked and all is read again."""
    try:
        if not layout.form:
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
        return _parse(layout, io.StringIO("\n".join(map(layout.form.rewrite, lines) if layout.form else lines)))
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
        names=range(layout.width + 1),
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
    return open_text(request.path, layout.encoding, layout.end)


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
