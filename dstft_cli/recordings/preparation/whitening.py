"""Whitening: noise of any colour, and steady lines, made white, so that what changes stands out.

Each frequency is divided by its level in an average moment: the median over time of the power spectral density. Over frequency
a running median smooths it, except at lines, which keep their own level.
"""

import math
from dataclasses import replace

import numpy as np

from ...errors import InputError
from ..lazy_samples import LazySamples
from ..notes import Note
from ..signal import Signal
from .continuation import continued_signal
from .local_filter import apply_filter

_PIECES = 16  # segments in the signal at least, without their overlap
_LONGEST = 2.0  # s of a segment: the resolution is then half a hertz
_SHORTEST, _MOST_SAMPLES = 16, 1 << 16  # samples of a segment
_NEIGHBOURS = 33  # bins of the running median
_LINE = 4.0  # times the power of its neighbours: more is a line
_LEAST = 1e-8  # of the median power density: a band that holds less is empty, as above the cut-off of a codec
_PARTS, _PER_PART = 16, 32  # parts of a long recording that its spectrum is taken from, and segments in each


def whiten(signal: Signal) -> Signal:
    """Divide each frequency by its median level over time, without delay.

    signal: the signal.

    Returns the signal, in units of the standard deviation of its noise, with a note.
    Raises InputError if the signal is too short, or silent most of the time.
    """
    size = 2 ** int(
        math.log2(max(1.0, min(_MOST_SAMPLES, _LONGEST * signal.sample_rate, len(signal.samples) / _PIECES)))
    )
    if size < _SHORTEST:
        raise InputError(
            f"{signal.where}: {len(signal.samples)} samples are too few to whiten, expected at least {_PIECES * _SHORTEST}"
        )
    density = median_density(signal.samples, signal.sample_rate, size)
    if not np.median(density) > 0:
        raise InputError(
            f"{signal.where}: it is silent most of the time, so that there is no noise to whiten; choose another part with "
            "--start and --duration"
        )
    response = _response(np.sqrt(density * signal.sample_rate / 2), size)
    from scipy.signal import oaconvolve  # here, since it is slow to load

    def filtered(samples: np.ndarray) -> np.ndarray:
        margin = size // 2  # the signal goes on there: its end would be a click
        return oaconvolve(continued_signal(samples, margin), response, mode="same")[margin : margin + len(samples)]

    note = Note("whitened: each frequency divided by its median level; 1 is the standard deviation of the noise")
    samples = apply_filter(signal.samples, filtered, size)
    return replace(signal, samples=samples, unit="", notes=(*signal.notes, note))


def median_density(samples: np.ndarray | LazySamples, sample_rate: float, size: int) -> np.ndarray:
    """The one-sided power spectral density that is typical over time, smooth over frequency except at lines.

    samples: (N,) in any unit.
    sample_rate: Hz.
    size: samples of a segment, even.

    Returns (size / 2 + 1,) in unit²/Hz.
    """
    from scipy.ndimage import median_filter
    from scipy.signal import welch

    parts = [
        welch(part, sample_rate, nperseg=size, average="median", detrend="linear")[1]
        for part in _parts(samples, size * _PER_PART)
    ]
    density = np.median(parts, axis=0)
    density[[0, -1]] = density[[1, -2]]  # they count once, and hold what the trend leaves
    smooth = median_filter(density, min(_NEIGHBOURS, len(density) // 4 * 2 + 1), mode="nearest")
    density = np.where(density > _LINE * smooth, density, smooth)
    return np.maximum(density, _LEAST * np.median(density))


def _parts(samples: np.ndarray | LazySamples, size: int) -> list[np.ndarray]:
    """The whole, or evenly spaced parts of it that stay in their file."""
    count = len(samples)
    if not isinstance(samples, LazySamples) or count <= _PARTS * size:
        return [samples[:count]]
    return [samples[first : first + size] for first in np.linspace(0, count - size, _PARTS).astype(int)]


def _response(level: np.ndarray, size: int) -> np.ndarray:
    """The impulse response, symmetric, (size + 1,), that divides by a level (size / 2 + 1,)."""
    impulse = np.fft.fftshift(np.fft.irfft(1 / level, size))
    return np.append(impulse, impulse[0]) * np.hanning(size + 1)
