"""A trial run of libsndfile in a process of its own, with limits of time and memory, for files that are not to be trusted.

A library in C that hangs hears no Ctrl-C, and one that crashes takes its process along: let it be another one.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

from ..errors import InputError
from ..text import shown
from .containers.report import ContainerReport

TRIAL_SECONDS = 10.0  # for a small file
_BYTES_A_SECOND = 5e6  # of large ones
_MEMORY = 2 << 30  # bytes of addresses
_NO_MEMORY = 3
_CHILD = """
import os, resource, sys, threading
def end_with_parent():
    os.read(0, 1)
    os._exit(1)
threading.Thread(target=end_with_parent, daemon=True).start()
from dstft_cli.recordings.audio import try_reading
seconds, memory = int(sys.argv[2]), int(sys.argv[3])
for kind, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, 0)):
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
try:
    try_reading(sys.argv[1])
except MemoryError:
    sys.exit(3)
"""


@contextlib.contextmanager
def _lifeline() -> Iterator[int]:
    """What the other process reads to learn that this one has ended, in whatever way: nothing comes until then."""
    reading, writing = os.pipe()
    try:
        yield reading
    finally:
        os.close(reading)
        os.close(writing)


def decode_in_subprocess(report: ContainerReport) -> None:
    """Have the file read by another process first, where its container is unknown or damaged.

    Raises InputError where that process hangs, dies or runs out of memory.
    """
    if sys.platform == "win32" or (report.known and not report.damaged):
        return
    request = report.request
    seconds = TRIAL_SECONDS + os.path.getsize(request.path) / _BYTES_A_SECOND
    line = [sys.executable, "-c", _CHILD, os.fsencode(request.path), str(int(seconds)), str(_MEMORY)]
    paths = {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
    code, told = -signal.SIGXCPU, b""
    with _lifeline() as stdin, contextlib.suppress(subprocess.TimeoutExpired):
        pipes = {"stdin": stdin, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        end = subprocess.run(line, env={**os.environ, **paths}, timeout=seconds + 5, **pipes)
        code, told = end.returncode, end.stdout
    if code == 0 and told.strip() and not report.known:
        first = shown(told[:500].decode("utf-8", "replace").strip().splitlines()[0], 100)
        report.warn(f"its decoder complains ({first}); the file is cut off or damaged")
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        fault = f"libsndfile does not come to an end with it (tried for {seconds:.0f} s)"
    elif code < 0:
        fault = f"libsndfile crashes on it ({signal.Signals(-code).name})"
    elif code == _NO_MEMORY:
        fault = f"libsndfile takes more than {_MEMORY / 1e9:.1f} GB of memory for it"
    else:
        return
    hint = f" ({report.fault(70)})" if report.damaged else ""
    raise InputError(f"{request.where}: {fault}: the file is damaged{hint}; take another copy or convert it to FLAC")


@contextlib.contextmanager
def silence_c_output() -> Iterator[None]:
    """While it lasts, what is printed past Python, to stdout or stderr, is lost; Python's own words are out before it begins."""
    with contextlib.ExitStack() as stack:
        for number, stream in ((1, sys.stdout), (2, sys.stderr)):
            with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or never open
                stream.flush()
                _divert(number, stack)
        yield


def _divert(number: int, stack: contextlib.ExitStack) -> None:
    kept = os.dup(number)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)

    def restore() -> None:
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).fflush(None)  # what C still holds back
        os.dup2(kept, number)
        os.close(kept)

    stack.callback(restore)
