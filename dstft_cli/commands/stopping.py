"""Ctrl-C and SIGTERM: the first asks the run to end with what it has, the second ends the process."""

import contextlib
import signal
from collections.abc import Iterator

_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


class Terminated(KeyboardInterrupt):
    """SIGTERM as an exception, so that what is under way is cleaned up as after Ctrl-C."""

    code = _CODES[signal.SIGTERM]


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """While it lasts SIGTERM raises Terminated instead of ending the process where it stands."""

    def end(number, frame):
        raise Terminated

    before = signal.getsignal(signal.SIGTERM) or signal.SIG_DFL
    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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
        request.code = _CODES[signal.Signals(number)]
        for kind, handler in before.items():
            signal.signal(kind, handler)

    for kind in _CODES:
        before[kind] = signal.getsignal(kind) or signal.SIG_DFL
        signal.signal(kind, note)
    try:
        yield request
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
