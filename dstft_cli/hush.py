"""Silence for libraries in C that print what they think of a file."""

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def hushed() -> Iterator[None]:
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
