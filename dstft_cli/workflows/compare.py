"""Spectrograms of one signal to compare: constant windows, and the results of runs."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from ..config.loading import merge_config
from ..config.schema import LOCAL_ENTROPY
from ..errors import InputError
from ..optimization.problem import Problem
from ..optimization.resources import run_room
from ..recordings.signal import Signal
from ..results.result import Result, reference, reference_columns
from ..stft.modes import PLANE
from ..system.disk_arrays import block_ranges, columns, min_median_max, on_disk
from ..text import time_text
from .sharpness import Candidate

_SAMPLES = 1 << 20  # compared at a time


def candidates(results: Mapping[str, Result], lengths: Sequence[float] | None = None) -> list[Candidate]:
    """The spectrograms to compare: constant windows on the frames of the first result, then the results.

    results: of one signal, by the name that each is to have.
    lengths: of the constant windows in samples; None for the shortest, the longest and the best of the first result, without
        those that a result already shows.

    Raises InputError if the results are of different signals.
    """
    first = check_one_signal(results)
    named = _usual_lengths(results) if lengths is None else [("Fixed", length) for length in dict.fromkeys(lengths)]
    fixed = [_constant(f"{name}, {_length_text(length, first)}", first, length) for name, length in named]
    return [*fixed, *(_optimised(name, result) for name, result in results.items())]


def check_one_signal(results: Mapping[str, Result]) -> Result:
    """The first of the results. Raises InputError if another one is of a different signal."""
    first_name, first = next(iter(results.items()))
    for name, result in results.items():
        if not _same(first.signal, result.signal):
            raise InputError(
                f"{first_name} and {name} are of different signals: {_difference(first.signal, result.signal)}"
            )
    return first


def local_entropies(
    judge: Result, spectrograms: Sequence[Candidate], on_node: Callable[[int, int], bool | None] | None = None
) -> list[float]:
    """The criterion ``local-entropy`` of a run at the window lengths of each candidate, in nats below that of the shortest window.

    judge: the result of the run.
    spectrograms: the candidates.
    on_node: see find_evidence; called only if a value has to be computed.

    Returns a value for each candidate; NaN if its points differ from the run's, or its windows are shorter than the run's.
    """
    field, values = None, []
    for candidate in spectrograms:
        value = _known_local_entropy(judge, candidate)
        if value is None:
            field = field or _LocalEntropies(judge, on_node or (lambda index, count: None))
            value = field.value(candidate.theta)
        values.append(value)
    return values


class _LocalEntropies:
    """The criterion of a run at any window lengths; that of a result on disk is computed block by block.

    judge: the result of the run.
    on_node: see find_evidence.
    """

    def __init__(self, judge: Result, on_node: Callable[[int, int], bool | None]):
        # The run's device need not be on this machine; its windows may vary less than those of a candidate.
        config = merge_config(judge.config, {"run.device": "auto", "transform.mode": PLANE})
        signal = judge.signal, config, judge.window
        self.by_blocks = judge.on_disk
        self.problem = Problem(*signal, room=run_room(config) if self.by_blocks else math.inf)
        self.problem.loss.precompute(on_node)

    def value(self, theta: np.ndarray) -> float:
        """In nats. theta: window lengths in samples, (1 or F, 1 or T)."""
        problem, loss = self.problem, self.problem.loss
        lengths = np.ascontiguousarray(problem.places.at_places(theta))
        log_theta = torch.from_numpy(lengths).to(problem.device, problem.dtype).log2()
        if np.ptp(lengths) == 0:  # as the search of the run judges one window
            return float(loss.constants(log_theta[:1, :1]))
        if not self.by_blocks:
            return float(loss.field(log_theta))
        total, said, log_theta = 0.0, 0.0, log_theta.expand(problem.places.places)
        for first, last in loss.column_blocks():
            own, field = log_theta[:, first:last].contiguous(), loss.on_columns(first, last)
            total += float(field.costs(own, problem.epsilon)[0].sum())
            said += float(field.voice.sum())
        return total / said


def sizes_differ(spectrograms: Sequence[Candidate]) -> str | None:
    """A remark on the entropies of spectrograms of different size, None if all have one size."""
    labels: dict[tuple[int, int], list[str]] = {}
    for candidate in spectrograms:
        labels.setdefault(candidate.magnitude.shape, []).append(candidate.label)
    if len(labels) == 1:
        return None
    sizes = [f"{bins} x {frames} points in {_abridged(names)}" for (bins, frames), names in labels.items()]
    return f"entropies grow with the number of points, so they are not comparable between {'; '.join(sizes)}"


def _known_local_entropy(judge: Result, candidate: Candidate) -> float | None:
    """The local entropy from the run's result; NaN if it has no meaning, None if it has to be computed."""
    positions, run_positions, shortest = candidate.positions, judge.frame_positions, judge.grid.theta_min
    if candidate.support != judge.support or positions.shape != run_positions.shape:
        return np.nan
    if not np.allclose(positions, run_positions, rtol=1e-9):
        return np.nan
    lengths = candidate.theta
    least = min_median_max(lengths)[0] if on_disk(lengths) else lengths.min()
    if candidate.window.name != judge.window.name or least < shortest * (1 - 1e-6):
        return np.nan
    if lengths is judge.theta or (not on_disk(lengths) and np.array_equal(lengths, judge.theta)):
        return judge.final[LOCAL_ENTROPY]
    tried, _, values = judge.curve
    near = np.isclose(tried, lengths.item(), rtol=1e-6) if lengths.size == 1 else np.zeros(1, bool)
    return float(values[near][0]) if near.any() else None


