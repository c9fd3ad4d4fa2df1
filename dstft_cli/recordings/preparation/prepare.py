"""All that is done to the samples of a recording before the analysis, in its order."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from ..detrend import detrend
from ..signal import Signal
from .band import filter_band
from .calibration import calibrate
from .whitening import whiten


@dataclass(frozen=True)
class Preparation:
    """What is done to samples.

    calibration, sensitivity: see ``calibrate``.
    detrend: "none", "mean" or "linear", see ``detrend``.
    whiten: whether each frequency is divided by its median level, see ``whiten``.
    highpass, lowpass: Hz, see ``filter_band``.
    """

    calibration: str | None = None
    sensitivity: str | None = None
    detrend: str = "mean"
    whiten: bool = False
    highpass: float | None = None
    lowpass: float | None = None

    @classmethod
    def of(cls, settings: Mapping[str, object]) -> "Preparation":
        """That of settings by name, among which there may be others."""
        return cls(**{name: settings[name] for name in KEYS if name in settings})


KEYS = frozenset(field.name for field in fields(Preparation))
"""The names of the settings of a preparation."""


def prepare(signal: Signal, preparation: Preparation) -> Signal:
    """A signal in its physical unit, without offset or trend, whitened and filtered, with notes on all that was done.

    Raises InputError as the single steps do.
    """
    signal = calibrate(signal, preparation.calibration, preparation.sensitivity)
    signal = detrend(signal, preparation.detrend)
    if preparation.whiten:
        signal = whiten(signal)
    return filter_band(signal, preparation.highpass, preparation.lowpass)
