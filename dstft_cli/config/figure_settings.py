"""The section ``figures`` of the schema."""

from typing import Annotated, Literal

from pydantic import PlainValidator, StrictBool, StrictStr, model_validator

from .field_types import Decibels, HighEdge, LowEdge, Reference, Whole, names_of
from .section import Problem, Section, refuse, setting

FIGURES = ("spectrogram", "theta", "comparison", "loss", "frames", "reassigned")


class FigureSettings(Section):
    """The look of the pictures."""

    fmin: LowEdge = setting(
        "auto",
        "Lowest frequency shown. auto: 0, or just below the lowest signal where all signal is high; full or null: no limit.",
        "Hz",
    )
    fmax: HighEdge = setting(
        "auto",
        "Highest frequency shown. auto: just above the highest signal that stands out of the noise; full or null: no limit.",
        "Hz",
    )
    freq_scale: Literal["linear", "log", "mel", "bark", "erb"] = setting(
        "linear", "Frequency axis: linear, log, or as heard: mel, bark or erb (equivalent rectangular bandwidths)."
    )
    db_range: Decibels = setting(
        "auto",
        "Range of the colours below the maximum. auto: down to just below the noise, from 25 to 80.",
        "dB",
    )
    db_ref: Reference = setting(
        "max",
        "What has 0 dB. max: the largest shown; a quantity such as 20uPa or 1ug, which the samples must be measured in, or 1 for one "
        "unit of the samples.",
    )
    scaling: Literal["rms", "amplitude", "psd"] = setting(
        "rms",
        "What is shown. rms, amplitude: those of a tone (a tone of amplitude 1 has -3 or 0 dB re 1); psd: the power spectral density, "
        "each point over the noise bandwidth of its window, so that noise has one level under all windows.",
    )
    even_floor: StrictBool = setting(
        True,
        "true: draw noise at one level, and hiss and onsets at the level of their energy. Both are brighter where windows are "
        "shorter; this shows as halos and streaks where window lengths change. With db_ref, what stands out of the noise keeps its "
        "level. The spectrogram in result.npz is as it is.",
    )
    absolute_time: StrictBool = setting(
        False,
        "true: time axes show the recording's own clock, of its time column, GUANO or bext, where it has one; false: time from its "
        "first sample.",
    )
    cmap: StrictStr = setting("magma", "Colour map of spectrograms, by its matplotlib name.", min_length=1)
    format: Literal["png", "svg", "pdf"] = setting("png", "File type: png, svg or pdf.")
    draw: Annotated[str, PlainValidator(names_of(FIGURES))] = setting(
        "all",
        "Pictures that a run draws: all, none, or some of spectrogram, theta, comparison, loss, frames and reassigned, with "
        "commas between them. all: frames only if they moved, reassigned only if asked. dstft plot draws any of them later.",
    )
    reassign: StrictBool = setting(
        False,
        "true: one more picture and array, reassigned.png and .npz: energy is moved to the time and frequency that the phase "
        "tells, so that lines become thin. Noise, and what begins or ends within its window, stays.",
    )
    html: StrictBool = setting(
        False, "true: write view.html too, one page to zoom, hover, switch layers and listen. Needs the extra view."
    )
    dpi: Whole = setting(150, "Resolution of the pictures.", "dots per inch", ge=10, le=1200)

    @model_validator(mode="after")
    def _possible(self) -> "FigureSettings":
        refuse(self._crossed(), self._endless())
        return self

    def _crossed(self) -> Problem | None:
        if isinstance(self.fmin, str) or isinstance(self.fmax, str) or self.fmin < self.fmax:
            return None
        sentence = f"figures.fmin is {self.fmin:g} Hz: it must be less than figures.fmax, {self.fmax:g} Hz"
        return ("figures.fmin", "figures.fmax"), sentence

    def beyond(self, sample_rate: float) -> str:
        """What to say where pictures end below ``fmax``, at half the sampling rate in Hz; "" elsewhere."""
        half = sample_rate / 2
        if isinstance(self.fmax, str) or self.fmax is None or self.fmax <= half:
            return ""
        return f"figures.fmax is {self.fmax:g} Hz; the pictures end at half the sampling rate, {half:g} Hz"

    def _endless(self) -> Problem | None:
        if self.fmin != 0 or self.freq_scale != "log":
            return None
        return ("figures.fmin", "figures.freq_scale"), "figures.fmin is 0: a log axis needs more than 0 Hz"
