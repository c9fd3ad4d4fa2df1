"""What the comparisons with other packages measure, and what they say of it."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.append(str(Path(__file__).parent / "benchmarks"))  # benchmarks are scripts, not a package
sys.path.append(str(Path(__file__).parent / "benchmarks" / "peers"))

import cost
import picture_quality
import planes
import quality
import speed
from law_distance import Laws
from measured import GB, Limits, measure
from truth_signals import HOP, RATE, SUPPORT, Truth, get_scene

from dstft_cli import Signal


@pytest.fixture(scope="module")
def tone():
    """A tone at 20 dB, and its pictures under short, middle and long windows."""
    truth = Truth(get_scene("tone"))
    signal = Signal(truth.scene.noisy(20), RATE, "tone")
    pictures = {length: quality.fixed(length)(signal) for length in (50.0, 300.0, 1000.0)}
    return Laws(truth, [magnitude for magnitude, _ in pictures.values()]), pictures


def test_energy_on_the_law_is_nearer_than_energy_beside_it(tone):
    laws, pictures = tone
    found = [laws.judge(*pictures[length])["distance"] for length in (50.0, 300.0, 1000.0)]
    assert found[0] > found[1] > found[2]
    exact = np.where(laws.truth.distance == laws.truth.distance.min(), 1.0, 0.0)
    assert laws.judge(exact, np.ones((1, 1)))["distance"] == pytest.approx(laws.truth.distance.min())


def test_the_distance_is_of_energy_not_of_the_scale_or_the_window(tone):
    laws, pictures = tone
    magnitude, theta = pictures[300.0]
    once = laws.judge(magnitude, theta)
    assert laws.judge(7 * magnitude, theta) == pytest.approx(once)
    assert laws.judge(magnitude * np.sqrt(theta), np.ones((1, 1)))["distance"] == pytest.approx(once["distance"])


def test_the_best_window_for_a_tone_has_the_least_width(tone):
    laws, pictures = tone
    widths = {length: laws.judge(*picture)["local_width"] for length, picture in pictures.items()}
    assert widths[1000.0] == pytest.approx(1, abs=0.02)
    assert 1.5 * widths[1000.0] < widths[300.0] < widths[50.0]


def test_a_click_is_a_law_over_frequency():
    truth = Truth(get_scene("clicks"))
    signal = Signal(truth.scene.clean, RATE, "clicks")
    pictures = [quality.fixed(length)(signal) for length in (50.0, 1000.0)]
    laws = Laws(truth, [magnitude for magnitude, _ in pictures])
    short, long = (laws.judge(*picture) for picture in pictures)
    assert short["distance"] < 0.3 * long["distance"]
    assert short["local_width"] == pytest.approx(1, abs=0.02)


def test_window_lengths_are_drawn_between_coarse_frames_by_octaves():
    theta = torch.tensor([[100.0, 400.0], [200.0, 200.0]])
    assert planes._between(theta, 2, 2.0, 4) == pytest.approx(torch.tensor([[100.0, 200, 400, 400], [200.0] * 4]))
    exact = torch.rand(3, 5) * 900 + 50
    assert planes._between(exact, 5, 1.0, 5) == pytest.approx(exact)


@pytest.mark.parametrize(
    ("method", "package"),
    [
        ("best constant by entropy", "numpy"),
        ("multitaper (SciPy)", "scipy"),
        ("dstft 3.0.0, a window a frame", "dstft"),
        ("ctfr, Lukin-Todd", "ctfr"),
        ("ctfr, fast local sparsity", "ctfr"),
        ("ctfr, fast local sparsity, its windows", "ctfr"),
        ("ssqueezepy", "ssqueezepy"),
        ("librosa, reassigned", "librosa"),
    ],
)
def test_a_method_gives_our_plane(method, package):
    """A tone is in its bin, and a click in its frame."""
    pytest.importorskip(package)
    methods, ones = planes.ONE_WINDOW | planes.OTHERS, np.ones((1, 1))
    truth = Truth(get_scene("tone"))
    ((name, (magnitude, _)),) = methods[method](Signal(truth.scene.noisy(20), RATE, "tone")).items()
    assert name == method
    assert magnitude.shape == (truth.bins, truth.frames)
    assert magnitude[:, truth.frames // 2].argmax() == pytest.approx(1503 / RATE * SUPPORT, abs=2.5)
    samples = np.zeros_like(truth.scene.clean)
    samples[12_000] = 1.0
    ((_, (magnitude, theta)),) = methods[method](Signal(samples + 1e-4 * truth.scene.noisy(0), RATE, "click")).items()
    energy = (magnitude**2 * theta * ones)[250:].sum(0)
    assert energy.argmax() == pytest.approx(12_000 / HOP, abs=2)


def test_who_leads():
    nan = dict.fromkeys(picture_quality.COLUMNS, math.nan)
    found = {
        "own": nan | {"tone_width": 10.3, "ridge_share": 0.9, "entropy": 5.0, "signals": 12},
        "other": nan | {"tone_width": 10.0, "ridge_share": 0.8, "entropy": 4.95, "signals": 12},
        "of fewer signals": nan | {"tone_width": 1.0, "signals": 3},
    }
    count, lines = picture_quality.behind(found, "own", ["other", "of fewer signals"])
    assert count == 3
    level = {"own": nan | {"tone_width": 0.0, "signals": 1}, "other": nan | {"tone_width": 0.0, "signals": 1}}
    assert picture_quality.behind(level, "own", ["other"]) == (1, [])
    assert lines == ["tone Hz (other: 10.0, ours 10.3)"]


def test_the_best_of_some_rows_is_taken_for_each_measure():
    row = dict.fromkeys(picture_quality.COLUMNS, 2.0)
    assert picture_quality.best([row, row | {"ridge_share": 3.0, "tone_width": 1.0}]) == row | {
        "ridge_share": 3.0,
        "tone_width": 1.0,
    }


def test_a_process_is_measured():
    found = measure(["-c", "x = bytearray(200_000_000); print('{\"a\": 1}')"])
    assert found.why == ""
    assert found.said == {"a": 1}
    assert found.peak > 200e6
    assert found.cpu > 0


@pytest.mark.parametrize(
    ("code", "limits", "why"),
    [
        ("bytearray(900_000_000)", Limits(memory=0.5 * GB), "needs more than"),
        ("while True: pass", Limits(cpu=1), "stopped after 1 s"),
        ("raise ValueError('no such thing')", Limits(), "ValueError: no such thing"),
    ],
)
def test_why_a_process_ended(code, limits, why):
    assert why in measure(["-c", code], limits).why


def test_the_exponent_of_a_power_law():
    assert cost.exponent([1, 4, 16], [3.0, 12.0, 48.0]) == pytest.approx(1)
    assert cost.exponent([1, 4, 16], [None, 1.0, 2.0]) == pytest.approx(0.5)
    assert cost.exponent([1, 4], [None, 1.0]) is None


def test_a_recording_just_below_the_limit_is_held_in_memory_and_one_above_is_not():
    low = cost.limit(44_100, 2048, 512, "entropy", "2GB", long=False)
    assert not cost.planned((0.99 * low, 2048, 512), "entropy", 44_100, "2GB").long
    assert cost.planned((1.02 * low, 2048, 512), "entropy", 44_100, "2GB").long


def test_every_row_of_the_table_of_speed_is_a_command_or_a_call():
    rows = speed.cells(
        {speed.ROWS[0]: {"wall": 1.0, "cpu": 0.5, "GB": 1.0, "why": ""}, speed.ROWS[-1]: {"why": "killed"}}
    )
    assert [row["what"] for row in rows] == list(speed.ROWS)
    assert [row["remark"] for row in rows] == ["", *["not run"] * (len(rows) - 2), "killed"]
    assert [rows[0]["s"], rows[1]["s"], rows[-1]["s"]] == [1.0, None, None]
