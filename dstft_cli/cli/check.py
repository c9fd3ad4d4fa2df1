"""``dstft check``: record the numbers of runs, and test later whether they are still the same."""

import click
import cloup

from .options.analysis import config_options
from .options.common import console_command, quiet, verbose
from .options.settings import with_settings

_baseline_options = cloup.option_group(
    "Baseline",
    cloup.option(
        "--baseline",
        metavar="FILE",
        type=click.Path(),
        default="baseline.json",
        show_default=True,
        help="File with the expected numbers.",
    ),
    cloup.option(
        "--root",
        metavar="DIR",
        type=click.Path(),
        help="Folder that the paths of recordings are relative to. [default: folder of the baseline]",
    ),
)


@cloup.group("check", short_help="test whether results are still the same, for CI")
def command():
    """Test whether runs still give the same numbers: a regression check for CI.

    Runs are the same on every machine: on the CPU, in double precision, with at most 30 steps.

    \b
    dstft check record recordings/*.wav -c config.yaml --baseline baseline.json
    dstft check run --baseline baseline.json --junit check.xml
    dstft check run --baseline baseline.json --update    after an intended change

    Exit codes of run: 0 all within tolerance; 4 something is not; 2 the check could not be made.
    """


@command.command(short_help="write a baseline")
@cloup.argument("paths", metavar="INPUT...", nargs=-1, required=True, type=click.Path())
@_baseline_options
@config_options
@cloup.option_group("Output", verbose("-vv prints tracebacks."), quiet("Print the baseline's name only."))
@console_command
@with_settings
def record(console, settings, paths, baseline, root):
    """Run each INPUT and write its numbers to a baseline, with the tolerance of each number and the reason for it.

    Numbers: losses and their terms, the best constant window, quantiles of window lengths, coverage, entropy, kurtosis,
    accuracy, shapes, and coarse maps of the spectrogram and the window lengths. You may edit tolerances and reasons.
    """
    config = settings.config()
    from .actions.check import record

    return record(console, config, paths, baseline, root)


@command.command(short_help="repeat a baseline and compare")
@_baseline_options
@config_options
@cloup.option_group(
    "Output",
    cloup.option("--junit", metavar="FILE", type=click.Path(), help="Write the outcome as JUnit XML, for CI servers."),
    cloup.option(
        "--summary",
        metavar="FILE",
        type=click.Path(),
        help="Write the outcome as Markdown; - prints it instead of the table. The file named by $GITHUB_STEP_SUMMARY is "
        "appended to.",
    ),
    cloup.option("--update", is_flag=True, help="Show what changed, then write the new numbers to the baseline."),
    verbose("Also show what did not change; -vv also prints tracebacks."),
    quiet("Print the verdict only."),
)
@console_command
@with_settings
def run(console, settings, baseline, root, update, **reports):
    """Run the recordings of a baseline again and compare: exit code 4 if a number is out of tolerance.

    The settings are those of the baseline. With -c they are those of a file or preset: give the one in use, so that the
    check notices its changes. --set changes single keys.
    """
    from .actions.check import Reports, run

    return run(console, settings, baseline, root, update, Reports(**reports))
