"""WFDB records of PhysioNet through wfdb: a header (.hea) and the files of samples that it names."""

import os

import numpy as np
import wfdb

from ..notes import WARNING, Note
from ..request import Request
from .contents import Channel, Contents, distinct, held

ON_DISK = False


def open_contents(request: Request) -> Contents:
    """The signals of a record in physical units, each at its own rate.

    request: names the header.
    """
    record = wfdb.rdrecord(os.path.splitext(request.path)[0], smooth_frames=False)
    signals = record.e_p_signal or []
    names = distinct([name or str(i + 1) for i, name in enumerate(record.sig_name or [])])
    units = record.units or [""] * len(names)
    per_frame = record.samps_per_frame or [1] * len(names)
    began = _began(record)
    channels = [
        Channel(name, len(samples), held(samples), float(record.fs * many), "" if unit in (None, "NU") else unit, began)
        for name, samples, unit, many in zip(names, signals, units, per_frame, strict=True)
    ]
    notes = [
        Note(f"{np.count_nonzero(np.isnan(samples))} samples of {name} are marked as invalid", WARNING)
        for name, samples in zip(names, signals, strict=True)
        if np.isnan(samples).any()
    ]
    return Contents(channels, notes)


def _began(record: wfdb.Record) -> str | None:
    if record.base_datetime is not None:
        return record.base_datetime.isoformat()
    return None if record.base_time is None else record.base_time.isoformat()
