"""Where frames lie and how far their windows reach, under the waveform: the right column of the paper's Fig. 4.

Windows are bars, packed into rows so that none covers another. Where more overlap than a page can show, an even share
of them is drawn, and the heading says how many; all is drawn at the resolution of the picture, however long the signal.
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
from .axis_scales import Scale
from .style import (
    ACCENT,
    INK,
    View,
    draw_image,
    draw_line,
    heading,
    length_bar,
    outer_labels,
    pixels,
    put_scale,
    settle,
    sheet,
    styled,
)

_TOGETHER = 1 << 22  # samples that are looked at together
_COLUMNS = 2000  # of the waveform, finer than the pixels of a usual picture
_FINEST = 1 / 800  # of the time axis: shorter bars are drawn as long as that, else one could not see them
_MOST_ROWS = 60
_PANEL, _ROW = 3.4, 0.24  # inches: the highest panel of bars, and one row of it where there are few
_FEW_ROWS = 3


@dataclass(frozen=True)
class _Bars:
    """Two bars for each frame, a pale one and, about the same centre, a strong one that is not longer.

    centres: (T,). lengths: (2, T), pale and strong. Both in parts of the time axis, which runs from 0 to 1.
    shades: (2, T), the window lengths that they are coloured by.
    """

    centres: np.ndarray
    lengths: np.ndarray
    shades: np.ndarray

    def spans(self) -> tuple[np.ndarray, np.ndarray]:
        """From where to where each bar is drawn, (2, T) both."""
        half = np.maximum(self.lengths, _FINEST) / 2
        return self.centres - half, self.centres + half

    def part(self, kept: np.ndarray) -> "_Bars":
        return _Bars(self.centres[kept], self.lengths[:, kept], self.shades[:, kept])


@styled
def frames(
    samples: np.ndarray, sample_rate: float, frame_positions: np.ndarray, theta: np.ndarray, view: View, note: str = ""
) -> Figure:
    """The waveform with the frames' centres marked, and under it how far the window of each frame reaches.

    samples: (N,), at a sample_rate in Hz. frame_positions: (T,) samples, increasing, not necessarily in equal steps.
    theta: window lengths in samples, (1, 1), (1, T), (F, 1) or (F, T). note: a second line under the title.
    The time axis is the signal's, in recording time; what of a window lies outside the part shown is left out.
    Raises InputError where the view's part lies outside the signal, or no window reaches into it.
    """
    theta = _extremes(theta) if on_disk(theta) else np.asarray(theta, dtype=np.float64)
    time = axis_scales.time_scale(np.array([0, len(samples) / sample_rate]), view.start, tmin=view.tmin, tmax=view.tmax)
    part = np.interp([time.low, time.high], time.centres, [0, len(samples)])
    reaching, total = _reaching(frame_positions, theta, part), len(frame_positions)
    theta = theta[:, reaching] if theta.shape[1] > 1 else theta
    lengths, factor = axis_scales.length_scale(theta / sample_rate * 1e3)
    every = _bars(np.asarray(frame_positions)[reaching], theta, part, factor / sample_rate * 1e3)
    drawn = every.part(_told_apart(every))
    row, rows = _packed(drawn)
    figure = sheet(view, 10, 3.8 + _panel_height(rows))
    upper, lower = figure.subplots(2, 1, height_ratios=[2, _panel_height(rows)])
    _waveform(upper, samples, time, part)
    _mark_centres(upper, time, every.centres)
    heading(upper, view.title, note)
    shortest, longest = (axis_scales.length_words(end / sample_rate * 1e3) for end in (theta.min(), theta.max()))
    images = _bar_images(lower, time, lengths, view.theta_cmap if shortest != longest else None)
    if shortest != longest:
        length_bar(images[0], lengths, [upper, lower])
    seen = axis_scales.length_words(_FINEST * (part[1] - part[0]) / sample_rate * 1e3)
    heading(lower, _counted(every, drawn, total, shortest, longest), _explained(every, len(theta) > 1, seen))
    settle(figure)
    _paint(images, drawn, row, rows)
    return figure


def _extremes(theta: np.ndarray) -> np.ndarray:
    """The shortest and the longest window of each frame, (2, T), of a plane that stays on disk: no more of it is drawn."""
    found = [np.stack([block.min(axis=0), block.max(axis=0)]) for block in array_blocks(theta)]
    return np.concatenate(found, axis=1).astype(np.float64)


def _reaching(positions: np.ndarray, theta: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Which frames have a window, or a centre, in a part given in samples, (T,) bool. Raises InputError where none has."""
    half = np.maximum(theta.max(axis=0), _FINEST * (part[1] - part[0])) / 2
    reaching = (positions + half > part[0]) & (positions - half < part[1])
    if not reaching.any():
        raise InputError("figures: no window reaches into the part between tmin and tmax; widen the part")
    return reaching


