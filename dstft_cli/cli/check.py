"""``dstft check``: record what runs come to, and tell later whether they still do."""

import os
import shutil
import sys
from pathlib import Path

import click

from . import VERBOSITY
from .options import config_source, stacked

_OUT = 4  # exit code: something is out of tolerance

_place = stacked(
    click.option(
        "--baseline",
        "place",
        metavar="FILE",
        type=click.Path(),
        default="baseline.json",
        show_default=True,
        help="The file that holds what is to be the same.",
    ),
    click.option(
        "--root",
        metavar="DIR",
        type=click.Path(),
        help="The folder that the paths of recordings count from. [default: that of the baseline]",
    ),
)
_talk = stacked(
    click.option("-v", "--verbose", count=True, help="Show what did not move too; -vv shows tracebacks."),
    click.option("-q", "--quiet", is_flag=True, help="No progress and no table, the verdict only."),
)


@click.group("check", short_help="tell whether results are still what they were, for CI")
def command():
    """Tell whether runs still come to what they came to: a regression check for CI.

    Runs are made alike on any machine: on the CPU, in double precision, with at most 30 steps, none left out.

    \b
    dstft check record recordings/*.wav -c config.yaml --baseline baseline.json
    dstft check run --baseline baseline.json --junit check.xml
    dstft check run --baseline baseline.json --update      after a change that was wanted

    Exit codes of run: 0 all within tolerance, 4 something is not, 2 the check could not be made.
    """


@command.command(short_help="write a baseline")
@click.argument("paths", metavar="INPUT...", nargs=-1, required=True, type=click.Path())
@config_source
@_place
@_talk
@click.pass_context
def record(ctx, paths, source, sets, place, root, verbose, quiet):
    """Run each INPUT and write what came out to a baseline, with how far each number may move, and why.

    Losses and their terms, the best constant window, quantiles of window lengths, coverage, entropy, kurtosis, accuracy,
    shapes, and coarse maps of the spectrogram and the window lengths. Tolerances and reasons in the file may be edited.
    """
    ctx.meta[VERBOSITY] = verbose
    from ..config.loading import load_config
    from ..errors import OutputExistsError
    from ..system.shutdown import terminable

    place, config = Path(place), load_config(source, sets)
    if os.path.lexists(place):
        name = click.format_filename(place)
        raise OutputExistsError(
            f"{name}: this baseline is there already; dstft check run --update renews it, or delete it to begin anew"
        )
    _check_writable(place)
    with terminable():
        _record(place, Path(root) if root is not None else place.parent, paths, config, verbose, quiet)


def _record(place, root, paths, config, verbose, quiet) -> None:
    from ..workflows.regression.baseline_file import write_baseline
    from ..workflows.regression.measurements import profile
    from ..workflows.regression.record_and_repeat import record
    from .printing.console import Console

    console = Console(quiet=quiet, verbose=verbose)
    _say_profile(console, profile(config))
    with console.progress() as show:
        found = record(paths, config, root, _telling(console, show))
    write_baseline(found, place)
    if not quiet:
        click.echo(f"recorded       {_plural(len(found.inputs), 'recording')}")
    click.echo(f"{'' if quiet else 'written to     '}{click.format_filename(place)}")


@command.command(short_help="repeat a baseline and compare")
@_place
@config_source
@click.option("--junit", metavar="FILE", type=click.Path(), help="Write the outcome as JUnit XML, for CI servers.")
@click.option(
    "--summary",
    metavar="FILE",
    type=click.Path(),
    help="Write the outcome as Markdown; - for stdout, instead of the table. The file that $GITHUB_STEP_SUMMARY names is added to.",
)
@click.option("--update", is_flag=True, help="Show what moved, then make the baseline what came out now.")
@_talk
@click.pass_context
def run(ctx, place, root, source, sets, junit, summary, update, verbose, quiet):
    """Run the recordings of a baseline again and compare with it: exit code 4 where something moved further than it may.

    Settings are those of the baseline. With -c they are those of a file or preset: give the one that is in use, and a change
    of it is noticed. --set changes single ones.
    """
    ctx.meta[VERBOSITY] = verbose
    from ..errors import describe_error
    from ..system.shutdown import terminable
    from .printing.console import Console

    place, console = Path(place), Console(quiet=quiet, verbose=verbose)
    root = Path(root) if root is not None else place.parent
    files = _report_files(junit, summary)
    if "junit" in files:  # what an earlier check left there must not be taken for the outcome of one that was cut off
        _report_error({"junit": files["junit"]}, "the check did not come to its end")
    try:
        with terminable():
            check = _repeat(place, root, source, sets, update, console)
    except Exception as error:
        _report_error(files, describe_error(error))
        raise
    _report(check, files, summary == "-", console)
    if update:
        _renew(check, place, console)
    elif check.out:
        ctx.exit(_OUT)


