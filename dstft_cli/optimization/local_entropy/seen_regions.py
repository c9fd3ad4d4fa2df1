"""The regions of a plane in which windows of other lengths than the best constant one are seen to draw it narrower."""

import math

import numpy as np
import torch
from torch import Tensor

from .gaussian_means import apply_to, gaussian_rows
from .narrowing import log_width
from .working_grid import WorkingGrid

_LEAST = -math.log(0.86)  # nats by which a region becomes narrower in the mean: seen from here on
_HEARD = 0.005  # of the amplitude of all places: a region with less is an isolated streak
_APART = 0.1  # octaves from the constant length at the edge of a region
_EDGE = (0.35, 0.35)  # units of frequency and of time over which lengths return to the constant one


def seen_regions(power: Tensor, other: Tensor, away: Tensor, grid: WorkingGrid) -> Tensor:
    """Where lengths may stay as they are: 1 in regions that become narrower, 0 in all others, soft at the edges.

    A region is connected, with lengths all above the constant one or all below it. It counts by its amplitude, and by the mean
    change of width in it, weighed by amplitude.

    power, other: P, (F, T) each, of the spectrogram and of that with the constant window.
    away: octaves by which θ is longer than the constant window, (F, T).
    grid: the working grid.

    Returns (F, T).
    """
    from scipy import ndimage  # here, since it is slow to load

    kernels = [
        gaussian_rows(range(0, size, step), size, per, power)
        for size, step, per in zip(power.shape, grid.steps, grid.per_unit, strict=True)
    ]
    (width, energy), (other_width, other_energy) = (log_width(one, kernels) for one in (power, other))
    amplitude = (energy * other_energy) ** 0.25
    change, amplitude, octaves = (
        one.cpu().double().numpy() for one in (width - other_width, amplitude, grid.at_places(away))
    )
    seen = np.zeros(change.shape)
    for sign in (-1, 1):
        regions, count = ndimage.label(sign * octaves > _APART)
        numbers = np.arange(1, count + 1)
        gained = -ndimage.sum_labels(amplitude * change, regions, numbers)
        heard = ndimage.sum_labels(amplitude, regions, numbers)
        enough = (gained >= _LEAST * heard) & (heard >= _HEARD * amplitude.sum())
        seen += np.concatenate(([False], enough))[regions]
    soft = torch.from_numpy(seen).to(away)
    edges = [
        gaussian_rows(range(size), size, deviation, soft)
        for size, deviation in zip(soft.shape, grid.deviations(_EDGE), strict=True)
    ]
    return grid.to_plane(apply_to(soft, *edges))
