"""Runs whose frames move: against signals with known events, and what holds for every way of placing frames."""

import json
import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from test_optimization import RATE, exact, random_signal, signal

from dstft_cli import load_signal, optimize
from dstft_cli.stft.modes import CONSTANT_HOP, FIXED_HOP, HOP_MODES, MODES, OVERLAP, VARYING_HOP
from dstft_cli.stft.transform import dstft

CRITERIA = ("entropy", "renyi", "kurtosis")
RUNS = [run for run in product(HOP_MODES, MODES, CRITERIA) if run[0] != OVERLAP or run[1] in MODES[:3]]
HOP, SUPPORT, SAMPLES = 16, 64, 600
SHARE = 0.25  # of a window, in hop mode overlap where nothing is said
ROUNDING = 1e-9


def place(hop_mode: str) -> dict:
    """The settings of a small run with that hop mode."""
    return {"hop_mode": hop_mode, "support": SUPPORT, **({} if hop_mode == OVERLAP else {"hop": HOP})}


def plain(criterion: str, size: np.ndarray) -> float:
    """Entropy, Rényi entropy of order 3 or mean spectral kurtosis of |S| (F, T), as textbooks have them."""
    if criterion == "kurtosis":
        return float(np.mean((size**4).mean(0) / (size**2).mean(0) ** 2))
    share = size[size > 0] / size.sum()
    return float(np.log((share**3).sum()) / (1 - 3) if criterion == "renyi" else -(share * np.log(share)).sum())


def covered(result) -> float:
    """How much of the signal lies in a window, at ten points a sample; the mean over frequency."""
    points = (np.arange(10 * len(result.signal.samples)) + 0.5) / 10
    inside = np.zeros((len(result.theta), len(points)), dtype=bool)
    halves = np.broadcast_to(result.theta / 2, (len(result.theta), len(result.frame_positions)))
    for position, half in zip(result.frame_positions, halves.T, strict=True):
        inside |= np.abs(points - position) <= half[:, None]
    return float(inside.mean())


