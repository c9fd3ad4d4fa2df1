"""The workers of a batch: processes on this machine, or a Dask cluster, both behind the interface of concurrent.futures.

Each local process has a pool of its own and one input at a time: if it dies, only that input is lost.
"""

import contextlib
import multiprocessing.util
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.context import SpawnContext
from multiprocessing.process import BaseProcess
from typing import Protocol

from ...errors import DstftError, InputError
from ...system.memory import share_among
from ...system.shutdown import end_when_stuck
from ...system.start import prepare_process
from ...system.stdio import silence_warning_errors

_STUCK = 124  # exit code of a worker whose input could not be read to its end in time
GRACE = 2.0  # s that workers have to stop
_JOIN = 10.0  # s that a scheduler, and then its first worker, has to answer
_ALONE = 60.0  # s that a batch waits for a worker of a cluster that has lost all
_SIZE_AGE = 5.0  # s after which a cluster is asked for its size again
_SAFE_PATH = "PYTHONSAFEPATH"  # a variable of Python 3.11 and later
_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")  # device files of GPUs on Linux and WSL


class WorkerDied(DstftError):
    """A worker process ended while it had an input."""


class Stopped(KeyboardInterrupt):
    """Stops the work on an input, in the worker."""


class Engine(Protocol):
    """The workers that a batch uses."""

    @property
    def capacity(self) -> int:
        """The number of calls that may be submitted and not yet finished."""

    def submit(self, function: Callable, *args: object) -> Future:
        """Call a function in a worker."""

    def halt(self, futures: Collection[Future]) -> None:
        """Stop these calls, within GRACE seconds."""

    def close(self, at_once: bool) -> None:
        """End all workers. at_once: even those that are busy."""


def visible_gpus(device: str) -> list[str]:
    """The names, as in CUDA_VISIBLE_DEVICES, of the GPUs to divide among the workers; none if ``device`` leaves no choice.

    device: the setting run.device. torch, which is slow to load, is imported only if there is a driver.
    """
    if device not in ("auto", "cuda") or (sys.platform == "linux" and not any(map(os.path.exists, _DRIVERS))):
        return []
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    names = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return names[:count] or [str(i) for i in range(count)]


class LocalWorkers:
    """Processes on this machine, each started when it is first needed.

    jobs: their number. gpus: names of GPUs, assigned to them in turn.
    """

    def __init__(self, jobs: int, gpus: Collection[str] = ()):
        names = [*gpus] or [None]
        self._workers = [_Worker(names[i % len(names)], jobs) for i in range(jobs)]
        self._idle = deque(self._workers)

    @property
    def capacity(self) -> int:
        """The number of workers."""
        return len(self._workers)

    def submit(self, function: Callable, *args: object) -> Future:
        """Call a function in an idle worker. The future raises WorkerDied if the worker dies."""
        worker, outer = self._idle.popleft(), Future()
        worker.submit(function, *args).add_done_callback(partial(self._finish, worker, outer))
        return outer

    def _finish(self, worker: "_Worker", outer: Future, inner: Future) -> None:
        error = inner.exception()
        if isinstance(error, BrokenProcessPool):
            error = WorkerDied(worker.cause_of_death())
        self._idle.append(worker)
        if error is None:
            outer.set_result(inner.result())
        else:
            outer.set_exception(error)

    def halt(self, futures: Collection[Future]) -> None:
        """Stop these calls; a worker that has not stopped after GRACE seconds is killed."""
        for act in (BaseProcess.terminate, BaseProcess.kill):
            for worker in self._workers:
                worker.end_by(act)
            if not wait(futures, GRACE).not_done:
                return

    def close(self, at_once: bool = False) -> None:
        """End all workers. at_once: even those that are busy."""
        if at_once:
            for worker in self._workers:
                worker.end_by(BaseProcess.kill)
        with ThreadPoolExecutor(len(self._workers)) as together:
            list(together.map(_Worker.close, self._workers))


class _Spawn(SpawnContext):
    """Remembers the process that a pool of one worker starts."""

    process: BaseProcess | None = None

    def Process(self, *args, **named) -> BaseProcess:
        self.process = super().Process(*args, **named)
        return self.process


