"""Spectrograms of one signal to compare: constant windows, and the results of runs."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from ..config.loading import merge_config
from ..config.schema import LOCAL_ENTROPY
from ..errors import InputError
from ..optimization.problem import Problem
from ..recordings.signal import Signal
from ..results.in_memory import load_into_memory
from ..results.result import Result, reference
from ..stft.modes import PLANE
from ..text import time_text
from .sharpness import Candidate


def candidates(results: Mapping[str, Result], lengths: Sequence[float] | None = None) -> list[Candidate]:
    """The spectrograms to compare: constant windows on the frames of the first result, then the results.

    results: of one signal, by the name that each is to have.
    lengths: of the constant windows in samples; None for the shortest, the longest and the best of the first result, without
        those that a result already shows.

    Raises InputError if the results are of different signals, or the planes of long runs do not fit into memory.
    """
    results = {name: load_into_memory(result, "a comparison") for name, result in results.items()}
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
            if field is None:
                # The run's device need not be on this machine; its windows may vary less than those of a candidate.
                config = merge_config(judge.config, {"run.device": "auto", "transform.mode": PLANE})
                problem = Problem(judge.signal, config, judge.window)
                problem.precompute(on_node or (lambda index, count: None))
                field = problem.field
            theta = torch.as_tensor(candidate.theta, dtype=problem.samples.dtype, device=problem.device)
            value = float(field(problem.places.at_places(theta.log2())))
        values.append(value)
    return values


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
    if candidate.window.name != judge.window.name or candidate.theta.min() < shortest * (1 - 1e-6):
        return np.nan
    if np.array_equal(candidate.theta, judge.theta):
        return judge.final[LOCAL_ENTROPY]
    lengths, _, values = judge.curve
    near = np.isclose(lengths, candidate.theta.item(), rtol=1e-6) if candidate.theta.size == 1 else np.zeros(1, bool)
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


def _constant(label: str, result: Result, length: float) -> Candidate:
    magnitude, times = reference(result, length)
    theta, positions = np.full((1, 1), length), times * result.sample_rate
    return Candidate(label, magnitude, theta, positions, result.support, result.window, result.signal)


def _optimised(name: str, result: Result) -> Candidate:
    kind = _length_text(result.theta.item(), result) if result.theta.size == 1 else result.mode
    frames = result.theta, result.frame_positions, result.support, result.window
    return Candidate(f"{name}, {kind}", result.magnitude, *frames, result.signal)


def _length_text(length: float, result: Result) -> str:
    return time_text(length / result.sample_rate)


def _same(first: Signal, second: Signal) -> bool:
    """Whether two signals are equal in single precision, which most results store."""
    samples = (signal.samples.astype(np.float32) for signal in (first, second))
    return first.sample_rate == second.sample_rate and np.array_equal(*samples)


def _difference(first: Signal, second: Signal) -> str:
    words = [f"{signal.where}, {signal.duration:.6g} s at {signal.sample_rate:g} Hz" for signal in (first, second)]
    if words[0] != words[1]:
        return f"{words[0]}, and {words[1]}; compare results of the same part of one recording"
    return f"both have {words[0]}, but their samples differ; check --channel, --start and --detrend of their runs"


def _abridged(names: list[str]) -> str:
    return " and ".join(names if len(names) <= 2 else [names[0], f"{len(names) - 1} more"])
