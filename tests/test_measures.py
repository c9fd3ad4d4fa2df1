"""The benchmark's measures say what is true of exact pictures, and its scenes are what they claim to be."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import erf

from dstft_cli.stft.frame_positions import fixed_positions
from dstft_cli.stft.transform import dstft_magnitude

sys.path.append(str(Path(__file__).parent / "benchmarks"))  # benchmarks are scripts, not a package

import measures
import quality
from truth_signals import HOP, NAMES, RATE, SPACING, STEP, SUPPORT, Truth, get_scene

BINS, FRAMES = SUPPORT // 2 + 1, 241  # of 0.6 s
ALL = np.ones(FRAMES, bool)
HERTZ = np.arange(BINS)[:, None] * SPACING


def picture(samples: np.ndarray, theta: float, hop: int = HOP) -> np.ndarray:
    return dstft_magnitude(torch.as_tensor(samples), theta, fixed_positions(len(samples), hop), SUPPORT).numpy()


def gaussian_ridge(law: np.ndarray, spread: float) -> np.ndarray:
    """|S| (F, T) of a ridge whose section is a Gaussian of that standard deviation in Hz."""
    return np.exp(-((HERTZ - law) ** 2) / (2 * spread**2))


def noise(seed: int = 0, seconds: float = 0.6) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(round(seconds * RATE))


@pytest.mark.parametrize("theta", [250.0, 500.0, 1000.0])
def test_a_tone_is_as_wide_as_the_window_makes_it(theta):
    tone = np.sin(2 * np.pi * 1503 * np.arange(6000) / RATE)
    inside = (np.arange(FRAMES) > 10) & (np.arange(FRAMES) < 110)
    width = measures.tone_width(picture(tone, theta), np.full(FRAMES, 1503.0), inside, SPACING)
    assert width == pytest.approx(3.30 * RATE / theta, rel=0.05)


def test_the_width_is_taken_20_db_down():
    law = np.full(FRAMES, 2004.0)
    width = measures.tone_width(gaussian_ridge(law, 40.0), law, ALL, SPACING)
    assert width == pytest.approx(2 * 40 * math.sqrt(2 * math.log(10)), rel=0.01)


def test_tones_that_are_not_told_apart_are_one_lobe():
    clock = np.arange(6000) / RATE
    pair = np.sin(2 * np.pi * 1503 * clock) + np.sin(2 * np.pi * 1548 * clock)
    law, inside = np.full(FRAMES, 1503.0), (np.arange(FRAMES) > 10) & (np.arange(FRAMES) < 110)
    apart, merged = (measures.tone_width(picture(pair, theta), law, inside, SPACING) for theta in (1000.0, 500.0))
    assert apart < 45 < 100 < merged


def test_the_share_of_a_ridge_is_what_lies_within_three_bins():
    law = np.linspace(1500, 2500, FRAMES)
    assert measures.ridge_share(gaussian_ridge(law, 8.0), law[None], ALL, SPACING) > 0.999
    on_bins = np.full(FRAMES, 2000.0)
    share = measures.ridge_share(gaussian_ridge(on_bins, 30.0), on_bins[None], ALL, SPACING)
    assert share == pytest.approx(
        erf(35 / 30), rel=0.01
    )  # |S|² has a spread of 30/sqrt 2 Hz, seven bins reach to 35 Hz


def test_harmonics_share_one_ridge():
    laws = np.array([1000.0, 1350.0])[:, None] * np.ones(FRAMES)
    both = gaussian_ridge(laws[0], 8.0) + gaussian_ridge(laws[1], 8.0)
    assert measures.ridge_share(both, laws, ALL, SPACING) > 0.999
    assert measures.ridge_share(both, laws[:1], ALL, SPACING) == pytest.approx(0.5, abs=0.01)


def test_a_ridge_that_lies_3_hz_off_reads_3_hz_off():
    laws = np.stack([np.linspace(1500, 2500, FRAMES), np.linspace(1700, 2700, FRAMES)])
    shown = gaussian_ridge(laws[0] + 3, 20.0) + 5 * gaussian_ridge(
        laws[1] + 3, 20.0
    )  # the louder one is no distraction
    assert measures.frequency_error(shown, laws, ALL, SPACING) == pytest.approx(3.0, abs=0.01)


def click_width(theta: float, rise: bool = False) -> float:
    samples = np.zeros(6000)
    samples[3007 : 6000 if rise else 3008] = 1.0
    band = np.arange(BINS) < 200
    power = picture(samples, theta) ** 2
    profile = measures.transient_profile(power, np.full((1, 1), theta), band, 3007 / HOP)
    return measures.transient_width(profile, 3007 / HOP, STEP, rise)


@pytest.mark.parametrize("theta", [300.0, 600.0, 1000.0])
def test_a_click_is_as_wide_as_the_window_makes_it(theta):
    assert click_width(theta) == pytest.approx(0.62 * theta / RATE * 1e3, rel=0.06)


def test_an_onset_rises_more_slowly_in_a_longer_window():
    rises = [click_width(theta, rise=True) for theta in (100.0, 300.0, 1000.0)]
    assert rises[0] < rises[1] < rises[2]
    profile = 10 ** (-0.1 * np.abs(np.arange(FRAMES) - 60.0))  # 1 dB a frame, then down again
    assert measures.transient_width(profile, 60.0, STEP, True) == pytest.approx(7 * STEP * 1e3)
    assert measures.transient_width(profile, 60.0, STEP, False) == pytest.approx(20 * STEP * 1e3)


def test_noise_leaves_nothing_in_a_profile_whatever_the_windows():
    samples, cut = noise(), 120
    short, long = (picture(samples, theta) ** 2 for theta in (100.0, 800.0))
    late = np.arange(FRAMES) >= cut
    power, theta = np.where(late, short, long), np.where(late, 100.0, 800.0)[None]
    profile = measures.transient_profile(power, theta, np.full(BINS, True), float(cut))
    assert abs(profile[cut:-20].mean()) < 0.1 * power[:, cut:-20].sum(0).mean()


def test_a_fixed_window_gives_the_same_floor_whatever_its_length():
    samples, region = noise(seconds=2.0), np.zeros((BINS, 801), bool)
    region[15:-15, 20:-20] = True
    floors = [
        measures.floor_roughness(picture(samples, theta), np.full((1, 1), theta), region) for theta in (100.0, 800.0)
    ]
    assert floors == pytest.approx([1.25, 1.25], abs=0.2)


def test_a_patchy_floor_is_rough_by_as_much_as_its_patches_differ():
    gain = np.kron(np.indices((34, 13)).sum(0) % 2, np.ones(measures.PATCH))[:BINS, :FRAMES]  # a chessboard, 0 and 1
    whole = np.ones((BINS, FRAMES), bool)
    assert measures.floor_roughness(10 ** (6 * gain / 20), np.ones((1, 1)), whole) == pytest.approx(3.0, abs=0.01)
    theta = 100 * 4.0**gain
    assert measures.floor_roughness(1 / np.sqrt(theta), theta, whole) == pytest.approx(
        0, abs=1e-9
    )  # what white noise gives
    assert measures.theta_spread(theta, whole) == pytest.approx(1.0, abs=0.01)


def test_only_patches_wholly_inside_the_region_count():
    inside = np.ones((BINS, FRAMES), bool)
    inside[:, 35] = False
    assert measures.patches(np.arange(FRAMES) * np.ones((BINS, 1)), inside).max() == 229.5
    assert 29.5 not in measures.patches(np.arange(FRAMES) * np.ones((BINS, 1)), inside)


def test_a_ridge_is_judged_where_it_is_alone():
    (_, up, frames), (_, down, _) = Truth(get_scene("crossing")).ridges()
    assert np.abs(up - down)[:, frames].min() > 600
    assert frames.sum() > 300
    mixture = Truth(get_scene("mix-tone-sine-clicks"))
    for _, _, frames in mixture.ridges():
        away = np.flatnonzero(frames)[:, None] * HOP - [event.sample for event in mixture.scene.events]
        assert np.abs(away).min() >= SUPPORT / 2


@pytest.mark.parametrize("name", NAMES)
def test_a_scene_has_the_noise_it_says_and_the_same_every_time(name):
    scene = get_scene(name)
    added = scene.noisy(10.0) - scene.clean
    assert 10 * np.log10(scene.power / np.mean(added**2)) == pytest.approx(10, abs=0.15)
    assert np.array_equal(scene.noisy(10.0), get_scene(name).noisy(10.0))
    assert np.array_equal(scene.noisy(math.inf), scene.clean)


@pytest.mark.parametrize("name", NAMES)
def test_a_scene_shows_where_its_truth_says(name):
    truth = Truth(get_scene(name))
    power = picture(truth.scene.clean, 300.0) ** 2
    for _, laws, frames in truth.ridges():
        assert frames.sum() >= 10
        assert measures.ridge_share(np.sqrt(power), laws, frames, SPACING) > 0.7
    for _, place, band in truth.events():
        here = slice(round(place) - 10, round(place) + 11)
        level = power[band].sum(0)
        assert abs(here.start + level[here].argmax() - place) < 4
        assert level[here].max() > 100 * level[round(place) - 20]
    assert not truth.floor.any() or power[truth.floor].max() < 1e-4 * power.max()
    assert measures.patches(power, truth.floor).size > 50


@pytest.mark.parametrize(
    ("name", "own", "expected"),
    [("tone_width", 55.0, 1.1), ("tone_width", 50.4, 1.0), ("ridge_share", 40.0, 1.25), ("ridge_share", 60.0, 50 / 60)],
)
def test_what_is_worse_is_more_than_one_time_the_other(name, own, expected):
    assert quality.loss(name, own, 50.0) == pytest.approx(expected)


def figures(width: float | None, share: float) -> dict:
    return {"tone": {"20": {"entropy": {"tone_width": width, "ridge_share": share}}}}


def test_a_check_names_what_has_become_worse(capsys):
    old = figures(40.0, 0.9)
    assert quality.check(old, figures(41.5, 0.87)) == 0
    assert quality.check(old, figures(43.0, 0.87)) == 1
    assert "tone_width 40 -> 43" in capsys.readouterr().out
    assert quality.check(old, figures(40.0, 0.8)) == 1
    assert quality.check(old, figures(None, 0.9)) == 1
    assert quality.check(old, {"chirp": {}}) == 2
