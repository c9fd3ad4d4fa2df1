"""EDF, EDF+ and BDF files of polygraphs through pyedflib: each channel at its own rate, in its own unit."""

from functools import partial

import numpy as np
from pyedflib import EdfReader

from ...errors import InputError
from ...text import quoted
from ..notes import Note
from ..request import Request
from .contents import Channel, Contents, distinct

ON_DISK = True


def open_contents(request: Request) -> Contents:
    """The signals of a file; annotations are counted.

    request: names the file.

    Raises InputError for a file of parts with gaps between them, which the library does not read.
    """
    with open(request.path, "rb") as file:
        if file.read(197)[192:] in (b"EDF+D", b"BDF+D"):
            raise InputError(
                f"{request.where} byte 192: the recording is discontinuous (EDF+D), its parts cannot be told apart here; "
                "export each part as EDF+C"
            )
    with EdfReader(request.path) as file:
        labels = [label.strip() or str(i + 1) for i, label in enumerate(file.getSignalLabels())]
        counts, rates = file.getNSamples(), file.getSampleFrequencies()
        units = [file.getPhysicalDimension(i).strip() for i in range(len(labels))]
        began = file.getStartdatetime().isoformat()
        _, _, annotations = file.readAnnotations()
    channels = [
        Channel(name, int(counts[i]), partial(_read, request.path, i), float(rates[i]) or None, units[i], began)
        for i, name in enumerate(distinct(labels))
    ]
    notes = []
    if len(annotations):
        more = "" if len(annotations) == 1 else f"s, the first of them {quoted(annotations[0], 30)}"
        notes = [Note(f"the file has {len(annotations)} annotation{more}; they are not used")]
    return Contents(channels, notes, on_disk=True)


def _read(path: str, position: int, first: int, last: int) -> np.ndarray:
    with EdfReader(path) as file:
        return file.readSignal(position, first, last - first)
