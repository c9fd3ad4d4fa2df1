"""Samples in a physical unit: by what 1 stands for in the file, and by the sensitivity of the sensor."""

from dataclasses import replace

import numpy as np

from ...errors import InputError
from ...text import quoted
from ...units import read_quantity, read_ratio, read_unit
from ..lazy_samples import LazySamples
from ..notes import Note
from ..signal import Signal


def calibrate(signal: Signal, calibration: str | None, sensitivity: str | None) -> Signal:
    """Scale a signal to a physical unit.

    signal: the signal.
    calibration: what 1 stands for in the file: a factor, with or without the unit of the product (10V, 2.5Pa); None for 1.
    sensitivity: what the sensor gives for one of the unit measured (100mV/g); None for samples that are in that unit. Samples whose
        unit is not known count as volts for millivolts and the like.

    Returns the signal in its unit, with a note on what was assumed.
    Raises InputError where the unit of the samples is not that of the sensitivity.
    """
    factor, unit, notes = 1.0, signal.unit, []
    if calibration is not None:
        quantity = read_quantity(calibration)
        factor, unit = quantity.value, quantity.unit.text if quantity.unit else unit
        notes.append(Note(f"calibrated: 1 in the file is {quantity.value:.10g} {unit}".rstrip()))
    if sensitivity is not None:
        given, measured = read_ratio(sensitivity)
        assumed = not unit
        share = (1 / given.unit.factor if assumed else read_unit(unit).per(given.unit)) or 0.0
        if not share:
            raise InputError(
                f"{signal.where}: the samples are in {quoted(unit, 20)}, and a sensitivity of {sensitivity} is for samples in "
                f"{given.unit.measures}; leave --sensitivity out, or give --calibration with what 1 stands for"
            )
        factor, unit = factor * share / given.value, measured.text
        what = f"samples count as {given.unit.measures}, since the file names no unit; " if assumed else ""
        notes.append(Note(f"{what}{given.text} are 1 {unit}"))
    if not notes:
        return signal
    return replace(signal, samples=scaled(signal.samples, factor), unit=unit, notes=(*signal.notes, *notes))


def scaled(samples: np.ndarray | LazySamples, factor: float) -> np.ndarray | LazySamples:
    """Samples (N,) times a factor."""
    if not isinstance(samples, LazySamples):
        return samples * factor
    return LazySamples(lambda first, last: samples[first:last] * factor, len(samples))
