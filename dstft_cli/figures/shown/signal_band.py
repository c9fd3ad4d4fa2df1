"""The band of frequencies that holds signal: the limits of the frequency axis where the user gives none."""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..axis_scales import plain_number
from ..style import View

_CLEAR = 10.0  # times the floor; more on large planes, where single values of noise reach it
_FEWEST = 8  # points that have to stand out: fewer hold no signal
_TAILS = 0.002  # of what stands out, that may lie above and below the band
_MOSTLY = 0.15, 0.95  # of what stands out: the ends of the octaves counted, without rumble
_MARGIN, _LEAST_MARGIN = 0.15, 4  # of the band, and bins
_WIDE = 0.7  # of all: a wider band is shown as all
_HIGH = 0.3, 0.15  # of its upper end, and of all: a band that begins above both leaves out what is below
_OCTAVES = 6.0  # on a linear axis: more are better seen on a logarithmic one


class Band(NamedTuple):
    """Where signal stands out of the noise: the first and the last bin, and how many octaves most of it spans."""

    first: int
    last: int
    octaves: float


def signal_band(ratio: np.ndarray) -> Band | None:
    """The bins between which nearly all of what stands clearly out of the noise lies.

    Each point counts with the logarithm of how far it stands out, so that faint parts have a say.

    ratio: P over the noise floor, (F, T).

    Returns the band, None if nothing stands out.
    """
    clear = np.float32(max(_CLEAR, math.log(max(ratio.size, 1)) + 3))
    rows = np.zeros(len(ratio))
    count = 0
    for m, row in enumerate(ratio):
        points = row[row > clear]
        count += len(points)
        rows[m] = np.log(points / clear).sum()
    if count < _FEWEST or not rows.sum() > 0:
        return None
    reached = rows.cumsum() / rows.sum()
    first, low, high, last = np.searchsorted(reached, (_TAILS, *_MOSTLY, 1 - _TAILS)).tolist()
    return Band(first, last, math.log2(max(high, 1) / max(low, 1)))


def with_band(view: View, frequencies: np.ndarray, ratio: np.ndarray) -> View:
    """The view with numbers for limits of the frequency axis that are ``auto``, and a remark on the band in its corner.

    frequencies: (F,) Hz, increasing.
    ratio: P over the noise floor of what is shown, (F, T).
    """
    if "auto" not in (view.fmin, view.fmax):
        return view
    (low, high), top, log = view.band, float(frequencies[-1]), view.freq_scale == "log"
    inside = (frequencies >= (low or 0.0)) & (frequencies <= (top if high is None else high))
    band = signal_band(ratio[inside])
    if band is None:
        return replace(view, fmin=low, fmax=high)
    first, last = (float(frequencies[inside][m]) for m in band[:2])
    margin = max(_MARGIN * (last - first), _LEAST_MARGIN * float(frequencies[1] - frequencies[0]))
    first, last = first - margin, last + margin
    begins_high = first > max(_HIGH[0] * last, _HIGH[1] * top)
    if view.fmax == "auto" and last - (first if begins_high else 0.0) < _WIDE * top:
        high = min(top, _rounded(last, math.ceil))
    if view.fmin == "auto" and not log and begins_high:
        low = _rounded(first, math.floor)
    remark = _remark(low, high, frequencies)
    if not log and band.octaves > _OCTAVES:
        remark += f"{'; ' if remark else ''}signal spans {band.octaves:.0f} octaves, see --freq-scale log"
    return replace(view, fmin=low, fmax=high, corner=remark)


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
