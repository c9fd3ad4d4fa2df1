"""Which places count where boxes over time and frequency decide window lengths."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ...recordings.annotations.box import Box, within
from ...recordings.signal import Signal
from .evidence import Evidence
from .working_grid import WorkingGrid


@dataclass(frozen=True)
class BoxMask:
    """The boxes of a signal, asked for points in samples and cycles per sample.

    boxes: in s of recording time and Hz.
    start: the recording time of sample 0 in s.
    rate: Hz.
    """

    boxes: tuple[Box, ...]
    start: float
    rate: float

    @classmethod
    def of(cls, signal: Signal) -> "BoxMask | None":
        """That of a signal, None where the whole signal counts."""
        found = signal.annotations
        return None if found is None else cls(found.boxes, signal.start, signal.sample_rate)

    def at(self, frequencies: np.ndarray, times: np.ndarray, steps: tuple[float, float]) -> Tensor:
        """1 for points of a grid in a box, and 0 for others, (F, T) float32.

        frequencies, times: of the grid, in cycles per sample, (F,), and in samples from sample 0, (T,).
        steps: of the grid, in the same units.
        """
        seconds = np.asarray(times) / self.rate + self.start
        inside = within(
            self.boxes, np.asarray(frequencies) * self.rate, seconds, (steps[0] * self.rate, steps[1] / self.rate)
        )
        return torch.from_numpy(inside)

    def at_places(self, grid: WorkingGrid, first: int, last: int) -> Tensor:
        """1 for places in a box, and 0 for others, in columns first to last - 1 of a working grid, (f, last - first)."""
        steps = grid.steps[0] / grid.support, grid.steps[1] * grid.hop
        return self.at(grid.frequencies.numpy(), grid.times(first, last).numpy(), steps)

    def at_plane(self, grid: WorkingGrid, first: int, last: int) -> Tensor:
        """1 for points of the plane in a box, or between two places of its working grid in one, and 0 for others.

        first, last: first frame and the one after the last. Returns (F, last - first).
        """
        steps = grid.steps[0] / grid.support, grid.steps[1] * grid.hop
        return self.at(np.arange(grid.shape[0]) / grid.support, np.arange(first, last) * grid.hop, steps)

    def mark(self, evidence: Evidence, grid: WorkingGrid, columns: tuple[int, int]) -> Evidence:
        """The evidence at some columns of a working grid, with a mark of the places that count."""
        inside = self.at_places(grid, *columns).to(evidence.energy)
        return replace(evidence, inside=inside, share=_share(self, grid))


@lru_cache(maxsize=8)
def _share(mask: BoxMask, grid: WorkingGrid) -> float:
    return max(float(mask.at_places(grid, 0, grid.places[1]).mean()), 1e-9)
