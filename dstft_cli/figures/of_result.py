"""The figures of a result: which there are, and what each shows."""

import math
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ..config.figure_settings import FIGURES
from ..config.grid import make_grid
from ..config.loading import Config
from ..errors import InputError
from ..optimization.auto_lengths import choose_lengths
from ..optimization.criteria import CRITERIA, get_criterion
from ..recordings.signal import Signal
from ..results.result import Result
from ..stft.modes import FIXED_HOP
from ..text import one_line, time_text

FIGURE_KINDS = ("png", "svg", "pdf")
THUMBNAIL = "thumbnail.png"
NOT_IN_MEMORY = (
    "the spectrogram is too large for the memory allowed, and reassignment needs all of it; give more --memory, a longer --hop, "
    "or a shorter part with --duration"
)
_ZERO = 1e-6  # of a criterion, nats: less is rounding error


def usual_figures(result: Result) -> tuple[str, ...]:
    """The names of the figures that a result has: ``frames`` only if they moved, ``reassigned`` only if the run was asked for it."""
    asked = {"frames": result.hop_mode != FIXED_HOP, "reassigned": result.config.figures.reassign}
    return tuple(name for name in FIGURES if asked.get(name, True))


def drawn_figures(result: Result) -> tuple[str, ...]:
    """The names of the figures that a run draws: those that its config names."""
    settings = result.config.figures
    named = (*settings.draw.split(","), *["reassigned"] * settings.reassign)
    return {"all": usual_figures(result), "none": ()}.get(settings.draw, tuple(dict.fromkeys(named)))


def check_view(signal: Signal, config: Config) -> None:
    """Raises InputError if the section ``figures`` cannot be drawn with, or its band contains no bin of the signal's grid."""
    from .shown.view import view_frequency_scale

    grid = make_grid(choose_lengths(signal, config).config, signal.sample_rate, len(signal.samples))
    view_frequency_scale(grid.frequencies(signal.sample_rate), view_of(signal, config))


def make_figures(result: Result, names: Collection[str] | None = None, **changes: object) -> dict:
    """The figures of a result.

    names: those to draw; None for those that the config names.
    changes: attributes of the View that replace those of the config.

    Returns {name: matplotlib figure} in the order of FIGURES.
    Raises InputError if the view shows nothing of the result.
    """
    from . import spectrograms
    from .frame_timeline import frame_timeline
    from .images import Plane
    from .loss_curves import loss_curves
    from .shown.reassigned import reassigned_magnitude
    from .shown.source import display_of, source_of

    result = _as_stored(result)
    view = replace(view_of(result.signal, result.config), **changes)
    names = drawn_figures(result) if names is None else names
    source = source_of(result, view)
    display = display_of(result, source) if {*names} - {"loss", "frames"} else None
    view = display.view(view) if display else view
    note = f"{_window_text(result)}{_value_text(result.criterion, result.final[result.criterion], 3)}"
    bounds = result.grid.theta_min, float(result.support)
    frames = result.signal.samples, result.sample_rate, result.frame_positions, result.theta

    def plane(values: np.ndarray) -> Plane:
        return Plane(source.times, result.frequencies, values)

    def theta():
        lengths = source.theta()
        found = display.areas() if min(lengths.shape) > 1 and lengths.min() < lengths.max() else None
        return spectrograms.theta_map(plane(lengths), result.sample_rate, view, bounds, found)

    def moved():
        if result.on_disk:
            raise InputError(f"{result.signal.where}: {NOT_IN_MEMORY}")
        look = (
            replace(view, scaling="rms") if view.scaling == "psd" else view
        )  # no point has a bandwidth of its own then
        return spectrograms.spectrogram(plane(reassigned_magnitude(result)), look, f"reassigned, {note}")

    makers = {
        "spectrogram": lambda: spectrograms.spectrogram(plane(_drawn(result, display, view)), view, note),
        "theta": theta,
        "comparison": lambda: spectrograms.comparison(_panels(result, source, display, view), view),
        "loss": lambda: loss_curves(result.history, view, _length_loss(result)),
        "frames": lambda: frame_timeline(*frames, view, note),
        "reassigned": moved,
    }
    return {name: make() for name, make in makers.items() if name in names}


def _drawn(result: Result, display, view) -> np.ndarray:
    from .shown.levels import drawn

    return drawn(display, view, result.window, result.sample_rate)


