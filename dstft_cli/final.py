"""The transform that is written out, at the θ that was found: exact where that is cheap, else to a checked error."""

import torch
from torch import Tensor

from .frames import Frames
from .node_sum import NodeSum
from .transform import dstft
from .verify import Accuracy, Probe, combined, probe
from .windows import Window

RMS = {torch.float32: 1e-4, torch.float64: 5e-6}  # of the error, over S's: who asks for double precision asks for more
_DENSITIES = (20.0, 40.0, 80.0)  # nodes an octave; the first is enough for windows that vanish at their edges


def final_transform(
    signal: Tensor,
    theta: Tensor,
    positions: Tensor,
    support: int,
    window: Window,
    seed: int,
    exact: bool = False,
    rms: float | None = None,
) -> tuple[Tensor, Accuracy]:
    """S (F, T) at θ (samples, any mode's shape), and its accuracy on random bins.

    Exact by FFT or matrix product where θ does not vary over both axes, or where asked for. Otherwise by
    interpolation between many window lengths, one at a time so that memory stays bounded; exact again if that misses
    the rms.
    """
    spectrum, found = final_piece(signal, theta, positions, support, window, seed, exact, rms)
    return spectrum, combined([found])


def final_piece(
    signal: Tensor,
    theta: Tensor,
    positions: Tensor,
    support: int,
    window: Window,
    seed: int,
    exact: bool = False,
    rms: float | None = None,
    bins: int = 500,
) -> tuple[Tensor, Probe]:
    """The same of what may be a piece of a plane, and what so many random bins tell of it."""
    rms = RMS[signal.dtype] if rms is None else rms
    frames = Frames.at(positions, support)
    plain = theta.shape[0] == 1 or (theta.shape[1] == 1 and frames.alike)
    shared = positions, support, window
    with torch.no_grad():
        for density in () if exact or plain else _DENSITIES:
            spectrum = NodeSum(theta, frames, window, len(signal), density).forward(signal)
            found = probe(spectrum, signal, theta, *shared, seed, bins)
            if combined([found]).rms <= rms:
                return spectrum, found
        spectrum = dstft(signal, theta, *shared)
        return spectrum, probe(spectrum, signal, theta, *shared, seed, bins)
