"""The loss and its terms over the steps of a run."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import axis_scales
from .axes import draw_line, outer_labels, put_scale
from .axis_scales import Scale
from .length_curve import draw_length_curve, lowest
from .shown.view import View
from .style import freeze_layout, new_figure, styled
from .titles import heading, overall_title


class LengthLoss(NamedTuple):
    """The loss of constant windows.

    lengths: (n,) ms, increasing.
    losses: (n,).
    name: of the loss.
    """

    lengths: np.ndarray
    losses: np.ndarray
    name: str


@styled
def loss_curves(terms: Mapping[str, np.ndarray], view: View, curve: LengthLoss | None = None) -> Figure:
    """The loss and its terms step by step, one panel each, with the step of the lowest loss marked in all panels.

    terms: {name: (steps + 1,)}, the loss first. Equal terms share a panel, terms that are 0 throughout have none; what is
        not finite is a gap.
    view: size, dpi and title.
    curve: drawn in a column of its own.
    """
    panels = _panels(terms)
    figure = new_figure(view, 10, max(4.5, 1 + 1.7 * len(panels)))
    columns = 1 if curve is None else 2
    grid = figure.add_gridspec(len(panels), columns)
    best = lowest(panels[0][1])
    for i, (name, values) in enumerate(panels):
        axes = figure.add_subplot(grid[i, 0])
        _draw_history(axes, values, best)
        heading(axes, name, end=_progress(values, best), share=0.8 / columns)
        outer_labels(axes, left=True, bottom=i == len(panels) - 1)
    if curve is not None:
        axes = figure.add_subplot(grid[:, 1])
        end = draw_length_curve(axes, np.asarray(curve.lengths), np.asarray(curve.losses))
        heading(axes, f"{curve.name} over window length", end=end, share=0.4)
    overall_title(figure, view.title)
    freeze_layout(figure)
    return figure


def _panels(terms: Mapping[str, np.ndarray]) -> list[tuple[str, np.ndarray]]:
    """Name and values of each panel: equal terms under a joint name, without those that are 0 throughout."""
    panels: dict[bytes, tuple[str, np.ndarray]] = {}
    for name, series in terms.items():
        values = np.asarray(series, dtype=np.float64)
        key = values.tobytes()
        if key in panels:
            panels[key] = (f"{panels[key][0]} = {name}", values)
        elif values.any() or not panels:
            panels[key] = (name, values)
    return list(panels.values())


def _progress(values: np.ndarray, best: int | None) -> str:
    """The value of a term at the start and at the step of the lowest loss."""
    if best is None or not np.isfinite(values[[0, best]]).all():
        return ""
    origin = f"{values[0]:#.4g} → " if best else ""
    return f": {origin}{values[best]:#.4g} at step {best}"


def _draw_history(axes: Axes, values: np.ndarray, best: int | None) -> None:
    steps = np.arange(len(values))
    draw_line(axes, steps, values, best)
    margin = 0.3 + 0.02 * len(steps)
    put_scale(axes, "x", Scale(steps, -margin, steps[-1] + margin, "Step"), most=min(8, len(steps)))
    put_scale(axes, "y", axis_scales.value_scale(values), most=6)
