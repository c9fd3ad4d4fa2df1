"""Which of two window lengths shows a place sharper: noise, tones, clicks and chirps, the ends, and parts of a recording."""

import math

import numpy as np
import pytest
import torch
from local_entropy_fields import HANN, evidence_of, grid_of, reading, wanted, white

from dstft_cli.optimization.local_entropy.evidence import SHARPNESS
from dstft_cli.optimization.local_entropy.loudness import greatest_power
from dstft_cli.optimization.local_entropy.pair_evidence import Comparison, compare_lengths

NEXT = 2 ** (1 / 6)  # ratio of neighbouring lengths
INDEX = np.arange(8000)
QUIET = 1e-3 * white(8000)


def compared(samples: np.ndarray, shorter: float, span=None, ratio=NEXT, dtype=torch.float64) -> Comparison:
    source = reading(samples, dtype)
    greatest = greatest_power(source, len(samples), shorter, HANN)
    return compare_lengths(source, len(samples), span or (0, len(samples)), (shorter, shorter * ratio), HANN, greatest)


def by_hand(samples: np.ndarray, pair: tuple[float, float], place: tuple[float, float]) -> float:
    """The evidence at a place, in cycles per sample and samples, from plain sums over all bins and frames about it."""
    middle, support = math.sqrt(pair[0] * pair[1]), 2 ** math.ceil(math.log2(pair[1]))
    hop = max(1, round(middle / 4))
    frames = np.arange(len(samples) // hop)
    inside = np.arange(-support // 2, support // 2)
    bins = np.arange(support // 2 + 1)
    away = bins - place[0] * support, frames - place[1] / hop
    weights = []
    for steps, deviation in zip(away, (2 * support / middle, middle / 2 / hop), strict=True):
        weight = np.where(np.abs(steps) <= math.ceil(3 * deviation), np.exp(-0.5 * (steps / deviation) ** 2), 0)
        weights.append(weight / weight.sum())
    gaussian = np.outer(*weights)
    padded = np.pad(samples, support, mode="reflect")
    cut = np.stack([padded[n * hop + support + inside] for n in frames])
    levels, sums = [], []
    for length in pair:
        u = inside / length
        window = np.where((u >= -0.5) & (u < 0.5), 1 + np.cos(2 * math.pi * u), 0) / length
        levels.append(length * np.abs(np.fft.rfft(cut * window)).T ** 2)
    greatest = greatest_power(reading(samples), len(samples), pair[0], HANN)
    for power in (level / greatest for level in levels):
        logs, energy = np.log(power + 1e-8), (gaussian * power).sum()
        sums.append((gaussian * power * logs).sum() / energy - math.log(energy) - 0.56 * (gaussian * logs).sum())
    return sums[1] - sums[0]


class TestFormula:
    @pytest.mark.parametrize("shorter", [40.0, 90.5])
    def test_is_that_of_plain_sums(self, shorter):
        samples = np.sin(2 * math.pi * 0.11 * INDEX[:3000]) + 3 * (INDEX[:3000] == 1400) + 0.3 * white(3000)
        found = compared(samples, shorter)
        for row, column in ((2, 14), (5, 20), (7, 33)):
            place = row * found.frequency_step, found.start + column * found.time_step
            expected = by_hand(samples, (shorter, shorter * NEXT), place)
            assert float(found.evidence[row, column]) == pytest.approx(expected, abs=1e-6)

    def test_of_two_lengths_is_the_negative_of_the_other_way_round_on_the_same_grid(self):
        samples = white(4000, 3)
        forth = compared(samples, 64.0, ratio=1.02).evidence
        assert float(forth.abs().mean()) < 0.01  # lengths that are alike show the same

    def test_does_not_depend_on_the_level(self):
        samples = np.sin(0.4 * INDEX[:3000]) + 0.1 * white(3000)
        plain, loud = (compared(level * samples, 64.0).evidence for level in (1.0, 1e5))
        torch.testing.assert_close(loud, plain, rtol=1e-6, atol=1e-9)

    def test_in_single_precision_is_nearly_that_in_double(self):
        samples = np.sin(0.4 * INDEX[:3000]) + 3.0 * (INDEX[:3000] == 900) + 0.1 * white(3000)
        single, double = (compared(samples, 64.0, dtype=dtype).evidence for dtype in (torch.float32, torch.float64))
        torch.testing.assert_close(single.double(), double, rtol=0, atol=2e-4)


class TestNoise:
    @pytest.mark.parametrize("shorter", [32.0, 128.0, 512.0])
    @pytest.mark.parametrize("level", [1e-4, 1.0])
    def test_prefers_no_length(self, shorter, level):
        """The mean over many places, in nats, beside the spread of one place, which is the same at any length."""
        evidence = compared(level * white(30_000), shorter).evidence
        spread = float(evidence.std())
        assert abs(float(evidence.mean())) < 0.2 * spread
        assert 0.025 < spread < 0.045

    @pytest.mark.parametrize(("support", "octaves"), [(256, 2), (256, 3), (1024, 3), (2048, 4)])
    def test_has_a_contrast_that_grows_like_the_root_of_the_octaves(self, support, octaves):
        evidence = evidence_of(white(24_000, 1), support, support / 2**octaves)
        contrast = SHARPNESS * (evidence.values.amax(0) - evidence.values.mean(0))
        assert 0.65 < float(contrast.median()) / math.sqrt(octaves / 3) < 1.25

    def test_says_nothing_at_frequency_0_and_at_half_the_rate(self):
        """There noise and its mirror image share a window."""
        samples = white(8000)
        drift = evidence_of(samples + 30 * np.cos(2 * math.pi * INDEX / 4000), 256, 32).values
        assert not drift[:, 0].any() and not drift[:, -1].any()
        assert float(drift[:, len(drift[0]) // 2].abs().amax(0).median()) > 0

    @pytest.mark.parametrize(("support", "octaves"), [(256, 3), (1024, 3)])
    def test_hardly_votes(self, support, octaves):
        """Next to all of it is told from a signal by its contrast."""
        evidence = evidence_of(white(24_000, 2), support, support / 2**octaves)
        votes = evidence.votes(tuple(evidence.energy.shape))
        assert votes.share < 0.03


class TestPreference:
    """From 16 to 1024 samples: the length with the most evidence."""

    GRID = grid_of(8000, 1024, 16)
    LONG = 860  # the two longest are all but alike in a tone

    def test_a_tone_wants_the_longest(self):
        evidence = evidence_of(np.sin(2 * math.pi * 0.1 * INDEX) + QUIET, 1024, 16)
        for sample in (1500, 4000, 6000):
            assert wanted(evidence, self.GRID, 0.1, sample) >= self.LONG

    def test_a_click_wants_the_shortest(self):
        evidence = evidence_of(10.0 * (INDEX == 4096) + QUIET, 1024, 16)
        for frequency in (0.1, 0.25, 0.4):
            assert wanted(evidence, self.GRID, frequency, 4096) < 18

    @pytest.mark.parametrize("rate", [1e-5, 4e-5, 1.6e-4])
    def test_a_chirp_wants_one_as_the_root_of_its_rate(self, rate):
        """A window of θ samples spreads it over rate·θ cycles per sample, and 1/θ by itself."""
        chirp = np.sin(math.pi * rate * (INDEX - 4096) ** 2 + 2 * math.pi * 0.25 * INDEX) + QUIET
        length = wanted(evidence_of(chirp, 1024, 16), self.GRID, 0.25, 4096)
        assert length * math.sqrt(rate) == pytest.approx(2.0, rel=0.15)

    def test_a_tone_and_a_click_want_their_own_side_by_side(self):
        both = np.sin(2 * math.pi * 0.1 * INDEX) + 15.0 * (INDEX == 4096) + QUIET
        evidence = evidence_of(both, 1024, 16)
        assert wanted(evidence, self.GRID, 0.1, 1500) >= self.LONG
        assert wanted(evidence, self.GRID, 0.35, 4096) < 24

    def test_two_tones_close_together_want_windows_that_part_them(self):
        """They are 1/200 apart: shorter windows show one tone that beats."""
        tones = np.sin(2 * math.pi * 0.2 * INDEX) + np.sin(2 * math.pi * 0.205 * INDEX) + QUIET
        assert wanted(evidence_of(tones, 1024, 16), self.GRID, 0.2025, 4000) > 700


class TestParts:
    SAMPLES = np.sin(2 * math.pi * 0.1 * INDEX) + 5.0 * (INDEX % 1000 == 300) + 0.1 * white(8000)

    @pytest.mark.parametrize("shorter", [9.3, 50.0, 300.0])
    @pytest.mark.parametrize("span", [(0, 700), (2111, 2112), (3000, 5000), (7900, 8000)])
    def test_have_the_values_of_the_whole(self, shorter, span):
        whole, part = compared(self.SAMPLES, shorter), compared(self.SAMPLES, shorter, span)
        assert part.time_step == whole.time_step and part.frequency_step == whole.frequency_step
        first = round((part.start - whole.start) / whole.time_step)
        assert part.start == whole.start + first * whole.time_step  # the same grid
        assert part.start <= span[0] and part.start + (part.evidence.shape[1] - 1) * part.time_step >= span[1] - 1
        count = min(part.evidence.shape[1], whole.evidence.shape[1] - first)
        for name in ("evidence", "energy"):
            ours, theirs = getattr(part, name)[:, :count], getattr(whole, name)[:, first : first + count]
            torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)

    def test_at_some_columns_of_the_working_grid_have_the_evidence_of_all(self):
        whole = evidence_of(self.SAMPLES, 512, 32)
        columns = whole.values.shape[2]
        for first, last in ((0, 3), (5, 40), (columns - 2, columns)):
            part = evidence_of(self.SAMPLES, 512, 32, (first, last))
            torch.testing.assert_close(part.values, whole.values[..., first:last], rtol=0, atol=1e-9)
            torch.testing.assert_close(part.energy, whole.energy[:, first:last], rtol=1e-7, atol=0)


class TestEnds:
    def test_are_no_clicks(self):
        """A tone that is cut off wants long windows at its ends too, whatever its phase there."""
        for phase in (0.0, 1.0, 2.0):
            evidence = evidence_of(np.sin(2 * math.pi * 0.1 * INDEX + phase) + 0.05 * white(8000), 512, 32)
            grid = grid_of(8000, 512, 32)
            lengths = [wanted(evidence, grid, 0.1, sample) for sample in (0, 4000, 7999)]
            assert min(lengths) > 200

    @pytest.mark.parametrize("count", [20, 63, 64, 65, 200, 1000])
    def test_are_never_read_beyond(self, count):
        read, samples = [], torch.from_numpy(white(count))

        def inside(first: int, last: int) -> torch.Tensor:
            read.append((first, last))
            return samples[first:last]

        for span in ((0, count), (0, 1), (count - 1, count)):
            found = compare_lengths(inside, count, span, (32.0, 64.0), HANN, 1.0)
            assert found.evidence.isfinite().all() and found.energy.isfinite().all()
        assert all(0 <= first < last <= count for first, last in read)

    def test_have_the_evidence_of_the_frames_inside_nearest_to_them(self):
        """Whatever lies beyond half a window of an end counts; an end is no place of its own."""
        found = compared(np.sin(0.6 * INDEX[:2000]) + 0.1 * white(2000), 128.0)
        for end, inner in ((0, 1), (-1, -2)):
            torch.testing.assert_close(found.evidence[:, end], found.evidence[:, inner], rtol=0, atol=0.05)


def test_silence_has_no_evidence():
    found = evidence_of(np.where(INDEX < 4000, np.sin(0.5 * INDEX), 0.0), 256, 32)
    silent = found.values[..., -40:]
    assert found.values.isfinite().all() and found.energy.isfinite().all()
    assert float(silent.abs().max()) < 1e-6
