"""A batch that is killed at any moment leaves nothing half-written, and the next one makes the same of it."""

import os
import shutil
import signal
import sys
from itertools import count
from pathlib import Path

import processes
import pytest
from batch_files import SMALL, Inline, comparable, stamps, tree, write

from dstft_cli.config.loading import load_config
from dstft_cli.workflows import optimize_file
from dstft_cli.workflows.batch.find_inputs import find_inputs
from dstft_cli.workflows.batch.run import BatchPlan, BatchProgress, run_batch

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
MOMENTS = [  # which of the calls of that kind that touch the folder
    *(("os.rename", i) for i in range(11)),
    *(("os.mkdir", i) for i in (0, 1, 4)),
    *(("os.remove", i) for i in (0, 1)),
    *(("open", i) for i in (0, 7, 20)),
]


def batch(home: Path, kind: str, number: int) -> None:
    """A batch of two inputs in this process, which kills itself as it is about to make that call."""
    optimize_file._write_figures = lambda result, aside: (aside / "spectrogram.png").write_bytes(result.stft.tobytes())
    numbers = count()

    def watch(event, arguments):
        if event == kind and isinstance(arguments[0], str | os.PathLike) and str(home / "out") in str(arguments[0]):
            if next(numbers) == number:
                os.kill(os.getpid(), signal.SIGKILL)

    items, _ = find_inputs([str(home / "in")], [], home / "out")
    sys.addaudithook(watch)
    run_batch(BatchPlan(items, load_config(flags=SMALL | {"run.threads": 1}), home / "out"), Inline(), BatchProgress(2))


@pytest.fixture(scope="module")
def start():
    """Runs ``batch`` in a process of its own, which has torch from its beginning: the exit code."""

    def run(home: Path, kind: str = "", number: int = 0) -> int:
        process = processes.context().Process(target=batch, args=(home, kind, number))
        process.start()
        process.join()
        return process.exitcode

    return run


@pytest.fixture(scope="module")
def undisturbed(start, tmp_path_factory) -> Path:
    """A folder with inputs and what an undisturbed run makes of them."""
    home = tmp_path_factory.mktemp("undisturbed")
    write(home / "in" / "a.wav", 1)
    write(home / "in" / "b" / "c.wav", 2)
    assert start(home) == 0
    return home


@pytest.mark.parametrize(("kind", "number"), MOMENTS)
def test_killed_at_any_moment_it_comes_out_as_if_it_had_not_been(tmp_path, start, undisturbed, kind, number):
    shutil.copytree(undisturbed / "in", tmp_path / "in")
    out, reference = tmp_path / "out", undisturbed / "out"
    assert start(tmp_path, kind, number) == -signal.SIGKILL
    finished = {}
    for folder in (out / "a", out / "b" / "c"):
        if (folder / "metrics.json").exists():
            for path in (reference / folder.relative_to(out)).iterdir():
                assert comparable(folder / path.name) == comparable(path)
                finished[folder / path.name] = (folder / path.name).stat().st_mtime_ns
    assert start(tmp_path) == 0
    assert paths_aside(tree(out), tmp_path) == paths_aside(tree(reference), undisturbed)
    assert finished.items() <= stamps(out).items()


def paths_aside(found: dict, home: Path) -> dict:
    """The tree with inputs called from the folder that they lie in."""
    rows = [{**row, "input": os.path.relpath(row["input"], home)} for row in found["summary.csv"]]
    return {**found, "summary.csv": rows}
