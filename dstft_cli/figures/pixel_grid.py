"""From frames and bins to the pixels of a picture: arrays reduced onto a pixel grid.

Frames may lie at unequal times and frequency may be logarithmic. Both come down to one question: which bins
does a pixel show? Those whose centre lies in it, or, where bins are wider than pixels, the nearest one.
"""

import numpy as np

from .axis_scales import Scale


def max_pool_to_pixels(values: np.ndarray, frequency: Scale, time: Scale, rows: int, columns: int) -> np.ndarray:
    """The largest of the values (F, T) that each pixel shows, (rows, columns), low frequencies first.

    No value on the scales is lost, however few the pixels. What is not finite counts as 0.
    """
    reductions = [(0, *_spans(frequency, rows)), (1, *_spans(time, columns))]
    if values.shape[1] / columns > values.shape[0] / rows:  # first the axis that shrinks most
        reductions.reverse()
    for axis, first, last in reductions:
        values = _largest(values, axis, first, last)
    return np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)


def nearest_to_pixels(values: np.ndarray, frequency: Scale, time: Scale, rows: int, columns: int) -> np.ndarray:
    """Of values (F, T) the one nearest to each pixel's middle, (rows, columns), low frequencies first."""
    return values[np.ix_(_nearest(frequency, rows), _nearest(time, columns))]


def decibels(values: np.ndarray, peak: float, db_range: float) -> np.ndarray:
    """20 log10(values / peak) held at -db_range dB and above; all of it -db_range where the peak is 0."""
    if peak == 0:
        return np.full(values.shape, -float(db_range))
    ratios = np.maximum(values / peak, np.finfo(np.float64).tiny)
    return np.maximum(20 * np.log10(ratios), -db_range)


def _largest(values: np.ndarray, axis: int, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    parts = values if axis == 0 else values.T
    reduced = [np.fmax.reduce(parts[a:b], axis=0) for a, b in zip(first, last, strict=True)]
    return np.stack(reduced, axis=axis)


def _edges(scale: Scale, pixels: int) -> np.ndarray:
    space = np.geomspace if scale.log else np.linspace
    return space(scale.low, scale.high, pixels + 1)


def _nearest(scale: Scale, pixels: int) -> np.ndarray:
    """For every pixel the bin whose cell holds its middle, (pixels,); cells meet halfway between centres."""
    edges = _edges(scale, pixels)
    middles = np.sqrt(edges[:-1] * edges[1:]) if scale.log else (edges[:-1] + edges[1:]) / 2
    return np.searchsorted((scale.centres[:-1] + scale.centres[1:]) / 2, middles)


def _spans(scale: Scale, pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """The first bin that each pixel shows and the one after the last, (pixels,) each; never empty."""
    edges = _edges(scale, pixels)
    cuts = np.searchsorted(scale.centres, edges)
    cuts[-1] = np.searchsorted(scale.centres, edges[-1], side="right")  # the last pixel owns its far edge too
    first, last = cuts[:-1], cuts[1:]
    first = np.where(first < last, first, _nearest(scale, pixels))
    return first, np.maximum(last, first + 1)
