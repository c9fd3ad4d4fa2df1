"""dstft track: ridges, shafts, crossings, files, references, labels, orders, and what is refused."""

import json

import numpy as np
import pandas
import pytest
import soundfile

from dstft_cli import Signal, load_signal, optimize, track, write_result
from dstft_cli.cli.actions.track import read_orders
from dstft_cli.errors import InputError
from dstft_cli.tracking.crossings import uncrossed
from dstft_cli.tracking.evidence import noise_level, tone_evidence
from dstft_cli.tracking.lattice import Lattice, Motion
from dstft_cli.tracking.order_spectrum import order_spectrum
from dstft_cli.tracking.track import Track, Tracking

RATE, COUNT = 1000, 3000
CLOCK = np.arange(COUNT) / RATE
SPEED = 20 + 10 * np.minimum(CLOCK, 2.0)  # Hz, of a shaft that runs up for 2 s
SMALL = {"support": 256, "hop": 16, "theta_min": 64}
OPTIONS = ["--support", "256", "--hop", "16", "--theta-min", "64", "--set", "figures.dpi=30"]


def wave(law: np.ndarray, *orders: float) -> np.ndarray:
    phase = 2 * np.pi * np.cumsum(law) / RATE
    return sum(np.cos(order * phase + order) for order in orders)


def noisy(clean: np.ndarray, level: float) -> Signal:
    return Signal(clean + level * np.random.default_rng(1).standard_normal(len(clean)), RATE, "made.wav")


def inside(found: Track) -> np.ndarray:
    return (found.times > 0.3) & (found.times < 2.7)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """A shaft with three orders, its truth, and a tone."""
    folder = tmp_path_factory.mktemp("recordings")
    soundfile.write(folder / "shaft.wav", noisy(wave(SPEED, 1, 2, 3), 0.3).samples / 8, RATE, subtype="FLOAT")
    soundfile.write(folder / "tone.wav", noisy(wave(np.full(COUNT, 151.3), 1), 0.2).samples / 8, RATE, subtype="FLOAT")
    pandas.DataFrame({"time_s": CLOCK, "frequency_hz": SPEED}).to_csv(folder / "truth.csv", index=False)
    return folder


def unheard(step: int) -> None:
    """Nobody waits."""


class TestLattice:
    def test_a_straight_line_is_found_through_a_gap(self):
        evidence = np.random.default_rng(0).normal(0, 0.5, (60, 80)) - 1
        line = np.rint(np.linspace(5, 50, 80)).astype(int)
        evidence[line, np.arange(80)] = 3
        evidence[:, 35:45] = 0
        lattice = Lattice(evidence, Motion(8, 1.0, 4))
        assert np.abs(lattice.path(unheard) - line[lattice.ends]).max() <= 1
        chances = lattice.posterior(unheard)
        np.testing.assert_allclose(chances.sum(0), 1)
        assert np.abs(np.arange(60) @ chances - line[lattice.ends]).max() < 1

    def test_the_posterior_is_that_of_all_paths(self):
        """Of a plane so small that every path can be counted."""
        evidence = np.random.default_rng(1).normal(0, 1, (4, 4))
        motion = Motion(1, 0.8, 1)
        slopes, total = [-1, 0, 1], np.zeros((4, 4))
        change = np.exp(-motion.cost(np.subtract.outer(slopes, slopes)))
        change /= change.sum(1, keepdims=True)
        for code in range(4 * 3**4):
            row, first, *moves = code // 81, *(code // 3**i % 3 for i in range(4))
            path, chance, before = [row], np.exp(evidence[row, 0]), first
            for n, move in enumerate(moves, start=1):
                row += slopes[move]
                if not 0 <= row < 4:
                    break
                chance *= change[before, move] * np.exp(evidence[row, n])
                before = move
                path.append(row)
            else:
                total[path, np.arange(4)] += chance
        np.testing.assert_allclose(Lattice(evidence, motion).posterior(unheard), total / total.sum(0), rtol=1e-9)