def holds(result) -> None:
    """What is true of every result: places, windows, shapes, figures, and a loss that is not above the first."""
    positions, theta, plane = result.frame_positions, result.theta, result.grid
    samples, (bins, frames) = len(result.signal.samples), result.stft.shape
    assert result.final["loss"] <= result.initial["loss"]
    assert positions[0] == 0 and positions[-1] <= samples * (1 + ROUNDING)
    assert (np.diff(positions) >= plane.hop_min * (1 - 1e-6 if result.hop_mode == OVERLAP else 1 - ROUNDING)).all()
    assert (theta >= plane.theta_min * (1 - 1e-6)).all() and (theta <= result.support).all()
    shapes = {"time-varying": (1, frames), "frequency-varying": (bins, 1), "tf-varying": (bins, frames)}
    assert theta.shape == shapes.get(result.mode, (1, 1))
    assert (bins, frames) == (result.support // 2 + 1, len(positions))
    differ = result.hop_mode == VARYING_HOP or (result.hop_mode == OVERLAP and theta.size > 1)
    assert np.shape(result.hop) == ((frames - 1,) if differ else ())
    assert {len(values) for values in result.history.values()} == {result.steps + 1}
    assert all(np.isfinite(values).all() for values in (result.stft, *result.history.values()))
    json.dumps(result.metrics().model_dump(), allow_nan=False)


def error(result) -> float:
    """The rms error of the transform written, against the plain sum, relative."""
    truth = exact(result)
    return float(np.sqrt(np.mean(np.abs(result.stft - truth) ** 2) / np.mean(np.abs(truth) ** 2)))


def straddling(positions: np.ndarray, theta: np.ndarray | float, events: list[int]) -> int:
    """How many frames have an event in the middle half of their window; theta in samples, one or (T,)."""
    return int(
        (np.abs(positions[:, None] - events) <= np.broadcast_to(theta, positions.shape)[:, None] / 4).any(1).sum()
    )


@pytest.fixture(scope="module", params=RUNS, ids="-".join)
def result(request):
    hop_mode, mode, criterion = request.param
    return optimize(random_signal(3), mode=mode, criterion=criterion, steps=6, **place(hop_mode))


class TestEveryRun:
    """Each hop mode with each window mode and criterion."""

    def test_is_a_sound_result_no_worse_than_it_began(self, result):
        holds(result)

    def test_the_spectrogram_is_the_exact_transform_at_its_windows_and_frames(self, result):
        assert error(result) <= 1.2e-4
        assert result.accuracy.rms == pytest.approx(error(result), rel=0.5)

    def test_what_is_reported_is_what_textbooks_say_of_the_spectrogram(self, result):
        size = np.abs(exact(result))
        assert result.final[result.criterion] == pytest.approx(plain(result.criterion, size), rel=1e-3)
        for name in ("entropy", "kurtosis"):
            assert result.measures[name]["final"] == pytest.approx(plain(name, size), rel=1e-3)
        assert result.measures["coverage"]["final"] == pytest.approx(covered(result), abs=2e-3)

    def test_the_loss_is_the_sum_of_its_terms_at_every_step(self, result):
        terms = dict(result.history)
        loss, value = terms.pop("loss"), terms.pop(result.criterion)
        total = (-np.log(value) if result.criterion == "kurtosis" else value) + sum(terms.values())
        np.testing.assert_allclose(loss, total, rtol=1e-6, atol=1e-6)

    def test_frames_lie_as_the_hop_mode_says(self, result):
        positions, gaps = result.frame_positions, np.diff(result.frame_positions)
        count = 1 + SAMPLES // HOP
        np.testing.assert_allclose(gaps, result.hop, rtol=1e-6)
        if result.hop_mode == FIXED_HOP:
            np.testing.assert_array_equal(positions, HOP * np.arange(count))
        if result.hop_mode == CONSTANT_HOP:
            assert len(positions) == count
            np.testing.assert_allclose(gaps, result.hop, rtol=ROUNDING)
            assert abs(result.hop - HOP) > 0.1
        if result.hop_mode == VARYING_HOP:
            assert len(positions) == count
            assert np.abs(positions - HOP * np.arange(count)).max() > 1 < np.ptp(gaps)
        if result.hop_mode == OVERLAP:
            lengths = np.broadcast_to(result.theta[0], positions.shape)
            np.testing.assert_allclose(gaps, SHARE * lengths[:-1], rtol=1e-6)
            assert positions[-1] + SHARE * lengths[-1] > SAMPLES


def scan(samples: np.ndarray, criterion: str, lengths: np.ndarray, support: int) -> float:
    """The least loss of all those constant windows whose frames follow them, (T of the first window) / T counted in."""
    losses, first = [], 1 + math.floor(len(samples) / (SHARE * support / 2))
    for length in lengths:
        positions = np.arange(1 + math.floor(len(samples) / (SHARE * length))) * SHARE * length
        size = dstft(torch.as_tensor(samples), float(length), torch.as_tensor(positions), support).abs().numpy()
        value = plain(criterion, size)
        losses.append(-math.log(value) if criterion == "kurtosis" else value + math.log(first / len(positions)))
    return min(losses)


K = np.arange(1200)
FOLLOWED = {
    "click": np.eye(1, 1200, 600)[0] + 1e-3 * np.random.default_rng(0).standard_normal(1200),
    "chirp": np.sin(2 * np.pi * (100 * K / RATE + 500 * (K / RATE) ** 2)),
    "tone": np.sin(2 * np.pi * 310 * K / RATE),
    "mixture": random_signal(7, 1200).samples,
}


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("samples", FOLLOWED.values(), ids=FOLLOWED)
def test_one_window_that_frames_follow_is_as_good_as_any_in_an_exhaustive_scan(samples, criterion):
    """As good to 0.005: the number of frames jumps as windows grow, and makes the curve rough."""
    result = optimize(signal(samples), mode="constant", hop_mode=OVERLAP, criterion=criterion, support=128)
    assert result.final["loss"] <= scan(samples, criterion, np.arange(16, 129, 1.5), 128) + 5e-3


DATA = Path(__file__).resolve().parent.parent / "sample_data"
PRESETS = ("shocks", "switching")
FIXED_WINDOWS = (100, 400, 1000)


@pytest.fixture(scope="module", params=PRESETS)
def paper(request):
    """The result of a preset on its signal, that signal's events, and the mean kurtosis of fixed windows and frames."""
    result = optimize(load_signal(DATA / f"{request.param}.wav"), request.param)
    truth = json.loads((DATA / "truth.json").read_text("utf-8"))["signals"][request.param]
    samples, hop = torch.as_tensor(result.signal.samples), {"shocks": 100.0, "switching": 250.0}[request.param]
    positions = torch.arange(len(result.frame_positions), dtype=torch.float64) * hop
    spectra = {length: dstft(samples, float(length), positions, result.support) for length in FIXED_WINDOWS}
    fixed = {length: plain("kurtosis", spectrum.abs().numpy()) for length, spectrum in spectra.items()}
    return result, [event["sample"] for event in truth["events"]], positions.numpy(), fixed


class TestPaper:
    """The experiments of section VI-B, with the presets that are named after their signals."""

    def test_frames_and_windows_concentrate_far_more_than_the_best_fixed_ones(self, paper):
        result, _, _, fixed = paper
        assert result.final["kurtosis"] == pytest.approx(plain("kurtosis", np.abs(result.stft)), rel=1e-4)
        assert result.final["kurtosis"] >= 1.6 * max(fixed.values())
        holds(result)

    def test_nothing_of_the_signal_is_left_out(self, paper):
        assert covered(paper[0]) >= 0.99

    def test_frames_keep_off_the_switches(self, paper):
        result, events, positions, fixed = paper
        before = straddling(positions, max(fixed, key=fixed.get), events)
        assert before >= 5
        assert straddling(result.frame_positions, result.theta[0], events) <= before / 2


NOISE = 0.05 * np.random.default_rng(0).standard_normal(1200)
EVENTS = {
    "a switch of tones": (500, np.sin(2 * np.pi * np.where(K < 500, 200, 610) * K / RATE) + NOISE),
    "a click in a tone": (600, np.sin(2 * np.pi * 200 * K / RATE) + 30 * (K == 600) + NOISE),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("event", "samples"), EVENTS.values(), ids=EVENTS)
def test_frames_move_off_an_event_in_every_window_mode(event, samples, mode):
    settings = {"mode": mode, "criterion": "kurtosis", "support": 128, "hop": 16, "steps": 40}
    result = optimize(signal(samples), hop_mode=VARYING_HOP, **settings)
    before = straddling(16.0 * np.arange(len(result.frame_positions)), result.first_theta, [event])
    assert before >= 2
    assert straddling(result.frame_positions, result.theta.mean(0), [event]) <= before / 2
