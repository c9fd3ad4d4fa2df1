"""Signals from columns of numbers in a text file; the only import of pandas."""

import math
import os
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ...system.memory import free_memory
from ...text import quoted, size_words
from ..request import Recording, Request, Track, pick_channels
from .cells import lines_of, split
from .layout import Layout, find_layout
from .sampling_rate import find_rate, is_counter, is_time
from .table import Table

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
