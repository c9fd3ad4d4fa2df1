"""A result read from its folder: rebuilt from its files, and refused where they contradict each other."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..config.grid import make_grid
from ..config.loading import Config, load_config
from ..errors import ConfigError, InputError
from ..recordings.notes import Note
from ..recordings.signal import Signal
from ..stft.checked_transform import Accuracy
from ..stft.windows import Profile, Window, get_window, is_named
from ..text import format_value, one_line
from .consistency import check_arrays, check_metrics, check_values
from .folder import result_folder
from .metrics import MEASURES, Metrics, annotations_of, read_metrics
from .result import ARRAYS, CONFIG, METRICS, Result
from .result_arrays import check_types, read_arrays, result_fields
from .untrusted_files import open_untrusted, refused
from .versions import RUN_AGAIN

_MOST_CONFIG = 10_000_000  # bytes of config.yaml


def read_result(path: str | Path, window: Window | Profile | None = None) -> Result:
    """The result that dstft optimize wrote into a folder.

    path: the folder, or the result.npz in it.
    window: the callable that the run was given, which no file can hold; without it the result is complete except for
        methods that need that window.

    Returns the result with ``stft`` as complex64 and the signal as the run saw it.
    Raises InputError, in one sentence, where a file is missing, damaged, of another version, or contradicts another.
    """
    folder = result_folder(path)
    for name in (METRICS, ARRAYS, CONFIG):
        if not os.path.exists(folder / name):
            missing = "there is no such file, so the result is incomplete"
            raise refused(folder / name, f"{missing}; put it back, or {RUN_AGAIN}")
    metrics, arrays, config = (
        read_metrics(folder / METRICS),
        read_arrays(folder / ARRAYS),
        _read_config(folder / CONFIG),
    )
    with _contradictions(folder / METRICS):
        _check_criterion(metrics, config)
    with _contradictions(folder / ARRAYS):
        check_types(arrays, config.run.dtype)
        start, rate = arrays["start"].item(), arrays["sample_rate"].item()
        signal = Signal(arrays["signal"], rate, start=start, **_origin(metrics))
        name = arrays["window"].item()
    with _contradictions(folder / CONFIG):
        grid = make_grid(config, signal.sample_rate, len(signal.samples))
    family = _window(name, folder / ARRAYS, window)
    fields = {**result_fields(arrays), **_outcome(metrics)}
    result = Result(signal=signal, config=config, grid=grid, window=family, **fields)
    with _contradictions(folder / ARRAYS):
        check_values(result)
        check_arrays(result.arrays(), arrays)
    with _contradictions(folder / METRICS):
        check_metrics(result.metrics(), metrics)
    return result


@contextmanager
def _contradictions(path: Path) -> Iterator[None]:
    """Any error that values cause which dstft never writes becomes one sentence about the file that holds them."""
    try:
        yield
    except (ValueError, ArithmeticError) as error:
        sentence = f"damaged, or from a different run than its sibling files: {one_line(str(error), 120)}; {RUN_AGAIN}"
        raise refused(path, sentence) from None


def _read_config(path: Path) -> Config:
    with open_untrusted(path, "configuration", RUN_AGAIN) as file:
        complete = file.read(_MOST_CONFIG).endswith(b"\n")
    try:
        config = load_config(path) if complete else Config()
    except ConfigError as error:
        first = one_line(str(error).splitlines()[0], 200)
        raise InputError(f"{first}; {CONFIG} is part of the result: put it back, or {RUN_AGAIN}") from None
    if config.model_fields_set != Config.model_fields.keys():
        sentence = "cut off: a section, or the end of its last line, is missing"
        raise refused(path, f"{sentence}; put it back, or {RUN_AGAIN}")
    return config


def _check_criterion(metrics: Metrics, config: Config) -> None:
    if metrics.criterion not in (config.criterion, "custom"):
        raise ValueError(f"criterion is {format_value(metrics.criterion)}, but {config.criterion} in {CONFIG}")


def _origin(metrics: Metrics) -> dict:
    """The attributes of the signal that only the metrics hold."""
    source = metrics.input
    return {
        **{name: one_line(getattr(source, name)) for name in ("name", "channel", "unit")},
        "channels": tuple(map(one_line, source.channels)),
        "sha256": source.sha256,
        "began": one_line(source.began) if isinstance(source.began, str) else source.began,
        "metadata": {one_line(name, 40): one_line(text) for name, text in (source.metadata or {}).items()},
        "annotations": annotations_of(source.annotations),
        "notes": tuple(Note(one_line(remark.text), remark.severity) for remark in metrics.notes),
    }


def _outcome(metrics: Metrics) -> dict:
    """The attributes of a result that only the metrics hold."""
    return {
        "criterion": metrics.criterion,
        "final": {name: change.final for name, change in metrics.terms.items()},
        "measures": {name: getattr(metrics, name).values() for name in MEASURES},
        "accuracy": Accuracy(**metrics.accuracy.values()),
        "bank": None if metrics.bank is None else metrics.bank.values(),
        "narrowing": metrics.narrowing,
        "stop_reason": metrics.stop_reason,
        "device": one_line(metrics.device),
        "threads": metrics.threads,
        "seconds": metrics.seconds.values(),
        "chosen": tuple(metrics.chosen),
    }


def _window(name: str, path: Path, given: Window | Profile | None) -> Window:
    """The window family of that name; for a callable that is not given, one that raises InputError when it is used."""
    if given is not None:
        family = get_window(given)
        if family.name != name:
            sentence = f"its window is called {one_line(name, 40)}, but the one given {one_line(family.name, 40)}"
            raise refused(path, f"{sentence}; give the callable of that run")
        return family

    def missing(_):
        sentence = f"its window was {one_line(name, 40)}, a callable, which no file can hold, and this needs it"
        raise refused(path, f"{sentence}; in Python, read_result(folder, window=...) takes it")

    return get_window(name) if is_named(name) else Window(one_line(name), missing, missing, known=False)
