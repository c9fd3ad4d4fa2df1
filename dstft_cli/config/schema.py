"""The schema: every key with its meaning, unit, default and limits, and the pairs that cannot go together."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, model_validator
from pydantic_core import PydanticCustomError

from ..stft.modes import CONSTANT, CONSTANT_HOP, FIXED, FIXED_HOP, FREQUENCY, OVERLAP, PLANE, TIME, VARYING_HOP
from ..text import format_value
from .field_types import Column, Delimiter, Hop, HopMode, Memory, Mode, Number, Ratio, Support, Weight, Whole, Window

Problem = tuple[tuple[str, ...], str]  # the dotted keys concerned, and the sentence


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_default=True, frozen=True)


def _setting(default: object, description: str, unit: str = "", **limits: Any) -> Any:
    return Field(default, description=description, json_schema_extra={"unit": unit}, **limits)


def _refuse(*problems: Problem | None) -> None:
    """Raises the error of pydantic's that carries impossible combinations, if there are any."""
    if found := [problem for problem in problems if problem]:
        raise PydanticCustomError("combination", "impossible combination", {"problems": found})


class SignalSettings(_Section):
    """How the recording is read. In a text file what is null is found out."""

    channel: Column = _setting(None, "Channel: number from 1, name, mix (the mean) or all; null: the first.")
    start: Number = _setting(0.0, "Where to begin reading.", "s", ge=0, le=1e9)
    duration: Number | None = _setting(None, "How much to read; null reads to the end.", "s", gt=0, le=1e9)
    fs: Number | None = _setting(None, "Sampling rate; null takes what the file says.", "Hz", gt=0, le=1e12)
    detrend: Literal["none", "mean", "linear"] = _setting(
        "none",
        "What is taken off the signal first: none, mean (a constant offset) or linear (a straight line).",
    )
    delimiter: Delimiter | None = _setting(
        None, "Between the columns of a text file: a character, or tab, space, comma, semicolon, pipe."
    )
    decimal: Literal[".", ","] | None = _setting(None, "Decimal mark of a text file: '.' or ','.")
    skip_rows: Whole | None = _setting(None, "Lines passed over in a text file.", "lines", ge=0, le=10**9)
    time_col: Column = _setting(None, "Column of a text file that is the time: number from 1, or name.")
    time_unit: Literal["s", "ms", "us", "ns", "min"] | None = _setting(
        None, "Unit of the time column: s, ms, us, ns or min."
    )
    value_col: Column = _setting(None, "Column of a text file that is the signal: number from 1, or name.")

    @model_validator(mode="after")
    def _possible(self) -> "SignalSettings":
        _refuse(
            self._same("delimiter", "decimal", "columns could not be told from decimals"),
            self._same("time_col", "value_col", "the time cannot be the signal too"),
        )
        return self

    def _same(self, one: str, other: str, why: str) -> Problem | None:
        value, keys = getattr(self, one), (f"signal.{one}", f"signal.{other}")
        if value is None or value != getattr(self, other):
            return None
        return keys, f"{keys[0]} and {keys[1]} are both {format_value(value)}: {why}"


