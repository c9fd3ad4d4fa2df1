"""The layers of a result: planes of one recording that a page switches between on one colour scale, and the map of window lengths.

A layer is added by one more function in ``_MAKERS``; the page takes any number of them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..figures import axis_scales
from ..figures.noise_floor import weighted_quantiles
from ..figures.of_result import view_of
from ..figures.shown.levels import PSD, RMS
from ..figures.shown.reassigned import reassigned_magnitude
from ..figures.shown.source import display_of, source_of
from ..figures.shown.view import View
from ..results.result import Result
from ..text import time_text
from . import planes


@dataclass(frozen=True)
class Levels:
    """A spectrogram, reduced.

    key: the same for the same kind of layer of several results.
    name: on its button.
    window: its window lengths in words.
    times: (C,) s of recording time.
    frequencies: (R,) Hz.
    magnitude: |S| as in the result, the largest of each block, (R, C).
    drawn: the same with noise at one level and without clicks at the ends, as pictures show it, (R, C).
    length: its constant window in ms; None for the lengths of the result.
    full: the spectrogram before it was reduced, where the page zooms in further than this; None for any other.
    """

    key: str
    name: str
    window: str
    times: np.ndarray
    frequencies: np.ndarray
    magnitude: np.ndarray
    drawn: np.ndarray
    length: float | None
    full: "Levels | None" = None

    def reduced(self, most: int) -> "Levels":
        """The largest of each block, so that at most so many points are left."""
        down, across = planes.blocks(*self.magnitude.shape, most)
        rows, columns = (
            planes.middle_indices(n, block) for n, block in zip(self.magnitude.shape, (down, across), strict=True)
        )
        return replace(
            self,
            times=self.times[columns],
            frequencies=self.frequencies[rows],
            magnitude=planes.peaks(self.magnitude, down, across),
            drawn=planes.peaks(self.drawn, down, across),
        )


@dataclass(frozen=True)
class Lengths:
    """The window lengths of a result, reduced.

    times: (C,) s of recording time. frequencies: (R,) Hz. Either has one value where the lengths do not vary along it.
    lengths: (R, C) ms.
    found: how surely each point stands out of the noise, from 0 to 1, (R, C).
    ends: of the colours, in ms.
    """

    times: np.ndarray
    frequencies: np.ndarray
    lengths: np.ndarray
    found: np.ndarray
    ends: tuple[float, float]


class Layers:
    """The layers of one result, each computed when it is asked for.

    result: the result.
    """

    def __init__(self, result: Result):
        self.result, self.start = result, result.signal.start
        view = view_of(result.signal, result.config)
        self._view = replace(view, scaling=RMS) if view.scaling == PSD else view  # the page has magnitudes
        self._source = source_of(result, self._view)
        self._display = display_of(result, self._source)

    @cached_property
    def view(self) -> View:
        """How the pictures of the result look, with numbers for the band."""
        return self._display.view(self._view)

    def levels(self) -> Iterator[Levels]:
        """The spectrograms: the optimum first, then the best constant window, the shortest, the longest, and reassigned."""
        for make in _MAKERS:
            layer = make(self)
            if layer is not None:
                yield layer

    def lengths(self) -> Lengths | None:
        """The window lengths, None if there is one for the whole recording."""
        source, display = self._source, self._display
        theta = source.theta()
        if theta.min() == theta.max():
            return None
        found = display.areas()
        down, across = planes.map_blocks(*found.shape)
        rows, columns = (planes.middle_indices(n, block) for n, block in zip(found.shape, (down, across), strict=True))
        bands = weighted_quantiles(theta, np.where(found > 0.5, found, 0), [0.01, 0.99])
        ends = bands if min(theta.shape) > 1 else np.array([theta.min(), theta.max()])
        lengths = np.broadcast_to(theta, found.shape)[np.ix_(rows, columns)] * self._to_ms
        scale, factor = axis_scales.length_scale(ends * self._to_ms)
        return Lengths(
            source.times[columns] + self.start,
            self.result.frequencies[rows],
            lengths,
            found[np.ix_(rows, columns)],
            (scale.low / factor, scale.high / factor),
        )

    @property
    def _to_ms(self) -> float:
        return 1e3 / self.result.sample_rate

    @property
    def _window(self) -> str:
        """The window lengths of the result in words."""
        least, _, most = self.result.extent
        text = time_text(least / self.result.sample_rate)
        return text if least == most else f"{text} to {time_text(most / self.result.sample_rate)}"

    def _optimum(self) -> Levels:
        result = self.result
        least, _, most = result.extent
        names = {"fixed": "Fixed", "constant": "Best constant"} if result.placed else {}
        name = names.get(result.mode, "Optimum")
        one = least * self._to_ms if least == most else None
        drawn = self._display.picture(self.view)
        return self._reduced("optimum", name, self._window, self._source.times, self._source.magnitude(), drawn, one)

    def _best_constant(self) -> Levels | None:
        result = self.result
        if result.best_constant is None or (result.mode == "constant" and result.placed):
            return None
        return self._constant("constant", "Best constant", result.best_constant[0])

    def _reassigned(self) -> Levels | None:
        """Where the run was asked for it, and the spectrogram is in memory."""
        result = self.result
        if not result.config.figures.reassign or result.on_disk or not result.window.known:
            return None
        magnitude = reassigned_magnitude(result)
        return self._reduced("reassigned", "Reassigned", self._window, self._source.times, magnitude, magnitude, None)

    def _short(self) -> Levels | None:
        return self._constant("short", "Short", self.result.grid.theta_min)

    def _long(self) -> Levels | None:
        return self._constant("long", "Long", float(self.result.support))

    def _constant(self, key: str, name: str, length: float) -> Levels | None:
        """The layer of a constant window; None where the window is not known. length: in samples."""
        if not self.result.window.known:
            return None
        magnitude, times = self._source.reference(length)
        drawn = self._source.shown_reference(magnitude, length)
        window = time_text(length / self.result.sample_rate)
        return self._reduced(key, name, window, times, magnitude, drawn, length * self._to_ms)

    def _reduced(
        self, key: str, name: str, window: str, times: np.ndarray, magnitude, drawn, length: float | None
    ) -> Levels:
        full = Levels(key, name, window, times + self.start, self.result.frequencies, magnitude, drawn, length)
        least = full.reduced(planes.MOST_POINTS)
        finer = key == "optimum" and least.magnitude.shape != magnitude.shape
        return replace(least, full=full) if finer else least


_MAKERS: tuple[Callable[[Layers], Levels | None], ...] = (
    Layers._optimum,
    Layers._best_constant,
    Layers._short,
    Layers._long,
    Layers._reassigned,
)
