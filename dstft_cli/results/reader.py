"""A result from its folder: built again from the files, which must say just what the result then says of itself."""

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import NoneType

import numpy as np

from ..config.grid import make_grid
from ..config.loading import Config, load_config
from ..errors import ConfigError, InputError
from ..recordings.notes import Note
from ..recordings.signal import Signal
from ..stft.checked_transform import Accuracy
from ..stft.modes import OVERLAP, theta_shape
from ..stft.windows import WINDOWS, Profile, Window, get_window
from ..system.disk_arrays import array_blocks
from ..text import format_value, one_line
from .folder import result_folder
from .npy_files import read_npz, reading, refused
from .result import ARRAYS, BESIDE, CONFIG, METRICS, SCHEMA_VERSION, Result
from .writer import finite

_SCALARS = {"sample_rate": "float64", "start": "float64", "first_theta": "float64", "support": "int64"}
_SCALARS |= {"schema_version": "int64", "hop_mode": "str", "window": "str", "mode": "str"}
_ROWS = {"frame_positions": "float64", "times": "float64", "frequencies": "float64"}
_NAMES = ("stft", "theta", "signal", "curve", "hop", *_ROWS, *_SCALARS)
_HISTORY = "_history"
_TERMS = ("loss", "regularization", "frames", "penalty")  # beside the criterion
_MEASURES = ("entropy", "kurtosis", "coverage")
_MOST_TEXT, _MOST_NATS = 10_000_000, 100  # bytes of metrics.json; entropy of e^100 equal points
_REMEDY = "run dstft optimize again"
_EDGE = 1e-6  # the share by which single precision may miss a bound


def read_result(path: str | Path, window: Window | Profile | None = None) -> Result:
    """The result that dstft optimize wrote into a folder; path: it, or the result.npz in it.

    window: the callable that the run was given, which no file can hold; without it all is there but what needs it.
    ``stft`` comes back as complex64, the signal as the run saw it. Raises InputError, in one sentence, where something is
    missing, damaged, of another version, or does not belong together.
    """
    folder = result_folder(path)
    for name in (METRICS, ARRAYS, CONFIG):
        if not os.path.exists(folder / name):
            raise refused(
                folder / name, f"there is no such file, so the result is not whole; put it back, or {_REMEDY}"
            )
    metrics, arrays, config = _metrics(folder / METRICS), _arrays(folder / ARRAYS), _config(folder / CONFIG)
    with _blamed(folder / METRICS):
        told, origin = _told(metrics, config), _origin(metrics)
    with _blamed(folder / ARRAYS):
        _check_forms(arrays, config.run.dtype)
        signal = Signal(arrays["signal"], arrays["sample_rate"].item(), start=arrays["start"].item(), **origin)
        kept, name = _kept(arrays), arrays["window"].item()
    with _blamed(folder / CONFIG):
        grid = make_grid(config, signal.sample_rate, len(signal.samples))
    family = _window(name, folder / ARRAYS, window)
    result = Result(signal=signal, config=config, grid=grid, window=family, **kept, **told)
    with _blamed(folder / ARRAYS):
        _check_values(result)
        _check_arrays(result.arrays(), arrays)
    with _blamed(folder / METRICS):
        _check_metrics(finite(result.metrics()), metrics)
    return result


@contextmanager
def _blamed(path: Path) -> Iterator[None]:
    """What values that dstft never writes make us raise, as one sentence about the file that they stand in."""
    try:
        yield
    except (ValueError, ArithmeticError) as error:
        sentence = f"damaged, or from a different run than its sibling files: {one_line(str(error), 120)}; {_REMEDY}"
        raise refused(path, sentence) from None


def _metrics(path: Path) -> dict:
    with reading(path, "metrics of dstft", _REMEDY) as file:
        found = json.loads(file.read(_MOST_TEXT).decode("utf-8"))
        # Neither numbers nor letters that could not be written again.
        json.dumps(found, allow_nan=False, ensure_ascii=False).encode("utf-8")
    if not isinstance(found, dict) or "schema_version" not in found:
        raise refused(path, f"this was not written by dstft optimize; {_REMEDY}")
    _check_version(path, found["schema_version"])
    return found


def _arrays(path: Path) -> dict[str, np.ndarray]:
    found = read_npz(path, _NAMES, _HISTORY, f"arrays of dstft in format {SCHEMA_VERSION}", _REMEDY, BESIDE)
    with _blamed(path):
        version = found["schema_version"].item()
    _check_version(path, version)
    return found


