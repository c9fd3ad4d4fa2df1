"""Which window lengths a recording needs: a survey of pairs of neighbouring lengths, from 8 samples to a quarter of the signal.

For each pair, half an octave apart, ``pair_evidence`` says at each place of the plane which length shows it sharper. A place
prefers one of the two where its evidence exceeds what 98 % of the places of white noise show. The shares of places that prefer
the longer and the shorter length are weighed half by the root of the energy there and half by the energy over its median at
that frequency, so that faint and rare events count.

A long recording is surveyed in parts: in each of some equal stretches the loudest one.
"""

import math
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, pairwise

import numpy as np
import torch
from torch import Tensor

from ..recordings.detrend import inner_product
from ..recordings.lazy_samples import LazySamples
from ..recordings.signal import Signal
from ..stft.windows import Window
from .local_entropy.box_mask import BoxMask
from .local_entropy.pair_evidence import Comparison, Samples, compare_lengths, powers

SHORTEST, LONGEST = 8, 2**16  # samples: the lengths surveyed, at most a quarter of the signal
STEPS = 2  # lengths per octave
_LEAST_READ, _MOST_READ, _READ = 2**15, 2**17, 512  # samples of a pair: at least, at most, per sample of its length
_PARTS, _PER_PART = 16, 12  # parts at most; their least length in windows
_CANDIDATES, _LAZY_CANDIDATES = 9, 2  # for the loudest part of a stretch; in a file, where reading costs more
_QUANTILE, _STRONG = 0.98, 2  # of evidence in white noise; how many times it counts as strong
_SEEN = 1e-7  # of the loudest place: quieter frequencies count as silence
_CALIBRATED = 64  # samples: longer windows all behave alike in white noise


@dataclass(frozen=True)
class Preferences:
    """What the places of a recording prefer, for n pairs of neighbouring window lengths.

    lengths: (n + 1,) in samples, increasing.
    longer, shorter: (n,) shares of places that prefer the longer, or the shorter, length of a pair.
    strong: (n,) the larger one of the shares whose evidence is twice that.
    """

    lengths: np.ndarray
    longer: np.ndarray
    shorter: np.ndarray
    strong: np.ndarray


_KNOWN: "weakref.WeakKeyDictionary[Signal, dict[str, Preferences]]" = weakref.WeakKeyDictionary()


def survey(signal: Signal, window: Window) -> Preferences:
    """The preferences of a recording. It is computed once for each Signal and window family."""
    known = _KNOWN.setdefault(signal, {})
    if window.name not in known:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # the planes are small; the outcome does not depend on the number of threads then
        try:
            known[window.name] = _survey(signal, window)
        finally:
            torch.set_num_threads(threads)
    return known[window.name]


def _survey(signal: Signal, window: Window) -> Preferences:
    longest = min(LONGEST, len(signal.samples) / 4)
    pairs = max(0, int(STEPS * math.log2(max(1.0, longest / SHORTEST))))
    lengths = SHORTEST * 2.0 ** (np.arange(pairs + 1) / STEPS)
    shares = [_shares(signal, pair, window) for pair in pairwise(lengths.tolist())]
    longer, shorter, strong = np.array(shares).reshape(pairs, 3).T
    return Preferences(lengths, longer, shorter, strong)


def _shares(signal: Signal, pair: tuple[float, float], window: Window) -> tuple[float, float, float]:
    """The shares of places that prefer the longer and the shorter length, and the larger one of those that do so strongly."""
    mask = BoxMask.of(signal)
    evidence, energy, inside = _compare(_parts(signal, mask, pair[1]), pair, window, mask)
    centre, spread = _in_white_noise(min(pair[0], _CALIBRATED), window)
    excess = (evidence - centre) / spread
    middle = (energy.shape[1] - 1) // 2  # torch takes four times as long to find it
    median = torch.from_numpy(np.partition(energy.numpy(), middle, axis=1)[:, middle, None])
    loud, rare = energy.sqrt(), energy / (median + _SEEN * energy.max() + 1e-30)
    loud, rare = loud * inside, rare * inside
    weight = loud / (loud.sum() + 1e-30) + rare / (rare.sum() + 1e-30)
    up, down, most_up, most_down = (
        float((weight * (sign * excess > limit)).sum()) / 2 for limit in (1, _STRONG) for sign in (1, -1)
    )
    return up, down, max(most_up, most_down)


@lru_cache(maxsize=256)
def _in_white_noise(length: float, window: Window) -> tuple[float, float]:
    """The mean of the evidence in white noise, and the distance from it that 98 % of the places keep."""
    noise = np.random.default_rng(2).standard_normal(2**14 if length < _CALIBRATED else 2**15)
    evidence, _, _ = _compare([(0, noise)], (length, length * 2 ** (1 / STEPS)), window)
    return float(evidence.mean()), float((evidence - evidence.mean()).abs().quantile(_QUANTILE))


