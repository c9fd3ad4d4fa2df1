"""Checks that the files of a stored result belong together: no number in one of them may contradict another."""

import math
from collections.abc import Iterator

import numpy as np

from ..stft.modes import OVERLAP, theta_shape
from ..system.disk_arrays import array_blocks
from ..text import one_line
from .metrics import Metrics
from .result import ARRAYS, CONFIG, METRICS, Result

_MOST_NATS = 100  # of an entropy: that of e^100 equal points
_ROUNDING = 1e-6  # relative; single precision, and another machine's arithmetic


def check_values(result: Result) -> None:
    """Check the arrays of a result that was read against its configuration and its signal.

    Raises ValueError for values that no run of this configuration on this signal gives.
    """
    _check_shapes(result)
    _check_ranges(result)
    arrays = {"stft": result.stft, "signal": result.signal.samples, "curve": result.curve, "start": result.signal.start}
    for name, values in arrays.items():
        _require(all(np.isfinite(block).all() for block in array_blocks(values)), f"{name} is not finite")
    _require(result.history.keys() == result.final.keys(), f"its histories are not those of the terms in {METRICS}")
    lengths = {len(values) for values in result.history.values()}
    _require(len(lengths) == 1 and 0 not in lengths, "its histories differ in length")


def check_arrays(derived: dict[str, np.ndarray], stored: dict[str, np.ndarray]) -> None:
    """Check the arrays that follow from other arrays, or from the configuration.

    derived: Result.arrays() of the result that was read.
    stored: the arrays in its file.

    Raises ValueError for the first one that differs.
    """
    for name, values in derived.items():
        equal = values is stored[name] or np.array_equal(values, stored[name])
        _require(equal, f"{name} contradicts {CONFIG} or the other arrays")


def check_metrics(derived: Metrics, stored: Metrics) -> None:
    """Check the metrics that follow from the arrays and the configuration.

    derived: Result.metrics() of the result that was read.
    stored: the metrics in its file; their versions may differ.

    Raises ValueError for the first number or text that differs, and for an entropy that no spectrogram has.
    """
    versions = {"versions": stored.versions}
    key = next(_differences({**derived.model_dump(), **versions}, {**stored.model_dump(), **versions}), None)
    _require(key is None, f"{key} contradicts {ARRAYS} or {CONFIG}")
    for name in ("entropy", "renyi"):
        change = getattr(stored, name)
        possible = change is None or all(not abs(nats) >= _MOST_NATS for nats in (change.initial, change.final))
        _require(possible, f"{name} is beyond that of any spectrogram")


def _require(condition: bool, fault: str) -> None:
    if not condition:
        raise ValueError(fault)


def _check_shapes(result: Result) -> None:
    grid, frames = result.grid, len(result.frame_positions)
    least = 1 if result.hop_mode == OVERLAP else grid.frames
    _require(least <= frames <= grid.most_frames, f"it has {frames} frames, but {CONFIG} gives {grid.most_frames}")
    shapes = {
        "stft": (result.stft, (grid.bins, frames)),
        "theta": (result.theta, theta_shape(result.mode, grid.support, frames)),
    }
    for name, (values, shape) in shapes.items():
        of = f"{grid.bins} bins and {frames} frames in mode {result.mode}"
        _require(values.shape == shape, f"{name} has shape {values.shape}, but {of} give {shape}")


def _check_ranges(result: Result) -> None:
    grid, positions = result.grid, result.frame_positions
    increasing = positions[0] == 0 and (np.diff(positions) > 0).all() and _within(positions, 0, grid.samples)
    _require(increasing, "frame_positions do not increase from 0 to the end of the signal")
    allowed = _within(result.theta, grid.theta_min, grid.support)
    allowed = allowed and 0 < result.first_theta <= grid.support * (1 + _ROUNDING)
    _require(allowed, f"window lengths are not between {grid.theta_min:g} and {grid.support} samples")
    _require((np.diff(result.curve[0], prepend=0) > 0).all(), "the window lengths of its curve do not increase")


def _within(values: np.ndarray, low: float, high: float) -> bool:
    low, high = low * (1 - _ROUNDING), high * (1 + _ROUNDING)
    return all(low <= block.min() and block.max() <= high for block in array_blocks(values))


def _differences(derived: object, stored: object, key: str = "") -> Iterator[str]:
    """The dotted keys of all values that differ by more than rounding."""
    derived, stored = (dict(enumerate(part)) if isinstance(part, list) else part for part in (derived, stored))
    if isinstance(derived, dict) and isinstance(stored, dict):
        for name in {**derived, **stored}:
            both = name in derived and name in stored
            yield from _differences(derived[name], stored[name], f"{key}{name}.") if both else [f"{key}{name}"]
    elif not _equal(derived, stored):
        yield key.rstrip(".")


def _equal(one: object, other: object) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one_line(one) == one_line(other)
    numbers = isinstance(one, int | float) and isinstance(other, int | float)
    return math.isclose(one, other, rel_tol=_ROUNDING) if numbers else one is other
