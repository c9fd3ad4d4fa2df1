"""Universal files (UFF, datasets 58 and 58b) of structural dynamics through pyuff: records over time."""

import os
from collections import Counter
from dataclasses import replace

import numpy as np
import pyuff

from ...errors import InputError
from ..notes import WARNING, Note
from ..request import Request
from .contents import Channel, Contents, distinct, held
from .rates import rate_of_clock

ON_DISK = False
_TAIL = 4096  # bytes at the end of a file
_TIME = 1  # the function type of a time response
_KINDS = {
    **{
        0: "unknown functions",
        2: "auto spectra",
        3: "cross spectra",
        4: "frequency response functions",
        5: "transmissibilities",
    },
    **{6: "coherences", 7: "auto correlations", 8: "cross correlations", 9: "power spectral densities", 12: "spectra"},
}
_DATASETS = {
    15: "nodes",
    18: "coordinate systems",
    55: "modes",
    82: "trace lines",
    151: "a header",
    164: "units",
    2411: "nodes",
}
_DIRECTIONS = {1: "+X", 2: "+Y", 3: "+Z", 4: "+RX", 5: "+RY", 6: "+RZ"}


def open_contents(request: Request) -> Contents:
    """The time records of a file; other functions and datasets are counted by name.

    request: names the file.

    Raises InputError where there is no time record, or one whose samples are fewer than it declares.
    """
    file = pyuff.UFF(request.path)
    kinds = [int(kind) for kind in file.get_set_types()]
    channels, others = (
        [],
        Counter(_DATASETS.get(kind, f"dataset {kind}") for kind in kinds if kind not in (58, 151, 164)),
    )
    for i in (i for i, kind in enumerate(kinds) if kind == 58):
        record = file.read_sets(i)
        if record["func_type"] == _TIME:
            channels.append(_channel(request, record))
        else:
            others[_KINDS.get(record["func_type"], f"functions of type {record['func_type']}")] += 1
    left_out = ", ".join(f"{name} ({count})" for name, count in others.items())
    if not channels:
        raise InputError(
            f"{request.where}: no record over time, which is what a spectrogram needs; the file holds {left_out or 'no dataset 58'}"
        )
    names = distinct([channel.name for channel in channels])
    channels = [replace(channel, name=name) for name, channel in zip(names, channels, strict=True)]
    notes = [Note(f"not records over time, so not read: {left_out}")] if left_out else []
    return Contents(channels, [*notes, *_warning_of_cut(request)])


def _warning_of_cut(request: Request) -> list[Note]:
    """A warning where the last dataset has no end mark: the library leaves it out."""
    with open(request.path, "rb") as file:
        file.seek(-min(_TAIL, os.path.getsize(request.path)), os.SEEK_END)
        if file.read().rstrip().endswith(b"-1"):
            return []
    return [Note("the last dataset has no end, and was not read; the file is cut off", WARNING)]


def _channel(request: Request, record: dict) -> Channel:
    samples = np.asarray(record["data"])
    name = _name(record)
    if len(samples) < record["num_pts"]:
        raise InputError(
            f"{request.where}: {name} declares {record['num_pts']} samples, {len(samples)} are there; the file is cut off, "
            "take another copy"
        )
    if samples.dtype.kind == "c":
        raise InputError(
            f"{request.where}: {name} holds complex numbers, which no record over time is; take another copy"
        )
    unit = str(record.get("ordinate_axis_units_lab", "")).strip()
    unit = "" if unit.upper() in ("", "NONE") else unit
    if record["abscissa_spacing"] == 1:
        step, begin = float(record["abscissa_inc"]), float(record["abscissa_min"])
        hz = float(f"{1 / step:.7g}") if step > 0 else None  # the step has so many digits in a text file
        return Channel(name, len(samples), held(samples), hz, unit, begin or None)
    rate = rate_of_clock(request, "x", np.asarray(record["x"]))
    return Channel(
        name, len(samples), held(samples), rate.hz, unit, rate.began, rate_notes=rate.notes, no_rate=rate.source
    )


def _name(record: dict) -> str:
    """The node and the direction of a record, such as "12+Z"; its first line of text where it has no node."""
    node, direction = int(record.get("rsp_node", 0)), int(record.get("rsp_dir", 0))
    if not node:
        return str(record.get("id1", "")).strip().replace("NONE", "")[:40] or "1"
    sign = _DIRECTIONS.get(abs(direction), "")
    return f"{node}{sign.replace('+', '-') if direction < 0 else sign}"
