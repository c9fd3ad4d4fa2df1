"""Many inputs: what becomes of each, what is told of all, and what is done again."""

import json
import math
import os
import time
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from batch_files import SMALL, Inline, names, stamps, summary, tree, write

from dstft_cli.config.loading import load_config
from dstft_cli.errors import OutputError
from dstft_cli.recordings.notes import Note
from dstft_cli.recordings.request import warnings_in
from dstft_cli.workflows import optimize_file
from dstft_cli.workflows.batch import one_input, run, workers
from dstft_cli.workflows.batch.find_inputs import Item, find_inputs
from dstft_cli.workflows.batch.one_input import COLUMNS, failed
from dstft_cli.workflows.batch.run import BatchPlan, BatchProgress, run_batch
from dstft_cli.workflows.batch.workers import Cluster, Stopped, WorkerDied

CONFIG = load_config(flags=SMALL | {"run.threads": 1})


def plan(tmp_path, count: int = 5, **changes) -> BatchPlan:
    items = [Item(f"in/{i}.wav", Path(str(i))) for i in range(count)]
    return BatchPlan(**{"items": items, "config": CONFIG, "out": tmp_path / "out"} | changes)


def pretend(path: str, config, folder: str, on_existing: str) -> list[dict]:
    """Work that is done at once: inputs of odd number fail."""
    if int(Path(path).stem) % 2:
        return [failed(path, f"{path}: odd")]
    return [dict.fromkeys(COLUMNS, 1.5) | {"input": path, "status": "done", "error": "", "output": folder, "notes": []}]


