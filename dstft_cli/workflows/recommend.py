"""The best constant window for one or several recordings, how much its length matters, and the gain of adaptive windows.

Several recordings share one window duration, whatever their sampling rates. The sum of their losses is minimised, each on the
grid (support, hop) of a run of its own. The losses have equal weights: an entropy grows with the size of the spectrogram,
but by the same amount at every window length, and only differences matter here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch

from ..config.loading import Config, merge_config
from ..config.schema import LOCAL_ENTROPY
from ..errors import InputError
from ..optimization.auto_lengths import choose_common_lengths
from ..optimization.length_search import Curve, bracketing, refine
from ..optimization.problem import Problem
from ..optimization.run import NARROWING
from ..recordings.formats.registry import find_format
from ..recordings.kinds import is_text
from ..recordings.signal import Signal, check_signal
from ..results.progress import Step
from ..stft.modes import CONSTANT, FIXED_HOP
from ..stft.windows import get_window
from ..text import time_text
from .adaptive_gain import GainEstimate, Watch, estimate_gain, window_samples
from .other_tools import HOPS_PER_WINDOW, AudioSelection, RoundedWindow, code_lines, rounded_window

SHARE = 0.01  # lengths whose loss is at most that fraction above the lowest count as equally good


class TriedLengths(NamedTuple):
    """The n windows tried on S signals.

    lengths: (n,) s, increasing.
    losses: (n, S), of each signal.
    values: (n, S), the criterion likewise.
    """

    lengths: np.ndarray
    losses: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class Recommendation:
    """The best constant window of S signals.

    signals, config: those of the search.
    criterion: its name.
    bounds: the shortest and the longest window that all signals allow, s.
    curve: the windows tried.
    given: window lengths in samples from ``transform.theta``, and the loss of each signal there; None without that setting.
    gain_estimate: of the adaptive modes; None if not asked for.
    """

    signals: Sequence[Signal]
    config: Config
    criterion: str
    bounds: tuple[float, float]
    curve: TriedLengths
    given: tuple[list[float], list[float]] | None
    gain_estimate: GainEstimate | None = None

    @property
    def total(self) -> np.ndarray:
        """The loss at each length, summed over the signals, (n,)."""
        return self.curve.losses.sum(1)

    @property
    def best(self) -> float:
        """The length with the lowest sum of losses, s."""
        return float(self.curve.lengths[self.total.argmin()])

    @property
    def loss(self) -> float:
        """The lowest sum of losses."""
        return float(self.total.min())

    @property
    def limit(self) -> float:
        """The largest loss of lengths that count as equally good: 1 % above the lowest, as ``relative_change`` counts."""
        if self.criterion == LOCAL_ENTROPY:
            return self.loss + math.log1p(SHARE) * len(self.signals)
        return self.loss + SHARE * abs(self.loss)

    @property
    def flat(self) -> list[tuple[float, float]]:
        """The ranges of lengths in s whose loss is within the limit; one of them contains the best length."""
        return ranges_below(self.curve.lengths, self.total, self.limit)

    @property
    def flat_to_bounds(self) -> tuple[bool, bool]:
        """Whether the flat ranges reach the shortest and the longest window allowed."""
        return bool(self.total[0] <= self.limit), bool(self.total[-1] <= self.limit)

    @property
    def at_bound(self) -> str:
        """``shortest`` or ``longest`` if the best length is at that bound, else ""."""
        low, high = self.bounds
        return "longest" if self.best > 0.995 * high else "shortest" if self.best < 1.005 * low else ""

    @property
    def own(self) -> list[float]:
        """For each signal the length tried with its lowest loss, s."""
        return [float(self.curve.lengths[i]) for i in self.curve.losses.argmin(0)]

    @property
    def windows(self) -> list[RoundedWindow]:
        """The window in whole samples at each sampling rate."""
        rates = dict.fromkeys(signal.sample_rate for signal in self.signals)
        return [rounded_window(self.config.transform.window, self.best * rate, rate) for rate in rates]

    def lines(self, window: RoundedWindow) -> dict[str, str]:
        """The window as {tool: line of code}. The SoX line reads the first audio file with the window's sampling rate."""
        signals = (signal for signal in self.signals if signal.sample_rate == window.sample_rate)
        selections = (_audio_selection(signal, self.config) for signal in signals)
        return code_lines(window, next((selection for selection in selections if selection), None))


