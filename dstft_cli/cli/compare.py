"""``dstft compare``: spectrograms of one signal side by side, in a picture and in numbers."""

import click
import cloup

from .options.analysis import analysis_options, config_options
from .options.common import console_command, output, quiet, verbose
from .options.settings import with_settings


@cloup.command("compare", short_help="spectrograms side by side, and how sharp each is in a table")
@cloup.argument("paths", metavar="RESULT...|INPUT", nargs=-1, required=True, type=click.Path())
@cloup.option_group(
    "Comparison",
    cloup.option(
        "--window-length",
        "windows",
        multiple=True,
        metavar="LENGTH",
        help="Constant window to compare with: 20ms, 512 or 25% (of the support); repeatable. "
        "[default: the shortest, the longest and the best one]",
    ),
)
@config_options
@analysis_options
@cloup.option_group(
    "Output",
    output("FILE", "Picture: .png, .svg or .pdf. [default: compare.png]"),
    cloup.option("--no-picture", is_flag=True, help="Print the table only."),
    cloup.option(
        "--csv",
        "table",
        metavar="FILE",
        type=click.Path(),
        help="Write the numbers as CSV; - prints them instead of the table.",
    ),
    cloup.option("--force", is_flag=True, help="Replace existing files."),
    verbose(),
    quiet("Print the table and warnings, no progress, no notes and no explanations."),
)
@console_command
@with_settings
def command(console, settings, paths, windows, **targets):
    """Show spectrograms of one signal side by side on one colour scale, with a table of how sharp each is.

    RESULT is a folder that dstft optimize wrote (or its result.npz); all RESULTs must be of the same signal. INPUT is a
    recording, which is analysed as by dstft optimize, with the same options, and without keeping the result.

    \b
    dstft compare dstft-out/recording
    dstft compare default-run entropy-run
    dstft compare dstft-out/recording --window-length 20ms --window-length 80ms
    dstft compare recording.wav --no-picture --csv numbers.csv
    """
    config = settings.config()
    from .actions.compare import Targets, run

    return run(console, config, settings, paths, windows, Targets(**targets))
