"""Images of values over time and frequency, with one array cell per pixel, and their colour bars."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from ..text import one_line
from . import axis_scales, pixel_grid
from .axes import put_scale
from .axis_scales import ImageScales, Scale
from .shown.levels import level_label, zero_level
from .shown.outlines import labels, outlines
from .shown.view import View, view_frequency_scale
from .style import print_size
from .titles import printable


@dataclass(frozen=True)
class Plane:
    """Values over time and frequency.

    times: (T,) frame centres in s from sample 0, increasing, not necessarily in equal steps.
    frequencies: (F,) bins in Hz, increasing.
    values: (F, T) linear magnitudes, or window lengths in samples, which may also be (1, T), (F, 1) or (1, 1).
    """

    times: np.ndarray
    frequencies: np.ndarray
    values: np.ndarray


def plane_scales(plane: Plane, view: View) -> ImageScales:
    """The scales of one plane. Raises InputError if the view shows nothing of it."""
    return shared_scales([plane], view)[0]


def shared_scales(planes: Sequence[Plane], view: View) -> list[ImageScales]:
    """The scales of several planes, with common ends.

    Time runs from the first frame of any plane to the last, frequency from the lowest bin shown of any plane to the highest.

    planes: of one signal; their frames and bins may differ.
    view: the limits, and whether frequency is logarithmic.

    Returns the scales of each plane.
    Raises InputError if the view shows nothing of them.
    """
    bins = np.unique(np.concatenate([plane.frequencies for plane in planes]))
    support = 1 / (bins[1] - bins[0]) if len(bins) > 1 else 1.0
    frequency = view_frequency_scale(bins, view)
    limits = view.start, support, view.tmin, view.tmax, view.began
    times = axis_scales.shared_time_scales([plane.times for plane in planes], *limits)
    return [
        ImageScales(time, replace(frequency, centres=frequency.centres[np.searchsorted(bins, plane.frequencies)]))
        for time, plane in zip(times, planes, strict=True)
    ]


def draw_image(axes: Axes, scales: ImageScales, **colours: object) -> AxesImage:
    """Draw an image without data yet that fills the axes, whether they are linear or logarithmic.

    colours: keywords of matplotlib's imshow.
    """
    put_scale(axes, "x", scales.x)
    put_scale(axes, "y", scales.y)
    whole = {"extent": (0, 1, 0, 1), "transform": axes.transAxes, "origin": "lower", "aspect": "auto"}
    return axes.imshow(np.ones((1, 1)), interpolation="none", interpolation_stage="data", **whole, **colours)


def draw_boxes(axes: Axes, scales: ImageScales, view: View, color: str = "white") -> None:
    """Draw the outlines of the view's boxes, and their labels where they are few."""
    shown = outlines(view.boxes, scales)
    for (_, (left, low, right, high)), label in zip(shown, labels(shown), strict=True):
        corners = ([left, right, right, left, left], [low, low, high, high, low])
        axes.plot(*corners, color=color, linewidth=print_size(0.9), transform=axes.transAxes, clip_on=True)
        if label:
            above = high < 0.94
            place = {"xy": (left, high if above else min(high, 0.99)), "xycoords": "axes fraction"}
            beside = {
                "ha": "left" if left < 0.9 else "right",
                "va": "bottom" if above else "top",
                "size": print_size(8),
            }
            away = {"xytext": (3, 2 if above else -3), "textcoords": "offset points"}
            axes.annotate(printable(one_line(label, 24)), color=color, **place, **away, **beside).set_in_layout(False)


def pixels(image: AxesImage) -> tuple[int, int]:
    """Rows and columns of an image in a figure whose layout is frozen."""
    box = image.axes.get_window_extent()
    return max(1, int(box.height)), max(1, int(box.width))


def fill_decibels(
    images: Sequence[AxesImage], planes: Sequence[Plane], scales: Sequence[ImageScales], view: View
) -> None:
    """Set the data of images to dB, and their common colour scale: down from the largest magnitude that any of them shows.

    images: the images of a figure whose layout no longer changes.
    planes, scales: those of each image.
    view: its db_range is the extent of the scale; if it is auto, the scale reaches down to the noise of the last image. Its
        db_ref and its scaling tell what has 0 dB.
    """
    grids = [
        pixel_grid.max_pool_to_pixels(np.asarray(plane.values), own, pixels(image))
        for image, plane, own in zip(images, planes, scales, strict=True)
    ]
    peak = max(float(grid.max()) for grid in grids)
    db_range = pixel_grid.range_to_noise(grids[-1], peak) if view.db_range == "auto" else view.db_range
    zero = zero_level(view)
    top = 20 * math.log10(peak / zero) if zero and peak else 0.0
    for image, grid in zip(images, grids, strict=True):
        image.set_data(pixel_grid.decibels(grid, peak, db_range) + top)
        image.set_clim(top - db_range, top)
    if view.db_range == "auto" and (bar := images[0].colorbar):
        room = bar.ax.get_window_extent().height / bar.ax.figure.dpi / print_size(1)
        ticks, labels = Scale(np.zeros(0), top - db_range, top, "").ticks(max(2, min(9, int(room / 0.4))))
        bar.set_ticks(ticks, labels=labels)


def decibel_colours(view: View) -> dict[str, object]:
    """The keywords of draw_image for magnitudes in dB; fill_decibels sets an automatic range."""
    return {"cmap": view.cmap, "vmin": -80.0 if view.db_range == "auto" else -view.db_range, "vmax": 0}


def decibel_bar(image: AxesImage, beside: Axes | Sequence[Axes], view: View) -> None:
    """Draw the colour bar of magnitudes in dB.

    image: that it belongs to.
    beside: the axes that make room for it.
    view: tells which quantity is shown, what has 0 dB, and the unit of the samples.
    """
    image.figure.colorbar(image, ax=beside, pad=0.015, aspect=30, label=level_label(view))


def length_bar(image: AxesImage, scale: Scale, beside: Axes | Sequence[Axes]) -> None:
    """Draw the colour bar of window lengths.

    scale: a length_scale, whose ticks and label it gets.
    beside: the axes that make room for it.
    """
    bar = image.figure.colorbar(image, ax=beside, pad=0.015, aspect=30, label=scale.label)
    ticks, labels = scale.ticks(8)
    bar.set_ticks(ticks, labels=labels)
    bar.minorticks_off()
