"""A result whose plane stays on disk, reduced for display: at most as many columns as any picture has, and no peak lost."""

import math
from collections.abc import Callable

import numpy as np

from ..config.loading import merge_config
from ..optimization.problem import Problem
from ..results.result import Result
from ..system.disk_arrays import block_ranges, columns, on_disk

_MOST = 4000  # columns
_BLOCK_BINS, _ROOM = 1 << 20, 1 << 30  # bins in memory at a time, and bytes of a block


class Reduced:
    """The frames of a result in groups of neighbours.

    result: with its plane on disk.
    tmin, tmax: limits in s of recording time; None for none.

    Attributes: times, (C,) the middle of each group in s from sample 0; groups, C ranges of frames (first, last + 1); hop and
    span, samples from group to group, and from the first to the last frame of a group.
    """

    def __init__(self, result: Result, tmin: float | None = None, tmax: float | None = None):
        self.result = result
        config = merge_config(result.config, {"run.device": "cpu"})  # the run's need not be on this machine
        self.problem = Problem(result.signal, config, result.window, room=_ROOM)
        self._limits = [
            None if end is None else (end - result.signal.start) * result.sample_rate for end in (tmin, tmax)
        ]
        self.groups = self._groups(result.frame_positions)
        self.times = self._times(result.frame_positions)
        centres = self.times * result.sample_rate
        self.hop = float(np.median(np.diff(centres))) if len(centres) > 1 else float(result.support)
        self.span = self.hop * (1 - 1 / float(np.median([last - first for first, last in self.groups])))

    def _groups(self, positions: np.ndarray) -> list[tuple[int, int]]:
        low, high = self._limits
        first = 0 if low is None else max(0, int(np.searchsorted(positions, low)) - 1)
        last = len(positions) if high is None else min(len(positions), int(np.searchsorted(positions, high)) + 1)
        count = max(1, last - first)
        return [(first + a, first + b) for a, b in block_ranges(count, math.ceil(count / _MOST))]

    def _times(self, positions: np.ndarray) -> np.ndarray:
        """The middle of each group; the ends keep their frames, so that the axis keeps its ends."""
        times = np.array([positions[a:b].mean() for a, b in self.groups])
        times[[0, -1]] = positions[self.groups[0][0]], positions[self.groups[-1][1] - 1]
        return times / self.result.sample_rate

    def magnitude(self) -> np.ndarray:
        """The largest |S| of each group, (F, C)."""
        return self._largest(lambda first, last: np.abs(columns(self.result.stft, first, last)))

    def shown(self) -> np.ndarray:
        """The same as ``magnitude``: the ends are drawn as they are."""
        return self.magnitude()

    def shown_reference(self, magnitude: np.ndarray, length: float) -> np.ndarray:
        """The magnitude (F, C) that ``reference`` gave for a length in samples, as it is."""
        return magnitude

    def reference(self, length: float) -> tuple[np.ndarray, np.ndarray]:
        """The largest |S| of each group with one constant window, on frames that have not moved.

        length: of the window in samples.

        Returns (F, C), and the times of the groups, (C,) s.
        """
        problem = self.problem
        frames, groups = problem.positions(length), self.groups

        def values(first: int, last: int) -> np.ndarray:
            magnitude = problem.block(frames, first, last).framed.magnitude(length)
            return magnitude.mul(problem.scale).cpu().numpy()

        positions = frames.cpu().numpy()
        try:
            self.groups = self._groups(positions)
            return self._largest(values), self._times(positions)
        finally:
            self.groups = groups

    def _largest(self, values: Callable[[int, int], np.ndarray]) -> np.ndarray:
        """The largest of the values (F, n) of frames first to last - 1 in each group, (F, C)."""
        bins, blocks = self.result.grid.bins, []
        widest = max(last - first for first, last in self.groups)
        count = max(1, _BLOCK_BINS // (max(bins, math.ceil(self.problem.spacing)) * widest))
        for a, b in block_ranges(len(self.groups), count):
            begin, end = self.groups[a][0], self.groups[b - 1][1]
            starts = [first - begin for first, _ in self.groups[a:b]]
            blocks.append(np.maximum.reduceat(values(begin, end), starts, axis=1))
        return np.concatenate(blocks, axis=1)

    def theta(self) -> np.ndarray:
        """The window lengths in samples in the middle of each group, (1 or F, 1 or C)."""
        theta = self.result.theta
        middles = [(first + last) // 2 for first, last in self.groups]
        if theta.shape[1] == 1:
            return theta
        if not on_disk(theta):
            return theta[:, middles]
        return np.concatenate([columns(theta, middle, middle + 1) for middle in middles], axis=1)
