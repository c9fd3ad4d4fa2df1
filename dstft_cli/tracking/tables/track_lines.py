"""The components of a stored track as lines to draw."""

import os
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ...results.result import TRACK
from ...text import file_name
from ..track import SURE
from .table_lines import FREQUENCY, TIME, table_lines

_CONFIDENCE, _COMPONENT = "confidence", "component"


@dataclass(frozen=True)
class TrackLine:
    """A component of a track. times: s of recording time, increasing, (N,). frequency: Hz, NaN where the component is not there, (N,)."""

    times: np.ndarray
    frequency: np.ndarray


def read_track_lines(path: str | os.PathLike) -> list[TrackLine]:
    """The components of a track, in the order of the file.

    path: the folder that dstft track wrote, its track.csv, or any CSV file with time_s and frequency_hz; without a column
        ``component`` this is one component, and without ``confidence`` it is there everywhere.

    Raises InputError, with file and line, where it cannot be read.
    """
    if os.path.isdir(path):
        folder, path = path, os.path.join(path, TRACK)
        if not os.path.exists(path):
            raise InputError(f"{file_name(folder)}: this folder holds no {TRACK} of dstft track")
    name = file_name(path)
    heads, lines = table_lines(path)
    defaults = {_CONFIDENCE: "1", _COMPONENT: "1"}
    points: dict[float, list[list[float]]] = {}
    for number, row in lines:
        cells = dict(zip(heads, row, strict=False))
        texts = [cells.get(head, None if head in heads else defaults[head]) for head in (TIME, FREQUENCY, *defaults)]
        try:
            *point, component = map(float, texts)
        except (TypeError, ValueError):
            raise InputError(f"{name}, line {number}: expected numbers in {', '.join(h for h in heads if h)}") from None
        if not np.isfinite([*point, component]).all() or point[1] < 0:
            raise InputError(f"{name}, line {number}: expected finite numbers and a frequency of 0 Hz or more")
        own = points.setdefault(component, [])
        if own and point[0] <= own[-1][0]:
            raise InputError(f"{name}, line {number}: {TIME} must increase from row to row of a component")
        own.append(point)
    if not points:
        raise InputError(f"{name}: expected a row of numbers at least")
    return [_line(np.array(own)) for own in points.values()]


def _line(points: np.ndarray) -> TrackLine:
    """points: time, frequency and confidence of each, (N, 3)."""
    return TrackLine(points[:, 0], np.where(points[:, 2] >= SURE, points[:, 1], np.nan))
