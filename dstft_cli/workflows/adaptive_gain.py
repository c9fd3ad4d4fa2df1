"""The gain of adaptive windows over one constant window, estimated in short runs on a bounded number of points."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..config.loading import merge_config
from ..optimization.criteria import Criterion
from ..optimization.optimize import optimize
from ..optimization.problem import Problem
from ..recordings.signal import Signal
from ..results.metrics import relative_change
from ..results.progress import Step
from ..stft.modes import FREQUENCY, TIME

_BINS, _SIGNALS = 1_000_000, 4  # points in all, and signals, at most
_STEPS = 40  # at most: they gain most of what 200 would
_LEAST_SUPPORTS = 4  # the length of a block

Watch = Callable[[Step], object]
"""Is called with each Step; the value it returns has no effect."""


@dataclass(frozen=True)
class Gain:
    """The gain of one adaptive mode; a longer run may gain more.

    criterion: its name.
    mode: time-varying or frequency-varying.
    constant, adapted: the criterion of the constant and of the adapted windows, summed over the signals.
    gain: the improvement, in the unit of the criterion, positive if better.
    """

    criterion: str
    mode: str
    constant: float
    adapted: float
    gain: float

    @property
    def percent(self) -> float:
        """The gain in percent of the constant window's criterion, as ``relative_change`` counts; 0 if that is 0."""
        return 100 * math.copysign(relative_change(self.criterion, self.constant, self.adapted), self.gain)


@dataclass(frozen=True)
class GainEstimate:
    """The gains of the adaptive modes.

    signals: those of the runs, each whole or its loudest block.
    total: the number of signals there are.
    whole: whether all of every signal was used.
    gains: one for each mode.
    """

    signals: list[Signal]
    total: int
    whole: bool
    gains: list[Gain]


def estimate_gain(problems: Sequence[Problem], seconds: float, on_step: Watch = lambda step: None) -> GainEstimate:
    """Compare time- and frequency-varying windows with a constant one, signal by signal.

    Frames are an eighth of the support apart at least. Of many signals some are used, of long ones the loudest block, so that
    there are about a million points in all.

    problems: of each signal.
    seconds: the length of the constant window.
    on_step: is called with the steps of all runs as if they were one descent.
    """
    count = min(len(problems), _SIGNALS)
    chosen = [problems[round(i * (len(problems) - 1) / max(1, count - 1))] for i in range(count)]
    signals = [_loudest_block(problem, _BINS // count) for problem in chosen]
    whole = count == len(problems) and all(used is p.signal for p, used in zip(chosen, signals, strict=True))
    report, gains = _joint_progress(2 * count, on_step), []
    for mode in (TIME, FREQUENCY):
        runs = [_adapt(problem, signal, mode, seconds, report) for problem, signal in zip(chosen, signals, strict=True)]
        constant, adapted = (float(sum(values)) for values in zip(*runs, strict=True))
        sign = 1 if lower_is_better(problems[0].criterion) else -1
        gains.append(Gain(problems[0].name, mode, constant, adapted, sign * (constant - adapted)))
    return GainEstimate(signals, len(problems), whole, gains)


def lower_is_better(criterion: Criterion) -> bool:
    """Whether a sharper spectrogram has a lower criterion, as with entropies, or a higher one."""
    low, high = criterion.cost(torch.tensor([1.0, 2.0])).tolist()
    return low < high


def window_samples(problem: Problem, seconds: float) -> float:
    """A window length in samples; a rounding error does not take it out of the problem's bounds."""
    grid = problem.grid
    return min(max(seconds * problem.signal.sample_rate, grid.theta_min), float(grid.support))


def _joint_progress(runs: int, on_step: Watch) -> Watch:
    """Reports the descents of several runs as one."""
    begun = 0

    def report(step: Step) -> None:
        nonlocal begun
        if step.phase == "descent":
            begun += step.index == 0
            on_step(Step("descent", min(begun - 1, runs) * _STEPS + step.index, runs * _STEPS))

    return report


def _coarse_hop(problem: Problem) -> float:
    return max(problem.grid.hop, float(max(1, problem.grid.support // 8)))


def _loudest_block(problem: Problem, bins: int) -> Signal:
    """The signal, or its loudest block of about ``bins`` points."""
    signal, grid = problem.signal, problem.grid
    count = max(int(bins / grid.bins * _coarse_hop(problem)), _LEAST_SUPPORTS * grid.support)
    if count >= len(signal.samples):
        return signal
    energy = np.cumsum((signal.samples - signal.samples.mean()) ** 2)
    first = int(np.argmax(energy[count - 1 :] - np.append(0.0, energy[:-count])))
    block = signal.samples[first : first + count]
    return replace(signal, samples=block, start=signal.start + first / signal.sample_rate)


def _adapt(problem: Problem, signal: Signal, mode: str, seconds: float, on_step: Watch) -> tuple[float, float]:
    """The criterion at the constant window, and after a short run in an adaptive mode."""
    grid, config = problem.grid, problem.config
    settings = {
        "transform.mode": mode,
        "transform.support": grid.support,
        "transform.hop": _coarse_hop(problem),
        "transform.theta_min": grid.theta_min,
        "transform.theta": window_samples(problem, seconds),
        "optimizer.steps": min(config.optimizer.steps, _STEPS),
    }
    result = optimize(signal, merge_config(config, settings), on_step)
    return result.initial[result.criterion], result.final[result.criterion]
