"""The problem of a run whose plane does not fit in memory: blocks of frames, and the loss from sums over them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import InputError
from ...stft.framed_signal import FramedSignal
from ...system.disk_arrays import block_ranges
from ..coverage import coverage, linked_gaps
from ..criteria import CRITERIA, column_variation
from ..loss import FrameSumLoss
from ..problem import Problem

_BLOCK_BINS = 1 << 20  # bins in memory at a time


@dataclass(frozen=True)
class FrameBlock:
    """A block of neighbouring frames, with the samples that they see.

    first, last: numbers of the frames, last not among them.
    positions: t_n in samples of the recording, (T,).
    framed: the samples that they see, with t_n counted from the first of these, a whole number of supports after the
        recording's, so that phases are those of the whole plane.
    """

    first: int
    last: int
    positions: Tensor
    framed: FramedSignal


class OutOfCoreProblem(Problem):
    """A Problem that keeps one block of the plane in memory at a time.

    signal, config, window: as for Problem.
    criterion, penalty: a callable is refused, since it needs the whole plane.
    room: bytes that a block may take.
    """

    def __init__(self, signal, config, window, criterion=None, penalty=None, room: int = 1 << 30):
        for name, given in (("criterion", criterion), ("penalty", penalty)):
            if callable(given):
                raise InputError(
                    f"a custom {name} needs the whole plane in memory: raise --memory, or take less of the signal with --duration"
                )
        super().__init__(signal, config, window, criterion, penalty)
        self.room = room
        weight = self.weight if self.regularizer is not None else 0.0
        grid, cost = self.grid, config.loss.penalty_weight if self.penalty is not None else 0.0
        size = grid.bins, len(self._fixed_positions), grid.samples
        settings = config.loss.model_copy(update={"epsilon": self.epsilon})
        self.shared = None if self.local else FrameSumLoss(self.criterion, settings, (weight, cost), size)
        self.measured = {name: CRITERIA[name] for name in ("entropy", "kurtosis")}

    def check_memory(self, nodes: int) -> None:
        """Nothing to check: the plan of the run limits the blocks."""

    def block(self, positions: Tensor, first: int, last: int) -> FrameBlock:
        """Frames first to last - 1 of those at positions (T,), in samples."""
        support, inside = self.grid.support, positions[first:last]
        begin = max(0, int(inside[0]) - support // 2 - 1) // support * support
        end = min(self.grid.samples, int(inside[-1]) + support // 2 + 2)
        end = max(end, min(begin + 1, self.grid.samples))
        framed = FramedSignal(self.samples_between(begin, end), inside - begin, support, self.window)
        return FrameBlock(first, last, inside, framed)

    def block_ranges(self, positions: Tensor, bins: int | None = None) -> list[tuple[int, int]]:
        """(first, last + 1) frame of each block, for blocks of about ``bins`` bins, and as many samples, at most."""
        return block_ranges(len(positions), max(1, int((bins or _BLOCK_BINS) / max(self.grid.bins, self.spacing))))

    @property
    def spacing(self) -> float:
        """Mean distance between frames in samples."""
        return self.grid.samples / len(self._fixed_positions)

    def blocks(self, positions: Tensor) -> Iterator[FrameBlock]:
        """All frames at positions (T,), in samples, block by block."""
        for first, last in self.block_ranges(positions):
            yield self.block(positions, first, last)

    def magnitude(self, block: FrameBlock, length: float) -> Tensor:
        """|S| of a block, (F, n), exactly, under a constant window of ``length`` samples."""
        return block.framed.magnitude(length)

    def frame_sums(self, length: float, on_block: Callable[[], object] = lambda: None) -> Tensor:
        """The contribution of each frame to the sums P of the loss under a constant window.

        length: window length in samples.
        on_block: called before each block.

        Returns (4, T) float64.
        """
        positions = self.positions(length)
        sums = torch.zeros(4, len(positions), dtype=torch.float64, device=self.device)
        for block in self.blocks(positions):
            on_block()
            with torch.no_grad():
                sums[:2, block.first : block.last] = self.shared.criterion.sums(self.magnitude(block, length))
        sums[3] = self.linked(positions, length)
        return sums

    def linked(self, positions: Tensor, length: float) -> Tensor:
        """The part of the gap after each frame that windows of ``length`` samples link, (T,) samples; 0 without a penalty."""
        linked = torch.zeros(len(positions), dtype=torch.float64, device=self.device)
        if self.shared.weights[1]:
            theta = torch.full((1, 1), length, dtype=torch.float64, device=self.device)
            linked[:-1] = linked_gaps(positions, theta, self.grid.samples).mean(0)
        return linked

    def shared_terms(self, total: Tensor, points: int, frames: int) -> dict[str, float]:
        """The loss and its terms as numbers, from the sums P over all frames, (4,).

        points: number of window lengths in all.
        frames: T.

        Raises DivergedError where one is not finite.
        """
        follows = self.grid.overlap is not None and not self.criterion.per_frame
        terms = self.shared.terms(total, points, frames if follows else None)
        return self.finite({name: term.item() for name, term in terms.items()})

    def evaluate(self, length: float, on_block: Callable[[], object] = lambda: None) -> dict[str, float]:
        """As Problem.evaluate; on_block: called before each block."""
        sums = self.frame_sums(length, on_block)
        return self.shared_terms(sums.sum(1), 1, sums.shape[1])


class LossAccumulator:
    """The loss and the measures of a plane, added up over its blocks.

    problem: the problem of the run.
    positions: (T,) window centres in samples.
    """

    def __init__(self, problem: OutOfCoreProblem, positions: Tensor):
        self.problem, self.positions = problem, positions
        self.total = torch.zeros(4, dtype=torch.float64, device=problem.device)
        self.sums = {name: torch.zeros(2, dtype=torch.float64, device=problem.device) for name in problem.measured}
        self.reached = 0.0

    def add(self, block: FrameBlock, values: Tensor, theta: Tensor, around: tuple[int, int]) -> None:
        """Add a block.

        values: |S| of its n frames, (F, n).
        theta: window lengths in samples, (1 or F, 1 or those of the frames ``around``).
        around: (first, last + 1) of the frames whose window lengths are given, the block's neighbours among them.
        """
        problem, inside = self.problem, slice(block.first - around[0], block.last - around[0])
        with torch.no_grad():
            if not problem.local:  # a local criterion needs more than one plane
                self.total[:2] += problem.shared.criterion.sums(values).sum(1)
            for name, criterion in problem.measured.items():
                self.sums[name] += criterion.sums(values).sum(1)
            if not problem.local and problem.shared.weights[0] and theta.shape[1] > 1:
                self.total[2] += problem.shared.variation(theta.log2())[inside].sum()
            self._reach(block, theta, around)

    def _reach(self, block: FrameBlock, theta: Tensor, around: tuple[int, int]) -> None:
        """Add the signal linked and covered by windows from this block's first frame to the next block's."""
        positions, samples = self.positions, self.problem.grid.samples
        first, last = around
        theta = theta.expand(-1, last - first) if theta.shape[1] == 1 else theta
        if not self.problem.local and self.problem.shared.weights[1]:
            gaps = linked_gaps(positions[first:last], theta, samples).mean(0)
            self.total[3] += gaps[block.first - first : block.last - first].sum()
        ends = 0.0 if not block.first else float(positions[block.first])
        end = samples if block.last == len(positions) else float(positions[block.last])
        self.reached += coverage(positions[first:last], theta, samples, (ends, end)) * samples

    def terms(self, points: int, constant: Tensor | None = None) -> dict[str, float]:
        """The loss and its terms.

        points: number of window lengths in all.
        constant: window lengths in samples that do not vary over time, (F, 1) or (1, 1); None where they vary.
        """
        shared = self.problem.shared
        if constant is not None and shared.weights[0] and constant.numel() > 1:
            lengths = constant.log2() if shared.settings.unit == "octaves" else constant
            self.total[2] = column_variation(lengths, shared.settings.epsilon).sum()
        return self.problem.shared_terms(self.total, points, len(self.positions))

    def measures(self) -> dict[str, float]:
        """Entropy in nats, kurtosis and true coverage."""
        measures = {name: criterion.value(self.sums[name]).item() for name, criterion in self.problem.measured.items()}
        return {**measures, "coverage": self.reached / self.problem.grid.samples}