def _bars(positions: np.ndarray, theta: np.ndarray, part: np.ndarray, unit: float) -> _Bars:
    ends = np.broadcast_arrays(theta.max(axis=0), theta.min(axis=0), positions)[:2]
    shades = np.stack(ends)
    lengths = shades if len(theta) > 1 else shades * [[1], [0.5]]
    first, last = part
    return _Bars((positions - first) / (last - first), lengths / (last - first), shades * unit)


def _told_apart(bars: _Bars) -> np.ndarray:
    """Which frames to draw, (T,) bool: all, but an even share of those that lie more than _MOST_ROWS deep."""
    left, right = (ends[0] for ends in bars.spans())
    begun = np.searchsorted(np.sort(left), bars.centres, side="right")
    ended = np.searchsorted(np.sort(right), bars.centres, side="left")
    among = np.minimum(right, bars.centres[-1]) - np.maximum(left, bars.centres[0])  # no others lie beyond
    depth = (begun - ended) / np.clip(among / (right - left), 0.5, 1)
    share = np.cumsum(np.minimum(1, _MOST_ROWS / depth))
    return np.diff(np.floor(share + 1e-6), prepend=0) > 0


def _packed(bars: _Bars) -> tuple[np.ndarray, int]:
    """For each frame the first row that is free from its left end on, (T,), and how many rows there are: the fewest."""
    left, right = (ends[0] for ends in bars.spans())
    row, rows = np.zeros(len(left), dtype=int), 0
    free: list[int] = []
    taken: list[tuple[float, int]] = []  # (where the row's last bar ends, row)
    for n in np.argsort(left, kind="stable"):
        while taken and taken[0][0] <= left[n] + 1e-9:
            heapq.heappush(free, heapq.heappop(taken)[1])
        if not free:
            free, rows = [rows], rows + 1
        row[n] = heapq.heappop(free)
        heapq.heappush(taken, (right[n], row[n]))
    return row, rows


def _panel_height(rows: int) -> float:
    return min(_PANEL, _ROW * max(rows, _FEW_ROWS))


def _waveform(axes: Axes, samples: np.ndarray, time: Scale, part: np.ndarray) -> None:
    first, last = math.floor(part[0]), math.ceil(part[1]) + 1
    first, last = max(0, first), min(last, len(samples))
    moments, values = _outline(samples, first, last)
    length, (begin, end) = last - first, part
    moments = (moments * length + first - begin) / (end - begin)
    scale, factor = axis_scales.amplitude_scale(values)
    strip = 0.16 * (scale.high - scale.low)
    draw_line(axes, time.low + moments * (time.high - time.low), values * factor, width=0.8)
    put_scale(axes, "x", time)
    put_scale(axes, "y", scale, most=6)
    axes.set_ylim(bottom=scale.low - strip)
    outer_labels(axes, left=True, bottom=False)


