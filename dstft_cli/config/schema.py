"""The schema: every key with its meaning, unit, default and limits, and the combinations that are refused."""

from collections.abc import Iterator
from typing import Literal

from pydantic import StrictBool, StrictStr, model_validator

from ..stft.modes import CONSTANT, CONSTANT_HOP, FIXED, FIXED_HOP, FREQUENCY, OVERLAP, PLANE, TIME, VARYING_HOP
from ..text import format_value
from .field_types import (
    Column,
    Delimiter,
    Hop,
    HopMode,
    Memory,
    Mode,
    Number,
    Ratio,
    Smoothing,
    Support,
    Weight,
    Whole,
    Window,
    WindowName,
)
from .figure_settings import FigureSettings
from .preparation_settings import PreparationSettings
from .section import Problem
from .section import Section as _Section
from .section import refuse as _refuse
from .section import setting as _setting

LOCAL_ENTROPY = "local-entropy"


class SignalSettings(PreparationSettings):
    """How the recording is read. In text files null values are detected."""

    channel: Column = _setting(None, "Channel: number from 1, name, mix (mean of all) or all; null: the first.")
    start: Number = _setting(0.0, "Time at which reading starts.", "s", ge=0, le=1e9)
    duration: Number | None = _setting(None, "Time to read; null: to the end.", "s", gt=0, le=1e9)
    fs: Number | None = _setting(None, "Sampling rate; null: that of the file.", "Hz", gt=0, le=1e12)
    time_expansion: Number | None = _setting(
        None,
        "How many times slower the recording is than what was recorded, which multiplies the sampling rate; null: what the file "
        "says (GUANO), else 1.",
        gt=0,
        le=1e6,
    )
    detrend: Literal["none", "mean", "linear"] = _setting(
        "mean",
        "What is removed from the signal first: none, mean (a constant offset) or linear (a linear trend).",
    )
    delimiter: Delimiter | None = _setting(
        None, "Separator of the columns of a text file: a character, or tab, space, comma, semicolon, pipe."
    )
    decimal: Literal[".", ","] | None = _setting(None, "Decimal mark of a text file: '.' or ','.")
    skip_rows: Whole | None = _setting(None, "Lines to skip at the top of a text file.", "lines", ge=0, le=10**9)
    time_col: Column = _setting(None, "Column of the time in a text file: number from 1, or name.")
    time_unit: Literal["s", "ms", "us", "ns", "min", "h", "d"] | None = _setting(
        None, "Unit of the time column: s, ms, us, ns, min, h or d."
    )
    value_col: Column = _setting(None, "Column of the signal in a text file: number from 1, or name.")

    @model_validator(mode="after")
    def _possible(self) -> "SignalSettings":
        _refuse(
            self._same("delimiter", "decimal", "columns and decimals would look the same"),
            self._same("time_col", "value_col", "the time cannot also be the signal"),
        )
        return self

    def _same(self, one: str, other: str, why: str) -> Problem | None:
        value, keys = getattr(self, one), (f"signal.{one}", f"signal.{other}")
        if value is None or value != getattr(self, other):
            return None
        return keys, f"{keys[0]} and {keys[1]} are both {format_value(value)}: {why}"


