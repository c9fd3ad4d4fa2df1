"""Arrays in, matplotlib figures out: spectrograms, window length maps, comparisons and loss curves.

Every figure is drawn in one fixed style, whatever the user's matplotlibrc says, and all words are plain text:
``$`` and ``_`` in a file name are just that. The style is set for each call and then undone, which is not for
several threads at once.
"""

import math
import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import IO

import matplotlib
import numpy as np
from matplotlib import font_manager, style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Text
from matplotlib.ticker import NullLocator

from . import raster, scales
from .errors import InputError
from .scales import Scale

_INK, _ACCENT, _GREY = "#1f4e79", "#c0392b", "#595959"
_THETA_CMAP = "viridis"
_FONTS = (  # DejaVu Sans comes with matplotlib; the others, where installed, lend it the scripts it lacks
    *("DejaVu Sans", "Noto Sans CJK JP", "Noto Sans CJK SC", "Hiragino Sans", "PingFang SC", "Yu Gothic"),
    *("Microsoft YaHei", "Malgun Gothic", "Noto Sans Devanagari", "Noto Sans Thai", "Arial Unicode MS"),
)
_STYLE = {
    "font.family": [name for name in _FONTS if name in font_manager.fontManager.get_font_names()],
    "axes.titlesize": 11.0,
    "axes.titlelocation": "left",
    "text.parse_math": False,
    "svg.hashsalt": "dstft",
    "figure.constrained_layout.w_pad": 0.08,
    "figure.constrained_layout.h_pad": 0.08,
}
_styled = style.context(["default", _STYLE])


