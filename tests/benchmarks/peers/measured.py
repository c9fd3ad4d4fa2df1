"""A Python script in a process of its own: its seconds, its peak memory, and why it ended where it did."""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

GB = 1e9


@dataclass(frozen=True)
class Limits:
    """cpu: seconds of the processor. memory: bytes of data of the process."""

    cpu: int = 300
    memory: float = 6 * GB

    def set(self) -> None:
        """For the process that calls it."""
        resource.setrlimit(resource.RLIMIT_CPU, (self.cpu, self.cpu + 5))
        resource.setrlimit(resource.RLIMIT_DATA, (int(self.memory), int(self.memory)))


@dataclass(frozen=True)
class Measured:
    """wall, cpu: seconds. peak: bytes. said: what the process printed last as JSON. why: it stopped, empty where it did not."""

    wall: float
    cpu: float
    peak: float
    said: dict
    why: str = ""


def measure(arguments: list[str], limits: Limits = Limits()) -> Measured:
    """Run python with these arguments under limits, and wait for it."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, *arguments], stdout=out, stderr=errors, preexec_fn=limits.set)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        out.seek(0)
        errors.seek(0)
        lines, complaint = out.read().splitlines(), errors.read()
    process.returncode = os.waitstatus_to_exitcode(status)
    return Measured(
        wall,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss * 1024.0,
        json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {},
        _why(process.returncode, complaint, limits),
    )


def _why(code: int, complaint: str, limits: Limits) -> str:
    if code == 0:
        return ""
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"stopped after {limits.cpu} s of the processor" if code == -signal.SIGXCPU else "killed"
    if any(word in complaint for word in ("MemoryError", "can't allocate", "cannot allocate", "Unable to allocate")):
        return f"needs more than {limits.memory / GB:.0f} GB"
    return (complaint.strip().splitlines() or [f"exit code {code}"])[-1][:160]
