"""The range of window lengths that a recording needs, from what its places prefer, and what is affordable of it."""

import math
from dataclasses import dataclass

import numpy as np

from .range_survey import Preferences

LEAST_RATIO, MOST_RATIO = 8, 64  # of the longest to the shortest window
_WISH = 16  # the ratio is at least that where it is affordable
_QUIET, _QUIET_PAIRS = 0.03, 6  # shares of less, over three octaves of lengths, are those of noise
_FAINT, _FAINT_PAIRS = 0.032, 4  # strong shares of less, in the mean over two octaves, are too
_LONGER, _LEAST_LONGER, _MOST_LONGER = (
    0.12,
    0.02,
    0.10,
)  # share that makes a length worth while, of the greatest share; its bounds
_SHORTER, _GAP = 0.035, 3  # the same for short lengths; pairs of less that end the search
_IDLE, _BARRIER = 4, 1.5  # pairs of a barrier; how far the balance falls, in pairs that prefer one length altogether
_LEAST_LONGEST, _LEAST_SHORTEST = 64, 8.0  # samples
_HALF_STEP = math.sqrt(2)
_HOPS = 4, 3  # hops to the shortest window where that is affordable; else 2


@dataclass(frozen=True)
class Given:
    """The lengths that the user chose, in samples; None for those to be chosen.

    theta_share, hop_share: shortest window and hop as fractions of the support, where they were given so.
    """

    support: int | None = None
    theta: float | None = None
    theta_min: float | None = None
    hop: float | None = None
    theta_share: float | None = None
    hop_share: float | None = None

    def shortest(self, support: float) -> float | None:
        """The shortest window that was given."""
        return self.theta_min if self.theta_share is None else self.theta_share * support

    def step(self, support: float) -> float | None:
        """The hop that was given."""
        return self.hop if self.hop_share is None else self.hop_share * support


@dataclass(frozen=True)
class LengthRange:
    """A range of window lengths; all lengths in samples.

    support: the longest window and DFT size, even.
    theta_min: the shortest window.
    hop: step from frame to frame.
    why: where the range comes from, in a few words.
    limit: what kept it narrower than wanted, "memory" or "time"; "" for nothing.
    longer_wanted, shorter_wanted: a longer and a shorter window that would have been used without the limit; None for none.
    """

    support: int
    theta_min: float
    hop: float
    why: str
    limit: str = ""
    longer_wanted: float | None = None
    shorter_wanted: float | None = None


def choose_range(
    preferences: Preferences, samples: int, bins: tuple[float, str], given: Given = Given()
) -> LengthRange | None:
    """The range of window lengths for a recording; None where nothing but noise is seen.

    preferences: of its places.
    samples: N.
    bins: how many bins the plane may have, and what limits them: "memory" or "time". The ratio of the lengths is never
        reduced below LEAST_RATIO for that.
    given: the lengths that are settled.
    """
    if _is_noise(preferences):
        return None
    low, high = _wanted(preferences, samples)
    high = _settled_longest(high, samples, given)
    wish = _settled_shortest(low, high, given)
    low, high = _fit(preferences, wish, high, samples, math.inf, given)
    wanted = low, high
    low, high = _fit(preferences, low, high, samples, bins[0], given)
    limited = bins[1] if (low, high) != wanted else ""
    if given.shortest(high) is None:
        low = min(max(_nearest(low), high / MOST_RATIO), max(low, high / LEAST_RATIO))
    if given.theta is not None and given.shortest(high) is None:
        low = min(low, given.theta)
    hop = given.step(high) or _hop(low, high, samples, bins[0])
    return LengthRange(
        int(high),
        float(low),
        float(hop),
        "chosen from the recording",
        limited,
        wanted[1] if limited and wanted[1] > 1.1 * high else None,
        wanted[0] if limited and wanted[0] < low / 1.25 else None,
    )


def _is_noise(preferences: Preferences) -> bool:
    """Whether the recording shows nothing but noise, of any colour: over three octaves no length is better than another.

    Coloured noise prefers longer windows up to the length of its correlation, and a drifting level shorter ones than the drift;
    between them nothing is preferred. Events and lines leave no such gap.
    """
    share = np.maximum(preferences.longer, preferences.shorter)
    if not len(share):
        return True
    pairs = min(_FAINT_PAIRS, len(share))
    if np.convolve(preferences.strong, np.full(pairs, 1 / pairs), "valid").max() < _FAINT:
        return True
    run = longest = 0
    for quiet in share < _QUIET:
        run = run + 1 if quiet else 0
        longest = max(longest, run)
    return longest >= min(_QUIET_PAIRS, len(share))


def _wanted(preferences: Preferences, samples: int) -> tuple[float, float]:
    """The shortest and the longest window that a sufficient share of places prefers."""
    lengths, longer, shorter = preferences.lengths, preferences.longer, preferences.shorter
    least = np.clip(_LONGER * longer.max(), _LEAST_LONGER, _MOST_LONGER)
    net = np.concatenate([[0.0], np.cumsum(longer - shorter)])
    worth = np.flatnonzero((longer >= least) & _before_barrier(net, longer < least))
    high = 2 ** (1 / 4) * lengths[worth[-1] + 1] if len(worth) else 0.0
    room = max(_below(samples / 8), min(_LEAST_LONGEST, _below(samples / 4)))
    high = min(_nearest(max(high, _LEAST_LONGEST)), room)
    return max(_LEAST_SHORTEST, min(_shortest(preferences, int(net.argmax())), high / _WISH)), high


