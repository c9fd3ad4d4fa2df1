"""The loss: minus the evidence for the window length at each place, plus a total variation of the lengths.

A place without evidence follows its neighbours and, weakly, the constant length with the most evidence. The variation is
measured against means about a place: next neighbours would drift with the noise that they share. There are two near means, one
along frequency and one along time, of which the nearer counts: an onset agrees with itself, and so does a partial that it
crosses. A broad mean over 4 units counts a third as much.
"""

import math
from functools import reduce

import torch
from torch import Tensor

from ...stft.log_interpolation import Interpolation
from .evidence import SHARPNESS, Votes
from .gaussian_means import Means, gaussian_rows
from .working_grid import WorkingGrid

LAMBDA, EPSILON = 0.45, 0.1  # nats an octave, and octaves: weight and rounding of the variation
_CALM = 3.0 / SHARPNESS  # nats an octave: pull to the constant length, where there is no evidence
_ALONG, _ACROSS = 0.6, 0.25  # units: deviations of the near means
_NEAR, _BROAD = ((_ALONG, _ACROSS), (_ACROSS, _ALONG)), (4.0, 4.0)  # units of frequency and of time
_ANCHOR = 1 / 3  # weight of the broad mean, in those of the near ones
_SWEEPS, _LAST = 16, 4  # sweeps of the start, and sharp ones at their end
_FINAL = (0.35, 0.35)  # units of the mean that smooths the lengths after the sweeps
_FIRST = 3.0  # sharpness of the broad mean of the evidence that the sweeps set out from
_AT_BOUND = 0.1  # octaves
_CHANCE, _CHANCE_SHORT, _CHANCE_FEW = 0.012, 0.3, 1.2  # mean weight that white noise does not reach, see _chance_share
_TINY = 1e-30


