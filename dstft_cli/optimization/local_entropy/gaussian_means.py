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
    at, reach = torch.as_tensor(points, dtype=torch.float64), math.ceil(_REACH * deviation)
    column = _columns(at.round() - reach, 2 * reach + 1, size)
    weight = torch.exp(-0.5 * ((column - at[:, None]) / deviation) ** 2)
    weight[(column - at.round()[:, None]).abs() > reach] = 0  # columns moved into the axis are no farther than others
    return _sparse(column, weight / weight.sum(1, keepdim=True), size, like)


def linear_rows(points: Sequence[float], size: int, like: Tensor) -> Tensor:
    """A matrix that interpolates linearly at some points of an axis; beyond its ends it repeats the first and last value.

    points: K places on the axis, in steps from its first value.
    size: n values on the axis.
    like: gives type and device.

    Returns (K, n), sparse; each row sums to 1.
    """
    at = torch.as_tensor(points, dtype=torch.float64).clamp(0, size - 1)
    column = _columns(at.floor(), 2, size)
    return _sparse(column, (1 - (column - at[:, None]).abs()).clamp_min(0), size, like)


def apply_to(values: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """rows · values · columnsᵀ.

    values: (F, T).
    rows, columns: sparse matrices (K, F) and (M, T).

    Returns (K, M).
    """
    return (columns @ (rows @ values).t().contiguous()).t()


class Means:
    """``apply_to`` with the same two matrices again and again, differentiable in the values.

    rows, columns: sparse matrices (K, F) and (M, T). They are transposed once: torch would sort their entries for each gradient.
    """

    def __init__(self, rows: Tensor, columns: Tensor):
        self._matrices = rows, columns
        self._transposed = tuple(matrix.t().to_sparse_csr() for matrix in self._matrices)

    def __call__(self, values: Tensor) -> Tensor:
        """rows · values · columnsᵀ, (K, M). values: (F, T)."""
        return _Products.apply(values, self._matrices, self._transposed)


class _Products(torch.autograd.Function):
    """rows · values · columnsᵀ, where its gradient multiplies by the transposed matrices."""

    @staticmethod
    def forward(ctx, values, matrices, transposed):
        ctx.transposed = transposed
        return apply_to(values, *matrices)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        return apply_to(grad, *ctx.transposed), None, None


def _columns(first: Tensor, width: int, size: int) -> Tensor:
    """``width`` columns from ``first`` (K,) on, moved into an axis of ``size``: (K, width), fewer on a shorter axis."""
    width = min(width, size)
    return first.to(torch.int64).clamp(0, size - width)[:, None] + torch.arange(width)


def _sparse(column: Tensor, weight: Tensor, size: int, like: Tensor) -> Tensor:
    """The matrix with ``weight`` (K, w) at ``column`` (K, w), increasing in each of its K rows."""
    count, width = column.shape
    ends = torch.arange(count + 1) * width
    parts = (part.to(like.device) for part in (ends, column.reshape(-1), weight.reshape(-1).to(like.dtype)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch calls the format new; it has been the same since 1.13
        return torch.sparse_csr_tensor(*parts, (count, size), check_invariants=False)
