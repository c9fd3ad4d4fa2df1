"""A disk that fails on demand: the k-th open, write, fsync, rename, link, mkdir or removal below a folder raises OSError.

Python tells an audit hook of what it is about to do to files, and an error of the hook is what the caller then sees. Writes and
fsync are not told of; they are watched where files are opened and where ``os`` is asked.
"""

import contextlib
import io
import os
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

KINDS = {"open": "open", "mkdir": "os.mkdir", "rename": "os.rename", "link": "os.link", "remove": "os.remove"}
CALLS = (*KINDS, "write", "fsync")
_state: list["Faults"] = []
_hooked: list[bool] = []


class Faults:
    """Calls of one kind that touch ``folder``; those numbered in ``failing``, counted from 0, raise OSError(number).

    calls: how many there were.
    """

    def __init__(self, folder: Path, kind: str, failing: Collection[int], number: int):
        self.folder, self.kind, self.failing, self.number, self.calls = str(folder), kind, failing, number, 0

    def met(self, kind: str, *paths: object) -> None:
        if kind == self.kind and any(self._below(path) for path in paths):
            self.calls += 1
            if self.calls - 1 in self.failing:
                raise OSError(self.number, os.strerror(self.number))

    def _below(self, path: object) -> bool:
        if isinstance(path, int):
            with contextlib.suppress(OSError):
                return os.readlink(f"/proc/self/fd/{path}").startswith(self.folder)
            return False
        return isinstance(path, str | bytes | os.PathLike) and os.path.abspath(os.fsdecode(path)).startswith(
            self.folder
        )


def _met(kind: str, *paths: object) -> None:
    for faults in _state:
        faults.met(kind, *paths)


def _hook(event: str, arguments: tuple) -> None:
    if _state:
        for kind, name in KINDS.items():
            if event == name:
                paths = arguments[:2] if kind in ("rename", "link") else arguments[:1]
                if kind == "remove" and arguments[1] != -1:  # relative to an open folder
                    paths = (arguments[1],)
                _met(kind, *paths)


class _Raw(io.FileIO):
    def write(self, data):
        _met("write", self.name)
        return super().write(data)


def _open(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
    """builtins.open, whose files say when they write."""
    if not set(mode) & set("wax+") or isinstance(file, int):
        return _real_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
    raw = _Raw(file, mode.replace("b", "").replace("t", ""), closefd, opener)
    if buffering == 0:
        return raw
    buffered = (io.BufferedRandom if "+" in mode else io.BufferedWriter)(raw, 8192)
    if "b" in mode:
        return buffered
    text = io.TextIOWrapper(buffered, encoding, errors, newline, buffering == 1)
    text.mode = mode
    return text


_real_open, _real_fsync, _real_write = io.open, os.fsync, os.write


def _fsync(handle):
    _met("fsync", handle)
    return _real_fsync(handle)


def _write(handle, data):
    _met("write", handle)
    return _real_write(handle, data)


@contextlib.contextmanager
def failing(faults: Faults) -> Iterator[Faults]:
    """While it lasts the disk fails so."""
    import builtins

    if not _hooked:
        sys.addaudithook(_hook)
        _hooked.append(True)
    _state.append(faults)
    builtins.open = io.open = _open
    os.fsync, os.write = _fsync, _write
    try:
        yield faults
    finally:
        builtins.open = io.open = _real_open
        os.fsync, os.write = _real_fsync, _real_write
        _state.remove(faults)
