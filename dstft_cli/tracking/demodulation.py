"""The frequency of a ridge read from the signal itself, under windows as long as its curve allows.

Turned back along its own path, a ridge becomes a tone of nearly no frequency, whatever its slope; what is left is read from its phase.
The path is smoothed by the window before, and what is left is added to that, twice: then only the fourth derivative of the true path
makes an error, where a window by itself makes one with the second.
"""

from dataclasses import dataclass, fields

import numpy as np
import torch

from .plane import TrackedPlane

_ROUNDS = 2
_GROWTH = 2.0**0.5  # from one length that is tried to the next
_ALONG = 8.0  # window lengths over which two lengths are compared
_DIFFERENT = 2.0  # mean square of their difference over the variance: noise makes 0.6; from about 1.3 on the error of the longer is more
_SHRUNK = 0.5  # mean square of a difference over that of the one before: noise makes 0.35, a bend 16
_MOST_DIFFERENT = 20.0  # of one frame: a few that are wrong altogether do not decide for all
_CLEAR = 10.0  # power over noise that a window must have for its frequency to be compared
_BLOCK = 1 << 20  # samples of frames at once
_TINY = 1e-30


@dataclass(frozen=True)
class Reading:
    """A ridge in each frame, (T,) each.

    frequency: Hz. amplitude: in the signal's unit. spread: the standard deviation of the frequency in Hz.
    ratio: power over noise, about each frame. lengths: of the windows, in samples.
    """

    frequency: np.ndarray
    amplitude: np.ndarray
    spread: np.ndarray
    ratio: np.ndarray
    lengths: np.ndarray


