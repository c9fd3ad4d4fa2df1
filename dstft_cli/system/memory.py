"""How much memory this process may still take: what the machine has free, and what its container or its shell allows."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

_LIMITS = {
    "memory.max": "memory.current",
    "memory.limit_in_bytes": "memory.usage_in_bytes",
}  # of cgroup versions 2 and 1
_CACHE = ("inactive_file", "total_inactive_file")  # bytes that the kernel gives back when they are wanted

_sharers = 1


def share_among(processes: int) -> None:
    """From now on this process counts on its share only of what is free."""
    global _sharers
    _sharers = processes


def free_memory(root: Path = Path("/")) -> int:
    """Bytes that can be taken without swapping, and without being killed for it. root: where /proc and /sys are."""
    found = [_of_machine(root), *_of_groups(root), *_of_process(root)]
    return max(0, min(found)) // _sharers


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
    """What each control group that this process is in leaves it, and those above; a container's own is at the top."""
    try:
        lines = (root / "proc/self/cgroup").read_text("utf-8").splitlines()
        places = [line.split(":", 2)[1:] for line in lines if line.count(":") >= 2]
    except (OSError, ValueError):
        return
    for controllers, path in places:
        if controllers and "memory" not in controllers.split(","):
            continue
        place = Path(controllers, path.lstrip("/"))
        for folder in (place, *place.parents):
            with contextlib.suppress(OSError, ValueError):
                yield _left(root / "sys/fs/cgroup" / folder)


def _left(folder: Path) -> int:
    """Raises OSError or ValueError where the group sets no limit."""
    limit = next(name for name in (*_LIMITS, "") if not name or (folder / name).exists())
    if not limit:
        raise FileNotFoundError(folder)
    counts = dict(line.split() for line in (folder / "memory.stat").read_text("ascii").splitlines())
    cache = max(int(counts.get(name, 0)) for name in _CACHE)
    return int((folder / limit).read_text()) - int((folder / _LIMITS[limit]).read_text()) + cache


def _of_process(root: Path) -> Iterator[int]:
    """What ``ulimit -v`` leaves."""
    if sys.platform == "win32":
        return
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    with contextlib.suppress(OSError, ValueError):
        if limit != resource.RLIM_INFINITY:
            pages = int((root / "proc/self/statm").read_text("ascii").split()[0])
            yield limit - pages * os.sysconf("SC_PAGE_SIZE")
