"""The recordings of a batch, and the folder of each result."""

import glob
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import InputError
from ...recordings.annotations.read import annotation_choices
from ...recordings.formats.registry import RECORDING_EXTENSIONS
from ...recordings.kinds import has_header
from ...text import one_line

_SUMMARY = "summary.csv"  # of a batch
_RESULT = ("metrics.json", "config.yaml")  # in the folder of each result
_OUR_EXTENSIONS = (".npz", ".json", ".yaml", ".png", ".svg", ".pdf", ".csv", ".html")  # of the files beside results


@dataclass(frozen=True)
class Item:
    """One input: its path as the user would write it, and the folder of its result, relative to that of the batch."""

    path: str
    folder: Path


@dataclass(frozen=True)
class _Match:
    """The files that one argument stands for, and the folder that theirs are relative to."""

    root: str
    files: list[str]


def find_inputs(
    inputs: Sequence[str], listed: Sequence[str], out: str | Path, annotations: str | None = None
) -> tuple[list[Item], list[str]]:
    """The recordings that files, folders and patterns stand for, in order, and the arguments that stand for none.

    A folder stands for all recordings in it and below. Each result's folder is the recording's path below the common
    folder of all arguments. Recordings inside ``out`` are ignored.

    inputs: files, folders or glob patterns.
    listed: more of them, from a list; a missing file becomes an item, which fails later in a row of its own.
    out: folder of the batch.
    annotations: a file, or a folder of files, of annotations, which are no recordings; None for none.

    Raises InputError if one of ``inputs`` does not exist, or if two recordings would share a folder.
    """
    home = os.path.abspath(out)
    matches = [_resolve(name, home, strict=True) for name in inputs]
    matches += [_resolve(name, home, strict=False) for name in listed]
    root = _common_folder([match.root for match in matches])
    paths = {os.path.abspath(path): path for match in reversed(matches) for path in reversed(match.files)}
    others = _annotation_files(paths, annotations) if annotations is not None else set()
    ordered = sorted((pair for pair in paths.items() if os.path.realpath(pair[0]) not in others), key=_order)
    items = [Item(path, result_folder(absolute, root)) for absolute, path in ordered]
    _check_distinct(items)
    idle = [name for name, match in zip((*inputs, *listed), matches, strict=True) if not match.files]
    return items, idle


def read_list(lines: Iterable[bytes]) -> list[str]:
    """The paths in a list, one a line; empty lines, lines that begin with #, a byte order mark and spaces around a path are ignored.

    The spaces stay where a file has them in its name.
    """
    names = [os.fsdecode(line.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n")) for line in lines]
    names = [name if os.path.lexists(name) else name.strip() for name in names]
    return [name for name in names if name.strip() and not name.startswith("#")]


def shard(items: Sequence[Item], part: int, parts: int) -> list[Item]:
    """Every ``parts``-th item from the ``part``-th on, counted from 1; each item is in exactly one part."""
    return list(items[part - 1 :: parts])


def result_folder(path: str, root: str) -> Path:
    """The folder of a recording's result, relative to that of the batch: its path below ``root`` without the extension.

    The extension stays if the name without it is hidden, or that of a channel's folder, or that of a file beside results.

    path, root: absolute paths of the recording and of the folder that all recordings have in common.
    """
    folder, name = os.path.split(os.path.relpath(path, root))
    short = Path(name).stem
    usable = not short.startswith(".") and os.path.splitext(short)[1].lower() not in _OUR_EXTENSIONS
    return Path(folder) / (short if usable and not re.fullmatch("channel-[0-9]+", short) else name)


def _resolve(name: str, out: str, strict: bool) -> _Match:
    if os.path.isdir(name):
        return _Match(os.path.abspath(name), list(_walk(name, out)))
    if os.path.lexists(name) or not (strict or glob.has_magic(name)):
        return _Match(os.path.dirname(os.path.abspath(name)), [name])
    if not glob.has_magic(name):
        raise InputError(f"{one_line(name, 80)}: there is no such file or folder")
    matches = [path for path in sorted(glob.glob(name, recursive=True)) if not _inside(path, out)]
    matches = [path for path in matches if not _is_ours(*os.path.split(path)) and "__MACOSX" not in Path(path).parts]
    files = [path for path in matches if not (os.path.isdir(path) or has_header(path))]
    for folder in filter(os.path.isdir, matches):
        files += _walk(folder, out)
    return _Match(os.path.abspath(_fixed_part(name)), files)


def _walk(top: str, out: str) -> Iterator[str]:
    """The recordings in a folder and below, except hidden ones, those in ``out`` and what an earlier run has written."""
    for folder, below, names in [] if _inside(top, out) else os.walk(top):
        below[:] = [name for name in below if not (_is_aside(name) or _inside(os.path.join(folder, name), out))]
        own = [name for name in names if not _is_ours(folder, name) and _is_recording(name)]
        yield from (path for path in (os.path.join(folder, name) for name in own) if not has_header(path))


def _is_aside(name: str) -> bool:
    """Whether a file or folder is hidden, or one that an archive of macOS has beside the recordings."""
    return name[0] == "." or name == "__MACOSX"


def _is_ours(folder: str, name: str) -> bool:
    """Whether a file is no recording of the user: hidden, the table of an earlier batch, or within an earlier result."""
    result = all(os.path.isfile(os.path.join(folder, other)) for other in _RESULT)
    return _is_aside(name) or result or name == _SUMMARY


def _is_recording(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in RECORDING_EXTENSIONS


def _inside(path: str, folder: str) -> bool:
    return f"{os.path.abspath(path)}{os.sep}".startswith(f"{folder.rstrip(os.sep)}{os.sep}")


def _fixed_part(pattern: str) -> str:
    """The folder that a pattern starts from."""
    head = os.path.dirname(pattern)
    while glob.has_magic(head):
        head = os.path.dirname(head)
    return head or os.curdir


def _common_folder(roots: list[str]) -> str:
    try:
        return os.path.commonpath(roots) if roots else os.getcwd()
    except ValueError:
        raise InputError("the inputs are on several drives; run one batch for each drive, with its own -o") from None


def _order(pair: tuple[str, str]) -> tuple[str, ...]:
    return _same_name_key(pair[0])


def _annotation_files(paths: Iterable[str], annotations: str) -> set[str]:
    """The file of annotations, or those in a folder that are named after recordings. paths: of all inputs."""
    if not os.path.isdir(annotations):
        return {os.path.realpath(annotations)}
    pairs = ((path, file) for path in paths for file in annotation_choices(annotations, Path(path).stem))
    return {os.path.realpath(file) for path, file in pairs if os.path.realpath(file) != os.path.realpath(path)}


def _same_name_key(path: str) -> tuple[str, ...]:
    """Equal for paths that some file systems treat as one: those that differ in case or in the encoding of accents."""
    return tuple(unicodedata.normalize("NFC", part).casefold() for part in Path(path).parts)


def _check_distinct(items: list[Item]) -> None:
    owners: dict[tuple[str, ...], Item] = {}
    clashes = []
    for item in items:
        first = owners.setdefault(_same_name_key(str(item.folder)), item)
        if first is not item:
            clashes.append(f"{one_line(first.path, 60)} and {one_line(item.path, 60)}")
    if clashes:
        more = f", and {len(clashes) - 1} more such pairs" if len(clashes) > 1 else ""
        raise InputError(
            f"{clashes[0]}{more}: their results would share one folder; take one of each, "
            "for instance with a pattern like 'folder/**/*.wav', or rename one"
        )
