"""How numbers are distributed, as a drawing for a web page: SVG that takes its colours from the page around it."""

import math
from collections.abc import Sequence

import numpy as np

from . import axis_scales
from .axis_scales import Scale

_WIDTH, _HEIGHT = 460, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 10, 42  # what surrounds the bars, pixels
_FEWEST, _MOST = 8, 40  # bars
_LEAST = 0.01  # of the axis of gains, %
_FAR = 6  # distances between the quartiles: what lies farther from them would leave the rest no room


def length_histogram(lengths: Sequence[float], factor: float, unit: str) -> str:
    """A figure of window lengths in ms, each above 0, on a logarithmic axis; "" where there are none.

    It is drawn in a unit of which there are factor to 1 ms.
    """
    if not len(lengths):
        return ""
    values = factor * np.asarray(lengths, dtype=np.float64)
    span, own = axis_scales.length_scale(values / factor, margin=0.02)
    edges = np.geomspace(span.low, span.high, _bars(values) + 1) * factor / own
    scale = Scale(edges, edges[0], edges[-1], f"Window length ({unit})", log=True)
    return _figure("Median window lengths", values, scale, unit)


def gain_histogram(gains: Sequence[float]) -> str:
    """A figure of relative gains, 0.1 drawn as 10 %, in steps of a round number; "" where there are none."""
    if not len(gains):
        return ""
    values = 100 * np.asarray(gains, dtype=np.float64)
    span = axis_scales.value_scale(np.append(_near(values), np.median(values) + np.array([-_LEAST, _LEAST]) / 2))
    step = np.diff(axis_scales.even_ticks(span.low, span.high, _bars(values)))[0]
    edges = step * np.arange(math.floor(span.low / step), math.ceil(span.high / step) + 1)
    return _figure("Gains, larger is better", values, Scale(edges, edges[0], edges[-1], "Gain (%)"), "%")


def _words(value: float) -> str:
    return axis_scales.plain_number(value).replace("-", "−")


def _bars(values: np.ndarray) -> int:
    return int(np.clip(np.sqrt(len(values)), _FEWEST, _MOST))


def _near(values: np.ndarray) -> np.ndarray:
    """The values but for those so far out that the others would fill one bar."""
    low, high = np.quantile(values, (0.25, 0.75))
    room = _FAR * (high - low)
    return values[(values >= low - room) & (values <= high + room)] if room else values


def _figure(title: str, values: np.ndarray, scale: Scale, unit: str) -> str:
    """values: in the unit of the scale, whose centres are the edges of the bars."""
    counts = np.histogram(values, scale.centres)[0]
    outside = len(values) - counts.sum()
    told = f"{_words(values.min())} to {_words(values.max())} {unit}, median {_words(float(np.median(values)))} {unit}"
    told += f"; {outside} beyond the axis" if outside else ""
    drawing = [*_count_axis(counts), *_bar_marks(counts, scale, unit), *_value_axis(scale)]
    return (
        f"<figure><figcaption><b>{title}</b><span>{told}</span></figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img" '
        f'aria-label="Histogram: {title}; {told}">{"".join(drawing)}</svg></figure>\n'
    )


def _across(value: float, scale: Scale) -> float:
    """Where a value stands, pixels from the left."""
    place, low, high = np.log((value, scale.low, scale.high)) if scale.log else (value, scale.low, scale.high)
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (place - low) / (high - low)


def _up(count: float, most: float) -> float:
    """Where a count stands, pixels from the top."""
    return _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * count / most


def _bar_marks(counts: np.ndarray, scale: Scale, unit: str) -> list[str]:
    places, most, foot = [_across(edge, scale) for edge in scale.centres], counts.max(), _up(0, 1)
    marks = []
    for i in np.flatnonzero(counts):
        top, width = _up(counts[i], most), places[i + 1] - places[i]
        span = f"{_words(scale.centres[i])} to {_words(scale.centres[i + 1])} {unit}"
        told = f"{span}: {counts[i]} recording{'' if counts[i] == 1 else 's'}"
        shape = f'x="{places[i] + 0.5:.1f}" y="{top:.1f}" width="{width - 1:.1f}" height="{foot - top:.1f}"'
        marks.append(f'<rect class="bar" {shape}><title>{told}</title></rect>')
    return marks


def _count_axis(counts: np.ndarray) -> list[str]:
    most = counts.max()
    ticks = [int(tick) for tick in axis_scales.even_ticks(0, most, 4) if tick == int(tick)]
    lines = [
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_up(tick, most):.1f}" y2="{_up(tick, most):.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{_up(tick, most) + 4:.1f}" text-anchor="end">{tick}</text>'
        for tick in ticks
    ]
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    return [*lines, f'<text transform="translate(12 {middle}) rotate(-90)" text-anchor="middle">Recordings</text>']


def _value_axis(scale: Scale) -> list[str]:
    foot = _up(0, 1)
    ticks = [
        f'<line class="axis" x1="{_across(tick, scale):.1f}" x2="{_across(tick, scale):.1f}" y1="{foot}" y2="{foot + 4}"/>'
        f'<text x="{_across(tick, scale):.1f}" y="{foot + 17}" text-anchor="middle">{word}</text>'
        for tick, word in zip(*scale.ticks(8, room=60), strict=True)
    ]
    line = f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{foot}" y2="{foot}"/>'
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    return [line, *ticks, f'<text x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">{scale.label}</text>']
