"""The noise of a spectrogram: how strong it is at each frequency, what stands above it, and a picture of it at one level.

Windows have unit area, so that a tone has one magnitude under every window; the power of noise is then inversely proportional
to the window length θ. P = θ|S|² has the same mean in noise under every window length: all comparisons with noise use it.
"""

import math

import numpy as np

from ..stft.noise.floor import mean_of_largest
from .shown import local_means

_DENSE = 0.4  # window lengths between values of |S|² in noise that are independent of each other
_CELLS = 1.5, 3.0  # window lengths in time, and reciprocals of them in frequency, on either side of a point
_GATE = (
    (5.0, 9.0),
    (3.0, 6.0),
    (4.0, 7.0),
)  # P over the floor from noise to signal: near a point, along time, along frequency
_CELL = 0.75, 1.5  # the same of the area in which points are counted
_AREA = 0.2, 0.6  # the share of points that stand out, from noise to signal
_ALIKE = 1e-6  # octaves: window lengths that differ by less are equal but for rounding
_CELLS_OF_LENGTH = 4096  # of the range of window lengths, in which quantiles are counted
_MOST = 12.0  # times the floor, of each point in a mean, so that one loud point does not make the points around it loud


def equal_noise_power(magnitude: np.ndarray, theta: np.ndarray, span: float = 0.0) -> np.ndarray:
    """P = θ|S|², with the same mean in noise under every window length, in units of the largest |S|².

    magnitude: |S|, (F, T); what is not finite counts as 0.
    theta: window lengths in samples, any shape that broadcasts to (F, T).
    span: samples from the first to the last frame of which each column shows the largest magnitude; 0 for single frames.

    Returns (F, T) float32.
    """
    power = magnitude.astype(np.float32)
    if not np.isfinite(power.max(initial=0.0)):
        power = np.nan_to_num(power, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    scale = np.asarray(theta, np.float64)
    scale = scale / mean_of_largest(1 + (span / (_DENSE * scale) if span else 0.0))
    peak = float(power.max(initial=0.0)) or 1.0
    power *= np.float32(1 / peak)  # so that no square overflows or vanishes
    np.square(power, out=power)
    power *= scale.astype(np.float32)
    return power


def independent_values(theta: np.ndarray, span: float) -> float:
    """How many independent values of noise a column of a reduced spectrogram typically shows the largest of.

    theta: window lengths in samples.
    span: see equal_noise_power.
    """
    return 1 + span / (_DENSE * float(np.median(theta)))


def stands_out(ratio: np.ndarray, theta: np.ndarray, hop: float, support: int) -> np.ndarray:
    """How surely each point belongs to what stands above the noise: 0 in noise, 1 from 10 dB above the floor on.

    A point stands out if it or a neighbour is strong, or if the points along time or along frequency are strong on average:
    a faint tone or click stays whole where its level fluctuates.

    ratio: P over the floor, (F, T).
    theta: window lengths in samples, any shape that broadcasts to (F, T).
    hop: from one column to the next, in samples.
    support: the DFT size in samples.

    Returns (F, T) float32 between 0 and 1.
    """
    found = _step(local_means.largest_neighbour(ratio), _GATE[0])
    bounded = np.minimum(ratio, np.float32(_MOST))
    along = (1, _CELLS[0] * theta / hop), (0, _CELLS[1] * support / theta)
    for (axis, half), gate in zip(along, _GATE[1:], strict=True):
        np.maximum(found, _step(local_means.box_mean(bounded, half, axis), gate), out=found)
    return found


def signal_areas(found: np.ndarray, theta: np.ndarray, hop: float, support: int) -> np.ndarray:
    """Where signal is, smooth over about a cell: 1 where most points around stand out, 0 where few or only single ones do.

    found: how surely each point stands out, (F, T).
    theta: window lengths in samples, any shape that broadcasts to (F, T).
    hop: from one column to the next, in samples.
    support: the DFT size in samples.

    Returns (F, T) float32 between 0 and 1.
    """
    share = local_means.box_mean(found, _CELL[0] * theta / hop, 1)
    share = local_means.box_mean(share, _CELL[1] * support / theta, 0)
    low, high = _AREA
    return np.clip((share - low) / (high - low), 0, 1).astype(np.float32)


def even_noise(
    magnitude: np.ndarray, theta: np.ndarray, ratio: np.ndarray, kept: np.ndarray | float, central: float
) -> np.ndarray:
    """The magnitudes with noise at the level that it has under one window length.

    Where windows are shorter, noise is made fainter by the root of the ratio of lengths, which leaves P as it is: so are hiss
    and onsets, which windows of unit area draw the louder the shorter they are. Where windows are longer, noise is made
    stronger, but not stronger than what stands out: the order of levels is kept, so that no faint line turns dark.

    magnitude: |S|, (F, T).
    theta: window lengths in samples, any shape that broadcasts to (F, T).
    ratio: P over the floor, (F, T).
    kept: how far each point keeps its level under a shorter window, 0 to 1, a shape that broadcasts to (F, T).
    central: the window length in samples whose noise level is drawn.

    Returns (F, T) float32, for show only.
    """
    relative = np.asarray(theta, np.float32) / np.float32(central)
    if np.all(relative == 1):
        return magnitude
    with np.errstate(divide="ignore"):
        fainter = np.minimum(relative, 1) ** (1 - kept)
        stronger = np.clip(_GATE[0][1] / ratio, 1, np.maximum(relative, 1))
    return magnitude * np.sqrt(fainter * stronger)


def central_length(theta: np.ndarray, found: np.ndarray) -> float:
    """The median window length, in samples, of what stands out, or of all points if nothing does.

    theta: window lengths in samples, any shape that broadcasts to (F, T).
    found: how surely each point stands out, (F, T).
    """
    return float(weighted_quantiles(theta, found, [0.5])[0])


def weighted_quantiles(theta: np.ndarray, weights: np.ndarray, shares: list[float]) -> np.ndarray:
    """Quantiles of window lengths with a weight for each point; without weights if all are 0.

    theta: window lengths in samples, any shape that broadcasts to (F, T).
    weights: (F, T), at least 0.
    shares: (n,) between 0 and 1.

    Returns (n,) in samples.
    """
    theta = np.broadcast_to(theta, weights.shape).ravel()
    weights = weights.ravel() if weights.any() else np.ones(theta.size, np.float32)
    low, high = (math.log2(end) for end in (theta.min(), theta.max()))
    if high - low < _ALIKE:
        return np.full(len(shares), float(theta[0]))
    cells = ((np.log2(theta) - low) * (_CELLS_OF_LENGTH / (high - low))).astype(np.intp)
    counts = np.bincount(np.clip(cells, 0, _CELLS_OF_LENGTH - 1), weights, _CELLS_OF_LENGTH)
    reached = np.append(0.0, counts.cumsum()) / counts.sum()
    return 2.0 ** np.interp(shares, reached, np.linspace(low, high, _CELLS_OF_LENGTH + 1))


def _step(values: np.ndarray, gate: tuple[float, float]) -> np.ndarray:
    """From 0 to 1 between the ends of the gate, smoothly over the logarithm."""
    low, high = gate
    x = np.log(np.clip(values, low, high) / np.float32(low)) / np.float32(np.log(high / low))
    return x * x * (3 - 2 * x)
