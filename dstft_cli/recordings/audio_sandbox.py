"""libsndfile in a process of its own, with limits of time and memory, for files that are not to be trusted.

C code that hangs does not react to Ctrl-C, and C code that crashes takes its process along: that must not be ours.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

from ..errors import InputError
from ..system.import_paths import trusted_paths
from ..text import one_line
from .containers.report import ContainerReport

DECODE_SECONDS = 10.0  # for a small file
_BYTES_PER_SECOND = 5e6  # for large ones
_MEMORY = 2 << 30  # bytes of address space
_DECODED, _NO_MEMORY, _NOT_STARTED = (
    10,
    11,
    127,
)  # exit codes; a process that fails before it decodes has none of the first two
_CHILD = f"""
import sys
sys.path[:] = sys.argv[4:]  # before anything else is imported
import os, resource, threading
def end_with_parent():
    os.read(0, 1)
    os._exit(1)
threading.Thread(target=end_with_parent, daemon=True).start()
from dstft_cli.recordings.audio import decode_and_discard
seconds, memory = int(sys.argv[2]), int(sys.argv[3])
for kind, limit in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, 0)):
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
try:
    decode_and_discard(sys.argv[1])
except MemoryError:
    sys.exit({_NO_MEMORY})
sys.exit({_DECODED})
"""


def decode_in_subprocess(report: ContainerReport) -> None:
    """Decode a file in another process first, unless its container is known, plain and in order.

    report: of the file's container; gets a warning where the decoder of an unknown format reports an error.

    Raises InputError where that process hangs, crashes, runs out of memory or cannot be started.
    """
    if sys.platform == "win32" or (report.known and report.plain and not report.damaged):
        return
    seconds = DECODE_SECONDS + os.path.getsize(report.request.path) / _BYTES_PER_SECOND
    code, output = _decode(report.request.path, seconds)
    lines = [one_line(line, 100) for line in output.decode("utf-8", "replace").splitlines() if line.strip()]
    if code >= 0 and code not in (_DECODED, _NO_MEMORY):
        cause = f"exit code {code}{f': {lines[-1]}' if lines else ''}"
        raise InputError(
            f"{report.request.where}: not read, since the process that tries to decode it failed ({cause}); "
            "check the installation of Python and dstft-cli"
        )
    if lines and not report.known and code == _DECODED:
        report.warn(f"the decoder reports an error ({lines[0]}); the file is cut off or damaged")
    if fault := _fault(code, seconds):
        hint = f" ({report.fault(70)})" if report.damaged else ""
        raise InputError(
            f"{report.request.where}: {fault}: the file is damaged{hint}; take another copy or convert it to FLAC"
        )


def _decode(path: str, seconds: float) -> tuple[int, bytes]:
    """Exit code and output of a process that decodes the file; the code is -SIGXCPU where time ran out."""
    arguments = [os.fsencode(path), str(int(seconds)), str(_MEMORY), *trusted_paths()]
    line = [sys.executable or "", "-I", "-c", _CHILD, *arguments]  # -I: nothing is imported from the current folder
    with _lifeline() as stdin, contextlib.suppress(subprocess.TimeoutExpired):
        pipes = {"stdin": stdin, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        try:
            child = subprocess.run(line, timeout=seconds + 5, **pipes)
        except OSError as error:
            return _NOT_STARTED, str(error.strerror or error).encode()
        return child.returncode, child.stdout
    return -signal.SIGXCPU, b""


def _fault(code: int, seconds: float) -> str:
    """What an exit code says about the decoder; "" where nothing went wrong that reading the file here would not show."""
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"libsndfile did not finish decoding it within {seconds:.0f} s"
    if code < 0:
        return f"libsndfile crashed while decoding it ({signal.Signals(-code).name})"
    return f"libsndfile needs more than {_MEMORY / 1e9:.1f} GB of memory to decode it" if code == _NO_MEMORY else ""


@contextlib.contextmanager
def _lifeline() -> Iterator[int]:
    """A pipe on which nothing is written: the child, which reads it, notices that this process has ended, however it ended."""
    reading, writing = os.pipe()
    try:
        yield reading
    finally:
        os.close(reading)
        os.close(writing)


@contextlib.contextmanager
def silence_c_output() -> Iterator[None]:
    """Discard what C code prints to stdout and stderr; what Python has printed before is flushed first."""
    with contextlib.ExitStack() as stack:
        for descriptor, stream in ((1, sys.stdout), (2, sys.stderr)):
            with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or never open
                stream.flush()
                _redirect_to_null(descriptor, stack)
        yield


def _redirect_to_null(descriptor: int, stack: contextlib.ExitStack) -> None:
    """Send a file descriptor to the null device until the stack is left."""
    original = os.dup(descriptor)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)

    def restore() -> None:
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).fflush(None)  # the buffers of C
        os.dup2(original, descriptor)
        os.close(original)

    stack.callback(restore)