def _outline(samples: np.ndarray, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
    """What the line of samples first to last - 1 runs through: moments (n,) in parts of these, and values (n,) there.

    All samples or, where the page has no room for them, the lowest and the highest of each of many short parts.
    """
    count = last - first
    if count <= 2 * _COLUMNS:
        return np.arange(count) / count, samples[first:last]
    cuts, ends = np.linspace(0, count, _COLUMNS + 1).astype(int), []
    step = max(1, _COLUMNS * _TOGETHER // count)
    for i in range(0, _COLUMNS, step):
        parts = cuts[i : min(i + step, _COLUMNS) + 1]
        piece = np.asarray(samples[first + parts[0] : first + parts[-1]])
        ends.append([extreme.reduceat(piece, parts[:-1] - parts[0]) for extreme in (np.fmin, np.fmax)])
    return np.repeat((cuts[:-1] + cuts[1:]) / 2 / count, 2), np.concatenate(ends, axis=1).T.ravel()


def _mark_centres(axes: Axes, time: Scale, centres: np.ndarray) -> None:
    """Short lines along the lower edge, at one frame in each column that has any; shorter where they make a band."""
    centres = centres[(centres >= 0) & (centres <= 1)]
    centres = centres[np.unique(np.floor(centres * _COLUMNS), return_index=True)[1]]
    along = time.low + np.repeat(centres, 3) * (time.high - time.low)
    up = np.tile([0, 0.1 if len(centres) < _COLUMNS / 5 else 0.04, np.nan], len(centres))
    place = {"transform": axes.get_xaxis_transform(), "clip_on": False, "zorder": 3}  # over the axes' own lines
    axes.plot(along, up, color=ACCENT, linewidth=0.9, solid_capstyle="butt", **place)


def _bar_images(axes: Axes, time: Scale, lengths: Scale, cmap: str | None) -> list[AxesImage]:
    """Still empty images of the strong bars, the pale bars and the centres; without a colour map all bars are alike."""
    colours = {"cmap": cmap or ListedColormap([INK]), "norm": LogNorm(lengths.low, lengths.high)}
    place = Scale(np.zeros(1), 0, 1, "Windows")
    pale = draw_image(axes, time, place, alpha=0.35, **colours)
    strong = draw_image(axes, time, place, **colours)
    centres = draw_image(axes, time, place, cmap=ListedColormap([ACCENT]), zorder=3)
    axes.yaxis.set_ticks([])
    axes.spines[["top", "right"]].set_visible(False)
    return [strong, pale, centres]


def _counted(every: _Bars, drawn: _Bars, total: int, shortest: str, longest: str) -> str:
    count, shown = len(every.centres), len(drawn.centres)
    frames = "1 frame, centre" if count == 1 else f"{count} frames, centres"
    if count < total:
        frames = f"{count} of {total} frames reach here, centres"
    windows = f"windows of {shortest} to {longest}"
    if shortest == longest:
        windows = f"window {shortest}" if count == 1 else f"every window {shortest}"
    part = "" if shown == count else f"; {shown} of them drawn as bars"
    return f"{frames} in red, {windows}{part}"


def _explained(bars: _Bars, over_frequency: bool, least: str) -> str:
    if (bars.lengths[0] < _FINEST).all():
        return f"The windows are too short to be drawn to scale: every bar is {least} long."
    if over_frequency:
        words = "Pale: a frame's longest window over frequency. Strong: its shortest."
    else:
        words = "Pale: the whole window. Strong: its middle half, with 92 % of a Hann window's energy."
    return words if (bars.lengths >= _FINEST).all() else f"{words} No bar is shorter than {least}."


def _paint(images: list[AxesImage], bars: _Bars, row: np.ndarray, rows: int) -> None:
    strong, pale, centres = images
    height, width = pixels(pale)
    slots = max(rows, _FEW_ROWS)
    tops = height * (1 - ((slots - rows) / 2 + np.arange(rows + 1)) / slots)  # the first row is the highest
    edges, gap, line = np.round(tops).astype(int), height // slots // 5, max(1, width // 600)
    left, right = bars.spans()
    seen = (right > 0) & (left < 1)
    left, right = (np.round(ends * width).astype(int) for ends in (left, right))
    left = np.clip(left, 0, width - 1)
    right = np.clip(right, left + 1, width)
    middle = np.clip(np.round(bars.centres * width - line / 2).astype(int), 0, width - line)
    roomy = right[0] - left[0] > 6 * line
    inside = roomy & (bars.centres >= 0) & (bars.centres <= 1)
    grids = np.full((3, height, width), np.nan, dtype=np.float32)
    for n in range(len(row)):
        across = slice(edges[row[n] + 1] + gap, edges[row[n]])
        if roomy[n]:  # a seam, should the one before it in its row touch it
            grids[:, across, max(0, left[0, n] - line) : left[0, n]] = np.nan
        for layer in np.flatnonzero(seen[:, n]):
            grids[layer, across, left[layer, n] : right[layer, n]] = bars.shades[layer, n]
        if inside[n]:
            grids[2, across, middle[n] : middle[n] + line] = 1
    for image, grid in zip((pale, strong, centres), grids, strict=True):
        image.set_data(np.ma.masked_invalid(grid))
