"""Places that the constant window hides and another window shows."""

import math

import numpy as np
import pytest
import torch
from local_entropy_fields import evidence_of, grid_of, white

from dstft_cli import Signal, optimize
from dstft_cli.optimization.local_entropy.hidden_places import greatest_within, shown_by_others
from dstft_cli.optimization.run import OptimizationRun

COUNT, SUPPORT, SHORTEST = 20_000, 1024, 64.0
INDEX = np.arange(COUNT)
TONE, NOISE = np.sin(2 * math.pi * 0.1 * INDEX), 0.01 * white(COUNT)
SWEPT = np.arange(8500, 11_500, 250)  # while the chirp goes from 0.23 to 0.41 cycles per sample
CHIRPED = 0.32 + 6e-5 * (SWEPT - 10_000)
CHIRP = np.where(
    np.abs(INDEX - 10_000) < 1500,
    0.02 * np.sin(2 * math.pi * (0.32 * INDEX + 3e-5 * (INDEX - 10_000.0) ** 2)),
    0.0,
)
CLICK = 1.0 * (INDEX == 10_000)
GRID = grid_of(COUNT, SUPPORT, SHORTEST)
FREQUENCIES, TIMES = GRID.frequencies.numpy(), GRID.times(0, GRID.places[1]).numpy()


def hidden(samples: np.ndarray, calm: float) -> np.ndarray:
    """How surely places are shown by another window than one of ``calm`` samples, (f, t)."""
    found = evidence_of(samples, SUPPORT, SHORTEST)
    return shown_by_others(found, GRID, math.log2(calm)).numpy()


def along(plane: np.ndarray, frequencies: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The values at some places, which are given in cycles per sample and in samples."""
    rows = np.abs(FREQUENCIES[:, None] - frequencies).argmin(0)
    return plane[rows, np.abs(TIMES[:, None] - times).argmin(0)]


class TestShownByOthers:
    def test_a_faint_chirp_that_a_long_window_spreads(self):
        found = hidden(TONE + NOISE + CHIRP, SUPPORT)
        assert np.median(along(found, CHIRPED, SWEPT)) > 0.7
        assert found[:, np.abs(TIMES - 10_000) > 2500].mean() < 0.01

    def test_a_faint_click_in_noise_and_no_place_beside_it(self):
        found = hidden(TONE + 5 * NOISE + CLICK, SUPPORT)
        rows = (FREQUENCIES > 0.2) & (FREQUENCIES < 0.45)
        column = np.abs(TIMES - 10_000).argmin()
        assert np.median(found[rows, column]) > 0.7
        assert found[rows][:, np.abs(TIMES - 10_000) > 500].mean() < 0.01

    def test_not_the_skirts_of_a_tone_under_short_windows(self):
        found = hidden(TONE + NOISE, SUPPORT)
        inside = (TIMES > SUPPORT) & (TIMES < COUNT - SUPPORT)
        beside = (np.abs(FREQUENCIES - 0.1) > 0.005) & (FREQUENCIES < 0.3)
        assert found[beside][:, inside].mean() < 0.01

    def test_not_the_time_about_a_click_that_long_windows_fill(self):
        found = hidden(CLICK + 1e-3 * NOISE, SHORTEST)
        assert found[:, np.abs(TIMES - 10_000) < SUPPORT / 2].mean() < 0.01

    def test_not_silence_beside_a_click(self):
        found = shown_by_others(evidence_of(CLICK, SUPPORT, SHORTEST, dtype=torch.float32), GRID, 8.0)
        assert float(found[:, np.abs(TIMES - 10_000) > 3 * SUPPORT].max()) < 0.01

    def test_not_noise(self):
        assert hidden(NOISE, 256).mean() < 0.01


@pytest.mark.parametrize("reach", [0, 1, 2, 5, 12])
@pytest.mark.parametrize("axis", [0, 1])
def test_the_greatest_value_within_some_places(reach: int, axis: int):
    values = torch.rand(13, 14, generator=torch.Generator().manual_seed(3))
    padded = torch.nn.functional.pad(values, (reach,) * 4, value=-1.0)
    expected = padded.unfold(axis, 2 * reach + 1, 1).amax(-1)
    expected = expected.narrow(1 - axis, reach, values.shape[1 - axis])
    assert torch.equal(greatest_within(values, reach, axis), expected)


def test_a_run_takes_short_windows_along_a_faint_chirp_and_not_in_noise():
    samples = 0.03 * TONE + 2.5 * NOISE + CHIRP
    result = optimize(Signal(samples, 1000, "x"), mode="tf", support=SUPPORT, hop=16, theta_min=SHORTEST)
    shares = result.theta / result.narrowing.theta
    columns = np.abs(result.frame_positions[:, None] - SWEPT).argmin(0)
    chirp = shares[np.round(CHIRPED * SUPPORT).astype(int), columns]
    assert chirp.max() < 0.45  # 0.6 where the constant window decides
    noise = shares[round(0.15 * SUPPORT) :, result.frame_positions < 6000]
    assert np.quantile(np.abs(np.log2(noise)), 0.99) < 0.1  # octaves


@pytest.mark.parametrize(("mode", "kept"), [("tf-varying", True), ("time-varying", False)])
def test_the_loss_decides_only_where_both_lengths_are_found_by_the_same_votes(mode, kept, monkeypatch):
    lost = OptimizationRun.gained_nothing

    def no_gain(run: OptimizationRun, calmed: bool = False) -> bool:
        run.history[0] = {**run.history[0], "loss": run.final["loss"] - 1.0}
        return lost(run, calmed)

    monkeypatch.setattr(OptimizationRun, "gained_nothing", no_gain)
    clicks = sum(4.0 * (INDEX == at) for at in (5000, 9000, 13_000))
    result = optimize(Signal(TONE + NOISE + clicks, 1000, "x"), mode=mode, support=512, hop=16, theta_min=16)
    assert (np.ptp(result.theta) > 0) == kept
