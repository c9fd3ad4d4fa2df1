"""What a task reads from a picture, whatever window made it: pure functions of |S| (F, T), times in s and frequencies in Hz."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

_TINY = 1e-30
_LOUD, _HEIGHT = 98, 0.25  # percentile of a loud frame; how far from the median to it an event has to rise
_SETTLE = 4  # frames left out at either end of a picture where an arrival is looked for
_HALF = 0.5  # of the rise, at which a burst begins and ends


@dataclass(frozen=True)
class Picture:
    """magnitude: |S|, (F, T). times: (T,) s. frequencies: (F,) Hz, evenly spaced."""

    magnitude: np.ndarray
    times: np.ndarray
    frequencies: np.ndarray

    def rows(self, band: tuple[float, float]) -> np.ndarray:
        """(F,) bool: the bins within a band in Hz."""
        return (self.frequencies >= band[0]) & (self.frequencies <= band[1])

    def energy(self, band: tuple[float, float]) -> np.ndarray:
        """(T,): the sum of |S|² over a band in Hz."""
        return np.square(self.magnitude[self.rows(band)], dtype=np.float64).sum(0)


def _vertex(levels: np.ndarray, peak: np.ndarray) -> np.ndarray:
    """Where the parabolas through the largest values (n,) of rows (n, K) and their neighbours are highest, in steps."""
    peak = np.clip(peak, 1, levels.shape[1] - 2)
    rows = np.arange(len(levels))
    left, middle, right = (levels[rows, peak + side] for side in (-1, 0, 1))
    bend = left - 2 * middle + right
    shift = np.where(bend < 0, 0.5 * (left - right) / np.where(bend == 0, 1.0, bend), 0.0)
    return peak + np.clip(shift, -0.5, 0.5)


def events(picture: Picture, band: tuple[float, float], apart: float) -> np.ndarray:
    """Times in s of short events, (n,): the peaks of the level in a band in Hz, at least ``apart`` s from each other."""
    level, step = np.sqrt(picture.energy(band)), float(np.median(np.diff(picture.times)))
    quiet, loud = np.percentile(level, (50, _LOUD))
    peaks, _ = find_peaks(level, height=quiet + _HEIGHT * (loud - quiet), distance=max(1, round(apart / step)))
    peaks = peaks[(peaks > 0) & (peaks < len(level) - 1)]
    if not len(peaks):
        return np.empty(0)
    places = _vertex(np.log(level[peaks[:, None] + np.arange(-1, 2)] + _TINY), np.ones(len(peaks), int)) - 1
    return picture.times[peaks] + places * step


def strongest(picture: Picture, band: tuple[float, float], without: tuple[float, float] = (0.0, -1.0)) -> np.ndarray:
    """Frequency in Hz of the strongest bin of each frame in a band, (T,); ``without`` is a band inside it that is not looked at."""
    inside = picture.rows(band) & ~picture.rows(without)
    levels = np.log(picture.magnitude.T.astype(np.float64) + _TINY)
    peak = np.where(inside, levels, -np.inf).argmax(1)
    return picture.frequencies[0] + _vertex(levels, peak) * (picture.frequencies[1] - picture.frequencies[0])


def latest(picture: Picture, band: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in Hz of the bins in a band, and the time in s at which each is strongest, (n,) each."""
    rows = picture.rows(band)
    levels = np.log(picture.magnitude[rows].astype(np.float64) + _TINY)
    step = float(np.median(np.diff(picture.times)))
    return picture.frequencies[rows], picture.times[0] + _vertex(levels, levels.argmax(1)) * step


def arrival(picture: Picture, band: tuple[float, float]) -> float:
    """Time in s at which a signal begins in noise.

    Each bin's energy is taken over its median in time, and the logarithm is averaged over the band. The frame that parts this
    curve, as far as its top, into two stretches of least Akaike information is the arrival.
    """
    power = np.square(picture.magnitude[picture.rows(band)], dtype=np.float64)
    ratio = power / (np.median(power, 1, keepdims=True) + _TINY)
    curve = np.log(ratio + 1e-3).mean(0)[_SETTLE:-_SETTLE]
    curve = curve[: curve.argmax() + 1]
    count = len(curve)
    if count < 6:
        return float(picture.times[_SETTLE])
    parts = range(2, count - 2)
    costs = [k * np.log(curve[:k].var() + _TINY) + (count - k - 1) * np.log(curve[k:].var() + _TINY) for k in parts]
    return float(picture.times[_SETTLE + parts[int(np.argmin(costs))]])


def bursts(picture: Picture, band: tuple[float, float], near: np.ndarray, reach: float) -> np.ndarray:
    """Onset and end in s, (n, 2), of a burst about each of some times (n,): where the level in a band passes half of its rise."""
    level = np.sqrt(picture.energy(band))
    quiet, times, found = float(np.median(level)), picture.times, []
    for middle in near:
        here = np.flatnonzero(np.abs(times - middle) <= reach)
        top = here[level[here].argmax()]
        half = quiet + _HALF * (level[top] - quiet)
        before, after = (np.flatnonzero(level[part] < half) for part in (slice(0, top), slice(top, None)))
        first = _crossing(times, level, before[-1], half) if before.size else times[0]
        last = _crossing(times, level, top + after[0] - 1, half) if after.size else times[-1]
        found.append((first, last))
    return np.array(found)


def _crossing(times: np.ndarray, level: np.ndarray, i: int, half: float) -> float:
    """Where the level passes a value between frames i and i + 1."""
    share = (half - level[i]) / (level[i + 1] - level[i] or 1.0)
    return float(times[i] + np.clip(share, 0, 1) * (times[i + 1] - times[i]))


def matched(found: np.ndarray, true: np.ndarray, tolerance: float) -> tuple[float, float]:
    """How well events were found: missed and false ones per 100 true ones, and the rms of the matched ones' errors in ms.

    found, true: times in s; what is found before the first or after the last true one does not count. tolerance: s; an event belongs
    to the nearest one found, once. The median error is taken off first: a reader would calibrate it away.
    """
    errors, used = [], set()
    shift = float(np.median([found[np.abs(found - one).argmin()] - one for one in true])) if len(found) else 0.0
    true = true + (shift if abs(shift) < tolerance else 0.0)
    found = found[(found > true[0] - tolerance) & (found < true[-1] + tolerance)]
    for one in true:
        nearest = int(np.abs(found - one).argmin()) if len(found) else -1
        if nearest >= 0 and nearest not in used and abs(found[nearest] - one) <= tolerance:
            used.add(nearest)
            errors.append(found[nearest] - one)
    wrong = len(true) - len(errors) + len(found) - len(errors)
    jitter = 1e3 * float(np.sqrt(np.mean(np.square(errors)))) if errors else float("nan")
    return 100 * wrong / len(true), jitter
