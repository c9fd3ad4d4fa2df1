"""What tracking gives: frequency, amplitude and confidence over time, of one component or more."""

from dataclasses import dataclass

import numpy as np

RIDGE, HARMONIC = METHODS = ("ridge", "harmonic")
SURE = 0.5  # of the confidence: at this and above, a component is there


@dataclass(frozen=True)
class Tracking:
    """What is tracked, and how.

    method: ridge, the strongest ridges; harmonic, one fundamental from all its orders.
    components: of the ridge method, how many; None for as many as stand out of the noise.
    orders: of the harmonic method, multiples of the fundamental, positive.
    fmin, fmax: limits of the ridge, or of the fundamental, in Hz; None for those that the plane has.
    tmin, tmax: limits in s of recording time; None for none.
    max_slope: in Hz/s; None for one that the windows can follow.
    """

    method: str = RIDGE
    components: int | None = None
    orders: tuple[float, ...] = ()
    fmin: float | None = None
    fmax: float | None = None
    tmin: float | None = None
    tmax: float | None = None
    max_slope: float | None = None


@dataclass(frozen=True)
class Track:
    """Components of a recording over time.

    times: frame centres in s of recording time, (T,).
    frequency: Hz, (C, T), the strongest component first.
    amplitude: in the signal's unit, (C, T): of a tone its amplitude; of a fundamental the root of the sum of squares over its orders.
    confidence: from 0 to 1, (C, T): of a ridge that it is there at all, of a fundamental that it is the one.
    spread: the standard deviation of the frequency in Hz, (C, T).
    tracking: what was asked for, with all limits filled in.
    """

    times: np.ndarray
    frequency: np.ndarray
    amplitude: np.ndarray
    confidence: np.ndarray
    spread: np.ndarray
    tracking: Tracking

    @property
    def components(self) -> int:
        """C."""
        return len(self.frequency)

    @property
    def rpm(self) -> np.ndarray:
        """Revolutions per minute, (C, T)."""
        return 60 * self.frequency

    def stretches(self, component: int) -> list[slice]:
        """The frames in which a component is there, one slice for each stretch."""
        sure = np.concatenate([[False], self.confidence[component] >= SURE, [False]])
        edges = np.flatnonzero(np.diff(sure.astype(np.int8)))
        return [slice(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
