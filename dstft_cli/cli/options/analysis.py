"""Options that several commands share, in the groups that --help shows. An option of the configuration carries its dotted key."""

from collections.abc import Callable

from cloup import option, option_group

from .preparation import annotation_options, preparation_options
from .settings import setting

LENGTHS = "A LENGTH is samples (1024), a time (20ms, 1.5s, 250us), a percentage (25%) or auto."
LENGTH = {"metavar": "LENGTH"}
ON_OFF = {"type": bool, "metavar": "on|off"}

window = setting(
    "--window",
    "transform.window",
    metavar="NAME",
    help="hann, hamming, blackman, gaussian, or learn-cosine (the shape is learnt too). [default: hann]",
)
device = setting("--device", "run.device", metavar="NAME", help="auto, cpu or cuda. [default: auto]")
dtype = setting("--dtype", "run.dtype", metavar="NAME", help="float32 or float64. [default: float32]")
threads = setting("--threads", "run.threads", type=int, metavar="N", help="Number of CPU threads.")

db_reference = setting(
    "--db-ref",
    "figures.db_ref",
    metavar="max|QUANTITY",
    help="What has 0 dB: 20uPa, 1ug, or 1 for the samples' unit. [default: max, the largest shown]",
)

config_options = option_group(
    "Configuration",
    option(
        "-c",
        "--config",
        "source",
        metavar="FILE|PRESET",
        help="YAML file, or a preset such as speech; `dstft config presets` lists the presets.",
    ),
    option(
        "--set",
        "sets",
        multiple=True,
        metavar="KEY=VALUE",
        help="Set any key of the configuration; repeatable. `dstft config show` lists the keys.",
    ),
)

_signal_options = option_group(
    "Signal",
    setting(
        "--channel",
        "signal.channel",
        metavar="N|NAME|mix|all",
        help="Channel by number (from 1) or name, the mean of all (mix), or all. [default: the first]",
    ),
    setting("--start", "signal.start", type=float, metavar="S", help="Start reading at this time, in seconds."),
    setting("--duration", "signal.duration", type=float, metavar="S", help="Read this many seconds."),
    setting("--fs", "signal.fs", type=float, metavar="HZ", help="Sampling rate, if the file has none or a wrong one."),
    setting("--time-expansion", "signal.time_expansion", type=float, metavar="N", help="It is slowed down N times."),
    setting(
        "--detrend",
        "signal.detrend",
        metavar="WHAT",
        help="Remove the mean or a linear trend first: none, mean or linear. [default: mean]",
    ),
)
_text_options = option_group(
    "Text files",
    setting("--value-col", "signal.value_col", metavar="N|NAME", help="Column of the signal."),
    setting("--time-col", "signal.time_col", metavar="N|NAME", help="Column of the time."),
    setting(
        "--time-unit", "signal.time_unit", metavar="UNIT", help="Unit of the time column: s, ms, us, ns, min, h or d."
    ),
    setting(
        "--delimiter",
        "signal.delimiter",
        metavar="CHAR",
        help="Separator of columns: comma, semicolon, tab, space, pipe or a character.",
    ),
    setting("--decimal", "signal.decimal", metavar="CHAR", help="Decimal mark: . or ,"),
    setting("--skip-rows", "signal.skip_rows", type=int, metavar="N", help="Lines to skip at the top."),
    help="CSV, TSV or TXT. Options not given are detected.",
)

transform_options = option_group(
    "Transform",
    setting(
        "--mode",
        "transform.mode",
        metavar="MODE",
        help="Which window lengths are optimised: fixed (none), constant (one for all), time-varying, "
        "frequency-varying or tf-varying (tf). [default: constant]",
    ),
    window,
    setting(
        "--support",
        "transform.support",
        **LENGTH,
        help="DFT size and longest window; 25% is of the signal's length. [default: chosen from the recording]",
    ),
    setting(
        "--hop",
        "transform.hop",
        **LENGTH,
        help="Step from frame to frame; 25% is of the support. [default: half to a quarter of the shortest window]",
    ),
    setting(
        "--hop-mode",
        "transform.hop_mode",
        metavar="MODE",
        help="Which frames move: fixed (none), constant (one hop for all), time-varying or overlap. [default: fixed]",
    ),
    setting(
        "--hop-min",
        "transform.hop_min",
        **LENGTH,
        help="Smallest step between moving frames. [default: a quarter of the hop]",
    ),
    setting(
        "--overlap",
        "transform.overlap",
        metavar="X",
        help="With --hop-mode overlap: step to the next frame as a fraction of the window; at 0.25 neighbouring "
        "windows share 75 %. [default: 0.25]",
    ),
    setting("--theta", "transform.theta", **LENGTH, help="Initial window length; with --mode fixed the window length."),
    setting(
        "--theta-min",
        "transform.theta_min",
        **LENGTH,
        help="Shortest window length. [default: chosen from the recording]",
    ),
    help=LENGTHS,
)

