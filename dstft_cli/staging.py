"""Whole or absent: a file, or a set of files, is made aside, forced to disk, and put in place by renames, the last one last."""

import contextlib
import glob
import os
import platform
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from .errors import OutputError


def check_place(folder: Path) -> Path:
    """The nearest folder that is there, the folder itself or above it. Raises OutputError where something else is in the way."""
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(path))
    if not nearest.is_dir():
        raise OutputError(f"{folder}: cannot be written: {nearest} is not a folder; choose another with -o")
    return nearest


def check_folder(folder: Path) -> None:
    """Raises OutputError where the folder cannot be made or written in, before any work is spent on it."""
    nearest = check_place(folder)
    try:
        tempfile.TemporaryDirectory(prefix=".partial-", dir=nearest).cleanup()
    except OSError as error:
        reason = f"{error.strerror} in {nearest}"
        raise OutputError(f"{folder}: cannot be written: {reason}; choose another folder with -o") from error


@contextlib.contextmanager
def staging(folder: Path, last: str, stale: Iterable[str] = ()) -> Iterator[Path]:
    """A folder to write into; on leaving, its files move into ``folder``, the one named ``last`` after all others.

    Files named in ``stale`` go with the old set, where the new one has none of that name. The old ``last``, which marks a
    set as complete, goes before the first move, so that old and new files are never taken for one set. On any error
    what was in ``folder`` is put back and the aside is removed.
    Raises OutputError, naming the folder and the cause, where the disk or its permissions are in the way.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    aside, done = None, False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        aside = Path(tempfile.mkdtemp(prefix=f"{_mark()}{os.getpid()}-", dir=folder))
        yield aside
        _install(aside, folder, last, stale)
        done = True
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"{folder}: cannot be written: {reason}; what was there is as it was") from error
    finally:
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)
        if not done:
            remove_empty(made)


@contextlib.contextmanager
def single(path: Path) -> Iterator[Path]:
    """A file to write in place of ``path``, in the same folder; on leaving it takes that name, on any error it is removed.

    Folders on the way are made, and taken back on an error. Raises OutputError, naming the file and the cause, where the
    disk or its permissions are in the way.
    """
    made = [folder for folder in path.parents if not folder.exists()]
    aside, done = path.with_name(f"{_mark()}{os.getpid()}-{path.name[-80:]}"), False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield aside
        _force(aside)
        os.replace(aside, path)
        _force(path.parent)
        done = True
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        if not done:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)
            remove_empty(made)


def _mark() -> str:
    return f".partial-{platform.node()}-"


def sweep(folder: Path) -> None:
    """Remove asides that processes of this machine left behind when they were killed."""
    for path in folder.glob(f"{glob.escape(_mark())}*"):
        process = path.name[len(_mark()) :].partition("-")[0]
        if not process.isdigit() or (int(process) != os.getpid() and _alive(int(process))):
            continue  # ours has the number of one that is gone: it holds nothing aside yet
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is there, but not ours
        return True
    return True


def _install(aside: Path, folder: Path, last: str, stale: Iterable[str]) -> None:
    """Move the files of the aside into the folder; if one cannot be moved, put back those that were there."""
    names = sorted((path.name for path in aside.iterdir()), key=lambda name: (name == last, name))
    for name in names:
        _force(aside / name)
    before = aside / "before"
    before.mkdir()
    kept = [name for name in {*names, *stale, last} if (folder / name).exists()]
    for name in kept:
        _keep(folder / name, before / name)
    try:
        (folder / last).unlink(missing_ok=True)
        for name in kept:
            if name not in names:
                (folder / name).unlink(missing_ok=True)
        for name in names:
            os.replace(aside / name, folder / name)
        _force(folder)
    except OSError:
        for name in names:
            if name not in kept:
                (folder / name).unlink(missing_ok=True)
        for name in sorted(kept, key=lambda name: name == last):
            shutil.move(before / name, folder / name)
        raise


def _keep(path: Path, copy: Path) -> None:
    """A second name for a file, or a copy of it where the file system has no such thing."""
    try:
        os.link(path, copy)
    except OSError:
        shutil.copy2(path, copy)


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


def remove_empty(made: list[Path]) -> None:
    """Take back the folders that were made, innermost first, as long as nothing else came into them."""
    with contextlib.suppress(OSError):
        for path in made:
            if path.exists():
                path.rmdir()
