"""What windows that adapt would gain over one constant window: short runs on a bounded part of the recordings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..config.loading import merge_config
from ..optimization.criteria import Criterion
from ..optimization.optimize import optimize
from ..optimization.problem import Problem
from ..recordings.signal import Signal
from ..results.progress import Step
from ..stft.modes import FREQUENCY, TIME

_BINS, _PIECES = 1_000_000, 4  # points of the plane, and recordings, at most
_STEPS = 40  # at most, since the runs only estimate: most of what 200 would gain
_LEAST_SUPPORTS = 4  # that a part of a recording is long

Watch = Callable[[Step], object]
"""Is shown each Step; what it returns ends nothing here."""


@dataclass(frozen=True)
class Gain:
    """What one adaptive mode gained over the constant window; a longer run may gain more.

    constant, adapted: the criterion, summed over the pieces. gain: how much better it became, in its own unit.
    """

    mode: str
    constant: float
    adapted: float
    gain: float

    @property
    def percent(self) -> float:
        """The gain in per cent of the constant window's criterion; 0 where that is 0."""
        return 100 * self.gain / abs(self.constant) if self.constant else 0.0


@dataclass(frozen=True)
class GainEstimate:
    """pieces: what was tried on, signals or their loudest parts. of: how many signals there are. whole: all of all."""

    pieces: list[Signal]
    of: int
    whole: bool
    gains: list[Gain]


def try_adapting(problems: Sequence[Problem], seconds: float, on_step: Watch = lambda step: None) -> GainEstimate:
    """The modes time- and frequency-varying against a constant window of so many seconds, each signal by itself.

    Frames lie at least an eighth of the support apart, and of long or many recordings the loudest parts of some are taken:
    about a million points of the plane in all.
    """
    count = min(len(problems), _PIECES)
    chosen = [problems[round(i * (len(problems) - 1) / max(1, count - 1))] for i in range(count)]
    pieces = [_piece(problem, _BINS // count) for problem in chosen]
    whole = count == len(problems) and all(piece is p.signal for p, piece in zip(chosen, pieces, strict=True))
    tell, gains = _as_one(2 * count, on_step), []
    for mode in (TIME, FREQUENCY):
        runs = [_adapt(problem, piece, mode, seconds, tell) for problem, piece in zip(chosen, pieces, strict=True)]
        constant, adapted = (float(sum(side)) for side in zip(*runs, strict=True))
        sign = 1 if lower_is_better(problems[0].criterion) else -1
        gains.append(Gain(mode, constant, adapted, sign * (constant - adapted)))
    return GainEstimate(pieces, len(problems), whole, gains)


def lower_is_better(criterion: Criterion) -> bool:
    """Whether the criterion itself is to be small, as the entropies are, or large."""
    low, high = criterion.cost(torch.tensor([1.0, 2.0])).tolist()
    return low < high


def window_samples(problem: Problem, seconds: float) -> float:
    """A window of so many seconds in samples, kept from leaving the problem's bounds by a rounding error."""
    plane = problem.grid
    return min(max(seconds * problem.signal.sample_rate, plane.theta_min), float(plane.support))


def _as_one(runs: int, on_step: Watch) -> Watch:
    """The steps of so many runs reported as those of one descent, which is all that a user should see of them."""
    begun = 0

    def tell(step: Step) -> None:
        nonlocal begun
        if step.phase == "descent":
            begun += step.index == 0
            on_step(Step("descent", min(begun - 1, runs) * _STEPS + step.index, runs * _STEPS))

    return tell


def _coarse_hop(problem: Problem) -> float:
    return max(problem.grid.hop, float(max(1, problem.grid.support // 8)))


def _piece(problem: Problem, bins: int) -> Signal:
    """The signal, or its loudest part of about so many points of the plane."""
    signal, plane = problem.signal, problem.grid
    count = max(int(bins / plane.bins * _coarse_hop(problem)), _LEAST_SUPPORTS * plane.support)
    if count >= len(signal.samples):
        return signal
    energy = np.cumsum((signal.samples - signal.samples.mean()) ** 2)
    first = int(np.argmax(energy[count - 1 :] - np.append(0.0, energy[:-count])))
    part = signal.samples[first : first + count]
    return replace(signal, samples=part, start=signal.start + first / signal.sample_rate)


def _adapt(problem: Problem, piece: Signal, mode: str, seconds: float, on_step: Watch) -> tuple[float, float]:
    """The criterion of a signal at the constant window and after a short run in an adaptive mode."""
    plane, config = problem.grid, problem.config
    settings = {
        "transform.mode": mode,
        "transform.support": plane.support,
        "transform.hop": _coarse_hop(problem),
        "transform.theta_min": plane.theta_min,
        "transform.theta": window_samples(problem, seconds),
        "optimizer.steps": min(config.optimizer.steps, _STEPS),
    }
    result = optimize(piece, merge_config(config, settings), on_step)
    return result.initial[result.criterion], result.final[result.criterion]
