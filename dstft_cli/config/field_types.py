"""Types of the schema's values: what users may write for a length, a column, a mode, a number."""

import math
import re
from collections.abc import Callable
from numbers import Integral, Real
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator, Strict, WrapValidator

from ..errors import InputError
from ..stft.modes import HOP_MODES, MODES, get_hop_mode, get_mode
from ..units import read_quantity
from .lengths import Length, as_number, read_length, read_support, read_window
from .memory_size import read_size


def _whole_number(value: Any) -> Any:
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    number = as_number(value)
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _column(value: Any) -> int | str | None:
    value = _whole_number(value)
    numbered = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**6
    if value is None or numbered or (isinstance(value, str) and value):
        return value
    raise ValueError("a name, or a number counted from 1")


def _delimiter(value: Any) -> str:
    names = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}
    character = names.get(value, value) if isinstance(value, str) else ""
    if len(character) != 1:
        raise ValueError("one character, or tab, space, comma, semicolon or pipe")
    return character


def _mode_type(full_name: Callable[[str], str], modes: tuple[str, ...]) -> Any:
    def read(value: Any) -> Any:
        try:
            return full_name(value) if isinstance(value, str) else value
        except InputError:
            return value  # refused by Literal, which lists the modes

    return Annotated[Literal[modes], BeforeValidator(read)]


_COSINE = re.compile(r"cosine\([-+.0-9e, ]+\)")  # one that stands for no family is refused by get_window


def _window_name(value: Any, of_list: Callable[[Any], str]) -> str:
    """A sum of cosines by its coefficients, or a name of the list."""
    return value if isinstance(value, str) and _COSINE.fullmatch(value) else of_list(value)


def _reference(value: Any) -> str:
    if isinstance(value, str) and value.strip().lower() == "max":
        return "max"
    try:
        read_quantity(value)
    except ValueError:
        raise ValueError("max, or a quantity above 0 such as 20uPa, 1ug or 1") from None
    return f"{value:g}" if isinstance(value, int | float) else str(value).strip()


def _weight(value: Any) -> float | str:
    if isinstance(value, str) and value.strip().lower() == "auto":
        return "auto"
    number = as_number(value)
    if not isinstance(number, Real) or isinstance(number, bool):
        raise ValueError("a number, or auto")
    if not 0 <= number < math.inf:
        raise ValueError("at least 0 and finite, or auto")
    return float(number)


def _smoothing(value: Any) -> float | str:
    if _weight(value) == 0:
        raise ValueError("more than 0 and finite, or auto")
    return _weight(value)


def _number_or(*words: str, least: float | None = None, unit: str) -> Callable[[Any], float | str]:
    """A reader of a number or one of the words. least: the smallest number; None for any above 0."""
    needed = f"at least {least:g} {unit}" if least is not None else f"more than 0 {unit}"
    needed = " or ".join([f"{needed}, {', '.join(words[:-1])}".rstrip(", "), words[-1]])

    def read(value: Any) -> float | str:
        if value is None and "full" in words:
            return "full"
        if isinstance(value, str) and value.strip().lower() in words:
            return value.strip().lower()
        try:
            number = float(value) if isinstance(value, str) else as_number(value)
        except ValueError:
            raise ValueError(needed) from None
        if not isinstance(number, Real) or isinstance(number, bool) or not math.isfinite(number):
            raise ValueError(f"a number, {' or '.join(words)}")
        if number < (least or 0) or (least is None and number == 0):
            raise ValueError(needed)
        return float(number)

    return read


def names_of(choices: tuple[str, ...]) -> Callable[[Any], str]:
    """A reader of all, none, or names of the choices with commas between them."""

    def read(value: Any) -> str:
        names = [name.strip().lower() for name in value.split(",")] if isinstance(value, str) else []
        if names in (["all"], ["none"]):
            return names[0]
        if not names or not set(names) <= {*choices}:
            raise ValueError(f"all, none, or names with commas between them: {', '.join(choices)}")
        return ",".join(name for name in choices if name in names)

    return read


def _ratio(value: Any) -> float | None:
    if value is None:
        return None
    try:
        number = float(value.rstrip("% ")) / (100 if value.strip().endswith("%") else 1)
    except (AttributeError, ValueError):
        number = as_number(value)
    if not isinstance(number, Real) or isinstance(number, bool):
        raise ValueError("a number such as 0.25, or 25%")
    if not 0 < number <= 1:
        raise ValueError("more than 0 and at most 1")
    return float(number)


def _length_type(read: Callable[[object], Length]) -> Any:
    as_written = PlainSerializer(lambda length: length.text, return_type=Any)
    return Annotated[Length, PlainValidator(read), as_written]


Hop, Support, Window = _length_type(read_length), _length_type(read_support), _length_type(read_window)
WindowName = Annotated[
    Literal["hann", "hamming", "blackman", "gaussian", "learn-cosine"],
    WrapValidator(_window_name),
    PlainSerializer(str, return_type=str),
]
Column = Annotated[int | str | None, PlainValidator(_column)]
Delimiter = Annotated[str, PlainValidator(_delimiter)]
Mode, HopMode = _mode_type(get_mode, MODES), _mode_type(get_hop_mode, HOP_MODES)
Ratio = Annotated[float | None, PlainValidator(_ratio)]
Memory = Annotated[str, PlainValidator(read_size)]
LowEdge = Annotated[float | str, PlainValidator(_number_or("auto", "full", least=0, unit="Hz"))]
HighEdge = Annotated[float | str, PlainValidator(_number_or("auto", "full", unit="Hz"))]
Decibels = Annotated[float | str, PlainValidator(_number_or("auto", unit="dB"))]
Reference = Annotated[str, PlainValidator(_reference)]
Weight = Annotated[float | str, PlainValidator(_weight)]
Smoothing = Annotated[float | str, PlainValidator(_smoothing)]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False), BeforeValidator(as_number)]
Whole = Annotated[int, Strict(), BeforeValidator(_whole_number)]
