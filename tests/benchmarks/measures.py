"""How good a spectrogram is where the truth is known: pure functions of |S| (F, T) and of window lengths.

Laws are frequencies in Hz at the centres of the frames, spacing is fs/L in Hz a bin, step is hop/fs in s a frame. Where
nothing can be measured a measure is NaN.
"""

import math

import numpy as np

CORE, AROUND = 3, 40  # bins: what belongs to a ridge, and what it is compared with
LOBE_DROP, PULSE_DROP, RISE_DROP = 20.0, 10.0, 3.0  # dB below the top
LOBE_REACH = 100  # bins to either side, at most, in which a lobe is looked for
PULSE_REACH = 10  # frames: where the top of a transient may be
BEFORE = (30, 12)  # frames before a transient in which the noise is measured
PATCH = (15, 20)  # bins x frames over which the level of the floor is averaged
_FLOOR = -40.0  # dB: deeper zeros would tilt the interpolation next to them
_TINY = 1e-300


def decibels(power: np.ndarray | float) -> np.ndarray:
    """10 log10, finite at 0."""
    return 10 * np.log10(np.maximum(power, _TINY))


def vertex(left, middle, right):
    """The parabola through three points one apart: (place relative to the middle, height)."""
    bend = left - 2 * middle + right
    place = 0.5 * (left - right) / np.where(bend == 0, 1.0, bend)
    return place, middle - 0.25 * (left - right) * place


def fall(levels: np.ndarray, drop: float) -> float:
    """Steps from the first of some levels (dB below the top) to where they are ``drop`` dB down, interpolated linearly.

    The whole length where they never are; 0 where the first is already.
    """
    levels = np.maximum(levels, _FLOOR)
    below = np.flatnonzero(levels < -drop)
    if not below.size:
        return float(len(levels) - 1)
    i = below[0]
    return i - 1 + (levels[i - 1] + drop) / (levels[i - 1] - levels[i]) if i else 0.0


def tone_width(magnitude: np.ndarray, law: np.ndarray, frames: np.ndarray, spacing: float) -> float:
    """Width in Hz of the main lobe about a tone, 20 dB below its top: the median over the frames.

    law: (T,) Hz. frames: (T,) bool. The lobe goes from the strongest bin within CORE bins of the law outward, both ways, as
    long as |S| is above; two tones that are not told apart are one lobe. Its top is the vertex of a parabola on dB.
    A Hann window of θ samples has a width of 3.30 fs/θ.
    """
    return (
        float(np.median([_lobe(magnitude[:, n], law[n] / spacing) for n in np.flatnonzero(frames)] or math.nan))
        * spacing
    )


def _lobe(column: np.ndarray, middle: float) -> float:
    """Bins at -20 dB about a place in bins."""
    levels = decibels(column**2)
    first = max(1, round(middle) - CORE)
    peak = first + int(levels[first : round(middle) + CORE + 1].argmax())
    levels = levels - vertex(*levels[peak - 1 : peak + 2])[1]
    right = levels[peak : peak + LOBE_REACH + 1]
    left = levels[max(0, peak - LOBE_REACH) : peak + 1][::-1]
    return fall(left, LOBE_DROP) + fall(right, LOBE_DROP)


def transient_profile(power: np.ndarray, theta: np.ndarray, band: np.ndarray, place: float) -> np.ndarray:
    """(T,): |S|² summed over a band, less the noise that is to be expected there.

    White noise gives c/θ at every bin (a window of unit area), with c measured in the frames before the transient: what is
    taken off follows θ where θ varies. theta: broadcasts to (F, T), samples. band: (F,) bool. place: in frames.
    """
    energy = power[band].sum(0)
    noise = np.broadcast_to(1 / theta, power.shape)[band].sum(0)
    before = slice(max(0, round(place) - BEFORE[0]), max(1, round(place) - BEFORE[1]))
    return energy - energy[before].sum() / noise[before].sum() * noise


