"""Length: how users write support, hop and window lengths: in samples, as a time, a percentage, or ``auto``."""

import math
import re
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

from ..errors import InputError
from ..text import format_value

LEAST_WINDOW = 2  # samples; a shorter window can miss all samples
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6}
_WRITTEN = re.compile(r"([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*(s|ms|us|µs|μs|%|)")


@dataclass(frozen=True)
class Length:
    """A length as a user writes it: samples, a time, a percentage of another length, or ``auto``.

    value: the number, None for auto.
    unit: ``samples``, ``s``, ``ms``, ``us``, ``%`` or ``auto``.
    text: what was written, a number or text.
    """

    value: float | None
    unit: str
    text: float | str = field(compare=False)

    @classmethod
    def parse(cls, raw: "Length | float | str") -> "Length":
        """A Length from 1024, 1024.5, "1024", "20ms", "1.5 s", "250us", "25%" or "auto". Raises InputError for others."""
        try:
            return read_length(raw)
        except ValueError as error:
            raise InputError(f"length {format_value(raw)}: it must be {error}") from None

    def samples(self, sample_rate: float, whole: float) -> float | None:
        """The length in samples; None for auto.

        sample_rate: Hz.
        whole: the length that is 100 %, in samples.
        """
        if self.value is None or self.unit == "samples":
            return self.value
        if self.unit == "%":
            return self.value * whole / 100
        return self.value * sample_rate / _PER_SECOND[self.unit]

    def exceeds(self, other: "Length") -> bool:
        """True if this is longer than ``other`` for every signal; False for units that cannot be compared."""
        (unit, size), (other_unit, limit) = self._size(), other._size()
        return unit == other_unit != "auto" and size > limit

    def _size(self) -> tuple[str, float | None]:
        per_second = _PER_SECOND.get(self.unit)
        return ("s", self.value / per_second) if per_second else (self.unit, self.value)

    def __str__(self) -> str:
        return str(self.text)


def read_length(raw: object) -> Length:
    """As Length.parse, but raises ValueError whose text continues "it must be"."""
    if isinstance(raw, Length):
        return raw
    if isinstance(raw, str) and raw.strip().lower() == "auto":
        return Length(None, "auto", "auto")
    number, unit = _number_and_unit(raw)
    value = float(number)
    if not value > 0:
        raise ValueError(f"more than 0 {unit}")
    if value > 1e15:  # so that every number of samples fits a float and an index
        raise ValueError(f"at most 1e15 {unit}")
    return Length(value, unit, number if unit == "samples" else raw)


def read_support(raw: object) -> Length:
    """As read_length, for the DFT size: an even number of samples."""
    length = read_length(raw)
    if length.unit == "samples" and length.value % 2:
        raise ValueError("an even whole number of samples, since it is the DFT size")
    return length


def read_window(raw: object) -> Length:
    """As read_length, for a window length: at least LEAST_WINDOW samples, at most 100% of support."""
    length = read_length(raw)
    if length.unit == "%" and length.value > 100:
        raise ValueError("at most 100%: the support is the longest window")
    if length.unit == "samples" and length.value < LEAST_WINDOW:
        raise ValueError(f"at least {LEAST_WINDOW} samples, since a shorter window can miss all samples")
    return length


def as_number(value: Any) -> Any:
    """Numbers of any library as int or float; other values unchanged."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return value
    if isinstance(value, Integral):
        return int(value) if abs(int(value)) < 10**300 else math.inf
    return float(value)


def _number_and_unit(raw: object) -> tuple[float, str]:
    if isinstance(raw, Real) and not isinstance(raw, bool):
        return as_number(raw), "samples"
    match = _WRITTEN.fullmatch(raw.strip()) if isinstance(raw, str) else None
    if not match:
        raise ValueError("a length such as 1024 (samples), 20ms, 1.5 s, 250us, 25% or auto")
    number, unit = match.groups()
    number = int(number) if number.isdecimal() and len(number) < 20 else float(number)
    return number, unit.replace("µ", "u").replace("μ", "u") or "samples"
