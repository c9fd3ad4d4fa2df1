"""The transform as a run leaves it, computed block by block into memory or onto the disk, with its sums and its accuracy."""

import math
from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor

from ..stft.checked_transform import checked_block, combined
from ..system.disk_arrays import DiskPlane
from .criteria import magnitude
from .local_entropy.narrowing import width_changes
from .local_entropy.seen_regions import seen_regions
from .loss import FrameBlock, PlaneSums
from .problem import Problem

_BLOCK_BINS = 1 << 19  # bins transformed at a time, where the plane does not fit in memory
_CHECKED = 500  # bins in all, at least
_LEAST_CHECKED = 8  # in each block
_COMPARED = 16  # blocks compared with a constant window, at most

Lengths = Tensor | DiskPlane
"""Window lengths in samples, in the shape of a mode: in memory, or on disk where each point has its own."""


class MemoryPlane:
    """As DiskPlane, for a plane in memory, which is one block."""

    def append(self, columns: np.ndarray) -> None:
        """Take the plane. columns: (F, T)."""
        self._values = columns

    def columns(self, first: int, last: int) -> np.ndarray:
        """Frames first to last - 1, (F, last - first)."""
        return self._values[:, first:last]

    def finish(self) -> np.ndarray:
        """The plane, (F, T)."""
        return self._values


class TransformedPlane:
    """The transform at given window lengths and frame positions.

    problem: of the run.
    theta: window lengths.
    positions: (T,) window centres in samples.
    plane: takes S in the signal's unit.
    on_block: called as on_block(i, n) before block i of n.

    ``accuracy`` is that of all blocks; ``sums`` has what the loss and the measures are made of.
    """

    def __init__(
        self,
        problem: Problem,
        theta: Lengths,
        positions: Tensor,
        plane: MemoryPlane | DiskPlane,
        on_block: Callable[[int, int], object],
    ):
        self.problem, self.theta, self.positions, self._plane = problem, theta, positions, plane
        self.sums = PlaneSums(positions, problem.grid.samples, None if problem.local else problem.loss)
        ranges, probes = problem.block_ranges(positions, _BLOCK_BINS), []
        quota = max(_LEAST_CHECKED, math.ceil(_CHECKED / len(ranges)))
        for i, (first, last) in enumerate(ranges):
            on_block(i, len(ranges))
            block, around = problem.block(positions, first, last), frames_around(problem, positions, first, last)
            lengths = self._lengths(*around)
            values, probe = self._transformed(block, _inside(lengths, block, around), quota)
            self.sums.add(block, magnitude(values), lengths, around)
            plane.append(values.mul_(problem.scale).cpu().numpy())
            probes.append(probe)
        self.accuracy = combined(probes)

    def terms(self) -> dict[str, float]:
        """The loss and its terms. Raises DivergedError where one is not finite."""
        if self.problem.local:
            return self.problem.terms(None, self.theta, self.positions)
        return self.problem.terms_of(self.sums.total, math.prod(self.theta.shape), len(self.positions))

    def _transformed(self, block: FrameBlock, theta: Tensor, bins: int):
        problem, run = self.problem, self.problem.config.run
        if theta.numel() > 1 and bool((theta == theta[0, 0]).all()):
            theta = theta[:1, :1]  # one constant window is much less work, and frequent in a run that was stopped
        return checked_block(block.framed, theta, run.seed + block.first, problem.config.bank.exact, bins=bins)

    def _lengths(self, first: int, last: int) -> Tensor:
        """θ in samples of frames first to last - 1, (1 or F, 1 or last - first)."""
        if isinstance(self.theta, DiskPlane):
            return torch.from_numpy(np.ascontiguousarray(self.theta.columns(first, last))).to(self.problem.device)
        return self.theta if self.theta.shape[1] == 1 else self.theta[:, first:last]

    def width_changes(self, length: float) -> Iterable[Tensor]:
        """The sums of ``width_changes`` against a constant window of ``length`` samples on the same frames, of some blocks."""
        problem, ranges = self.problem, self.problem.block_ranges(self.positions)
        for first, last in ranges[:: math.ceil(len(ranges) / _COMPARED)]:
            power, constant, lengths = self._beside(length, first, last)
            inside = None if problem.boxes is None else problem.boxes.at_plane(problem.places, first, last)
            yield width_changes(power, constant, lengths, problem.places, inside)

    def seen_lengths(self, length: float) -> Tensor:
        """θ in samples where it is seen to draw a plane in memory narrower than a constant window of ``length`` does, (F, T).

        Elsewhere it is ``length``.
        """
        power, constant, lengths = self._beside(length, 0, len(self.positions))
        away = (lengths / length).log2()
        return length * (away * seen_regions(power, constant, away, self.problem.places)).exp2()

    def _beside(self, length: float, first: int, last: int) -> tuple[Tensor, Tensor, Tensor]:
        """P of frames first to last - 1, that under a constant window of ``length`` samples, and θ: (F, last - first)."""
        problem, lengths = self.problem, self._lengths(first, last)
        block = problem.block(self.positions, first, last)
        stft = torch.from_numpy(np.ascontiguousarray(self._plane.columns(first, last))).to(problem.device)
        power = magnitude(stft / problem.scale).to(problem.dtype).square().mul_(lengths)
        return power, block.framed.magnitude(length).square().mul_(length), lengths

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """S, (F, T) in the signal's unit, and θ in samples, in memory or as read-only memory maps."""
        theta = self.theta
        return self._plane.finish(), theta.finish() if isinstance(theta, DiskPlane) else theta.cpu().numpy()


def constant_measures(problem: Problem, length: float) -> dict[str, float]:
    """Entropy in nats, kurtosis and coverage under one window of ``length`` samples."""
    positions, theta = problem.positions(length), torch.full((1, 1), length, dtype=problem.dtype, device=problem.device)
    sums = PlaneSums(positions, problem.grid.samples)
    for block in problem.blocks(positions):
        around = frames_around(problem, positions, block.first, block.last)
        sums.add(block, block.framed.magnitude(length), theta, around)
    return sums.measures()


def frames_around(problem: Problem, positions: Tensor, first: int, last: int) -> tuple[int, int]:
    """(first, last + 1) of the frames whose windows may reach the samples of frames first to last - 1, their neighbours among them."""
    reach = problem.grid.support / 2 + 1
    end = positions[min(last, len(positions) - 1)]
    low, high = torch.searchsorted(positions, torch.stack([positions[first] - reach, end + reach])).tolist()
    return max(0, min(low, first - 1)), min(len(positions), max(high, last + 1))


def _inside(lengths: Tensor, block: FrameBlock, around: tuple[int, int]) -> Tensor:
    """The block's own window lengths out of those of the frames around it."""
    return lengths if lengths.shape[1] == 1 else lengths[:, block.first - around[0] : block.last - around[0]]
