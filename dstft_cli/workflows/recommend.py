"""The best constant window for one recording or several, how much its length matters, and what adapting would gain.

Several recordings share one window in seconds, whatever their rates: what is made small is the sum of their losses, each on
its own plane (support, hop) as a run of its own would have it. The losses are not weighed by length: an entropy grows with
the size of the picture, but that share of it is the same at every window length, and only differences matter here.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch

from ..config.grid import make_grid
from ..config.loading import Config, merge_config
from ..errors import InputError
from ..optimization.length_search import Curve, bracketing, refine
from ..optimization.problem import Problem
from ..optimization.run import NARROWING
from ..recordings.signal import TEXT_EXTENSIONS, Signal, check_signal
from ..results.progress import Step
from ..stft.modes import CONSTANT, FIXED_HOP
from ..stft.windows import get_window
from ..text import one_line, time_text
from .adaptive_gain import GainEstimate, Watch, try_adapting, window_samples
from .other_tools import AudioPart, WholeWindow, tool_lines, whole_window

SHARE = 0.01  # of the lowest loss: lengths that cost no more than that above it count as no worse


@dataclass(frozen=True)
class Recommendation:
    """The best constant window of S signals.

    criterion: its name. best: s. bounds: shortest and longest window that the signals allow, s.
    lengths: (n,) s, increasing, the windows tried; losses: (n, S), of each signal at each; values: the criterion likewise.
    given: for each signal the length in samples that ``transform.theta`` asked for and the loss there; None without.
    trial: what adapting gains; None where it was not asked for.
    """

    signals: Sequence[Signal]
    config: Config
    criterion: str
    best: float
    bounds: tuple[float, float]
    lengths: np.ndarray
    losses: np.ndarray
    values: np.ndarray
    given: tuple[list[float], list[float]] | None
    trial: GainEstimate | None = None

    @property
    def total(self) -> np.ndarray:
        """The loss at each length, summed over the signals, (n,)."""
        return self.losses.sum(1)

    @property
    def loss(self) -> float:
        """The lowest sum of losses."""
        return float(self.total.min())

    @property
    def limit(self) -> float:
        """The loss up to which a length counts as no worse: 1 % of the lowest, whatever its sign, above it."""
        return self.loss + SHARE * abs(self.loss)

    @property
    def flat(self) -> list[tuple[float, float]]:
        """The ranges of lengths in s whose loss is within the limit; the best length lies in one of them."""
        return ranges_below(self.lengths, self.total, self.limit)

    @property
    def flat_to_bounds(self) -> tuple[bool, bool]:
        """Whether they reach the shortest and the longest window that the signals allow."""
        return bool(self.total[0] <= self.limit), bool(self.total[-1] <= self.limit)

    @property
    def at_bound(self) -> str:
        """``shortest`` or ``longest`` where the best length is that, else nothing."""
        low, high = self.bounds
        return "longest" if self.best > 0.995 * high else "shortest" if self.best < 1.005 * low else ""

    @property
    def own(self) -> list[float]:
        """For each signal the best, in s, of the lengths tried."""
        return [float(self.lengths[i]) for i in self.losses.argmin(0)]

    @property
    def windows(self) -> list[WholeWindow]:
        """The window in whole samples at each sampling rate that there is."""
        rates = dict.fromkeys(signal.sample_rate for signal in self.signals)
        return [whole_window(self.config.transform.window, self.best * rate, rate) for rate in rates]

    def lines(self, window: WholeWindow) -> dict[str, str]:
        """The window as lines for other tools; SoX's reads the first audio file of that rate."""
        parts = (
            _audio_part(signal, self.config) for signal in self.signals if signal.sample_rate == window.sample_rate
        )
        return tool_lines(window, next((part for part in parts if part), None))


def recommend(
    signals: Sequence[Signal], config: Config, on_step: Watch = lambda step: None, gains: bool = True
) -> Recommendation:
    """The constant window length that makes the sum of the signals' losses least.

    gains: whether the adaptive modes are tried too. The config's mode plays no part.
    Raises InputError for signals or settings that cannot work, DivergedError where a loss is not finite.
    """
    if config.transform.hop_mode != FIXED_HOP:
        raise InputError(
            f"transform.hop_mode is {config.transform.hop_mode}: a constant window is recommended for frames that do not move; "
            "--set hop_mode=fixed"
        )
    if config.run.threads:
        torch.set_num_threads(config.run.threads)
    for signal in signals:
        check_signal(signal, 2)

    config = merge_config(config, {"transform.mode": CONSTANT})
    family = get_window(config.transform.window)
    problems = [Problem(signal, config, family) for signal in signals]
    found = _search(problems, on_step)
    return replace(found, trial=try_adapting(problems, found.best, on_step)) if gains else found


def ranges_below(lengths: np.ndarray, losses: np.ndarray, limit: float) -> list[tuple[float, float]]:
    """Where a curve lies at or below a limit, (from, to) each, by straight lines over log length between its points.

    lengths: (n,), increasing, above 0. losses: (n,).
    """
    place, found, last = np.log(lengths), [], len(lengths) - 1

    def crossing(inside: int, outside: int) -> float:
        share = (limit - losses[inside]) / (losses[outside] - losses[inside])
        return float(np.exp(place[inside] + share * (place[outside] - place[inside])))

    for i in np.flatnonzero(losses <= limit).tolist():
        if i == 0 or losses[i - 1] > limit:
            begin = float(lengths[0]) if i == 0 else crossing(i, i - 1)
        if i == last or losses[i + 1] > limit:
            found.append((begin, float(lengths[-1]) if i == last else crossing(i, i + 1)))
    return found


