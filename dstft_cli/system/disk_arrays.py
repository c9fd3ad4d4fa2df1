"""Planes on disk: frame after frame into an .npy file, and columns of it back, so that no more than those is in memory."""

import io
import itertools
import math
import mmap
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

_BINS = 1_000_000  # of a histogram


def file_beside(name: str) -> str:
    """What the file of an array of that name is called that lies beside result.npz, being too long for it."""
    return f"result-{name}.npy"


class DiskPlane:
    """A plane (F, T) that is written to an .npy file a few frames at a time, from the first one on.

    Its file holds the frames one after the other; ``numpy.load(path, mmap_mode="r")`` opens it, whatever its size.
    """

    def __init__(self, path: Path, shape: tuple[int, int], dtype: str | np.dtype):
        self.path, self.shape, self.dtype = path, shape, np.dtype(dtype)
        path.unlink(missing_ok=True)  # never written over: another array may be a map of it
        self._file = open(path, "w+b", buffering=0)
        write_header(self._file, shape, self.dtype, fortran=True)
        self._begin, self.frames = self._file.tell(), 0

    def append(self, columns: np.ndarray) -> None:
        """Add frames (F, n) behind those that are there."""
        self._file.seek(0, os.SEEK_END)
        _put(self._file, np.ascontiguousarray(columns.T, dtype=self.dtype))
        self.frames += columns.shape[1]

    def columns(self, first: int, last: int) -> np.ndarray:
        """Frames first to last - 1, (F, n), of those that were added."""
        self._file.seek(self._begin + first * self.shape[0] * self.dtype.itemsize)
        rows = np.fromfile(self._file, self.dtype, (last - first) * self.shape[0])
        return rows.reshape(-1, self.shape[0]).T

    def finish(self) -> np.memmap:
        """All of it, once every frame was added: a read-only array that stays on disk."""
        self._file.close()
        return np.load(self.path, mmap_mode="r")


def write_header(file, shape: tuple[int, ...], dtype: np.dtype, fortran: bool = False) -> None:
    """What an .npy file begins with."""
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": fortran, "shape": shape}
    made = io.BytesIO()
    np.lib.format.write_array_header_1_0(made, header)
    _put(file, made.getbuffer())


def _put(file, values: np.ndarray | memoryview) -> None:
    """All bytes of what is contiguous. numpy's own ``tofile`` does not say why a disk refused them, nor always that it did."""
    rest = memoryview(values.reshape(-1).view(np.uint8)) if isinstance(values, np.ndarray) else values
    try:
        while len(rest):
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise OSError(error.errno, error.strerror, file.name) from None


def write_plane(path: Path, values: np.ndarray) -> None:
    """A plane (F, T), on disk itself, into another .npy file."""
    plane = DiskPlane(path, values.shape, values.dtype)
    for block in array_blocks(values):
        plane.append(block)
    plane.finish()


def write_row(path: Path, pieces: Iterable[np.ndarray], count: int, dtype: str) -> None:
    """So many numbers, which come in pieces, into an .npy file."""
    with open(path, "wb", buffering=0) as file:
        write_header(file, (count,), np.dtype(dtype))
        for piece in pieces:
            _put(file, np.ascontiguousarray(piece, dtype=dtype))


def columns(values: np.ndarray, first: int, last: int) -> np.ndarray:
    """Columns first to last - 1 of a plane as an array of its own; of one on disk no more than that comes into memory."""
    part = np.array(values[:, first:last], order="F")
    forget(values)
    return part


def array_blocks(values: np.ndarray, size: int = 1 << 22) -> Iterable[np.ndarray]:
    """A plane (F, T) or a row (N,) on disk piece by piece, of about so many values each; what is in memory as it is."""
    if not on_disk(values):
        yield values
    elif values.ndim == 1:
        for first in range(0, len(values), size):
            yield np.array(values[first : first + size])
            forget(values)
    else:
        for first, last in block_ranges(values.shape[1], max(1, size // values.shape[0])):
            yield columns(values, first, last)


def quantities(values: np.ndarray) -> list[float]:
    """The least, the median (to a millionth of their range) and the greatest of what stays on disk."""
    ends = [(float(block.min()), float(block.max())) for block in array_blocks(values)]
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    if low == high:
        return [low, low, high]
    # In double precision: a narrow range has not so many numbers in single.
    counts = sum(np.histogram(block.astype(np.float64), _BINS, (low, high))[0] for block in array_blocks(values))
    middle = int(np.searchsorted(np.cumsum(counts), values.size / 2))
    return [low, low + (middle + 0.5) * (high - low) / _BINS, high]


def forget(values: np.ndarray) -> None:
    """Give back the memory that pages of a read-only array on disk have come to take."""
    pages = getattr(values, "_mmap", None)
    if pages is not None and getattr(values, "mode", "") == "r" and hasattr(mmap, "MADV_DONTNEED"):
        pages.madvise(mmap.MADV_DONTNEED)


def on_disk(values: object) -> bool:
    """True for an array that stays on disk."""
    return isinstance(values, np.memmap)


def block_ranges(count: int, size: int) -> list[tuple[int, int]]:
    """(first, last + 1) of pieces of about equal size, at most that, from 0 to count."""
    number = max(1, math.ceil(count / size))
    ends = [round(i * count / number) for i in range(number + 1)]
    return list(itertools.pairwise(ends))
