"""Frequencies of tracks: how near they are, under which windows, and which ridge is which where several come and go."""

import numpy as np
import pytest

from dstft_cli import Signal, optimize, track
from dstft_cli.tracking.crossings import uncrossed
from dstft_cli.tracking.lattice import Lattice, Motion
from dstft_cli.tracking.track import SURE, Track

RATE, COUNT = 1000, 5000
CLOCK = np.arange(COUNT) / RATE
GRID = {"support": 512, "hop": 8, "theta_min": 32}
COARSE = {"support": 1000, "hop": 25, "theta_min": 100}


def wave(law: np.ndarray) -> np.ndarray:
    return np.sin(2 * np.pi * (np.cumsum(law) - law / 2) / RATE)


def noisy(clean: np.ndarray, level: float, seed: int = 1) -> Signal:
    return Signal(clean + level * np.random.default_rng(seed).standard_normal(len(clean)), RATE, "made.wav")


def swung(swing: float, rate: float) -> np.ndarray:
    return 75 + swing * np.sin(2 * np.pi * rate * CLOCK)


def squared_error(found: Track, law: np.ndarray) -> float:
    inside = (found.times > 0.5) & (found.times < CLOCK[-1] - 0.5)
    return float(np.mean((found.frequency[0] - np.interp(found.times, CLOCK, law))[inside] ** 2))


class TestReadings:
    @pytest.mark.parametrize(("swing", "rate"), [(10.0, 1.2), (8.0, 0.4)], ids=["fast", "slow"])
    def test_no_one_window_reads_a_swinging_tone_better(self, swing, rate):
        """Under windows of 158 and 400 samples: the one suits fast swings, the other slow ones."""
        law = swung(swing, rate)
        signal = noisy(wave(law), 0.2)
        own = squared_error(track(signal, components=1, **COARSE), law)
        for length in (158, 400):
            result = optimize(signal, mode="fixed", theta=length, **COARSE)
            assert own < 0.9 * squared_error(track(result, components=1, max_slope=400.0), law)
        assert own < 0.01  # Hz²; a bin is 1 Hz, and a window sees the tone swing by 15 Hz

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_long_windows_that_smooth_fast_swings_away_are_not_taken(self, seed):
        """They agree with each other on a line through the middle."""
        law = swung(12.0, 1.34)
        found = track(noisy(wave(law), 0.7, seed), components=1, **COARSE)
        assert squared_error(found, law) < 0.2  # of 72 Hz²

    def test_the_spread_is_that_of_the_errors(self):
        law = np.full(COUNT, 100.37)
        errors, spreads = [], []
        for seed in range(4):
            found = track(noisy(wave(law), 0.5, seed), components=1, **COARSE)
            inside = (found.times > 0.5) & (found.times < 4.5)
            errors.append(np.square(found.frequency[0] - 100.37)[inside].mean())
            spreads.append(np.square(found.spread[0])[inside].mean())
        assert 0.3 < np.sqrt(np.mean(spreads) / np.mean(errors)) < 1.5

    def test_an_image_beside_it_does_not_keep_windows_short(self):
        """A low tone without noise: under short windows it beats with its own negative frequency."""
        found = track(noisy(wave(np.full(COUNT, 50.0)), 0.01), components=1, **GRID)
        inside = (found.times > 0.3) & (found.times < 4.7)
        assert np.abs(found.frequency[0] - 50)[inside].max() < 0.05

    def test_a_sharp_turn_is_followed_where_the_others_are_flat(self):
        """Turns that are sharper than the windows let expect; below them is nothing but noise."""
        law = 80 - 30 * np.exp(-0.5 * ((CLOCK - 2.5) / 0.12) ** 2)
        found = track(noisy(wave(law), 0.7, 2), components=1, **COARSE)
        assert np.abs(found.frequency[0] - np.interp(found.times, CLOCK, law))[20:-20].max() < 2


