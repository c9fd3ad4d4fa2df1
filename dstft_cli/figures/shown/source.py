"""The frames of a result that pictures draw: all of them from memory, or groups of them from disk."""

from functools import cached_property

import numpy as np
import torch

from ...recordings.preparation.continuation import continued_signal
from ...results.result import Result, reference
from ..reduced_spectrogram import Reduced
from .continued_ends import continued_ends
from .display import Display
from .view import View


class InMemory:
    """All frames of a result in memory; Reduced offers the same for a plane on disk."""

    def __init__(self, result: Result):
        self.result, self.times = result, result.times
        self.span = 0.0
        self.hop = frame_distance(result.frame_positions, result.support)

    def magnitude(self) -> np.ndarray:
        """|S|, (F, T)."""
        return self._magnitude

    @cached_property
    def _magnitude(self) -> np.ndarray:
        return np.ascontiguousarray(self.result.magnitude)  # as θ is: passes over arrays in two orders are slow

    def theta(self) -> np.ndarray:
        """Window lengths in samples, (1 or F, 1 or T)."""
        return self.result.theta

    def reference(self, length: float) -> tuple[np.ndarray, np.ndarray]:
        """|S| with one constant window of ``length`` samples, (F, T), and its frame centres in s, (T,)."""
        return reference(self.result, length)

    def shown(self) -> np.ndarray:
        """|S| with continued ends, (F, T); as it is where the window is not known."""
        return self._continued(self.magnitude(), self.theta(), self.result.frame_positions)

    def shown_reference(self, magnitude: np.ndarray, length: float) -> np.ndarray:
        """The magnitude (F, T) that ``reference`` gave, with continued ends."""
        positions = self.result.grid.positions(length, torch.device("cpu")).numpy()
        return self._continued(magnitude, np.full((1, 1), length), positions)

    def _continued(self, magnitude: np.ndarray, theta: np.ndarray, positions: np.ndarray) -> np.ndarray:
        result = self.result
        if not result.window.known:
            return magnitude
        return continued_ends(magnitude, theta, positions, self._beyond, result.support, result.window)

    @cached_property
    def _beyond(self) -> np.ndarray:
        return continued_signal(self.result.signal.samples, self.result.support // 2)


def source_of(result: Result, view: View) -> InMemory | Reduced:
    """The frames of a result that the view shows."""
    return Reduced(result, view.tmin, view.tmax) if result.on_disk else InMemory(result)


def display_of(result: Result, source: InMemory | Reduced, continued: bool = True) -> Display:
    """The spectrogram of a result as pictures show it. continued: whether the recording goes on beyond its ends."""
    magnitude = source.shown() if continued else source.magnitude()
    return Display(magnitude, source.theta(), source.times, result.frequencies, source.hop, result.support, source.span)


def frame_distance(positions: np.ndarray, support: int) -> float:
    """The typical distance between frames in samples; of a single frame, the support. positions: (T,) samples."""
    return float(np.median(np.diff(positions))) if len(positions) > 1 else float(support)
