"""The loss as a function of a few sums over frames: those of a plane in memory, or of its blocks.

Entropy separates, E = log Z - Q/Z with Z = Σa and Q = Σ a log a; so do the Rényi entropy (Σa and Σa^α), the mean kurtosis
(a sum over frames), the total variation and the coverage. With P the sums over all frames and p those of one block, the gradient
of the loss by the block's values is Σ_j ∂loss/∂P_j ∂p_j: a block needs to know nothing of the others but P.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..stft.framed_signal import FramedSignal
from .criteria import CRITERIA, Criterion, one_number, total_variation

_MEASURED = {name: CRITERIA[name] for name in ("entropy", "kurtosis")}


def linked_coverage(positions: Tensor, theta: Tensor, samples: int) -> Tensor:
    """C(Ω) of Eq. (32) over the T - 1 gaps between frames: the share of the signal that neighbouring windows link.

    Each gap counts as far as its two windows reach towards each other, min(t_{n+1} - t_n, (θ_{n+1} + θ_n)/2).

    positions: (T,) window centres in samples, increasing.
    theta: window lengths in samples, (1 or F, 1 or T).
    samples: N.

    Returns a scalar in [0, 1], the mean over frequency.
    """
    return linked_gaps(positions, theta, samples).sum() / (samples * len(theta))


def linked_gaps(positions: Tensor, theta: Tensor, samples: int) -> Tensor:
    """The part of each gap that its two windows link, in samples, (1 or F, T - 1); parameters as for linked_coverage."""
    theta = theta.to(positions.dtype).expand(theta.shape[0], len(positions))
    gaps, half = positions.diff(), theta / 2
    linked = torch.minimum(gaps, half[:, 1:] + half[:, :-1])
    inside = (positions[1:] - half[:, 1:] < samples) & (positions[:-1] + half[:, :-1] > 0)
    return linked * inside


def coverage_penalty(positions: Tensor, theta: Tensor, samples: int) -> Tensor:
    """1 - C(Ω), minimised: Eq. (29), (32) with the sign that the paper's text asks for; parameters as for linked_coverage."""
    return 1 - linked_coverage(positions, theta, samples)


def coverage(positions: Tensor, theta: Tensor, samples: int, block: tuple[float, float] | None = None) -> float:
    """True coverage: the measure of the union of [t_n - θ_n/2, t_n + θ_n/2] ∩ [0, N], over N; the mean over frequency.

    positions, theta, samples: as for linked_coverage.
    block: (first, last) sample of the range that counts; None counts all of [0, N].

    Returns a number in [0, 1].
    """
    bounds = block or (0, samples)
    theta = theta.to(positions.dtype).expand(theta.shape[0], len(positions))
    if len(positions) > 1 and 0 <= positions.diff().amin() and positions.diff().amax() <= theta.amin():
        first, last = (positions - theta / 2).amin(-1), (positions + theta / 2).amax(-1)  # each window meets the next
        return float((last.clamp(*bounds) - first.clamp(*bounds)).sum() / (samples * len(theta)))
    left, order = (positions - theta / 2).clamp(*bounds).sort(-1)
    right = (positions + theta / 2).clamp(*bounds).gather(-1, order).cummax(-1).values
    reached = torch.cat([torch.full_like(right[:, :1], bounds[0]), right[:, :-1]], -1)
    fresh = right - torch.maximum(left, reached)
    return float(fresh.sum() / (samples * len(theta)))


def with_loss(criterion: Criterion, value: Tensor, added: dict[str, Tensor]) -> dict[str, Tensor]:
    """The loss of Eq. (27) or (29), and its terms by name: what is minimised of the criterion, and the weighted terms added to it."""
    loss = criterion.cost(value)
    for term in added.values():
        loss = loss + term
    return {"loss": loss, criterion.name: value, **added}


