"""Whole or absent: a file, or a set of files, is made aside, forced to disk, and put in place by renames, the last one last."""

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

from ..errors import OutputError
from ..text import size_words
from .shutdown import MOVING, UNDO

_BEFORE = "before"  # in an aside, what the new files replace


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
        with _temporary_folder(nearest, str(folder)):
            pass
    except OutputError as error:
        reason = f"{error.__cause__.strerror} in {nearest}"
        raise OutputError(f"{folder}: cannot be written: {reason}; choose another folder with -o") from error


def check_room(folder: Path, need: float) -> None:
    """Raises OutputError where the disk that the folder is, or would be, on has fewer bytes free than that."""
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(path))
    try:
        free = shutil.disk_usage(nearest).free
    except OSError:
        return  # the system does not say
    if need > free:
        amounts = f"the result needs about {size_words(need)} of disk and {size_words(free)} are free"
        raise OutputError(
            f"{folder}: {amounts}; choose another folder with -o, or take less of the signal with --duration"
        )


@contextlib.contextmanager
def replace_files(folder: Path, last: str, stale: Iterable[str] = ()) -> Iterator[Path]:
    """A folder to write into; on leaving, its files move into ``folder``, the one named ``last`` after all others.

    Files named in ``stale`` go with the old set, where the new one has none of that name. The old ``last``, which marks a
    set as complete, goes before the first move, so that old and new files are never taken for one set. On any error
    what was in ``folder`` is put back and the aside is removed.
    Raises OutputError, naming the folder and the cause, where the disk or its permissions are in the way.
    """
    with _temporary_folder(folder, str(folder)) as aside:
        yield aside
        _install(aside, folder, last, stale)


@contextlib.contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """A file to write in place of ``path``, on the same disk; on leaving it takes that name, on any error it is removed.

    Folders on the way are made, and taken back on an error. Raises OutputError, naming the file and the cause, where the
    disk or its permissions are in the way.
    """
    with _temporary_folder(path.parent, str(path)) as aside:
        yield aside / path.name
        _install(aside, path.parent, path.name, ())


@contextlib.contextmanager
def _temporary_folder(folder: Path, wanted: str) -> Iterator[Path]:
    """A new folder in that one, which is made if need be; gone on leaving, and on an error what was made as well.

    wanted: what an OutputError says cannot be written.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    aside, done, stranded = folder / f"{_mark()}{os.getpid()}-{secrets.token_hex(4)}", False, False
    UNDO[aside] = lambda: (_discard(aside), remove_empty(made))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        aside.mkdir(0o700)
        yield aside
        done = True
    except OSError as error:
        stranded = isinstance(error, _Stranded)
        reason, kept = error.strerror or error, aside / _BEFORE if stranded else "as it was"
        raise OutputError(
            f"{wanted}: cannot be written: {reason}; what was there is {'in ' * stranded}{kept}"
        ) from error
    finally:
        if not stranded:
            _discard(aside)
        if not done:
            remove_empty(made)
        del UNDO[aside]


def temporary(need: float) -> tuple[Path, Callable[[], None]]:
    """A folder among the temporary files, and what removes it, which also happens where the process is told to end.

    Raises OutputError where it cannot be made, or has no room for so many bytes.
    """
    try:
        check_room(Path(tempfile.gettempdir()), need)
        folder = Path(tempfile.mkdtemp(prefix="dstft-"))
    except OSError as error:
        raise OutputError(f"temporary files cannot be written: {error.strerror or error}; see TMPDIR") from error

    def remove() -> None:
        _discard(folder)
        UNDO.pop(folder, None)

    UNDO[folder] = remove
    return folder, remove


class _Stranded(OSError):
    """Files that were moved away could not be put back."""


def _discard(folder: Path) -> None:
    """Remove a folder, or what can be removed of it; a disk that fails once is asked again. It opens nothing: perhaps it could not."""
    for _ in range(2):
        for path in [*sorted(folder.rglob("*"), reverse=True), folder]:
            with contextlib.suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)


def _mark() -> str:
    return f".partial-{platform.node()}-"


def sweep(folder: Path) -> None:
    """Remove asides that processes of this machine left behind when they were killed."""
    ours = {path.name for path in UNDO}
    for path in folder.glob(f"{glob.escape(_mark())}*"):
        process = path.name[len(_mark()) :].partition("-")[0]
        if path.name in ours or not process.isdigit() or (int(process) != os.getpid() and _alive(int(process))):
            continue  # one of our number that is not ours is of a process that is gone
        if path.is_dir():
            _discard(path)
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
    """Force the files of the aside to disk and move them into the folder; what was there is put back where that fails."""
    names = sorted((path.name for path in aside.iterdir()), key=lambda name: (name == last, name))
    for name in names:
        _force(aside / name)
    with MOVING:
        _move(aside, folder, names, [*stale, last])


def _move(aside: Path, folder: Path, names: list[str], others: list[str]) -> None:
    """others: what goes too, where there are such files; the last of all is the one that marks a set as whole."""
    before, last = aside / _BEFORE, others[-1]
    before.mkdir()
    kept = [name for name in {*names, *others} if (folder / name).exists()]
    for name in kept:
        _keep(folder / name, before / name)
    try:
        if {*names, *kept} != {last}:  # a file that is alone is replaced at one stroke
            (folder / last).unlink(missing_ok=True)
        for name in kept:
            if name not in names:
                (folder / name).unlink(missing_ok=True)
        for name in names:
            os.replace(aside / name, folder / name)
        _force(folder)
    except BaseException as error:
        added = [folder / name for name in names if name not in kept]
        if not _put_back(before, folder, sorted(kept, key=lambda name: name == last), added):
            raise _Stranded(*error.args) from error
        raise


def _put_back(before: Path, folder: Path, kept: list[str], added: list[Path]) -> bool:
    """Undo moves as far as the disk allows; False where something of what was there is still away."""
    undone = True
    for path in added:
        try:
            if path.exists():
                path.unlink()
        except OSError:
            undone = False
    for name in kept:
        try:
            shutil.move(before / name, folder / name)
        except OSError:
            undone = undone and os.path.exists(folder / name) and os.path.samefile(before / name, folder / name)
    return undone


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
    except OSError as error:  # file systems that know no such thing of folders
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def remove_empty(made: list[Path]) -> None:
    """Take back the folders that were made, innermost first, as long as nothing else came into them."""
    with contextlib.suppress(OSError):
        for path in made:
            if path.exists():
                path.rmdir()
