"""Every command that writes, where a file may not grow beyond some size, and on a disk of 1 MB that is nearly full.

``python tests/benchmarks/full_disks.py [command ...]``. 20 limits of the size of a file (RLIMIT_FSIZE), and 20 amounts of free space on
a file system in memory, which needs ``unshare``. A run must end with exit code 1 and a sentence that names the place and the
cause, with the files of before whole and nothing left aside, or with 0 and all it was to make; run again with room, it must succeed.
"""

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import write_faults_loop as loops
from batch_files import FLAGS, tree, write

LIMITS = [
    0,
    1,
    10,
    100,
    500,
    1000,
    1500,
    *(2000 * k for k in range(1, 8)),
    16_000,
    18_000,
    20_000,
    25_000,
    30_000,
    60_000,
]
ROOM = [0, *(4096 * k for k in range(1, 20))]


class Limit:
    """Stands in for faults: while it lasts no file may grow beyond so many bytes."""

    calls = 0

    def __init__(self, size: int):
        self.size = size

    def __enter__(self):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.size, resource.RLIM_INFINITY))

    def __exit__(self, *_):
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


class Ballast(Limit):
    """... or the file system has so many bytes left."""

    def __init__(self, size: int, home: Path):
        self.size, self.path = size, home / "ballast"

    def __enter__(self):
        state = os.statvfs(self.path.parent)
        with contextlib.suppress(OSError), open(self.path, "wb") as file:
            file.write(bytes(max(0, state.f_bavail * state.f_frsize - self.size)))

    def __exit__(self, *_):
        self.path.unlink()


def attempt(home: Path, name: str, limit: Limit, causes: tuple, before: dict, after: dict, kept: Path) -> list[str]:
    code, err, _ = loops.command(home, loops.COMMANDS[name], limit)
    now = loops.stable(tree(home / "out"))
    found = loops.judge(name, code, err, before, after, now, 0, False, causes)
    again, said, _ = loops.command(home, loops.COMMANDS[name], None)
    now = loops.stable(tree(home / "out"))
    if (again or now != after) and not (name == "record" and again == 2 and code == 0):
        found.append(f"again: exit code {again}, {loops.differing(now, after)} {said[-200:]!r}")
    shutil.rmtree(home / "out")
    shutil.copytree(kept, home / "out")
    return [f"{name}, {type(limit).__name__} {limit.size}: {text}" for text in found]


def count(home: Path, kept: Path, names: list[str], small: bool) -> None:
    for name in names:
        began, wrong, runs = time.monotonic(), [], 0
        loops.prepared(name)
        for earlier in (True, False):
            shutil.rmtree(home / "out", ignore_errors=True)
            before, after = loops.prepare(home, name, loops.COMMANDS[name], earlier)
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(home / "out", kept)
            for size in ROOM if small else LIMITS:
                limit = Ballast(size, home) if small else Limit(size)
                causes = ("No space left on device", "are free") if small else ("File too large",)
                wrong += attempt(home, name, limit, causes, before, after, kept)
                runs += 1
        print(
            f"{name}, {'free space' if small else 'size of a file'}: {runs} runs, {len(wrong)} faults, {time.monotonic() - began:.0f} s"
        )
        for text in wrong[:30]:
            print(f"    {text}", flush=True)


def main():
    if sys.argv[1:2] == ["--mounted"]:
        mounted = Path(sys.argv[2])
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", mounted], check=True)
        home, names, small = mounted, sys.argv[3:], True
    else:
        home, names, small = Path(tempfile.mkdtemp()), sys.argv[1:], False
        line = ["unshare", "-rm", sys.executable, __file__, "--mounted"]
        subprocess.run([*line, tempfile.mkdtemp(), *names], check=False)
    loops.preload()
    with tempfile.TemporaryDirectory() as kept:
        write(home / "in.wav")
        write(home / "in" / "a.wav", 1)
        write(home / "in" / "b.wav", 2)
        code, err, _ = loops.command(home, ("optimize", "in.wav", "-o", "result", *FLAGS, "-q"), None)
        assert code == 0, err
        count(home, Path(kept) / "out", names or [*loops.COMMANDS], small)


if __name__ == "__main__":
    main()
