"""Local entropy on a plane that does not fit in memory: evidence, sweeps and descent block by block of the working grid.

A first pass adds up what all places say of a constant length, or of lengths that vary over one axis: that is all that these
modes need. With one length for each point a second pass solves each block with some columns of its neighbours (the halo),
which are then dropped: the means that smooth the lengths reach hardly beyond them.
"""

import math
import time

import torch

from ...results.progress import INTERRUPTED, STEPS
from ...stft.log_interpolation import node_count
from ...stft.modes import PLANE
from ...system.disk_arrays import block_ranges
from ..gradient_descent import Descent, descend
from ..local_entropy.evidence import PER_OCTAVE, Votes
from ..local_entropy.loss import LocalEntropy
from ..resources import bytes_per_place
from ..strategies.fixed_frames import start_local
from .problem import OutOfCoreProblem
from .run import OutOfCoreRun

_HALO = 8.0  # units on each side of a block


class LocalProblem(OutOfCoreProblem):
    """An OutOfCoreProblem with the criterion ``local-entropy``.

    ``field`` has the loss of all places where θ varies over one axis at most; with one θ for each point, that of a constant.
    """

    def precompute(self, on_node) -> None:
        """As Problem.precompute; on_node: called as on_node(i, blocks) before block i."""
        shape = (1, 1) if self.mode == PLANE else self.places_shape
        votes: Votes | None = None
        blocks = self.column_blocks()
        for i, block in enumerate(blocks):
            if on_node(i, len(blocks)) and votes is not None:
                break
            columns = block[1] - block[0]
            own = self.evidence(block).votes((shape[0], columns if shape[1] > 1 else 1))
            votes = own if votes is None else votes.joined(own, axis=1 if shape[1] > 1 else 0)
        unheard = shape[1] - votes.voice.shape[1]  # columns, where the caller ended the run meanwhile
        self.constants = self.field = self.local_entropy(votes.padded(unheard))

    def column_blocks(self, halo: int = 0) -> list[tuple[int, int]]:
        """(first, last + 1) column of each block of the working grid that fits in memory with ``halo`` columns on each side."""
        rows, columns = self.places.places
        nodes = node_count(*self.places.bounds, PER_OCTAVE)
        each = bytes_per_place(nodes, self.dtype.itemsize) * rows
        most = int(self.room / each) - 2 * halo
        return block_ranges(columns, max(1, halo, most))

    def evaluate(self, length: float, on_block=None) -> dict[str, float]:
        """As Problem.evaluate; no block is computed."""
        return self.terms(None, torch.full((1, 1), length, dtype=self.dtype, device=self.device), self._fixed_positions)

    def on_columns(self, first: int, last: int) -> LocalEntropy:
        """The loss of columns first to last - 1, (f, last - first) places."""
        rows, _ = self.places.places
        calm = self.field.calm
        return self.local_entropy(self.evidence((first, last)).votes((rows, last - first), calm=calm), calm)


class LocalBlockStrategy:
    """The strategy for ``local-entropy`` in mode tf-varying, where the plane does not fit in memory.

    run: the run that this strategy carries out.
    """

    def __init__(self, run: OutOfCoreRun):
        self.run, self.problem, self.grid = run, run.problem, run.problem.places
        self.sums: list[dict[str, float]] = []  # terms after each step, summed over the places of all blocks
        self.final = {"value": 0.0, "variation": 0.0}

    def learn(self, steps: int) -> str:
        """Search the best constant window, then solve block after block; returns why it stopped."""
        run, problem = self.run, self.problem
        run.explore(steps)
        run.record_initial(run.initial_length())
        positions = problem.positions(run.first)
        theta = None if run.interrupted else self._blocks(steps)
        if theta is None or run.interrupted:
            run.transform(run.fill(run.first), positions)
            run.history[1:] = []
            return INTERRUPTED
        run.history += self.sums
        run.plane_terms = run.history[-1] = self._final_terms()
        run.transform(theta, positions)
        run.keep_the_better()
        return STEPS

    def _blocks(self, steps: int):
        """Solve all blocks: θ in samples, (F, T), on disk."""
        began, run, grid, theta = time.perf_counter(), self.run, self.grid, self.run.new_theta()
        halo = math.ceil(_HALO * grid.per_unit[1] / grid.steps[1])
        blocks = self.problem.column_blocks(halo)
        for i, (first, last) in enumerate(blocks):
            if run.report("descent", i, len(blocks)):
                break
            low, high = max(0, first - halo), min(grid.places[1], last + halo)
            field = self.problem.on_columns(low, high)
            outcome = self._descend(field, steps, (i, len(blocks)))
            self._add(field, outcome, slice(first - low, last - low))
            ends = first * grid.steps[1], min(last * grid.steps[1], grid.shape[1])
            lengths = grid.to_plane(outcome.best[0], ends if i < len(blocks) - 1 else (ends[0], grid.shape[1]), low)
            theta.append(lengths.exp2().clamp_(self.problem.grid.theta_min, grid.support).cpu().numpy())
        run.seconds["optimize"] += time.perf_counter() - began
        return theta

    def _descend(self, field: LocalEntropy, steps: int, progress: tuple[int, int]) -> Descent:
        run, problem = self.run, self.problem
        variable, few = start_local(run, field, steps)
        settings = problem.config.optimizer.model_copy(update={"steps": few})

        def report(step, terms, values):
            return run.report("descent", progress[0] * few + step, progress[1] * few, terms)

        return descend(lambda log_theta: problem.local_losses(field, log_theta), [variable], settings, report)

    def _add(self, field: LocalEntropy, outcome: Descent, own: slice) -> None:
        """Add the terms of a block's own columns to those of the plane, by what they say of all that is said."""
        whole, best = float(self.problem.field.voice.sum()), outcome.best_terms
        share = float(field.voice[:, own].sum()) / whole
        for step in range(max(len(outcome.history), len(self.sums))):
            while len(self.sums) <= step:
                self.sums.append(dict(self.sums[-1]) if self.sums else dict.fromkeys(best, 0.0))
        for step, sums in enumerate(self.sums):
            terms = outcome.history[step] if step < len(outcome.history) else best
            for name in sums:
                sums[name] += share * terms[name]
        costs = field.costs(outcome.best[0], self.problem.epsilon)
        for name, cost in zip(self.final, costs, strict=True):
            self.final[name] += float(cost[own].sum()) / whole

    def _final_terms(self) -> dict[str, float]:
        value, variation = self.final["value"], self.problem.weight * self.final["variation"]
        if self.problem.regularizer is None:
            variation = 0.0
        return self.problem.finite({"loss": value + variation, self.problem.name: value, "regularization": variation})
