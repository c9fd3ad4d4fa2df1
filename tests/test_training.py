"""``dstft train`` and ``dstft predict``: what a user sees of them, and that a training which was stopped goes on to the same bits."""

import csv
import json

import numpy as np
import pytest
import torch
from training_sets import RATE, write_tones, write_tracks

from dstft_cli import InputError, load_config
from dstft_cli.training.dataset.examples import TRAIN
from dstft_cli.training.fit import Budget
from dstft_cli.training.frequency import scan
from dstft_cli.training.networks import build_classifier, small_network
from dstft_cli.training.onnx_export import Exportable
from dstft_cli.training.scores import Mean, compare, sentence
from dstft_cli.training.spectrogram import Spectrogram
from dstft_cli.workflows.training.prepare import prepare
from dstft_cli.workflows.training.settings import TrainSettings
from dstft_cli.workflows.training.train import train

LENGTHS = ("--support", "64", "--hop", "32")
QUICK = (*LENGTHS, "--epochs", "8", "--batch-size", "4", "--threads", "1", "--learning-rate", "0.01", "--set", "dpi=30")


def settings(epochs=3, seeds=1, fixed="16", task="classify", lengths=("support=64", "hop=32"), batch=8, rate=0.02):
    config = load_config(sets=[*lengths, "dpi=30", "device=cpu"])
    return TrainSettings(config, task, seeds, fixed, Budget(epochs, batch, 0.01, rate))


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    return write_tones(tmp_path_factory.mktemp("set") / "tones")


@pytest.fixture
def trained(tones, tmp_path, dstft):
    """The folder of a training by the command, and what it printed."""
    run = dstft("train", tones, *QUICK, "--seeds", 2, "--fixed", "32", "--theta", 20, "-o", tmp_path / "out")
    assert run.code == 0, run.err
    return tmp_path / "out", run


class TestCommand:
    def test_writes_and_prints_what_it_found(self, trained, tones, dstft, tmp_path):
        folder, run = trained
        assert {path.name for path in folder.iterdir()} == {
            *("metrics.json", "table.csv", "splits.csv", "model.json", "model.safetensors"),
            *("training.png", "windows.png", "confusion.png"),
        }
        metrics = json.loads((folder / "metrics.json").read_text())
        assert metrics["stop_reason"] == "complete" and len(metrics["runs"]) == 4
        with open(folder / "table.csv") as file:
            table = list(csv.DictReader(file))
        assert [row["approach"] for row in table] == ["STFT", "DSTFT"]
        assert float(table[0]["window_samples"]) == 32
        assert all(2 <= theta <= 64 for one in metrics["runs"] for theta in one["theta"])
        learnt = [one for one in metrics["runs"] if one["length"] is None]
        assert ", ".join(f"{np.mean(one['theta']):.4g}" for one in learnt) + " samples\n" in run.out
        accuracy = np.mean([one["scores"]["test"] for one in learnt])
        assert (
            float(table[1]["test_accuracy"]) == pytest.approx(accuracy, rel=1e-5) and accuracy > 0.6
        )  # by chance it is a third
        assert np.sum(metrics["confusion"]) == sum(len(one["clips"]) for one in learnt)
        assert metrics["verdict"] in run.out and "librosa.stft(x" in run.out and "torchaudio" in run.out

        found = dstft("predict", folder, tones / "low/0.wav", tones / "high/3.wav")
        rows = list(csv.DictReader(found.out.splitlines()))
        assert [row["class"] for row in rows] == ["low", "high"]
        assert all(
            float(row["p_low"]) + float(row["p_mid"]) + float(row["p_high"]) == pytest.approx(1, abs=2e-4)
            for row in rows
        )

        again = dstft("train", tones, *QUICK, "-o", folder)
        assert again.code == 2 and "already contains a result" in again.err
        (folder / "model.safetensors").write_bytes(b"no model")
        broken = dstft("predict", folder, tones / "low/0.wav")
        assert broken.code == 2 and "damaged" in broken.err and broken.err.count("\n") == 1

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (("--mode", "tf-varying"), "--mode tf-varying"),
            (("--fixed", "8,900"), "--fixed 900"),
            (("--fixed", "8,8"), "two of the lengths are the same"),
            (("--model", "nowhere:network"), "nowhere"),
            (("--channel", "all"), "--channel all"),
            (("--label-column", "kind"), "needs a table"),
        ],
    )
    def test_refuses_before_any_training(self, tones, tmp_path, dstft, options, words):
        run = dstft("train", tones, *QUICK, *options, "-o", tmp_path / "out")
        assert run.code == 2 and words in run.err and run.err.count("Error") == 1
        assert not (tmp_path / "out").exists()

    def test_refuses_words_that_are_no_lengths_before_it_reads(self, tones, tmp_path, dstft):
        run = dstft("train", tones, "--fixed", "5ms,banana", "-o", tmp_path / "out")
        assert run.code == 2 and run.err.startswith("Error: --fixed: length 'banana': it must be a length such as")

    def test_names_the_extra_that_is_missing(self, tones, tmp_path, dstft, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "safetensors", None)
        run = dstft("train", tones, "-o", tmp_path / "out")
        assert run.code == 2 and run.err == "Error: this needs safetensors: pip install 'dstft-cli[train]'\n"

    def test_takes_a_network_of_the_user_who_must_name_it_again(self, tones, tmp_path, dstft, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "mynet.py").write_text(
            "from torch import nn\ndef net(bins, frames, classes):\n"
            "    return nn.Sequential(nn.AvgPool2d((1, frames)), nn.Flatten(), nn.Linear(bins, classes))\n"
        )
        run = dstft(
            *("train", tones, *QUICK, "--seeds", 1, "--fixed", "none", "--theta", 20, "--highpass", 60),
            *("--model", "mynet:net", "-o", "out"),
        )
        assert run.code == 0, run.err
        refused = dstft("predict", "out", tones / "mid/1.wav")
        assert refused.code == 2 and "--model mynet:net allows" in refused.err
        own = "predict", "out", tones / "mid/1.wav", "--model", "mynet:net"
        found = dstft(*own).out
        assert ",mid," in found
        assert dstft(*own, "--lowpass", 70).out == found  # clips are prepared as in the training
        assert json.loads((tmp_path / "out/model.json").read_text())["preparation"]["highpass"] == 60


