"""The style of all pictures: fonts and print sizes, empty figures, and their layout."""

import math

import matplotlib
from matplotlib import font_manager, style
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .shown.view import View

INK, ACCENT, GREY = "#1f4e79", "#c0392b", "#595959"
_LEAST_PRINT = 0.6  # of the print of a figure of its natural size: 6 points
_PRINT = {"font.size": 10.0, "axes.titlesize": 11.0}
_PREFERRED_FONTS = (  # DejaVu Sans comes with matplotlib; the others, if installed, add the scripts it lacks
    *("DejaVu Sans", "Noto Sans CJK JP", "Noto Sans CJK SC", "Hiragino Sans", "PingFang SC", "Yu Gothic"),
    *("Microsoft YaHei", "Malgun Gothic", "Noto Sans Devanagari", "Noto Sans Thai", "Arial Unicode MS"),
)
FONTS = [name for name in _PREFERRED_FONTS if name in font_manager.fontManager.get_font_names()]
_STYLE = {
    "font.family": FONTS,
    **_PRINT,
    "axes.titlelocation": "left",
    "text.parse_math": False,
    "svg.hashsalt": "dstft",
    "figure.constrained_layout.w_pad": 0.08,
    "figure.constrained_layout.h_pad": 0.08,
}


styled = style.context(["default", _STYLE])
"""Decorates the functions that draw: one fixed style, whatever the user's matplotlibrc says, which is undone afterwards."""


def new_figure(view: View, width: float, height: float) -> Figure:
    """An empty figure of the view's size. If it is smaller than its natural size, what is drawn next has smaller print.

    view: its size and dpi.
    width, height: the natural size in inches, used if the view has no size.
    """
    size = view.size or (width, height)
    shrink = min(1.0, max(_LEAST_PRINT, math.sqrt(min(size[0] / width, size[1] / height))))
    matplotlib.rcParams.update({name: shrink * value for name, value in _PRINT.items()})  # styled undoes it
    figure = Figure(figsize=size, dpi=view.dpi, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def print_size(points: float) -> float:
    """The size in points in the current figure of what has that many points in a figure of its natural size."""
    return points * matplotlib.rcParams["font.size"] / _PRINT["font.size"]


def freeze_layout(figure: Figure) -> None:
    """Lay the figure out for good: images then have as many cells as pixels, and every save gives the same bytes."""
    figure.get_layout_engine().execute(figure)
    figure.set_layout_engine("none")
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_visible():
                _hide_overlapping_labels(axis)


def _hide_overlapping_labels(axis: Axis) -> None:
    """Hide each tick label that overlaps the visible one before it."""
    occupied = None
    for label in axis.get_ticklabels():
        if label.get_visible() and label.get_text():
            box = label.get_window_extent()
            if occupied is not None and box.overlaps(occupied):
                label.set_visible(False)
            else:
                occupied = box


def palette(name: str) -> list[str]:
    """The 256 colours of a matplotlib colour map, "#rrggbb" each."""
    return [matplotlib.colors.to_hex(colour) for colour in matplotlib.colormaps[name](range(256))]
