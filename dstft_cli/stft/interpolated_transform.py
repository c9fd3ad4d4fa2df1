"""The transform at any θ from transforms at a few window lengths: Σ over nodes of weights times the STFT at the node.

Windows that vary over both axes then cost one FFT a frame and node instead of a sum a bin, forward and adjoint alike;
one node at a time is in memory.
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

    theta: (1 or F, 1 or T) samples. density: nodes an octave. samples: N.
    Bins are sorted by the interval of nodes that they lie in, so that each node goes to a few runs of neighbours.
    """

    def __init__(self, theta: Tensor, frames: Frames, window: Window, samples: int, density: float):
        self.frames, self.window, self.samples = frames, window, samples
        low, high = (float(bound) for bound in theta.aminmax())
        low = min(low, high * 2**-0.1)
        self.lengths = node_lengths(low, high, node_count(low, high, density))
        self.shape = len(frames), frames.support // 2 + 1  # as the transform lies in memory
        place = (theta.log2() - math.log2(low)) * ((len(self.lengths) - 1) / math.log2(high / low))
        place = place.expand(self.shape[::-1]).T.reshape(-1)
        node = place.to(torch.int64).clamp_(1, len(self.lengths) - 3)
        sorted_node, self._order = node.sort()
        self._t = place[self._order].sub_(sorted_node)
        self._ends = torch.bincount(node, minlength=len(self.lengths)).cumsum(0).tolist()

    def forward(self, signal: Tensor) -> Tensor:
        """S (F, T) of a signal (N,)."""
        total = torch.zeros(len(self._order), dtype=signal.dtype.to_complex(), device=signal.device)
        for length, runs in self._nodes():
            values = dstft(signal, length, self.frames, self.frames.support, self.window).T.reshape(-1)
            for j, run in runs:
                total[run] += values[self._order[run]] * _weight(j, self._t[run])
        out = torch.empty_like(total)
        out[self._order] = total
        return out.view(self.shape).T

    def adjoint(self, spectrum: Tensor) -> Tensor:
        """Σ over the points of the plane of Re(S* a), a the atom of each; (F, T) to (N,)."""
        spread = spectrum.T.reshape(-1)[self._order]
        total = spectrum.real.new_zeros(self.samples)
        for length, runs in self._nodes():
            values = torch.zeros_like(spread)
            for j, run in runs:
                values[self._order[run]] = spread[run] * _weight(j, self._t[run])
            total += dstft_adjoint(values.view(self.shape).T, length, self.frames, self.samples, self.window)
        return total

    def _nodes(self):
        """Each window length that some bin reads, and what reads it: (which node of the four, the run of sorted bins)."""
        count, ends = len(self.lengths), self._ends
        for i, length in enumerate(self.lengths):
            runs = [(j, slice(ends[k - 1], ends[k])) for j in range(4) if 1 <= (k := i + 1 - j) < count]
            runs = [(j, run) for j, run in runs if run.start < run.stop]
            if runs:
                yield length, runs


def _weight(j: int, t: Tensor) -> Tensor:
    """The cubic's weight of its j-th node at t from the second."""
    a, b, c, d = (powers[j] for powers in CUBIC)
    return ((d * t + c) * t + b) * t + a