class TestRun:
    @pytest.mark.parametrize(
        ("name", "cell"),
        [
            ("=1+1.wav", "'=1+1.wav"),
            ("@SUM(1).wav", "'@SUM(1).wav"),
            ("+1.wav", "'+1.wav"),
            ("-1.wav", "'-1.wav"),
            ("a\n=1\t\x1b.wav", "a\\n=1\\t\\x1b.wav"),
            ("a-1.wav", "a-1.wav"),
        ],
    )
    def test_writes_no_cell_that_a_spreadsheet_would_take_for_a_formula(self, tmp_path, name, cell):
        def work(path, *rest):
            return [failed(path, path) | {"output": path, "notes": [Note(path)], "gain": -1.5}]

        run_batch(
            plan(tmp_path, items=[Item(name, Path("x"))], out=tmp_path), Inline(), BatchProgress(1), function=work
        )
        (row,) = summary(tmp_path)
        assert (row["input"], row["error"], row["notes"], row["gain"]) == (cell, cell, cell, "-1.5")

    def test_ends_where_a_cluster_has_lost_its_workers_and_keeps_the_rows_so_far(self, tmp_path, monkeypatch):
        cluster, threads = Cluster.__new__(Cluster), [{"a": 1}, {"a": 1}, {}, {}]
        cluster._client = SimpleNamespace(nthreads=lambda: threads.pop(0) if len(threads) > 1 else {})
        cluster._size, cluster._asked, cluster._alone = 0, -1, None
        monkeypatch.setattr(workers, "_SIZE_AGE", -1)
        monkeypatch.setattr(workers, "_ALONE", -1)
        closed = []
        cluster.submit = lambda *call: Inline().submit(*call) if call[1] == "in/0.wav" else Future()
        cluster.close = lambda at_once: closed.append(at_once)
        with pytest.raises(WorkerDied, match="no worker has been left in the cluster"):
            run_batch(plan(tmp_path), cluster, BatchProgress(5), function=pretend)
        assert closed == [True] and [row["status"] for row in summary(tmp_path / "out")] == ["done"]

    def test_gives_a_row_for_each_input_in_order_whatever_became_of_it(self, tmp_path):
        tally = BatchProgress(5)
        rows = run_batch(plan(tmp_path), Inline(), tally, function=pretend)
        assert [row["status"] for row in rows] == ["done", "failed", "done", "failed", "done"]
        assert [row["output"] for row in rows] == ["0", "", "2", "", "4"]
        assert tally.counts == {"done": 3, "skipped": 0, "failed": 2}
        assert [row["error"] for row in summary(tmp_path / "out")] == ["", "in/1.wav: odd", "", "in/3.wav: odd", ""]

    @pytest.mark.parametrize("fault", [WorkerDied("the worker died (signal 9)"), RuntimeError("boom"), MemoryError()])
    def test_goes_on_after_whatever_a_worker_raises(self, tmp_path, fault):
        def work(path, *rest):
            if path == "in/2.wav":
                raise fault
            return pretend("0", *rest)

        rows = run_batch(plan(tmp_path), Inline(), BatchProgress(5), function=work)
        assert [row["status"] for row in rows] == ["done", "done", "failed", "done", "done"]
        assert (str(fault) or "out of memory") in rows[2]["error"]

    def test_calls_inputs_as_the_user_did_though_other_machines_know_them_by_their_whole_path(
        self, tmp_path, monkeypatch
    ):
        deep = tmp_path / ("deep" * 20) / ("er" * 40)
        deep.mkdir(parents=True)
        monkeypatch.chdir(deep)
        Path("no.wav").write_text("no sound")
        there = plan(tmp_path, items=[Item("no.wav", Path("no"))], local=False)
        (row,) = run_batch(there, Inline(), BatchProgress(1))
        assert row["input"] == "no.wav" and row["error"].startswith("no.wav: not audio")

    @pytest.mark.parametrize(("most", "expected"), [(1, 2), (2, 4), (3, 5), (None, 5)])
    def test_begins_nothing_after_so_many_failures(self, tmp_path, most, expected):
        rows = run_batch(plan(tmp_path, most_failures=most), Inline(), BatchProgress(5), function=pretend)
        assert len(rows) == len(summary(tmp_path / "out")) == expected

    def test_hands_out_no_more_than_the_workers_can_hold(self, tmp_path):
        begun, ended, ahead = [], [], []

        def work(path, *rest):
            begun.append(path)
            return pretend(path, *rest)

        def look(rows):
            ended.extend(rows)
            ahead.append(len(begun) - len(ended))

        run_batch(plan(tmp_path, 200), Inline(3), BatchProgress(200), show=look, function=work)
        assert max(ahead) <= 3 and len(ended) == 200

    def test_stopped_it_keeps_what_is_done_and_leaves_out_what_was_put_down(self, tmp_path):
        begun = []

        def work(path, *rest):
            begun.append(path)
            if len(begun) == 3:
                raise Stopped
            return pretend("0", *rest)

        engine, tally = Inline(), BatchProgress(5)
        rows = run_batch(plan(tmp_path), engine, tally, lambda: len(begun) == 3, function=work)
        assert len(rows) == len(summary(tmp_path / "out")) == tally.ended == 2
        assert engine.halted and not tally.running

    def test_a_second_one_in_the_folder_is_refused_but_another_part_is_not(self, tmp_path):
        def meanwhile(part):
            run_batch(plan(tmp_path, part=part), Inline(), BatchProgress(5), function=pretend)

        def work(path, *rest):
            meanwhile((2, 2))
            with pytest.raises(OutputError, match=f"process {os.getpid()} on .* is already using this folder"):
                meanwhile((1, 2))
            return pretend(path, *rest)

        run_batch(plan(tmp_path, 1, part=(1, 2)), Inline(), BatchProgress(1), function=work)
        assert names(tmp_path / "out") == {"summary-1-of-2.csv", "summary-2-of-2.csv"}

    def test_the_summary_can_be_read_back_whatever_the_names_are(self, tmp_path):
        odd = ['a"b,c;.wav', "line\nbreak.wav", "=1+1.wav", "ü µ.wav", os.fsdecode(b"\xff.wav")]
        items = [Item(name, Path(str(i))) for i, name in enumerate(odd)]
        run_batch(
            plan(tmp_path, items=items), Inline(), BatchProgress(5), function=lambda path, *_: [failed(path, "no")]
        )
        found = [row["input"] for row in summary(tmp_path / "out")]
        assert found == [odd[0], "line\\nbreak.wav", "'=1+1.wav", odd[3], "\\udcff.wav"]

    def test_the_summary_is_refreshed_while_it_runs(self, tmp_path, monkeypatch):
        monkeypatch.setattr(run, "_REFRESH", 0.0)
        seen = []
        path = tmp_path / "out" / "summary.csv"

        def look(rows):
            seen.append(len(summary(path.parent)) if path.exists() else 0)

        run_batch(plan(tmp_path), Inline(), BatchProgress(5), show=look, function=pretend)
        assert sorted(set(seen)) == [0, 1, 2, 3, 4, 5] and seen == sorted(seen)

    def test_where_all_fail_no_folder_is_left_but_the_summary(self, tmp_path):
        items = [Item(f"{i}", Path(f"a/b/{i}")) for i in (1, 3)]
        run_batch(plan(tmp_path, items=items), Inline(), BatchProgress(2), function=pretend)
        assert names(tmp_path / "out") == {"summary.csv"}

    def test_the_speed_is_that_of_late(self, monkeypatch):
        clock = [0.0]
        monkeypatch.setattr(time, "monotonic", lambda: clock[0])
        tally = BatchProgress(1000)
        for i in range(400):  # first those that were done before, then those that take a second each
            tally.start(str(i))
            clock[0] += 0.001 if i < 300 else 1.0
            tally.end(str(i), "done")
        assert tally.speed == pytest.approx(1.0, rel=0.02)
        assert tally.slowest[0] == pytest.approx(1.0)


