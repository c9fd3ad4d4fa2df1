"""Measures of how sharp one spectrogram is, which compare between window lengths and grids.

Energy. A tone has the same |S| under every window of unit area, but noise and clicks have a smaller |S|² under longer ones. So
the energy of a point is

    E = |S|² θ a

with θ its window length, as for windows of equal energy, and a its cell: the area of the plane that is nearer to it than to any
other point, in s·Hz. The energy of a tone, a click or noise is then the same under every window, and all cells together are the
duration of the signal times fs/2, whatever the number of points and the positions of the frames. With p = E / Σ E:

    concentration          A Σ p²/a with A = Σ a. The measure of Jones and Parks (IEEE TASSP 38, 1990), Σ P² / (Σ P)² for P = |S|² θ,
                           of the whole plane instead of each point's neighbourhood, times the number of points (A, if cells
                           differ): 1 for energy spread evenly, 2 for white noise, and independent of the grid
    occupied area          exp(-Σ p log(p/a)): the area, filled evenly, whose energy has the same entropy; s·Hz
    mean window length     exp(Σ p log θ)

Resolution is that of the window family g at the mean window length θ (Harris, Proc. IEEE 66, 1978):

    time                   equivalent duration, θ/fs ∫g² / max g²
    frequency              equivalent noise bandwidth, fs/θ ∫g² / (∫g)²
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from ..optimization.criteria import entropy, kurtosis, renyi
from ..recordings.signal import Signal
from ..stft.windows import Window

_PROFILE_POINTS = 20_000
_TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class Candidate:
    """One spectrogram of a comparison.

    label: its name.
    magnitude: |S|, (F, T), in the signal's unit.
    theta: window lengths in samples; broadcasts to (F, T).
    positions: (T,) frame centres in samples, increasing.
    support: L in samples.
    window: the family.
    signal: the N samples analysed.
    """

    label: str
    magnitude: np.ndarray
    theta: np.ndarray
    positions: np.ndarray
    support: int
    window: Window
    signal: Signal

    @property
    def sample_rate(self) -> float:
        """Hz."""
        return self.signal.sample_rate

    @property
    def times(self) -> np.ndarray:
        """Frame centres in s from sample 0, (T,)."""
        return self.positions / self.sample_rate

    @property
    def frequencies(self) -> np.ndarray:
        """Bin centres in Hz, (F,)."""
        return np.arange(len(self.magnitude)) * (self.sample_rate / self.support)

    @property
    def cells(self) -> np.ndarray:
        """The area a of each point in s·Hz, (F, T)."""
        heights = _cell_widths(self.frequencies, self.sample_rate / 2)
        return heights[:, None] * _cell_widths(self.times, len(self.signal.samples) / self.sample_rate)

    @property
    def energy(self) -> np.ndarray:
        """The share p of the energy of each point, (F, T), sum 1."""
        values = self.magnitude.astype(np.float64)
        power = np.square(values / max(values.max(), _TINY)) * self.theta * self.cells
        return power / max(power.sum(), _TINY)


def _cell_widths(centres: np.ndarray, end: float) -> np.ndarray:
    """The length of [0, end] that is nearer to each of the increasing centres than to any other, (n,)."""
    return np.diff(np.concatenate([[0.0], (centres[1:] + centres[:-1]) / 2, [end]]))


@dataclass(frozen=True)
class Measures:
    """The measures of one spectrogram, with units in their names; NaN if unknown.

    window_min_ms, window_median_ms, window_max_ms: window lengths.
    entropy_nats, renyi_entropy_nats, kurtosis: the criteria of the same names.
    concentration, occupied_s_hz: see the module. occupied_percent: of the signal's plane.
    local_entropy_nats: the criterion ``local-entropy`` of a run with these window lengths.
    time_resolution_ms, frequency_resolution_hz: at the mean window length.
    """

    window_min_ms: float
    window_median_ms: float
    window_max_ms: float
    entropy_nats: float
    renyi_entropy_nats: float
    kurtosis: float
    concentration: float
    local_entropy_nats: float
    time_resolution_ms: float
    frequency_resolution_hz: float
    occupied_percent: float
    occupied_s_hz: float


def measure(candidate: Candidate, order: float = 3.0, local: float = math.nan) -> Measures:
    """The measures of one spectrogram.

    candidate: the spectrogram.
    order: α of the Rényi entropy.
    local: its local entropy in nats, which cannot be computed from one spectrogram.

    Raises InputError if the shape of the window is unknown.
    """
    magnitude = torch.from_numpy(np.ascontiguousarray(candidate.magnitude))
    energy, cells, unit = candidate.energy, candidate.cells, 1e3 / candidate.sample_rate
    duration, bandwidth = equivalent_widths(candidate.window)
    mean_length = math.exp((energy * np.log(candidate.theta)).sum())
    area = occupied_area(energy, cells)
    return Measures(
        *(float(f(candidate.theta)) * unit for f in (np.min, np.median, np.max)),
        entropy_nats=float(entropy(magnitude)),
        renyi_entropy_nats=float(renyi(magnitude, order)),
        kurtosis=float(kurtosis(magnitude)),
        concentration=concentration(energy, cells),
        local_entropy_nats=local,
        time_resolution_ms=duration * mean_length * unit,
        frequency_resolution_hz=bandwidth * candidate.sample_rate / mean_length,
        occupied_percent=100 * area / float(cells.sum()),
        occupied_s_hz=area,
    )


def concentration(energy: np.ndarray, cells: np.ndarray) -> float:
    """The measure of Jones and Parks of the whole plane: 1 for energy spread evenly, 2 for white noise.

    energy: (F, T) share p of each point, sum 1.
    cells: (F, T) area a of each point in s·Hz.
    """
    return float(cells.sum() * (np.square(energy) / cells).sum())


def occupied_area(energy: np.ndarray, cells: np.ndarray) -> float:
    """The area that the energy fills in s·Hz, exp of its entropy.

    energy: (F, T) share p of each point, sum 1.
    cells: (F, T) area a of each point in s·Hz.
    """
    spread = float(entropy(torch.from_numpy(energy)))
    return math.exp(spread + float((energy * np.log(cells)).sum()))


def equivalent_widths(window: Window) -> tuple[float, float]:
    """Equivalent duration and noise bandwidth of a window family (Harris); of Hann: 0.375 and 1.5.

    They are computed from the profile with the midpoint rule, so that any callable has them.

    window: the family.

    Returns ∫g² / max g² in units of θ, and ∫g² / (∫g)² in units of fs/θ.
    """
    u = (torch.arange(_PROFILE_POINTS, dtype=torch.float64) + 0.5) / _PROFILE_POINTS - 0.5
    values = window.profile(u)
    squares = values.square()
    return float(squares.mean() / squares.max()), float(squares.mean() / values.mean().square())
