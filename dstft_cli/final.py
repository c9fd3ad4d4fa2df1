"""The transform that is written out, at the θ that was found: exact where that is cheap, else to a checked rms of 1e-4."""

import torch
from torch import Tensor

from .bank import WindowBank, node_count
from .devices import chunk_bytes
from .frames import Frames
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

    Exact by FFT or matrix product where θ does not vary over both axes, or where asked for. Otherwise through a fine
    bank, a few frames at a time so that memory stays bounded; exact again if that misses the rms.
    """
    plain = theta.shape[0] == 1 or (theta.shape[1] == 1 and Frames.at(positions, support).alike)
    shared = positions, support, window
    with torch.no_grad():
        for density in () if exact or plain else _DENSITIES:
            spectrum = _by_bank(signal, theta, *shared, density)
            accuracy = check(spectrum, signal, theta, *shared, seed)
            if accuracy.rms <= rms:
                return spectrum, accuracy
        spectrum = dstft(signal, theta, *shared)
        return spectrum, check(spectrum, signal, theta, *shared, seed)


def _by_bank(signal: Tensor, theta: Tensor, positions: Tensor, support: int, window: Window, density: float) -> Tensor:
    """S by banks of that many nodes an octave, one for every few frames."""
    low, high = (float(bound) for bound in theta.aminmax())
    low = min(low, high * 2**-0.1)
    count = node_count(low, high, density)
    bins, frames = support // 2 + 1, len(positions)
    out = torch.empty(bins, frames, dtype=signal.dtype.to_complex(), device=signal.device)
    room = 32 * chunk_bytes(signal.device)
    width = max(1, room // (bins * count * out.element_size()))
    log_theta = theta.log2()
    for first in range(0, frames, width):
        here = slice(first, min(first + width, frames))
        bank = WindowBank(signal, positions[here], support, low, high, count, window)
        out[:, here] = bank.stft(log_theta if theta.shape[1] == 1 else log_theta[:, here])
    return out
