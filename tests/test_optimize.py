"""What a run finds: against exhaustive search, against known truth, and what holds in every mode."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from optimization_runs import (
    LEARNT,
    MODES,
    RATE,
    SMALL,
    check_sound,
    error,
    exact,
    random_signal,
    same_bits,
    signal,
    theta_shape,
    within_bounds,
)

from dstft_cli import Signal, optimize
from dstft_cli.errors import ConfigError, DeviceError, InputError
from dstft_cli.optimization.criteria import entropy, total_variation
from dstft_cli.optimization.problem import Problem
from dstft_cli.stft.transform import dstft

TIME = np.arange(1200) / RATE
LOSSES = ("local-entropy", "entropy")


def entropy_at(result, length: float) -> float:
    """The criterion of a result's signal and frames with one constant window of that many samples, in float64."""
    samples, positions = torch.as_tensor(result.signal.samples), torch.as_tensor(result.frame_positions)
    return float(entropy(dstft(samples, length, positions, result.support, result.window).abs()))


SIGNALS = {
    "chirp": np.sin(2 * np.pi * (100 * TIME + 500 * TIME**2)),
    "click": np.eye(1, 1200, 600)[0] + 1e-3 * np.random.default_rng(0).standard_normal(1200),
    "tone": np.sin(2 * np.pi * 310 * TIME),
    "noise": np.random.default_rng(1).standard_normal(1200),
    "tremolo": np.sin(2 * np.pi * 400 * TIME) * np.sin(2 * np.pi * 15 * TIME) ** 2,
    "tone and clicks": np.sin(2 * np.pi * 310 * TIME) + 15 * (np.arange(1200) % 300 == 150),
    "mixture": random_signal(7, 1200).samples,
    "two minima alike": random_signal(55, 1200).samples,
}


class TestConstant:
    @pytest.mark.parametrize("samples", SIGNALS.values(), ids=SIGNALS)
    def test_finds_what_an_exhaustive_search_of_all_lengths_finds(self, samples):
        result = optimize(signal(samples), mode="constant", loss="entropy", support=128, theta_min=16, hop=24)
        best = min(entropy_at(result, length) for length in range(24, 129))
        assert result.final["entropy"] <= best * (1 + 1e-4)
        assert result.steps <= 50
        assert result.stop_reason == "converged"

    @pytest.mark.parametrize("loss", LOSSES)
    def test_a_tone_takes_the_longest_and_a_click_the_shortest_window(self, loss):
        tone, click = (
            optimize(signal(SIGNALS[name]), mode="constant", loss=loss, support=128, hop=8)
            for name in ("tone", "click")
        )
        assert tone.theta.item() == pytest.approx(128, rel=0.01)
        assert click.theta.item() == pytest.approx(16, rel=0.01)

    @pytest.mark.parametrize("loss", LOSSES)
    def test_a_chirp_four_times_slower_takes_a_window_twice_as_long(self, loss):
        """A window of θ s spreads a chirp of c Hz/s over cθ Hz, and 1/θ Hz by itself: the best is as 1/sqrt(c)."""
        lengths, noise = [], 0.01 * np.random.default_rng(0).standard_normal(1200)
        for rate in (1600, 400):
            chirp = signal(np.sin(2 * np.pi * (60 * TIME + rate / 2 * TIME**2)) * np.hanning(1200) + noise)
            result = optimize(chirp, mode="constant", loss=loss, support=512, theta_min=16, hop=16)
            lengths.append(result.theta.item())
        assert lengths[1] / lengths[0] == pytest.approx(2, rel=0.15)

    @pytest.mark.parametrize("steps", [1, 2, 5, 30])
    def test_keeps_to_its_number_of_evaluations(self, steps):
        for loss in LOSSES:
            result = optimize(random_signal(1), mode="constant", loss=loss, steps=steps, **SMALL)
            assert result.steps <= steps
            assert result.final["loss"] <= result.initial["loss"]

    @pytest.mark.parametrize("loss", LOSSES)
    def test_returns_the_least_of_all_that_it_tried(self, loss):
        result = optimize(random_signal(2), mode="constant", loss=loss, **SMALL)
        assert result.best_constant[1] == min(result.curve[1])
        assert result.theta.item() == pytest.approx(result.best_constant[0], rel=1e-6)
        assert result.final["loss"] == pytest.approx(min(result.curve[1]), rel=1e-6)


