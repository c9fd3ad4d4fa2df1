"""stdin, stdout and stderr that a run can rely on, even if they are closed or their reader has gone."""

import codecs
import errno
import io
import os
import sys
import warnings

_MODES = {"stdin": "r", "stdout": "w", "stderr": "w"}
_READER_GONE = (errno.EPIPE, errno.EIO)  # of a pipe, of a terminal
_ENCODING_ERRORS = "dstft_cli.encoding_errors"


def _encode_unencodable(error: UnicodeEncodeError) -> tuple[bytes, int]:
    """The raw bytes of an undecodable file name as they are; characters that the encoding lacks as escapes."""
    encoded = (
        bytes([ord(c) - 0xDC00]) if 0xDC80 <= ord(c) <= 0xDCFF else c.encode("ascii", "backslashreplace")
        for c in error.object[error.start : error.end]
    )
    return b"".join(encoded), error.end


codecs.register_error(_ENCODING_ERRORS, _encode_unencodable)


class _TolerantRaw(io.RawIOBase):
    """The raw end of a stream. Once its reader has gone the rest is dropped: a result does not depend on who reads the output.

    strict: any other failure, such as a full disk, is raised once.
    """

    def __init__(self, stream: io.TextIOWrapper, strict: bool):
        self.stream, self.strict, self.broken = stream, strict, False  # stream: a reference, or it would be closed
        self.raw = getattr(stream.buffer, "raw", stream.buffer)  # with python -u there is no buffer in between

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.raw.fileno()

    def isatty(self) -> bool:
        return self.raw.isatty()

    def write(self, data) -> int:
        if not self.broken:
            try:
                return self.raw.write(data)
            except OSError as error:
                self.broken = True
                if self.strict and error.errno not in _READER_GONE:
                    raise OSError(error.errno, error.strerror, "stdout") from error
        return len(data)


def make_streams_safe() -> None:
    """Let a run survive closed streams, readers that go, file names that cannot be encoded, and warnings turned into errors."""
    for handle, (name, mode) in enumerate(_MODES.items()):
        if getattr(sys, name) is None:
            _open_null(handle)
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))
    sys.stdout, sys.stderr = _tolerant(sys.stdout, strict=True), _tolerant(sys.stderr, strict=False)
    silence_warning_errors()


def silence_warning_errors() -> None:
    """Ignore the warnings that PYTHONWARNINGS or -W turn into errors: most come from libraries, and none fails a run.

    RuntimeWarning, NumPy's word on numbers too large or too small, is ignored unless they ask for it: results are checked.
    """
    warnings.filterwarnings("ignore", category=RuntimeWarning, append=True)  # after those asked for
    warnings.filters[:] = [
        ("ignore", *rest) if action == "error" else (action, *rest) for action, *rest in warnings.filters
    ]


def _open_null(handle: int) -> None:
    """Open the null device on a free descriptor; otherwise the next opened file would become our stdout."""
    try:
        os.fstat(handle)
    except OSError:
        null = os.open(os.devnull, os.O_RDWR)
        if null != handle:
            os.dup2(null, handle)
            os.close(null)
        os.set_inheritable(handle, True)


def _tolerant(stream: io.TextIOWrapper, strict: bool) -> io.TextIOWrapper:
    binary = io.BufferedWriter(_TolerantRaw(stream, strict))
    return io.TextIOWrapper(binary, stream.encoding, _ENCODING_ERRORS, line_buffering=stream.line_buffering)
