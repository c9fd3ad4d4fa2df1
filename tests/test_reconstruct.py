"""``dstft reconstruct``: from a result's folder to a file with its signal."""

import json

import numpy as np
import pandas
import pytest
import soundfile
import torch

from dstft_cli import Signal, load_config, load_signal, optimize, write_result
from dstft_cli.workflows.optimize_file import load_inputs

RATE = 2000


@pytest.fixture(scope="module")
def recording() -> Signal:
    time = np.arange(1500) / RATE
    samples = np.sin(2 * np.pi * (100 * time + 200 * time**2)) + 0.2 * np.random.default_rng(2).standard_normal(1500)
    return Signal(samples, RATE, "chirp.wav", start=2.5)


@pytest.fixture(scope="module")
def results(recording, tmp_path_factory):
    """A folder of results, by name."""
    folder = tmp_path_factory.mktemp("results")
    kinds = {
        "constant": {"mode": "constant"},
        "time": {"mode": "time", "hop_mode": "time"},
        "frequency": {"mode": "frequency"},
        "tf": {"mode": "tf", "loss": "entropy"},
        "local": {"mode": "tf", "loss": "local-entropy", "steps": 40},
        "overlap": {"mode": "time", "hop_mode": "overlap"},
        "tf-moving": {"mode": "tf", "hop_mode": "constant", "hop": 8},
        "double": {"mode": "tf", "loss": "entropy", "dtype": "float64"},
        "sparse": {"mode": "fixed", "theta": 20, "hop": 50},
    }
    for name, settings in kinds.items():
        result = optimize(recording, **{"support": 64, "steps": 2, **settings})
        write_result(result, folder / name, figures=False)
    return folder


def error(samples: np.ndarray, expected: np.ndarray) -> float:
    return 20 * np.log10(np.linalg.norm(samples - expected) / np.linalg.norm(expected))


@pytest.mark.parametrize("name", ["constant", "time", "frequency", "tf", "local", "overlap", "tf-moving", "double"])
def test_the_recording_comes_back(name, results, recording, tmp_path, dstft):
    run = dstft("reconstruct", results / name, "-o", tmp_path / "out.wav")
    assert run.code == 0
    samples, rate = soundfile.read(tmp_path / "out.wav", dtype="float64")
    info = soundfile.info(tmp_path / "out.wav")
    assert (info.subtype, info.channels, rate, len(samples)) == ("FLOAT", 1, RATE, 1500)
    assert error(samples, recording.samples) < (-100 if name == "double" else -80)
    printed = float(run.out.split("error")[1].split("dB")[0])
    assert printed == pytest.approx(error(samples, recording.samples), abs=8)  # the file rounds to single precision
    assert "written to" in run.out
    assert "not covered" not in run.out


def test_gaps_are_named_in_recording_time(results, tmp_path, dstft):
    run = dstft("reconstruct", results / "sparse", "-o", tmp_path / "out.npy")
    assert run.code == 0
    assert "in 30 gaps" in run.out
    assert "2.505 s to 2.52 s" in run.out  # samples 10 to 40 of a recording that begins at 2.5 s
    assert "and 20 more" in run.out
    assert "note: the signal is 0 where no window covers it" in run.err
    samples = np.load(tmp_path / "out.npy")
    assert not samples[10:41].any()
    assert samples[1:10].all()


class TestMask:
    def test_takes_a_band_away(self, results, recording, tmp_path, dstft):
        mask = np.arange(33)[:, None] < 8  # up to 234 Hz
        np.save(tmp_path / "mask.npy", mask)
        run = dstft("reconstruct", results / "tf", "--mask", tmp_path / "mask.npy", "-o", tmp_path / "low.wav")
        assert run.code == 0
        assert "mask.npy" in run.out
        assert "error" not in run.out
        samples, _ = soundfile.read(tmp_path / "low.wav")
        before, after = (np.abs(np.fft.rfft(values)) ** 2 for values in (recording.samples, samples))
        high = np.fft.rfftfreq(1500, 1 / RATE) > 400
        assert after[high].sum() < 0.01 * before[high].sum()
        assert after[~high].sum() > 0.3 * before[~high].sum()

    def test_of_ones_changes_nothing(self, results, tmp_path, dstft):
        np.save(tmp_path / "mask.npy", np.ones((1, 1), np.uint8))
        for name, mask in {"plain": [], "masked": ["--mask", tmp_path / "mask.npy"]}.items():
            assert dstft("reconstruct", results / "frequency", *mask, "-o", tmp_path / f"{name}.npy").code == 0
        np.testing.assert_array_equal(np.load(tmp_path / "plain.npy"), np.load(tmp_path / "masked.npy"))

    @pytest.mark.parametrize(
        ("kind", "case"),
        {
            "shape": (np.ones((5, 5)), ["(5, 5)", "33 bins"]),
            "complex": (np.ones((33, 1), complex), ["real gains", "complex128"]),
            "nan": (np.full((33, 1), np.nan), ["finite"]),
            "text": (np.array([["a"]]), ["real gains"]),
        }.items(),
    )
    def test_that_does_not_fit_is_refused(self, kind, case, results, tmp_path, dstft):
        np.save(tmp_path / "mask.npy", case[0])
        run = dstft("reconstruct", results / "tf", "--mask", tmp_path / "mask.npy", "-o", tmp_path / "x.wav")
        assert run.code == 2
        assert run.err.count("\n") == 1
        assert "mask.npy" in run.err
        assert all(word in run.err for word in case[1])
        assert not (tmp_path / "x.wav").exists()


