"""Arrays in, matplotlib figures out: spectrograms, window length maps, comparisons and loss curves.

Every figure is drawn in one fixed style, whatever the user's matplotlibrc says, and all words are plain text:
``$`` and ``_`` in a file name are just that. The style is set for each call and then undone, which is not for
several threads at once.
"""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import IO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from ..errors import InputError
from . import axis_scales, pixel_grid
from .axis_scales import Scale
from .style import (
    GREY,
    INK,
    View,
    axes_scales,
    decibel_bar,
    draw_image,
    draw_line,
    fill_decibels,
    heading,
    length_bar,
    outer_labels,
    overall_title,
    pixels,
    print_size,
    put_scale,
    settle,
    shared_scales,
    sheet,
    shrink_to,
    styled,
)

_COMPRESSION = 4  # of PNG: in half the time of 6, and 2 % larger


@dataclass(frozen=True)
class Panel:
    """One spectrogram of a comparison.

    label: shortened in the middle where it is too long. end: what follows it in full: ", entropy 9.412".
    magnitude: (F, T), linear. times: (T,) s, increasing; frequencies: (F,) Hz, increasing; None for those of the comparison.
    """

    label: str
    magnitude: np.ndarray
    end: str
    times: np.ndarray | None = None
    frequencies: np.ndarray | None = None


def check_band(frequencies: np.ndarray, view: View) -> None:
    """Raises InputError where no bin (Hz) lies in the view's band."""
    axes_scales(np.zeros(1), frequencies, view)


@styled
def spectrogram(
    times: np.ndarray, frequencies: np.ndarray, magnitude: np.ndarray, view: View, note: str = ""
) -> Figure:
    """A spectrogram in dB relative to the largest magnitude of the band shown.

    times: (T,) s, increasing, not necessarily in equal steps. frequencies: (F,) Hz, increasing.
    magnitude: (F, T), linear; what is not finite is drawn as silence. note: a second line under the title.
    Raises InputError where the view's band holds no bin.
    """
    time, frequency = axes_scales(times, frequencies, view)
    figure = sheet(view, 10, 5)
    axes = figure.add_subplot()
    image = draw_image(axes, time, frequency, cmap=view.cmap, vmin=-view.db_range, vmax=0)
    decibel_bar(image, axes)
    heading(axes, view.title, note)
    settle(figure)
    fill_decibels([image], [magnitude], [time], [frequency], view)
    return figure


@styled
def comparison(times: np.ndarray, frequencies: np.ndarray, panels: Sequence[Panel], view: View) -> Figure:
    """Spectrograms of one signal side by side, in dB relative to the largest magnitude of them all.

    times: (T,) s, frequencies: (F,) Hz, of the panels without some of their own; errors as for spectrogram. All time axes
    run from the first frame of any panel to the last, all frequency axes from the lowest bin shown of any panel to the
    highest; each panel's own first and last frame and bin are drawn as far.
    """
    panel_times, panel_frequencies = _panel_scales(times, frequencies, panels, view)
    columns = len(panels) if len(panels) <= 3 else math.ceil(math.sqrt(len(panels)))
    rows = math.ceil(len(panels) / columns)
    figure = sheet(view, max(10, 4.2 * columns), max(4.5, 3.5 * rows))
    images = []
    for i, panel in enumerate(panels):
        axes = figure.add_subplot(rows, columns, i + 1)
        place = panel_times[i], panel_frequencies[i]
        images.append(draw_image(axes, *place, cmap=view.cmap, vmin=-view.db_range, vmax=0))
        outer_labels(axes, left=i % columns == 0, bottom=i + columns >= len(panels))
        heading(axes, panel.label, end=panel.end, share=0.78 / columns)
    decibel_bar(images[0], figure.axes)
    overall_title(figure, view.title)
    settle(figure)
    fill_decibels(images, [panel.magnitude for panel in panels], panel_times, panel_frequencies, view)
    return figure


def _panel_scales(times, frequencies, panels: Sequence[Panel], view: View) -> tuple[list[Scale], list[Scale]]:
    """The time and the frequency scale of each panel, with the same ends for all."""
    groups = [times if panel.times is None else panel.times for panel in panels]
    bins = [frequencies if panel.frequencies is None else panel.frequencies for panel in panels]
    every = np.unique(np.concatenate(bins))
    along, up = shared_scales(groups, every, view)
    return along, [replace(up, centres=up.centres[np.searchsorted(every, own)]) for own in bins]


