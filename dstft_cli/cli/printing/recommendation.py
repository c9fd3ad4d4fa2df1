"""What ``dstft recommend`` prints: rows of names and values, and blocks of lines to copy."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ...recordings.signal import Signal
from ...results.metrics import relative_change
from ...text import time_text
from ...workflows.adaptive_gain import GainEstimate
from ...workflows.other_tools import HOPS_PER_WINDOW
from ...workflows.recommend import SHARE, Recommendation
from .console import Row

_FRACTIONS = {4: "a quarter", 6: "a sixth", 12: "a twelfth"}
_MEANING = {
    "entropy": "how widely the energy is spread over the spectrogram; less is sharper",
    "renyi": "how widely the energy is spread, with more weight on the loudest points; less is sharper",
    "kurtosis": "minus log kurtosis (energy of each frame in few frequencies), plus the penalty; less is sharper",
    "local-entropy": "how widely the energy around a point is spread, in nats; 0 as under the shortest window; less is sharper",
}
_AXES = {"time-varying": "over time", "frequency-varying": "over frequency"}


def rows(recommendation: Recommendation) -> Iterator[Row]:
    """(name, text) of each line; a line with an empty name continues the one before."""
    yield from _signals(recommendation)
    yield from _window(recommendation)
    yield from _curve(recommendation)
    if recommendation.given is not None:
        yield "yours", _given(recommendation)
    if recommendation.gain_estimate is not None:
        yield from _adapting(recommendation.gain_estimate, recommendation.criterion)


def tool_blocks(recommendation: Recommendation) -> Iterator[str]:
    """The lines to copy, each below the name of its tool as a comment, for each sampling rate."""
    for window in recommendation.windows:
        at = "" if len(recommendation.windows) == 1 else f", at {window.sample_rate:g} Hz"
        for tool, line in recommendation.lines(window).items():
            yield ""
            yield f"{'%' if tool.startswith('MATLAB') else '#'} {tool}{at}"
            yield line


def labels(signals: Sequence[Signal]) -> list[str]:
    """A name for each signal: that of its file, with the channel if there are several, numbered if names repeat."""
    names = [_label(signal) for signal in signals]
    return [f"{name} ({names[: i + 1].count(name)})" if names.count(name) > 1 else name for i, name in enumerate(names)]


def loss_name(recommendation: Recommendation) -> str:
    """The name of the loss: that of the criterion if they are the same."""
    return recommendation.criterion if recommendation.criterion in ("entropy", "renyi") else "loss"


def _label(signal: Signal) -> str:
    name = Path(signal.path).name if signal.path else signal.name
    return name if len(signal.channels) < 2 else f"{name}, channel {signal.channel}"


def _signals(recommendation: Recommendation) -> Iterator[Row]:
    signals, losses = recommendation.signals, recommendation.curve.losses
    if len(signals) == 1:
        yield "signal", f"{signals[0].where}, {time_text(signals[0].duration)} at {signals[0].sample_rate:g} Hz"
        return
    yield "signals", f"{len(signals)} in all, {sum(signal.duration for signal in signals):.4g} s"
    lowest, common = losses.min(0), losses[recommendation.total.argmin()]
    for label, signal, own, low, here in zip(labels(signals), signals, recommendation.own, lowest, common, strict=True):
        percent = 100 * relative_change(recommendation.criterion, low, here)
        yield (
            "",
            f"{label}, {time_text(signal.duration)} at {signal.sample_rate:g} Hz: its own best is {time_text(own)}, "
            f"the common window is {percent:.2g} % worse",
        )


def _window(recommendation: Recommendation) -> Iterator[Row]:
    family, windows = recommendation.config.transform.window, recommendation.windows
    share = f"{_FRACTIONS[HOPS_PER_WINDOW[family]]} of the window"
    kind = f"{family}, the {recommendation.at_bound} allowed" if recommendation.at_bound else family
    if len(windows) > 1:
        yield "best window", f"{time_text(recommendation.best)}, {kind}; hop {share}"
    for window in windows:
        rate = window.sample_rate
        length, hop = f"{window.win_length} samples", f"{window.hop} samples ({time_text(window.hop / rate)})"
        size = f"{window.n_fft} samples, bins {rate / window.n_fft:.4g} Hz apart"
        if len(windows) > 1:
            yield f"at {rate:g} Hz", f"{length}, hop {hop}, DFT size {size}"
        else:
            yield "best window", f"{length} ({time_text(window.win_length / rate)}), {kind}"
            yield "hop", f"{hop}, {share}"
            yield "DFT size", size


def _curve(recommendation: Recommendation) -> Iterator[Row]:
    name, count = loss_name(recommendation), len(recommendation.signals)
    summed = "" if count == 1 else f" summed over {count} signals"
    yield name, f"{recommendation.loss:.4f} nats{summed}: {_MEANING[recommendation.criterion]}"
    yield "tried", f"{len(recommendation.curve.lengths)} lengths, {_span(recommendation, *recommendation.bounds)}"
    ranges = " and ".join(_span(recommendation, *pair) for pair in recommendation.flat)
    limit = f"{name} up to {recommendation.limit:.4f} nats"
    yield f"within {100 * SHARE:g} %", f"{ranges}: {limit}{_reach(recommendation)}"


def _reach(recommendation: Recommendation) -> str:
    shortest, longest = recommendation.flat_to_bounds
    if shortest and longest and len(recommendation.flat) == 1:
        return "; these are all lengths allowed, so the length matters little"
    ends = [name for name, reached in (("shortest", shortest), ("longest", longest)) if reached]
    return f"; up to the {' and the '.join(ends)} allowed, and maybe beyond" if ends else ""


def _span(recommendation: Recommendation, low: float, high: float) -> str:
    """A range of lengths, given in s, also in samples if there is one sampling rate."""
    times = f"{time_text(low)} to {time_text(high)}"
    if len(recommendation.windows) > 1:
        return times
    rate = recommendation.windows[0].sample_rate
    return f"{low * rate:.0f} to {high * rate:.0f} samples ({times})"


def _given(recommendation: Recommendation) -> str:
    lengths, losses = recommendation.given
    each = {
        f"{length:.4g} samples ({time_text(length / signal.sample_rate)})"
        for length, signal in zip(lengths, recommendation.signals, strict=True)
    }
    loss, lowest = sum(losses), recommendation.loss
    above = 100 * relative_change(recommendation.criterion, lowest, loss)
    return f"{', '.join(sorted(each))}: {loss_name(recommendation)} {loss:.4f} nats, {above:.2g} % above the lowest"


def _adapting(estimate: GainEstimate, criterion: str) -> Iterator[Row]:
    summed, unit = "" if len(estimate.signals) == 1 else "summed ", "" if criterion == "kurtosis" else " nats"
    yield "adapting", f"estimated {_estimated_on(estimate)} in short runs with fewer frames; longer runs may gain more"
    for gain in estimate.gains:
        change = f"{summed}{criterion} {gain.constant:.4f} to {gain.adapted:.4f}{unit}"
        better = f"{gain.gain:.4f}{unit} or {gain.percent:.2f} % better than the constant window"
        better = better if gain.percent >= 0.005 else "no gain"
        yield _AXES[gain.mode], f"{change}, {better} (dstft optimize --mode {gain.mode})"


def _estimated_on(estimate: GainEstimate) -> str:
    seconds = sum(part.duration for part in estimate.signals)
    if estimate.whole:
        return "on all of it" if estimate.total == 1 else "on all of them, one by one,"
    if estimate.total == 1:
        return f"on its loudest {seconds:.3g} s"
    return f"on {seconds:.3g} s, the loudest parts of {len(estimate.signals)} of them, one by one,"
