"""What tests of runs share: small signals, textbook formulas, and what holds for every result."""

import json

import numpy as np
import torch

from dstft_cli import Signal
from dstft_cli.stft.modes import OVERLAP, VARYING_HOP
from dstft_cli.stft.transform import dstft

RATE = 2000.0
LEARNT = ("time-varying", "frequency-varying", "tf-varying")
MODES = ("fixed", "constant", *LEARNT)
CRITERIA = ("entropy", "renyi", "kurtosis")
HOP, SUPPORT, SAMPLES = 16, 64, 600
SMALL = {"support": SUPPORT, "hop": HOP}
ROUNDING = 1e-9


def signal(samples) -> Signal:
    return Signal(np.asarray(samples, dtype=float), RATE, "test")


def random_signal(seed: int, samples: int = SAMPLES) -> Signal:
    """Tones, a chirp, clicks and noise, in proportions drawn at random."""
    dice = np.random.default_rng(seed)
    time = np.arange(samples) / RATE
    tones = sum(np.sin(2 * np.pi * f * time) for f in dice.uniform(50, 900, 2))
    chirp = np.sin(2 * np.pi * (dice.uniform(50, 400) * time + dice.uniform(-800, 800) * time**2))
    clicks = 10 * (dice.random(samples) < 4 / samples)
    weights = dice.uniform(0, 1, 3)
    return signal(weights @ np.stack([tones, chirp, clicks]) + 0.05 * dice.standard_normal(samples))


def settings_of(hop_mode: str) -> dict:
    """The settings of a small run with that hop mode; with overlap the hop follows from the windows."""
    return {"hop_mode": hop_mode, "support": SUPPORT, **({} if hop_mode == OVERLAP else {"hop": HOP})}


def exact(result) -> np.ndarray:
    """S (F, T) by the exact transform in float64 at the θ of a result."""
    samples = torch.as_tensor(result.signal.samples)
    theta, positions = torch.as_tensor(result.theta).double(), torch.as_tensor(result.frame_positions)
    return dstft(samples, theta, positions, result.support, result.window).numpy()


def error(result) -> float:
    """The rms error of a result's spectrum against the exact transform, relative."""
    truth = exact(result)
    return float(np.sqrt(np.mean(np.abs(result.stft - truth) ** 2) / np.mean(np.abs(truth) ** 2)))


def textbook(criterion: str, size: np.ndarray) -> float:
    """Entropy, Rényi entropy of order 3 or mean spectral kurtosis of |S| (F, T), as textbooks have them."""
    if criterion == "kurtosis":
        return float(np.mean((size**4).mean(0) / (size**2).mean(0) ** 2))
    share = size[size > 0] / size.sum()
    return float(np.log((share**3).sum()) / (1 - 3) if criterion == "renyi" else -(share * np.log(share)).sum())


def within_bounds(result) -> bool:
    least, most = result.grid.theta_min, result.support
    return bool(np.all(result.theta >= least * (1 - 1e-6)) and np.all(result.theta <= most))


def theta_shape(mode: str, bins: int, frames: int) -> tuple[int, int]:
    """Window lengths vary over the axes that the mode names."""
    return bins if mode in LEARNT[1:] else 1, frames if mode in (LEARNT[0], LEARNT[2]) else 1


def same_bits(one, other) -> bool:
    """True where two results hold the same arrays to the bit."""
    one, other = one.arrays(), other.arrays()
    return one.keys() == other.keys() and all(one[name].tobytes() == other[name].tobytes() for name in one)


def check_sound(result) -> None:
    """What is true of every result: positions, windows, shapes, finite numbers, and a loss that is not above the first."""
    positions, grid = result.frame_positions, result.grid
    samples, (bins, frames) = len(result.signal.samples), result.stft.shape
    assert result.final["loss"] <= result.initial["loss"]
    assert positions[0] == 0 and positions[-1] <= samples * (1 + ROUNDING)
    assert (np.diff(positions) >= grid.hop_min * (1 - 1e-6 if result.hop_mode == OVERLAP else 1 - ROUNDING)).all()
    assert within_bounds(result)
    assert result.theta.shape == theta_shape(result.mode, bins, frames)
    assert (bins, frames) == (result.support // 2 + 1, len(positions))
    differ = result.hop_mode == VARYING_HOP or (result.hop_mode == OVERLAP and result.theta.size > 1)
    assert np.shape(result.hop) == ((frames - 1,) if differ else ())
    assert {len(values) for values in result.history.values()} == {result.steps + 1}
    assert all(np.isfinite(values).all() for values in (result.stft, result.theta, *result.history.values()))
    json.dumps(result.metrics().model_dump(), allow_nan=False)
