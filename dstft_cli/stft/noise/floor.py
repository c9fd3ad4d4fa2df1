"""The noise floor of a spectrogram: the one estimate that pictures, tracks and the loss local-entropy share."""

import numpy as np

_QUANTILE = 0.2  # in time: the signal may fill four fifths of a row
_BAND = 8  # the floor is smooth over this part of all bins, usually
_DEEPEST = 1e-8  # of the largest P: no floor lies lower, as no picture shows 80 dB more
_SILENT = 1e-12  # of the largest P: frames that stay below it are digital silence


def noise_floor(power: np.ndarray, count: float = 1.0, band: int = _BAND) -> np.ndarray:
    """The mean that P would have at each frequency if there were nothing but noise.

    It is a low quantile over time, in the middle of the rows around each, divided by that quantile of white noise. Frames of
    digital silence are left out. The floor lies at most 80 dB below the largest P.

    power: P = θ|S|², (F, T), in any unit.
    count: how many independent values each is the largest of.
    band: the floor is smooth over this part of all bins, 1/band.

    Returns (F,) float64; 0 where all of P is 0.
    """
    loudest = power.max(axis=0)
    live = loudest > _SILENT * loudest.max()
    if not live.any():
        return np.zeros(len(power))
    frames = int(live.sum())
    rank = round(_QUANTILE * (frames - 1))
    rows = power if frames == power.shape[1] else power[:, live]
    low = np.partition(rows, rank, axis=1)[:, rank].astype(np.float64)
    low = _median_of_neighbours(low, len(low) // band)
    return np.maximum(low / _low_share(rank, frames, count), _DEEPEST * float(loudest.max()))


def mean_of_largest(count: np.ndarray) -> np.ndarray:
    """The mean of the largest of ``count`` independent exponential variables of mean 1: the harmonic number."""
    return np.log(count) + 0.57722 + 1 / (2 * count) - 0.07722 / count**2


def _low_share(rank: int, frames: int, count: float) -> float:
    """The value of that rank among ``frames`` values of P in noise, over their mean."""
    reached = (rank + 0.7) / (frames + 0.4)  # the median share of all that lies below it
    return float(-np.log1p(-(reached ** (1 / count))) / mean_of_largest(np.float64(count)))


def _median_of_neighbours(values: np.ndarray, width: int) -> np.ndarray:
    """The median of about ``width`` values around each, (F,); beyond the ends they are mirrored."""
    half = min(max(1, width // 2), len(values) - 1)
    mirrored = np.pad(values, half, mode="reflect")
    return np.median(np.lib.stride_tricks.sliding_window_view(mirrored, 2 * half + 1), axis=1)
