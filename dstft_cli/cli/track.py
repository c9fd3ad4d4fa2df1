"""``dstft track``: the frequency of ridges, or of a shaft, over time."""

import click
import cloup

from .options.analysis import config_options, run_options, signal_options, transform_options
from .options.common import console_command, output, quiet, verbose
from .options.settings import with_settings


@cloup.command("track", short_help="follow the frequency of ridges, or of a shaft from all its orders")
@cloup.argument("paths", metavar="INPUT|RESULT...", nargs=-1, required=True, type=click.Path())
@cloup.option_group(
    "Tracking",
    cloup.option(
        "--method",
        type=click.Choice(["ridge", "harmonic"]),
        default="ridge",
        show_default=True,
        help="ridge: the strongest ridges; harmonic: one fundamental from all its orders.",
    ),
    cloup.option(
        "--components", type=int, metavar="N", help="Ridges to follow. [default: all that stand out of the noise]"
    ),
    cloup.option("--orders", metavar="LIST", help="Of method harmonic: multiples of the fundamental, 1-10 or 1,2,3.5."),
    cloup.option("--fmin", type=float, metavar="HZ", help="Lowest frequency of a ridge, or of the fundamental."),
    cloup.option("--fmax", type=float, metavar="HZ", help="Highest frequency of a ridge, or of the fundamental."),
    cloup.option("--tmin", type=float, metavar="S", help="Start, in seconds of the recording."),
    cloup.option("--tmax", type=float, metavar="S", help="End, in seconds of the recording."),
    cloup.option(
        "--max-slope",
        type=float,
        metavar="HZ/S",
        help="Fastest change of frequency. [default: what the windows can follow]",
    ),
)
@config_options
@signal_options
@transform_options
@run_options
@cloup.option_group(
    "Output",
    output(
        "DIR",
        "Folder for the track. [default: dstft-out/NAME/track, or track in RESULT; of several inputs dstft-out/track]",
    ),
    cloup.option("--rpm", is_flag=True, help="Add a column with revolutions per minute."),
    cloup.option("--labels", type=click.Choice(["raven", "audacity"]), help="Also write labels for Raven or Audacity."),
    cloup.option(
        "--order-spectrum",
        is_flag=True,
        help="Also write the spectrum over orders of the track: orders.png, orders.npz.",
    ),
    cloup.option(
        "--reference",
        metavar="FILE",
        type=click.Path(),
        help="CSV with time_s and frequency_hz: how far the track is from it.",
    ),
    cloup.option(
        "--on-existing",
        type=click.Choice(["error", "overwrite"]),
        default="error",
        show_default=True,
        help="What to do if the folder has a track already.",
    ),
    verbose(),
    quiet("Print the folders of the tracks and warnings only."),
)
@console_command
@with_settings
def command(console, settings, paths, output, on_existing, rpm, labels, order_spectrum, reference, **limits):
    """Follow frequencies through recordings, or through results of dstft optimize.

    The windows of a RESULT are used as they are. Those of a recording are chosen for each frame, so that the track stands highest
    above the noise; --mode has dstft optimize find them first. Several inputs get a folder each and summary.csv.

    \b
    dstft track call.wav
    dstft track run-up.wav --method harmonic --orders 1-10 --rpm --order-spectrum
    dstft track dstft-out/call --components 2 --labels raven
    """
    from ..workflows.track_files import Extras
    from .actions.track import run

    extras = Extras(rpm, labels, order_spectrum)
    return run(console, settings, paths, output, on_existing == "overwrite", extras, reference, limits)
