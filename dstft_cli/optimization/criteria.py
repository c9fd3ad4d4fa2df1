"""What makes a representation good: pure functions, in three tables.

``CRITERIA`` judge magnitudes |S|, ``REGULARIZERS`` window lengths, ``PENALTIES`` where frames lie. What is evaluated on
every bin at every step has a hand-written gradient.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ..errors import InputError

_TINY = 1e-30  # keeps log finite at |S| = 0, far below what any recording resolves
_NEAR_ONE = 1e-4  # of the order of Rényi's entropy: nearer to 1, float32 rounds off more than Shannon's entropy differs


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
        # Of length 1 at most before the gradient comes in: what is large at faint bins then neither overflows nor meets 0·inf.
        least = torch.finfo(size.dtype).tiny ** 0.5
        return (spectrum * size.clamp_min(least).reciprocal_()).mul_(grad)


def magnitude(spectrum: Tensor) -> Tensor:
    """|S| of any shape; faster than abs, for values whose squares a float can hold."""
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
    """Shannon entropy of the normalised magnitudes, Eq. (26), in nats; low where the energy is concentrated.

    magnitude: |S|, non-negative, any shape, (F, T) as a rule. Returns a float64 scalar in [0, log of the number of bins];
    a silent plane gives 0. Zeros contribute nothing and their gradient is finite.
    """
    return _Entropy.apply(magnitude)


class _Renyi(torch.autograd.Function):
    """R = log(Σ p^α)/(1-α); ∂R/∂a = α/(1-α) (a^(α-1)/Σa^α - 1/Σa), capped at a = 0 for α < 1."""

    @staticmethod
    def forward(ctx, magnitude, order):
        top = magnitude.max().clamp_min(_TINY)
        part = magnitude / top
        total = part.sum(dtype=torch.float64)
        powers = part.clamp_min(_TINY if order < 1 else 0.0).pow_(order - 1)
        moment = (powers * part).sum(dtype=torch.float64)
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
    """Rényi entropy of order α of the same normalised magnitudes as Eq. (26), in nats: log(Σ p^α)/(1-α).

    Baraniuk et al. (the paper's [47]) recommend α = 3, and take it of an energy distribution: ``renyi(magnitude**2)``.
    magnitude: non-negative, any shape. order: α > 0; 1 is Shannon's entropy, more looks more at what is loudest.
    Returns a float64 scalar in [0, log of the number of bins]; a silent plane gives 0.
    """
    return entropy(magnitude) if abs(order - 1) < _NEAR_ONE else _Renyi.apply(magnitude, order)


class _Kurtosis(torch.autograd.Function):
    """Mean over frames of K = F Σa⁴/(Σa²)²; ∂K/∂a = 4F (a³/P² - a Q/P³) with P = Σa², Q = Σa⁴."""

    @staticmethod
    def forward(ctx, magnitude):
        bins, frames = magnitude.shape
        top = magnitude.amax(0)
        part = magnitude / torch.where(top > 0, top, 1.0)  # fourth powers of faint frames would vanish otherwise
        squares = part.square()
        power, fourth = squares.sum(0), squares.square().sum(0)
        power = torch.where(top > 0, power, 1.0)
        values = torch.where(top > 0, bins * fourth / power.square(), 1.0)
        ctx.save_for_backward(part, power, fourth, top)
        return values.sum(dtype=torch.float64) / frames

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        part, power, fourth, top = ctx.saved_tensors
        bins, frames = part.shape
        scale = torch.where(top > 0, 4 * bins / frames / (power.square() * top), 0.0)
        return part * (part.square() - fourth / power) * (scale * grad.to(part.dtype))


def kurtosis(magnitude: Tensor) -> Tensor:
    """Mean over frames of the kurtosis of a frame's spectrum, Eq. (30): E_m|S|⁴ / (E_m|S|²)².

    magnitude: |S| (F, T). Returns a float64 scalar in [1, F], high where each frame has its energy in few frequencies: 1 is
    a flat spectrum, 2 that of noise, F a single line. A silent frame counts as 1 and has no gradient.
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
    """Total variation over the 4-neighbours of each bin, Eq. (28), smoothed so that it has a gradient where it is 0.

    values: window lengths (F, T), (1, T) or (F, 1) in octaves (log2 θ) or in samples.
    epsilon: the square root's smoothing, in the unit of values; a constant map costs exactly 0.
    reduction: ``mean`` over bins, so that one weight serves every grid, or ``sum``, as the paper prints it.
    Returns a float64 scalar, at least 0.
    """
    total = _TotalVariation.apply(values, epsilon, False)
    return total / values.numel() if reduction == "mean" else total


def column_variation(values: Tensor, epsilon: float) -> Tensor:
    """The same summed over each column of values (F, T) alone: (T,), float64. A column's neighbours must be there."""
    return _TotalVariation.apply(values, epsilon, True)


def linked_coverage(positions: Tensor, theta: Tensor, samples: int) -> Tensor:
    """C(Ω) of Eq. (32), over the T - 1 gaps that there are: how much of the signal neighbouring windows link, in [0, 1].

    Each gap counts as far as its two windows reach towards each other, min(t_{n+1} - t_n, (θ_{n+1} + θ_n)/2), over N.
    positions: (T,) samples, increasing. theta: samples, (1 or F, 1 or T); the mean over frequency where it varies. samples: N.
    """
    return linked_gaps(positions, theta, samples).sum() / (samples * len(theta))


def linked_gaps(positions: Tensor, theta: Tensor, samples: int) -> Tensor:
    """How much of each gap the windows on both its sides link, in samples, (1 or F, T - 1). Arguments as above."""
    theta = theta.to(positions.dtype).expand(theta.shape[0], len(positions))
    gaps, half = positions.diff(), theta / 2
    linked = torch.minimum(gaps, half[:, 1:] + half[:, :-1])
    inside = (positions[1:] - half[:, 1:] < samples) & (positions[:-1] + half[:, :-1] > 0)
    return linked * inside


def coverage_penalty(positions: Tensor, theta: Tensor, samples: int) -> Tensor:
    """1 - C(Ω), to be minimised: Eq. (29) and (32) with the sign that the paper's text asks for. Arguments as above."""
    return 1 - linked_coverage(positions, theta, samples)


def coverage(positions: Tensor, theta: Tensor, samples: int, part: tuple[float, float] | None = None) -> float:
    """The measure of the union of [t_n - θ_n/2, t_n + θ_n/2] ∩ [0, N], over N; the mean over frequency. Arguments as above.

    part: (first, last) sample of the part of [0, N] that counts.
    """
    bounds = part or (0, samples)
    theta = theta.to(positions.dtype).expand(theta.shape[0], len(positions))
    left, order = (positions - theta / 2).clamp(*bounds).sort(-1)
    right = (positions + theta / 2).clamp(*bounds).gather(-1, order).cummax(-1).values
    reached = torch.cat([torch.full_like(right[:, :1], bounds[0]), right[:, :-1]], -1)
    fresh = right - torch.maximum(left, reached)
    return float(fresh.sum() / (samples * len(theta)))


@dataclass(frozen=True)
class Criterion:
    """What is optimised.

    measure: |S| (F, T) to a scalar, as the field knows it; None for one of θ, which needs more than one plane.
    cost: that scalar to what is made small. per_frame: True where the measure does not grow with the number of frames.
    """

    name: str
    measure: Callable[[Tensor], Tensor] | None
    cost: Callable[[Tensor], Tensor]
    per_frame: bool


def _itself(value: Tensor) -> Tensor:
    return value


def _less_when_more(value: Tensor) -> Tensor:
    """-log, so that a doubling counts alike however many bins there are."""
    return -value.log()


CRITERIA = {
    "entropy": Criterion("entropy", entropy, _itself, False),
    "renyi": Criterion("renyi", renyi, _itself, False),
    "kurtosis": Criterion("kurtosis", kurtosis, _less_when_more, True),
    "concentration": Criterion("concentration", None, torch.neg, True),
}

REGULARIZERS: dict[str, Callable[..., Tensor] | None] = {"tv": total_variation, "none": None}

PENALTIES: dict[str, Callable[[Tensor, Tensor, int], Tensor] | None] = {"coverage": coverage_penalty, "none": None}


def get_criterion(criterion: str | Callable[[Tensor], Tensor], order: float = 3.0) -> Criterion:
    """The criterion of that name, or one made of a callable |S| (F, T) -> scalar to be minimised, then called ``custom``.

    order: α of ``renyi``. Raises InputError for an unknown name.
    """
    if callable(criterion):
        return Criterion("custom", criterion, _itself, True)
    if criterion not in CRITERIA:
        raise InputError(
            f"criterion {criterion!r} is not known; choose one of {', '.join(CRITERIA)} or pass a callable"
        )
    found = CRITERIA[criterion]
    return Criterion("renyi", partial(renyi, order=order), _itself, False) if criterion == "renyi" else found