def test_noise_says_nothing_in_the_mean_and_a_tone_a_lot():
    noise = np.random.default_rng(2).standard_normal((2, 65, 400))
    magnitude = np.hypot(*noise)
    theta = np.full((1, 1), 50.0)
    ratio = magnitude**2 * theta / noise_level(magnitude, theta)
    assert ratio.mean() == pytest.approx(1, rel=0.1)
    assert tone_evidence(ratio).mean() < 0
    assert tone_evidence(np.array([20.0])) > 5
    steps = np.diff(tone_evidence(np.linspace(0, 100, 500)))
    assert (steps > 0).all()


class TestRidges:
    def test_a_tone_is_read_far_below_the_bin(self):
        found = track(noisy(wave(np.full(COUNT, 151.37), 1), 0.05), components=1, **SMALL)
        assert np.abs(found.frequency[0, inside(found)] - 151.37).max() < 0.15  # bins are 3.9 Hz apart
        assert np.median(found.amplitude) == pytest.approx(1, rel=0.02)
        assert found.confidence.min() > 0.9

    def test_a_chirp_is_followed_under_any_windows(self):
        law = 100 + 60 * CLOCK
        signal = noisy(wave(law, 1), 0.2)
        for source in (signal, optimize(signal, mode="fixed", theta=128, **SMALL)):
            found = track(source, components=1, **({} if source is not signal else SMALL))
            truth = np.interp(found.times, CLOCK, law)
            assert np.sqrt(np.mean((found.frequency[0] - truth)[inside(found)] ** 2)) < 1

    def test_the_number_of_components_is_found(self):
        clean = wave(np.full(COUNT, 100.0), 1) + 0.5 * wave(np.full(COUNT, 300.0), 1)
        found = track(noisy(clean, 0.3), **SMALL)
        assert found.components == 2
        np.testing.assert_allclose(np.median(found.frequency, axis=1), [100, 300], atol=1)

    def test_noise_is_not_sure_of_a_ridge(self):
        found = track(noisy(np.zeros(COUNT), 1.0), components=1, **SMALL)
        assert np.mean(found.confidence > 0.5) < 0.2

    def test_crossing_chirps_keep_their_slopes(self):
        laws = 120 + 80 * CLOCK, 360 - 80 * CLOCK
        found = track(noisy(wave(laws[0], 1) + wave(laws[1], 1), 0.3), components=2, **SMALL)
        truth = np.stack([np.interp(found.times, CLOCK, law) for law in laws])
        first = int(np.abs(found.frequency[0, 30] - truth[:, 30]).argmin())
        assert np.abs(found.frequency - truth[[first, 1 - first]])[:, inside(found)].max() < 12

    def test_paths_that_bounce_are_exchanged(self):
        frames = np.arange(200.0)
        up, down = frames, 200 - frames
        bounced = np.stack([np.minimum(up, down), np.maximum(up, down)])

        class Plane:
            length, spacing, hop = 0.1, 4.0, 0.02

        paths, confidence, near = uncrossed(
            bounced, np.stack([np.ones(200), np.linspace(0.6, 1, 200)]), np.zeros((2, 200)), [Plane]
        )
        np.testing.assert_allclose(paths[0], up, atol=0.5)
        assert near[:, 100].all() and not near[:, 50].any()
        assert confidence[0, -1] == 1 and confidence[1, -1] == 1
        np.testing.assert_allclose(confidence[0, 50], 1)


