"""Decoders in a process of their own, with limits of time and memory, for files that are not to be trusted.

C code that hangs does not react to Ctrl-C, and C code that crashes takes its process along: that must not be ours.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

from ..errors import InputError
from ..system.import_paths import trusted_paths
from ..text import one_line
from .containers.report import ContainerReport
from .request import Request

DECODE_SECONDS = 10.0  # for a small file
_BYTES_PER_SECOND = 5e6  # for large ones
_MEMORY = 2 << 30  # bytes of address space
_MEMORY_PER_BYTE = 6  # bytes of it per byte of a file that a library reads whole
_IMPORT_SECONDS = 20.0  # for libraries that load many others
_LITTLE_ADDRESS_SPACE = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}  # or libraries reserve more than they use, for each core
_AUDIO = "dstft_cli.recordings.audio"
_DECODED, _NO_MEMORY, _NOT_STARTED = (
    10,
    11,
    127,
)  # exit codes; a process that fails before it decodes has none of the first two
_CHILD = f"""
import sys
sys.path[:] = sys.argv[6:]  # before anything else is imported
import ctypes, importlib, json, os, resource, threading
def end_with_parent():
    os.read(0, 1)
    os._exit(1)
threading.Thread(target=end_with_parent, daemon=True).start()
decode_and_discard = importlib.import_module(sys.argv[4]).decode_and_discard
seconds, memory = int(sys.argv[2]), int(sys.argv[3])
for kind, limit in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, 0)):
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
code = {_DECODED}
try:
    decode_and_discard(sys.argv[1], **json.loads(sys.argv[5]))
except MemoryError:
    code = {_NO_MEMORY}
sys.stdout.flush()
ctypes.CDLL(None).fflush(None)
os._exit(code)  # what libraries do when Python ends, with their threads still there, may crash
"""


def decode_in_subprocess(report: ContainerReport) -> None:
    """Decode a file in another process first, unless its container is known, plain and in order.

    report: of the file's container; gets a warning where the decoder of an unknown format reports an error.

    Raises InputError where that process hangs, crashes, runs out of memory or cannot be started.
    """
    if sys.platform == "win32" or (report.known and report.plain and not report.damaged):
        return
    seconds = DECODE_SECONDS + os.path.getsize(report.request.path) / _BYTES_PER_SECOND
    code, lines = _decode(report.request, _AUDIO, {}, seconds, _MEMORY)
    if lines and not report.known and code == _DECODED:
        report.warn(f"the decoder reports an error ({lines[0]}); the file is cut off or damaged")
    if fault := _fault("libsndfile", code, seconds, _MEMORY):
        hint = f" ({report.fault(70)})" if report.damaged else ""
        raise InputError(
            f"{report.request.where}: {fault}: the file is damaged{hint}; take another copy or convert it to FLAC"
        )


def try_in_subprocess(request: Request, module: str, library: str) -> None:
    """Decode what is asked for of a file of any format in another process first.

    request: file, channel and time range.
    module: of this package, whose function ``decode_and_discard`` decodes it.
    library: that decodes it, as messages call it.

    Raises InputError where that process hangs, crashes, runs out of memory or cannot be started.
    """
    if sys.platform == "win32":
        return
    size = os.path.getsize(request.path)
    seconds, memory = _IMPORT_SECONDS + DECODE_SECONDS + size / _BYTES_PER_SECOND, _MEMORY + _MEMORY_PER_BYTE * size
    options = {name: getattr(request, name) for name in ("channel", "start", "duration", "fs", "time_expansion")}
    code, _ = _decode(request, module, options, seconds, memory)
    if fault := _fault(library, code, seconds, memory):
        raise InputError(f"{request.where}: {fault}: the file is damaged; take another copy or convert it")


def _decode(request: Request, module: str, options: dict, seconds: float, memory: int) -> tuple[int, list[str]]:
    """Exit code of a process that decodes the file, and the lines that it printed. Raises InputError where it does not start."""
    code, output = _run_child(request.path, module, options, seconds, memory)
    lines = [one_line(line, 100) for line in output.decode("utf-8", "replace").splitlines() if line.strip()]
    if code >= 0 and code not in (_DECODED, _NO_MEMORY):
        cause = f"exit code {code}{f': {lines[-1]}' if lines else ''}"
        raise InputError(
            f"{request.where}: not read, since the process that tries to decode it failed ({cause}); "
            "check the installation of Python and dstft-cli"
        )
    return code, lines


def _run_child(path: str, module: str, options: dict, seconds: float, memory: int) -> tuple[int, bytes]:
    """Exit code and output of a process that decodes the file; the code is -SIGXCPU where time ran out."""
    arguments = [os.fsencode(path), str(int(seconds)), str(memory), module, json.dumps(options), *trusted_paths()]
    line = [sys.executable or "", "-I", "-c", _CHILD, *arguments]  # -I: nothing is imported from the current folder
    with _lifeline() as stdin, contextlib.suppress(subprocess.TimeoutExpired):
        pipes = {"stdin": stdin, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        environment = {**os.environ, **_LITTLE_ADDRESS_SPACE}
        try:
            child = subprocess.run(line, timeout=seconds + 5, env=environment, **pipes)
        except OSError as error:
            return _NOT_STARTED, str(error.strerror or error).encode()
        return child.returncode, child.stdout
    return -signal.SIGXCPU, b""


def _fault(library: str, code: int, seconds: float, memory: int) -> str:
    """What an exit code says about the decoder; "" where nothing went wrong that reading the file here would not show."""
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"{library} did not finish decoding it within {seconds:.0f} s"
    if code < 0:
        return f"{library} crashed while decoding it ({signal.Signals(-code).name})"
    return f"{library} needs more than {memory / 1e9:.1f} GB of memory to decode it" if code == _NO_MEMORY else ""


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
