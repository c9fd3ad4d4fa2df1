"""Runs that maximise local concentration: every mode, and what is refused, told, and kept when stopped."""

import math
import os
import signal as signals

import numpy as np
import pytest
import soundfile
import torch
from optimization_runs import (
    LEARNT,
    MODES,
    RATE,
    check_sound,
    error,
    exact,
    random_signal,
    same_bits,
    theta_shape,
    within_bounds,
)
from test_interrupts import WHOLE, names, read

from dstft_cli import Signal, load_signal, optimize
from dstft_cli.errors import ConfigError
from dstft_cli.figures.of_result import make_figures
from dstft_cli.stft import framed_signal
from dstft_cli.stft.transform import dstft as transform

LOCAL = {"criterion": "concentration"}
WIDE = {**LOCAL, "support": 256, "hop": 16, "theta_min": 8, "steps": 30}
SMALL = {**LOCAL, "support": 64, "hop": 16, "steps": 8}
FLAGS = ("--loss", "concentration", "--support", "64", "--hop", "16", "--steps", "5", "--set", "dpi=20")


@pytest.fixture(scope="module", params=MODES)
def result(request):
    """A small regularised run in each mode."""
    return optimize(random_signal(5), mode=request.param, lambda_=0.3, **SMALL)


class TestEveryMode:
    def test_is_a_sound_result_no_worse_than_it_began(self, result):
        check_sound(result)
        assert result.theta.shape == theta_shape(result.mode, 33, 38)

    def test_the_history_adds_up(self, result):
        """The loss falls as concentration rises, in one proportion throughout a run."""
        ratio = (result.history["loss"] - result.history["regularization"]) / result.history["concentration"]
        assert -1 <= ratio[0] < 0
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)

    @pytest.mark.parametrize("seed", range(2))
    def test_concentration_is_never_less_than_at_the_start(self, seed):
        for mode in MODES:
            result = optimize(random_signal(seed), mode=mode, **SMALL)
            assert result.final["loss"] <= result.initial["loss"]
            assert result.final["concentration"] >= result.initial["concentration"] - 1e-9
            assert within_bounds(result)

    @pytest.mark.parametrize("mode", LEARNT)
    def test_windows_that_vary_are_no_worse_than_the_best_that_does_not(self, mode):
        for seed in range(2):
            result = optimize(random_signal(seed), mode=mode, **{**SMALL, "steps": 40})
            assert result.final["loss"] <= min(result.curve[1]) + 1e-6
            assert result.steps <= 40

    @pytest.mark.parametrize(
        ("mode", "dtype"), [*((mode, "float32") for mode in MODES), ("constant", "float64"), ("tf-varying", "float64")]
    )
    def test_the_spectrogram_is_the_exact_transform_at_its_window_lengths(self, mode, dtype):
        result = optimize(random_signal(3), mode=mode, dtype=dtype, **SMALL)
        assert error(result) <= 1.2e-4
        assert result.accuracy.rms <= 1.2e-4
        assert result.theta.dtype == np.dtype(dtype)

    @pytest.mark.parametrize("mode", MODES)
    def test_no_steps_transforms_without_optimising(self, mode):
        for theta in (None, 25.5):
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
        assert same_bits(*(optimize(random_signal(6), mode=mode, **SMALL) for _ in range(2)))

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

    @pytest.mark.parametrize(
        ("mode", "theta", "node"),
        [
            *((mode, None, 30 * (i % 2)) for i, mode in enumerate(MODES)),
            *((mode, 256, 4 * i) for i, mode in enumerate(MODES)),
        ],
    )
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

    @pytest.mark.parametrize("report", range(0, 60, 12))
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
    def test_writes_all_files_and_names_what_was_optimised(self, path, tmp_path, dstft):
        run = dstft("optimize", path, "-o", tmp_path / "out", "--mode", "tf", *FLAGS)
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

        monkeypatch.setattr(framed_signal, "dstft", interrupted)
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


@pytest.mark.parametrize("mode", ["fixed", "tf-varying"])
def test_panels_speak_of_concentration_and_of_nothing_else(mode):
    result = optimize(random_signal(3), mode=mode, **SMALL)
    titles = headings(make_figures(result)["comparison"])
    assert not any("entropy" in title for title in titles)
    assert any(f"concentration {result.final['concentration']:#.4g}" in title for title in titles)
    if mode == "tf-varying":
        best = next(title for title in titles if title.startswith("Best constant"))
        assert f"concentration {result.best_constant[1]:#.4g}" in best
