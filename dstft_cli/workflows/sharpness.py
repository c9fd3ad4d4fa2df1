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
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch

from ..optimization.criteria import get_criterion
from ..recordings.signal import Signal
from ..results.result import Result
from ..stft.windows import Window, equivalent_widths
from ..system.disk_arrays import block_ranges, columns, min_median_max, on_disk

_BLOCK_BINS = 1 << 20  # bins in memory at a time


class Magnitudes(Protocol):
    """|S|, (F, T), that is computed or read a block of frames at a time."""

    shape: tuple[int, int]

    def columns(self, first: int, last: int) -> np.ndarray:
        """Frames first to last - 1, (F, last - first)."""


class Block(NamedTuple):
    """Some frames of a spectrogram.

    magnitude: |S|, (F, n).
    theta: window lengths in samples; broadcasts to (F, n).
    cells: the area a of each point in s·Hz, (F, n).
    """

    magnitude: np.ndarray
    theta: np.ndarray
    cells: np.ndarray

    @property
    def energy(self) -> np.ndarray:
        """E of each point, (F, n) float64."""
        return np.square(self.magnitude, dtype=np.float64) * self.theta * self.cells


@dataclass(frozen=True)
class Candidate:
    """One spectrogram of a comparison.

    label: its name.
    magnitude: |S|, (F, T), in the signal's unit: in memory, or block by block.
    theta: window lengths in samples, in memory or on disk; broadcasts to (F, T).
    positions: (T,) frame centres in samples, increasing.
    support: L in samples.
    window: the family.
    signal: the N samples analysed.
    origin: the result on disk that it belongs to; None where all is in memory.
    """

    label: str
    magnitude: np.ndarray | Magnitudes
    theta: np.ndarray
    positions: np.ndarray
    support: int
    window: Window
    signal: Signal
    origin: Result | None = None

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
        return np.arange(self.magnitude.shape[0]) * (self.sample_rate / self.support)

    def blocks(self) -> Iterator[Block]:
        """All frames, block by block."""
        heights = _cell_widths(self.frequencies, self.sample_rate / 2)[:, None]
        widths = _cell_widths(self.times, len(self.signal.samples) / self.sample_rate)
        for first, last in block_ranges(len(widths), max(1, _BLOCK_BINS // len(heights))):
            whole = isinstance(self.magnitude, np.ndarray)
            magnitude = self.magnitude[:, first:last] if whole else self.magnitude.columns(first, last)
            theta = self.theta if self.theta.shape[1] == 1 else columns(self.theta, first, last)
            yield Block(magnitude, theta, heights * widths[first:last])


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
    shape, unit = spread(candidate), 1e3 / candidate.sample_rate
    duration, bandwidth = equivalent_widths(candidate.window)
    criteria = _criteria(candidate, order)
    return Measures(
        *(length * unit for length in _extent(candidate.theta)),
        entropy_nats=criteria[0],
        renyi_entropy_nats=criteria[1],
        kurtosis=criteria[2],
        concentration=shape.concentration,
        local_entropy_nats=local,
        time_resolution_ms=duration * shape.mean_length * unit,
        frequency_resolution_hz=bandwidth * candidate.sample_rate / shape.mean_length,
        occupied_percent=100 * shape.area / shape.plane,
        occupied_s_hz=shape.area,
    )


def _extent(theta: np.ndarray) -> list[float]:
    return min_median_max(theta) if on_disk(theta) else [float(f(theta)) for f in (np.min, np.median, np.max)]


def _criteria(candidate: Candidate, order: float) -> list[float]:
    """Entropy, Rényi entropy and kurtosis of |S|."""
    criteria = [get_criterion(name, order) for name in ("entropy", "renyi", "kurtosis")]
    peak = max(float(block.magnitude.max()) for block in candidate.blocks())
    totals = [torch.zeros(2, dtype=torch.float64) for _ in criteria]
    for block in candidate.blocks():  # in units of the peak, so that no power of it leaves the range of a float
        values = torch.from_numpy(np.ascontiguousarray(block.magnitude / (peak or 1.0)))
        for total, criterion in zip(totals, criteria, strict=True):
            total += criterion.sums(values).sum(1)
    return [float(criterion.value(total)) for total, criterion in zip(totals, criteria, strict=True)]


class Spread(NamedTuple):
    """How the energy of a spectrogram is spread.

    concentration: the measure of Jones and Parks of the whole plane: 1 for energy spread evenly, 2 for white noise.
    area: that the energy fills in s·Hz, exp of its entropy.
    plane: the area of the plane in s·Hz.
    mean_length: the mean window length in samples.
    """

    concentration: float
    area: float
    plane: float
    mean_length: float


def spread(candidate: Candidate) -> Spread:
    """How the energy of a spectrogram is spread."""
    total, squares, logs, lengths, plane = np.zeros(5)
    for block in candidate.blocks():
        energy, density = block.energy, np.square(block.magnitude, dtype=np.float64) * block.theta
        total += energy.sum()
        squares += (energy * density).sum()
        logs += (energy * np.log(density, where=density > 0, out=np.zeros_like(density))).sum()
        lengths += (energy * np.log(block.theta)).sum()
        plane += block.cells.sum()
    if not total:  # silence
        return Spread(0.0, 1.0, float(plane), 1.0)
    area = math.exp(math.log(total) - logs / total)
    return Spread(float(plane * squares / total**2), area, float(plane), math.exp(lengths / total))
