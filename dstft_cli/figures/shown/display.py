"""A spectrogram as pictures show it: its noise, what stands out of it, and the magnitudes that are drawn."""

from functools import cached_property

import numpy as np

from ...stft.noise import floor
from .. import noise_floor, pixel_grid
from ..images import Plane, plane_scales
from .signal_band import Colours, with_band
from .view import View

_PIXELS = 600, 1200  # rows and columns of a picture of the usual size


class Display:
    """The magnitudes of one spectrogram and what is known of its noise, computed when needed.

    magnitude: |S|, (F, T).
    theta: window lengths in samples, any shape that broadcasts to (F, T).
    times, frequencies: of the columns in s from sample 0, (T,), and of the bins in Hz, (F,).
    hop: from one column to the next, in samples.
    support: the DFT size in samples.
    span: samples from the first to the last frame of which each column shows the largest magnitude; 0 for single frames.
    """

    def __init__(
        self,
        magnitude: np.ndarray,
        theta: np.ndarray,
        times: np.ndarray,
        frequencies: np.ndarray,
        hop: float,
        support: int,
        span: float = 0.0,
    ):
        self.magnitude, self.theta, self.times, self.frequencies = magnitude, theta, times, frequencies
        self.hop, self.support, self.span = hop, support, span
        self._evened: dict[bool, np.ndarray] = {}

    @cached_property
    def ratio(self) -> np.ndarray:
        """P over the noise floor, (F, T) float32; 0 where nothing but silence is."""
        power = noise_floor.equal_noise_power(self.magnitude, self.theta, self.span)
        count = noise_floor.independent_values(self.theta, self.span)
        level = floor.noise_floor(power, count)
        power /= np.maximum(level, np.finfo(np.float32).tiny)[:, None].astype(np.float32)
        return power

    @cached_property
    def found(self) -> np.ndarray:
        """How surely each point stands out of the noise, (F, T) float32 from 0 to 1."""
        return noise_floor.stands_out(self.ratio, self.theta, self.hop, self.support)

    def areas(self) -> np.ndarray:
        """Where signal is, smooth over about a cell, (F, T) from 0 to 1."""
        return noise_floor.signal_areas(self.found, self.theta, self.hop, self.support)

    def picture(self, view: View) -> np.ndarray:
        """The magnitudes to draw, (F, T)."""
        return self._even(view) if view.even_floor else self.magnitude

    def _even(self, view: View) -> np.ndarray:
        """The magnitudes with noise at one level; those under constant windows as they are.

        Levels in a unit are exact: what stands out keeps its level under short windows, too.
        """
        if self.theta.min() == self.theta.max():
            return self.magnitude
        exact = view.db_ref != "max"
        if exact not in self._evened:
            central = noise_floor.central_length(self.theta, self.found)
            kept = self.found if exact else 0.0
            self._evened[exact] = noise_floor.even_noise(self.magnitude, self.theta, self.ratio, kept, central)
        return self._evened[exact]

    def view(self, view: View) -> View:
        """The view with limits of the frequency axis that are ``auto`` set to the band that holds signal in the part shown."""
        if "auto" not in (view.fmin, view.fmax):
            return view
        times, (low, high) = self.times + view.start, (view.tmin, view.tmax)
        shown = (times >= (-np.inf if low is None else low)) & (times <= (np.inf if high is None else high))
        even = self._even(view)  # noise under short windows is no signal, however bright
        ratio, magnitude = (values if shown.all() else values[:, shown] for values in (self.ratio, even))
        return with_band(view, self.frequencies, ratio, magnitude, self._colours(view))

    def _colours(self, view: View) -> Colours:
        """The ends of the colour scale of a picture of all frequencies."""
        scales = plane_scales(Plane(self.times, self.frequencies, self.magnitude), view)
        grid = pixel_grid.max_pool_to_pixels(self._even(view), scales, _PIXELS)
        peak = float(grid.max())
        db_range = pixel_grid.range_to_noise(grid, peak) if view.db_range == "auto" else view.db_range
        return Colours(peak * 10 ** (-db_range / 20), peak)
