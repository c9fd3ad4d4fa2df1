"""``dstft train``: the window that serves a task, learnt with a network."""

import click
import cloup

from .options.analysis import LENGTH, LENGTHS, config_options, device, signal_options, threads, window
from .options.common import console_command, output, quiet, verbose
from .options.settings import setting, with_settings

_data_options = cloup.option_group(
    "Data set",
    cloup.option(
        "--label-pattern",
        metavar="REGEX",
        help="Read labels from file names: a group (?P<label>...), and perhaps (?P<group>...), (?P<fold>...) or (?P<split>...).",
    ),
    cloup.option(
        "--label-column",
        metavar="NAME",
        help="Column of the labels in a table. [default: label, category, class or target]",
    ),
    cloup.option(
        "--clip", metavar="S", type=float, help="Longest clip in seconds; longer ones are cut to their beginning."
    ),
    cloup.option(
        "--resample",
        metavar="HZ",
        type=float,
        help="Bring all clips to this rate; without it other rates are an error.",
    ),
    cloup.option(
        "--workers", metavar="N", type=click.IntRange(1, 256), default=1, help="Threads that read clips. [default: 1]"
    ),
)
_transform_options = cloup.option_group(
    "Transform",
    setting(
        "--mode",
        "transform.mode",
        metavar="MODE",
        help="constant: one window; frequency-varying: one per frequency. [default: constant]",
    ),
    window,
    setting("--support", "transform.support", **LENGTH, help="DFT size and longest window. [default: about 64 ms]"),
    setting("--hop", "transform.hop", **LENGTH, help="Step from frame to frame. [default: an eighth of the support]"),
    setting("--theta", "transform.theta", **LENGTH, help="First window length. [default: the best of a short sweep]"),
    setting(
        "--theta-min", "transform.theta_min", **LENGTH, help="Shortest window learnt. [default: 1/32 of the support]"
    ),
    cloup.option(
        "--fixed",
        metavar="LENGTHS",
        help="Windows to compare with, such as 10,20,30 or 5ms,10ms, or none. [default: five, an octave apart, up to the support]",
    ),
    help=LENGTHS,
)
_training_options = cloup.option_group(
    "Training",
    cloup.option(
        "--task",
        type=click.Choice(["classify", "frequency"]),
        default="classify",
        show_default=True,
        help="Find classes, or the frequency over time.",
    ),
    cloup.option(
        "--seeds",
        metavar="N",
        type=click.IntRange(1, 1000),
        default=5,
        show_default=True,
        help="Trainings of each window.",
    ),
    cloup.option(
        "--epochs", metavar="N", type=click.IntRange(1, 10_000), help="Of each training. [default: 20; frequency: 40]"
    ),
    cloup.option(
        "--batch-size",
        metavar="N",
        type=click.IntRange(1, 100_000),
        help="Clips a step. [default: 32; frequency: 4]",
    ),
    cloup.option(
        "--learning-rate",
        metavar="X",
        type=click.FloatRange(0, min_open=True),
        help="Of the weights, at first. [default: 0.002]",
    ),
    cloup.option(
        "--theta-rate",
        metavar="X",
        type=click.FloatRange(0, min_open=True),
        help="Of the window length, in octaves a step, at first. [default: 0.01; frequency: 0.05]",
    ),
    cloup.option(
        "--dropout",
        metavar="X",
        type=click.FloatRange(0, 1, max_open=True),
        default=0.3,
        show_default=True,
        help="Of the default network.",
    ),
    cloup.option(
        "--features",
        metavar="NAME",
        default="log",
        show_default=True,
        help="What the network sees: log (magnitude, normalised), levelled (likewise, and all clips equally loud) or magnitude.",
    ),
    cloup.option(
        "--model", metavar="MODULE:NAME", help="A network of your own: a function (bins, frames, classes) -> nn.Module."
    ),
    device,
    threads,
)


@cloup.command("train", short_help="learn the window for a task, together with a network")
@cloup.argument("data", metavar="DATA", type=click.Path())
@_data_options
@config_options
@signal_options
@_transform_options
@_training_options
@cloup.option_group(
    "Output",
    output("DIR", "Folder for the result. [default: dstft-out/<name of DATA>-training]"),
    cloup.option("--resume", is_flag=True, help="Go on with a training that was stopped."),
    cloup.option(
        "--on-existing",
        type=click.Choice(["error", "overwrite"]),
        default="error",
        show_default=True,
        help="What to do if the folder has a result already.",
    ),
    cloup.option("--export", type=click.Choice(["onnx"]), help="Write the model in this form too."),
    verbose(),
    quiet("Print the result and warnings only."),
)
@console_command
@with_settings
def command(console, settings, data, output, resume, on_existing, export, **training):
    """Learn the window length for the labelled clips of DATA, and compare it with fixed windows.

    DATA is a folder with one folder for each class, a table with the columns path and label (and perhaps split, fold, group),
    a folder with metadata.csv, or a folder of files whose names hold the labels.

    \b
    dstft train clips/
    dstft train clips.csv --fixed 5ms,10ms,20ms --seeds 10
    dstft train recordings/ --label-pattern '(?P<label>\\d)_(?P<group>[a-z]+)_'
    dstft train tracks.csv --task frequency
    """
    config = settings.config()
    from .actions.train import run

    return run(console, config, data, output, resume, on_existing, export, training)
