"""What is printed of a result: a summary after a run, and what ``dstft info`` says."""

import math
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from ...config.lengths import LEAST_WINDOW
from ...config.loading import Config
from ...config.schema import LOCAL_ENTROPY
from ...results.metrics import Narrowing, relative_change
from ...results.result import Result
from ...stft.modes import FIXED_HOP, OVERLAP
from ...text import one_line, size_text, time_text
from .console import Console, Row, note_text

_OF_POINTS = ("entropy", "renyi")  # exp of these is the number of points that evenly spread energy would fill
_COVERED = 0.9995  # of the signal, with some tolerance for its ends
_MOST_FILES = 8  # printed


def print_summary(console: Console, result: Result, folder: Path) -> None:
    """Print the outcome of a run in a few lines, with notes; with -q its folder only."""
    if console.quiet:
        click.echo(click.format_filename(folder))
        return
    for note in _notes(result):
        console.note(note)
    console.facts(_summary(result, folder))


def rows(facts: dict, result: Result) -> Iterator[Row]:
    """(name, text) of each line. facts: path, written, files_bytes, gain and metrics of the result."""
    signal, size = result.signal, size_text(sum(facts["files_bytes"].values()), 3)
    yield "result", f"{facts['path']}, {size}, written {facts['written'].replace('T', ' ')[:16]}"
    summary = dict(_summary(result, Path(facts["path"])))
    channel = f", channel {one_line(signal.channel, 40)} of {len(signal.channels)}" if len(signal.channels) > 1 else ""
    start = f", from {time_text(signal.start)} on" if signal.start else ""
    summary["signal"] += channel + start
    summary["coverage"] = f"windows cover {100 * result.measures['coverage']['final']:.4g} % of the signal"
    summary.pop("written to")
    summary[result.criterion] += f": {_gain(facts['gain'], result)}"
    yield from summary.items()
    yield "settings", one_line(_changed(result.config), 300)
    yield "made by", _versions(facts["metrics"])
    names = list(facts["files_bytes"])
    more = f" and {len(names) - _MOST_FILES} more" if len(names) > _MOST_FILES else ""
    yield "files", one_line(", ".join(names[:_MOST_FILES]) + more, 300)
    for note in signal.notes:
        yield "note", note_text(note)


def _notes(result: Result) -> Iterator[str]:
    """What a user should know before trusting the result."""
    best, grid = result.best_constant, result.grid
    if result.config.figures.absolute_time and result.signal.began is None:
        yield "absolute-time has no effect: the recording has no clock of its own"
    if best and best[0] > 0.995 * grid.support:
        yield "the best constant window is the longest allowed; a longer --support may give a lower loss"
    elif best and best[0] < 1.005 * grid.theta_min and grid.theta_min > LEAST_WINDOW:
        yield (
            "the best constant window is the shortest allowed; a shorter --theta-min, with a --hop of half of it, may give a "
            "lower loss"
        )
    if np.max(result.hop, initial=0) > grid.support:
        yield (
            f"the hop of {np.max(result.hop):g} samples is longer than the longest window, {grid.support}: "
            "no window covers some parts of the signal"
        )
    elif result.hop_mode == FIXED_HOP and result.measures["coverage"]["final"] < _COVERED:
        unseen = 100 * (1 - result.measures["coverage"]["final"])
        yield (
            f"{unseen:.2g} % of the samples lie between the windows, where none sees them: the hop of "
            f"{np.max(result.hop, initial=0):g} samples is longer than windows are; give a shorter --hop or a longer --theta-min"
        )
    elif result.hop_mode != FIXED_HOP and result.measures["coverage"]["final"] < 0.99:
        weighted = "--penalty coverage with a larger --penalty-weight"
        change = "a smaller --overlap" if result.hop_mode == OVERLAP else weighted
        yield f"windows cover {100 * result.measures['coverage']['final']:.1f} % of the signal: {change} covers more"


