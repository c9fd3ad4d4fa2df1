"""Time expansion: bat recordings that are stored some ten times slower than they were, so that their header has a tenth of the rate.

The fields TE and Samplerate are those of the GUANO metadata of bat detectors: TE is the factor, Samplerate the rate of the recording
before it was slowed down.
"""

import re
from collections.abc import Mapping

from .notes import WARNING, Note
from .request import Request

_ALIKE = 0.01  # relative difference of rates that are the same
_ULTRASONIC = 150_000  # Hz: no recording that was slowed down has such a rate


def expanded_rate(request: Request, hz: float, guano: Mapping[str, str]) -> tuple[float, list[Note]]:
    """The rate at which the sound was recorded.

    request: states the rate or the factor where the user does.
    hz: sampling rate in Hz that the file declares.
    guano: the fields of the recorder.

    Returns the rate in Hz, and what the user must know of it.
    """
    notes = []
    if request.fs is not None and request.fs != hz:
        notes = [Note(f"sampling rate {request.fs:g} Hz as given; the header says {hz:g} Hz")]
    if request.time_expansion is not None or request.fs is not None:
        hz = request.fs or hz
        return hz * (request.time_expansion or 1.0), [*notes, *notes_on_factor(request, hz)]
    factor, declared = _number(guano.get("TE")) or 1.0, _number(guano.get("Samplerate"))
    if factor > 1:
        return _by_guano(hz, factor, declared)
    if declared and abs(declared / hz - 1) > _ALIKE:
        text = f"the header says {hz:g} Hz, GUANO {declared:g} Hz; the header was used, --fs {declared:.10g} reads it as GUANO says"
        return hz, [Note(text, WARNING)]
    return hz, []


def notes_on_factor(request: Request, hz: float) -> list[Note]:
    """What a factor that the user gives does to a rate of ``hz``."""
    factor = request.time_expansion
    if factor is None or factor == 1:
        return []
    return [
        Note(f"time expansion {factor:g} as given: sampling rate {hz * factor:.10g} Hz, {factor:g} times {hz:g} Hz")
    ]


def _by_guano(hz: float, factor: float, declared: float | None) -> tuple[float, list[Note]]:
    """The rate by TE, unless the file is stored at the rate that it was recorded at."""
    expanded = hz * factor
    applied = f"sampling rate {expanded:.10g} Hz, {factor:g} times the {hz:g} Hz of the header"
    if declared is None or abs(declared / expanded - 1) <= _ALIKE:
        undo = "--time-expansion 1 reads it as it is stored"
        return expanded, [Note(f"GUANO says that time is expanded by {factor:g}: {applied}; {undo}")]
    doubt = f"GUANO says that time is expanded by {factor:g}, and that the sampling rate was {declared:g} Hz"
    if abs(declared / hz - 1) <= _ALIKE and hz >= _ULTRASONIC:
        text = f"{doubt}, which is that of the header; it was used, --time-expansion {factor:g} multiplies it"
        return hz, [Note(text, WARNING)]
    return expanded, [Note(f"{doubt}; using the factor: {applied}, --time-expansion 1 undoes it", WARNING)]


def _number(text: str | None) -> float | None:
    """The number that a text begins with; None where there is none or it is not more than 0."""
    match = re.match(r"\s*(\d+(?:\.\d+)?)", text or "")
    return float(match[1]) or None if match else None
