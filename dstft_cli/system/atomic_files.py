"""Whole or absent: files are written to a temporary folder, forced to disk, and renamed into place, the most important one last."""

import contextlib
import errno
import glob
import os
import platform
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ..errors import OutputError, OutputExistsError
from ..text import size_text
from .shutdown import MOVING, UNDO

_EARLIER = "before"  # in a temporary folder: the files that the new ones replace


def check_parents(folder: Path) -> Path:
    """The folder itself if it exists, else the nearest one above it. Raises OutputError if that is not a folder."""
    nearest = _nearest(folder)
    if not nearest.is_dir():
        raise OutputError(f"{folder}: cannot be written: {nearest} is not a folder; choose another with -o")
    return nearest


def check_folder(folder: Path) -> None:
    """Raises OutputError if the folder cannot be created or written in; called before any work is spent on it."""
    nearest = check_parents(folder)
    try:
        with _temporary_folder(nearest, str(folder)):
            pass
    except OutputError as error:
        reason = f"{error.__cause__.strerror} in {nearest}"
        raise OutputError(f"{folder}: cannot be written: {reason}; choose another folder with -o") from error


def check_disk_space(folder: Path, need: float) -> None:
    """Raises OutputError if the disk of a folder, which need not exist yet, has less than ``need`` bytes free."""
    try:
        free = shutil.disk_usage(_nearest(folder)).free
    except OSError:
        return  # the system does not say
    if need > free:
        amounts = f"the result needs about {size_text(need)} of disk and {size_text(free)} are free"
        raise OutputError(f"{folder}: {amounts}; choose another folder with -o, or a shorter part with --duration")


def _nearest(folder: Path) -> Path:
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(path))


@contextlib.contextmanager
def replace_files(folder: Path, last: str, stale: Iterable[str] = ()) -> Iterator[Path]:
    """A temporary folder to write into. When the context ends, its files move to the target and replace files of the same name.

    The earlier ``last`` is removed before the first move and the new one moves after all others, so that a folder with
    this file holds one complete set. On any error the earlier files are restored.

    folder: where the files go; created if missing.
    last: name of the file that marks a set as complete.
    stale: names of files that are removed with the earlier set, unless the new one has them.

    Raises OutputError, with the folder and the cause, if the disk or its permissions prevent it.
    """
    with _temporary_folder(folder, str(folder)) as aside:
        yield aside
        _commit(aside, folder, last, stale)


@contextlib.contextmanager
def replace_file(path: Path, may_exist: bool = True) -> Iterator[Path]:
    """A temporary file to write; on leaving the context it replaces ``path``, on any error it is removed.

    may_exist: False if there was no such file before the work on it began; one written meanwhile raises OutputExistsError.

    Missing folders are created, and removed again on an error. Raises OutputError, with the file and the cause, if the disk
    or its permissions prevent it.
    """
    with _temporary_folder(path.parent, str(path)) as aside:
        yield aside / path.name
        if not may_exist and os.path.lexists(path):
            raise OutputExistsError(
                f"{path}: another program has written this file meanwhile and it was kept; choose another name"
            )
        _commit(aside, path.parent, path.name, ())


@contextlib.contextmanager
def _temporary_folder(folder: Path, target: str) -> Iterator[Path]:
    """A new folder inside ``folder``, removed on leaving; on an error the folders created on the way are removed too.

    target: what an OutputError says cannot be written.
    """
    new_folders = [path for path in (folder, *folder.parents) if not path.exists()]
    aside, done, restored = folder / f"{_mark()}{os.getpid()}-{secrets.token_hex(4)}", False, True
    UNDO[aside] = lambda: (_remove(aside), remove_empty(new_folders))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_stale(folder)
        aside.mkdir(0o700)
        yield aside
        done = True
    except OSError as error:
        restored = not isinstance(error, _NotRestoredError)
        earlier = "unchanged" if restored else f"in {aside / _EARLIER}"
        reason = error.strerror or error
        raise OutputError(f"{target}: cannot be written: {reason}; the earlier files are {earlier}") from error
    finally:
        if restored:
            _remove(aside)
        if not done:
            remove_empty(new_folders)
        del UNDO[aside]


