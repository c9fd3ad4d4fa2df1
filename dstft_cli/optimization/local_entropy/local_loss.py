"""The local criterion of one recording: the evidence of all its places, or of some columns where they do not fit in memory."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

import torch
from torch import Tensor

from ...stft.log_interpolation import node_count
from ...stft.modes import PLANE, theta_shape
from ...system.disk_arrays import block_ranges
from ...system.memory import return_freed_memory
from ..criteria import one_number
from ..loss import with_loss
from ..resources import bytes_per_place
from .evidence import PER_OCTAVE, Evidence, Votes, find_evidence
from .hidden_places import shown_by_others
from .loss import LocalEntropy
from .loudness import Loudness, measure_loudness
from .unseen_pulses import drop_unseen_pulses

_SURVEYED = 8  # blocks of a long recording that say which constant length has the most evidence


class LocalLoss:
    """Eq. (27) with a local criterion, on the working grid.

    problem: the problem of the run.

    Once ``precompute`` is done ``constants`` has the loss of constant lengths, and ``field`` that of all places; where the plane
    is in blocks and θ varies over both axes, the latter is that of constant lengths too.
    """

    def __init__(self, problem):
        self.problem, self.places = problem, problem.places
        self.constants: LocalEntropy
        self.field: LocalEntropy

    def precompute(self, on_node: Callable[[int, int], bool | None]) -> None:
        """Compute the evidence; on_node: called as on_node(i, n) before length or block i of n, a true return ends it early.

        What stands out of the noise under the best constant window is heard, and a long recording finds that from some blocks.
        """
        problem, blocks = self.problem, self.column_blocks()
        plane, shape = problem.mode == PLANE, self._shape()
        own_shape = (1, 1) if plane else shape
        if problem.at_once:
            evidence = self._evidence(blocks[0], on_node)
            calm = self._of_votes(evidence.votes(own_shape)).calm
            evidence = self._heard(evidence, calm)
            self.constants = self.field = self._of_votes(evidence.votes(own_shape), calm)
            if plane:
                self.field = self._of_votes(self._place_votes(evidence, calm), calm)
            return
        some = blocks[:: math.ceil(len(blocks) / _SURVEYED)]
        count = len(some) + len(blocks)
        first = self._joined(some, own_shape, lambda i: on_node(i, count))
        calm = self._of_votes(first).calm
        votes = self._joined(blocks, own_shape, lambda i: on_node(len(some) + i, count), calm)
        unheard = own_shape[1] - votes.voice.shape[1]  # columns, where the caller ended the run meanwhile
        self.constants = self.field = self._of_votes(votes.padded(unheard), calm)

    def _joined(
        self, blocks: list[tuple[int, int]], shape: tuple[int, int], on_block: Callable, calm: float | None = None
    ) -> Votes:
        """The votes of some blocks; calm: log2 of the constant length under which places are heard, once it is known."""
        votes = None
        for i, columns in enumerate(blocks):
            if on_block(i) and votes is not None:
                break
            own = self._evidence(columns)
            if calm is not None:
                own = self._heard(own, calm)
            own = own.votes((shape[0], columns[1] - columns[0] if shape[1] > 1 else 1))
            votes = own if votes is None else votes.joined(own, axis=1 if shape[1] > 1 else 0)
            del own
            return_freed_memory()
        return votes

    def column_blocks(self, halo: int = 0) -> list[tuple[int, int]]:
        """(first, last + 1) column of each block of the working grid that fits in memory with ``halo`` columns on each side."""
        rows, columns = self.places.places
        if self.problem.at_once:
            return [(0, columns)]
        each = bytes_per_place(node_count(*self.places.bounds, PER_OCTAVE), self.problem.dtype.itemsize) * rows
        return block_ranges(columns, max(1, halo, int(self.problem.room / each) - 2 * halo))

    def on_columns(self, first: int, last: int) -> LocalEntropy:
        """The loss of columns first to last - 1, (f, last - first) places."""
        calm = self.constants.calm
        return self._of_votes(self._place_votes(self._heard(self._evidence((first, last)), calm), calm), calm)

    def losses(self, values: None, log_theta: Tensor, positions: Tensor) -> dict[str, Tensor]:
        """The loss and its terms, scalars by name.

        values: no plane is needed.
        log_theta: log2 of window lengths in samples at the places, in the shape of ``field``, or (1, 1).
        positions: (T,) window centres in samples.
        """
        problem = self.problem
        terms = self.on_field(self.constants if log_theta.numel() == 1 else self.field, log_theta)
        if problem.penalty is not None:
            theta = self.places.to_plane(log_theta).exp2()
            amount = one_number(problem.penalty(positions, theta, problem.grid.samples), "penalty")
            terms["penalty"] = problem.config.loss.penalty_weight * amount
            terms["loss"] = terms["loss"] + terms["penalty"]
        return terms

    def on_field(self, field: LocalEntropy, log_theta: Tensor) -> dict[str, Tensor]:
        """The loss on all places or some columns of them, and its terms, scalars by name.

        field: of the places.
        log_theta: log2 of window lengths in samples, in the shape of the field, or (1, 1).
        """
        value, weight = field(log_theta), self.problem.weight
        variation = weight * field.variation(log_theta, self.problem.epsilon) if weight else torch.zeros_like(value)
        return with_loss(self.problem.criterion, value, {"regularization": variation})

    def _of_votes(self, votes: Votes, calm: float | None = None) -> LocalEntropy:
        """The loss that votes make; calm: as for LocalEntropy, by default as configured."""
        grid = self.problem.grid
        if calm is None and grid.theta is not None:
            calm = math.log2(grid.theta)
        return LocalEntropy(votes, self.places, math.log2(grid.first_length), calm)

    def _shape(self) -> tuple[int, int]:
        """The shape of θ on the working grid, (1 or f, 1 or t)."""
        shape = theta_shape(self.problem.mode, self.problem.grid.support, self.problem.grid.frames)
        rows, columns = (place if size > 1 else 1 for place, size in zip(self.places.places, shape, strict=True))
        return rows, columns

    @cached_property
    def _loudness(self) -> Loudness:
        problem = self.problem
        return measure_loudness(problem.samples_between, problem.grid.samples, self.places, problem.window)

    def _evidence(self, columns: tuple[int, int], on_node=None) -> Evidence:
        """The evidence at columns first to last - 1; on_node: as for ``find_evidence``."""
        problem = self.problem
        source = problem.samples_between, problem.grid.samples, self.places
        found = find_evidence(*source, columns, problem.window, self._loudness, on_node)
        return found if problem.boxes is None else problem.boxes.mark(found, self.places, columns)

    def _heard(self, evidence: Evidence, calm: float) -> Evidence:
        """The evidence with what is heard under the constant window of 2 ** calm samples.

        Far from a tone only windows that are too short for it show its skirt; under one window nothing is seen there but noise,
        whose grain is seen to change where θ does.
        """
        return replace(evidence, heard=self._loudness.heard(evidence.levels[evidence.nearest(calm)]))

    def _place_votes(self, evidence: Evidence, calm: float) -> Votes:
        """The votes of all places for lengths of their own; those count, too, that only another window shows.

        The values of the evidence are used up.
        """
        hidden = shown_by_others(evidence, self.places, calm)
        drop_unseen_pulses(evidence, self.places, self.problem.grid.samples, calm)
        return replace(evidence, hidden=hidden).votes(tuple(evidence.energy.shape), calm=calm)