class FrameSumLoss:
    """Eq. (27) or (29) as a function of four sums P over frames.

    P, (4,), holds two sums of the criterion, the total variation, and the signal that neighbouring windows link (Eq. 32), or the
    amount of another penalty.

    criterion: what is optimised.
    settings: the config section ``loss``, with a number for ε.
    weights: λ and the weight of the penalty, 0 where there is none.
    size: (F, T, N): bins and frames of the plane, samples of the signal.
    penalty: ``coverage_penalty``, a callable of t_n, θ and N, which is called with those of all frames, or None.
    follows: True where the number of frames follows from the windows, and the criterion grows with it.
    even: True where all frames lie one hop apart.
    """

    def __init__(
        self,
        criterion: Criterion,
        settings,
        weights: tuple[float, float],
        size: tuple[int, int, int],
        penalty: Callable[[Tensor, Tensor, int], Tensor] | None = coverage_penalty,
        follows: bool = False,
        even: bool = False,
    ):
        self.criterion, self.settings, self.weights = criterion, settings, weights
        self.bins, self.frames, self.samples = size
        self.penalty, self.own_penalty = penalty, penalty if penalty is not coverage_penalty else None
        self.follows, self.even = follows, even
        # High powers of |S| then stay in range: of a tone's, about 1, and of a click's, about 1/F. A power of two is exact.
        self._unit = 2.0 ** -round(math.log2(self.bins) / 2) if criterion.name == "renyi" else 1.0

    def criterion_sums(self, values: Tensor) -> Tensor:
        """The two sums of the criterion in each frame, (2, T) float64, differentiable; values: |S|, (F, T)."""
        return self.criterion.sums(values if self._unit == 1 else values / self._unit)

    def sums(self, values: Tensor, log_theta: Tensor, positions: Tensor, own: slice = slice(None)) -> Tensor:
        """The contribution of each frame to P, (4, n) float64, differentiable, where no penalty but the coverage is asked for.

        The last frame lacks the gap behind it, and the first and last lack their outer neighbours.

        values: |S|, (F, n).
        log_theta: log2 of window lengths in samples, (1 or F, T), of the n frames and of neighbours, if other frames follow.
        positions: (T,) window centres in samples.
        own: the n frames among the T.
        """
        criterion = self.criterion_sums(values)
        variation, linked = criterion.new_zeros(2, len(positions))
        if self.weights[0]:
            variation = total_variation(self._lengths(log_theta), self.settings.epsilon, "columns")
        if self.weights[1]:
            gaps = linked_gaps(positions, log_theta.exp2(), self.samples)
            linked = torch.nn.functional.pad(gaps.mean(0), (0, 1)).to(criterion.dtype)
        return torch.cat([criterion, variation[None, own], linked[None, own]])

    def total(self, values: Tensor, log_theta: Tensor, positions: Tensor) -> Tensor:
        """P of a whole plane, (4,), differentiable; parameters as for ``sums``, with log2 θ of any shape that broadcasts to (F, T)."""
        return torch.cat([self.criterion_sums(values).sum(1), self.rest(log_theta, positions)])

    def losses(self, values: Tensor, log_theta: Tensor, positions: Tensor) -> dict[str, Tensor]:
        """The loss of a whole plane and its terms, scalars by name; parameters as for ``total``."""
        return self.terms(self.total(values, log_theta, positions), log_theta.numel(), len(positions))

    def rest(self, log_theta: Tensor, positions: Tensor) -> Tensor:
        """What P has besides the criterion, (2,) float64, differentiable; parameters as for ``total``."""
        variation = amount = torch.zeros((), dtype=torch.float64, device=log_theta.device)
        if self.weights[0] and log_theta.numel() > 1:
            variation = total_variation(self._lengths(log_theta), self.settings.epsilon, "sum")
        if self.weights[1] and self.own_penalty is not None:
            amount = one_number(self.own_penalty(positions, log_theta.exp2(), self.samples), "penalty")
        elif self.weights[1]:
            count = 2 if self.even and log_theta.shape[1] == 1 else len(positions)  # every gap is the same then
            gaps = linked_gaps(positions[:count], log_theta.exp2(), self.samples)
            amount = gaps.sum() / len(log_theta) * ((len(positions) - 1) / max(1, count - 1))
        return torch.stack([variation, amount.to(variation)])

    def _lengths(self, log_theta: Tensor) -> Tensor:
        return log_theta if self.settings.unit == "octaves" else log_theta.exp2()

    def terms(self, total: Tensor, points: int, frames: int | None = None) -> dict[str, Tensor]:
        """The loss and its terms, scalars by name: the criterion as the field defines it, the other terms weighted.

        total: P, (4,).
        points: number of window lengths in all.
        frames: T; None leaves out the term that depends on nothing else.
        """
        value = self.criterion.value(total[:2])
        divisor = points if self.settings.reduction == "mean" else 1
        added = {"regularization": self.weights[0] * (total[2] / divisor)}
        if self.follows and frames is not None:
            # More frames spread the same energy over more points; without this term the longest windows always win.
            added["frames"] = torch.as_tensor(math.log(self.frames / frames), dtype=total.dtype)
        if self.penalty is not None:
            amount = 1 - total[3] / self.samples if self.own_penalty is None else total[3]
            added["penalty"] = self.weights[1] * amount
        return with_loss(self.criterion, value, added)

    def slopes(self, total: Tensor, points: int) -> Tensor:
        """∂loss/∂P, (4,).

        total: P, (4,).
        points: number of window lengths in all.
        """
        total = total.detach().clone().requires_grad_()
        with torch.enable_grad():
            (slopes,) = torch.autograd.grad(self.terms(total, points)["loss"], total, allow_unused=True)
        return slopes


