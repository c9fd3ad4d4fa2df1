"""The style of all pictures: the view, fonts and print sizes, empty figures, and their layout."""

import math
from dataclasses import dataclass

import matplotlib
from matplotlib import font_manager, style
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..errors import InputError
from ..recordings.annotations.box import Box
from .shown.hearing_scales import HEARING_SCALES

INK, ACCENT, GREY = "#1f4e79", "#c0392b", "#595959"
_LEAST, _MOST_INCHES, _MOST_PIXELS = (3, 2), 100, 200_000_000
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


@dataclass(frozen=True)
class View:
    """How to show a result; extends the section ``figures`` of the config.

    fmin, fmax: limits of the frequency axis in Hz; None or "full" for the first and the last bin. "auto" stands for limits
        that are yet to be found (figures.shown.signal_band), and for no limits until then.
    freq_scale: linear, log, or a key of HEARING_SCALES.
    db_range: dB from the largest magnitude down to the end of the colours; "auto" for down to the noise of the picture.
    db_ref: what has 0 dB: "max", the largest that is shown, or a quantity such as "20uPa", "1" for one unit of the samples.
    scaling: what is shown: "rms" or "amplitude" of a tone, or "psd", the power spectral density.
    cmap: the colour map of magnitudes.
    dpi: dots per inch.
    start: the recording time of sample 0 in s; time axes show recording time.
    title: a file name and channel; its middle is left out if it is too long for the figure.
    tmin, tmax: limits of the time axis in s of recording time; None for the first and the last frame.
    theta_cmap: the colour map of window lengths.
    size: width and height of the figure in inches; None for its natural size. A smaller figure has smaller print.
    even_floor: whether noise, hiss and onsets are drawn no louder where windows are shorter.
    began: the recording's own time at 0 s of recording time, which time axes show instead; None for recording time.
    unit: of the samples; "" where it is not known.
    boxes: over time and frequency, whose outlines are drawn.
    corner: a remark on the band shown, in small print in the corner of the figure.

    Raises InputError for a value that cannot be drawn with.
    """

    fmin: float | str | None = None
    fmax: float | str | None = None
    freq_scale: str = "linear"
    db_range: float | str = 80.0
    db_ref: str = "max"
    scaling: str = "rms"
    cmap: str = "magma"
    dpi: int = 150
    start: float = 0.0
    title: str = ""
    tmin: float | None = None
    tmax: float | None = None
    theta_cmap: str = "viridis"
    size: tuple[float, float] | None = None
    even_floor: bool = True
    corner: str = ""
    began: str | float | None = None
    unit: str = ""
    boxes: tuple[Box, ...] = ()

    @property
    def band(self) -> tuple[float | None, float | None]:
        """The limits of the frequency axis in Hz, None where there is none."""
        low, high = (None if isinstance(limit, str) else limit for limit in (self.fmin, self.fmax))
        return low, high

    def __post_init__(self) -> None:
        for name, default in (("cmap", "magma"), ("theta_cmap", "viridis")):
            if (value := getattr(self, name)) not in matplotlib.colormaps:
                raise InputError(f"figures: {name}={value!r}: not a colour map of matplotlib; try {default}")
        for name in ("tmin", "tmax"):
            if not math.isfinite(getattr(self, name) or 0):
                raise InputError(f"figures: {name}={getattr(self, name)}: expected a number of s")
        if self.freq_scale not in ("linear", "log", *HEARING_SCALES):
            raise InputError(
                f"figures: freq_scale={self.freq_scale!r}: expected linear, log or {', '.join(HEARING_SCALES)}"
            )
        if self.db_range != "auto" and not 0 < self.db_range < math.inf:
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
            size = f"{width:g}x{height:g} inches at {self.dpi} dots per inch"
            raise InputError(
                f"figures: {size} exceed {_MOST_PIXELS / 1e6:g} million pixels; choose a smaller size or dpi"
            )


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
