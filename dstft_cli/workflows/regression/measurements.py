"""What a regression check keeps of a run: numbers that a change of the result moves, and rounding does not.

A descent amplifies rounding. In float64, with other vector instructions or threads, its loss differed by up to 1e-9 nats
after 30 steps, by 1e-5 after 60 and 1e-4 after 200; where each frame depends on all before it (``hop_mode`` overlap) after
20 steps by 2e-3, after 10 by 1e-9. And a window bank of another density leads another way down, up to 1e-2 nats
apart. So a check takes few steps, and looks at three things, each with a tolerance of its own kind:

    trial      the loss, its terms and the level at window lengths that are laid down here, not learnt: no search, no
               descent and no bank come in, so that it repeats to rounding and shows any change of signal, frames, window
               or loss
    initial    the best constant window, which a search narrows down
    final      what the descent led to: losses, measures, quantiles of θ, and two coarse maps of the plane
"""

from dataclasses import dataclass

import numpy as np
import torch

from ...config.loading import Config, merge_config
from ...optimization.criteria import magnitude
from ...optimization.problem import Problem
from ...recordings.signal import Signal
from ...results.result import Result
from ...stft.modes import CONSTANT, FIXED_HOP, OVERLAP, PLANE, theta_shape
from ...stft.transform import dstft
from ...stft.windows import get_window

MOST_STEPS, MOST_STEPS_OVERLAP = 30, 10
GRID = 8  # cells of a map along frequency, and along time
_FAINTEST = 1e-3  # of the loudest cell, added to each: what lies 60 dB below it does not move the map
_QUANTILES = {"min": 0, "5%": 0.05, "25%": 0.25, "median": 0.5, "75%": 0.75, "95%": 0.95, "max": 1}
_TRIAL_SHARES = (0.25, 0.75, 0.5)  # of the way from the shortest window to the longest, in log θ, frame after frame


@dataclass(frozen=True)
class Values:
    """What is kept of one run.

    facts: what must be equal. numbers: each to its tolerance. maps: (8, 8), frequency upwards, then time.
    """

    facts: dict[str, str | float]
    numbers: dict[str, float]
    maps: dict[str, list[list[float]]]

    @property
    def measured(self) -> tuple[str, ...]:
        """The names of what has a tolerance, in order."""
        return *self.numbers, *self.maps


def profile(config: Config) -> Config:
    """The settings that a check runs with: what makes a result hang on the machine, or on luck, is fixed.

    CPU, float64, one thread unless the config says how many; at most 30 steps (10 with ``hop_mode`` overlap, as many as
    told where nothing descends), none left out, and no learning rate that depends on how the loss stalls.
    """
    steps, settings = config.optimizer.steps, config.transform
    if settings.mode != CONSTANT or settings.hop_mode not in (FIXED_HOP, OVERLAP):
        steps = min(steps, MOST_STEPS_OVERLAP if settings.hop_mode == OVERLAP else MOST_STEPS)
    schedule = "cosine" if config.optimizer.schedule == "plateau" else config.optimizer.schedule
    fixed = {
        "run.device": "cpu",
        "run.dtype": "float64",
        "run.threads": config.run.threads or 1,
        "optimizer.steps": steps,
        "optimizer.patience": 10**9,
        "optimizer.schedule": schedule,
    }
    return merge_config(config, fixed)


def values_of(result: Result) -> Values:
    """What is kept of a run, its trial included."""
    numbers = {**probe(result.signal, result.config), **_outcome(result)}
    return Values(_facts(result), {name: float(value) for name, value in numbers.items()}, _maps(result))


