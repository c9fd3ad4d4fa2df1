"""``dstft predict``: what a trained model finds in recordings."""

import click
import cloup

from .options.analysis import config_options, signal_options, threads
from .options.common import console_command, output, quiet, verbose
from .options.settings import with_settings


@cloup.command("predict", short_help="apply a model of dstft train to recordings")
@cloup.argument("model", metavar="MODEL", type=click.Path())
@cloup.argument("paths", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@config_options
@signal_options
@cloup.option_group(
    "Model",
    cloup.option("--resample", is_flag=True, help="Bring recordings to the sampling rate of the model."),
    cloup.option(
        "--model", "own", metavar="MODULE:NAME", help="The function that made the network, if it is not that of dstft."
    ),
    threads,
)
@cloup.option_group(
    "Output",
    output("FILE", "Write the table to this file instead of stdout."),
    cloup.option("--force", is_flag=True, help="Replace an existing file."),
    verbose(),
    quiet("Print the table and warnings only."),
)
@console_command
@with_settings
def command(console, settings, model, paths, resample, own, output, force):
    """Print what MODEL finds in each FILE, as CSV: classes with their probabilities, or the frequency over time.

    MODEL is a folder that dstft train wrote.

    \b
    dstft predict dstft-out/clips-training new.wav
    dstft predict dstft-out/clips-training recordings/*.wav -o found.csv
    """
    config = settings.config()
    from .actions.predict import run

    return run(console, config, model, paths, resample, own, output, force)
