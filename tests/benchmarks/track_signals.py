"""Signals whose main frequency is known at every sample, and ways to read it off a spectrogram.

All are seen on frames of SUPPORT samples, one HOP apart. Their rates are such that SUPPORT is about as long as a rest.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from constant import L as SUPPORT
from measures import vertex
from torch import Tensor

HOP = 25  # samples; the shortest window of the grid has 100, of which neighbours share three quarters
SECONDS = 5.0
SLOWEST, FASTEST = 25.0, 55.0  # Hz, of a shaft
RESTS, RAMPS, LEAST_STEP = (0.8, 1.6), (0.4, 0.9), 8.0  # s, s, and Hz from one rest to the next
STEEPEST = (FASTEST - SLOWEST) * math.pi / 2 / RAMPS[0]  # Hz/s, in the middle of the shortest and highest ramp
TRIED = np.arange(SLOWEST - 5, FASTEST + 5, 0.1)  # Hz: speeds that the tracker knows of
TENTH = 10  # the order whose ridge the paper follows
REACH = 10.0  # Hz about the ridge of a sine that count for its mean frequency
_TINY = 1e-30


@dataclass(frozen=True)
class Kind:
    """A sort of signal. rate: Hz. orders: the multiples of the main frequency that sound, all of amplitude 1.

    law: the main frequency in Hz at some times in s, drawn at random.
    """

    name: str
    rate: int
    orders: tuple[int, ...]
    law: Callable[[np.random.Generator, np.ndarray], np.ndarray]

    @property
    def spacing(self) -> float:
        """Hz from bin to bin."""
        return self.rate / SUPPORT


@dataclass(frozen=True, eq=False)
class Track:
    """samples: (N,) with noise. law: (N,), the main frequency in Hz at each sample."""

    kind: Kind
    samples: np.ndarray
    law: np.ndarray

    @property
    def at_frames(self) -> np.ndarray:
        """The law at the centres of the frames, (T,)."""
        return self.law[np.minimum(np.arange(1 + len(self.law) // HOP) * HOP, len(self.law) - 1)]

    @property
    def inside(self) -> np.ndarray:
        """(T,): frames whose longest window stays within the signal."""
        centres = np.arange(1 + len(self.law) // HOP) * HOP
        return (centres >= SUPPORT / 2) & (centres <= len(self.law) - SUPPORT / 2)


def make(kind: Kind, seed: int, snr: float) -> Track:
    """A signal of that kind in white Gaussian noise; snr: dB, mean power over mean power, both of the whole signal."""
    random = np.random.default_rng(seed)
    law = kind.law(random, np.arange(round(SECONDS * kind.rate)) / kind.rate)
    phase = 2 * np.pi * (np.cumsum(law) - law / 2) / kind.rate  # by trapezia, so that sample n has the law at n
    clean = sum(np.sin(order * phase + order**2) for order in kind.orders)  # no two orders peak together
    noise = random.standard_normal(len(law)) * math.sqrt(np.mean(clean**2)) * 10 ** (-snr / 20)
    return Track(kind, clean + noise, law)


def _shaft(random: np.random.Generator, clock: np.ndarray) -> np.ndarray:
    """A speed that rests, ramps to another and rests again; ramps are half cosines."""
    times, levels = [0.0], [random.uniform(SLOWEST, FASTEST)]
    while times[-1] < clock[-1]:
        goal = random.uniform(SLOWEST, FASTEST)
        if abs(goal - levels[-1]) >= LEAST_STEP:
            rest_ends = times[-1] + random.uniform(*RESTS)
            times += [rest_ends, rest_ends + random.uniform(*RAMPS)]
            levels += [levels[-1], goal]
    place = np.interp(clock, times, np.arange(len(times)))
    piece = np.minimum(place.astype(int), len(times) - 2)
    start, end = np.array(levels)[piece], np.array(levels)[piece + 1]
    return start + (end - start) * (1 - np.cos(np.pi * (place - piece))) / 2


def _wandering(random: np.random.Generator, clock: np.ndarray) -> np.ndarray:
    """60 to 90 Hz, swung about by three sines of 3 to 12 Hz, 0.3 to 1.5 times a second."""
    law = np.full_like(clock, random.uniform(60, 90))
    for _ in range(3):
        turn = 2 * np.pi * (random.uniform(0.3, 1.5) * clock + random.uniform())
        law += random.uniform(3, 12) * np.sin(turn)
    return law


SHAFT = Kind("shaft", 1250, tuple(range(1, TENTH + 1)), _shaft)
SINE = Kind("sine", 1000, (1,), _wandering)


def mean_frequency(magnitude: Tensor, spacing: float, middle: Tensor | None = None, reach=math.inf) -> Tensor:
    """Eq. (34): the mean of the frequencies in Hz, weighted by |S| (..., F, T); (..., T), differentiable in |S|.

    Over all bins, as the paper prints it, or over those within ``reach`` Hz of ``middle`` (..., T): in white noise the mean
    over all bins is drawn to the middle of the spectrum.
    """
    hertz = torch.arange(magnitude.shape[-2], dtype=magnitude.dtype)[:, None] * spacing
    if middle is not None:
        magnitude = magnitude * ((hertz - middle.unsqueeze(-2)).abs() <= torch.as_tensor(reach))
    return (magnitude * hertz).sum(-2) / magnitude.sum(-2).clamp_min(_TINY)


def strongest(magnitude: Tensor, spacing: float) -> Tensor:
    """The frequency in Hz of the strongest bin of each frame, (..., T)."""
    return magnitude.argmax(-2) * spacing


def ridge(magnitude: np.ndarray, spacing: float) -> np.ndarray:
    """The strongest bin of each frame, refined by a parabola on log |S| (F, T); (T,) in Hz."""
    logs, frames = np.log(magnitude + _TINY), np.arange(magnitude.shape[1])
    peak = logs.argmax(0).clip(1, len(logs) - 2)
    place, _ = vertex(*(logs[peak + side, frames] for side in (-1, 0, 1)))
    return (peak + place.clip(-0.5, 0.5)) * spacing


def comb(magnitude: np.ndarray, spacing: float, orders: tuple[int, ...]) -> np.ndarray:
    """How well each of TRIED explains each frame: the sum of log |S| at its multiples, (speeds, T).

    The logarithm of the product over orders of Leclère, André and Antoni (the paper's [3]).
    """
    logs = np.log(magnitude + _TINY)
    places = np.multiply.outer(orders, TRIED) / spacing
    below = places.astype(int)
    share = (places - below)[..., None]
    return (logs[below] * (1 - share) + logs[below + 1] * share).sum(0)


def follow(scores: np.ndarray, most: int) -> np.ndarray:
    """The path through scores (K, T) of largest sum that moves by at most so many rows a frame; (T,) rows."""
    rows, best, back = np.arange(len(scores)), scores[:, 0], []
    for column in scores.T[1:]:
        around = np.lib.stride_tricks.sliding_window_view(np.pad(best, most, constant_values=-np.inf), 2 * most + 1)
        came = around.argmax(1)
        back.append(rows + came - most)
        best = around[rows, came] + column
    path = [int(best.argmax())]
    for came_from in reversed(back):
        path.append(int(came_from[path[-1]]))
    return np.array(path[::-1])


def shaft_speed(magnitude: np.ndarray, kind: Kind) -> np.ndarray:
    """The speed in Hz that explains all orders best, as fast as a shaft can change and no faster; (T,)."""
    most = math.ceil(STEEPEST * HOP / kind.rate / (TRIED[1] - TRIED[0]))
    return TRIED[follow(comb(magnitude, kind.spacing, kind.orders), most)]


def estimates(magnitude: np.ndarray, kind: Kind) -> dict[str, np.ndarray]:
    """The main frequency in Hz, (T,), in three ways: by Eq. (34) over all bins, over those about the ridge, by the ridge alone.

    The ridge of a shaft is that of all orders together, and Eq. (34) is taken half an order about its tenth, over ten; over
    all bins it says nothing of a sound of many orders, and is NaN.
    """
    planes = torch.as_tensor(magnitude)
    if kind is SINE:
        track = ridge(magnitude, kind.spacing)
        about = mean_frequency(planes, kind.spacing, strongest(planes, kind.spacing), REACH)
        return {"all bins": mean_frequency(planes, kind.spacing).numpy(), "about": about.numpy(), "ridge": track}
    track = shaft_speed(magnitude, kind)
    tenth, half = torch.as_tensor(track * TENTH), torch.as_tensor(track / 2)
    about = mean_frequency(planes, kind.spacing, tenth, half) / TENTH
    return {"all bins": np.full_like(track, math.nan), "about": about.numpy(), "ridge": track}


def squared_errors(magnitude: np.ndarray, track: Track) -> dict[str, float]:
    """The mean squared error in Hz² of each of the estimates, over the frames that lie inside."""
    found = estimates(magnitude, track.kind)
    return {name: float(np.mean((guess - track.at_frames)[track.inside] ** 2)) for name, guess in found.items()}
