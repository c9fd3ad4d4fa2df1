"""Regression checks: record what the runs of some recordings come to, and repeat them later."""

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ...config.loading import Config, load_config
from ...errors import DstftError, InputError
from ...optimization.optimize import optimize
from ...recordings.signal import file_hash
from ...results.progress import OnStep
from ...results.versions import versions
from ...text import file_name, one_line
from ..optimize_file import load_inputs
from .baseline_file import Baseline, Entry
from .comparison import Check, compare, usual_tolerances
from .measurements import profile, values_of

OnRun = Callable[[str, int, int], "OnStep | None"]
"""Called with a recording's name, its number from 0, and how many there are; what it returns is told of the run's steps."""


def record(files: Sequence[str | Path], config: Config, root: Path, on_run: OnRun) -> Baseline:
    """A baseline of those recordings, each run under ``profile``; root: the folder that their paths count from.

    Raises InputError for a file that is given twice, lies on another drive, or cannot be analysed, DstftError where a run
    did not come to its end.
    """
    names = [_path_from(root, path) for path in files]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{file_name(name)}: this recording is given twice; leave one out")
    found, _ = _run_all(names, profile(config), root, on_run)
    check_whole(found)
    return found


def repeat(baseline: Baseline, config: Config, root: Path, on_run: OnRun) -> Check:
    """The baseline's recordings run again under a config, and compared with it. Raises InputError where one cannot be read."""
    files = dict.fromkeys(entry.file for entry in baseline.entries.values())
    return compare(baseline, *_run_all(list(files), config, root, on_run))


def check_inputs(baseline: Baseline, root: Path, changed: bool = False) -> None:
    """Raises InputError, a line for each recording that is missing or, unless that is wanted, not the one recorded."""
    files = {entry.file: entry for entry in baseline.entries.values()}
    faults = {name: _fault(entry, root, changed) for name, entry in files.items()}
    told = [one_line(f"{file_name(name)}: {fault}") for name, fault in faults.items() if fault]
    if told:
        raise InputError("\n".join(told))


def check_whole(found: Baseline) -> None:
    """Raises DstftError where a run did not come to its end, or a number is not finite: no baseline is made of that."""
    for name, entry in found.entries.items():
        values, ended = entry.values, entry.values.facts["ended"]
        if ended != "whole":
            raise DstftError(f"{file_name(name)}: its run {ended} before its end, so no baseline is made of it")
        cells = {key: sum(map(sum, rows)) for key, rows in values.maps.items()}
        wrong = [key for key, number in {**values.numbers, **cells}.items() if not math.isfinite(number)]
        if wrong:
            raise DstftError(f"{file_name(name)}: {wrong[0]} is not finite, so no baseline is made of it")


def settings_for(baseline: Baseline, source: str | None, sets: Sequence[str]) -> Config:
    """The settings to repeat a baseline with: its own, or those of a file or preset, and ``--set`` over them."""
    return profile(load_config(baseline.config if source is None else source, sets))


def _fault(entry: Entry, root: Path, changed: bool) -> str | None:
    path = _path_to(root, entry.file)
    if not path.is_file():
        return f"there is no such recording in {file_name(root)}; put it back, or say with --root where it is"
    try:
        same = changed or file_hash(path) == entry.sha256
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return (
        None
        if same
        else "not the recording that the baseline was made of (its SHA-256 differs); put that back, or --update"
    )


def _path_from(root: Path, path: str | Path) -> str:
    try:
        return Path(os.path.relpath(path, root)).as_posix()
    except ValueError:  # Windows
        raise InputError(
            f"{file_name(path)}: on another drive than {file_name(root)}; say --root with its folder"
        ) from None


def _path_to(root: Path, name: str) -> Path:
    """The path that ``_path_from`` counted, whether the folders that it goes up from are there or not."""
    return Path(os.path.normpath(root / name))


def _run_all(names: Sequence[str], config: Config, root: Path, on_run: OnRun) -> tuple[Baseline, Mapping[str, float]]:
    """What the recordings come to, with the usual tolerances; and the seconds that each took."""
    entries, seconds = {}, {}
    for i, name in enumerate(names):
        signals = load_inputs(_path_to(root, name), config)
        for channel, signal in enumerate(signals, start=1):
            label = name if len(signals) == 1 else f"{name}#channel-{channel}"
            began = time.perf_counter()
            values = values_of(optimize(signal, config, on_run(label, i, len(names))))
            entries[label] = Entry(name, signal.sha256, values)
            seconds[label] = time.perf_counter() - began
    return Baseline(versions(), config, usual_tolerances(config, entries), entries), seconds