class TestProgress:
    @pytest.mark.parametrize(
        "limits", [{"method": "harmonic", "orders": (1, 2)}, {"components": 2}, {"components": 1, "mode": "constant"}]
    )
    def test_it_goes_on_evenly_to_the_end(self, limits):
        steps = []
        track(noisy(wave(SPEED, 1, 2), 0.3), on_step=lambda step: steps.append(step) or False, **limits, **SMALL)
        told = [(step.index, step.total) for step in steps if step.phase == "track"]
        assert {total for _, total in told} == {told[0][1]}
        shares = np.array([index / total for index, total in told])
        assert shares[0] == 0 and 0.95 < shares[-1] <= 1
        assert 0 <= np.diff(shares).min() and np.diff(shares).max() < 0.6

    @pytest.mark.parametrize("limits", [{"method": "harmonic", "orders": (1, 2)}, {"components": 1}])
    def test_who_waits_can_end_it_within_a_path(self, limits):
        steps = []

        def stop(step) -> bool:
            steps.append(step)
            return step.phase == "track" and step.index > 0

        with pytest.raises(KeyboardInterrupt):
            track(noisy(wave(SPEED, 1, 2), 0.3), on_step=stop, **limits, **SMALL)
        assert steps[-1].index < 0.1 * steps[-1].total


class TestHarmonic:
    def test_a_shaft_is_followed_below_the_noise(self):
        found = track(noisy(wave(SPEED, 1, 2, 3, 4), 2.5), "harmonic", orders=(1, 2, 3, 4), fmin=12, fmax=60, **SMALL)
        truth = np.interp(found.times, CLOCK, SPEED)
        assert np.sqrt(np.mean((found.frequency[0] - truth)[inside(found)] ** 2)) < 0.5
        assert found.spread[0, inside(found)].max() < 3
        np.testing.assert_allclose(found.rpm, 60 * found.frequency)

    def test_without_limits_it_is_not_a_part_of_the_speed(self, sample_data):
        """Of ten orders five are there; a third of the speed has three of them, and the flanks of the others."""
        found = track(load_signal(sample_data / "run_up.wav"), "harmonic", orders=range(1, 11))
        assert found.frequency[0, 0] == pytest.approx(10, abs=1)
        assert np.abs(found.frequency[0, found.times > 4.5] - 45).max() < 2

    def test_orders_beyond_half_the_rate_do_no_harm(self):
        signal = noisy(wave(SPEED, 1, 2, 3), 0.5)
        found = track(signal, "harmonic", orders=(1, 2, 3, 40), fmin=12, fmax=60, **SMALL)
        truth = np.interp(found.times, CLOCK, SPEED)
        assert np.abs(found.frequency[0] - truth)[inside(found)].max() < 0.7


def test_the_order_spectrum_has_lines_where_the_speed_varies():
    samples = wave(SPEED, 1, 2.5)
    times = np.linspace(0, 2.999, 200)
    line = np.interp(times, CLOCK, SPEED)[None]
    known = Track(times, line, line, line, line, Tracking())
    found = order_spectrum(samples, RATE, 0.0, known)
    peaks = found.orders[np.flatnonzero(found.spectrum > 0.5 * found.spectrum.max())]
    assert {round(2 * peak) / 2 for peak in peaks} == {1.0, 2.5}
    assert found.spectrum.max() == pytest.approx(1, rel=0.1)


