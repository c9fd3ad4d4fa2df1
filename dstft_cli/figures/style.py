"""What figures are drawn with: the view, sheets, axes, images through the pixel grid, headings."""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import matplotlib
import numpy as np
from matplotlib import font_manager, style
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Text
from matplotlib.ticker import NullLocator

from ..errors import InputError
from . import axis_scales, pixel_grid
from .axis_scales import Scale

INK, ACCENT, GREY = "#1f4e79", "#c0392b", "#595959"
_LEAST, _MOST_INCHES, _MOST_PIXELS = (3, 2), 100, 200_000_000
_LEAST_PRINT = 0.6  # of the print on a sheet of the usual size: 6 points
_PRINT = {"font.size": 10.0, "axes.titlesize": 11.0}
_FONTS = (  # DejaVu Sans comes with matplotlib; the others, where installed, lend it the scripts it lacks
    *("DejaVu Sans", "Noto Sans CJK JP", "Noto Sans CJK SC", "Hiragino Sans", "PingFang SC", "Yu Gothic"),
    *("Microsoft YaHei", "Malgun Gothic", "Noto Sans Devanagari", "Noto Sans Thai", "Arial Unicode MS"),
)


_STYLE = {
    "font.family": [name for name in _FONTS if name in font_manager.fontManager.get_font_names()],
    **_PRINT,
    "axes.titlelocation": "left",
    "text.parse_math": False,
    "svg.hashsalt": "dstft",
    "figure.constrained_layout.w_pad": 0.08,
    "figure.constrained_layout.h_pad": 0.08,
}


styled = style.context(["default", _STYLE])


@dataclass(frozen=True)
class View:
    """How to look at a result; mirrors the section ``figures`` of the config.

    fmin, fmax: the band shown, Hz; None for as far as the bins go.
    tmin, tmax: the part shown, s of recording time; None for as far as the frames go.
    theta_cmap: the colour map of window lengths.
    size: width and height of the figure, inches; None for what suits it. A small one gets smaller print.
    start: where sample 0 lies in the recording, s; time axes show recording time.
    title: a file name and channel; shortened in the middle where it is too long for the figure.
    Raises InputError for a value that no figure could be drawn with.
    """

    fmin: float | None = None
    fmax: float | None = None
    freq_scale: str = "linear"
    db_range: float = 80.0
    cmap: str = "magma"
    dpi: int = 150
    start: float = 0.0
    title: str = ""
    tmin: float | None = None
    tmax: float | None = None
    theta_cmap: str = "viridis"
    size: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for name, fallback in (("cmap", "magma"), ("theta_cmap", "viridis")):
            if (given := getattr(self, name)) not in matplotlib.colormaps:
                raise InputError(f"figures: {name}={given!r} is no colour map of matplotlib; try {fallback}")
        for name in ("tmin", "tmax"):
            if not math.isfinite(getattr(self, name) or 0):
                raise InputError(f"figures: {name}={getattr(self, name)}: expected a number of s")
        if self.freq_scale not in ("linear", "log"):
            raise InputError(f"figures: freq_scale={self.freq_scale!r}: expected linear or log")
        if not 0 < self.db_range < math.inf:
            raise InputError(f"figures: db_range={self.db_range}: expected a number of dB above 0")
        self._check_size()

    def _check_size(self) -> None:
        width, height = self.size or (10, 5)
        if not (_LEAST[0] <= width <= _MOST_INCHES and _LEAST[1] <= height <= _MOST_INCHES):
            least = f"{_LEAST[0]:g}x{_LEAST[1]:g}"
            raise InputError(
                f"figures: size={width:g}x{height:g}: expected from {least} to {_MOST_INCHES}x{_MOST_INCHES} inches"
            )
        if self.dpi**2 * width * height > _MOST_PIXELS:
            size = f"{width:g}x{height:g} inches at {self.dpi} dots an inch"
            raise InputError(
                f"figures: {size} are more than {_MOST_PIXELS / 1e6:g} million pixels; make size or dpi smaller"
            )


