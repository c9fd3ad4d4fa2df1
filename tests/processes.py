"""Processes of a test that have the libraries from their beginning: they are forked from a server that has loaded them."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

from patience import HANGING

_LIBRARIES = [
    "pytest",
    "torch._dynamo",
    "dstft_cli.workflows.optimize_file",
    "dstft_cli.cli.optimize",
    "dstft_cli.figures.spectrograms",
    "dstft_cli.figures.thumbnail",
    "dstft_cli.recordings.audio",
    "dstft_cli.config.yaml_io",
]


def context() -> multiprocessing.context.ForkServerContext:
    """What starts such processes."""
    servers = multiprocessing.get_context("forkserver")
    servers.set_forkserver_preload(_LIBRARIES)
    return servers


def nothing() -> None:
    """What most commands need done before they begin."""


class Command:
    """The dstft command in a process of its own.

    prepare: called in the process before the command begins, for instance to have a function of it wait for ever.
    """

    def __init__(self, *arguments: object, cwd: Path, prepare: Callable[[], None] = nothing):
        servers = context()
        pipes = [servers.Pipe(duplex=False) for _ in range(2)]
        ends = [writer for _, writer in pipes]
        self._process = servers.Process(target=_run, args=(ends, os.fspath(cwd), prepare, [*map(str, arguments)]))
        self._process.start()
        for writer in ends:
            writer.close()
        self.stdout, self.stderr = (os.fdopen(os.dup(reader.fileno()), encoding="utf-8") for reader, _ in pipes)

    def await_line(self, words: str) -> None:
        """Wait until the command says a line with these words to stderr."""
        while words not in (line := self.stderr.readline()):
            assert line, "the command ended early"

    def send(self, number: int) -> None:
        os.kill(self._process.pid, number)

    def has_ended(self, within: float) -> bool:
        self._process.join(within)
        return self._process.exitcode is not None

    def end(self) -> tuple[int, str]:
        """The exit code, once the command has ended by itself, and what it said to stderr since the last line read."""
        try:
            assert self.has_ended(HANGING), "the command hangs"
            return self._process.exitcode, self.stderr.read()
        finally:
            self._process.kill()
            self.stdout.close()
            self.stderr.close()


def _run(ends, cwd: str, prepare: Callable[[], None], arguments: list[str]) -> None:
    import sys

    for number, writer in enumerate(ends, start=1):
        os.dup2(writer.fileno(), number)
        writer.close()
    os.chdir(cwd)
    sys.argv = ["dstft", *arguments]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from dstft_cli import __main__ as door

    prepare()
    door.main()
