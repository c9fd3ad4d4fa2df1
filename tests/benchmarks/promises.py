"""What a batch promises, counted in full with the real command: same in, same out; bad files spoil nothing; nothing else is touched.

``python tests/benchmarks/promises.py [name ...]``; all of them unless told otherwise:

    same      20 runs of one recording, each a process, and one batch with -j 1 and -j 4: the same bytes
    config    20 recordings and modes: ``dstft optimize -c OUT/config.yaml`` makes the same bytes again
    isolation 100 good and 20 bad recordings: what single runs make of the good ones, and 20 rows that say why
    worker    a worker is killed (kill -9) in mid-run, 10 times: one row fails, the others are as they should be
    pairs     20 pairs of batches at once in one folder: both end well, or the second is refused and names the first
    touched   what strace saw created, written, renamed or removed outside the folder of results; needs strace
"""

import contextlib
import hashlib
import io
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from batch_files import FLAGS, descendants, summary, tree, write
from common import SAMPLES

MODES = ("constant", "time-varying", "frequency-varying", "tf-varying")


def dstft(*words, cwd: Path, before: tuple = ()) -> subprocess.CompletedProcess:
    line = [*before, sys.executable, "-m", "dstft_cli", *map(str, words)]
    return subprocess.run(line, cwd=cwd, capture_output=True, text=True, timeout=600)


