"""Round numbers for the ticks of an axis, and numbers and lengths as labels show them."""

from collections.abc import Callable

import numpy as np


def even_ticks(low: float, high: float, most: int) -> np.ndarray:
    """Equally spaced round numbers from low to high, (n,), n about ``most`` or less."""
    rough = (high - low) / most
    decade = 10.0 ** np.floor(np.log10(rough))
    step = decade * next(factor for factor in (1, 2, 5, 10) if factor * decade > rough * 0.99)
    return step * np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) + 0.0  # no -0


def log_ticks(low: float, high: float, most: int) -> np.ndarray:
    """Round numbers from low to high for a logarithmic scale, (n,), n about ``most`` or less."""
    decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    for digits in (range(1, 10), (1, 2, 3, 5), (1, 2, 5), (1,)):
        ticks = np.outer(decades, digits).ravel()
        ticks = ticks[(ticks >= low * (1 - 1e-9)) & (ticks <= high * (1 + 1e-9))]
        if len(ticks) <= most:
            break
    return ticks if len(ticks) >= 3 else even_ticks(low, high, most=6)


def hearing_ticks(low: float, high: float, most: int, position: Callable) -> np.ndarray:
    """Round numbers from low to high that lie apart on a scale, (n,), n about ``most`` or less.

    position: where values lie on the scale, increasing; elementwise.
    """
    decades = 10.0 ** np.arange(-4, np.ceil(np.log10(high)) + 1)
    values, ticks = np.outer(decades, (1, 2, 3, 5)).ravel(), []
    values = values[(values >= low * (1 - 1e-9)) & (values <= high * (1 + 1e-9))]
    least = 0.7 * float(np.ptp(position([low, high]))) / most
    for value in values[::-1]:
        above = not ticks or position(ticks[-1]) - position(value) >= least
        if above and (low > 0 or position(value) - position(low) >= least):  # 0 is a tick
            ticks.append(float(value))
    ticks += [0.0] if low <= 0 else []
    return np.array(ticks[::-1]) if len(ticks) >= 4 else even_ticks(low, high, min(most, 6))


def plain_number(value: float, digits: int = 3) -> str:
    """The value to that many significant digits, without an exponent: 0.05, 23.4, 1000."""
    return np.format_float_positional(value, precision=digits, fractional=False, trim="-")


def length_unit(longest: float) -> tuple[float, str]:
    """The unit of window lengths up to ``longest`` ms.

    Returns the factor from ms to the unit, and the unit.
    """
    if longest > 1000:
        return 1e-3, "s"
    return (1e3, "µs") if longest < 0.1 else (1.0, "ms")


def length_text(length: float) -> str:
    """A window length in ms as text, in the unit of length_unit: 23.4 ms."""
    factor, unit = length_unit(length)
    return f"{plain_number(length * factor)} {unit}"