class TransformSettings(_Section):
    """The transform: frames, windows, and which window lengths are optimised."""

    mode: Mode = _setting(
        "constant",
        "Which window lengths are optimised. fixed: none, theta is used; constant: one for the whole recording; "
        "time-varying: one per frame; frequency-varying: one per frequency; tf-varying: one per frame and frequency.",
    )
    window: WindowName = _setting(
        "hann",
        "Shape of the window: hann, hamming, blackman or gaussian; learn-cosine: a sum of cosines that is learnt from the recording; "
        "cosine(0.93, 0.05): such a sum, 1 + 0.93 cos(2 pi u) + 0.05 cos(4 pi u).",
    )
    support: Support = _setting(
        "auto",
        "DFT size L, also the longest window; frequencies are fs/L apart. Samples (an even number), "
        "a time, or % of the signal; auto: chosen from the recording, where it shows more than noise, frames do not move and "
        "mode is not fixed; else the power of two nearest 100*fs^(1/3) samples, at most 4096 and a quarter of the signal.",
    )
    hop: Hop = _setting(
        "auto",
        "Step from frame to frame; the initial step if frames move. Samples, a time, or % of support; auto: half to a quarter "
        "of theta_min where that is chosen from the recording (see support); else support/16, support/8 for signals above "
        "500 000 samples, support/4 above 2 000 000.",
    )
    hop_mode: HopMode = _setting(
        "fixed",
        "Which frames move. fixed: none, they are one hop apart; constant: one hop for all is optimised; time-varying: "
        "the position of each frame is optimised; overlap: each frame follows the previous one by a fraction of its window.",
    )
    hop_min: Hop = _setting("auto", "Smallest step between moving frames. Samples, a time, or % of hop; auto: hop/4.")
    overlap: Ratio = _setting(
        None,
        "For hop_mode overlap: step to the next frame as a fraction of the window, the paper's alpha (0.25 or 25%: "
        "neighbouring windows share three quarters); null: 0.25.",
    )
    theta: Window = _setting(
        "auto",
        "Initial window length; in mode fixed the window length. Samples (2 or more), a time, or % of support; "
        "auto: the best constant window (mode fixed: support/2).",
    )
    theta_min: Window = _setting(
        "auto",
        "Shortest window allowed. Samples (2 or more), a time, or % of support; auto: chosen from the recording (see support), "
        "1/8 to 1/64 of the longest; else support/8, but at least hop and at most theta.",
    )

    @model_validator(mode="after")
    def _possible(self) -> "TransformSettings":
        pairs = ("theta_min", "support"), ("theta", "support"), ("theta_min", "theta"), ("hop_min", "hop")
        _refuse(*(self._too_long(*pair) for pair in pairs), *self._of_hop_mode())
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
                f"transform.hop is {self.hop}: transform.hop_mode overlap computes the hop from the windows; "
                "leave it auto and set transform.overlap",
            )
        if follows and self.mode in (FREQUENCY, PLANE):
            yield (
                ("transform.mode", "transform.hop_mode"),
                f"transform.hop_mode is overlap: it needs one window per frame, transform.mode {FIXED}, {CONSTANT} or {TIME}, "
                f"not {self.mode}",
            )

    def _too_long(self, shorter: str, longer: str) -> Problem | None:
        keys = (f"transform.{shorter}", f"transform.{longer}")
        one, other = getattr(self, shorter), getattr(self, longer)
        incomparable = "theta" not in longer and one.unit == "%"  # % of support or hop, which are % of something else
        if incomparable or not one.exceeds(other):
            return None
        return keys, f"{keys[0]} is {one}: it must not exceed {keys[1]}, {other}"


class LossSettings(_Section):
    """The loss: sharpness of the spectrogram, smoothness of window lengths, coverage of the signal."""

    criterion: Literal["auto", "local-entropy", "entropy", "renyi", "kurtosis"] = _setting(
        "auto",
        "What is optimised. local-entropy is minimised: the energy around each point is in few points, compared between "
        "window lengths; entropy and renyi are minimised: the energy is in few points of the spectrogram; kurtosis is "
        "maximised: the energy of each frame is in few frequencies; auto: kurtosis if frames move, else local-entropy.",
    )
    order: Number = _setting(3.0, "Order of renyi; a larger order gives loud points more weight.", gt=0, le=100)
    regularizer: Literal["tv", "none"] = _setting("tv", "What smooths window lengths: tv (total variation) or none.")
    lambda_: Weight = _setting(
        "auto",
        "Weight of the regularizer: larger is smoother, 0 is none; auto: local-entropy, entropy and renyi 0.5, kurtosis 0.",
        alias="lambda",
    )
    reduction: Literal["mean", "sum"] = _setting(
        "mean", "How the regularizer is summed: mean (one lambda suits any grid) or sum (as in the paper)."
    )
    unit: Literal["octaves", "samples"] = _setting(
        "octaves",
        "Unit of differences of window lengths: octaves (one lambda suits any rate) or samples (as in the paper).",
    )
    epsilon: Smoothing = _setting(
        "auto",
        "Smoothing of the regularizer's square root, in the unit above (octaves or samples); auto: local-entropy 0.3, "
        "others 0.05.",
    )
    penalty: Literal["auto", "coverage", "none"] = _setting(
        "auto",
        "What keeps the signal covered by windows: coverage or none; auto: coverage for hop_mode constant and "
        "time-varying, overlap above 0.5, and kurtosis on fixed frames.",
    )
    penalty_weight: Number = _setting(10.0, "Weight of the penalty.", ge=0)


