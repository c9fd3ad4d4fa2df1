"""MiniSEED and SAC files of seismologists through ObsPy. Where samples are missing, each part is a channel of its own: nothing is
filled in."""

import io
import os
import warnings
from itertools import pairwise

import numpy as np
import obspy

from ...text import time_text
from ..notes import WARNING, Note
from ..request import Request
from .contents import Channel, Contents, held
from .registry import find_format

ON_DISK = False
_SMALLEST_RECORD = 128  # bytes, of which all sizes of records are multiples
_SAME_RATE = 1e-4  # relative difference


def open_contents(request: Request) -> Contents:
    """The traces of a file by network, station, location and channel; by default the longest part is read.

    request: names the file.
    """
    with open(request.path, "rb") as file, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # The format is named, since ObsPy would try formats that can run code.
        stream = obspy.read(
            io.BytesIO(file.read()), format="SAC" if find_format(request.path).name == "SAC" else "MSEED"
        )
    damage = [str(item.message) for item in caught if "mseed" in item.category.__name__.lower()]
    notes = [Note(f"the reader reports: {' '.join(text.split())[:150]}", WARNING) for text in dict.fromkeys(damage)]
    if os.path.getsize(request.path) % _SMALLEST_RECORD and not damage and stream[0].stats._format == "MSEED":
        notes.append(Note("the file ends in the middle of a record; it is cut off", WARNING))
    parts: dict[str, list[obspy.Trace]] = {}
    for trace in sorted(stream, key=lambda each: each.stats.starttime):
        if trace.stats.npts and trace.data.dtype.kind in "iuf":
            parts.setdefault(trace.id.strip("."), []).append(trace)
    channels = []
    for name, traces in parts.items():
        joined = _joined(traces)
        gaps = _notes_on_gaps(name, joined)
        channels += [_channel(f"{name}/{i}" if gaps else name, part, gaps) for i, part in enumerate(joined, 1)]
    longest = max(range(len(channels)), key=lambda i: channels[i].count, default=0)
    return Contents(channels, notes, first=longest)


def _joined(traces: list[obspy.Trace]) -> list[obspy.Trace]:
    """The traces of one channel, in time; those that continue each other to half a sample are one."""
    joined = [traces[0]]
    for trace in traces[1:]:
        last = joined[-1]
        step = last.stats.delta
        same = abs(trace.stats.delta / step - 1) < _SAME_RATE
        if same and abs(trace.stats.starttime - last.stats.endtime - step) <= step / 2:
            last.data = np.concatenate([last.data, trace.data])
        else:
            joined.append(trace)
    return joined


def _channel(name: str, trace: obspy.Trace, notes: tuple[Note, ...]) -> Channel:
    stats = trace.stats
    unit = "counts" if stats.get("_format") == "MSEED" and trace.data.dtype.kind in "iu" else ""
    rate, began = float(stats.sampling_rate), str(stats.starttime)
    return Channel(name or "1", stats.npts, held(trace.data), rate, unit, began, notes)


def _notes_on_gaps(name: str, parts: list[obspy.Trace]) -> tuple[Note, ...]:
    """A warning where samples of one channel are missing, or recorded twice."""
    if len(parts) == 1:
        return ()
    lost = [b.stats.starttime - a.stats.endtime - a.stats.delta for a, b in pairwise(parts)]
    gaps, overlaps = [seconds for seconds in lost if seconds > 0], [-seconds for seconds in lost if seconds < 0]
    found = []
    if gaps:
        found.append(f"{len(gaps)} gap{'s' * (len(gaps) > 1)} ({time_text(sum(gaps))} missing)")
    if overlaps:
        found.append(f"{len(overlaps)} overlap{'s' * (len(overlaps) > 1)} ({time_text(sum(overlaps))})")
    text = (
        f"{name} has {' and '.join(found) or 'a change of its rate'}, the first after {parts[0].stats.endtime}; its {len(parts)} "
        f"parts are the channels {name}/1 to {name}/{len(parts)}, and nothing is filled in"
    )
    return (Note(text, WARNING),)
