"""The reassigned spectrogram of a result: the energy of what stands out of the noise moved to where it belongs."""

import numpy as np
import torch

from ...results.result import Result
from ...stft.framed_signal import FramedSignal
from ...stft.phase.reassignment import coordinates, reassigned, roundness
from ...stft.windows import equivalent_widths
from ...system.devices import DTYPES
from .display import Display
from .local_means import box_mean
from .source import InMemory, display_of

_OUT_OF_NOISE = 0.5  # of how surely a point stands out, from 0 to 1
_EVENT = 0.04  # of the roundness of what is about a point: above, it is one event, and stays as it is
_SPAN = 0.5  # window lengths before and after an event in which nothing is moved
_CELL = 0.5, 2.0  # window lengths in time, and reciprocals of them in frequency, on either side of a point


def reassigned_magnitude(result: Result) -> np.ndarray:
    """The reassigned spectrogram, (F, T) float32, in the signal's unit.

    Its squares are sums of θ|S|² over the points that belong to a bin, in a scale in which a steady tone of amplitude A that is in
    one bin has A/2 there, as in S. Their sum is that of the plain spectrogram. Points in noise stay where they are, and so do those
    where a sound begins or ends within the window: there energy is shared out over the points as |S|² is, so that an onset is as
    sharp as in the plain picture.

    result: with its spectrogram in memory.

    Raises InputError where its window was a function that is not known.
    """
    framed = FramedSignal(
        torch.tensor(result.signal.samples, dtype=DTYPES[result.config.run.dtype]),
        torch.tensor(result.frame_positions),
        result.support,
        result.window,
    )
    found = coordinates(framed, torch.tensor(result.theta), torch.tensor(result.stft))
    display = display_of(result, InMemory(result), continued=False)
    energy = np.square(display.magnitude, dtype=np.float64) * result.theta
    loud = display.found > _OUT_OF_NOISE
    event = _around(roundness(found, result.theta, framed), energy, display) > _EVENT
    event |= box_mean((event & loud).astype(np.float32), _SPAN * display.theta / display.hop, 1) > 0
    energy = np.where(event & loud, _untilted(energy, event & loud, display), energy)
    total = reassigned(energy, found, result.frame_positions, loud & ~event)
    return np.sqrt(total / (equivalent_widths(result.window)[1] * result.support)).astype(np.float32)


def _untilted(energy: np.ndarray, event: np.ndarray, display: Display) -> np.ndarray:
    """The energy of events, (F, T), in the proportions of |S|², with the same sum over all of them.

    After an onset windows grow, and θ|S|² with them: its top comes late. One length for all frequencies of a frame, from the
    frames within a support on either side, has no such slope.
    """
    theta = np.broadcast_to(display.theta, energy.shape).mean(0, dtype=np.float64)[None]
    length = box_mean(theta.astype(np.float32), np.full((1, 1), display.support / display.hop), 1)
    plain = np.square(display.magnitude, dtype=np.float64) * length
    total = plain.sum(where=event)
    return plain * (energy.sum(where=event) / total if total > 0 else 1.0)


def _around(values: np.ndarray, energy: np.ndarray, display: Display) -> np.ndarray:
    """The mean of values, of which single ones may be anything, over a cell about each point, weighted by energy; (F, T)."""
    weight = (energy / (energy.max() or 1.0)).astype(np.float32)
    product = np.clip(values, -0.25, 0.25).astype(np.float32) * weight

    def mean(plane: np.ndarray) -> np.ndarray:
        rows = box_mean(plane, _CELL[0] * display.theta / display.hop, 1)
        return box_mean(rows, np.maximum(1, _CELL[1] * display.support / display.theta), 0)

    return mean(product) / np.maximum(mean(weight), np.finfo(np.float32).tiny)