class OptimizerSettings(_Section):
    """How the loss is minimised."""

    name: Literal["adam", "adamw", "sgd", "rmsprop", "nadam", "radam"] = _setting(
        "adam", "Gradient descent method: adam, adamw, sgd, rmsprop, nadam or radam."
    )
    learning_rate: Number = _setting(0.2, "Initial step size of window lengths.", "octaves per step", gt=0, le=1e6)
    position_rate: Number = _setting(0.05, "Initial step size of frame positions.", "hops per step", gt=0, le=1e6)
    steps: Whole = _setting(200, "Maximum number of steps; 0 keeps the initial windows.", "steps", ge=0, le=10**9)
    schedule: Literal["plateau", "cosine", "constant"] = _setting(
        "plateau", "Schedule of the step size: plateau (reduced when the loss stalls), cosine (to 0) or constant."
    )
    factor: Number = _setting(0.5, "Factor on the step size when the loss stalls.", gt=0, lt=1)
    patience: Whole = _setting(20, "Steps without improvement before the run stops.", "steps", ge=1, le=10**9)
    tolerance: Number = _setting(1e-4, "Smallest relative decrease of the loss that counts as improvement.", ge=0)


class BankSettings(_Section):
    """The window bank: spectrograms at some window lengths, interpolated between them to make steps fast."""

    tolerance: Number = _setting(1e-3, "Largest relative error of the interpolation.", gt=0, lt=1)
    exact: StrictBool = _setting(False, "true: write the exact transform, not the interpolated one.")


class RunSettings(_Section):
    """Device, precision and resources."""

    device: StrictStr = _setting(
        "auto", "Device: auto, cpu, cuda, or cuda:1 and so on.", pattern="^(auto|cpu|cuda(:[0-9]{1,3})?)$"
    )
    dtype: Literal["float32", "float64"] = _setting("float32", "Precision: float32 or float64.")
    seed: Whole = _setting(0, "Seed of the random numbers.", ge=0, lt=2**63)
    memory: Memory = _setting(
        "auto",
        "Memory limit, such as 2GB or 500MB; longer signals are processed block by block; auto: half of the free memory.",
    )
    threads: Whole | None = _setting(None, "Number of CPU threads; null: torch chooses.", "threads", ge=1, le=1024)


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
        local, keys = self.criterion == LOCAL_ENTROPY, ("loss.criterion", "transform.hop_mode")
        hop_mode = self.transform.hop_mode
        if local and hop_mode != FIXED_HOP:
            why = f"{keys[0]} is {LOCAL_ENTROPY}: it needs {keys[1]} {FIXED_HOP}, not {hop_mode}; kurtosis moves frames"
            _refuse((keys, why))
        if self.signal.annotations is not None and not local:
            boxes = "signal.annotations", "loss.criterion"
            _refuse(
                (
                    boxes,
                    f"{boxes[0]} is set: boxes need {boxes[1]} {LOCAL_ENTROPY} and frames that do not move, not {self.criterion}",
                )
            )
        if local:
            _refuse(*(self._only(key, value) for key, value in (("unit", "octaves"), ("reduction", "mean"))))
            _refuse(None if self.loss.penalty != "coverage" else self._uncovered())
        return self

    @property
    def criterion(self) -> str:
        """The criterion that ``auto`` stands for, or the one that is set."""
        if self.loss.criterion != "auto":
            return self.loss.criterion
        return LOCAL_ENTROPY if self.transform.hop_mode == FIXED_HOP else "kurtosis"

    def _only(self, key: str, value: str) -> Problem | None:
        given = getattr(self.loss, key)
        if given == value:
            return None
        keys = f"loss.{key}", "loss.criterion"
        return keys, f"{keys[0]} is {given}: {LOCAL_ENTROPY} needs {value}; {given} needs another loss, such as entropy"

    def _uncovered(self) -> Problem:
        keys = "loss.penalty", "loss.criterion"
        return (
            keys,
            f"{keys[0]} is coverage: {LOCAL_ENTROPY} on fixed frames leaves nothing uncovered; use auto or none",
        )