def _before_barrier(net: np.ndarray, idle: np.ndarray) -> np.ndarray:
    """Which pairs are not beyond a barrier: two octaves that few places want to cross, and a fall of the balance.

    Beyond it, windows see the rhythm of a train of events as lines. That counts where the balance makes up half of the fall.

    net: (n + 1,) the balance of preferences up to each length, longer less shorter.
    idle: (n,) pairs whose longer length few prefer.
    """
    peak = bottom = net[0]
    misses, barred, before = 0, False, []
    for value, few in zip(net[1:], idle, strict=True):
        peak, bottom = (value, value) if value >= peak else (peak, min(bottom, value))
        misses = misses + 1 if few else 0
        barred |= misses >= _IDLE and peak - bottom > _BARRIER
        barred &= value - bottom < (peak - bottom) / 2 or value == bottom
        before.append(not barred)
    return np.array(before)


def _shortest(preferences: Preferences, best: int) -> float:
    """From the best constant length down: the shortest one that enough places prefer, without a gap."""
    shorter = preferences.shorter
    first, misses = best, 0
    for pair in range(min(best, len(shorter) - 1), -1, -1):
        misses = 0 if shorter[pair] >= _SHORTER else misses + 1
        if misses == 0:
            first = pair
        if misses >= _GAP:
            break
    return float(preferences.lengths[first])


def _settled_longest(high: float, samples: int, given: Given) -> float:
    """The longest window with what is given."""
    if given.support is not None:
        return float(given.support)
    shortest = max(given.theta_min or 0, 2 * (given.hop or 0))
    if shortest:
        high = max(high, min(_nearest(LEAST_RATIO * shortest), max(_below(samples / 4), 2)))
    least = max(given.theta_min or 2, given.theta or 2, given.hop or 2)
    return float(max(high, 2 * math.ceil(least / 2)))


def _settled_shortest(low: float, high: float, given: Given) -> float:
    """The shortest window with what is given."""
    shortest, hop = given.shortest(high), given.step(high)
    if shortest is not None:
        return shortest
    low = min(low, high / _WISH)
    low = low if hop is None else max(low, hop, min(2 * hop, high / LEAST_RATIO))
    return max(min(_LEAST_SHORTEST, high / LEAST_RATIO), 2.0, min(low, high))


def _fit(
    preferences: Preferences, low: float, high: float, samples: int, bins: float, given: Given
) -> tuple[float, float]:
    """The range narrowed to the ratio and the bins allowed: half an octave at a time, the side that fewer places miss."""
    top_free, low_free = given.support is None, given.shortest(high) is None
    if given.theta is not None or given.theta_share is not None or given.hop_share is not None:
        top_free = False
    while high / low > LEAST_RATIO * 1.001 and (high / low > MOST_RATIO or _bins(low, high, samples, given) > bins):
        less = float(_nearest(high / _HALF_STEP))
        if (
            top_free
            and less >= LEAST_RATIO * low
            and (not low_free or _missed_above(preferences, high) < _missed_below(preferences, low))
        ):
            high = less
        elif low_free:
            low = min(low * _HALF_STEP, high / LEAST_RATIO)
        else:
            break
    return low, high


def _missed_above(preferences: Preferences, high: float) -> float:
    """The share of places that miss the upper half octave; those that prefer the shorter length count against it."""
    at = _pair_at(preferences, high / 2 ** (1 / 4))
    longer, shorter = preferences.longer[at], preferences.shorter[at]
    return float(longer**2 / (longer + shorter + 1e-9))


def _missed_below(preferences: Preferences, low: float) -> float:
    """The share of places that miss the lower half octave, likewise."""
    at = _pair_at(preferences, low * 2 ** (1 / 4))
    longer, shorter = preferences.longer[at], preferences.shorter[at]
    return float(shorter**2 / (longer + shorter + 1e-9))


def _pair_at(preferences: Preferences, length: float) -> int:
    middles = np.sqrt(preferences.lengths[:-1] * preferences.lengths[1:])
    return int(np.abs(np.log(middles / length)).argmin())


def _bins(low: float, high: float, samples: int, given: Given) -> float:
    hop = given.step(high) or max(1, int(low / 2))
    return high / 2 * samples / hop


def _hop(low: float, high: float, samples: int, bins: float) -> int:
    """The smallest affordable fraction of the shortest window, at most half of it."""
    share = next((share for share in _HOPS if share * high / 2 / low * samples <= bins), 2)
    return max(1, int(low / share))


def _nearest(length: float) -> int:
    """The nearest 2^k or 3·2^k that is even."""
    return min((_below(length), _above(length)), key=lambda one: abs(math.log(one / length)))


def _below(length: float) -> int:
    """The greatest even 2^k or 3·2^k that is not above, at least 2."""
    power = 2 ** int(math.log2(max(length, 2)))
    return power * 3 // 2 if power >= 4 and power * 3 // 2 <= length else power


def _above(length: float) -> int:
    """The next even 2^k or 3·2^k above _below."""
    below = _below(length)
    power = 2 ** int(math.log2(below))
    return 2 * power if below > power or power < 4 else power * 3 // 2
