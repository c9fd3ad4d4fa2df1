"""What SIGINT and SIGTERM do: they end the process even while native code runs, and leave nothing half-written.

``watch_signals`` starts a thread that sees signals which the main thread cannot handle, being in native code. What a signal does
depends on the command: it ends the process at once, raises an exception (``terminable``), or asks the run to stop
(``stop_request``). A call that never returns (``must_end``) ends the process too. Before the process ends, what ``UNDO`` lists
is removed from the disk.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
STOP_SECONDS = 3.8  # from a request to stop to the end of the process, whatever it is doing
_CLEANUP_SECONDS = 0.3  # that the main thread has to undo what it is writing, before the watching thread does
_CLEAR_LINE = b"\r\x1b[K\x1b[?25h"  # removes a progress bar from the terminal and shows the cursor

UNDO: dict[Path, Callable[[], object]] = {}
"""What this process has unfinished on disk (temporary folders, locks): the path, and the function that removes it."""

MOVING = threading.Lock()
"""Held while a set of files is renamed into place; nothing is undone meanwhile."""


class Terminated(KeyboardInterrupt):
    """SIGTERM as an exception, handled like Ctrl-C."""

    code = EXIT_CODES[signal.SIGTERM]


class _SignalWatcher:
    """A thread that hears each signal and ends the process if need be.

    active: the thread runs.
    next_signal_asks: the next signal asks the run to stop, and gives it STOP_SECONDS for that.
    no_deadline: signals are left to the main thread.
    """

    def __init__(self) -> None:
        self.active = self.next_signal_asks = self.no_deadline = False
        self._ending = threading.Lock()

    def start(self) -> None:
        self.active = True
        self._reader, writer = os.pipe()
        if os.name == "posix":  # Python demands it there
            os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            number = os.read(self._reader, 1)[0]
            if number in EXIT_CODES and not self.no_deadline:
                if not self.next_signal_asks:
                    self.end_process(number)
                self.next_signal_asks = False
                self._set_deadline(number)

    def _set_deadline(self, number: int) -> None:
        message = f"interrupted: the results so far could not be written within {STOP_SECONDS:.0f} s"
        timer = threading.Timer(STOP_SECONDS, self.end_process, (number, message))
        timer.daemon = True
        timer.start()

    def end_process(self, number: int, message: str = "interrupted") -> NoReturn:
        """End the process with the signal's exit code. message: printed if something unfinished is lost."""
        self.end_with(EXIT_CODES[number], message if UNDO else "interrupted")

    def end_with(self, code: int, message: str) -> NoReturn:
        """Undo what is unfinished, print an error and end the process."""
        self.claim_ending()
        if UNDO:
            time.sleep(_CLEANUP_SECONDS)
            _undo_all()
        with contextlib.suppress(OSError):
            terminal = os.isatty(2) and os.environ.get("TERM", "dumb") != "dumb"
            os.write(2, _CLEAR_LINE * terminal + f"Error: {message}\n".encode("utf-8", "backslashreplace"))
        os._exit(code)

    def claim_ending(self) -> None:
        """Let the first thread that calls this end the process; any other waits for that end."""
        if not self._ending.acquire(blocking=False):
            time.sleep(60)


_watcher = _SignalWatcher()


def watch_signals() -> None:
    """From now on SIGINT and SIGTERM end this process at once, unless a context below changes that."""
    _watcher.start()
    for number in EXIT_CODES:
        signal.signal(number, _handle)


def unwatch_signals() -> None:
    """Ignore signals: the work is done and the process is about to exit."""
    for number in EXIT_CODES:
        signal.signal(number, signal.SIG_IGN)
    _watcher.claim_ending()  # last: a signal that came before would have this thread wait for itself


def _handle(number, frame) -> NoReturn:
    """End the process, by an exception if something unfinished has to be undone first."""
    if _watcher.active and not _watcher.no_deadline and not UNDO:
        _watcher.end_process(number)
    raise Terminated if number == signal.SIGTERM else KeyboardInterrupt


def _undo_all() -> None:
    """Remove everything unfinished, unless a set of files is being moved: half moved it is left for the main thread, or the next run."""
    if not MOVING.acquire(timeout=0.3):
        return
    for undo in reversed([*UNDO.values()]):
        with contextlib.suppress(OSError):
            undo()


_stuck_code: int | None = None  # None: this process is not ours to end


def end_when_stuck(code: int) -> None:
    """From now on code inside ``must_end`` that does not end in time ends this process, with that exit code."""
    global _stuck_code
    _stuck_code = code


@contextlib.contextmanager
def must_end(seconds: float, message: str) -> Iterator[None]:
    """For code that may hang where no exception reaches it: after ``seconds`` the process ends and prints ``message``.

    Nothing happens to a process in which ``end_when_stuck`` was not called, such as one of a user's own.
    """
    if _stuck_code is None:
        yield
        return
    timer = threading.Timer(seconds, _watcher.end_with, (_stuck_code, message))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Inside this context SIGTERM raises Terminated, so that it is handled like Ctrl-C."""
    before = signal.getsignal(signal.SIGTERM) or signal.SIG_DFL
    signal.signal(signal.SIGTERM, _handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def no_deadline() -> Iterator[None]:
    """Inside this context the process ends by itself after a signal, or a second one, however long that takes."""
    _watcher.no_deadline = True
    try:
        yield
    finally:
        _watcher.no_deadline = False


class StopRequest:
    """Whether a signal has asked the run to stop. code: the signal's exit code, 0 before any."""

    def __init__(self) -> None:
        self.code = 0

    def __bool__(self) -> bool:
        return self.code != 0


@contextlib.contextmanager
def stop_request() -> Iterator[StopRequest]:
    """Inside this context the first signal only sets the request; a second one acts as it does outside."""
    request, before = StopRequest(), {}

    def note(number, frame):
        request.code = EXIT_CODES[number]
        for kind, handler in before.items():
            signal.signal(kind, handler)

    for kind in EXIT_CODES:
        before[kind] = signal.getsignal(kind) or signal.SIG_DFL
        signal.signal(kind, note)
    _watcher.next_signal_asks = True
    try:
        yield request
    finally:
        _watcher.next_signal_asks = False
        for kind, handler in before.items():
            signal.signal(kind, handler)
