"""``dstft batch`` as a user meets it: what it takes, says and ends with; in processes of its own, and on a cluster."""

import importlib
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import processes
import pytest
from batch_files import FLAGS, Inline, alive, descendants, in_proc, names, stamps, summary, tree, write
from patience import HANGING, wait_until

from dstft_cli.config.loading import load_config
from dstft_cli.workflows import optimize_file
from dstft_cli.workflows.batch import workers
from dstft_cli.workflows.batch.find_inputs import find_inputs
from dstft_cli.workflows.batch.run import BatchPlan, BatchProgress, run_batch

ENDLESS = ("--set=steps=1000000000", "--set=patience=1000000000")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The current folder: two good recordings in ``good``, two that are none in ``bad``."""
    monkeypatch.chdir(tmp_path)
    for i in range(2):
        write(Path(f"good/{i}.wav"), i)
        Path("bad").mkdir(exist_ok=True)
        Path(f"bad/{i}.wav").write_text("no sound")
    return tmp_path


def draw_nothing(result, folder) -> None:
    pass


class Team(Inline):
    """What the command takes for its workers; jobs and gpus as it asked for them."""

    asked: tuple = ()

    def __init__(self, jobs, gpus=()):
        super().__init__()
        Team.asked = jobs, list(gpus)


@pytest.fixture
def batch(home, dstft, monkeypatch):
    """Runs the command with small settings, without pictures, and all in this process."""
    monkeypatch.setattr(workers, "LocalWorkers", Team)
    monkeypatch.setattr(optimize_file, "_write_figures", draw_nothing)
    return lambda *arguments: dstft("batch", *arguments, *FLAGS)


class TestEnd:
    @pytest.mark.parametrize(
        ("inputs", "code"),
        [(["good"], 0), (["good", "bad"], 3), (["bad"], 1), (["nothing*"], 5), (["gone.wav"], 2), ([], 2)],
        ids=str,
    )
    def test_is_told_by_the_exit_code(self, batch, inputs, code):
        assert batch(*inputs, "-o", "out", "--no-report").code == code

    def test_an_empty_folder_is_told_even_where_others_are_full(self, batch):
        Path("empty").mkdir()
        run = batch("good", "empty", "-o", "out", "--no-report")
        assert (run.code, run.err.count("empty: no recordings there")) == (0, 1)

    @pytest.mark.parametrize(
        "arguments",
        [
            ["--shard", "0/3"],
            ["--shard", "4/3"],
            ["--shard", "1"],
            ["-j", "0"],
            ["--fail-fast", "--max-failures", "2"],
            ["--scheduler", "tcp://127.0.0.1:1", "-j", "2"],
            ["--support", "no"],
            ["--device", "cuda:99"],
            ["good/0.wav", "--from-file", "gone.txt"],
        ],
        ids=" ".join,
    )
    def test_a_wrong_option_is_refused_before_any_work(self, batch, home, arguments):
        run = batch("good", "-o", "out", *arguments)
        assert run.code == 2 and "Traceback" not in run.err and "Error: " in run.err
        assert not (home / "out").exists()

    def test_a_file_in_the_place_of_the_folder_is_refused_before_any_work(self, batch, home):
        (home / "out").write_text("mine")
        run = batch("good", "-o", "out")
        assert run.code == 1 and "out is not a folder; choose another with -o" in run.err
        assert (home / "out").read_text() == "mine"

    def test_clashing_names_are_refused_before_any_work(self, batch, home):
        write(Path("good/0.flac.wav").with_suffix(".aiff"))
        write(Path("good/0.aiff"))
        run = batch("good", "-o", "out")
        assert run.code == 2 and "good/0.wav" in run.err and "good/0.aiff" in run.err
        assert not (home / "out").exists()

    @pytest.mark.parametrize(("flags", "tried"), [(["--fail-fast"], 1), (["--max-failures", "2"], 2)])
    def test_may_come_early(self, batch, flags, tried):
        run = batch("bad", "good", "-o", "out", *flags)
        assert run.code == 1 and len(summary(Path("out"))) == tried
        assert f"{4 - tried} left" in run.out


class TestTalk:
    def test_says_what_failed_and_why_and_counts_the_rest(self, batch):
        run = batch("good", "bad", "-o", "out")
        assert run.err.count("Failed: bad/0.wav: not audio, its 8 bytes ('no sound') are too few") == 1
        assert "4: 2 done, 2 failed" in run.out and "out, with summary.csv and report.html" in run.out
        again = batch("good", "bad", "-o", "out")
        assert "4: 2 done before, 2 failed" in again.out

    def test_warns_of_damage_even_if_quiet_and_writes_it_down(self, batch):
        whole = Path("good/1.wav").read_bytes()
        Path("good/1.wav").write_bytes(whole[: len(whole) - 400])
        run = batch("good", "-o", "out", "-q")
        assert run.code == 0
        assert re.search(r"^Warning: good/1\.wav: .*cut off", run.err, re.M) and "good/0.wav" not in run.err
        notes = [row["notes"] for row in summary(Path("out"))]
        assert "cut off" not in notes[0] and re.search("warning: .*cut off", notes[1])
        assert "cut off" in Path("out/report.html").read_text("utf-8")

    def test_quiet_it_prints_the_folder_and_failures_only(self, batch):
        run = batch("good", "bad", "-o", "out", "-q")
        assert run.out == "out\n" and len(run.err.splitlines()) == 2

    def test_a_log_has_a_line_now_and_then_with_the_speed_and_the_time_left(self, batch, monkeypatch):
        from dstft_cli.cli.printing import console

        monkeypatch.setattr(console, "_LOG_SECONDS", 0.0)
        run = batch("good", "bad", "-o", "out", "--no-report")
        line = re.search("^3 of 4: .*", run.err, re.M)[0]
        pattern = r"3 of 4: 1 done, 2 failed, 0 running, [0-9.e+]+ files/s, slowest [01]\.wav [0-9.]+ s, [0-9]+ s left"
        assert re.fullmatch(pattern, line), line


class TestWork:
    def test_threads_are_one_unless_told_so_that_the_bytes_do_not_depend_on_jobs(self, batch):
        batch("good", "-o", "one", "--no-report")
        batch("good", "-o", "two", "--no-report", "--threads", 2)
        told = [load_config(Path(out, "0", "config.yaml")).run.threads for out in ("one", "two")]
        assert told == [1, 2]

    @pytest.mark.parametrize(
        ("arguments", "gpus", "expected"),
        [(["-j", "5"], [], 2), (["-j", "1"], [], 1), ([], ["0"], 1), (["-j", "2"], ["0"], 2)],
    )
    def test_there_are_no_more_workers_than_inputs_and_one_a_gpu(self, batch, monkeypatch, arguments, gpus, expected):
        monkeypatch.setattr(workers, "visible_gpus", lambda device: gpus)
        assert batch("good", "-o", "out", "--no-report", *arguments).code == 0
        assert Team.asked == (expected, gpus)

    def test_a_list_names_inputs_and_what_is_not_there_is_a_row(self, batch):
        Path("list.txt").write_text("good/1.wav\n\ngone.wav\n")
        assert batch("good/0.wav", "--from-file", "list.txt", "-o", "out", "--no-report").code == 3
        rows = {row["input"]: row for row in summary(Path("out"))}
        assert [rows[name]["status"] for name in ("good/0.wav", "good/1.wav", "gone.wav")] == ["done", "done", "failed"]
        assert "no such file" in rows["gone.wav"]["error"]

    def test_parts_run_apart_and_the_whole_gathers_them(self, batch):
        assert batch("good", "-o", "out", "--shard", "1/2").code == 0
        assert batch("good", "-o", "out", "--shard", "2/2").code == 0
        assert names(Path("out")) == {"0", "1", "summary-1-of-2.csv", "summary-2-of-2.csv"}
        before = stamps(Path("out"))
        assert batch("good", "-o", "out").code == 0
        assert [row["status"] for row in summary(Path("out"))] == ["skipped", "skipped"]
        assert before.items() <= stamps(Path("out")).items() and Path("out/report.html").exists()
        assert batch("good", "-o", "out", "--shard", "9/9").code == 0

    def test_no_file_outside_the_folder_is_touched(self, batch, home):
        before = stamps(home)
        batch("good", "bad", "-o", "out")
        after = {path: stamp for path, stamp in stamps(home).items() if home / "out" not in path.parents}
        assert after == before

    def test_lacking_dask_is_told_with_the_mend(self, batch, monkeypatch):
        monkeypatch.setitem(sys.modules, "distributed", None)
        run = batch("good", "-o", "out", "--scheduler", "tcp://127.0.0.1:1")
        assert run.code == 2 and "pip install 'dstft-cli[dask]'" in run.err


def start(*arguments) -> subprocess.Popen:
    line = [sys.executable, "-m", "dstft_cli", "batch", *FLAGS, *map(str, arguments)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def until(condition, process: subprocess.Popen) -> None:
    def still_there() -> None:
        assert process.poll() is None, process.communicate()

    wait_until(condition, still_there)


@pytest.mark.skipif(os.name != "posix" or not in_proc(), reason="signals as POSIX has them, processes in /proc")
class TestProcesses:
    def test_what_two_workers_make_is_what_single_runs_make(self, home, dstft):
        process = start("good", "bad", "-o", "out", "-j", 2, "--no-report")
        _, err = process.communicate(timeout=HANGING)
        assert (process.returncode, "Traceback" in err) == (3, False)
        assert names(Path("out")) == {"good", "summary.csv"}
        assert dstft("optimize", "good/1.wav", "-o", "single", "--threads", 1, "-q", *FLAGS).code == 0
        assert len(names(Path("single"))) == 7
        assert tree(Path("single")).items() <= tree(Path("out/good/1")).items()
        assert names(Path("out/good/0")) == names(Path("out/good/1")) == names(Path("single")) | {"thumbnail.png"}

    def test_stopped_it_keeps_what_is_done_and_leaves_no_part_and_no_worker(self, home):
        process = start("good", "-o", "out", "-j", 2, *ENDLESS)
        until(lambda: len([*Path("out").rglob(".dstft-lock")]) == 3, process)  # its own and those of two results
        below = descendants(process.pid)
        assert len(below) >= 2
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
        out, err = process.communicate(timeout=HANGING)
        assert (process.returncode, "Traceback" in err) == (130, False)
        assert "2 left: rerunning processes them" in out
        assert tree(Path("out")) == {"summary.csv": []}
        wait_until(lambda: not any(map(alive, below)))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve(kind: str, arguments: list[str], log: Path) -> None:
    """A scheduler or a worker of Dask, as its command line starts it; it draws no pictures."""
    with open(log, "a", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ["DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE"] = "0"
    os.chdir(log.parent)
    optimize_file._write_figures = draw_nothing
    importlib.import_module(f"distributed.cli.dask_{kind}").main([*arguments, "--no-dashboard"])


class TestCluster:
    def dask(self, home, kind: str, *arguments: object):
        log = home / "dask.log"
        process = processes.context().Process(target=serve, args=(kind, [*map(str, arguments)], log))
        process.start()
        return process

    @pytest.fixture
    def cluster(self, home):
        """The address of a scheduler, and its two workers, each a process."""
        pytest.importorskip("distributed")
        port = free_port()
        address = f"tcp://127.0.0.1:{port}"
        host = "--host", "127.0.0.1"
        team = [self.dask(home, "scheduler", *host, "--port", port)]
        for i in range(2):
            own = "--nthreads", 1, "--no-nanny", "--local-directory", home / f"worker-{i}"
            team.append(self.dask(home, "worker", address, *host, *own))
        yield address, team[1:]
        for process in reversed(team):
            process.kill()
            process.join()

    def test_every_result_arrives_though_a_worker_is_killed(self, home, cluster, monkeypatch):
        address, team = cluster
        for i in range(2, 4):
            write(Path(f"good/{i}.wav"), i)
        monkeypatch.setattr(workers, "_JOIN", HANGING)
        engine = workers.Cluster(address)
        engine._client.wait_for_workers(2, timeout=HANGING)
        items, _ = find_inputs(["good", "bad"], [], "out")
        config = load_config(sets=[flag[6:] for flag in FLAGS], flags={"run.threads": 1})
        killed = []

        def kill_one(rows):
            if rows and not killed:
                team[0].kill()
                killed.append(len(tally.running))

        tally = BatchProgress(len(items))
        rows = run_batch(BatchPlan(items, config, Path("out"), local=False), engine, tally, show=kill_one)
        engine.close()
        assert killed[0] >= 1
        assert [row["status"] for row in rows] == ["failed"] * 2 + ["done"] * 4
        assert [row["input"] for row in rows] == [item.path for item in items]
        assert rows[0]["error"].startswith("bad/0.wav: not audio")
        monkeypatch.setattr(optimize_file, "_write_figures", draw_nothing)
        run_batch(BatchPlan(items, config, Path("alone")), Inline(), BatchProgress(len(items)))
        alone, out = tree(Path("alone")), tree(Path("out"))
        assert {name: content for name, content in out.items() if name in alone} == alone

    def test_a_scheduler_that_is_not_there_is_told(self, batch, monkeypatch):
        pytest.importorskip("distributed")
        monkeypatch.setattr(workers, "_JOIN", 0.3)
        address = f"tcp://127.0.0.1:{free_port()}"
        run = batch("good", "-o", "out", "--scheduler", address)
        assert run.code == 2 and f"--scheduler {address}: no Dask scheduler answers there" in run.err
        assert "Traceback" not in run.err

    @pytest.mark.parametrize("address", ["nonsense", "tcp://", "tcp://nowhere"])
    def test_what_is_no_address_of_a_scheduler_is_refused_at_once(self, batch, monkeypatch, address):
        distributed = pytest.importorskip("distributed")
        monkeypatch.setattr(
            distributed, "Client", lambda *_, **__: pytest.fail("asked")
        )  # its failure ends late and loudly
        run = batch("good", "-o", "out", "--scheduler", address)
        assert run.code == 2 and f"--scheduler {address}: no Dask scheduler answers there" in run.err