def _search(problems: list[Problem], on_step: Watch) -> Recommendation:
    """The curve over log-spaced lengths, then Brent between its points, on the sum of the losses."""
    bounds, curve, known = _common_bounds(problems), Curve([], []), {}

    def tell(node: int, count: int) -> None:
        on_step(Step("bank", node, count))

    for problem in problems:
        if problem.local:  # it looks at all lengths beforehand
            problem.precompute(tell)
    nodes = bracketing(*bounds)

    def evaluate(seconds: float) -> float:
        on_step(Step("search", len(known), len(nodes) + NARROWING))
        known[seconds] = [problem.evaluate(window_samples(problem, seconds)) for problem in problems]
        return sum(terms["loss"] for terms in known[seconds])

    for seconds in nodes:
        curve.add(seconds, evaluate(seconds))
    if len(nodes) > 2:
        refine(evaluate, curve, budget=NARROWING)
    first, lengths = problems[0], sorted(known)
    losses, values = (
        np.array([[terms[key] for terms in known[seconds]] for seconds in lengths]) for key in ("loss", first.name)
    )
    signals = [problem.signal for problem in problems]
    best = float(np.array(lengths)[losses.sum(1).argmin()])
    tried = bounds, np.array(lengths), losses, values
    return Recommendation(signals, first.config, first.name, best, *tried, _given(problems))


def _given(problems: list[Problem]) -> tuple[list[float], list[float]] | None:
    lengths = [problem.grid.theta for problem in problems]
    if None in lengths:
        return None
    return lengths, [p.evaluate(length)["loss"] for p, length in zip(problems, lengths, strict=True)]


def _common_bounds(problems: list[Problem]) -> tuple[float, float]:
    """The shortest and the longest window in s that every signal allows. Raises InputError where there is none."""
    ranges = [
        (p.grid.theta_min / p.signal.sample_rate, p.grid.support / p.signal.sample_rate, p.signal.where)
        for p in problems
    ]
    low, high = max(ranges), min(ranges, key=lambda item: item[1])
    if low[0] > high[1]:
        raise InputError(
            f"no window length suits all: {low[2]} takes {time_text(low[0])} and more, {high[2]} {time_text(high[1])} and less; "
            "give --support and --theta-min as times, such as 50ms and 5ms, or ask for each by itself"
        )
    return low[0], high[1]


def _audio_part(signal: Signal, config: Config) -> AudioPart | None:
    """What a tool that reads audio files has to be told of a signal; None where it came from elsewhere."""
    if signal.path is None or signal.path.lower().endswith(TEXT_EXTENSIONS):
        return None
    channel = None if len(signal.channels) < 2 else signal.channel
    return AudioPart(signal.path, channel, config.signal.start, config.signal.duration, signal.duration)


def report(found: Recommendation) -> dict:
    """All of it for a machine: times in s, ``samples`` at the rate they stand beside, losses summed over the signals."""
    shortest, longest = found.flat_to_bounds
    return {
        "schema_version": 1,
        "criterion": found.criterion,
        "loss_unit": "nats",
        "window": found.config.transform.window,
        "best": {"seconds": found.best, "loss": found.loss, "at_bound": found.at_bound or None},
        "bounds": {"seconds": list(found.bounds)},
        "flat": {
            "share": SHARE,
            "loss_limit": found.limit,
            "seconds": [list(pair) for pair in found.flat],
            "reaches_shortest": shortest,
            "reaches_longest": longest,
        },
        "curve": {"seconds": found.lengths.tolist(), "loss": found.total.tolist()},
        "rates": [_at_rate(found, window) for window in found.windows],
        "signals": [_signal(found, i) for i in range(len(found.signals))],
        "given": None if found.given is None else {"samples": found.given[0], "loss": sum(found.given[1])},
        "adapting": None if found.trial is None else _adapting(found.trial),
    }


def _at_rate(found: Recommendation, window: WholeWindow) -> dict:
    rate = window.sample_rate
    return {
        "sample_rate": rate,
        "samples": found.best * rate,
        "flat_samples": [[low * rate, high * rate] for low, high in found.flat],
        "win_length": window.win_length,
        "hop_length": window.hop,
        "n_fft": window.n_fft,
        "lines": found.lines(window),
    }


def _signal(found: Recommendation, i: int) -> dict:
    signal = found.signals[i]
    grid = make_grid(found.config, signal.sample_rate, len(signal.samples))
    return {
        "path": None if signal.path is None else one_line(signal.path, 1000),
        "sha256": signal.sha256,
        "channel": signal.channel,
        "start": signal.start,
        "sample_rate": signal.sample_rate,
        "samples": len(signal.samples),
        "support": grid.support,
        "hop_while_searching": grid.hop,
        "own_best_seconds": found.own[i],
        "curve": {"loss": found.losses[:, i].tolist(), found.criterion: found.values[:, i].tolist()},
        "notes": [asdict(note) for note in signal.notes],
    }


def _adapting(trial: GainEstimate) -> dict:
    parts = [
        {"path": part.path and one_line(part.path, 1000), "start": part.start, "duration": part.duration}
        for part in trial.pieces
    ]
    gains = {
        gain.mode: {
            "constant": gain.constant,
            "adapted": gain.adapted,
            "gain": gain.gain,
            "percent": gain.percent,
        }
        for gain in trial.gains
    }
    return {**gains, "whole": trial.whole, "parts": parts}
