"""Boxes over time and frequency."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...text import file_name, one_line


@dataclass(frozen=True)
class Box:
    """A span of time, and the band of frequencies in it that counts.

    number: from 1, as in the file where it numbers its boxes.
    start, end: in s of recording time, start < end.
    low, high: in Hz; None for no limit.
    label: "" for none.
    """

    number: int
    start: float
    end: float
    low: float | None = None
    high: float | None = None
    label: str = ""

    @property
    def name(self) -> str:
        """box 3 (call)"""
        return f"box {self.number}{f' ({one_line(self.label, 30)})' if self.label else ''}"


@dataclass(frozen=True)
class Annotations:
    """The boxes of a recording.

    file: the name of the file that they are from.
    sha256: of that file's bytes, in hexadecimal digits.
    boxes: in the order of the file.
    alone: whether the signal is a part of the recording about its one box.
    """

    file: str
    sha256: str
    boxes: tuple[Box, ...]
    alone: bool = False

    @property
    def text(self) -> str:
        """One sentence: how many boxes there are, and of what."""
        count = len(self.boxes)
        labels = Counter(one_line(box.label, 30) for box in self.boxes if box.label)
        kinds = ", ".join(f"{number} {label}" for label, number in labels.most_common(5))
        more = ", ..." if len(labels) > 5 else ""
        boxes = f"{count} boxes decide" if count > 1 else f"{self.boxes[0].name} decides"
        return f"{boxes} the windows ({file_name(self.file)}{f': {kinds}{more}' if kinds and count > 1 else ''})"


def within(boxes: Sequence[Box], frequencies: np.ndarray, times: np.ndarray, steps: tuple[float, float]) -> np.ndarray:
    """Which points of a grid lie in a box, or less than half a step from it, so that no box falls between points.

    frequencies, times: of the grid, in Hz, (F,), and s of recording time, (T,).
    steps: of the grid, in Hz and s.

    Returns (F, T) float32 of 0 and 1.
    """
    inside = np.zeros((len(frequencies), len(times)), np.float32)
    for box in boxes:
        half = steps[0] / 2, steps[1] / 2
        low, high = (box.low or 0.0) - half[0], (np.inf if box.high is None else box.high) + half[0]
        rows = np.flatnonzero((frequencies >= low) & (frequencies <= high))
        columns = np.flatnonzero((times >= box.start - half[1]) & (times <= box.end + half[1]))
        if len(rows) and len(columns):
            inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = 1
    return inside


def renamed(path: str, sha256: str, boxes: Sequence[Box]) -> Annotations:
    """The annotations of a file; boxes without a number of their own, or with one twice, are counted from 1."""
    numbers = [box.number for box in boxes]
    if len(set(numbers)) < len(numbers):
        boxes = [replace(box, number=i) for i, box in enumerate(boxes, start=1)]
    return Annotations(Path(path).name, sha256, tuple(boxes))
