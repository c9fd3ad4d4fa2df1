"""Runs that minimise local entropy: every mode in memory and out of core, and what is refused, told, and kept when stopped."""

import csv
import io
import json
import math
import os
import signal as signals

import numpy as np
import pytest
import soundfile
import torch
from local_entropy_fields import grid_of, white
from optimization_runs import LEARNT, MODES, RATE, check_sound, exact, random_signal, within_bounds
from optimization_runs import signal as recording_of
from out_of_core_runs import RATE as VOICE_RATE
from out_of_core_runs import SMALL as VOICE
from out_of_core_runs import voice
from test_interrupts import WHOLE, names, read

from dstft_cli import Signal, optimize, read_result, write_result
from dstft_cli.config.loading import load_config
from dstft_cli.errors import ConfigError
from dstft_cli.figures.of_result import make_figures
from dstft_cli.optimization.local_entropy import pair_evidence
from dstft_cli.optimization.local_entropy.evidence import Evidence
from dstft_cli.optimization.resources import ResourcePlan

SMALL = {"support": 64, "hop": 16, "steps": 40}
WIDE = {"support": 256, "hop": 8, "theta_min": 16}
FLAGS = ("--support", "64", "--hop", "16", "--set", "dpi=20")
INDEX = np.arange(6000)


def crossing(noise=0.02) -> np.ndarray:
    """Two tones that cross a train of clicks."""
    tones = np.sin(2 * math.pi * 0.1 * INDEX) + 0.7 * np.sin(2 * math.pi * 0.3 * INDEX)
    return tones + 25.0 * (INDEX % 1200 == 600) + noise * white(6000)


@pytest.fixture(scope="module")
def crossed():
    """The run on tones that cross clicks."""
    return optimize(recording_of(crossing()), mode="tf", **WIDE)


def roughness(theta: np.ndarray, samples: int) -> float:
    """Octaves a unit, the mean of both axes."""
    grid = grid_of(samples, WIDE["support"], WIDE["theta_min"], WIDE["hop"])
    steps = [np.abs(np.diff(np.log2(theta), axis=axis)).mean() for axis in (0, 1)]
    return float(np.mean([step * per for step, per in zip(steps, grid.per_unit, strict=True)]))


@pytest.fixture(scope="module", params=MODES)
def result(request):
    """A small run in each mode."""
    return optimize(random_signal(5), mode=request.param, **SMALL)


class TestEveryMode:
    def test_is_a_sound_result_by_the_default_loss(self, result):
        check_sound(result)
        assert result.config.loss.criterion == "auto" and result.criterion == "local-entropy"
        np.testing.assert_allclose(result.stft, exact(result), atol=1e-4 * np.abs(result.stft).max())

    def test_the_history_begins_with_the_constant_window_and_never_ends_worse(self, result):
        if result.mode in LEARNT:
            assert result.history["loss"][0] == pytest.approx(result.best_constant[1], abs=1e-6)
            assert result.history["regularization"][0] == 0
        assert result.final["loss"] <= result.history["loss"][0]
        kept = result.narrowing is not None and result.narrowing.overall == 0  # too little was gained to be seen
        least = min(result.history["loss"]) + (
            0.2 if kept or result.mode == "tf-varying" else 0.0
        )  # there in some regions
        assert result.final["loss"] <= least + 1e-5

    def test_the_search_has_the_loss_that_fixed_windows_have(self, result):
        if result.mode == "fixed":
            assert result.best_constant is None
            return
        lengths, losses, _ = result.curve
        alone = optimize(random_signal(5), mode="fixed", **SMALL)  # at half the support
        at = np.interp(5, np.log2(lengths), losses)
        assert alone.final["loss"] == pytest.approx(at, abs=0.02)

    def test_is_read_back_as_it_was(self, result, tmp_path):
        folder = write_result(result, tmp_path / "out", figures=False)
        found = read_result(folder)
        assert found.final == pytest.approx(result.final) and found.criterion == "local-entropy"
        metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
        assert metrics["criterion"] == "local-entropy"
        assert metrics["local-entropy"]["final"] == result.final["local-entropy"]
        assert "local_entropy" not in metrics and metrics["entropy"]["final"] > 0
        with np.load(folder / "result.npz") as arrays:
            np.testing.assert_array_equal(arrays["local-entropy_history"], result.history["local-entropy"])

    @pytest.mark.parametrize("mode", LEARNT)
    def test_windows_that_vary_are_better_than_the_best_that_does_not_where_they_should_vary(self, mode):
        samples = np.where(INDEX < 3000, np.sin(2 * math.pi * 0.1 * INDEX), 0) + 9.0 * (INDEX > 3000) * (
            INDEX % 300 == 150
        )
        result = optimize(recording_of(samples + 0.01 * white(6000)), mode=mode, **WIDE)
        assert result.final["loss"] < result.initial["loss"] - 0.1
        assert result.theta.shape == tuple(
            np.array(result.stft.shape) ** [mode != "time-varying", mode != "frequency-varying"]
        )

    def test_takes_few_steps_after_the_sweeps(self):
        assert optimize(random_signal(1), mode="tf", **{**SMALL, "steps": 500}).steps <= 30

    def test_a_step_needs_no_transform(self, monkeypatch):
        calls, real, seen = [], torch.fft.rfft, []
        monkeypatch.setattr(torch.fft, "rfft", lambda *given, **named: calls.append(1) or real(*given, **named))

        def watch(step):
            seen.extend([len(calls)] if step.phase == "descent" else [])

        optimize(random_signal(1), mode="tf", on_step=watch, **SMALL)
        assert len(seen) > 5 and seen[0] == seen[-1] > 0