class TestTruth:
    """Signals whose best windows are known beforehand."""

    def test_windows_over_time_are_short_at_clicks_and_long_in_a_tone(self):
        tone_then_clicks = np.where(TIME < 0.3, np.sin(2 * np.pi * 400 * TIME), 5.0 * (np.arange(1200) % 150 == 75))
        result = optimize(signal(tone_then_clicks), mode="time", support=256, hop=16, steps=60)
        theta = result.theta[0]
        in_tone = (result.times > 0.05) & (result.times < 0.22)
        at_clicks = [np.abs(result.frame_positions - click).argmin() for click in (675, 825, 975)]
        assert np.median(theta[in_tone]) > 2.5 * np.median(theta[at_clicks])

    def test_windows_over_frequency_are_long_for_a_low_tone_and_short_for_high_bursts(self):
        bursts = np.sin(2 * np.pi * 750 * TIME) * 8 * np.exp(-(((np.arange(1200) % 120) - 60) ** 2) / 50)
        result = optimize(
            signal(np.sin(2 * np.pi * 100 * TIME) + bursts), mode="frequency", support=256, hop=16, steps=60
        )
        theta, frequencies = result.theta[:, 0], result.frequencies
        low, high = np.abs(frequencies - 100) < 30, np.abs(frequencies - 750) < 100
        assert np.median(theta[low]) > 2.5 * np.median(theta[high])

    def test_windows_over_the_plane_beat_every_constant_window(self):
        tone_and_clicks = np.sin(2 * np.pi * 200 * TIME) + 20 * (np.arange(1200) % 400 == 200)
        result = optimize(signal(tone_and_clicks), mode="tf", loss="entropy", support=256, hop=16, steps=40)
        assert result.final["entropy"] < min(entropy_at(result, length) for length in range(32, 257, 4)) - 0.1


@pytest.fixture(scope="module", params=[(mode, loss) for loss in LOSSES for mode in MODES], ids=" ".join)
def result(request):
    """A small regularised run in each mode with the default loss and with the entropy of the plane."""
    mode, loss = request.param
    return optimize(random_signal(3), mode=mode, loss=loss, steps=6, lambda_=0.3, **SMALL)


