"""What ``dstft track`` does: each input to a folder with its track, and several to a summary."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from ...config.loading import Config
from ...errors import DstftError, InputError
from ...results.folder import is_result, result_folder
from ...results.reader import read_result
from ...text import file_name
from ...tracking.limits import check_tracking
from ...tracking.tables.reference import read_reference
from ...tracking.track import Tracking
from ...workflows.optimize_file import load_inputs, output_folders
from ...workflows.track import Tracked, track_result, track_signal
from ...workflows.track_files import SUMMARY, Extras, check_free, write_summary, write_track
from ..options.settings import Settings
from ..printing.console import Console
from ..printing.track import rows

_SOME_FAILED = 3
_FOLDER = "track"


@dataclass(frozen=True)
class _Job:
    """One input: its name, a function that tracks it, its folder, and the configuration of its pictures."""

    name: str
    find: Callable[[Callable], Tracked]
    folder: Path
    config: Config


def run(
    console: Console,
    settings: Settings,
    paths: Sequence[str],
    output: str | None,
    overwrite: bool,
    extras: Extras,
    reference: str | None,
    limits: Mapping[str, object],
) -> int:
    """Check everything, track each input, write, print; return the exit code."""
    tracking = Tracking(**{**limits, "orders": read_orders(limits["orders"])})
    check_tracking(tracking)
    extras = replace(extras, reference=None if reference is None else read_reference(reference))
    config = settings.config()
    several = len(paths) > 1
    base = Path("dstft-out") / _FOLDER if several and output is None else None if output is None else Path(output)
    written, failed = [], 0
    for path in paths:
        try:
            for job in _jobs(console, settings, config, tracking, path, base, several):
                written.append((job.name, _one(console, job, overwrite, extras)))
        except DstftError as error:
            if not several:
                raise
            console.warn(str(error))
            written.append((file_name(path), str(error)))
            failed += 1
    if several:
        summary = base / SUMMARY
        write_summary(written, summary)
        click.echo(click.format_filename(summary))
    return (1 if failed == len(paths) else _SOME_FAILED) if failed else 0


def read_orders(text: str | None) -> tuple[float, ...]:
    """The orders of "1-10" or "1,2,3.5", increasing; none of None. Raises InputError for other texts."""
    orders: set[float] = set()
    for part in text.split(",") if text is not None else ():
        span = re.fullmatch(r"\s*(\d{1,4})\s*-\s*(\d{1,4})\s*", part)
        if span and int(span[1]) <= int(span[2]):
            orders |= set(map(float, range(int(span[1]), int(span[2]) + 1)))
        elif re.fullmatch(r"\s*(\d{1,6}\.?\d{0,9}|\.\d{1,9})\s*", part):
            orders.add(float(part))
        else:
            raise InputError(
                f"--orders {file_name(text)}: expected numbers and ranges with commas, such as 1-10 or 1,2,3.5"
            )
    return tuple(sorted(orders))


def _jobs(
    console: Console,
    settings: Settings,
    config: Config,
    tracking: Tracking,
    path: str,
    base: Path | None,
    several: bool,
):
    """The signals of one input, read and checked."""
    if is_result(path):
        if settings.given():
            raise InputError(
                f"{', '.join(settings.given())}: {file_name(path)} is a result and has its windows; leave it out"
            )
        home, result = result_folder(path), read_result(path)
        folder = home / _FOLDER if base is None else base / home.name if several else base
        yield _Job(home.name, lambda show: track_result(result, tracking, show), folder, result.config)
        return
    signals = load_inputs(path, config)
    console.notes(signals)
    folder = base / Path(path).stem if several else base
    folders = output_folders(folder, signals)
    optimized = "mode" in config.transform.model_fields_set
    for signal, target in zip(signals, folders, strict=True):
        target = target / _FOLDER if base is None else target
        yield _Job(
            signal.where,
            lambda show, signal=signal: track_signal(signal, tracking, config, optimized, show),
            target,
            config,
        )


def _one(console: Console, job: _Job, overwrite: bool, extras: Extras) -> dict[str, object]:
    """Track and write one signal, print what was found, and return its numbers."""
    check_free(job.folder, overwrite)
    with console.progress() as show:
        tracked = job.find(show)
    numbers = write_track(tracked, job.folder, job.config, extras)
    if console.quiet:
        click.echo(click.format_filename(job.folder))
    else:
        console.facts(rows(tracked, numbers, job.folder))
    return numbers
