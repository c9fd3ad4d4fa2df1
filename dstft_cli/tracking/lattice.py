"""Paths of frequency over time with a slope: the most probable one, and the probability of each point.

A state is a frequency of an even grid and the rows that the path moved in the last step. Slopes change by Gaussian steps, so a path
keeps its own slope where another crosses it, and bridges gaps. One step spans several frames; in between the path is straight.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

_NEVER = -1e30
_REACH = 3.0  # standard deviations of a change of slope that are tried
_MOST_REACH = 10  # rows


@dataclass(frozen=True)
class Motion:
    """How a path may move.

    most: rows in one step, at most.
    change: standard deviation of the rows in a step less those of the step before.
    frames: of one step.
    """

    most: int
    change: float
    frames: int

    @property
    def slopes(self) -> np.ndarray:
        """The rows that a step may move, (V,), increasing."""
        return np.arange(-self.most, self.most + 1)

    @property
    def reach(self) -> int:
        """The largest change of slope that is tried, in rows."""
        return max(1, min(2 * self.most, _MOST_REACH, math.ceil(_REACH * self.change)))

    def cost(self, change: np.ndarray) -> np.ndarray:
        """The negative log probability of a change of slope in rows, but for a constant."""
        return 0.5 * np.square(change / self.change)


class Lattice:
    """The evidence along every straight step of a plane.

    evidence: log likelihood ratios, (K, T) of float32 or float64.
    motion: how paths move.

    ``ends`` are the frames at the ends of the steps, (N + 1,); ``path`` and ``posterior`` speak of these.
    """

    def __init__(self, evidence: np.ndarray, motion: Motion):
        self.evidence, self.motion = evidence, motion
        rows, frames = evidence.shape
        count = max(1, round((frames - 1) / motion.frames))
        self.ends = np.unique(np.rint(np.linspace(0, frames - 1, count + 1)).astype(int))
        padded = np.pad(evidence.T, ((0, 0), (motion.most, motion.most)), constant_values=_NEVER)
        self._windows = np.lib.stride_tricks.sliding_window_view(padded, rows, axis=1)

    def __len__(self) -> int:
        """N, the number of steps."""
        return len(self.ends) - 1

    def _along(self, step: int) -> np.ndarray:
        """The evidence in the frames of a step, (V, K), by the rows moved and its last row; its first frame is left out."""
        first, last = self.ends[step], self.ends[step + 1]
        back = (last - np.arange(first + 1, last + 1)) / (last - first)
        moved = np.rint(np.multiply.outer(back, self.motion.slopes)).astype(int)  # rows before the last one
        total = np.zeros((len(self.motion.slopes), len(self.evidence)), self.evidence.dtype)
        for frame, offsets in zip(range(first + 1, last + 1), moved, strict=True):
            total += self._windows[frame][self.motion.most - offsets]
        return total

    def _shifted(self, values: np.ndarray, empty: float, sign: int = 1) -> np.ndarray:
        """Values (V, K) by the row that the move leads to, or with sign -1 by that it comes from."""
        out = np.full_like(values, empty)
        for i, move in enumerate((sign * self.motion.slopes).tolist()):
            low, high = max(0, move), values.shape[1] + min(0, move)
            if high > low:
                out[i, low:high] = values[i, low - move : high - move]
        return out

    def path(self, passed: Callable[[int], object]) -> np.ndarray:
        """The rows of the most probable path at the ends of the steps, (N + 1,) int (Viterbi).

        passed: called with the number of each step, from 0 to N - 1.
        """
        best = np.repeat(self.evidence.T[:1], len(self.motion.slopes), axis=0)
        changes = []
        for step in range(len(self)):
            passed(step)
            best, change = self._best_change(best)
            changes.append(change)
            best = self._shifted(best, _NEVER) + self._along(step)
        column, row = np.unravel_index(best.argmax(), best.shape)
        path = [int(row)]
        for change in reversed(changes):
            row = row - self.motion.slopes[column]
            column = column - change[column, row]
            path.append(int(row))
        return np.array(path[::-1])

    def score(self, path: np.ndarray) -> float:
        """The log probability of a path, but for a constant that is the same under any motion.

        path: rows at the ends of the steps, (N + 1,).
        """
        frames = np.arange(self.evidence.shape[1])
        rows = np.rint(np.interp(frames, self.ends, path)).astype(int)
        bends = np.diff(path, 2)
        cost = self.motion.cost(bends).sum() + len(bends) * math.log(self.motion.change)
        return float(self.evidence[rows, frames].sum() - cost)

    def _best_change(self, best: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The best score before each slope, and the change of slope that gave it, (V, K) each."""
        count = len(best)
        top, chosen = best.copy(), np.zeros(best.shape, np.int8)
        for size in range(1, min(self.motion.reach, count - 1) + 1):
            cheaper = best - best.dtype.type(self.motion.cost(np.array(size)))
            upper, lower = slice(size, count), slice(0, count - size)
            for to, come, change in ((upper, lower, size), (lower, upper, -size)):
                np.copyto(chosen[to], change, where=cheaper[come] > top[to])
                np.maximum(top[to], cheaper[come], out=top[to])
        return top, chosen

    def posterior(self, passed: Callable[[int], object]) -> np.ndarray:
        """The probability of each row at the ends of the steps, (K, N + 1): forward and backward over all paths.

        Of the forward pass only some states are kept; those in between are computed again, which bounds the memory.

        passed: called with the number of each step, from 0 to 2 N - 1, forward and then backward.
        """
        slopes = self.motion.slopes
        change = np.exp(-self.motion.cost(np.subtract.outer(slopes, slopes)))
        change /= change.sum(1, keepdims=True)
        first = np.exp(self.evidence.T[:1] - self.evidence[:, 0].max())
        state = _unit(np.repeat(first, len(slopes), axis=0))
        size = max(1, math.isqrt(len(self)))
        kept = {0: state}
        for step, later in self._forward(state, 0, len(self), change):
            passed(step - 1)
            if step % size == 0:
                kept[step] = later
        total = np.zeros((len(self.evidence), len(self) + 1))
        backward = np.ones_like(state)
        for begin in reversed(range(0, len(self), size)):
            end = min(begin + size, len(self))
            states = [kept[begin], *(later for _, later in self._forward(kept[begin], begin, end, change))]
            for step in reversed(range(begin, end)):
                passed(2 * len(self) - 1 - step)
                total[:, step + 1] = (states[step + 1 - begin] * backward).sum(0)
                backward = _unit(change @ self._shifted(backward * self._gain(step), 0.0, -1))
        total[:, 0] = (kept[0] * backward).sum(0)
        return total / np.maximum(total.sum(0), 1e-300)

    def _forward(self, state: np.ndarray, begin: int, end: int, change: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """(step, state) after each of some steps, from the state before them."""
        for step in range(begin, end):
            state = _unit(self._shifted(change.T @ state, 0.0) * self._gain(step))
            yield step + 1, state

    def _gain(self, step: int) -> np.ndarray:
        along = self._along(step)
        return np.exp(np.maximum(along - along.max(), -700))


def _unit(values: np.ndarray) -> np.ndarray:
    return values / max(float(values.max()), 1e-300)