class TestEveryMode:
    def test_is_a_sound_result_no_worse_than_it_began(self, result):
        check_sound(result)
        assert result.theta.shape == theta_shape(result.mode, 33, 38)

    def test_the_history_has_an_entry_a_step_and_adds_up(self, result):
        assert {len(values) for values in result.history.values()} == {result.steps + 1}
        name = result.config.criterion
        total = result.history[name] + result.history["regularization"]
        np.testing.assert_allclose(result.history["loss"], total, rtol=1e-6)
        assert result.final["loss"] == pytest.approx(result.final[name] + result.final["regularization"], rel=1e-6)
        assert result.mode in LEARNT or (result.history["regularization"] == 0).all()
        if name == "entropy" and result.mode in LEARNT:
            octaves = torch.log2(torch.as_tensor(result.theta).double())
            expected = 0.3 * float(total_variation(octaves, epsilon=0.05))
            assert result.final["regularization"] == pytest.approx(expected, rel=1e-4)

    @pytest.mark.parametrize("seed", range(4))
    def test_is_never_worse_than_it_began_and_stays_within_bounds(self, seed):
        for mode, loss in product(LEARNT, LOSSES):
            result = optimize(random_signal(seed), mode=mode, loss=loss, steps=4, **SMALL)
            assert result.final["loss"] <= result.initial["loss"]
            assert within_bounds(result)

    @pytest.mark.parametrize("mode", LEARNT)
    def test_is_never_worse_than_it_began_on_a_bank_too_coarse_to_be_believed(self, mode):
        for seed in (0, 1, 2, 10):
            result = optimize(
                random_signal(seed), mode=mode, loss="entropy", steps=2, **{"bank.tolerance": 0.1}, **SMALL
            )
            assert result.final["loss"] <= result.initial["loss"]

    @pytest.mark.parametrize(
        ("mode", "window"),
        [*zip(MODES, ["blackman", "gaussian", "hann", "gaussian", "blackman"], strict=True), ("tf-varying", "hann")]
        + [(mode, "hamming") for mode in MODES],
    )
    def test_the_spectrogram_is_the_exact_transform_at_its_window_lengths(self, mode, window):
        result = optimize(random_signal(3), mode=mode, window=window, steps=4, **SMALL)
        assert error(result) <= 1.2e-4
        assert result.accuracy.rms == pytest.approx(error(result), rel=0.5)

    @pytest.mark.parametrize("mode", MODES)
    def test_exact_writes_the_exact_transform(self, mode):
        result = optimize(random_signal(3), mode=mode, steps=8, exact=True, **SMALL)
        truth = exact(result)
        assert np.abs(result.stft - truth).max() <= 1e-6 * np.abs(truth).max()

    @pytest.mark.parametrize("mode", MODES)
    def test_no_steps_transforms_without_optimising(self, mode):
        for theta, loss in product((None, 25.5), LOSSES):
            result = optimize(random_signal(0), mode=mode, loss=loss, steps=0, theta=theta, **SMALL)
            assert (result.theta == (theta or 32)).all()
            assert np.abs(result.stft - exact(result)).max() < 1e-5
            assert (result.steps, result.stop_reason) == (0, "steps")
            assert result.measures["entropy"]["final"] == pytest.approx(entropy_at(result, theta or 32), rel=1e-5)
            assert result.final == result.initial

    @pytest.mark.parametrize("mode", MODES)
    def test_theta_is_the_first_window_length(self, mode):
        result = optimize(random_signal(4), mode=mode, loss="entropy", steps=3, theta=20, **SMALL)
        assert result.initial["loss"] == pytest.approx(entropy_at(result, 20), rel=1e-5)
        assert mode != "fixed" or (result.theta == 20).all()

    @pytest.mark.parametrize("mode", LEARNT)
    def test_without_theta_it_begins_at_the_best_constant_window(self, mode):
        result = optimize(random_signal(4), mode=mode, loss="entropy", steps=3, **SMALL)
        assert result.initial["loss"] <= min(entropy_at(result, length) for length in range(8, 65)) * (1 + 1e-4)
        assert result.best_constant[1] == pytest.approx(result.initial["loss"], rel=1e-5)

    @pytest.mark.parametrize(
        ("mode", "window", "tolerance"),
        [(mode, "hamming", tolerance) for mode in LEARNT for tolerance in (1e-3, 1e-2)]
        + [("time-varying", "hann", 1e-3), ("tf-varying", "gaussian", 1e-2)],
    )
    def test_never_takes_more_steps_than_it_is_given(self, mode, window, tolerance):
        settings = {"mode": mode, "window": window, "steps": 12, "bank.tolerance": tolerance, **SMALL}
        for loss in LOSSES:
            assert optimize(random_signal(0), loss=loss, **settings).steps <= 12

    @pytest.mark.parametrize("mode", MODES)
    def test_window_lengths_hold_where_only_one_is_allowed(self, mode):
        for loss in LOSSES:
            result = optimize(signal(SIGNALS["click"]), mode=mode, loss=loss, theta_min=64, steps=5, **SMALL)
            np.testing.assert_allclose(result.theta, 64, rtol=1e-6)
            assert result.best_constant is None or result.best_constant[0] == pytest.approx(64)

    @pytest.mark.parametrize("loss", LOSSES)
    def test_bounds_hold_at_every_step_however_long_the_steps(self, loss):
        seen = []
        optimize(
            random_signal(1),
            mode="tf",
            loss=loss,
            learning_rate=5,
            steps=20,
            on_step=lambda step: seen.append(step.theta),
            **SMALL,
        )
        lengths = [theta for theta in seen if theta]
        assert len(lengths) >= 20
        assert all(8 * (1 - 1e-6) <= least <= most <= 64 * (1 + 1e-6) for least, most in lengths)

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("loss", LOSSES)
    def test_the_scale_of_the_recording_does_not_matter(self, mode, loss):
        plain, settings = random_signal(6), {"mode": mode, "loss": loss, "steps": 4, **SMALL}
        results = [optimize(signal(plain.samples * scale), **settings) for scale in (1, 1e-12, 1e12)]
        for other in results[1:]:
            assert other.final["loss"] == pytest.approx(results[0].final["loss"], rel=1e-4, abs=1e-6)

    @pytest.mark.parametrize("mode", MODES)
    def test_the_same_run_twice_gives_the_same_bits(self, mode):
        for loss in LOSSES:
            assert same_bits(*(optimize(random_signal(6), mode=mode, loss=loss, steps=4, **SMALL) for _ in range(2)))

    def test_a_greater_lambda_gives_smoother_window_lengths(self):
        rough, smooth = (
            optimize(random_signal(8), mode="tf", loss="entropy", steps=40, lambda_=weight, **SMALL)
            for weight in (0.0, 2.0)
        )
        spread = [np.abs(np.diff(np.log2(result.theta), axis=0)).mean() for result in (rough, smooth)]
        assert spread[1] < spread[0] / 3
        assert (rough.history["regularization"] == 0).all()


