"""``dstft batch``: many recordings, each to its best spectrogram."""

import re

import click
import cloup

from .options.analysis import analysis_options, config_options
from .options.common import console_command, figures, html, output, quiet, reassign, verbose
from .options.settings import with_settings


class _Shard(click.ParamType):
    name = "shard"

    def convert(self, value, param, ctx):
        digits = re.fullmatch("([0-9]{1,9})/([0-9]{1,9})", value)
        shard = digits and tuple(map(int, digits.groups()))
        if not shard or not 1 <= shard[0] <= shard[1]:
            self.fail(f"{value!r}: write I/N with I from 1 to N, for instance 2/8", param, ctx)
        return shard


_batch_options = cloup.option_group(
    "Batch",
    cloup.option(
        "--from-file",
        metavar="FILE",
        type=click.File("rb"),
        help="Read more INPUTs from a list, one a line; - is stdin.",
    ),
    cloup.option(
        "-j",
        "--jobs",
        type=click.IntRange(1, 1024),
        metavar="N",
        help="Number of processes. [default: one per core; with CUDA one per GPU]",
    ),
    cloup.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Use the workers of a Dask scheduler; needs pip install 'dstft-cli[dask]'.",
    ),
    cloup.option("--shard", type=_Shard(), metavar="I/N", help="Process only shard I of N, for job arrays."),
    cloup.option("--fail-fast", is_flag=True, help="Start no more inputs after the first failure."),
    cloup.option(
        "--max-failures", type=click.IntRange(min=1), metavar="N", help="Start no more inputs after N failures."
    ),
)


@cloup.command("batch", short_help="the same for many recordings in parallel; resumes where it stopped")
@cloup.argument("inputs", metavar="INPUT...", nargs=-1, type=click.Path())
@_batch_options
@config_options
@analysis_options
@cloup.option_group(
    "Output",
    output("DIR", "Folder for the results.", default="dstft-out", show_default=True),
    cloup.option(
        "--on-existing",
        type=click.Choice(["resume", "overwrite", "skip", "error"]),
        default="resume",
        show_default=True,
        help="What to do with an existing result: resume keeps it if input, settings and version are the same; "
        "skip always keeps it.",
    ),
    figures,
    reassign,
    html,
    cloup.option("--no-report", is_flag=True, help="Do not write report.html."),
    verbose(),
    quiet("Print the results' folder, failures and warnings only."),
)
@console_command
@with_settings
def command(console, settings, inputs, output, **options):
    """Find the window lengths that make the spectrogram of each INPUT sharpest: dstft optimize for many recordings.

    INPUT is a file, a folder (all recordings in it and below) or a pattern in quotes. Folders of results are laid out as
    the recordings are; summary.csv and report.html list them. Rerunning processes only what is missing. Each process uses
    one thread unless --threads is given, so results do not depend on -j.

    \b
    dstft batch recordings -o results
    dstft batch 'data/*/calls_*.wav' -o results -j 4 --mode tf-varying
    dstft batch --from-file list.txt -o results --shard 3/10

    Exit codes: 0 all done; 3 some failed; 1 all failed; 5 nothing matched; 2 usage; 130 and 143 stopped by a signal.
    """
    if not inputs and options["from_file"] is None:
        raise click.UsageError("name recordings, folders or a pattern, or give a list with --from-file")
    for one, other in (("fail_fast", "max_failures"), ("scheduler", "jobs")):
        if options[one] and options[other]:
            flags = [f"--{name.replace('_', '-')}" for name in (one, other)]
            raise click.UsageError(f"{flags[0]} and {flags[1]} exclude each other; leave one out")
    config = settings.config()
    from .actions.batch import Options, run

    return run(console, config, inputs, output, Options(**options))
