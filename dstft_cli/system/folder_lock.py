"""One run at a time in a folder: a lock that the system frees when its owner ends, however it ends."""

import contextlib
import errno
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path

from ..errors import OutputError
from .atomic_files import remove_empty, sweep
from .shutdown import UNDO

LOCK = ".dstft-lock"
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)  # what file systems say that have none
_BEYOND = 1 << 30  # byte that is locked on Windows, where a locked one cannot be read


@contextlib.contextmanager
def folder_lock(folder: Path, name: str = LOCK) -> Iterator[None]:
    """Holds a folder against other runs while it lasts; made where it is missing, and removed again where it stays empty.

    What a run that was killed left behind is taken over: its lock went with it. name: of the file that stands for the lock and
    tells who has it. File systems without locks hold nothing. Raises OutputError where another run is using it, and names it.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    handle, path = None, folder / name

    def release() -> None:
        if handle is not None:
            _leave(handle, path)
        remove_empty(made)

    UNDO[path] = release
    try:
        handle = _enter(folder, name)
        yield
    finally:
        release()
        UNDO.pop(path, None)


def remove_leftovers(folder: Path, name: str = LOCK) -> None:
    """Remove what killed runs of this machine left in a folder, if anything: parts of results, and their lock."""
    sweep(folder)
    if (folder / name).exists():
        with contextlib.suppress(OutputError), folder_lock(folder, name):
            pass


def _enter(folder: Path, name: str) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _lock(folder / name)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}") from error


def _lock(path: Path) -> int:
    """The open file at that path, locked and with our name in it."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        taken = current = False
        try:
            taken, current = _take(handle), _is_at(handle, path)
            if not taken:
                owner = os.read(handle, 200).decode("utf-8", "replace").strip() or "another process"
                raise OutputError(
                    f"{path.parent}: {owner} is already using this folder; wait until it ends, or choose another folder with -o"
                )
            if current:
                os.ftruncate(handle, 0)
                os.write(handle, f"process {os.getpid()} on {platform.node()}, since {time.ctime()}".encode())
                return handle
        except BaseException:
            if taken and current:
                _leave(handle, path)
            else:
                os.close(handle)
            raise
        os.close(handle)  # its last owner has just removed it


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _take(handle: int) -> bool:
    """False where another run has the lock."""
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


def _leave(handle: int, path: Path) -> None:
    """The name goes before the lock, so that nobody takes a lock that is about to vanish for one that lasts."""
    for _ in range(2):  # a disk that fails once is asked again
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
            break
    os.close(handle)
