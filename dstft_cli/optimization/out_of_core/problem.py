"""One run on a signal whose plane does not fit into memory: pieces of the plane, and the loss from sums over them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import InputError
from ...stft.frames import Frames
from ...stft.transform import dstft_magnitude
from ...system.disk_arrays import block_ranges
from ..criteria import column_variation, coverage, linked_gaps
from ..loss import FrameSumLoss, separable_criterion
from ..problem import Problem

_BLOCK_BINS = 1 << 20  # bins that are looked at together


@dataclass(frozen=True)
class FrameBlock:
    """Some neighbouring frames of a plane, and the samples that they see.

    first, last: the frames, last not among them. positions: t_n in samples of the recording. samples: (n,). local: t_n
    counted from the first of those; a whole number of supports before, so that phases are as in the whole.
    """

    first: int
    last: int
    positions: Tensor
    samples: Tensor
    local: Tensor


class OutOfCoreProblem(Problem):
    """A Problem that never holds the plane. room: bytes that its pieces may take."""

    def __init__(self, signal, config, window, criterion=None, penalty=None, room: int = 1 << 30):
        if callable(penalty):
            raise InputError("a penalty of your own needs the whole plane in memory: raise --memory, or use --duration")
        super().__init__(signal, config, window, criterion, penalty)
        self.room = room
        weight = self.weight if self.regularizer is not None else 0.0
        grid, cost = self.grid, config.loss.penalty_weight if self.penalty is not None else 0.0
        size = grid.bins, len(self._still), grid.samples
        self.shared = FrameSumLoss(self.criterion, config.loss, (weight, cost), *size)
        self.measured = {name: separable_criterion(name, 1.0) for name in ("entropy", "kurtosis")}

    def check_memory(self, nodes: int) -> None:
        """The plan has seen to it."""

    def block(self, positions: Tensor, first: int, last: int) -> FrameBlock:
        """Frames first to last - 1 of those at t_n (T,) samples."""
        support, places = self.grid.support, positions[first:last]
        begin = max(0, int(places[0]) - support // 2 - 1) // support * support
        end = min(self.grid.samples, int(places[-1]) + support // 2 + 2)
        end = max(end, min(begin + 1, self.grid.samples))
        return FrameBlock(first, last, places, self.samples_between(begin, end), places - begin)

    def block_ranges(self, positions: Tensor, bins: int | None = None) -> list[tuple[int, int]]:
        """(first, last + 1) frame of pieces of all frames, of at most about so many bins, and as many samples, each."""
        return block_ranges(len(positions), max(1, int((bins or _BLOCK_BINS) / max(self.grid.bins, self.spacing))))

    @property
    def spacing(self) -> float:
        """Samples from one frame to the next, on the average."""
        return self.grid.samples / len(self._still)

    def blocks(self, positions: Tensor) -> Iterator[FrameBlock]:
        """All frames at t_n (T,) samples, piece by piece."""
        for first, last in self.block_ranges(positions):
            yield self.block(positions, first, last)

    def magnitude(self, block: FrameBlock, length: float) -> Tensor:
        """|S| (F, n) of a section with a constant window of that many samples, exactly."""
        grid = self.grid
        return dstft_magnitude(block.samples, length, Frames.at(block.local, grid.support), grid.support, self.window)

    def frame_sums(self, length: float, on_block: Callable[[], object] = lambda: None) -> Tensor:
        """What each frame adds to the loss at a constant window of that many samples, (4, T)."""
        positions = self.positions(length)
        sums = torch.zeros(4, len(positions), dtype=torch.float64, device=self.device)
        for block in self.blocks(positions):
            on_block()
            with torch.no_grad():
                sums[:2, block.first : block.last] = self.shared.criterion_sums.sums(self.magnitude(block, length))
        sums[3] = self.linked(positions, length)
        return sums

    def linked(self, positions: Tensor, length: float) -> Tensor:
        """The signal that neighbouring windows of one length in samples link behind each frame, (T,); 0 where nothing depends on it."""
        linked = torch.zeros(len(positions), dtype=torch.float64, device=self.device)
        if self.shared.weights[1]:
            theta = torch.full((1, 1), length, dtype=torch.float64, device=self.device)
            linked[:-1] = linked_gaps(positions, theta, self.grid.samples).mean(0)
        return linked

    def shared_terms(self, total: Tensor, points: int, frames: int) -> dict[str, float]:
        """The loss and its terms from the sums over all frames (4,), as numbers. Raises DivergedError as Problem.terms does."""
        follows = self.grid.overlap is not None and not self.criterion.per_frame
        terms = self.shared.terms(total, points, frames if follows else None)
        return self.finite({name: term.item() for name, term in terms.items()})

    def evaluate(self, length: float, on_block: Callable[[], object] = lambda: None) -> dict[str, float]:
        sums = self.frame_sums(length, on_block)
        return self.shared_terms(sums.sum(1), 1, sums.shape[1])


class LossAccumulator:
    """The loss and the measures of a plane, from its pieces."""

    def __init__(self, problem: OutOfCoreProblem, positions: Tensor):
        self.problem, self.positions = problem, positions
        self.total = torch.zeros(4, dtype=torch.float64, device=problem.device)
        self.sums = {name: torch.zeros(2, dtype=torch.float64, device=problem.device) for name in problem.measured}
        self.reached = 0.0

    def add(self, block: FrameBlock, values: Tensor, theta: Tensor, around: tuple[int, int]) -> None:
        """A section's |S| (F, n) and its window lengths (1 or F, 1 or n + more) in samples.

        around: the frames that the window lengths belong to, where they vary over time, those beside the section among them.
        """
        problem, inside = self.problem, slice(block.first - around[0], block.last - around[0])
        with torch.no_grad():
            if not problem.local:  # it cannot be told from one plane
                self.total[:2] += problem.shared.criterion_sums.sums(values).sum(1)
            for name, criterion_sums in problem.measured.items():
                self.sums[name] += criterion_sums.sums(values).sum(1)
            if problem.shared.weights[0] and theta.shape[1] > 1:
                self.total[2] += problem.shared.variation(theta.log2())[inside].sum()
            self._reach(block, theta, around)

    def _reach(self, block: FrameBlock, theta: Tensor, around: tuple[int, int]) -> None:
        """The signal that windows link, and that they cover, between this section's first frame and the next one's."""
        positions, samples = self.positions, self.problem.grid.samples
        first, last = around
        theta = theta.expand(-1, last - first) if theta.shape[1] == 1 else theta
        if self.problem.shared.weights[1]:
            gaps = linked_gaps(positions[first:last], theta, samples).mean(0)
            self.total[3] += gaps[block.first - first : block.last - first].sum()
        ends = 0.0 if not block.first else float(positions[block.first])
        end = samples if block.last == len(positions) else float(positions[block.last])
        self.reached += coverage(positions[first:last], theta, samples, (ends, end)) * samples

    def terms(self, points: int, constant: Tensor | None = None) -> dict[str, float]:
        """The loss and its terms. points: window lengths in all. constant: those (F, 1) of them that do not vary over time."""
        shared = self.problem.shared
        if constant is not None and shared.weights[0] and constant.numel() > 1:
            lengths = constant.log2() if shared.settings.unit == "octaves" else constant
            self.total[2] = column_variation(lengths, shared.settings.epsilon).sum()
        return self.problem.shared_terms(self.total, points, len(self.positions))

    def measures(self) -> dict[str, float]:
        """Entropy, kurtosis and true coverage."""
        found = {
            name: criterion_sums.value(self.sums[name]).item() for name, criterion_sums in self.problem.measured.items()
        }
        return {**found, "coverage": self.reached / self.problem.grid.samples}
