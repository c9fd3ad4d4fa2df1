"""Throughput of ``dstft batch``: many short recordings with one and with two processes, and what it takes beside the runs.

``python tests/benchmarks/batch.py [recordings]``; 200 unless told otherwise.
"""

import csv
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from common import noisy_chirps

_RATE, _SECONDS = 16_000, 5


def make(folder: Path, count: int) -> None:
    """Recordings of 5 s, each with noise of its own."""
    folder.mkdir()
    random, chirps = np.random.default_rng(1), noisy_chirps(_SECONDS, _RATE)
    for i in range(count):
        samples = chirps + 0.2 * random.standard_normal(len(chirps))
        soundfile.write(folder / f"{i:04}.wav", samples / np.abs(samples).max(), _RATE)


def descendants(process: int) -> list[int]:
    """The processes that this one started, and those that they did."""
    try:
        tasks = os.listdir(f"/proc/{process}/task")
        found = [int(n) for task in tasks for n in Path(f"/proc/{process}/task/{task}/children").read_text().split()]
    except OSError:
        return []
    return found + [below for child in found for below in descendants(child)]


def resident(process: int) -> float:
    """Memory of a process in MB."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except OSError:
        return 0.0


def run(recordings: Path, out: Path, jobs: int) -> tuple[float, list[dict], list[tuple[float, float, float]]]:
    """Seconds of the command, the rows of its summary, and (s, MB of the command, MB of its largest worker) over time."""
    line = [sys.executable, "-m", "dstft_cli", "batch", str(recordings), "-o", str(out), "-j", str(jobs), "-q"]
    began, memory = time.perf_counter(), []
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        workers = [resident(child) for child in descendants(process.pid)]
        memory.append((time.perf_counter() - began, resident(process.pid), max(workers, default=0.0)))
        time.sleep(0.2)
    seconds = time.perf_counter() - began
    if process.returncode:
        sys.exit(f"dstft batch -j {jobs} failed with {process.returncode}")
    with open(out / "summary.csv", newline="", encoding="utf-8") as file:
        return seconds, list(csv.DictReader(file)), memory


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as home:
        make(Path(home) / "in", count)
        print(
            f"{count} recordings of {_SECONDS} s at {_RATE} Hz, mode constant, pictures included, one thread a process"
        )
        walls = {}
        for jobs in (1, 2):
            walls[jobs], rows, memory = run(Path(home) / "in", Path(home) / f"out-{jobs}", jobs)
            work = sum(float(row["seconds"]) for row in rows)
            over = 100 * (jobs * walls[jobs] / work - 1)
            print(f"-j {jobs}: {walls[jobs]:.1f} s, {count / walls[jobs]:.2f} files/s")
            print(f"  the runs themselves took {work:.1f} s: {over:.1f} % overhead (wanted: under 15)")
            for name, column in (("command", 1), ("worker", 2)):
                half = walls[jobs] / 2
                first = max(entry[column] for entry in memory if entry[0] < half)
                last = max(entry[column] for entry in memory if entry[0] >= half)
                print(f"  most memory of the {name}: {first:.0f} MB in the first half, {last:.0f} MB in the second")
        print(f"-j 2 is {walls[1] / walls[2]:.2f} times as fast as -j 1 (wanted: 1.7)")


if __name__ == "__main__":
    main()
