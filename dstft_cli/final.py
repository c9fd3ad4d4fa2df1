"""The transform that is written out, at the θ that was found: exact where that is cheap, else to a checked rms of 1e-4."""

import math

import torch
from torch import Tensor

from .frames import Frames
from .interpolation import CUBIC, node_count, node_lengths
from .transform import dstft
from .verify import Accuracy, check
from .windows import Window

RMS = 1e-4
_DENSITIES = (20.0, 40.0)  # nodes an octave; the first is enough for windows that vanish at their edges


def final_transform(
    signal: Tensor,
    theta: Tensor,
    positions: Tensor,
    support: int,
    window: Window,
    seed: int,
    exact: bool = False,
    rms: float = RMS,
) -> tuple[Tensor, Accuracy]:
    """S (F, T) at θ (samples, any mode's shape), and its accuracy on random bins.

    Exact by FFT or matrix product where θ does not vary over both axes, or where asked for. Otherwise by
    interpolation between many window lengths, one at a time so that memory stays bounded; exact again if that misses
    the rms.
    """
    plain = theta.shape[0] == 1 or (theta.shape[1] == 1 and Frames.at(positions, support).alike)
    shared = positions, support, window
    with torch.no_grad():
        for density in () if exact or plain else _DENSITIES:
            spectrum = _by_nodes(signal, theta, *shared, density)
            accuracy = check(spectrum, signal, theta, *shared, seed)
            if accuracy.rms <= rms:
                return spectrum, accuracy
        spectrum = dstft(signal, theta, *shared)
        return spectrum, check(spectrum, signal, theta, *shared, seed)


def _by_nodes(signal: Tensor, theta: Tensor, positions: Tensor, support: int, window: Window, density: float) -> Tensor:
    """S by cubic interpolation between that many nodes an octave, one node in memory at a time.

    Bins are sorted by the interval of nodes that they lie in, so that each node goes to a few runs of neighbours.
    """
    low, high = (float(bound) for bound in theta.aminmax())
    low = min(low, high * 2**-0.1)
    lengths = node_lengths(low, high, node_count(low, high, density))
    bins, frames = support // 2 + 1, Frames.at(positions, support)
    place = (theta.log2() - math.log2(low)) * ((len(lengths) - 1) / math.log2(high / low))
    place = place.expand(bins, len(frames)).T.reshape(-1)  # as the transform lies in memory
    node = place.to(torch.int64).clamp_(1, len(lengths) - 3)
    sorted_node, order = node.sort()
    t = place[order].sub_(sorted_node)
    ends = torch.bincount(node, minlength=len(lengths)).cumsum(0).tolist()
    total = torch.zeros(len(order), dtype=signal.dtype.to_complex(), device=signal.device)
    for i, length in enumerate(lengths):
        runs = [(j, slice(ends[k - 1], ends[k])) for j in range(4) if 1 <= (k := i + 1 - j) < len(lengths)]
        runs = [(j, run) for j, run in runs if run.start < run.stop]
        if runs:
            values = dstft(signal, length, frames, support, window).T.reshape(-1)
        for j, run in runs:
            total[run] += values[order[run]] * _weight(j, t[run])
    out = torch.empty_like(total)
    out[order] = total
    return out.view(len(frames), bins).T


def _weight(j: int, t: Tensor) -> Tensor:
    """The cubic's weight of its j-th node at t from the second."""
    a, b, c, d = (powers[j] for powers in CUBIC)
    return ((d * t + c) * t + b) * t + a
