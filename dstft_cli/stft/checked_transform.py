"""The transform that is written out, at the θ that was found: exact where that is cheap, else to a checked error."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .frames import Frames
from .interpolated_transform import InterpolatedTransform
from .transform import dstft, exact_bins
from .windows import Window

RMS = {torch.float32: 1e-4, torch.float64: 5e-6}  # of the error, over S's: who asks for double precision asks for more
_DENSITIES = (20.0, 40.0, 80.0)  # nodes an octave; the first is enough for windows that vanish at their edges


@dataclass(frozen=True)
class Accuracy:
    """rms: error's rms over S's rms. max: largest error found over the largest |S|. bins_checked: sample size."""

    rms: float
    max: float
    bins_checked: int


def check(
    spectrum: Tensor,
    signal: Tensor,
    theta: Tensor,
    positions: Tensor,
    support: int,
    window: Window,
    seed: int,
    bins: int = 500,
) -> Accuracy:
    """Compare S (F, T) with the exact transform at random bins.

    Half of them are drawn uniformly, half by energy, and weighed accordingly: the rms stays an unbiased estimate over the
    whole plane while the few bins that hold the energy are sure to be seen. theta in samples broadcasts to (F, T).
    """
    found = probe(spectrum, signal, theta, positions, support, window, seed, bins)
    return combined([found])


@dataclass(frozen=True)
class Probe:
    """What random bins tell of a plane or a piece of one. error, total: the squared error and |S|², summed over all its bins.

    worst, peak: the largest error found and the largest |S|.
    """

    error: float
    total: float
    worst: float
    peak: float
    bins: int


def combined(probes: Sequence[Probe]) -> Accuracy:
    """The accuracy of a plane from those of its pieces."""
    error, total = sum(probe.error for probe in probes), sum(probe.total for probe in probes)
    if not total > 0:
        return Accuracy(0.0, 0.0, 0)
    worst, peak = max(probe.worst for probe in probes), max(probe.peak for probe in probes)
    return Accuracy(math.sqrt(error / total), worst / peak, sum(probe.bins for probe in probes))


def probe(spectrum, signal, theta, positions, support: int, window: Window, seed: int, bins: int) -> Probe:
    """As check, for what may be a piece of a plane."""
    power = spectrum.abs().square().to(torch.float64)
    total = power.sum()
    if not bool(total > 0):
        return Probe(0.0, 0.0, 0.0, 0.0, 0)
    m, n = _draw(power, torch.Generator().manual_seed(seed), bins)
    chance = 0.5 / power.numel() + 0.5 * power[m, n] / total
    exact = exact_bins(signal, theta.expand(spectrum.shape)[m, n], positions[n], m, support, window)
    error = (spectrum[m, n].to(torch.complex128) - exact).abs()
    squared = (error.square() / chance).mean()
    return Probe(float(squared), float(total), float(error.max()), float(power.max().sqrt()), bins)


def _draw(power: Tensor, generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
    """Bin and frame numbers of count points, the second half by energy: first the frame, then the bin in it."""
    bins, frames = power.shape
    half = count // 2
    uniform = torch.rand(2, count - half, generator=generator, dtype=torch.float64)
    aimed = torch.rand(2, half, generator=generator, dtype=torch.float64).to(power.device)
    n = _pick(power.sum(0)[None], aimed[:1].T).clamp_(max=frames - 1)
    m = _pick(power[:, n].T.contiguous(), aimed[1:].T).clamp_(max=bins - 1)
    sizes = torch.tensor([[bins], [frames]], dtype=torch.float64)
    even = (uniform * sizes).to(torch.int64).to(power.device)
    return torch.cat([even[0], m]), torch.cat([even[1], n])


def _pick(weights: Tensor, where: Tensor) -> Tensor:
    """For each row of weights the index at which its running share passes ``where`` (K, 1); one row serves all."""
    shares = weights.cumsum(-1)
    aims = where * shares[:, -1:]
    return torch.searchsorted(shares.expand(len(where), -1).contiguous() if len(shares) == 1 else shares, aims)[:, 0]


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
    spectrum, found = checked_block(signal, theta, positions, support, window, seed, exact, rms)
    return spectrum, combined([found])


def checked_block(
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
            spectrum = InterpolatedTransform(theta, frames, window, len(signal), density).forward(signal)
            found = probe(spectrum, signal, theta, *shared, seed, bins)
            if combined([found]).rms <= rms:
                return spectrum, found
        spectrum = dstft(signal, theta, *shared)
        return spectrum, probe(spectrum, signal, theta, *shared, seed, bins)
