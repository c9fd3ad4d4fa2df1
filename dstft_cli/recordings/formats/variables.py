"""Channels of a file that holds named arrays and numbers, in folders or not: which are signals, which are time, which is a rate."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from ...text import listed
from ..notes import Note
from ..request import Request
from ..signal import SHORTEST
from .contents import Channel, Contents, distinct, held
from .rates import Rate, find_clock, is_counter, rate_of_clock, rate_of_numbers

_MOST_CHANNELS = 4096  # columns of an array


@dataclass
class Variables:
    """What a file holds, by name; names of folders come before, as in "folder/name".

    rows: (N,) real numbers or dates, each a signal or time: arrays, or what has a dtype and is sliced as they are.
    folders: the folder of each row; the columns of an array are in that of the array.
    arrays: names of the rows, and of the arrays that they are columns of; numbers below these are theirs alone.
    numbers: single real numbers.
    ignored: names of what is neither.
    units, began: of rows, where the file tells.
    """

    rows: dict[str, np.ndarray] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    arrays: set[str] = field(default_factory=set)
    numbers: dict[str, float] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    units: dict[str, str] = field(default_factory=dict)
    began: dict[str, str | float] = field(default_factory=dict)

    def add(self, name: str, value: object) -> None:
        """Take a value as a file gives it: a number, a row, an array of several rows, a group or a list of these."""
        if isinstance(value, Mapping):
            for key, inner in value.items():
                self.add(f"{name}/{key}", inner)
            return
        if isinstance(value, list | tuple) and any(isinstance(item, Mapping | np.ndarray | list) for item in value):
            for i, inner in enumerate(value, 1):
                self.add(f"{name}/{i}", inner)
            return
        array = np.asarray(value) if isinstance(value, np.ndarray | np.generic | int | float | list) else np.array("")
        if array.dtype.kind not in "iufM":
            self.ignored.append(name)
        elif array.size == 1 and array.dtype.kind != "M":
            self.numbers[name] = float(array.reshape(()))
        else:
            self._add_array(name, array.squeeze())

    def _add_array(self, name: str, array: np.ndarray) -> None:
        if array.ndim == 1 and len(array) >= SHORTEST:
            self.add_row(name, array)
        elif array.ndim == 2 and min(array.shape) <= _MOST_CHANNELS and max(array.shape) >= SHORTEST:
            columns = array if array.shape[0] >= array.shape[1] else array.T
            for i in range(columns.shape[1]):
                self.add_row(f"{name}/{i + 1}", columns[:, i], name)
        else:
            self.ignored.append(name)

    def add_row(self, name: str, row: np.ndarray, array: str | None = None) -> None:
        """Take one row. array: the name of what it is a column of."""
        self.rows[name], self.folders[name] = row, (array or name).rpartition("/")[0]
        self.arrays.add(array or name)

    def add_number(self, name: str, value: object) -> None:
        """Take what may be a number; anything else is left out without a word, as in attributes."""
        if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
            self.numbers[name] = float(value)


def as_contents(request: Request, variables: Variables, on_disk: bool = False) -> Contents:
    """The channels among the variables of a file; by default the longest is read.

    request: names the time and its unit where the user states them.
    variables: of the file.
    on_disk: whether a slice of a row reads no more than that.

    An even row of times as long as a signal gives its rate, else a number of its own, in its folder, or above does.
    Raises InputError where --time-col names nothing.
    """
    clocks = dict(_clocks(request, variables))
    times = {name for name, _ in clocks.values()}
    rows = {name: row for name, row in variables.rows.items() if name not in times and row.dtype.kind != "M"}
    rows = {name: row for name, row in rows.items() if not is_counter(name, row)} or rows
    names = distinct(list(rows))
    numbers = _numbers(variables)
    channels = [_channel(new, name, variables, numbers, clocks) for new, name in zip(names, rows, strict=True)]
    longest = max(range(len(channels)), key=lambda i: channels[i].count, default=0)
    notes = (
        [Note(f"no rows of {SHORTEST} or more real numbers, so not read: {listed(variables.ignored)}")]
        if variables.ignored
        else []
    )
    return Contents(channels, notes, on_disk, longest)


def _clocks(request: Request, variables: Variables) -> Iterator[tuple[str, tuple[str, Rate]]]:
    """(folder, (name of the times in it, their rate)) of each folder that has times beside other rows."""
    folders: dict[str, list[str]] = {}
    for name, folder in variables.folders.items():
        folders.setdefault(folder, []).append(name)
    for folder, inside in folders.items():
        name = find_clock(request, variables.rows, inside)
        if name in inside and len(inside) > 1:
            yield folder, (name, rate_of_clock(request, name, variables.rows[name][:]))


def _numbers(variables: Variables) -> dict[str | None, dict[str, float]]:
    """The numbers by their folders; under None those that do not belong to one row."""
    numbers: dict[str | None, dict[str, float]] = {None: {}}
    for name, value in variables.numbers.items():
        folder = name.rpartition("/")[0]
        numbers.setdefault(folder, {})[name] = value
        if folder not in variables.arrays:
            numbers[None][name] = value
    return numbers


def _channel(new: str, name: str, variables: Variables, numbers: dict, clocks: dict[str, tuple[str, Rate]]) -> Channel:
    row, rate = variables.rows[name], _rate(name, variables, numbers, clocks)
    began = rate.began or variables.began.get(name)
    unit, reason = variables.units.get(name, ""), rate.source if rate.hz is None else ""
    return Channel(new, len(row), held(row), rate.hz, unit, began, rate_notes=rate.notes, no_rate=reason)


def _rate(name: str, variables: Variables, numbers: dict, clocks: dict[str, tuple[str, Rate]]) -> Rate:
    """The rate of a row: of the times in its folder, else of numbers of its own, in its folder, above, or anywhere."""
    clock_name, clock = clocks.get(variables.folders[name], ("", None))
    if clock and len(variables.rows[clock_name]) != len(variables.rows[name]):
        clock = None
    if clock and clock.hz:
        return clock
    parts = name.split("/")
    for scope in (*("/".join(parts[:depth]) for depth in range(len(parts), -1, -1)), None):
        declared = rate_of_numbers(numbers.get(scope, {}))
        if declared.hz and clock:
            return Rate(
                declared.hz, declared.source, None, (*declared.notes, Note(f"{clock.source} and were not used"))
            )
        if declared.hz or declared.unclear:
            return declared
    return clock or declared