loss_options = option_group(
    "Loss",
    setting(
        "--loss",
        "loss.criterion",
        metavar="NAME",
        help="auto, local-entropy, entropy, renyi or kurtosis. [default: auto, which is kurtosis if frames move, else local-entropy]",
    ),
    setting(
        "--order",
        "loss.order",
        type=float,
        metavar="X",
        help="Order of the Rényi entropy; 1 is Shannon's. [default: 3]",
    ),
    setting(
        "--regularizer",
        "loss.regularizer",
        metavar="NAME",
        help="What smooths window lengths: tv (total variation) or none. [default: tv]",
    ),
    setting(
        "--lambda",
        "loss.lambda",
        type=float,
        metavar="X",
        help="Weight of the regularizer; larger is smoother. [default: local-entropy, entropy and renyi 0.5, kurtosis 0]",
    ),
    setting(
        "--penalty",
        "loss.penalty",
        metavar="NAME",
        help="coverage (of the signal by windows) or none. [default: coverage where it matters]",
    ),
    setting(
        "--penalty-weight", "loss.penalty_weight", type=float, metavar="X", help="Weight of the penalty. [default: 10]"
    ),
    help="The default serves most recordings. Choose entropy or renyi to repeat the paper, kurtosis for tones and ringing.",
)

optimizer_options = option_group(
    "Optimiser",
    setting(
        "--steps",
        "optimizer.steps",
        type=int,
        metavar="N",
        help="Maximum number of steps; 0 transforms without optimising. [default: 200]",
    ),
    setting(
        "--learning-rate",
        "optimizer.learning_rate",
        type=float,
        metavar="X",
        help="Initial step size of window lengths, in octaves. [default: 0.2]",
    ),
    setting(
        "--position-rate",
        "optimizer.position_rate",
        type=float,
        metavar="X",
        help="Initial step size of frame positions, in hops. [default: 0.05]",
    ),
)

run_options = option_group(
    "Run",
    device,
    dtype,
    setting(
        "--memory", "run.memory", metavar="SIZE", help="Memory limit, such as 2GB. [default: half of the free memory]"
    ),
    threads,
    setting("--seed", "run.seed", type=int, metavar="N", help="Seed of the random accuracy check. [default: 0]"),
    setting(
        "--exact",
        "bank.exact",
        is_flag=True,
        flag_value=True,
        help="Write the exact transform, not the interpolated one (slow for tf-varying).",
    ),
)

picture_settings = (
    setting(
        "--fmin",
        "figures.fmin",
        metavar="HZ|auto|full",
        help="Lowest frequency shown; full: no limit. [default: auto, 0 unless all signal is high]",
    ),
    setting(
        "--fmax",
        "figures.fmax",
        metavar="HZ|auto|full",
        help="Highest frequency shown; full: no limit. [default: auto, just above the signal]",
    ),
    setting(
        "--freq-scale", "figures.freq_scale", metavar="SCALE", help="linear, log, mel, bark or erb. [default: linear]"
    ),
    setting(
        "--db-range",
        "figures.db_range",
        metavar="DB|auto",
        help="Range of the colours below the maximum. [default: auto, down to the noise]",
    ),
    db_reference,
    setting(
        "--scaling",
        "figures.scaling",
        metavar="WHAT",
        help="What is shown: rms or amplitude of a tone, or psd, the power spectral density. [default: rms]",
    ),
    setting(
        "--even-floor",
        "figures.even_floor",
        **ON_OFF,
        help="Draw noise and hiss at one level everywhere. [default: on]",
    ),
    setting(
        "--absolute-time", "figures.absolute_time", **ON_OFF, help="Draw the recording's own clock. [default: off]"
    ),
    setting("--cmap", "figures.cmap", metavar="NAME", help="Matplotlib colour map of spectrograms. [default: magma]"),
    setting("--format", "figures.format", metavar="TYPE", help="png, svg or pdf. [default: png]"),
)
picture_options = option_group("Pictures", *picture_settings)


def signal_options(function: Callable) -> Callable:
    """The groups Signal, Levels and filters, Annotations, and Text files."""
    return _signal_options(preparation_options(annotation_options(_text_options(function))))


def analysis_options(function: Callable) -> Callable:
    """The groups from Signal to Pictures: all options of the configuration but -c and --set."""
    for group in (picture_options, run_options, optimizer_options, loss_options, transform_options, signal_options):
        function = group(function)
    return function