def begin(*words, cwd: Path) -> subprocess.Popen:
    line = [sys.executable, "-m", "dstft_cli", *map(str, words)]
    return subprocess.Popen(line, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def alone(home: Path, *words) -> int:
    """The command in this process, which is quicker where torch is needed many times."""
    from dstft_cli.cli import main as command

    before = Path.cwd()
    os.chdir(home)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            command.main([*map(str, words)], prog_name="dstft", standalone_mode=False)
        return 0
    except SystemExit as end:
        return end.code
    finally:
        os.chdir(before)


def hashes(folder: Path) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def same(home: Path) -> None:
    file = SAMPLES / "three_components.wav"
    flags = ["--mode", "tf-varying", "--steps", 30, "--threads", 2, "-q"]
    runs = []
    for i in range(20):
        assert dstft("optimize", file, "-o", f"run-{i}", *flags, cwd=home).returncode == 0
        runs.append(tree(home / f"run-{i}"))
    print(f"same: {sum(run == runs[0] for run in runs)} of 20 runs of one command gave the same {len(runs[0])} files")
    for i in range(8):
        write(home / "in" / f"{i}.wav", i)
    for jobs in (1, 4):
        assert dstft("batch", "in", "-o", f"out-{jobs}", "-j", jobs, "--no-report", *FLAGS, cwd=home).returncode == 0
    print(f"same: a batch with -j 4 made what -j 1 made: {tree(home / 'out-1') == tree(home / 'out-4')}")


def config(home: Path) -> None:
    good = 0
    for i in range(20):
        write(home / f"{i}.wav", i, channels=1 + i % 2)
        options = [
            "--mode",
            MODES[i % 4],
            "--support",
            "20ms",
            "--theta-min",
            "5ms",
            "--hop",
            "2ms",
            "--steps",
            20 + i,
            "--seed",
            i,
            "-q",
        ]
        assert alone(home, "optimize", f"{i}.wav", "-o", f"first-{i}", *options) == 0
        again = dstft("optimize", f"{i}.wav", "-c", f"first-{i}/config.yaml", "-o", f"second-{i}", "-q", cwd=home)
        good += again.returncode == 0 and tree(home / f"first-{i}") == tree(home / f"second-{i}")
    print(f"config: {good} of 20 results were made again, to the byte, from their config.yaml")


def spoil(folder: Path) -> list[Path]:
    """20 files that no spectrogram can be made of."""
    folder.mkdir(parents=True)
    tone = np.sin(0.3 * np.arange(400))
    bad = {
        "empty.wav": b"",
        "text.wav": b"this is no sound",
        "zeros.wav": bytes(500),
        "riff.wav": b"RIFF\xff\xff\xff\xffWAVE",
        "noise.flac": np.random.default_rng(0).bytes(3000),
        "page.ogg": b"OggS" + bytes(200),
        "words.csv": b"a,b\nno,numbers\n",
        "one.csv": b"1\n",
        "gap.csv": b"t,x\n0,1\n0.001,\n0.002,3\n0.003,4\n",
        "back.csv": b"t,x\n0,1\n0.1,2\n0.05,3\n0.2,4\n",
        "null.txt": b"\0\0\0\0",
        "utf.txt": "µ".encode("utf-16"),
    }
    for name, content in bad.items():
        (folder / name).write_bytes(content)
    for name, samples in {
        "nan.wav": np.where(np.arange(400) == 200, np.nan, tone),
        "inf.wav": np.where(np.arange(400) == 200, np.inf, tone),
        "silent.wav": np.zeros(400),
        "constant.wav": np.full(400, 0.25),
        "one-sample.wav": tone[:1],
        "no-sample.wav": tone[:0],
    }.items():
        soundfile.write(folder / name, samples, 2000, subtype="FLOAT")
    whole = write(folder / "whole.wav").read_bytes()
    (folder / "whole.wav").unlink()
    (folder / "cut.wav").write_bytes(whole[: len(whole) // 2])
    (folder / "head.wav").write_bytes(whole[:30])
    return [*folder.iterdir()]


def isolation(home: Path) -> None:
    for i in range(100):
        write(home / "in" / "good" / f"{i}.wav", i)
    bad, before = spoil(home / "in" / "bad"), hashes(home / "in")
    run = dstft("batch", "in", "-o", "out", "-j", 2, *FLAGS, cwd=home)
    rows = summary(home / "out")
    failed = [row for row in rows if row["status"] == "failed"]
    alike = 0
    for i in range(100):
        alone(home, "optimize", f"in/good/{i}.wav", "-o", f"single/{i}", "--threads", 1, "-q", *FLAGS)
        alike += tree(home / "single" / str(i)).items() <= tree(home / "out" / "good" / str(i)).items()
    told = sum(Path(row["input"]).name in row["error"] for row in failed)
    print(f"isolation: exit code {run.returncode}; {alike} of 100 good ones are what single runs make")
    print(
        f"isolation: {len(failed)} of {len(bad)} bad ones failed, {told} with a sentence that names them; {len(rows)} rows"
    )
    for row in rows:
        if "bad" in row["input"]:
            print(f"    {Path(row['input']).name:15} {row['status']}: {row['error'][:150]}")
    print(f"isolation: the recordings are as they were: {hashes(home / 'in') == before}")


def worker(home: Path) -> None:
    good = 0
    for i in range(12):
        write(home / "in" / f"{i}.wav", i)
    assert dstft("batch", "in", "-o", "whole", "-j", 2, "--no-report", *FLAGS, cwd=home).returncode == 0
    whole = {name: content for name, content in tree(home / "whole").items() if "summary" not in name}
    for attempt in range(10):
        out = home / f"out-{attempt}"
        process = begin("batch", "in", "-o", out, "-j", 2, "--no-report", *FLAGS, cwd=home)
        while len([*out.glob("*/metrics.json")]) < 2:
            time.sleep(0.01)
        time.sleep(random.uniform(0, 0.5))
        busy = [
            name for name in descendants(process.pid) if b"spawn_main" in Path(f"/proc/{name}/cmdline").read_bytes()
        ]
        os.kill(random.choice(busy), signal.SIGKILL)
        _, err = process.communicate(timeout=120)
        failed = [row for row in summary(out) if row["status"] == "failed"]
        first = process.returncode == (3 if failed else 0) and len(failed) <= 1 and "Traceback" not in err
        first &= {name: part for name, part in tree(out).items() if "summary" not in name}.items() <= whole.items()
        dstft("batch", "in", "-o", out, "-j", 2, "--no-report", *FLAGS, cwd=home)
        good += first and {name: part for name, part in tree(out).items() if "summary" not in name} == whole
    print(f"worker: {good} of 10 batches lost at most the input in hand, and were whole after another run")


def pairs(home: Path) -> None:
    for i in range(4):
        write(home / "in" / f"{i}.wav", i)
    assert dstft("batch", "in", "-o", "whole", "-j", 1, "--no-report", *FLAGS, cwd=home).returncode == 0
    outcomes = []
    for attempt in range(20):
        line = ["batch", "in", "-o", f"out-{attempt}", "-j", 1, "--no-report", *FLAGS]
        first = begin(*line, cwd=home)
        time.sleep(random.uniform(0, 1))
        second = begin(*line, cwd=home)
        ends = [(process.communicate(timeout=120)[1], process.returncode) for process in (first, second)]
        told = all(
            code == 0 or re.search("process [0-9]+ on .* is already using this folder", err) for err, code in ends
        )
        alike = tree(home / f"out-{attempt}") == tree(home / "whole")
        outcomes.append((sorted(code for _, code in ends), told and alike))
    print(
        f"pairs: {sum(good for _, good in outcomes)} of 20 well; refused: {sum(codes != [0, 0] for codes, _ in outcomes)}"
    )


def touched(home: Path) -> None:
    if not shutil.which("strace"):
        print("touched: strace is not installed")
        return
    for i in range(3):
        write(home / "in" / f"{i}.wav", i)
    (home / "in" / "bad.wav").write_text("no sound")
    calls = (
        "openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,link,linkat,symlink,truncate,chmod"
    )
    (home / "log").mkdir()
    line = ["strace", "-ff", "-qq", "-o", home / "log" / "of", "-e", f"trace={calls}"]  # a file for each process
    dstft("batch", "in", "-o", "warm", "-j", 2, *FLAGS, cwd=home)  # what Python and matplotlib keep of a first start
    run = dstft("batch", "in", "-o", "out", "-j", 2, *FLAGS, cwd=home, before=tuple(map(str, line)))
    seen, inside = set(), 0
    logs = [log.read_text(errors="replace").splitlines() for log in (home / "log").iterdir()]
    for call in (call for log in logs for call in log):
        if re.search(
            r"= -1 |O_RDONLY|O_PATH|exited|--- SIG|^unlinkat\([0-9]", call
        ):  # rmtree names what lies in a folder it holds
            continue
        for path in re.findall(r'"([^"]*)"', call):
            whole = os.path.normpath(home / path)
            inside += whole.startswith(f"{home / 'out'}")
            if not whole.startswith((f"{home / 'out'}", "/dev/null", "/proc/", "/dev/shm/")):
                seen.add(f"{call.split('(')[0].split()[-1]} {path}")
    print(f"touched: exit code {run.returncode}, {inside} calls in the folder of results, {len(seen)} elsewhere")
    for name in sorted(seen):
        print(f"    {name}")


def main():
    random.seed(0)
    every = {work.__name__: work for work in (same, config, isolation, worker, pairs, touched)}
    for name in sys.argv[1:] or every:
        with tempfile.TemporaryDirectory() as folder:
            every[name](Path(folder))


if __name__ == "__main__":
    main()
