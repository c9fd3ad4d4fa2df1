"""How loud a recording is: the power that counts as 1, its noise, and what stands out of it."""

import math

import numpy as np
import pytest
import torch
from local_entropy_fields import HANN, evidence_of, grid_of, reading, white

from dstft_cli import Signal, optimize
from dstft_cli.optimization.local_entropy.loudness import Loudness, greatest_power, measure_loudness
from dstft_cli.optimization.local_entropy.pair_evidence import powers

COUNT, SUPPORT, SHORTEST = 20_000, 256, 32.0
INDEX = np.arange(COUNT)
CALL = np.where((INDEX > 8000) & (INDEX < 10_000), np.sin(2 * math.pi * 0.2 * INDEX), 0.0)
FAINT = 1e-3 * white(COUNT)
BEATING = (1 + 0.9 * np.sin(2 * math.pi * INDEX[:8000] / 300)) * np.sin(
    2 * math.pi * 0.2 * INDEX[:8000]
) + 0.02 * white(8000)


def loudness_of(samples: np.ndarray) -> Loudness:
    return measure_loudness(reading(samples), len(samples), grid_of(len(samples), SUPPORT, SHORTEST), HANN)


def test_the_greatest_power_is_that_of_the_loudest_moment():
    samples = 0.01 * white(5000)
    samples[3210] = 8.0
    source = reading(samples)
    (all_powers,) = powers(source, 5000, (0, 5000 // 8 + 1), 8, 32, (32.0,), HANN)
    assert greatest_power(source, 5000, 32.0, HANN) == pytest.approx(float(all_powers.max()))
    assert greatest_power(reading(np.zeros(500)), 500, 32.0, HANN) > 0


class TestNoise:
    def test_is_the_mean_power_of_the_noise_beside_a_call(self):
        measured = loudness_of(CALL + FAINT)
        (power,) = powers(reading(FAINT), COUNT, (8, COUNT // 16 - 8), 16, SUPPORT, (90.0,), HANN)
        expected = float(power.mean()) / measured.greatest
        assert measured.noise.numpy() == pytest.approx(expected, rel=0.3)

    def test_follows_its_colour(self):
        low = np.convolve(10 * FAINT, np.ones(4) / 4, "same")  # 0 at a quarter of the rate
        noise = loudness_of(CALL + low).noise
        assert float(noise[0] / noise[len(noise) // 2]) > 10

    @pytest.mark.parametrize("steady", [0.05 * (INDEX % 60 == 0), 0.05 * np.sin(2 * math.pi * 0.3 * INDEX)])
    def test_is_not_that_of_pulses_or_tones_that_fill_the_recording(self, steady):
        alone, with_it = (loudness_of(CALL + FAINT + more).noise for more in (0.0, steady))
        ratio = with_it / alone
        assert float(ratio.min()) > 0.7 and float(ratio.max()) < 3

    def test_is_not_that_of_frames_of_silence(self):
        half = np.where(INDEX > 12_000, 0.0, FAINT)
        whole, part = (loudness_of(CALL + noise).noise for noise in (FAINT, half))
        assert part.numpy() == pytest.approx(whole.numpy(), rel=0.5)

    def test_is_less_than_what_fills_the_recording_and_is_loud(self):
        hiss = white(COUNT)
        assert float(loudness_of(hiss).heard(evidence_of(hiss, SUPPORT, SHORTEST).energy).min()) == 1


class TestHeard:
    def test_is_what_stands_out_of_the_noise(self):
        found = evidence_of(CALL + FAINT, SUPPORT, SHORTEST)
        grid = grid_of(COUNT, SUPPORT, SHORTEST)
        row, columns = round(0.2 * SUPPORT / grid.steps[0]), grid.times(0, grid.places[1]).numpy()
        inside, before = (columns > 8300) & (columns < 9700), columns < 7000
        assert float(found.heard[row, inside].min()) == 1
        assert float(found.heard[:, before].mean()) < 0.05

    def test_far_from_a_tone_only_short_windows_hear_its_skirt(self):
        grid, found = grid_of(8000, 512, 16.0), evidence_of(BEATING, 512, 16.0)
        measured = measure_loudness(reading(BEATING), 8000, grid, HANN)

        def at(length: float, distance: float) -> float:
            heard = measured.heard(found.levels[found.nearest(math.log2(length))])
            return float(heard[round((0.2 + distance) * 512 / grid.steps[0])].median())

        assert at(256, 0.0) == at(16, 0.0) == at(16, 0.06) == 1
        assert at(256, 0.06) < 0.05

    def test_so_that_a_run_leaves_the_constant_window_there(self, monkeypatch):
        monkeypatch.setattr("dstft_cli.optimization.run.OptimizationRun.gained_nothing", lambda run: False)
        result = optimize(Signal(BEATING, 1000, "x"), mode="tf", support=512, hop=16, theta_min=16)
        away = np.abs(np.log2(result.theta / result.narrowing.theta))
        assert away[round(0.2 * 512)].max() > 0.15  # octaves
        assert away[round(0.26 * 512) :].max() < 0.1

    def test_votes_alone(self):
        found = evidence_of(CALL + FAINT, SUPPORT, SHORTEST)
        votes = found.votes(tuple(found.energy.shape))
        share = 1 - votes.doubt / votes.voice
        assert float(share[found.heard == 0].max()) == 0 and float(share[found.heard == 1].max()) > 0.9

    def test_is_nothing_in_silence(self):
        measured = Loudness(1.0, torch.zeros(3))
        assert measured.heard(torch.zeros(3, 2)).isfinite().all()