class TransformSettings(_Section):
    """What is computed: frames, windows, and which window lengths may differ."""

    mode: Mode = _setting(
        "constant",
        "Which window lengths are learnt. fixed: none, theta is kept; constant: one for the whole recording; "
        "time-varying: one a frame; frequency-varying: one a frequency; tf-varying: one a point of both.",
    )
    window: Literal["hann", "hamming", "blackman", "gaussian"] = _setting(
        "hann", "Shape of the window: hann, hamming, blackman or gaussian."
    )
    support: Support = _setting(
        "auto",
        "Frame length L, the longest window possible; frequencies are fs/L apart. Samples (an even number), "
        "a time, or % of the signal; auto: the power of two nearest 100*fs^(1/3) samples, at most 4096 and a "
        "quarter of the signal.",
    )
    hop: Hop = _setting(
        "auto",
        "Step from frame to frame, at the start where frames move. Samples, a time, or % of support; auto: support/16, "
        "and support/8 above 500 000 samples, support/4 above 2 000 000.",
    )
    hop_mode: HopMode = _setting(
        "fixed",
        "Which frames move. fixed: none, they lie one hop apart; constant: one hop for all is learnt; time-varying: each "
        "frame finds its own place; overlap: each lies a share of the window before it behind that one.",
    )
    hop_min: Hop = _setting(
        "auto", "Least distance between frames that move. Samples, a time, or % of hop; auto: hop/4."
    )
    overlap: Ratio = _setting(
        None,
        "For hop_mode overlap: the step to the next frame as a share of the window, the paper's alpha (0.25 or 25%: the "
        "other three quarters are shared with the next); null: 0.25.",
    )
    theta: Window = _setting(
        "auto",
        "Window length at the start; mode fixed keeps it. Samples (2 or more), a time, or % of support; "
        "auto: the best constant window (mode fixed: support/2).",
    )
    theta_min: Window = _setting(
        "auto",
        "Shortest window allowed. Samples (2 or more), a time, or % of support; auto: support/8, or theta "
        "where that is shorter.",
    )

    @model_validator(mode="after")
    def _possible(self) -> "TransformSettings":
        pairs = ("theta_min", "support"), ("theta", "support"), ("theta_min", "theta"), ("hop_min", "hop")
        _refuse(*(self._too_long(short, long) for short, long in pairs), *self._of_hop_mode())
        return self

    def _of_hop_mode(self) -> Iterator[Problem]:
        follows = self.hop_mode == OVERLAP
        if self.hop_min.unit != "auto" and self.hop_mode in (FIXED_HOP, OVERLAP):
            yield (
                ("transform.hop_min", "transform.hop_mode"),
                f"transform.hop_min is {self.hop_min}: it needs transform.hop_mode {CONSTANT_HOP} or {VARYING_HOP}, "
                f"not {self.hop_mode}",
            )
        if self.overlap is not None and not follows:
            yield (
                ("transform.overlap", "transform.hop_mode"),
                f"transform.overlap is {self.overlap:g}: it needs transform.hop_mode overlap, not {self.hop_mode}",
            )
        if follows and self.hop.unit != "auto":
            yield (
                ("transform.hop", "transform.hop_mode"),
                f"transform.hop is {self.hop}: with transform.hop_mode overlap the hop follows from the windows; "
                "leave it auto, and set transform.overlap",
            )
        if follows and self.mode in (FREQUENCY, PLANE):
            yield (
                ("transform.mode", "transform.hop_mode"),
                f"transform.hop_mode is overlap: it needs one window a frame, transform.mode {FIXED}, {CONSTANT} or {TIME}, "
                f"not {self.mode}",
            )

    def _too_long(self, short: str, long: str) -> Problem | None:
        keys = (f"transform.{short}", f"transform.{long}")
        one, other = getattr(self, short), getattr(self, long)
        unlike = "theta" not in long and one.unit == "%"  # a % of support or of hop, which are % of something else
        if unlike or not one.exceeds(other):
            return None
        return keys, f"{keys[0]} is {one}, more than {keys[1]}, which is {other}: it must be the shorter one"


class LossSettings(_Section):
    """What a good picture is: energy in few points, window lengths that change smoothly, nothing left out."""

    criterion: Literal["entropy", "renyi", "kurtosis", "concentration"] = _setting(
        "entropy",
        "What is optimised. entropy and renyi are made small: the energy in few points of the picture; kurtosis is made "
        "large: the energy of each frame in few frequencies; concentration is made large: the surroundings of each point sharp.",
    )
    order: Number = _setting(3.0, "Order of renyi; more looks more at the loudest points.", gt=0, le=100)
    regularizer: Literal["tv", "none"] = _setting(
        "tv", "What keeps neighbouring window lengths alike: tv (total variation) or none."
    )
    lambda_: Weight = _setting(
        "auto",
        "Weight of the regularizer: more is smoother, 0 the same as none; auto: 0.5, 0.02 with concentration, 0 with kurtosis.",
        alias="lambda",
    )
    reduction: Literal["mean", "sum"] = _setting(
        "mean", "How the regularizer adds up: mean (one lambda for any grid) or sum (paper)."
    )
    unit: Literal["octaves", "samples"] = _setting(
        "octaves", "How window lengths are compared: octaves (one lambda for any rate) or samples (paper)."
    )
    epsilon: Number = _setting(
        0.05, "Smoothing of the regularizer's square root, in the unit above (octaves or samples).", gt=0
    )
    penalty: Literal["auto", "coverage", "none"] = _setting(
        "auto",
        "What keeps windows from leaving parts of the signal out: coverage or none; auto: coverage where that pays: "
        "hop_mode constant and time-varying, overlap above 0.5, and kurtosis on fixed frames.",
    )
    penalty_weight: Number = _setting(10.0, "Weight of the penalty.", ge=0)