def view_of(signal: Signal, config: Config):
    """The View of a signal's figures: the section ``figures``, the signal's start, and its name as the title.

    Raises InputError for a setting that cannot be drawn with.
    """
    from .shown.levels import zero_level
    from .shown.view import View

    name = one_line(Path(signal.path).name if signal.path else signal.name)
    title = name if len(signal.channels) < 2 else f"{name}, channel {one_line(signal.channel)}"
    boxes = () if signal.annotations is None else signal.annotations.boxes
    title += f", {boxes[0].name}" if boxes and signal.annotations.alone else ""
    look = config.figures.model_dump(exclude={"format", "draw", "reassign", "absolute_time", "html"})
    began = signal.began if config.figures.absolute_time else None
    view = View(**look, start=signal.start, title=title, began=began, unit=one_line(signal.unit, 20), boxes=boxes)
    zero_level(view)  # raises where the samples have another unit than the reference
    return view


def _as_stored(result: Result) -> Result:
    """The result rounded as in its file, so that a stored result gives the same pictures to the byte."""
    if result.on_disk:
        return result
    samples = result.signal.samples.astype(result.config.run.dtype)
    return replace(
        result,
        stft=result.stft.astype(np.complex64, copy=False),
        signal=replace(result.signal, samples=samples),
    )


def _length_loss(result: Result):
    """The loss of constant windows, None if the run did not optimise one."""
    from .loss_curves import LengthLoss

    lengths, losses, values = result.curve
    if result.mode != "constant" or len(lengths) < 3:
        return None
    name = result.criterion if np.array_equal(losses, values) else "loss"
    return LengthLoss(lengths * 1e3 / result.sample_rate, losses, name)


def _window_text(result: Result) -> str:
    shortest, longest = (time_text(bound / result.sample_rate) for bound in (result.extent[0], result.extent[2]))
    if result.theta.size == 1:
        return f"{result.mode} window of {shortest}"
    if shortest == longest:
        return f"one window of {shortest}"
    return f"{result.mode} windows of {shortest} to {longest}"


def _value_text(name: str, value: float, digits: int = 4) -> str:
    """The value of a criterion, with four digits where pictures are compared; what rounding errors leave of 0 is 0."""
    if abs(value) < _ZERO:
        return f", {name} 0"
    return f", {name} {value:.0f}" if abs(value) >= 1000 else f", {name} {f'{value:#.{digits}g}'.rstrip('.')}"


def _panels(result: Result, source, display, view) -> list:
    """The shortest, the longest and the best constant window on frames that did not move, and the optimum, where that differs."""
    from .images import Plane
    from .shown.levels import PSD, root_density
    from .spectrograms import Panel

    lengths, (shortest, _, longest) = {"Short": result.grid.theta_min, "Long": float(result.support)}, result.extent
    best = 0.0 if result.best_constant is None else result.best_constant[0]
    kept_best = all(math.isclose(bound, best, rel_tol=1e-3) for bound in (shortest, longest))
    if result.placed and result.mode == "fixed":
        own = "Fixed"
    elif result.placed and (result.mode == "constant" or kept_best):
        own, best = "Best", 0.0
    else:
        own = "Optimum"
    if best:
        lengths["Best constant"] = best
    panels = []
    for name, length in lengths.items():
        magnitude, times = source.reference(length)
        label = f"{name}, {time_text(length / result.sample_rate)}"
        values = source.shown_reference(magnitude, length)
        if view.scaling == PSD:
            values = root_density(values, length, result.window, result.sample_rate)
        plane = Plane(times, result.frequencies, values)
        panels.append(Panel(label, plane, _criterion_text(result, magnitude, length)))
    window = time_text(shortest / result.sample_rate) if result.theta.size == 1 or own == "Best" else result.mode
    optimum = Plane(source.times, result.frequencies, _drawn(result, display, view))
    return [*panels, Panel(f"{own}, {window}", optimum, _criterion_text(result, source.magnitude()))]


def _criterion_text(result: Result, magnitude: np.ndarray, length: float | None = None) -> str:
    """The criterion at a panel, the entropy if the criterion has no name, or the loss if the number of frames differs.

    magnitude: (F, T).
    length: of the panel's constant window in samples; None for the result itself.
    """
    name = result.criterion if result.criterion in CRITERIA else "entropy"
    criterion = get_criterion(name, result.config.loss.order)
    if criterion.local or result.on_disk:  # cannot be computed from this array; the run computed it
        return _value_text(name, result.final[name]) if length is None else _curve_text(result, length)
    value = float(criterion.measure(torch.from_numpy(np.ascontiguousarray(magnitude))))
    if "frames" in result.final:
        return _value_text("loss", value + math.log(result.grid.frames / magnitude.shape[1]))
    return _value_text(name, value)


def _curve_text(result: Result, length: float) -> str:
    """The criterion at a constant window of ``length`` samples from the run's curve, "" if the curve has no such length."""
    lengths, _, values = result.curve
    near = np.isclose(lengths, length, rtol=1e-4)
    return _value_text(result.criterion, float(values[near][0])) if near.any() else ""
