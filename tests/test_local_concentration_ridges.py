"""What runs that maximise local concentration find where the truth is known: tones, clicks, chirps, noise."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import SAMPLES
from optimization_runs import signal
from test_local_concentration import plainly

from dstft_cli import load_signal, optimize
from dstft_cli.stft.frame_positions import fixed_positions
from dstft_cli.stft.transform import dstft as transform

LOCAL = {"criterion": "concentration"}
SUPPORT, HOP, LEAST = 256, 8, 16
INDEX = np.arange(4096)
TONE, CLICK = 20.3, 3296  # a bin, a sample
SWEEP = slice(600, 2400)  # samples, from bin 50 to bin 110
SLOPE = 60 / 1800  # bins a sample


def sweep() -> np.ndarray:
    past = INDEX - SWEEP.start
    wave = np.sin(2 * np.pi / SUPPORT * (50 * past + SLOPE * past**2 / 2))
    return np.where((INDEX >= SWEEP.start) & (INDEX < SWEEP.stop), wave, 0.0)


@pytest.fixture(scope="module")
def scene():
    """θ of a tone, a chirp, a click and a little noise at once, and the frames of the tone and the chirp by themselves."""
    tone, click = np.sin(2 * np.pi * TONE / SUPPORT * INDEX), 30.0 * (INDEX == CLICK)
    noise = 0.05 * np.random.default_rng(0).standard_normal(len(INDEX))
    settings = {**LOCAL, "mode": "tf", "support": SUPPORT, "hop": HOP, "theta_min": LEAST}
    result = optimize(signal(tone + sweep() + click + noise), **settings)
    frames = np.arange(len(result.times))
    inside = (frames > 20) & (frames < frames[-1] - 20)
    return SimpleNamespace(
        theta=result.theta,
        tone=inside & (np.abs(frames * HOP - CLICK) > 2 * SUPPORT),
        chirp=(frames * HOP > SWEEP.start + SUPPORT / 2) & (frames * HOP < SWEEP.stop - SUPPORT / 2),
        frames=frames,
    )


class TestRidges:
    """What is known of each component alone holds on its own ridge, in one picture."""

    def test_a_steady_tone_has_the_longest_windows(self, scene):
        along = scene.theta[round(TONE), scene.tone]
        assert along.min() > 0.9 * SUPPORT

    def test_a_click_has_the_shortest_windows(self, scene):
        """All that see it in a single frame are alike, and between them and twice as long there is little to gain."""
        assert np.median(scene.theta[50:120, CLICK // HOP]) < 1.5 * LEAST

    def test_a_chirp_has_the_window_that_concentrates_it_most(self, scene):
        """The best of all constant windows for the chirp alone, from the formula."""
        frame = (SWEEP.start + SWEEP.stop) // 2 // HOP
        place = round(50 + SLOPE * (frame * HOP - SWEEP.start)), frame
        lengths, alone = np.geomspace(LEAST, SUPPORT, 33), torch.from_numpy(sweep())
        positions, middle = fixed_positions(len(INDEX), HOP), math.sqrt(LEAST * SUPPORT)
        cell = SUPPORT / middle / 2, middle / HOP / 2
        values = [plainly(transform(alone, n, positions, SUPPORT).abs() ** 2, place, cell) for n in lengths]
        best = lengths[np.argmax(values)]
        assert 2 * LEAST < best < 0.9 * SUPPORT
        ridge = np.round(50 + SLOPE * (scene.frames * HOP - SWEEP.start)).astype(int)[scene.chirp]
        octaves = np.log2(scene.theta[ridge, scene.frames[scene.chirp]] / best)
        assert np.abs(octaves).max() < 0.25

    def test_a_tone_alone_takes_the_longest_and_a_click_the_shortest_constant_window(self):
        noise = 0.05 * np.random.default_rng(0).standard_normal(len(INDEX))
        tone, click = np.sin(2 * np.pi * TONE / SUPPORT * INDEX) + noise, 30.0 * (INDEX == CLICK) + noise
        settings = {**LOCAL, "mode": "constant", "support": SUPPORT, "hop": HOP, "theta_min": LEAST}
        assert optimize(signal(tone), **settings).theta.item() == pytest.approx(SUPPORT, rel=0.01)
        assert optimize(signal(click), **settings).theta.item() < 1.25 * LEAST

    def test_noise_leaves_windows_much_alike_and_without_patches(self):
        noise = np.random.default_rng(0).standard_normal(4096)
        octaves = np.log2(optimize(signal(noise), mode="tf", support=256, hop=16, theta_min=16, **LOCAL).theta)
        assert octaves.std() < 0.2
        assert np.abs(np.diff(octaves, axis=0)).mean() + np.abs(np.diff(octaves, axis=1)).mean() < 0.02


def decibels(values):
    return 20 * np.log10(values / values.max())


def width(column, at) -> float:
    """Bins between the points 20 dB below the peak about a bin, interpolated linearly."""
    level = decibels(column[at - 30 : at + 31])
    peak = int(level.argmax())
    right = next(i for i in range(peak, len(level)) if level[i] < -20)
    left = next(i for i in range(peak, -1, -1) if level[i] < -20)
    return (
        right
        - (-20 - level[right]) / (level[right - 1] - level[right])
        - left
        - (-20 - level[left]) / (level[left + 1] - level[left])
    )


@pytest.fixture(scope="module")
def made():
    """|S| (F, T) of the three components under the windows that were learnt and under fixed ones, by their lengths."""
    recording = load_signal(SAMPLES / "three_components.wav")
    result = optimize(recording, mode="tf", support=1000, hop=100, theta_min=50, **LOCAL)
    samples, positions = torch.from_numpy(recording.samples), torch.from_numpy(result.frame_positions)
    fixed = {float(n): transform(samples, n, positions, 1000).abs().numpy() for n in (50, 100, 200, 300, 500, 1000)}
    truth = json.loads((SAMPLES / "truth.json").read_text("utf-8"))["signals"]["three_components"]
    return SimpleNamespace(learnt=np.abs(result.stft), fixed=fixed, positions=result.frame_positions, truth=truth)


class TestPaper:
    """The paper's three components (VI-A) against windows that are the same everywhere."""

    def test_the_tone_is_as_narrow_as_under_the_longest_window(self, made):
        at = round(500 / 200 / (2 * math.pi) * 1000)
        frames = [n for n in range(10, 240) if abs(n - 131) > 5]  # away from the click, and where the signal is whole
        learnt, longest = (
            np.median([width(values[:, n], at) for n in frames]) for values in (made.learnt, made.fixed[1000.0])
        )
        assert learnt < 1.1 * longest

    def test_the_click_is_as_short_as_under_the_shortest_window(self, made):
        band = slice(320, 390)  # 3.2 to 3.9 kHz, above the other components at that time and below the tone
        learnt, shortest = (
            int((decibels(np.sqrt((values[band, 115:148] ** 2).sum(0))) > -20).sum())
            for values in (made.learnt, made.fixed[50.0])
        )
        assert learnt <= shortest + 1

    def test_the_wandering_tone_is_as_distinct_as_under_its_best_fixed_window(self, made):
        """The energy within 3 bins of it, of that within 40 bins; where the steady tone comes nearer, no share is taken."""
        points = next(c for c in made.truth["components"] if c["name"] == "wandering")["points"]
        law = np.interp(made.positions, points["sample"], points["frequency_hz"]) / 10
        frames = [n for n in range(10, 240) if 45 < law[n] and abs(law[n] - 398) > 45 and abs(n - 131) > 5]

        def share(values):
            def near(reach):
                rows = [slice(round(law[n]) - reach, round(law[n]) + reach + 1) for n in frames]
                return sum(float((values[row, n] ** 2).sum()) for row, n in zip(rows, frames, strict=True))

            return near(3) / near(40)

        assert len(frames) > 100
        assert share(made.learnt) > 0.95 * max(share(values) for values in made.fixed.values())
