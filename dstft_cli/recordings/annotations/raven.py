"""Raven selection tables: lines of cells between tabs under a line of names."""

import csv
from collections.abc import Sequence
from pathlib import PurePath

from ...errors import InputError
from ...text import listed, quoted
from .box import Box

BEGIN, END = "begin time (s)", "end time (s)"
_LOW, _HIGH = "low freq (hz)", "high freq (hz)"
_FILE, _OFFSET = ("begin file", "begin path"), "file offset (s)"
_LABELS = (
    "annotation",
    "label",
    "species",
    "common name",
    "species code",
    "call type",
    "type",
    "class",
    "sound",
    "tags",
)
Row = dict[str, str]


def is_raven(lines: Sequence[str]) -> bool:
    """Whether the first line names the columns of a selection table."""
    names = [name.strip().lower() for name in lines[0].split("\t")] if lines else []
    return BEGIN in names and END in names


def read_raven(where: str, lines: Sequence[str], recording: str) -> list[tuple[Box, set[str]]]:
    """The boxes of a recording, and the texts that describe each.

    where: the file, for messages.
    lines: of the table.
    recording: the path of the recording; of a table of several recordings only its selections are taken.

    Raises InputError for a line that is not a selection, or if no selection is of the recording.
    """
    names = [name.strip().lower() for name in lines[0].split("\t")]
    rows = []
    for number, cells in enumerate(csv.reader(lines[1:], delimiter="\t", quoting=csv.QUOTE_NONE), start=2):
        if any(cell.strip() for cell in cells):
            rows.append((number, dict(zip(names, (cell.strip() for cell in cells), strict=False))))
    rows = _of_recording(where, rows, recording)
    return [_box(where, number, i, row) for i, (number, row) in enumerate(_one_view(rows), start=1)]


def _of_recording(where: str, rows: list[tuple[int, Row]], recording: str) -> list[tuple[int, Row]]:
    """The rows that belong to the recording, in the time of its file."""
    column = next((name for name in _FILE if any(row.get(name) for _, row in rows)), None)
    if column is None:
        return rows
    files = dict.fromkeys(_stem(row.get(column, "")) for _, row in rows)
    own = [(number, row) for number, row in rows if _stem(row.get(column, "")) == _stem(recording)]
    if not own:
        raise InputError(
            f"{where}: its selections are of {listed([*files])}, none of them of {quoted(_stem(recording), 40)}; choose the table of "
            f"this recording, or remove the column {quoted(column)}"
        )
    if len(files) > 1 and not all(row.get(_OFFSET) for _, row in own):
        raise InputError(
            f"{where}: it has selections of {len(files)} files, whose times run on from file to file; add the column File Offset (s) "
            "in Raven"
        )
    return own


def _stem(name: str) -> str:
    return PurePath(name.replace("\\", "/")).stem.casefold()


def _one_view(rows: list[tuple[int, Row]]) -> list[tuple[int, Row]]:
    """A row for each selection: Raven may list one for each of its views, of which the spectrogram has the band."""
    best: dict[str, tuple[int, Row]] = {}
    for number, row in rows:
        key = row.get("selection") or f"line {number}"
        if key not in best or row.get("view", "").lower().startswith("spectrogram"):
            best[key] = number, row
    return list(best.values())


def _box(where: str, line: int, count: int, row: Row) -> tuple[Box, set[str]]:
    def number(name: str) -> float | None:
        text = row.get(name, "")
        try:
            return float(text) if text else None
        except ValueError:
            raise InputError(f"{where}: line {line}, {name}: {quoted(text, 30)} is not a number") from None

    begin, end, offset = number(BEGIN), number(END), number(_OFFSET)
    if begin is None or end is None:
        raise InputError(f"{where}: line {line} has no begin or end time")
    start = begin if offset is None else offset
    label = next((row[name] for name in _LABELS if row.get(name)), "")
    words = {text for name, text in row.items() if text and name not in ("view", *_FILE) and not _is_number(text)}
    words |= {f"channel {row['channel']}"} if row.get("channel") else set()
    selection = row.get("selection", "")
    own = (
        int(selection)
        if selection.isascii() and selection.isdigit() and len(selection) < 10 and int(selection) > 0
        else count
    )
    return Box(own, start, start + end - begin, number(_LOW), number(_HIGH), label), words


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
