"""Arrays in, matplotlib figures out: spectrograms, comparisons of them, and maps of window lengths.

Every figure has one fixed style, whatever the user's matplotlibrc says, and all words are plain text: ``$`` and ``_`` in a
file name are just that. The style is set for each call and then undone, which is not safe in several threads at once.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from PIL import Image

from ..errors import InputError
from . import axis_scales, pixel_grid
from .axes import draw_line, outer_labels, put_scale
from .axis_scales import ImageScales, Scale
from .images import (
    Plane,
    decibel_bar,
    decibel_colours,
    draw_boxes,
    draw_image,
    fill_decibels,
    length_bar,
    pixels,
    plane_scales,
    shared_scales,
)
from .noise_floor import weighted_quantiles
from .shown.view import View
from .style import GREY, INK, freeze_layout, new_figure, print_size, styled
from .titles import corner, heading, overall_title, shrink_to_fit

_ALIKE = 1.03  # window lengths that differ by less are one length
_PALE, _PALEST = "#e4e4e4", 0.12  # the colour where nothing stands out, and how much of the map's colours shows there
_PALE_WORDS = "; pale: no signal above the noise"
_COMPRESSION = 4  # of PNG: in half the time of 6, and 2 % larger
# Colours whose red, green and blue differ by less may become one; 255 is a multiple of each, so that white stays.
_COARSE = 1, 3, 5


@dataclass(frozen=True)
class Panel:
    """One spectrogram of a comparison.

    label: its middle is left out if it is too long.
    plane: its magnitudes, linear.
    end: follows the label in full: ", entropy 9.412".
    """

    label: str
    plane: Plane
    end: str = ""


@styled
def spectrogram(plane: Plane, view: View, note: str = "") -> Figure:
    """A spectrogram in dB relative to the largest magnitude shown.

    plane: linear magnitudes; those that are not finite are drawn as silence.
    view: limits, colours and title.
    note: a second line below the title.

    Raises InputError if the view shows nothing of the plane.
    """
    scales = plane_scales(plane, view)
    figure = new_figure(view, 10, 5)
    axes = figure.add_subplot()
    image = draw_image(axes, scales, **decibel_colours(view))
    draw_boxes(axes, scales, view)
    decibel_bar(image, axes, view)
    heading(axes, view.title, note)
    corner(figure, view.corner)
    freeze_layout(figure)
    fill_decibels([image], [plane], [scales], view)
    return figure


@styled
def comparison(panels: Sequence[Panel], view: View) -> Figure:
    """Spectrograms of one signal side by side, in dB relative to the largest magnitude that any panel shows.

    panels: all have the same time and frequency axis; frames and bins may differ.
    view: limits, colours and title.

    Raises InputError if the view shows nothing of the panels.
    """
    planes = [panel.plane for panel in panels]
    scales = shared_scales(planes, view)
    columns = len(panels) if len(panels) <= 3 else math.ceil(math.sqrt(len(panels)))
    rows = math.ceil(len(panels) / columns)
    figure = new_figure(view, max(10, 4.2 * columns), max(4.5, 3.5 * rows))
    images = []
    for i, panel in enumerate(panels):
        axes = figure.add_subplot(rows, columns, i + 1)
        images.append(draw_image(axes, scales[i], **decibel_colours(view)))
        draw_boxes(axes, scales[i], view)
        outer_labels(axes, left=i % columns == 0, bottom=i + columns >= len(panels))
        heading(axes, panel.label, end=panel.end, share=0.78 / columns)
    decibel_bar(images[0], figure.axes, view)
    overall_title(figure, view.title)
    corner(figure, view.corner)
    freeze_layout(figure)
    fill_decibels(images, planes, scales, view)
    return figure


@styled
def theta_map(
    plane: Plane,
    sample_rate: float,
    view: View,
    bounds: tuple[float, float] | None = None,
    found: np.ndarray | None = None,
) -> Figure:
    """Window lengths in units of time. A map whose lengths all agree is drawn as the one window that it is.

    plane: window lengths in samples. (F, T): a map with logarithmic colours. (1, T): a curve over time. (F, 1): a curve
        over frequency. (1, 1): the window itself, drawn as a Hann window whatever its family.
    sample_rate: Hz.
    view: limits, colours and title.
    bounds: the shortest and the longest length allowed, in samples.
    found: how surely each point of a map stands out of the noise, (F, T) from 0 to 1: where nothing does, the map is pale, and
        the colours are those of the lengths where something does. None: the map is not pale anywhere.

    Raises InputError if the view shows nothing of the plane.
    """
    scales = plane_scales(plane, view)
    theta, unit, words = np.asarray(plane.values), 1e3 / sample_rate, ""
    if 1 not in theta.shape and theta.max() <= _ALIKE * theta.min():
        theta = np.full((1, 1), np.median(theta))
        words = f"One window length overall: {axis_scales.length_text(theta.item() * unit)}. "
    limits = np.asarray(bounds or (), dtype=np.float64) * unit
    figure = new_figure(view, 10, 4.5 if 1 in theta.shape else 5)
    axes = figure.add_subplot()
    if theta.size == 1:
        _draw_window(axes, theta.item(), sample_rate)
    elif 1 in theta.shape:
        _draw_lengths(axes, scales.x if theta.shape[0] == 1 else scales.y, theta.ravel() * unit, limits)
    else:
        shown = scales.y.shown, scales.x.shown
        lengths = theta[shown] if found is None else _where_found(theta[shown], found[shown])
        unit *= _draw_length_image(axes, scales, lengths * unit, view.theta_cmap)
        draw_boxes(axes, scales, view, INK)
    heading(axes, view.title, words + _allowed(limits) + (_PALE_WORDS if axes.images and found is not None else ""))
    corner(figure, view.corner if theta.size > 1 else "")
    freeze_layout(figure)
    for image in axes.images:
        grid = pixel_grid.nearest_to_pixels(theta, scales, pixels(image))
        image.set_data(np.ma.masked_invalid(grid * unit))
        if found is not None:
            image.set_alpha(_PALEST + (1 - _PALEST) * pixel_grid.nearest_to_pixels(found, scales, pixels(image)))
            axes.set_facecolor(_PALE)
    return figure


@styled
def save(figure: Figure, file: str | os.PathLike | IO[bytes], format: str = "png", dpi: int = 150) -> None:
    """Write a figure; the same figure gives the same bytes.

    figure: made by this package.
    file: a path or a binary file.
    format: png, svg or pdf.
    dpi: the resolution that the figure was made for. Another one resamples its images.

    Raises InputError for another format, OSError if the file cannot be written.
    """
    undated = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    if format not in undated:
        raise InputError(f"figures: format={format!r}: expected one of {', '.join(undated)}")
    if format == "png":
        write_png(rendered(figure, dpi), file, dpi)
    else:
        figure.savefig(file, format=format, dpi=dpi, metadata=undated[format])


@styled
def rendered(figure: Figure, dpi: int) -> np.ndarray:
    """The picture of a figure, (rows, columns, 4) bytes, opaque; parameters as for ``save``."""
    figure.set_dpi(dpi)
    FigureCanvasAgg.draw(figure.canvas)
    return np.array(figure.canvas.buffer_rgba())


def write_png(picture: np.ndarray, file: str | os.PathLike | IO[bytes], dpi: int) -> None:
    """Write a picture that ``rendered`` gave; this may be done in another thread.

    It gets a palette where 256 colours do, none of which is off by more than 2 of 255: in a third of the time, and half as large.

    Raises OSError if it cannot be written.
    """
    codes = picture.view("<u4")[..., 0] & 0xFFFFFF  # red is lowest
    seen = np.zeros(1 << 24, bool)
    seen[codes.ravel()] = True
    colours = np.flatnonzero(seen)
    shades, numbers = _palette(colours)
    if len(shades) > 256:
        image = Image.fromarray(picture).convert("RGB")
    else:
        number = np.zeros(1 << 24, np.uint8)
        number[colours] = numbers
        image = Image.fromarray(number[codes])
        image.putpalette(shades.tobytes())
    image.save(file, "png", compress_level=_COMPRESSION, dpi=(dpi, dpi))


def _palette(colours: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most 256 colours (n, 3) bytes that stand for colours given as codes (c,), or more if so few do not; which for each, (c,)."""
    channels = colours[:, None] >> np.array([0, 8, 16]) & 255
    for size in _COARSE:
        cells, numbers = np.unique(channels // size @ np.array([1, 1 << 8, 1 << 16]), return_inverse=True)
        if len(cells) <= 256:
            break
    low, high = np.full((len(cells), 3), 255), np.zeros((len(cells), 3), int)
    np.minimum.at(low, numbers, channels)
    np.maximum.at(high, numbers, channels)
    return ((low + high) // 2).astype(np.uint8), numbers


def _where_found(theta: np.ndarray, found: np.ndarray) -> np.ndarray:
    """The ends of the lengths where something stands out, (2,), in the unit of theta (F, T)."""
    return weighted_quantiles(theta, np.where(found > 0.5, found, 0), [0.01, 0.99])


def _draw_length_image(axes: Axes, scales: ImageScales, lengths: np.ndarray, cmap: str) -> float:
    """Draw a map without data yet, with colours for lengths (F, T) in ms. Returns the factor from ms to their unit."""
    scale, factor = axis_scales.length_scale(lengths)
    image = draw_image(axes, scales, cmap=cmap, norm=LogNorm(scale.low, scale.high))
    length_bar(image, scale, axes)
    return factor


def _draw_lengths(axes: Axes, along: Scale, lengths: np.ndarray, limits: np.ndarray) -> None:
    """Draw lengths (n,) in ms over time or frequency, and the limits as dashed lines."""
    scale, factor = axis_scales.length_scale(np.append(lengths[along.shown], limits), margin=0.06)
    draw_line(axes, along.centres, lengths * factor)
    put_scale(axes, "x", along)
    put_scale(axes, "y", scale, most=8)
    for limit in limits:
        axes.axhline(limit * factor, color=GREY, linewidth=0.9, linestyle=(0, (5, 4)))


def _draw_window(axes: Axes, samples: float, sample_rate: float) -> None:
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
    axes.text(0, 0.36, axis_scales.length_text(length), ha="center", size=print_size(print_size(30)), color=INK)
    shrink_to_fit(axes.text(0, 0.25, words, ha="center", size=print_size(11), color=GREY), 0.5)
    put_scale(axes, "x", Scale(x, -1.3 * half, 1.3 * half, f"Time from the frame's centre ({unit})"))
    axes.set_ylim(-0.15, 1.05)
    axes.yaxis.set_visible(False)
    axes.spines[["left", "right", "top"]].set_visible(False)


def _allowed(limits: np.ndarray) -> str:
    if not limits.size:
        return "Window length"
    return f"Window length, allowed from {axis_scales.length_text(limits[0])} to {axis_scales.length_text(limits[1])}"
