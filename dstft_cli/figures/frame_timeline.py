"""Where frames lie and how far their windows reach, below the waveform: the right column of the paper's Fig. 4.

Windows are bars, packed into rows so that none covers another. If more overlap than there is room for, evenly chosen ones are
drawn, and the heading says how many. Everything is drawn at the resolution of the picture, however long the signal.
"""

import heapq
import math
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from ..errors import InputError
from ..system.disk_arrays import array_blocks, on_disk
from . import axis_scales
from .axes import draw_line, outer_labels, put_scale
from .axis_scales import ImageScales, Scale
from .images import draw_image, length_bar, pixels
from .shown.view import View
from .style import ACCENT, INK, freeze_layout, new_figure, styled
from .titles import heading

_BLOCK = 1 << 22  # samples that are reduced at a time
_COLUMNS = 2000  # of the waveform, finer than the pixels of a usual picture
_SHORTEST_BAR = 1 / 800  # of the time axis: shorter bars are drawn that long, so that they are visible
_MOST_ROWS = 60
_PANEL, _ROW = 3.4, 0.24  # inches: the highest panel of bars, and one row if there are few
_FEW_ROWS = 3


@dataclass(frozen=True)
class _Bars:
    """Two bars for each frame: a pale one and, around the same centre, a strong one that is not longer.

    centres: (T,) fractions of the time axis, which runs from 0 to 1.
    lengths: (2, T) fractions of the time axis, pale and strong.
    shades: (2, T) window lengths in the unit of the colour bar.
    """

    centres: np.ndarray
    lengths: np.ndarray
    shades: np.ndarray

    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """The left and the right end of each bar as drawn, (2, T) each."""
        half = np.maximum(self.lengths, _SHORTEST_BAR) / 2
        return self.centres - half, self.centres + half

    def select(self, chosen: np.ndarray) -> "_Bars":
        """The bars of the chosen frames. chosen: (T,) bool."""
        return _Bars(self.centres[chosen], self.lengths[:, chosen], self.shades[:, chosen])


@styled
def frame_timeline(
    samples: np.ndarray, sample_rate: float, frame_positions: np.ndarray, theta: np.ndarray, view: View, note: str = ""
) -> Figure:
    """The waveform with the centres of the frames marked, and below it the window of each frame.

    The time axis is that of the signal; windows are cut off at the view's limits.

    samples: (N,).
    sample_rate: Hz.
    frame_positions: (T,) samples, increasing, not necessarily in equal steps.
    theta: window lengths in samples, (1, 1), (1, T), (F, 1) or (F, T).
    view: limits, colours and title.
    note: a second line below the title.

    Raises InputError if the view's limits lie outside the signal, or no window lies between them.
    """
    theta = _extremes(theta) if on_disk(theta) else np.asarray(theta, dtype=np.float64)
    limits = {"tmin": view.tmin, "tmax": view.tmax, "began": view.began}
    time = axis_scales.time_scale(np.array([0, len(samples) / sample_rate]), view.start, **limits)
    shown = np.interp([time.low, time.high], time.centres, [0, len(samples)])
    inside, total = _inside(frame_positions, theta, shown), len(frame_positions)
    theta = theta[:, inside] if theta.shape[1] > 1 else theta
    lengths, factor = axis_scales.length_scale(theta / sample_rate * 1e3)
    bars = _bars(np.asarray(frame_positions)[inside], theta, shown, factor / sample_rate * 1e3)
    drawn = bars.select(_evenly_chosen(bars))
    row, rows = _packed(drawn)
    figure = new_figure(view, 10, 3.8 + _panel_height(rows))
    upper, lower = figure.subplots(2, 1, height_ratios=[2, _panel_height(rows)])
    _draw_waveform(upper, samples, time, shown, view.unit)
    _mark_centres(upper, time, bars.centres)
    heading(upper, view.title, note)
    shortest, longest = (axis_scales.length_text(end / sample_rate * 1e3) for end in (theta.min(), theta.max()))
    images = _bar_images(lower, time, lengths, view.theta_cmap if shortest != longest else None)
    if shortest != longest:
        length_bar(images[0], lengths, [upper, lower])
    visible = axis_scales.length_text(_SHORTEST_BAR * (shown[1] - shown[0]) / sample_rate * 1e3)
    counts = len(bars.centres), len(drawn.centres), total
    heading(lower, _count_text(*counts, shortest, longest), _key(bars, len(theta) > 1, visible))
    freeze_layout(figure)
    _paint(images, drawn, row, rows)
    return figure


