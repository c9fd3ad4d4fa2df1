"""Spectrograms of one signal against each other, in figures: constant windows and what runs have found.

Energy. A tone reads the same under every window of unit area, but noise and clicks have less |S|² under longer ones. So what
counts as the energy of a point is

    E = |S|² θ a

with θ its window length, as for windows of equal energy, and a its cell, the part of the plane that is nearer to it
than to any other point, in s·Hz. What a tone, a click or noise has of it is then the same under every window, and all cells together
are the length of the signal times fs/2, however many points there are and wherever frames lie. With p = E / Σ E:

    concentration          A Σ p²/a with A = Σ a. Jones and Parks' measure (IEEE TASSP 38, 1990), Σ P² / (Σ P)² for P = |S|² θ, of
                           the whole plane instead of each point's surroundings, times the number of points (A, where cells
                           differ): 1 is energy spread evenly, 2 white noise, and a finer grid changes nothing
    occupied area          exp(-Σ p log(p/a)): an area evenly filled with energy of the same entropy; s·Hz
    mean window length     exp(Σ p log θ)

Resolution is that of the window family g at the mean window length θ (Harris, Proc. IEEE 66, 1978):

    time                   equivalent duration, θ/fs ∫g² / max g²
    frequency              equivalent noise bandwidth, fs/θ ∫g² / (∫g)²
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..config.loading import merge_config
from ..errors import InputError
from ..optimization.criteria import entropy, kurtosis, renyi
from ..optimization.problem import Problem
from ..recordings.signal import Signal
from ..results.in_memory import load_into_memory
from ..results.result import Result, reference
from ..stft.windows import Window
from ..text import time_text

_PROFILE_POINTS = 20_000
_TINY = np.finfo(np.float64).tiny
_LOCAL = "concentration"  # the criterion that one plane does not tell


@dataclass(frozen=True)
class Candidate:
    """One spectrogram of a comparison.

    label: which one it is. magnitude: |S| (F, T). theta: window lengths in samples; broadcasts to (F, T).
    positions: (T,) samples, increasing. support: L in samples. samples: N. sample_rate: Hz.
    """

    label: str
    magnitude: np.ndarray
    theta: np.ndarray
    positions: np.ndarray
    support: int
    window: Window
    samples: int
    sample_rate: float

    @property
    def times(self) -> np.ndarray:
        """Frame centres in s from the first sample, (T,)."""
        return self.positions / self.sample_rate

    @property
    def frequencies(self) -> np.ndarray:
        """Bin centres in Hz, (F,)."""
        return np.arange(len(self.magnitude)) * (self.sample_rate / self.support)

    @property
    def cells(self) -> np.ndarray:
        """The area a that each point stands for, in s·Hz, (F, T)."""
        heights = _nearest(self.frequencies, self.sample_rate / 2)
        return heights[:, None] * _nearest(self.times, self.samples / self.sample_rate)

    @property
    def energy(self) -> np.ndarray:
        """The share p of the energy that each point holds, (F, T)."""
        values = self.magnitude.astype(np.float64)
        power = np.square(values / max(values.max(), _TINY)) * self.theta * self.cells
        return power / max(power.sum(), _TINY)


def _nearest(centres: np.ndarray, end: float) -> np.ndarray:
    """How much of [0, end] is nearer to each of the increasing centres in it than to any other, (n,)."""
    return np.diff(np.concatenate([[0.0], (centres[1:] + centres[:-1]) / 2, [end]]))


@dataclass(frozen=True)
class Measures:
    """The figures of one spectrogram, in the units that their names end in; NaN where one is not known.

    local_concentration_nats: what the loss ``concentration`` of a run comes to, see local_concentrations.
    """

    window_min_ms: float
    window_median_ms: float
    window_max_ms: float
    entropy_nats: float
    renyi_entropy_nats: float
    kurtosis: float
    concentration: float
    local_concentration_nats: float
    time_resolution_ms: float
    frequency_resolution_hz: float
    occupied_percent: float
    occupied_s_hz: float


def measure(candidate: Candidate, order: float = 3.0, local: float = math.nan) -> Measures:
    """The figures of one spectrogram.

    order: α of the Rényi entropy. local: its local concentration, which one plane does not tell.
    Raises InputError where the shape of the window is lost.
    """
    magnitude = torch.from_numpy(np.ascontiguousarray(candidate.magnitude))
    energy, cells, unit = candidate.energy, candidate.cells, 1e3 / candidate.sample_rate
    duration, bandwidth = equivalent_widths(candidate.window)
    mean_length = math.exp((energy * np.log(candidate.theta)).sum())
    area = occupied_area(energy, cells)
    return Measures(
        *(float(f(candidate.theta)) * unit for f in (np.min, np.median, np.max)),
        entropy_nats=float(entropy(magnitude)),
        renyi_entropy_nats=float(renyi(magnitude, order)),
        kurtosis=float(kurtosis(magnitude)),
        concentration=concentration(energy, cells),
        local_concentration_nats=local,
        time_resolution_ms=duration * mean_length * unit,
        frequency_resolution_hz=bandwidth * candidate.sample_rate / mean_length,
        occupied_percent=100 * area / float(cells.sum()),
        occupied_s_hz=area,
    )


def concentration(energy: np.ndarray, cells: np.ndarray) -> float:
    """Jones and Parks' measure of the whole plane: 1 is energy spread evenly, 2 white noise.

    energy: the share p of each point. cells: the area a of each. Both of one shape.
    """
    return float(cells.sum() * (np.square(energy) / cells).sum())


def occupied_area(energy: np.ndarray, cells: np.ndarray) -> float:
    """The area that the energy fills, exp of its entropy, in the unit of cells. Arguments as above."""
    spread = float(entropy(torch.from_numpy(energy)))
    return math.exp(spread + float((energy * np.log(cells)).sum()))


def equivalent_widths(window: Window) -> tuple[float, float]:
    """(∫g² / max g², ∫g² / (∫g)²) of a family: duration in units of θ, noise bandwidth in units of fs/θ (Harris).

    By the midpoint rule, so that any callable profile has them. Hann: 0.375, 1.5.
    """
    u = (torch.arange(_PROFILE_POINTS, dtype=torch.float64) + 0.5) / _PROFILE_POINTS - 0.5
    values = window.profile(u)
    squares = values.square()
    return float(squares.mean() / squares.max()), float(squares.mean() / values.mean().square())


def local_concentrations(
    judge: Result, found: Sequence[Candidate], on_node: Callable[[int, int], bool | None] | None = None
) -> list[float]:
    """What the criterion ``concentration`` of a run comes to at each candidate's window lengths, above that of noise.

    judge: the result of that run. NaN where a candidate has other points, or windows shorter than the run looked at.
    on_node: as LocalConcentration has it; called only where not all can be read off the result.
    """
    field, values = None, []
    for candidate in found:
        value = _known(judge, candidate)
        if value is None:
            if field is None:
                here = merge_config(judge.config, {"run.device": "auto"})  # the run's need not be on this machine
                problem = Problem(judge.signal, here, judge.window)
                problem.precompute(on_node or (lambda index, count: None))
                field = problem.field
            theta = torch.as_tensor(candidate.theta, dtype=problem.samples.dtype, device=problem.device)
            value = float(field(theta.log2()))
        values.append(value)
    return values


def _known(judge: Result, candidate: Candidate) -> float | None:
    """The local concentration as the result has it; None where it has to be worked out."""
    theirs, ours, least = candidate.positions, judge.frame_positions, judge.grid.theta_min
    if candidate.support != judge.support or theirs.shape != ours.shape or not np.allclose(theirs, ours, rtol=1e-9):
        return math.nan
    if candidate.window.name != judge.window.name or candidate.theta.min() < least * (1 - 1e-6):
        return math.nan
    if np.array_equal(candidate.theta, judge.theta):
        return judge.final[_LOCAL]
    lengths, _, values = judge.curve
    near = np.isclose(lengths, candidate.theta.item(), rtol=1e-6) if candidate.theta.size == 1 else np.zeros(1, bool)
    return float(values[near][0]) if near.any() else None


def candidates(results: Mapping[str, Result], lengths: Sequence[float] | None = None) -> list[Candidate]:
    """The spectrograms to compare: constant windows on the first result's plane, then the results, each on its own.

    results: by the name that each is to have. lengths: of the constant windows, in samples; None: the shortest, the longest and
    the best constant one of the first result, as far as no result is that.
    Raises InputError where the results are not of one signal, or those of long runs do not fit into memory.
    """
    results = {name: load_into_memory(result, "a comparison") for name, result in results.items()}
    first = check_one_signal(results)
    wanted = _usual(results) if lengths is None else [("Fixed", length) for length in dict.fromkeys(lengths)]
    fixed = [_with_one_window(f"{name}, {_spoken(length, first)}", first, length) for name, length in wanted]
    return [*fixed, *(_of_result(name, result) for name, result in results.items())]


def _usual(results: Mapping[str, Result]) -> list[tuple[str, float]]:
    first = next(iter(results.values()))
    lengths = {"Short": first.grid.theta_min, "Long": float(first.support)}
    best = first.best_constant
    if best is None or any(result.mode == "constant" and _uses(result, best[0], first) for result in results.values()):
        return list(lengths.items())
    for name, length in lengths.items():
        if np.isclose(best[0], length, rtol=1e-3):
            return [(f"{other} = best" if other == name else other, one) for other, one in lengths.items()]
    return [*lengths.items(), ("Best constant", best[0])]


def _uses(result: Result, length: float, first: Result) -> bool:
    """Whether a result is just what the first one's constant window of that many samples would give."""
    ours, theirs = ((plane.support, plane.hop, plane.overlap) for plane in (result.grid, first.grid))
    return result.placed and ours == theirs and bool(np.isclose(result.theta.item(), length, rtol=1e-3))


