"""``dstft plot``: a result's pictures drawn again, and its window lengths as a table."""

import click
import cloup

from .options.analysis import picture_settings
from .options.common import console_command, output, quiet, verbose
from .options.settings import setting, with_settings

FIGURES = ("spectrogram", "theta", "comparison", "loss", "frames", "reassigned")  # those of dstft_cli.figures.of_result


@cloup.command("plot", short_help="draw a result's pictures again with other ranges, colours and sizes")
@cloup.argument("path", metavar="RESULT", type=click.Path())
@cloup.option_group(
    "Pictures",
    cloup.option(
        "--figure",
        "names",
        multiple=True,
        type=click.Choice(FIGURES),
        help="Picture to draw; repeatable. [default: all that optimize draws; none with --theta-csv]",
    ),
    cloup.option("--tmin", type=float, metavar="S", help="Start of the time axis, in seconds of the recording."),
    cloup.option("--tmax", type=float, metavar="S", help="End of the time axis, in seconds of the recording."),
    *picture_settings,
    cloup.option("--theta-cmap", metavar="NAME", help="Matplotlib colour map of window lengths. [default: viridis]"),
    cloup.option("--size", metavar="WxH", help="Width and height in inches, 10x5. Small pictures get smaller text."),
    setting("--dpi", "figures.dpi", type=int, metavar="N", help="Dots per inch. [default: 150]"),
    help="Options not given are those of the run.",
)
@cloup.option_group(
    "Output",
    output(
        "DIR|FILE",
        "Folder, or for one picture a file that ends in .png, .svg or .pdf. [default: plots in RESULT]",
    ),
    cloup.option(
        "--theta-csv",
        "table",
        metavar="FILE",
        type=click.Path(),
        help="Write the window lengths as CSV: time_s, frequency_hz, theta_ms; - prints them.",
    ),
    cloup.option("--force", is_flag=True, help="Replace existing files."),
    verbose("-vv prints tracebacks."),
    quiet("Print the names of the written files only."),
)
@console_command
@with_settings
def command(console, settings, path, names, output, **options):
    """Draw the pictures of RESULT again with other ranges, scales, colours and sizes. Nothing is optimised again.

    RESULT is a folder that dstft optimize wrote (or its result.npz). Without options the pictures are those of the run.
    The ranges also limit the table of window lengths.

    \b
    dstft plot dstft-out/call --figure spectrogram --fmin 20000 -o call.pdf
    dstft plot dstft-out/call --size 3.5x2.5 --format svg --db-range 60
    dstft plot dstft-out/call --theta-csv - | head
    """
    from .actions.plot import Options, run

    return run(console, settings.flags, path, names, output, Options(**options))
