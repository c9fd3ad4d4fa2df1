"""Arrays on disk: .npy files written and read a block of frames at a time, so that only a block is in memory."""

import io
import itertools
import math
import mmap
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

_HISTOGRAM_BINS = 1_000_000


def file_beside(name: str) -> str:
    """The name of the .npy file, beside result.npz, of an array that is too large for it."""
    return f"result-{name}.npy"


class DiskPlane:
    """An array (F, T) that is written to an .npy file a block of frames at a time, in Fortran order.

    path: the file; an existing one is replaced.
    shape: (F, T).
    dtype: of the file.
    frames: number of frames written so far.

    ``numpy.load(path, mmap_mode="r")`` opens the file. Errors of the disk are OSError.
    """

    def __init__(self, path: Path, shape: tuple[int, int], dtype: str | np.dtype):
        self.path, self.shape, self.dtype = path, shape, np.dtype(dtype)
        path.unlink(missing_ok=True)  # not overwritten: another array may map it
        self._file = open(path, "w+b", buffering=0)
        write_header(self._file, shape, self.dtype, fortran=True)
        self._begin, self.frames = self._file.tell(), 0

    def append(self, columns: np.ndarray) -> None:
        """Write the next frames. columns: (F, n)."""
        self._file.seek(0, os.SEEK_END)
        _write(self._file, np.ascontiguousarray(columns.T, dtype=self.dtype))
        self.frames += columns.shape[1]

    def columns(self, first: int, last: int) -> np.ndarray:
        """Frames first to last - 1 of those written, (F, last - first)."""
        self._file.seek(self._begin + first * self.shape[0] * self.dtype.itemsize)
        rows = np.fromfile(self._file, self.dtype, (last - first) * self.shape[0])
        return rows.reshape(-1, self.shape[0]).T

    def finish(self) -> np.memmap:
        """Close the file and return all frames, (F, T), as a read-only memory map."""
        self._file.close()
        return np.load(self.path, mmap_mode="r")


def write_header(file, shape: tuple[int, ...], dtype: np.dtype, fortran: bool = False) -> None:
    """Write the header of an .npy file. file: open and unbuffered. fortran: the array is in Fortran order."""
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": fortran, "shape": shape}
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, header)
    _write(file, buffer.getbuffer())


def _write(file, values: np.ndarray | memoryview) -> None:
    """Write contiguous values. NumPy's ``tofile`` does not say why a disk failed, nor always that it did."""
    rest = memoryview(values.reshape(-1).view(np.uint8)) if isinstance(values, np.ndarray) else values
    try:
        while len(rest):
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise OSError(error.errno, error.strerror, file.name) from None


def write_plane(path: Path, values: np.ndarray) -> None:
    """Copy an array (F, T), itself on disk, to an .npy file."""
    plane = DiskPlane(path, values.shape, values.dtype)
    for block in array_blocks(values):
        plane.append(block)
    plane.finish()


def write_row(path: Path, blocks: Iterable[np.ndarray], count: int, dtype: str) -> None:
    """Write a one-dimensional .npy file. blocks: arrays (n,) whose lengths add up to ``count``."""
    with open(path, "wb", buffering=0) as file:
        write_header(file, (count,), np.dtype(dtype))
        for block in blocks:
            _write(file, np.ascontiguousarray(block, dtype=dtype))


def columns(values: np.ndarray, first: int, last: int) -> np.ndarray:
    """A copy (F, last - first) of columns first to last - 1. values: (F, T), in memory or on disk."""
    block = np.array(values[:, first:last], order="F")
    release_pages(values)
    return block


def array_blocks(values: np.ndarray, size: int = 1 << 22) -> Iterable[np.ndarray]:
    """The blocks of an array on disk, (F, n) or (n,), each of about ``size`` values; an array in memory as it is.

    values: (F, T) or (N,).
    """
    if not on_disk(values):
        yield values
    elif values.ndim == 1:
        for first in range(0, len(values), size):
            yield np.array(values[first : first + size])
            release_pages(values)
    else:
        for first, last in block_ranges(values.shape[1], max(1, size // values.shape[0])):
            yield columns(values, first, last)


def min_median_max(values: np.ndarray) -> list[float]:
    """Minimum, median (to a millionth of the range) and maximum of an array on disk, any shape."""
    ends = [(float(block.min()), float(block.max())) for block in array_blocks(values)]
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    if low == high:
        return [low, low, high]
    # In double precision: a narrow range does not have that many single-precision numbers.
    counts = sum(
        np.histogram(block.astype(np.float64), _HISTOGRAM_BINS, (low, high))[0] for block in array_blocks(values)
    )
    middle = int(np.searchsorted(np.cumsum(counts), values.size / 2))
    return [low, low + (middle + 0.5) * (high - low) / _HISTOGRAM_BINS, high]


def release_pages(values: np.ndarray) -> None:
    """Free the memory that the pages of a read-only array on disk occupy; other arrays are left alone."""
    pages = getattr(values, "_mmap", None)
    if pages is not None and getattr(values, "mode", "") == "r" and hasattr(mmap, "MADV_DONTNEED"):
        pages.madvise(mmap.MADV_DONTNEED)


def on_disk(values: object) -> bool:
    """True for an array that stays on disk."""
    return isinstance(values, np.memmap)


def block_ranges(count: int, size: int) -> list[tuple[int, int]]:
    """(first, last + 1) of blocks of about equal size, at most ``size``, that cover 0 to count - 1."""
    number = max(1, math.ceil(count / size))
    ends = [round(i * count / number) for i in range(number + 1)]
    return list(itertools.pairwise(ends))
