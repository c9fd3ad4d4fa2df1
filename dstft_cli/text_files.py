"""Signals from columns of numbers in a text file; the only import of pandas."""

import csv
import io
import math
import os
import re
from dataclasses import dataclass
from typing import TextIO

import numpy as np
import pandas as pd

from .errors import InputError
from .free_memory import free_memory
from .recordings import Recording, Request, Track, pick_channels, quoted, shown
from .sizes import size_words
from .text_cells import as_number, is_comment, lines_of, number_pattern, split
from .text_layout import Layout, find_layout
from .text_rates import find_rate, is_counter, is_time

_TAIL = 1 << 14  # bytes of the end of a file that are looked at
_EACH = 6  # bytes of memory for each byte of a table while it is read
_SMALL = 10_000_000  # bytes of a table that are read in any case
_MARKS = {"utf-16": 2, "utf-32": 4}  # bytes at the start that tell the order of all
_MANY = 20  # lines above the last that show how long numbers are


@dataclass(frozen=True)
class TextOptions:
    """What the user says of the layout; each is found out where None. See signals.load_signals."""

    delimiter: str | None = None
    decimal: str | None = None
    skip_rows: int | None = None
    time_col: str | int | None = None
    time_unit: str | None = None
    value_col: str | int | None = None


def read_text(request: Request, options: TextOptions) -> Recording:
    """Read the columns asked for.

    Raises InputError with file, line and column for a cell that is no number, an uneven time column, no rate.
    """
    _check_room(request)
    layout = find_layout(request, options.delimiter, options.decimal, options.skip_rows)
    table = Table(request, layout)
    if len(table) == 1 and len(layout.numeric) > 2:
        raise InputError(
            f"{request.where} line {table.line(0)}: the only line of numbers, with {len(layout.numeric)} of "
            "them; expected one sample a line, write the samples below each other"
        )
    rate = find_rate(table, request.fs, options.time_col, options.time_unit)
    columns = _value_columns(table, rate.column, options.value_col)
    names = _distinct([layout.names[c] for c in columns])
    picks, notes = pick_channels(request, names)
    first, count = request.span(rate.hz, len(table))
    units = [layout.units[c] for c in columns]

    def track(name: str, position: int | None) -> Track:
        if position is not None:
            return Track(name, table.numbers(columns[position], first, count), units[position])
        rows = [table.numbers(c, first, count) for c in columns]
        return Track(name, np.mean(rows, axis=0), units[0] if len(set(units)) == 1 else "")

    tracks = [track(pick.name, pick.position) for pick in picks]
    remarks = [*notes, *layout.notes, *rate.notes, *_cut_notes(request, layout, table)]
    if options.value_col is None and layout.unread:
        remarks.append(f"warning: {layout.unread}, which is no plain number, and was not read")
    return Recording(tracks, tuple(names), rate.hz, first / rate.hz, remarks)


def _check_room(request: Request) -> None:
    """Raises InputError for a table that would not fit into memory while it is read."""
    size, free = os.path.getsize(request.path), free_memory()
    need, room = _EACH * size, min(free, math.inf if request.room is None else request.room)
    if size <= _SMALL or need <= room:
        return
    there = f"{size_words(free)} are free" if room == free else f"--memory leaves {size_words(room)}"
    raise InputError(
        f"{request.where}: this table of {size_words(size)} takes some {size_words(need)} of memory to read and {there}: "
        "cut it into parts, or save it as WAV or FLAC, which are read piece by piece"
    )


def _cut_notes(request: Request, layout: Layout, table: "Table") -> list[str]:
    """A warning where the last line is open and its last cell shorter than any of many above: maybe half a number."""
    with open(request.path, "rb") as file:
        mark = file.read(_MARKS.get(layout.encoding, 0))
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL) // 4 * 4)  # whole characters of UTF-16 and UTF-32
        tail = mark + file.read()
    *lines, last = lines_of(tail.decode(layout.encoding, "replace"))
    lengths = [len(split(line, layout.delimiter)[-1]) for line in lines[1:] if line.strip()]
    if not last.strip() or len(lengths) < _MANY or len(split(last, layout.delimiter)[-1]) >= min(lengths):
        return []
    return [
        f"warning: line {table.line(len(table) - 1)}, the last, has no end and breaks off early ({quoted(last, 40)}); "
        "its number may not be whole"
    ]


