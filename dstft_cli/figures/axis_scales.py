"""Scales of a picture: limits, readable units, and round tick values."""

import math
import re
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ..errors import InputError
from .shown.hearing_scales import HEARING_SCALES, HearingScale
from .shown.ticks import even_ticks, hearing_ticks, length_text, length_unit, log_ticks, plain_number

__all__ = ["even_ticks", "length_text", "length_unit", "log_ticks", "plain_number"]

_LEAST_SPAN = 2**0.25  # a narrower range of window lengths does not fill its scale
_CLOCK_STEPS = [digit * 10.0**power for power in range(-6, 0) for digit in (1, 2, 5)]
_CLOCK_STEPS += [1.0, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200]  # s
_LONG_UNITS = (1.0, "s"), (1 / 60, "min"), (1 / 3600, "h")


@dataclass(frozen=True)
class Scale:
    """One axis of a picture, or its colours.

    centres: (n,) the frames, bins or values, in the unit of the label.
    low, high: the ends of the scale in that unit, low < high; both positive if log.
    label: the quantity and its unit.
    log: whether the scale is logarithmic.
    hearing: the scale of hearing that an axis of frequency follows; None for none.
    size: s or Hz in one unit of an axis of time or frequency.
    origin: what the axis shows at 0 s or 0 Hz, in its unit.
    """

    centres: np.ndarray
    low: float
    high: float
    label: str
    log: bool = False
    hearing: HearingScale | None = None
    size: float = 1.0
    origin: float = 0.0

    def position(self, values: np.ndarray) -> np.ndarray:
        """Where values in the unit of the label lie on the scale of hearing."""
        return self.hearing.position(np.asarray(values) * self.size)

    def value(self, positions: np.ndarray) -> np.ndarray:
        """The inverse of ``position``."""
        return self.hearing.frequency(positions) / self.size

    def places(self, values: Sequence[float]) -> np.ndarray:
        """Where values in s or Hz lie from the low end of the scale, 0, to the high one, 1; beyond it what is beyond."""
        low, high, values = self.low, self.high, np.asarray(values, dtype=np.float64) / self.size + self.origin
        if self.hearing:
            low, high, values = self.position(low), self.position(high), self.position(values)
        elif self.log:
            low, high, values = np.log(low), np.log(high), np.log(np.maximum(values, low / 1e3))
        return (values - low) / (high - low)

    def edges(self, count: int) -> np.ndarray:
        """The ends of ``count`` equal parts of the scale, (count + 1,)."""
        if self.hearing:
            return self.value(np.linspace(*self.position([self.low, self.high]), count + 1))
        return (np.geomspace if self.log else np.linspace)(self.low, self.high, count + 1)

    @property
    def spacing_is_even(self) -> bool:
        """Whether equal steps of the values are equal steps along the scale."""
        return not self.log and self.hearing is None

    @property
    def shown(self) -> slice:
        """The indices of the increasing centres on the scale, and of one more on either side."""
        first = int(np.searchsorted(self.centres, self.low))
        return slice(max(0, first - 1), int(np.searchsorted(self.centres, self.high, side="right")) + 1)

    def ticks(self, most: int = 10, room: float = np.inf) -> tuple[np.ndarray, list[str]]:
        """Round tick values and their labels.

        most: about the largest number of ticks.
        room: the width available for the labels, in characters; two are added to each label as a gap.

        Returns (n,) values in the unit of the label, and n labels.
        """
        values, labels = self._ticks(most)
        while most > 2 and sum(len(label) + 2 for label in labels) > room:
            most -= 1
            values, labels = self._ticks(most)
        return values, labels

    def _ticks(self, most: int) -> tuple[np.ndarray, list[str]]:
        if self.hearing:
            values = hearing_ticks(self.low, self.high, most, self.position)
        else:
            values = (log_ticks if self.log else even_ticks)(self.low, self.high, most)
        labels = [plain_number(value, 12) for value in values]
        if self.log or self.hearing:
            return values, labels
        decimals = max((len(label.partition(".")[2]) for label in labels), default=0)
        return values, [f"{value:.{decimals}f}".replace("-", "−") for value in values]


