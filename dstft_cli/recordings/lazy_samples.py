"""A long signal that stays in its file: sliced like an array, each slice is read when it is needed."""

from collections.abc import Callable, Iterator

import numpy as np

_BLOCK_SAMPLES = 1 << 20  # samples that are processed together


class LazySamples:
    """N samples, float64, less a straight line. A slice, of step 1 only, returns a new array.

    read: function of (first, last) that returns samples first to last - 1 as the file has them, (last - first,) float64.
    count: N.
    level: the line at sample 0, in the unit of the samples.
    slope: the line's rise per sample.
    """

    dtype, ndim = np.dtype(np.float64), 1

    def __init__(self, read: Callable[[int, int], np.ndarray], count: int, level: float = 0.0, slope: float = 0.0):
        self._read, self._count, self._level, self._slope = read, count, level, slope

    def __len__(self) -> int:
        return self._count

    @property
    def shape(self) -> tuple[int]:
        """(N,)."""
        return (self._count,)

    def __getitem__(self, samples: slice) -> np.ndarray:
        first, last, step = samples.indices(self._count)
        if step != 1:
            raise ValueError(f"LazySamples are sliced in steps of 1, not {step}")
        values = self._read(first, last) if last > first else np.empty(0)
        if self._slope:
            return values - (self._level + self._slope * np.arange(first, last))
        return values - self._level if self._level else values

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return self[:].astype(dtype or self.dtype)

    def less(self, level: float, slope: float) -> "LazySamples":
        """The same samples less another straight line.

        level: the line at sample 0, in the unit of the samples.
        slope: the line's rise per sample.

        Returns (N,) samples.
        """
        return LazySamples(self._read, self._count, self._level + level, self._slope + slope)


def iter_blocks(samples: np.ndarray | LazySamples, size: int = _BLOCK_SAMPLES) -> Iterator[np.ndarray]:
    """The samples block by block, from the first to the last.

    samples: (N,), or anything else that is sliced along its first axis.
    size: samples per block.

    Yields blocks (size,); the last may be shorter.
    """
    for first in range(0, len(samples), size):
        yield samples[first : first + size]
