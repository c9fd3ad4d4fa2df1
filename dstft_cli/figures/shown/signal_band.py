"""The band of frequencies that a picture shows: the limits of the frequency axis where the user gives none.

It is the band in which something stands out of the noise and is visible, and what is bright although it does not stand out. If
nothing stands out, it is the band in which noise is visible.
A faint line that sounds through the whole recording, like the hum of mains, has no say if there are stronger events.
"""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..axis_scales import plain_number
from .view import View

_CLEAR = 10.0  # times the floor; more on large planes, where single values of noise reach it
_FEWEST = 8  # points that have to stand out: fewer hold no signal
_TAILS = 0.002  # of what stands out, that may lie above and below the band
_MOSTLY = 0.15, 0.95  # of what stands out: the ends of the octaves counted, without rumble
_SEEN = 0.05  # of the points of a row exceed a level, or the row counts as below it
_BRIGHT = 0.03  # of the peak: what is above and in the upper half of the colours is bright
_VISIBLE = 2.0  # times the lower end of the colours: what is below looks black
_MARGIN, _LEAST_MARGIN = 0.15, 4  # of the band, and bins
_WIDE = 0.92  # of all: a wider band is shown as all
_HIGH = 0.3, 0.15  # of its upper end, and of all: a band that begins above both leaves out what is below
_OCTAVES = 6.0  # on a linear axis: more are better seen on a logarithmic one
_STRONGER = 3.0  # times the magnitude of a line: an event that is stronger decides the band instead of the line
_MEDIAN = 0.69  # of P in noise, over its mean
_SAMPLED = 1000  # points of a row, about, that its median is taken from
_FEW_FRAMES = 20  # in fewer nothing is called a line


class Colours(NamedTuple):
    """The magnitudes at the ends of the colour scale of a picture: below the first all is black."""

    bottom: float
    peak: float


class Band(NamedTuple):
    """What to show: the first and the last bin, and how many octaves most of the signal in it spans."""

    first: int
    last: int
    octaves: float


def shown_band(ratio: np.ndarray, magnitude: np.ndarray, colours: Colours) -> Band | None:
    """The bins between which nearly all of what stands clearly out of the noise lies, and all that is bright; or else what is
    visible at all.

    Each point counts with the logarithm of how far it stands out, so that faint parts have a say.

    ratio: P over the noise floor, (F, T).
    magnitude: |S|, (F, T).
    colours: those of the picture.

    Returns the band, None if nothing is visible.
    """
    rows = _signal_rows(ratio, magnitude, colours)
    if rows is None:
        seen = _rows_above(magnitude, _VISIBLE * colours.bottom)
        return Band(seen[0], seen[-1], 0.0) if seen else None
    reached = rows.cumsum() / rows.sum()
    first, low, high, last = np.searchsorted(reached, (_TAILS, *_MOSTLY, 1 - _TAILS)).tolist()
    bright = _rows_above(magnitude, max(_middle(colours), _BRIGHT * colours.peak))
    first, last = min([first, *bright[:1]]), max([last, *bright[-1:]])
    return Band(first, last, math.log2(max(high, 1) / max(low, 1)))


def _signal_rows(ratio: np.ndarray, magnitude: np.ndarray, colours: Colours) -> np.ndarray | None:
    """How much stands out and is visible at each frequency, (F,), without faint steady lines if there are stronger events.

    Returns None if nothing stands out.
    """
    clear = np.float32(max(_CLEAR, math.log(max(ratio.size, 1)) + 3))
    above = (ratio > clear) & (magnitude > colours.bottom)
    heard = np.flatnonzero(above.any(axis=1))
    rows, events = np.zeros((2, len(ratio)))
    count, strongest_event, strongest_line = 0, 0.0, 0.0
    for m, line, level in zip(heard, *_lines(ratio, magnitude, heard), strict=True):
        points, own = ratio[m, above[m]], magnitude[m, above[m]]
        count += len(points)
        rows[m] = events[m] = np.log(points / clear).sum()
        moving = points > clear * max(1.0, level)
        strongest_event = max(strongest_event, float(own.max(where=moving, initial=0)))
        if level > 1 and line < _middle(colours):
            strongest_line = max(strongest_line, line)
            events[m] = np.log(points[moving] / (clear * level)).sum()
    if count < _FEWEST or not rows.sum() > 0:
        return None
    return events if events.sum() > 0 and strongest_event > _STRONGER * strongest_line else rows


