"""Signals whose every component is known: what is in them, and where on the plane of a spectrogram it must show.

All are sampled at 10 kHz, with amplitudes of the order of 1. Tones lie off the centres of the bins, events off the frames.
"""

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import maximum_filter1d

RATE = 10_000  # Hz
SUPPORT, HOP = 1000, 25  # samples
SPACING = RATE / SUPPORT  # Hz a bin
STEP = HOP / RATE  # s a frame

EDGE = SUPPORT // 2 // HOP  # frames at either end whose longest window leaves the signal
CLEAR = EDGE + 2  # frames from an event to where no window reaches it
APART = 60  # bins from a component to where another, or the floor, is judged
QUIET = 60  # frames from a component to where the floor is judged
BORDER = 15  # bins left out of the floor at 0 Hz and at half the sampling rate
CLICK_SPAN = 0.05  # s about each click whose energy counts for the SNR of a signal of clicks


@dataclass(frozen=True)
class Ridge:
    """Sinusoids that belong together, as harmonics do.

    laws, amplitudes: (K, N), Hz and the unit of the signal. steady: whether the laws are constant and nothing decays.
    """

    laws: np.ndarray
    amplitudes: np.ndarray
    steady: bool = False

    @property
    def wave(self) -> np.ndarray:
        """(N,): the phases run on from k² rad for the k-th, so that no two peak together."""
        start = np.arange(len(self.laws))[:, None] ** 2
        return (self.amplitudes * np.sin(2 * np.pi * np.cumsum(self.laws, 1) / RATE + start)).sum(0)

    def active(self, share: float) -> np.ndarray:
        """(N,): where all are above that share of their largest amplitude."""
        return (self.amplitudes > share * self.amplitudes.max(1, keepdims=True)).all(0)


@dataclass(frozen=True)
class Event:
    """sample: where it happens. ring: the struck sinusoid, None for a click, which has all frequencies."""

    sample: int
    ring: Ridge | None = None


@dataclass(frozen=True, eq=False)
class Scene:
    """A signal without noise, (N,), and what is in it. mixture: made of components that want different windows."""

    name: str
    clean: np.ndarray
    ridges: tuple[Ridge, ...] = ()
    events: tuple[Event, ...] = ()
    mixture: bool = False

    @property
    def power(self) -> float:
        """What the SNR refers to: the mean square of the whole, for clicks alone that of 50 ms about each."""
        if self.ridges:
            return float(np.mean(self.clean**2))
        where = np.arange(len(self.clean))[:, None] - [event.sample for event in self.events]
        return float(np.mean(self.clean[(np.abs(where) <= CLICK_SPAN * RATE / 2).any(1)] ** 2))

    def noisy(self, snr: float) -> np.ndarray:
        """(N,) with white Gaussian noise at that SNR in dB; every SNR of a signal has the same noise, scaled."""
        noise = np.random.default_rng(zlib.crc32(self.name.encode())).standard_normal(len(self.clean))
        return self.clean + noise * math.sqrt(self.power) * 10 ** (-snr / 20)