class _StopAt:
    """Asks to stop at the n-th step of training."""

    def __init__(self, step):
        self.left = step

    def __call__(self, step):
        self.left -= step.phase == "train"
        return self.left < 0


@pytest.fixture
def no_pictures(monkeypatch):
    monkeypatch.setattr("dstft_cli.workflows.training.train._draw", lambda *of: None)


def test_a_training_goes_on_to_the_same_bits(tones, tmp_path, no_pictures):
    """Stopped within epochs of the learnt window and of a fixed one."""
    whole = train(str(tones), settings(), tmp_path / "whole")
    for stop, existing in ((6, "error"), (14, "resume")):
        outcome = train(str(tones), settings(), tmp_path / "parts", existing, on_step=_StopAt(stop))
        assert not outcome.complete and (tmp_path / "parts/checkpoint.safetensors").exists()
    resumed = train(str(tones), settings(), tmp_path / "parts", "resume")
    assert whole.complete and resumed.complete
    for name in ("model.safetensors", "table.csv", "splits.csv"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes(), name
    assert not (tmp_path / "parts/checkpoint.safetensors").exists()


def test_a_stopped_training_keeps_the_best_state_and_refuses_other_settings(tones, tmp_path, dstft):
    train(str(tones), settings(epochs=4), tmp_path / "out", on_step=_StopAt(9))
    assert json.loads((tmp_path / "out/metrics.json").read_text())["stop_reason"] == "interrupted"
    assert dstft("predict", tmp_path / "out", tones / "mid/1.wav").code == 0
    with pytest.raises(InputError, match="--resume: --epochs is 5 and was 4"):
        train(str(tones), settings(epochs=5), tmp_path / "out", "resume")
    with pytest.raises(InputError, match="--resume goes on"):
        train(str(tones), settings(epochs=4), tmp_path / "out")


@pytest.mark.parametrize("features", ["log", "levelled"])
def test_silence_behind_a_clip_changes_nothing(features):
    """The mask: a clip padded to twice the length looks the same to the network, before and after training."""
    spectrogram = Spectrogram(64, 16, 30.0, 8.0, "constant", "hann", features)
    clips, lengths = torch.randn(4, 200, generator=torch.Generator().manual_seed(0)), torch.tensor([200, 200, 150, 170])
    for clip, length in zip(clips, lengths, strict=True):
        clip[length:] = 0
    spectrogram.calibrate(clips, lengths)
    padded = torch.nn.functional.pad(clips, (0, 200))
    for training in (True, False):
        spectrogram.train(training)
        own, other = spectrogram(clips, lengths), spectrogram(padded, lengths)
        assert torch.allclose(own, other[..., : own.shape[-1]], atol=1e-5)
        assert not other[..., own.shape[-1] :].any()


def test_how_loud_a_clip_is_counts_unless_clips_are_levelled():
    """The same clips, one of them a hundred times as loud; silence stays finite."""
    clips, lengths = torch.randn(3, 200, generator=torch.Generator().manual_seed(0)), torch.tensor([200, 150, 200])
    clips[2] = 0
    differences = {}
    for features in ("log", "levelled"):
        spectrogram = Spectrogram(64, 16, 30.0, 8.0, "constant", "hann", features).eval()
        louder = spectrogram(clips * torch.tensor([[100.0], [1.0], [1.0]]), lengths)
        differences[features] = float((louder - spectrogram(clips, lengths)).detach().abs().max())
        assert louder.isfinite().all()
    assert differences["levelled"] < 1e-3 and differences["log"] > 1


@pytest.mark.parametrize(
    ("mode", "features"), [("constant", "log"), ("frequency-varying", "log"), ("constant", "levelled")]
)
def test_gradient_of_the_loss_by_the_window_length(mode, features):
    """Against differences of the loss, through logarithm, normalisation and network."""
    torch.manual_seed(0)
    clips, lengths, classes = torch.randn(6, 200).double(), torch.full((6,), 200), torch.arange(6) % 3
    model = build_classifier(
        Spectrogram(32, 16, 20.0, 4.0, mode, "hann", features), 200, 3, lambda *of: small_network(*of, dropout=0.0)
    )
    model, theta = model.double(), model.spectrogram.layer.theta

    def loss(step=0.0):
        with torch.no_grad():
            theta.add_(step)
        value = torch.nn.functional.cross_entropy(model(clips, lengths), classes)
        with torch.no_grad():
            theta.sub_(step)
        return value

    loss().backward()
    difference = (loss(1e-4) - loss(-1e-4)).item() / 2e-4
    assert theta.grad.sum().item() == pytest.approx(difference, rel=1e-3)


@pytest.mark.parametrize("size", [(9, 8), (8, 7), (1, 2)])
def test_the_first_convolution_has_the_gradients_of_any_other(size):
    """Its gradient by the spectrogram takes a way of its own on a CPU."""
    torch.manual_seed(0)
    network = small_network(*size, classes=3).double()
    x = torch.randn(2, 1, *size, dtype=torch.float64, requires_grad=True)
    filters = network[0].weight.detach().requires_grad_()
    expected = torch.nn.functional.conv2d(x, filters, stride=2, padding=1)
    assert torch.equal(network[0](x), expected)
    weights = torch.randn_like(expected)
    own = torch.autograd.grad((network[0](x) * weights).sum(), (x, network[0].weight))
    for one, other in zip(own, torch.autograd.grad((expected * weights).sum(), (x, filters)), strict=True):
        assert torch.allclose(one, other, rtol=1e-12)
    assert torch.autograd.gradcheck(network[0], x)


@pytest.mark.parametrize("features", ["log", "levelled", "magnitude"])
def test_a_model_without_fourier_transforms_gives_what_it_gave(features):
    """What is exported, before it is written as ONNX."""
    torch.manual_seed(0)
    clips, lengths = torch.randn(3, 400), torch.tensor([400, 400, 300])
    model = build_classifier(Spectrogram(64, 32, 40.0, 8.0, "constant", "hann", features), 400, 3, small_network).eval()
    with torch.no_grad():
        expected = model(clips, lengths)
        assert torch.allclose(Exportable(model)(clips, lengths), expected, rtol=1e-4, atol=1e-5)


def test_the_exported_model_gives_what_torch_gives(tones, tmp_path, no_pictures):
    pytest.importorskip("onnxscript")
    outcome = train(str(tones), settings(1, fixed="none"), tmp_path / "out", export="onnx")
    assert outcome.parity < 1e-5
    session = pytest.importorskip("onnxruntime").InferenceSession(str(tmp_path / "out/model.onnx"))
    (logits,) = session.run(None, {"samples": np.zeros((2, 400), "float32"), "lengths": np.array([400, 200])})
    assert logits.shape == (2, 3)


def test_shape_and_length_are_learnt_for_a_task(tones, tmp_path, no_pictures):
    config = load_config(sets=["support=64", "hop=32", "window=learn-cosine", "device=cpu", "theta=20"])
    own = TrainSettings(config, seeds=1, fixed="none", budget=Budget(2, 8, 0.01, 0.02))
    outcome = train(str(tones), own, tmp_path / "out")
    assert outcome.prepared.run.kept["spectrogram.layer.window.coefficients"].tolist() != [1.0, 0.0]
    assert outcome.summary.lines == {}


def test_the_frequency_of_a_recording_is_predicted(tmp_path, dstft, no_pictures):
    table = write_tracks(tmp_path / "set", noise=0.02)
    train(
        str(table),
        settings(2, fixed="none", task="frequency", lengths=("support=256", "hop=32", "theta=24")),
        tmp_path / "out",
    )
    found = dstft("predict", tmp_path / "out", tmp_path / "set/0.wav")
    rows = list(csv.DictReader(found.out.splitlines()))
    assert len(rows) == 63 and float(rows[-1]["time_s"]) == pytest.approx(62 * 32 / RATE)
    truth = np.genfromtxt(tmp_path / "set/0.csv", delimiter=",", names=True)
    times, found = (np.array([float(row[name]) for row in rows]) for name in ("time_s", "frequency_hz"))
    expected = np.interp(times, truth["time_s"], truth["frequency_hz"])
    assert np.sqrt(np.mean((found - expected)[1:-1] ** 2)) < 30  # of frequencies from 150 to 450 Hz


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time_s,hz\n0,1\n", "no column frequency_hz"),
        ("time_s,frequency_hz\n0,300\n0,310\n", "line 3: times must increase"),
        ("time_s,frequency_hz\n0,300\n0.5,high\n", "line 3: '0.5,high'"),
        ("time_s,frequency_hz\n0,300\n0.5,1200\n", "1200 Hz is above half the sampling rate"),
        ("time_s,frequency_hz\n5,300\n6,300\n", "no frame of its clip"),
    ],
)
def test_refuses_a_track_and_names_the_place(tmp_path, text, words):
    table = write_tracks(tmp_path)
    (tmp_path / "0.csv").write_text(text)
    with pytest.raises(InputError, match=f"0.csv.*{words}"):
        prepare(str(table), settings(task="frequency"), None)