def _rows_above(magnitude: np.ndarray, level: float) -> list[int]:
    """The frequencies at which more than a few points of |S| (F, T) exceed a level."""
    counts = np.count_nonzero(magnitude > level, axis=1)
    return np.flatnonzero(counts > _SEEN * magnitude.shape[1]).tolist()


def _middle(colours: Colours) -> float:
    """The magnitude in the middle of the colours, in dB."""
    return math.sqrt(colours.bottom) * math.sqrt(colours.peak)


def _lines(ratio: np.ndarray, magnitude: np.ndarray, rows: np.ndarray) -> tuple[list[float], list[float]]:
    """The magnitude of what sounds most of the time at some frequencies, and its P over that of noise; 0 in too few frames.

    ratio: P over the noise floor, (F, T).
    magnitude: |S|, (F, T).
    rows: the n frequencies.

    Returns n values of each.
    """
    frames = ratio.shape[1]
    if frames < _FEW_FRAMES:
        return [0.0] * len(rows), [0.0] * len(rows)
    some = slice(None, None, max(1, frames // _SAMPLED))
    lines, levels = (np.median(values[:, some][rows], axis=1).tolist() for values in (magnitude, ratio))
    return lines, [level / _MEDIAN for level in levels]


def with_band(view: View, frequencies: np.ndarray, ratio: np.ndarray, magnitude: np.ndarray, colours: Colours) -> View:
    """The view with numbers for limits of the frequency axis that are ``auto``, and a remark on the band in its corner.

    frequencies: (F,) Hz, increasing.
    ratio, magnitude: P over the noise floor, and |S|, of the time shown, (F, T).
    colours: those of the picture.
    """
    if "auto" not in (view.fmin, view.fmax):
        return view
    (low, high), top, log = view.band, float(frequencies[-1]), view.freq_scale == "log"
    inside = (frequencies >= (low or 0.0)) & (frequencies <= (top if high is None else high))
    band = shown_band(ratio[inside], magnitude[inside], colours)
    if band is None:
        return replace(view, fmin=low, fmax=high)
    first, last = (float(frequencies[inside][m]) for m in band[:2])
    first, last = _with_boxes(view, first, last, top)
    margin = max(_MARGIN * (last - first), _LEAST_MARGIN * float(frequencies[1] - frequencies[0]))
    first, last = first - margin, last + margin
    begins_high = first > max(_HIGH[0] * last, _HIGH[1] * top)
    if view.fmax == "auto" and last - (first if begins_high else 0.0) < _WIDE * top:
        high = min(top, _rounded(last, math.ceil))
    if view.fmin == "auto" and not log and begins_high:
        low = _rounded(first, math.floor)
    remark = _remark(low, high, frequencies)
    if view.freq_scale == "linear" and band.octaves > _OCTAVES:
        remark += f"{'; ' if remark else ''}signal spans {band.octaves:.0f} octaves, see --freq-scale log"
    return replace(view, fmin=low, fmax=high, corner=remark)


def _with_boxes(view: View, first: float, last: float, top: float) -> tuple[float, float]:
    """The ends of a band in Hz, moved so that all boxes with a band of their own are in it. top: the highest frequency."""
    lows = [box.low for box in view.boxes if box.low is not None]
    highs = [box.high for box in view.boxes if box.high is not None]
    return min([first, *lows]), min(top, max([last, *highs]))


def _rounded(value: float, direction) -> float:
    """The value to two digits. direction: math.floor or math.ceil."""
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return direction(value / step - (1e-9 if direction is math.ceil else -1e-9)) * step


def _remark(low: float | None, high: float | None, frequencies: np.ndarray) -> str:
    """The band shown and the whole: 0 to 4 kHz of 22 kHz; "" if the whole is shown."""
    top = float(frequencies[-1])
    if low is None and (high is None or high >= top):
        return ""
    low, high = float(frequencies[0]) if low is None else low, top if high is None else high
    factor, unit = (1e-3, "kHz") if top >= 1e4 else (1.0, "Hz")
    low, high, top = (plain_number(value * factor, 3) for value in (low, high, top))
    return f"{low} to {high} {unit} of {top} {unit}"