class TestArguments:
    def test_detrend_is_applied_to_a_signal_and_other_settings_of_reading_are_refused(self):
        signal = Signal(np.random.default_rng(2).standard_normal(400) + 7, 1000, "x")
        settings = {"mode": "fixed", "support": 32, "steps": 0}
        assert abs(optimize(signal, detrend="mean", **settings).signal.samples.mean()) < 1e-12
        assert optimize(signal, **settings).signal.samples.mean() > 6
        for late in ({"start": 0.1}, {"fs": 500.0}, {"channel": "2"}, {"signal.duration": 0.1}):
            with pytest.raises(InputError, match=r"has been read; give them to load_signal"):
                optimize(signal, **late, **settings)

    def test_a_window_may_be_any_profile(self):
        flat_top = optimize(
            random_signal(0), mode="time", window=lambda u: torch.cos(math.pi * u) ** 4, steps=3, **SMALL
        )
        narrower = optimize(random_signal(0), mode="time", window="hann", steps=3, **SMALL)
        assert np.abs(flat_top.stft - exact(flat_top)).max() < 1e-5
        assert not np.allclose(flat_top.stft, narrower.stft)

    def test_settings_stand_over_a_preset(self):
        result = optimize(random_signal(0), "speech", mode="fixed", theta=20, **SMALL)
        assert (
            result.config.transform.window
            == optimize(random_signal(0), "speech", mode="fixed", theta=20).config.transform.window
        )
        assert (result.support, result.theta.item()) == (64, 20)

    @pytest.mark.parametrize(
        ("settings", "kind", "words"),
        [
            ({"stepz": 3}, ConfigError, "steps"),
            ({"hop": 0}, ConfigError, "hop"),
            ({"mode": "both"}, ConfigError, "tf-varying"),
            ({"support": 100_000}, InputError, "100000"),
            pytest.param(
                {"device": "cuda"},
                DeviceError,
                "cuda",
                marks=pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is here"),
            ),
        ],
    )
    def test_settings_that_cannot_be_are_refused_with_their_name(self, settings, kind, words):
        with pytest.raises(kind, match=words):
            optimize(random_signal(0), **settings)

    @pytest.mark.parametrize(
        ("samples", "words"),
        [
            (np.ones(500), "constant"),
            (np.r_[np.zeros(9), np.nan, np.ones(490)], "sample 9"),
            ([0.5], "1 samples"),
            (range(30), "30 samples"),
        ],
    )
    def test_signals_that_nothing_can_be_found_for_are_refused(self, samples, words):
        with pytest.raises(InputError, match=words):
            optimize(signal(samples), support=64, theta_min=64)


