"""The normal equations Aᴴ W A x = Aᴴ W S of a plane, formed block by block: what of the plane is in memory is one block.

A is the transform, and W the weights θ of the points; of the two-sided plane the inner bins stand for two.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from .frames import Frames
from .interpolated_transform import InterpolatedTransform
from .log_interpolation import node_count, node_lengths
from .plane import Plane, plane_blocks
from .transform import dstft, dstft_adjoint
from .windows import Window

_LEAST_WEIGHT = {torch.float32: 1e-6, torch.float64: 1e-8}  # of a sample, over the greatest, or it is not covered
_DENSITY = 6.0  # nodes an octave among which the diagonal shares the weights


class ExactTransform:
    """The transform by FFT, or by sums where θ varies over frequency, as InterpolatedTransform offers it."""

    def __init__(self, window: Window):
        self.window = window

    def forward(self, signal: Tensor, theta: Tensor, frames: Frames) -> Tensor:
        """S of a signal, (F, T) complex; parameters as for InterpolatedTransform."""
        return dstft(signal, theta, frames, frames.support, self.window)

    def adjoint(self, spectrum: Tensor, theta: Tensor, frames: Frames, samples: int) -> Tensor:
        """The adjoint of ``forward``, (samples,); parameters as for InterpolatedTransform."""
        return dstft_adjoint(spectrum, theta, frames, samples, self.window)


Operator = ExactTransform | InterpolatedTransform


class NormalEquations:
    """The weights of one plane, their diagonal, and the samples that are covered.

    theta: window lengths in samples, (1 or F, 1 or T).
    frames: T frames of L samples.
    window: the window family.
    length: N.

    ``bounds`` are the least and the greatest length; ``precondition`` the inverse diagonal, (N,), 0 where no window sees the
    signal, which ``seen`` tells; ``closed`` is True where the diagonal is all.
    """

    def __init__(self, theta: Plane, frames: Frames, window: Window, length: int):
        self.theta, self.frames, self.window, self.length = theta, frames, window, length
        self.dtype, self.closed = theta.dtype, theta.shape[0] == 1
        self.ranges = plane_blocks(frames.support // 2 + 1, len(frames))
        ends = [(float(low), float(high)) for _, block in self._lengths() for low, high in [block.aminmax()]]
        self.bounds = min(low for low, _ in ends), max(high for _, high in ends)
        sides = torch.full((frames.support // 2 + 1, 1), 2.0, dtype=self.dtype, device=theta.device)
        sides[0] = sides[-1] = 1.0
        self._sides = sides / math.sqrt(self.bounds[0] * self.bounds[1])
        diagonal = self._diagonal()
        self.seen = diagonal > _LEAST_WEIGHT[self.dtype] * diagonal.max()
        self.precondition = torch.where(self.seen, 1 / diagonal, 0.0)

    def _lengths(self) -> Iterator[tuple[tuple[int, int], Tensor]]:
        """The range of frames and θ of each block."""
        for ends in self.ranges:
            yield ends, self.theta.block(*ends)

    def _diagonal(self) -> Tensor:
        """Σ_mn w_mn ω(k - t_n, θ_mn)² at each sample k, (N,).

        It is exact where θ does not vary over frequency. Elsewhere the weights are shared between a few window lengths,
        which preconditions as well.
        """
        total = torch.zeros(self.length, dtype=self.dtype, device=self.theta.device)
        for (first, last), theta in self._lengths():
            begin, end, frames = self.frames.near(first, last, self.length)
            total[begin:end] += frames.scatter(self._energies(theta, frames)[None], end - begin)[0]
        return total

    def _energies(self, theta: Tensor, frames: Frames) -> Tensor:
        """What each sample of each frame adds to the diagonal, (T, L)."""
        taps, weights = frames.taps(self.dtype), self._sides * theta
        total = taps.new_zeros(len(frames), frames.support)
        if self.closed:
            return total + weights.sum(0)[:, None] * self.window.value(taps, theta.reshape(-1, 1)) ** 2
        low, high = min(self.bounds[0], self.bounds[1] * 2**-0.1), self.bounds[1]
        count = node_count(low, high, _DENSITY)
        position = (theta / low).log2() * ((count - 1) / math.log2(high / low))  # counted in nodes
        node = position.to(torch.int64).clamp_(0, count - 2)
        t = (position - node).clamp_(0, 1)
        shares = taps.new_zeros(count, node.shape[1])
        shares.scatter_add_(0, node, weights * (1 - t)).scatter_add_(0, node + 1, weights * t)
        for i, length in enumerate(node_lengths(low, high, count)):
            total += shares[i][:, None] * self.window.value(taps, taps.new_tensor(length)) ** 2
        return total

    def normal(self, operator: Operator, signal: Tensor) -> Tensor:
        """Aᴴ W A x, (N,), of a signal x (N,)."""
        return self.pull(operator, None, -signal)[0]

    def pull(self, operator: Operator, spectrum: Plane | None, signal: Tensor | None) -> tuple[Tensor, float, float]:
        """Aᴴ W (S - A x), (N,), and the weighted energies of S - A x and of S.

        operator: A.
        spectrum: S, (F, T); None for 0.
        signal: x, (N,); None for 0.
        """
        total = torch.zeros(self.length, dtype=self.dtype, device=self.theta.device)
        energies = [0.0, 0.0]
        for (first, last), theta in self._lengths():
            begin, end, frames = self.frames.near(first, last, self.length)
            weights, misfit = self._sides * theta, 0.0
            if spectrum is not None:
                misfit = spectrum.block(first, last)
                energies[1] += _energy(weights, misfit)
            if signal is not None:
                misfit = misfit - operator.forward(signal[begin:end], theta, frames)
            energies[0] += _energy(weights, misfit) if spectrum is not None else 0.0
            total[begin:end] += operator.adjoint(weights * misfit, theta, frames, end - begin)
        return total, *energies

    def norm(self, pull: Tensor) -> float:
        """The norm of a residual of these equations, (N,), in which its fall is measured."""
        return math.sqrt(float((pull * self.precondition * pull).sum(dtype=torch.float64)))

    def has_gaps(self) -> bool:
        """True where at some frequency some sample lies in no window, or only where the window is nearly 0."""
        u = torch.linspace(0, 0.5, 501, dtype=torch.float64, device=self.theta.device)
        shape = self.window.profile(u).abs()
        wide = float(u[shape > 1e-2 * shape[0]].max())
        centres, before = self.frames.starts - self.frames.offsets, None
        for first, last in self.ranges:
            # Frames beyond this reach begin after the next frame does.
            reach = centres[min(last, len(centres) - 1)] + wide * self.frames.support
            around = max(last, int(torch.searchsorted(centres, reach, right=True)))
            reaches = wide * self.theta.block(first, around)
            starts = (centres[first:around] - reaches).flip(1).cummin(1).values.flip(1)
            ends = (centres[first:around] + reaches)[:, : last - first].cummax(1).values
            if before is None:
                gaps = starts[:, :1] > 0
            else:
                ends = torch.maximum(ends, before)
                gaps = starts[:, :1] > before
            follow = starts[:, 1 : 1 + ends.shape[1]]
            if bool(gaps.any()) or bool((follow > ends[:, : follow.shape[1]]).any()):
                return True
            before = ends[:, -1:]
        return bool((before < self.length - 1).any())


def _energy(weights: Tensor, values: Tensor) -> float:
    return float((weights * values.abs().square()).sum(dtype=torch.float64))
