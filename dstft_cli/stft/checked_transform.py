"""The transform as it is written out: exact where that is cheap, else interpolated; its error is measured at random bins."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .framed_signal import FramedSignal
from .interpolated_transform import InterpolatedTransform
from .transform import exact_bins

RMS = {torch.float32: 1e-4, torch.float64: 5e-6}  # of the error, over S's: who asks for double precision asks for more
_DENSITIES = (20.0, 40.0, 80.0)  # nodes an octave; the first is enough for windows that vanish at their edges


@dataclass(frozen=True)
class Accuracy:
    """Error of a transform, measured at random bins.

    rms: rms of the error over the rms of S.
    max: largest error seen over the largest |S|.
    bins_checked: how many bins were compared.
    """

    rms: float
    max: float
    bins_checked: int


def check(spectrum: Tensor, framed: FramedSignal, theta: Tensor, seed: int, bins: int = 500) -> Accuracy:
    """Compare a transform with the exact one at random bins.

    Half of the bins are drawn uniformly, half by energy, and weighted accordingly: the rms stays an unbiased estimate
    over the whole plane, while the few bins that hold the energy are sure to be seen.

    spectrum: S, (F, T) complex, of the fast transform.
    framed: the signal, its frames and its window family.
    theta: window lengths in samples, any shape that broadcasts to (F, T).
    seed: of the random bins.
    bins: how many bins are compared.

    Returns the accuracy, relative to S.
    """
    return combined([probe(spectrum, framed, theta, seed, bins)])


@dataclass(frozen=True)
class Probe:
    """Sums over random bins of a plane, or of a block of one, from which an Accuracy is made.

    error, total: estimates of the squared error and of |S|², summed over all bins.
    worst, peak: the largest error seen and the largest |S|.
    bins: how many bins were compared.
    """

    error: float
    total: float
    worst: float
    peak: float
    bins: int


def combined(probes: Sequence[Probe]) -> Accuracy:
    """The accuracy of a plane from the probes of its blocks."""
    error, total = sum(probe.error for probe in probes), sum(probe.total for probe in probes)
    if not total > 0:
        return Accuracy(0.0, 0.0, 0)
    worst, peak = max(probe.worst for probe in probes), max(probe.peak for probe in probes)
    return Accuracy(math.sqrt(error / total), worst / peak, sum(probe.bins for probe in probes))


def probe(spectrum: Tensor, framed: FramedSignal, theta: Tensor, seed: int, bins: int) -> Probe:
    """Compare a transform, or a block of one, with the exact one at random bins; parameters as for ``check``."""
    real, imag = torch.view_as_real(spectrum).unbind(-1)
    power = real.square().addcmul_(imag, imag)
    total = power.sum(dtype=torch.float64)
    if not bool(total > 0):
        return Probe(0.0, 0.0, 0.0, 0.0, 0)
    m, n = _draw(power, torch.Generator().manual_seed(seed), bins)
    chance = 0.5 / power.numel() + 0.5 * power[m, n].to(torch.float64) / total
    lengths = theta.expand(spectrum.shape)[m, n]
    exact = exact_bins(framed.samples, lengths, framed.positions[n], m, framed.support, framed.window)
    error = (spectrum[m, n].to(torch.complex128) - exact).abs()
    squared = (error.square() / chance).mean()
    return Probe(float(squared), float(total), float(error.max()), float(power.max()) ** 0.5, bins)


def _draw(power: Tensor, generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
    """Bin numbers and frame numbers of ``count`` points, (count,) each; the second half is drawn by energy."""
    bins, frames = power.shape
    half = count // 2
    uniform = torch.rand(2, count - half, generator=generator, dtype=torch.float64)
    by_energy = torch.rand(2, half, generator=generator, dtype=torch.float64).to(power.device)
    n = _pick(power.sum(0, dtype=torch.float64)[None], by_energy[:1].T).clamp_(max=frames - 1)
    m = _pick(power[:, n].T.to(torch.float64).contiguous(), by_energy[1:].T).clamp_(max=bins - 1)
    sizes = torch.tensor([[bins], [frames]], dtype=torch.float64)
    even = (uniform * sizes).to(torch.int64).to(power.device)
    return torch.cat([even[0], m]), torch.cat([even[1], n])


def _pick(weights: Tensor, where: Tensor) -> Tensor:
    """For each row of weights the index at which its cumulative share passes ``where``, (K, 1); one row serves all."""
    shares = weights.cumsum(-1)
    thresholds = where * shares[:, -1:]
    rows = shares.expand(len(where), -1).contiguous() if len(shares) == 1 else shares
    return torch.searchsorted(rows, thresholds)[:, 0]


def checked_transform(
    framed: FramedSignal, theta: Tensor, seed: int, exact: bool = False, rms: float | None = None
) -> tuple[Tensor, Accuracy]:
    """The transform as it is written out, with its measured accuracy.

    It is exact, by FFT or matrix product, where θ does not vary over both axes, and where that is asked for. Otherwise it is
    interpolated between many window lengths, one at a time so that memory stays bounded; where the interpolation
    misses the rms, it is exact again.

    framed: the signal, its frames and its window family.
    theta: window lengths in samples, (1, 1), (1, T), (F, 1) or (F, T).
    seed: of the random bins that are checked.
    exact: True asks for the exact transform.
    rms: error allowed, relative to the rms of S; None takes that of the precision (RMS).

    Returns S, (F, T) complex, and its accuracy at random bins.
    """
    spectrum, checked = checked_block(framed, theta, seed, exact, rms)
    return spectrum, combined([checked])


def checked_block(
    framed: FramedSignal, theta: Tensor, seed: int, exact: bool = False, rms: float | None = None, bins: int = 500
) -> tuple[Tensor, Probe]:
    """As ``checked_transform``, for a block of a plane: S of its frames, (F, T), and what ``bins`` random bins tell of it."""
    rms = RMS[framed.samples.dtype] if rms is None else rms
    plain = theta.shape[0] == 1 or (theta.shape[1] == 1 and framed.frames.alike)
    with torch.no_grad():
        for density in () if exact or plain else _DENSITIES:
            interpolated = InterpolatedTransform(tuple(map(float, theta.aminmax())), framed.window, density)
            spectrum = interpolated.forward(framed.samples, theta, framed.frames)
            checked = probe(spectrum, framed, theta, seed, bins)
            if combined([checked]).rms <= rms:
                return spectrum, checked
        spectrum = framed.stft(theta)
        return spectrum, probe(spectrum, framed, theta, seed, bins)