def _summary(result: Result, folder: Path) -> Iterator[Row]:
    """The outcome of a run, (name, text) of each line."""
    rate, criterion = result.sample_rate, result.criterion
    yield "signal", f"{result.signal.where}, {time_text(result.signal.duration)} at {rate:g} Hz"
    yield "transform", _transform(result)
    yield "window length" + ("s" if result.theta.size > 1 else ""), _lengths_text(result.extent, rate)
    if result.best_constant and not (result.mode == "constant" and result.placed):
        yield "best constant", f"{result.best_constant[0]:.1f} samples ({time_text(result.best_constant[0] / rate)})"
    yield criterion, f"{result.initial[criterion]:.4f} to {result.final[criterion]:.4f}"
    others = {name for name in result.initial | result.final if name not in ("loss", criterion)}
    if any(terms.get(name) for terms in (result.initial, result.final) for name in others):
        yield "loss", f"{result.initial['loss']:.4f} to {result.final['loss']:.4f}"
    if result.hop_mode != FIXED_HOP or criterion == "kurtosis":
        initial, final = result.measures["coverage"].values()
        yield "coverage", f"{initial:.4f} to {final:.4f}"
    if result.narrowing is not None:
        yield "gain", _narrowing(result.narrowing, rate, result.criterion == LOCAL_ENTROPY)
    yield "accuracy", f"rms error {result.accuracy.rms:.1e} over {result.accuracy.bins_checked} random bins"
    steps = f"{result.steps} step{'s' * (result.steps != 1)}"
    yield "stopped by", f"{result.stop_reason} after {steps}, {result.seconds['total']:.1f} s in all"
    yield "written to", click.format_filename(folder)


def _transform(result: Result) -> str:
    rate, (bins, frames) = result.sample_rate, result.stft.shape
    one_hop = f"{result.hop:g} ({time_text(result.hop / rate)})" if not np.ndim(result.hop) else None
    hop = one_hop or _lengths_text(_quantiles(result.hop), rate)
    shared = "" if result.grid.overlap is None else f", windows share {100 - 100 * result.grid.overlap:.4g} %"
    return (
        f"{result.mode}, {result.window.name}; support {result.support} ({time_text(result.support / rate)}), "
        f"hop {hop}{shared}; {bins} x {frames} bins"
    )


def _quantiles(lengths: np.ndarray) -> tuple[float, float, float] | None:
    """The smallest, the median and the largest of (n,) lengths; None of none."""
    return tuple(float(f(lengths)) for f in (np.min, np.median, np.max)) if len(lengths) else None


def _lengths_text(lengths: tuple[float, float, float] | None, rate: float) -> str:
    """The smallest, the median and the largest length, in samples, as text; one length if they are equal."""
    if lengths is None:
        return "none"
    low, middle, high = lengths
    if f"{low:.1f}" == f"{high:.1f}":
        return f"{middle:.1f} samples ({time_text(middle / rate)})"
    return f"{low:.1f} to {high:.1f}, median {middle:.1f} samples ({time_text(low / rate)} to {time_text(high / rate)})"


def _gain(gain: float | None, result: Result) -> str:
    """What the run gained over the constant window that it started from."""
    first = f"the initial constant window of {time_text(result.first_theta / result.sample_rate)}"
    if not gain:
        return f"no better than with {first}"
    if result.criterion in _OF_POINTS:
        percent = 100 * math.expm1(gain)
        return f"the energy in {abs(percent):.3g} % {'fewer' if percent < 0 else 'more'} points than with {first}"
    start = result.initial[result.criterion]
    change = relative_change(result.criterion, start, start + gain)
    share = f"{100 * abs(change):.3g} % " if change else ""
    return f"{share}{'higher' if gain > 0 else 'lower'} than with {first}"


def _narrowing(found: Narrowing, rate: float, decided: bool) -> str:
    """How the spectrogram compares with the best constant window, one sentence.

    decided: whether the run has kept the constant window where its gain was not seen, so that any other picture is worth while.
    """
    window = time_text(found.theta / rate)
    if not (found.narrower if decided else found.worthwhile):
        return f"one window of {window} shows this recording as well"
    wider = f"; wider over {100 * found.wider_share:.0f} %" if found.wider_share >= 0.005 else ""
    share = f"{100 * found.share:{'.0f' if found.share >= 0.1 else '.2g'}}"
    return (
        f"{100 * found.narrower:.0f} % narrower than under the best constant window ({window}) over "
        f"{share} % of the energy{wider}"
    )


def _changed(config: Config) -> str:
    """The settings that differ from the defaults."""
    defaults, settings = (one.model_dump(mode="json", by_alias=True) for one in (Config(), config))
    changed = [
        f"{section}.{key} {value}"
        for section, keys in settings.items()
        for key, value in keys.items()
        if value != defaults[section][key]
    ]
    return ", ".join(changed) or "defaults"


def _versions(metrics: dict) -> str:
    versions = metrics.get("versions")
    versions = versions if isinstance(versions, dict) else {}
    names = [name for name in versions if name in ("dstft-cli", "torch", "numpy")]
    known = ", ".join(f"{name} {versions[name]}" for name in names)
    return one_line(f"{known or 'unknown versions'}, on {metrics['device']} in {metrics['dtype']}", 300)
