"""The loss over window length as a picture: where it is lowest, and how little the lengths beside that cost."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import axis_scales
from .style import (
    ACCENT,
    GREY,
    INK,
    View,
    draw_line,
    fit_words,
    heading,
    overall_title,
    print_size,
    put_scale,
    settle,
    sheet,
    styled,
)

_NAMED = 8  # signals at most that have a colour and a name each


@styled
def length_curve(
    lengths: np.ndarray,
    losses: np.ndarray,
    name: str,
    flat: Sequence[tuple[float, float]],
    view: View,
    each: Mapping[str, np.ndarray] | None = None,
) -> Figure:
    """What a constant window costs over its length, the lowest point marked and the flat ranges shaded.

    lengths: (n,) ms, increasing. losses: (n,) nats, called ``name``. flat: (from, to) in ms, the lengths within 1 %.
    each: where several signals share the window, what it costs each, label -> (n,); a second panel then shows each above its
    own lowest point.
    """
    columns = 2 if each else 1
    figure = sheet(view, 10 if each else 8, 4.5)
    axes = figure.add_subplot(1, columns, 1)
    _sum(axes, lengths, losses, name, flat, 0.8 / columns)
    if each:
        _each(figure.add_subplot(1, columns, 2), lengths, each, flat, lengths[losses.argmin()])
    overall_title(figure, view.title)
    settle(figure)
    return figure


def _sum(axes: Axes, lengths: np.ndarray, losses: np.ndarray, name: str, flat, share: float) -> None:
    factor, best = _along_lengths(axes, lengths, flat), int(losses.argmin())
    draw_line(axes, lengths * factor, losses, best)
    put_scale(axes, "y", axis_scales.value_scale(losses, "nats"), most=6)
    ranges = " and ".join(f"{axis_scales.length_words(low)} to {axis_scales.length_words(high)}" for low, high in flat)
    end = f", lowest at {axis_scales.length_words(lengths[best])}"
    heading(axes, name, f"shaded: within 1 % of the lowest, {ranges}", end, share)


def _each(axes: Axes, lengths: np.ndarray, each: Mapping[str, np.ndarray], flat, best: float) -> None:
    factor = _along_lengths(axes, lengths, flat)
    above = [losses - losses.min() for losses in each.values()]
    for i, values in enumerate(above):
        colour, strength = (f"C{i}", 1.0) if len(each) <= _NAMED else (INK, 0.4)
        (line,) = axes.plot(lengths * factor, values, color=colour, alpha=strength, linewidth=1.3)
        axes.plot(lengths[values.argmin()] * factor, 0, "o", color=colour, alpha=strength, markersize=4)
        line.set_label(f"{i + 1}")
    axes.axvline(best * factor, color=ACCENT, linewidth=1.2, linestyle=(0, (5, 4)))
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    put_scale(axes, "y", axis_scales.value_scale(np.concatenate(above), "nats"), most=6)
    heading(axes, "Each signal above its own lowest", "dashed: the window for all", share=0.4)
    if len(each) <= _NAMED:
        legend = axes.legend(fontsize=print_size(8), framealpha=0.9, edgecolor="none", labelcolor=GREY)
        for text, label in zip(legend.get_texts(), each, strict=True):
            fit_words(text, label, "", 0.22)  # a file name may hold anything


def _along_lengths(axes: Axes, lengths: np.ndarray, flat: Sequence[tuple[float, float]]) -> float:
    """The axis of lengths with the flat ranges shaded; how many of its unit make 1 ms."""
    scale, factor = axis_scales.length_scale(lengths, margin=0.03)
    put_scale(axes, "x", scale, most=6)
    for low, high in flat:
        axes.axvspan(low * factor, high * factor, color=INK, alpha=0.08, linewidth=0)
    return factor
