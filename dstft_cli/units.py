"""Physical units as users and files write them: mV, g, m/s2, uPa; and quantities in them."""

import math
import re
from dataclasses import dataclass

from .errors import InputError
from .text import quoted

_PREFIXES = {"p": 1e-12, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "m": 1e-3, "c": 1e-2, "k": 1e3, "M": 1e6, "G": 1e9}
_BASES = {  # unit: what it measures, in SI units, and how many of these it is
    **{name: (name, 1.0) for name in ("V", "A", "C", "Pa", "N", "T", "W", "Hz", "m", "m/s", "m/s2")},
    "bar": ("Pa", 1e5),
    "g": ("m/s2", 9.80665),
    "gn": ("m/s2", 9.80665),
    "Gal": ("m/s2", 0.01),
    "gal": ("m/s2", 0.01),
}
_SPELLINGS = {
    "m/s²": "m/s2",
    "m/s^2": "m/s2",
    "m/s**2": "m/s2",
    "m/s/s": "m/s2",
    "ms-2": "m/s2",
    "m s-2": "m/s2",
    "ms-1": "m/s",
    "volt": "V",
    "volts": "V",
    "pascal": "Pa",
    "count": "counts",
}
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_UNIT = r"[^\W\d_][\w/^*²µμ() .-]*|%"


@dataclass(frozen=True)
class Unit:
    """A unit.

    text: as it is shown: µPa, m/s².
    measures: the unit in SI that it is a multiple of; its own name where it is not known.
    factor: how many of these it is.
    """

    text: str
    measures: str
    factor: float

    def per(self, other: "Unit") -> float | None:
        """How many of the other unit one of this is; None where they measure different things."""
        return self.factor / other.factor if self.measures == other.measures else None


@dataclass(frozen=True)
class Quantity:
    """A number of a unit, as in 20 µPa. unit: None where there is none."""

    value: float
    unit: Unit | None

    @property
    def text(self) -> str:
        """As it is shown: 20 µPa."""
        return f"{self.value:.10g} {self.unit.text if self.unit else ''}".rstrip()


def read_unit(text: str) -> Unit:
    """The unit that a text names; one that is not known measures itself."""
    name = text.strip().strip("()[] ")
    name = _SPELLINGS.get(name, name)
    for prefix, base in (("", name), (name[:1], _SPELLINGS.get(name[1:], name[1:]))):
        if base in _BASES and (not prefix or prefix in _PREFIXES):
            measures, factor = _BASES[base]
            return Unit(_shown(prefix + base), measures, factor * _PREFIXES.get(prefix, 1.0))
    return Unit(_shown(name), name, 1.0)


def read_quantity(text: object) -> Quantity:
    """A positive number with or without a unit: 20uPa, 1 ug, 9.81, 2.5.

    Raises ValueError for anything else.
    """
    match = re.fullmatch(rf"\s*({_NUMBER})\s*({_UNIT})?\s*", str(text))
    value = float(match[1]) if match and not isinstance(text, bool) else math.nan
    if not 0 < value < math.inf:
        raise ValueError("a number above 0, with or without a unit, such as 20uPa")
    return Quantity(value, read_unit(match[2]) if match[2] else None)


def read_ratio(text: object) -> tuple[Quantity, Unit]:
    """What one of a unit gives: 100mV/g, 50 mV/Pa, 1500 V/(m/s), 102mV/m/s2.

    Returns the quantity before the first slash, and the unit behind it.
    Raises ValueError for anything else.
    """
    before, slash, behind = str(text).partition("/")
    try:
        quantity = read_quantity(before)
        if not slash or quantity.unit is None or not re.fullmatch(rf"\s*(\(?({_UNIT})\)?)\s*", behind):
            raise ValueError
    except ValueError:
        raise ValueError("a number, a unit, a slash and a unit, such as 100mV/g or 50mV/Pa") from None
    return quantity, read_unit(behind)


def reference_in(unit: str, reference: str) -> float:
    """A reference of levels as a number of a unit.

    unit: that of the samples; "" where it is not known.
    reference: a quantity, such as 20uPa; without a unit it is in that of the samples.

    Raises InputError if the two measure different things.
    """
    quantity = read_quantity(reference)
    share = 1.0 if quantity.unit is None else quantity.unit.per(read_unit(unit)) if unit else None
    if share is None:
        samples = f"are in {quoted(unit, 20)}" if unit else "have no unit"
        raise InputError(
            f"figures.db_ref is {reference}, but the samples {samples}: give --sensitivity or --calibration when the recording is "
            "read, or --db-ref 1"
        )
    return quantity.value * share


def reference_text(unit: str, reference: str) -> str:
    """A reference of levels as it is shown: 20 µPa, 1 g; parameters as for ``reference_in``."""
    quantity = read_quantity(reference)
    return quantity.text if quantity.unit else f"{quantity.text} {read_unit(unit).text}".strip()


def _shown(name: str) -> str:
    micro = name.startswith("u") and name[1:] in _BASES
    name = f"µ{name[1:]}" if micro else name
    return name.replace("m/s2", "m/s²")