def test_frequency_task_finds_the_best_length_of_a_scan(tmp_path):
    table = write_tracks(tmp_path)
    prepared = prepare(
        str(table),
        settings(20, fixed="none", task="frequency", lengths=("support=256", "hop=32"), batch=4, rate=0.05),
        None,
    )
    assert prepared.run.go()
    (record,) = prepared.run.records
    index = [i for i, part in enumerate(prepared.parts[0]) if part == TRAIN]
    lengths = np.geomspace(8, 256, 301)
    clips, targets = prepared.clips.take(index), prepared.run.data.targets[index]
    losses = scan(
        lambda length: prepared.setup.spectrogram(length, False), clips, targets, lengths.tolist(), RATE / 256
    )
    assert record.theta[0] == pytest.approx(lengths[np.argmin(losses)], rel=0.03)


class TestScores:
    def test_chance_is_not_called_a_gain(self):
        """81 against 80 % of 300 clips, as in the paper, on five seeds."""
        random = np.random.default_rng(0)
        results = [[{f"{i}": float(random.random() < p) for i in range(300)} for _ in range(5)] for p in (0.807, 0.797)]
        comparison = compare(*results, {f"{i}": "" for i in range(300)}, 300 / 2400)
        assert not comparison.significant
        assert sentence(comparison, "the best fixed window (40 samples)", " %").startswith(
            "no significant gain over the best"
        )

    def test_a_clear_gain_is(self):
        random = np.random.default_rng(0)
        results = [[{f"{i}": float(random.random() < p) for i in range(300)} for _ in range(5)] for p in (0.95, 0.6)]
        comparison = compare(*results, {f"{i}": "" for i in range(300)}, 300 / 2400)
        assert comparison.significant and sentence(comparison, "it", " %").startswith("significant gain over it: 0.3")
        assert sentence(compare(*results[::-1], {f"{i}": "" for i in range(300)}, 0.1), "it", "").startswith(
            "significant loss"
        )

    def test_clips_of_one_group_count_once(self):
        """A gain on one speaker of two is no proof of a gain on speakers."""
        learnt = [{f"{i}": 1.0 for i in range(100)} for _ in range(5)]
        fixed = [{f"{i}": float(i >= 50 or (i + seed) % 3 == 0) for i in range(100)} for seed in range(5)]
        speakers = {f"{i}": "ann" if i < 50 else "ben" for i in range(100)}
        assert compare(learnt, fixed, {name: "" for name in speakers}, 0.1).significant
        by_speaker = compare(learnt, fixed, speakers, 0.1)
        assert by_speaker.units == "2 groups" and not by_speaker.significant

    def test_interval_is_students(self):
        mean = Mean.of([1.0, 2.0, 3.0])
        assert mean.value == 2 and mean.half_width == pytest.approx(4.303 / np.sqrt(3), rel=1e-3)
        assert Mean.of([1.0]).half_width is None
