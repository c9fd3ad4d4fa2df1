"""``dstft optimize`` stopped at random moments: does it end in time, and is what it leaves whole?

``python tests/benchmarks/interrupt_moments.py [times] [kind ...]``; 50 of each kind unless told otherwise. The kinds: ``int`` and
``term`` send one signal (Ctrl-C, SIGTERM), ``int-twice`` and ``term-twice`` a second one shortly after, ``hang`` one while native code
that never looks at signals reads the recording; ``pieces`` and ``pieces-term`` one while a plane is worked on in pieces, on
disk, ``pieces-kill`` a kill -9 there, after which the next run must leave all as it should be. Four of five are copies of one process
that has loaded all it needs, so that moments fall into the work; the fifth begins from nothing. Half of the short runs read a long
table, half of them a short recording with many steps.
A run must end with 130 or 143 within 5 s (1 s after a second signal; on a busy machine seconds of CPU count); what was
there stays, or the result is whole and says that it was interrupted; nothing else is left.
"""

import itertools
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from batch_files import tree, write

ARGUMENTS = (
    "-o",
    "out",
    "--on-existing",
    "overwrite",
    "--support",
    "64",
    "--hop",
    "16",
    "--mode",
    "tf",
    "--set",
    "dpi=20",
)
INPUTS = {
    "in.csv": ("--fs", "8000", "--steps", "5"),
    "in.wav": ("--steps", "300", "--set", "patience=300"),
    "long.wav": ("--steps", "30", "--memory", "650MB"),
}
KINDS = ("int", "term", "int-twice", "term-twice", "hang", "pieces", "pieces-term", "pieces-kill")
SHORT = ("in.csv", "in.wav")
WORST: dict[str, tuple[float, float]] = {}  # by kind: until the end, and of it on the CPU
COMMAND = (sys.executable, "-m", "dstft_cli")
HANGING = (  # 60 s in native code that lets other threads run
    sys.executable,
    "-c",
    "import hashlib, dstft_cli.workflows.optimize_file, dstft_cli.__main__ as door\n"
    "dstft_cli.workflows.optimize_file.load_signals = lambda *_, **__: hashlib.pbkdf2_hmac('sha256', b'', b'', 10**8)\n"
    "door.main()",
)


