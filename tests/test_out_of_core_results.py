"""Long signals read from their files as needed, long results in files of their own, and what a run says it will need."""
# ruff: noqa: F811 - fixtures that are imported

import json
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from out_of_core_runs import RATE, SMALL, F, force_out_of_core, no_figures, out_of_core, signal, voice  # noqa: F401

from dstft_cli import load_signals, optimize, read_result, write_result
from dstft_cli.config.loading import load_config
from dstft_cli.errors import ConfigError, InputError, OutputError
from dstft_cli.figures.reduced_spectrogram import Reduced
from dstft_cli.optimization.resources import ResourcePlan, most_samples_in_memory, plan_run
from dstft_cli.recordings.lazy_samples import LazySamples
from dstft_cli.system.atomic_files import _mark
from dstft_cli.system.shutdown import UNDO
from dstft_cli.workflows.batch.one_input import process_input
from dstft_cli.workflows.optimize_file import load_inputs, run_signal


class TestWritten:
    def test_arrays_too_long_for_memory_have_files_of_their_own(self, signal, out_of_core, tmp_path):
        result = optimize(signal, mode="tf-varying", steps=2, dpi=20, **SMALL)
        write_result(result, tmp_path / "out")
        assert {"result-stft.npy", "result-theta.npy", "result-signal.npy"} <= {
            f.name for f in (tmp_path / "out").iterdir()
        }
        back, plain = read_result(tmp_path / "out"), np.load(tmp_path / "out/result-stft.npy", mmap_mode="r")
        np.testing.assert_array_equal(plain, result.stft)
        np.testing.assert_array_equal(back.stft, result.stft)
        np.testing.assert_array_equal(back.theta, result.theta)
        np.testing.assert_array_equal(back.signal.samples[:], signal.samples.astype("float32"))
        assert isinstance(back.stft, np.memmap) and back.metrics().theta == result.metrics().theta

    def test_a_run_writes_them_in_place_and_a_later_run_removes_them(self, signal, no_figures, tmp_path):
        config = load_config(None, [], {**SMALL, "mode": "time-varying", "steps": 3})
        with pytest.MonkeyPatch.context() as patch:
            force_out_of_core(patch.setattr)
            run_signal(signal, config, tmp_path / "out")
        result = read_result(tmp_path / "out")
        assert result.on_disk and result.stop_reason == "steps"
        assert json.loads((tmp_path / "out/metrics.json").read_text())["accuracy"]["rms"] < 1e-4
        run_signal(signal, config, tmp_path / "out")
        assert not list((tmp_path / "out").glob("*.npy")) and not read_result(tmp_path / "out").on_disk

    def test_a_result_whose_file_was_cut_off_is_refused(self, signal, out_of_core, tmp_path):
        write_result(optimize(signal, mode="constant", steps=3, **SMALL), tmp_path / "out", figures=False)
        path = tmp_path / "out/result-stft.npy"
        path.write_bytes(path.read_bytes()[:-9])
        with pytest.raises(InputError, match=r"result-stft\.npy: .*its size"):
            read_result(tmp_path / "out")

    def test_a_batch_repeats_a_run_whose_result_lacks_one_of_its_files(self, out_of_core, no_figures, tmp_path):
        config = load_config(None, [], {**SMALL, "mode": "tf-varying", "steps": 1})
        soundfile.write(tmp_path / "a.wav", voice(12000) / 4, RATE)

        def run_batch() -> str:
            return process_input(str(tmp_path / "a.wav"), config, str(tmp_path / "out"), "resume")[0]["status"]

        assert [run_batch(), run_batch()] == ["done", "skipped"]
        for name in ("stft", "theta", "signal"):
            (tmp_path / f"out/result-{name}.npy").unlink()
            assert [run_batch(), run_batch()] == ["done", "skipped"]

    def test_pictures_keep_every_peak(self, signal, out_of_core, monkeypatch):
        monkeypatch.setattr("dstft_cli.figures.reduced_spectrogram._MOST", 50)
        result = optimize(signal, mode="constant", steps=3, **SMALL)
        seen = Reduced(result)
        assert seen.magnitude().shape == (F, len(seen.times)) and 40 < len(seen.times) <= 50
        np.testing.assert_array_equal(seen.magnitude().max(1), np.abs(result.stft).max(1))
        assert (seen.times[0], seen.times[-1]) == (result.times[0], result.times[-1])
        part = Reduced(result, 1.0, 1.5)
        assert part.times[0] <= 1.0 and part.times[-1] >= 1.5 and part.times[-1] - part.times[0] < 0.51


