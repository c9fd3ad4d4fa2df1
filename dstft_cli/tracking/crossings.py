"""Ridges that cross: each keeps its own slope through the crossing."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from .plane import TrackedPlane

_NEAR = 2.5  # reciprocals of the window's length: ridges that are closer are not told apart
_FITTED = 2.0  # longest window lengths before and after a crossing that tell a ridge's slope


def uncrossed(paths: np.ndarray, planes: Sequence[TrackedPlane]) -> tuple[np.ndarray, np.ndarray]:
    """Paths whose ends are exchanged behind a crossing where that bends them less, and straight within it.

    paths: in bins, (C, T).

    Returns the paths, and where they are too near another to be told apart, (C, T) bool each.
    """
    paths, near = paths.copy(), np.zeros(paths.shape, dtype=bool)
    lengths = np.array([plane.length for plane in planes])
    lobe = _NEAR / float(np.exp(np.log(lengths).mean())) / planes[0].spacing
    fitted = max(3, round(_FITTED * float(lengths.max()) / planes[0].hop))
    for one, other in combinations(range(len(paths)), 2):
        for first, last in _meetings(np.abs(paths[one] - paths[other]) < lobe, fitted):
            _resolve(paths, (one, other), first, last, fitted)
            near[[one, other], first:last] = True
    return paths, near


def _meetings(together: np.ndarray, gap: int) -> list[tuple[int, int]]:
    """(first, last + 1) frame of each meeting that the paths come from and leave; those less than a gap apart are one.

    together: (T,) bool.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], together, [False]]).astype(np.int8))).reshape(-1, 2)
    merged: list[list[int]] = []
    for first, last in edges.tolist():
        if merged and first - merged[-1][1] < gap:
            merged[-1][1] = last
        else:
            merged.append([first, last])
    return [(first, last) for first, last in merged if first > 0 and last < len(together)]


def _resolve(paths: np.ndarray, pair: tuple[int, int], first: int, last: int, fitted: int) -> None:
    """Exchange the ends of two paths behind a meeting if that bends them less, and draw them straight within it."""
    before = np.arange(max(0, first - fitted), first)
    after = np.arange(last, min(paths.shape[1], last + fitted))
    middle = (first + last - 1) / 2
    coming = [_line(before, paths[i, before], middle) for i in pair]
    going = [_line(after, paths[i, after], middle) for i in pair]
    scale = np.array([1.0, last - first + fitted])  # of a place and a slope, in bins

    def bends(ends: Sequence[np.ndarray]) -> float:
        return float(sum(np.abs((a - b) * scale).sum() for a, b in zip(coming, ends, strict=True)))

    if bends(going[::-1]) < bends(going):
        paths[list(pair), last:] = paths[list(pair[::-1]), last:]
    inside = np.arange(first, last)
    for i in pair:
        paths[i, inside] = np.interp(inside, [first - 1, last], paths[i, [first - 1, last]])


def _line(frames: np.ndarray, rows: np.ndarray, middle: float) -> np.ndarray:
    """The row at the middle of a meeting and the slope, (2,), of the straight line through some points."""
    if len(frames) < 2:
        return np.array([rows[0], 0.0])
    slope, height = np.polyfit(frames - middle, rows, 1)
    return np.array([height, slope])
