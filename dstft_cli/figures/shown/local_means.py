"""Means and maxima about each point of an array, block by block, so that large planes need little memory."""

import numpy as np

from ...system.disk_arrays import block_ranges

_BLOCK = 1 << 17  # points at a time, whose sums stay in the caches


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
        return box_mean(values.T, half.T, 1).T
    out = np.empty_like(values)
    for first, last in block_ranges(len(values), max(1, _BLOCK // values.shape[1])):
        out[first:last] = _row_means(values[first:last], half[first:last])
    return out


def _row_means(values: np.ndarray, half: np.ndarray) -> np.ndarray:
    import torch  # here, since most pictures do without it; it reads sums in half of NumPy's time

    rows, count = values.shape
    sums = torch.zeros(rows, count + 1, dtype=torch.float64)
    torch.cumsum(torch.tensor(values), 1, dtype=torch.float64, out=sums[:, 1:])
    here, reach = torch.arange(count), torch.tensor(half).round_().clamp_(max=count).to(torch.int64)
    first, last = (here - reach).clamp_(min=0), (here + reach).add_(1).clamp_(max=count)
    total = sums.gather(1, last).sub_(sums.gather(1, first))
    return total.div_(last.sub_(first)).to(torch.float32).numpy()
