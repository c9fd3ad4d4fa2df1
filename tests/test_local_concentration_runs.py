"""Runs that maximise local concentration: every mode, and what is refused, told, and kept when stopped."""

import math
import os
import signal as signals

import numpy as np
import pytest
import soundfile
import torch
from test_interrupts import WHOLE, names, read
from test_optimize import LEARNT, MODES, RATE, exact, random_signal, within_bounds

from dstft_cli import Signal, load_signal, optimize
from dstft_cli.errors import ConfigError
from dstft_cli.figures.of_result import make_figures
from dstft_cli.optimization import local_concentration
from dstft_cli.stft.transform import dstft as transform

LOCAL = {"criterion": "concentration"}
WIDE = {**LOCAL, "support": 256, "hop": 16, "theta_min": 8, "steps": 30}
SMALL = {**LOCAL, "support": 64, "hop": 16, "steps": 8}
FLAGS = ("--loss", "concentration", "--support", "64", "--hop", "16", "--steps", "5", "--set", "dpi=20")


class TestEveryMode:
    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("seed", range(3))
    def test_is_never_worse_than_it_began_and_stays_within_bounds(self, mode, seed):
        result = optimize(random_signal(seed), mode=mode, **SMALL)
        assert result.final["loss"] <= result.initial["loss"]
        assert result.final["concentration"] >= result.initial["concentration"] - 1e-9
        assert within_bounds(result)
        assert all(np.isfinite(values).all() for values in (result.stft, result.theta, *result.history.values()))

    @pytest.mark.parametrize("mode", LEARNT)
    @pytest.mark.parametrize("seed", range(3))
    def test_windows_that_vary_are_no_worse_than_the_best_that_does_not(self, mode, seed):
        result = optimize(random_signal(seed), mode=mode, **{**SMALL, "steps": 60})
        assert result.final["loss"] <= min(result.curve[1]) + 1e-6
        assert result.steps <= 60

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("mode", MODES)
    def test_the_spectrogram_is_the_exact_transform_at_its_window_lengths(self, mode, dtype):
        result = optimize(random_signal(3), mode=mode, dtype=dtype, **SMALL)
        truth = exact(result)
        assert np.sqrt(np.mean(np.abs(result.stft - truth) ** 2) / np.mean(np.abs(truth) ** 2)) <= 1.2e-4
        assert result.accuracy.rms <= 1.2e-4
        assert result.theta.dtype == np.dtype(dtype)

    @pytest.mark.parametrize("mode", MODES)
    def test_the_shape_of_theta_says_over_what_it_varies(self, mode):
        shapes = {"time-varying": (1, 38), "frequency-varying": (33, 1), "tf-varying": (33, 38)}
        assert optimize(random_signal(0), mode=mode, **SMALL).theta.shape == shapes.get(mode, (1, 1))

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("theta", [None, 25.5])
    def test_no_steps_transforms_without_optimising(self, mode, theta):
        result = optimize(random_signal(0), mode=mode, theta=theta, **{**SMALL, "steps": 0})
        assert (result.theta == (theta or 32)).all()
        assert np.abs(result.stft - exact(result)).max() < 1e-5
        assert (result.steps, result.stop_reason) == (0, "steps")
        assert result.final == result.initial

    @pytest.mark.parametrize("mode", MODES)
    def test_theta_is_the_first_window_length(self, mode):
        result = optimize(random_signal(4), mode=mode, theta=20, **SMALL)
        alone = optimize(random_signal(4), mode="fixed", theta=20, **SMALL)
        assert result.initial["concentration"] == pytest.approx(alone.final["concentration"], rel=1e-6)
        assert mode != "fixed" or (result.theta == 20).all()

    @pytest.mark.parametrize("mode", MODES)
    def test_the_history_has_an_entry_a_step_and_adds_up(self, mode):
        """The loss falls as concentration rises, in one proportion throughout a run."""
        result = optimize(random_signal(5), mode=mode, lambda_=0.3, **SMALL)
        assert {len(values) for values in result.history.values()} == {result.steps + 1}
        ratio = (result.history["loss"] - result.history["regularization"]) / result.history["concentration"]
        assert -1 <= ratio[0] < 0
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)

    @pytest.mark.parametrize("mode", MODES)
    def test_neither_scale_nor_sampling_rate_matter(self, mode):
        """Beyond what a float32 could square; powers of two, which round nothing, so that all is the same to the bit."""
        plain = random_signal(6)
        first = optimize(plain, mode=mode, **SMALL)
        for scale, rate in ((2.0**-66, RATE), (2.0**66, RATE), (1.0, 1e6)):
            result = optimize(Signal(plain.samples * scale, rate, "test"), mode=mode, **SMALL)
            assert result.final == first.final
            np.testing.assert_array_equal(result.theta, first.theta)

    @pytest.mark.parametrize("mode", MODES)
    def test_the_same_run_twice_gives_the_same_bits(self, mode):
        one, two = (optimize(random_signal(6), mode=mode, **SMALL).arrays() for _ in range(2))
        assert one.keys() == two.keys()
        assert all(one[name].tobytes() == two[name].tobytes() for name in one)

    @pytest.mark.parametrize("mode", MODES)
    def test_window_lengths_hold_where_only_one_is_allowed(self, mode):
        result = optimize(random_signal(0), mode=mode, theta_min=64, **SMALL)
        np.testing.assert_allclose(result.theta, 64, rtol=1e-6)

    def test_a_step_needs_no_transform(self, monkeypatch):
        calls, real, seen = [], torch.fft.rfft, []
        monkeypatch.setattr(torch.fft, "rfft", lambda *given, **named: calls.append(1) or real(*given, **named))

        def watch(step):
            seen.extend([len(calls)] if step.phase == "descent" else [])

        optimize(random_signal(1), mode="tf", on_step=watch, **SMALL)
        assert len(seen) == 9 and seen[0] == seen[-1] > 0


