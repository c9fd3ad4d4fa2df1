"""The boxes of a recording from a file of annotations, whatever program wrote it, put on its signal."""

import math
import os
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ...errors import InputError
from ...text import file_name, listed, one_line, quoted
from ..notes import Note
from ..request import Request
from ..signal import Signal, file_hash
from .audacity import is_audacity, read_audacity
from .box import Annotations, Box, renamed
from .raven import is_raven, read_raven
from .textgrid import is_textgrid, read_textgrid

KEYS = frozenset({"annotations", "label", "each_box"})
"""The names of the settings of annotations."""

_ENDINGS = (".Table.1.selections.txt", ".selections.txt", ".TextGrid", ".textgrid", ".labels.txt", ".txt", ".tsv")
_LARGEST = 50_000_000  # bytes of a file of annotations
_AROUND, _LEAST_AROUND = (
    0.5,
    64,
)  # of the length of a box, and samples, on either side of it where each box is a signal of its own


def annotate(
    signals: Sequence[Signal], path: str | None, label: str | None = None, each_box: bool = False
) -> list[Signal]:
    """Signals of one recording with their boxes.

    signals: its channels.
    path: the file of annotations, or a folder that holds one named after the recording; None for no boxes.
    label: boxes with another label are left out; None for all boxes.
    each_box: whether each box becomes a signal of its own, with half of its length on either side.

    Returns the signals, or one for each box.
    Raises InputError if the file cannot be read or has no such boxes within the signal.
    """
    if path is None:
        return list(signals)
    if each_box and len(signals) > 1:
        raise InputError(
            f"{signals[0].where}: each-box takes one channel, not {len(signals)}; choose one with --channel"
        )
    path = annotations_file(path, signals[0])
    boxes, notes = read_boxes(path, signals[0].path or signals[0].name, label)
    found = renamed(path, file_hash(path), boxes)
    annotated = [_annotated(signal, found, notes) for signal in signals]
    if not each_box:
        return annotated
    return [_cut(annotated[0], box) for box in annotated[0].annotations.boxes]


def annotations_file(path: str, signal: Signal) -> str:
    """The file of annotations: the path, or the file in it, if it is a folder, that is named after the recording."""
    if not os.path.isdir(path):
        return path
    stem = Path(signal.path).stem if signal.path else signal.name
    found = next((choice for choice in annotation_choices(path, stem) if choice != signal.path), None)
    if found is None:
        names = f"{stem}{_ENDINGS[0]}, {stem}{_ENDINGS[2]} or {stem}{_ENDINGS[5]}"
        raise InputError(
            f"{file_name(path)}: no annotations of {quoted(stem, 40)} are in this folder; expected {names}"
        )
    return found


def annotation_choices(folder: str, stem: str) -> list[str]:
    """The files in a folder that may hold the annotations of a recording, the likeliest first. stem: of the recording's name."""
    return [file for ending in _ENDINGS if os.path.isfile(file := os.path.join(folder, stem + ending))]


def read_boxes(path: str, recording: str, label: str | None = None) -> tuple[list[Box], list[Note]]:
    """The boxes in a file of annotations, and notes on what was left out.

    path: a Raven selection table, Audacity labels or a Praat TextGrid, found by its content.
    recording: the path of the recording.
    label: that of the boxes wanted; None for all.

    Raises InputError if the file cannot be read, or has no such boxes.
    """
    where = file_name(path)
    described = _read(path, where, recording)
    for box, _ in described:
        _check(where, box)
    boxes = [box for box, words in described if _matches(label, words)]
    if label is not None and not boxes:
        labels = dict.fromkeys(box.label for box, _ in described if box.label)
        raise InputError(
            f"{where}: no box is labelled {quoted(label, 40)}; the labels are {listed([*labels]) or 'all empty'}"
        )
    points = sum(box.start == box.end for box in boxes)
    boxes = [box for box in boxes if box.start < box.end]
    if not boxes:
        raise InputError(f"{where}: it has no box with a length, {points} points only")
    notes = [Note(f"{points} points in {where} have no length and are left out")] if points else []
    channels = {word for _, words in described for word in words if word.startswith("channel ")}
    if len(channels) > 1 and label is None:
        notes.append(Note(f"the boxes of all channels in {where} count; --label '{min(channels)}' takes those of one"))
    return boxes, notes


