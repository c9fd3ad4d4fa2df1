"""The scales of a picture: limits, units that read well, and round numbers to label them with."""

import math
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError

_LEAST_SPAN = 2**0.25  # window lengths closer together than a quarter octave do not fill a scale
_LONG = (1.0, "s"), (1 / 60, "min"), (1 / 3600, "h")


@dataclass(frozen=True)
class Scale:
    """One axis of a picture, or its colours.

    centres: (n,) where the frames, bins or values lie, in the unit that the label names.
    low, high: the ends of the scale in that unit, low < high; above 0 where log.
    """

    centres: np.ndarray
    low: float
    high: float
    label: str
    log: bool = False

    @property
    def shown(self) -> slice:
        """Which of the increasing centres are drawn on: those on the scale and one on either side."""
        first = int(np.searchsorted(self.centres, self.low))
        return slice(max(0, first - 1), int(np.searchsorted(self.centres, self.high, side="right")) + 1)

    def ticks(self, most: int = 10, room: float = np.inf) -> tuple[np.ndarray, list[str]]:
        """About most round numbers at the utmost, in the unit of the label, and how to write them.

        Fewer where they would need more room than so many characters, two of them between neighbours.
        """
        ticks, words = self._ticks(most)
        while most > 2 and sum(len(word) + 2 for word in words) > room:
            most -= 1
            ticks, words = self._ticks(most)
        return ticks, words

    def _ticks(self, most: int) -> tuple[np.ndarray, list[str]]:
        ticks = log_ticks(self.low, self.high, most) if self.log else even_ticks(self.low, self.high, most)
        words = [plain_number(tick, 12) for tick in ticks]
        if self.log:
            return ticks, words
        decimals = max((len(word.partition(".")[2]) for word in words), default=0)
        return ticks, [f"{tick:.{decimals}f}".replace("-", "−") for tick in ticks]


def time_scale(
    times: np.ndarray,
    start: float = 0.0,
    alone: float = 1.0,
    tmin: float | None = None,
    tmax: float | None = None,
) -> Scale:
    """Recording time of frames at times (T,) s after sample 0, which lies at start s.

    In ms if all of it is before 1 s, in min if 10 min of it are shown, in h from 3 h on. The scale runs from the first
    frame's centre to the last one's, or from tmin to tmax s of recording time as far as there are frames; a single frame is
    given alone s. Raises InputError if it shows nothing.
    """
    times = np.asarray(times, dtype=np.float64) + start
    first, last = times.min(), times.max()
    half = alone / 2 if first == last else 0.0
    first, last = first - half, last + half
    low, high = max(first, -np.inf if tmin is None else tmin), min(last, np.inf if tmax is None else tmax)
    if low >= high:
        part = f"{plain_number(first, 6)} to {plain_number(last, 6)} s"
        raise InputError(f"figures: the limits {_limits(tmin=tmin, tmax=tmax)} leave nothing of {part}; widen them")
    factor, unit = (1e3, "ms") if max(-low, high) < 1 else _LONG[bisect([10 * 60, 3 * 3600], high - low)]
    return Scale(times * factor, low * factor, high * factor, f"Time ({unit})")


def shared_time_scales(
    groups: Sequence[np.ndarray],
    start: float = 0.0,
    alone: float = 1.0,
    tmin: float | None = None,
    tmax: float | None = None,
) -> list[Scale]:
    """time_scale for groups of frames at times (T,) s each, T differing: one from the first to the last of them all."""
    joint = time_scale(np.concatenate(groups), start, alone, tmin, tmax)
    ends = np.cumsum([len(times) for times in groups])
    return [replace(joint, centres=centres) for centres in np.split(joint.centres, ends[:-1])]


