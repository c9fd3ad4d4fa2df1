"""``dstft optimize``: one recording to its best spectrogram."""

import click
import cloup

from .options.analysis import analysis_options, config_options
from .options.common import console_command, figures, html, output, quiet, reassign, verbose
from .options.settings import with_settings


@cloup.command("optimize", short_help="find the best window lengths for a recording and write its spectrogram")
@cloup.argument("path", metavar="INPUT", type=click.Path())
@config_options
@analysis_options
@cloup.option_group(
    "Output",
    output("DIR", "Folder for the result. [default: dstft-out/<name of INPUT>]"),
    cloup.option(
        "--on-existing",
        type=click.Choice(["error", "overwrite", "skip"]),
        default="error",
        show_default=True,
        help="What to do if the folder has a result already.",
    ),
    figures,
    reassign,
    html,
    verbose(),
    quiet("Print the result's folder and warnings only."),
)
@console_command
@with_settings
def command(console, settings, path, output, on_existing):
    """Find the window lengths that make the spectrogram of INPUT sharpest. Write the spectrogram, pictures and numbers.

    INPUT is an audio file (WAV, FLAC, OGG, AIFF) or a table (CSV, TSV, TXT) with a time column or --fs.

    \b
    dstft optimize recording.wav
    dstft optimize recording.wav --mode tf-varying
    dstft optimize vibration.csv --fs 10000 -c vibration
    dstft optimize call.wav --support 4ms --hop 0.25ms --fmin 20000
    """
    config = settings.config()
    from .actions.optimize import run

    return run(console, config, path, output, on_existing)