def test_temporary_planes_go_with_their_result_or_when_the_process_ends(signal, out_of_core, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    results = [optimize(signal, mode="constant", steps=3, **SMALL) for _ in range(2)]
    assert len(list(tmp_path.glob("*/*.npy"))) == 2
    results.pop()
    assert len(list(tmp_path.glob("*/*.npy"))) == 1
    for undo in [*UNDO.values()]:
        undo()
    assert not list(tmp_path.iterdir()) and not UNDO


def test_files_of_a_killed_run_are_removed_before_the_free_disk_is_measured(
    signal, out_of_core, no_figures, tmp_path, monkeypatch
):
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    left = tmp_path / "out" / f"{_mark()}{gone.stdout.strip()}-abcdef"
    left.mkdir(parents=True)
    free = lambda path: SimpleNamespace(free=-1e9 if left.exists() else 1e12)  # noqa: E731
    monkeypatch.setattr("dstft_cli.system.atomic_files.shutil.disk_usage", free)
    run_signal(signal, load_config(None, [], {**SMALL, "mode": "constant", "steps": 3}), tmp_path / "out")
    assert (tmp_path / "out/metrics.json").exists() and not left.exists()


def test_a_disk_too_small_is_refused_before_any_work(signal, tmp_path, monkeypatch):
    monkeypatch.setattr("dstft_cli.system.atomic_files.shutil.disk_usage", lambda path: SimpleNamespace(free=100_000))
    monkeypatch.setattr("dstft_cli.workflows.optimize_file.optimize", lambda *args, **rest: pytest.fail("it began"))
    with pytest.raises(OutputError, match=r"needs about .* of disk and 100 kB are free; choose another folder with -o"):
        run_signal(signal, load_config(None, [], {**SMALL}), tmp_path / "out")
    assert not list(tmp_path.iterdir())


class TestLazySamples:
    @pytest.fixture
    def file(self, tmp_path):
        soundfile.write(
            tmp_path / "two.wav", np.stack([voice(24000) / 4, np.linspace(0, 0.5, 24000)], 1), RATE, "PCM_16"
        )
        return tmp_path / "two.wav"

    @pytest.mark.parametrize(
        ("flags", "trend"),
        [
            ({}, "none"),
            ({"channel": "mix"}, "mean"),
            ({"channel": "2", "start": 0.5, "duration": 1.25}, "linear"),
        ],
        ids=str,
    )
    def test_a_slice_is_that_of_the_samples(self, file, monkeypatch, flags, trend):
        config = load_config(None, [], {**flags, "detrend": trend})
        (held,) = load_inputs(file, config)
        monkeypatch.setattr("dstft_cli.workflows.optimize_file.run_room", lambda config: 40_000.0)
        (lazy,) = load_inputs(file, config, whole=False)
        assert isinstance(lazy.samples, LazySamples) and len(lazy.samples) == len(held.samples)
        for part in (slice(0, 10), slice(700, 9000), slice(-50, None), slice(None)):
            np.testing.assert_allclose(lazy.samples[part], held.samples[part], atol=1e-12)
        assert lazy.notes == held.notes

    def test_a_run_on_them_gives_what_it_gives_on_the_samples(self, file, monkeypatch, out_of_core):
        monkeypatch.setattr("dstft_cli.workflows.optimize_file.run_room", lambda config: 40_000.0)
        (lazy,) = load_inputs(file, load_config(), whole=False)
        monkeypatch.undo()
        (held,) = load_inputs(file, load_config())
        settings = {"mode": "constant", "steps": 5, **SMALL}
        one, other = optimize(lazy, **settings), optimize(held, **settings)
        np.testing.assert_array_equal(one.stft, other.stft)

    def test_a_file_that_changed_meanwhile_is_refused(self, file, monkeypatch):
        monkeypatch.setattr("dstft_cli.workflows.optimize_file.run_room", lambda config: 40_000.0)
        (lazy,) = load_inputs(file, load_config(), whole=False)
        file.write_bytes(file.read_bytes()[:40000])
        with pytest.raises(InputError, match=r"two\.wav: the file changed"):
            lazy.samples[12000:24000]

    def test_a_file_removed_meanwhile_is_not_taken_for_a_fault_of_the_output_disk(
        self, file, monkeypatch, out_of_core, tmp_path
    ):
        monkeypatch.setattr("dstft_cli.workflows.optimize_file.run_room", lambda config: 40_000.0)
        config = load_config(None, [], {**SMALL, "mode": "constant", "steps": 3})
        (lazy,) = load_inputs(file, config, whole=False)
        file.unlink()
        with pytest.raises(InputError, match=r"two\.wav: cannot be read any more \(No such file or directory\)"):
            run_signal(lazy, config, tmp_path / "out")
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("free", "room", "said"),
    [
        (
            10**12,
            1e6,
            "reading this table of 400 kB takes some 2.4 MB of memory, and it may take 1 MB: split it",
        ),
        (2 * 10**6, 1e9, "and 2 MB are free: split it"),
        (10**7, 1e7, None),
        (10**7, None, None),
    ],
)
def test_a_table_too_long_to_be_read_at_once_is_refused(tmp_path, monkeypatch, free, room, said):
    monkeypatch.setattr("dstft_cli.recordings.tables.reader._SMALL", 0)
    monkeypatch.setattr("dstft_cli.recordings.tables.reader.free_memory", lambda: free)
    (tmp_path / "a.csv").write_text("x (Hz 50)\n" + "".join(f"{i:07}\n" for i in range(50_000)))
    if said is None:
        assert len(load_signals(tmp_path / "a.csv", fs=50, memory=room)[0].samples) == 50_000
    else:
        with pytest.raises(InputError, match=rf"a\.csv: .*{re.escape(said)}"):
            load_signals(tmp_path / "a.csv", fs=50, memory=room)


