"""Processes that do the work: what one that dies costs, and that none outlives its batch."""

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import wait
from pathlib import Path
from types import SimpleNamespace

import pytest
from batch_files import alive, in_proc
from patience import HANGING, wait_until

from dstft_cli.workflows.batch import workers
from dstft_cli.workflows.batch.workers import LocalWorkers, Stopped, WorkerDied, visible_gpus

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")


def number(seconds: float = 0.0) -> int:
    time.sleep(seconds)
    return os.getpid()


def die(kind: int) -> None:
    os.kill(os.getpid(), kind)


def end() -> None:
    os._exit(7)


def told(name: str) -> str | None:
    return os.environ.get(name)


def collecting() -> tuple[int, int, int]:
    return gc.get_threshold()


def diligent(path: Path) -> None:
    """Works for ever, and clears up when it is stopped."""
    path.touch()
    try:
        time.sleep(600)
    finally:
        path.unlink()


def stubborn(path: Path) -> None:
    """Does not let itself be stopped."""
    while True:
        try:
            path.touch()
            time.sleep(600)
        except KeyboardInterrupt:
            pass


def employ(path: Path) -> None:
    """A batch with one worker that goes on for ever, and writes down its number."""
    team = LocalWorkers(1)
    path.with_suffix(".tmp").write_text(str(team.submit(number).result()))
    path.with_suffix(".tmp").rename(path)
    team.submit(number, 600).result()


@pytest.fixture(scope="module")
def team():
    """Two workers, who are there for all tests, since processes are slow to start."""
    team = LocalWorkers(2)
    yield team
    team.close(at_once=True)


def test_a_worker_is_a_process_that_stays(team):
    first = {team.submit(number, 0.05).result() for _ in range(2)}
    again = {team.submit(number).result() for _ in range(4)}
    assert again == first and os.getpid() not in first and len(first) == 2


def test_a_worker_is_prepared_as_the_command_is(team):
    code = "import gc, dstft_cli.__main__; print(gc.get_threshold()[0])"
    command = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert team.submit(collecting).result()[0] == int(command.stdout) != gc.get_threshold()[0]


def test_what_a_worker_raises_comes_out(team):
    with pytest.raises(ZeroDivisionError):
        team.submit(divmod, 1, 0).result()


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGSEGV])
def test_a_worker_that_dies_costs_only_what_it_had_in_hand(team, kind):
    other = team.submit(number, 0.3)
    guilty = team.submit(die, kind)
    with pytest.raises(WorkerDied, match=f"signal {kind.value}: "):
        guilty.result()
    survivor = other.result()
    assert survivor in {team.submit(number, 0.05).result() for _ in range(2)}


def test_a_worker_that_ends_itself_is_told_of_with_its_code(team):
    with pytest.raises(WorkerDied, match="exit code 7"):
        team.submit(end).result()


def test_a_worker_that_dies_with_nothing_in_hand_costs_nothing():
    team = LocalWorkers(1)
    first = team.submit(number).result()
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not alive(first))
    wait_until(lambda: team._workers[0]._pool._broken)  # the pool has seen it
    assert team.submit(number).result() != first
    team.close()


def test_ctrl_c_is_not_for_the_workers(team):
    running = [team.submit(number, 0.5) for _ in range(2)]
    for process in multiprocessing.active_children():
        os.kill(process.pid, signal.SIGINT)  # some may not have come to their first line yet
    assert len({future.result() for future in running}) == 2


def test_stopped_workers_clear_up_and_can_work_again(team, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "GRACE", HANGING)
    running = [team.submit(diligent, tmp_path / name) for name in "ab"]
    wait_until(lambda: len([*tmp_path.iterdir()]) == 2)
    team.halt(running)
    assert [type(future.exception()) for future in running] == [Stopped, Stopped]
    assert not [*tmp_path.iterdir()]
    assert team.submit(number).result() != os.getpid()


def test_a_worker_that_will_not_stop_is_ended(team, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "GRACE", 0.5)
    running = [team.submit(stubborn, tmp_path / "stubborn")]
    wait_until((tmp_path / "stubborn").exists)
    team.halt(running)
    assert isinstance(running[0].exception(HANGING), WorkerDied)


@pytest.mark.skipif(not in_proc(), reason="processes are looked up in /proc")
def test_workers_end_at_the_same_time(monkeypatch):
    ending = threading.Barrier(2, timeout=10)
    monkeypatch.setattr(workers._Worker, "close", lambda worker: ending.wait())
    LocalWorkers(2).close()


def test_no_worker_outlives_a_batch_that_is_killed(tmp_path):
    batch = multiprocessing.get_context("spawn").Process(target=employ, args=(tmp_path / "number",))
    batch.start()
    wait_until((tmp_path / "number").exists)
    worker = int((tmp_path / "number").read_text())
    assert alive(worker)
    batch.kill()
    wait_until(lambda: not alive(worker))
    batch.join()


def test_workers_take_the_gpus_in_turn():
    team = LocalWorkers(3, ["GPU-a", "1"])
    running = [team.submit(told, "CUDA_VISIBLE_DEVICES") for _ in range(3)]
    wait(running)
    assert [future.result() for future in running] == ["GPU-a", "1", "GPU-a"]
    team.close()


@pytest.mark.parametrize(
    ("device", "there", "visible", "expected"),
    [
        ("auto", 2, None, ["0", "1"]),
        ("cuda", 2, "5,GPU-x", ["5", "GPU-x"]),
        ("auto", 0, "5", []),
        ("cpu", 2, None, []),
        ("cuda:1", 2, None, []),
    ],
)
def test_gpus_are_called_as_cuda_calls_them(monkeypatch, device, there, visible, expected):
    cuda = SimpleNamespace(is_available=lambda: there > 0, device_count=lambda: there)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    monkeypatch.setattr(workers, "_DRIVERS", (os.curdir,))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert visible_gpus(device) == expected