class Demodulation:
    """The signal along one ridge.

    plane: its frames, and the noise in them.
    alone: (T,) in samples: shorter windows see other ridges, too; inf where all do.
    sure: (T,) bool: where the ridge is there.
    """

    def __init__(self, plane: TrackedPlane, alone: np.ndarray, sure: np.ndarray):
        self.plane, self.alone, self.sure = plane, alone, sure
        self._hop = plane.hop * plane.sample_rate
        reach = plane.framed.support
        self._first = max(0, int(plane.positions[0]) - reach)
        samples = plane.framed.samples.numpy()[self._first : int(plane.positions[-1]) + reach]
        self._samples, self._centres = samples.astype(np.float64), plane.positions - self._first

    def under(self, law: np.ndarray, lengths: np.ndarray) -> Reading:
        """The ridge under given windows; it stays as it is where they see other ridges.

        law: Hz, (T,), near the ridge.
        lengths: in samples, (T,).
        """
        apart, first = lengths >= self.alone, law
        known = self.sure + 1e-6
        for _ in range(_ROUNDS):
            smooth = self._means(law * known, lengths) / self._means(known, lengths)
            left, power, share = self._left(smooth, lengths)
            within = np.abs(left) <= self.plane.sample_rate / lengths  # else it is that of something else
            law = np.where(apart, smooth + np.where(within, left, 0.0), first)
        noise = self.plane.at(law / self.plane.spacing, self.plane.noise) / lengths
        ratio = self._means(power, _ALONG * lengths) / np.maximum(noise, _TINY)
        spread = np.sqrt(share / np.maximum(ratio, 1.0)) * self.plane.sample_rate / (2 * np.pi)
        return Reading(law, 2 * np.sqrt(power), spread, ratio, lengths)

    def best(self, law: np.ndarray, shortest: float, longest: float) -> Reading:
        """The ridge under the longest windows that its curve allows.

        Two windows in a row tell frequencies that differ by noise, or by what the longer one makes of a bend: then it is too long.
        Before any two are alike, they differ by what short ones see beside the ridge, as long as they differ less and less.

        law: Hz, (T,), near the ridge.
        shortest, longest: of the lengths that are tried, in samples.
        """
        count = 1 + int(np.log(longest / shortest) / np.log(_GROWTH) + 1e-6)
        reading = last = self.under(law, np.full(len(law), shortest))
        growing, settled = np.ones(len(law), dtype=bool), np.zeros(len(law), dtype=bool)
        before, fitted = np.zeros(len(law)), np.ones(len(law))
        for length in shortest * _GROWTH ** np.arange(1, count):
            longer = self.under(last.frequency, np.full(len(law), length))
            difference, share = self._difference(last, longer)
            alike = share <= _DIFFERENT
            fits = growing & (alike | (~settled & (difference <= _SHRUNK * before)))
            fitted = np.where(growing, np.where(fits, 1.0, _best_share(share)), fitted)
            reading, last = _where(fits, longer, reading), _where(growing, longer, last)
            growing &= fits | ~settled
            settled, before = settled | alike, difference
        lengths = 2 ** self._means(np.log2(reading.lengths * fitted), np.full(len(law), longest / 2))
        return self.under(reading.frequency, np.maximum(lengths, np.minimum(self.alone, longest)))

    def _difference(self, reading: Reading, longer: Reading) -> tuple[np.ndarray, np.ndarray]:
        """The mean square of the difference of two readings about each frame, in Hz² and over the variance of the first, (T,) each.

        It is 0 where the first sees little but noise, or other ridges.
        """
        half = longer.lengths / 2
        whole = (self._centres >= half) & (self._centres <= len(self._samples) - half)
        blind = (reading.ratio < _CLEAR) | (reading.lengths < self.alone)
        known, far = (whole & self.sure & ~blind) + 1e-6, _ALONG * reading.lengths
        difference = np.square(longer.frequency - reading.frequency)
        share = np.minimum(difference / np.maximum(np.square(reading.spread), _TINY), _MOST_DIFFERENT)
        weight = self._means(known, far)
        means = (np.where(blind, 0.0, self._means(value * known, far) / weight) for value in (difference, share))
        return next(means), next(means)

    def _means(self, values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Means of values (T,) about each frame, weighted by windows of some lengths (T,) in samples."""
        half = min(max(1, int(lengths.max() / 2 / self._hop)), len(values))
        offsets = np.arange(-half, half + 1)
        frames = np.arange(len(values))[:, None] + offsets
        weights = self._window(offsets * self._hop, lengths[:, None]) * ((frames >= 0) & (frames < len(values)))
        weights[:, half] += _TINY
        return (weights * values[np.clip(frames, 0, len(values) - 1)]).sum(1) / weights.sum(1)

    def _left(self, law: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What is left of the frequency along a path in Hz, the power |S|² there, and half the window's mean square rate
        of change over its mean square: over the power over noise, the variance of the phase's slope; (T,) each."""
        each = np.interp(np.arange(len(self._samples)), self._centres, law)
        turned = self._samples * np.exp(-2j * np.pi / self.plane.sample_rate * (np.cumsum(each) - each / 2))
        step = max(1, _BLOCK // int(lengths.max() + 3))
        blocks = [self._left_in(turned, slice(first, first + step), lengths) for first in range(0, len(lengths), step)]
        turn, power, share = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        return turn * self.plane.sample_rate / (2 * np.pi), power, share

    def _left_in(self, turned: np.ndarray, part: slice, lengths: np.ndarray) -> tuple[np.ndarray, ...]:
        centres, lengths = self._centres[part, None], lengths[part, None]
        half = int(lengths.max() / 2) + 1
        places = np.rint(centres).astype(int) + np.arange(-half, half + 1)
        inside = (places >= 0) & (places < len(turned))
        signal = turned[np.clip(places, 0, len(turned) - 1)] * inside
        later, earlier = (self._window(places - centres - shift, lengths) for shift in (0.5, -0.5))
        ends = (signal * later).sum(1), (signal * earlier).sum(1)
        middle = (later + earlier) / 2
        power = np.square(np.abs(ends[0] + ends[1]) / 2 / np.maximum((middle * inside).sum(1), _TINY))
        share = np.square(later - earlier).sum(1) / np.maximum(np.square(middle).sum(1), _TINY) / 2
        return np.angle(ends[0] * np.conj(ends[1])), power, share

    def _window(self, x: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        window = self.plane.framed.window
        return window.value(torch.as_tensor(x, dtype=torch.float64), torch.as_tensor(lengths)).numpy()


def _where(condition: np.ndarray, one: Reading, other: Reading) -> Reading:
    return Reading(
        *(np.where(condition, getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    )


def _best_share(difference: np.ndarray) -> np.ndarray:
    """The best length over one whose longer neighbour tells something else, by how much: mean square over variance."""
    return np.clip((5.7 / np.maximum(difference - 0.6, 0.1)) ** (1 / 11), 1 / _GROWTH, _GROWTH)
