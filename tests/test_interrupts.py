"""What stops a run before its end: a caller, a signal of the system, a loss that is not finite."""

import json
import math
import os
import signal
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from patience import HANGING
from processes import Command

from dstft_cli import Signal, optimize
from dstft_cli.errors import DivergedError
from dstft_cli.optimization.criteria import CRITERIA
from dstft_cli.system import shutdown
from dstft_cli.workflows import optimize_file

MODES = ("fixed", "constant", "time-varying", "frequency-varying", "tf-varying")
LEARNT = MODES[2:]
SMALL = {"support": 64, "hop": 16, "loss": "entropy"}
FLAGS = ("--support", "64", "--hop", "16", "--loss", "entropy", "--set", "dpi=20")
ENDLESS = ("--mode", "tf", "--steps", "1000000", "--set", "patience=1000000")
WHOLE = {"result.npz", "metrics.json", "config.yaml", "spectrogram.png", "theta.png", "comparison.png", "loss.png"}


@pytest.fixture
def recording(two_tones_and_click) -> Signal:
    return Signal(two_tones_and_click, 2000.0, "test")


@pytest.fixture
def path(two_tones_and_click, tmp_path):
    soundfile.write(tmp_path / "in.wav", two_tones_and_click / 25, 2000, subtype="FLOAT")
    return tmp_path / "in.wav"


def names(folder) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def read(folder) -> dict:
    """The metrics of a folder whose arrays can be read too."""
    with np.load(folder / "result.npz", allow_pickle=False) as arrays:
        assert all(np.isfinite(arrays[name]).all() for name in ("stft", "theta", "loss_history"))
    return json.loads((folder / "metrics.json").read_text("utf-8"))


class TestCaller:
    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("report", [0, 3, 12, 26, 40])
    def test_stops_a_run_at_any_report_and_gets_the_best_so_far(self, recording, mode, report):
        reports = iter(range(10**6))
        result = optimize(recording, mode=mode, steps=30, on_step=lambda step: next(reports) == report, **SMALL)
        assert result.complete or result.stop_reason == "interrupted"
        assert result.final["loss"] <= result.initial["loss"] * (1 + 1e-7)
        assert (8 <= result.theta).all() and (result.theta <= 64).all()
        assert result.accuracy.rms < 1.2e-4

    def test_stops_a_descent_and_gets_the_lowest_loss_seen(self, recording):
        losses = []

        def watch(step):
            losses.extend([step.terms["loss"]] if step.phase == "descent" else [])
            return len(losses) == 15

        result = optimize(recording, mode="tf", steps=100, learning_rate=1.5, on_step=watch, **SMALL)
        assert (result.stop_reason, result.steps) == ("interrupted", 14)
        assert result.final["loss"] == pytest.approx(min(losses), abs=2e-3)

    @pytest.mark.parametrize("node", [0, 1, 5, None])
    def test_never_gets_a_best_constant_window_worse_than_the_first(self, recording, node):
        """Also where a first descent was not trusted and the run is stopped while the window bank is made finer."""
        phases = []

        def stop(step):
            phases.append(step.phase)
            return "verify" in phases and step.phase == "bank" and step.index == node

        settings = {"window": "hamming", "bank.tolerance": 1e-2, **SMALL}
        result = optimize(recording, mode="tf", steps=12, on_step=stop, **settings)
        assert result.best_constant[1] <= result.initial["loss"] * (1 + 1e-4)


@pytest.fixture
def at_evaluation(monkeypatch):
    """Does something at one evaluation of the criterion, numbered from 0 among the descent's or among all."""
    real = CRITERIA["entropy"]

    def arrange(number: int, action, of_the_descent: bool = True) -> None:
        calls = iter(range(10**9))

        def criterion(total):
            counted = total.requires_grad or not of_the_descent
            loss = real.value(total)
            return action(loss) if counted and next(calls) == number else loss

        monkeypatch.setitem(CRITERIA, "entropy", replace(real, value=criterion))

    return arrange


def spoilt(loss):
    return loss * math.nan


