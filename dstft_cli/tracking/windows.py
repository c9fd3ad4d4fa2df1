"""Which window suits each frame of a track: the one under which the tracked lines stand highest above the noise."""

from collections.abc import Sequence

import numpy as np

from .plane import TrackedPlane

_SHORTER = 0.95  # a tone is as high over noise as its window is long: of windows that show lines nearly as well, the shorter is right
_ALIKE = 1.0  # middle window lengths over which one window serves


def mixed(evidence: Sequence[np.ndarray]) -> np.ndarray:
    """The evidence of planes (K, T) together, where any of their windows may be the right one in a frame."""
    if len(evidence) == 1:
        return evidence[0]
    top = np.maximum.reduce(evidence)
    return top + np.log(sum(np.exp(own - top) for own in evidence) / len(evidence))


def best_plane(planes: Sequence[TrackedPlane], paths: Sequence[np.ndarray]) -> TrackedPlane:
    """The frames under the windows that suit lines best: of several planes, one window for each frame.

    planes: of one signal, each under one window.
    paths: of the lines in bins, (T,) each.
    """
    if len(planes) == 1:
        return planes[0]
    lengths = np.array([float(plane.theta.item()) for plane in planes])
    heights = np.stack([sum(np.log1p(plane.at(path, plane.ratio)) for path in paths) for plane in planes])
    heights -= _SHORTER * np.log(lengths)[:, None] * len(paths)
    half = max(1, round(_ALIKE / 2 * np.sqrt(lengths[0] * lengths[-1]) / planes[0].sample_rate / planes[0].hop))
    chosen = lengths[_means(heights, half).argmax(0)]
    theta = 2 ** _means(np.log2(chosen)[None], half)
    return planes[0].under(np.clip(theta, lengths[0], lengths[-1]))


def _means(values: np.ndarray, half: int) -> np.ndarray:
    """Means over 2 half + 1 frames about each, (n, T); the ends are repeated."""
    padded = np.pad(values, ((0, 0), (half + 1, half)), mode="edge").cumsum(1)
    return (padded[:, 2 * half + 1 :] - padded[:, : -2 * half - 1]) / (2 * half + 1)
