"""stdin, stdout and stderr as a run can rely on them, whoever has closed them or has left."""

import codecs
import errno
import io
import os
import sys
import warnings

_MODES = {"stdin": "r", "stdout": "w", "stderr": "w"}
_LEFT = (errno.EPIPE, errno.EIO)  # nobody reads any more: a pipe's other end, a terminal


_SPELT = "dstft_cli.spelt"


def _spell(error: UnicodeEncodeError) -> tuple[bytes, int]:
    """Bytes of a file's name that are no text as they are, what an encoding lacks as an escape."""
    part = error.object[error.start : error.end]
    spelt = (
        bytes([ord(c) - 0xDC00]) if 0xDC80 <= ord(c) <= 0xDCFF else c.encode("ascii", "backslashreplace") for c in part
    )
    return b"".join(spelt), error.end


codecs.register_error(_SPELT, _spell)


class _Heard(io.RawIOBase):
    """What a stream writes to. When nobody reads it any more the rest is dropped: a result does not depend on who listens.

    must: whether another failure, such as a full disk, is told, once.
    """

    def __init__(self, stream: io.TextIOWrapper, must: bool):
        self.stream, self.must, self.over = stream, must, False  # once nobody knows the stream it would be closed
        self.raw = getattr(stream.buffer, "raw", stream.buffer)  # with python -u there is no buffer in between

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.raw.fileno()

    def isatty(self) -> bool:
        return self.raw.isatty()

    def write(self, data) -> int:
        if not self.over:
            try:
                return self.raw.write(data)
            except OSError as error:
                self.over = True
                if self.must and error.errno not in _LEFT:
                    raise OSError(error.errno, error.strerror, "stdout") from error
        return len(data)


def settle() -> None:
    """Makes a run indifferent to closed streams, readers that leave, names that cannot be spelt, and warnings made errors."""
    for handle, (name, mode) in enumerate(_MODES.items()):
        if getattr(sys, name) is None:
            _fill(handle)
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))
    sys.stdout, sys.stderr = _heard(sys.stdout, must=True), _heard(sys.stderr, must=False)
    calm_warnings()


def calm_warnings() -> None:
    """Warnings that PYTHONWARNINGS or -W make errors, of libraries mostly, are no failure of a run: they are not shown."""
    warnings.filters[:] = [
        ("ignore", *rest) if action == "error" else (action, *rest) for action, *rest in warnings.filters
    ]


def _fill(handle: int) -> None:
    """Nothing behind a descriptor that is free, or the next file to be opened would come to be our stdout."""
    try:
        os.fstat(handle)
    except OSError:
        nothing = os.open(os.devnull, os.O_RDWR)
        if nothing != handle:
            os.dup2(nothing, handle)
            os.close(nothing)
        os.set_inheritable(handle, True)


def _heard(stream: io.TextIOWrapper, must: bool) -> io.TextIOWrapper:
    binary = io.BufferedWriter(_Heard(stream, must))
    return io.TextIOWrapper(binary, stream.encoding, _SPELT, line_buffering=stream.line_buffering)
