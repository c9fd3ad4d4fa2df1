"""Whole or absent: a set of files is made aside, forced to disk, and put in place by renames, the last one last."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .errors import OutputError

_PREFIX = ".partial-"


@contextlib.contextmanager
def staging(folder: Path, last: str) -> Iterator[Path]:
    """A folder to write into; on leaving, its files move into ``folder``, the one named ``last`` after all others.

    The old ``last``, which marks a set as complete, goes before the first move, so that old and new files are never
    taken for one set. On any error nothing in ``folder`` changes and the aside is removed.
    Raises OutputError, naming the folder and the cause, where the disk or its permissions are in the way.
    """
    try:
        made = _first_missing(folder)
        folder.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}") from error
    done = False
    try:
        yield aside
        _move(aside, folder, last)
        done = True
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written: {error.strerror or error}; nothing there was changed"
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        if not done and made is not None:
            _remove_empty(folder, made)


def _move(aside: Path, folder: Path, last: str) -> None:
    names = sorted((path.name for path in aside.iterdir()), key=lambda name: (name == last, name))
    for name in names:
        _force(aside / name)
    (folder / last).unlink(missing_ok=True)
    for name in names:
        os.replace(aside / name, folder / name)
    _force(folder)


def _force(path: Path) -> None:
    """fsync a file or, where the system can, a folder."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:  # folders cannot be opened on Windows
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _first_missing(folder: Path) -> Path | None:
    """The topmost of the folders that mkdir would have to make, None where all are there."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    return missing[-1] if missing else None


def _remove_empty(folder: Path, top: Path) -> None:
    """Take back the folders that were made, as long as nothing else came into them."""
    with contextlib.suppress(OSError):
        for path in (folder, *folder.parents):
            path.rmdir()
            if path == top:
                return
