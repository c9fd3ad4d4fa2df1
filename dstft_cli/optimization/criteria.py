"""Criteria, regularizers and penalties: pure functions that judge |S|, window lengths and frame positions.

``CRITERIA``, ``REGULARIZERS`` and ``PENALTIES`` list them by name. Functions of every bin at every step have a
hand-written gradient.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ..errors import InputError
from .coverage import coverage_penalty

_TINY = 1e-30  # keeps log finite at |S| = 0, far below what any recording resolves
_NEAR_ONE = 1e-4  # an order this near to 1 differs from Shannon's entropy by less than float32 rounds


class _Magnitude(torch.autograd.Function):
    """|S|, and ∂|S| = Re(S* ∂S)/|S|, 0 where S is 0."""

    @staticmethod
    def forward(ctx, spectrum):
        real, imag = torch.view_as_real(spectrum).unbind(-1)
        size = real.square().addcmul_(imag, imag).sqrt_()
        ctx.save_for_backward(spectrum, size)
        return size

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        spectrum, size = ctx.saved_tensors
        # S/|S| first: a large gradient at a faint bin then neither overflows nor becomes 0·inf.
        least = torch.finfo(size.dtype).tiny ** 0.5
        return (spectrum * size.clamp_min(least).reciprocal_()).mul_(grad)


def magnitude(spectrum: Tensor) -> Tensor:
    """|S|, any shape, differentiable; faster than abs, for values whose squares a float can hold.

    spectrum: S, complex, any shape.
    """
    return _Magnitude.apply(spectrum)


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
    """Shannon entropy of the normalised magnitudes, Eq. (26); low where few bins hold the energy.

    magnitude: |S|, non-negative, any shape, usually (F, T). Zeros contribute nothing and have a finite gradient.

    Returns a float64 scalar in nats, in [0, log of the number of bins]; 0 for silence.
    """
    return _Entropy.apply(magnitude)


class _Renyi(torch.autograd.Function):
    """R = log(Σ p^α)/(1-α); ∂R/∂a = α/(1-α) (a^(α-1)/Σa^α - 1/Σa), capped at a = 0 for α < 1."""

    @staticmethod
    def forward(ctx, magnitude, order):
        top = magnitude.max().clamp_min(_TINY)
        relative = magnitude / top
        total = relative.sum(dtype=torch.float64)
        powers = relative.clamp_min(_TINY if order < 1 else 0.0).pow_(order - 1)
        moment = (powers * relative).sum(dtype=torch.float64)
        ctx.save_for_backward(powers, total, moment, top)
        ctx.order = order
        return torch.where(total > 0, (moment.log() - order * total.log()) / (1 - order), 0.0)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        powers, total, moment, top = ctx.saved_tensors
        if not bool(total > 0):
            return torch.zeros_like(powers), None
        scale = ctx.order / (1 - ctx.order) * grad / top
        return powers * (scale / moment).to(powers.dtype) - (scale / total).to(powers.dtype), None


def renyi(magnitude: Tensor, order: float = 3.0) -> Tensor:
    """Rényi entropy of order α of the normalised magnitudes of Eq. (26): log(Σ p^α)/(1-α).

    Baraniuk et al. (the paper's [47]) recommend α = 3, of an energy distribution: ``renyi(magnitude**2)``.

    magnitude: |S|, non-negative, any shape.
    order: α > 0; 1 is Shannon's entropy; a higher order gives loud bins more weight.

    Returns a float64 scalar in nats, in [0, log of the number of bins]; 0 for silence.
    """
    return entropy(magnitude) if abs(order - 1) < _NEAR_ONE else _Renyi.apply(magnitude, order)


class _Kurtosis(torch.autograd.Function):
    """Mean over frames of K = F Σa⁴/(Σa²)²; ∂K/∂a = 4F (a³/P² - a Q/P³) with P = Σa², Q = Σa⁴."""

    @staticmethod
    def forward(ctx, magnitude):
        bins, frames = magnitude.shape
        top = magnitude.amax(0)
        relative = magnitude / torch.where(top > 0, top, 1.0)  # fourth powers of faint frames would underflow otherwise
        squares = relative.square()
        power, fourth = squares.sum(0), squares.square().sum(0)
        power = torch.where(top > 0, power, 1.0)
        values = torch.where(top > 0, bins * fourth / power.square(), 1.0)
        ctx.save_for_backward(relative, power, fourth, top)
        return values.sum(dtype=torch.float64) / frames

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        relative, power, fourth, top = ctx.saved_tensors
        bins, frames = relative.shape
        scale = torch.where(top > 0, 4 * bins / frames / (power.square() * top), 0.0)
        return relative * (relative.square() - fourth / power) * (scale * grad.to(relative.dtype))


def kurtosis(magnitude: Tensor) -> Tensor:
    """Mean over frames of the kurtosis of a frame's spectrum, Eq. (30): E_m|S|⁴ / (E_m|S|²)².

    magnitude: |S|, (F, T). A silent frame counts as 1 and has no gradient.

    Returns a float64 scalar in [1, F], high where each frame has its energy in few frequencies: a flat spectrum gives 1,
    white noise 2, a single line F.
    """
    return _Kurtosis.apply(magnitude)


class _TotalVariation(torch.autograd.Function):
    """Σ over bins, or over those of each column, of sqrt(Σ over 4-neighbours of squared differences + ε²) - ε."""

    @staticmethod
    def forward(ctx, values, epsilon, columns):
        down, right = values[1:] - values[:-1], values[:, 1:] - values[:, :-1]
        squares = torch.full_like(values, epsilon**2)
        for difference, high, low in ((down.square(), _ROWS[1], _ROWS[0]), (right.square(), _COLS[1], _COLS[0])):
            squares[high] += difference
            squares[low] += difference
        inverse = squares.rsqrt()
        ctx.save_for_backward(down, right, inverse)
        costs = squares.mul_(inverse).sub_(epsilon).clamp_min_(0)
        return costs.sum(0, dtype=torch.float64) if columns else costs.sum(dtype=torch.float64)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        down, right, inverse = ctx.saved_tensors
        if grad.dim():
            inverse, grad = inverse * grad.to(inverse.dtype), grad.new_ones(())
        out = torch.zeros_like(inverse)
        for difference, (low, high) in ((down, _ROWS), (right, _COLS)):
            pull = difference * (inverse[high] + inverse[low])
            out[high] += pull
            out[low] -= pull
        return out.mul_(grad.to(out.dtype)), None, None


_ROWS = (slice(None, -1), slice(1, None))  # the lower and the upper of each vertical pair
_COLS = ((slice(None), slice(None, -1)), (slice(None), slice(1, None)))


def total_variation(values: Tensor, epsilon: float = 0.01, reduction: str = "mean") -> Tensor:
    """Total variation over the 4 neighbours of each bin, Eq. (28), smoothed so that it has a gradient where it is 0.

    values: window lengths, (F, T), (1, T) or (F, 1), in octaves (log2 θ) or in samples.
    epsilon: smoothing of the square root, in the unit of values; a constant map costs exactly 0.
    reduction: ``mean`` over bins, so that one weight serves every grid, or ``sum``, as the paper prints it.

    Returns a float64 scalar, at least 0.
    """
    total = _TotalVariation.apply(values, epsilon, False)
    return total / values.numel() if reduction == "mean" else total


def column_variation(values: Tensor, epsilon: float) -> Tensor:
    """The total variation summed over each column.

    values: window lengths, (F, T), in octaves or in samples; each column counts its differences to the columns beside it.
    epsilon: smoothing of the square root, in the unit of values.

    Returns (T,) float64.
    """
    return _TotalVariation.apply(values, epsilon, True)


@dataclass(frozen=True)
class Criterion:
    """A criterion that a run optimises.

    name: its name in the configuration.
    measure: |S|, (F, T), to a scalar, as the field defines it; None for a criterion of θ that needs more than one plane.
    cost: that scalar to the one that is minimised.
    per_frame: True where the measure does not grow with the number of frames.
    """

    name: str
    measure: Callable[[Tensor], Tensor] | None
    cost: Callable[[Tensor], Tensor]
    per_frame: bool


def _identity(value: Tensor) -> Tensor:
    return value


def _negative_log(value: Tensor) -> Tensor:
    """-log K: falls as K rises, and a doubling counts the same whatever the number of bins."""
    return -value.log()


CRITERIA = {
    "entropy": Criterion("entropy", entropy, _identity, False),
    "renyi": Criterion("renyi", renyi, _identity, False),
    "kurtosis": Criterion("kurtosis", kurtosis, _negative_log, True),
    "local-entropy": Criterion("local-entropy", None, _identity, True),
}

REGULARIZERS: dict[str, Callable[..., Tensor] | None] = {"tv": total_variation, "none": None}

PENALTIES: dict[str, Callable[[Tensor, Tensor, int], Tensor] | None] = {"coverage": coverage_penalty, "none": None}


def get_criterion(criterion: str | Callable[[Tensor], Tensor], order: float = 3.0) -> Criterion:
    """The criterion for a name or a callable.

    criterion: a name in CRITERIA, or a callable of |S|, (F, T), that returns a scalar to be minimised; it is then called
        ``custom``.
    order: α of ``renyi``.

    Raises InputError for an unknown name.
    """
    if callable(criterion):
        return Criterion("custom", criterion, _identity, True)
    if criterion not in CRITERIA:
        raise InputError(
            f"criterion {criterion!r} is not known; choose one of {', '.join(CRITERIA)} or pass a callable"
        )
    if criterion == "renyi":
        return Criterion("renyi", partial(renyi, order=order), _identity, False)
    return CRITERIA[criterion]
