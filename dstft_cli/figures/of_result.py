"""The figures of a result: which there are, and what each shows."""

import math
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ..config.grid import make_grid
from ..config.loading import Config
from ..optimization.criteria import CRITERIA, get_criterion
from ..recordings.signal import Signal
from ..results.result import Result, reference
from ..stft.modes import FIXED_HOP
from ..text import one_line, time_text

FIGURES = ("spectrogram", "theta", "comparison", "loss", "frames")


FIGURE_KINDS = ("png", "svg", "pdf")


def check_view(signal: Signal, config: Config) -> None:
    """Raises InputError where the figures' settings would show nothing of this signal, or cannot be drawn with."""
    from ..figures.spectrograms import check_band

    grid = make_grid(config, signal.sample_rate, len(signal.samples))
    check_band(grid.frequencies(signal.sample_rate), view_of(signal, config))


def make_figures(result: Result, wanted: Collection[str] | None = None, **changes: object) -> dict:
    """The figures of a result by the stem of their file: all of FIGURES, ``frames`` where they moved.

    wanted: only those of these names, whether frames moved or not. changes: attributes of the View other than the
    config has them.
    """
    from ..figures import spectrograms
    from ..figures.frame_timeline import frames

    result = _as_stored(result)
    view = replace(view_of(result.signal, result.config), **changes)
    seen = _seen(result, view)
    axes = seen.times, result.frequencies
    note = f"{_described(result)}{_value(result.criterion, result.final[result.criterion])}"
    bounds = result.grid.theta_min, float(result.support)
    place = result.signal.samples, result.sample_rate, result.frame_positions, result.theta
    makers = {
        "spectrogram": lambda: spectrograms.spectrogram(*axes, seen.magnitude(), view, note),
        "theta": lambda: spectrograms.theta_map(*axes, seen.theta(), result.sample_rate, view, bounds),
        "comparison": lambda: spectrograms.comparison(*axes, _panels(result, seen), view),
        "loss": lambda: spectrograms.loss_curves(result.history, view, _loss_curve(result)),
        "frames": lambda: frames(*place, view, note),
    }
    if wanted is None:
        wanted = FIGURES if result.hop_mode != FIXED_HOP else FIGURES[:-1]
    return {name: make() for name, make in makers.items() if name in wanted}


def _as_stored(result: Result) -> Result:
    """The result with no more digits than its file keeps: read back, it gives the same pictures to the byte."""
    if result.on_disk:
        return result
    samples = result.signal.samples.astype(result.config.run.dtype)
    return replace(
        result,
        stft=result.stft.astype(np.complex64, copy=False),
        signal=replace(result.signal, samples=samples),
    )


class _Whole:
    """All of a result, as pictures take it; display.Reduced has the same of one whose plane stays on disk."""

    def __init__(self, result: Result):
        self.result, self.times = result, result.times

    def magnitude(self) -> np.ndarray:
        return self.result.magnitude

    def theta(self) -> np.ndarray:
        return self.result.theta

    def reference(self, length: float) -> tuple[np.ndarray, np.ndarray]:
        return reference(self.result, length)


def _seen(result: Result, view) -> "_Whole":
    from ..figures.reduced_spectrogram import Reduced

    return Reduced(result, view.tmin, view.tmax) if result.on_disk else _Whole(result)


def _loss_curve(result: Result) -> tuple[np.ndarray, np.ndarray, str] | None:
    """Constant window lengths in ms, the loss at each and what it is called; None where the run was not about them."""
    lengths, losses, values = result.curve
    if result.mode != "constant" or len(lengths) < 3:
        return None
    name = result.criterion if np.array_equal(losses, values) else "loss"
    return lengths * 1e3 / result.sample_rate, losses, name


def view_of(signal: Signal, config: Config):
    from ..figures.spectrograms import View

    settings = config.figures
    name = one_line(Path(signal.path).name if signal.path else signal.name)
    title = name if len(signal.channels) < 2 else f"{name}, channel {one_line(signal.channel)}"
    return View(**settings.model_dump(exclude={"format"}), start=signal.start, title=title)


def _described(result: Result) -> str:
    shortest, longest = (time_text(bound / result.sample_rate) for bound in (result.extent[0], result.extent[2]))
    if result.theta.size == 1:
        return f"{result.mode} window of {shortest}"
    return f"{result.mode} windows of {shortest} to {longest}"


def _value(name: str, value: float) -> str:
    return f", {name} {value:#.4g}"


def _panels(result: Result, seen: _Whole) -> list:
    """Short, long and best constant window on frames that did not move, and the optimum, each with its criterion."""
    from ..figures.spectrograms import Panel

    lengths = {"Short": result.grid.theta_min, "Long": float(result.support)}
    if result.best_constant is not None and not (result.mode == "constant" and result.placed):
        lengths["Best constant"] = result.best_constant[0]
    panels = []
    for label, length in lengths.items():
        values, times = seen.reference(length)
        label = f"{label}, {time_text(length / result.sample_rate)}"
        panels.append(Panel(label, values, _judged(result, values, length), times))
    names = {"fixed": "Fixed", "constant": "Best constant"} if result.placed else {}
    label = names.get(result.mode, "Optimum")
    label += (
        f", {time_text(result.theta.item() / result.sample_rate)}" if result.theta.size == 1 else f", {result.mode}"
    )
    values = seen.magnitude()
    return [*panels, Panel(label, values, _judged(result, values), seen.times)]


def _judged(result: Result, values: np.ndarray, length: float | None = None) -> str:
    """What a panel says of its |S| at a constant window of that many samples (None: of the result itself).

    The criterion where it has a name, else the entropy; the loss where T differs.
    """
    name = result.criterion if result.criterion in CRITERIA else "entropy"
    criterion = get_criterion(name, result.config.loss.order)
    if criterion.measure is None or result.on_disk:  # not told from one plane; the run looked at it for many lengths
        return _value(name, result.final[name]) if length is None else _on_curve(result, length)
    value = float(criterion.measure(torch.from_numpy(np.ascontiguousarray(values))))
    if "frames" in result.final:
        return _value("loss", value + math.log(result.grid.frames / values.shape[1]))
    return _value(name, value)


def _on_curve(result: Result, length: float) -> str:
    """The criterion at a constant window of that many samples as the run's curve has it, nothing where it has none."""
    lengths, _, values = result.curve
    near = np.isclose(lengths, length, rtol=1e-4)
    return _value(result.criterion, float(values[near][0])) if near.any() else ""
