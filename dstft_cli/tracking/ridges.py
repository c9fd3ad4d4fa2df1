"""The strongest ridges, one after the other: the most probable path, peeled off, then refined below the bin."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from ..stft.phase.reassignment import Coordinates, coordinates
from .crossings import uncrossed
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
_TONAL = 0.2  # of a reciprocal of the window's length: the neighbours of a tone's bin agree that well on its frequency
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
    theta = torch.tensor(plane.theta, dtype=plane.framed.samples.dtype)
    phases = coordinates(plane.framed, theta, torch.tensor(plane.spectrum))
    found = [_refined(path, plane, phases) for path in paths]
    frequency, spread, amplitude = (np.stack(lines) for lines in zip(*found, strict=True))
    frequency = np.where(near, paths * plane.spacing, frequency)
    confidence = np.stack(sures)
    order = np.argsort(-(np.square(amplitude) * confidence).sum(1), kind="stable")
    lines = (frequency, amplitude, confidence, spread)
    return Track(plane.times, *(line[order] for line in lines), tracking), plane


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


def _refined(path: np.ndarray, plane: TrackedPlane, phases: Coordinates) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frequency in Hz, its standard deviation, and the amplitude, (T,) each, near a path in bins.

    Where the neighbours of the ridge's bin agree on the frequency that their phases tell, it is that, brought from the time that it
    belongs to to that of the frame along the ridge's slope. Elsewhere it is the vertex of a parabola on log |S|.
    """
    frames, lobe = np.arange(len(path)), plane.lobe(path)
    peak = _local_peak(plane.magnitude, path, 0.5 * lobe)
    sides = [np.log(plane.magnitude[peak + side, frames] + 1e-30) for side in (-1, 0, 1)]
    bend = sides[0] - 2 * sides[1] + sides[2]
    offset = np.clip(0.5 * (sides[0] - sides[2]) / np.where(bend < 0, bend, -np.inf), -0.5, 0.5)
    height = np.exp(sides[1] - 0.25 * (sides[0] - sides[2]) * offset)
    slope = np.gradient(path) / (plane.hop * plane.sample_rate)  # bins a sample
    told = np.stack([phases.bins[peak + side, frames] for side in (-1, 0, 1)])
    told -= slope * (np.stack([phases.times[peak + side, frames] for side in (-1, 0, 1)]) - plane.positions)
    tonal = (np.ptp(told, axis=0) <= np.maximum(_TONAL * lobe, 0.02)) & (np.abs(told[1] - peak) <= 0.5 * lobe + 0.5)
    found = np.clip(np.where(tonal, told[1], peak + offset), 0, len(plane.magnitude) - 1)
    strength = np.maximum(plane.ratio[peak, frames], 1.0)
    return found * plane.spacing, lobe * plane.spacing / np.sqrt(12 * strength), 2 * height


def _local_peak(magnitude: np.ndarray, path: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """The strongest bin of each frame within so many bins of a path, (T,), not at the ends."""
    most = max(1, int(np.ceil(reach.max())))
    around = np.rint(path).astype(int) + np.arange(-most, most + 1)[:, None]
    inside = (np.abs(around - path) <= np.maximum(reach, 1)) & (around >= 1) & (around < len(magnitude) - 1)
    values = magnitude[np.clip(around, 0, len(magnitude) - 1), np.arange(len(path))]
    rows = around[np.where(inside, values, -1).argmax(0), np.arange(len(path))]
    return np.clip(rows, 1, len(magnitude) - 2)