class TestDivergence:
    @pytest.mark.parametrize("mode", LEARNT)
    @pytest.mark.parametrize("step", [1, 2, 7])
    def test_ends_a_descent_with_the_last_good_state(self, recording, at_evaluation, mode, step):
        at_evaluation(step, spoilt)
        result = optimize(recording, mode=mode, steps=20, **SMALL)
        assert (result.stop_reason, result.steps, result.complete) == ("diverged", step - 1, False)
        assert result.final["loss"] <= result.initial["loss"]
        assert all(np.isfinite(values).all() for values in (result.stft, result.theta, *result.history.values()))

    @pytest.mark.parametrize("evaluation", [1, 4, 12])
    def test_ends_a_search_with_the_best_length_before_it(self, recording, at_evaluation, evaluation):
        at_evaluation(evaluation, spoilt, of_the_descent=False)
        result = optimize(recording, mode="constant", **SMALL)
        assert result.stop_reason == "diverged"
        assert result.final["loss"] <= result.initial["loss"]

    @pytest.mark.parametrize("mode", MODES)
    def test_at_the_first_is_an_error(self, recording, at_evaluation, mode):
        at_evaluation(0, spoilt, of_the_descent=False)
        with pytest.raises(DivergedError, match="not finite") as error:
            optimize(recording, mode=mode, steps=20, **SMALL)
        assert error.value.exit_code == 1
        assert len(str(error.value)) <= 300

    def test_is_told_and_the_last_good_state_written(self, path, tmp_path, dstft, at_evaluation):
        at_evaluation(3, spoilt)
        run = dstft("optimize", path, "-o", tmp_path / "out", "--mode", "tf", *FLAGS)
        assert run.code == 1
        assert "not finite" in run.err.replace("stopped being finite", "not finite")
        assert "Traceback" not in run.err
        assert names(tmp_path / "out") == WHOLE
        assert read(tmp_path / "out")["stop_reason"] == "diverged"

    def test_at_the_first_writes_nothing(self, path, tmp_path, dstft, at_evaluation):
        at_evaluation(0, spoilt, of_the_descent=False)
        run = dstft("optimize", path, "-o", tmp_path / "out", "--mode", "tf", "-q", *FLAGS)
        assert (run.code, run.out) == (1, "")
        assert len(run.err.splitlines()) == 1 and run.err.startswith("Error: ")
        assert names(tmp_path) == {"in.wav"}


@pytest.fixture
def no_pictures(monkeypatch):
    monkeypatch.setattr(optimize_file, "_write_figures", lambda result, folder: None)


def interrupt(loss):
    os.kill(os.getpid(), signal.SIGINT)
    return loss