def scratch_folder(need: float) -> tuple[Path, Callable[[], None]]:
    """A new folder for temporary files, and the function that removes it; a signal that ends the process removes it too.

    Raises OutputError if it cannot be created, or if its disk has less than ``need`` bytes free.
    """
    try:
        check_disk_space(Path(tempfile.gettempdir()), need)
        folder = Path(tempfile.mkdtemp(prefix="dstft-"))
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"temporary files cannot be written: {reason}; set TMPDIR to another folder") from error

    def remove() -> None:
        _remove(folder)
        UNDO.pop(folder, None)

    UNDO[folder] = remove
    return folder, remove


class _NotRestoredError(OSError):
    """The earlier files could not be moved back."""


def _remove(folder: Path) -> None:
    """Remove a folder, or as much of it as possible, in two tries; of a link in its place or in it, only the link."""
    for _ in range(2):
        if folder.is_symlink():
            with contextlib.suppress(OSError):
                folder.unlink()
        shutil.rmtree(folder, ignore_errors=True)  # opens folders, so that none is swapped for a link meanwhile
    if folder.is_dir() and not folder.is_symlink():  # they cannot be opened: descriptors may have run out
        for path in [*sorted(folder.rglob("*"), reverse=True), folder]:
            with contextlib.suppress(OSError):
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def _mark() -> str:
    """What the names of temporary folders begin with on this machine; the number of the process follows."""
    return f".partial-{platform.node()}-"


def remove_stale(folder: Path) -> None:
    """Remove the temporary folders that killed processes of this machine left in a folder."""
    own = {path.name for path in UNDO}
    for path in folder.glob(f"{glob.escape(_mark())}*"):
        process = path.name[len(_mark()) :].partition("-")[0]
        if path.name in own or not process.isdigit() or (int(process) != os.getpid() and _is_alive(int(process))):
            continue  # one with our number that is not our own: an ended process had the number before
        if path.is_dir():
            _remove(path)
        else:
            with contextlib.suppress(OSError):
                path.unlink()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it exists, but belongs to another user
        return True
    return True


def _commit(aside: Path, folder: Path, last: str, stale: Iterable[str]) -> None:
    """Force the new files to disk and move them into the folder."""
    names = sorted((path.name for path in aside.iterdir()), key=lambda name: (name == last, name))
    for name in names:
        _fsync(aside / name)
    with MOVING:
        _move(aside, folder, names, [*stale, last])


def _move(aside: Path, folder: Path, names: list[str], removed: list[str]) -> None:
    """Move files into the folder; on an error restore the earlier ones.

    removed: names of earlier files that go too; the last of them marks a set as complete.
    """
    earlier, last = aside / _EARLIER, removed[-1]
    earlier.mkdir()
    existing = [name for name in {*names, *removed} if os.path.lexists(folder / name)]
    for name in existing:
        _back_up(folder / name, earlier / name)
    try:
        if {*names, *existing} != {last}:  # a single file is replaced in one step
            (folder / last).unlink(missing_ok=True)
        for name in existing:
            if name not in names:
                (folder / name).unlink(missing_ok=True)
        for name in names:
            os.replace(aside / name, folder / name)
        _fsync(folder)
    except BaseException as error:
        added = [folder / name for name in names if name not in existing]
        if not _restore(earlier, folder, sorted(existing, key=lambda name: name == last), added):
            raise _NotRestoredError(*error.args) from error
        raise


def _restore(earlier: Path, folder: Path, names: list[str], added: list[Path]) -> bool:
    """Move earlier files back and remove new ones, as far as the disk allows; False if an earlier file is still missing."""
    restored = True
    for path in added:
        try:
            path.unlink(missing_ok=True)
        except OSError:
            restored = False
    for name in names:
        try:
            shutil.move(earlier / name, folder / name)
        except OSError:
            restored = restored and os.path.exists(folder / name) and os.path.samefile(earlier / name, folder / name)
    return restored


def _back_up(path: Path, copy: Path) -> None:
    """Give a file a second name, or copy it where the file system has no hard links; a link is copied as a link."""
    if path.is_symlink():
        os.symlink(os.readlink(path), copy)
        return
    try:
        os.link(path, copy)
    except OSError:
        shutil.copy2(path, copy)


def _fsync(path: Path) -> None:
    """Force a file, or where the system can a folder, to disk."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:  # folders cannot be opened on Windows
        return
    try:
        os.fsync(handle)
    except OSError as error:  # some file systems cannot for folders
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def remove_empty(folders: list[Path]) -> None:
    """Remove folders, given innermost first, up to the first one that is not empty."""
    with contextlib.suppress(OSError):
        for path in folders:
            if path.exists():
                path.rmdir()