def _with_one_window(label: str, result: Result, length: float) -> Candidate:
    magnitude, times = reference(result, length)
    return _candidate(label, result, magnitude, np.full((1, 1), length), times * result.sample_rate)


def _of_result(name: str, result: Result) -> Candidate:
    kind = _spoken(result.theta.item(), result) if result.theta.size == 1 else result.mode
    return _candidate(f"{name}, {kind}", result, result.magnitude, result.theta, result.frame_positions)


def _candidate(label, result, magnitude, theta, positions) -> Candidate:
    place = result.support, result.window, len(result.signal.samples), result.sample_rate
    return Candidate(label, magnitude, theta, positions, *place)


def _spoken(length: float, result: Result) -> str:
    return time_text(length / result.sample_rate)


def check_one_signal(results: Mapping[str, Result]) -> Result:
    """The first of the results. Raises InputError where another is of another signal."""
    name, first = next(iter(results.items()))
    for other, result in results.items():
        if not _same(first.signal, result.signal):
            raise InputError(f"{name} and {other} are not of one signal: {_difference(first.signal, result.signal)}")
    return first


def _same(one: Signal, other: Signal) -> bool:
    """Whether two signals are one, as single precision, in which most results hold them, can tell."""
    samples = (signal.samples.astype(np.float32) for signal in (one, other))
    return one.sample_rate == other.sample_rate and np.array_equal(*samples)


def _difference(one: Signal, other: Signal) -> str:
    words = [f"{signal.where}, {signal.duration:.6g} s at {signal.sample_rate:g} Hz" for signal in (one, other)]
    if words[0] != words[1]:
        return f"{words[0]}, and {words[1]}; compare results of the same part of one recording"
    return f"both say {words[0]}, but their samples differ; was it another channel, --start or --detrend?"


def sizes_differ(found: Sequence[Candidate]) -> str | None:
    """What to know of the entropies of planes that differ in size; None where they do not."""
    labels: dict[tuple[int, int], list[str]] = {}
    for candidate in found:
        labels.setdefault(candidate.magnitude.shape, []).append(candidate.label)
    if len(labels) == 1:
        return None
    words = [f"{bins} x {frames} points in {_few(names)}" for (bins, frames), names in labels.items()]
    return f"entropies grow with the number of points, so they do not compare between {'; '.join(words)}"


def _few(names: list[str]) -> str:
    return " and ".join(names if len(names) <= 2 else [names[0], f"{len(names) - 1} more"])
