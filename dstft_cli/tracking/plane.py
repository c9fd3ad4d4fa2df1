"""Spectrograms that are tracked: one of a result, or several of a recording, each under another window length."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from ..config.grid import Grid
from ..errors import InputError
from ..recordings.signal import Signal
from ..results.result import Result
from ..stft.framed_signal import FramedSignal
from ..stft.log_interpolation import node_lengths
from ..stft.windows import Window
from ..system.devices import DTYPES
from .evidence import noise_level
from .track import Tracking
from .watching import Watch

_LEAST_FRAMES = 4
_PER_OCTAVE = 2.0  # window lengths of a recording
_MOST_BINS = 60_000_000  # of all spectrograms of a recording together
_SHORT = 0.1  # of the windows are shorter than a short one
_OWN = 0.25  # power of a window's own length in the distance of independent frames
_NEW = 0.5  # window lengths from a frame to one that sees other noise


@dataclass(frozen=True)
class TrackedPlane:
    """The frames of a spectrogram that are tracked.

    spectrum: S, (F, T) complex.
    theta: window lengths in samples, (1 or F, 1 or T).
    framed: the signal, the frames that are tracked and the window family.
    sample_rate: Hz. start: recording time of sample 0 in s.
    middle: the middle of the window lengths of all planes of the signal, in samples.
    """

    spectrum: np.ndarray
    theta: np.ndarray
    framed: FramedSignal
    sample_rate: float
    start: float
    middle: float

    @cached_property
    def magnitude(self) -> np.ndarray:
        """|S|, (F, T) float32."""
        return np.abs(self.spectrum).astype(np.float32)

    @cached_property
    def ratio(self) -> np.ndarray:
        """Power over noise, (F, T) float32: 1 in the mean in noise."""
        power = np.square(self.magnitude, dtype=np.float64) * self.theta
        return (power / self.noise).astype(np.float32)

    @cached_property
    def noise(self) -> np.ndarray:
        """The mean of θ|S|² in noise, (F, 1), under windows of any length."""
        return noise_level(self.magnitude, self.theta)

    @property
    def positions(self) -> np.ndarray:
        """Frame centres in samples, (T,)."""
        return self.framed.positions.numpy()

    @property
    def times(self) -> np.ndarray:
        """Frame centres in s of recording time, (T,)."""
        return self.positions / self.sample_rate + self.start

    @property
    def hop(self) -> float:
        """s from frame to frame."""
        return float(np.mean(np.diff(self.positions))) / self.sample_rate

    @property
    def spacing(self) -> float:
        """Hz from bin to bin."""
        return self.sample_rate / self.framed.support

    @property
    def frequencies(self) -> np.ndarray:
        """Bin centres in Hz, (F,)."""
        return np.arange(self.framed.bins) * self.spacing

    @property
    def length(self) -> float:
        """The median window length in s."""
        return float(np.median(self.theta)) / self.sample_rate

    @property
    def short(self) -> float:
        """The length of a short window in s."""
        return float(np.quantile(self.theta, _SHORT)) / self.sample_rate

    @property
    def weight(self) -> np.ndarray:
        """How much of what a frame says is new: windows that overlap see the same noise; of the shape of theta.

        Between planes it hardly falls with the length: a loud line says more under the window that resolves it.
        """
        length = self.theta**_OWN * self.middle ** (1 - _OWN)
        return np.minimum(1.0, self.hop * self.sample_rate / (_NEW * length))

    def at(self, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Values (F, T) or (F, 1) at one fractional row of each frame, (T,), interpolated linearly."""
        below = np.clip(rows.astype(int), 0, len(values) - 2)
        share, frames = np.clip(rows - below, 0, 1), np.arange(len(rows)) % values.shape[1]
        return values[below, frames] * (1 - share) + values[below + 1, frames] * share

    def length_at(self, rows: np.ndarray) -> np.ndarray:
        """The window's length in samples at one row of each frame, (T,)."""
        theta = np.broadcast_to(self.theta, self.spectrum.shape)
        return theta[np.clip(np.rint(rows).astype(int), 0, len(theta) - 1), np.arange(len(rows))].astype(np.float64)

    def lobe(self, rows: np.ndarray) -> np.ndarray:
        """The reciprocal of the window's length in bins, at one row of each frame, (T,)."""
        return self.framed.support / self.length_at(rows)

    def under(self, theta: np.ndarray) -> "TrackedPlane":
        """The same frames under other windows. theta: in samples, (1, T)."""
        lengths = torch.tensor(theta, dtype=self.framed.samples.dtype)
        with torch.no_grad():
            spectrum = self.framed.stft(lengths).numpy()
        return replace(self, spectrum=spectrum, theta=theta)