class LocalEntropy:
    """The loss ``local-entropy`` of a recording, or of some columns of its working grid.

    votes: of the places, in the shape in which θ varies.
    grid: the working grid.
    usual: log2 of the length in samples that is taken where nothing speaks for another.
    calm: log2 of the constant length in samples to which places without evidence are drawn; None takes that with the most
        evidence.

    ``voice`` is how loud the places speak, (1 or f, 1 or t); ``speaks`` False where they say no more than those of white noise;
    ``calm`` as above.
    """

    def __init__(self, votes: Votes, grid: WorkingGrid, usual: float, calm: float | None = None):
        self.grid, self.voice = grid, votes.voice + _TINY
        self._log_lengths = torch.tensor(votes.lengths, dtype=torch.float64).log2().to(votes.voice)
        self._weights = (self.voice / self.voice.sum(dtype=torch.float64)).to(self.voice.dtype)
        self.speaks = votes.share > _chance_share(votes)
        self.calm = self._calmest(votes, usual) if calm is None else calm
        pull = _CALM * (self._log_lengths - self.calm).abs()
        self._values = votes.doubt * pull[:, None, None]
        torch.sub(votes.evidence, self._values, out=self._values).div_(self.voice)
        self._table = Interpolation(self._values.movedim(0, -1).contiguous(), votes.lengths)
        self.longest = votes.lengths[-1]
        # Places that share one θ speak for it together; their noise adds up like their root.
        self._together = math.sqrt(votes.count)
        self._near = [units for units, size in zip(_NEAR, self.shape, strict=True) if size > 1] or _NEAR[:1]
        self._blur = {units: self._gaussian(units) for units in (*self._near, _BROAD, _FINAL)}
        self._voices = {units: blur(self.voice) + _TINY for units, blur in self._blur.items()}

    def _calmest(self, votes: Votes, usual: float) -> float:
        """log2 of the constant length with the most evidence; the usual one where hardly a place speaks."""
        return float(self._log_lengths[votes.evidence.sum((1, 2)).argmax()]) if self.speaks else usual

    @property
    def shape(self) -> tuple[int, int]:
        """(1 or f, 1 or t) of θ."""
        return tuple(self.voice.shape)

    def __call__(self, log_theta: Tensor) -> Tensor:
        """Minus the mean evidence for log2 θ, in nats, weighed by voice; differentiable: a scalar.

        log_theta: θ in samples at the places, of any shape that broadcasts to that of the loss.
        """
        return -_Mean.apply(log_theta.clamp(max=math.log2(self.longest)), self._table, self._weights)

    def variation(self, log_theta: Tensor, epsilon: float) -> Tensor:
        """The mean distance of log2 θ from its means about each place, in octaves, weighed by voice; differentiable: a scalar.

        log_theta: at the places, in the shape of the loss; a constant has none.
        epsilon: octaves at which the distance is rounded.
        """
        if log_theta.numel() == 1:
            return log_theta.new_zeros((), dtype=torch.float64)
        return (self._weights * self._distances(log_theta, epsilon)).sum(dtype=torch.float64)

    def costs(self, log_theta: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
        """Minus the evidence, and the variation, times the voice of each place, summed over frequency: (t,) float64 each.

        log_theta, epsilon: as for ``variation``.
        """
        with torch.no_grad():
            tiles = self._table.tiles(log_theta)
            reads = [self._table.read(here, place, derivative=False)[0].view(place.shape) for here, place in tiles]
            planes = -torch.cat(reads), self._distances(log_theta, epsilon)
            value, variation = ((self.voice * plane).sum(0, dtype=torch.float64) for plane in planes)
            return value, variation

    def _distances(self, log_theta: Tensor, epsilon: float) -> Tensor:
        middle, half = self._near_means(log_theta)
        near = (log_theta - middle).abs() - half
        broad = log_theta - self._mean(log_theta, _BROAD)
        return (_rounded(near, epsilon) + _ANCHOR * _rounded(broad, epsilon)) / self._together

    def _near_means(self, log_theta: Tensor) -> tuple[Tensor, Tensor]:
        """The middle between the near means at each place, and half of the distance between them: (f, t) each.

        A length x is ``abs(abs(x - middle) - half)`` away from the nearer mean.
        """
        means = [self._mean(log_theta, units) for units in self._near]
        return sum(means) / len(means), (means[0] - means[-1]).abs() / 2

    def at_bounds(self, log_theta: Tensor) -> tuple[float, float]:
        """The shares, 0 to 1, of what all places say that are at the shortest and at the longest window.

        log_theta: at the places, of any shape that broadcasts to that of the loss.
        """
        total = self.voice.sum() + _TINY
        near = ((log_theta - bound).abs() < _AT_BOUND for bound in (self._log_lengths[0], self._log_lengths[-1]))
        shortest, longest = (float((self.voice * there).sum() / total) for there in near)
        return shortest, longest

    def start(self, weight: float, epsilon: float) -> Tensor:
        """log2 θ at the places near the least loss, by mean-field sweeps.

        weight: of the variation, in nats an octave.
        epsilon: as for ``variation``.
        """
        lengths, sharpness = self._log_lengths.tolist(), SHARPNESS * self._together
        merit = torch.empty_like(self._values)  # the one plane of all lengths that the sweeps need beside the evidence
        for own, value in zip(merit, self._values, strict=True):
            torch.mul(self._mean(value, _BROAD), _FIRST * sharpness, out=own)
        log_theta, distance = self._soft_best(merit), torch.empty_like(self.voice)
        for sweep in range(_SWEEPS):
            (middle, half), broad = self._near_means(log_theta), self._mean(log_theta, _BROAD)
            for own, value, length in zip(merit, self._values, lengths, strict=True):
                # In place, and without the constant of ``_rounded``, which favours no length.
                torch.mul(value, sharpness, out=own)
                torch.sub(middle, length, out=distance).abs_().sub_(half).square_().add_(epsilon**2).sqrt_()
                own.sub_(distance, alpha=SHARPNESS * weight)
                torch.sub(broad, length, out=distance).square_().add_(epsilon**2).sqrt_()
                own.sub_(distance, alpha=SHARPNESS * weight * _ANCHOR)
            if sweep >= _SWEEPS - _LAST:
                merit *= 2
            log_theta = self._soft_best(merit)
        return self._mean(log_theta, _FINAL)

    def _soft_best(self, merit: Tensor) -> Tensor:
        """The mean log2 length weighed by the exponential of its merit, (B, f, t), which is overwritten: (f, t)."""
        merit.sub_(reduce(torch.maximum, merit)).exp_()  # amax and sum over the first axis take four times as long
        total, count = torch.zeros_like(merit[0]), torch.zeros_like(merit[0])
        for own, length in zip(merit, self._log_lengths.tolist(), strict=True):
            total.add_(own, alpha=length)
            count.add_(own)
        return total / count

    def _mean(self, values: Tensor, units: tuple[float, float]) -> Tensor:
        """The mean of values, (f, t), about each place, weighed by what the places say; units: of frequency and of time."""
        return self._blur[units](self.voice * values) / self._voices[units]

    def _gaussian(self, units: tuple[float, float]) -> Means:
        deviations = self.grid.deviations(units)
        rows, columns = (
            gaussian_rows(range(size), size, deviation, self.voice)
            for size, deviation in zip(self.shape, deviations, strict=True)
        )
        return Means(rows, columns)


def _chance_share(votes: Votes) -> float:
    """The mean weight of a place that white noise does not reach: more where windows are short, and where places are few.

    White noise has 0.012 to 0.030 with shortest windows of 64 to 16 samples on 120 000 to 10 000 places, 0.046 with 8 samples.
    """
    return _CHANCE + _CHANCE_SHORT / votes.lengths[0] + _CHANCE_FEW / math.sqrt(votes.weight.numel() * votes.count)


def _rounded(distance: Tensor, epsilon: float) -> Tensor:
    return (distance.square() + epsilon**2).sqrt() - epsilon


class _Mean(torch.autograd.Function):
    """The weighted mean of a table (f, t, B) at log2 θ, and its derivative by log2 θ; weights: (f, t), of sum 1."""

    @staticmethod
    def forward(ctx, log_theta, table, weights):
        slopes, total = torch.empty_like(weights), 0.0
        for here, place in table.tiles(log_theta.detach()):
            read, slope = table.read(here, place, derivative=True)
            weight = weights[here]
            total = total + (weight * read[0].view(place.shape)).sum(dtype=torch.float64)
            torch.mul(weight, slope[0].view(place.shape), out=slopes[here])
        ctx.save_for_backward(slopes.mul_(table.per_octave))
        ctx.theta_shape = log_theta.shape
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        (slopes,) = ctx.saved_tensors
        return (slopes * grad.to(slopes.dtype)).sum_to_size(ctx.theta_shape), None, None
