"""The spectrograms of ours and of other packages, all on the plane of truth_signals.py: |S| (F, T) and θ, as quality.py has them.

Where a package gives energies, |S| is their square root and θ is 1. A method that takes one window gets the one of least entropy.
"""

import math
from collections.abc import Callable

import numpy as np
import quality
import torch
from quality import GRID, THETA_MIN, Plane, fixed
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import dpss
from truth_signals import HOP, RATE, SUPPORT

from dstft_cli import Signal, optimize
from dstft_cli.figures.shown.reassigned import reassigned_magnitude
from dstft_cli.optimization.criteria import entropy
from dstft_cli.stft.frame_positions import fixed_positions
from dstft_cli.stft.transform import dstft as transform

LOSSES = ("local-entropy", "entropy", "kurtosis", "renyi")
COMBINED = [round(length) for length in np.geomspace(THETA_MIN, SUPPORT, 4)]  # samples, over our range
USUAL = [SUPPORT // 4, SUPPORT // 2, SUPPORT]  # samples, which ctfr takes by itself
TAPERS, BANDWIDTH = 3, 2.0  # of the multitaper spectrogram
STEPS, RATE_OF_STEPS, START = 60, 0.2, 300.0  # of dstft 3.0.0; samples
COARSE_HOP, COARSE_STEPS = 500, 25  # of dstft 3.0.0 with a window for each point, which takes a second and more a step

Planes = dict[str, Plane]


def ours(loss: str, with_moved: bool) -> Callable[[Signal], Planes]:
    """Windows for each point by a loss, and the same with its energy moved."""

    def planes(signal: Signal) -> Planes:
        settings = {"criterion": loss} | ({"lambda_": 0.5} if loss == "kurtosis" else {})
        result = optimize(
            signal, support=SUPPORT, hop=HOP, theta_min=THETA_MIN, device="cpu", mode="tf-varying", **settings
        )
        found = {f"ours, {loss}": (np.abs(result.stft).astype(float), result.theta.astype(float))}
        if with_moved:
            found[f"ours, {loss}, reassigned"] = reassigned_magnitude(result).astype(float), np.ones((1, 1))
        return found

    return planes


def one(name: str, plane: Callable[[Signal], Plane]) -> Callable[[Signal], Planes]:
    """A method that gives a single plane."""
    return lambda signal: {name: plane(signal)}


def combined(method: str, lengths: list[int]) -> Callable[[Signal], Plane]:
    """ctfr's combination of windows by that method."""

    def plane(signal: Signal) -> Plane:
        import ctfr

        samples = np.asarray(signal.samples, float)
        energy = ctfr.ctfr(samples, sr=RATE, method=method, win_lengths=lengths, hop_length=HOP, n_fft=SUPPORT)
        return np.sqrt(energy), np.ones((1, 1))

    return plane


def multitaper(signal: Signal) -> Plane:
    """The mean of the spectrograms under orthogonal tapers of SciPy."""
    samples = np.asarray(signal.samples, float)
    frames = len(fixed_positions(len(samples), HOP))
    candidates = []
    for length in np.round(GRID).astype(int):
        energy = 0.0
        for taper in dpss(length, BANDWIDTH, TAPERS):
            short = ShortTimeFFT(taper, HOP, RATE, mfft=SUPPORT)
            energy = energy + np.abs(short.stft(samples, p0=0, p1=frames, padding="zeros")) ** 2
        candidates.append((np.sqrt(energy / TAPERS), np.full((1, 1), float(length))))
    return min(candidates, key=lambda one: entropy(torch.as_tensor(one[0])).item())


def published(mode: str) -> Callable[[Signal], Plane]:
    """The windows that dstft 3.0.0 finds by entropy, drawn by our transform, which is the same (tests/test_reference_library.py).

    mode: time, one window for each of our frames; or time-frequency, on frames COARSE_HOP apart, drawn between them by interpolation.
    """
    whole = mode == "time-frequency"
    hop, steps = (COARSE_HOP, COARSE_STEPS) if whole else (HOP, STEPS)

    def plane(signal: Signal) -> Plane:
        import dstft

        samples = torch.as_tensor(signal.samples, dtype=torch.float32)
        module = dstft.DSTFT(
            n_fft=SUPPORT,
            win_length=START,
            hop_length=hop,
            win_length_min=THETA_MIN,
            window_mode=mode,
            normalization="unit",
        )
        module.initialize(samples[None])
        optimizer = torch.optim.Adam([each for each in module.parameters() if each.requires_grad], lr=RATE_OF_STEPS)
        for _ in range(steps):
            optimizer.zero_grad()
            magnitude, _ = module(samples[None])
            share = magnitude / magnitude.sum()
            (-(share * share.log()).sum()).backward()
            optimizer.step()
        positions = fixed_positions(len(samples), HOP)
        theta = _between(module.win_length.detach(), math.ceil(len(positions) * HOP / hop), hop / HOP, len(positions))
        return transform(samples, theta, positions, SUPPORT).abs().numpy().astype(float), theta.numpy().astype(float)

    return plane


def _between(theta: torch.Tensor, coarse: int, every: float, frames: int) -> torch.Tensor:
    """θ (F, t) on frames that are ``every`` of ours apart, to our frames, (F, frames)."""
    place = (torch.arange(frames) / every).clamp(0, min(coarse, theta.shape[1]) - 1)
    left = place.floor().long().clamp(0, theta.shape[1] - 1)
    right = (left + 1).clamp(max=theta.shape[1] - 1)
    logs, part = theta.log2(), (place - left).to(theta.dtype)
    return (logs[:, left] * (1 - part) + logs[:, right] * part).exp2()


FIXED = {
    f"fixed, {length} samples": one(f"fixed, {length} samples", fixed(float(length))) for length in (100, 300, 1000)
}
ONE_WINDOW = {  # each point under one window, or the mean over tapers, and nothing moved
    **FIXED,
    "best constant by entropy": one("best constant by entropy", quality.METHODS["constant"]),
    "dstft 3.0.0, a window a frame": one("dstft 3.0.0, a window a frame", published("time")),
    "dstft 3.0.0, a window a point": one("dstft 3.0.0, a window a point", published("time-frequency")),
    "multitaper (SciPy)": one("multitaper (SciPy)", multitaper),
}
OTHERS = {
    "ctfr, Lukin-Todd": one("ctfr, Lukin-Todd", combined("lt", COMBINED)),
    "ctfr, fast local sparsity": one("ctfr, fast local sparsity", combined("fls", COMBINED)),
    "ctfr, Lukin-Todd, its windows": one("ctfr, Lukin-Todd, its windows", combined("lt", USUAL)),
    "ctfr, fast local sparsity, its windows": one("ctfr, fast local sparsity, its windows", combined("fls", USUAL)),
    "ssqueezepy": one("ssqueezepy", quality.squeezed_by_ssqueezepy),
    "librosa, reassigned": one("librosa, reassigned", quality.reassigned_by_librosa),
}
SLOW = "dstft 3.0.0, a window a point"


def methods(snr: float, mixture: bool) -> dict[str, Callable[[Signal], Planes]]:
    """What is run on a signal: at 20 dB all, at other levels what is cheap; the slowest on mixtures only."""
    full = snr == 20
    runs = {name: make for name, make in (ONE_WINDOW | OTHERS).items() if name != SLOW or (full and mixture)}
    for loss in LOSSES if full else LOSSES[:2]:
        runs[f"ours, {loss}"] = ours(loss, with_moved=full or loss == LOSSES[0])
    return runs