def listens(process: subprocess.Popen) -> bool:
    """Whether the process has come so far as to have a say in what SIGTERM does."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


class Copy:
    """What subprocess.Popen is, of a copy of this process that carries out the command."""

    def __init__(self, home: Path, name: str):
        self.said = [tempfile.TemporaryFile() for _ in range(2)]
        self.returncode = None
        self.pid = os.fork()
        if self.pid == 0:
            self._be_it(home, name)

    def _be_it(self, home: Path, name: str) -> None:
        code = 99
        try:
            for handle, file in zip((1, 2), self.said, strict=True):
                os.dup2(file.fileno(), handle)
            os.chdir(home)
            sys.argv = ["dstft", "optimize", name, *ARGUMENTS, *INPUTS[name]]
            from dstft_cli.__main__ import main as door

            door()
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            os.write(2, b"Traceback: " + traceback.format_exc().encode())
        finally:
            sys.stdout.flush()
            os._exit(code)

    def poll(self) -> int | None:
        if self.returncode is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def communicate(self, timeout: float = 100) -> tuple[str, str]:
        until = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired("dstft", timeout)
            time.sleep(0.01)
        texts = []
        for file in self.said:
            file.seek(0)
            texts.append(file.read().decode())
        return tuple(texts)


def used(process) -> float:
    """Seconds of CPU that a process has had so far."""
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def used_by_ended() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def begin(home: Path, name: str, line: tuple = (), listening: bool = True):
    """The command, on its way; a copy of this process but where a command line is given."""
    if not line:
        process = Copy(home, name)
    else:
        pipe = subprocess.PIPE
        words = [*line, "optimize", name, *ARGUMENTS, *INPUTS[name]]
        process = subprocess.Popen(words, cwd=home, stdout=pipe, stderr=pipe, text=True)
    while listening and not listens(process):
        time.sleep(0.002)
    return process


def left(home: Path, before: dict, err: str) -> list[str]:
    """What is wrong with what a stopped run left."""
    now, faults = tree(home / "out"), []
    if "Traceback" in err or "Exception ignored" in err:
        faults.append(f"traceback: {err[-1500:]}")
    if {path.name for path in home.iterdir()} != {*INPUTS, "out"}:
        faults.append(f"files: {[path.name for path in home.iterdir()]}")
    if now == before:
        return faults
    if now.keys() != before.keys():
        return [*faults, f"not the same files: {sorted(now)}"]
    with np.load(home / "out" / "result.npz", allow_pickle=False) as arrays:
        reason, steps = now["metrics.json"]["stop_reason"], len(arrays["loss_history"])
    if reason == "interrupted" and not steps:
        faults.append("an interrupted result without a step")
    return faults


def killed(home: Path, process, name: str, before: dict) -> tuple[list[str], str]:
    """kill -9: what was there is there, or less of it, but never one for the other; and the next run leaves all as it should be."""
    process.kill()
    process.communicate()
    now, after = tree(home / "out"), before
    faults = [f"{path} is another" for path in now if path in before and now[path] != before[path]]
    if "metrics.json" in now and now.keys() & before.keys() != before.keys():
        faults.append(f"marked whole, and is not: {sorted(now)}")
    again = begin(home, name)
    again.communicate()
    if again.returncode or tree(home / "out") != after:
        faults.append(f"again: exit code {again.returncode}, {sorted(tree(home / 'out'))}")
    return faults, "as before" if now == before else "killed"


def stop(home: Path, kind: str, name: str, lengths: dict, line: tuple, before: dict) -> tuple[list[str], str]:
    """One run, stopped; what was wrong, and how it ended."""
    number = signal.SIGTERM if "term" in kind else signal.SIGINT
    process = begin(home, name, HANGING if kind == "hang" else line)
    time.sleep(random.uniform(4, 6) if kind == "hang" else random.uniform(0, lengths[name, bool(line)]))
    if process.poll() is not None:
        process.communicate()
        return [], "had ended"
    if kind.endswith("kill"):
        return killed(home, process, name, before)
    ended, before_it = used_by_ended(), used(process)
    process.send_signal(number)
    if kind.endswith("twice"):
        time.sleep(random.uniform(0.01, 0.3))
        process.send_signal(number)
    began = time.monotonic()
    try:
        _, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        return ["did not end"], "killed"
    seconds, faults = time.monotonic() - began, left(home, before, process.communicate()[1] or err)
    busy = used_by_ended() - ended - before_it
    WORST[kind] = max(WORST.get(kind, (0, 0)), (seconds, busy))
    if min(seconds, busy) > (1 if kind.endswith("twice") else 5):
        faults.append(f"took {seconds:.1f} s, {busy:.1f} s of CPU")
    if process.returncode not in (128 + number, 0):
        faults.append(f"exit code {process.returncode}: {err[-500:]}")
    reason = (
        json.loads((home / "out" / "metrics.json").read_text())["stop_reason"]
        if tree(home / "out") != before
        else "as before"
    )
    return faults, f"{process.returncode} {reason}"


def write_long(path: Path) -> None:
    """30 s at 16 kHz."""
    random = np.random.default_rng(0)
    soundfile.write(path, 0.3 * np.sin(np.arange(480_000) ** 1.3 / 50) + 0.02 * random.standard_normal(480_000), 16_000)


def restore(home: Path, kept: dict[str, bytes]) -> None:
    shutil.rmtree(home / "out")
    (home / "out").mkdir()
    for name, content in kept.items():
        (home / "out" / name).write_bytes(content)


def main():
    random.seed(1)
    import dstft_cli.figures.spectrograms
    import dstft_cli.workflows.optimize_file  # noqa: F401

    times = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write(home / "in.wav")
        write_long(home / "long.wav")
        np.savetxt(home / "in.csv", np.random.default_rng(0).standard_normal(60_000), fmt="%.9f")
        lengths = {}
        kept, before = {}, {}
        for name, line in itertools.product(INPUTS, ((), COMMAND)):
            process, began = begin(home, name, line), time.monotonic()
            process.communicate()
            lengths[name, bool(line)] = time.monotonic() - began
            kept[name] = {path.name: path.read_bytes() for path in (home / "out").iterdir()}
            before[name] = tree(home / "out")
        print(f"undisturbed: {', '.join(f'{name[0]} {length:.1f} s' for name, length in lengths.items())}")
        for kind in sys.argv[2:] or KINDS:
            ends, wrong = {}, 0
            for i in range(times):
                name = "long.wav" if kind.startswith("pieces") else SHORT[i % 2]
                restore(home, kept[name])
                faults, end = stop(home, kind, name, lengths, () if i % 5 else COMMAND, before[name])
                ends[end] = ends.get(end, 0) + 1
                wrong += bool(faults)
                for fault in faults:
                    print(f"    {kind} {name} {i}: {fault}", flush=True)
            told = ", ".join(f"{count} {end}" for end, count in sorted(ends.items()))
            seconds, busy = WORST.get(kind, (0.0, 0.0))
            print(
                f"{kind}: {times} runs, {wrong} with faults; worst {seconds:.1f} s, {busy:.1f} s of CPU; {told}",
                flush=True,
            )


if __name__ == "__main__":
    main()