def recommend(
    signals: Sequence[Signal], config: Config, on_step: Watch = lambda step: None, gains: bool = True
) -> Recommendation:
    """Find the constant window length that minimises the sum of the signals' losses.

    signals: one or several.
    config: of the losses and the grids; its mode is ignored.
    on_step: is called with each step.
    gains: whether the gain of the adaptive modes is estimated too.

    Raises InputError for signals or settings that cannot work, DivergedError if a loss is not finite.
    """
    if config.transform.hop_mode != FIXED_HOP:
        raise InputError(
            f"transform.hop_mode is {config.transform.hop_mode}: recommend needs frames that do not move; --set hop_mode=fixed"
        )
    if config.transform.window not in HOPS_PER_WINDOW:
        raise InputError(
            f"transform.window is {config.transform.window}: other tools lack it; recommend takes {', '.join(HOPS_PER_WINDOW)}"
        )
    if config.run.threads:
        torch.set_num_threads(config.run.threads)
    for signal in signals:
        check_signal(signal)

    config = choose_common_lengths(signals, merge_config(config, {"transform.mode": CONSTANT}))
    family = get_window(config.transform.window)
    problems = [Problem(signal, config, family) for signal in signals]
    recommendation = _search(problems, on_step)
    if not gains:
        return recommendation
    return replace(recommendation, gain_estimate=estimate_gain(problems, recommendation.best, on_step))


def ranges_below(lengths: np.ndarray, losses: np.ndarray, limit: float) -> list[tuple[float, float]]:
    """Where a curve is at or below a limit, with straight lines over log length between its points.

    lengths: (n,), increasing, positive.
    losses: (n,).
    limit: in the unit of the losses.

    Returns (from, to) of each range, in the unit of the lengths.
    """
    log_lengths, ranges, last = np.log(lengths), [], len(lengths) - 1

    def crossing(inside: int, outside: int) -> float:
        share = (limit - losses[inside]) / (losses[outside] - losses[inside])
        return float(np.exp(log_lengths[inside] + share * (log_lengths[outside] - log_lengths[inside])))

    for i in np.flatnonzero(losses <= limit).tolist():
        if i == 0 or losses[i - 1] > limit:
            begin = float(lengths[0]) if i == 0 else crossing(i, i - 1)
        if i == last or losses[i + 1] > limit:
            ranges.append((begin, float(lengths[-1]) if i == last else crossing(i, i + 1)))
    return ranges


def _search(problems: list[Problem], on_step: Watch) -> Recommendation:
    """Compute the sum of losses at log-spaced lengths, then refine it between them with Brent's method."""
    bounds, curve, terms = _common_bounds(problems), Curve([], []), {}

    def report(node: int, count: int) -> None:
        on_step(Step("bank", node, count))

    for problem in problems:
        if problem.local:  # this criterion needs all lengths beforehand
            problem.loss.precompute(report)
    nodes = bracketing(*bounds)

    def evaluate(seconds: float) -> float:
        on_step(Step("search", len(terms), len(nodes) + NARROWING))
        terms[seconds] = [problem.evaluate(window_samples(problem, seconds)) for problem in problems]
        return sum(own["loss"] for own in terms[seconds])

    for seconds in nodes:
        curve.add(seconds, evaluate(seconds))
    if len(nodes) > 2:
        refine(evaluate, curve, budget=NARROWING)
    first, lengths = problems[0], sorted(terms)
    losses, values = (
        np.array([[own[key] for own in terms[seconds]] for seconds in lengths]) for key in ("loss", first.name)
    )
    tried = TriedLengths(np.array(lengths), losses, values)
    signals = [problem.signal for problem in problems]
    return Recommendation(signals, first.config, first.name, bounds, tried, _given(problems))


def _given(problems: list[Problem]) -> tuple[list[float], list[float]] | None:
    lengths = [problem.grid.theta for problem in problems]
    if None in lengths:
        return None
    return lengths, [p.evaluate(length)["loss"] for p, length in zip(problems, lengths, strict=True)]


def _common_bounds(problems: list[Problem]) -> tuple[float, float]:
    """The shortest and the longest window in s that every signal allows. Raises InputError if there is none."""
    ranges = [
        (p.grid.theta_min / p.signal.sample_rate, p.grid.support / p.signal.sample_rate, p.signal.where)
        for p in problems
    ]
    low, high = max(ranges), min(ranges, key=lambda item: item[1])
    if low[0] > high[1]:
        raise InputError(
            f"no window length fits all signals: {low[2]} needs at least {time_text(low[0])}, {high[2]} at most "
            f"{time_text(high[1])}; give --support and --theta-min as times, such as 50ms and 5ms, or run them one by one"
        )
    return low[0], high[1]


def _audio_selection(signal: Signal, config: Config) -> AudioSelection | None:
    """What was read of an audio file; None if the signal is from another source, or has another time than its file."""
    if signal.path is None or is_text(signal.path) or find_format(signal.path):
        return None
    if config.signal.time_expansion is not None or signal.metadata.get("TE", "1") != "1":
        return None
    channel = None if len(signal.channels) < 2 else signal.channel
    return AudioSelection(signal.path, channel, config.signal.start, config.signal.duration, signal.duration)