@dataclass(frozen=True)
class View:
    """How to look at a result; mirrors the section ``figures`` of the config.

    fmin, fmax: the band shown, Hz; None for as far as the bins go.
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

    def __post_init__(self) -> None:
        if self.cmap not in matplotlib.colormaps:
            raise InputError(f"figures: cmap={self.cmap!r} is no colour map of matplotlib; try magma")
        if self.freq_scale not in ("linear", "log"):
            raise InputError(f"figures: freq_scale={self.freq_scale!r}: expected linear or log")
        if not 0 < self.db_range < math.inf:
            raise InputError(f"figures: db_range={self.db_range}: expected a number of dB above 0")


@_styled
def spectrogram(
    times: np.ndarray, frequencies: np.ndarray, magnitude: np.ndarray, view: View, note: str = ""
) -> Figure:
    """A spectrogram in dB relative to the largest magnitude of the band shown.

    times: (T,) s, increasing, not necessarily in equal steps. frequencies: (F,) Hz, increasing.
    magnitude: (F, T), linear; what is not finite is drawn as silence. note: a second line under the title.
    Raises InputError where the view's band holds no bin.
    """
    time, frequency = _scales(times, frequencies, view)
    figure = _sheet(view, 10, 5)
    axes = figure.add_subplot()
    image = _image(axes, time, frequency, cmap=view.cmap, vmin=-view.db_range, vmax=0)
    _decibel_bar(image, axes)
    _head(axes, view.title, note)
    _settle(figure)
    _fill_decibels([image], [magnitude], time, frequency, view)
    return figure


@_styled
def comparison(
    times: np.ndarray, frequencies: np.ndarray, panels: Sequence[tuple[str, np.ndarray, float]], view: View
) -> Figure:
    """Spectrograms of one signal side by side, in dB relative to the largest magnitude of them all.

    panels: (label, magnitude (F, T), entropy in nats) each; times, frequencies and errors as for spectrogram.
    """
    time, frequency = _scales(times, frequencies, view)
    columns = len(panels) if len(panels) <= 3 else math.ceil(math.sqrt(len(panels)))
    rows = math.ceil(len(panels) / columns)
    figure = _sheet(view, max(10, 4.2 * columns), max(4.5, 3.5 * rows))
    images = []
    for i, (label, _, entropy) in enumerate(panels):
        axes = figure.add_subplot(rows, columns, i + 1)
        images.append(_image(axes, time, frequency, cmap=view.cmap, vmin=-view.db_range, vmax=0))
        _outer_labels(axes, left=i % columns == 0, bottom=i + columns >= len(panels))
        _head(axes, label, end=f", entropy {entropy:.4g}", share=0.78 / columns)
    _decibel_bar(images[0], figure.axes)
    _suptitle(figure, view.title)
    _settle(figure)
    _fill_decibels(images, [magnitude for _, magnitude, _ in panels], time, frequency, view)
    return figure


@_styled
def theta_map(
    times: np.ndarray,
    frequencies: np.ndarray,
    theta: np.ndarray,
    sample_rate: float,
    view: View,
    bounds: tuple[float, float] | None = None,
) -> Figure:
    """Window lengths, drawn in ms (µs below 0.1 ms, s above 1 s).

    theta: samples, at a sample_rate in Hz. (F, T): a map with logarithmic colours. (1, T): a curve over time.
    (F, 1): a curve over frequency. (1, 1): the window itself, outlined as a Hann window whatever its family.
    bounds: the least and the largest length allowed, samples. The rest is as for spectrogram.
    """
    time, frequency = _scales(times, frequencies, view)
    theta, unit = np.asarray(theta), 1e3 / sample_rate
    limits = np.asarray(bounds or (), dtype=np.float64) * unit
    figure = _sheet(view, 10, 4.5 if 1 in theta.shape else 5)
    axes = figure.add_subplot()
    if theta.size == 1:
        _window(axes, theta.item(), sample_rate)
    elif 1 in theta.shape:
        _length_curve(axes, time if theta.shape[0] == 1 else frequency, theta.ravel() * unit, limits)
    else:
        unit *= _length_image(axes, time, frequency, theta[frequency.shown, time.shown] * unit)
    _head(axes, view.title, _allowed(limits))
    _settle(figure)
    for image in axes.images:
        grid = raster.samples(theta, frequency, time, *_pixels(image))
        image.set_data(np.ma.masked_invalid(grid * unit))
    return figure


@_styled
def loss_curves(
    terms: Mapping[str, np.ndarray], view: View, curve: tuple[np.ndarray, np.ndarray] | None = None
) -> Figure:
    """How the loss and its terms fell, step by step, one panel each.

    terms: name -> (steps + 1,), the loss first: the step where it is lowest is marked in every panel.
    Terms that are equal share a panel, one that is 0 throughout is left out; what is not finite is a gap.
    curve: window lengths (n,) in ms, increasing, and the entropy (n,) at each, for a constant window.
    """
    merged = _merged(terms)
    figure = _sheet(view, 10, max(4.5, 1 + 1.7 * len(merged)))
    columns = 1 if curve is None else 2
    best = _lowest(merged[0][1])
    for i, (name, values) in enumerate(merged):
        axes = figure.add_subplot(len(merged), columns, columns * i + 1)
        _history(axes, values, best)
        _head(axes, name, end=_progress(values, best), share=0.8 / columns)
        _outer_labels(axes, left=True, bottom=i == len(merged) - 1)
    if curve is not None:
        _entropy_curve(figure.add_subplot(1, 2, 2), *map(np.asarray, curve))
    _suptitle(figure, view.title)
    _settle(figure)
    return figure


@_styled
def save(figure: Figure, file: str | os.PathLike | IO[bytes], format: str = "png", dpi: int = 150) -> None:
    """Write the figure to a path or a binary file as png, svg or pdf; the same figure gives the same bytes.

    Pass the dpi of the view the figure was made with: its images have just that many pixels.
    An OSError of the file comes through; an unknown format raises InputError.
    """
    undated = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    if format not in undated:
        raise InputError(f"figures: format={format!r}: expected one of {', '.join(undated)}")
    figure.savefig(file, format=format, dpi=dpi, metadata=undated[format])


def _sheet(view: View, width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), dpi=view.dpi, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _settle(figure: Figure) -> None:
    """Lay the figure out once for all: pixel grids then fit their axes, every save gives the same bytes."""
    figure.get_layout_engine().execute(figure)
    figure.set_layout_engine("none")


def _scales(times: np.ndarray, frequencies: np.ndarray, view: View) -> tuple[Scale, Scale]:
    support = 1 / (frequencies[1] - frequencies[0]) if len(frequencies) > 1 else 1.0
    frequency = scales.frequency_scale(frequencies, view.fmin, view.fmax, view.freq_scale == "log")
    return scales.time_scale(times, view.start, alone=support), frequency


def _put(axes: Axes, which: str, scale: Scale, most: int = 10) -> None:
    """Give the x or the y axis its scale, limits, label and ticks."""
    axes.set(**{f"{which}scale": "log" if scale.log else "linear", f"{which}label": scale.label})
    axes.set(**{f"{which}lim": (scale.low, scale.high)})
    axis, room = (axes.yaxis, math.inf) if which == "y" else (axes.xaxis, 90 / axes.get_gridspec().ncols)
    axis.set_ticks(*scale.ticks(most, room))
    axis.set_minor_locator(NullLocator())


def _image(axes: Axes, time: Scale, frequency: Scale, **colours: object) -> AxesImage:
    """A still empty image that fills the axes whatever their scales: one array cell is one pixel."""
    _put(axes, "x", time)
    _put(axes, "y", frequency)
    place = {"extent": (0, 1, 0, 1), "transform": axes.transAxes, "origin": "lower", "aspect": "auto"}
    return axes.imshow(np.ones((1, 1)), interpolation="none", **place, **colours)


def _pixels(image: AxesImage) -> tuple[int, int]:
    box = image.axes.get_window_extent()
    return max(1, int(box.height)), max(1, int(box.width))


def _fill_decibels(
    images: Sequence[AxesImage], magnitudes: Sequence[np.ndarray], time: Scale, frequency: Scale, view: View
) -> None:
    grids = [
        raster.peaks(np.asarray(magnitude), frequency, time, *_pixels(image))
        for image, magnitude in zip(images, magnitudes, strict=True)
    ]
    peak = max(float(grid.max()) for grid in grids)
    for image, grid in zip(images, grids, strict=True):
        image.set_data(raster.decibels(grid, peak, view.db_range))


def _decibel_bar(image: AxesImage, beside: Axes | Sequence[Axes]) -> None:
    image.figure.colorbar(image, ax=beside, pad=0.015, aspect=30, label="Magnitude (dB re max)")


def _outer_labels(axes: Axes, left: bool, bottom: bool) -> None:
    axes.tick_params(labelleft=left, labelbottom=bottom)
    axes.yaxis.label.set_visible(left)
    axes.xaxis.label.set_visible(bottom)


def _line(axes: Axes, x: np.ndarray, y: np.ndarray, mark: int | None = None) -> None:
    """A line with gaps where y is not finite; few points are marked, else a single one would not show."""
    y = np.where(np.isfinite(y), y, np.nan)
    axes.plot(x, y, color=_INK, marker="o" if len(x) <= 40 else None, markersize=3.5)
    if mark is not None:
        axes.plot(x[mark], y[mark], "o", color=_ACCENT, markersize=6)
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _length_image(axes: Axes, time: Scale, frequency: Scale, lengths: np.ndarray) -> float:
    """A still empty map with the colours for lengths in ms; returns how many of its unit make 1 ms."""
    scale, factor = scales.length_scale(lengths)
    image = _image(axes, time, frequency, cmap=_THETA_CMAP, norm=LogNorm(scale.low, scale.high))
    bar = axes.figure.colorbar(image, ax=axes, pad=0.015, aspect=30, label=scale.label)
    ticks, words = scale.ticks(8)
    bar.set_ticks(ticks, labels=words)
    bar.minorticks_off()
    return factor


def _length_curve(axes: Axes, along: Scale, lengths: np.ndarray, limits: np.ndarray) -> None:
    scale, factor = scales.length_scale(np.append(lengths[along.shown], limits), margin=0.06)
    _line(axes, along.centres, lengths * factor)
    _put(axes, "x", along)
    _put(axes, "y", scale, most=8)
    for limit in limits:
        axes.axhline(limit * factor, color=_GREY, linewidth=0.9, linestyle=(0, (5, 4)))


def _window(axes: Axes, samples: float, sample_rate: float) -> None:
    length = samples / sample_rate * 1e3
    factor, unit = scales.length_unit(length)
    half = length * factor / 2
    x = np.linspace(-half, half, 401)
    shape = (1 + np.cos(np.pi * x / half)) / 2
    axes.fill_between(x, shape, color=_INK, alpha=0.1, linewidth=0)
    axes.plot(x, shape, color=_INK)
    arrow = {"arrowstyle": "<|-|>", "color": _INK, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (-half, -0.07), (half, -0.07), arrowprops=arrow)
    words = f"{scales.plain_number(round(samples, 1), 9)} samples at {scales.plain_number(sample_rate, 9)} Hz"
    axes.text(0, 0.36, scales.length_words(length), ha="center", size=30, color=_INK)
    axes.text(0, 0.25, words, ha="center", size=11, color=_GREY)
    _put(axes, "x", Scale(x, -1.3 * half, 1.3 * half, f"Time from the frame's centre ({unit})"))
    axes.set_ylim(-0.15, 1.05)
    axes.yaxis.set_visible(False)
    axes.spines[["left", "right", "top"]].set_visible(False)


def _allowed(limits: np.ndarray) -> str:
    if not limits.size:
        return "Window length"
    return f"Window length, allowed from {scales.length_words(limits[0])} to {scales.length_words(limits[1])}"


def _merged(terms: Mapping[str, np.ndarray]) -> list[tuple[str, np.ndarray]]:
    """The terms to draw, without those that are 0 throughout, equal ones under one name."""
    kept: dict[bytes, tuple[str, np.ndarray]] = {}
    for name, series in terms.items():
        values = np.asarray(series, dtype=np.float64)
        key = values.tobytes()
        if key in kept:
            kept[key] = (f"{kept[key][0]} = {name}", values)
        elif values.any() or not kept:
            kept[key] = (name, values)
    return list(kept.values())


def _lowest(values: np.ndarray) -> int | None:
    finite = np.isfinite(values)
    return int(np.argmin(np.where(finite, values, np.inf))) if finite.any() else None


def _progress(values: np.ndarray, best: int | None) -> str:
    ends = values[[0, best or 0]]
    if best is None or not np.isfinite(ends).all():
        return ""
    return f": {ends[0]:.4g} → {ends[1]:.4g} at step {best}"


def _history(axes: Axes, values: np.ndarray, best: int | None) -> None:
    steps = np.arange(len(values))
    _line(axes, steps, values, best)
    room = 0.3 + 0.02 * len(steps)
    _put(axes, "x", Scale(steps, -room, steps[-1] + room, "Step"), most=min(8, len(steps)))
    _put(axes, "y", scales.value_scale(values), most=6)


def _entropy_curve(axes: Axes, lengths: np.ndarray, entropy: np.ndarray) -> None:
    scale, factor = scales.length_scale(lengths)
    best = _lowest(entropy)
    _line(axes, lengths * factor, entropy, best)
    _put(axes, "x", scale, most=8)
    _put(axes, "y", scales.value_scale(entropy), most=6)
    end = "" if best is None else f", lowest at {scales.length_words(lengths[best])}"
    _head(axes, "entropy over window length", end=end, share=0.4)


def _head(axes: Axes, title: str, note: str = "", end: str = "", share: float = 0.8) -> None:
    """The title of the axes, within a share of the figure's width, and a note in smaller print under it."""
    _fit(axes.set_title("", pad=21 if note else 6), title or " ", end, share)
    if note:  # the title's height makes room for it
        place = {"xy": (0, 1), "xycoords": "axes fraction", "xytext": (0, 6), "textcoords": "offset points"}
        small = axes.annotate("", **place, color=_GREY, size=9.5)
        small.set_in_layout(False)
        _fit(small, note, "", share)


def _suptitle(figure: Figure, title: str) -> None:
    if title:
        _fit(figure.suptitle("", x=0.01, ha="left", size=12), title, "", 0.95)


def _fit(text: Text, words: str, end: str, share: float) -> None:
    """Write words and end, without the middle of the words where they would exceed that share of width."""
    words = _printable(words)
    text.set_text(words + end)
    room, keep = share * text.figure.bbox.width, len(words)
    while (width := text.get_window_extent().width) > room and keep > 8:
        keep = max(8, min(keep - 1, int(keep * room / width)))
        text.set_text(f"{words[: (keep + 1) // 2]}…{words[-(keep // 2) :]}{end}")


def _printable(words: str) -> str:
    """The words with all that no font here can draw replaced: a file name can hold anything."""
    known = [c for c in unicodedata.normalize("NFC", words) if unicodedata.category(c) != "Cf"]
    return "".join(" " if c.isspace() else c if c.isprintable() and _drawable(c) else "\ufffd" for c in known)


@cache
def _drawable(character: str) -> bool:
    fonts = (font_manager.get_font(font_manager.findfont(name)) for name in _STYLE["font.family"])
    return any(font.get_char_index(ord(character)) for font in fonts)
