"""Means over a Gaussian about points of a plane, and linear interpolation between points, as products of sparse matrices."""

import math
import warnings
from collections.abc import Sequence

import torch
from torch import Tensor

_REACH = 3.0  # deviations at which the Gaussian is cut off
_NARROWEST = 0.35  # steps: a narrower Gaussian is one point


def gaussian_rows(points: Sequence[float], size: int, deviation: float, like: Tensor) -> Tensor:
    """A matrix of Gaussian weights about some points of an axis.

    points: K places on the axis, in steps from its first value, inside it.
    size: n values on the axis.
    deviation: standard deviation in steps.
    like: gives type and device.

    Returns (K, n), sparse; each row sums to 1, so that the ends of the axis do not count as silence.
    """
    deviation = max(deviation, _NARROWEST)
    at = torch.as_tensor(points, dtype=torch.float64)[:, None]
    column = at.round().long() + torch.arange(-math.ceil(_REACH * deviation), math.ceil(_REACH * deviation) + 1)
    weight = torch.exp(-0.5 * ((column - at) / deviation) ** 2)
    weight = torch.where((column >= 0) & (column < size), weight, 0.0)
    return _sparse(column.clamp(0, size - 1), weight / weight.sum(1, keepdim=True), size, like)


def linear_rows(points: Sequence[float], size: int, like: Tensor) -> Tensor:
    """A matrix that interpolates linearly at some points of an axis; beyond its ends it repeats the first and last value.

    points: K places on the axis, in steps from its first value.
    size: n values on the axis.
    like: gives type and device.

    Returns (K, n), sparse; each row sums to 1.
    """
    at = torch.as_tensor(points, dtype=torch.float64).clamp(0, size - 1)
    low = at.floor().clamp(max=max(0, size - 2))
    share = (at - low)[:, None]
    column = low.long()[:, None] + torch.tensor([0, 1])
    return _sparse(column.clamp(max=size - 1), torch.cat([1 - share, share], 1), size, like)


def apply_to(values: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """rows · values · columnsᵀ, differentiable in the values.

    values: (F, T).
    rows, columns: sparse matrices (K, F) and (M, T).

    Returns (K, M).
    """
    return (columns @ (rows @ values).t().contiguous()).t()


def _sparse(column: Tensor, weight: Tensor, size: int, like: Tensor) -> Tensor:
    """The matrix with ``weight`` (K, w) at ``column`` (K, w) of its K rows."""
    count, width = column.shape
    row = torch.arange(count)[:, None].expand(count, width)
    place = torch.stack([row.reshape(-1), column.reshape(-1)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch calls the format new; it has been the same since 1.13
        matrix = torch.sparse_coo_tensor(place, weight.reshape(-1).to(like.dtype), (count, size)).coalesce()
        return matrix.to(like.device).to_sparse_csr()
