"""A result whose plane stays on disk, reduced for display: as many columns as any picture has, and every peak kept."""

import math
from collections.abc import Callable

import numpy as np

from ..config.loading import merge_config
from ..optimization.out_of_core.problem import OutOfCoreProblem
from ..results.result import Result
from ..system.disk_arrays import block_ranges, columns, on_disk

_MOST = 4000  # columns
_BLOCK_BINS = 1 << 20  # bins that are looked at together


class Reduced:
    """The frames of a result in groups of neighbours. tmin, tmax: s of recording time, where only a part is shown.

    times: (C,) s from sample 0, the middle of each group.
    """

    def __init__(self, result: Result, tmin: float | None = None, tmax: float | None = None):
        self.result = result
        here = merge_config(result.config, {"run.device": "cpu"})  # the run's need not be on this machine
        self.problem = OutOfCoreProblem(result.signal, here, result.window)
        self._part = [None if end is None else (end - result.signal.start) * result.sample_rate for end in (tmin, tmax)]
        self.groups = self._groups(result.frame_positions)
        self.times = self._times(result.frame_positions)

    def _groups(self, positions: np.ndarray) -> list[tuple[int, int]]:
        low, high = self._part
        first = 0 if low is None else max(0, int(np.searchsorted(positions, low)) - 1)
        last = len(positions) if high is None else min(len(positions), int(np.searchsorted(positions, high)) + 1)
        return [
            (first + a, first + b)
            for a, b in block_ranges(max(1, last - first), math.ceil(max(1, last - first) / _MOST))
        ]

    def _times(self, positions: np.ndarray) -> np.ndarray:
        """The ends stay where they are, so that the axis does."""
        times = np.array([positions[a:b].mean() for a, b in self.groups])
        times[[0, -1]] = positions[self.groups[0][0]], positions[self.groups[-1][1] - 1]
        return times / self.result.sample_rate

    def magnitude(self) -> np.ndarray:
        """The greatest |S| of each group, (F, C)."""
        return self._greatest(lambda first, last: np.abs(columns(self.result.stft, first, last)))

    def reference(self, length: float) -> tuple[np.ndarray, np.ndarray]:
        """The same with one window of that many samples, and the times of the groups of its frames, (C,)."""
        problem = self.problem
        positions, before = problem.positions(length), self.groups

        def values(first: int, last: int) -> np.ndarray:
            found = problem.magnitude(problem.block(positions, first, last), length)
            return found.mul(problem.scale).cpu().numpy()

        places = positions.cpu().numpy()
        try:
            self.groups = self._groups(places)
            return self._greatest(values), self._times(places)
        finally:
            self.groups = before

    def _greatest(self, values: Callable[[int, int], np.ndarray]) -> np.ndarray:
        bins, parts = self.result.grid.bins, []
        widest = max(last - first for first, last in self.groups)
        for a, b in block_ranges(
            len(self.groups), max(1, _BLOCK_BINS // (max(bins, math.ceil(self.problem.spacing)) * widest))
        ):
            begin, end = self.groups[a][0], self.groups[b - 1][1]
            starts = [first - begin for first, _ in self.groups[a:b]]
            parts.append(np.maximum.reduceat(values(begin, end), starts, axis=1))
        return np.concatenate(parts, axis=1)

    def theta(self) -> np.ndarray:
        """The window lengths, in samples, in the middle of each group, (1 or F, 1 or C)."""
        theta = self.result.theta
        middles = [(first + last) // 2 for first, last in self.groups]
        if theta.shape[1] == 1:
            return theta
        if not on_disk(theta):
            return theta[:, middles]
        return np.concatenate([columns(theta, middle, middle + 1) for middle in middles], axis=1)
