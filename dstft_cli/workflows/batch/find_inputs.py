"""Which recordings a batch takes, and where the result of each goes."""

import glob
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import InputError
from ...recordings.signal import TEXT_EXTENSIONS
from ...text import shown, stem

AUDIO_EXTENSIONS = (
    *(".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
    *(".aif", ".aiff", ".aifc", ".au", ".snd", ".caf"),
)
_OURS = (".npz", ".json", ".yaml", ".png", ".svg", ".pdf", ".csv", ".html")  # kinds of files that lie beside results
_TOLD = 3  # clashes named in a refusal


@dataclass(frozen=True)
class Item:
    """One input: its path as the user would write it, and the folder of its result below that of the batch."""

    path: str
    folder: Path


@dataclass(frozen=True)
class _Found:
    """What one argument stands for: the files, and the folder from which their places are counted."""

    root: str
    files: list[str]


def find_inputs(inputs: Sequence[str], listed: Sequence[str], out: str | Path) -> tuple[list[Item], list[str]]:
    """The recordings that files, folders (all in them) and globs stand for, in order; and those arguments that gave none.

    listed: more of the same, from a list: what is not there is taken as well, to be told of in its row. What folders and
    globs find in ``out`` is not taken. Each item's folder is its place below the folder that all arguments have in common.
    Raises InputError for an argument that does not exist, and where two inputs would share a folder.
    """
    home = os.path.abspath(out)
    found = [_resolve(name, home, strict=True) for name in inputs]
    found += [_resolve(name, home, strict=False) for name in listed]
    root = _common([part.root for part in found])
    once = {os.path.abspath(path): path for part in reversed(found) for path in reversed(part.files)}
    items = [Item(path, place(whole, root)) for whole, path in sorted(once.items(), key=lambda pair: _key(pair[0]))]
    _check_apart(items)
    idle = [name for name, part in zip((*inputs, *listed), found, strict=True) if not part.files]
    return items, idle


def read_list(lines: Iterable[bytes]) -> list[str]:
    """The paths in a list, one a line; empty lines are passed over, and so is the mark that some editors begin with."""
    names = [os.fsdecode(line.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n")) for line in lines]
    return [name for name in names if name.strip()]


def shard(items: Sequence[Item], part: int, parts: int) -> list[Item]:
    """Every parts-th item, from the part-th on, counted from 1: the parts together are all, and each is in one."""
    return list(items[part - 1 :: parts])


def place(path: str, root: str) -> Path:
    """Where the result of the file goes, below the folder of the batch: its own place below root, without the extension.

    path, root: absolute. The extension stays where the name without it is hidden, empty, that of a channel's folder, or like that
    of a file that lies beside results.
    """
    folder, name = os.path.split(os.path.relpath(path, root))
    short = stem(name)
    usable = not short.startswith(".") and os.path.splitext(short)[1].lower() not in _OURS
    return Path(folder) / (short if usable and not re.fullmatch("channel-[0-9]+", short) else name)


def _resolve(name: str, out: str, strict: bool) -> _Found:
    if os.path.isdir(name):
        return _Found(os.path.abspath(name), list(_walk(name, out)))
    if os.path.lexists(name) or not (strict or glob.has_magic(name)):
        return _Found(os.path.dirname(os.path.abspath(name)), [name])
    if not glob.has_magic(name):
        raise InputError(f"{shown(name, 80)}: there is no such file or folder")
    matches = [path for path in sorted(glob.glob(name, recursive=True)) if not _inside(path, out)]
    files = [path for path in matches if not os.path.isdir(path)]
    for folder in filter(os.path.isdir, matches):
        files += _walk(folder, out)
    return _Found(os.path.abspath(_fixed_part(name)), files)


def _walk(top: str, out: str) -> Iterator[str]:
    """The recordings in a folder and all below it, hidden ones and those in ``out`` left out."""
    for folder, below, names in [] if _inside(top, out) else os.walk(top):
        below[:] = [name for name in below if not (name[0] == "." or _inside(os.path.join(folder, name), out))]
        yield from (os.path.join(folder, name) for name in names if name[0] != "." and _is_recording(name))


def _is_recording(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in (*AUDIO_EXTENSIONS, *TEXT_EXTENSIONS)


def _inside(path: str, folder: str) -> bool:
    return f"{os.path.abspath(path)}{os.sep}".startswith(f"{folder.rstrip(os.sep)}{os.sep}")


def _fixed_part(pattern: str) -> str:
    """The folder that a glob starts from."""
    head = os.path.dirname(pattern)
    while glob.has_magic(head):
        head = os.path.dirname(head)
    return head or os.curdir


def _common(roots: list[str]) -> str:
    try:
        return os.path.commonpath(roots) if roots else os.getcwd()
    except ValueError:
        raise InputError("inputs lie on several drives; run one batch for each, with an -o of its own") from None


def _key(path: str) -> tuple[str, ...]:
    """Alike for paths that some file systems hold for one: those that differ in case or in how accents are written."""
    return tuple(unicodedata.normalize("NFC", part).casefold() for part in Path(path).parts)


def _check_apart(items: list[Item]) -> None:
    taken: dict[tuple[str, ...], Item] = {}
    clashes = []
    for item in items:
        first = taken.setdefault(_key(str(item.folder)), item)
        if first is not item:
            clashes.append(f"{shown(first.path, 60)} and {shown(item.path, 60)}")
    if clashes:
        more = f" and {len(clashes) - _TOLD} more such pairs" if len(clashes) > _TOLD else ""
        raise InputError(
            f"{'; '.join(clashes[:_TOLD])}{more}: their results would share one folder; take one of each, "
            "for instance with a pattern like 'folder/**/*.wav', or rename one"
        )