def _extremes(theta: np.ndarray) -> np.ndarray:
    """The shortest and the longest window of each frame, (2, T), of a plane (F, T) on disk; no others are drawn."""
    extremes = [np.stack([block.min(axis=0), block.max(axis=0)]) for block in array_blocks(theta)]
    return np.concatenate(extremes, axis=1).astype(np.float64)


def _inside(positions: np.ndarray, theta: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Which frames have a window or a centre in the samples shown, (T,) bool. Raises InputError if none has."""
    half = np.maximum(theta.max(axis=0), _SHORTEST_BAR * (shown[1] - shown[0])) / 2
    inside = (positions + half > shown[0]) & (positions - half < shown[1])
    if not inside.any():
        raise InputError("figures: no window lies between tmin and tmax; change the limits")
    return inside


def _bars(positions: np.ndarray, theta: np.ndarray, shown: np.ndarray, unit: float) -> _Bars:
    """unit: the factor from samples to the unit of the colour bar."""
    extremes = np.broadcast_arrays(theta.max(axis=0), theta.min(axis=0), positions)[:2]
    shades = np.stack(extremes)
    lengths = shades if len(theta) > 1 else shades * [[1], [0.5]]
    first, last = shown
    return _Bars((positions - first) / (last - first), lengths / (last - first), shades * unit)


def _evenly_chosen(bars: _Bars) -> np.ndarray:
    """Which frames to draw, (T,) bool: all, but only an even share of those that overlap more than _MOST_ROWS deep."""
    left, right = (ends[0] for ends in bars.ends())
    begun = np.searchsorted(np.sort(left), bars.centres, side="right")
    ended = np.searchsorted(np.sort(right), bars.centres, side="left")
    among = np.minimum(right, bars.centres[-1]) - np.maximum(left, bars.centres[0])  # there are no others beyond
    depth = (begun - ended) / np.clip(among / (right - left), 0.5, 1)
    share = np.cumsum(np.minimum(1, _MOST_ROWS / depth))
    return np.diff(np.floor(share + 1e-6), prepend=0) > 0


def _packed(bars: _Bars) -> tuple[np.ndarray, int]:
    """The row of each frame, (T,), the first that is free at its left end; and the number of rows, the smallest possible."""
    left, right = (ends[0] for ends in bars.ends())
    row, rows = np.zeros(len(left), dtype=int), 0
    free: list[int] = []
    occupied: list[tuple[float, int]] = []  # (right end of the row's last bar, row)
    for n in np.argsort(left, kind="stable"):
        while occupied and occupied[0][0] <= left[n] + 1e-9:
            heapq.heappush(free, heapq.heappop(occupied)[1])
        if not free:
            free, rows = [rows], rows + 1
        row[n] = heapq.heappop(free)
        heapq.heappush(occupied, (right[n], row[n]))
    return row, rows


def _panel_height(rows: int) -> float:
    return min(_PANEL, _ROW * max(rows, _FEW_ROWS))


def _draw_waveform(axes: Axes, samples: np.ndarray, time: Scale, shown: np.ndarray, unit: str) -> None:
    first, last = math.floor(shown[0]), math.ceil(shown[1]) + 1
    first, last = max(0, first), min(last, len(samples))
    moments, values = _outline(samples, first, last)
    length, (begin, end) = last - first, shown
    moments = (moments * length + first - begin) / (end - begin)
    scale, factor = axis_scales.amplitude_scale(values, unit)
    strip = 0.16 * (scale.high - scale.low)  # below the waveform, for the marks of the centres
    draw_line(axes, time.low + moments * (time.high - time.low), values * factor, width=0.8)
    put_scale(axes, "x", time)
    put_scale(axes, "y", scale, most=6)
    axes.set_ylim(bottom=scale.low - strip)
    outer_labels(axes, left=True, bottom=False)


def _outline(samples: np.ndarray, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
    """The points of the line through samples first to last - 1: moments (n,) as fractions of that range, and values (n,).

    These are all samples or, if there is no room for them, the lowest and the highest sample of each column.
    """
    count = last - first
    if count <= 2 * _COLUMNS:
        return np.arange(count) / count, samples[first:last]
    edges, extremes = np.linspace(0, count, _COLUMNS + 1).astype(int), []
    step = max(1, _COLUMNS * _BLOCK // count)
    for i in range(0, _COLUMNS, step):
        columns = edges[i : min(i + step, _COLUMNS) + 1]
        block = np.asarray(samples[first + columns[0] : first + columns[-1]])
        extremes.append([extreme.reduceat(block, columns[:-1] - columns[0]) for extreme in (np.fmin, np.fmax)])
    return np.repeat((edges[:-1] + edges[1:]) / 2 / count, 2), np.concatenate(extremes, axis=1).T.ravel()


def _mark_centres(axes: Axes, time: Scale, centres: np.ndarray) -> None:
    """Draw short lines along the lower edge, one in each column with a frame; shorter ones if they form a band."""
    centres = centres[(centres >= 0) & (centres <= 1)]
    centres = centres[np.unique(np.floor(centres * _COLUMNS), return_index=True)[1]]
    along = time.low + np.repeat(centres, 3) * (time.high - time.low)
    up = np.tile([0, 0.1 if len(centres) < _COLUMNS / 5 else 0.04, np.nan], len(centres))
    on_top = {"transform": axes.get_xaxis_transform(), "clip_on": False, "zorder": 3}  # of the axes' own lines
    axes.plot(along, up, color=ACCENT, linewidth=0.9, solid_capstyle="butt", **on_top)


def _bar_images(axes: Axes, time: Scale, lengths: Scale, cmap: str | None) -> list[AxesImage]:
    """Images without data yet of the strong bars, the pale bars and the centres; without a colour map bars have one colour."""
    colours = {"cmap": cmap or ListedColormap([INK]), "norm": LogNorm(lengths.low, lengths.high)}
    scales = ImageScales(time, Scale(np.zeros(1), 0, 1, "Windows"))
    pale = draw_image(axes, scales, alpha=0.35, **colours)
    strong = draw_image(axes, scales, **colours)
    centres = draw_image(axes, scales, cmap=ListedColormap([ACCENT]), zorder=3)
    axes.yaxis.set_ticks([])
    axes.spines[["top", "right"]].set_visible(False)
    return [strong, pale, centres]


def _count_text(count: int, drawn: int, total: int, shortest: str, longest: str) -> str:
    """How many frames there are, and how long their windows are."""
    frames = "1 frame, centre" if count == 1 else f"{count} frames, centres"
    if count < total:
        frames = f"{count} of {total} frames reach here, centres"
    windows = f"windows of {shortest} to {longest}"
    if shortest == longest:
        windows = f"window {shortest}" if count == 1 else f"every window {shortest}"
    remark = "" if drawn == count else f"; {drawn} of them drawn as bars"
    return f"{frames} in red, {windows}{remark}"


def _key(bars: _Bars, over_frequency: bool, visible: str) -> str:
    """What the bars mean. over_frequency: windows differ over frequency. visible: the length of the shortest bar."""
    if (bars.lengths[0] < _SHORTEST_BAR).all():
        return f"The windows are too short to be drawn to scale: every bar is {visible} long."
    if over_frequency:
        words = "Pale: a frame's longest window over frequency. Strong: its shortest."
    else:
        words = "Pale: the whole window. Strong: its middle half, with 92 % of a Hann window's energy."
    return words if (bars.lengths >= _SHORTEST_BAR).all() else f"{words} No bar is shorter than {visible}."


def _paint(images: list[AxesImage], bars: _Bars, row: np.ndarray, rows: int) -> None:
    """Set the data of the images of _bar_images. row: (T,) of each frame."""
    strong, pale, centres = images
    height, width = pixels(pale)
    slots = max(rows, _FEW_ROWS)
    tops = height * (1 - ((slots - rows) / 2 + np.arange(rows + 1)) / slots)  # the first row is the highest
    edges, gap, line = np.round(tops).astype(int), height // slots // 5, max(1, width // 600)
    left, right = bars.ends()
    visible = (right > 0) & (left < 1)
    left, right = (np.round(ends * width).astype(int) for ends in (left, right))
    left = np.clip(left, 0, width - 1)
    right = np.clip(right, left + 1, width)
    middle = np.clip(np.round(bars.centres * width - line / 2).astype(int), 0, width - line)
    wide = right[0] - left[0] > 6 * line
    marked = wide & (bars.centres >= 0) & (bars.centres <= 1)
    grids = np.full((3, height, width), np.nan, dtype=np.float32)
    for n in range(len(row)):
        across = slice(edges[row[n] + 1] + gap, edges[row[n]])
        if wide[n]:  # a seam, in case the bar before it in its row touches it
            grids[:, across, max(0, left[0, n] - line) : left[0, n]] = np.nan
        for layer in np.flatnonzero(visible[:, n]):
            grids[layer, across, left[layer, n] : right[layer, n]] = bars.shades[layer, n]
        if marked[n]:
            grids[2, across, middle[n] : middle[n] + line] = 1
    for image, grid in zip((pale, strong, centres), grids, strict=True):
        image.set_data(np.ma.masked_invalid(grid))
