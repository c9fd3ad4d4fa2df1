"""Histograms as SVG for a web page, with the colours of the page around them."""

import math
from collections.abc import Sequence

import numpy as np

from . import axis_scales
from .axis_scales import Scale

_WIDTH, _HEIGHT = 460, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 10, 42  # margins around the bars, pixels
_FEWEST, _MOST = 8, 40  # bars
_LEAST = 0.01  # of the axis of gains, %
_FAR = 6  # distances between the quartiles: values farther from them are outliers


def length_histogram(lengths: Sequence[float], factor: float, unit: str) -> str:
    """A histogram of window lengths on a logarithmic axis.

    lengths: (n,) ms, positive.
    factor, unit: the unit of the axis, and the factor from ms to it.

    Returns an HTML figure, "" if there are no lengths.
    """
    if not len(lengths):
        return ""
    values = factor * np.asarray(lengths, dtype=np.float64)
    ends, own_factor = axis_scales.length_scale(values / factor, margin=0.02)
    edges = np.geomspace(ends.low, ends.high, _bars(values) + 1) * factor / own_factor
    scale = Scale(edges, edges[0], edges[-1], f"Window length ({unit})", log=True)
    return _figure("Median window lengths", values, scale, unit)


def gain_histogram(gains: Sequence[float]) -> str:
    """A histogram of relative gains in %, with bars of round width; outliers are left to the caption.

    gains: (n,) fractions, 0.1 for 10 %.

    Returns an HTML figure, "" if there are no gains.
    """
    if not len(gains):
        return ""
    values = 100 * np.asarray(gains, dtype=np.float64)
    ends = axis_scales.value_scale(
        np.append(_without_outliers(values), np.median(values) + np.array([-_LEAST, _LEAST]) / 2)
    )
    step = np.diff(axis_scales.even_ticks(ends.low, ends.high, _bars(values)))[0]
    edges = step * np.arange(math.floor(ends.low / step), math.ceil(ends.high / step) + 1)
    return _figure("Gains, larger is better", values, Scale(edges, edges[0], edges[-1], "Gain (%)"), "%")


def _number(value: float) -> str:
    return axis_scales.plain_number(value).replace("-", "−")


def _bars(values: np.ndarray) -> int:
    return int(np.clip(np.sqrt(len(values)), _FEWEST, _MOST))


def _without_outliers(values: np.ndarray) -> np.ndarray:
    """The values without those so far out that the others would fill one bar."""
    low, high = np.quantile(values, (0.25, 0.75))
    reach = _FAR * (high - low)
    return values[(values >= low - reach) & (values <= high + reach)] if reach else values


def _figure(title: str, values: np.ndarray, scale: Scale, unit: str) -> str:
    """values: (n,) in the unit of the scale, whose centres are the edges of the bars."""
    counts = np.histogram(values, scale.centres)[0]
    outside = len(values) - counts.sum()
    low, middle, high = (_number(float(value)) for value in (values.min(), np.median(values), values.max()))
    caption = f"{low} to {high} {unit}, median {middle} {unit}"
    caption += f"; {outside} beyond the axis" if outside else ""
    marks = [*_count_axis(counts), *_bar_marks(counts, scale, unit), *_value_axis(scale)]
    return (
        f"<figure><figcaption><b>{title}</b><span>{caption}</span></figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img" '
        f'aria-label="Histogram: {title}; {caption}">{"".join(marks)}</svg></figure>\n'
    )


def _x(value: float, scale: Scale) -> float:
    """The position of a value, pixels from the left."""
    value, low, high = np.log((value, scale.low, scale.high)) if scale.log else (value, scale.low, scale.high)
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (value - low) / (high - low)


def _y(count: float, most: float) -> float:
    """The position of a count, pixels from the top."""
    return _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * count / most


def _bar_marks(counts: np.ndarray, scale: Scale, unit: str) -> list[str]:
    edges, most, foot = [_x(edge, scale) for edge in scale.centres], counts.max(), _y(0, 1)
    marks = []
    for i in np.flatnonzero(counts):
        top, width = _y(counts[i], most), edges[i + 1] - edges[i]
        span = f"{_number(scale.centres[i])} to {_number(scale.centres[i + 1])} {unit}"
        title = f"{span}: {counts[i]} recording{'' if counts[i] == 1 else 's'}"
        shape = f'x="{edges[i] + 0.5:.1f}" y="{top:.1f}" width="{width - 1:.1f}" height="{foot - top:.1f}"'
        marks.append(f'<rect class="bar" {shape}><title>{title}</title></rect>')
    return marks


def _count_axis(counts: np.ndarray) -> list[str]:
    most = counts.max()
    ticks = [int(tick) for tick in axis_scales.even_ticks(0, most, 4) if tick == int(tick)]
    lines = [
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_y(tick, most):.1f}" y2="{_y(tick, most):.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{_y(tick, most) + 4:.1f}" text-anchor="end">{tick}</text>'
        for tick in ticks
    ]
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    return [*lines, f'<text transform="translate(12 {middle}) rotate(-90)" text-anchor="middle">Recordings</text>']


def _value_axis(scale: Scale) -> list[str]:
    foot = _y(0, 1)
    ticks = [
        f'<line class="axis" x1="{_x(tick, scale):.1f}" x2="{_x(tick, scale):.1f}" y1="{foot}" y2="{foot + 4}"/>'
        f'<text x="{_x(tick, scale):.1f}" y="{foot + 17}" text-anchor="middle">{label}</text>'
        for tick, label in zip(*scale.ticks(8, room=60), strict=True)
    ]
    line = f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{foot}" y2="{foot}"/>'
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    return [line, *ticks, f'<text x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">{scale.label}</text>']
