"""Windows and frame positions learnt together on a plane that does not fit in memory: each step runs over its blocks.

Every step computes a new transform anyway. So the blocks are transformed one after the other for the sums P of the loss
(``optimization/loss.py``), and once more for their gradients, which add up to those of the whole plane: nothing is kept fixed,
and there is no seam. Where the loss is a function of one sum, as with kurtosis, one pass is enough.
"""

from dataclasses import replace

import torch
from torch import Tensor

from ...stft.window_bank import moving_magnitude
from ..coverage import linked_gaps
from ..criteria import magnitude
from ..strategies.moving_frames import MovingFrameStrategy


class MovingFrameBlockStrategy(MovingFrameStrategy):
    """The strategy for the hop modes constant, time-varying and overlap block by block, and for kurtosis over frequency."""

    def _objective(self, log_theta: Tensor, *learnt: Tensor) -> dict[str, Tensor]:
        positions = self._positions(log_theta.exp2(), *learnt)
        log_theta = log_theta[:, : len(positions)]
        leaves = [values.detach().requires_grad_() for values in (log_theta, positions)]
        total, factor = self._criterion(*leaves, log_theta.numel())
        pull = sum((leaf.grad * values).sum() for leaf, values in zip(leaves, (log_theta, positions), strict=True))
        terms = self.problem.shared.terms(
            torch.cat([total, self._rest(log_theta, positions)]), *self._counts(log_theta)
        )
        # The added term is 0; its gradient is that of the criterion.
        return {**terms, "loss": terms["loss"] + factor * (pull - pull.detach())}

    def _counts(self, log_theta: Tensor) -> tuple[int, int | None]:
        follows = self.grid.overlap is not None and not self.problem.criterion.per_frame
        return log_theta.numel(), log_theta.shape[1] if follows else None

    def _criterion(self, log_theta: Tensor, positions: Tensor, points: int) -> tuple[Tensor, float]:
        """P of the criterion, (2,); its gradient, up to the factor returned, is left in those of log_theta and positions."""
        shared, total = self.problem.shared, torch.zeros(2, dtype=torch.float64, device=positions.device)
        once = self.problem.name == "kurtosis"
        if not once:
            with torch.no_grad():
                for block in self.problem.blocks(positions.detach()):
                    total += shared.criterion.sums(self._block_magnitude(block, log_theta, positions)).sum(1)
        rest = total.new_zeros(2)
        slopes = total.new_tensor([1.0, 0.0]) if once else shared.slopes(torch.cat([total, rest]), points)[:2]
        for block in self.problem.blocks(positions.detach()):
            with torch.enable_grad():
                sums = shared.criterion.sums(self._block_magnitude(block, log_theta, positions))
                (slopes[:, None] * sums).sum().backward()
            if once:
                total += sums.detach().sum(1)
        for leaf in (log_theta, positions):
            leaf.grad = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
        return total, float(shared.slopes(torch.cat([total, rest]), points)[0]) if once else 1.0

    def _block_magnitude(self, block, log_theta: Tensor, positions: Tensor) -> Tensor:
        """|S| of a block, (F, n), differentiable."""
        local = positions[block.first : block.last] - (block.positions[0] - block.framed.positions[0])
        lengths = log_theta if log_theta.shape[1] == 1 else log_theta[:, block.first : block.last]
        framed = replace(block.framed, positions=local)
        if log_theta.shape[0] != 1:
            return moving_magnitude(framed, lengths, self.per_octave)
        return magnitude(framed.stft(lengths.exp2()))

    def _rest(self, log_theta: Tensor, positions: Tensor) -> Tensor:
        """The total variation and the signal that windows link, (2,)."""
        shared = self.problem.shared
        variation = linked = torch.zeros((), dtype=torch.float64, device=positions.device)
        if shared.weights[0] and log_theta.numel() > 1:
            variation = shared.variation(log_theta).sum()
        if shared.weights[1]:
            linked = linked_gaps(positions, log_theta.exp2(), self.grid.samples).sum() / log_theta.shape[0]
        return torch.stack([variation, linked.to(torch.float64)])
