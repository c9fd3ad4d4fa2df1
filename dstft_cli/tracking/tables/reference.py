"""A track beside the truth: what is known of the frequency, read from a table, and how far the track is from it."""

import os
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ...text import file_name
from ..track import Track
from .table_lines import FREQUENCY, TIME, table_lines

_GROSS = 0.2  # of the truth: the error of a frequency beyond which it is gross, as for pitch
_LEAST_SHARE = 0.5  # of the frames, that the truth has to cover


@dataclass(frozen=True)
class Reference:
    """The truth. times: s of recording time, increasing, (N,). frequency: Hz, (N,). name: of its file."""

    times: np.ndarray
    frequency: np.ndarray
    name: str


@dataclass(frozen=True)
class Deviation:
    """How far a component is from the truth.

    component: its index; the one that is nearest.
    squared: mean squared error in Hz². gross: share of frames that are more than 20 % off. frames: how many were compared.
    truth: Hz at each frame, NaN where the truth says nothing, (T,).
    """

    component: int
    squared: float
    gross: float
    frames: int
    truth: np.ndarray


def read_reference(path: str | os.PathLike) -> Reference:
    """The truth from a CSV file with the columns time_s and frequency_hz.

    Raises InputError, with file and line, where it cannot be read.
    """
    name = file_name(path)
    heads, lines = table_lines(path)
    columns = heads.index(TIME), heads.index(FREQUENCY)
    values = np.array([_numbers(row, columns, f"{name}, line {number}") for number, row in lines]).reshape(-1, 2)
    if len(values) < 2:
        raise InputError(f"{name}: expected two rows of numbers at least")
    if not (np.diff(values[:, 0]) > 0).all():
        later = lines[int(np.argmin(np.diff(values[:, 0]) > 0)) + 1][0]
        raise InputError(f"{name}, line {later}: {TIME} must increase from row to row")
    return Reference(values[:, 0], values[:, 1], name)


def _numbers(row: list[str], columns: tuple[int, int], where: str) -> tuple[float, float]:
    try:
        time, frequency = (float(row[column]) for column in columns)
    except (ValueError, IndexError):
        raise InputError(f"{where}: expected numbers in {TIME} and {FREQUENCY}") from None
    if not (np.isfinite(time) and np.isfinite(frequency) and frequency > 0):
        raise InputError(f"{where}: expected a finite time and a frequency above 0 Hz")
    return time, frequency


def deviation(track: Track, reference: Reference) -> Deviation:
    """How far the nearest component of a track is from the truth, over the frames that the truth covers.

    Raises InputError if it covers less than half of them.
    """
    covered = (track.times >= reference.times[0]) & (track.times <= reference.times[-1])
    if covered.mean() < _LEAST_SHARE:
        spans = [f"{times[0]:.6g} to {times[-1]:.6g} s" for times in (reference.times, track.times)]
        raise InputError(f"{reference.name}: its times, {spans[0]}, do not cover those of the track, {spans[1]}")
    truth = np.where(covered, np.interp(track.times, reference.times, reference.frequency), np.nan)
    errors = track.frequency[:, covered] - truth[covered]
    squared = np.square(errors).mean(1)
    best = int(squared.argmin())
    gross = float(np.mean(np.abs(errors[best]) > _GROSS * truth[covered]))
    return Deviation(best, float(squared[best]), gross, int(covered.sum()), truth)
