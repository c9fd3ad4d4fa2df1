"""A long row of samples that stays in its file: sliced like an array, each slice is read when it is asked for."""

from collections.abc import Callable, Iterator

import numpy as np

_BLOCK_SAMPLES = 1 << 20  # samples that are looked at together


class LazySamples:
    """N samples, float64, less a straight line. read: (first, last) -> samples first to last - 1, as the file has them.

    level, slope: of the line, at sample 0 and a sample. A slice gives a new array; step 1 only.
    """

    dtype, ndim = np.dtype(np.float64), 1

    def __init__(self, read: Callable[[int, int], np.ndarray], count: int, level: float = 0.0, slope: float = 0.0):
        self._read, self._count, self._level, self._slope = read, count, level, slope

    def __len__(self) -> int:
        return self._count

    @property
    def shape(self) -> tuple[int]:
        return (self._count,)

    def __getitem__(self, part: slice) -> np.ndarray:
        first, last, step = part.indices(self._count)
        if step != 1:
            raise ValueError("a tape is read in steps of 1")
        values = self._read(first, last) if last > first else np.empty(0)
        if self._slope:
            return values - (self._level + self._slope * np.arange(first, last))
        return values - self._level if self._level else values

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return self[:].astype(dtype or self.dtype)

    def less(self, level: float, slope: float) -> "LazySamples":
        """The same less another line."""
        return LazySamples(self._read, self._count, self._level + level, self._slope + slope)


def iter_blocks(samples: np.ndarray | LazySamples, size: int = _BLOCK_SAMPLES) -> Iterator[np.ndarray]:
    """Samples (N,), or whatever else is sliced like them, from first to last, so many at a time."""
    for first in range(0, len(samples), size):
        yield samples[first : first + size]