class _Worker:
    """A worker process, replaced when it has died. gpu: its name, None for no choice. workers: how many there are in all."""

    def __init__(self, gpu: str | None, workers: int):
        self._arguments, self._context, self._pool = (gpu, workers), _Spawn(), None

    def submit(self, function: Callable, *args: object) -> Future:
        while True:
            try:
                with _current_folder_ignored(), _interrupts_blocked():
                    if self._pool is None:
                        self._pool = ProcessPoolExecutor(1, self._context, _initialise, self._arguments)
                    return self._pool.submit(_call, function, *args)
            except BrokenProcessPool:  # the process died in the call before, or while idle
                self.close()

    def cause_of_death(self) -> str:
        """Why the process ended; called by the thread that waits for it."""
        self._context.process.join(GRACE)
        code = self._context.process.exitcode
        if code == _STUCK:
            return "reading it did not end in time; the file is damaged or its disk does not answer; take another copy"
        if code is None or code >= 0:
            return f"the worker died (exit code {code}); other inputs are unaffected"
        name = "out of memory?" if code == -9 else signal.strsignal(-code)
        return f"the worker died (signal {-code}: {name}); run again with a smaller -j if memory is short"

    def end_by(self, act: Callable[[BaseProcess], None]) -> None:
        if self._context.process is not None and self._context.process.is_alive():
            act(self._context.process)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()
        self._pool = None


@contextlib.contextmanager
def _current_folder_ignored() -> Iterator[None]:
    """A process started inside this context imports no module from the current folder before it has the ``sys.path`` of this one."""
    before, flags = os.environ.get(_SAFE_PATH), multiprocessing.util._args_from_interpreter_flags
    os.environ[_SAFE_PATH] = "1"
    if sys.version_info < (3, 11):
        multiprocessing.util._args_from_interpreter_flags = lambda: [*flags(), "-I"]
    try:
        yield
    finally:
        multiprocessing.util._args_from_interpreter_flags = flags
        os.environ.pop(_SAFE_PATH)
        os.environ.update({} if before is None else {_SAFE_PATH: before})


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """A process started inside this context ignores Ctrl-C from its first instruction on: only the command handles it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_BUSY = threading.Event()  # in a worker: a call is running


def _initialise(gpu: str | None, workers: int) -> None:
    """Prepare a worker process, before torch is loaded."""
    prepare_process()
    share_among(workers)
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    silence_warning_errors()
    end_when_stuck(_STUCK)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for systems without signal masks
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _stop(number, frame) -> None:
    if _BUSY.is_set():
        raise Stopped


def _end_with_parent() -> None:
    """End this worker once its batch was killed; it would wait for ever, as both hold both ends of the queue."""
    multiprocessing.parent_process().join()
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


def _call(function: Callable, *args: object) -> object:
    _BUSY.set()
    try:
        return function(*args)
    finally:
        _BUSY.clear()


class Cluster:
    """The workers of a Dask cluster; they must see inputs and output under the same paths.

    address: of the scheduler. Raises InputError if it does not answer, or has no workers, or if Dask is not installed.
    """

    def __init__(self, address: str):
        try:
            from distributed import Client
            from distributed.comm import get_address_host_port
        except ImportError:
            raise InputError("--scheduler: Dask is not installed; pip install 'dstft-cli[dask]'") from None
        try:
            get_address_host_port(
                address, strict=False
            )  # raises ValueError; a Client that fails on that ends late and loudly
            self._client = Client(address, timeout=_JOIN, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise InputError(
                f"--scheduler {address}: no Dask scheduler answers there ({type(error).__name__}); "
                "give it as its log shows it, for instance tcp://10.0.0.5:8786"
            ) from None
        self._pool = self._client.get_executor(pure=False)
        self._size, self._asked, self._alone = 0, -_SIZE_AGE, None
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
        """Twice the number of threads in the cluster, so that no worker waits; workers come and go, so it is asked again.

        Raises WorkerDied where all workers have gone and none has come back for _ALONE seconds.
        """
        now = time.monotonic()
        if now - self._asked > _SIZE_AGE:
            threads = sum(self._client.nthreads().values())
            self._alone = None if threads else (self._alone or now)
            if self._alone is not None and now - self._alone > _ALONE:
                raise WorkerDied(f"no worker has been left in the cluster for {_ALONE:.0f} s; start some and run again")
            self._size, self._asked = 2 * max(1, threads), now
        return self._size

    def submit(self, function: Callable, *args: object) -> Future:
        """Call a function in a worker."""
        return self._pool.submit(function, *args)

    def halt(self, futures: Collection[Future]) -> None:
        """Cancel the calls that have not started; those that have are finished."""
        for future in futures:
            future.cancel()

    def close(self, at_once: bool = False) -> None:
        """Leave the cluster. at_once: without waiting for its calls."""
        self._pool.shutdown(wait=not at_once)
        self._client.close()
