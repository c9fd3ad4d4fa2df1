"""The keys of the section ``signal`` that say what is done to the samples before the analysis, and which of them decide."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import PlainValidator, StrictBool, model_validator

from ..units import read_quantity, read_ratio
from .field_types import Number
from .section import Problem, Section, refuse, setting


def _text_that(read: Callable[[object], object]) -> Any:
    """The type of a text that a reader understands."""

    def checked(value: Any) -> str | None:
        if value is None:
            return None
        read(value)
        return str(value).strip()

    return Annotated[str | None, PlainValidator(checked)]


def _words(value: Any) -> str | None:
    named = isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))
    if value is None or (named and str(value).strip()):
        return None if value is None else str(value).strip()
    raise ValueError("a text that is not empty")


Words = Annotated[str | None, PlainValidator(_words)]


class PreparationSettings(Section):
    """What is done to the samples before the analysis, and what in them decides window lengths."""

    sensitivity: _text_that(read_ratio) = setting(
        None,
        "What the sensor gives for one of the unit measured, such as 100mV/g; null: the samples are in their unit. Samples "
        "without a unit count as volts.",
    )
    calibration: _text_that(read_quantity) = setting(
        None, "What 1 stands for in the file: a factor, or a quantity such as 10V or 2.5Pa; null: 1."
    )
    whiten: StrictBool = setting(
        False,
        "true: divide each frequency by its median level over time, so that steady noise and lines become white and what "
        "changes stands out.",
    )
    highpass: Number | None = setting(
        None,
        "Remove what is below this frequency, without delay (Butterworth filter of order 4, applied forwards and backwards: -6 dB "
        "there, -48 dB an octave below); null: nothing.",
        "Hz",
        gt=0,
        le=1e12,
    )
    lowpass: Number | None = setting(
        None, "Remove what is above this frequency, as highpass does; null: nothing.", "Hz", gt=0, le=1e12
    )

    annotations: Words = setting(
        None,
        "File of boxes over time and frequency that alone decide window lengths: a Raven selection table, labels of Audacity or a "
        "TextGrid of Praat; or a folder with one named after each recording; null: the whole recording decides.",
    )
    label: Words = setting(None, "Only boxes with this label count; null: all.")
    each_box: StrictBool = setting(
        False,
        "true: each box gives a result of its own, with half of its length on either side; false: all boxes give one.",
    )

    @model_validator(mode="after")
    def _passes(self) -> "PreparationSettings":
        refuse(self._crossed(), *(self._lone(key) for key in ("label", "each_box")))
        return self

    def _lone(self, key: str) -> Problem | None:
        if self.annotations is not None or not getattr(self, key):
            return None
        return (
            f"signal.{key}",
            "signal.annotations",
        ), f"signal.{key} is set: it needs signal.annotations, the file of boxes"

    def _crossed(self) -> Problem | None:
        if self.highpass is None or self.lowpass is None or self.highpass < self.lowpass:
            return None
        sentence = f"signal.highpass is {self.highpass:g} Hz: it must be less than signal.lowpass, {self.lowpass:g} Hz"
        return ("signal.highpass", "signal.lowpass"), sentence
