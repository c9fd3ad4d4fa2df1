"""Window lengths learnt by a local criterion, whose evidence was computed before: sweeps, then a short descent.

The evidence of all places says what a constant length, or lengths that vary over one axis, cost: that is all that these modes
need. With one length for each point of a plane that does not fit in memory, block after block of the working grid is solved, each
with some columns of its neighbours (the halo), which are then dropped: the means that smooth the lengths reach hardly beyond them.
"""

import math
import time
from dataclasses import replace

from ...results.progress import INTERRUPTED, STEPS
from ...stft.modes import PLANE
from ...system.memory import return_freed_memory
from ..gradient_descent import Descent, Variable, descend
from ..local_entropy.loss import LocalEntropy
from ..run import OptimizationRun
from ..transformed_plane import Lengths

_HALO = 8.0  # units on each side of a block
_FEW_STEPS, _SLOWER = 30, 0.05  # of a descent that starts near its end, and its share of the learning rate

Solved = tuple[Lengths, str, dict[str, float] | None]
"""θ in samples, in the shape of the mode, why the descent stopped, and the loss and its terms, where they are known."""


class LocalStrategy:
    """The strategy for ``local-entropy`` in all modes that adapt.

    run: the run that this strategy carries out.
    """

    def __init__(self, run: OptimizationRun):
        self.run, self.problem, self.grid = run, run.problem, run.problem.places
        self.bounds = run.problem.grid.theta_min, run.problem.grid.support
        self.said = 0.0  # by the places of all blocks; what follows is weighed by it
        self.sums: list[dict[str, float]] = []  # terms after each step, summed over the places of all blocks
        self.final = {"value": 0.0, "variation": 0.0}

    def learn(self, steps: int) -> str:
        """Search the best constant window, then solve the places, at once or block by block; returns why it stopped."""
        run, problem = self.run, self.problem
        run.explore(steps)
        run.record_initial(run.initial_length())
        solve = self._at_once if problem.at_once or problem.mode != PLANE else self._blocks
        solved = None if run.interrupted else solve(steps)
        if solved is None:
            run.kept_constant = True
            run.keep_first()
            return INTERRUPTED
        theta, reason, terms = solved
        run.transform(theta, problem.positions(run.first), terms)
        run.keep_the_better()
        return reason

    def _at_once(self, steps: int) -> Solved:
        """Solve all places together."""
        began, run, problem, field = time.perf_counter(), self.run, self.problem, self.problem.loss.field
        variable, few = self._start(field, steps)
        run.seconds["optimize"] += time.perf_counter() - began
        run.check_range(field.at_bounds(variable.start))
        outcome, _ = run.descend(lambda log_theta: problem.losses(None, log_theta), [variable], few)
        learnt = self.grid.to_plane(outcome.best[0]).exp2().clamp(*self.bounds)
        theta = learnt.expand(problem.constant(run.first).shape).contiguous()
        return theta, INTERRUPTED if run.interrupted else outcome.reason, None

    def _start(self, field: LocalEntropy, steps: int) -> tuple[Variable, int]:
        """Where the sweeps end, as the variable of a short descent, and the steps of that.

        field: of all places or some columns of them.
        steps: steps allowed in all.
        """
        variable = self.run.windows(field.start(self.problem.weight, self.problem.epsilon).exp2())
        return replace(variable, rate=_SLOWER * variable.rate), min(steps, _FEW_STEPS)

    def _blocks(self, steps: int) -> Solved | None:
        """Solve block after block; None where the run was ended. The history becomes that of the whole plane."""
        began, run, grid, theta = time.perf_counter(), self.run, self.grid, self.run.new_theta()
        halo = math.ceil(_HALO * grid.per_unit[1] / grid.steps[1])
        blocks = self.problem.loss.column_blocks(halo)
        for i, (first, last) in enumerate(blocks):
            if run.report("descent", i, len(blocks)):
                break
            low, high = max(0, first - halo), min(grid.places[1], last + halo)
            field = self.problem.loss.on_columns(low, high)
            outcome = self._descend(field, steps, (i, len(blocks)))
            self._add(field, outcome, slice(first - low, last - low))
            ends = first * grid.steps[1], min(last * grid.steps[1], grid.shape[1])
            lengths = grid.to_plane(outcome.best[0], ends if i < len(blocks) - 1 else (ends[0], grid.shape[1]), low)
            theta.append(lengths.exp2().clamp_(*self.bounds).cpu().numpy())
            del field, outcome, lengths
            return_freed_memory()
        run.seconds["optimize"] += time.perf_counter() - began
        if run.interrupted:
            return None
        value, variation = self.final["value"] / self.said, self.problem.weight * self.final["variation"] / self.said
        terms = {"loss": value + variation, self.problem.name: value, "regularization": variation}
        before = [{name: total / self.said for name, total in sums.items()} for sums in self.sums[:-1]]
        run.history += [*before, self.problem.finite(terms)]
        return theta, STEPS, run.history[-1]

    def _descend(self, field: LocalEntropy, steps: int, progress: tuple[int, int]) -> Descent:
        run, problem = self.run, self.problem
        variable, few = self._start(field, steps)
        settings = problem.config.optimizer.model_copy(update={"steps": few})

        def report(step, terms, values):
            return run.report("descent", progress[0] * few + step, progress[1] * few, terms)

        return descend(lambda log_theta: problem.loss.on_field(field, log_theta), [variable], settings, report)

    def _add(self, field: LocalEntropy, outcome: Descent, own: slice) -> None:
        """Add the terms of a block's own columns to those of the plane, weighed by what they say."""
        said, best = float(field.voice[:, own].sum()), outcome.best_terms
        self.said += said
        for step in range(max(len(outcome.history), len(self.sums))):
            while len(self.sums) <= step:
                self.sums.append(dict(self.sums[-1]) if self.sums else dict.fromkeys(best, 0.0))
        for step, sums in enumerate(self.sums):
            terms = outcome.history[step] if step < len(outcome.history) else best
            for name in sums:
                sums[name] += said * terms[name]
        costs = field.costs(outcome.best[0], self.problem.epsilon)
        for name, cost in zip(self.final, costs, strict=True):
            self.final[name] += float(cost[own].sum())