@dataclass(eq=False)
class Truth:
    """A scene on the plane of F bins and T frames: where to judge what."""

    scene: Scene
    bins: int = SUPPORT // 2 + 1

    @property
    def frames(self) -> int:
        return 1 + len(self.scene.clean) // HOP

    def at_frames(self, values: np.ndarray) -> np.ndarray:
        """(..., N) by sample to (..., T) at the centres of the frames."""
        return values[..., np.minimum(np.arange(self.frames) * HOP, values.shape[-1] - 1)]

    @cached_property
    def _pairs(self) -> list[tuple[Ridge, np.ndarray]]:
        """Ridges with their laws at the frames, (K, T) in Hz."""
        return [(ridge, self.at_frames(ridge.laws)) for ridge in self.scene.ridges]

    def ridges(self) -> list[tuple[Ridge, np.ndarray, np.ndarray]]:
        """(ridge, laws (K, T) in Hz, frames (T,)): frames that hold it alone, whole, and away from events."""
        return [(ridge, laws, self._alone(ridge, laws)) for ridge, laws in self._pairs]

    def _alone(self, ridge: Ridge, laws: np.ndarray) -> np.ndarray:
        frames = np.arange(self.frames)
        alone = self.at_frames(ridge.active(0.25)) & (frames >= EDGE) & (frames < self.frames - EDGE)
        for event in self.scene.events:
            alone &= np.abs(frames - event.sample / HOP) > CLEAR
        for other, theirs in self._pairs:
            if other is not ridge:
                gap = np.abs(laws[:, None] - theirs[None]).min((0, 1)) / SPACING
                alone &= ~self.at_frames(other.active(0.01)) | (gap > APART)
        return alone

    def events(self) -> list[tuple[Event, float, np.ndarray]]:
        """(event, its place in frames, band (F,)): for a click where no ridge comes near, for a ring about its frequency."""
        return [(event, event.sample / HOP, self._band(event)) for event in self.scene.events]

    def _band(self, event: Event) -> np.ndarray:
        if event.ring is not None:
            middle = event.ring.laws[0, event.sample] / SPACING
            return np.abs(np.arange(self.bins) - middle) <= APART * 2 / 3
        here = slice(max(0, event.sample // HOP - QUIET), event.sample // HOP + QUIET)
        return ~self._occupied[:, here].any(1)

    @cached_property
    def _occupied(self) -> np.ndarray:
        """(F, T): what is within APART bins of a ridge."""
        found = np.zeros((self.bins, self.frames), bool)
        rows = np.arange(self.bins)[:, None]
        for ridge, laws in self._pairs:
            for law in laws / SPACING:
                found |= (np.abs(rows - law) <= APART) & self.at_frames(ridge.active(0.001))
        return found

    @cached_property
    def floor(self) -> np.ndarray:
        """(F, T): bins at least APART bins and QUIET frames away from every component, and inside the plane's edges."""
        taken = maximum_filter1d(self._occupied.astype(np.uint8), 2 * QUIET + 1, axis=1).astype(bool)
        frames = np.arange(self.frames)
        for event in self.scene.events:
            taken |= np.abs(frames - event.sample / HOP) <= QUIET
        taken |= (frames < EDGE) | (frames >= self.frames - EDGE)
        taken[:BORDER] = taken[-BORDER:] = True
        return ~taken


def _ridge(*laws: np.ndarray, amplitudes=None, steady: bool = False) -> Ridge:
    laws = np.stack(laws)
    sizes = np.ones_like(laws) if amplitudes is None else np.broadcast_to(amplitudes, laws.shape)
    return Ridge(laws, sizes, steady)


def _clock(seconds: float) -> np.ndarray:
    return np.arange(round(seconds * RATE)) / RATE


def _tones(clock: np.ndarray, *hertz: float, amplitudes=None) -> Ridge:
    return _ridge(*(np.full_like(clock, f) for f in hertz), amplitudes=amplitudes, steady=True)


def _sweep(clock: np.ndarray, first: float, last: float) -> Ridge:
    return _ridge(np.linspace(first, last, len(clock)))


def _wave(clock: np.ndarray, middle: float, swing: float, rate: float) -> Ridge:
    return _ridge(middle + swing * np.sin(2 * np.pi * rate * clock))


def _harmonics(clock: np.ndarray, pitch: float, count: int) -> Ridge:
    """Vibrato: 5 times a second by 3 %."""
    law = pitch * (1 + 0.03 * np.sin(2 * np.pi * 5 * clock))
    orders = np.arange(1, count + 1)[:, None]
    return _ridge(*(law * orders), amplitudes=1 / np.sqrt(orders))


def _strike(clock: np.ndarray, sample: int, hertz: float, decay: float) -> Event:
    """decay: s to 1/e of the amplitude, 1.5 at the strike."""
    envelope = 1.5 * np.exp(-(clock - sample / RATE) / decay) * (np.arange(len(clock)) >= sample)
    return Event(sample, _ridge(np.full_like(clock, hertz), amplitudes=envelope))


_CLICK = 8.0  # one sample: as much energy as 13 ms of a tone of amplitude 1


def _scene(name: str, clock: np.ndarray, *parts: Ridge | Event | int, mixture: bool = False) -> Scene:
    """parts: ridges, strikes, and the samples of clicks."""
    events = tuple(Event(part) if isinstance(part, int) else part for part in parts if not isinstance(part, Ridge))
    ridges = [part for part in parts if isinstance(part, Ridge)]
    ridges += [event.ring for event in events if event.ring is not None]
    clean = np.zeros(len(clock))
    for ridge in ridges:
        clean += ridge.wave
    for event in events:
        clean[event.sample] += _CLICK if event.ring is None else 0.0
    return Scene(name, clean, tuple(ridges), events, mixture)


def _am(clock: np.ndarray) -> Ridge:
    return _tones(clock, 2003.0, amplitudes=1 + 0.7 * np.sin(2 * np.pi * 12 * clock))


def _struck(clock: np.ndarray) -> list[Event]:
    return [_strike(clock, *each, 0.1) for each in ((4012, 1003.0), (9021, 2003.0), (13_996, 3003.0), (19_033, 4003.0))]


def _struck_high(clock: np.ndarray) -> list[Event]:
    return [_strike(clock, *each, 0.1) for each in ((5012, 2103.0), (11_031, 2903.0), (17_007, 2103.0))]


_LONG, _SHORT = _clock(2.4), _clock(1.5)
_SCENES: dict[str, Callable[[str], Scene]] = {
    "tone": lambda name: _scene(name, _LONG, _tones(_LONG, 1503.0)),
    "close-tones": lambda name: _scene(name, _LONG, _tones(_LONG, 1503.0, 1548.0)),
    "chirp": lambda name: _scene(name, _SHORT, _sweep(_SHORT, 400, 4600)),
    "sine-chirp": lambda name: _scene(name, _LONG, _wave(_LONG, 1500, 600, 1.0)),
    "crossing": lambda name: _scene(name, _LONG, _sweep(_LONG, 700, 4100), _sweep(_LONG, 4100, 700)),
    "clicks": lambda name: _scene(name, _LONG, 4007, 8031, 12_018, 16_040, 20_012),
    "am-tone": lambda name: _scene(name, _LONG, _am(_LONG)),
    "strikes": lambda name: _scene(name, _LONG, *_struck(_LONG)),
    "vibrato": lambda name: _scene(name, _LONG, _harmonics(_LONG, 340, 6)),
    "mix-tone-sine-clicks": lambda name: _scene(
        name, _LONG, _tones(_LONG, 3503.0), _wave(_LONG, 1300, 600, 1.0), 5007, 11_031, 17_018, mixture=True
    ),
    "mix-close-chirp-clicks": lambda name: _scene(
        name, _LONG, _tones(_LONG, 3503.0, 3548.0), _sweep(_LONG, 300, 2700), 5012, 11_040, 17_007, mixture=True
    ),
    "mix-vibrato-strikes-tone": lambda name: _scene(
        name, _LONG, _harmonics(_LONG, 300, 4), *_struck_high(_LONG), _tones(_LONG, 3803.0), mixture=True
    ),
}
NAMES = tuple(_SCENES)


def get_scene(name: str) -> Scene:
    """The scene of that name, one of NAMES."""
    return _SCENES[name](name)