@styled
def theta_map(
    times: np.ndarray,
    frequencies: np.ndarray,
    theta: np.ndarray,
    sample_rate: float,
    view: View,
    bounds: tuple[float, float] | None = None,
) -> Figure:
    """Window lengths, drawn in ms (µs below 0.1 ms, s above 1 s).

    theta: samples, at a sample_rate in Hz. (F, T): a map with logarithmic colours. (1, T): a curve over time.
    (F, 1): a curve over frequency. (1, 1): the window itself, outlined as a Hann window whatever its family.
    bounds: the least and the largest length allowed, samples. The rest is as for spectrogram.
    """
    time, frequency = axes_scales(times, frequencies, view)
    theta, unit = np.asarray(theta), 1e3 / sample_rate
    limits = np.asarray(bounds or (), dtype=np.float64) * unit
    figure = sheet(view, 10, 4.5 if 1 in theta.shape else 5)
    axes = figure.add_subplot()
    if theta.size == 1:
        _window(axes, theta.item(), sample_rate)
    elif 1 in theta.shape:
        _length_curve(axes, time if theta.shape[0] == 1 else frequency, theta.ravel() * unit, limits)
    else:
        unit *= _length_image(axes, time, frequency, theta[frequency.shown, time.shown] * unit, view.theta_cmap)
    heading(axes, view.title, _allowed(limits))
    settle(figure)
    for image in axes.images:
        grid = pixel_grid.nearest_to_pixels(theta, frequency, time, *pixels(image))
        image.set_data(np.ma.masked_invalid(grid * unit))
    return figure


@styled
def loss_curves(
    terms: Mapping[str, np.ndarray], view: View, curve: tuple[np.ndarray, np.ndarray, str] | None = None
) -> Figure:
    """How the loss and its terms went, step by step, one panel each.

    terms: name -> (steps + 1,), the loss first: the step where it is lowest is marked in every panel, whether the
    term fell or rose up to there. Terms that are equal share a panel, one that is 0 throughout is left out; what is
    not finite is a gap.
    curve: window lengths (n,) in ms, increasing, what a constant window of each costs (n,), and the name of that.
    """
    merged = _merged(terms)
    figure = sheet(view, 10, max(4.5, 1 + 1.7 * len(merged)))
    columns = 1 if curve is None else 2
    grid = figure.add_gridspec(len(merged), columns)
    best = _lowest(merged[0][1])
    for i, (name, values) in enumerate(merged):
        axes = figure.add_subplot(grid[i, 0])
        _history(axes, values, best)
        heading(axes, name, end=_progress(values, best), share=0.8 / columns)
        outer_labels(axes, left=True, bottom=i == len(merged) - 1)
    if curve is not None:
        _cost_curve(figure.add_subplot(grid[:, 1]), *map(np.asarray, curve[:2]), curve[2])
    overall_title(figure, view.title)
    settle(figure)
    return figure


@styled
def save(figure: Figure, file: str | os.PathLike | IO[bytes], format: str = "png", dpi: int = 150) -> None:
    """Write the figure to a path or a binary file as png, svg or pdf; the same figure gives the same bytes.

    Pass the dpi of the view the figure was made with: its images have just that many pixels.
    An OSError of the file comes through; an unknown format raises InputError.
    """
    undated = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    if format not in undated:
        raise InputError(f"figures: format={format!r}: expected one of {', '.join(undated)}")
    if format == "png":  # as savefig does it, but without drawing twice
        figure.set_dpi(dpi)
        figure.canvas.print_png(file, pil_kwargs={"compress_level": _COMPRESSION})
    else:
        figure.savefig(file, format=format, dpi=dpi, metadata=undated[format])


def _length_image(axes: Axes, time: Scale, frequency: Scale, lengths: np.ndarray, cmap: str) -> float:
    """A still empty map with the colours for lengths in ms; returns how many of its unit make 1 ms."""
    scale, factor = axis_scales.length_scale(lengths)
    image = draw_image(axes, time, frequency, cmap=cmap, norm=LogNorm(scale.low, scale.high))
    length_bar(image, scale, axes)
    return factor


