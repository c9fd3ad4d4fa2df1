"""Axes of a picture: their scales with as many ticks as there is room for, and lines on them."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from .axis_scales import Scale
from .style import ACCENT, INK, print_size

_MARKED = 40  # points at most that are marked on a line


def put_scale(axes: Axes, which: str, scale: Scale, most: int = 10) -> None:
    """Set scale, limits, label and ticks of one axis.

    which: x or y.
    most: about the largest number of ticks.
    """
    kind = "function" if scale.hearing else "log" if scale.log else "linear"
    if kind == "function":
        getattr(axes, f"set_{which}scale")(kind, functions=(scale.position, scale.value))
    elif getattr(axes, f"get_{which}scale")() != kind:  # setting it lays out all ticks anew
        axes.set(**{f"{which}scale": kind})
    axes.set(**{f"{which}label": scale.label})
    axes.set(**{f"{which}lim": (scale.low, scale.high)})
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_ticks(*_ticks(axes, which, scale, most))
    axis.set_minor_locator(NullLocator())


def _ticks(axes: Axes, which: str, scale: Scale, most: int) -> tuple[np.ndarray, list[str]]:
    """As many ticks as fit into the panel's share of the figure; inches are those of a figure of its natural size."""
    width, height = axes.figure.get_size_inches() / print_size(1)
    grid = axes.get_gridspec()
    if which == "y":
        return scale.ticks(max(2, min(most, int((height / grid.nrows - 0.55) / 0.22))))
    if scale.log:  # the labels are closer together at its right end
        most = max(2, min(most, int(1.2 * width / grid.ncols)))
    return scale.ticks(most, min(90, 9 * width) / grid.ncols)


def outer_labels(axes: Axes, left: bool, bottom: bool) -> None:
    """Show the labels of the y axis only if ``left``, those of the x axis only if ``bottom``."""
    axes.tick_params(labelleft=left, labelbottom=bottom)
    axes.yaxis.label.set_visible(left)
    axes.xaxis.label.set_visible(bottom)


def draw_line(axes: Axes, x: np.ndarray, y: np.ndarray, mark: int | None = None, width: float = 1.5) -> None:
    """Draw a line over a grid, with a dot at each point if the points are few, so that a single one is visible.

    x, y: (n,) in the units of the axes; the line has gaps where y is not finite.
    mark: the index of a point to emphasise.
    width: of the line in points.
    """
    y = np.where(np.isfinite(y), y, np.nan)
    axes.plot(x, y, color=INK, linewidth=width, marker="o" if len(x) <= _MARKED else None, markersize=3.5)
    if mark is not None:
        axes.plot(x[mark], y[mark], "o", color=ACCENT, markersize=6)
    draw_grid(axes)


def draw_grid(axes: Axes) -> None:
    """Draw grid lines behind the data, and no frame above and on the right."""
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
