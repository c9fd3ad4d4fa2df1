"""Pulses that follow each other faster than the columns of a picture are shown as the lines of their harmonics."""

import math

import numpy as np
import pytest
import torch
from local_entropy_fields import evidence_of, grid_of, white

from dstft_cli import Signal, optimize
from dstft_cli.optimization.local_entropy.unseen_pulses import drop_unseen_pulses

COUNT, SUPPORT, SHORTEST, CALM = 20_000, 512, 16.0, 256.0
INDEX = np.arange(COUNT)
PERIOD = 30  # samples from pulse to pulse: 1.5 columns of a picture
PHASE = np.cumsum((1 + 0.01 * np.sin(2 * math.pi * INDEX / 3000)) / PERIOD)
PULSES = np.diff(np.floor(PHASE), prepend=0.0)
NOISE = 0.01 * white(COUNT)
GRID = grid_of(COUNT, SUPPORT, SHORTEST)


def dropped(samples: np.ndarray, seen: int = COUNT, calm: float = CALM) -> tuple[torch.Tensor, torch.Tensor, int]:
    """The evidence before and after, (B, f, t), and the number of the constant length.

    seen: samples that the picture shows.
    """
    found = evidence_of(samples, SUPPORT, SHORTEST)
    before = found.values.clone()
    drop_unseen_pulses(found, GRID, seen, math.log2(calm))
    return before, found.values, found.nearest(math.log2(calm))


def at(values: torch.Tensor, sample: int, frequency: float = 0.2) -> torch.Tensor:
    """The evidence of all lengths at a sample, and at a frequency in cycles per sample."""
    return values[:, round(frequency * SUPPORT / GRID.steps[0]), round(sample / GRID.hop / GRID.steps[1])]


class TestDropUnseenPulses:
    @pytest.mark.parametrize("frequency", [0.1, 0.2, 0.4])
    def test_pulses_say_no_more_for_short_windows_than_for_those_that_show_neither(self, frequency):
        before, after, own = dropped(PULSES + NOISE)
        before, after = at(before, 10_000, frequency), at(after, 10_000, frequency)
        assert before[0] > before[own] + 0.5 and after[0] < after[own] - 0.5
        assert after[0] == pytest.approx(before[:own].min().item(), abs=0.01)

    def test_longer_windows_than_the_constant_one_say_what_they_said(self):
        before, after, own = dropped(PULSES + NOISE)
        assert torch.equal(before[own:], after[own:])

    def test_pulses_that_a_picture_shows_apart_say_what_they_said(self):
        before, after, _ = dropped(PULSES + NOISE, seen=4000)  # 7 columns from one to the next
        assert torch.equal(before, after)

    def test_windows_as_long_as_a_few_columns_say_what_they_said(self):
        before, after, _ = dropped(PULSES + NOISE, seen=COUNT // 2)  # a window of 23 samples covers 2 columns
        unseen = (before != after).flatten(1).any(1).tolist()
        assert unseen[0] and unseen[1] and not any(unseen[2:])

    def test_pulses_stay_where_the_constant_window_is_the_shortest(self):
        before, after, _ = dropped(PULSES + NOISE, calm=SHORTEST)
        assert torch.equal(before, after)

    def test_pulses_stay_where_the_constant_window_shows_no_lines(self):
        before, after, _ = dropped(PULSES + NOISE, calm=64)
        assert torch.allclose(at(before, 10_000), at(after, 10_000), atol=0.5)

    def test_a_click_alone_says_what_it_said(self):
        before, after, _ = dropped((INDEX == 10_000) + NOISE)
        assert torch.allclose(at(before, 10_000), at(after, 10_000), atol=0.01)

    def test_an_onset_of_pulses_says_what_it_said(self):
        before, after, _ = dropped(np.where(INDEX >= 10_000, PULSES, 0) + NOISE)
        assert torch.allclose(at(before, 9990), at(after, 9990), atol=0.05)
        assert at(after, 10_400)[0] < at(before, 10_400)[0] - 1

    def test_a_click_some_columns_away_makes_no_difference(self):
        _, after, _ = dropped(PULSES + NOISE + 10 * (INDEX == 10_120))  # 6 columns
        _, alone, _ = dropped(PULSES + NOISE)
        assert at(after, 10_000)[0] == pytest.approx(at(alone, 10_000)[0].item(), abs=0.3)

    def test_what_is_far_from_a_block_makes_no_difference_in_a_long_recording(self):
        samples = PULSES * np.where(np.abs(INDEX - 16_000) < 100, 10, 1) + NOISE
        whole, block = (evidence_of(samples, SUPPORT, SHORTEST, columns) for columns in (None, (260, 370)))
        for found in (whole, block):
            drop_unseen_pulses(found, GRID, 1000 * COUNT, math.log2(CALM))  # one column is the whole of it
        assert torch.allclose(whole.values[..., 275:355], block.values[..., 15:-15], atol=0.05)

    def test_a_tone_and_noise_say_much_what_they_said(self):
        before, after, _ = dropped(np.sin(0.2 * 2 * math.pi * INDEX) + NOISE)
        assert (before - after).abs().quantile(0.95) < 0.3


class TestRun:
    """Of pulses beside tones at their first five harmonics, from a constant window that shows lines."""

    @staticmethod
    def upper_lengths(count: int) -> float:
        """The median window length above the tones, in samples, in a recording of ``count`` samples."""
        tones = sum(np.sin(2 * math.pi * order * PHASE) / order for order in range(1, 6))
        signal = Signal((PULSES + 0.3 * tones + 0.3 * NOISE)[:count], 20_000.0, "pulses")
        result = optimize(signal, mode="tf-varying", support=SUPPORT, theta_min=SHORTEST, theta=CALM)
        return float(np.median(result.theta[result.theta.shape[0] * 6 // 10 :]))

    def test_shows_lines_in_a_long_recording(self):
        assert self.upper_lengths(COUNT) > 200

    def test_shows_pulses_in_a_short_one(self):
        assert self.upper_lengths(3000) < 20
