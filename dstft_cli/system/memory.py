"""How much memory this process may still use: what is free on the machine, in its control groups and under ``ulimit -v``."""

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path

_LIMITS = {
    "memory.max": "memory.current",
    "memory.limit_in_bytes": "memory.usage_in_bytes",
}  # of control groups, version 2 and 1
_CACHE = ("inactive_file", "total_inactive_file")  # bytes of file cache that the kernel frees on demand

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # of mallopt
_LARGEST_KEPT, _MOST_KEPT = 32 * 2**20, 512 * 2**20  # bytes of a block, which can be no more, and of all of them

_processes = 1  # that share the free memory


def share_among(processes: int) -> None:
    """From now on ``free_memory`` returns the share of one of so many processes."""
    global _processes
    _processes = processes


def free_memory(root: Path = Path("/")) -> int:
    """Bytes that this process can allocate without swapping and without being killed. root: where /proc and /sys are."""
    limits = [_of_machine(root), *_of_groups(root), *_of_process(root)]
    return max(0, min(limits)) // _processes


def _of_machine(root: Path) -> int:
    try:
        fields = dict(line.split(":", 1) for line in (root / "proc/meminfo").read_text("ascii").splitlines())
        return int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):  # not Linux
        return _physical() // 2


def _physical() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 4 * 2**30


def _of_groups(root: Path) -> Iterator[int]:
    """The free bytes of each control group of this process and of those above it; a container's own group is at the top."""
    try:
        lines = (root / "proc/self/cgroup").read_text("utf-8").splitlines()
        groups = [line.split(":", 2)[1:] for line in lines if line.count(":") >= 2]
    except (OSError, ValueError):
        return
    for controllers, path in groups:
        if controllers and "memory" not in controllers.split(","):
            continue
        group = Path(controllers, path.lstrip("/"))
        for folder in (group, *group.parents):
            with contextlib.suppress(OSError, ValueError):
                yield _free_in_group(root / "sys/fs/cgroup" / folder)


def _free_in_group(folder: Path) -> int:
    """Raises OSError or ValueError if the group has no limit."""
    limit = next(name for name in (*_LIMITS, "") if not name or (folder / name).exists())
    if not limit:
        raise FileNotFoundError(folder)
    counts = dict(line.split() for line in (folder / "memory.stat").read_text("ascii").splitlines())
    cache = max(int(counts.get(name, 0)) for name in _CACHE)
    return int((folder / limit).read_text()) - int((folder / _LIMITS[limit]).read_text()) + cache


def _of_process(root: Path) -> Iterator[int]:
    """The bytes that ``ulimit -v`` still allows."""
    if sys.platform == "win32":
        return
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    with contextlib.suppress(OSError, ValueError):
        if limit != resource.RLIM_INFINITY:
            pages = int((root / "proc/self/statm").read_text("ascii").split()[0])
            yield limit - pages * os.sysconf("SC_PAGE_SIZE")


def keep_freed_memory() -> None:
    """From now on memory that is freed stays with the process, up to half a GiB, and is used again, where the C library is glibc.

    A descent or a training frees and takes the same blocks in each step; to get them from the kernel anew takes a quarter of its time.
    """
    _c_library("mallopt", _MMAP_THRESHOLD, _LARGEST_KEPT)
    _c_library("mallopt", _TRIM_THRESHOLD, _MOST_KEPT)


def return_freed_memory() -> None:
    """Give memory that is free within the process back to the system, where the C library is glibc.

    Long runs call it after each block: a block leaves gaps that the next one does not fill.
    """
    _c_library("malloc_trim", 0)


def _c_library(name: str, *arguments: int) -> None:
    """Call a function of the C library, on Linux and where it has it."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            getattr(ctypes.CDLL(None), name)(*arguments)
