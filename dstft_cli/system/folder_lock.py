"""One run at a time in a folder: a lock file that names its owner, under a lock that the system frees however the owner ends."""

import contextlib
import errno
import os
import platform
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import OutputError
from .atomic_files import remove_empty, remove_stale
from .shutdown import UNDO

LOCK = ".dstft-lock"
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)  # from file systems without locks
_BEYOND = 1 << 30  # byte that is locked on Windows, where a locked byte cannot be read
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@contextlib.contextmanager
def folder_lock(folder: Path, name: str = LOCK) -> Iterator[Callable[[], None]]:
    """Lock a folder against other runs; it is created if missing, and removed again if it stays empty.

    The lock of a killed run is taken over. On a file system without locks nothing is locked.

    folder: the folder to lock.
    name: of the lock file, which exists and names its owner as long as the lock is held.

    Yields a function that raises OutputError where another folder, or a link to one, has taken the place of the locked one.
    Raises OutputError if another run holds the lock, naming that run, or if the lock file cannot be written.
    """
    new_folders = [path for path in (folder, *folder.parents) if not path.exists()]
    handle, path = None, folder / name

    def release() -> None:
        if handle is not None:
            _release(handle, path)
        remove_empty(new_folders)

    def check() -> None:
        if not _is_at(handle, path):
            raise OutputError(f"{folder}: this folder was moved or replaced during the run; run again")

    UNDO[path] = release
    try:
        handle = _acquire(path)
        yield check
    finally:
        release()
        UNDO.pop(path, None)


def remove_leftovers(folder: Path, name: str = LOCK) -> None:
    """Remove from a folder what killed runs of this machine left: temporary folders, and the lock file of that name."""
    remove_stale(folder)
    if (folder / name).exists():
        with contextlib.suppress(OutputError), folder_lock(folder, name):
            pass


def _acquire(path: Path) -> int:
    """The descriptor of the lock file, locked, with this process as its owner."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while (handle := _try_lock(path)) is None:
            pass
        return handle
    except OSError as error:
        fault = "a link" if path.is_symlink() else str(error) if isinstance(error, _ForeignFileError) else ""
        reason = f"{path.name} in it is {fault}; remove it" if fault else error.strerror or error
        raise OutputError(f"{path.parent}: cannot be written: {reason}") from error


def _try_lock(path: Path) -> int | None:
    """The descriptor of the locked file; None if its last owner removed it meanwhile. Raises OutputError if it is locked."""
    handle = os.open(path, _FLAGS, 0o666)  # never through a link: it would overwrite what the link names
    locked = current = False
    try:
        _check_own(handle)
        locked, current = _lock(handle), _is_at(handle, path)
        if not locked:
            raise OutputError(_refusal(handle, path.parent))
        if current:
            os.ftruncate(handle, 0)
            os.write(handle, f"process {os.getpid()} on {platform.node()}, since {time.ctime()}".encode())
            return handle
    except BaseException:
        if locked and current:
            _release(handle, path)
        else:
            os.close(handle)
        raise
    os.close(handle)
    return None


class _ForeignFileError(OSError):
    """What has the name of the lock file is none."""


def _check_own(handle: int) -> None:
    """Raises _ForeignFileError for what must not be written to: a second name of another file, a pipe, a device."""
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        raise _ForeignFileError("not a regular file")
    if status.st_nlink > 1:
        raise _ForeignFileError("a hard link")


def _refusal(handle: int, folder: Path) -> str:
    owner = os.read(handle, 200).decode("utf-8", "replace").strip() or "another process"
    return f"{folder}: {owner} is already using this folder; wait until it ends, or choose another folder with -o"


def _is_at(handle: int, path: Path) -> bool:
    """Whether the open file still has that name."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _lock(handle: int) -> bool:
    """Lock an open file; False if another run has it locked."""
    try:
        _system_lock(handle)
    except OSError as error:
        return error.errno in _NO_LOCKS
    return True


def _system_lock(handle: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        os.lseek(handle, _BEYOND, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(handle, 0, os.SEEK_SET)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _release(handle: int, path: Path) -> None:
    """Remove the lock file, then unlock it: in the other order a second run could lock a file that is about to go."""
    for _ in range(2):  # once more for a disk that fails once
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
            break
    os.close(handle)
