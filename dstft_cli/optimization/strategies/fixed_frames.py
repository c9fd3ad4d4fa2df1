"""Window lengths learnt on fixed frames: a descent on the window bank, checked and refined."""

import math
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from ...results.progress import DIVERGED, INTERRUPTED
from ...stft.checked_transform import check
from ...stft.framed_signal import FramedSignal
from ...stft.log_interpolation import MOST_DENSITY, Interpolation, density_for, node_count
from ...stft.window_bank import WindowBank
from ..criteria import magnitude
from ..fused_entropy import fused_entropy
from ..gradient_descent import Descent, Variable
from ..local_entropy.loss import LocalEntropy
from ..problem import Problem
from ..run import NARROWING, OptimizationRun

_REFINEMENTS = 3
_FEW_STEPS, _SLOWER = 30, 0.05  # of a descent that starts near its end, and its share of the learning rate


def learn_local(run: OptimizationRun, steps: int) -> str:
    """Carry out a run with a local criterion, whose evidence was computed before: sweeps, then a short descent.

    run: the run that this strategy carries out.
    steps: steps allowed in all.

    Returns why it stopped.
    """
    problem, grid = run.problem, run.problem.grid
    run.explore(steps)
    run.record_initial(run.initial_length())
    theta, positions = problem.constant(run.first), problem.positions(run.first)
    if not run.interrupted:
        began = time.perf_counter()
        variable, few = start_local(run, problem.field, steps)
        run.seconds["optimize"] += time.perf_counter() - began
        run.check_range(problem.field.at_bounds(variable.start))
        outcome, _ = run.descend(lambda log_theta: problem.losses(None, log_theta), [variable], few)
        learnt = problem.places.to_plane(outcome.best[0]).exp2().clamp(grid.theta_min, grid.support)
        theta = learnt.expand(theta.shape).contiguous()
    run.transform(theta, positions)
    run.keep_the_better()
    return INTERRUPTED if run.interrupted else outcome.reason


def start_local(run: OptimizationRun, field: LocalEntropy, steps: int) -> tuple[Variable, int]:
    """Where the sweeps of a local criterion end, as the variable of a short descent, and the steps of that.

    run: of the strategy.
    field: of all places or some columns of them.
    steps: steps allowed in all.
    """
    problem = run.problem
    weight = problem.weight if problem.regularizer is not None else 0.0
    variable = run.windows(field.start(weight, problem.epsilon).exp2())
    return replace(variable, rate=_SLOWER * variable.rate), min(steps, _FEW_STEPS)


def fitting_bank(run: OptimizationRun, framed: FramedSignal, density: float, on_node: Callable) -> WindowBank:
    """A bank that meets the tolerance, of at least ``density`` nodes an octave.

    on_node: as for WindowBank; a true return leaves the bank incomplete.
    """
    began, problem = time.perf_counter(), run.problem
    tolerance, grid = problem.config.bank.tolerance, problem.grid
    high = float(grid.support)
    low = min(grid.theta_min, high / 1.01)  # even a range of nothing needs its four nodes
    previous, bank = math.inf, None
    while True:
        count, bank = node_count(low, high, density), None
        problem.check_memory(count)
        bank = WindowBank(framed, low, high, count, on_node)
        if run.interrupted:
            break
        error = _random_error(problem, bank, framed)
        if error <= tolerance or density >= MOST_DENSITY or error > previous / 1.3:
            break
        previous, density = error, density * max(1.2, min(2.0, 1.1 * (error / tolerance) ** (1 / 2.6)))
    run.seconds["bank"] += time.perf_counter() - began
    return bank


def _random_error(problem: Problem, bank: WindowBank, framed: FramedSignal) -> float:
    """The bank's relative rms error at random window lengths, log-uniform over its range."""
    generator = torch.Generator().manual_seed(problem.config.run.seed)
    low, high = math.log2(bank.lengths[0]), math.log2(bank.lengths[-1])
    draw = torch.rand(bank.shape, generator=generator, dtype=problem.dtype)
    return bank_error(problem, bank, framed, draw.to(problem.device) * (high - low) + low)


def bank_error(problem: Problem, bank: WindowBank, framed: FramedSignal, log_theta: Tensor) -> float:
    """The bank's rms error relative to S at log2 θ, any shape that broadcasts to (F, T), by exact bins."""
    return check(bank.stft(log_theta), framed, log_theta.exp2(), problem.config.run.seed).rms


class FixedFrameStrategy:
    """The strategy for the modes time-, frequency- and tf-varying on fixed frames, where the bank fits in memory.

    run: the run that this strategy carries out.

    A class of this one's may step on another interpolation: it then builds ``bank`` and evaluates it in ways of its own.
    """

    def __init__(self, run: OptimizationRun):
        self.run, self.problem = run, run.problem
        self.framed = self.problem.framed(self.problem.grid.first_length)
        self.positions = self.framed.positions
        self.bank: Interpolation

    def learn(self, steps: int) -> str:
        """Build the bank, start from the best constant window, descend; repeat on a finer bank while the check fails.

        steps: steps allowed in all.

        Returns why it stopped.
        """
        run, grid = self.run, self.problem.grid
        self._build(density_for(self.problem.config.bank.tolerance))
        run.narrow(NARROWING, 0)
        run.record_initial(run.initial_length())
        theta = run.fill(run.first)
        if run.interrupted:
            run.transform(theta, self.positions)
            return INTERRUPTED
        for attempt in range(_REFINEMENTS + 1):
            fused = fused_entropy(self.problem, self.bank, steps)
            outcome, steps = run.descend(fused or self._objective, [run.windows(theta)], steps)
            del fused  # and its planes
            theta = outcome.best[0].exp2().clamp(grid.theta_min, grid.support)
            run.transform(theta, self.positions)
            done = self._holds(outcome) or steps < 1 or attempt == _REFINEMENTS
            if run.interrupted or outcome.reason == DIVERGED or done:
                break
            self._build(self.bank.per_octave * 1.5)
            if run.interrupted:  # the finer bank is incomplete; the result on the coarser one stands
                break
        run.keep_the_better()
        return INTERRUPTED if run.interrupted else outcome.reason

    def _objective(self, log_theta: Tensor) -> dict[str, Tensor]:
        return self.problem.losses(self.bank.magnitude(log_theta), log_theta, self.positions)

    def _build(self, density: float) -> None:
        """Build a bank of at least ``density`` nodes an octave that meets the tolerance; its nodes enter the loss curve."""
        self.bank = None  # frees its memory first
        self.bank = fitting_bank(self.run, self.framed, density, self._on_node)

    def _on_node(self, index: int, count: int, length: float, spectrum: Tensor) -> bool:
        theta = torch.full((1, 1), length, dtype=self.problem.dtype, device=self.problem.device)
        terms = self.problem.terms(magnitude(spectrum), theta, self.positions)
        # The bank may reach a little below the bound.
        if length >= self.problem.grid.theta_min or index == count - 1:
            self.run.tried(length, terms)
        return self.run.report("bank", index, count)

    def _holds(self, outcome: Descent) -> bool:
        """True where the bank agrees with bins computed exactly, and its loss with the loss of the final transform."""
        tolerance, best = self.problem.config.bank.tolerance, outcome.best[0]
        rms = bank_error(self.problem, self.bank, self.framed, best)
        error = abs(outcome.best_terms["loss"] - self.run.final["loss"])
        self.run.bank = {"nodes": len(self.bank), "rms": rms, "loss_error": error}
        return (rms <= tolerance and error <= tolerance) or self.bank.per_octave >= MOST_DENSITY