class TestCommand:
    def test_writes_the_files_of_a_shaft(self, recordings, tmp_path, dstft):
        extra = ["--rpm", "--order-spectrum", "--reference", recordings / "truth.csv", "--labels", "raven"]
        limits = ["--method", "harmonic", "--orders", "1-3", "--fmin", "12", "--fmax", "60"]
        run = dstft("track", recordings / "shaft.wav", *limits, *OPTIONS, *extra, "-o", tmp_path / "out")
        assert run.code == 0, run.err
        names = {"track.csv", "track.png", "metrics.json", "orders.png", "orders.npz", "track.selections.txt"}
        assert {path.name for path in (tmp_path / "out").iterdir()} == names
        table = pandas.read_csv(tmp_path / "out" / "track.csv")
        assert list(table) == ["time_s", "frequency_hz", "amplitude", "confidence", "rpm", "component"]
        np.testing.assert_allclose(table.rpm, 60 * table.frequency_hz, rtol=1e-6)
        numbers = json.loads((tmp_path / "out" / "metrics.json").read_text())
        assert numbers["reference"]["mean_squared_error"] < 0.5
        assert numbers["reference"]["gross_errors"] < 0.05
        labels = pandas.read_csv(tmp_path / "out" / "track.selections.txt", sep="\t")
        assert len(labels) >= 1 and labels["Low Freq (Hz)"].min() > 12
        again = dstft("track", recordings / "shaft.wav", *limits, *OPTIONS, "-o", tmp_path / "out")
        assert again.code == 2 and "--on-existing overwrite" in again.err

    def test_many_inputs_have_a_summary_and_a_bad_one_stops_no_other(self, recordings, tmp_path, dstft):
        (tmp_path / "bad.wav").write_bytes(b"RIFF")
        paths = [recordings / "tone.wav", tmp_path / "bad.wav"]
        run = dstft("track", *paths, "--components", "1", *OPTIONS, "-o", tmp_path / "out", "-q")
        assert run.code == 3
        table = pandas.read_csv(tmp_path / "out" / "summary.csv")
        assert table.median_hz[0] == pytest.approx(151.3, abs=0.5)
        assert "bad.wav" in table.error[1]
        assert (tmp_path / "out" / "tone" / "track.csv").exists()

    def test_a_result_is_tracked_under_its_windows(self, tmp_path, dstft):
        signal = noisy(wave(np.full(COUNT, 151.3), 1), 0.2)
        write_result(optimize(signal, mode="time", steps=2, **SMALL, dpi=30), tmp_path / "run", figures=False)
        run = dstft("track", tmp_path / "run", "--components", "1", "--labels", "audacity")
        assert run.code == 0, run.err
        assert (tmp_path / "run" / "track" / "track.labels.txt").read_text().count("component 1") >= 1
        refused = dstft("track", tmp_path / "run", "--mode", "tf", "-o", tmp_path / "other")
        assert refused.code == 2 and "is a result" in refused.err and not (tmp_path / "other").exists()

    def test_the_folder_of_a_track_is_known_as_one(self, recordings, tmp_path, dstft):
        run = dstft("track", recordings / "tone.wav", *OPTIONS, "--components", "1", "-o", tmp_path / "out")
        assert run.code == 0, run.err
        before = sorted(path.name for path in (tmp_path / "out").iterdir())
        for command in ("info", "plot", "track"):
            refused = dstft(command, tmp_path / "out")
            assert refused.code == 2
            assert "holds a track of dstft track" in refused.err and "incomplete" not in refused.err
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == before

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (["--method", "harmonic"], "--orders 1-10"),
            (["--orders", "1-3"], "--method harmonic"),
            (["--method", "harmonic", "--orders", "3-1"], "such as 1-10"),
            (["--method", "harmonic", "--orders", "30", "--fmin", "20"], "beyond half the sampling rate"),
            (["--components", "0"], "expected 1 to 100"),
            (["--fmin", "400", "--fmax", "300"], "change the limits"),
            (["--tmin", "5"], "frames range from 0 to"),
            (["--max-slope", "-1"], "above 0"),
            (["--reference", "other.csv"], "do not cover those of the track"),
            (["--reference", "words.csv"], "line 2"),
            (["--hop-mode", "time"], "needs even frames"),
        ],
    )
    def test_bad_input_is_refused_and_nothing_written(self, options, words, recordings, tmp_path, monkeypatch, dstft):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "other.csv").write_text("time_s,frequency_hz\n50,100\n60,100\n")
        (tmp_path / "words.csv").write_text("time_s,frequency_hz\n0,high\n")
        run = dstft("track", recordings / "tone.wav", *OPTIONS, *options, "-o", "out")
        assert run.code == 2
        assert words in run.err
        assert run.err.count("Error") == 1
        assert not (tmp_path / "out").exists()


def test_orders_are_read():
    assert read_orders("1-3,2,4.5") == (1, 2, 3, 4.5)
    assert read_orders(None) == ()
    with pytest.raises(InputError, match="such as"):
        read_orders("1;2")


def test_frames_that_moved_are_refused():
    result = optimize(noisy(wave(SPEED, 1), 0.1), mode="fixed", hop_mode="time", support=256, hop=32, steps=1)
    with pytest.raises(InputError, match="needs --hop-mode fixed"):
        track(result)