def plane_of_result(result: Result, tracking: Tracking) -> TrackedPlane:
    """The frames of a result that the limits of time select.

    Raises InputError where tracking cannot work on the result, or too few frames lie between the limits.
    """
    where = result.signal.where
    if result.on_disk:
        raise InputError(
            f"{where}: this spectrogram is too large to be tracked at once; optimise a part with --duration"
        )
    frames = _frames(result.frame_positions / result.sample_rate + result.signal.start, tracking, where)
    steps = np.diff(result.frame_positions[frames])
    if steps.max() > 1.01 * steps.min() + 1e-9:
        raise InputError(f"{where}: the frames of this result moved; tracking needs --hop-mode fixed")
    samples = torch.tensor(result.signal.samples, dtype=DTYPES[result.config.run.dtype])
    framed = FramedSignal(samples, torch.tensor(result.frame_positions[frames]), result.support, result.window)
    theta = result.theta if result.theta.shape[1] == 1 else result.theta[:, frames]
    middle = _middle(theta)
    return TrackedPlane(result.stft[:, frames], theta, framed, result.sample_rate, result.signal.start, middle)


def planes_of_signal(
    signal: Signal, grid: Grid, window: Window, tracking: Tracking, watch: Watch
) -> list[TrackedPlane]:
    """The frames of a recording that the limits of time select, under windows from the shortest to the longest of a grid.

    Raises InputError where too few frames lie between the limits, or the spectrograms would be too large.
    """
    positions = grid.positions(float(grid.support), torch.device("cpu")).numpy()
    frames = _frames(positions / signal.sample_rate + signal.start, tracking, signal.where)
    octaves = np.log2(grid.support / grid.theta_min)
    lengths = node_lengths(grid.theta_min, float(grid.support), 2 + int(_PER_OCTAVE * octaves))
    if grid.bins * len(frames) * len(lengths) > _MOST_BINS:
        raise InputError(
            f"{signal.where}: too long to be tracked at once with {grid.bins} bins and {len(frames)} frames; take a part with "
            "--start and --duration, or a longer --hop"
        )
    samples = torch.tensor(np.asarray(signal.samples[:]), dtype=torch.float32)
    framed = FramedSignal(samples, torch.tensor(positions[frames]), grid.support, window)
    return list(_under(framed, lengths, signal, watch))


def _under(framed: FramedSignal, lengths: list[float], signal: Signal, watch: Watch) -> Iterator[TrackedPlane]:
    for i, length in enumerate(lengths):
        watch("bank", i, len(lengths))
        with torch.no_grad():
            spectrum = framed.stft(length).numpy()
        theta, middle = np.full((1, 1), length), _middle(np.array(lengths))
        yield TrackedPlane(spectrum, theta, framed, signal.sample_rate, signal.start, middle)


def _middle(lengths: np.ndarray) -> float:
    """The geometric mean."""
    return float(np.exp(np.log(lengths).mean()))


def _frames(times: np.ndarray, tracking: Tracking, where: str) -> np.ndarray:
    """The indices of the frames between the limits of time. times: (T,) s of recording time."""
    low, high = (
        bound if limit is None else limit for bound, limit in ((-np.inf, tracking.tmin), (np.inf, tracking.tmax))
    )
    frames = np.flatnonzero((times >= low) & (times <= high))
    if len(frames) < _LEAST_FRAMES:
        span = f"frames range from {times[0]:.6g} to {times[-1]:.6g} s"
        raise InputError(
            f"{where}: {len(frames)} frames between the limits of time, {_LEAST_FRAMES} are needed; {span}"
        )
    return frames