class Table:
    """The columns of numbers in a text file, and the line each of their rows stands on.

    values: by column position, (N,) int64 or float64, NaN for a cell that is no number.
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
        """The line in the file, from 1, on which a row stands."""
        return self.layout.first + 1 + int(self._rows[row])

    def numbers(self, column: int, first: int = 0, count: int | None = None) -> np.ndarray:
        """(count,) numbers of a column from row ``first`` on; raises InputError at a cell that is none."""
        end = len(self) if count is None else first + count
        values = self.values[column][first:end]
        wrong = np.flatnonzero(~np.isfinite(values))
        if wrong.size:
            row = first + wrong[0]
            found = _found(self._frame[column].iloc[row])
            place = f"line {self.line(row)}, {self.layout.called(column)}"
            raise InputError(
                f"{self.layout.where} {place}: expected a number, found {found}; "
                "mend the line, or read another column or part"
            )
        return values

    def _check_width(self) -> None:
        width = len(self.layout.names)
        beyond = np.flatnonzero(self._frame[width].notna())
        if beyond.size:
            raise InputError(
                f"{self.layout.where} line {self.line(beyond[0])}: more than {width} columns, found "
                f"{quoted(self._frame[width].iloc[beyond[0]], 40)} beyond the last; mend the line, or give "
                "--delimiter or --decimal"
            )


def _read_frame(request: Request, layout: Layout) -> pd.DataFrame:
    """One row a line, blank ones included; comments among the numbers are blanked in a second go."""
    try:
        with _open(request, layout) as file:
            for _ in range(layout.first):
                file.readline()
            frame = _parse(layout, file)
        if not _holds_comments(frame[0], layout):
            return frame
    except pd.errors.ParserError:
        pass  # maybe a comment with many commas
    lines = ["" if is_comment(line, layout.delimiter) else line for line in _lines(request, layout)]
    try:
        return _parse(layout, io.StringIO("\n".join(lines)))
    except pd.errors.ParserError as error:
        raise InputError(_unparted(layout, str(error))) from error


def _holds_comments(cells: pd.Series, layout: Layout) -> bool:
    if cells.dtype.kind in "iuf":
        return False
    return any(is_comment(cell, layout.delimiter) for cell in cells if isinstance(cell, str))


def _parse(layout: Layout, file: io.TextIOBase) -> pd.DataFrame:
    """All columns, and one beyond the last, which shows the lines that are too long."""
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


def _unparted(layout: Layout, error: str) -> str:
    """pandas counts the line with too many cells from the first it was given."""
    if opened := re.search(r"EOF inside string starting at row (\d+)", error):
        line = layout.first + 1 + int(opened[1])
        return f"{layout.where} line {line}: a quotation mark opens here and is never closed; mend the line, or the file was cut off"
    found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", error)
    if not found:
        return f"{layout.where} from line {layout.first + 1} on: cannot be parted into cells, {shown(error, 90)}"
    return (
        f"{layout.where} line {layout.first + int(found[2])}: found {found[3]} columns, expected "
        f"{len(layout.names)}; mend the line, or give --delimiter or --decimal"
    )


def _filled_rows(request: Request, layout: Layout, frame: pd.DataFrame) -> np.ndarray:
    """Positions of the rows that are no blank lines; at the end, lines of mere delimiters are blank too."""
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
        return lines_of(file.read())[layout.first :]


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


def _found(cell: object) -> str:
    if isinstance(cell, str):
        return quoted(cell, 40)
    return "an empty cell" if np.isnan(cell) else repr(float(cell))


def _value_columns(table: Table, time: int | None, value_col: str | int | None) -> list[int]:
    """The column asked for; or all but time, row counters and constants, as far as that leaves any."""
    if value_col is not None:
        return [table.layout.column(value_col, "--value-col")]
    others = [c for c in table.layout.numeric if c != time and not is_time(table, c)]
    if not others:
        time_column = table.layout.called(table.layout.numeric[0])
        mend = "name the values with --value-col and give the rate with --fs"
        if unread := table.layout.unread:
            mend = f"{unread}, expected plain numbers"
        raise InputError(f"{table.layout.where}: no column of numbers beside time, {time_column}; {mend}")
    values = [c for c in others if not is_counter(table, c)] or others
    return [c for c in values if not _is_constant(table.values[c])] or values


def _is_constant(values: np.ndarray) -> bool:
    return bool((values == values[0]).all())


def _distinct(names: list[str]) -> list[str]:
    """The names, with a number behind those met before."""
    return [f"{name} {names[: i + 1].count(name)}" if name in names[:i] else name for i, name in enumerate(names)]
