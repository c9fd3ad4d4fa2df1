"""HDF5 files through h5py: each row of numbers by its path, with rates, units and clocks from attributes."""

import math
import re
from collections.abc import Mapping
from functools import lru_cache

import h5py
import numpy as np

from ..request import Request, file_version
from .contents import Contents
from .variables import Variables, as_contents

ON_DISK = True
_UNITS = ("unit", "units", "yunits")
_BEGINS = ("xstart", "start", "start_time", "starttime", "begin", "t0", "date", "timestamp", "wf_start_time")
_DATE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[-+]\d\d:?\d\d)?")
_MOST_COLUMNS = 4096
_MOST_TOGETHER = 1 << 24  # numbers of all columns that are read at a time


class _Row:
    """One row of a dataset, read from the file where it is sliced. column: of a dataset of two axes, of which ``axis`` is time."""

    def __init__(self, path: str, dataset: h5py.Dataset, axis: int = 0, column: int | None = None):
        self.dtype = dataset.dtype
        self._path, self._name, self._axis, self._column = path, dataset.name, axis, column
        self._count = dataset.shape[axis]
        self._together = dataset.shape[1 - axis] if dataset.ndim == 2 and dataset.chunks else math.inf

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, samples: slice) -> np.ndarray:
        if self._together * len(range(*samples.indices(self._count))) <= _MOST_TOGETHER:
            block = _block(self._path, file_version(self._path), self._name, self._axis, samples.start, samples.stop)
            return (block[:, self._column] if self._axis == 0 else block[self._column]).copy()
        with h5py.File(self._path, "r") as file:
            dataset = file[self._name]
            if dataset.ndim == 1:
                return dataset[samples]
            return dataset[samples, self._column] if self._axis == 0 else dataset[self._column, samples]


@lru_cache(maxsize=1)
def _block(path: str, _version: tuple[int, ...], name: str, axis: int, first: int, last: int) -> np.ndarray:
    """Samples of all columns of a dataset: where it is compressed, one of them takes as long as all."""
    with h5py.File(path, "r") as file:
        return file[name][first:last] if axis == 0 else file[name][:, first:last]


def open_contents(request: Request) -> Contents:
    """All datasets of one or two axes of real numbers, by their paths; links to other files are not followed.

    request: names the file.
    """
    variables = Variables()
    with h5py.File(request.path, "r") as file:
        _take_attributes(variables, "", file.attrs)
        file.visititems(lambda name, item: _take(request.path, variables, name, item))
    return as_contents(request, variables, on_disk=True)


def _take(path: str, variables: Variables, name: str, item: h5py.Dataset | h5py.Group) -> None:
    _take_attributes(variables, name, item.attrs)
    if not isinstance(item, h5py.Dataset) or item.size is None:
        return
    long = [size for size in item.shape if size > 1]
    if item.dtype.kind not in "iuf" or len(long) > 2 or item.ndim > 2 or (len(long) == 2 and min(long) > _MOST_COLUMNS):
        variables.ignored.append(name)
    elif item.size == 1:
        variables.numbers[name] = float(np.asarray(item[()]).reshape(()))
    elif item.ndim == 1 and item.size:
        variables.add_row(name, _Row(path, item))
    elif item.size:
        axis = int(item.shape[1] > item.shape[0])
        columns = item.shape[1 - axis]
        for column in range(columns):
            new = name if columns == 1 else f"{name}/{column + 1}"
            variables.add_row(new, _Row(path, item, axis, column), name)
    for row in (key for key in variables.rows if key == name or key.rpartition("/")[0] == name):
        variables.units[row] = next((_text(v) for k, v in item.attrs.items() if k.lower() in _UNITS and _text(v)), "")
        if (began := _began(item)) is not None:
            variables.began[row] = began


def _take_attributes(variables: Variables, name: str, attributes: Mapping[str, object]) -> None:
    for key in attributes:
        value = attributes[key]
        if isinstance(value, np.ndarray) and value.size == 1:
            value = value.reshape(())[()]
        variables.add_number(f"{name}/{key}" if name else key, value)


def _text(value: object) -> str:
    return (
        value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) if isinstance(value, str) else ""
    )


def _began(dataset: h5py.Dataset) -> str | float | None:
    """The time of the first sample by the attributes of a dataset and of the groups above it."""
    item = dataset
    while True:
        for key, value in item.attrs.items():
            if key.lower() not in _BEGINS:
                continue
            if _DATE.fullmatch(_text(value)):
                return _text(value).replace(" ", "T")
            if key.lower() == "xstart" and isinstance(value, int | float | np.number):
                return float(value)
        if item.name == "/":
            return None
        item = item.parent