def _length_curve(axes: Axes, along: Scale, lengths: np.ndarray, limits: np.ndarray) -> None:
    scale, factor = axis_scales.length_scale(np.append(lengths[along.shown], limits), margin=0.06)
    draw_line(axes, along.centres, lengths * factor)
    put_scale(axes, "x", along)
    put_scale(axes, "y", scale, most=8)
    for limit in limits:
        axes.axhline(limit * factor, color=GREY, linewidth=0.9, linestyle=(0, (5, 4)))


def _window(axes: Axes, samples: float, sample_rate: float) -> None:
    length = samples / sample_rate * 1e3
    factor, unit = axis_scales.length_unit(length)
    half = length * factor / 2
    x = np.linspace(-half, half, 401)
    shape = (1 + np.cos(np.pi * x / half)) / 2
    axes.fill_between(x, shape, color=INK, alpha=0.1, linewidth=0)
    axes.plot(x, shape, color=INK)
    arrow = {"arrowstyle": "<|-|>", "color": INK, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (-half, -0.07), (half, -0.07), arrowprops=arrow)
    words = f"{axis_scales.plain_number(round(samples, 1), 9)} samples at {axis_scales.plain_number(sample_rate, 9)} Hz"
    axes.text(0, 0.36, axis_scales.length_words(length), ha="center", size=print_size(print_size(30)), color=INK)
    shrink_to(axes.text(0, 0.25, words, ha="center", size=print_size(11), color=GREY), 0.5)
    put_scale(axes, "x", Scale(x, -1.3 * half, 1.3 * half, f"Time from the frame's centre ({unit})"))
    axes.set_ylim(-0.15, 1.05)
    axes.yaxis.set_visible(False)
    axes.spines[["left", "right", "top"]].set_visible(False)


def _allowed(limits: np.ndarray) -> str:
    if not limits.size:
        return "Window length"
    return f"Window length, allowed from {axis_scales.length_words(limits[0])} to {axis_scales.length_words(limits[1])}"


def _merged(terms: Mapping[str, np.ndarray]) -> list[tuple[str, np.ndarray]]:
    """The terms to draw, without those that are 0 throughout, equal ones under one name."""
    kept: dict[bytes, tuple[str, np.ndarray]] = {}
    for name, series in terms.items():
        values = np.asarray(series, dtype=np.float64)
        key = values.tobytes()
        if key in kept:
            kept[key] = (f"{kept[key][0]} = {name}", values)
        elif values.any() or not kept:
            kept[key] = (name, values)
    return list(kept.values())


def _lowest(values: np.ndarray) -> int | None:
    finite = np.isfinite(values)
    return int(np.argmin(np.where(finite, values, np.inf))) if finite.any() else None


def _progress(values: np.ndarray, best: int | None) -> str:
    """From where a term came, falling or rising, to where it is when the loss is lowest."""
    if best is None or not np.isfinite(values[[0, best]]).all():
        return ""
    origin = f"{values[0]:#.4g} → " if best else ""
    return f": {origin}{values[best]:#.4g} at step {best}"


def _history(axes: Axes, values: np.ndarray, best: int | None) -> None:
    steps = np.arange(len(values))
    draw_line(axes, steps, values, best)
    room = 0.3 + 0.02 * len(steps)
    put_scale(axes, "x", Scale(steps, -room, steps[-1] + room, "Step"), most=min(8, len(steps)))
    put_scale(axes, "y", axis_scales.value_scale(values), most=6)


def _cost_curve(axes: Axes, lengths: np.ndarray, values: np.ndarray, name: str) -> None:
    scale, factor = axis_scales.length_scale(lengths, margin=0.03)
    best = _lowest(values)
    draw_line(axes, lengths * factor, values, best)
    put_scale(axes, "x", scale, most=6)
    put_scale(axes, "y", axis_scales.value_scale(values), most=6)
    end = "" if best is None else f", lowest at {axis_scales.length_words(lengths[best])}"
    heading(axes, f"{name} over window length", end=end, share=0.4)
