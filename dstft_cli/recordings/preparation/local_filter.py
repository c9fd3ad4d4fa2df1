"""A filter of a signal that may stay in its file: applied to blocks with so many samples around them that no join is seen."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from ..lazy_samples import LazySamples

_BLOCK = 1 << 19  # samples that are filtered together where samples stay in their file
_KEPT = 3  # blocks in memory


def apply_filter(
    samples: np.ndarray | LazySamples, function: Callable[[np.ndarray], np.ndarray], reach: int
) -> np.ndarray | LazySamples:
    """Filtered samples: an array of an array, LazySamples of LazySamples.

    samples: (N,).
    function: of (n,) samples, returns as many filtered ones.
    reach: how many samples on either side a filtered sample depends on.

    Returns (N,).
    """
    if not isinstance(samples, LazySamples):
        return function(np.asarray(samples, dtype=np.float64))
    count, size = len(samples), max(_BLOCK, 2 * reach)

    @lru_cache(_KEPT)
    def block(index: int) -> np.ndarray:
        first = index * size
        begin, end = max(0, first - reach), min(count, first + size + reach)
        return function(samples[begin:end])[first - begin : first - begin + size]

    def read(first: int, last: int) -> np.ndarray:
        parts = [
            block(index)[max(0, first - index * size) : last - index * size]
            for index in range(first // size, (last - 1) // size + 1)
        ]
        return np.concatenate(parts)

    return LazySamples(read, count)
