"""``dstft info``: what a result or a recording is, on one screen."""

import click
import cloup

from .options.analysis import config_options, db_reference, signal_options
from .options.common import console_command, verbose
from .options.settings import with_settings


@cloup.command("info", short_help="what a result or a recording is, on one screen")
@cloup.argument("paths", metavar="RESULT|INPUT...", nargs=-1, required=True, type=click.Path())
@config_options
@signal_options
@cloup.option_group(
    "Output",
    db_reference,
    cloup.option("--json", "as_json", is_flag=True, help="Print a JSON list with one object for each path."),
    verbose("-vv prints tracebacks."),
)
@console_command
@with_settings
def command(console, settings, paths, as_json):
    """Describe results of dstft optimize, or recordings.

    A recording: format, sampling rate, length, level of each channel, notes, and what dstft optimize would do with it. A
    result: signal, settings, window lengths, gain and files.

    \b
    dstft info recording.wav
    dstft info *.csv --fs 1000
    dstft info dstft-out/recording
    dstft info dstft-out/* --json
    """
    config = settings.config()
    from .actions.info import run

    return run(console, config, paths, list(settings.given()), as_json)
