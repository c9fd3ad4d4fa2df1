"""The transform at any θ as a weighted sum of transforms at a few window lengths (nodes), forward and adjoint.

Windows that vary over both axes then cost one FFT for each frame and node instead of one sum for each bin. One node at a
time is in memory.
"""

import math

import torch
from torch import Tensor

from .frames import Frames
from .log_interpolation import CUBIC, node_count, node_lengths
from .transform import dstft, dstft_adjoint
from .windows import Window


class InterpolatedTransform:
    """A linear map from signals (N,) to S (F, T), by cubic interpolation in log θ between log-spaced window lengths.

    Points are sorted by the interval between nodes that they lie in, so that each node serves a few runs of neighbours.

    theta: window lengths in samples, (1 or F, 1 or T).
    frames: T frames of L samples.
    window: the window family.
    samples: N.
    density: nodes an octave.
    """

    def __init__(self, theta: Tensor, frames: Frames, window: Window, samples: int, density: float):
        self.frames, self.window, self.samples = frames, window, samples
        low, high = (float(bound) for bound in theta.aminmax())
        low = min(low, high * 2**-0.1)
        self.lengths = node_lengths(low, high, node_count(low, high, density))
        self.shape = len(frames), frames.support // 2 + 1  # as the transform lies in memory
        position = (theta.log2() - math.log2(low)) * ((len(self.lengths) - 1) / math.log2(high / low))
        position = position.expand(self.shape[::-1]).T.reshape(-1)  # counted in nodes
        node = position.to(torch.int64).clamp_(1, len(self.lengths) - 3)
        sorted_node, self._order = node.sort()
        self._t = position[self._order].sub_(sorted_node)
        self._ends = torch.bincount(node, minlength=len(self.lengths)).cumsum(0).tolist()

    def forward(self, signal: Tensor) -> Tensor:
        """S of a signal (N,), (F, T) complex."""
        total = torch.zeros(len(self._order), dtype=signal.dtype.to_complex(), device=signal.device)
        for length, runs in self._nodes():
            values = dstft(signal, length, self.frames, self.frames.support, self.window).T.reshape(-1)
            for j, run in runs:
                total[run] += values[self._order[run]] * _weight(j, self._t[run])
        out = torch.empty_like(total)
        out[self._order] = total
        return out.view(self.shape).T

    def adjoint(self, spectrum: Tensor) -> Tensor:
        """Σ_mn Re(S[m, n]* a_mn) with a_mn the atom at each point: from S (F, T) to samples (N,)."""
        spread = spectrum.T.reshape(-1)[self._order]
        total = spectrum.real.new_zeros(self.samples)
        for length, runs in self._nodes():
            values = torch.zeros_like(spread)
            for j, run in runs:
                values[self._order[run]] = spread[run] * _weight(j, self._t[run])
            total += dstft_adjoint(values.view(self.shape).T, length, self.frames, self.samples, self.window)
        return total

    def _nodes(self):
        """Each window length in use, with its readers: (which of the four nodes it is to them, their run of sorted points)."""
        count, ends = len(self.lengths), self._ends
        for i, length in enumerate(self.lengths):
            runs = [(j, slice(ends[k - 1], ends[k])) for j in range(4) if 1 <= (k := i + 1 - j) < count]
            runs = [(j, run) for j, run in runs if run.start < run.stop]
            if runs:
                yield length, runs


def _weight(j: int, t: Tensor) -> Tensor:
    """The weight of node j, 0 … 3, in the cubic at t, which counts from node 1."""
    a, b, c, d = (powers[j] for powers in CUBIC)
    return ((d * t + c) * t + b) * t + a
