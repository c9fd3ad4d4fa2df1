"""What tests of batches share: small recordings, workers that are none, and folders compared."""

import csv
import json
import os
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import soundfile

SMALL = {"transform.support": 64, "transform.hop": 16, "transform.mode": "tf", "optimizer.steps": 3, "figures.dpi": 20}
FLAGS = [f"--set={key}={value}" for key, value in SMALL.items()]


class Inline:
    """Stands in for workers: calls are carried out at once, in this process; so many may wait to be looked at."""

    def __init__(self, capacity: int = 1):
        self.capacity, self.halted = capacity, False

    def submit(self, function, *args) -> Future:
        future = Future()
        try:
            future.set_result(function(*args))
        except BaseException as error:
            future.set_exception(error)
        return future

    def halt(self, futures) -> None:
        self.halted = True

    def close(self, at_once: bool = False) -> None:
        pass


def write(path: Path, seed: int = 0, channels: int = 1) -> Path:
    """0.2 s of a tone and noise at 2 kHz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random, tone = np.random.default_rng(seed), np.sin(0.2 * np.pi * np.arange(400))
    samples = 0.3 * tone[:, None] + 0.1 * random.standard_normal((400, channels))
    soundfile.write(path, samples, 2000, subtype="FLOAT")
    return path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def summary(out: Path, name: str = "summary.csv") -> list[dict]:
    with open(out / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def comparable(path: Path) -> object:
    """What a file holds, without the time that was taken and whether it was this run that took it."""
    if path.name == "summary.csv":
        return [
            {**row, "seconds": "", "status": row["status"].replace("skipped", "done")} for row in summary(path.parent)
        ]
    if path.name != "metrics.json":
        return path.read_bytes()
    metrics = json.loads(path.read_text("utf-8"))
    del metrics["seconds"]
    return metrics


def tree(folder: Path) -> dict[str, object]:
    """All in a folder and below it: what files hold, None for folders."""
    paths = sorted(folder.rglob("*"))
    return {path.relative_to(folder).as_posix(): None if path.is_dir() else comparable(path) for path in paths}


def stamps(folder: Path) -> dict[Path, int]:
    """When each file was written last."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def descendants(process: int) -> set[int]:
    """The processes that this one started, and those that they did."""
    found = set()
    for task in Path(f"/proc/{process}/task").glob("*"):
        found |= set(map(int, (task / "children").read_text().split()))
    return found.union(*map(descendants, found))


def alive(process: int) -> bool:
    """False for one that has ended, even where nobody has asked how."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def in_proc() -> bool:
    """Whether processes can be looked up."""
    return os.path.exists("/proc/self/stat")
