"""What makes a representation good: pure functions to be minimised, in two tables.

``CRITERIA`` take magnitudes |S| and give a scalar; ``REGULARIZERS`` take window lengths. Both have hand-written
gradients, since they are evaluated on every bin at every step.
"""

from collections.abc import Callable

import torch
from torch import Tensor

_TINY = 1e-30  # keeps log finite at |S| = 0, far below what any recording resolves


def magnitude(spectrum: Tensor) -> Tensor:
    """|S| without gradient, of any shape; twice as fast as abs, for values whose squares a float can hold."""
    real, imag = torch.view_as_real(spectrum).unbind(-1)
    return real.square().addcmul_(imag, imag).sqrt_()


class _Entropy(torch.autograd.Function):
    """E = log Z - Q/Z with Z = Σa, Q = Σ a log a; ∂E/∂a = (Q/Z - log a)/Z, capped at a = 0."""

    @staticmethod
    def forward(ctx, magnitude):
        logs = magnitude.clamp_min(_TINY).log_()
        total = magnitude.sum(dtype=torch.float64)
        mean = (magnitude * logs).sum(dtype=torch.float64) / total.clamp_min(_TINY)
        ctx.save_for_backward(logs, total, mean)
        return torch.where(total > 0, total.clamp_min(_TINY).log() - mean, 0.0)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        logs, total, mean = ctx.saved_tensors
        scale = torch.where(total > 0, grad / total.clamp_min(_TINY), 0.0)
        return (mean.to(logs.dtype) - logs) * scale.to(logs.dtype)


def entropy(magnitude: Tensor) -> Tensor:
    """Shannon entropy of the normalised magnitudes, Eq. (26), in nats; low where the energy is concentrated.

    magnitude: |S|, non-negative, any shape, (F, T) as a rule. Returns a float64 scalar in [0, log of the number of bins];
    a silent plane gives 0. Zeros contribute nothing and their gradient is finite.
    """
    return _Entropy.apply(magnitude)


class _TotalVariation(torch.autograd.Function):
    """Σ over bins of sqrt(Σ over 4-neighbours of squared differences + ε²) - ε."""

    @staticmethod
    def forward(ctx, values, epsilon):
        down, right = values[1:] - values[:-1], values[:, 1:] - values[:, :-1]
        squares = torch.full_like(values, epsilon**2)
        for difference, high, low in ((down.square(), _ROWS[1], _ROWS[0]), (right.square(), _COLS[1], _COLS[0])):
            squares[high] += difference
            squares[low] += difference
        inverse = squares.rsqrt()
        ctx.save_for_backward(down, right, inverse)
        return squares.mul_(inverse).sub_(epsilon).clamp_min_(0).sum(dtype=torch.float64)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        down, right, inverse = ctx.saved_tensors
        out = torch.zeros_like(inverse)
        for difference, (low, high) in ((down, _ROWS), (right, _COLS)):
            pull = difference * (inverse[high] + inverse[low])
            out[high] += pull
            out[low] -= pull
        return out.mul_(grad.to(out.dtype)), None


_ROWS = (slice(None, -1), slice(1, None))  # the lower and the upper of each vertical pair
_COLS = ((slice(None), slice(None, -1)), (slice(None), slice(1, None)))


def total_variation(values: Tensor, epsilon: float = 0.01, reduction: str = "mean") -> Tensor:
    """Total variation over the 4-neighbours of each bin, Eq. (28), smoothed so that it has a gradient where it is 0.

    values: window lengths (F, T), (1, T) or (F, 1) in octaves (log2 θ) or in samples.
    epsilon: the square root's smoothing, in the unit of values; a constant map costs exactly 0.
    reduction: ``mean`` over bins, so that one weight serves every grid, or ``sum``, as the paper prints it.
    Returns a float64 scalar, at least 0.
    """
    total = _TotalVariation.apply(values, epsilon)
    return total / values.numel() if reduction == "mean" else total


CRITERIA: dict[str, Callable[[Tensor], Tensor]] = {"entropy": entropy}

REGULARIZERS: dict[str, Callable[..., Tensor] | None] = {"tv": total_variation, "none": None}