@dataclass(frozen=True)
class FrameBlock:
    """A block of neighbouring frames, with the samples that they see; a plane in memory is one block.

    first, last: numbers of the frames, last not among them.
    positions: t_n in samples of the recording, (T,).
    framed: the samples that they see, with t_n counted from the first of these, a whole number of supports after the
        recording's, so that phases are those of the whole plane.
    """

    first: int
    last: int
    positions: Tensor
    framed: FramedSignal


class PlaneSums:
    """The loss and the measures of a plane, added up over its blocks.

    positions: (T,) window centres in samples.
    samples: N.
    loss: the loss; None where only the measures are wanted.

    ``total`` has the sums P of the loss, (4,).
    """

    def __init__(self, positions: Tensor, samples: int, loss: FrameSumLoss | None = None):
        self.positions, self.samples, self.loss = positions, samples, loss
        self.total = torch.zeros(4, dtype=torch.float64, device=positions.device)
        self._sums = {name: torch.zeros(2, dtype=torch.float64, device=positions.device) for name in _MEASURED}
        self._reached = 0.0

    def add(self, block: FrameBlock, values: Tensor, theta: Tensor, around: tuple[int, int]) -> None:
        """Add a block.

        values: |S| of its n frames, (F, n).
        theta: window lengths in samples, (1 or F, 1 or those of the frames ``around``).
        around: (first, last + 1) of the frames whose window lengths are given, the block's neighbours among them.
        """
        with torch.no_grad():
            for name, criterion in _MEASURED.items():
                self._sums[name] += criterion.sums(values).sum(1)
            if self.loss is not None:
                self._add_loss(block, values, theta, around)
            ends = 0.0 if not block.first else float(self.positions[block.first])
            end = self.samples if block.last == len(self.positions) else float(self.positions[block.last])
            share = coverage(self.positions[around[0] : around[1]], theta, self.samples, (ends, end))
            self._reached += share * self.samples

    def _add_loss(self, block: FrameBlock, values: Tensor, theta: Tensor, around: tuple[int, int]) -> None:
        log_theta, whole = theta.log2(), (block.first, block.last) == (0, len(self.positions))
        if theta.shape[1] > 1 and not whole:
            inside = slice(block.first - around[0], block.last - around[0])
            self.total += self.loss.sums(values, log_theta, self.positions[slice(*around)], inside).sum(1)
            return
        self.total[:2] += self.loss.criterion_sums(values).sum(1)
        if not block.first:
            self.total[2:] = self.loss.rest(log_theta, self.positions)

    def measures(self) -> dict[str, float]:
        """Entropy in nats, kurtosis and true coverage."""
        measures = {name: criterion.value(self._sums[name]).item() for name, criterion in _MEASURED.items()}
        return {**measures, "coverage": self._reached / self.samples}