def _usual_lengths(results: Mapping[str, Result]) -> list[tuple[str, float]]:
    """Name and length of the constant windows on the frames of the first result."""
    first = next(iter(results.values()))
    lengths = {"Short": first.grid.theta_min, "Long": float(first.support)}
    best = first.best_constant
    if best is None or any(result.mode == "constant" and _uses(result, best[0], first) for result in results.values()):
        return list(lengths.items())
    for name, length in lengths.items():
        if np.isclose(best[0], length, rtol=1e-3):
            return [(f"{key} = best" if key == name else key, value) for key, value in lengths.items()]
    return [*lengths.items(), ("Best constant", best[0])]


def _uses(result: Result, length: float, first: Result) -> bool:
    """Whether a result equals the first result's constant window of ``length`` samples."""
    planes = [(grid.support, grid.hop, grid.overlap) for grid in (result.grid, first.grid)]
    return result.placed and planes[0] == planes[1] and bool(np.isclose(result.theta.item(), length, rtol=1e-3))


@dataclass(frozen=True)
class _Columns:
    """|S|, (F, T), computed from columns (first, last) of a plane that is not in memory."""

    shape: tuple[int, int]
    columns: Callable[[int, int], np.ndarray]


def _constant(label: str, result: Result, length: float) -> Candidate:
    theta, positions = np.full((1, 1), length), result.grid.positions(length, torch.device("cpu")).numpy()
    frames = theta, positions, result.support, result.window, result.signal
    if not result.on_disk:
        return Candidate(label, reference(result, length)[0], *frames)
    shape = result.grid.bins, len(positions)
    magnitude = _Columns(shape, partial(reference_columns, result, length))
    return Candidate(label, magnitude, *frames, result)


def _optimised(name: str, result: Result) -> Candidate:
    kind = _length_text(result.theta.item(), result) if result.theta.size == 1 else result.mode
    frames = result.theta, result.frame_positions, result.support, result.window, result.signal
    if not result.on_disk:
        return Candidate(f"{name}, {kind}", result.magnitude, *frames)
    magnitude = _Columns(result.stft.shape, lambda first, last: np.abs(columns(result.stft, first, last)))
    return Candidate(f"{name}, {kind}", magnitude, *frames, result)


def _length_text(length: float, result: Result) -> str:
    return time_text(length / result.sample_rate)


def _same(first: Signal, second: Signal) -> bool:
    """Whether two signals are equal in single precision, which most results store."""
    if first.sample_rate != second.sample_rate or len(first.samples) != len(second.samples):
        return False
    for begin, end in block_ranges(len(first.samples), _SAMPLES):
        one, other = (signal.samples[begin:end].astype(np.float32) for signal in (first, second))
        if not np.array_equal(one, other):
            return False
    return True


def _difference(first: Signal, second: Signal) -> str:
    words = [f"{signal.where}, {signal.duration:.6g} s at {signal.sample_rate:g} Hz" for signal in (first, second)]
    if words[0] != words[1]:
        return f"{words[0]}, and {words[1]}; compare results of the same part of one recording"
    return f"both have {words[0]}, but their samples differ; check --channel, --start and --detrend of their runs"


def _abridged(names: list[str]) -> str:
    return " and ".join(names if len(names) <= 2 else [names[0], f"{len(names) - 1} more"])