class OptimizerSettings(_Section):
    """How the window lengths are searched for."""

    name: Literal["adam", "adamw", "sgd", "rmsprop", "nadam", "radam"] = _setting(
        "adam", "Rule of descent: adam, adamw, sgd, rmsprop, nadam or radam."
    )
    learning_rate: Number = _setting(0.2, "How far a window length moves at first.", "octaves a step", gt=0, le=1e6)
    position_rate: Number = _setting(0.05, "How far a frame moves at first.", "hops a step", gt=0, le=1e6)
    steps: Whole = _setting(200, "Most steps; 0 leaves windows as they start.", "steps", ge=0, le=10**9)
    schedule: Literal["plateau", "cosine", "constant"] = _setting(
        "plateau", "How the rate goes on: plateau (less when the loss stalls), cosine (to 0) or constant."
    )
    factor: Number = _setting(0.5, "What the rate is multiplied by when the loss stalls.", gt=0, lt=1)
    patience: Whole = _setting(20, "Steps without improvement before the run stops.", "steps", ge=1, le=10**9)
    tolerance: Number = _setting(1e-4, "Smallest fall of the loss that is an improvement, relative.", ge=0)


class BankSettings(_Section):
    """The window bank, which makes steps fast by interpolating between window lengths."""

    tolerance: Number = _setting(1e-3, "Largest relative error accepted of the bank.", gt=0, lt=1)
    exact: StrictBool = _setting(False, "true writes the exact transform, not the bank's.")


class RunSettings(_Section):
    """Where and how precisely it is computed."""

    device: StrictStr = _setting(
        "auto", "Processor: auto, cpu, cuda, or cuda:1 and so on.", pattern="^(auto|cpu|cuda(:[0-9]{1,3})?)$"
    )
    dtype: Literal["float32", "float64"] = _setting("float32", "Precision: float32 or float64.")
    seed: Whole = _setting(0, "Start of the random numbers.", ge=0, lt=2**63)
    memory: Memory = _setting(
        "auto",
        "How much memory may be used, such as 2GB or 500MB; longer signals go block by block; auto: half of what is free.",
    )
    threads: Whole | None = _setting(None, "CPU threads; null lets torch choose.", "threads", ge=1, le=1024)


class FigureSettings(_Section):
    """How the pictures look."""

    fmin: Number | None = _setting(None, "Lowest frequency shown; null shows all.", "Hz", ge=0)
    fmax: Number | None = _setting(None, "Highest frequency shown; null shows all.", "Hz", gt=0)
    freq_scale: Literal["linear", "log"] = _setting("linear", "Frequency axis: linear or log.")
    db_range: Number = _setting(80.0, "How far below the loudest point colours reach.", "dB", gt=0)
    cmap: StrictStr = _setting("magma", "Colour map, by its name in matplotlib.", min_length=1)
    format: Literal["png", "svg", "pdf"] = _setting("png", "File type: png, svg or pdf.")
    dpi: Whole = _setting(150, "Sharpness of the pictures.", "dots an inch", ge=10, le=1200)

    @model_validator(mode="after")
    def _possible(self) -> "FigureSettings":
        _refuse(self._crossed(), self._endless())
        return self

    def _crossed(self) -> Problem | None:
        if self.fmin is None or self.fmax is None or self.fmin < self.fmax:
            return None
        sentence = f"figures.fmin is {self.fmin:g} Hz: it must be less than figures.fmax, {self.fmax:g} Hz"
        return ("figures.fmin", "figures.fmax"), sentence

    def _endless(self) -> Problem | None:
        if self.fmin != 0 or self.freq_scale != "log":
            return None
        return ("figures.fmin", "figures.freq_scale"), "figures.fmin is 0: a log axis needs more than 0 Hz"


class Config(_Section):
    """All settings of a run, by section."""

    signal: SignalSettings = SignalSettings()
    transform: TransformSettings = TransformSettings()
    loss: LossSettings = LossSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    bank: BankSettings = BankSettings()
    run: RunSettings = RunSettings()
    figures: FigureSettings = FigureSettings()

    @model_validator(mode="after")
    def _possible(self) -> "Config":
        criterion, hop_mode = self.loss.criterion, self.transform.hop_mode
        if criterion == "concentration" and hop_mode != FIXED_HOP:
            keys = "loss.criterion", "transform.hop_mode"
            _refuse(
                (
                    keys,
                    f"{keys[0]} is {criterion}: it needs {keys[1]} {FIXED_HOP}, not {hop_mode}; kurtosis moves frames",
                )
            )
        return self


FIELDS = {  # {section: {key: its pydantic field}}
    section: {field.alias or name: field for name, field in home.annotation.model_fields.items()}
    for section, home in Config.model_fields.items()
}
HOMES = {  # {key: the dotted keys that end in it}
    key: [f"{section}.{key}" for section, keys in FIELDS.items() if key in keys]
    for key in dict.fromkeys(key for keys in FIELDS.values() for key in keys)
}

# {short key: dotted key} for flags and --set; "name" would not say whose
SHORT_KEYS = {key: homes[0] for key, homes in HOMES.items() if len(homes) == 1 and key != "name"}
SHORT_KEYS |= {"lambda_": "loss.lambda", "loss": "loss.criterion", "optimizer": "optimizer.name"}
