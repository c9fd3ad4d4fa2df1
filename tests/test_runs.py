"""One recording to one folder: which files, the same again, and what becomes of a result that is there already."""

import errno
import json
import os

import numpy as np
import pytest
import soundfile
import torch

from dstft_cli import load_config, load_signal, optimize
from dstft_cli.cli import main
from dstft_cli.errors import OutputExistsError
from dstft_cli.results.result import SCHEMA_VERSION
from dstft_cli.stft.transform import dstft
from dstft_cli.workflows.optimize_file import load_inputs, output_folders, run_signal, write_result

MODES = {
    "fixed": "fixed",
    "constant": "constant",
    "time": "time-varying",
    "frequency": "frequency-varying",
    "tf": "tf-varying",
}
ARRAYS = {"result.npz", "metrics.json", "config.yaml"}
FIGURES = ("spectrogram", "theta", "comparison", "loss")
MAKE_FIGURES = "dstft_cli.workflows.optimize_file.make_figures"
FLAGS = ["--support", "64", "--hop", "16", "--steps", "4", "--set", "dpi=20"]


def command(*arguments) -> int:
    with pytest.raises(SystemExit) as end:
        main([*map(str, arguments)], prog_name="dstft")
    return end.value.code


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """A folder with one.wav, 0.5 s of a chirp and a click at 2 kHz, and three.wav, its likeness in three channels."""
    folder = tmp_path_factory.mktemp("recordings")
    time = np.arange(1000) / 2000
    one = 0.3 * np.sin(2 * np.pi * (100 * time + 600 * time**2)) + 0.01 * np.random.default_rng(1).standard_normal(1000)
    one[500] += 0.6
    soundfile.write(folder / "one.wav", one, 2000, subtype="FLOAT")
    soundfile.write(folder / "three.wav", np.stack([one, one[::-1], 0.5 * np.roll(one, 100)], 1), 2000, subtype="FLOAT")
    return folder


@pytest.fixture(scope="module", params=MODES)
def written(request, recordings, tmp_path_factory):
    """The folder of one run of the command, for every mode; figures in the richest one only, since they take most of the time."""
    folder = tmp_path_factory.mktemp("written") / "out"
    with pytest.MonkeyPatch.context() as patch:
        if request.param != "tf":
            patch.setattr(MAKE_FIGURES, lambda result: {})
        assert command("optimize", recordings / "one.wav", "-o", folder, "--mode", request.param, "-q", *FLAGS) == 0
        yield request.param, folder


