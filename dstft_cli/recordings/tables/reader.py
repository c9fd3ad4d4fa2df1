"""Signals from the columns of a text file."""

import math
import os

import numpy as np

from ...errors import InputError
from ...system.memory import free_memory
from ...text import quoted, size_text
from ..mix import notes_on_mix
from ..notes import WARNING, Note
from ..request import Pick, Recording, Request, Track, pick_channels
from ..time_expansion import notes_on_factor
from .cells import as_number, lines_of, number_pattern, split
from .layout import Layout, find_layout
from .leading_values import leave_out_header_values
from .one_signal import as_one_signal
from .rates.column_roles import is_counter, is_time
from .rates.find_rate import find_rate
from .table import Table

_TAIL = 1 << 14  # bytes at the end of a file that show how long its lines are
_MEMORY_PER_BYTE = 6  # bytes of memory per byte of a table while it is read
_SMALL = 10_000_000  # bytes of a table that is read in any case
_MARKS = {"utf-16": 2, "utf-32": 4}  # bytes of the byte order mark
_MIN_LINES = 20  # above the last that show how long numbers are


def read_text(request: Request) -> Recording:
    """Read the columns asked for.

    request: file, channels, time range and layout.

    Returns the channels. Raises InputError with file, line and column for a cell that is not a number, an uneven time column,
    or where there is no sampling rate.
    """
    _check_memory(request)
    layout = find_layout(request)
    table, rate_above, began, notes_above = leave_out_header_values(Table(request, layout), request.fs)
    table, notes_on_rows = as_one_signal(table, request.fs, request.text.value_col)
    layout = table.layout
    if len(table) == 1 and len(layout.numeric) > 2:
        raise InputError(
            f"{request.where} line {table.line(0)}: the only line of numbers holds {len(layout.numeric)} of them; "
            "expected one sample per line, write the samples below each other"
        )
    rate = find_rate(table, request.fs or rate_above, request.text.time_col, request.text.time_unit)
    hz = rate.hz * (request.time_expansion or 1.0)
    columns = _value_columns(table, rate.column, request.text.value_col)
    names = _distinct([layout.names[c] for c in columns])
    picks, notes = pick_channels(request, names)
    first, count = request.span(hz, len(table))
    tracks = [_track(table, pick, columns, first, count) for pick in picks]
    if picks[0].position is None:
        notes += notes_on_mix(request, tracks[0].samples, table.numbers(columns[0], first, count))
    notes += _notes_on_groups(table, picks, columns, rate.column)
    notes = [
        *notes,
        *notes_above,
        *notes_on_rows,
        *layout.notes,
        *rate.notes,
        *notes_on_factor(request, rate.hz),
        *_warning_of_cut(request, layout, table),
    ]
    if request.text.value_col is None and layout.unreadable_column:
        notes.append(Note(f"{layout.unreadable_column}, which is not a plain number, and was ignored", WARNING))
    return Recording(tracks, tuple(names), hz, first / hz, notes, began or rate.began or None)


def _notes_on_groups(table: Table, picks: list[Pick], columns: list[int], time: int | None) -> list[Note]:
    """What numbers with digits in groups of three were read as."""
    notes = []
    used = columns if picks[0].position is None else [columns[pick.position] for pick in picks]
    for column in [*used, *([time] if time in table.values else [])]:
        if cell := table.grouped(column):
            value = as_number(cell, number_pattern(table.layout.decimal), table.layout.decimal)
            notes.append(Note(f"{table.layout.called(column)}: {quoted(cell, 30)} was read as {value:.12g}"))
    return notes


def _track(table: Table, pick: Pick, columns: list[int], first: int, count: int) -> Track:
    units = [table.layout.units[c] for c in columns]
    if pick.position is not None:
        return Track(pick.name, table.numbers(columns[pick.position], first, count), units[pick.position])
    rows = [table.numbers(c, first, count) for c in columns]
    return Track(pick.name, np.mean(rows, axis=0), units[0] if len(set(units)) == 1 else "")


def _check_memory(request: Request) -> None:
    """Raise InputError for a table that would not fit into memory while it is read."""
    size, free = os.path.getsize(request.path), free_memory()
    need, available = _MEMORY_PER_BYTE * size, min(free, math.inf if request.memory is None else request.memory)
    if size <= _SMALL or need <= available:
        return
    limit = f"{size_text(free)} are free" if available == free else f"it may take {size_text(available)}"
    raise InputError(
        f"{request.where}: reading this table of {size_text(size)} takes some {size_text(need)} of memory, and {limit}: "
        "split it, or save it as WAV or FLAC, which are read block by block"
    )


def _warning_of_cut(request: Request, layout: Layout, table: Table) -> list[Note]:
    """A warning where the last line has no end and its last cell is shorter than those above: it may be half a number."""
    with open(request.path, "rb") as file:
        mark = file.read(_MARKS.get(layout.encoding, 0))
        first = max(0, layout.end - _TAIL) // 4 * 4  # whole characters of UTF-16 and UTF-32
        file.seek(first)
        tail = mark + file.read(layout.end - first)
    *lines, last = lines_of(tail.decode(layout.encoding, "replace"))
    lengths = [len(split(line, layout.delimiter)[-1]) for line in lines[1:] if line.strip()]
    if not last.strip() or len(lengths) < _MIN_LINES or len(split(last, layout.delimiter)[-1]) >= min(lengths):
        return []
    text = (
        f"line {table.line(len(table) - 1)}, the last, has no line end and is shorter than the others ({quoted(last, 40)}); "
        "its number may be incomplete"
    )
    return [Note(text, WARNING)]


def _value_columns(table: Table, time: int | None, value_col: str | int | None) -> list[int]:
    """The column asked for; else all but time, row counters and constants, as far as that leaves any."""
    if value_col is not None:
        return [table.layout.column(value_col, "--value-col")]
    others = [c for c in table.layout.numeric if c != time and not is_time(table, c)]
    if not others:
        time_column = table.layout.called(table.layout.numeric[0])
        fix = "name the values with --value-col and give the rate with --fs"
        if unreadable := table.layout.unreadable_column:
            fix = f"{unreadable}, expected plain numbers"
        raise InputError(f"{table.layout.where}: no column of numbers besides the time, {time_column}; {fix}")
    values = [c for c in others if not is_counter(table, c)] or others
    values = [c for c in values if c not in table.layout.sparse] or values
    return [c for c in values if not _is_constant(table.values[c])] or values


def _is_constant(values: np.ndarray) -> bool:
    return bool((values == values[0]).all())


def _distinct(names: list[str]) -> list[str]:
    """The names, with a number after those that occurred before."""
    return [f"{name} {names[: i + 1].count(name)}" if name in names[:i] else name for i, name in enumerate(names)]
