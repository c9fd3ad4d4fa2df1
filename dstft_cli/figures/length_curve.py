"""The loss over the length of a constant window: where it is lowest, and how little other lengths cost."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import axis_scales
from .axes import draw_grid, draw_line, put_scale
from .shown.view import View
from .style import ACCENT, GREY, INK, freeze_layout, new_figure, print_size, styled
from .titles import fit_text, heading, overall_title

_NAMED = 8  # signals at most that have a colour and a name each
_MARGIN = 0.03  # of the axis of lengths

Range = tuple[float, float]


@styled
def length_curve(
    lengths: np.ndarray,
    losses: np.ndarray,
    name: str,
    flat: Sequence[Range],
    view: View,
    signals: Mapping[str, np.ndarray] | None = None,
) -> Figure:
    """The loss over window length, with the lowest point marked and the ranges of low loss shaded.

    lengths: (n,) ms, increasing.
    losses: (n,) nats.
    name: of the loss.
    flat: (from, to) in ms of the lengths within 1 % of the lowest loss.
    view: size, dpi and title.
    signals: if several share the window, {label: (n,) nats}; a second panel shows each above its own lowest loss.
    """
    columns = 2 if signals else 1
    figure = new_figure(view, 10 if signals else 8, 4.5)
    axes = figure.add_subplot(1, columns, 1)
    end = draw_length_curve(axes, lengths, losses, "nats")
    _shade(axes, lengths, flat)
    ranges = " and ".join(f"{axis_scales.length_text(low)} to {axis_scales.length_text(high)}" for low, high in flat)
    heading(axes, name, f"shaded: within 1 % of the lowest, {ranges}", end, 0.8 / columns)
    if signals:
        _signal_curves(figure.add_subplot(1, columns, 2), lengths, signals, flat, lengths[losses.argmin()])
    overall_title(figure, view.title)
    freeze_layout(figure)
    return figure


def draw_length_curve(axes: Axes, lengths: np.ndarray, losses: np.ndarray, label: str = "") -> str:
    """Draw a loss over window length with its lowest point marked.

    lengths: (n,) ms, increasing.
    losses: (n,) in the unit of the label.
    label: of the y axis.

    Returns the end of a title: ", lowest at 10 ms".
    """
    scale, factor = axis_scales.length_scale(lengths, margin=_MARGIN)
    best = lowest(losses)
    draw_line(axes, lengths * factor, losses, best)
    put_scale(axes, "x", scale, most=6)
    put_scale(axes, "y", axis_scales.value_scale(losses, label), most=6)
    return "" if best is None else f", lowest at {axis_scales.length_text(lengths[best])}"


def lowest(values: np.ndarray) -> int | None:
    """The index of the lowest finite value, None if there is none. values: (n,)."""
    finite = np.isfinite(values)
    return int(np.argmin(np.where(finite, values, np.inf))) if finite.any() else None


def _signal_curves(axes: Axes, lengths: np.ndarray, signals: Mapping[str, np.ndarray], flat, best: float) -> None:
    scale, factor = axis_scales.length_scale(lengths, margin=_MARGIN)
    put_scale(axes, "x", scale, most=6)
    _shade(axes, lengths, flat)
    above = [losses - losses.min() for losses in signals.values()]
    for i, values in enumerate(above):
        colour, strength = (f"C{i}", 1.0) if len(signals) <= _NAMED else (INK, 0.4)
        (line,) = axes.plot(lengths * factor, values, color=colour, alpha=strength, linewidth=1.3)
        axes.plot(lengths[values.argmin()] * factor, 0, "o", color=colour, alpha=strength, markersize=4)
        line.set_label(f"{i + 1}")
    axes.axvline(best * factor, color=ACCENT, linewidth=1.2, linestyle=(0, (5, 4)))
    draw_grid(axes)
    put_scale(axes, "y", axis_scales.value_scale(np.concatenate(above), "nats"), most=6)
    heading(axes, "Each signal above its own lowest", "dashed: the window for all", share=0.4)
    if len(signals) <= _NAMED:
        legend = axes.legend(fontsize=print_size(8), framealpha=0.9, edgecolor="none", labelcolor=GREY)
        for text, label in zip(legend.get_texts(), signals, strict=True):
            fit_text(text, label, "", 0.22)


def _shade(axes: Axes, lengths: np.ndarray, flat: Sequence[Range]) -> None:
    _, factor = axis_scales.length_scale(lengths)
    for low, high in flat:
        axes.axvspan(low * factor, high * factor, color=INK, alpha=0.08, linewidth=0)
