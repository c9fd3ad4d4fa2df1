"""One window length for each frame, or for each frequency, on a plane that does not fit in memory: a descent on tables.

Where θ does not vary over frequency, the contribution of a frame to the sums P of the loss (``optimization/loss.py``) depends on that
frame's θ alone, and smoothly. Where θ does not vary over time, the same holds for each frequency. So the plane is
transformed once at each of some log-spaced lengths, and a table keeps the contributions; cubic interpolation gives them
at lengths in between. A step then costs O(T) or O(F) instead of O(F·T), and sees the whole signal.
"""

import time

import torch
from torch import Tensor

from ...stft.log_interpolation import MOST_DENSITY, Interpolation, node_count, node_lengths
from ...stft.modes import TIME
from ..coverage import linked_gaps
from ..gradient_descent import Descent
from ..strategies.fixed_frames import FixedFrameStrategy
from .run import OutOfCoreRun


class PerAxisStrategy(FixedFrameStrategy):
    """The strategy for the modes time- and frequency-varying on fixed frames, where the plane does not fit in memory.

    run: the run that this strategy carries out.
    """

    def __init__(self, run: OutOfCoreRun):
        self.run, self.problem, self.grid = run, run.problem, run.problem.grid
        self.positions = self.problem.positions(self.grid.first_length)
        self.over_time = self.problem.mode == TIME
        self.bank: Interpolation

    def _build(self, density: float) -> None:
        """Build tables of ``density`` nodes an octave; the nodes enter the loss curve."""
        began, run, problem = time.perf_counter(), self.run, self.problem
        high = float(self.grid.support)
        low = min(self.grid.theta_min, high / 1.01)  # even a range of nothing needs its four nodes
        lengths = node_lengths(low, high, node_count(low, high, density))
        shape = (1, len(self.positions)) if self.over_time else (self.grid.bins, 1)
        values = torch.zeros(*shape, len(lengths), dtype=problem.dtype.to_complex(), device=problem.device)
        for i, length in enumerate(lengths):
            if run.report("bank", i, len(lengths)):
                break
            sums = self._sums(length)
            values[..., i] = torch.complex(*sums.to(problem.dtype)).view(shape)
            if length >= self.grid.theta_min or i == len(lengths) - 1:
                total = self._total(sums, torch.full((1, 1), length, device=problem.device).log2())
                run.tried(length, problem.shared_terms(total, 1, len(self.positions)))
        self.bank = Interpolation(values, lengths)
        run.seconds["bank"] += time.perf_counter() - began

    def _sums(self, length: float) -> Tensor:
        """The contribution of each frame, (2, T), or frequency, (2, F), to the criterion's sums under a constant window."""
        problem, sums = self.problem, []
        for block in problem.blocks(self.positions):
            values = problem.magnitude(block, length)
            with torch.no_grad():
                sums.append(problem.shared.criterion.sums(values if self.over_time else values.T.contiguous()))
        return torch.cat(sums, 1) if self.over_time else torch.stack(sums).sum(0)

    def _objective(self, log_theta: Tensor) -> dict[str, Tensor]:
        sums = _Read.apply(log_theta, self.bank)
        return self.problem.shared.terms(self._total(sums, log_theta), log_theta.numel())

    def _holds(self, outcome: Descent) -> bool:
        """True where the loss on the tables is that of the final transform."""
        error = abs(outcome.best_terms["loss"] - self.run.final["loss"])
        self.run.bank = {"nodes": len(self.bank), "loss_error": error}
        return error <= self.problem.config.bank.tolerance or self.bank.per_octave >= MOST_DENSITY

    def _total(self, sums: Tensor, log_theta: Tensor) -> Tensor:
        """P, (4,), from the criterion's sums, (2, T) or (2, F), and log2 of window lengths in samples."""
        shared, variation, linked = self.problem.shared, *sums.new_zeros(2).to(torch.float64)
        if shared.weights[0] and log_theta.numel() > 1:
            variation = shared.variation(log_theta).sum()
        if shared.weights[1]:
            linked = self._linked(log_theta.exp2())
        return torch.stack([*sums.sum(1, dtype=torch.float64), variation, linked])

    def _linked(self, theta: Tensor) -> Tensor:
        samples = self.problem.grid.samples
        if theta.shape[1] > 1 or len(self.positions) < 2:
            return linked_gaps(self.positions, theta, samples).sum()
        # Frames lie one hop apart, so that every gap is the same.
        first = linked_gaps(self.positions[:2], theta, samples)
        return first.mean() * (len(self.positions) - 1)


class _Read(torch.autograd.Function):
    """Two rows of sums at log2 θ, (2, n), differentiable."""

    @staticmethod
    def forward(ctx, log_theta, table):
        values, slopes = zip(
            *(table.read(here, place, derivative=True) for here, place in table.tiles(log_theta)), strict=True
        )
        ctx.save_for_backward(torch.cat(slopes, 1).mul_(table.per_octave))
        ctx.shape = log_theta.shape
        return torch.cat(values, 1)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        (slopes,) = ctx.saved_tensors
        return (grad * slopes).sum(0).view(ctx.shape), None