def transient_width(profile: np.ndarray, place: float, step: float, rise: bool) -> float:
    """Width in ms of a transient 10 dB below its top, which is measurable at an SNR of 20 dB for every window.

    profile: (T,), energy, of transient_profile. place: of the event, in frames; the top lies within PULSE_REACH of it.
    rise: for what rings on after the event, the time of the rise from 10 to 3 dB below the top instead. A click in a Hann
    window of θ samples has a width of 0.62 θ, as far as frames are close enough to follow it.
    """
    first = max(0, round(place) - PULSE_REACH)
    peak = first + int(profile[first : round(place) + PULSE_REACH + 1].argmax())
    if profile[peak] <= 0:
        return math.nan
    levels = decibels(profile / profile[peak])
    left, right = levels[: peak + 1][::-1], levels[peak:]
    other = -fall(left, RISE_DROP) if rise else fall(right, PULSE_DROP)
    return (fall(left, PULSE_DROP) + other) * step * 1e3


def near(laws: np.ndarray, reach: float | np.ndarray, bins: int, spacing: float) -> np.ndarray:
    """(F, T): bins within that many bins of one of the laws (K, T), Hz."""
    rows = np.arange(bins)[:, None]
    return np.any([np.abs(rows - law / spacing) <= reach for law in laws], axis=0)


def ridge_share(magnitude: np.ndarray, laws: np.ndarray, frames: np.ndarray, spacing: float) -> float:
    """Energy within CORE bins of the laws over that within AROUND bins, over the frames; from 0 to 1.

    laws: (K, T) Hz, of what belongs together. frames: (T,) bool.
    """
    power = magnitude[:, frames] ** 2
    core, around = (near(laws[:, frames], reach, len(magnitude), spacing) for reach in (CORE, AROUND))
    total = power[around].sum()
    return float(power[core].sum() / total) if total > 0 else math.nan


def frequency_error(magnitude: np.ndarray, laws: np.ndarray, frames: np.ndarray, spacing: float) -> float:
    """Root mean square in Hz of the frequency read off a ridge less the true one, over laws and frames.

    laws: (K, T) Hz; frames: (T,) bool. What is read is the strongest bin within AROUND bins of the law, or within half the
    way to the nearest law of the same ridge, refined by a parabola on log |S|.
    """
    if not frames.any():
        return math.nan
    laws, logs = laws[:, frames], np.log(magnitude[:, frames] + _TINY)
    columns, errors = np.arange(logs.shape[1]), []
    for k, law in enumerate(laws):
        others = np.abs(np.delete(laws, k, 0) - law) / spacing / 2
        reach = np.minimum(AROUND, others.min(0, initial=AROUND))
        inside = near(law[None], reach, len(logs), spacing)
        peak = np.where(inside, logs, -np.inf).argmax(0).clip(1, len(logs) - 2)
        place, _ = vertex(*(logs[peak + side, columns] for side in (-1, 0, 1)))
        errors.append((peak + place.clip(-0.5, 0.5)) * spacing - law)
    return float(np.sqrt(np.mean(np.square(errors))))


def patches(values: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Means of values (F, T) over the patches that lie wholly inside the region (F, T), one row."""
    rows, columns = (size // patch for size, patch in zip(values.shape, PATCH, strict=True))

    def tiles(array):
        return array[: rows * PATCH[0], : columns * PATCH[1]].reshape(rows, PATCH[0], columns, PATCH[1])

    return tiles(values).mean((1, 3))[tiles(region).all((1, 3))]


def floor_roughness(magnitude: np.ndarray, theta: np.ndarray, region: np.ndarray) -> float:
    """How patchy the noise floor looks: the standard deviation in dB of its local level, over the region (F, T).

    The level is the mean of θ|S|² over a patch of 15 bins x 10 frames. The factor θ makes white noise equally strong in
    every window (of unit area), so that only what noise is made into by the choice of windows is left. A fixed window is not 0:
    a patch averages few independent values, and what it gives is the statistical floor of this figure.
    """
    means = patches(theta * magnitude**2, region)
    return float(decibels(means).std()) if means.size > 1 else math.nan


def theta_spread(theta: np.ndarray, region: np.ndarray) -> float:
    """Standard deviation in octaves of the window length over the region (F, T), where no window is better than another."""
    values = np.broadcast_to(np.log2(theta), region.shape)[region]
    return float(values.std()) if values.size else math.nan
