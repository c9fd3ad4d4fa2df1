"""How far the energy of a picture lies from the true laws, in cells, and how wide laws are drawn at each place.

A cell is the area 1 of time and frequency whose sides are the unit of WorkingGrid, half of the middle window length, and its reciprocal.
"""

import local_width
import numpy as np
from quality import THETA_MIN
from truth_signals import HOP, RATE, SUPPORT, Truth

from dstft_cli.optimization.local_entropy.working_grid import WorkingGrid

HEARD = 0.03  # of the largest amplitude of a component


class Laws:
    """The laws of a scene, and the least widths that constant windows draw them with.

    truth: of the scene.
    planes: |S| (F, T) under the constant windows.
    """

    def __init__(self, truth: Truth, planes: list[np.ndarray]):
        grid = WorkingGrid((truth.bins, truth.frames), SUPPORT, float(HOP), float(THETA_MIN))
        self.truth = local_width.Truth(list(_components(truth)), grid)
        self.best = [np.min(widths, 0) for widths in zip(*map(self.truth.widths, planes), strict=True)]

    def judge(self, magnitude: np.ndarray, theta: np.ndarray) -> dict[str, float]:
        """distance: the mean distance of the energy θ|S|² within three units of a law, in cells. local_width: at each place, in
        units of the best constant window's there, the geometric mean over components."""
        energy = theta * magnitude**2 * self.truth.inside
        total = energy.sum()
        distance = float((energy * self.truth.distance).sum() / total) if total > 0 else float("nan")
        return {"distance": distance, "local_width": 1 + self.truth.excess(magnitude, self.best) / 100}


def _components(truth: Truth):
    """Samples and cycles per sample along each component, where it is heard."""
    for ridge in truth.scene.ridges:
        for law, amplitude in zip(ridge.laws, ridge.amplitudes, strict=True):
            for first, last in local_width._stretches(amplitude > HEARD * amplitude.max()):
                yield np.arange(first, last), law[first:last] / RATE
    for event in truth.scene.events:
        if event.ring is None:
            yield np.full(2000, event.sample), np.linspace(0, 0.5, 2000)
