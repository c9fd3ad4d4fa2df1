"""The coarse grid of places at which window lengths are chosen, and its interpolation to the plane."""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from .gaussian_means import apply_to, linear_rows

_FINEST, _COARSEST, _PLACES = 0.35, 0.7, 120_000  # steps of the grid in units, and places that choose between the two


@dataclass(frozen=True)
class WorkingGrid:
    """The places at which window lengths are chosen: every few bins and frames of a plane.

    A unit is half of the middle window length sqrt(θ_min L) in time, and its reciprocal in frequency: a window of that length
    is equally wide along both axes.

    shape: (F, T) of the plane.
    support, hop: in samples.
    theta_min: least θ in samples; the support is the greatest.
    """

    shape: tuple[int, int]
    support: int
    hop: float
    theta_min: float

    @property
    def bounds(self) -> tuple[float, float]:
        """Least and greatest θ in samples, apart from each other even where nothing is left to choose."""
        return min(self.theta_min, self.support / 1.01), float(self.support)

    @property
    def unit(self) -> float:
        """A unit of time in samples."""
        return math.sqrt(self.bounds[0] * self.bounds[1]) / 2

    @property
    def per_unit(self) -> tuple[float, float]:
        """Bins, and frames, of a unit."""
        return self.support / self.unit, self.unit / self.hop

    @cached_property
    def steps(self) -> tuple[int, int]:
        """Bins, and frames, between places."""
        units = [size / per for size, per in zip(self.shape, self.per_unit, strict=True)]
        step = min(_COARSEST, max(_FINEST, math.sqrt(units[0] * units[1] / _PLACES)))
        rows, columns = (max(1, round(step * per)) for per in self.per_unit)
        return rows, columns

    @property
    def places(self) -> tuple[int, int]:
        """(f, t): the number of places over frequency and over time."""
        rows, columns = (1 + (size - 1) // step for size, step in zip(self.shape, self.steps, strict=True))
        return rows, columns

    @property
    def frequencies(self) -> Tensor:
        """Of the places, in cycles per sample, (f,) float64."""
        return torch.arange(self.places[0], dtype=torch.float64) * (self.steps[0] / self.support)

    def times(self, first: int, last: int) -> Tensor:
        """Of columns first to last - 1, in samples, (last - first,) float64."""
        return torch.arange(first, last, dtype=torch.float64) * (self.steps[1] * self.hop)

    def deviations(self, units: tuple[float, float]) -> tuple[float, float]:
        """Units of frequency and of time in steps of the grid."""
        rows, columns = (own * per / step for own, per, step in zip(units, self.per_unit, self.steps, strict=True))
        return rows, columns

    def to_plane(self, values: Tensor, frames: tuple[int, int] | None = None, column: int = 0) -> Tensor:
        """Values at the places interpolated linearly to the plane.

        values: (1 or f, 1 or t).
        frames: (first, last + 1) frame wanted; None for all.
        column: the column of the grid that the first column of the values is.

        Returns (1 or F, 1 or frames).
        """
        first, last = frames or (0, self.shape[1])
        rows = torch.arange(self.shape[0] if values.shape[0] > 1 else 1, dtype=torch.float64) / self.steps[0]
        columns = torch.zeros(1)
        if values.shape[1] > 1:
            columns = torch.arange(first, last, dtype=torch.float64) / self.steps[1] - column
        return apply_to(
            values, *(linear_rows(at, n, values) for at, n in zip((rows, columns), values.shape, strict=True))
        )

    def at_places(self, values: Tensor) -> Tensor:
        """Values on the plane, (1 or F, 1 or T), at the places: (1 or f, 1 or t)."""
        return values[:: self.steps[0], :: self.steps[1]]
