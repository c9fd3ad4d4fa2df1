"""Levels in dB: which quantity a picture shows, what has 0 dB, and the words for both."""

import math

import numpy as np

from ...units import reference_in, reference_text
from .view import View

RMS, AMPLITUDE, PSD = SCALINGS = ("rms", "amplitude", "psd")
_OF_TONE = {RMS: math.sqrt(2), AMPLITUDE: 2.0, PSD: 1.0}  # the quantity, over the magnitude drawn
_NAMES = {RMS: "Level", AMPLITUDE: "Amplitude", PSD: "Power density"}


def drawn(display, view: View, window, sample_rate: float) -> np.ndarray:
    """What a picture draws of a spectrogram, (F, T): |S|, or with scaling psd the root of the power spectral density.

    display: the Display of the spectrogram.
    window: its family.
    sample_rate: Hz.
    """
    if view.scaling != PSD:
        return display.picture(view)
    return root_density(display.magnitude, display.theta, window, sample_rate)


def root_density(magnitude: np.ndarray, theta: np.ndarray | float, window, sample_rate: float) -> np.ndarray:
    """The root of the power spectral density, (F, T) float32; parameters as for ``psd``."""
    from ...stft.windows import psd  # here, since it imports torch

    return np.sqrt(psd(magnitude, theta, window, sample_rate)).astype(np.float32)


def zero_level(view: View) -> float | None:
    """What is drawn with 0 dB, in the unit of the samples, or its root per Hz; None for the largest of the picture.

    Raises InputError if the samples are not in the unit of the reference.
    """
    if view.db_ref == "max":
        return None
    return reference_in(view.unit, view.db_ref) / _OF_TONE[view.scaling]


def level_label(view: View) -> str:
    """The quantity and its reference, as a colour bar names them."""
    if view.db_ref == "max":
        return f"{'Magnitude' if view.scaling != PSD else _NAMES[PSD]} (dB re max)"
    text = reference_text(view.unit, view.db_ref)
    if view.scaling == PSD:
        text = f"({text})²/Hz" if " " in text else f"{text}/Hz"
    return f"{_NAMES[view.scaling]} (dB re {text})"
