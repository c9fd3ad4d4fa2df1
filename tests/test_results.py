"""What a result holds and what its files say: names, shapes, units, and numbers that agree with each other."""

import hashlib
import json
import math

import numpy as np
import pytest
import soundfile
import torch

from dstft_cli import Signal, load_signal, optimize
from dstft_cli.errors import OutputExistsError
from dstft_cli.results.result import Result
from dstft_cli.results.writer import finite, write_arrays, write_metrics
from dstft_cli.workflows.optimize_file import write_result

MODES = ("fixed", "constant", "time-varying", "frequency-varying", "tf-varying")
LOSSES = ("local-entropy", "entropy")
ARRAYS = {
    "stft",
    "theta",
    "frame_positions",
    "times",
    "frequencies",
    "sample_rate",
    "support",
    "hop",
    "hop_mode",
    "window",
    "mode",
    "start",
    "signal",
    "first_theta",
    "curve",
    "schema_version",
    "loss_history",
    "regularization_history",
}


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """A stereo WAV of 0.6 s at 2 kHz: a chirp with clicks, and noise."""
    time = np.arange(1200) / 2000
    chirp = 0.3 * np.sin(2 * np.pi * (100 * time + 500 * time**2)) + 0.6 * (np.arange(1200) % 400 == 200)
    noise = 0.1 * np.random.default_rng(1).standard_normal(1200)
    path = tmp_path_factory.mktemp("recording") / "two.wav"
    soundfile.write(path, np.stack([chirp + 0.1 * noise, noise], 1), 2000, subtype="FLOAT")
    return path


@pytest.fixture(scope="module", params=[(mode, loss) for loss in LOSSES for mode in MODES], ids=" ".join)
def result(request, recording) -> Result:
    signal, (mode, loss) = load_signal(recording, start=0.1), request.param
    return optimize(signal, mode=mode, loss=loss, support=64, hop=16, steps=6, lambda_=0.2)


@pytest.fixture
def metrics(result, tmp_path) -> dict:
    """metrics.json as strict JSON reads it."""
    write_metrics(result, tmp_path / "metrics.json")
    refuse = pytest.fail
    return json.loads(
        (tmp_path / "metrics.json").read_text("utf-8"), parse_constant=lambda name: refuse(f"{name} is no JSON")
    )


def test_arrays_have_their_names_shapes_and_types(result, tmp_path):
    write_arrays(result, tmp_path / "result.npz")
    with np.load(tmp_path / "result.npz", allow_pickle=False) as file:
        arrays = dict(file)
    bins, frames = 33, 1 + 1000 // 16
    assert set(arrays) == {*ARRAYS, f"{result.criterion}_history"}
    assert (arrays["stft"].shape, arrays["stft"].dtype) == ((bins, frames), np.complex64)
    assert np.broadcast_shapes(arrays["theta"].shape, (bins, frames)) == (bins, frames)
    assert arrays["theta"].ndim == 2
    assert arrays["frame_positions"].shape == arrays["times"].shape == (frames,)
    assert arrays["frequencies"].shape == (bins,)
    assert arrays["loss_history"].shape == (result.steps + 1,)
    scalars = {name: arrays[name].item() for name in ("sample_rate", "support", "hop", "window", "mode", "start")}
    assert scalars == {
        "sample_rate": 2000,
        "support": 64,
        "hop": 16,
        "window": "hann",
        "mode": result.mode,
        "start": 0.1,
    }


def test_times_and_frequencies_are_in_seconds_and_hertz(result):
    np.testing.assert_allclose(result.times, np.arange(63) * 16 / 2000)
    np.testing.assert_allclose(result.frequencies, np.linspace(0, 1000, 33))


@pytest.mark.parametrize(
    ("hop_mode", "mode", "shape"),
    [
        ("fixed", "time", ()),
        ("constant", "time", ()),
        ("overlap", "constant", ()),
        ("overlap", "time", None),
        ("time-varying", "constant", (62,)),
    ],
)
def test_the_hop_is_one_number_or_one_for_each_gap(recording, tmp_path, hop_mode, mode, shape):
    lengths = {"support": 64, "theta": 40} if hop_mode == "overlap" else {"support": 64, "hop": 16}
    result = optimize(load_signal(recording, start=0.1), mode=mode, hop_mode=hop_mode, steps=4, **lengths)
    write_arrays(result, tmp_path / "result.npz")
    with np.load(tmp_path / "result.npz", allow_pickle=False) as file:
        hop, positions, name = file["hop"], file["frame_positions"], file["hop_mode"]
    assert name == hop_mode
    assert hop.shape == ((len(positions) - 1,) if shape is None else shape)
    np.testing.assert_allclose(np.diff(positions), np.broadcast_to(hop, len(positions) - 1))


def test_kurtosis_and_coverage_are_told_whatever_was_optimised(result, metrics):
    squares = result.magnitude.astype(float) ** 2
    by_frame = (squares**2).mean(0) / squares.mean(0) ** 2
    assert metrics["kurtosis"]["final"] == pytest.approx(by_frame.mean(), rel=1e-4)
    assert metrics["coverage"] == {"initial": 1.0, "final": pytest.approx(1.0, abs=0.02)}


