"""dstft recommend: the window that suits best, how flat the optimum is, what adapting gains, and what a user sees of it."""

import json

import numpy as np
import pytest
import soundfile

from dstft_cli import optimize
from dstft_cli.config.loading import load_config
from dstft_cli.errors import InputError
from dstft_cli.optimization.problem import Problem
from dstft_cli.recordings.signal import Signal
from dstft_cli.stft.windows import get_window
from dstft_cli.workflows.adaptive_gain import estimate_gain
from dstft_cli.workflows.recommend import SHARE, ranges_below, recommend

RATE = 2000
SMALL = {"transform.support": "128ms", "transform.hop": "12.5%"}
FLAGS = ("--support", "128ms", "--hop", "12.5%")
ENTROPY = {"loss.criterion": "entropy"}


def tones(rate=RATE, seconds=1.0, seed=1):
    """A wandering tone, a steady one and a little noise; the same sound at any rate."""
    time = np.arange(round(seconds * rate)) / rate
    wander = np.sin(2 * np.pi * (200 * time + 6 * np.sin(2 * np.pi * 2 * time)))
    return wander + 0.5 * np.sin(2 * np.pi * 550 * time) + 0.01 * np.random.default_rng(seed).standard_normal(len(time))


def clicks(rate=RATE, seconds=1.0):
    samples = 0.01 * np.random.default_rng(2).standard_normal(round(seconds * rate))
    samples[rate // 10 :: rate // 5] += 3
    return samples


def signal(samples, rate=RATE, name="in"):
    return Signal(samples, rate, name)


def found(*signals, gains=False, **settings):
    return recommend(signals, load_config(flags=SMALL | settings), gains=gains)


class TestBestWindow:
    def test_is_that_of_optimize(self):
        best = optimize(signal(tones()), load_config(flags=SMALL)).best_constant
        result = found(signal(tones()))
        assert result.best * RATE == pytest.approx(best[0], rel=1e-3)
        assert result.loss == pytest.approx(best[1], abs=1e-6)

    def test_makes_the_sum_over_recordings_of_any_rate_least(self):
        """Against every length of a fine grid, the sum taken anew."""
        signals = [
            signal(tones(), name="a"),
            signal(clicks(5000, 0.7), 5000, "b"),
            signal(tones(3000, 0.5, 3), 3000, "c"),
        ]
        result = found(*signals, **{"transform.hop": "25%", "transform.theta_min": "16ms"})
        problems = [Problem(one, result.config, get_window("hann")) for one in signals]

        for problem in problems:
            problem.loss.precompute(lambda index, count: None)

        def total(seconds):
            return sum(p.evaluate(seconds * p.signal.sample_rate)["loss"] for p in problems)

        assert result.loss == pytest.approx(total(result.best), rel=1e-6)
        assert result.loss <= min(total(seconds) for seconds in np.geomspace(0.0161, 0.1279, 40)) + 1e-4
        at = int(result.total.argmin())  # the lengths tried are closest together there
        assert np.diff(np.log(result.curve.lengths))[at - 1 : at + 1].min() < 0.03
        assert min(result.own) < result.best < max(result.own)  # a compromise

    def test_lasts_as_long_whatever_the_rate(self):
        slow, fast = found(signal(tones())), found(signal(tones(2 * RATE), 2 * RATE))
        assert slow.best == pytest.approx(fast.best, rel=0.1)
        both = found(signal(tones()), signal(tones(2 * RATE), 2 * RATE))
        half, whole = both.windows
        assert (half.sample_rate, whole.sample_rate) == (RATE, 2 * RATE)
        assert whole.win_length == pytest.approx(2 * half.win_length, abs=2)

    def test_is_looked_for_where_every_recording_has_room_for_it(self):
        result = recommend([signal(tones()), signal(tones(seconds=0.2))], load_config(), gains=False)
        planes = [Problem(one, result.config, get_window("hann")).grid for one in result.signals]
        assert planes[0].support == planes[1].support <= planes[1].samples / 4
        assert result.bounds == (planes[0].theta_min / RATE, planes[1].support / RATE)
        assert (result.curve.lengths[0], result.curve.lengths[-1]) == pytest.approx(result.bounds)

    def test_is_not_swayed_by_how_loud_a_recording_is(self):
        one = found(signal(tones()), signal(clicks()))
        other = found(signal(1e3 * tones()), signal(clicks()))
        assert one.best == pytest.approx(other.best, rel=1e-3)

    @pytest.mark.parametrize("loss", ["entropy", "renyi", "kurtosis", "local-entropy"])
    def test_follows_the_loss_that_was_asked_for(self, loss):
        result = found(signal(tones()), **{"loss.criterion": loss, "loss.penalty": "none"})
        assert result.criterion == loss
        assert result.loss == pytest.approx(result.total.min())
        assert result.limit > result.loss  # also where the loss is below zero
        if loss == "kurtosis":
            assert result.loss < 0
            np.testing.assert_allclose(result.curve.losses, -np.log(result.curve.values), atol=1e-6)

    def test_is_refused_where_frames_move(self):
        with pytest.raises(InputError, match="hop_mode is time-varying"):
            found(signal(tones()), **{"transform.hop_mode": "time-varying"})

    def test_is_refused_where_no_length_suits_all(self):
        short = signal(tones(seconds=0.05), name="short")
        with pytest.raises(InputError, match=r"in needs at least [0-9.]+ ms, short at most 12 ms"):
            recommend(
                [signal(tones()), short],
                load_config(flags={"transform.theta_min": "62.5%", "transform.support": "25%"}),
                gains=False,
            )


class TestFlatness:
    LENGTHS = np.geomspace(0.01, 0.16, 25)

    def test_is_where_a_parabola_crosses_the_limit(self):
        octaves = np.log2(self.LENGTHS / 0.04)
        ((low, high),) = ranges_below(self.LENGTHS, 10 + 0.4 * octaves**2, 10 + SHARE * 10)
        assert np.log2([low / 0.04, high / 0.04]) == pytest.approx([-0.5, 0.5], abs=0.02)

    def test_may_lie_in_two_valleys_and_end_at_a_bound(self):
        octaves = np.log2(self.LENGTHS / 0.04)
        ranges = ranges_below(self.LENGTHS, np.cos(2 * np.pi * octaves / 2), 0.0)
        ends = np.log2(np.array(ranges) / 0.04)
        np.testing.assert_allclose(ends, [[-1.5, -0.5], [0.5, 1.5]], atol=0.02)
        assert ranges_below(self.LENGTHS, octaves, 0.0) == [(0.01, pytest.approx(0.04))]
        assert ranges_below(self.LENGTHS, octaves, 5.0) == [(0.01, 0.16)]

    def test_is_one_per_cent_of_the_lowest_loss(self):
        result = found(signal(tones()), **ENTROPY)
        assert result.limit == pytest.approx(1.01 * result.loss)
        (low, high), best = result.flat[0], result.best
        assert low < best < high
        outside = (result.curve.lengths < low) | (result.curve.lengths > high)
        assert (result.total[outside] > result.limit).all() and (result.total[~outside] <= result.limit).all()


class TestAdapting:
    def gains(self, samples, **settings):
        result = found(signal(samples), gains=True, **settings)
        return {gain.mode: gain for gain in result.gain_estimate.gains}

    def test_in_time_pays_where_tones_follow_clicks(self):
        mixed = self.gains(np.concatenate([clicks(), tones()]), **ENTROPY)["time-varying"]
        steady = self.gains(np.sin(2 * np.pi * 300 * np.arange(4000) / RATE), **ENTROPY)["time-varying"]
        assert mixed.gain == pytest.approx(mixed.constant - mixed.adapted)
        assert mixed.percent > 2 and 0 <= steady.percent < 0.6

    def test_in_frequency_pays_where_low_notes_are_steady_and_high_ones_short(self):
        time = np.arange(4000) / RATE
        bursts = np.sin(2 * np.pi * 800 * time) * (np.sin(2 * np.pi * 15 * time) > 0.9)
        gains = self.gains(np.sin(2 * np.pi * 100 * time) + 2 * bursts, **ENTROPY)
        assert gains["frequency-varying"].percent > max(1, 2 * gains["time-varying"].percent)

    def test_pays_in_local_entropy_where_windows_should_differ_and_not_in_a_tone(self):
        mixed = self.gains(np.concatenate([clicks(), tones()]))
        tone = 0.01 * np.random.default_rng(0).standard_normal(4000) + np.sin(2 * np.pi * 300 * np.arange(4000) / RATE)
        steady = self.gains(tone)["time-varying"]
        assert mixed["time-varying"].gain > 0.5 and mixed["time-varying"].gain > 2 * mixed["frequency-varying"].gain
        assert 0 <= steady.gain < 0.1

    def test_counts_a_higher_kurtosis_as_a_gain(self):
        gain = self.gains(np.concatenate([clicks(), tones()]), **{"loss.criterion": "kurtosis"})["time-varying"]
        assert gain.adapted > gain.constant and gain.gain > 0 and gain.percent > 0

    def test_is_tried_on_the_loudest_part_of_a_long_recording(self, monkeypatch):
        monkeypatch.setattr("dstft_cli.workflows.adaptive_gain._BINS", 2000)
        samples = 0.01 * np.random.default_rng(0).standard_normal(20 * RATE)
        samples[14 * RATE : 15 * RATE] += tones()
        result = found(signal(samples), gains=True)
        (block,) = result.gain_estimate.signals
        assert not result.gain_estimate.whole
        assert 14 <= block.start and block.start + block.duration <= 15
        at = round(block.start * RATE)
        np.testing.assert_array_equal(block.samples, samples[at : at + len(block.samples)])

    def test_is_tried_on_a_few_of_many_recordings(self):
        signals = [signal(tones(seconds=0.4, seed=i), name=f"{i}") for i in range(7)]
        config = load_config(flags=SMALL | {"optimizer.steps": 2})
        estimate = estimate_gain([Problem(one, config, get_window("hann")) for one in signals], 0.05)
        assert [used.name for used in estimate.signals] == ["0", "2", "4", "6"]
        assert estimate.total == 7 and not estimate.whole

    def test_reports_one_descent_from_its_beginning_to_its_end(self):
        steps = []
        recommend([signal(tones()), signal(clicks())], load_config(flags=SMALL | ENTROPY), steps.append)
        indices = [step.index for step in steps if step.phase == "descent"]
        assert {step.phase for step in steps} == {"search", "descent"}
        (total,) = {step.total for step in steps if step.phase == "descent"}
        assert indices == sorted(indices) and max(indices) <= total


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to be in, with in.wav and two.wav at 2 and 4 kHz and table.csv."""
    monkeypatch.chdir(tmp_path)
    soundfile.write("in.wav", tones() / 4, RATE, subtype="FLOAT")
    soundfile.write("two.wav", clicks(2 * RATE) / 4, 2 * RATE, subtype="FLOAT")
    np.savetxt("table.csv", np.c_[np.arange(RATE) / RATE, tones()], delimiter=",", header="time,x", comments="")
    return tmp_path


def rows_of(out):
    return {line[:14].strip(): line[15:] for line in out.split("\n\n")[0].splitlines()}


class TestCommand:
    def test_says_the_window_the_hop_and_what_they_are_good_for(self, dstft, here):
        run = dstft("recommend", "in.wav", *FLAGS)
        assert run.code == 0
        rows = rows_of(run.out)
        length, hop = (int(rows[name].split()[0]) for name in ("best window", "hop"))
        assert hop == length // 4 and f"({1e3 * length / RATE:.4g} ms)" in rows["best window"]
        assert "less is sharper" in rows["loss"] and " ms" in rows["within 1 %"] and " nats" in rows["within 1 %"]
        assert "local-entropy" in rows["over time"] and "% better" in rows["over frequency"]
        for tool in ("librosa", "scipy", "torch", "torchaudio", "SoX"):
            assert f"\n# {tool}\n" in run.out
        assert run.out.count(f"{length}") >= 6 and f"win_length={length}" in run.out
        assert set(here.iterdir()) == {here / name for name in ("in.wav", "two.wav", "table.csv")}

    def test_says_for_a_set_what_each_would_have(self, dstft, here):
        run = dstft("recommend", "in.wav", "two.wav", *FLAGS, "--no-gain")
        assert run.code == 0
        rows = rows_of(run.out)
        assert rows["signals"].startswith("2 in all")
        assert "in.wav, 1 s at 2000 Hz: its own best" in run.out and "two.wav, 1 s at 4000 Hz: its own best" in run.out
        assert {"at 2000 Hz", "at 4000 Hz"} <= set(rows) and "over time" not in rows
        assert "# torch, at 2000 Hz\n" in run.out and "sox two.wav" in run.out

    def test_gives_machines_one_strict_json_object(self, dstft, here):
        def refuse(word):
            raise AssertionError(word)

        run = dstft("recommend", "in.wav", "two.wav", *FLAGS, "--json", "--theta", "20ms")
        given = json.loads(run.out, parse_constant=refuse)
        curve = given["curve"]
        least = int(np.argmin(curve["loss"]))
        assert given["best"] == {"seconds": curve["seconds"][least], "loss": curve["loss"][least], "at_bound": None}
        assert curve["seconds"] == sorted(curve["seconds"]) and len(curve["seconds"]) > 20
        each = np.sum([one["curve"]["loss"] for one in given["signals"]], 0)
        np.testing.assert_allclose(each, curve["loss"])
        assert given["given"]["samples"] == [40, 80] and given["given"]["loss"] > given["best"]["loss"]
        (low, high), *_ = given["flat"]["seconds"]
        assert low <= given["best"]["seconds"] <= high
        assert [rate["sample_rate"] for rate in given["rates"]] == [2000, 4000]
        assert given["adapting"]["time-varying"]["percent"] > 0 and given["adapting"]["whole"]

    @pytest.mark.parametrize("kind", ["svg", "pdf"])
    def test_draws_the_curve(self, dstft, here, kind):
        run = dstft("recommend", "in.wav", *FLAGS, "--no-gain", "-o", f"new/curve.{kind}", "--set", "dpi=40")
        assert run.code == 0 and f"curve.{kind}" in run.err
        assert (here / "new" / f"curve.{kind}").stat().st_size > 3000

    def test_keeps_a_picture_that_is_there_unless_forced(self, dstft, here):
        (here / "c.png").write_bytes(b"mine")
        refused = dstft("recommend", "in.wav", *FLAGS, "--no-gain", "-o", "c.png")
        assert refused.code == 2 and "--force" in refused.err and refused.out == ""
        assert (here / "c.png").read_bytes() == b"mine"
        assert dstft("recommend", "in.wav", *FLAGS, "--no-gain", "-o", "c.png", "--force", "--set", "dpi=40").code == 0
        assert (here / "c.png").read_bytes()[:4] == b"\x89PNG"

    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            (("in.wav", "-o", "curve.txt"), "curve.txt"),
            (("in.wav", "-c", "shocks"), "hop_mode"),
            (("in.wav", "--set", "mode=tf"), "--set mode"),
            (("in.wav", "nowhere.wav"), "nowhere.wav"),
            (("in.wav", "--window", "kaiser"), "kaiser"),
            ((".",), "folder"),
        ],
        ids=str,
    )
    def test_refuses_in_one_sentence(self, dstft, here, arguments, named):
        run = dstft("recommend", *arguments)
        assert run.code == 2 and run.out == ""
        assert run.err.startswith("Error: ") and run.err.count("\n") == 1 and named in run.err

    def test_warns_where_a_bound_stopped_the_search(self, dstft, here):
        time = np.arange(RATE) / RATE
        noise = 0.1 * np.random.default_rng(0).standard_normal(RATE)
        soundfile.write("tone.wav", np.sin(2 * np.pi * 300 * time) / 2 + noise, RATE, subtype="FLOAT")
        run = dstft("recommend", "tone.wav", *FLAGS, "--no-gain")
        assert "the longest allowed" in run.out and "--support" in run.err
        assert "up to the longest allowed" in rows_of(run.out)["within 1 %"]
        quiet = dstft("recommend", "tone.wav", *FLAGS, "--no-gain", "-q")
        assert quiet.err == "" and "the longest allowed" in quiet.out

    def test_knows_that_tables_are_no_matter_for_sox(self, dstft, here):
        run = dstft("recommend", "table.csv", *FLAGS, "--no-gain")
        assert run.code == 0 and "librosa" in run.out and "sox" not in run.out

    def test_leaves_nothing_when_interrupted(self, dstft, here, monkeypatch):
        def interrupt(*arguments, **others):
            raise KeyboardInterrupt

        monkeypatch.setattr("dstft_cli.workflows.recommend.refine", interrupt)
        run = dstft("recommend", "in.wav", *FLAGS, "-q", "-o", "c.png")
        assert (run.code, run.out, run.err) == (130, "", "Error: interrupted; nothing was written\n")
        assert not (here / "c.png").exists()


@pytest.mark.filterwarnings("error")
class TestFigure:
    LENGTHS, NAMES = np.geomspace(10, 90, 30), ["_under_$score$.wav", "鯨" * 60 + ".wav"]

    def figure(self, each=None, flat=((20.0, 40.0),)):
        from dstft_cli.figures.length_curve import length_curve
        from dstft_cli.figures.shown.view import View

        losses = 10 + np.log2(self.LENGTHS / 28) ** 2
        figure = length_curve(self.LENGTHS, losses, "entropy", flat, View(dpi=50, title="in.wav"), each)
        figure.draw_without_rendering()
        return figure

    def test_marks_the_lowest_point_and_shades_the_flat_range(self):
        (axes,) = self.figure().axes
        mark = axes.lines[1].get_xdata()[0]
        assert mark == pytest.approx(28, rel=0.08)
        (patch,) = axes.patches
        assert (patch.get_x(), patch.get_x() + patch.get_width()) == pytest.approx((20, 40))
        assert "28" in axes.get_title("left") and axes.get_ylabel() == "nats"

    def test_names_each_signal_whatever_its_file_is_called(self):
        each = {name: 5 + np.log2(self.LENGTHS / (20 + 10 * i)) ** 2 for i, name in enumerate(self.NAMES)}
        _, axes = self.figure(each).axes
        first, second = (text.get_text() for text in axes.get_legend().get_texts())
        assert first == self.NAMES[0] and second.endswith(".wav") and len(second) < 50
        curves = [line.get_ydata() for line in axes.lines if len(line.get_ydata()) == 30]
        assert [curve.min() for curve in curves] == [0, 0]

    def test_many_signals_are_drawn_without_names(self):
        _, axes = self.figure({f"{i}.wav": 5 + np.log2(self.LENGTHS / 30) ** 2 for i in range(12)}).axes
        assert axes.get_legend() is None
