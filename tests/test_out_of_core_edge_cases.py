"""Runs out of core on signals, settings and folders that are out of the ordinary."""
# ruff: noqa: F811 - fixtures that are imported

from dataclasses import replace

import numpy as np
import pytest
from out_of_core_runs import RATE, SMALL, F, no_figures, out_of_core, signal, voice  # noqa: F401

from dstft_cli import Signal, optimize, read_result, write_result
from dstft_cli.config.loading import load_config, merge_config
from dstft_cli.errors import InputError, OutputError, OutputExistsError
from dstft_cli.figures.reduced_spectrogram import Reduced
from dstft_cli.optimization.problem import Problem
from dstft_cli.optimization.resources import ResourcePlan, check_plan, plan_run
from dstft_cli.recordings.lazy_samples import LazySamples
from dstft_cli.stft.windows import get_window
from dstft_cli.system.disk_arrays import DiskPlane, min_median_max
from dstft_cli.workflows.compare import candidates
from dstft_cli.workflows.optimize_file import run_signal
from dstft_cli.workflows.reconstruct import reconstruct


@pytest.mark.parametrize("spread", [0.0, 1e-6, 0.01, 10.0])
def test_median_of_a_plane_on_disk_however_narrow_its_range(tmp_path, spread):
    values = (64 - spread * np.random.default_rng(0).random((9, 400))).astype("float32")
    plane = DiskPlane(tmp_path / "a.npy", values.shape, "float32")
    plane.append(values)
    found = min_median_max(plane.finish())
    assert found == pytest.approx([values.min(), np.median(values), values.max()], abs=1e-3 * max(spread, 1e-6))


def test_a_run_leaves_unsaved_changes_to_a_memory_map_as_they_are(tmp_path):
    np.save(tmp_path / "a.npy", voice(4000))
    mine = np.load(tmp_path / "a.npy", mmap_mode="c")
    mine *= 0.5
    optimize(Signal(mine, RATE, "mine"), mode="constant", steps=2, **SMALL)
    np.testing.assert_array_equal(mine, voice(4000) * 0.5)


@pytest.mark.parametrize("kind", ["float64", "part", "raw"])
def test_a_signal_that_is_a_memory_map_comes_back(tmp_path, out_of_core, kind):
    samples = voice(24000)
    np.save(tmp_path / "a.npy", samples)
    samples.astype("float32").tofile(tmp_path / "a.raw")
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    mapped = {"float64": mapped, "part": mapped[3000:23000], "raw": np.memmap(tmp_path / "a.raw", "float32", "r")}[kind]
    result = optimize(Signal(mapped, RATE, "a"), mode="constant", steps=2, **SMALL)
    write_result(result, tmp_path / "out", figures=False)
    np.testing.assert_array_equal(read_result(tmp_path / "out").signal.samples, mapped.astype("float32"))


def test_a_result_can_be_written_again_after_its_files_have_moved(signal, out_of_core, no_figures, tmp_path):
    config = load_config(None, [], {**SMALL, "mode": "tf-varying", "steps": 2})
    result = run_signal(signal, config, tmp_path / "one")
    write_result(result, tmp_path / "two", figures=False)
    for name in ("stft", "theta"):
        np.testing.assert_array_equal(getattr(read_result(tmp_path / "two"), name), getattr(result, name))


@pytest.mark.parametrize("mode", ["frequency-varying", "tf-varying"])
def test_a_run_in_double_precision_is_compared_with_the_best_constant_window(signal, out_of_core, mode):
    result = optimize(signal, mode=mode, loss="entropy", dtype="float64", steps=2, **SMALL)
    assert result.narrowing is not None and result.theta.dtype == np.float64


def test_pictures_are_drawn_wherever_the_run_was(signal, out_of_core):
    result = optimize(signal, mode="constant", steps=2, **SMALL)
    elsewhere = replace(result, config=merge_config(result.config, {"run.device": "cuda:7"}))
    np.testing.assert_array_equal(Reduced(elsewhere).reference(32.0)[0], Reduced(result).reference(32.0)[0])


def test_two_runs_into_one_folder_do_not_mix(signal, out_of_core, tmp_path):
    first = optimize(signal, mode="constant", steps=2, folder=tmp_path / "new" / "deep", **SMALL)
    before = np.array(first.stft)
    with pytest.raises(OutputExistsError, match=r"result-stft\.npy of another run is there already"):
        optimize(signal, mode="constant", steps=2, folder=tmp_path / "new" / "deep", **SMALL)
    np.testing.assert_array_equal(first.stft, before)