class TestPlans:
    def test_the_memory_allowed_decides_what_is_held(self):
        little, much = (load_config(None, [], {"memory": size, "mode": "tf"}) for size in ("1GB", "50GB"))
        hour = 16000, 16000 * 3600
        assert plan_run(little, *hour).long and not plan_run(much, *hour).long
        assert plan_run(little, *hour, in_memory=False).memory <= 1e9 < plan_run(much, *hour).memory
        assert most_samples_in_memory(little) < most_samples_in_memory(much)

    def test_a_run_does_what_was_planned(self, signal, no_figures, tmp_path, monkeypatch):
        """Whatever memory is free by then."""
        config = load_config(None, [], {**SMALL, "mode": "constant", "steps": 2})
        plan = ResourcePlan(0.0, 0.0, 0.0, 0.0, long=True, room=1e8)
        for home in ("optimization.optimize", "workflows.optimize_file"):
            monkeypatch.setattr(f"dstft_cli.{home}.plan_signal", lambda *args, **rest: pytest.fail("planned again"))
        assert run_signal(signal, config, tmp_path / "out", plan=plan).on_disk

    @pytest.mark.parametrize("long", [False, True])
    def test_only_a_run_in_memory_keeps_what_it_frees(self, signal, no_figures, tmp_path, monkeypatch, long):
        """A plane in blocks gives it back after each block."""
        kept = []
        monkeypatch.setattr("dstft_cli.workflows.optimize_file.keep_freed_memory", lambda: kept.append(True))
        plan = ResourcePlan(0.0, 0.0, 0.0, 0.0, long=long, room=1e8)
        run_signal(signal, load_config(None, [], {**SMALL, "mode": "fixed"}), tmp_path / "out", plan=plan)
        assert kept == [True] * (not long)

    def test_steps_per_axis_cost_nothing_beside_steps_on_planes(self):
        def seconds(mode: str, steps: int) -> float:
            return plan_run(
                load_config(None, [], {"mode": mode, "loss": "entropy", "memory": "1GB", "steps": steps}), 16000, 10**8
            ).seconds

        assert seconds("time-varying", 10) == seconds("time-varying", 500)
        assert seconds("tf-varying", 500) > 10 * seconds("tf-varying", 10) > seconds("time-varying", 10)

    def test_a_run_that_needs_more_than_allowed_is_refused_with_the_remedy(self, signal):
        with pytest.raises(
            InputError, match=r"^voice: constant needs about .* --memory allows 100 MB: take more --memory"
        ):
            optimize(signal, memory="100MB")
        with pytest.raises(InputError, match="--memory allows 100 MB"):
            optimize(signal, memory="100MB", criterion=lambda values: values.sum())

    def test_a_size_that_makes_no_sense_is_refused(self):
        for size in ("2", "-2GB", "2XB", "0GB", "GB", "1e400GB", ["2GB"]):
            with pytest.raises(ConfigError, match="memory"):
                load_config(None, [], {"memory": size})