def do(tmp_path, config=CONFIG, on_existing: str = "resume", path: Path | None = None) -> list[dict]:
    return one_input.process_input(str(path or tmp_path / "in.wav"), config, str(tmp_path / "out"), on_existing)


class TestWork:
    """One input, with all that is really done but the pictures."""

    @pytest.fixture(autouse=True)
    def no_pictures(self, monkeypatch):
        monkeypatch.setattr(optimize_file, "_write_figures", lambda result, folder: None)

    def test_tells_of_the_result_what_the_result_tells(self, tmp_path):
        write(tmp_path / "in.wav")
        (row,) = do(tmp_path)
        metrics = json.loads((tmp_path / "out" / "metrics.json").read_text("utf-8"))
        with np.load(tmp_path / "out" / "result.npz") as arrays:
            lengths = arrays["theta"] / arrays["sample_rate"] * 1e3
        assert (row["status"], row["error"], row["output"]) == ("done", "", str(tmp_path / "out"))
        assert [row[f"theta_{name}_ms"] for name in ("min", "median", "max")] == pytest.approx(
            [lengths.min(), np.median(lengths), lengths.max()]
        )
        assert row["gain"] == pytest.approx(-math.expm1(row["loss_final"] - row["loss_initial"]))  # nats
        assert row["coverage"] == metrics["coverage"]["final"] and row["seconds"] == metrics["seconds"]["total"]
        assert set(row) == set(COLUMNS)

    def test_tells_of_damage_that_left_something_to_read(self, tmp_path):
        whole = write(tmp_path / "in.wav").read_bytes()
        (tmp_path / "in.wav").write_bytes(whole[: len(whole) - 400])
        (row,), (again,) = do(tmp_path), do(tmp_path)
        assert (row["status"], again["status"]) == ("done", "skipped")
        assert row["notes"] == again["notes"] and warnings_in(row["notes"]) != []
        notes = json.loads((tmp_path / "out" / "metrics.json").read_text("utf-8"))["notes"]
        assert warnings_in(row["notes"]) == [note["text"] for note in notes if note["severity"] == "warning"]

    def test_a_bad_file_is_a_row_with_its_sentence_and_leaves_nothing(self, tmp_path):
        (tmp_path / "in.wav").write_text("no sound")
        (row,) = do(tmp_path)
        assert row["status"] == "failed" and "in.wav: not audio" in row["error"]
        assert names(tmp_path) == {"in.wav"}

    @pytest.mark.parametrize("channels", [1, 3])
    def test_what_is_done_is_left_as_it_is_and_told_alike(self, tmp_path, channels):
        config = load_config(flags=SMALL | {"run.threads": 1, "signal.channel": "all"})
        write(tmp_path / "in.wav", channels=channels)
        first = do(tmp_path, config)
        before = stamps(tmp_path)
        again = do(tmp_path, config)
        assert len(again) == channels and [row["status"] for row in again] == ["skipped"] * channels
        assert [row | {"status": "done"} for row in again] == first
        assert stamps(tmp_path) == before

    def test_a_channel_that_is_missing_is_done_and_the_others_are_kept(self, tmp_path):
        config = load_config(flags=SMALL | {"run.threads": 1, "signal.channel": "all"})
        write(tmp_path / "in.wav", channels=3)
        do(tmp_path, config)
        (tmp_path / "out" / "channel-2" / "metrics.json").unlink()
        assert [row["status"] for row in do(tmp_path, config)] == ["skipped", "done", "skipped"]

    @pytest.fixture
    def done(self, tmp_path) -> Path:
        write(tmp_path / "in.wav")
        do(tmp_path)
        return tmp_path / "out" / "metrics.json"

    def test_other_bytes_of_the_same_name_and_length_are_done_anew(self, tmp_path, done):
        write(tmp_path / "in.wav", seed=1)
        assert do(tmp_path)[0]["status"] == "done"

    @pytest.mark.parametrize(
        "change",
        [
            {"figures.cmap": "viridis"},
            {"run.seed": 1},
            {"loss.lambda": 0.4},
            {"signal.detrend": "linear"},
            {"run.threads": 2},
        ],
        ids=str,
    )
    def test_other_settings_are_done_anew(self, tmp_path, done, change):
        config = load_config(flags=SMALL | {"run.threads": 1} | change)
        assert do(tmp_path, config)[0]["status"] == "done"
        assert do(tmp_path, config)[0]["status"] == "skipped"

    @pytest.mark.parametrize(
        "change",
        [
            lambda metrics: metrics["versions"].update({"dstft-cli": "0.0.0"}),
            lambda metrics: metrics.update(schema_version=0),
            lambda metrics: metrics.update(stop_reason="interrupted"),
            lambda metrics: metrics.update(criterion="custom"),
            lambda metrics: metrics.clear(),
        ],
        ids=["version", "schema", "interrupted", "own criterion", "empty"],
    )
    def test_what_another_version_or_half_a_run_wrote_is_done_anew(self, tmp_path, done, change):
        metrics = json.loads(done.read_text("utf-8"))
        change(metrics)
        done.write_text(json.dumps(metrics))
        assert do(tmp_path)[0]["status"] == "done"

    def test_a_result_whose_arrays_were_deleted_is_done_anew(self, tmp_path, done):
        (tmp_path / "out" / "result.npz").unlink()
        assert do(tmp_path)[0]["status"] == "done"
        assert (tmp_path / "out" / "result.npz").exists()

    @pytest.mark.parametrize("text", ["", "[]", "null", '"text"', "{"])
    def test_metrics_that_are_none_are_done_anew(self, tmp_path, done, text):
        done.write_text(text)
        assert do(tmp_path)[0]["status"] == "done"

    @pytest.mark.parametrize(
        ("on_existing", "status"), [("skip", "skipped"), ("overwrite", "done"), ("error", "failed")]
    )
    def test_a_result_that_is_there_is_treated_as_asked(self, tmp_path, done, on_existing, status):
        config = load_config(flags=SMALL | {"run.threads": 1, "run.seed": 1})
        (row,) = do(tmp_path, config, on_existing)
        assert row["status"] == status
        assert ("already contains a result" in row["error"]) == (status == "failed")

    def test_skip_keeps_a_result_in_an_older_format(self, tmp_path, done):
        metrics = json.loads(done.read_text("utf-8"))
        done.write_text(json.dumps({**metrics, "schema_version": 2, "notes": ["warning: cut off"]}))
        before = done.read_bytes()
        (row,) = do(tmp_path, on_existing="skip")
        assert (row["status"], warnings_in(row["notes"])) == ("skipped", ["cut off"])
        assert done.read_bytes() == before

    def test_what_a_killed_run_left_beside_a_whole_result_is_cleared_up(self, tmp_path, done):
        before = names(tmp_path / "out")
        from dstft_cli.system.atomic_files import _mark

        (tmp_path / "out" / f"{_mark()}999999999-x" / "before").mkdir(parents=True)
        (tmp_path / "out" / ".dstft-lock").write_text("process 999999999")
        assert do(tmp_path)[0]["status"] == "skipped"
        assert names(tmp_path / "out") == before

    def test_is_refused_where_another_run_is_at_work(self, tmp_path):
        from dstft_cli.system.folder_lock import folder_lock

        write(tmp_path / "in.wav")
        with folder_lock(tmp_path / "out"):
            (row,) = do(tmp_path)
        assert row["status"] == "failed" and f"process {os.getpid()}" in row["error"]


def test_good_files_among_bad_ones_come_out_as_they_would_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(optimize_file, "_write_figures", lambda result, folder: None)
    for i in range(3):
        write(Path(f"in/sub/{i}.wav"), i)
    Path("in/empty.wav").touch()
    Path("in/bad.csv").write_text("no,numbers\nat,all\n")
    items, _ = find_inputs(["in"], [], "out")
    rows = run_batch(BatchPlan(items, CONFIG, Path("out")), Inline(), BatchProgress(5))
    assert [row["status"] for row in rows] == ["failed", "failed", "done", "done", "done"]
    assert names(Path("out")) == {"sub", "summary.csv"}
    for i in range(3):
        optimize_file.run_signal(
            optimize_file.load_inputs(f"in/sub/{i}.wav", CONFIG)[0], CONFIG, Path(f"single/{i}"), with_thumbnail=True
        )
        assert tree(Path(f"out/sub/{i}")) == tree(Path(f"single/{i}"))
