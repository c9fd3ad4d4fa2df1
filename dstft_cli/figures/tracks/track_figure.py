"""Tracks over the spectrogram that they were found in, and a panel with the tracks alone."""

from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...tracking.order_spectrum import OrderSpectrum
from ...tracking.plane import TrackedPlane
from ...tracking.track import HARMONIC, SURE, Track
from ..axes import draw_grid, draw_line, outer_labels, put_scale
from ..axis_scales import Scale, time_scale
from ..images import Plane, decibel_bar, decibel_colours, draw_image, fill_decibels, plane_scales
from ..shown.display import Display
from ..shown.view import View
from ..style import GREY, freeze_layout, new_figure, print_size, styled
from ..titles import heading

_COLOURS = ("#2ec4b6", "#ff9f1c", "#8ac926", "#ff7aa2", "#4ea8ff", "#bdb2ff", "#fdffb6", "#ffc6ff")
_MOST_ORDERS = 12  # drawn over the spectrogram
_MARGIN = 0.12  # of the range of the tracks, above and below them


@styled
def track_figure(track: Track, plane: TrackedPlane, view: View, truth: np.ndarray | None = None) -> Figure:
    """The spectrogram with the tracks, and below it the tracks with their spread as a band.

    track: lines are drawn where a component is there; elsewhere they are faint.
    plane: the spectrogram that they were found in.
    view: limits, colours and title.
    truth: the frequency in Hz as it is, (T,), NaN where it is not known.
    """
    theta = np.broadcast_to(plane.theta, plane.magnitude.shape)
    times = plane.times - plane.start
    display = Display(
        plane.magnitude, theta, times, plane.frequencies, plane.hop * plane.sample_rate, plane.framed.support
    )
    view = display.view(_with_tracks(view, track))
    image_of = Plane(times, plane.frequencies, display.picture(view))
    scales = plane_scales(image_of, view)
    figure = new_figure(view, 10, 8)
    upper, lower = figure.subplots(2, 1, height_ratios=[3, 2])
    image = draw_image(upper, scales, **decibel_colours(view))
    decibel_bar(image, upper, view)
    heading(upper, view.title, _words(track))
    _over_image(upper, track, scales.x.centres, truth)
    _alone(lower, track, time_scale(times, view.start, began=view.began), truth)
    outer_labels(upper, left=True, bottom=True)
    freeze_layout(figure)
    fill_decibels([image], [image_of], [scales], view)
    return figure


def _with_tracks(view: View, track: Track) -> View:
    """The view with a band that holds the tracks, where the band is not given."""
    top = 1.15 * float(track.frequency.max()) * min(max(track.tracking.orders, default=1), _MOST_ORDERS)
    return replace(view, fmax=top, fmin=0.0) if view.fmax == "auto" else view


def _words(track: Track) -> str:
    if track.tracking.method == HARMONIC:
        return f"fundamental of orders {', '.join(f'{order:g}' for order in track.tracking.orders[:12])}"
    return "1 ridge" if track.components == 1 else f"{track.components} ridges"


def _over_image(axes: Axes, track: Track, times: np.ndarray, truth: np.ndarray | None) -> None:
    orders = track.tracking.orders[:_MOST_ORDERS] or (1.0,)
    for i, line in enumerate(track.frequency):
        for order in orders:
            there = np.where(track.confidence[i] >= SURE, order * line, np.nan)
            axes.plot(times, there, color=_COLOURS[i % len(_COLOURS)], linewidth=1.1, alpha=0.85)
    if truth is not None:
        axes.plot(times, truth, color="white", linewidth=0.9, linestyle=(0, (2, 2)))


def _alone(axes: Axes, track: Track, along: Scale, truth: np.ndarray | None) -> None:
    shown = [track.frequency[i][track.confidence[i] >= SURE] for i in range(track.components)]
    values = np.concatenate([*shown, *([] if truth is None else [truth[np.isfinite(truth)]])])
    values = values if len(values) else track.frequency.ravel()
    low, high = float(values.min()), float(values.max())
    times = along.centres
    room = max(_MARGIN * (high - low), 1e-3 * max(high, 1e-9))
    for i, line in enumerate(track.frequency):
        colour, sure = _COLOURS[i % len(_COLOURS)], track.confidence[i] >= SURE
        axes.fill_between(
            times, line - track.spread[i], line + track.spread[i], where=sure, color=colour, alpha=0.3, linewidth=0
        )
        axes.plot(times, np.where(sure, np.nan, line), color=GREY, linewidth=0.6, alpha=0.5, zorder=1)
        axes.plot(times, np.where(sure, line, np.nan), color=colour, linewidth=1.4)
    if truth is not None:
        axes.plot(times, truth, color="black", linewidth=0.9, linestyle=(0, (2, 2)))
    put_scale(axes, "x", along)
    put_scale(axes, "y", Scale(values, low - room, high + room, "Frequency (Hz)"), most=8)
    draw_grid(axes)
    note = "Band: one standard deviation. Grey: not sure." + ("" if truth is None else " Dashed: the reference.")
    heading(axes, " ", note)


@styled
def order_figure(spectrum: OrderSpectrum, view: View) -> Figure:
    """The order map, and the order spectrum below it."""
    top = _highest(spectrum)
    plane = Plane(spectrum.revolutions, spectrum.orders, spectrum.map)
    view = replace(view, fmin=0.0, fmax=top, start=0.0, tmin=None, tmax=None, began=None)
    scales = plane_scales(plane, view)
    scales = scales._replace(
        x=replace(scales.x, label="Revolutions", centres=spectrum.revolutions, low=0.0, high=_end(spectrum)),
        y=replace(scales.y, label="Order"),
    )
    figure = new_figure(view, 10, 8)
    upper, lower = figure.subplots(2, 1, height_ratios=[3, 2])
    image = draw_image(upper, scales, **decibel_colours(view))
    decibel_bar(image, upper, view)
    heading(upper, view.title, "order map")
    shown = spectrum.orders <= top
    level = 20 * np.log10(np.maximum(spectrum.spectrum[shown], 1e-30) / spectrum.spectrum.max())
    draw_line(lower, spectrum.orders[shown], level, width=1.0)
    put_scale(lower, "x", Scale(spectrum.orders, 0.0, top, "Order"), most=20)
    put_scale(lower, "y", Scale(level, max(-80.0, float(level.min())) - 2, 3.0, "Amplitude (dB re max)"), most=8)
    heading(lower, " ", "order spectrum")
    freeze_layout(figure)
    fill_decibels([image], [plane], [scales], view)
    for text in (upper.xaxis, lower.xaxis):
        text.label.set_size(print_size(10))
    return figure


def _end(spectrum: OrderSpectrum) -> float:
    return float(spectrum.revolutions[-1] + spectrum.revolutions[0])


def _highest(spectrum: OrderSpectrum) -> float:
    """The order just above those within 40 dB of the strongest."""
    strong = np.flatnonzero(spectrum.spectrum > 0.01 * spectrum.spectrum[1:].max())
    return float(min(spectrum.orders[-1], max(4.0, 1.1 * spectrum.orders[strong[-1]])))