def _read(path: str, where: str, recording: str) -> list[tuple[Box, set[str]]]:
    from ..tables.encoding import read_head  # here, since it is slow to load

    try:
        _check_file(path, where)
        encoding = read_head(Request(os.fsdecode(path)))[0]
        with open(path, encoding=encoding, errors="replace", newline=None) as file:
            text = file.read()
    except FileNotFoundError:
        raise InputError(f"{where}: there is no such file of annotations") from None
    except InputError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{where}: the annotations cannot be read: {one_line(reason, 120)}") from None
    lines = text.splitlines()
    if is_textgrid(lines):
        return read_textgrid(where, text)
    if is_raven(lines):
        return read_raven(where, lines, recording)
    if is_audacity(lines):
        return read_audacity(where, lines)
    raise InputError(
        f"{where}: these are no annotations: expected a Raven selection table (columns Begin Time (s) and End Time (s)), labels of "
        "Audacity (begin, end and label between tabs) or a TextGrid of Praat"
    )


def _check_file(path: str, where: str) -> None:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{where}: this is no regular file; save the annotations to one first")
    if status.st_size > _LARGEST:
        size = f"{status.st_size / 1e6:.0f} MB are too much for annotations, expected at most {_LARGEST / 1e6:.0f} MB"
        raise InputError(f"{where}: {size}")


def _matches(label: str | None, words: set[str]) -> bool:
    return label is None or label.strip().casefold() in {word.casefold() for word in words}


def _check(where: str, box: Box) -> None:
    limits = [limit for limit in (box.start, box.end, box.low, box.high) if limit is not None]
    if not all(map(math.isfinite, limits)) or box.end < box.start:
        raise InputError(f"{where}: {box.name} ends at {box.end:g} s, before its start at {box.start:g} s")
    if box.low is not None and box.high is not None and box.low >= box.high:
        raise InputError(
            f"{where}: {box.name} is from {box.low:g} to {box.high:g} Hz: its low end must be below its high end"
        )


def _annotated(signal: Signal, found: Annotations, notes: Sequence[Note]) -> Signal:
    """The signal with those boxes that lie in it, cut off at its ends."""
    first, last, half = signal.start, signal.start + signal.duration, signal.sample_rate / 2
    inside = [
        replace(box, start=max(box.start, first), end=min(box.end, last))
        for box in found.boxes
        if box.start < last and box.end > first and (box.low or 0.0) < half
    ]
    if not inside:
        raise InputError(
            f"{signal.where}: no box of {file_name(found.file)} lies within the signal, {first:g} to {last:g} s and 0 to {half:g} Hz"
        )
    left_out = len(found.boxes) - len(inside)
    notes = [*notes, Note(f"{left_out} boxes lie outside of the signal and are left out")] if left_out else list(notes)
    own = replace(found, boxes=tuple(inside))
    return replace(signal, annotations=own, notes=(*signal.notes, *notes, Note(own.text)))


def _cut(signal: Signal, box: Box) -> Signal:
    """The part of a signal about one of its boxes."""
    rate, count = signal.sample_rate, len(signal.samples)
    around = max(_AROUND * (box.end - box.start) * rate, _LEAST_AROUND)
    first = max(0, math.floor((box.start - signal.start) * rate - around))
    last = min(count, math.ceil((box.end - signal.start) * rate + around))
    annotations = replace(signal.annotations, boxes=(box,), alone=True)
    notes = [note for note in signal.notes if note.text != signal.annotations.text]
    return replace(
        signal,
        samples=signal.samples[first:last],
        start=signal.start + first / rate,
        annotations=annotations,
        notes=(*notes, Note(annotations.text)),
    )