def _report_files(junit, summary) -> dict[str, Path]:
    """The files of the reports asked for. Raises InputError or OutputError for one that is something else, or cannot be written."""
    from ..errors import InputError, OutputExistsError
    from ..workflows.regression.reports import is_report

    files = {kind: Path(path) for kind, path in (("junit", junit), ("summary", summary)) if path not in (None, "-")}
    if junit == "-":
        raise InputError("--junit -: give it a file; only --summary goes to stdout")
    for kind, path in files.items():
        name = click.format_filename(path)
        if "" in (junit, summary) or path.is_dir():
            raise InputError(
                f"--{kind}: {'it is empty' if '' in (junit, summary) else f'{name} is a folder'}; name a file"
            )
        if path.exists() and not is_report(path):
            raise OutputExistsError(
                f"--{kind} {name}: this file is there already and is no report; choose another name"
            )
        _check_writable(path)
    if len({path.resolve() for path in files.values()}) < len(files):
        raise InputError("--junit and --summary are one file; give each its own")
    return files


def _check_writable(path) -> None:
    """Raises OutputError where a file could not be written, before any work is spent on it."""
    from ..errors import OutputError
    from ..system.atomic_files import check_folder

    try:
        check_folder(path.absolute().parent)
    except OutputError as error:
        raise OutputError(f"{str(error).rpartition(';')[0]}; name another file") from None


def _repeat(place, root, source, sets, update, console):
    """The check, after all that can be refused beforehand was."""
    from ..workflows.regression.baseline_file import read_baseline
    from ..workflows.regression.record_and_repeat import check_inputs, repeat, settings_for

    baseline = read_baseline(place)
    config = settings_for(baseline, source, sets)
    if update:
        _check_writable(place)
    check_inputs(baseline, root, changed=update)
    _say_profile(console, config)
    with console.progress() as show:
        return repeat(baseline, config, root, _telling(console, show))


def _telling(console, show):
    """What says which recording is at work and, on a terminal, shows its steps."""
    from ..text import one_line

    def tell(name, index, count):
        console.say(f"{one_line(name)} ({index + 1} of {count})")
        return show if sys.stderr.isatty() else None

    return tell


def _say_profile(console, config) -> None:
    run, steps = config.run, config.optimizer.steps
    parts = "CPU", run.dtype, _plural(run.threads, "thread"), _plural(steps, "step"), f"seed {run.seed}"
    console.say(f"each run: {', '.join(parts)}")


def _plural(count, word) -> str:
    return f"{count} {word}{'s' * (count != 1)}"


def _report(check, files, markdown_only, console) -> None:
    """The reports asked for, and the table and the verdict on stdout."""
    from ..workflows.regression import reports as reports

    if "junit" in files:
        reports.write_report(files["junit"], reports.junit(check))
    if "summary" in files:
        reports.write_report(files["summary"], reports.markdown(check).encode())
    if markdown_only:
        click.echo(reports.markdown(check), nl=False)
        return
    if not console.quiet:
        _print_table(check, console)
        for note in check.notes if check.worst(reports.SEEN) else []:
            console.say(f"note: {note}")
    click.echo(reports.verdict(check))


def _print_table(check, console) -> None:
    from ..workflows.regression import reports as reports

    pairs = check.worst(0.0 if console.verbose else reports.SEEN)
    if not pairs:
        return
    rows = [reports.cells_of(*pair) for pair in pairs]
    marked = {(i, len(reports.HEADINGS) - 1) for i, (move, _) in enumerate(pairs) if move.out}
    if _fits([reports.HEADINGS, *rows]):
        console.table(reports.HEADINGS, rows, marked)
    else:
        for move, cells in pairs:
            click.echo(f"{'*' if move.out else ' '} {reports.line(move, cells)}")
    if marked:
        click.echo("* out of tolerance")
    click.echo("\n".join(reports.LEGEND))
    if not console.verbose:
        click.echo(f"What moved by less than {reports.SEEN:.0%} of what is allowed is left out; -v shows it.")


def _fits(rows) -> bool:
    """Whether a table is no wider than the terminal, where it goes to one."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return not sys.stdout.isatty() or sum(widths) + 3 * len(widths) <= shutil.get_terminal_size().columns


def _report_error(files, sentence) -> None:
    """The reports, where nothing could be checked; that one cannot be written now is not what matters."""
    import contextlib

    from ..errors import DstftError
    from ..workflows.regression import reports as reports

    contents = {"junit": reports.junit_error(sentence), "summary": reports.markdown_error(sentence).encode()}
    for kind, path in files.items():
        with contextlib.suppress(DstftError, OSError):
            reports.write_report(path, contents[kind])


def _renew(check, place, console) -> None:
    """The baseline as it is now, if anything differs."""
    from ..workflows.regression.baseline_file import baseline_text, write_baseline
    from ..workflows.regression.comparison import updated_baseline
    from ..workflows.regression.record_and_repeat import check_finished

    check_finished(check.current)
    new = updated_baseline(check.baseline, check.current)
    if baseline_text(new) == baseline_text(check.baseline):
        console.say("nothing differs; the baseline stays as it is")
        return
    write_baseline(new, place)
    click.echo(f"written to     {click.format_filename(place)}")