def sheet(view: View, width: float, height: float) -> Figure:
    """An empty figure of the view's size, or else of the size that suits it, in inches.

    Where it is smaller than suits it, what is then drawn in this style gets smaller print.
    """
    size = view.size or (width, height)
    shrink = min(1.0, max(_LEAST_PRINT, math.sqrt(min(size[0] / width, size[1] / height))))
    matplotlib.rcParams.update({name: shrink * value for name, value in _PRINT.items()})  # styled undoes it
    figure = Figure(figsize=size, dpi=view.dpi, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def print_size(points: float) -> float:
    """The size, in points, of what has that many on a sheet of the size that suits it."""
    return points * matplotlib.rcParams["font.size"] / _PRINT["font.size"]


def settle(figure: Figure) -> None:
    """Lay the figure out once for all: pixel grids then fit their axes, every save gives the same bytes."""
    figure.get_layout_engine().execute(figure)
    figure.set_layout_engine("none")
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_visible():
                _thin_out(axis)


def _thin_out(axis: Axis) -> None:
    """Hide the tick labels that lie over one before them, on an axis that turned out too short for two."""
    taken = None
    for label in axis.get_ticklabels():
        if label.get_visible() and label.get_text():
            box = label.get_window_extent()
            if taken is not None and box.overlaps(taken):
                label.set_visible(False)
            else:
                taken = box


def axes_scales(times: np.ndarray, frequencies: np.ndarray, view: View) -> tuple[Scale, Scale]:
    (time,), frequency = shared_scales([times], frequencies, view)
    return time, frequency


def shared_scales(groups: Sequence[np.ndarray], frequencies: np.ndarray, view: View) -> tuple[list[Scale], Scale]:
    """The time scales of several groups of frames, all with the same ends, and the frequency scale."""
    support = 1 / (frequencies[1] - frequencies[0]) if len(frequencies) > 1 else 1.0
    frequency = axis_scales.frequency_scale(frequencies, view.fmin, view.fmax, view.freq_scale == "log")
    part = view.tmin, view.tmax
    return axis_scales.shared_time_scales(groups, view.start, support, *part), frequency


def put_scale(axes: Axes, which: str, scale: Scale, most: int = 10) -> None:
    """Give the x or the y axis its scale, limits, label and ticks."""
    axes.set(**{f"{which}scale": "log" if scale.log else "linear", f"{which}label": scale.label})
    axes.set(**{f"{which}lim": (scale.low, scale.high)})
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_ticks(*_ticks(axes, which, scale, most))
    axis.set_minor_locator(NullLocator())


def _ticks(axes: Axes, which: str, scale: Scale, most: int) -> tuple[np.ndarray, list[str]]:
    """As many ticks as have room in their share of the sheet, measured in inches of the usual print."""
    width, height = axes.figure.get_size_inches() / print_size(1)
    grid = axes.get_gridspec()
    if which == "y":
        return scale.ticks(max(2, min(most, int((height / grid.nrows - 0.55) / 0.22))))
    if scale.log:  # words stand closer together at its right end
        most = max(2, min(most, int(1.2 * width / grid.ncols)))
    return scale.ticks(most, min(90, 9 * width) / grid.ncols)


def draw_image(axes: Axes, time: Scale, frequency: Scale, **colours: object) -> AxesImage:
    """A still empty image that fills the axes whatever their scales: one array cell is one pixel."""
    put_scale(axes, "x", time)
    put_scale(axes, "y", frequency)
    place = {"extent": (0, 1, 0, 1), "transform": axes.transAxes, "origin": "lower", "aspect": "auto"}
    return axes.imshow(np.ones((1, 1)), interpolation="none", **place, **colours)


def pixels(image: AxesImage) -> tuple[int, int]:
    box = image.axes.get_window_extent()
    return max(1, int(box.height)), max(1, int(box.width))


def fill_decibels(
    images: Sequence[AxesImage],
    magnitudes: Sequence[np.ndarray],
    times: Sequence[Scale],
    frequencies: Sequence[Scale],
    view: View,
) -> None:
    """Magnitudes (F, T) into still empty images, in dB relative to the largest of them all."""
    grids = [
        pixel_grid.max_pool_to_pixels(np.asarray(magnitude), frequency, time, *pixels(image))
        for image, magnitude, time, frequency in zip(images, magnitudes, times, frequencies, strict=True)
    ]
    peak = max(float(grid.max()) for grid in grids)
    for image, grid in zip(images, grids, strict=True):
        image.set_data(pixel_grid.decibels(grid, peak, view.db_range))


def decibel_bar(image: AxesImage, beside: Axes | Sequence[Axes]) -> None:
    image.figure.colorbar(image, ax=beside, pad=0.015, aspect=30, label="Magnitude (dB re max)")


def length_bar(image: AxesImage, scale: Scale, beside: Axes | Sequence[Axes]) -> None:
    """What window lengths the colours of an image stand for, with the words of a length_scale."""
    bar = image.figure.colorbar(image, ax=beside, pad=0.015, aspect=30, label=scale.label)
    ticks, words = scale.ticks(8)
    bar.set_ticks(ticks, labels=words)
    bar.minorticks_off()


def outer_labels(axes: Axes, left: bool, bottom: bool) -> None:
    axes.tick_params(labelleft=left, labelbottom=bottom)
    axes.yaxis.label.set_visible(left)
    axes.xaxis.label.set_visible(bottom)


def draw_line(axes: Axes, x: np.ndarray, y: np.ndarray, mark: int | None = None, width: float = 1.5) -> None:
    """A line with gaps where y is not finite; few points are marked, else a single one would not show."""
    y = np.where(np.isfinite(y), y, np.nan)
    axes.plot(x, y, color=INK, linewidth=width, marker="o" if len(x) <= 40 else None, markersize=3.5)
    if mark is not None:
        axes.plot(x[mark], y[mark], "o", color=ACCENT, markersize=6)
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def heading(axes: Axes, title: str, note: str = "", end: str = "", share: float = 0.8) -> None:
    """The title of the axes, within a share of the figure's width, and a note in smaller print under it."""
    fit_words(axes.set_title("", pad=print_size(21 if note else 6)), title or " ", end, share)
    if note:  # the title's height makes room for it
        place = {"xy": (0, 1), "xycoords": "axes fraction", "xytext": (0, print_size(6)), "textcoords": "offset points"}
        small = axes.annotate("", **place, color=GREY, size=print_size(9.5))
        small.set_in_layout(False)
        fit_words(small, note, "", share)


def overall_title(figure: Figure, title: str) -> None:
    if title:
        fit_words(figure.suptitle("", x=0.01, ha="left", size=print_size(12)), title, "", 0.95)


def fit_words(text: Text, words: str, end: str, share: float) -> None:
    """Write words and end, without the middle of the words where they would exceed that share of width, else smaller."""
    words = _printable(words)
    text.set_text(words + end)
    room, keep = _room(text, share), len(words)
    while (width := text.get_window_extent().width) > room and keep > 8:
        keep = max(8, min(keep - 1, int(keep * room / width)))
        text.set_text(f"{words[: (keep + 1) // 2]}…{words[-(keep // 2) :]}{end}")
    shrink_to(text, share)


def shrink_to(text: Text, share: float) -> None:
    """Smaller print where the text would exceed that share of the figure's width."""
    room, width = _room(text, share), text.get_window_extent().width
    if width > room:
        text.set_size(text.get_size() * room / width)


def _room(text: Text, share: float) -> float:
    """That share of the figure's width in pixels; on a narrow sheet axes have less of it beside their labels."""
    figure = text.figure
    inches = figure.get_figwidth()
    return share * figure.bbox.width * min(1.0, (inches - print_size(2)) / (0.8 * inches))


def _printable(words: str) -> str:
    """The words with all that no font here can draw replaced: a file name can hold anything."""
    known = [c for c in unicodedata.normalize("NFC", words) if unicodedata.category(c) != "Cf"]
    return "".join(" " if c.isspace() else c if c.isprintable() and _drawable(c) else "\ufffd" for c in known)


@cache
def _drawable(character: str) -> bool:
    fonts = (font_manager.get_font(font_manager.findfont(name)) for name in _STYLE["font.family"])
    return any(font.get_char_index(ord(character)) for font in fonts)
