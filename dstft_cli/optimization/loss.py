"""The loss as a function of a few sums over frames, so that a long plane can be optimised block by block.

Entropy separates, E = log Z - Q/Z with Z = Σa and Q = Σ a log a; so do the Rényi entropy (Σa and Σa^α), the mean kurtosis
(a sum over frames), the total variation and the coverage. With P the sums over all
frames and p those of one block, the gradient of the loss by the block's values is Σ_j ∂loss/∂P_j ∂p_j: a block needs to
know nothing of the others but P.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from .coverage import linked_gaps
from .criteria import Criterion, column_variation

_LEAST = 1e-30  # magnitude; as in criteria, keeps log finite at 0
_TINY = 1e-300
_HIGH = 4.0  # order above which powers leave the range of single precision


class _EntropySums(torch.autograd.Function):
    """Σa and Σ a log a of each column, (2, T); ∂ = 1 and 1 + log a, capped at a = 0."""

    @staticmethod
    def forward(ctx, values):
        logs = values.clamp_min(_LEAST).log_()
        ctx.save_for_backward(logs)
        return torch.stack([values.sum(0, dtype=torch.float64), (values * logs).sum(0, dtype=torch.float64)])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        (logs,) = ctx.saved_tensors
        by_sum, by_product = grad.to(logs.dtype)
        return torch.addcmul(by_sum + by_product, logs, by_product)


class _PowerSums(torch.autograd.Function):
    """Σa and Σ a^α of each column, (2, T)."""

    @staticmethod
    def forward(ctx, values, order):
        ctx.dtype = values.dtype
        values = values.double() if order > _HIGH else values
        powers = values.clamp_min(_LEAST if order < 1 else 0.0).pow_(order - 1)
        ctx.save_for_backward(powers)
        ctx.order = order
        return torch.stack([values.sum(0, dtype=torch.float64), (powers * values).sum(0, dtype=torch.float64)])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        (powers,) = ctx.saved_tensors
        by_sum, by_power = grad.to(powers.dtype)
        return torch.addcmul(by_sum, powers, by_power * ctx.order).to(ctx.dtype), None


def _kurtosis_sums(values: Tensor) -> Tensor:
    """K of each frame, as criteria.kurtosis has it, and 1: (2, T)."""
    top = values.detach().amax(0)
    squares = (values / torch.where(top > 0, top, 1.0)).square()
    power = torch.where(top > 0, squares.sum(0), 1.0)
    each = torch.where(top > 0, len(values) * squares.square().sum(0) / power.square(), 1.0).to(torch.float64)
    return torch.stack([each, torch.ones_like(each)])


@dataclass(frozen=True)
class SeparableCriterion:
    """A criterion written as two sums over frames.

    sums: |S|, (F, T), to the two sums of each frame, (2, T) float64, differentiable.
    value: the two sums over all frames, (2,), to the criterion, ().
    """

    sums: Callable[[Tensor], Tensor]
    value: Callable[[Tensor], Tensor]


def _shannon(total: Tensor) -> Tensor:
    z, q = total.unbind()
    safe = z.clamp_min(_TINY)
    return torch.where(z > 0, safe.log() - q / safe, 0.0)


def _of_order(total: Tensor, order: float) -> Tensor:
    z, moment = (one.clamp_min(_TINY) for one in total.unbind())
    return torch.where(total[0] > 0, (moment.log() - order * z.log()) / (1 - order), 0.0)


def _ratio(total: Tensor) -> Tensor:
    return torch.where(total[1] > 0, total[0] / total[1].clamp_min(_TINY), 0.0)


def separable_criterion(name: str, order: float) -> SeparableCriterion:
    """A criterion by name, written as sums over frames.

    order: α of ``renyi``.

    Raises InputError for a custom criterion, whose sums are unknown.
    """
    if name == "renyi" and order != 1:
        return SeparableCriterion(lambda values: _PowerSums.apply(values, order), lambda total: _of_order(total, order))
    if name in ("entropy", "renyi"):
        return SeparableCriterion(_EntropySums.apply, _shannon)
    if name == "kurtosis":
        return SeparableCriterion(_kurtosis_sums, _ratio)
    raise InputError(
        f"{name}: a custom criterion needs the whole plane in memory: raise --memory, or take less of the signal with --duration"
    )


class FrameSumLoss:
    """Eq. (27) or (29) as a function of four sums P over frames.

    P, (4,), holds two sums of the criterion, the total variation, and the signal that neighbouring windows link (Eq. 32).

    criterion: what is optimised.
    settings: the config section ``loss``.
    weights: λ and the weight of the penalty, 0 where there is none.
    size: (F, T, N): bins and frames of the plane, samples of the signal.
    """

    def __init__(self, criterion: Criterion, settings, weights: tuple[float, float], size: tuple[int, int, int]):
        self.criterion, self.settings, self.weights = criterion, settings, weights
        self.criterion_sums = separable_criterion(criterion.name, settings.order)
        self.bins, self.frames, self.samples = size

    def sums(self, values: Tensor, log_theta: Tensor, positions: Tensor) -> Tensor:
        """The contribution of each frame to P, (4, T) float64, differentiable.

        The last frame lacks the gap behind it, and the first and last lack their outer neighbours: leave them out where
        other frames follow. Windows that do not vary over time add no variation here.

        values: |S|, (F, T).
        log_theta: log2 of window lengths in samples, (1 or F, 1 or T).
        positions: (T,) window centres in samples.
        """
        own = self.criterion_sums.sums(values)
        variation, linked = own.new_zeros(2, len(positions))
        if self.weights[0] and log_theta.shape[1] > 1:
            variation = self.variation(log_theta)
        if self.weights[1]:
            gaps = linked_gaps(positions, log_theta.exp2(), self.samples)
            linked = torch.nn.functional.pad(gaps.mean(0), (0, 1)).to(own.dtype)
        return torch.cat([own, variation[None], linked[None]])

    def variation(self, log_theta: Tensor) -> Tensor:
        """The total variation in each column, (T,) float64.

        log_theta: log2 of window lengths in samples, (F, T).
        """
        lengths = log_theta if self.settings.unit == "octaves" else log_theta.exp2()
        return column_variation(lengths, self.settings.epsilon)

    def terms(self, total: Tensor, points: int, frames: int | None = None) -> dict[str, Tensor]:
        """The loss and its terms, named as in Problem.losses.

        total: P, (4,).
        points: number of window lengths in all.
        frames: T, where it follows from the windows; None elsewhere.
        """
        value = self.criterion_sums.value(total[:2])
        divisor = points if self.settings.reduction == "mean" else 1
        terms = {self.criterion.name: value, "regularization": self.weights[0] * total[2] / divisor}
        cost = self.criterion.cost(value)
        loss = cost + terms["regularization"]
        if frames is not None:
            terms["frames"] = torch.as_tensor(math.log(self.frames / frames), dtype=total.dtype)
            loss = loss + terms["frames"]
        if self.weights[1]:
            terms["penalty"] = self.weights[1] * (1 - total[3] / self.samples)
            loss = loss + terms["penalty"]
        return {"loss": loss, **terms}

    def slopes(self, total: Tensor, points: int) -> Tensor:
        """∂loss/∂P, (4,).

        total: P, (4,).
        points: number of window lengths in all.
        """
        total = total.detach().clone().requires_grad_()
        with torch.enable_grad():
            (slopes,) = torch.autograd.grad(self.terms(total, points)["loss"], total, allow_unused=True)
        return slopes
