"""A recording as a page plays and draws it: audio at an audible speed, and the waveform."""

import base64
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..figures.axis_scales import amplitude_scale
from ..recordings.encoded_audio import encoded_audio
from ..recordings.signal import Signal
from ..text import size_text
from . import planes

_MOST_BYTES = 10_000_000  # of audio
_MOST_SAMPLES = 1 << 25  # more never fit into the bytes
_ULTRASOUND, _SLOW = 96_000, 2_000  # Hz: recordings of higher rates are slowed down, of lower ones sped up
_LEAST_RATE = 8_000  # Hz, that all browsers play
_FACTORS = [digit * 10**power for power in range(9) for digit in (1, 2, 5)]
_PEAK = 0.9  # of full scale
_POINTS = 200_000  # of the waveform
_BLOCKS = 20_000  # of them at a time: the samples of a long recording stay on disk
_FULL = 32_000  # the integer that stands for the largest sample


@dataclass(frozen=True)
class Sound:
    """The audio of a recording.

    media: its media type; "" where there is none.
    data: in base64.
    speed: s of the recording in one second of playing: below 1 it is slowed.
    note: what to say about it.
    """

    media: str
    data: str
    speed: float
    note: str


def sound_of(signal: Signal) -> Sound:
    """A recording as audio, scaled to its peak; ultrasound slowed by ten or more, what is too low to hear sped up."""
    if len(signal.samples) > _MOST_SAMPLES:
        return _no_sound()
    factor, note = _speed(signal.sample_rate)
    samples = np.nan_to_num(np.asarray(signal.samples, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    peak = np.abs(samples).max(initial=0.0)
    samples = samples * (_PEAK / peak) if peak > 0 else samples
    rate = signal.sample_rate * factor
    if rate < _LEAST_RATE:
        times = math.ceil(_LEAST_RATE / rate)
        samples, rate = _interpolated(samples, times), rate * times
    encoded = encoded_audio(np.clip(samples, -1, 1), round(rate), _MOST_BYTES)
    if encoded is None:
        return _no_sound()
    media, data = encoded
    return Sound(media, base64.b64encode(data).decode("ascii"), factor * round(rate) / rate, note)


def _no_sound() -> Sound:
    return Sound("", "", 1.0, f"no sound: it would take more than {size_text(_MOST_BYTES)}")


def _speed(sample_rate: float) -> tuple[float, str]:
    """How many times as fast a recording is played, and how to say it."""
    if sample_rate > _ULTRASOUND:
        slower = 10 ** math.ceil(math.log10(sample_rate / _ULTRASOUND))
        return 1 / slower, f"played {slower} times slower"
    if sample_rate < _SLOW:
        faster = next(factor for factor in _FACTORS if factor * sample_rate >= _SLOW)
        return float(faster), f"played {faster} times faster"
    return 1.0, ""


def _interpolated(samples: np.ndarray, times: int) -> np.ndarray:
    """Samples at so many times the rate, (times N,), without new frequencies."""
    count = len(samples)
    return np.fft.irfft(np.fft.rfft(samples), times * count) * times


def waveform(signal: Signal) -> dict:
    """The waveform of a signal for a page: pairs of the least and the largest sample of equal pieces, or all samples.

    Returns {first, step: of the pieces in s of recording time; unit: of one step of the integers; label, ends: of the axis; data:
    int16, packed; pairs: whether there are two for each piece}.
    """
    block = math.ceil(len(signal.samples) / _POINTS)
    samples = np.concatenate(list(_extremes(signal.samples, block)))
    scale, factor = amplitude_scale(samples, signal.unit)
    peak = float(np.abs(samples).max(initial=0.0)) or 1.0
    integers = np.rint(samples * (_FULL / peak)).astype("<i2")
    return {
        "first": signal.start + (block - 1) / 2 / signal.sample_rate,
        "step": block / signal.sample_rate,
        "unit": peak * factor / _FULL,
        "label": scale.label,
        "ends": (scale.low, scale.high),
        "data": planes.packed_bytes(integers.tobytes()),
        "pairs": block > 1,
    }


def _extremes(samples: np.ndarray, block: int) -> Iterator[np.ndarray]:
    """The least and the largest of each block of samples, one after the other; of blocks of one, the sample."""
    for first in range(0, len(samples), block * _BLOCKS):
        values = np.asarray(samples[first : first + block * _BLOCKS], dtype=np.float64)
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
        if block > 1:
            starts = np.arange(0, len(values), block)
            values = np.stack([np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)], axis=1)
        yield values.ravel()