def test_a_folder_that_cannot_be_made_is_refused(signal, out_of_core, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file/in: cannot be written: Not a directory"):
        optimize(signal, mode="constant", steps=2, folder=tmp_path / "file" / "in", **SMALL)


@pytest.mark.parametrize("order", [0.3, 2.5, 20.0, 60.0])
def test_renyi_of_any_order_on_faint_spectra(out_of_core, monkeypatch, order):
    noise = Signal(np.random.default_rng(0).standard_normal(24000) / 1024, RATE, "noise")
    config = {"mode": "constant", "loss": "renyi", "order": order, "steps": 6, **SMALL}
    blocks = optimize(noise, **config)
    monkeypatch.setattr(
        "dstft_cli.optimization.optimize.plan_signal", lambda *args, **rest: ResourcePlan(0.0, 0.0, 0.0, 0.0)
    )
    whole = optimize(noise, **config)
    for end in ("initial", "final"):
        assert getattr(blocks, end)["loss"] == pytest.approx(getattr(whole, end)["loss"], abs=1e-3)


@pytest.mark.parametrize("kind", ["click", "tone"])
def test_the_highest_order_of_renyi_neither_overflows_nor_vanishes(out_of_core, kind):
    """Under a window of 4096 samples |S| of a click is 5e-4 at most, and its power 1e-330."""
    samples = np.sin(0.3 * np.arange(24000)) if kind == "tone" else np.arange(24000) == 9000.0
    settings = {"mode": "constant", "loss": "renyi", "order": 100.0, "steps": 3, "support": 4096, "theta_min": 2048}
    result = optimize(Signal(1.0 * samples, RATE, kind), hop=512, threads=1, **settings)
    share = np.abs(np.asarray(result.stft)).astype(np.longdouble)
    share /= share.sum()
    expected = -float(100 * np.log(share.max()) + np.log(((share / share.max()) ** 100).sum())) / 99
    assert result.final["renyi"] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("scale", [2.0**-66, 2.0**66])
def test_the_unit_of_the_samples_does_not_matter(signal, out_of_core, scale):
    plain, scaled = (
        optimize(Signal(signal.samples * factor, RATE, "voice"), mode="tf-varying", loss="entropy", steps=5, **SMALL)
        for factor in (1.0, scale)
    )
    assert scaled.final == plain.final and scaled.narrowing == plain.narrowing


@pytest.mark.parametrize("settings", [{"memory": "700MB"}, {"memory": "760MB", "dtype": "float64"}], ids=str)
def test_too_little_memory_for_a_single_block_is_refused_before_anything_is_computed(settings):
    config = load_config(None, [], {"mode": "tf-varying", "loss": "entropy", "support": 4096, **settings})
    plan = plan_run(config, 44100, 3600 * 44100, in_memory=False)
    with pytest.raises(InputError, match=r"tf-varying needs about .* and --memory allows 7"):
        check_plan(plan, "hour.wav", config)


def test_a_block_reads_no_more_samples_than_bins_where_frames_lie_far_apart():
    asked = []

    def read(first: int, last: int) -> np.ndarray:
        asked.append(last - first)
        return np.ones(last - first)

    tape = LazySamples(read, 40_000_000)
    config = load_config(None, [], {"support": 64, "hop": 4000, "theta": 64.0, "mode": "fixed"})
    problem = Problem(Signal(tape, RATE, "far"), config, get_window("hann"), room=1 << 30)
    asked.clear()
    blocks = list(problem.blocks(problem.positions(64.0)))
    assert len(blocks) > 30 and max(asked) < 1.3 * (1 << 20)


def test_results_whose_samples_are_still_in_their_file_can_be_inverted_and_compared(out_of_core):
    samples = voice(8000)
    tape = LazySamples(lambda first, last: samples[first:last].copy(), len(samples))
    result = optimize(Signal(tape, RATE, "tape"), mode="constant", steps=2, **SMALL)
    assert np.abs(reconstruct(result).samples[64:-64] - samples[64:-64]).max() < 1e-4
    assert len(candidates({"Best": result}, [32.0])) == 2
