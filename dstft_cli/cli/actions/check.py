"""What ``dstft check`` does: record a baseline, or repeat it, write the reports and print the verdict."""

import contextlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from ...config.loading import Config
from ...errors import DstftError, InputError, OutputError, OutputExistsError, describe_error
from ...system.atomic_files import check_folder
from ...text import one_line
from ...workflows.regression import record_and_repeat, reports
from ...workflows.regression.baseline_file import baseline_text, read_baseline, write_baseline
from ...workflows.regression.comparison import Check, updated_baseline
from ...workflows.regression.measurements import profile
from ..options.settings import Settings
from ..printing.check import count_of, print_outcome, print_profile
from ..printing.console import Console

_OUT_OF_TOLERANCE = 4  # exit code


@dataclass(frozen=True)
class Reports:
    """The files of --junit and --summary; a summary of - goes to stdout."""

    junit: str | None
    summary: str | None


def record(console: Console, config: Config, paths: Sequence[str], baseline: str, root: str | None) -> None:
    """Run each recording and write a baseline. root: the folder that the paths in it are relative to."""
    target = Path(baseline)
    if os.path.lexists(target):
        name = click.format_filename(target)
        raise OutputExistsError(
            f"{name}: this baseline exists; update it with dstft check run --update, or delete it to start again"
        )
    _check_writable(target)
    print_profile(console, profile(config))
    with console.progress() as show:
        recorded = record_and_repeat.record(paths, config, _root(root, target), _on_run(console, show))
    write_baseline(recorded, target, may_exist=False)
    if not console.quiet:
        click.echo(f"recorded       {count_of(len(recorded.inputs), 'recording')}")
    click.echo(f"{'' if console.quiet else 'written to     '}{click.format_filename(target)}")


def run(
    console: Console, settings: Settings, baseline: str, root: str | None, update: bool, wanted: Reports
) -> int | None:
    """Repeat a baseline, write the reports, print the verdict; return the exit code."""
    path = Path(baseline)
    files = _report_files(wanted)
    if "junit" in files:  # the report of an earlier check must not pass for that of a check that was interrupted
        _report_error({"junit": files["junit"]}, "the check did not finish")
    try:
        check = _repeat(console, settings, path, _root(root, path), update)
    except Exception as error:
        _report_error(files, describe_error(error))
        raise
    _write_reports(check, files)
    if wanted.summary == "-":
        click.echo(reports.markdown(check), nl=False)
    else:
        print_outcome(console, check)
    if update:
        _update(console, check, path)
    return _OUT_OF_TOLERANCE if check.out and not update else None


def _root(root: str | None, baseline: Path) -> Path:
    return Path(root) if root is not None else baseline.parent


def _repeat(console: Console, settings: Settings, path: Path, root: Path, update: bool) -> Check:
    """The check, after everything that can be refused beforehand."""
    baseline = read_baseline(path)
    config = record_and_repeat.settings_for(baseline, settings.source, settings.sets)
    if update:
        _check_writable(path)
    record_and_repeat.check_inputs(baseline, root, changed=update)
    print_profile(console, config)
    with console.progress() as show:
        return record_and_repeat.repeat(baseline, config, root, _on_run(console, show))


def _on_run(console: Console, show: Callable) -> record_and_repeat.OnRun:
    """The function that prints the name of each recording before its run and, on a terminal, shows its steps."""

    def on_run(name, index, count):
        console.say(f"{one_line(name)} ({index + 1} of {count})")
        return show if sys.stderr.isatty() else None

    return on_run


def _update(console: Console, check: Check, path: Path) -> None:
    """Write the new numbers to the baseline if any differs."""
    record_and_repeat.check_finished(check.current)
    new = updated_baseline(check.baseline, check.current)
    if baseline_text(new) == baseline_text(check.baseline):
        console.say("nothing differs; the baseline is unchanged")
        return
    write_baseline(new, path)
    click.echo(f"written to     {click.format_filename(path)}")


def _report_files(wanted: Reports) -> dict[str, Path]:
    """The files of the reports, by option. Raises InputError or OutputError for one that is no report or not writable."""
    given = {kind: path for kind, path in vars(wanted).items() if path is not None}
    files = {kind: Path(path) for kind, path in given.items() if path != "-"}
    if given.get("junit") == "-":
        raise InputError("--junit -: name a file; only --summary can go to stdout")
    for kind, path in files.items():
        name = click.format_filename(path)
        if "" in given.values() or path.is_dir():
            fault = "it is empty" if "" in given.values() else f"{name} is a folder"
            raise InputError(f"--{kind}: {fault}; name a file")
        if path.exists() and not reports.is_report(path):
            raise OutputExistsError(f"--{kind} {name}: this file exists and is not a report; choose another name")
        _check_writable(path)
    if len({path.resolve() for path in files.values()}) < len(files):
        raise InputError("--junit and --summary are the same file; name two")
    return files


def _check_writable(path: Path) -> None:
    """Raise OutputError for a file that could not be written, before any work."""
    try:
        check_folder(path.absolute().parent)
    except OutputError as error:
        raise OutputError(f"{str(error).rpartition(';')[0]}; name another file") from None


def _write_reports(check: Check, files: Mapping[str, Path]) -> None:
    if "junit" in files:
        reports.write_report(files["junit"], reports.junit(check))
    if "summary" in files:
        reports.write_report(files["summary"], reports.markdown(check).encode())


def _report_error(files: Mapping[str, Path], sentence: str) -> None:
    """Write the reports of a check that failed; an error in writing them would hide that of the check."""
    contents = {"junit": reports.junit_error(sentence), "summary": reports.markdown_error(sentence).encode()}
    for kind, path in files.items():
        with contextlib.suppress(DstftError, OSError):
            reports.write_report(path, contents[kind])
