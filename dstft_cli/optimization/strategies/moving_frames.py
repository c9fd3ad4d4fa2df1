"""Windows and frame positions learnt together: each step computes a new transform (paper, VI-B).

A plane that does not fit in memory is transformed block after block for the sums P of the loss (``optimization/loss.py``), and
once more for their gradients, which add up to those of the whole plane: nothing is kept fixed, and there is no seam. One pass is
enough for a plane in one block, and where the loss is a function of one sum, as with kurtosis.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from ...results.progress import DIVERGED, INTERRUPTED
from ...stft.frame_positions import equal_steps, following, keep_apart
from ...stft.framed_signal import FramedSignal
from ...stft.log_interpolation import density_for
from ...stft.modes import CONSTANT_HOP, FIXED, OVERLAP, VARYING_HOP, theta_shape
from ...stft.window_bank import moving_magnitude
from ..criteria import magnitude
from ..gradient_descent import Variable, between
from ..run import OptimizationRun


class MovingFrameStrategy:
    """The strategy for the hop modes constant, time-varying and overlap, and for kurtosis over frequency block by block.

    Positions that are learnt are counted in first hops, so that one learning rate serves every signal.

    run: the run that this strategy carries out.
    """

    def __init__(self, run: OptimizationRun):
        self.run, self.problem, self.grid = run, run.problem, run.problem.grid
        self.per_octave = density_for(self.problem.config.bank.tolerance)

    def learn(self, steps: int) -> str:
        """Start from the best constant window, then descend in at most ``steps`` steps; returns why it stopped."""
        run, problem = self.run, self.problem
        if problem.mode != FIXED and self.grid.theta is None:
            run.explore(steps)
        run.record_initial(run.initial_length())
        if run.interrupted:
            run.keep_first()
            return INTERRUPTED
        moved = self._position_variables(problem.positions(run.first))
        outcome, _ = run.descend(self._objective, [run.windows(self._first_theta()), *moved], steps)
        theta = outcome.best[0].exp2().clamp(self.grid.theta_min, self.grid.support)
        positions = self._positions(theta, *outcome.best[1:])
        run.transform(theta[:, : len(positions)], positions)
        if theta.shape[0] != 1:
            run.bank = {"loss_error": abs(outcome.best_terms["loss"] - run.final["loss"])}
        run.keep_the_better()
        return INTERRUPTED if run.interrupted and outcome.reason != DIVERGED else outcome.reason

    def _first_theta(self) -> Tensor:
        """θ in samples at the start, for as many frames as the run may come to."""
        shape = theta_shape(self.problem.mode, self.grid.support, self.grid.most_frames)
        return torch.full(shape, self.run.first, dtype=self.problem.dtype, device=self.problem.device)

    def _position_variables(self, first: Tensor) -> list[Variable]:
        """The position variables, in first hops: one for each frame, one for the hop, or none."""
        grid, rate = self.grid, self.problem.config.optimizer.position_rate
        hop, end = grid.hop, grid.samples

        def keep(before: Tensor, after: Tensor) -> Tensor:
            return keep_apart(before * hop, after * hop, grid.hop_min, end) / hop

        if self.problem.hop_mode == VARYING_HOP:
            return [Variable(first / hop, rate, keep)]
        if self.problem.hop_mode == CONSTANT_HOP and len(first) > 1:
            return [Variable(first[1:2] / hop, rate, between(grid.hop_min / hop, end / (len(first) - 1) / hop))]
        return []

    def _positions(self, theta: Tensor, *learnt: Tensor) -> Tensor:
        """t_n in samples, (T,) float64, from θ in samples and the position variables."""
        hop_mode, grid = self.problem.hop_mode, self.grid
        if hop_mode == OVERLAP:
            return following(theta, grid.overlap, grid.samples)
        if not learnt:  # a single frame
            return self.problem.positions(self.run.first)
        if hop_mode == CONSTANT_HOP:
            return equal_steps(learnt[0][0] * grid.hop, grid.frames)
        return learnt[0] * grid.hop

    def _objective(self, log_theta: Tensor, *learnt: Tensor) -> dict[str, Tensor]:
        problem, loss, positions = self.problem, self.problem.loss, self._positions(log_theta.exp2(), *learnt)
        log_theta = log_theta[:, : len(positions)]
        if problem.at_once:
            return problem.losses(self._magnitude(problem.framed_at(positions), log_theta), log_theta, positions)
        leaves = [values.detach().requires_grad_() for values in (log_theta, positions)]
        total, factor = self._criterion(*leaves)
        pull = sum((leaf.grad * values).sum() for leaf, values in zip(leaves, (log_theta, positions), strict=True))
        total = torch.cat([total, loss.rest(log_theta, positions)])
        terms = loss.terms(total, log_theta.numel(), len(positions))
        # The added term is 0; its gradient is that of the criterion.
        return {**terms, "loss": terms["loss"] + factor * (pull - pull.detach())}

    def _criterion(self, log_theta: Tensor, positions: Tensor) -> tuple[Tensor, float]:
        """P of the criterion, (2,); its gradient, up to the factor returned, is left in those of log_theta and positions."""
        once, total = self.problem.name == "kurtosis", torch.zeros(2, dtype=torch.float64, device=positions.device)
        if not once:
            with torch.no_grad():
                total = sum(sums.sum(1) for sums in self._block_sums(log_theta, positions))
        slopes = total.new_tensor([1.0, 0.0]) if once else self._slopes(total)
        with torch.enable_grad():
            for sums in self._block_sums(log_theta, positions):
                (slopes[:, None] * sums).sum().backward()
                total = total + sums.detach().sum(1) if once else total
        for leaf in (log_theta, positions):
            leaf.grad = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
        return total, float(self._slopes(total)[0]) if once else 1.0

    def _slopes(self, total: Tensor) -> Tensor:
        """∂loss/∂P of the criterion's P, (2,)."""
        return self.problem.loss.slopes(torch.cat([total, total.new_zeros(2)]), 1)[:2]

    def _block_sums(self, log_theta: Tensor, positions: Tensor) -> Iterator[Tensor]:
        """The criterion's sums of each frame, (2, n), of block after block."""
        for block in self.problem.blocks(positions.detach()):
            begin = block.positions[0] - block.framed.positions[0]
            framed = replace(block.framed, positions=positions[block.first : block.last] - begin)
            lengths = log_theta if log_theta.shape[1] == 1 else log_theta[:, block.first : block.last]
            yield self.problem.loss.criterion_sums(self._magnitude(framed, lengths))

    def _magnitude(self, framed: FramedSignal, log_theta: Tensor) -> Tensor:
        """|S|, (F, T), differentiable."""
        if log_theta.shape[0] != 1:
            return moving_magnitude(framed, log_theta, self.per_octave)
        return magnitude(framed.stft(log_theta.exp2()))
