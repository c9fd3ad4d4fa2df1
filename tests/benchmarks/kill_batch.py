"""``dstft batch`` stopped again and again: is nothing half-written, and does the next run make of it what an undisturbed one makes?

``python tests/benchmarks/kill_batch.py [times] [kind ...]``; 50 of each kind unless told otherwise. The kinds: ``random`` kills
the command and its workers (kill -9) at a random moment, ``targeted`` as one of them is about to open, make, fsync, rename or
remove something in the folder of results, ``ctrl-c`` and ``term`` send SIGINT to all or SIGTERM to the command, at random.
Meanwhile a reader looks every millisecond for results that are not whole.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from batch_files import FLAGS, alive, comparable, descendants, stamps, tree, write

TOUCHES = {
    "open": 60,
    "os.mkdir": 12,
    "os.rename": 24,
    "os.remove": 6,
    "fsync": 27,
}  # and how many one of two workers makes at least
FILES = 6
VICTIM = os.environ.get("DSTFT_KILL", "")


def strike_at(kind: str, number: int, out: str) -> None:
    """From now on this process kills its whole group at the number-th call of that kind that touches the folder."""
    left = [number]

    def watch(event, arguments):
        if event == kind and isinstance(arguments[0], str | os.PathLike) and out in os.path.abspath(arguments[0]):
            left[0] -= 1
            if left[0] < 0:
                os.killpg(0, signal.SIGKILL)

    if kind == "fsync":
        real = os.fsync
        os.fsync = lambda handle: (watch("fsync", (out,)), real(handle))[1]
    else:
        sys.addaudithook(watch)


if VICTIM:  # here and not in main, so that it holds in the workers, which import this file, too
    strike_at(*(int(part) if part.isdigit() else part for part in VICTIM.split(":", 2)))


def start(home: Path, victim: str = "") -> subprocess.Popen:
    line = [sys.executable, __file__, "--victim", "batch", "in", "-o", "out", "-j", "2", "--no-report", *FLAGS]
    environment = os.environ | {"DSTFT_KILL": victim}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        line, cwd=home, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )


def results(out: Path) -> list[Path]:
    return [path.parent for path in out.glob("*/metrics.json")]


class Reader(threading.Thread):
    """Looks at what is there every millisecond; seen: results that were not whole."""

    def __init__(self, out: Path):
        super().__init__(daemon=True)
        self.out, self.seen, self.looks, self.over = out, set(), 0, threading.Event()

    def run(self):
        while not self.over.wait(0.001):
            self.looks += 1
            for folder in results(self.out):
                try:
                    json.loads((folder / "metrics.json").read_text("utf-8"))
                    with np.load(folder / "result.npz", allow_pickle=False) as arrays:
                        arrays["loss_history"]
                    if len([*folder.glob("*.png")]) < 5:
                        raise ValueError("pictures are missing")
                except Exception as error:
                    if (folder / "metrics.json").exists():
                        self.seen.add(f"{folder}: {error}")


def strike(kind: str, home: Path, length: float) -> tuple[list[str], int]:
    """One batch, stopped; what was wrong with that, and how often a reader looked."""
    faults = []
    reader = Reader(home / "out")
    reader.start()
    victim = ""
    if kind == "targeted":
        touch = random.choice([*TOUCHES])
        victim = f"{touch}:{random.randrange(TOUCHES[touch])}:{home / 'out'}"
    process = start(home, victim)
    if kind != "targeted":
        time.sleep(random.uniform(0.3, length))
        below = descendants(process.pid)
        began = time.monotonic()
        if process.poll() is None:
            {"random": os.killpg, "ctrl-c": os.killpg, "term": os.kill}[kind](
                process.pid, {"random": signal.SIGKILL, "ctrl-c": signal.SIGINT, "term": signal.SIGTERM}[kind]
            )
    _, err = process.communicate(timeout=120)
    if kind == "targeted" and process.returncode == 0:
        faults.append(f"{victim} never came")
    if kind in ("ctrl-c", "term"):
        faults += after_signal(kind, process, time.monotonic() - began, below, home, err)
    reader.over.set()
    reader.join()
    return [*faults, *reader.seen], reader.looks


def after_signal(kind, process, seconds, below, home, err) -> list[str]:
    """What a stopped batch must not leave."""
    faults = []
    if process.returncode not in (0, {"ctrl-c": 130, "term": 143}[kind], -signal.SIGINT):
        faults.append(f"exit code {process.returncode}")
    if seconds > 5:
        faults.append(f"took {seconds:.1f} s to end")
    if "Traceback" in err:
        faults.append(f"a traceback: {err[-300:]}")
    time.sleep(0.3)
    if any(map(alive, below)):
        faults.append("a worker lives on")
    left = [path.name for path in home.rglob("*") if path.name.startswith((".partial-", ".dstft-lock"))]
    return faults + [f"{name} is left" for name in left]


def attempt(kind: str, reference: Path, length: float) -> tuple[list[str], int, int]:
    """One batch stopped and run again: what was wrong, how many results were there in between, how often a reader looked."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        shutil.copytree(reference / "in", home / "in")
        faults, looks = strike(kind, home, length)
        finished = results(home / "out")
        for result in finished:
            for path in (reference / "out" / result.name).iterdir():
                if comparable(result / path.name) != comparable(path):
                    faults.append(f"{result.name}/{path.name} is not as it should be in between")
        before = {path: stamp for result in finished for path, stamp in stamps(result).items() if path.name[0] != "."}
        again = start(home)
        again.communicate(timeout=120)
        if again.returncode != 0:
            faults.append(f"the second run ended with {again.returncode}")
        if tree(home / "out") != tree(reference / "out"):
            faults.append("the tree is not that of an undisturbed run")
        if (
            not {path: stamp for path, stamp in before.items() if ".partial-" not in str(path)}.items()
            <= stamps(home / "out").items()
        ):
            faults.append("what was finished was done again")
        return faults, len(finished), looks


def main():
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    kinds = sys.argv[2:] or ["random", "targeted", "ctrl-c", "term"]
    random.seed(0)
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder)
        for i in range(FILES):
            write(reference / "in" / f"{i}.wav", i)
        began = time.monotonic()
        start(reference).communicate()
        length = time.monotonic() - began
        print(f"{FILES} recordings, two workers, an undisturbed run takes {length:.1f} s")
        for kind in kinds:
            tried = [attempt(kind, reference, length) for _ in range(times)]
            good, counts = sum(not faults for faults, _, _ in tried), [finished for _, finished, _ in tried]
            print(
                f"{kind}: {good} of {times} well; results there when it was stopped: {min(counts)} to {max(counts)}, ",
                end="",
            )
            print(
                f"{sum(0 < count < FILES for count in counts)} times some; a reader looked {sum(looks for *_, looks in tried)} times"
            )
            for faults, _, _ in tried:
                for fault in faults:
                    print(f"  {fault}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--victim"]:
        from dstft_cli.cli import main as command

        command(sys.argv[2:], prog_name="dstft")
    else:
        main()
