"""What ``dstft recommend`` tells a person: rows of names and values, and blocks of lines to copy."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ...recordings.signal import Signal
from ...text import duration_text, time_text
from ...workflows.adaptive_gain import GainEstimate
from ...workflows.other_tools import HOPS_PER_WINDOW
from ...workflows.recommend import SHARE, Recommendation

_PARTS = {4: "a quarter", 6: "a sixth", 12: "a twelfth"}
_MEANING = {
    "entropy": "how widely the energy is spread over the picture; less is sharper",
    "renyi": "how widely the energy is spread, minding the loudest most; less is sharper",
    "kurtosis": "minus log kurtosis (in how few frequencies a frame's energy lies), plus the penalty; less is sharper",
    "concentration": "minus concentration (of the energy about each point) times the share that counts; less is sharper",
}
_AXES = {"time-varying": "over time", "frequency-varying": "over frequency"}

Row = tuple[str, str]


def rows(found: Recommendation) -> Iterator[Row]:
    """Name and value of each thing that came out; an empty name goes on with the one before."""
    yield from _signals(found)
    yield from _window(found)
    yield from _curve(found)
    if found.given is not None:
        yield "yours", _given(found)
    if found.gain_estimate is not None:
        yield from _adapting(found.gain_estimate, found.criterion, _unit(found.criterion))


def tool_blocks(found: Recommendation) -> Iterator[str]:
    """The lines to copy, each under the name of its tool as a comment, for each sampling rate."""
    for window in found.windows:
        at = "" if len(found.windows) == 1 else f", at {window.sample_rate:g} Hz"
        for tool, line in found.lines(window).items():
            yield ""
            yield f"{'%' if tool.startswith('MATLAB') else '#'} {tool}{at}"
            yield line


def labels(signals: Sequence[Signal]) -> list[str]:
    """A name for each signal, its file's, with the channel where there are several, numbered where they are alike."""
    names = [_label(signal) for signal in signals]
    return [f"{name} ({names[: i + 1].count(name)})" if names.count(name) > 1 else name for i, name in enumerate(names)]


def loss_name(found: Recommendation) -> str:
    """What the loss is called: the criterion's name where it is that."""
    return found.criterion if found.criterion in ("entropy", "renyi") else "loss"


def _unit(criterion: str) -> str:
    return "" if criterion == "kurtosis" else " nats"


def _label(signal: Signal) -> str:
    name = Path(signal.path).name if signal.path else signal.name
    return name if len(signal.channels) < 2 else f"{name}, channel {signal.channel}"


def _signals(found: Recommendation) -> Iterator[Row]:
    if len(found.signals) == 1:
        (signal,) = found.signals
        yield "signal", f"{signal.where}, {duration_text(signal.duration)} at {signal.sample_rate:g} Hz"
        return
    yield "signals", f"{len(found.signals)} in all, {sum(signal.duration for signal in found.signals):.4g} s"
    least, common = found.curve.losses.min(0), found.curve.losses[found.total.argmin()]
    for label, signal, own, low, here in zip(
        labels(found.signals), found.signals, found.own, least, common, strict=True
    ):
        cost = f"the common window costs it {100 * (here - low) / abs(low) if low else 0:.2g} %"
        yield (
            "",
            f"{label}, {duration_text(signal.duration)} at {signal.sample_rate:g} Hz: its own best {time_text(own)}, {cost}",
        )


def _window(found: Recommendation) -> Iterator[Row]:
    family = found.config.transform.window
    share = f"{_PARTS[HOPS_PER_WINDOW[family]]} of the window"
    kind = f"{family}, the {found.at_bound} allowed" if found.at_bound else family
    if len(found.windows) > 1:
        yield "best window", f"{time_text(found.best)}, {kind}; hop {share}"
    for window in found.windows:
        rate = window.sample_rate
        length, hop = f"{window.win_length} samples", f"{window.hop} samples ({time_text(window.hop / rate)})"
        size = f"{window.n_fft} samples, bins {rate / window.n_fft:.4g} Hz apart"
        if len(found.windows) > 1:
            yield f"at {rate:g} Hz", f"{length}, hop {hop}, DFT size {size}"
        else:
            yield "best window", f"{length} ({time_text(found.best)}), {kind}"
            yield "hop", f"{hop}, {share}"
            yield "DFT size", size


def _curve(found: Recommendation) -> Iterator[Row]:
    name, count = loss_name(found), len(found.signals)
    shared = "" if count == 1 else f" summed over {count} signals"
    yield name, f"{found.loss:.4f} nats{shared}: {_MEANING[found.criterion]}"
    yield "tried", f"{len(found.curve.lengths)} lengths, {_span(found, *found.bounds)}"
    ranges = " and ".join(_span(found, *pair) for pair in found.flat)
    yield f"within {100 * SHARE:g} %", f"{ranges}: {name} up to {found.limit:.4f} nats{_reach(found)}"


def _reach(found: Recommendation) -> str:
    shortest, longest = found.flat_to_bounds
    if shortest and longest and len(found.flat) == 1:
        return "; that is every length allowed, so it matters little here"
    ends = [name for name, reached in (("shortest", shortest), ("longest", longest)) if reached]
    return f"; up to the {' and the '.join(ends)} allowed, and maybe beyond" if ends else ""


def _span(found: Recommendation, low: float, high: float) -> str:
    """A range of lengths in s, in samples where there is one rate."""
    times = f"{time_text(low)} to {time_text(high)}"
    if len(found.windows) > 1:
        return times
    rate = found.windows[0].sample_rate
    return f"{low * rate:.0f} to {high * rate:.0f} samples ({times})"


def _given(found: Recommendation) -> str:
    lengths, losses = found.given
    each = {
        f"{length:.4g} samples ({time_text(length / signal.sample_rate)})"
        for length, signal in zip(lengths, found.signals, strict=True)
    }
    above = 100 * (sum(losses) - found.loss) / abs(found.loss) if found.loss else 0.0
    return f"{', '.join(sorted(each))}: {loss_name(found)} {sum(losses):.4f} nats, {above:.2g} % above the lowest"


def _adapting(trial: GainEstimate, name: str, unit: str) -> Iterator[Row]:
    summed = "" if len(trial.signals) == 1 else "summed "
    yield "adapting", f"tried {_tried_on(trial)} in short runs with fewer frames; longer ones may gain more"
    for gain in trial.gains:
        change = f"{summed}{name} {gain.constant:.4f} to {gain.adapted:.4f}{unit}"
        better = f"{gain.gain:.4f}{unit} or {gain.percent:.2f} % better than the constant window"
        better = better if gain.percent >= 0.005 else "nothing gained"
        yield _AXES[gain.mode], f"{change}, {better} (dstft optimize --mode {gain.mode})"


def _tried_on(trial: GainEstimate) -> str:
    seconds = sum(piece.duration for piece in trial.signals)
    if trial.whole:
        return "on all of it" if trial.total == 1 else "on all of them, each by itself,"
    if trial.total == 1:
        return f"on its loudest {seconds:.3g} s"
    return f"on {seconds:.3g} s, the loudest parts of {len(trial.signals)} of them, each by itself,"
