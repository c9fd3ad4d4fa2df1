"""Who does the work: processes of this machine, or a Dask cluster, both by way of concurrent.futures.

Each local process has one input at a time, in a pool of its own: one that dies costs what it had in hand, and nothing else.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.context import SpawnContext
from multiprocessing.process import BaseProcess
from typing import Protocol

from ...errors import DstftError, InputError
from ...system.memory import share_among
from ...system.stdio import silence_warning_errors

GRACE = 2.0  # s that workers have to put down what they have in hand
_JOIN = 10.0  # s until a scheduler, and then a worker of it, must have answered
_ASKED = 5.0  # s for which what a cluster said of its size is taken to hold
_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")  # what a GPU shows of itself on Linux, under WSL too


class WorkerDied(DstftError):
    """A process ended with an input in hand."""


class Stopped(KeyboardInterrupt):
    """Ends the work on an input, in the worker."""


class Engine(Protocol):
    """What a batch needs: at most ``capacity`` calls at a time are given to ``submit``."""

    @property
    def capacity(self) -> int: ...

    def submit(self, function: Callable, *args: object) -> Future: ...

    def halt(self, futures: Collection[Future]) -> None:
        """Have all that is under way put down, within GRACE."""

    def close(self, at_once: bool) -> None: ...


def usable_cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def visible_gpus(device: str) -> list[str]:
    """What CUDA_VISIBLE_DEVICES calls each GPU that workers may share out for that setting; none where there is no choice.

    torch, which is slow to load, is asked only where there is a driver.
    """
    if device not in ("auto", "cuda") or (sys.platform == "linux" and not any(map(os.path.exists, _DRIVERS))):
        return []
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return named[:count] or [str(i) for i in range(count)]


class LocalWorkers:
    """So many processes, started when they are first needed; gpus: names of GPUs, given to them in turn."""

    def __init__(self, jobs: int, gpus: Collection[str] = ()):
        names = [*gpus] or [None]
        self._desks = [_Desk(names[i % len(names)], jobs) for i in range(jobs)]
        self._idle = deque(self._desks)

    @property
    def capacity(self) -> int:
        return len(self._desks)

    def submit(self, function: Callable, *args: object) -> Future:
        """A call in an idle worker. The future raises WorkerDied where the worker does."""
        desk, outer = self._idle.popleft(), Future()
        desk.submit(function, *args).add_done_callback(partial(self._settle, desk, outer))
        return outer

    def _settle(self, desk: "_Desk", outer: Future, inner: Future) -> None:
        error = inner.exception()
        if isinstance(error, BrokenProcessPool):
            error = WorkerDied(desk.epitaph())
        self._idle.append(desk)
        if error is None:
            outer.set_result(inner.result())
        else:
            outer.set_exception(error)

    def halt(self, futures: Collection[Future]) -> None:
        for act in (BaseProcess.terminate, BaseProcess.kill):
            for desk in self._desks:
                desk.each(act)
            if not wait(futures, GRACE).not_done:
                return

    def close(self, at_once: bool = False) -> None:
        """End all workers; at_once: whatever they have in hand."""
        if at_once:
            for desk in self._desks:
                desk.each(BaseProcess.kill)
        for desk in self._desks:
            desk.close()


class _Spawn(SpawnContext):
    """Remembers the process that a pool of one starts."""

    process: BaseProcess | None = None

    def Process(self, *args, **named) -> BaseProcess:
        self.process = super().Process(*args, **named)
        return self.process


class _Desk:
    """A place for one worker, refilled when that worker has died."""

    def __init__(self, gpu: str | None, desks: int):
        self._beginning, self._context, self._pool = (gpu, desks), _Spawn(), None

    def submit(self, function: Callable, *args: object) -> Future:
        while True:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(1, self._context, _begin, self._beginning)
            try:
                with _deaf():
                    return self._pool.submit(_at_work, function, *args)
            except BrokenProcessPool:  # from the input before, or it died with nothing in hand
                self.close()

    def epitaph(self) -> str:
        """What the worker died of. It is called by the thread that waits for the process, when that has ended."""
        self._context.process.join(GRACE)
        code = self._context.process.exitcode
        if code is None or code >= 0:
            return f"the worker died (exit code {code}); other inputs are unaffected"
        name = "out of memory?" if code == -9 else signal.strsignal(-code)
        return f"the worker died (signal {-code}: {name}); run again with a smaller -j if memory is short"

    def each(self, act: Callable[[BaseProcess], None]) -> None:
        if self._context.process is not None and self._context.process.is_alive():
            act(self._context.process)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()
        self._pool = None


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """What is started in here never hears Ctrl-C, from its first instruction on: that is for the one who started it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_BUSY = threading.Event()  # in a worker: an input is in hand


def _begin(gpu: str | None, workers: int) -> None:
    """The first thing that a worker, one of so many, does before torch is loaded."""
    share_among(workers)
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    silence_warning_errors()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for systems that know no masks
    signal.signal(signal.SIGTERM, _put_down)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _put_down(number, frame) -> None:
    if _BUSY.is_set():
        raise Stopped


def _end_with_parent() -> None:
    """A worker whose batch was killed would wait for ever, since both hold the ends of the queue between them."""
    multiprocessing.parent_process().join()
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


def _at_work(function: Callable, *args: object) -> object:
    _BUSY.set()
    try:
        return function(*args)
    finally:
        _BUSY.clear()


class Cluster:
    """The workers of a Dask scheduler, which must see inputs and output under the same paths."""

    def __init__(self, address: str):
        try:
            from distributed import Client
        except ImportError:
            raise InputError("--scheduler: Dask is not installed; pip install 'dstft-cli[dask]'") from None
        try:
            self._client = Client(address, timeout=_JOIN, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise InputError(
                f"--scheduler {address}: no Dask scheduler answers there ({type(error).__name__}); "
                "give it as its log shows it, for instance tcp://10.0.0.5:8786"
            ) from None
        self._pool = self._client.get_executor(pure=False)
        self._size, self._asked = 0, -_ASKED
        self._await_worker(address)

    def _await_worker(self, address: str) -> None:
        try:
            self._client.wait_for_workers(1, timeout=_JOIN)
        except TimeoutError:
            self.close(at_once=True)
            raise InputError(
                f"--scheduler {address}: no worker has joined it; start some: dask worker {address}"
            ) from None

    @property
    def capacity(self) -> int:
        """Twice what the cluster can do at a time, so that no worker waits; asked again now and then, since workers come and go."""
        if time.monotonic() - self._asked > _ASKED:
            self._size, self._asked = 2 * max(1, sum(self._client.nthreads().values())), time.monotonic()
        return self._size

    def submit(self, function: Callable, *args: object) -> Future:
        return self._pool.submit(function, *args)

    def halt(self, futures: Collection[Future]) -> None:
        """What has not begun is called off; what a worker has in hand it finishes, whole."""
        for future in futures:
            future.cancel()

    def close(self, at_once: bool = False) -> None:
        self._pool.shutdown(wait=not at_once)
        self._client.close()
