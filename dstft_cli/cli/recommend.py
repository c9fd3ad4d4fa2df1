"""``dstft recommend``: the window and the hop to use in any tool, for one recording or a set."""

import click
import cloup

from .options.analysis import (
    LENGTH,
    LENGTHS,
    config_options,
    device,
    dtype,
    loss_options,
    signal_options,
    threads,
    window,
)
from .options.common import console_command, output, quiet, verbose
from .options.settings import setting, with_settings

_transform_options = cloup.option_group(
    "Transform",
    window,
    setting("--support", "transform.support", **LENGTH, help="Longest window to try; 25% is of the signal's length."),
    setting("--theta-min", "transform.theta_min", **LENGTH, help="Shortest window to try."),
    setting("--theta", "transform.theta", **LENGTH, help="The window you use now, to see how much worse it is."),
    setting("--hop", "transform.hop", **LENGTH, help="Step from frame to frame during the search; longer is faster."),
    help=LENGTHS,
)
_run_options = cloup.option_group(
    "Run",
    device,
    dtype,
    threads,
    cloup.option(
        "--no-gain", is_flag=True, help="Do not estimate the gain of windows that adapt in time or frequency; faster."
    ),
)


@cloup.command("recommend", short_help="the best constant window and hop, ready to paste into other tools")
@cloup.argument("paths", metavar="INPUT...", nargs=-1, required=True, type=click.Path())
@config_options
@signal_options
@_transform_options
@loss_options
@_run_options
@cloup.option_group(
    "Output",
    output("FILE", "Draw the loss over window length: .png, .svg or .pdf."),
    cloup.option(
        "--json", "as_json", is_flag=True, help="Print one JSON object, with the loss curve, instead of text."
    ),
    cloup.option("--force", is_flag=True, help="Replace an existing picture."),
    verbose(),
    quiet("Print the recommendation and warnings, no progress and no notes."),
)
@console_command
@with_settings
def command(console, settings, paths, output, as_json, force, no_gain):
    """Find the best constant window length and hop for INPUT, as lines for librosa, SciPy, torch, MATLAB and SoX.

    Several INPUTs share one window of the same duration, whatever their sampling rates. Nothing is written unless -o is
    given.

    \b
    dstft recommend recording.wav
    dstft recommend calls/*.wav --theta-min 1ms --support 20ms
    dstft recommend recording.wav --theta 1024     cost of 1024 samples
    dstft recommend recording.wav --json -o curve.png
    """
    config = settings.config()
    from .actions.recommend import check_mode, run

    check_mode(settings.given())
    return run(console, config, paths, output, force, not no_gain, as_json)
