"""How wide known components are under the windows that local entropy finds, beside the best window at each place."""

import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from local_entropy_fields import decay, grid_of, white
from optimization_runs import signal

from dstft_cli import optimize
from dstft_cli.stft.frame_positions import fixed_positions
from dstft_cli.stft.transform import dstft_magnitude

sys.path.append(str(Path(__file__).parent / "benchmarks"))  # benchmarks are scripts, not a package

from local_width import Truth

COUNT, SUPPORT, HOP, SHORTEST = 6000, 256, 16, 32
INDEX = np.arange(COUNT)
GRID = grid_of(COUNT, SUPPORT, SHORTEST, HOP)
LENGTHS = np.geomspace(SHORTEST, SUPPORT, 13)


@dataclass(frozen=True)
class Scene:
    """clean: samples. components: (sample, cycles per sample) of the points of each."""

    clean: np.ndarray
    components: list[tuple[np.ndarray, np.ndarray]]

    def noisy(self, level: float) -> np.ndarray:
        return self.clean + level * white(COUNT, 7)


def tone(frequency: float) -> tuple[np.ndarray, np.ndarray]:
    return INDEX, np.full(COUNT, frequency)


def click(sample: int, low: float = 0.0, high: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    frequencies = np.linspace(low, high, 2000)
    return np.full(2000, sample), frequencies


def close_tones_and_clicks() -> Scene:
    clicks = [700, 1900, 3100, 4300, 5500]
    frequencies = (0.1, 0.1078)  # two bins apart
    waves = sum(0.3 * np.sin(2 * math.pi * frequency * INDEX) for frequency in frequencies)
    waves[clicks] += 8.0
    return Scene(waves, [*map(tone, frequencies), *map(click, clicks)])


def chirp() -> Scene:
    """Its best window is 90 samples long, beside a tone's 256."""
    rate = 5e-4
    past = INDEX % 800 - 400
    frequency = 0.25 + rate * past
    wave = np.sin(2 * math.pi * (0.25 * past + rate * past**2 / 2)) * np.hanning(800)[INDEX % 800]
    parts = [(INDEX[n : n + 800][200:600], frequency[n : n + 800][200:600]) for n in range(0, 5600, 800)]
    return Scene(wave + 0.5 * np.sin(2 * math.pi * 0.03 * INDEX), [*parts, tone(0.03)])


def struck(frequencies: tuple[float, ...], rate: float, band: tuple[float, float]) -> Scene:
    """Partials that die away, and in a band above them the knock of each stroke."""
    wave, parts, (low, high) = np.zeros(COUNT), [], band
    for start in (600, 2400, 4200):
        for k, frequency in enumerate(frequencies):
            wave += decay(COUNT, start, frequency, rate * (1 + k)) / (1 + k)
            last = min(COUNT, start + int(3000 / (1 + k)))
            parts.append((np.arange(start, last), np.full(last - start, frequency)))
        away = INDEX - start
        wave += 8 * (high * np.sinc(2 * high * away) - low * np.sinc(2 * low * away))
        parts.append(click(start, low, high))
    return Scene(wave, parts)


def struck_partials() -> Scene:
    return struck((0.05, 0.1003, 0.151, 0.2022, 0.253), 0.001, (0.32, 0.5))


def struck_in_a_part_of_the_plane() -> Scene:
    return struck((0.02, 0.0403, 0.06, 0.08), 0.0005, (0.1, 0.2))


def judged(scene: Scene, level: float) -> tuple[float, float]:
    """The excess under the windows found and under the best constant one, in per cent."""
    samples, truth = scene.noisy(level), Truth(scene.components, GRID)
    positions, values = fixed_positions(COUNT, HOP), torch.as_tensor(samples, dtype=torch.float32)
    planes = [dstft_magnitude(values, length, positions, SUPPORT).numpy() for length in LENGTHS]
    best = [np.min(widths, 0) for widths in zip(*(truth.widths(plane) for plane in planes), strict=True)]
    result = optimize(signal(samples), mode="tf", support=SUPPORT, hop=HOP, theta_min=SHORTEST)
    return truth.excess(np.abs(result.stft), best), min(truth.excess(plane, best) for plane in planes)


@pytest.mark.parametrize(
    ("scene", "level", "share"),
    [
        (close_tones_and_clicks, 0.003, 0.4),
        (close_tones_and_clicks, 0.1, 0.4),
        (chirp, 0.003, 0.5),
        (chirp, 0.05, 0.5),
        (struck_partials, 0.003, 0.5),
        (struck_partials, 0.1, 0.5),
        (struck_in_a_part_of_the_plane, 0.005, 0.5),
        (struck_in_a_part_of_the_plane, 0.1, 0.5),
    ],
)
def test_components_are_clearly_sharper_than_under_the_best_constant_window(scene, level, share):
    found, constant = judged(scene(), level)
    assert found < share * constant


def test_a_burst_has_an_area_and_no_width():
    """A stroke that dies away within 12 samples: by distance, windows that smear it over time would be as good."""
    stroke = decay(COUNT, 3000, 0.3, 1 / 12)
    truth = Truth([(INDEX[3000:3040], np.full(40, 0.3))], GRID)
    positions, values = fixed_positions(COUNT, HOP), torch.as_tensor(stroke, dtype=torch.float32)
    short, middle, long = (dstft_magnitude(values, length, positions, SUPPORT).numpy() for length in (32, 90, 256))
    assert not truth.widths(short) and len(truth.bursts) == 1
    assert truth.areas(short) == np.sum(short > short.max() / 2)
    assert 1.5 * truth.areas(short) < truth.areas(middle) < truth.areas(long) / 1.5


def test_the_area_of_a_burst_ends_before_the_next_burst():
    stroke = decay(COUNT, 3000, 0.3, 1 / 12)
    positions = fixed_positions(COUNT, HOP)
    truth = Truth([(INDEX[3000:3040], np.full(40, 0.3))], GRID)
    one, two = (
        dstft_magnitude(torch.as_tensor(values, dtype=torch.float32), 32, positions, SUPPORT).numpy()
        for values in (stroke, stroke + 2 * decay(COUNT, 3400, 0.3, 1 / 12))
    )
    assert truth.areas(two) == truth.areas(one)
