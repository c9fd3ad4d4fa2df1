"""The thumbnail of a result: its spectrogram and, beside it, its map of window lengths, a few kilobytes of PNG."""

import io

import matplotlib
import numpy as np
from PIL import Image

from ..results.result import Result
from . import axis_scales, pixel_grid
from .axis_scales import ImageScales
from .images import Plane, plane_scales
from .shown.levels import drawn
from .shown.outlines import outlines
from .shown.source import display_of, source_of
from .shown.view import View

WIDTH, HEIGHT, GAP = 120, 60, 4  # pixels: of each of the two pictures, and the gap between them
SIZES = ((WIDTH, HEIGHT), (2 * WIDTH + GAP, HEIGHT))
_LEVELS = 24  # colours of each: more are not visible at this size, and the file grows with their number
_TRANSPARENT, _WHITE = 2 * _LEVELS, 2 * _LEVELS + 1


def thumbnail(result: Result) -> bytes:
    """A PNG of the spectrogram in dB below its peak, and of the window lengths on a logarithmic scale of their own.

    Colours and band are those of the result's figures. No peak is lost. If all windows have one length there is no map. The
    same result gives the same bytes.

    Raises InputError if the band contains no bin.
    """
    look = result.config.figures.model_dump(exclude={"format", "draw", "reassign", "absolute_time", "html"})
    view = View(**look, start=result.signal.start)
    boxes = () if result.signal.annotations is None else result.signal.annotations.boxes
    display = display_of(result, source_of(result, view), continued=False)
    view, magnitude = display.view(view), drawn(display, view, result.window, result.sample_rate)
    scales = plane_scales(Plane(display.times, result.frequencies, magnitude), view)
    grid = pixel_grid.max_pool_to_pixels(magnitude, scales, (HEIGHT, WIDTH))
    peak = float(grid.max())
    db_range = pixel_grid.range_to_noise(grid, peak) if view.db_range == "auto" else view.db_range
    columns = [_indices(pixel_grid.decibels(grid, peak, db_range) / db_range + 1)]
    _draw_outlines(columns[0], outlines(boxes, scales))
    if result.theta.min() < result.theta.max():
        theta = np.broadcast_to(display.theta, magnitude.shape)
        columns += [np.full((HEIGHT, GAP), _TRANSPARENT), _length_indices(theta, scales)]
    return _png(np.hstack(columns)[::-1], (view.cmap, view.theta_cmap))


def _length_indices(theta: np.ndarray, scales: ImageScales) -> np.ndarray:
    lengths = pixel_grid.nearest_to_pixels(theta, scales, (HEIGHT, WIDTH))
    scale, factor = axis_scales.length_scale(lengths)
    return _LEVELS + _indices(np.log(lengths * factor / scale.low) / np.log(scale.high / scale.low))


def _draw_outlines(indices: np.ndarray, shown: list) -> None:
    """Draw boxes as fractions of the picture (HEIGHT, WIDTH), low frequencies first, into its colours."""
    for _, ends in shown:
        left, low, right, high = (ends * ([WIDTH - 1, HEIGHT - 1] * 2)).round().astype(int)
        indices[[low, high], left : right + 1] = _WHITE
        indices[low : high + 1, [left, right]] = _WHITE


def _indices(levels: np.ndarray) -> np.ndarray:
    """The colour of each level from 0 to 1: 0 to _LEVELS - 1."""
    return np.clip(levels * _LEVELS, 0, _LEVELS - 1).astype(np.uint8)


def _png(indices: np.ndarray, colour_maps: tuple[str, str]) -> bytes:
    """indices: (rows, columns) of the colours of the first map, then of the second; the top row first."""
    colours = [matplotlib.colormaps[name](np.linspace(0, 1, _LEVELS), bytes=True)[:, :3] for name in colour_maps]
    image = Image.fromarray(indices.astype(np.uint8))
    image.putpalette(np.vstack([*colours, np.array([[0] * 3, [255] * 3], np.uint8)]).tobytes())
    file = io.BytesIO()
    image.save(file, "png", optimize=True, transparency=_TRANSPARENT)
    return file.getvalue()