@pytest.fixture(scope="module")
def flutter() -> tuple[Track, dict[str, np.ndarray]]:
    """A loud ramp that ends beside a faint tone, and a louder slide that is there for 0.4 s only."""
    ramp = 50 + 300 * np.clip((CLOCK - 1) / 2, 0, 1)
    laws = {"ramp": ramp, "tone": np.full(COUNT, 357.5), "slide": 245 + 130 * (CLOCK - 1.65)}
    there = (CLOCK > 1.65) & (CLOCK < 2.05)
    clean = wave(ramp) + 0.1 * wave(laws["tone"]) + 0.25 * wave(laws["slide"]) * there
    found = track(noisy(clean, 0.05), **GRID)
    truths = {name: np.interp(found.times, CLOCK, law) for name, law in laws.items()}
    truths["slide"] = np.where((found.times > 1.55) & (found.times < 2.15), truths["slide"], np.nan)
    return found, truths


class TestSeveral:
    def test_all_are_found_and_nothing_else(self, flutter):
        found, truths = flutter
        assert found.components == 3
        away = np.nanmin([np.abs(found.frequency - truth) for truth in truths.values()], axis=0)
        assert away[found.confidence >= SURE].max() < 31  # a lobe of the shortest window, as where the slide begins

    def test_none_goes_from_one_to_another(self, flutter):
        found, truths = flutter
        for i in range(found.components):
            sure = found.confidence[i] >= SURE
            names = np.array(list(truths))[
                np.nanargmin([np.where(np.isnan(t), 1e9, abs(found.frequency[i] - t)) for t in truths.values()], axis=0)
            ]
            assert len(set(names[sure])) == 1

    def test_the_faint_tone_is_told_from_the_loud_one_beside_it(self, flutter):
        found, _ = flutter
        late = (found.times > 3.5) & (found.times < 4.7)
        assert np.abs(found.frequency[1] - 357.5)[late].max() < 1
        assert (found.confidence[1] >= SURE)[late].all()
        assert np.median(found.amplitude[1, late]) == pytest.approx(0.1, rel=0.1)
        assert np.abs(found.frequency[0] - 350)[late].max() < 0.2


class TestExchanges:
    class Plane:
        length, spacing, hop = 0.1, 4.0, 0.02

    frames = np.arange(200.0)

    def exchanged(self, paths, confidence, levels=None):
        levels = np.zeros((2, 200)) if levels is None else levels
        return uncrossed(np.stack(paths), np.stack(confidence), levels, [self.Plane])

    def test_a_tone_goes_on_where_another_path_takes_it_over(self):
        """The first leaves the tone for a slide; the second comes from nowhere and goes on with the tone."""
        flat, slide = np.full(200, 60.0), 60 + 5 * np.maximum(self.frames - 100, 0)
        nowhere = np.where(self.frames < 80, 60 - 2 * (80 - self.frames), 60.0)
        sure = np.ones(200), (self.frames > 101).astype(float)
        paths, confidence, _ = self.exchanged([slide, nowhere], sure)
        np.testing.assert_allclose(paths[0], flat, atol=10)
        np.testing.assert_allclose(paths[0, 105:], 60)
        assert confidence[0, 105:].min() == 1

    def test_a_loud_ridge_stays_loud(self):
        """A loud one comes near to a faint one and turns back: straight on would be the other way round."""
        away = 0.2 * np.abs(self.frames - 100)
        turning = [60 + away, 60 - away]
        for level, kept in ((2.3, True), (0.0, False)):
            levels = np.stack([np.full(200, level), np.zeros(200)])
            paths, _, _ = self.exchanged(turning, np.ones((2, 200)), levels)
            assert (paths[0, -1] > 60) == kept and paths[0, 0] > 60


def test_a_motion_that_fits_a_path_makes_it_likelier():
    path = np.array([10, 10, 14, 14, 10, 10, 14, 14, 10, 10])
    evidence = np.zeros((30, 10))
    fitting, narrow = (Lattice(evidence, Motion(8, change, 1)).score(path) for change in (4.0, 0.7))
    assert fitting > narrow
    straight = np.full(10, 10)
    fitting, narrow = (Lattice(evidence, Motion(8, change, 1)).score(straight) for change in (4.0, 0.7))
    assert fitting < narrow
