"""The small picture of a result: its spectrogram and, beside it, its map of window lengths, a few kilobytes of PNG."""

import io

import matplotlib
import numpy as np
from PIL import Image

from ..results.result import Result
from . import axis_scales, pixel_grid
from .axis_scales import Scale
from .reduced_spectrogram import Reduced
from .style import View, axes_scales

THUMBNAIL = "thumbnail.png"
WIDTH, HEIGHT, GAP = 120, 60, 4  # pixels: of each of the two pictures, and what keeps them apart
SIZES = ((WIDTH, HEIGHT), (2 * WIDTH + GAP, HEIGHT))
_LEVELS = 24  # colours of each: more of them no eye tells apart at this size, and the file grows with their number
_CLEAR = 2 * _LEVELS


def thumbnail(result: Result) -> bytes:
    """A PNG of the spectrogram, in dB below its peak, and of the window lengths on a logarithmic scale of their own.

    Colours and band are those of the result's figures. No peak is lost, however small the picture; where all window lengths
    are one there is no map. The same result gives the same bytes. Raises InputError where the band holds no bin.
    """
    view = View(**result.config.figures.model_dump(exclude={"format"}))
    seen = Reduced(result) if result.on_disk else None
    times, magnitude = (seen.times, seen.magnitude()) if seen else (result.times, result.magnitude)
    time, frequency = axes_scales(times, result.frequencies, view)
    grid = pixel_grid.max_pool_to_pixels(magnitude, frequency, time, HEIGHT, WIDTH)
    parts = [_indices(pixel_grid.decibels(grid, float(grid.max()), view.db_range) / view.db_range + 1)]
    if result.theta.min() < result.theta.max():
        theta = np.broadcast_to(seen.theta() if seen else result.theta, magnitude.shape)
        parts += [np.full((HEIGHT, GAP), _CLEAR), _length_indices(theta, frequency, time)]
    return _png(np.hstack(parts)[::-1], (view.cmap, view.theta_cmap))


def _length_indices(theta: np.ndarray, frequency: Scale, time: Scale) -> np.ndarray:
    lengths = pixel_grid.nearest_to_pixels(theta, frequency, time, HEIGHT, WIDTH)
    scale, factor = axis_scales.length_scale(lengths)
    return _LEVELS + _indices(np.log(lengths * factor / scale.low) / np.log(scale.high / scale.low))


def _indices(levels: np.ndarray) -> np.ndarray:
    """The colour of each level from 0 to 1: 0 to _LEVELS - 1."""
    return np.clip(levels * _LEVELS, 0, _LEVELS - 1).astype(np.uint8)


def _png(indices: np.ndarray, colour_maps: tuple[str, str]) -> bytes:
    """Indices (rows, columns), the top row first, into the colours of the one map, then those of the other."""
    colours = [matplotlib.colormaps[name](np.linspace(0, 1, _LEVELS), bytes=True)[:, :3] for name in colour_maps]
    image = Image.fromarray(indices.astype(np.uint8))
    image.putpalette(np.vstack([*colours, np.zeros((1, 3), np.uint8)]).tobytes())
    file = io.BytesIO()
    image.save(file, "png", optimize=True, transparency=_CLEAR)
    return file.getvalue()
