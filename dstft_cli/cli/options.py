"""Options that commands share. Each that sets something of the config carries the config's dotted key."""

import click

_KEYS: dict[str, str] = {}  # parameter name -> dotted key of the config


def setting(flag: str, key: str, **attributes):
    """A click option for one key of the config; not given, it is None and leaves the config alone."""
    name = key.replace(".", "_")
    _KEYS[name] = key
    return click.option(flag, name, default=None, **attributes)


def flags_given(params: dict) -> dict:
    """{dotted key: value} of the settings given on the command line; the rest of params is left out."""
    return {_KEYS[name]: value for name, value in params.items() if name in _KEYS and value is not None}


def stacked(*options):
    """One decorator from several, shown in this order in the help."""

    def decorate(function):
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


LENGTH = {"metavar": "LENGTH"}
MODES = "fixed, constant, time-varying, frequency-varying or tf-varying (tf for short)"

config_source = stacked(
    click.option("-c", "--config", "source", metavar="FILE|PRESET", help="YAML file, or a preset such as speech."),
    click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Any key of the config; may be repeated."),
)

signal_settings = stacked(
    setting("--channel", "signal.channel", metavar="N|NAME|mix|all", help="Channel, from 1. [default: the first]"),
    setting("--start", "signal.start", type=float, metavar="S", help="Begin at this many seconds."),
    setting("--duration", "signal.duration", type=float, metavar="S", help="Take this many seconds."),
    setting(
        "--fs", "signal.fs", type=float, metavar="HZ", help="Sampling rate, where the file has none or a wrong one."
    ),
    setting("--value-col", "signal.value_col", metavar="N|NAME", help="Text files: the column of the signal."),
    setting("--time-col", "signal.time_col", metavar="N|NAME", help="Text files: the column of the time."),
    setting("--time-unit", "signal.time_unit", metavar="UNIT", help="Text files: s, ms, us, ns or min."),
    setting(
        "--delimiter",
        "signal.delimiter",
        metavar="CHAR",
        help="Text files: comma, semicolon, tab, space or a character.",
    ),
    setting("--decimal", "signal.decimal", metavar="CHAR", help="Text files: decimal mark, . or ,"),
    setting(
        "--skip-rows", "signal.skip_rows", type=int, metavar="N", help="Text files: lines to leave out at the top."
    ),
    setting(
        "--detrend", "signal.detrend", metavar="WHAT", help="Take off the mean or a linear trend first. [default: none]"
    ),
)

transform_settings = stacked(
    setting("--mode", "transform.mode", metavar="MODE", help=f"{MODES}. [default: constant]"),
    setting(
        "--window", "transform.window", metavar="NAME", help="hann, hamming, blackman or gaussian. [default: hann]"
    ),
    setting(
        "--support", "transform.support", **LENGTH, help="DFT size and longest window: 1024, 20ms, 25% of the signal."
    ),
    setting("--hop", "transform.hop", **LENGTH, help="Distance between frames: 256, 5ms, 25% of the support."),
    setting(
        "--hop-mode",
        "transform.hop_mode",
        metavar="MODE",
        help="fixed, constant, time-varying or overlap. [default: fixed]",
    ),
    setting(
        "--hop-min",
        "transform.hop_min",
        **LENGTH,
        help="Least distance between frames that move. [default: a quarter of the hop]",
    ),
    setting(
        "--overlap",
        "transform.overlap",
        metavar="X",
        help="Hop mode overlap: the step to the next frame as a share of the window; 0.25: they share 75 %. [default: 0.25]",
    ),
    setting("--theta", "transform.theta", **LENGTH, help="First window length; in fixed mode, the window length."),
    setting("--theta-min", "transform.theta_min", **LENGTH, help="Shortest window length."),
)

loss_settings = stacked(
    setting(
        "--loss", "loss.criterion", metavar="NAME", help="entropy, renyi, kurtosis or concentration. [default: entropy]"
    ),
    setting(
        "--order",
        "loss.order",
        type=float,
        metavar="X",
        help="Order of the Rényi entropy; 1 is Shannon's. [default: 3]",
    ),
    setting("--regularizer", "loss.regularizer", metavar="NAME", help="tv or none. [default: tv]"),
    setting(
        "--lambda",
        "loss.lambda",
        type=float,
        metavar="X",
        help="Weight of smoothness: more makes window lengths smoother. [default: 0.5; 0.02 with concentration, 0 with kurtosis]",
    ),
    setting(
        "--penalty",
        "loss.penalty",
        metavar="NAME",
        help="coverage (of the signal by windows) or none. [default: coverage where it could suffer]",
    ),
    setting(
        "--penalty-weight", "loss.penalty_weight", type=float, metavar="X", help="Weight of the penalty. [default: 10]"
    ),
)

run_settings = stacked(
    setting("--steps", "optimizer.steps", type=int, metavar="N", help="Most steps; 0 transforms without optimising."),
    setting("--learning-rate", "optimizer.learning_rate", type=float, metavar="X", help="First step size, in octaves."),
    setting(
        "--position-rate",
        "optimizer.position_rate",
        type=float,
        metavar="X",
        help="First step size of frames, in hops. [default: 0.05]",
    ),
    setting(
        "--exact", "bank.exact", is_flag=True, flag_value=True, help="Write the exact transform (slow for tf-varying)."
    ),
    setting("--device", "run.device", metavar="NAME", help="auto, cpu or cuda."),
    setting("--dtype", "run.dtype", metavar="NAME", help="float32 or float64."),
    setting("--memory", "run.memory", metavar="SIZE", help="Most memory to use, 2GB. [default: half of what is free]"),
    setting("--seed", "run.seed", type=int, metavar="N", help="Of the random bins that are checked."),
    setting("--threads", "run.threads", type=int, metavar="N", help="CPU threads."),
)

figure_settings = stacked(
    setting("--fmin", "figures.fmin", type=float, metavar="HZ", help="Lowest frequency shown."),
    setting("--fmax", "figures.fmax", type=float, metavar="HZ", help="Highest frequency shown."),
    setting("--freq-scale", "figures.freq_scale", metavar="SCALE", help="linear or log."),
    setting("--db-range", "figures.db_range", type=float, metavar="DB", help="Range of colours below the maximum."),
    setting("--cmap", "figures.cmap", metavar="NAME", help="Matplotlib colour map of spectrograms."),
    setting("--format", "figures.format", metavar="TYPE", help="png, svg or pdf."),
)

talk = stacked(
    click.option("-v", "--verbose", count=True, help="Say more; -vv shows tracebacks."),
    click.option("-q", "--quiet", is_flag=True, help="No progress and no remarks; print the result's folder only."),
)
