"""A process that ends when a signal says so, whatever it is busy with, and leaves nothing half-written."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

_CLEAR = b"\r\x1b[K\x1b[?25h"  # to a terminal: the line of a progress bar goes, and the cursor comes back
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
_PATIENCE = 0.3  # s that Python has to clear up by itself, before the process is ended wherever it stands
LONGEST = 3.8  # s that a run has to end with what it has, once it was asked to

MOVING = threading.Lock()
UNDO: dict[Path, Callable[[], object]] = {}
"""What this process has under way on disk, and what undoes it."""


class Terminated(KeyboardInterrupt):
    """SIGTERM as an exception, so that what is under way is cleaned up as after Ctrl-C."""

    code = CODES[signal.SIGTERM]


class _Watch:
    """Ends this process when a signal says so, also while native code keeps Python from hearing it.

    asking: the next signal is left to the run, for LONGEST. unhurried: so are all, for as long as they take.
    """

    def __init__(self) -> None:
        self.begun = self.asking = self.unhurried = False
        self.ending = threading.Lock()  # held by the one that settles how the process ends

    def begin(self) -> None:
        self.begun = True
        self.reading, writing = os.pipe()
        if os.name == "posix":  # elsewhere it need not be
            os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            number = os.read(self.reading, 1)[0]
            if number in CODES and not self.unhurried:
                if not self.asking:
                    self.end(number)
                self.asking = False
                self._later(number)

    def _later(self, number: int) -> None:
        """End the process in a while, should it still be there: a large plane would take minutes to be written."""
        words = f"interrupted: what the run had could not be written within {LONGEST:.0f} s"
        timer = threading.Timer(LONGEST, self.end, (number, words))
        timer.daemon = True
        timer.start()

    def end(self, number: int, words: str = "interrupted") -> NoReturn:
        """End the process; what is being written is removed, after a time in which Python may do so in good order.

        words: what is told where something was being written.
        """
        self.settle()
        if not under_way():
            words = "interrupted"
        else:
            time.sleep(_PATIENCE)

            abandon()
        with contextlib.suppress(OSError):
            terminal = os.isatty(2) and os.environ.get("TERM", "dumb") != "dumb"
            os.write(2, _CLEAR * terminal + f"Error: {words}\n".encode())
        os._exit(CODES[number])

    def settle(self) -> None:
        """How the process ends is settled by the thread that comes here first; others wait for its end."""
        if not self.ending.acquire(blocking=False):
            time.sleep(60)


_watch = _Watch()


def watch_of_process() -> _Watch:
    """That of this process, which does nothing in one that is not ours alone."""
    return _watch


def watch() -> None:
    """From now on a signal ends this process at once, but where ``commands.stopping`` has it otherwise."""
    _watch.begin()
    for kind in CODES:
        signal.signal(kind, end)


def unwatch() -> None:
    """There is nothing left that a signal could stop."""
    for kind in CODES:
        signal.signal(kind, signal.SIG_IGN)
    _watch.settle()  # last, or a signal here would have this thread wait for itself


def end(number, frame) -> NoReturn:
    """Ends the process, by an exception where something is to be cleared up."""
    if _watch.begun and not _watch.unhurried and not under_way():
        _watch.end(number)
    raise Terminated if number == signal.SIGTERM else KeyboardInterrupt


def under_way() -> bool:
    """Whether anything is being written."""
    return bool(UNDO)


def abandon() -> None:
    """Remove what this process is in the middle of writing, and its locks: for one that is about to end wherever it stands."""
    if not MOVING.acquire(timeout=0.3):
        return  # a set that is half in place is left to be put back, or to be found
    for undo in reversed([*UNDO.values()]):
        with contextlib.suppress(OSError):
            undo()


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
