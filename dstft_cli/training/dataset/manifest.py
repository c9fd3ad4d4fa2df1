"""Tables of clips: ``path,label`` with perhaps ``split``, ``fold`` and ``group``, and those of well-known data sets as they are."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path

from ...errors import InputError
from ...text import file_name, listed, one_line, quoted
from .examples import PART_NAMES, Example, part_of

_COLUMNS = {  # the names that a column may have, the most specific first
    "path": ("path", "file_name", "slice_file_name", "filename", "file"),
    "label": ("label", "category", "class", "target"),
    "part": ("split", "subset"),
    "fold": ("fold",),
    "group": ("group", "speaker", "speaker_id", "src_file", "fsid"),
    "track": ("track",),
}
_DELIMITERS = ",;\t"


def read_manifest(table: Path, data: Path, label_column: str | None, tracks: bool) -> Iterator[Example]:
    """The clips of a table, in its order.

    table: a CSV file with a header, in UTF-8, separated by commas, semicolons or tabs.
    data: what the user named: the table itself, or the folder that clips are named from.
    label_column: the column of the labels; None takes one of the usual names.
    tracks: whether rows name a track instead of a label.

    Raises InputError, with the line, where a column or a value is missing, or a file is not there.
    """
    header, rows = _rows(table)
    columns = _find_columns(header, table, label_column, tracks)
    root = data if data.is_dir() else table.parent
    part = PART_NAMES.get(table.parent.name.lower(), "") if data.is_dir() and table.parent != data else ""
    empty = True
    for line, row in rows:
        where = f"{file_name(table)}, line {line}"
        if len(row) != len(header):
            raise InputError(f"{where}: {len(row)} values for {len(header)} columns")
        cells = {key: row[i].strip() for key, i in columns.items()}
        for key in ("path", "track" if tracks else "label"):
            if not cells[key]:
                raise InputError(f"{where}: the column {quoted(header[columns[key]])} is empty")
        cells["part"] = part_of(cells.get("part", ""), where) or part
        path = _locate(cells.pop("path"), cells.get("fold", ""), table, where)
        if tracks:
            cells["track"] = str(_locate(cells["track"], "", table, where))
            cells["label"] = ""
        empty = False
        yield Example(str(path), os.path.relpath(path, root), **cells)
    if empty:
        raise InputError(f"{file_name(table)}: the table has no rows below its header")


def _rows(table: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and (line, cells) of each row that is not empty."""
    try:
        text = table.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{file_name(table)}: byte {error.start} is not UTF-8; save the table as UTF-8") from None
    except OSError as error:
        raise InputError(f"{file_name(table)}: cannot be read: {error.strerror}") from None
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(text.splitlines(), delimiter=delimiter, strict=True)
    try:
        lines = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise InputError(f"{file_name(table)}, line {reader.line_num}: {error}") from None
    if not lines:
        raise InputError(f"{file_name(table)}: the table is empty")
    return [cell.strip() for cell in lines[0][1]], lines[1:]


def _find_columns(header: list[str], table: Path, label_column: str | None, tracks: bool) -> dict[str, int]:
    """The position of each column that is there."""
    names = [name.lower() for name in header]
    found = {
        key: names.index(next(name for name in usual if name in names))
        for key, usual in _COLUMNS.items()
        if any(name in names for name in usual)
    }
    if label_column is not None:
        if label_column not in header:
            raise InputError(f"{file_name(table)}: no column {quoted(label_column)}; it has {listed(header, 8)}")
        found["label"] = header.index(label_column)
    for key in ("path", "track" if tracks else "label"):
        if key not in found:
            more = "; name it with --label-column" if key == "label" else ""
            usual = ", ".join(_COLUMNS[key])
            raise InputError(
                one_line(f"{file_name(table)}: no column of {key}s ({usual}) among {listed(header, 8)}{more}")
            )
    if not tracks:
        found.pop("track", None)
    return found


def _locate(name: str, fold: str, table: Path, where: str) -> Path:
    """The file of a row: beside the table, or where ESC-50 (audio/) and UrbanSound8K (audio/fold1/) have it."""
    top = table.parent
    homes = [
        top,
        top / "audio",
        top.parent / "audio",
        top / "audio" / f"fold{fold}",
        top.parent / "audio" / f"fold{fold}",
    ]
    for home in homes:
        if (home / name).is_file():
            return home / name
    raise InputError(f"{where}: there is no file {quoted(name)} beside the table or in a folder audio")
