"""Arrays reduced to the pixels of an image.

Frames may lie at unequal times, and frequency may follow any scale. A pixel shows the bins whose centres lie in it or, if bins
are wider than pixels, the nearest bin. Magnitudes of bins much wider than pixels are interpolated in dB between their centres.
"""

import numpy as np

from .axis_scales import ImageScales, Scale

_RANGES = 25.0, 80.0  # dB: the least and the greatest range of colours
_DARK = 0.2  # of the pixels of a row of noise may be black
_QUIET_ROW = 0.25  # of the rows are quieter
_WIDE = 3  # pixels: between the centres of bins that lie further apart, magnitudes are interpolated
_ZERO = 1e-12  # of the largest magnitude: what counts as 0 then
_SILENT = 1e-6  # of the largest value: columns that stay below it are digital silence


def max_pool_to_pixels(values: np.ndarray, scales: ImageScales, size: tuple[int, int]) -> np.ndarray:
    """The largest of the magnitudes that each pixel shows; no peak is lost, however few the pixels.

    values: (F, T), at least 0; those that are not finite count as 0.
    scales: time along x and frequency along y.
    size: rows and columns of the image.

    Returns (rows, columns) float64, low frequencies first.
    """
    rows, columns = size
    reductions = [(0, scales.y, rows), (1, scales.x, columns)]
    if values.shape[1] / columns > values.shape[0] / rows:  # the axis that shrinks most comes first
        reductions.reverse()
    for axis, scale, pixels in reductions:
        if not _is_wide(scale, pixels):
            values = _largest(values, axis, *_ranges(scale, pixels))
    values = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    for axis, scale, pixels in reductions:
        if _is_wide(scale, pixels):
            values = _interpolated(values, axis, scale, pixels)
    return values


def nearest_to_pixels(values: np.ndarray, scales: ImageScales, size: tuple[int, int]) -> np.ndarray:
    """The value nearest to the centre of each pixel.

    values: (F, T).
    scales: time along x and frequency along y.
    size: rows and columns of the image.

    Returns (rows, columns), low frequencies first.
    """
    rows, columns = size
    return values[np.ix_(_nearest(scales.y, rows), _nearest(scales.x, columns))]


def decibels(values: np.ndarray, peak: float, db_range: float) -> np.ndarray:
    """20 log10(values / peak), at least -db_range.

    values: any shape, linear.
    peak: the value at 0 dB; if it is 0, all of the result is -db_range.
    db_range: dB.

    Returns dB in the shape of the values.
    """
    if peak == 0:
        return np.full(values.shape, -float(db_range))
    ratios = np.maximum(values / peak, np.finfo(np.float64).tiny)
    return np.maximum(20 * np.log10(ratios), -db_range)


def range_to_noise(values: np.ndarray, peak: float) -> float:
    """The range of colours from a peak down to the noise of a picture, so that neither noise nor black fills it.

    Its lower end is the level that a fifth of the pixels of a quiet row do not exceed, without columns of digital silence; three
    quarters of the rows are louder.

    values: the pixels, (rows, columns), linear.
    peak: the value at 0 dB.

    Returns dB, from 25 to 80.
    """
    loudest = values.max(axis=0)
    live = values[:, loudest > _SILENT * loudest.max()]
    if not live.size:
        return _RANGES[1]
    dark = int(_DARK * (live.shape[1] - 1))
    rows = np.partition(live, dark, axis=1)[:, dark]
    noise = float(np.quantile(rows, _QUIET_ROW, method="lower"))
    return float(np.clip(20 * np.log10(peak / noise), *_RANGES)) if noise > 0 else _RANGES[1]


def _largest(values: np.ndarray, axis: int, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    lines = values if axis == 0 else values.T
    if abs(lines.strides[0]) >= abs(lines.strides[1]):
        return np.stack([np.fmax.reduce(lines[a:b], axis=0) for a, b in zip(first, last, strict=True)], axis=axis)
    along = np.ascontiguousarray(lines.T)  # the ranges lie along memory: the n-th value of each, then the next
    largest = along.take(first, axis=1)
    for n in range(1, int((last - first).max())):
        np.fmax(largest, along.take(np.minimum(first + n, last - 1), axis=1), out=largest)
    return largest if axis else largest.T


def _is_wide(scale: Scale, pixels: int) -> bool:
    """Whether bins are much wider than pixels; frames at unequal times stay apart, as do bins of a logarithmic axis."""
    spacing = np.diff(scale.centres)
    equal = scale.spacing_is_even and spacing.size > 0 and spacing.max() < 1.01 * spacing.min()
    return equal and spacing.min() * pixels > _WIDE * (scale.high - scale.low)


def _interpolated(values: np.ndarray, axis: int, scale: Scale, pixels: int) -> np.ndarray:
    """Magnitudes between the centres of bins, linear in dB; a pixel that holds a centre shows that bin."""
    first, last = _ranges(scale, pixels)
    edges = scale.edges(pixels)
    place = np.interp((edges[:-1] + edges[1:]) / 2, scale.centres, np.arange(len(scale.centres)))
    held = (scale.centres[first] >= edges[:-1]) & (scale.centres[last - 1] <= edges[1:])
    place = np.where(held, first, place)
    below = np.minimum(place.astype(int), len(scale.centres) - 2)
    share = (place - below)[:, None]
    lines = values if axis == 0 else values.T
    least = _ZERO * lines.max(initial=0.0) + np.finfo(np.float64).tiny
    levels = np.log(np.maximum(lines, least))
    shown = np.exp((1 - share) * levels[below] + share * levels[below + 1])
    shown[shown <= (1 + 1e-9) * least] = 0.0
    return shown if axis == 0 else shown.T


def _nearest(scale: Scale, pixels: int) -> np.ndarray:
    """For each pixel the bin whose cell contains its centre, (pixels,); cells meet halfway between centres."""
    edges = scale.edges(pixels)
    if scale.hearing:
        middles = scale.edges(2 * pixels)[1::2]
    else:
        middles = np.sqrt(edges[:-1] * edges[1:]) if scale.log else (edges[:-1] + edges[1:]) / 2
    return np.searchsorted((scale.centres[:-1] + scale.centres[1:]) / 2, middles)


def _ranges(scale: Scale, pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """The first bin that each pixel shows and the one after the last, (pixels,) each; no range is empty."""
    edges = scale.edges(pixels)
    cuts = np.searchsorted(scale.centres, edges)
    cuts[-1] = np.searchsorted(scale.centres, edges[-1], side="right")  # the last pixel includes its upper edge
    first, last = cuts[:-1], cuts[1:]
    first = np.where(first < last, first, _nearest(scale, pixels))
    return first, np.maximum(last, first + 1)
