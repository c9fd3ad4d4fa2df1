"""Window lengths learnt on fixed frames: a descent on the window bank, checked and refined."""

import math
import time
from functools import cached_property

import torch
from torch import Tensor

from ...results.progress import DIVERGED, INTERRUPTED
from ...stft.checked_transform import check
from ...stft.framed_signal import FramedSignal
from ...stft.log_interpolation import MOST_DENSITY, Interpolation, density_for, node_count
from ...stft.window_bank import WindowBank
from ..criteria import magnitude
from ..fused_entropy import fused_entropy
from ..gradient_descent import Descent
from ..resources import FINER
from ..run import NARROWING, OptimizationRun

_REFINEMENTS = 3


class FixedFrameStrategy:
    """The strategy for the modes time-, frequency- and tf-varying on fixed frames, where the bank fits in memory.

    run: the run that this strategy carries out.

    A class of this one's may step on another interpolation, or on some frames only: it then builds ``bank`` and evaluates it in
    ways of its own.
    """

    def __init__(self, run: OptimizationRun):
        self.run, self.problem, self.grid = run, run.problem, run.problem.grid
        self.positions = self.problem.positions(self.grid.first_length)
        self.bank: Interpolation

    @cached_property
    def framed(self) -> FramedSignal:
        """The signal and the frames that the bank has."""
        return self.problem.framed_at(self.positions)

    def learn(self, steps: int) -> str:
        """Build the bank, start from the best constant window, descend; repeat on a finer bank while the check fails.

        steps: steps allowed in all.

        Returns why it stopped.
        """
        run = self.run
        self._build(density_for(self.problem.config.bank.tolerance))
        run.narrow(NARROWING, 0)
        run.record_initial(run.initial_length())
        outcome = self._refine(run.fill(run.first), steps)
        if outcome is None:
            run.keep_first()
            return INTERRUPTED
        run.keep_the_better()
        return INTERRUPTED if run.interrupted else outcome.reason

    def _refine(self, theta: Tensor, steps: int) -> Descent | None:
        """Descend, and again on a finer bank while the check fails; returns the last outcome, None where the run was ended before.

        theta: first window lengths in samples.
        steps: steps allowed in all.
        """
        run, outcome = self.run, None
        for attempt in range(_REFINEMENTS + 1):
            if run.interrupted:  # the bank is incomplete; the result on a coarser one stands
                break
            fused = fused_entropy(self.problem, self.bank, steps)
            outcome, steps = run.descend(fused or self._objective, [run.windows(theta)], steps)
            del fused  # and its planes
            theta = outcome.best[0].exp2().clamp(self.grid.theta_min, self.grid.support)
            self._take(outcome, theta)
            done = self._holds(outcome) or steps < 1 or attempt == _REFINEMENTS
            if run.interrupted or outcome.reason == DIVERGED or done:
                break
            self._build(self.bank.per_octave * FINER)
        return outcome

    def _objective(self, log_theta: Tensor) -> dict[str, Tensor]:
        return self.problem.losses(self.bank.magnitude(log_theta), log_theta, self.positions)

    def _take(self, outcome: Descent, theta: Tensor) -> None:
        """Make the outcome of a descent the result; theta: its window lengths in samples."""
        self.run.transform(theta, self.positions)

    def _build(self, density: float) -> None:
        """Build a bank of at least ``density`` nodes an octave that meets the tolerance; its nodes enter the loss curve."""
        began, tolerance, previous = time.perf_counter(), self.problem.config.bank.tolerance, math.inf
        while True:
            count, self.bank = node_count(*self.grid.bounds, density), None  # frees its memory first
            self.problem.check_memory(count)
            self.bank = WindowBank(self.framed, *self.grid.bounds, count, self._on_node)
            if self.run.interrupted:
                break
            error = self._random_error()
            if error <= tolerance or density >= MOST_DENSITY or error > previous / 1.3:
                break
            previous, density = error, density * max(1.2, min(2.0, 1.1 * (error / tolerance) ** (1 / 2.6)))
        self.run.seconds["bank"] += time.perf_counter() - began

    def _on_node(self, index: int, count: int, length: float, spectrum: Tensor) -> bool:
        theta = torch.full((1, 1), length, dtype=self.problem.dtype, device=self.problem.device)
        terms = self.problem.terms(magnitude(spectrum), theta, self.positions)
        # The bank may reach a little below the bound.
        if length >= self.grid.theta_min or index == count - 1:
            self.run.tried(length, terms)
        return self.run.report("bank", index, count)

    def _random_error(self) -> float:
        """The bank's relative rms error at random window lengths, log-uniform over its range."""
        generator = torch.Generator().manual_seed(self.problem.config.run.seed)
        low, high = math.log2(self.bank.lengths[0]), math.log2(self.bank.lengths[-1])
        draw = torch.rand(self.bank.shape, generator=generator, dtype=self.problem.dtype)
        return self._error(draw.to(self.problem.device) * (high - low) + low)

    def _error(self, log_theta: Tensor) -> float:
        """The bank's rms error relative to S at log2 θ, any shape that broadcasts to (F, T), by exact bins."""
        return check(self.bank.stft(log_theta), self.framed, log_theta.exp2(), self.problem.config.run.seed).rms

    def _holds(self, outcome: Descent) -> bool:
        """True where the bank agrees with bins computed exactly, and its loss with the loss of the final transform."""
        error = abs(outcome.best_terms["loss"] - self.run.final["loss"])
        return self._within(rms=self._error(outcome.best[0]), loss_error=error)

    def _within(self, **errors: float) -> bool:
        """True where the errors, which the result reports, are within the tolerance, or no finer bank would help."""
        self.run.bank = {"nodes": len(self.bank), **errors}
        fine = max(errors.values()) <= self.problem.config.bank.tolerance
        return fine or self.bank.per_octave >= MOST_DENSITY