class TestStop:
    """Where windows reach far beyond those surveyed when it is stopped."""

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize(("theta", "node"), [(None, 0), (None, 30), (256, 4), (256, 12)])
    def test_while_windows_are_surveyed_gives_the_first_one(self, mode, theta, node):
        phases = []

        def stop(step):
            phases.append(step.phase)
            return (step.phase, step.index) == ("bank", node)

        result = optimize(random_signal(1, 1200), mode=mode, theta=theta, on_step=stop, **WIDE)
        assert (result.stop_reason, result.steps, result.complete) == ("interrupted", 0, False)
        assert not {"search", "descent"} & {*phases}
        assert theta is None or (result.theta == theta).all()
        assert within_bounds(result)
        assert np.abs(result.stft - exact(result)).max() < 1e-5
        assert result.final == result.initial
        # log C is at least 0 and at most -log of the greatest share of the Gaussian; noise's is less than 1.
        assert -1 <= result.final["concentration"] <= math.log(2 * math.pi * 256 / 16)

    @pytest.mark.parametrize("mode", LEARNT)
    def test_in_the_descent_gives_the_best_so_far(self, mode):
        losses = []

        def watch(step):
            losses.extend([step.terms["loss"]] if step.phase == "descent" else [])
            return len(losses) == 10

        result = optimize(random_signal(1, 1200), mode=mode, on_step=watch, **WIDE)
        assert (result.stop_reason, result.steps) == ("interrupted", 9)
        assert result.final["loss"] <= min(losses) + 1e-6  # lower where the best constant window is
        assert result.final["loss"] <= result.initial["loss"]

    @pytest.mark.parametrize("report", range(0, 60, 7))
    def test_at_any_report_is_no_worse_than_the_start(self, report):
        reports = iter(range(10**6))
        result = optimize(random_signal(2), mode="tf", on_step=lambda step: next(reports) == report, **SMALL)
        assert result.complete or result.stop_reason == "interrupted"
        assert result.final["loss"] <= result.initial["loss"]
        assert within_bounds(result)


@pytest.fixture
def path(two_tones_and_click, tmp_path):
    soundfile.write(tmp_path / "in.wav", two_tones_and_click / 25, 2000, subtype="FLOAT")
    return tmp_path / "in.wav"


class TestCommand:
    @pytest.mark.parametrize("mode", ["constant", "tf"])
    def test_writes_all_files_and_names_what_was_optimised(self, path, tmp_path, dstft, mode):
        run = dstft("optimize", path, "-o", tmp_path / "out", "--mode", mode, *FLAGS)
        metrics = read(tmp_path / "out")
        assert run.code == 0
        assert names(tmp_path / "out") == WHOLE
        assert metrics["criterion"] == "concentration"
        assert metrics["loss"]["final"] <= metrics["loss"]["initial"]
        with np.load(tmp_path / "out" / "result.npz") as arrays:
            assert len(arrays["loss_history"]) == metrics["steps"] + 1

    def test_stopped_in_the_survey_writes_what_it_has(self, path, tmp_path, dstft, monkeypatch):
        calls = iter(range(10**6))

        def interrupted(*arguments):
            if next(calls) == 2:
                os.kill(os.getpid(), signals.SIGINT)
            return transform(*arguments)

        monkeypatch.setattr(local_concentration, "dstft", interrupted)
        run = dstft("optimize", path, "-o", tmp_path / "out", "--mode", "tf", *FLAGS)
        assert (run.code, read(tmp_path / "out")["stop_reason"]) == (130, "interrupted")
        assert names(tmp_path / "out") == WHOLE
        assert "Traceback" not in run.err

    @pytest.mark.parametrize("hop_mode", ["constant", "time-varying", "overlap"])
    def test_refuses_frames_that_move(self, path, tmp_path, dstft, hop_mode):
        run = dstft("optimize", path, "-o", tmp_path / "out", "--mode", "time", "--hop-mode", hop_mode, *FLAGS[:4])
        assert (run.code, run.out) == (2, "")
        assert len(run.err.splitlines()) == 1 and len(run.err) < 310
        assert all(word in run.err for word in ("loss.criterion", "transform.hop_mode", "concentration", hop_mode))
        assert names(tmp_path) == {"in.wav"}
        with pytest.raises(ConfigError, match=r"loss\.criterion is concentration: it needs transform\.hop_mode fixed"):
            optimize(load_signal(path), hop_mode=hop_mode, mode="time", **LOCAL)


def headings(figure) -> list[str]:
    return [axes.get_title(where) for axes in figure.axes for where in ("left", "center", "right")]


class TestPanels:
    @pytest.mark.parametrize("mode", ["fixed", "constant", "tf-varying"])
    def test_speak_of_concentration_and_of_nothing_else(self, mode):
        result = optimize(random_signal(3), mode=mode, **{**SMALL, "steps": 30})
        said = " ".join(filter(None, headings(make_figures(result)["comparison"])))
        assert "entropy" not in said
        assert f"concentration {result.final['concentration']:#.4g}" in said

    def test_give_the_best_constant_window_its_own_value(self):
        result = optimize(random_signal(3), mode="tf-varying", **{**SMALL, "steps": 30})
        said = next(text for text in headings(make_figures(result)["comparison"]) if text.startswith("Best constant"))
        assert f"concentration {result.best_constant[1]:#.4g}" in said