class TestFiles:
    def test_a_table_has_recording_time(self, results, recording, tmp_path, dstft):
        assert dstft("reconstruct", results / "constant", "-o", tmp_path / "out.csv").code == 0
        table = pandas.read_csv(tmp_path / "out.csv")
        assert list(table.columns) == ["time_s", "value"]
        np.testing.assert_allclose(table.time_s, 2.5 + np.arange(1500) / RATE, rtol=1e-12)
        assert error(table.value, recording.samples) < -100
        again = load_signal(tmp_path / "out.csv")
        assert again.sample_rate == RATE

    def test_a_rate_that_wav_cannot_hold(self, tmp_path, recording, dstft):
        slow = Signal(recording.samples, 976.5625, "slow")
        write_result(optimize(slow, mode="fixed", support=64), tmp_path / "slow", figures=False)
        run = dstft("reconstruct", tmp_path / "slow", "-o", tmp_path / "out.wav")
        assert run.code == 2
        assert "976.562" in run.err
        assert ".csv" in run.err
        assert dstft("reconstruct", tmp_path / "slow", "-o", tmp_path / "out.csv").code == 0

    @pytest.mark.parametrize("name", ["out.mp3", "out", "folder.wav"])
    def test_other_targets_are_refused(self, name, results, tmp_path, dstft):
        (tmp_path / "folder.wav").mkdir()
        run = dstft("reconstruct", results / "constant", "-o", tmp_path / name)
        assert run.code == 2
        assert name in run.err
        assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.wav"]

    def test_nothing_is_replaced_unasked(self, results, tmp_path, dstft):
        target = tmp_path / "out.wav"
        target.write_bytes(b"mine")
        run = dstft("reconstruct", results / "constant", "-o", target)
        assert (run.code, target.read_bytes()) == (2, b"mine")
        assert "--force" in run.err
        assert dstft("reconstruct", results / "constant", "-o", target, "--force").code == 0
        assert soundfile.info(target).frames == 1500

    def test_quiet_prints_the_file_alone(self, results, tmp_path, dstft):
        run = dstft("reconstruct", results / "frequency", "-o", tmp_path / "out.wav", "-q")
        assert (run.out, run.err) == (f"{tmp_path / 'out.wav'}\n", "")


def test_what_was_taken_off_is_said(recording, tmp_path, dstft):
    soundfile.write(tmp_path / "in.wav", 0.1 * recording.samples + 0.3, RATE, subtype="FLOAT")
    config = load_config(flags={"signal.detrend": "mean", "transform.mode": "fixed"})
    write_result(optimize(*load_inputs(tmp_path / "in.wav", config), config), tmp_path / "result", figures=False)
    run = dstft("reconstruct", tmp_path / "result", "-o", tmp_path / "out.wav")
    assert "the mean that was removed" in run.err
    samples, _ = soundfile.read(tmp_path / "out.wav")
    assert abs(samples.mean()) < 1e-6


def test_a_result_from_an_optimisation_in_double_is_truer(results):
    accuracies = [
        json.loads((results / name / "metrics.json").read_text())["accuracy"]["rms"] for name in ("tf", "double")
    ]
    assert accuracies[1] < 5e-6 < accuracies[0] < 1e-4


def test_the_layer_and_the_function_agree():
    from dstft_cli import DSTFT, inverse

    layer = DSTFT(64, 8.0, mode="frequency").double()
    signal = torch.randn(500, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    spectrum = layer(signal).detach()
    ours = inverse(spectrum, layer.lengths().detach(), layer.positions(500), 500).samples
    torch.testing.assert_close(layer.inverse(spectrum, 500).samples, ours, rtol=0, atol=0)
