"""Criteria and the total variation: pure functions that judge |S| and window lengths.

``CRITERIA`` lists the criteria by name. Functions of every bin at every step have a hand-written gradient.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ..errors import InputError
from ..system.devices import chunk_bytes

_TINY = 1e-30  # keeps log finite at |S| = 0, far below what any recording resolves
_LEAST = 1e-300  # likewise of sums over |S|
_HIGH = 4.0  # order above which powers leave the range of single precision
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


class _EntropySums(torch.autograd.Function):
    """Σa and Σ a log a of each column, (2, T); ∂ = 1 and 1 + log a, capped at a = 0."""

    @staticmethod
    def forward(ctx, values):
        logs, sums = torch.empty_like(values), values.new_zeros(2, values.shape[1], dtype=torch.float64)
        rows = max(1, chunk_bytes(values.device) // (4 * values[:1].nbytes + 1))  # whose temporaries stay in the caches
        for part, log in zip(values.split(rows), logs.split(rows), strict=True):
            torch.clamp_min(part, _TINY, out=log).log_()
            sums += torch.stack([part.sum(0), (log * part).sum(0)])  # each exact to 1e-7
        ctx.save_for_backward(logs)
        return sums

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        (logs,) = ctx.saved_tensors
        by_sum, by_product = grad.to(logs.dtype)
        return torch.addcmul(by_sum + by_product, logs, by_product)


class _PowerSums(torch.autograd.Function):
    """Σa and Σ a^α of each column, (2, T); ∂ = 1 and α a^(α-1), capped at a = 0 for α < 1."""

    @staticmethod
    def forward(ctx, values, order):
        ctx.dtype = values.dtype
        values = values.double() if order > _HIGH else values
        powers = values.clamp_min(_TINY if order < 1 else 0.0).pow_(order - 1)
        ctx.save_for_backward(powers)
        ctx.order = order
        return torch.stack([values.sum(0, dtype=torch.float64), (powers * values).sum(0, dtype=torch.float64)])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        (powers,) = ctx.saved_tensors
        by_sum, by_power = grad.to(powers.dtype)
        return torch.addcmul(by_sum, powers, by_power * ctx.order).to(ctx.dtype), None


class _KurtosisSums(torch.autograd.Function):
    """K = F Σa⁴/(Σa²)² of each column, and 1, (2, T); ∂K/∂a = 4F (a³/P² - a Q/P³) with P = Σa², Q = Σa⁴."""

    @staticmethod
    def forward(ctx, values):
        top = values.amax(0)
        relative = values / torch.where(top > 0, top, 1.0)  # fourth powers of faint frames would underflow otherwise
        squares = relative.square()
        power, fourth = squares.sum(0), squares.square().sum(0)
        power = torch.where(top > 0, power, 1.0)
        each = torch.where(top > 0, len(values) * fourth / power.square(), 1.0).to(torch.float64)
        ctx.save_for_backward(relative, power, fourth, top)
        return torch.stack([each, torch.ones_like(each)])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        relative, power, fourth, top = ctx.saved_tensors
        scale = torch.where(top > 0, 4 * len(relative) / (power.square() * top), 0.0)
        return relative * (relative.square() - fourth / power) * (scale * grad[0].to(relative.dtype))


def _shannon(total: Tensor) -> Tensor:
    z, q = total.unbind()
    safe = z.clamp_min(_LEAST)
    return torch.where(z > 0, safe.log() - q / safe, 0.0)


def _of_order(total: Tensor, order: float) -> Tensor:
    z, moment = (one.clamp_min(_LEAST) for one in total.unbind())
    return torch.where(total[0] > 0, (moment.log() - order * z.log()) / (1 - order), 0.0)


def _mean(total: Tensor) -> Tensor:
    return torch.where(total[1] > 0, total[0] / total[1].clamp_min(_LEAST), 0.0)


def entropy(magnitude: Tensor) -> Tensor:
    """Shannon entropy of the normalised magnitudes, Eq. (26); low where few bins hold the energy.

    magnitude: |S|, non-negative, (F, T). Zeros contribute nothing and have a finite gradient.

    Returns a float64 scalar in nats, in [0, log of the number of bins]; 0 for silence.
    """
    return CRITERIA["entropy"].measure(magnitude)


def renyi(magnitude: Tensor, order: float = 3.0) -> Tensor:
    """Rényi entropy of order α of the normalised magnitudes of Eq. (26): log(Σ p^α)/(1-α).

    Baraniuk et al. (the paper's [47]) recommend α = 3, of an energy distribution: ``renyi(magnitude**2)``.

    magnitude: |S|, non-negative, (F, T).
    order: α > 0; 1 is Shannon's entropy; a higher order gives loud bins more weight.

    Returns a float64 scalar in nats, in [0, log of the number of bins]; 0 for silence.
    """
    return get_criterion("renyi", order).measure(magnitude)


def kurtosis(magnitude: Tensor) -> Tensor:
    """Mean over frames of the kurtosis of a frame's spectrum, Eq. (30): E_m|S|⁴ / (E_m|S|²)².

    magnitude: |S|, (F, T). A silent frame counts as 1 and has no gradient.

    Returns a float64 scalar in [1, F], high where each frame has its energy in few frequencies: a flat spectrum gives 1,
    white noise 2, a single line F.
    """
    return CRITERIA["kurtosis"].measure(magnitude)


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
    reduction: ``mean`` over bins, so that one weight serves every grid; ``sum``, as the paper prints it; ``columns`` for the sum
        over each column, which counts its differences to those beside it.

    Returns a float64 scalar, or (T,) for ``columns``; at least 0.
    """
    total = _TotalVariation.apply(values, epsilon, reduction == "columns")
    return total / values.numel() if reduction == "mean" else total


def _identity(value: Tensor) -> Tensor:
    return value


def _negative_log(value: Tensor) -> Tensor:
    """-log K: falls as K rises, and a doubling counts the same whatever the number of bins."""
    return -value.log()


@dataclass(frozen=True)
class Criterion:
    """A criterion that a run optimises, as a value of sums over frames.

    name: its name in the configuration; ``custom`` for a callable, which needs the whole plane at once: one sum for all frames.
    sums: |S|, (F, T), to two sums of each frame, (2, T) float64, differentiable; None where one plane does not tell.
    value: the two sums over all frames, (2,), to the criterion, (), as the field defines it.
    cost: the criterion to what is minimised.
    per_frame: True where the criterion does not grow with the number of frames.
    """

    name: str
    sums: Callable[[Tensor], Tensor] | None = None
    value: Callable[[Tensor], Tensor] = _shannon
    cost: Callable[[Tensor], Tensor] = _identity
    per_frame: bool = True

    @property
    def local(self) -> bool:
        """True for a criterion of θ that needs more than one plane."""
        return self.sums is None

    def measure(self, magnitude: Tensor) -> Tensor:
        """The criterion of a whole plane, (), as the field defines it; magnitude: |S|, (F, T)."""
        top = magnitude.detach().max()
        if self.name == "renyi" and bool(top > 0):  # high powers of faint planes would underflow otherwise
            magnitude = magnitude / 2.0 ** top.log2().floor()  # exact
        return self.value(self.sums(magnitude).sum(1))


def one_number(value: Tensor, name: str) -> Tensor:
    """What a callable criterion or penalty returned, as a scalar. Raises InputError where it is not one number."""
    if not isinstance(value, Tensor) or value.numel() != 1:
        returned = f"one of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise InputError(f"{name}: a criterion or penalty must return a tensor of one number, not {returned}")
    return value.reshape(())


def _custom(criterion: Callable[[Tensor], Tensor]) -> Criterion:
    """A criterion from a callable of a whole plane."""

    def sums(values: Tensor) -> Tensor:
        value = one_number(criterion(values), "custom").double()
        if values.requires_grad and not value.requires_grad:
            raise InputError("custom: the criterion is not differentiable; build it from torch operations on |S|")
        return torch.stack([value, torch.ones_like(value)])[:, None]

    return Criterion("custom", sums, _mean)


def _renyi_of(order: float) -> Criterion:
    if abs(order - 1) < _NEAR_ONE:
        return Criterion("renyi", _EntropySums.apply, _shannon, per_frame=False)
    sums, value = (lambda values: _PowerSums.apply(values, order)), partial(_of_order, order=order)
    return Criterion("renyi", sums, value, per_frame=False)


CRITERIA = {
    "entropy": Criterion("entropy", _EntropySums.apply, _shannon, per_frame=False),
    "renyi": _renyi_of(3.0),
    "kurtosis": Criterion("kurtosis", _KurtosisSums.apply, _mean, _negative_log),
    "local-entropy": Criterion("local-entropy"),
}


def get_criterion(criterion: str | Callable[[Tensor], Tensor], order: float = 3.0) -> Criterion:
    """The criterion for a name or a callable.

    criterion: a name in CRITERIA, or a callable of |S|, (F, T), that returns a scalar to be minimised; it is then called
        ``custom``.
    order: α of ``renyi``.

    Raises InputError for an unknown name.
    """
    if callable(criterion):
        return _custom(criterion)
    if criterion not in CRITERIA:
        raise InputError(
            f"criterion {criterion!r} is not known; choose one of {', '.join(CRITERIA)} or pass a callable"
        )
    return _renyi_of(order) if criterion == "renyi" else CRITERIA[criterion]