def _check_version(path: Path, version: object) -> None:
    if isinstance(version, bool) or not isinstance(version, int | float):
        raise refused(path, f"schema_version is {format_value(version)}, no number; {_REMEDY}")
    if version != SCHEMA_VERSION:
        mend = "update dstft-cli" if version > SCHEMA_VERSION else _REMEDY
        found = f"written in format {format_value(version)}; this dstft reads format {SCHEMA_VERSION}"
        raise refused(path, f"{found}: {mend}")


def _config(path: Path) -> Config:
    with reading(path, "configuration", _REMEDY) as file:
        whole = file.read(_MOST_TEXT).endswith(b"\n")
    try:
        config = load_config(path) if whole else Config()
    except ConfigError as error:
        first = one_line(str(error).splitlines()[0], 200)
        raise InputError(f"{first}; {CONFIG} is part of the result: put it back, or {_REMEDY}") from None
    if config.model_fields_set != Config.model_fields.keys():
        raise refused(path, f"cut off: a section, or the end of its last line, is missing; put it back, or {_REMEDY}")
    return config


def _told(metrics: dict, config: Config) -> dict:
    """Those attributes of a result that only the metrics tell."""
    criterion = _text(metrics, "criterion")
    fault = f"criterion is {format_value(criterion)}, and {config.loss.criterion} in {CONFIG}"
    _demand(criterion in (config.loss.criterion, "custom"), fault)
    terms = [name for name in metrics if name in (*_TERMS, criterion)]
    return {
        "criterion": criterion,
        "final": {name: _number(metrics, name, "final") for name in terms},
        "measures": {name: {at: _number(metrics, name, at) for at in ("initial", "final")} for name in _MEASURES},
        "accuracy": Accuracy(*(_number(metrics, "accuracy", name) for name in ("rms", "max", "bins_checked"))),
        "bank": _numbers(metrics, "bank") if _at(metrics, (dict, NoneType), "bank") else None,
        "stop_reason": _text(metrics, "stop_reason"),
        "device": _text(metrics, "device"),
        "threads": _at(metrics, int, "threads"),
        "seconds": {"total": _number(metrics, "seconds", "total"), **_numbers(metrics, "seconds")},
    }


def _origin(metrics: dict) -> dict:
    """What the metrics tell of the signal."""
    return {
        **{name: _text(metrics, "input", name) for name in ("name", "channel", "unit")},
        "channels": _texts(metrics, "input", "channels"),
        "sha256": _at(metrics, (str, NoneType), "input", "sha256"),
        "notes": tuple(Note(_text(note, "text"), _text(note, "severity")) for note in _at(metrics, list, "notes")),
    }


def _at(metrics: dict, kinds: type | tuple[type, ...], *keys: str) -> object:
    """The value under the last of the keys, each in the group under the one before. Raises ValueError for another kind."""
    value, place = metrics, ".".join(keys)
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            raise ValueError(f"it lacks {place}")
        value = value[key]
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise ValueError(f"{place} is {format_value(value)}")
    return value


def _text(metrics: dict, *keys: str) -> str:
    return one_line(_at(metrics, str, *keys))


def _texts(metrics: dict, *keys: str) -> tuple[str, ...]:
    return tuple(one_line(str(text)) for text in _at(metrics, list, *keys))


def _number(metrics: dict, *keys: str) -> float:
    """null stands for what was not finite."""
    value = _at(metrics, (int, float, NoneType), *keys)
    return math.nan if value is None else value


def _numbers(metrics: dict, *keys: str) -> dict[str, float]:
    return {name: _number(metrics, *keys, name) for name in _at(metrics, dict, *keys)}


def _demand(right: bool, fault: str) -> None:
    if not right:
        raise ValueError(fault)


def _check_forms(arrays: dict[str, np.ndarray], real: str) -> None:
    """Raises ValueError for an array of another type, or with more or fewer axes, than a run in that precision writes."""
    forms = {"stft": ("complex64", 2), "theta": (real, 2), "signal": (real, 1), "curve": ("float64", 2)}
    forms |= {name: (kind, 0) for name, kind in _SCALARS.items()} | {name: (kind, 1) for name, kind in _ROWS.items()}
    forms["hop"] = ("float64", min(arrays["hop"].ndim, 1))  # one, or one for each gap
    for name, values in arrays.items():
        form = "str" if values.dtype.kind == "U" else values.dtype.name, values.ndim
        _demand(form == forms.get(name, ("float64", 1)), f"{name} has type {form[0]} and shape {values.shape}")


