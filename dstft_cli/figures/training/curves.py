"""Losses and window lengths over the epochs of a training, for all seeds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from .. import axis_scales
from ..axes import draw_grid, put_scale
from ..axis_scales import Scale
from ..shown.view import View
from ..style import ACCENT, GREY, INK, freeze_layout, new_figure, print_size, styled
from ..titles import heading

_NAMED = 8  # seeds at most that have a name each


class SeedCurve(NamedTuple):
    """One training.

    seed: its number. train, validation: losses (E,). theta: shortest, mean and longest window in ms, (E, 3). best: the epoch kept.
    """

    seed: int
    train: np.ndarray
    validation: np.ndarray
    theta: np.ndarray
    best: int


@styled
def training_curves(curves: Sequence[SeedCurve], unit: str, view: View) -> Figure:
    """Two panels over epochs: losses of training and validation, and window lengths, with the epoch kept marked for each seed.

    curves: of the learnt windows. unit: of the losses.
    """
    figure = new_figure(view, 10, 4.5)
    losses, lengths = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2)
    epochs = max(len(curve.train) for curve in curves)
    theta = np.concatenate([curve.theta.ravel() for curve in curves])
    scale, factor = axis_scales.length_scale(theta, margin=0.05)
    for i, curve in enumerate(curves):
        number = np.arange(1, len(curve.train) + 1)
        colour = f"C{i % 10}"
        losses.plot(number, curve.train, color=colour, linewidth=1.0, linestyle=(0, (4, 2)))
        losses.plot(number, curve.validation, color=colour, linewidth=1.4)
        losses.plot(number[curve.best], curve.validation[curve.best], "o", color=colour, markersize=5)
        if np.ptp(curve.theta, axis=1).max() > 0:
            lengths.fill_between(number, *(curve.theta[:, [0, 2]].T * factor), color=colour, alpha=0.15, linewidth=0)
        lengths.plot(number, curve.theta[:, 1] * factor, color=colour, linewidth=1.4, label=f"seed {curve.seed}")
        lengths.plot(number[curve.best], curve.theta[curve.best, 1] * factor, "o", color=colour, markersize=5)
    over_epochs = Scale(np.arange(1, epochs + 1), 1 - 0.03 * epochs, epochs * 1.03, "Epoch")
    all_losses = np.concatenate([values for curve in curves for values in (curve.train, curve.validation)])
    for axes, own in ((losses, axis_scales.value_scale(all_losses, f"Loss ({unit})")), (lengths, scale)):
        put_scale(axes, "x", over_epochs, most=min(8, max(2, epochs)))
        put_scale(axes, "y", own, most=6)
        draw_grid(axes)
    heading(losses, "Loss", "solid: validation; dashed: training; dots: the epoch kept", share=0.4)
    several = np.ptp(curves[0].theta, axis=1).max() > 0
    heading(
        lengths,
        "Learnt window length",
        "mean; shaded: from the shortest to the longest" if several else "dots: the epoch kept",
        share=0.4,
    )
    if len(curves) <= _NAMED:
        lengths.legend(fontsize=print_size(8), framealpha=0.9, edgecolor="none", labelcolor=GREY)
    freeze_layout(figure)
    return figure


COLOURS = {"fixed": INK, "learnt": ACCENT}
"""Of fixed windows and of learnt ones in all pictures of a training."""
