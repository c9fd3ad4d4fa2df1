"""Ctrl-C and SIGTERM: the first asks the run to end with what it has, the second, or some seconds, end the process."""

import contextlib
import signal
from collections.abc import Iterator

from ..watching import CODES, Terminated, end, watch_of_process

__all__ = ["Terminated", "stop_request", "terminable", "unhurried"]


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """While it lasts SIGTERM raises Terminated instead of ending the process where it stands."""
    before = signal.getsignal(signal.SIGTERM) or signal.SIG_DFL
    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def unhurried() -> Iterator[None]:
    """While it lasts clearing up after a signal, a second one too, may take its time."""
    watch = watch_of_process()
    watch.unhurried = True
    try:
        yield
    finally:
        watch.unhurried = False


class StopRequest:
    """code: the exit code of the signal that came, 0 while none has."""

    def __init__(self) -> None:
        self.code = 0

    def __bool__(self) -> bool:
        return self.code != 0


@contextlib.contextmanager
def stop_request() -> Iterator[StopRequest]:
    """While it lasts a signal only sets the request; a second one does what signals do."""
    request, before = StopRequest(), {}

    def note(number, frame):
        request.code = CODES[signal.Signals(number)]
        for kind, handler in before.items():
            signal.signal(kind, handler)

    for kind in CODES:
        before[kind] = signal.getsignal(kind) or signal.SIG_DFL
        signal.signal(kind, note)
    watch = watch_of_process()
    watch.asking = True
    try:
        yield request
    finally:
        watch.asking = False
        for kind, handler in before.items():
            signal.signal(kind, handler)
