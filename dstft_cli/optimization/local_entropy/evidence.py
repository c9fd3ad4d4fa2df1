"""What a recording says of window lengths at the places of a working grid: evidence in nats, added up over pairs of lengths."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...stft.log_interpolation import node_count, node_lengths
from ...stft.windows import Window
from .gaussian_means import apply_to, linear_rows
from .loudness import Loudness, smooth_step
from .pair_evidence import Comparison, Samples, compare_lengths
from .working_grid import WorkingGrid

PER_OCTAVE = 4.0  # nodes; the evidence is smooth in log θ
SHARPNESS = 7.2  # units of evidence in a nat; in white noise the contrast over three octaves is typically half a unit
_CHANCE, _STEEPNESS = 3.5, 6.0  # contrast that has half of the weight, in units; how fast weight comes with contrast
_LOUDNESS, LEAST_VOICE = 0.25, 0.01  # power of energy in what a place says; what one without evidence says
_FALLS = 2  # times that a fall counts on the way from the calm length to a longer one
_SILENCE = 8  # power of what a weight lacks of 1: a place that says a little is hardly drawn to the calm length
_PERIODS = 1.5  # of a frequency in a window, from which on evidence counts in full
_OUTSIDE = 1e-4  # what a place says that does not count, of what it would say
_TINY = 1e-30


@dataclass(frozen=True)
class Evidence:
    """The evidence for each window length at some columns of a working grid.

    lengths: B window lengths in samples, uniform in log θ.
    values: D in nats, (B, f, t), 0 at the shortest length.
    energy: the energy about each place, (f, t), on any scale.
    levels: that under each length, (B, f, t), relative to the greatest power; None where it is not kept.
    heard: how surely each place stands out of the noise, (f, t), 0 to 1; 1 for all.
    hidden: how surely another window than the constant one shows each place, (f, t), 0 to 1; None for not at all.
    inside: 1 for places that count and 0 for others, (f, t); None where all count.
    share: of all places of the recording, those that count.
    """

    lengths: list[float]
    values: Tensor
    energy: Tensor
    levels: Tensor | None = None
    heard: Tensor | float = 1.0
    hidden: Tensor | None = None
    inside: Tensor | None = None
    share: float = 1.0

    def nearest(self, log_length: float) -> int:
        """The number of the length nearest to one given by its log2, in samples."""
        return min(range(len(self.lengths)), key=lambda i: abs(math.log2(self.lengths[i]) - log_length))

    def votes(self, shape: tuple[int, int], here: slice = slice(None), calm: float | None = None) -> "Votes":
        """The votes of the places, summed over the axes along which θ does not vary.

        A place votes for a longer window than one that shows it well only as far as the evidence exceeds the deepest fall in
        between: impacts stay impacts, though windows over several of them see their rhythm as lines. A fall between the calm
        length and a longer one counts twice: few places should show lines where most show impacts. A place that does not
        stand out of the noise does not vote: an eye sees its grain, not its width. It does vote where another window shows
        what the constant one hides.

        shape: (1 or f, 1 or t).
        here: the columns that count.
        calm: log2 of the constant length in samples with the most evidence; None where it is not known yet.
        """
        earned = self.values.clone()
        _take_falls(earned, self.values, 1)
        if calm is not None:
            first = self.nearest(calm)
            _take_falls(earned[first:], self.values[first:], _FALLS - 1)
        weight = beyond_chance(self.values.amax(0) - self.values.mean(0), self.lengths)
        counts = weight * self.heard
        if self.hidden is not None:
            counts = torch.maximum(counts, self.hidden)
        voice = self.energy**_LOUDNESS * (counts + LEAST_VOICE)
        if self.inside is not None:  # other places hardly speak, and only against change
            weight, counts, voice = weight * self.inside, counts * self.inside, voice * (self.inside + _OUTSIDE)
        planes = (earned.mul_(voice * counts), voice * (1 - counts) ** _SILENCE, voice, weight / self.share)
        planes = [plane[..., here] for plane in planes]
        for axis in (-2, -1):
            if shape[axis] == 1:
                planes = [plane.sum(axis, keepdim=True) for plane in planes]
        return Votes(self.lengths, *planes, self.energy[:, here].numel() // planes[1].numel())


@dataclass(frozen=True)
class Votes:
    """Sums over the places that share one θ.

    In noise the evidence differs between lengths by chance alone: each place counts by how far its contrast, the greatest
    evidence above their mean, exceeds that of white noise, its weight. Its voice, the louder it is and the more weight it
    has, says how much it counts beside other places.

    lengths: B window lengths in samples.
    evidence: D times weight and voice, in nats, where a place is heard, (B, 1 or f, 1 or t).
    doubt: voice times a power of what the weight, where a place is heard, lacks of 1, (1 or f, 1 or t).
    voice: (1 or f, 1 or t).
    weight: heard or not, (1 or f, 1 or t).
    count: places that share one θ.
    """

    lengths: list[float]
    evidence: Tensor
    doubt: Tensor
    voice: Tensor
    weight: Tensor
    count: int

    @property
    def share(self) -> float:
        """The mean weight of a place, 0 to 1."""
        return float(self.weight.mean()) / self.count

    @property
    def _planes(self) -> tuple[Tensor, ...]:
        return self.evidence, self.doubt, self.voice, self.weight

    def joined(self, other: "Votes", axis: int) -> "Votes":
        """With those of the columns that follow: axis 1 joins θ that varies over time, another axis adds up θ that does not."""
        pairs = zip(self._planes, other._planes, strict=True)
        if axis == 1:
            return Votes(self.lengths, *(torch.cat(pair, -1) for pair in pairs), self.count)
        sums = (one + another for one, another in pairs)
        return Votes(self.lengths, *sums, self.count + other.count)

    def padded(self, columns: int) -> "Votes":
        """With those of so many columns that follow and say nothing."""
        planes = (torch.nn.functional.pad(plane, (0, columns)) for plane in self._planes)
        return Votes(self.lengths, *planes, self.count)


def beyond_chance(contrast: Tensor, lengths: list[float]) -> Tensor:
    """How surely a contrast between lengths is greater than what white noise makes by chance: 0 to 1.

    contrast: evidence in nats, any shape.
    lengths: those compared, increasing.
    """
    chance = _CHANCE / SHARPNESS * math.sqrt(math.log2(lengths[-1] / lengths[0]) / 3)
    return 1 / (1 + (chance / contrast.clamp_min(1e-6)) ** _STEEPNESS)


def _take_falls(earned: Tensor, values: Tensor, times: float) -> None:
    """Take from what each length earns, (B, f, t), so many times the deepest fall of the evidence between lengths up to it."""
    highest, fall = values[0].clone(), torch.zeros_like(values[0])
    for own, value in zip(earned, values, strict=True):
        torch.maximum(highest, value, out=highest)
        torch.maximum(fall, highest - value, out=fall)
        own.sub_(fall, alpha=times)


def _apart_from_mirror(frequencies: Tensor, length: float) -> Tensor:
    """How far evidence counts: 0 at frequency 0 and at half the sampling rate, 1 from one and a half periods a window on.

    At the ends a signal and its mirror image at the negative frequencies share a window: noise does not look alike under two
    lengths there.

    frequencies: in cycles per sample, (f,).
    length: of a window in samples.
    """
    return smooth_step(torch.minimum(frequencies, 0.5 - frequencies) * length / _PERIODS)


def find_evidence(
    samples: Samples,
    count: int,
    grid: WorkingGrid,
    columns: tuple[int, int],
    window: Window,
    loudness: Loudness,
    on_node: Callable[[int, int], bool | None] | None = None,
) -> Evidence:
    """The evidence at some columns of a working grid.

    samples: of the recording.
    count: N of the recording.
    grid: the working grid.
    columns: (first, last + 1) column of the grid.
    window: the family.
    loudness: of the recording.
    on_node: called as on_node(i, B) before node i is computed; a true return ends it there, but not before four nodes.
    """
    lengths = node_lengths(*grid.bounds, node_count(*grid.bounds, PER_OCTAVE))
    times = grid.times(*columns)
    span = math.floor(times[0]), math.ceil(times[-1]) + 1
    values, levels = [], []
    for i, pair in enumerate(itertools.pairwise(lengths)):
        if on_node is not None and on_node(i, len(lengths)) and i >= 4:
            break
        found = compare_lengths(samples, count, span, pair, window, loudness.greatest)
        places = _places(found, grid, times)
        middle = math.sqrt(pair[0] * pair[1])
        here = (
            apply_to(found.evidence, *places) * _apart_from_mirror(grid.frequencies, middle).to(found.evidence)[:, None]
        )
        values.append(here if not values else values[-1] + here)
        levels.append(apply_to(found.energy, *places).clamp_min(_TINY))
    energy = (sum(level.log() for level in levels) / len(levels)).exp()
    values = torch.stack([torch.zeros_like(values[0]), *values])
    levels = torch.stack([levels[0], *levels, levels[-1]]).sqrt_()
    levels = levels[:-1] * levels[1:]  # the energy of a pair is the geometric mean of that under both of its lengths
    return Evidence(lengths[: len(values)], values, energy, levels, loudness.heard(energy))


def _places(found: Comparison, grid: WorkingGrid, times: Tensor) -> list[Tensor]:
    """What reads a comparison at the places of a working grid."""
    axes = grid.frequencies / found.frequency_step, (times - found.start) / found.time_step
    return [linear_rows(at, n, found.evidence) for at, n in zip(axes, found.evidence.shape, strict=True)]