def frequency_scale(
    frequencies: np.ndarray, fmin: float | None = None, fmax: float | None = None, log: bool = False
) -> Scale:
    """Bins at frequencies (F,) Hz, shown from fmin to fmax Hz as far as there are bins.

    In kHz if it reaches 10 kHz, unless it is logarithmic and begins below 100 Hz, where kHz would read worse.
    Logarithmic and without fmin it begins at the first bin above 0. Raises InputError if it shows nothing.
    """
    frequencies = np.asarray(frequencies, dtype=np.float64)
    log = log and frequencies[-1] > 0
    first, last = (frequencies[frequencies > 0][0] if log else frequencies[0]), frequencies[-1]
    low, high = max(first, fmin or 0.0), min(last, np.inf if fmax is None else fmax)
    if low > high or low == high != first:
        band = f"{plain_number(first, 6)} to {plain_number(last, 6)} Hz"
        raise InputError(f"figures: the limits {_limits(fmin=fmin, fmax=fmax)} leave nothing of {band}; widen them")
    if low == high:  # a single bin
        low, high = (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
    factor, unit = (1e-3, "kHz") if high >= 1e4 and not (log and low < 100) else (1.0, "Hz")
    return Scale(frequencies * factor, low * factor, high * factor, f"Frequency ({unit})", log)


def _limits(**given: float | None) -> str:
    return ", ".join(f"{name}={value:g}" for name, value in given.items() if value is not None)


def length_scale(lengths: np.ndarray, margin: float = 0.0) -> tuple[Scale, float]:
    """A logarithmic scale for window lengths in ms (any shape), and how many of its unit make 1 ms.

    It spans the lengths that are finite and above 0, and at least a quarter octave about their middle, so
    that mere noise does not fill it; margin is added at both ends, as a share of the span.
    """
    usable = np.isfinite(lengths) & (lengths > 0)
    if not usable.any():
        lengths, usable = np.ones(1), True
    low, high = np.min(lengths, where=usable, initial=np.inf), np.max(lengths, where=usable, initial=0)
    middle, half = np.sqrt(low) * np.sqrt(high), max(high / low, _LEAST_SPAN) ** (0.5 + margin)
    factor, unit = length_unit(high)
    ends = np.array([middle / half, middle * half]) * factor
    return Scale(ends, *ends.tolist(), f"Window length ({unit})", log=True), factor


def amplitude_scale(samples: np.ndarray) -> tuple[Scale, float]:
    """A scale for the samples of a signal, and what to multiply them by: a power of ten, named in its label.

    It is 1 as long as the largest magnitude is from 0.001 up to 100 000.
    """
    peak = np.max(np.abs(samples), where=np.isfinite(samples), initial=0.0)
    if peak == 0 or 1e-3 <= peak < 1e5:
        return value_scale(samples, "Amplitude"), 1.0
    power = 3 * math.floor(math.log10(peak) / 3)
    written = str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return value_scale(samples / 10.0**power, f"Amplitude (×10{written})"), 10.0**-power


def value_scale(values: np.ndarray, label: str = "") -> Scale:
    """A scale for the values that are finite, with a little room; rounding errors do not fill it."""
    values = values[np.isfinite(values)] if np.isfinite(values).any() else np.zeros(1)
    low, high = values.min(), values.max()
    room = 0.05 * (high - low) + 5e-4 * max(abs(low), abs(high)) + 1e-12
    return Scale(values, low - room, high + room, label)


def length_unit(longest: float) -> tuple[float, str]:
    """The unit for window lengths up to longest ms, and how many of it make 1 ms."""
    if longest > 1000:
        return 1e-3, "s"
    return (1e3, "µs") if longest < 0.1 else (1.0, "ms")


def length_words(length: float) -> str:
    """A window length of so many ms, in the unit that reads best: 23.4 ms."""
    factor, unit = length_unit(length)
    return f"{plain_number(length * factor)} {unit}"


def even_ticks(low: float, high: float, most: int) -> np.ndarray:
    """Equally spaced round numbers from low to high, about most of them at the utmost."""
    rough = (high - low) / most
    decade = 10.0 ** np.floor(np.log10(rough))
    step = decade * next(factor for factor in (1, 2, 5, 10) if factor * decade > rough * 0.99)
    return step * np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) + 0.0  # no -0


def log_ticks(low: float, high: float, most: int) -> np.ndarray:
    """Round numbers from low to high for a logarithmic scale, about most of them at the utmost."""
    decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    for steps in (range(1, 10), (1, 2, 3, 5), (1, 2, 5), (1,)):
        ticks = np.outer(decades, steps).ravel()
        ticks = ticks[(ticks >= low * (1 - 1e-9)) & (ticks <= high * (1 + 1e-9))]
        if len(ticks) <= most:
            break
    return ticks if len(ticks) >= 3 else even_ticks(low, high, most=6)


def plain_number(value: float, digits: int = 3) -> str:
    """The value to so many significant digits, never with an exponent: 0.05, 23.4, 1000."""
    return np.format_float_positional(value, precision=digits, fractional=False, trim="-")
