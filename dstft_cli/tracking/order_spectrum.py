"""The order spectrum: the signal resampled at even angles of a shaft, so that what turns with it is a line at any speed."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.interpolate import CubicSpline

from ..errors import InputError
from ..stft.frame_positions import fixed_positions
from ..stft.transform import dstft_magnitude
from .track import Track

_FEWEST = 4.0  # revolutions
_LONGEST = 32  # revolutions of a window: lines are 1/16 of an order wide
_MOST_SAMPLES = 50_000_000
_FINER = 2.0  # angles for each sample at the lowest speed


@dataclass(frozen=True)
class OrderSpectrum:
    """Amplitudes over orders.

    orders: (F,) multiples of the tracked frequency.
    revolutions: centres of the frames of the map, (T,), counted from the first frame of the track.
    times: when they are, in s of recording time, (T,).
    map: amplitudes in the signal's unit, (F, T).
    spectrum: their root mean square over the frames, (F,).
    """

    orders: np.ndarray
    revolutions: np.ndarray
    times: np.ndarray
    map: np.ndarray
    spectrum: np.ndarray


def order_spectrum(samples: np.ndarray, sample_rate: float, start: float, track: Track) -> OrderSpectrum:
    """The order spectrum and the order map by the first component of a track.

    samples: the signal, (N,). sample_rate: Hz. start: recording time of sample 0 in s.

    Raises InputError where the track has too few revolutions.
    """
    clock = np.arange(len(samples)) / sample_rate + start
    inside = (clock >= track.times[0]) & (clock <= track.times[-1])
    clock, values = clock[inside], np.asarray(samples, dtype=np.float64)[inside]
    frequency = np.interp(clock, track.times, track.frequency[0])
    turns = np.concatenate([[0.0], np.cumsum((frequency[1:] + frequency[:-1]) / 2)]) / sample_rate
    if turns[-1] < _FEWEST or frequency.min() <= 0:
        raise InputError(f"order-spectrum: the track has {turns[-1]:.3g} revolutions; {_FEWEST:g} are needed")
    a_turn = int(np.ceil(_FINER * sample_rate / frequency.min()))
    if a_turn * turns[-1] > _MOST_SAMPLES:
        raise InputError("order-spectrum: the track is too long or too slow at times; give a higher --fmin, or a part")
    angles = np.arange(0, turns[-1], 1 / a_turn)
    when = np.interp(angles, turns, clock)
    resampled = torch.from_numpy(CubicSpline(clock, values)(when))
    length = 2 * int(min(_LONGEST, turns[-1] / 2) * a_turn / 2)
    positions = fixed_positions(len(resampled), length / 4)
    positions = positions[(positions >= length / 2) & (positions <= len(resampled) - length / 2)]
    amplitudes = 2 * dstft_magnitude(resampled, float(length), positions, length).numpy()
    orders = np.arange(len(amplitudes)) * (a_turn / length)
    seen = orders <= sample_rate / 2 / frequency.min()
    middle = positions.numpy() / a_turn
    times = np.interp(middle, turns, clock)
    spectrum = np.sqrt(np.square(amplitudes).mean(1))
    return OrderSpectrum(orders[seen], middle, times, amplitudes[seen], spectrum[seen])
