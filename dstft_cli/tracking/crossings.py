"""Ridges that cross: each keeps its own slope through the crossing."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from .limits import middle_length
from .plane import TrackedPlane
from .track import SURE

_NEAR = 2.5  # reciprocals of the window's length: ridges that are closer are not told apart
_ENDS = 2.0  # times that: what it costs that a ridge ends or begins at another
_FITTED = 2.0  # middle window lengths before and after a crossing that tell a ridge's slope


def uncrossed(
    paths: np.ndarray, confidence: np.ndarray, levels: np.ndarray, planes: Sequence[TrackedPlane]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Paths whose ends are exchanged behind a crossing where that bends them less, and straight within it.

    paths: in bins, (C, T).
    confidence: of the paths, (C, T); how a path bends counts where it is there before and after.
    levels: log magnitudes along the paths, (C, T): one that becomes louder or fainter bends, too.

    Returns the paths, their confidence, and where they are too near another to be told apart, (C, T) bool.
    """
    lines = paths, confidence, levels = paths.copy(), confidence.copy(), levels.copy()
    near = np.zeros(paths.shape, dtype=bool)
    length = middle_length(planes)
    lobe = _NEAR / length / planes[0].spacing
    fitted = max(3, round(_FITTED * length / planes[0].hop))
    for one, other in combinations(range(len(paths)), 2):
        for first, last in _meetings(np.abs(paths[one] - paths[other]) < lobe, fitted):
            if _cross(confidence[[one, other]], first, last, fitted):
                _exchange(lines, (one, other), (first, last), fitted, lobe)
                _straighten(paths, (one, other), first, last)
                near[[one, other], first:last] = True
            else:
                for end in (first, last):
                    _exchange(lines, (one, other), (end, end), fitted, lobe)
    return paths, confidence, near


def _meetings(together: np.ndarray, gap: int) -> list[tuple[int, int]]:
    """(first, last + 1) frame of each meeting; those less than a gap apart are one. together: (T,) bool."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], together, [False]]).astype(np.int8))).reshape(-1, 2)
    merged: list[list[int]] = []
    for first, last in edges.tolist():
        if merged and first - merged[-1][1] < gap:
            merged[-1][1] = last
        else:
            merged.append([first, last])
    return [(first, last) for first, last in merged]


def _cross(confidence: np.ndarray, first: int, last: int, fitted: int) -> bool:
    """Whether two paths (2, T) are there both before and after a meeting: else one ends or begins where it meets the other."""
    sides = confidence[:, max(0, first - fitted) : first], confidence[:, last : last + fitted]
    return all(side.size and side.mean(1).min() >= SURE for side in sides)


def _exchange(
    lines: tuple[np.ndarray, ...], pair: tuple[int, int], meeting: tuple[int, int], fitted: int, lobe: float
) -> None:
    """Exchange the ends of two paths, and their confidence, behind a meeting that has two sides if that bends them less.

    A ridge that becomes twice as loud or half as loud bends by the distance at which ridges are near.
    """
    (paths, confidence, levels), (first, last) = lines, meeting
    if not 0 < first <= last < paths.shape[1]:
        return
    before = np.arange(max(0, first - fitted), first)
    after = np.arange(last, min(paths.shape[1], last + fitted))
    middle = (first + last - 1) / 2
    coming = [_line(before, paths[i, before], middle) for i in pair]
    going = [_line(after, paths[i, after], middle) for i in pair]
    scale = np.array([1.0, last - first + fitted])  # of a place and a slope, in bins

    def bends(ends: Sequence[int]) -> float:
        return sum(float(costs[i, j]) for i, j in zip((0, 1), ends, strict=True))

    there = [np.array([confidence[i, frames].mean() for i in pair]) for frames in (before, after)]
    louder = np.subtract.outer(*(levels[np.ix_(pair, frames)].mean(1) for frames in (before, after)))
    costs = np.array([[np.abs((a - b) * scale).sum() for b in going] for a in coming])
    costs += np.abs(louder) * (lobe / np.log(2))
    costs *= np.sqrt(np.multiply.outer(*there))
    costs += np.abs(np.subtract.outer(*there)) * _ENDS * lobe
    if bends((1, 0)) < bends((0, 1)):
        for line in lines:
            line[list(pair), last:] = line[list(pair[::-1]), last:]


def _straighten(paths: np.ndarray, pair: tuple[int, int], first: int, last: int) -> None:
    inside = np.arange(first, last)
    for i in pair:
        paths[i, inside] = np.interp(inside, [first - 1, last], paths[i, [first - 1, last]])


def _line(frames: np.ndarray, rows: np.ndarray, middle: float) -> np.ndarray:
    """The row at the middle of a meeting and the slope, (2,), of the straight line through some points."""
    if len(frames) < 2:
        return np.array([rows[0], 0.0])
    slope, height = np.polyfit(frames - middle, rows, 1)
    return np.array([height, slope])
