"""The labelled clips of a data set: from folders, tables, lists or file names."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from ...errors import InputError
from ...recordings.formats.registry import RECORDING_EXTENSIONS
from ...text import file_name, listed, quoted
from .examples import PART_NAMES, TEST, TRAIN, VALIDATION, Example, part_of
from .manifest import read_manifest

METADATA = "metadata.csv"
_LISTS = {"validation_list.txt": VALIDATION, "testing_list.txt": TEST}
_GROUPS = {"label", "group", "fold", "split"}  # of a pattern


def find_examples(
    data: str | os.PathLike, pattern: str | None = None, label_column: str | None = None, tracks: bool = False
) -> tuple[list[Example], str]:
    """The clips of a data set in a fixed order, and a sentence that says where the labels came from.

    data: a folder with one folder for each class, a table (see ``training.dataset.manifest``), an AudioFolder with metadata.csv or
        folders of parts, or a folder whose file names hold the labels.
    pattern: a regular expression with a group ``label``, and perhaps ``group``, ``fold`` and ``split``, searched for in file names.
    label_column: the column of a table that holds the labels; None takes the usual names.
    tracks: whether the rows name tables of true frequencies in place of labels.

    Raises InputError where there is no data set, or a clip without a label.
    """
    path = Path(data)
    if not path.exists():
        raise InputError(f"{file_name(data)}: there is no such file or folder")
    tables = [path] if path.is_file() else _metadata(path)
    if pattern is not None:
        if path.is_file():
            raise InputError("--label-pattern reads file names in a folder; a table has a column of labels")
        return list(_by_pattern(path, pattern)), "labels: from file names by --label-pattern"
    if tables:
        examples = [example for table in tables for example in read_manifest(table, path, label_column, tracks)]
        return examples, f"{'tracks' if tracks else 'labels'}: from {', '.join(file_name(table) for table in tables)}"
    if label_column is not None:
        raise InputError(f"--label-column needs a table; {file_name(data)} is a folder without {METADATA}")
    if tracks:
        raise InputError(f"{file_name(data)}: --task frequency needs a table with the columns path and track")
    return _by_folder(path)


def _metadata(folder: Path) -> list[Path]:
    """The metadata.csv of an AudioFolder: one at the top, or one for each part."""
    if (folder / METADATA).is_file():
        return [folder / METADATA]
    below = sorted(path for path in folder.iterdir() if path.is_dir() and path.name.lower() in PART_NAMES)
    return [path / METADATA for path in below if (path / METADATA).is_file()]


def _recordings(folder: Path) -> Iterator[Path]:
    """The recordings in a folder and below, in order, without hidden ones and those in folders named _like_this."""
    for entry in sorted(folder.iterdir()):
        if entry.name[0] in "._":
            continue
        if entry.is_dir():
            yield from _recordings(entry)
        elif entry.suffix.lower() in RECORDING_EXTENSIONS and entry.name not in _LISTS:
            yield entry


def _by_pattern(folder: Path, pattern: str) -> Iterator[Example]:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise InputError(f"--label-pattern {quoted(pattern)}: {error}") from None
    if "label" not in expression.groupindex:
        raise InputError(f"--label-pattern {quoted(pattern)}: it has no group (?P<label>...)")
    if unknown := sorted(set(expression.groupindex) - _GROUPS):
        raise InputError(f"--label-pattern: unknown group {unknown[0]!r}; use {', '.join(sorted(_GROUPS))}")
    for path in _recordings(folder):
        match = expression.search(path.name)
        if match is None:
            raise InputError(
                f"{file_name(path)}: --label-pattern {quoted(pattern)} does not match the name of this file"
            )
        found = {name: value or "" for name, value in match.groupdict().items()}
        part = part_of(found.pop("split", ""), file_name(path))
        yield Example(str(path), str(path.relative_to(folder)), part=part, **found)


def _by_folder(folder: Path) -> tuple[list[Example], str]:
    """Class folders, at the top or in folders of parts, or with the two lists of Speech Commands."""
    below = [path for path in sorted(folder.iterdir()) if path.is_dir() and path.name[0] not in "._"]
    if not below:
        raise InputError(
            f"{file_name(folder)}: there are no folders in it; give one folder for each class, a table, or --label-pattern"
        )
    parts = [PART_NAMES.get(path.name.lower()) for path in below]
    if all(parts):
        examples = [one for path, part in zip(below, parts, strict=True) for one in _classes(path, folder, part)]
        return examples, f"labels: from folders; parts: {listed([path.name for path in below])}"
    if any(parts):
        odd = next(path for path, part in zip(below, parts, strict=True) if not part)
        raise InputError(f"{file_name(odd)}: a folder beside train, validation and test; move it into one of them")
    examples, names = list(_classes(folder, folder, "")), _listed_parts(folder)
    if names:
        examples = [Example(one.path, one.name, one.label, names.pop(one.name, TRAIN)) for one in examples]
        if names:
            raise InputError(f"{file_name(folder)}: its lists name {quoted(next(iter(names)))}, which is not there")
        return examples, "labels: from folders; parts: from validation_list.txt and testing_list.txt"
    return examples, "labels: from folders"


def _classes(folder: Path, root: Path, part: str) -> Iterator[Example]:
    for path in _recordings(folder):
        inner = path.relative_to(folder)
        if len(inner.parts) < 2:
            raise InputError(f"{file_name(path)}: a recording outside the folders of classes; move it into one")
        yield Example(str(path), str(path.relative_to(root)), inner.parts[0], part)


def _listed_parts(folder: Path) -> dict[str, str]:
    """{path relative to the folder: part} of the two lists of Speech Commands; empty where there are none."""
    names: dict[str, str] = {}
    for name, part in _LISTS.items():
        if (folder / name).is_file():
            lines = (folder / name).read_text("utf-8").split("\n")
            for line in filter(None, map(str.strip, lines)):
                if names.setdefault(str(Path(line)), part) != part:
                    raise InputError(f"{file_name(folder / name)}: {quoted(line)} is in both lists")
    return names
