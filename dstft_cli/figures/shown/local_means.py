"""Means and maxima about each point of an array, block by block, so that large planes need little memory."""

import numpy as np

from ...system.disk_arrays import block_ranges

_BLOCK = 1 << 19  # points at a time


def largest_neighbour(values: np.ndarray) -> np.ndarray:
    """The largest of the 3 x 3 values about each point, (F, T). values: (F, T)."""
    largest = values.copy()
    np.maximum(largest[1:], values[:-1], out=largest[1:])
    np.maximum(largest[:-1], values[1:], out=largest[:-1])
    whole = largest.copy()
    np.maximum(whole[:, 1:], largest[:, :-1], out=whole[:, 1:])
    np.maximum(whole[:, :-1], largest[:, 1:], out=whole[:, :-1])
    return whole


def box_mean(values: np.ndarray, half: np.ndarray, axis: int) -> np.ndarray:
    """The mean over a stretch of one axis about each point; it is shorter at the ends.

    values: (F, T), float32.
    half: how far the stretch reaches on either side, in points, any shape that broadcasts to (F, T).
    axis: 0 or 1.

    Returns (F, T) float32.
    """
    half = np.broadcast_to(half, values.shape)
    if axis == 0:
        return box_mean(np.ascontiguousarray(values.T), half.T, 1).T
    out = np.empty_like(values)
    for first, last in block_ranges(len(values), max(1, _BLOCK // values.shape[1])):
        out[first:last] = _row_means(values[first:last], half[first:last])
    return out


def _row_means(values: np.ndarray, half: np.ndarray) -> np.ndarray:
    rows, count = values.shape
    sums = np.zeros((rows, count + 1))
    np.cumsum(values, axis=1, dtype=np.float64, out=sums[:, 1:])
    reach = np.minimum(np.round(half), count).astype(np.int32)
    here = np.arange(count, dtype=np.int32)
    first, last = np.maximum(here - reach, 0), np.minimum(here + reach + 1, count)
    offsets = (np.arange(rows, dtype=np.int64) * (count + 1))[:, None]
    total = sums.ravel()[last + offsets] - sums.ravel()[first + offsets]
    return (total / (last - first)).astype(np.float32)
