"""The benchmark "grid against gradient" knows the truth: its signals do what their laws say, its estimators read it, it counts."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from dstft_cli import DSTFT
from dstft_cli.optimization.criteria import entropy
from dstft_cli.stft.frame_positions import fixed_positions
from dstft_cli.stft.transform import dstft_magnitude

sys.path.append(str(Path(__file__).parent / "benchmarks"))  # benchmarks are scripts, not a package

import constant
import grid_gradient
import track_signals as tracks
from track_signals import HOP, SHAFT, SINE, SUPPORT

SILENCE = 300.0  # dB: no noise to speak of
KINDS = pytest.mark.parametrize("kind", [SHAFT, SINE], ids=lambda kind: kind.name)


def picture(samples: np.ndarray, theta: float) -> np.ndarray:
    return dstft_magnitude(torch.as_tensor(samples), theta, fixed_positions(len(samples), HOP), SUPPORT).numpy()


def analytic(samples: np.ndarray) -> np.ndarray:
    """The complex signal without negative frequencies."""
    spectrum = np.fft.fft(samples)
    spectrum[1 : len(samples) // 2] *= 2
    spectrum[len(samples) // 2 + 1 :] = 0
    return np.fft.ifft(spectrum)


def test_a_sine_has_the_frequency_that_its_law_says():
    track = tracks.make(SINE, 3, SILENCE)
    phase = np.unwrap(np.angle(analytic(track.samples)))
    heard = (phase[2:] - phase[:-2]) / 2 * SINE.rate / (2 * np.pi)
    assert np.abs(heard - track.law[1:-1])[500:-500].max() < 0.3
    assert np.ptp(track.law) > 10


def test_a_shaft_rests_and_ramps_no_faster_than_is_said():
    for seed in range(5):
        slope = np.diff(tracks.make(SHAFT, seed, SILENCE).law) * SHAFT.rate
        assert 0.3 < np.mean(slope == 0) < 0.9
        assert 20 < np.abs(slope).max() <= tracks.STEEPEST


@KINDS
def test_the_noise_is_as_strong_as_asked(kind):
    clean, noisy = (tracks.make(kind, 1, snr).samples for snr in (SILENCE, 10.0))
    power = np.mean((noisy - clean) ** 2)
    assert 10 * math.log10(np.mean(clean**2) / power) == pytest.approx(10, abs=0.3)


def test_the_mean_frequency_weighs_bins_by_their_magnitude():
    plane = torch.zeros(11, 2)
    plane[4, 0], plane[8, 0], plane[5, 1] = 3.0, 1.0, 2.0
    assert tracks.mean_frequency(plane, 2.0).tolist() == [10.0, 10.0]
    assert tracks.mean_frequency(plane, 2.0, torch.tensor([8.0, 10.0]), 4.0).tolist() == [8.0, 10.0]


def test_a_clean_tone_is_read_without_error():
    rate = SINE.rate
    tone = tracks.Track(SINE, np.sin(2 * np.pi * 80.4 * np.arange(4 * rate) / rate), np.full(4 * rate, 80.4))
    found = tracks.squared_errors(picture(tone.samples, 500.0), tone)
    assert found["ridge"] < 1e-4
    assert found["about"] < 1e-4


@KINDS
def test_without_noise_a_short_window_follows_the_law(kind):
    track = tracks.make(kind, 2, SILENCE)
    found = tracks.squared_errors(picture(track.samples, 200.0), track)
    assert found["ridge"] < 0.05
    assert found["about"] < 0.05


def test_the_path_takes_the_largest_sum_that_its_steps_allow():
    scores = np.zeros((9, 5))
    scores[2] = 1.0
    scores[8, 2] = 3.0  # worth more than the row's 1, but too far away
    assert tracks.follow(scores, 1).tolist() == [2] * 5
    assert tracks.follow(scores, 6).tolist() == [2, 2, 8, 2, 2]


def test_frames_alone_have_the_entropy_of_their_own_lines():
    plane = torch.zeros(8, 3)
    plane[0], plane[:4, 1], plane[:, 2] = 1.0, 5.0, 0.1  # 1, 4 and 8 bins alike, at any level
    assert grid_gradient.frames_entropy(plane).item() == pytest.approx((math.log(4) + math.log(8)) / 3)


def test_forward_and_backward_count_as_a_transform_each():
    samples, frames = torch.randn(2000, generator=torch.Generator().manual_seed(0)), 21
    layer = DSTFT(1000, 100, theta=300.0)
    with grid_gradient.counted(frames) as total:
        for _ in range(3):
            entropy(layer(samples).abs()).backward()
    assert total == [6.0]
    with grid_gradient.counted(frames) as total:
        torch.stft(samples, 1000, 100, window=torch.ones(1000), pad_mode="constant", return_complex=True)
    assert total == [1.0]


@pytest.mark.parametrize("exponent", [1, 2, 60, 251])
def test_combinations_are_those_of_whole_numbers(exponent):
    digits = str(len(constant.GRID) ** exponent)
    mantissa, power = grid_gradient.power(len(constant.GRID), exponent).split("e")
    assert int(power) == len(digits) - 1
    assert float(mantissa) == pytest.approx(int(digits[:6].ljust(6, "0")) / 1e5, abs=0.006)
