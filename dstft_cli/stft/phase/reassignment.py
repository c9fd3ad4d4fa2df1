"""Reassignment: where in time and frequency the energy of each point of a spectrogram belongs (Kodera, Auger and Flandrin).

A window spreads a click over its length and a tone over the reciprocal of it. The phase of S tells the centre of what a point
sees. In time that is the group delay, from S under the window x·ω:

    t̂ = t + Re(S_xω / S)

In frequency it is the instantaneous frequency. The textbook's ω̂ = ω - Im(S_∂xω / S) leaves out the steps at the ends of a Hamming
window; here it is the phase that S gains from half a sample before t to half a sample after it, which is exact for a tone under
every window:

    ω̂ = ω + arg(S(t + ½) S*(t - ½))

A real signal has negative frequencies, too, and what the side lobes of the window let through of them pulls at ω̂. Those of a Hamming
window fall by 6 dB an octave only, because it ends in steps: it reads tones and chirps within 0.15 bin under one window and within
0.4 bin where windows vary, the other families within 0.1. Without negative frequencies it is within 0.01, as a test shows.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..checked_transform import checked_transform
from ..framed_signal import FramedSignal
from ..windows import Window

_TINY = 1e-30
_NODES = 4096  # over the length of a window, for its spread


@dataclass(frozen=True)
class Coordinates:
    """Where the energy of each point belongs.

    times: group delays in samples, (F, T).
    bins: instantaneous frequencies in bins, (F, T).
    """

    times: np.ndarray
    bins: np.ndarray


class _Delay(Window):
    """x·ω(x, θ): the transform with it over S is the group delay, counted from the centre of the window."""

    def value(self, x: Tensor, theta: Tensor) -> Tensor:
        return x * super().value(x, theta)


def coordinates(framed: FramedSignal, theta: Tensor, spectrum: Tensor | None = None) -> Coordinates:
    """Where the energy of each point belongs, not farther from it than its window and one bin's reach see.

    framed: the signal, its frames and its window family.
    theta: window lengths in samples, (1, 1), (1, T), (F, 1) or (F, T).
    spectrum: S, (F, T) complex, where it is known.

    Returns group delays and instantaneous frequencies; a point of no energy belongs where it is.
    """
    window = framed.window
    delay = replace(framed, window=_Delay(window.name, window.profile, window.slope))
    before, after = (replace(framed, positions=framed.positions + half) for half in (-0.5, 0.5))
    spectrum = _spectrum(framed, theta) if spectrum is None else spectrum
    turn = _spectrum(after, theta) * _spectrum(before, theta).conj()
    shift = (_spectrum(delay, theta) / torch.where(spectrum.abs() > _TINY, spectrum, torch.inf)).real
    reach = theta / 2
    shift = torch.minimum(torch.maximum(torch.nan_to_num(shift), -reach), reach)
    own = torch.arange(framed.bins, device=turn.device)[:, None]
    bins = own + torch.angle(turn) * (framed.support / (2 * math.pi))
    bins = torch.where(turn.abs() > 0, bins, own.to(bins)).clamp(0, framed.bins - 1)
    times = framed.positions + shift.to(torch.float64)
    return Coordinates(times.cpu().numpy(), bins.cpu().numpy().astype(np.float64))


def _spectrum(framed: FramedSignal, theta: Tensor) -> Tensor:
    return checked_transform(framed, theta, seed=0)[0]


def roundness(found: Coordinates, theta: np.ndarray, framed: FramedSignal) -> np.ndarray:
    """How far what a point sees is one event instead of a line, (F, T): 0 for a tone, a click or a chirp, 1/4 for a spot.

    The map from points to where they belong draws a line together: across it all points come from one place, along it each stays,
    so its determinant is 0. A spot that is as short and as narrow as the window itself is drawn together by half both ways. In
    between lie a sound that begins or ends within the window, and noise. Of the map only the derivatives by frequency are needed:
    with frequency and time in units of the window, it is symmetric and its trace is 1, which is exact for Gaussian windows.

    found: the coordinates.
    theta: window lengths in samples, any shape that broadcasts to (F, T).
    framed: the signal, its frames and its window family.
    """
    if len(found.bins) < 2:
        return np.zeros(found.bins.shape)
    along, across = np.gradient(found.bins, axis=0), np.gradient(found.times, axis=0)
    across *= framed.support / (2 * math.pi) / (_energy_spread(framed.window) * np.square(theta))
    return along * (1 - along) - np.square(across)


def _energy_spread(window: Window) -> float:
    """The square of the standard deviation, as a share of the length, of the Gaussian window with the same spread of ω²."""
    u = (torch.arange(_NODES, dtype=torch.float64) + 0.5) / _NODES - 0.5
    power = window.profile(u).square()
    return float(2 * (power * u.square()).sum() / power.sum())


def reassigned(energy: np.ndarray, found: Coordinates, positions: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """The energy of each point moved to the point nearest to where it belongs; the sum stays the same.

    energy: (F, T), at least 0.
    found: the coordinates.
    positions: frame centres in samples, (T,), increasing.
    moved: (F, T) bool; the other points stay where they are.

    Returns (F, T) float64.
    """
    rows, frames = energy.shape
    middles = (positions[1:] + positions[:-1]) / 2
    frame = np.where(moved, np.searchsorted(middles, found.times), np.arange(frames))
    row = np.where(moved, np.rint(found.bins).astype(np.int64), np.arange(rows)[:, None])
    total = np.bincount((row * frames + frame).ravel(), energy.ravel().astype(np.float64), rows * frames)
    return total.reshape(rows, frames)
