"""The state of one optimisation, and the steps that every strategy is made of."""

import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..results.metrics import Narrowing
from ..results.progress import PATIENCE, OnStep, Step
from ..stft.modes import FIXED_HOP, PLANE, theta_shape
from ..system.devices import threads_for
from ..system.disk_arrays import DiskPlane, file_beside
from .gradient_descent import Descent, Variable, between, descend
from .length_search import Curve, bracketing, refine
from .local_entropy.narrowing import narrowing
from .local_entropy.seen_gain import is_seen, regions_may_do_better
from .problem import Problem
from .transformed_plane import Lengths, MemoryPlane, TransformedPlane, constant_measures

STFT, THETA = (file_beside(name) for name in ("stft", "theta"))

NARROWING = 30  # evaluations between the nodes of a curve, in all its valleys
_MOST_SLOWDOWN = 10  # a descent that gets no lower is repeated with slower rates, down to this fraction of the first


class OptimizationRun:
    """One optimisation: its history and its result so far.

    problem: signal, grid, window and loss.
    on_step: called with a Step as the run goes on; a true return ends the run.
    folder: where the planes are written, if they do not fit in memory: STFT and, with one window length for each point, THETA.

    ``history`` has the terms of every step; ``curve`` the constant window lengths tried, ``known`` the terms at each; ``plane``
    and ``final`` (the terms) the result as it stands;
    ``bank`` the figures of the interpolation that the run stepped on; ``check`` is called with the shares of places at the
    shortest and the longest window, and the best constant length in samples, before a descent by a local criterion, and may
    raise an error that ends the run.
    """

    def __init__(self, problem: Problem, on_step: OnStep | None, folder: Path | None = None):
        self.problem, self.on_step, self.folder, self.interrupted = problem, on_step, folder, False
        self.curve, self.known, self.history = Curve([], []), {}, []
        shape = theta_shape(problem.mode, problem.grid.support, problem.grid.frames)
        self.points = (
            0 if problem.at_once else math.prod(shape)
        )  # window lengths in all, where a descent has but a part
        self.bank: dict[str, float] | None = None
        self.kept_constant = False  # where the result is the constant window at the start, since nothing gained on it
        self.compared: Narrowing | None = None  # the result beside the best constant window, once that is known
        self.first = 0.0  # the constant window length, in samples, that the history sets out from
        self.check: Callable[[tuple[float, float], float], object] | None = None
        self.seconds = {"bank": 0.0, "optimize": 0.0, "verify": 0.0}
        self.plane: TransformedPlane
        self.final: dict[str, float]

    def report(self, phase: str, index: int, total: int, terms=None, theta=None) -> bool:
        """Report a step; True once the caller asks the run to end."""
        if self.on_step is not None and self.on_step(Step(phase, index, total, terms or {}, theta)):
            self.interrupted = True
        return self.interrupted

    def precompute(self) -> bool:
        """Compute what a local criterion needs first; True where the caller ended the run meanwhile."""
        began = time.perf_counter()
        self.problem.loss.precompute(lambda index, count: self.report("bank", index, count))
        self.seconds["bank"] += time.perf_counter() - began
        return self.interrupted

    def evaluate(self, length: float) -> dict[str, float]:
        """The terms of the loss under a constant window of ``length`` samples; the time counts as optimisation."""
        began = time.perf_counter()
        terms = self.problem.evaluate(length)
        self.seconds["optimize"] += time.perf_counter() - began
        return terms

    def tried(self, length: float, terms: dict[str, float]) -> float:
        """Enter a constant window of ``length`` samples into the curve; returns its loss."""
        self.curve.add(length, terms["loss"])
        self.known.setdefault(length, terms)
        return terms["loss"]

    def explore(self, steps: int) -> bool:
        """Search the best constant window: log-spaced lengths, then Brent between them, in at most ``steps`` evaluations.

        Returns True where the best length is known to the tolerance.
        """
        low, high = self.problem.grid.theta_min, float(self.problem.grid.support)
        lengths = bracketing(low, high, steps)
        for i, length in enumerate(lengths):
            if self.report("search", i, len(lengths) + NARROWING):
                break
            self.tried(length, self.evaluate(length))
        return self.narrow(min(NARROWING, steps - len(lengths)), len(lengths))

    def narrow(self, budget: int, done: int) -> bool:
        """Refine the curve's best length in at most ``budget`` evaluations after ``done``; True once the tolerance is reached."""
        if self.interrupted or len(self.curve.lengths) < 3 or budget < 1:
            return False
        count = len(self.curve.lengths)

        def evaluate(length: float) -> float:
            return self.tried(length, self.evaluate(length))

        def stop() -> bool:
            return self.report("search", done + len(self.curve.lengths) - count, done + budget)

        return refine(evaluate, self.curve, budget=budget, stop=stop)

    def check_range(self, shares: tuple[float, float] = (0.0, 0.0)) -> None:
        """Let ``check`` judge the range of window lengths; a best constant window at a bound is as good as all places there.

        shares: of the places at the shortest and at the longest window, 0 to 1.
        """
        grid = self.problem.grid
        best = self.curve.best[0] if self.curve.lengths else grid.first_length
        here = best < 1.005 * grid.theta_min, best > 0.995 * grid.support
        if self.check is not None and not self.interrupted:
            self.check(tuple(max(share, float(there)) for share, there in zip(shares, here, strict=True)), best)

    def record_initial(self, length: float) -> None:
        """Enter a constant window of ``length`` samples as the start of the history, evaluated exactly."""
        self.first = length
        self.history.append(self.evaluate(length))

    def initial_length(self) -> float:
        """The window length in samples at which a descent starts: the one configured, else the best constant one."""
        grid = self.problem.grid
        return grid.theta or (self.curve.best[0] if self.curve.lengths else grid.first_length)

    def fill(self, length: float) -> Lengths:
        """θ of ``length`` samples everywhere, in the shape of the mode."""
        problem, frames = self.problem, len(self.problem.positions(length))
        if problem.at_once or problem.mode != PLANE:
            return problem.constant(length)
        plane = self.new_theta()
        for first in range(0, frames, 1000):
            plane.append(np.full((problem.grid.bins, min(1000, frames - first)), length, plane.dtype))
        return plane

    def new_theta(self) -> DiskPlane:
        """An empty plane on disk for window lengths in samples, (F, T)."""
        grid = self.problem.grid
        return DiskPlane(self.folder / THETA, (grid.bins, grid.frames), self.problem.config.run.dtype)

    def transform(self, theta: Lengths, positions: Tensor, terms: dict[str, float] | None = None) -> None:
        """Make the transform at θ and t_n the result, with its accuracy and loss.

        theta: window lengths in samples, in the shape of the mode.
        positions: (T,) window centres in samples.
        terms: the loss and its terms, where they are known.
        """
        began, shape = time.perf_counter(), (self.problem.grid.bins, len(positions))
        plane = MemoryPlane() if self.problem.at_once else DiskPlane(self.folder / STFT, shape, "complex64")
        self.plane = TransformedPlane(self.problem, theta, positions, plane, lambda *at: self.report("verify", *at))
        self.final = self.plane.terms() if terms is None else terms
        self.seconds["verify"] += time.perf_counter() - began

    def keep_first(self) -> None:
        """Make the constant window at the start the result, whose loss is known."""
        self.transform(self.fill(self.first), self.problem.positions(self.first), dict(self.history[0]))

    def gained_nothing(self, calmed: bool = False) -> bool:
        """True where the descent ended no lower than the constant window at the start, or no eye sees what it gained.

        With a local criterion ``seen_gain`` judges by a comparison of both pictures. Where lengths vary over the plane, the loss
        does not count.

        calmed: True where lengths leave the constant one only in regions.
        """
        plane, gain = self.problem.mode == PLANE, self.history[0]["loss"] - self.final["loss"]
        # Lengths that vary over the plane are found by votes of their own: the two losses cannot be compared then.
        found = self.narrowing() if self.problem.local and (gain >= 0 or plane) else None
        if found is None:
            return gain < 0
        self.compared = found
        return not (is_seen(found, 0.0 if plane else gain, calmed) and self._speaks())

    def _speaks(self) -> bool:
        """False where a local criterion has seen nothing but noise."""
        return not self.problem.local or self.problem.loss.field.speaks

    def keep_the_better(self) -> None:
        """Return to the constant window at the start where the descent gained nothing.

        A local criterion has a second try on a plane in memory: lengths that leave the constant one only in regions that are seen
        to gain. They are taken where they gain enough; else the first try stays, if it did.
        """
        lost, found = self.gained_nothing(), self.compared
        whole = self.problem.mode == PLANE and self.problem.at_once and not self.interrupted
        again = whole and found is not None and regions_may_do_better(found, lost)
        if again and self._speaks():  # noise would be lost again
            grid, first = self.problem.grid, self.plane.theta
            theta = self.plane.seen_lengths(self.curve.best[0]).clamp(grid.theta_min, grid.support)
            self.transform(theta, self.plane.positions)
            self.compared = None
            worse = self.gained_nothing(calmed=True)
            if worse and not lost:
                self.transform(first, self.plane.positions)
                self.compared = found
            lost = lost and worse
        if lost:
            self.kept_constant = True
            self.keep_first()

    def measures(self) -> tuple[dict[str, float], dict[str, float]]:
        """Entropy, kurtosis and coverage of the constant window at the start, and of the result as it stands."""
        return constant_measures(self.problem, self.first), self.plane.sums.measures()

    def narrowing(self) -> Narrowing | None:
        """How the result compares with the best constant window; None where frames moved or nothing was adapted."""
        problem = self.problem
        if self.plane.theta.shape == (1, 1) or problem.hop_mode != FIXED_HOP or not self.curve.lengths:
            return None
        if self.kept_constant:
            return Narrowing(theta=self.first, narrower=0.0, share=0.0, wider_share=0.0, overall=0.0)
        if self.compared is not None:
            return self.compared
        best = self.curve.best[0]
        return narrowing(self.plane.width_changes(best), best)

    def windows(self, theta: Tensor) -> Variable:
        """log2 θ as a variable within its bounds; in mode ``fixed`` its rate is 0.

        theta: first window lengths in samples, in the shape of the mode.
        """
        grid, problem = self.problem.grid, self.problem
        rate = 0.0 if problem.mode == "fixed" else problem.config.optimizer.learning_rate
        bounds = torch.tensor([grid.theta_min, grid.support], dtype=theta.dtype).log2().tolist()
        return Variable(theta.log2(), rate, between(*bounds))

    def descend(self, objective: Callable, variables: list[Variable], left: int) -> tuple[Descent, int]:
        """Descend, and repeat with a quarter of the learning rates while the loss gets no lower.

        objective: values of the variables to the loss and its terms.
        variables: the first is log2 θ.
        left: steps left.

        Returns the outcome and the steps left then.
        """
        share = 1.0
        while True:
            slower = [Variable(v.start, v.rate * share, v.keep) for v in variables]
            outcome = self._descend(objective, slower, left)
            left -= len(outcome.history) - 1
            stuck = outcome.reason == PATIENCE and outcome.best_terms is outcome.history[0]
            if not stuck or left < 1 or share < 1 / _MOST_SLOWDOWN:
                return outcome, left
            share /= 4

    def _descend(self, objective: Callable, variables: list[Variable], steps: int) -> Descent:
        began, done = time.perf_counter(), len(self.history) - 1
        settings = self.problem.config.optimizer.model_copy(update={"steps": steps})

        def report(step, terms, values):
            if self.on_step is None:
                return False
            least, most = (2.0 ** bound.item() for bound in values[0].aminmax())
            return self.report("descent", done + step, done + steps, terms, (least, most))

        with threads_for(self.problem.grid.bins * self.problem.grid.frames):
            outcome = descend(objective, variables, settings, report, self.points)
        if not outcome.history:
            raise self.problem.diverged()
        self.history += outcome.history[1:]
        self.seconds["optimize"] += time.perf_counter() - began
        return outcome