class TestInterrupt:
    """Ctrl-C at chosen places, in this process."""

    @pytest.mark.usefixtures("no_pictures")
    def test_in_the_descent_writes_the_best_so_far(self, path, tmp_path, dstft, at_evaluation):
        at_evaluation(5, interrupt)
        run = dstft("optimize", path, "-o", tmp_path / "out", "--mode", "tf", *FLAGS)
        metrics = read(tmp_path / "out")
        assert (run.code, metrics["stop_reason"], metrics["steps"]) == (130, "interrupted", 5)
        assert metrics["loss"]["final"] <= metrics["loss"]["initial"]
        assert str(tmp_path / "out") in run.err.replace("\n", "")

    @pytest.mark.usefixtures("no_pictures")
    @pytest.mark.parametrize("mode", ["constant", "tf"])
    def test_in_the_search_writes_the_best_so_far(self, path, tmp_path, dstft, at_evaluation, mode):
        at_evaluation(8, interrupt, of_the_descent=False)
        run = dstft("optimize", path, "-o", tmp_path / "out", "--mode", mode, *FLAGS)
        assert (run.code, read(tmp_path / "out")["stop_reason"]) == (130, "interrupted")

    @pytest.mark.parametrize("most", [10, 10**9])
    def test_pictures_of_a_large_plane_are_left_to_plot(self, path, tmp_path, dstft, at_evaluation, monkeypatch, most):
        monkeypatch.setattr("dstft_cli.workflows.optimize_file._DRAWN_AT_ONCE", most)
        at_evaluation(5, interrupt)
        run = dstft("optimize", path, "-o", tmp_path / "out", "--mode", "tf", *FLAGS)
        assert run.code == 130 and (tmp_path / "out" / "loss.png").exists() == (most > 10)
        assert ("dstft plot draws it" in run.err) == (most == 10)
        assert dstft("plot", tmp_path / "out", "-q").code == 0 and (tmp_path / "out/plots/loss.png").exists()

    @pytest.mark.usefixtures("no_pictures")
    def test_stops_all_channels_and_not_just_the_one_at_work(self, tmp_path, dstft, at_evaluation):
        noise = 0.1 * np.random.default_rng(0).standard_normal((600, 3))
        soundfile.write(tmp_path / "three.wav", noise, 2000, subtype="FLOAT")
        at_evaluation(5, interrupt)
        run = dstft(
            "optimize", tmp_path / "three.wav", "-o", tmp_path / "out", "--mode", "tf", "--channel", "all", *FLAGS
        )
        assert run.code == 130
        assert names(tmp_path / "out") == {"channel-1"}

    def test_while_the_file_is_read_writes_nothing(self, path, tmp_path, dstft, monkeypatch):
        monkeypatch.setattr("dstft_cli.workflows.optimize_file.load_signals", lambda *_, **__: interrupt(None))
        run = dstft("optimize", path, "-o", tmp_path / "out", *FLAGS)
        assert run.code == 130
        assert "interrupted" in run.err and len(run.err.splitlines()) == 1
        assert names(tmp_path) == {"in.wav"}

    @pytest.mark.parametrize("times", [1, 2])
    def test_while_figures_are_written_leaves_all_or_nothing(self, path, tmp_path, dstft, monkeypatch, times):
        from dstft_cli.figures import spectrograms

        real, pending = spectrograms.rendered, [None] * times

        def rendered(*arguments):
            while pending:
                interrupt(pending.pop())
            return real(*arguments)

        monkeypatch.setattr(spectrograms, "rendered", rendered)
        run = dstft("optimize", path, "-o", tmp_path / "out", *FLAGS)
        assert run.code == 130
        assert names(tmp_path / "out") == (WHOLE if times == 1 else set())
        assert names(tmp_path) == ({"in.wav", "out"} if times == 1 else {"in.wav"})

    @pytest.mark.usefixtures("no_pictures")
    @pytest.mark.parametrize("mode", ["constant", "tf"])
    def test_leaves_the_handlers_of_signals_as_they_were(self, path, tmp_path, dstft, at_evaluation, mode):
        before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
        at_evaluation(3, interrupt, of_the_descent=False)
        dstft("optimize", path, "-o", tmp_path / "out", "--mode", mode, *FLAGS)
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def patient() -> None:
    """Gives a run time enough to write what it has."""
    shutdown.STOP_SECONDS = 2 * HANGING


def wait_while_writing() -> None:
    """Has the pictures take for ever, and the process say when it has heard the first signal."""
    patient()

    def write_figures(result, folder):
        (folder / "half").touch()
        print("begun", file=sys.stderr, flush=True)
        while (
            signal.getsignal(signal.SIGINT) is not shutdown._handle
        ):  # as it is outside a run that can be asked to stop
            time.sleep(0.01)
        print("asked", file=sys.stderr, flush=True)
        time.sleep(2 * HANGING)

    optimize_file._write_figures = write_figures


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
class TestProcess:
    """Signals to a process of its own."""

    def test_in_the_descent_it_ends_with_a_readable_result(self, path, tmp_path):
        command = Command("optimize", path, "-o", tmp_path / "out", *ENDLESS, *FLAGS, cwd=tmp_path, prepare=patient)
        command.await_line("optimising")
        command.send(signal.SIGTERM)
        code, err = command.end()
        metrics = read(tmp_path / "out")
        assert (code, metrics["stop_reason"]) == (143, "interrupted")
        assert metrics["loss"]["final"] <= metrics["loss"]["initial"]
        assert names(tmp_path / "out") == WHOLE
        assert "Traceback" not in err

    def test_while_reading_it_ends_with_nothing_written(self, tmp_path):
        with open(tmp_path / "in.csv", "w", encoding="ascii") as file:
            file.writelines(f"{value:.9f}\n" for value in np.random.default_rng(0).standard_normal(300_000))
        command = Command("optimize", "in.csv", "-o", "out", "--fs", "1000", "-v", *FLAGS, cwd=tmp_path)
        command.await_line("reading")
        command.send(signal.SIGINT)
        assert command.end() == (130, "Error: interrupted\n")
        assert names(tmp_path) == {"in.csv"}

    def test_a_second_signal_ends_it_at_once_and_leaves_no_part_of_a_result(self, path, tmp_path):
        command = Command("optimize", path, "-o", "out", *FLAGS, cwd=tmp_path, prepare=wait_while_writing)
        for words in ("begun", "asked"):
            command.await_line(words)
            command.send(signal.SIGINT)
        assert command.end()[0] == 130
        assert names(tmp_path) == {"in.wav"}
