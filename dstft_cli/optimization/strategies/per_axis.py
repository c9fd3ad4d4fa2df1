"""One window length for each frame, or for each frequency, on a plane that does not fit in memory: a descent on tables.

Where θ does not vary over frequency, the contribution of a frame to the sums P of the loss (``optimization/loss.py``) depends on that
frame's θ alone, and smoothly. Where θ does not vary over time, the same holds for each frequency. So the plane is
transformed once at each of some log-spaced lengths, and a table keeps the contributions; cubic interpolation gives them
at lengths in between. A step then costs O(T) or O(F) instead of O(F·T), and sees the whole signal.
"""

import time

import torch
from torch import Tensor

from ...stft.log_interpolation import Interpolation, node_count, node_lengths
from ...stft.modes import TIME
from ..gradient_descent import Descent
from .fixed_frames import FixedFrameStrategy


class PerAxisStrategy(FixedFrameStrategy):
    """The strategy for the modes time- and frequency-varying on fixed frames, where the plane does not fit in memory.

    run: the run that this strategy carries out.
    """

    def _build(self, density: float) -> None:
        """Build tables of ``density`` nodes an octave; the nodes enter the loss curve."""
        began, run, problem = time.perf_counter(), self.run, self.problem
        lengths = node_lengths(*self.grid.bounds, node_count(*self.grid.bounds, density))
        shape = (1, len(self.positions)) if problem.mode == TIME else (self.grid.bins, 1)
        values = torch.zeros(*shape, len(lengths), dtype=problem.dtype.to_complex(), device=problem.device)
        for i, length in enumerate(lengths):
            if run.report("bank", i, len(lengths)):
                break
            sums = self._sums(length)
            values[..., i] = torch.complex(*sums.to(problem.dtype)).view(shape)
            if length >= self.grid.theta_min or i == len(lengths) - 1:
                theta = torch.full((1, 1), length, device=problem.device)
                run.tried(length, problem.terms_of(self._total(sums, theta.log2()), 1, len(self.positions)))
        self.bank = Interpolation(values, lengths)
        run.seconds["bank"] += time.perf_counter() - began

    def _sums(self, length: float) -> Tensor:
        """The contribution of each frame, (2, T), or frequency, (2, F), to the criterion's sums under a constant window."""
        problem, sums, over_time = self.problem, [], self.problem.mode == TIME
        for block in problem.blocks(self.positions):
            values = block.framed.magnitude(length)
            with torch.no_grad():
                sums.append(problem.loss.criterion_sums(values if over_time else values.T.contiguous()))
        return torch.cat(sums, 1) if over_time else torch.stack(sums).sum(0)

    def _objective(self, log_theta: Tensor) -> dict[str, Tensor]:
        total = self._total(_Read.apply(log_theta, self.bank), log_theta)
        return self.problem.loss.terms(total, log_theta.numel())

    def _total(self, sums: Tensor, log_theta: Tensor) -> Tensor:
        """P, (4,), from the criterion's sums, (2, T) or (2, F), and log2 of window lengths in samples."""
        return torch.cat([sums.sum(1, dtype=torch.float64), self.problem.loss.rest(log_theta, self.positions)])

    def _holds(self, outcome: Descent) -> bool:
        """True where the loss on the tables is that of the final transform."""
        return self._within(loss_error=abs(outcome.best_terms["loss"] - self.run.final["loss"]))


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
