"""Frequency scales of hearing: distances along them are those that are heard."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class HearingScale(NamedTuple):
    """A scale of hearing.

    name: as a label shows it.
    position: of a frequency in Hz, increasing; elementwise.
    frequency: in Hz, at a position.
    """

    name: str
    position: Callable[[np.ndarray], np.ndarray]
    frequency: Callable[[np.ndarray], np.ndarray]


HEARING_SCALES = {
    "mel": HearingScale(  # O'Shaughnessy 1987, as in HTK
        "mel scale",
        lambda hertz: 2595 * np.log10(1 + np.asarray(hertz) / 700),
        lambda mel: 700 * (10 ** (np.asarray(mel) / 2595) - 1),
    ),
    "bark": HearingScale(  # Traunmüller 1990, without its corrections at the ends
        "Bark scale",
        lambda hertz: 26.81 * np.asarray(hertz) / (1960 + np.asarray(hertz)) - 0.53,
        lambda bark: 1960 * (np.asarray(bark) + 0.53) / (26.28 - np.asarray(bark)),
    ),
    "erb": HearingScale(  # Glasberg and Moore 1990: the number of equivalent rectangular bandwidths below
        "ERB scale",
        lambda hertz: 21.4 * np.log10(1 + 0.00437 * np.asarray(hertz)),
        lambda erb: (10 ** (np.asarray(erb) / 21.4) - 1) / 0.00437,
    ),
}
