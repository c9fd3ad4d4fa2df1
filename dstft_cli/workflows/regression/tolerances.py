"""Tolerances of a regression check: how far each number may move, what a new baseline begins with, and why.

Measured by ``tests/benchmarks/check_mutations.py`` on 78 runs of 0.05 to 30 s of recordings (speech, birds, whale, mouse,
ECG, EEG, pulse, machines, instruments) and synthetic signals, in 11 combinations of modes and losses. Largest change

    with other threads or instructions, float64   3e-7 nats, 1e-6 of a window length, 1e-4 dB; 4e-13 nats at trial windows
    with the exact transform written              4e-5 nats, 3e-3 dB
    with a bank tolerance of a third or           5e-3 nats, 9 % of a window length (2.4 % of the best constant one),
    three times the default                       12 % of a hop, 0.7 dB and 0.14 octaves in a cell of a map
"""

import fnmatch
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from ...config.loading import Config
from ...config.schema import LOCAL_ENTROPY
from ...results.json_files import Omittable, Record, sentence_error
from ...stft.modes import CONSTANT, FIXED, FIXED_HOP, FREQUENCY, OVERLAP, PLANE

_REPEATS = "nothing is learnt, so it repeats to rounding (measured 4e-13) on any machine"
_SEARCHED = "window banks three times as fine or as coarse moved it by up to {}: three to five times that"
_ROUNDING = "no window bank: only rounding moves it (measured up to 1e-6 with other instructions)"


def _not_blank(reason: str) -> str:
    if not reason.strip():
        raise ValueError("text that says why that much is allowed")
    return reason


Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Tolerance(Record):
    """How far a value may move from the baseline's.

    absolute: in the value's unit, at least 0.
    relative: as a share of the baseline's value, at least 0; either this or ``absolute`` is given.
    reason: why that much is allowed.
    """

    absolute: Omittable[Amount] = None
    relative: Omittable[Amount] = None
    reason: Annotated[str, AfterValidator(_not_blank)]

    @model_validator(mode="after")
    def _check_one(self) -> "Tolerance":
        if (self.absolute is None) == (self.relative is None):
            raise sentence_error(f"give either absolute or relative{'' if self.absolute is None else ', not both'}")
        return self

    def allowed(self, value: float) -> float:
        """How far from that value of the baseline is within tolerance, in the value's unit."""
        return self.absolute if self.relative is None else self.relative * abs(value)


@dataclass(frozen=True)
class _Kind:
    """Numbers and maps of one kind.

    names: pattern of their names. group: what they are about. unit: of their values.
    amount: of the tolerance where the run uses a window bank. without: the same where it uses none.
    relative: whether both are shares of the value.
    """

    names: str
    group: str
    unit: str
    amount: float
    without: float
    relative: bool
    reason: str


_TRIAL, _START, _END, _LENGTHS = "trial windows", "best constant window", "optimum", "window lengths"
_KINDS = (  # the first that fits
    _Kind("trial.kurtosis", _TRIAL, "", 1e-6, 1e-6, True, _REPEATS),
    _Kind("trial.coverage", _TRIAL, "", 1e-6, 1e-6, False, _REPEATS),
    _Kind("trial.level", _TRIAL, "dB", 1e-4, 1e-4, False, _REPEATS),
    _Kind("trial.*", _TRIAL, "nats", 1e-6, 1e-6, False, _REPEATS),
    _Kind("best_constant.theta", _START, "samples", 0.08, 1e-4, True, _SEARCHED.format("2.4 %")),
    _Kind("best_constant.kurtosis", _START, "", 0.02, 1e-4, True, _SEARCHED.format("0.5 %")),
    _Kind("best_constant.*", _START, "nats", 1e-4, 1e-5, False, _SEARCHED.format("2e-5")),
    _Kind("kurtosis.initial", _START, "", 0.02, 1e-4, True, _SEARCHED.format("0.5 %")),
    _Kind(
        "coverage.initial",
        _START,
        "",
        1e-3,
        1e-5,
        False,
        "it depends on the best constant window, which is found to 2.4 %",
    ),
    _Kind("loss.initial", _START, "nats", 1e-4, 1e-5, False, _SEARCHED.format("2e-5")),
    _Kind("*.initial", _START, "nats", 1e-3, 1e-5, False, _SEARCHED.format("3e-4")),
    _Kind("kurtosis.final", _END, "", 0.1, 1e-3, True, _SEARCHED.format("3.2 %")),
    _Kind("coverage.final", _END, "", 8e-5, 1e-5, False, _SEARCHED.format("2e-5")),
    _Kind("*.final", _END, "nats", 0.015, 1e-4, False, _SEARCHED.format("0.005")),
    _Kind("theta.*", _LENGTHS, "samples", 0.25, 1e-3, True, _SEARCHED.format("9 %")),
    _Kind("hop.*", _LENGTHS, "samples", 0.35, 1e-3, True, _SEARCHED.format("12 %")),
    _Kind("accuracy.rms", "accuracy", "of S", 1e-5, 1e-5, False, "any way of writing the transform is true to 5e-6"),
    _Kind("accuracy.max", "accuracy", "of S", 3e-5, 3e-5, False, "the exact transform moved it by up to 6e-6"),
    _Kind("spectrogram", "map of the spectrogram", "dB", 2.0, 0.02, False, _SEARCHED.format("0.7 dB")),
    _Kind("theta_map", "map of window lengths", "octaves", 0.4, 2e-3, False, _SEARCHED.format("0.14 octaves")),
)
_PLANE = "plane and shapes"


def default_tolerance(name: str, config: Config) -> Tolerance:
    """The tolerance that a new baseline begins with.

    name: of a number or map.
    config: the settings of the runs.
    """
    kind = _kind(name)
    exact = kind.amount != kind.without and not _uses_bank(config)
    amount, reason = (kind.without, _ROUNDING) if exact else (kind.amount, kind.reason)
    return Tolerance(**{"relative" if kind.relative else "absolute": amount}, reason=reason)


def _uses_bank(config: Config) -> bool:
    """True where the steps of a run interpolate between window lengths, so that its outcome depends on their density."""
    settings = config.transform
    if config.optimizer.steps == 0 or config.criterion == LOCAL_ENTROPY:
        return False
    if settings.hop_mode == FIXED_HOP:
        return settings.mode not in (FIXED, CONSTANT)
    return settings.hop_mode != OVERLAP and settings.mode in (FREQUENCY, PLANE)


def group_of(name: str) -> str:
    """What the number, map or fact of that name is about, in words for a heading."""
    kind = _kind(name)
    return _PLANE if kind is None else kind.group


def unit_of(name: str) -> str:
    """The unit of the number or map of that name, "" where it has none."""
    kind = _kind(name)
    return "" if kind is None else kind.unit


def _kind(name: str) -> _Kind | None:
    return next((kind for kind in _KINDS if fnmatch.fnmatchcase(name, kind.names)), None)