def _kept(arrays: dict[str, np.ndarray]) -> dict:
    """Those attributes of a result that only the arrays tell."""
    curve = arrays["curve"]
    _demand(len(curve) == 3, f"curve has shape {curve.shape}")
    return {
        **{name: arrays[name] for name in ("stft", "theta", "frame_positions")},
        "first_theta": arrays["first_theta"].item(),
        "curve": tuple(curve),
        "history": {name.removesuffix(_HISTORY): values for name, values in arrays.items() if name.endswith(_HISTORY)},
    }


def _window(name: str, path: Path, given: Window | Profile | None) -> Window:
    """The family of that name; of a callable that is not given, one that says so when it is used."""
    if given is not None:
        family = get_window(given)
        with _blamed(path):
            _demand(family.name == name, f"its window is called {one_line(name, 40)}, the one given {family.name}")
        return family

    def lost(_):
        what = f"its window was {one_line(name, 40)}, a callable, which no file can hold, and this needs it"
        raise refused(path, f"{what}; in Python, read_result(folder, window=...) takes it")

    return WINDOWS.get(name) or Window(one_line(name), lost, lost)


def _check_values(result: Result) -> None:
    """Raises ValueError for what no run of this config on this signal gives."""
    grid, positions, theta = result.grid, result.frame_positions, result.theta
    frames, least = len(positions), 1 if result.hop_mode == OVERLAP else grid.frames
    _demand(least <= frames <= grid.most_frames, f"it has {frames} frames, and by {CONFIG} {grid.most_frames}")
    place = f"with {grid.bins} bins and {frames} frames in mode {result.mode}"
    _demand(result.stft.shape == (grid.bins, frames), f"stft has shape {result.stft.shape} {place}")
    _demand(theta.shape == theta_shape(result.mode, grid.support, frames), f"theta has shape {theta.shape} {place}")
    apart = positions[0] == 0 and (np.diff(positions) > 0).all() and _within(positions, 0, grid.samples)
    _demand(apart, "frame_positions do not increase from 0 to the end of the signal")
    held = _within(theta, grid.theta_min, grid.support) and 0 < result.first_theta <= grid.support * (1 + _EDGE)
    _demand(held, f"window lengths are not between {grid.theta_min:g} and {grid.support} samples")
    _demand((np.diff(result.curve[0], prepend=0) > 0).all(), "the window lengths of its curve do not increase")
    parts = {"stft": result.stft, "signal": result.signal.samples, "curve": result.curve, "start": result.signal.start}
    for name, values in parts.items():
        _demand(all(np.isfinite(block).all() for block in array_blocks(values)), f"{name} is not finite")
    _demand(result.history.keys() == result.final.keys(), f"its histories are not those of the terms in {METRICS}")
    steps = {len(values) for values in result.history.values()}
    _demand(len(steps) == 1 and 0 not in steps, "its histories differ in length")


def _within(values: np.ndarray, low: float, high: float) -> bool:
    return all(low * (1 - _EDGE) <= block.min() and block.max() <= high * (1 + _EDGE) for block in array_blocks(values))


def _check_arrays(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> None:
    """Raises ValueError where an array that follows from others, or from the config, is another in the file."""
    for name, values in ours.items():
        equal = values is theirs[name] or np.array_equal(values, theirs[name])
        _demand(equal, f"{name} is not what {CONFIG} and the other arrays make it")


def _check_metrics(ours: dict, theirs: dict) -> None:
    """Raises ValueError where the metrics are not those of the arrays and the config."""
    versions = {name: _text(theirs, "versions", name) for name in _at(theirs, dict, "versions")}
    place = next(_differences({**ours, "versions": versions}, theirs), None)
    _demand(place is None, f"{place} is not what {ARRAYS} and {CONFIG} make it")
    for name in ("entropy", "renyi"):
        nats = [value or 0 for value in ours.get(name, {}).values()]
        _demand(all(abs(value) < _MOST_NATS for value in nats), f"{name} is beyond that of any spectrogram")


def _differences(ours: object, theirs: object, place: str = "") -> Iterator[str]:
    """The dotted keys of all that is not the same in both, as far as numbers written by another machine can be."""
    ours, theirs = (dict(enumerate(values)) if isinstance(values, list) else values for values in (ours, theirs))
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in {**ours, **theirs}:
            both = key in ours and key in theirs
            yield from _differences(ours[key], theirs[key], f"{place}{key}.") if both else [f"{place}{key}"]
    elif not _same(ours, theirs):
        yield place.rstrip(".")


def _same(one: object, other: object) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one_line(one) == one_line(other)
    numbers = [value for value in (one, other) if isinstance(value, int | float) and not isinstance(value, bool)]
    return math.isclose(*numbers, rel_tol=_EDGE) if len(numbers) == 2 else one is other
