"""The loss as a function of a few sums over frames, so that a long plane can be optimised block by block.

Entropy separates, E = log Z - Q/Z with Z = Σa and Q = Σ a log a; so do the Rényi entropy (Σa and Σa^α), the mean kurtosis
(a sum over frames), the total variation and the coverage. With P the sums over all
frames and p those of one block, the gradient of the loss by the block's values is Σ_j ∂loss/∂P_j ∂p_j: a block needs to
know nothing of the others but P.
"""

import math

import torch
from torch import Tensor

from .coverage import linked_gaps
from .criteria import Criterion, column_variation


def with_loss(criterion: Criterion, value: Tensor, added: dict[str, Tensor]) -> dict[str, Tensor]:
    """The loss of Eq. (27) or (29), and its terms by name: what is minimised of the criterion, and the weighted terms added to it."""
    loss = criterion.cost(value)
    for term in added.values():
        loss = loss + term
    return {"loss": loss, criterion.name: value, **added}


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
        self.bins, self.frames, self.samples = size

    def sums(self, values: Tensor, log_theta: Tensor, positions: Tensor) -> Tensor:
        """The contribution of each frame to P, (4, T) float64, differentiable.

        The last frame lacks the gap behind it, and the first and last lack their outer neighbours: leave them out where
        other frames follow. Windows that do not vary over time add no variation here.

        values: |S|, (F, T).
        log_theta: log2 of window lengths in samples, (1 or F, 1 or T).
        positions: (T,) window centres in samples.
        """
        own = self.criterion.sums(values)
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
        value = self.criterion.value(total[:2])
        divisor = points if self.settings.reduction == "mean" else 1
        added = {"regularization": self.weights[0] * total[2] / divisor}
        if frames is not None:
            added["frames"] = torch.as_tensor(math.log(self.frames / frames), dtype=total.dtype)
        if self.weights[1]:
            added["penalty"] = self.weights[1] * (1 - total[3] / self.samples)
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
