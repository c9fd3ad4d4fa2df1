"""What a task makes of window lengths: accuracy of fixed and learnt windows, or the loss of Fig. 7 with the learnt ones on it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from .. import axis_scales
from ..axes import draw_grid, put_scale
from ..shown.view import View
from ..style import GREY, freeze_layout, new_figure, print_size, styled
from ..titles import heading
from .curves import COLOURS


class FixedScore(NamedTuple):
    """A fixed window. length: ms. accuracy, half_width: mean over seeds and half of its interval, %."""

    length: float
    accuracy: float
    half_width: float


class LearntScore(NamedTuple):
    """The learnt window of one seed. length: ms. accuracy: %."""

    length: float
    accuracy: float


@styled
def score_over_length(fixed: Sequence[FixedScore], learnt: Sequence[LearntScore], view: View) -> Figure:
    """Test accuracy over window length: means of fixed windows with 95 % intervals, and the learnt window of each seed."""
    figure = new_figure(view, 8, 4.5)
    axes = figure.add_subplot()
    scale, factor = axis_scales.length_scale(np.array([one.length for one in (*fixed, *learnt)]), margin=0.06)
    if fixed:
        x, y, widths = np.array(fixed).T
        widths = np.minimum(widths, [y, 100 - y])  # no accuracy is beyond these
        axes.errorbar(
            x * factor,
            y,
            widths,
            color=COLOURS["fixed"],
            marker="o",
            markersize=5,
            capsize=3,
            linewidth=1.4,
            label="fixed: mean and 95 % interval",
        )
    x, y = np.array(learnt).T
    axes.plot(
        x * factor,
        y,
        "D",
        color=COLOURS["learnt"],
        markersize=6,
        alpha=0.8,
        label="learnt, each seed",
        linestyle="none",
    )
    axes.axhline(y.mean(), color=COLOURS["learnt"], linewidth=1.0, linestyle=(0, (5, 4)), label="learnt: mean")
    lows = [max(0.0, one.accuracy - one.half_width) for one in fixed]
    highs = [min(100.0, one.accuracy + one.half_width) for one in fixed]
    put_scale(axes, "x", scale, most=8)
    put_scale(axes, "y", axis_scales.value_scale(np.array([*lows, *highs, *y]), "Test accuracy (%)"), most=8)
    draw_grid(axes)
    axes.legend(fontsize=print_size(8.5), framealpha=0.9, edgecolor="none", labelcolor=GREY)
    heading(axes, "Test accuracy over window length")
    freeze_layout(figure)
    return figure


@styled
def loss_over_length(lengths: np.ndarray, losses: np.ndarray, learnt: Sequence[float], view: View) -> Figure:
    """The loss over window length with its minimum, and where the learnt windows are.

    lengths: (n,) ms. losses: (n,) Hz². learnt: ms, of each seed.
    """
    figure = new_figure(view, 8, 4.5)
    axes = figure.add_subplot()
    scale, factor = axis_scales.length_scale(np.concatenate([lengths, learnt]), margin=0.03)
    best = int(losses.argmin())
    axes.plot(lengths * factor, losses, color=COLOURS["fixed"], linewidth=1.5)
    axes.plot(
        lengths[best] * factor, losses[best], "o", color=COLOURS["fixed"], markersize=6, label="lowest of the scan"
    )
    at = np.interp(np.log(learnt), np.log(lengths), losses)
    axes.plot(
        np.array(learnt) * factor,
        at,
        "D",
        color=COLOURS["learnt"],
        markersize=6,
        alpha=0.8,
        label="learnt, each seed",
        linestyle="none",
    )
    put_scale(axes, "x", scale, most=8)
    put_scale(axes, "y", axis_scales.value_scale(losses, "Mean squared error (Hz²)"), most=8)
    draw_grid(axes)
    axes.legend(fontsize=print_size(8.5), framealpha=0.9, edgecolor="none", labelcolor=GREY)
    heading(axes, "Loss over window length", end=f", lowest at {axis_scales.length_text(lengths[best])}")
    freeze_layout(figure)
    return figure
