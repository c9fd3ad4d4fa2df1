"""What stops a run before its end: a caller, a signal of the system, a loss that is not finite."""

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from patience import HANGING

from dstft_cli import Signal, optimize
from dstft_cli.errors import DivergedError
from dstft_cli.optimization.criteria import CRITERIA

MODES = ("fixed", "constant", "time-varying", "frequency-varying", "tf-varying")
LEARNT = MODES[2:]
SMALL = {"support": 64, "hop": 16}
FLAGS = ("--support", "64", "--hop", "16", "--set", "dpi=20")
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

        def criterion(magnitude):
            counted = magnitude.requires_grad or not of_the_descent
            loss = real.measure(magnitude)
            return action(loss) if counted and next(calls) == number else loss

        monkeypatch.setitem(CRITERIA, "entropy", replace(real, measure=criterion))

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


def interrupt(loss):
    os.kill(os.getpid(), signal.SIGINT)
    return loss


class TestInterrupt:
    """Ctrl-C at chosen places, in this process."""

    def test_in_the_descent_writes_the_best_so_far(self, path, tmp_path, dstft, at_evaluation):
        at_evaluation(5, interrupt)
        run = dstft("optimize", path, "-o", tmp_path / "out", "--mode", "tf", *FLAGS)
        metrics = read(tmp_path / "out")
        assert (run.code, metrics["stop_reason"], metrics["steps"]) == (130, "interrupted", 5)
        assert metrics["loss"]["final"] <= metrics["loss"]["initial"]
        assert str(tmp_path / "out") in run.err.replace("\n", "")

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

        real, pending = spectrograms.save, [None] * times

        def save(*arguments, **named):
            while pending:
                interrupt(pending.pop())
            real(*arguments, **named)

        monkeypatch.setattr(spectrograms, "save", save)
        run = dstft("optimize", path, "-o", tmp_path / "out", *FLAGS)
        assert run.code == 130
        assert names(tmp_path / "out") == (WHOLE if times == 1 else set())
        assert names(tmp_path) == ({"in.wav", "out"} if times == 1 else {"in.wav"})

    @pytest.mark.parametrize("mode", ["constant", "tf"])
    def test_leaves_the_handlers_of_signals_as_they_were(self, path, tmp_path, dstft, at_evaluation, mode):
        before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
        at_evaluation(3, interrupt, of_the_descent=False)
        dstft("optimize", path, "-o", tmp_path / "out", "--mode", mode, *FLAGS)
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


# On a busy machine.
PATIENT = "from dstft_cli import __main__ as door; from dstft_cli.system import shutdown; shutdown.STOP_SECONDS = 60; door.main()"


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
class TestProcess:
    """Signals to a process of its own."""

    @staticmethod
    def start(until: str, *arguments) -> subprocess.Popen:
        """The dstft, under way to the line of its talk that holds ``until``."""
        line = [sys.executable, "-c", PATIENT, "optimize", *map(str, arguments)]
        process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while until not in (said := process.stderr.readline()):
            assert said, "the command ended early"
        return process

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_in_the_descent_it_ends_soon_with_a_readable_result(self, path, tmp_path, number, code):
        process = self.start("optimising", path, "-o", tmp_path / "out", *ENDLESS, *FLAGS)
        time.sleep(0.3)
        process.send_signal(number)
        _, err = process.communicate(timeout=HANGING)
        metrics = read(tmp_path / "out")
        assert (process.returncode, metrics["stop_reason"]) == (code, "interrupted")
        assert metrics["loss"]["final"] <= metrics["loss"]["initial"]
        assert names(tmp_path / "out") == WHOLE
        assert "Traceback" not in err

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_while_reading_it_ends_soon_with_nothing_written(self, tmp_path, number, code):
        with open(tmp_path / "in.csv", "w", encoding="ascii") as file:
            file.writelines(f"{value:.9f}\n" for value in np.random.default_rng(0).standard_normal(500_000))
        process = self.start("reading", tmp_path / "in.csv", "-o", tmp_path / "out", "--fs", "1000", "-v", *FLAGS)
        process.send_signal(number)
        _, err = process.communicate(timeout=HANGING)
        assert process.returncode == code
        assert "Traceback" not in err
        assert names(tmp_path) == {"in.csv"}

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_a_second_signal_ends_it_at_once_and_leaves_no_part_of_a_result(self, path, tmp_path, number, code):
        process = self.start("writing", path, "-o", tmp_path / "out", *FLAGS, "--set", "dpi=900")
        time.sleep(0.2)
        process.send_signal(number)
        # Python sees two signals that come during one call into native code as one: then another is needed.
        for _ in range(HANGING):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=1)
                break
            process.send_signal(number)
        assert process.returncode in (code, -number)  # the latter where yet another signal met it on its way out
        assert names(tmp_path / "out") in (set(), WHOLE)
