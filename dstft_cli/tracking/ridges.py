"""The strongest ridges, one after the other: the most probable path, peeled off, then refined below the bin."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import permutations

import numpy as np

from .crossings import uncrossed
from .demodulation import Demodulation
from .evidence import tone_evidence
from .lattice import Lattice, Motion
from .limits import middle_length, motion
from .plane import TrackedPlane
from .track import SURE, Track, Tracking
from .watching import Watch
from .windows import best_plane, mixed

_MOST = 8  # components that are looked for where their number is not given
_LEAST = 3.0  # window lengths that a component must be there for, to be one
_LOBE, _SKIRT = 2.0, 12.0  # reciprocals of the window's length: what is near a ridge, and what is about it
_FAINT, _CUT = 0.005, 0.05  # of its power: what is faint about it, and where the end of the recording cuts the window
_APART = 3.0  # reciprocals of the window's length from one ridge to another that it does not see
_CHANCE = 3.0  # nats beyond those that the best of all bins reaches in noise, at even odds
_USUAL = 1.5  # times the bend that nine of ten are below
_PART = 0.5  # of a ridge's usual evidence: less comes from windows that only reach to it
_SILENT = -0.5  # nats a frame where a ridge was peeled off: what noise says in the mean


def ridge_tracks(planes: Sequence[TrackedPlane], tracking: Tracking, watch: Watch) -> tuple[Track, TrackedPlane]:
    """The strongest ridges, the strongest first, and the frames under the windows that suit them best.

    planes: of T frames, each under other windows.
    tracking: with all limits.
    watch: told how far it is.
    """
    band = _band(planes[0], tracking)
    evidence = [(tone_evidence(plane.ratio) * plane.weight)[band].astype(np.float32) for plane in planes]
    moves = motion(tracking, planes, planes[0].spacing, len(evidence[0]))
    paths, sures = [], []
    most = tracking.components or _MOST
    for i in range(most):
        together = mixed(evidence)
        path = _strongest(together, moves, lambda share, i=i: watch("track", int(100 * (i + share)), 100 * most))
        watch("track", 100 * (i + 1), 100 * most)
        sure = _confidence(path, together, planes)
        if tracking.components is None and paths and not _lasts(sure, planes):
            break
        paths.append(path + band.start)
        sures.append(sure)
        for plane, own in zip(planes, evidence, strict=True):
            _peel(own, path, sure >= SURE, plane, band)
    middle = planes[len(planes) // 2]
    levels = np.stack([np.log(middle.at(path, middle.magnitude) + 1e-30) for path in paths])
    paths, confidence, near = uncrossed(np.stack(paths), np.stack(sures), levels, planes)
    plane = best_plane(planes, paths)
    lengths = [float(plane.theta.max()) for plane in planes]
    alone, hidden = _alone(paths * plane.spacing, near, confidence >= SURE, plane, max(lengths))
    confidence = _lasting(np.where(hidden, 0.0, confidence), round(middle_length(planes) / planes[0].hop / 2))
    readings = []
    for path, least, sure in zip(paths, alone, confidence >= SURE, strict=True):
        ridge, law = Demodulation(plane, least, sure), path * plane.spacing
        one = len(planes) == 1
        readings.append(ridge.under(law, plane.length_at(path)) if one else ridge.best(law, lengths[0], lengths[-1]))
    frequency, amplitude, spread = (
        np.stack([getattr(reading, name) for reading in readings]) for name in ("frequency", "amplitude", "spread")
    )
    order = np.argsort(-(np.square(amplitude) * confidence).sum(1), kind="stable")
    frequency = np.where(confidence >= SURE, frequency, paths * plane.spacing)
    lines = (np.clip(frequency, 0, plane.frequencies[-1]), amplitude, confidence, spread)
    return Track(plane.times, *(line[order] for line in lines), tracking), plane


def _lasting(confidence: np.ndarray, least: int) -> np.ndarray:
    """The confidence (C, T) without that of stretches of fewer frames than so many: a part of a window is no ridge."""
    confidence = confidence.copy()
    for line in confidence:
        edges = np.flatnonzero(np.diff(np.concatenate([[False], line >= SURE, [False]]).astype(np.int8)))
        for first, last in edges.reshape(-1, 2):
            if last - first < least:
                line[first:last] = 0.0
    return confidence


def _alone(
    laws: np.ndarray, near: np.ndarray, sure: np.ndarray, plane: TrackedPlane, longest: float
) -> tuple[np.ndarray, np.ndarray]:
    """How long a window must be to see each ridge alone, and where a ridge cannot be told from one found before it.

    laws: Hz, (C, T), in the order in which they were found.
    near: (C, T) bool, where ridges cross.
    sure: (C, T) bool, where they are there.
    plane: their frames.
    longest: window length in samples.

    Returns samples, (C, T), inf where no window is long enough; and (C, T) bool.
    """
    reach, half = _APART * plane.sample_rate, plane.sample_rate / 2
    around = max(1, round(plane.middle / plane.sample_rate / plane.hop / 2))
    alone = reach / (2 * np.maximum(np.minimum(laws, half - laws), plane.spacing))  # of its own mirror image
    hidden = np.zeros(laws.shape, dtype=bool)
    alone = np.minimum(alone, longest)
    for one, other in permutations(range(len(laws)), 2):
        apart = np.maximum(np.abs(laws[one] - laws[other]), 1e-9)
        needed = _greatest_about(np.where(sure[other], reach / apart, 0.0), around)
        hidden[one] |= sure[other] & (other < one) & (reach / apart > longest)
        alone[one] = np.maximum(alone[one], needed)
    return np.where(near | (alone > longest), np.inf, alone), hidden & ~near


def _strongest(evidence: np.ndarray, moves: Motion, done: Callable[[float], object]) -> np.ndarray:
    """The row of the most probable path in each frame, (T,): as ridges bend in general, or as this one does, whichever is likelier.

    done: called with the share of the work that is done, from 0 to 1.
    """
    lattice = Lattice(evidence, moves)
    rows = lattice.path(lambda step: done(step / len(lattice) / 2))
    if len(rows) > 2:
        usual = max(0.5, _USUAL * float(np.quantile(np.abs(np.diff(rows, 2)), 0.9)))
        again = Lattice(evidence, replace(moves, change=usual))
        own = again.path(lambda step: done((1 + step / len(again)) / 2))
        rows = own if again.score(own) > lattice.score(rows) else rows
    return np.interp(np.arange(evidence.shape[1]), lattice.ends, rows)


def _band(plane: TrackedPlane, tracking: Tracking) -> slice:
    rows = plane.frequencies
    return slice(int(np.searchsorted(rows, tracking.fmin)), int(np.searchsorted(rows, tracking.fmax, side="right")))


def _confidence(path: np.ndarray, evidence: np.ndarray, planes: Sequence[TrackedPlane]) -> np.ndarray:
    """That there is a tone on the path, (T,), by the evidence about each frame against that of chance.

    It is that of the longest window's length, where half of the frames within a middle window's length have a fair part of it: a path
    from one tone to another is not taken for a tone, however loud those are; nor is what windows see of it before it begins.
    """
    rows, frames = np.rint(path).astype(int), np.arange(len(path))
    around = np.clip(rows + np.arange(-1, 2)[:, None], 0, len(evidence) - 1)
    along = evidence[around, frames].max(0)
    wide, narrow = (
        max(1, round(length / planes[0].hop / 2))
        for length in (max(plane.length for plane in planes), middle_length(planes))
    )
    needed = (np.log(len(evidence)) + _CHANCE) / (2 * wide + 1)
    mean = _about(along, wide)
    enough = np.maximum(needed, _PART * mean)
    fair = 2 * needed * _about(np.minimum(along / enough, 1.0), narrow)
    mean = np.minimum(mean, -_greatest_about(-fair, narrow // 2))
    return 1 / (1 + np.exp(np.clip((needed - mean) * (2 * wide + 1), -50, 50)))


def _about(values: np.ndarray, half: int) -> np.ndarray:
    """The means of values (T,) over up to half frames before and after each."""
    sums, frames = np.concatenate([[0.0], np.cumsum(values)]), np.arange(len(values))
    first, last = np.maximum(frames - half, 0), np.minimum(frames + half + 1, len(values))
    return (sums[last] - sums[first]) / (last - first)


def _greatest_about(values: np.ndarray, half: int) -> np.ndarray:
    """The greatest of values (T,) within half frames of each."""
    padded = np.pad(values, half, constant_values=-np.inf)
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1).max(1)


def _lasts(sure: np.ndarray, planes: Sequence[TrackedPlane]) -> bool:
    """Whether a component is there for some window lengths."""
    return float((sure >= SURE).sum()) * planes[0].hop >= _LEAST * middle_length(planes)


def _peel(evidence: np.ndarray, path: np.ndarray, there: np.ndarray, plane: TrackedPlane, band: slice) -> None:
    """Take a ridge out of a plane's evidence (K, T) where it is there: what is left says nothing, so that another may cross."""
    half = plane.length * plane.sample_rate / 2
    seen = np.minimum(plane.positions, len(plane.framed.samples) - plane.positions) / half
    cut = np.clip(
        1 - seen, 0, 1
    )  # of half a window lies beyond the recording: its lobe is wider then, and its skirts are high
    lobe = plane.lobe(path + band.start) * (1 + cut)
    far = _neighbours(np.where(there, path, np.nan), max(1, round(plane.length / plane.hop / 2))) - path
    bent = np.nan_to_num(np.abs(far)).max(0)  # within the window: the lobe is as much wider
    distance = np.abs(np.arange(len(evidence))[:, None] - path)
    top = plane.at(path + band.start, plane.ratio) * np.where(cut > 0, _CUT, _FAINT)
    near = (distance <= _LOBE * lobe + bent) | ((distance <= _SKIRT * lobe + bent) & (plane.ratio[band] < top))
    near &= there
    evidence[near] = np.minimum(evidence, _SILENT * plane.weight)[near]


def _neighbours(path: np.ndarray, half: int) -> np.ndarray:
    """The path up to half frames before and after each frame, (5, T); the ends are repeated."""
    frames = np.arange(len(path))
    return np.stack([path[np.clip(frames + round(share * half), 0, len(path) - 1)] for share in (-1, -0.5, 0, 0.5, 1)])
