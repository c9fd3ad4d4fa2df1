"""Local entropy: at every place of the plane the window length that shows its surroundings sharpest.

The evidence D(θ) of a place, in nats, is added up over pairs of neighbouring lengths (``pair_evidence``), from 0 at the shortest one.
Not every place has something to say. In noise D differs between lengths by chance alone: each place counts by how far its
contrast, the greatest D above their mean, exceeds that of white noise. A place without evidence follows its neighbours and,
weakly, the constant length with the most evidence.

Window lengths are chosen on a coarse working grid, of less than a window's length in time and frequency, and interpolated to
the plane. They are smooth by a total variation against means over 1 and 4 units in place of next neighbours, whose noise
is correlated; a place speaks to its neighbours as loud as its evidence and, gently, its energy allow. A unit is half of the
middle window length sqrt(θ_min θ_max) in time, and its reciprocal in frequency.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ..stft.log_interpolation import Interpolation, node_count, node_lengths
from ..stft.windows import Window
from .gaussian_means import apply_to, gaussian_rows, linear_rows
from .pair_evidence import Samples, compare_lengths, powers

PER_OCTAVE = 6.0  # nodes; D is smooth in log θ
_FINEST, _COARSEST, _PLACES = 0.35, 0.7, 120_000  # steps of the working grid in units; places between the two
_SHARPNESS = 7.2  # evidence per nat, in units of the contrast of white noise over three octaves, halved
_CHANCE, _STEEPNESS = 3.5, 6.0  # contrast with half weight in those units, for three octaves; how fast weight comes with contrast
_LOUDNESS, _LEAST_VOICE = 0.25, 0.003  # power of energy in what a place says to its neighbours; what one without evidence says
_CALM = 0.1 / _SHARPNESS  # nats an octave: pull to the constant length, where there is no evidence
_BROAD = 4.0  # units
_ANCHOR = 1 / 3  # weight of the broad mean, of that of the near one
_SWEEPS, _FINAL = 16, 0.35  # sweeps of the start; units of the mean that ends them
LAMBDA, EPSILON = 3.0 / _SHARPNESS, 0.3  # nats an octave, and octaves: weight and rounding of the total variation
_TINY = 1e-30


@dataclass(frozen=True)
class WorkingGrid:
    """The places at which window lengths are chosen: every few bins and frames of a plane.

    shape: (F, T) of the plane.
    support, hop: in samples.
    bounds: least and greatest θ in samples.
    """

    shape: tuple[int, int]
    support: int
    hop: float
    bounds: tuple[float, float]

    @property
    def unit(self) -> float:
        """Half of the middle window length, in samples."""
        return math.sqrt(self.bounds[0] * self.bounds[1]) / 2

    @property
    def per_unit(self) -> tuple[float, float]:
        """Bins, and frames, of a unit."""
        return self.support / self.unit, self.unit / self.hop

    @cached_property
    def steps(self) -> tuple[int, int]:
        """Bins, and frames, between places."""
        units = [size / per for size, per in zip(self.shape, self.per_unit, strict=True)]
        step = min(_COARSEST, max(_FINEST, math.sqrt(units[0] * units[1] / _PLACES)))
        return tuple(max(1, round(step * per)) for per in self.per_unit)

    @property
    def places(self) -> tuple[int, int]:
        """(f, t): the number of places over frequency and over time."""
        return tuple(1 + (size - 1) // step for size, step in zip(self.shape, self.steps, strict=True))

    def deviations(self, units: float) -> tuple[float, float]:
        """So many units, in steps of the grid over frequency and over time."""
        return tuple(units * per / step for per, step in zip(self.per_unit, self.steps, strict=True))

    def to_plane(self, values: Tensor) -> Tensor:
        """Values at the places, (1 or f, 1 or t), interpolated linearly to the plane: (1 or F, 1 or T)."""
        rows, columns = (
            linear_rows(torch.arange(size if count > 1 else 1) / step, count, values)
            for size, count, step in zip(self.shape, values.shape, self.steps, strict=True)
        )
        return apply_to(values, rows, columns)

    def at_places(self, values: Tensor) -> Tensor:
        """Values on the plane, (1 or F, 1 or T), at the places: (1 or f, 1 or t)."""
        return values[:: self.steps[0], :: self.steps[1]]


@dataclass(frozen=True)
class Evidence:
    """What a recording says of window lengths at the places of a working grid.

    lengths: B window lengths in samples, uniform in log θ.
    values: D in nats, (B, f, t), 0 at the shortest length.
    energy: the energy about each place, (f, t), on any scale.
    """

    lengths: list[float]
    values: Tensor
    energy: Tensor

    @property
    def gate(self) -> Tensor:
        """How far each place has evidence, 0 to 1, (f, t)."""
        octaves = math.log2(self.lengths[-1] / self.lengths[0])
        contrast = (self.values.amax(0) - self.values.mean(0)).clamp_min(1e-6)
        chance = _CHANCE * math.sqrt(octaves / 3) / _SHARPNESS
        return 1 / (1 + (chance / contrast) ** _STEEPNESS)


def find_evidence(
    samples: Samples,
    grid: WorkingGrid,
    columns: tuple[int, int],
    window: Window,
    greatest: float,
    on_node: Callable[[int, int], bool | None] | None = None,
) -> Evidence:
    """The evidence at some columns of a working grid.

    samples: of the recording.
    columns: (first, last + 1) column of the grid.
    window: the family.
    greatest: the power that counts as 1, from ``greatest_power``.
    on_node: called as on_node(i, B) before node i is computed; a true return ends it there, but not before four nodes.
    """
    low = min(grid.bounds[0], grid.bounds[1] / 1.01)  # even a range of nothing needs its four nodes
    lengths = node_lengths(low, grid.bounds[1], node_count(low, grid.bounds[1], PER_OCTAVE))
    frequencies = torch.arange(grid.places[0]) * (grid.steps[0] / grid.support)
    times = torch.arange(*columns, dtype=torch.float64) * (grid.steps[1] * grid.hop)
    span = math.floor(times[0]), math.ceil(times[-1]) + 1
    values, logs = [], 0.0
    for i, pair in enumerate(zip(lengths[:-1], lengths[1:], strict=True)):
        if on_node is not None and on_node(i, len(lengths)) and i >= 4:
            break
        found = compare_lengths(samples, span, pair, window, greatest)
        rows = linear_rows(frequencies / found.frequency_step, found.evidence.shape[0], found.evidence)
        places = linear_rows((times - found.start) / found.time_step, found.evidence.shape[1], found.evidence)
        here = apply_to(found.evidence, rows, places)
        values.append(here if not values else values[-1] + here)
        logs = logs + apply_to(found.energy, rows, places).clamp_min(_TINY).log()
    count = len(values)
    values = torch.stack([torch.zeros_like(values[0]), *values])
    return Evidence(lengths[: count + 1], values, (logs / count).exp())


def greatest_power(samples: Samples, length: int, shortest: float, window: Window) -> float:
    """The greatest power under the shortest window.

    samples: of the recording.
    length: N.
    shortest: window length in samples.
    window: the family.
    """
    support, hop = max(4, 2 ** math.ceil(math.log2(shortest))), max(1, round(shortest / 4))
    frames, most = (length - 1) // hop + 1, max(1, (1 << 22) // support)
    ranges = [(first, min(first + most, frames)) for first in range(0, frames, most)]
    return max(float(powers(samples, one, hop, support, (shortest,), window)[0].max()) for one in ranges) or _TINY


class LocalEntropy:
    """The loss ``local-entropy`` of a recording, or of some columns of its working grid, in one of the window modes.

    evidence: at the places.
    grid: the working grid.
    shape: (1 or f, 1 or t): over which axes θ varies.
    calm: log2 of the constant length in samples to which places without evidence are drawn; None finds it.
    """

    def __init__(self, evidence: Evidence, grid: WorkingGrid, shape: tuple[int, int], calm: float | None = None):
        self.grid, self.shape = grid, shape
        gate = evidence.gate
        gated = evidence.values * gate
        self.log_lengths = torch.tensor(evidence.lengths, dtype=torch.float64).log2().to(gate)
        self.calm = float(self.log_lengths[gated.mean((1, 2)).argmax()]) if calm is None else calm
        self.share = max(float(gate.mean()), _LEAST_VOICE)
        away = (self.log_lengths - self.calm).abs()[:, None, None]
        axes = tuple(axis for axis, size in enumerate(shape) if size == 1)
        values = (gated - _CALM * (1 - gate) * away).mean([1 + axis for axis in axes], keepdim=True) if axes else (
            gated - _CALM * (1 - gate) * away
        )
        energy = evidence.energy**_LOUDNESS
        self.voice = energy * (gate + _LEAST_VOICE)
        for axis in axes:
            self.voice = self.voice.sum(axis, keepdim=True)
        self.count = gate.numel() // max(1, values[0].numel())  # places that share one θ
        self._values = values
        self._table = Interpolation(values.movedim(0, -1).contiguous(), evidence.lengths)
        self._near, self._broad = (self._means(units) for units in (1.0, _BROAD))

    def _means(self, units: float) -> Callable[[Tensor], Tensor]:
        """The mean of log2 θ about each place, weighed by what the places say."""
        blur = self._blur(units)
        about = blur(self.voice) + _TINY
        return lambda log_theta: blur(self.voice * log_theta) / about

    def _blur(self, units: float) -> Callable[[Tensor], Tensor]:
        rows, columns = (
            gaussian_rows(range(size), size, deviation, self.voice)
            for size, deviation in zip(self.voice.shape, self.grid.deviations(units), strict=True)
        )
        return lambda values: apply_to(values, rows, columns)

    def variation(self, log_theta: Tensor, epsilon: float = EPSILON) -> Tensor:
        """The mean distance of log2 θ from its means about each place, in octaves, rounded at 0: a scalar.

        log_theta: at the places, in the shape of the mode.
        """
        near, broad = (_rounded(log_theta - mean(log_theta), epsilon) for mean in (self._near, self._broad))
        return (near + _ANCHOR * broad).mean(dtype=torch.float64)

    def __call__(self, log_theta: Tensor) -> Tensor:
        """Minus the mean evidence for θ over all places, in nats, differentiable: a scalar."""
        return -_Mean.apply(log_theta, self._table)

    def start(self, weight: float = LAMBDA, sweeps: int = _SWEEPS) -> Tensor:
        """log2 θ at the places near the least loss, by mean-field sweeps."""
        lengths = self.log_lengths[:, None, None]
        evidence = _SHARPNESS * self._values * self._pooled
        blur = self._blur(_BROAD)
        first = torch.stack([blur(one * self.voice) for one in evidence]) / (blur(self.voice) + _TINY) * 3
        log_theta = (torch.softmax(first - first.amax(0), 0) * lengths).sum(0)
        for sweep in range(sweeps):
            cost = evidence.clone()
            for scale, mean in ((1.0, self._near), (_ANCHOR, self._broad)):
                cost -= _SHARPNESS * weight * scale * _rounded(lengths - mean(log_theta), EPSILON)
            sharper = 2 if sweep >= sweeps - 4 else 1
            log_theta = (torch.softmax(cost * sharper, 0) * lengths).sum(0)
        return self._means(_FINAL)(log_theta)

    @property
    def _pooled(self) -> float:
        return math.sqrt(self.count)


def _rounded(distance: Tensor, epsilon: float) -> Tensor:
    return (distance.square() + epsilon**2).sqrt() - epsilon


class _Mean(torch.autograd.Function):
    """The mean of a table (f, t, B) at log2 θ, and its derivative by log2 θ."""

    @staticmethod
    def forward(ctx, log_theta, table):
        slopes, total = torch.empty(table.shape, dtype=log_theta.dtype, device=log_theta.device), 0.0
        for here, place in table.tiles(log_theta.detach()):
            read, slope = table.read(here, place, derivative=True)
            total = total + read.sum(dtype=torch.float64)
            slopes[here] = slope[0].view(place.shape)
        ctx.save_for_backward(slopes.mul_(table.per_octave / slopes.numel()))
        ctx.theta_shape = log_theta.shape
        return total / slopes.numel()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        (slopes,) = ctx.saved_tensors
        return (slopes * grad.to(slopes.dtype)).sum_to_size(ctx.theta_shape), None
