"""The time-frequency grid of a run: support, hop and bounds of θ in samples, from settings, sampling rate and length.

Frames that do not move, with windows to optimise, get lengths from the recording (``optimization.auto_lengths``) before they come
here. What is still ``auto``, where frames move, in mode fixed, and in a recording of nothing but noise, follows from the rate, N
samples at fs Hz:

    support    the power of two nearest 100·fs^(1/3), at most 4096 and at most N/4: 512 at 100 Hz, 1024 at 1 kHz, 2048 at
               16 kHz, 4096 from 44.1 kHz up; about the longest window of use on recordings of each kind
    hop        support/16; support/8 above 500 000 samples, support/4 above 2 000 000
    theta_min  support/8, or one hop if that is longer: with the default hop of half of it, neighbouring windows overlap and
               no click falls between frames
    hop_min    hop/4; closer frames are redundant

With ``hop_mode`` overlap the hop is a fraction α of the window, 1/4 by default: the hop and the smallest hop follow from θ.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..stft.frame_positions import fixed_positions, frame_count
from ..stft.modes import FIXED_HOP, OVERLAP
from .lengths import LEAST_WINDOW
from .loading import Config, Length

_LEAST_SUPPORT, _MOST_SUPPORT = 16, 4096
_OVERLAP = 0.25


@dataclass(frozen=True)
class Grid:
    """The time-frequency grid of a signal: F = L/2 + 1 bins, T frames.

    support: DFT size L and longest window, in samples.
    hop: step from frame to frame in samples; with hop_mode overlap that of the initial window.
    theta_min: shortest window, in samples.
    theta: initial window length in samples; None: the best constant one.
    samples: length of the signal, N.
    hop_mode: which frames move.
    hop_min: smallest step between moving frames in samples; with hop_mode overlap that of the shortest window.
    overlap: step to the next frame as a fraction α of the window; None in other hop modes.
    """

    support: int
    hop: float
    theta_min: float
    theta: float | None
    samples: int
    hop_mode: str = FIXED_HOP
    hop_min: float = 1.0
    overlap: float | None = None

    @property
    def bins(self) -> int:
        """F, the number of frequencies."""
        return self.support // 2 + 1

    @property
    def frames(self) -> int:
        """T, the number of frames one constant hop apart."""
        return frame_count(self.samples, self.hop)

    @property
    def most_frames(self) -> int:
        """The largest number of frames of a run."""
        return self.frames if self.overlap is None else frame_count(self.samples, self.overlap * self.theta_min)

    @property
    def bounds(self) -> tuple[float, float]:
        """Least and greatest θ in samples, apart from each other even where nothing is left to choose."""
        return min(self.theta_min, self.support / 1.01), float(self.support)

    @property
    def first_length(self) -> float:
        """The window length of a run that does not search for the best constant one, in samples."""
        return self.theta or max(self.theta_min, self.support / 2)

    def frequencies(self, sample_rate: float) -> np.ndarray:
        """The frequencies m·fs/L in Hz, (F,) float64. sample_rate: fs in Hz."""
        return np.arange(self.bins) * (sample_rate / self.support)

    def positions(self, length: float, device: torch.device) -> Tensor:
        """The initial frame positions t_n, before any frame has moved.

        length: of the constant window, in samples; it matters with hop_mode overlap.
        device: of the tensor.
        Returns (T,) float64, in samples.
        """
        hop = self.hop if self.overlap is None else self.overlap * length
        return fixed_positions(self.samples, hop, device)


def make_grid(config: Config, sample_rate: float, samples: int) -> Grid:
    """The time-frequency grid of a signal.

    config: its section ``transform``.
    sample_rate: Hz.
    samples: length of the signal, N.
    Returns the Grid, lengths in samples.
    Raises InputError where lengths contradict each other or the signal is shorter than its shortest window.
    """
    settings = config.transform
    support = _support(settings.support, sample_rate, samples)
    overlap = (settings.overlap or _OVERLAP) if settings.hop_mode == OVERLAP else None
    hop = _hop(settings.hop, sample_rate, samples, support) if overlap is None else 0.0
    theta, theta_min = _windows(settings, sample_rate, support, hop)
    if samples < theta_min:
        raise InputError(
            f"the signal has {samples} samples, fewer than its shortest window of {theta_min:g}: set a smaller --support "
            "or --theta-min, or use a longer signal"
        )
    grid = Grid(support, hop, float(theta_min), theta, samples, settings.hop_mode, overlap=overlap)
    if overlap is None:
        return replace(grid, hop_min=_hop_min(settings.hop_min, sample_rate, hop))
    _check_frames(samples, overlap * theta_min, f"transform.overlap is {overlap:g}", "a larger overlap")
    return replace(grid, hop=overlap * grid.first_length, hop_min=overlap * theta_min)


def _windows(settings, sample_rate: float, support: int, hop: float) -> tuple[float | None, float]:
    """The initial and the shortest window length, in samples."""
    theta = settings.theta.samples(sample_rate, support)
    theta_min = settings.theta_min.samples(sample_rate, support)
    if theta_min is None:
        theta_min = min(max(LEAST_WINDOW, support / 8, hop), support)
        theta_min = theta_min if theta is None else min(theta, theta_min)
    for name, value in (("theta", theta), ("theta_min", theta_min)):
        if value is not None and not LEAST_WINDOW <= value <= support:
            raise InputError(
                f"transform.{name} is {_with_samples(getattr(settings, name), value)}: it must be between {LEAST_WINDOW:g} samples "
                f"and the support, {support} samples"
            )
    if theta is not None and theta < theta_min:
        raise InputError(
            f"transform.theta is {theta:g} samples: it must be at least transform.theta_min, {theta_min:g} samples"
        )
    return None if theta is None else float(theta), float(theta_min)


def _support(length: Length, sample_rate: float, samples: int) -> int:
    given = length.samples(sample_rate, samples)
    if given is None:
        wanted = 2 ** round(math.log2(100 * sample_rate ** (1 / 3)))
        room = 2 ** int(math.log2(max(samples / 4, 1)))
        return max(_LEAST_SUPPORT, min(wanted, room, _MOST_SUPPORT))
    support = max(2, 2 * round(given / 2))
    if support > 4 * samples + 4:
        raise InputError(
            f"transform.support is {_with_samples(length, support)}, but the signal has {samples} samples: "
            "set a support of at most four times the signal's length"
        )
    return support


def _hop(length: Length, sample_rate: float, samples: int, support: int) -> float:
    given = length.samples(sample_rate, support)
    if given is None:
        share = 16 if samples <= 500_000 else 8 if samples <= 2_000_000 else 4
        return float(max(1, support // share))
    if length.unit != "samples":
        return float(max(1, round(given)))  # whole samples, so that all frames have the same offset to the samples
    _check_frames(samples, given, f"transform.hop is {_with_samples(length, given)}", "a longer hop")
    return float(given)


def _check_frames(samples: int, hop: float, what: str, change: str) -> None:
    if samples / hop > 2**31:
        raise InputError(f"{what}: this gives more than 2 000 000 000 frames; set {change}")


def _hop_min(length: Length, sample_rate: float, hop: float) -> float:
    given = length.samples(sample_rate, hop)
    if given is None:
        return hop / 4
    if given > hop:
        raise InputError(
            f"transform.hop_min is {_with_samples(length, given)}: it must not exceed the initial hop, {hop:g} samples; set a "
            "smaller --hop-min or a longer --hop"
        )
    return float(given)


def _with_samples(length: Length, samples: float) -> str:
    """The length as it was written, with its number of samples."""
    plain = f"{samples:g} samples"
    return plain if length.unit in ("samples", "auto") else f"{length}, {plain}"
