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
_LEAST = 4.0  # window lengths that a component must be there for, to be one
_LOBE, _SKIRT, _FAINT = (
    2.0,
    12.0,
    0.005,
)  # reciprocals of the window's length: what is near a ridge, and what is faint about it
_APART = 3.0  # reciprocals of the window's length from one ridge to another that it does not see
_CHANCE = 3.0  # nats beyond those that the best of all bins reaches in noise, at even odds
_USUAL = 1.5  # times the bend that nine of ten are below
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
            _peel(own, path, plane, band)
    paths, near = uncrossed(np.stack(paths), planes)
    plane = best_plane(planes, paths)
    lengths = [float(plane.theta.max()) for plane in planes]
    alone, hidden = _alone(paths * plane.spacing, near, np.stack(sures) >= SURE, max(lengths) / plane.sample_rate)
    confidence = np.where(hidden, 0.0, np.stack(sures))
    readings = []
    for path, least, sure in zip(paths, alone * plane.sample_rate, confidence >= SURE, strict=True):
        ridge, law = Demodulation(plane, least, sure), path * plane.spacing
        one = len(planes) == 1
        readings.append(ridge.under(law, plane.length_at(path)) if one else ridge.best(law, lengths[0], lengths[-1]))
    frequency, amplitude, spread = (
        np.stack([getattr(reading, name) for reading in readings]) for name in ("frequency", "amplitude", "spread")
    )
    order = np.argsort(-(np.square(amplitude) * confidence).sum(1), kind="stable")
    lines = (np.clip(frequency, 0, plane.frequencies[-1]), amplitude, confidence, spread)
    return Track(plane.times, *(line[order] for line in lines), tracking), plane


def _alone(laws: np.ndarray, near: np.ndarray, sure: np.ndarray, longest: float) -> tuple[np.ndarray, np.ndarray]:
    """How long a window must be to see each ridge alone, and where a ridge cannot be told from one found before it.

    laws: Hz, (C, T), in the order in which they were found.
    near: (C, T) bool, where ridges cross.
    sure: (C, T) bool, where they are there.
    longest: window length in s.

    Returns s, (C, T), inf where no window is long enough; and (C, T) bool.
    """
    alone, hidden = np.zeros(laws.shape), np.zeros(laws.shape, dtype=bool)
    for one, other in permutations(range(len(laws)), 2):
        needed = np.where(sure[other], _APART / np.maximum(np.abs(laws[one] - laws[other]), 1e-9), 0.0)
        alone[one] = np.maximum(alone[one], needed)
        if other < one:
            hidden[one] |= needed > longest
    return np.where(near | (alone > longest), np.inf, alone), hidden & ~near


def _strongest(evidence: np.ndarray, moves: Motion, done: Callable[[float], object]) -> np.ndarray:
    """The row of the most probable path in each frame, (T,), found twice: the second time bends as this recording's do are usual.

    done: called with the share of the work that is done, from 0 to 1.
    """
    lattice = Lattice(evidence, moves)
    rows = lattice.path(lambda step: done(step / len(lattice) / 2))
    usual = _USUAL * float(np.quantile(np.abs(np.diff(rows, 2)), 0.9)) if len(rows) > 2 else moves.change
    if max(0.5, usual) < moves.change:
        again = Lattice(evidence, replace(moves, change=max(0.5, usual)))
        rows = again.path(lambda step: done((1 + step / len(again)) / 2))
    return np.interp(np.arange(evidence.shape[1]), lattice.ends, rows)


def _band(plane: TrackedPlane, tracking: Tracking) -> slice:
    rows = plane.frequencies
    return slice(int(np.searchsorted(rows, tracking.fmin)), int(np.searchsorted(rows, tracking.fmax, side="right")))


def _confidence(path: np.ndarray, evidence: np.ndarray, planes: Sequence[TrackedPlane]) -> np.ndarray:
    """That there is a tone on the path, (T,), by the evidence of a window's length about each frame against that of chance."""
    rows, frames = np.rint(path).astype(int), np.arange(len(path))
    around = np.clip(rows + np.arange(-1, 2)[:, None], 0, len(evidence) - 1)
    along = evidence[around, frames].max(0)
    half = max(1, round(max(plane.length for plane in planes) / planes[0].hop / 2))
    sums = np.concatenate([[0.0], np.cumsum(along)])
    first, last = np.maximum(frames - half, 0), np.minimum(frames + half + 1, len(path))
    total = (sums[last] - sums[first]) * (2 * half + 1) / (last - first)
    return 1 / (1 + np.exp(np.clip(np.log(len(evidence)) + _CHANCE - total, -50, 50)))


def _lasts(sure: np.ndarray, planes: Sequence[TrackedPlane]) -> bool:
    """Whether a component is there for some window lengths."""
    return float((sure >= SURE).sum()) * planes[0].hop >= _LEAST * middle_length(planes)


def _peel(evidence: np.ndarray, path: np.ndarray, plane: TrackedPlane, band: slice) -> None:
    """Take a ridge out of a plane's evidence (K, T): what is left there says nothing, so that another may cross."""
    lobe = plane.lobe(path + band.start)
    seen = np.abs(_neighbours(path, max(1, round(plane.length / plane.hop / 2))) - path).max(
        0
    )  # within a window: it is as wide
    distance = np.abs(np.arange(len(evidence))[:, None] - path)
    top = plane.at(path + band.start, plane.ratio)
    near = (distance <= _LOBE * lobe + seen) | ((distance <= _SKIRT * lobe + seen) & (plane.ratio[band] < _FAINT * top))
    evidence[near] = np.minimum(evidence, _SILENT * plane.weight)[near]


def _neighbours(path: np.ndarray, half: int) -> np.ndarray:
    """The path up to half frames before and after each frame, (5, T); the ends are repeated."""
    frames = np.arange(len(path))
    return np.stack([path[np.clip(frames + round(share * half), 0, len(path) - 1)] for share in (-1, -0.5, 0, 0.5, 1)])