def probe(signal: Signal, config: Config) -> dict[str, float]:
    """The loss and its terms, the measures and the level in dB at trial windows, transformed exactly.

    Lengths go up and down from frame to frame, or from bin to bin where they may differ over frequency alone.
    """
    problem = Problem(signal, config, get_window(config.transform.window))
    if problem.local:
        problem.precompute(lambda index, count: None)
    plane, positions = problem.grid, problem.positions(problem.grid.first_length)
    bins, frames = theta_shape(problem.mode, plane.support, len(positions))
    row = (1, frames) if problem.mode == PLANE else (bins, frames)
    shares = torch.tensor(_TRIAL_SHARES, dtype=problem.samples.dtype).repeat(max(row))[: max(row)].view(row)
    theta = plane.theta_min * (plane.support / plane.theta_min) ** shares
    with torch.no_grad():
        values = magnitude(dstft(problem.samples, theta, positions, plane.support, problem.window))
    theta = theta.expand(bins, frames)
    found = problem.terms(None if problem.local else values, theta, positions)
    found |= problem.measures(values, theta, positions)
    found["level"] = 20 * float((values.mean() * problem.scale).log10())
    return {f"trial.{name}": value for name, value in found.items()}


def _outcome(result: Result) -> dict[str, float]:
    pairs = {name: (result.initial[name], value) for name, value in result.final.items()}
    pairs |= {name: tuple(pair.values()) for name, pair in result.measures.items() if name not in pairs}
    numbers = {f"{name}.{at}": pair[i] for i, at in enumerate(("initial", "final")) for name, pair in pairs.items()}
    if result.best_constant is not None:
        numbers["best_constant.theta"], numbers[f"best_constant.{result.criterion}"] = result.best_constant
    numbers |= _quantiles("theta", result.theta)
    if result.hop_mode != FIXED_HOP:
        numbers |= _quantiles("hop", np.asarray(result.hop))
    return {**numbers, "accuracy.rms": result.accuracy.rms, "accuracy.max": result.accuracy.max}


def _quantiles(name: str, lengths: np.ndarray) -> dict[str, float]:
    if lengths.size == 1:
        return {f"{name}.median": lengths.item()}
    return {f"{name}.{place}": np.quantile(lengths, share) for place, share in _QUANTILES.items() if lengths.size}


def _facts(result: Result) -> dict[str, str | float]:
    plane, signal, arrays = result.grid, result.signal, result.arrays()
    facts = {
        "ended": "whole" if result.complete else result.stop_reason,
        "channel": signal.channel,
        "sample_rate": signal.sample_rate,
        "samples": len(signal.samples),
        "mode": result.mode,
        "hop_mode": result.hop_mode,
        "criterion": result.criterion,
        "window": result.window.name,
        "support": plane.support,
        "theta_min": plane.theta_min,
    }
    if result.hop_mode == FIXED_HOP:
        facts["hop"] = plane.hop
    for name in ("stft", "theta", "frame_positions", "frequencies"):
        facts[name] = f"{' x '.join(map(str, arrays[name].shape))} {arrays[name].dtype}"
    return facts


def _maps(result: Result) -> dict[str, list[list[float]]]:
    """The level of |S| in dB and log2 θ in octaves above one sample, each averaged over the cells of a coarse grid."""
    rows = _shares(result.frequencies, result.sample_rate / 2)
    columns = _shares(result.frame_positions, len(result.signal.samples))
    level = rows @ result.magnitude @ columns.T
    octaves = rows @ np.broadcast_to(np.log2(result.theta), result.stft.shape) @ columns.T
    level = 20 * np.log10(level + _FAINTEST * level.max())
    return {"spectrogram": np.round(level, 4).tolist(), "theta_map": np.round(octaves, 5).tolist()}


def _shares(centres: np.ndarray, end: float) -> np.ndarray:
    """What each of the increasing centres in [0, end] counts for in the mean over each of 8 equal parts, (8, n).

    As much as of what is nearest to it lies there, so that a frame that moves over the border of a part makes no jump.
    """
    edges = np.concatenate([[0.0], (centres[1:] + centres[:-1]) / 2, [end]])
    parts = np.linspace(0, end, GRID + 1)[:, None]
    return np.clip(np.minimum(edges[1:], parts[1:]) - np.maximum(edges[:-1], parts[:-1]), 0, None) * (GRID / end)
