"""Local concentration: at every point of the plane the window length that makes its surroundings sharpest.

Jones and Parks' measure (IEEE TASSP 38, 1990), for a point and a window length: how concentrated the energy is about it,

    C = Σ g P² / (Σ g P)²,    P = |S|² under that window, g a Gaussian about the point,

computed for log-spaced lengths once, by FFT, and interpolated in log θ afterwards, so that a step costs one read a bin.
The Gaussian's deviations are half of the middle window's length, sqrt(θ_min θ_max)/2, in time, and half of its reciprocal in
frequency, at any rate and on any grid. Twice as large gave the same on tones, chirps and clicks, and blurred onsets.

From each log C that of white noise under the same window is taken off: no length then has an advantage of its own.
Not every point has something to say. In noise C differs between lengths by chance alone; beside a strong component it
speaks of that component's faint end. So each point is weighed by how far its contrast, the greatest log C above their mean,
exceeds what the same transform finds in white noise, and by how its energy compares with the greatest that may leak there.
What has no weight follows its neighbours, by the total variation of θ.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..stft.framed_signal import FramedSignal
from ..stft.log_interpolation import Interpolation, node_count, node_lengths
from .criteria import entropy

PER_OCTAVE = 6.0  # nodes; C is smooth in log θ
_SIZE = 0.5  # of the Gaussian, in middle windows and their reciprocals
_REACH = 2.0  # deviations at which the Gaussian is cut off: further out faint ends would speak for what they belong to
_NOISE_FRAMES = 64
_NOISE_SHARE = 0.999  # of the noise's points that get no more than half of the full weight
_SHARPNESS = 8.0  # how fast weight comes with contrast
_SILENCE = 1e-12  # of the loudest energy; below it is what single precision leaves of nothing


@dataclass(frozen=True)
class WholePlane:
    """What a block has to know of the plane that it is a block of.

    loudest: the loudest power at the shortest window, ().
    usual: the mean log C of white noise at each window length, (B,).
    chance: the contrast that white noise reaches by chance.
    """

    loudest: Tensor
    usual: Tensor
    chance: float


class LocalConcentration:
    """log C of one signal, above that of noise, over the plane and over window lengths, with the weight of each point.

    framed: the signal, its frames, one hop apart, and its window family.
    hop: distance between frames in samples.
    bounds: least and greatest θ in samples.
    on_node: called as on_node(i, B) before node i is computed; a true return ends it there, but not before four nodes.
    plane: what is known of the whole plane, where the signal is a block of it.

    ``longest`` is the longest window length computed, ``calmest`` that of least entropy, in samples. Where the
    computation was stopped, longer windows count as the longest one computed.
    """

    def __init__(
        self,
        framed: FramedSignal,
        hop: float,
        bounds: tuple[float, float],
        on_node: Callable[[int, int], bool | None] | None = None,
        plane: WholePlane | None = None,
    ):
        lengths, surroundings = local_nodes(hop, framed.support, *bounds)
        low, theta_max = lengths[0], bounds[1]
        loudest = None if plane is None else plane.loudest
        values, energy, entropies = _log_concentration(framed, lengths, surroundings, on_node, loudest)
        self.complete = values.shape[-1] == len(lengths)
        lengths = lengths[: values.shape[-1]]
        self.longest, self.calmest = lengths[-1], lengths[entropies.index(min(entropies))]
        usual, chance = (plane.usual, plane.chance) if plane else of_noise(framed, hop, lengths, surroundings)
        values.sub_(usual).nan_to_num_(nan=0.0)
        # What leaks from a component: twice the support over θ in bins, half a window in time.
        nearby = _greatest(energy, math.ceil(2 * framed.support / low), math.ceil(theta_max / 2 / hop))
        self._weights = _gate(_contrast(values), chance) * (energy / nearby).sqrt_() * (energy > 1.01 * _SILENCE)
        self._total = self._weights.sum(dtype=torch.float64)
        self._values, self._table = values, Interpolation(values, lengths)

    @property
    def share(self) -> float:
        """The mean weight of a point, in [0, 1]."""
        return float(self._total) / self._weights.numel()

    def __call__(self, log_theta: Tensor) -> Tensor:
        """The weighted mean of log C, above that of noise, at log2 θ, in nats; differentiable.

        log_theta: θ in samples, of any shape that broadcasts to (F, T). Returns a float64 scalar, 0 where no point has weight.
        """
        known = log_theta if self.complete else log_theta.clamp(max=math.log2(self.longest))
        return _Mean.apply(known, self._table, self._weights, self._total)

    def columns(self, log_theta: Tensor) -> Tensor:
        """Σ w log C at log2 θ (F, T), and Σ w, over each frame: (2, T), float64; differentiable."""
        return torch.stack(
            [_Columns.apply(log_theta, self._table, self._weights), self._weights.sum(0, dtype=torch.float64)]
        )

    def at_nodes(self, here: slice) -> tuple[Tensor, Tensor]:
        """Σ w log C at each node over frequency, (n, B), and over those frames, (F, B)."""
        values = self._values[:, here] * self._weights[:, here, None]
        return values.sum(0, dtype=torch.float64), values.sum(1, dtype=torch.float64)

    def weights(self, here: slice) -> Tensor:
        """The weight of each point of those frames, (F, n)."""
        return self._weights[:, here]


class _Columns(torch.autograd.Function):
    """Σ w log C(θ) over each column, and its derivative by log2 θ."""

    @staticmethod
    def forward(ctx, log_theta, table, weights):
        slopes, total = torch.empty_like(weights), weights.new_zeros(weights.shape[1], dtype=torch.float64)
        for here, place in table.tiles(log_theta.detach()):
            read, slope = table.read(here, place, derivative=True)
            weight = weights[here]
            total += (weight * read[0].view(place.shape)).sum(0, dtype=torch.float64)
            torch.mul(weight, slope[0].view(place.shape), out=slopes[here])
        ctx.save_for_backward(slopes.mul_(table.per_octave))
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        (slopes,) = ctx.saved_tensors
        return slopes * grad.to(slopes.dtype), None, None


class _Mean(torch.autograd.Function):
    """Σ w log C(θ) / Σ w, and its derivative by log2 θ, in one pass."""

    @staticmethod
    def forward(ctx, log_theta, table, weights, total):
        slopes, value = torch.empty_like(weights), torch.zeros_like(total)
        for here, place in table.tiles(log_theta.detach()):
            read, slope = table.read(here, place, derivative=True)
            weight = weights[here].reshape(-1)
            value += (weight * read[0]).sum(dtype=torch.float64)
            torch.mul(weight.view(place.shape), slope[0].view(place.shape), out=slopes[here])
        ctx.factor = torch.where(total > 0, 1 / total, 0.0)
        ctx.save_for_backward(slopes.mul_(table.per_octave))
        ctx.theta_shape = log_theta.shape
        return value * ctx.factor

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        (slopes,) = ctx.saved_tensors
        return (slopes * (grad * ctx.factor).to(slopes.dtype)).sum_to_size(ctx.theta_shape), None, None, None


def local_nodes(hop: float, support: int, theta_min: float, theta_max: float) -> "tuple[list[float], Surroundings]":
    """The window lengths that C is computed for, in samples, and the Gaussian."""
    low = min(theta_min, theta_max / 1.01)  # even a range of nothing needs its four nodes
    middle = math.sqrt(low * theta_max)
    nodes = node_lengths(low, theta_max, node_count(low, theta_max, PER_OCTAVE))
    return nodes, Surroundings(_SIZE * support / middle, _SIZE * middle / hop)


def frames_around(hop: float, support: int, theta_min: float, theta_max: float) -> int:
    """How many frames to each side have a say in what C and its weight are at a point."""
    _, surroundings = local_nodes(hop, support, theta_min, theta_max)
    return len(surroundings.kernels[1]) - 1 + math.ceil(theta_max / 2 / hop)


class Surroundings:
    """A Gaussian about each point of a plane (F, T); bins, frames: its deviations along the axes."""

    def __init__(self, bins: float, frames: float):
        self.kernels = [_half_gaussian(deviation) for deviation in (bins, frames)]

    def mean(self, values: Tensor) -> Tensor:
        """The sum over the Gaussian, of area 1 where none of it lies outside the plane."""
        for axis, kernel in enumerate(self.kernels):
            values = _blurred(values, kernel, axis)
        return values

    def mass(self, values: Tensor) -> Tensor:
        """How much of the Gaussian about each point lies inside the plane: the mean of ones, (F, T)."""
        rows, columns = (
            _blurred(values.new_ones(size), kernel, 0) for kernel, size in zip(self.kernels, values.shape, strict=True)
        )
        return rows.view(-1, 1) * columns


def _half_gaussian(deviation: float) -> list[float]:
    """Weights at 0, 1, 2 … steps from the middle; those of both sides sum to 1."""
    weights = [math.exp(-0.5 * (step / deviation) ** 2) for step in range(max(1, math.ceil(_REACH * deviation)) + 1)]
    total = 2 * sum(weights) - weights[0]
    return [weight / total for weight in weights]


def _blurred(values: Tensor, kernel: list[float], axis: int) -> Tensor:
    """The sum along an axis over a symmetric kernel, by shifted sums: five times as fast as a convolution of one channel."""
    size, total = values.shape[axis], values * kernel[0]
    for step, weight in enumerate(kernel[1 : size + 1], start=1):
        left, right = (slice(None),) * axis + (slice(size - step),), (slice(None),) * axis + (slice(step, None),)
        total[left].add_(values[right], alpha=weight)
        total[right].add_(values[left], alpha=weight)
    return total


def _log_concentration(
    framed: FramedSignal, lengths: list[float], surroundings: Surroundings, on_node=None, scale=None
) -> tuple[Tensor, Tensor, list[float]]:
    """log C (F, T, B), NaN in silence, the energy about each point (F, T), and the entropy at each length.

    energy: the geometric mean over the lengths, relative to the loudest point.
    """
    values = framed.samples.new_empty(*framed.shape, len(lengths))
    energy, mass = torch.zeros_like(values[..., 0]), surroundings.mass(values[..., 0]).log_()
    entropies: list[float] = []
    with torch.no_grad():
        for i, length in enumerate(lengths):
            if on_node is not None and on_node(i, len(lengths)) and i >= 4:
                return values[..., :i].contiguous(), (energy / i).exp_(), entropies
            spectrum = torch.view_as_real(framed.stft(length))
            power = spectrum.square_().sum(-1).mul_(length)  # of windows of equal energy
            entropies.append(entropy(power.sqrt()).item())
            scale = power.max().clamp_min(torch.finfo(power.dtype).tiny) if scale is None else scale
            power /= scale
            around = surroundings.mean(power)
            fourth = surroundings.mean(power.square())
            heard = around > _SILENCE
            about = torch.where(heard, around, 1.0).log_().mul_(-2).add_(mass)
            values[..., i] = torch.where(heard, about.add_(torch.where(heard, fourth, 1.0).log_()), torch.nan)
            energy += torch.where(heard, around, _SILENCE).log_()
    return values, (energy / len(lengths)).exp_(), entropies


def _greatest(energy: Tensor, bins: int, frames: int) -> Tensor:
    """The greatest energy in as many bins up and down, or frames to and fro, (F, T): windows leak along the axes."""
    column = F.max_pool2d(energy[None, None], (2 * bins + 1, 1), 1, (bins, 0))
    row = F.max_pool2d(energy[None, None], (1, 2 * frames + 1), 1, (0, frames))
    return torch.maximum(column, row)[0, 0]


def of_noise(framed: FramedSignal, hop: float, lengths, surroundings) -> tuple[Tensor, float]:
    """What white noise has under the same windows: the mean log C at each length (B,), and the contrast reached by chance."""
    signal, support = framed.samples, framed.support
    positions = torch.arange(_NOISE_FRAMES, dtype=torch.float64, device=signal.device) * hop + support / 2
    samples = support + math.ceil(_NOISE_FRAMES * hop)
    noise = torch.randn(samples, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(signal)
    values, *_ = _log_concentration(replace(framed, samples=noise, positions=positions), lengths, surroundings)
    usual = values.mean((0, 1))
    contrast = _contrast(values - usual).flatten()
    return usual, float(contrast.kthvalue(max(1, round(_NOISE_SHARE * len(contrast)))).values)


def _contrast(values: Tensor) -> Tensor:
    """How far the best length stands out at each point, (F, T), from log C (F, T, B)."""
    return values.amax(-1) - values.mean(-1)


def _gate(contrast: Tensor, chance: float) -> Tensor:
    """From 0 below what chance gives to 1 above it."""
    power = (contrast / max(chance, 1e-6)).pow_(_SHARPNESS)
    return power / (1 + power)
