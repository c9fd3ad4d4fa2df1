"""Windows and frame positions learnt together: each step computes a new transform (paper, VI-B)."""

import torch
from torch import Tensor

from ...results.progress import DIVERGED, INTERRUPTED
from ...stft.frame_positions import equal_steps, following, keep_apart
from ...stft.log_interpolation import density_for
from ...stft.modes import CONSTANT_HOP, FIXED, OVERLAP, VARYING_HOP, theta_shape
from ...stft.window_bank import moving_magnitude
from ..criteria import magnitude
from ..gradient_descent import Variable, between
from ..run import OptimizationRun


class MovingFrameStrategy:
    """The strategy for the hop modes constant, time-varying and overlap.

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
        first = problem.constant(run.first), problem.positions(run.first)
        if run.interrupted:
            run.transform(*first)
            run.keep_the_better()
            return INTERRUPTED
        outcome, _ = run.descend(
            self._objective, [run.windows(self._first_theta()), *self._position_variables(first[1])], steps
        )
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
        positions = self._positions(log_theta.exp2(), *learnt)
        log_theta = log_theta[:, : len(positions)]
        return self.problem.losses(self._magnitude(log_theta, positions), log_theta, positions)

    def _magnitude(self, log_theta: Tensor, positions: Tensor) -> Tensor:
        framed = self.problem.framed_at(positions)
        if log_theta.shape[0] != 1:
            return moving_magnitude(framed, log_theta, self.per_octave)
        return magnitude(framed.stft(log_theta.exp2()))