def _compare(
    parts: list[tuple[int, np.ndarray]], pair: tuple[float, float], window: Window, mask: BoxMask | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Evidence for the longer length, energy, and whether it counts, at the places of all parts, (f, t) each.

    parts: first sample, and samples, of each.
    mask: the boxes that count; None for all.
    """
    groups = [tuple(zip(*alike, strict=True)) for _, alike in groupby(parts, key=lambda part: len(part[1]))]
    readers = [(_reader(np.stack(samples)), len(samples[0])) for _, samples in groups]
    greatest = max(_greatest(read, count, pair[1], window) for read, count in readers)
    if not greatest > 0:
        return torch.zeros(1, 1), torch.zeros(1, 1), torch.ones(1, 1)
    found = [compare_lengths(read, count, (0, count), pair, window, greatest) for read, count in readers]
    evidence, energy = (torch.cat([getattr(one, name) for one in found], 1) for name in ("evidence", "energy"))
    if mask is None:
        return evidence, energy, torch.ones(1, 1)
    inside = [_inside(mask, one, firsts) for one, (firsts, _) in zip(found, groups, strict=True)]
    return evidence, energy, torch.cat(inside, 1)


def _inside(mask: BoxMask, found: Comparison, firsts: Sequence[int]) -> Tensor:
    """1 for places of a comparison in a box, 0 for others, (f, B·t). firsts: the samples that its B parts begin at."""
    rows, columns = found.evidence.shape
    times = found.start + np.arange(columns // len(firsts)) * found.time_step
    steps = found.frequency_step, found.time_step
    return torch.cat([mask.at(np.arange(rows) * steps[0], first + times, steps) for first in firsts], 1)


def _greatest(read: Samples, count: int, length: float, window: Window) -> float:
    """About the greatest power of parts under one window, on a coarse grid."""
    hop = max(1, int(length / 2))
    support = max(4, 2 ** math.ceil(math.log2(length)))
    return float(powers(read, count, (0, count // hop + 1), hop, support, (length,), window)[0].max())


def _parts(signal: Signal, mask: BoxMask | None, length: float) -> list[tuple[int, np.ndarray]]:
    """The parts of a recording that are surveyed with windows of that length, in units of their common peak, each with its first
    sample.

    From each its least-squares line is removed, so that an offset or a slow drift decides nothing.
    """
    samples, count = signal.samples, len(signal.samples)
    spans = _spans(samples, count, length) if mask is None else _box_spans(mask, count, length)
    parts = [(first, _level(np.asarray(samples[first:last], dtype=np.float64))) for first, last in spans]
    peak = max(float(np.abs(part).max()) for _, part in parts)
    return [(first, part / peak) for first, part in parts] if peak > 0 else parts


def _level(part: np.ndarray) -> np.ndarray:
    """The part less its least-squares line; all zero where only rounding would be left."""
    time = np.arange(len(part)) - (len(part) - 1) / 2
    mean = part.mean()
    slope = inner_product(time, part - mean) / max(inner_product(time, time), 1.0)
    rest = part - mean - slope * time
    return rest if np.abs(rest).max() > 1e-12 * np.abs(part).max() else np.zeros_like(rest)


def _spans(samples, count: int, length: float) -> Iterator[tuple[int, int]]:
    """(first, last + 1) of the parts."""
    most = int(min(_MOST_READ, max(_LEAST_READ, _READ * length)))
    size = int(min(count, max(most // _PARTS, min(_PER_PART * length, _MOST_READ), 4 * length)))
    parts = max(1, min(count // size, most // size))
    if count <= 1.4 * parts * size:
        yield 0, min(count, max(2 * _MOST_READ, size))
        return
    candidates = _LAZY_CANDIDATES if isinstance(samples, LazySamples) else _CANDIDATES
    edges = np.linspace(0, count, parts + 1).astype(int)
    for begin, end in pairwise(edges):
        starts = np.linspace(begin, end - size, candidates).astype(int)
        first = int(max(starts, key=lambda start: np.var(samples[start : start + size])))
        yield first, first + size


def _box_spans(mask: BoxMask, count: int, length: float) -> list[tuple[int, int]]:
    """(first, last + 1) of parts about some of the boxes, each with room for windows of that length on either side."""
    boxes = mask.boxes[:: math.ceil(len(mask.boxes) / _PARTS)]
    spans = []
    for box in boxes:
        first, last = ((end - mask.start) * mask.rate for end in (box.start, box.end))
        middle, half = (first + last) / 2, max((last - first) / 2 + length, 2 * length)
        half = min(half, _MOST_READ)
        begin = max(0, min(int(middle - half), count - math.ceil(2 * half)))
        spans.append((begin, min(count, begin + math.ceil(2 * half))))
    return spans


def _reader(parts: np.ndarray) -> Samples:
    return lambda first, last: torch.as_tensor(parts[:, first:last], dtype=torch.float32)