class TestMap:
    def test_one_tone_has_the_longest_windows_on_its_line(self):
        result = optimize(recording_of(np.sin(2 * math.pi * 0.1 * INDEX) + 0.001 * white(6000)), mode="tf", **WIDE)
        along = result.theta[round(0.1 * 256), 30:-30]
        assert along.min() > 0.8 * 256

    def test_a_clean_tone_is_no_special_case(self):
        result = optimize(recording_of(np.sin(0.7 * INDEX)), mode="tf", **WIDE)
        assert np.isfinite(result.theta).all() and result.theta[round(0.7 / (2 * math.pi) * 256)].min() > 200

    def test_white_noise_has_one_length_everywhere(self):
        theta = optimize(recording_of(white(6000, 1)), mode="tf", **WIDE).theta
        assert theta.max() / theta.min() < 1.05

    def test_tones_that_cross_clicks_are_long_and_clicks_short(self, crossed):
        result = crossed
        theta, rows = result.theta, [round(f * 256) for f in (0.1, 0.3)]
        frames = np.arange(len(result.times)) * 8
        away = (np.abs((frames - 600) % 1200 - 600) < 400) & (frames > 300) & (frames < 5700)
        assert np.median(theta[rows][:, away]) > 0.85 * 256
        clicks = [600 // 8, 1800 // 8, 3000 // 8]
        assert np.median(theta[np.ix_(range(45, 60), clicks)]) < 2.2 * 16
        assert result.final["loss"] < result.initial["loss"] - 0.3

    def test_noise_beside_a_call_keeps_the_constant_length(self):
        """A train of clicks in the second half; the first has noise alone, 30 dB below them."""
        clicks = 25.0 * (INDEX % 300 == 150) * (INDEX > 3000) + np.sin(2 * math.pi * 0.1 * INDEX) * (INDEX > 3000)
        result = optimize(recording_of(clicks + 0.02 * white(6000)), mode="tf", **WIDE)
        quiet = np.log2(result.theta[:, : 2000 // WIDE["hop"]] / result.best_constant[0])
        assert np.ptp(result.theta) > 0 and np.mean(np.abs(quiet) > 0.3) < 0.02

    def test_falls_count_from_the_best_constant_length(self, monkeypatch):
        given, votes = [], Evidence.votes
        monkeypatch.setattr(
            Evidence, "votes", lambda *args, **named: given.append(named.get("calm")) or votes(*args, **named)
        )
        result = optimize(recording_of(crossing()), mode="tf", **WIDE)
        assert given[0] is None and given[-1] == pytest.approx(math.log2(result.best_constant[0]), abs=0.25)

    def test_is_smooth_where_nothing_changes(self, crossed):
        """Octaves a unit: a chirp at 10 dB, most of the plane noise; and with all the edges of tones and clicks."""
        chirp = np.sin(math.pi * 2e-5 * (INDEX - 3000.0) ** 2 + math.pi / 2 * INDEX) + 0.22 * white(6000)
        assert roughness(optimize(recording_of(chirp), mode="tf", **WIDE).theta, 6000) < 0.2
        assert roughness(crossed.theta, 6000) < 0.45

    def test_white_noise_is_shown_as_well_by_one_window(self):
        assert not optimize(recording_of(white(6000, 1)), mode="tf", **WIDE).narrowing.worthwhile

    def test_one_window_that_is_kept_is_that_of_mode_constant(self):
        burst = 0.9 * np.exp(-(((INDEX - 3000) / 300) ** 2)) * np.sin(0.9 * INDEX)
        faint = recording_of(white(6000, 1) + burst)
        kept, searched = (optimize(faint, mode=mode, **WIDE) for mode in ("tf", "constant"))
        assert np.ptp(kept.theta) == 0 and kept.theta[0, 0] == pytest.approx(searched.theta.item(), rel=1e-6)

    def test_theta_is_the_length_where_nothing_speaks(self):
        noise = optimize(recording_of(white(6000)), mode="tf", theta=100, **WIDE)
        np.testing.assert_allclose(noise.theta, 100, rtol=0.05)
        assert noise.first_theta == 100

    def test_theta_is_not_the_length_where_something_does(self):
        result = optimize(recording_of(crossing()), mode="tf", theta=40, **WIDE)
        assert np.median(result.theta[round(0.1 * 256), 100:130]) > 0.8 * 256

    def test_half_of_silence_is_no_trouble(self):
        half = np.where(INDEX < 3000, 0.0, np.sin(0.7 * INDEX))
        result = optimize(recording_of(half), mode="tf", **WIDE)
        check_sound(result)
        assert np.ptp(np.log2(result.theta[:, :200])) < 0.2  # nothing speaks there

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("samples", [16, 23, 63])
    def test_a_recording_shorter_than_the_support(self, mode, samples):
        result = optimize(recording_of(white(samples)), mode=mode, support=64, hop=4, theta_min=8, steps=20)
        assert within_bounds(result) and np.isfinite(result.stft).all()
        assert result.final["loss"] <= result.initial["loss"]


class TestStop:
    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("theta", [None, 64, 20])
    def test_while_evidence_is_gathered_gives_the_first_window(self, mode, theta):
        phases = []

        def stop(step):
            phases.append(step.phase)
            return step.phase == "bank"

        result = optimize(random_signal(1), mode=mode, theta=theta, on_step=stop, **SMALL)
        assert (result.stop_reason, result.steps, result.complete) == ("interrupted", 0, False)
        assert not {"search", "descent"} & {*phases}
        assert (result.theta == (theta or 32)).all()
        assert result.final == result.initial and math.isfinite(result.final["loss"])

    @pytest.mark.parametrize("phase", ["search", "descent"])
    @pytest.mark.parametrize("mode", LEARNT)
    def test_in_a_later_phase_gives_the_best_so_far(self, mode, phase):
        losses, seen = [], []

        def stop(step):
            losses.extend([step.terms["loss"]] if step.phase == "descent" else [])
            seen.extend([step.phase] if step.phase == phase else [])
            return len(seen) == 6

        result = optimize(random_signal(2), mode=mode, on_step=stop, **SMALL)
        assert (result.stop_reason, result.complete) == ("interrupted", False)
        assert result.steps == (5 if phase == "descent" else 0)
        assert result.final["loss"] <= min([*losses, result.initial["loss"]]) + 1e-5
        assert within_bounds(result)

    @pytest.mark.parametrize("mode", MODES)
    def test_no_steps_transforms_without_optimising(self, mode):
        for theta in (None, 25.5):
            result = optimize(random_signal(0), mode=mode, theta=theta, **{**SMALL, "steps": 0})
            assert (result.theta == (theta or 32)).all()
            assert (result.steps, result.stop_reason) == (0, "steps")
            assert result.final == result.initial


class TestOutOfCore:
    WHOLE = ResourcePlan(0.0, 0.0, 0.0, 0.0)
    BLOCKS = ResourcePlan(0.0, 0.0, 0.0, 0.0, long=True, room=1.5e6)  # some 140 of 750 columns
    SIGNAL = Signal(voice(12000), VOICE_RATE, "voice")

    def both(self, **settings):
        """A run in memory, and the same in blocks of some columns."""
        return [optimize(self.SIGNAL, plan=plan, **VOICE, **settings) for plan in (self.WHOLE, self.BLOCKS)]

    @pytest.mark.parametrize("mode", MODES)
    def test_gives_what_a_run_in_memory_gives(self, mode):
        whole, blocks = self.both(mode=mode)
        assert blocks.on_disk and not whole.on_disk
        apart = np.abs(np.log2(whole.theta) - np.log2(np.asarray(blocks.theta)))
        assert np.median(apart) < 0.01 and np.quantile(apart, 0.99) < 0.2
        for name in ("loss", "local-entropy", "regularization"):
            assert blocks.initial[name] == pytest.approx(whole.initial[name], abs=1e-4)
            assert blocks.final[name] == pytest.approx(whole.final[name], abs=0.01)
        assert blocks.history["loss"][0] == pytest.approx(whole.history["loss"][0], abs=1e-4)

    def test_has_no_seams(self, monkeypatch):
        """Beside the edges of blocks windows are about as far from those of the whole as elsewhere."""
        edges, real = [], []
        from dstft_cli.optimization.strategies.local import LocalStrategy

        add = LocalStrategy._add

        def noted(self, field, outcome, own):
            real.append(own.stop - own.start)
            edges.append(sum(real) * self.grid.steps[1])
            return add(self, field, outcome, own)

        monkeypatch.setattr(LocalStrategy, "_add", noted)
        whole, blocks = self.both(mode="tf")
        inner = [edge for edge in edges[:-1] if edge < blocks.theta.shape[1] - 2]
        assert len(inner) >= 3
        apart = np.abs(np.log2(whole.theta) - np.log2(np.asarray(blocks.theta))).mean(0)
        near = np.concatenate([apart[edge - 2 : edge + 2] for edge in inner])
        assert near.mean() < 1.5 * apart.mean() + 0.02

    @pytest.mark.parametrize("phase", ["bank", "search", "descent"])
    @pytest.mark.parametrize("mode", LEARNT)
    def test_stopped_gives_no_worse_than_the_best_constant(self, mode, phase):
        seen = []

        def stop(step):
            seen.extend([step.phase] if step.phase == phase else [])
            return len(seen) == 4

        result = optimize(self.SIGNAL, mode=mode, on_step=stop, plan=self.BLOCKS, **VOICE)
        assert (result.stop_reason, result.complete) == ("interrupted", False)
        assert result.final["loss"] <= result.initial["loss"]
        assert np.isfinite(np.asarray(result.stft)).all()

    def test_without_steps_transforms(self):
        result = optimize(self.SIGNAL, mode="tf", theta=40.0, plan=self.BLOCKS, **{**VOICE, "steps": 0})
        assert (np.asarray(result.theta) == 40).all() and result.final == result.initial

    def test_is_read_back(self, tmp_path):
        result = optimize(self.SIGNAL, mode="tf", plan=self.BLOCKS, **VOICE)
        write_result(result, tmp_path / "out", figures=False)
        found = read_result(tmp_path / "out")
        assert found.final == pytest.approx(result.final)
        np.testing.assert_array_equal(found.theta, result.theta)


@pytest.fixture
def path(two_tones_and_click, tmp_path):
    soundfile.write(tmp_path / "in.wav", two_tones_and_click / 25, 2000, subtype="FLOAT")
    return tmp_path / "in.wav"


class TestCommand:
    def test_writes_all_files_and_names_what_was_optimised(self, path, tmp_path, dstft):
        run = dstft("optimize", path, "-o", tmp_path / "out", "--mode", "tf", *FLAGS)
        metrics = read(tmp_path / "out")
        assert run.code == 0 and names(tmp_path / "out") == WHOLE
        assert metrics["criterion"] == "local-entropy"
        assert metrics["loss"]["final"] <= metrics["loss"]["initial"]
        assert any(line.startswith("local-entropy ") for line in run.out.splitlines())
        again = dstft("plot", tmp_path / "out", "--figure", "comparison", "-o", tmp_path / "c.png", "--dpi", "20")
        assert again.code == 0 and (tmp_path / "c.png").exists()

    def test_is_compared(self, crossed, tmp_path, dstft):
        write_result(crossed, tmp_path / "out", figures=False)
        run = dstft("compare", tmp_path / "out", "--no-picture")
        assert run.code == 0
        assert "smaller is" in run.out.partition("Local entropy is")[2]
        table = dstft("compare", tmp_path / "out", "--no-picture", "--csv", "-").out
        best = json.loads((tmp_path / "out" / "metrics.json").read_text("utf-8"))["local-entropy"]["final"]
        rows = list(csv.DictReader(io.StringIO(table)))
        assert float(rows[-1]["local_entropy_nats"]) == pytest.approx(best, rel=1e-5)
        assert best < min(float(row["local_entropy_nats"]) for row in rows[:-1])

    def test_stopped_while_evidence_is_gathered_writes_what_it_has(self, path, tmp_path, dstft, monkeypatch):
        calls, compare_lengths = iter(range(10**6)), pair_evidence.compare_lengths

        def interrupted(*arguments):
            if next(calls) == 2:
                os.kill(os.getpid(), signals.SIGINT)
            return compare_lengths(*arguments)

        monkeypatch.setattr("dstft_cli.optimization.local_entropy.evidence.compare_lengths", interrupted)
        run = dstft("optimize", path, "-o", tmp_path / "out", "--mode", "tf", *FLAGS)
        assert (run.code, read(tmp_path / "out")["stop_reason"]) == (130, "interrupted")
        assert names(tmp_path / "out") == WHOLE
        assert "Traceback" not in run.err

    @pytest.mark.parametrize(
        ("flags", "words"),
        [
            (
                ("--hop-mode", "constant", "--loss", "local-entropy"),
                ("loss.criterion", "hop_mode", "fixed", "kurtosis"),
            ),
            (("--set", "unit=samples"), ("loss.unit is samples: local-entropy needs octaves", "such as entropy")),
            (("--set", "reduction=sum"), ("loss.reduction is sum: local-entropy needs mean", "such as entropy")),
            (("--penalty", "coverage"), ("loss.penalty is coverage", "leaves nothing uncovered", "auto or none")),
            (("--loss", "concentration"), ("'concentration'", "'local-entropy'")),
        ],
        ids=str,
    )
    def test_refuses_what_it_cannot_do_in_one_sentence(self, path, tmp_path, dstft, flags, words):
        run = dstft("optimize", path, "-o", tmp_path / "out", *FLAGS[:4], *flags)
        assert (run.code, run.out) == (2, "")
        assert len(run.err.splitlines()) == 1 and len(run.err) < 310
        assert all(word in run.err for word in words)
        assert names(tmp_path) == {"in.wav"}


class TestDefault:
    @pytest.mark.parametrize("hop_mode", ["constant", "time-varying", "overlap"])
    def test_where_frames_move_is_kurtosis(self, hop_mode):
        assert load_config(flags={"hop_mode": hop_mode}).criterion == "kurtosis"
        with pytest.raises(ConfigError, match=r"loss\.criterion is local-entropy: it needs transform\.hop_mode fixed"):
            load_config(flags={"hop_mode": hop_mode, "loss": "local-entropy"})
        hop = {} if hop_mode == "overlap" else {"hop": 16}
        result = optimize(random_signal(0), hop_mode=hop_mode, support=64, steps=2, **hop)
        assert result.criterion == "kurtosis"

    def test_on_fixed_frames_is_local_entropy_with_its_own_weight_and_rounding(self):
        config = load_config()
        assert (config.loss.criterion, config.criterion) == ("auto", "local-entropy")
        plain = optimize(random_signal(2), mode="tf", **SMALL)
        named = optimize(random_signal(2), mode="tf", lambda_=0.45, epsilon=0.1, criterion="local-entropy", **SMALL)
        np.testing.assert_array_equal(plain.theta, named.theta)

    def test_with_a_callable_is_that(self):
        result = optimize(random_signal(2), mode="time", criterion=lambda values: values.std(), **SMALL)
        assert result.criterion == "custom"

    def test_other_settings_of_the_regularizer_count(self, crossed):
        free, stiff = (
            optimize(recording_of(crossing()), mode="tf", **WIDE, **more)
            for more in ({"regularizer": "none"}, {"lambda_": 3.0})
        )
        assert (free.history["regularization"] == 0).all()
        rough = [roughness(one.theta, 6000) for one in (stiff, crossed, free)]
        assert rough == sorted(rough)


@pytest.mark.parametrize("mode", ["fixed", "tf-varying"])
def test_panels_speak_of_local_entropy(mode):
    result = optimize(random_signal(3), mode=mode, **SMALL)
    figure = make_figures(result)["comparison"]
    titles = [axes.get_title(where) for axes in figure.axes for where in ("left", "center", "right")]
    assert any("local entropy" in title or "local-entropy" in title for title in titles)


@pytest.mark.parametrize("mode", ["constant", "tf-varying"])
def test_neither_scale_nor_sampling_rate_matter(mode):
    plain = random_signal(6)
    first = optimize(plain, mode=mode, **SMALL)
    for scale, rate in ((2.0**-66, RATE), (2.0**66, RATE), (1.0, 1e6), (1.0, 1.0)):
        result = optimize(Signal(plain.samples * scale, rate, "test"), mode=mode, **SMALL)
        assert result.final == first.final
        np.testing.assert_array_equal(result.theta, first.theta)