def test_metrics_have_every_key(metrics, result):
    assert set(metrics) == {
        result.criterion,
        *(
            "schema_version",
            "mode",
            "hop_mode",
            "criterion",
            "stop_reason",
            "steps",
            "loss",
            "entropy",
            "kurtosis",
            "coverage",
            "regularization",
            "theta",
            "best_constant",
            "narrowing",
        ),
        *(
            "accuracy",
            "bank",
            "geometry",
            "seconds",
            "chosen",
            "device",
            "dtype",
            "threads",
            "seed",
            "input",
            "notes",
            "versions",
        ),
    }
    assert set(metrics["accuracy"]) == {"rms", "max", "bins_checked"}
    assert {"python", "dstft-cli", "torch", "numpy", "libsndfile"} <= set(metrics["versions"])
    assert {"bank", "optimize", "verify"} <= set(metrics["seconds"])


def test_metrics_agree_with_the_arrays(metrics, result):
    assert (metrics["mode"], metrics["steps"], metrics["stop_reason"]) == (
        result.mode,
        result.steps,
        result.stop_reason,
    )
    for name in ("loss", result.criterion, "regularization"):
        assert metrics[name]["initial"] == result.history[name][0]
        assert math.isfinite(metrics[name]["final"])
    terms = metrics[result.criterion]["final"] + metrics["regularization"]["final"]
    assert metrics["loss"]["final"] == pytest.approx(terms)
    samples, seconds = metrics["theta"]["samples"], metrics["theta"]["seconds"]
    whole = np.broadcast_to(result.theta, result.stft.shape)
    assert samples == pytest.approx({"min": whole.min(), "median": np.median(whole), "max": whole.max()})
    assert {name: value * 2000 for name, value in seconds.items()} == pytest.approx(samples)


def test_the_final_entropy_is_that_of_the_spectrogram_as_written(metrics, result):
    share = np.abs(result.stft).astype(float) / np.abs(result.stft).sum(dtype=float)
    assert metrics["entropy"]["final"] == pytest.approx(-np.sum(share[share > 0] * np.log(share[share > 0])), rel=1e-5)


def test_the_best_constant_window_is_named_where_one_was_looked_for(metrics, result):
    if result.mode == "fixed":
        assert metrics["best_constant"] is None
    else:
        assert set(metrics["best_constant"]) == {"theta", result.criterion}
        assert 8 <= metrics["best_constant"]["theta"] <= 64
        assert metrics["best_constant"][result.criterion] <= metrics[result.criterion]["initial"] + 1e-5


def test_the_criterion_follows_the_loss(metrics, result):
    keys = list(metrics)
    assert keys[keys.index("loss") + 1] == metrics["criterion"] == result.criterion


def test_the_bank_is_described_where_one_was_used(metrics, result):
    if result.mode in ("fixed", "constant") or result.criterion == "local-entropy":
        assert metrics["bank"] is None
    else:
        assert metrics["bank"]["nodes"] >= 4
        assert 0 < metrics["bank"]["rms"] < 1e-2


def test_the_input_is_named_by_its_hash_and_what_was_taken_of_it(metrics, recording):
    wanted = {
        "name": "two.wav",
        "sha256": hashlib.sha256(recording.read_bytes()).hexdigest(),
        "sample_rate": 2000.0,
        "samples": 1000,
        "channel": "1",
        "channels": ["1", "2"],
        "start": 0.1,
        "unit": "",
    }
    assert metrics["input"] == wanted
    assert all(set(note) == {"severity", "text"} for note in metrics["notes"])
    assert metrics["notes"][0]["severity"] == "note" and "channel" in metrics["notes"][0]["text"]


def test_the_surroundings_are_recorded(metrics):
    assert metrics["device"] == ("cuda" if torch.cuda.is_available() else "cpu")
    assert (metrics["dtype"], metrics["seed"], metrics["threads"]) == ("float32", 0, torch.get_num_threads())
    assert metrics["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]


def test_a_steady_tone_reads_half_its_amplitude():
    tone = Signal(0.8 * np.sin(2 * np.pi * 250 * np.arange(1200) / 2000), 2000.0, "tone")
    result = optimize(tone, mode="constant", support=64, hop=16)
    assert result.magnitude[8, 20:50] == pytest.approx(0.4, rel=1e-3)
    assert result.frequencies[8] == 250


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_precision_is_as_asked_and_the_file_is_complex64(dtype):
    noise = Signal(np.random.default_rng(0).standard_normal(400), 1000.0, "noise")
    result = optimize(noise, mode="tf", support=32, hop=8, steps=2, dtype=dtype)
    assert result.stft.dtype == np.result_type(dtype, np.complex64)
    assert result.theta.dtype == dtype
    assert result.arrays()["stft"].dtype == np.complex64


def test_numbers_that_json_has_no_word_for_become_null():
    odd = {"a": [1, math.nan, (math.inf, -math.inf)], "b": {"c": np.float64("nan"), "d": True, "e": None, "f": "NaN"}}
    assert finite(odd) == {"a": [1, None, [None, None]], "b": {"c": None, "d": True, "e": None, "f": "NaN"}}


def test_save_writes_the_folder_and_will_not_replace_one_unasked(tmp_path):
    noise = Signal(np.random.default_rng(0).standard_normal(400), 1000.0, "noise")
    result = optimize(noise, mode="fixed", support=32, hop=8)
    assert write_result(result, tmp_path / "out", figures=False) == tmp_path / "out"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"result.npz", "metrics.json", "config.yaml"}
    with pytest.raises(OutputExistsError, match="overwrite"):
        write_result(result, tmp_path / "out", figures=False)
    write_result(result, tmp_path / "out", figures=False, on_existing="overwrite")
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["input"] == {
        "name": "noise",
        "sha256": None,
        "sample_rate": 1000.0,
        "samples": 400,
        "channel": "1",
        "channels": ["1"],
        "start": 0.0,
        "unit": "",
    }
