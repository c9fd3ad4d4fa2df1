"""Regression checks: measure the runs of some recordings, and repeat them later."""

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ...config.loading import Config, load_config
from ...errors import DstftError, InputError
from ...optimization.optimize import optimize
from ...recordings.signal import Signal, file_hash
from ...results.progress import OnStep
from ...results.versions import versions
from ...text import file_name, one_line
from ..optimize_file import load_inputs
from .baseline_file import Baseline, Entry
from .comparison import Check, compare, default_tolerances
from .measurements import measure, profile

OnRun = Callable[[str, int, int], "OnStep | None"]
"""Called with a recording's name, its number from 0, and how many there are; returns what to call with the run's steps."""


def record(files: Sequence[str | Path], config: Config, root: Path, on_run: OnRun) -> Baseline:
    """A baseline of some recordings, each run under ``profile``.

    files: the recordings.
    config: the settings of the user.
    root: the folder that the paths in the baseline are relative to.
    on_run: called before each run.

    Raises InputError for a file that is given twice, is on another drive or cannot be analysed, and DstftError where a run
    did not finish.
    """
    names = [_path_from(root, path) for path in files]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{file_name(name)}: this recording is given twice; leave one out")
    baseline, _ = _run_all(names, profile(config), root, on_run)
    check_finished(baseline)
    return baseline


def repeat(baseline: Baseline, config: Config, root: Path, on_run: OnRun) -> Check:
    """Run the recordings of a baseline again and compare.

    baseline: the stored one.
    config: the settings of the runs, as settings_for gives them.
    root: the folder that the paths in the baseline are relative to.
    on_run: called before each run.

    Raises InputError where a recording cannot be read.
    """
    files = dict.fromkeys(entry.file for entry in baseline.inputs.values())
    return compare(baseline, *_run_all(list(files), config, root, on_run))


def check_inputs(baseline: Baseline, root: Path, changed: bool = False) -> None:
    """Check that the recordings of a baseline are present and unchanged.

    baseline: the stored one.
    root: the folder that its paths are relative to.
    changed: whether their content may differ.

    Raises InputError with a line for each recording that is missing or differs.
    """
    files = {entry.file: entry for entry in baseline.inputs.values()}
    faults = {name: _fault(entry, root, changed) for name, entry in files.items()}
    lines = [one_line(f"{file_name(name)}: {fault}") for name, fault in faults.items() if fault]
    if lines:
        raise InputError("\n".join(lines))


def check_finished(baseline: Baseline) -> None:
    """Raises DstftError where a run did not finish, or a number is not finite: that cannot become a baseline."""
    for name, entry in baseline.inputs.items():
        ended = entry.facts["ended"]
        if ended != "whole":
            raise DstftError(f"{file_name(name)}: its run {ended} before its end, so it cannot become a baseline")
        sums = {key: sum(map(sum, rows)) for key, rows in entry.maps.items()}
        wrong = [key for key, number in {**entry.numbers, **sums}.items() if not math.isfinite(number)]
        if wrong:
            raise DstftError(f"{file_name(name)}: {wrong[0]} is not finite, so it cannot become a baseline")


def settings_for(baseline: Baseline, source: str | None, sets: Sequence[str]) -> Config:
    """The settings that repeat a baseline.

    source: a file or preset instead of the baseline's own settings, None for these.
    sets: "key=value" each, on top.
    """
    return profile(load_config(baseline.config if source is None else source, sets))


def _fault(entry: Entry, root: Path, changed: bool) -> str | None:
    path = _path_to(root, entry.file)
    if not path.is_file():
        return f"there is no such recording in {file_name(root)}; put it back, or give its folder with --root"
    try:
        if changed or file_hash(path) == entry.sha256:
            return None
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return "not the recording that the baseline was made from (its SHA-256 differs); put that one back, or use --update"


def _path_from(root: Path, path: str | Path) -> str:
    try:
        return Path(os.path.relpath(path, root)).as_posix()
    except ValueError:  # Windows
        sentence = f"on another drive than {file_name(root)}; give a folder on its own drive with --root"
        raise InputError(f"{file_name(path)}: {sentence}") from None


def _path_to(root: Path, name: str) -> Path:
    """The inverse of ``_path_from``, whether or not the folders between exist."""
    return Path(os.path.normpath(root / name))


def _part(signal: Signal, channel: int) -> str:
    """The name of a signal among those of its recording: its box, or its channel."""
    boxes = signal.annotations
    return f"box-{boxes.boxes[0].number}" if boxes and boxes.alone else f"channel-{channel}"


def _run_all(names: Sequence[str], config: Config, root: Path, on_run: OnRun) -> tuple[Baseline, Mapping[str, float]]:
    """Returns two things: the measurements of the recordings, with default tolerances, and the time that each entry took, in s."""
    inputs, seconds = {}, {}
    for i, name in enumerate(names):
        signals = load_inputs(_path_to(root, name), config)
        for channel, signal in enumerate(signals, start=1):
            label = name if len(signals) == 1 else f"{name}#{_part(signal, channel)}"
            began = time.perf_counter()
            inputs[label] = measure(name, optimize(signal, config, on_run(label, i, len(names))))
            seconds[label] = time.perf_counter() - began
    tolerances = default_tolerances(config, inputs)
    return Baseline(versions=versions(), config=config, tolerances=tolerances, inputs=inputs), seconds
