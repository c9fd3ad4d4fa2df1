"""One fundamental from all its orders: the multi-order probabilistic approach of Leclère, André and Antoni (MSSP 2016).

For each frame p(Ω) ∝ Π_i A(H_i Ω) / ∫ A(H_i Ω) dΩ. Here A is the likelihood ratio of a tone in noise, which says nothing where there is
only noise. Frames are then tied together by a slope that changes little, forward and backward over all paths; the result is the
mean of the posterior and its spread.
"""

from collections.abc import Sequence

import numpy as np

from .evidence import tone_evidence
from .lattice import Lattice
from .limits import middle_length, motion
from .plane import TrackedPlane
from .track import Track, Tracking
from .watching import Watch
from .windows import best_plane, mixed

_PER_LOBE = 2.0  # rows of the grid within the reciprocal of a window's length, for the highest order
_MOST_ROWS = 3000
_LOBE = 2.0  # reciprocals of a window's length: lines that are farther apart are seen one by one
_NEAR = 1.0  # reciprocals of a window's length, of the highest order: what counts as the same speed


def harmonic_track(
    planes: Sequence[TrackedPlane], tracking: Tracking, watch: Watch, wide: bool
) -> tuple[Track, TrackedPlane]:
    """The fundamental, and the frames under the windows that suit its orders best.

    planes: of T frames, each under other windows.
    tracking: with all limits.
    watch: told how far it is.
    wide: nobody gave the range, so that it may hold parts of the true speed.
    """
    width = 1 / (middle_length(planes) * max(tracking.orders))  # Hz of the fundamental
    rows = int(np.clip(np.ceil((tracking.fmax - tracking.fmin) * _PER_LOBE / width), 8, _MOST_ROWS))
    grid = np.linspace(tracking.fmin, tracking.fmax, rows)
    evidence = mixed([_evidence(plane, tracking.orders, grid, wide) for plane in planes])
    lattice = Lattice(evidence, motion(tracking, planes, grid[1] - grid[0], rows))
    chances = lattice.posterior(lambda step: watch("track", step, 2 * len(lattice)))
    mean = grid @ chances
    spread = np.sqrt(np.maximum(np.square(grid) @ chances - mean**2, 0))
    near = np.abs(grid[:, None] - mean) <= max(_NEAR * width, grid[1] - grid[0])
    frames = np.arange(evidence.shape[1])
    mean, spread, confidence = (
        np.interp(frames, lattice.ends, line) for line in (mean, spread, (chances * near).sum(0))
    )
    paths = [order * mean / planes[0].spacing for order in tracking.orders]
    paths = [path for path in paths if path.max() < planes[0].framed.bins - 1] or paths[:1]
    plane = best_plane(planes, paths)
    amplitude = 2 * np.sqrt(sum(plane.at(path, plane.magnitude) ** 2 for path in paths))
    lines = (mean, amplitude, np.clip(confidence, 0, 1), spread)
    return Track(plane.times, *(line[None] for line in lines), tracking), plane


def _evidence(plane: TrackedPlane, orders: tuple[float, ...], grid: np.ndarray, wide: bool) -> np.ndarray:
    """log p(Ω) of each frame, (K, T), but for a constant, counted as often as it says something new.

    Orders that are nearer to another than a line is wide see the same line. In a wide range that counts once: else a speed that is
    a part of the true one would gain by all the orders that lie on the flanks of its lines.
    """
    evidence = tone_evidence(plane.ratio) * plane.weight
    total = np.zeros((len(grid), evidence.shape[1]))
    lobe = _LOBE / plane.length
    for order in orders:
        others = [abs(order - other) for other in orders if other != order]
        apart = np.minimum(1.0, grid * min(others) / lobe) if others and wide else np.ones(len(grid))
        rows = order * grid / plane.spacing
        below = rows.astype(int)
        inside = below < len(evidence) - 1
        here, share = below[inside], (rows - below)[inside, None]
        if len(here):
            own = (evidence[here] * (1 - share) + evidence[here + 1] * share) * apart[inside, None]
            top = own.max(0)
            level = top + np.log(
                np.exp(own - top).mean(0)
            )  # beyond half the rate an order is uniform: it says the mean
            total[inside] += own - level
    return total