def test_a_descent_that_got_no_lower_is_tried_again_more_gently():
    """Hamming windows jump at their edge, which makes a rough loss: the first learning rate only climbs on it."""
    time = np.arange(3000) / 2000
    chirp = Signal(np.sin(2 * np.pi * (100 * time + 250 * time**2)), 2000.0, "chirp")
    result = optimize(chirp, mode="tf", loss="entropy", window="hamming", support=128, hop=16)
    assert result.final["loss"] < result.initial["loss"] - 0.03
    assert result.steps <= 200


def test_interrupted_while_the_bank_is_refined_it_keeps_what_the_coarser_one_gave(monkeypatch):
    """The check after the run is made to fail, and the stop comes while the finer bank is half made."""
    monkeypatch.setattr(
        "dstft_cli.optimization.strategies.fixed_frames.FixedFrameStrategy._holds", lambda self, outcome: False
    )
    phases = []

    def stop(step):
        phases.append(step.phase)
        return step.phase == "bank" and "descent" in phases and step.index == 3

    samples = np.sin(2 * np.pi * (100 * TIME + 500 * TIME**2))
    settings = {"mode": "tf", "loss": "entropy", "support": 128, "hop": 24, "steps": 60, "patience": 5}
    result = optimize(signal(samples), on_step=stop, **settings)
    assert result.stop_reason == "interrupted"
    assert phases[-1] == "bank"  # nothing more is tried on half a bank
    assert np.abs(result.stft - exact(result)).max() < 1e-3 * np.abs(result.stft).max()
    assert result.final["loss"] < result.initial["loss"]


@pytest.mark.parametrize("factor", [2.0**-90, 2.0**90])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_unit_of_the_samples_does_not_matter(factor, loss):
    """Squares of such samples leave float32's range; the result is the same but for the factor."""
    samples = np.sin(2 * np.pi * (100 * TIME + 500 * TIME**2))
    settings = {"mode": "tf", "loss": loss, "support": 128, "hop": 24, "steps": 5}
    plain, scaled = (optimize(signal(samples * f), **settings) for f in (1.0, factor))
    np.testing.assert_array_equal(scaled.theta, plain.theta)
    np.testing.assert_array_equal(scaled.stft, plain.stft * np.float32(factor))


@pytest.mark.parametrize(
    "settings",
    [
        dict(mode="constant"),
        dict(mode="time", loss="entropy"),
        dict(mode="time", hop_mode="time"),
        dict(mode="tf", loss="local-entropy"),
    ],
    ids=["searched", "on the bank", "with moving frames", "surveyed"],
)
def test_the_time_of_every_evaluation_is_accounted_for(settings, monkeypatch):
    """A clock that only evaluations move, by a second each: all of it is found in the seconds of the result."""
    clock = [0.0]
    real = Problem.evaluate

    def evaluate(problem, length):
        clock[0] += 1.0
        return real(problem, length)

    monkeypatch.setattr(Problem, "evaluate", evaluate)
    monkeypatch.setattr("time.perf_counter", lambda: clock[0])
    result = optimize(random_signal(1), steps=5, **SMALL, **settings)
    assert clock[0] >= 1
    assert sum(result.seconds.values()) == pytest.approx(clock[0])
