"""Ctrl-C and SIGTERM: the first asks the run to end with what it has, the second ends the process."""

import contextlib
import signal
from collections.abc import Iterator

_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


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
