"""What a regression check measures of a run: numbers that a change of the result moves and rounding does not.

Gradient descent amplifies rounding. In float64, with other vector instructions or threads, the loss differs by up to 1e-9
nats after 30 steps, by 1e-5 after 60 and by 1e-4 after 200; where each frame depends on all frames before it (``hop_mode``
overlap) by 1e-9 after 10 steps and by 2e-3 after 20. A window bank of another density leads to another optimum, up to 1e-2
nats apart. So a check takes few steps and measures three kinds of numbers, each with its own tolerances:

    trial      the loss, its terms and the level at window lengths that are fixed here, not learnt: without search, descent
               or bank, they repeat to rounding and show any change of signal, frames, window or loss
    initial    the best constant window, which a search narrows down
    final      the outcome of the descent: losses, measures, quantiles of θ, and two coarse maps of the plane
"""

import numpy as np
import torch

from ...config.loading import Config, merge_config
from ...errors import InputError
from ...optimization.criteria import magnitude
from ...optimization.problem import Problem
from ...recordings.signal import Signal
from ...results.result import Result
from ...stft.modes import CONSTANT, FIXED_HOP, OVERLAP, PLANE, theta_shape
from ...stft.transform import dstft
from ...stft.windows import LEARN_COSINE, get_window
from .baseline_file import GRID, Entry

MOST_STEPS, MOST_STEPS_OVERLAP = 30, 10
_FLOOR = 1e-3  # of the loudest cell, added to each: what lies 60 dB below it does not move the map
_QUANTILES = {"min": 0, "5%": 0.05, "25%": 0.25, "median": 0.5, "75%": 0.75, "95%": 0.95, "max": 1}
_TRIAL_SHARES = (0.25, 0.75, 0.5)  # of the way from the shortest window to the longest, in log θ, frame after frame


def profile(config: Config) -> Config:
    """The settings that a check runs with: whatever makes a result depend on the machine, or on chance, is fixed.

    config: the settings of the user. Returns them with the CPU, float64, one thread unless they say how many, at most 30 steps
    (10 with ``hop_mode`` overlap, as many as set where nothing descends), no early stop, and no learning rate that depends
    on whether the loss stalls.
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


def measure(file: str, result: Result) -> Entry:
    """The measurements of a run.

    file: the path of its recording from the root, with slashes.
    result: the outcome of a run under ``profile``.
    """
    numbers = {**probe(result.signal, result.config), **_outcome(result)}
    return Entry(
        file=file,
        sha256=result.signal.sha256,
        facts=_facts(result),
        numbers={name: float(value) for name, value in numbers.items()},
        maps=_maps(result),
    )


def probe(signal: Signal, config: Config) -> dict[str, float]:
    """The loss and its terms, the measures, and the level at trial windows, transformed exactly.

    signal: N samples.
    config: the settings of the run. Window lengths rise and fall from frame to frame, or from bin to bin where they may
        differ over frequency only.

    Returns numbers by name, each beginning with "trial."; the level is the mean of |S| in dB.
    """
    if config.transform.window == LEARN_COSINE:
        raise InputError(
            "transform.window is learn-cosine: a regression check needs a window that stays; name one, such as hann"
        )
    problem = Problem(signal, config, get_window(config.transform.window))
    if problem.local:
        problem.loss.precompute(lambda index, count: None)
    grid, positions = problem.grid, problem.positions(problem.grid.first_length)
    bins, frames = theta_shape(problem.mode, grid.support, len(positions))
    row = (1, frames) if problem.mode == PLANE else (bins, frames)
    shares = torch.tensor(_TRIAL_SHARES, dtype=problem.samples.dtype).repeat(max(row))[: max(row)].view(row)
    theta = grid.theta_min * (grid.support / grid.theta_min) ** shares
    with torch.no_grad():
        values = magnitude(dstft(problem.samples, theta, positions, grid.support, problem.window))
    theta = theta.expand(bins, frames)
    numbers = problem.terms(None if problem.local else values, theta, positions)
    numbers |= problem.measures(values, theta, positions)
    numbers["level"] = 20 * float((values.mean() * problem.scale).log10())
    return {f"trial.{name}": value for name, value in numbers.items()}


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
    return {f"{name}.{label}": np.quantile(lengths, share) for label, share in _QUANTILES.items() if lengths.size}


def _facts(result: Result) -> dict[str, str | float]:
    grid, signal, arrays = result.grid, result.signal, result.arrays()
    facts = {
        "ended": "whole" if result.complete else result.stop_reason,
        "channel": signal.channel,
        "sample_rate": signal.sample_rate,
        "samples": len(signal.samples),
        "mode": result.mode,
        "hop_mode": result.hop_mode,
        "criterion": result.criterion,
        "window": result.window.name,
        "support": grid.support,
        "theta_min": grid.theta_min,
    }
    if result.hop_mode == FIXED_HOP:
        facts["hop"] = grid.hop
    for name in ("stft", "theta", "frame_positions", "frequencies"):
        facts[name] = f"{' x '.join(map(str, arrays[name].shape))} {arrays[name].dtype}"
    return facts


def _maps(result: Result) -> dict[str, list[list[float]]]:
    """The level of |S| in dB and log2 θ in octaves above one sample, averaged over the cells of a coarse grid, (8, 8) each."""
    rows = _cell_weights(result.frequencies, result.sample_rate / 2)
    columns = _cell_weights(result.frame_positions, len(result.signal.samples))
    level = rows @ result.magnitude @ columns.T
    octaves = rows @ np.broadcast_to(np.log2(result.theta), result.stft.shape) @ columns.T
    level = 20 * np.log10(level + _FLOOR * level.max())
    return {"spectrogram": np.round(level, 4).tolist(), "theta_map": np.round(octaves, 5).tolist()}


def _cell_weights(centres: np.ndarray, end: float) -> np.ndarray:
    """The weight of each of n increasing centres in the mean over each of 8 equal cells of [0, end], (8, n).

    A centre counts by how much of a cell is nearer to it than to any other, so that a frame that moves across the border of a
    cell makes no jump.
    """
    edges = np.concatenate([[0.0], (centres[1:] + centres[:-1]) / 2, [end]])
    cells = np.linspace(0, end, GRID + 1)[:, None]
    return np.clip(np.minimum(edges[1:], cells[1:]) - np.maximum(edges[:-1], cells[:-1]), 0, None) * (GRID / end)