def contents(folder) -> dict:
    """The bytes of each file; of metrics.json what it says without how long things took."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    metrics = json.loads(files.pop("metrics.json"))
    del metrics["seconds"]
    return {**files, "metrics.json": metrics}


class TestFiles:
    def test_are_all_there_and_no_others(self, written):
        mode, folder = written
        figures = {f"{name}.png" for name in FIGURES} if mode == "tf" else set()
        assert {path.name for path in folder.iterdir()} == ARRAYS | figures
        assert all((folder / name).read_bytes().startswith(b"\x89PNG\r\n\x1a\n") for name in figures)

    def test_hold_a_spectrogram_that_is_the_transform_at_their_window_lengths(self, written, recordings):
        mode, folder = written
        samples = load_signal(recordings / "one.wav").samples
        samples = torch.as_tensor(samples - samples.mean())  # as --detrend mean, the default, leaves them
        with np.load(folder / "result.npz", allow_pickle=False) as file:
            arrays = dict(file)
        theta, positions = torch.as_tensor(arrays["theta"]).double(), torch.as_tensor(arrays["frame_positions"])
        truth = dstft(samples, theta, positions, int(arrays["support"]), str(arrays["window"])).numpy()
        error = np.sqrt(np.mean(np.abs(arrays["stft"] - truth) ** 2) / np.mean(np.abs(truth) ** 2))
        assert error <= 1.2e-4
        assert (8 <= arrays["theta"]).all() and (arrays["theta"] <= 64).all()
        assert (arrays["mode"], arrays["schema_version"]) == (MODES[mode], SCHEMA_VERSION)

    def test_tell_how_long_each_part_took(self, written):
        seconds = json.loads((written[1] / "metrics.json").read_text())["seconds"]
        assert set(seconds) == {"load", "bank", "optimize", "verify", "write", "total"}
        assert all(value >= 0 for value in seconds.values())
        assert seconds["load"] > 0 and seconds["write"] > 0
        assert seconds["total"] == pytest.approx(
            sum(value for name, value in seconds.items() if name != "total"), abs=1e-3
        )

    def test_are_the_same_when_the_written_configuration_is_run(self, written, recordings, tmp_path):
        command("optimize", recordings / "one.wav", "-o", tmp_path / "other", "-c", written[1] / "config.yaml", "-q")
        again, before = contents(tmp_path / "other"), contents(written[1])
        for files in (again, before):  # which lengths were chosen, and which given, is all that differs
            files["metrics.json"] = {
                key: value for key, value in files["metrics.json"].items() if key not in ("chosen", "notes")
            }
        assert again == before


@pytest.fixture
def no_figures(monkeypatch):
    """Figures take most of the time of a small run, and are the business of other tests."""
    monkeypatch.setattr(MAKE_FIGURES, lambda result: {})


@pytest.fixture(scope="module")
def result(recordings):
    return optimize(load_signal(recordings / "one.wav"), mode="fixed", support=64, hop=16, dpi=20)


class TestReplacing:
    def test_a_result_is_not_replaced_unasked(self, result, tmp_path, no_figures):
        write_result(result, tmp_path)
        before = contents(tmp_path)
        with pytest.raises(OutputExistsError, match="overwrite"):
            write_result(result, tmp_path)
        assert contents(tmp_path) == before

    def test_asked_to_it_is_replaced_whole(self, result, recordings, tmp_path, no_figures):
        write_result(result, tmp_path)
        other = optimize(load_signal(recordings / "one.wav"), mode="tf", support=32, hop=8, steps=1)
        write_result(other, tmp_path, on_existing="overwrite")
        assert contents(tmp_path)["metrics.json"]["mode"] == "tf-varying"
        assert "support: 32" in (tmp_path / "config.yaml").read_text()
        with np.load(tmp_path / "result.npz") as arrays:
            assert arrays["support"] == 32

    def test_figures_of_the_result_before_do_not_stay_beside_the_new(self, recordings, tmp_path):
        """Nor that of frames that moved, which a result whose frames did not move does not have."""
        out = tmp_path / "out"
        for hop_mode, kind, names in (("time-varying", "png", (*FIGURES, "frames")), ("fixed", "svg", FIGURES)):
            flags = ["--on-existing", "overwrite", "--mode", "time", "-q", *FLAGS, "--hop-mode", hop_mode]
            command("optimize", recordings / "one.wav", "-o", out, *flags, "--format", kind)
            assert {path.name for path in out.iterdir()} == ARRAYS | {f"{name}.{kind}" for name in names}

    def test_a_part_of_a_result_counts_as_one_that_is_not_to_be_replaced(self, result, tmp_path, no_figures):
        write_result(result, tmp_path)
        (tmp_path / "metrics.json").unlink()
        with pytest.raises(OutputExistsError):
            write_result(result, tmp_path)

    def test_a_part_of_a_result_is_not_passed_over_as_if_it_were_one(self, recordings, tmp_path, no_figures):
        """What a killed run left, without its metrics, is made whole by --on-existing skip and not skipped."""
        flags = ["-o", tmp_path / "out", "--mode", "fixed", "-q", *FLAGS]
        command("optimize", recordings / "one.wav", *flags)
        (tmp_path / "out" / "metrics.json").unlink()
        assert command("optimize", recordings / "one.wav", *flags, "--on-existing", "skip") == 0
        assert (tmp_path / "out" / "metrics.json").exists()


class TestExisting:
    """What the command does where a result is there already."""

    @pytest.fixture
    def run(self, recordings, tmp_path, no_figures):
        """Runs the command into a folder where there is a result in mode fixed: exit code, and whether files were touched."""

        def state():
            return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "out").iterdir()}

        def run(*arguments):
            before = state()
            code = command(
                "optimize", recordings / "one.wav", "-o", tmp_path / "out", "--mode", "constant", *FLAGS, *arguments
            )
            return code, state() != before

        command("optimize", recordings / "one.wav", "-o", tmp_path / "out", "--mode", "fixed", "-q", *FLAGS)
        return run

    def test_it_is_kept_and_the_command_refused(self, run, capsys):
        assert run() == (2, False)
        err = capsys.readouterr().err
        assert err.startswith("Error: ") and err.count("\n") == 1 and "--on-existing" in err

    def test_it_is_passed_over(self, run, capsys):
        assert run("--on-existing", "skip") == (0, False)
        assert "skipped" in capsys.readouterr().err

    def test_it_is_replaced(self, run):
        assert run("--on-existing", "overwrite") == (0, True)


class TestChannels:
    def test_all_get_a_folder_each_and_are_as_if_run_alone(self, recordings, tmp_path, no_figures):
        flags = ["--mode", "time", "-q", *FLAGS]
        command("optimize", recordings / "three.wav", "-o", tmp_path / "all", "--channel", "all", *flags)
        assert sorted(path.name for path in (tmp_path / "all").iterdir()) == ["channel-1", "channel-2", "channel-3"]
        for channel in "123":
            command("optimize", recordings / "three.wav", "-o", tmp_path / channel, "--channel", channel, *flags)
            together, alone = contents(tmp_path / "all" / f"channel-{channel}"), contents(tmp_path / channel)
            assert together["metrics.json"]["input"]["channel"] == channel
            assert together["result.npz"] == alone["result.npz"]

    def test_none_is_begun_where_the_result_of_one_is_there_already(self, recordings, tmp_path, no_figures):
        flags = ["--channel", "all", "--mode", "fixed", "-q", *FLAGS]
        command("optimize", recordings / "three.wav", "-o", tmp_path, *flags)
        for channel in (1, 2):
            for path in (tmp_path / f"channel-{channel}").iterdir():
                path.unlink()
            (tmp_path / f"channel-{channel}").rmdir()
        assert command("optimize", recordings / "three.wav", "-o", tmp_path, *flags) == 2
        assert [path.name for path in tmp_path.iterdir()] == ["channel-3"]

    def test_folders_are_named_after_the_recording_where_none_is_named(self, recordings):
        one, three = (
            load_inputs(recordings / name, load_config(sets=["channel=all"])) for name in ("one.wav", "three.wav")
        )
        assert [str(path) for path in output_folders(None, one)] == ["dstft-out/one"]
        assert [path.name for path in output_folders(None, three)] == ["channel-1", "channel-2", "channel-3"]
        assert {str(path.parent) for path in output_folders("x", three)} == {"x"}

    @pytest.mark.parametrize("name", ["...wav", "..wav", ". .wav", ".wav", "a..wav"])
    def test_no_name_of_a_recording_leads_out_of_the_folder_of_all_results(self, recordings, tmp_path, name):
        (tmp_path / name).write_bytes((recordings / "one.wav").read_bytes())
        (folder,) = output_folders(None, [load_signal(tmp_path / name)])
        assert os.path.dirname(os.path.abspath(folder)) == os.path.abspath("dstft-out")
        assert str(folder) == os.path.normpath(folder)


@pytest.mark.parametrize(("count", "code"), [(2, 2), (15, 2), (16, 0)])
def test_too_few_samples_for_a_spectrogram_are_refused(tmp_path, no_figures, capsys, count, code):
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).uniform(-0.5, 0.5, count), 8000)
    with pytest.raises(SystemExit) as end:
        main(["optimize", str(tmp_path / "a.wav"), "-o", str(tmp_path / "out"), "--steps", "1"])
    assert end.value.code == code
    words = f"{count} samples ({count / 8000:.6g} s) are too few for a spectrogram, expected at least 16 samples"
    assert (words in capsys.readouterr().err) == (code == 2)


class TestInput:
    def test_is_the_part_that_was_asked_for(self, recordings, tmp_path, no_figures):
        flags = ["--start", "0.1", "--duration", "0.25", "--mode", "fixed", "-q", *FLAGS]
        command("optimize", recordings / "one.wav", "-o", tmp_path, *flags)
        metrics = json.loads((tmp_path / "metrics.json").read_text())
        assert (metrics["input"]["start"], metrics["input"]["samples"]) == (0.1, 500)
        with np.load(tmp_path / "result.npz") as arrays:
            assert (arrays["start"], arrays["times"][0], arrays["times"][-1]) == (0.1, 0, 496 / 2000)
            whole = load_signal(recordings / "one.wav").samples[200:700]
            truth = dstft(torch.as_tensor(whole - whole.mean()), 32.0, torch.as_tensor(arrays["frame_positions"]), 64)
            np.testing.assert_allclose(arrays["stft"], truth, atol=1e-6)

    def test_is_left_as_it_was(self, recordings, tmp_path, no_figures):
        before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in recordings.iterdir()}
        command("optimize", recordings / "one.wav", "-o", tmp_path / "out", "--mode", "fixed", "-q", *FLAGS)
        assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in recordings.iterdir()} == before

    def test_may_be_detrended_first(self, recordings):
        plain, flat = (
            load_inputs(recordings / "one.wav", load_config(sets=[f"detrend={how}"]))[0] for how in ("none", "mean")
        )
        assert abs(plain.samples.mean()) > 1e-5
        assert abs(flat.samples.mean()) < 1e-12

    def test_is_without_its_mean_by_default(self, recordings, tmp_path, no_figures):
        (left,) = load_inputs(recordings / "one.wav", load_config())
        whole = load_signal(recordings / "one.wav").samples
        np.testing.assert_allclose(left.samples, whole - whole.mean(), atol=1e-12)
        spectra = []
        for name, flags in (("default", []), ("kept", ["--detrend", "none"])):
            command("optimize", recordings / "one.wav", "-o", tmp_path / name, "--mode", "fixed", "-q", *FLAGS, *flags)
            with np.load(tmp_path / name / "result.npz") as arrays:
                spectra.append(np.abs(arrays["stft"][0, 3:-3]).mean())
        assert spectra[0] != pytest.approx(spectra[1], rel=0.01)


def test_a_caller_is_told_of_the_writing_too(recordings, tmp_path, no_figures):
    config = load_config(sets=["mode=tf", "support=64", "hop=16", "steps=3"])
    phases = []
    signal = load_signal(recordings / "one.wav")
    result = run_signal(signal, config, tmp_path, on_step=lambda step: phases.append(step.phase), loading=1.5)
    assert list(dict.fromkeys(phases)) == ["bank", "search", "descent", "verify", "write"]
    assert result.seconds["load"] == 1.5


def raising(error: Exception):
    """A function that does nothing but raise."""

    def fail(*_, **__):
        raise error

    return fail


class TestFailures:
    """Exit code, one sentence on stderr, and nothing half done."""

    @pytest.fixture
    def run(self, recordings, tmp_path, capsys, no_figures):
        def run(*arguments, out="out", mode="fixed"):
            code = command(
                "optimize", recordings / "one.wav", "-q", "-o", tmp_path / out, "--mode", mode, *FLAGS, *arguments
            )
            out, err = capsys.readouterr()
            assert out == ""
            assert err.startswith("Error: ") and err.count("\n") == 1 and len(err) < 310 and "Traceback" not in err
            return code, err

        return run

    def test_of_a_folder_that_cannot_be(self, run, tmp_path):
        (tmp_path / "file").write_text("in the way")
        code, err = run(out="file/out")
        assert code == 1
        assert "cannot be written" in err

    @pytest.mark.parametrize("part", ["write_arrays", "write_config", "write_metrics", "make_figures"])
    def test_of_a_full_disk_leave_the_earlier_result(
        self, run, recordings, result, tmp_path, monkeypatch, part, no_figures
    ):
        write_result(result, tmp_path / "out")
        before = contents(tmp_path / "out")
        monkeypatch.setattr(
            f"dstft_cli.workflows.optimize_file.{part}", raising(OSError(errno.ENOSPC, "No space left on device"))
        )
        code, err = run("--on-existing", "overwrite", mode="constant")
        assert code == 1
        assert "No space left on device" in err
        assert contents(tmp_path / "out") == before

    @pytest.mark.parametrize(
        "fault", [ZeroDivisionError("a\nfault"), AssertionError(), RuntimeError("x" * 5000)], ids=repr
    )
    def test_of_our_own(self, run, tmp_path, monkeypatch, fault):
        monkeypatch.setattr("dstft_cli.workflows.optimize_file.run_signal", raising(fault))
        code, err = run()
        assert code == 1
        assert type(fault).__name__ in err
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize(
        "fault",
        [
            MemoryError(),
            RuntimeError("DefaultCPUAllocator: can't allocate memory: 6144 bytes"),
            ImportError("libtorch.so: failed to map segment from shared object"),
        ],
        ids=repr,
    )
    def test_for_want_of_memory_say_what_to_make_smaller(self, run, monkeypatch, fault):
        monkeypatch.setattr("dstft_cli.workflows.optimize_file.run_signal", raising(fault))
        code, err = run()
        assert code == 1
        assert "memory" in err and "--hop" in err

    @pytest.mark.parametrize("mode", MODES)
    def test_for_want_of_memory_are_foreseen(self, run, tmp_path, monkeypatch, mode):
        """A machine with 10 kB free, and a spectrogram of 33 x 63 bins of 8 bytes."""
        monkeypatch.setattr("dstft_cli.optimization.resources.free_bytes", lambda device: 10_000)
        code, err = run(mode=mode)
        assert code == 2
        assert "one.wav" in err and "--hop" in err
        assert not (tmp_path / "out").exists()
