"""How to show a result, and the scale of frequency that this gives; matplotlib is not loaded for it."""

import math
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ...recordings.annotations.box import Box
from .. import axis_scales
from ..axis_scales import Scale
from .hearing_scales import HEARING_SCALES

_LEAST, _MOST_INCHES, _MOST_PIXELS = (3, 2), 100, 200_000_000


@dataclass(frozen=True)
class View:
    """How to show a result; extends the section ``figures`` of the config.

    fmin, fmax: limits of the frequency axis in Hz; None or "full" for the first and the last bin. "auto" stands for limits
        that are yet to be found (figures.shown.signal_band), and for no limits until then.
    freq_scale: linear, log, or a key of HEARING_SCALES.
    db_range: dB from the largest magnitude down to the end of the colours; "auto" for down to the noise of the picture.
    db_ref: what has 0 dB: "max", the largest that is shown, or a quantity such as "20uPa", "1" for one unit of the samples.
    scaling: what is shown: "rms" or "amplitude" of a tone, or "psd", the power spectral density.
    cmap: the colour map of magnitudes.
    dpi: dots per inch.
    start: the recording time of sample 0 in s; time axes show recording time.
    title: a file name and channel; its middle is left out if it is too long for the figure.
    tmin, tmax: limits of the time axis in s of recording time; None for the first and the last frame.
    theta_cmap: the colour map of window lengths.
    size: width and height of the figure in inches; None for its natural size. A smaller figure has smaller print.
    even_floor: whether noise, hiss and onsets are drawn no louder where windows are shorter.
    began: the recording's own time at 0 s of recording time, which time axes show instead; None for recording time.
    unit: of the samples; "" where it is not known.
    boxes: over time and frequency, whose outlines are drawn.
    corner: a remark on the band shown, in small print in the corner of the figure.

    Raises InputError for a value that cannot be drawn with.
    """

    fmin: float | str | None = None
    fmax: float | str | None = None
    freq_scale: str = "linear"
    db_range: float | str = 80.0
    db_ref: str = "max"
    scaling: str = "rms"
    cmap: str = "magma"
    dpi: int = 150
    start: float = 0.0
    title: str = ""
    tmin: float | None = None
    tmax: float | None = None
    theta_cmap: str = "viridis"
    size: tuple[float, float] | None = None
    even_floor: bool = True
    corner: str = ""
    began: str | float | None = None
    unit: str = ""
    boxes: tuple[Box, ...] = ()

    @property
    def band(self) -> tuple[float | None, float | None]:
        """The limits of the frequency axis in Hz, None where there is none."""
        low, high = (None if isinstance(limit, str) else limit for limit in (self.fmin, self.fmax))
        return low, high

    def __post_init__(self) -> None:
        for name, default in (("cmap", "magma"), ("theta_cmap", "viridis")):
            if (value := getattr(self, name)) != default and not _is_colour_map(value):
                raise InputError(f"figures: {name}={value!r}: not a colour map of matplotlib; try {default}")
        for name in ("tmin", "tmax"):
            if not math.isfinite(getattr(self, name) or 0):
                raise InputError(f"figures: {name}={getattr(self, name)}: expected a number of s")
        if self.freq_scale not in ("linear", "log", *HEARING_SCALES):
            raise InputError(
                f"figures: freq_scale={self.freq_scale!r}: expected linear, log or {', '.join(HEARING_SCALES)}"
            )
        if self.db_range != "auto" and not 0 < self.db_range < math.inf:
            raise InputError(f"figures: db_range={self.db_range}: expected a number of dB above 0")
        self._check_size()

    def _check_size(self) -> None:
        width, height = self.size or (10, 5)
        if not (_LEAST[0] <= width <= _MOST_INCHES and _LEAST[1] <= height <= _MOST_INCHES):
            least = f"{_LEAST[0]:g}x{_LEAST[1]:g}"
            raise InputError(
                f"figures: size={width:g}x{height:g}: expected from {least} to {_MOST_INCHES}x{_MOST_INCHES} inches"
            )
        if self.dpi**2 * width * height > _MOST_PIXELS:
            size = f"{width:g}x{height:g} inches at {self.dpi} dots per inch"
            raise InputError(
                f"figures: {size} exceed {_MOST_PIXELS / 1e6:g} million pixels; choose a smaller size or dpi"
            )


def _is_colour_map(name: str) -> bool:
    import matplotlib  # here, since the usual maps need no look

    return name in matplotlib.colormaps


def view_frequency_scale(frequencies: np.ndarray, view: View) -> Scale:
    """The frequency scale of a view. frequencies: (F,) Hz. Raises InputError if no bin lies in the view's band."""
    hearing = view.freq_scale if view.freq_scale in HEARING_SCALES else None
    return axis_scales.frequency_scale(frequencies, *view.band, view.freq_scale == "log", hearing)