@dataclass(frozen=True)
class ClockScale(Scale):
    """An axis of time in s whose ticks are times of day. midnight: where 0 h lies, in s of the axis."""

    midnight: float = 0.0

    def _ticks(self, most: int) -> tuple[np.ndarray, list[str]]:
        span = self.high - self.low
        step = next((step for step in _CLOCK_STEPS if span / step <= most), 86400.0 * math.ceil(span / 86400 / most))
        first, last = (
            math.ceil((self.low - self.midnight) / step - 1e-9),
            math.floor((self.high - self.midnight) / step + 1e-9),
        )
        seconds = step * np.arange(first, last + 1)
        return seconds + self.midnight, [_time_of_day(value, step) for value in seconds.tolist()]


def _time_of_day(seconds: float, step: float) -> str:
    """The time of day so many s after midnight, with as many digits as a step of the ticks needs."""
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step < 1 else 0
    whole = round(seconds * 10**decimals) % (86400 * 10**decimals)
    minutes, rest = divmod(whole, 60 * 10**decimals)
    text = f"{minutes // 60:02d}:{minutes % 60:02d}"
    digits = f"{rest / 10**decimals:0{3 + decimals if decimals else 2}.{decimals}f}"
    return text if step % 60 == 0 else f"{text}:{digits}"


class ImageScales(NamedTuple):
    """The scales of an image: x along its columns, y along its rows from the bottom."""

    x: Scale
    y: Scale


def time_scale(
    times: np.ndarray,
    start: float = 0.0,
    width: float = 1.0,
    tmin: float | None = None,
    tmax: float | None = None,
    began: str | float | None = None,
) -> Scale:
    """The scale of recording time, from the first frame to the last.

    The unit is ms if all times are below 1 s, min if the scale spans 10 min or more, h from 3 h on, else s.

    times: (T,) frame centres in s from sample 0.
    start: the recording time of sample 0 in s.
    width: the width of the scale of a single frame in s.
    tmin, tmax: limits in s of recording time; None for none.
    began: the recording's own time at 0 s, a date with time, a time of day or a number of seconds, that the axis shows; None shows
        recording time.

    Raises InputError if no frame lies between the limits.
    """
    times = np.asarray(times, dtype=np.float64) + start
    first, last = times.min(), times.max()
    half = width / 2 if first == last else 0.0
    first, last = first - half, last + half
    low, high = max(first, -np.inf if tmin is None else tmin), min(last, np.inf if tmax is None else tmax)
    if low >= high:
        raise _nothing_shown(first, last, "s", tmin=tmin, tmax=tmax)
    if isinstance(began, str):
        return _clock_scale(times, low, high, began)
    if began is not None:
        return Scale(times + began, low + began, high + began, "Time of the recording's clock (s)", origin=began)
    factor, unit = (1e3, "ms") if max(-low, high) < 1 else _LONG_UNITS[bisect([10 * 60, 3 * 3600], high - low)]
    return Scale(times * factor, low * factor, high * factor, f"Time ({unit})", size=1 / factor)


def _clock_scale(times: np.ndarray, low: float, high: float, began: str) -> Scale:
    """The scale of the time of day. times, low, high: in s of recording time; began: the time at 0 s."""
    date, _, clock = began.rpartition("T")
    hours, minutes, seconds = re.match(r"(\d+):(\d+):?([\d.]*)", clock).groups()
    zone = re.sub("^Z$", "UTC", re.sub(r"^[\d:.]+", "", clock))
    label = " ".join(word for word in (date, zone) if word)
    midnight = -(3600 * int(hours) + 60 * int(minutes) + float(seconds or 0))
    return ClockScale(times, low, high, f"Time of day ({label})" if label else "Time of day", midnight=midnight)


def shared_time_scales(
    groups: Sequence[np.ndarray],
    start: float = 0.0,
    width: float = 1.0,
    tmin: float | None = None,
    tmax: float | None = None,
    began: str | float | None = None,
) -> list[Scale]:
    """Time scales with common ends for groups of frames: from the first frame of any group to the last.

    groups: arrays of frame centres in s from sample 0, (T,) each; T may differ between them.
    start, width, tmin, tmax, began: see time_scale.

    Returns a scale for each group.
    Raises InputError if no frame lies between the limits.
    """
    joint = time_scale(np.concatenate(groups), start, width, tmin, tmax, began)
    ends = np.cumsum([len(times) for times in groups])
    return [replace(joint, centres=centres) for centres in np.split(joint.centres, ends[:-1])]


def frequency_scale(
    frequencies: np.ndarray,
    fmin: float | None = None,
    fmax: float | None = None,
    log: bool = False,
    hearing: str | None = None,
) -> Scale:
    """The scale of frequency, from the first bin to the last.

    The unit is kHz if the scale reaches 10 kHz, unless it is logarithmic or one of hearing and begins below 100 Hz.

    frequencies: (F,) bins in Hz, increasing.
    fmin, fmax: limits in Hz; None for none. A logarithmic scale without fmin begins at the first positive bin.
    log: whether the scale is logarithmic.
    hearing: a key of HEARING_SCALES; None for none.

    Raises InputError if no bin lies between the limits.
    """
    frequencies = np.asarray(frequencies, dtype=np.float64)
    log = log and frequencies[-1] > 0
    first, last = (frequencies[frequencies > 0][0] if log else frequencies[0]), frequencies[-1]
    low, high = max(first, fmin or 0.0), min(last, np.inf if fmax is None else fmax)
    if low > high or low == high != first:
        raise _nothing_shown(first, last, "Hz", fmin=fmin, fmax=fmax)
    if low == high:  # a single bin
        low, high = (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
    factor, unit = (1e-3, "kHz") if high >= 1e4 and not ((log or hearing) and low < 100) else (1.0, "Hz")
    scale = HEARING_SCALES.get(hearing)
    label = f"Frequency ({unit}, {scale.name})" if scale else f"Frequency ({unit})"
    return Scale(frequencies * factor, low * factor, high * factor, label, log, scale, 1 / factor)


def _nothing_shown(first: float, last: float, unit: str, **limits: float | None) -> InputError:
    given = ", ".join(f"{name}={value:g}" for name, value in limits.items() if value is not None)
    return InputError(
        f"figures: nothing to show with {given}: the data range from {plain_number(first, 6)} to {plain_number(last, 6)} {unit}; "
        "change the limits"
    )


def length_scale(lengths: np.ndarray, margin: float = 0.0) -> tuple[Scale, float]:
    """A logarithmic scale of window lengths.

    It spans a quarter octave at least, so that rounding errors do not fill it.

    lengths: any shape, ms; what is not finite and positive is ignored.
    margin: added at each end, as a fraction of the span.

    Returns the scale, and the factor from ms to its unit.
    """
    usable = np.isfinite(lengths) & (lengths > 0)
    if not usable.any():
        lengths, usable = np.ones(1), True
    low, high = np.min(lengths, where=usable, initial=np.inf), np.max(lengths, where=usable, initial=0)
    middle, half = np.sqrt(low) * np.sqrt(high), max(high / low, _LEAST_SPAN) ** (0.5 + margin)
    factor, unit = length_unit(high)
    ends = np.array([middle / half, middle * half]) * factor
    return Scale(ends, *ends.tolist(), f"Window length ({unit})", log=True), factor


def amplitude_scale(samples: np.ndarray, unit: str = "") -> tuple[Scale, float]:
    """A scale of samples, in powers of 1000 if the largest magnitude is below 0.001 or from 100 000 on.

    samples: (N,), in the signal's unit.
    unit: its name; "" where it is not known.

    Returns the scale, and the factor from the samples to its numbers.
    """
    peak = np.max(np.abs(samples), where=np.isfinite(samples), initial=0.0)
    if peak == 0 or 1e-3 <= peak < 1e5:
        return value_scale(samples, f"Amplitude ({unit})" if unit else "Amplitude"), 1.0
    power = 3 * math.floor(math.log10(peak) / 3)
    written = str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return value_scale(samples / 10.0**power, f"Amplitude (×10{written}{f' {unit}' if unit else ''})"), 10.0**-power


def value_scale(values: np.ndarray, label: str = "") -> Scale:
    """A linear scale of values with a margin at each end; rounding errors do not fill it.

    values: (n,); what is not finite is ignored.
    label: of the scale.
    """
    values = values[np.isfinite(values)] if np.isfinite(values).any() else np.zeros(1)
    low, high = values.min(), values.max()
    margin = 0.05 * (high - low) + 5e-4 * max(abs(low), abs(high)) + 1e-12
    return Scale(values, low - margin, high + margin, label)
