"""The noise of a picture: found whatever the window lengths, drawn at one level, and told from what stands above it."""

import numpy as np
import pytest
import torch

from dstft_cli.figures import noise_floor
from dstft_cli.figures.shown.display import Display
from dstft_cli.figures.shown.local_means import box_mean, largest_neighbour
from dstft_cli.figures.shown.view import View
from dstft_cli.stft.checked_transform import checked_transform
from dstft_cli.stft.framed_signal import FramedSignal
from dstft_cli.stft.noise.floor import noise_floor as floor_of
from dstft_cli.stft.windows import get_window

COUNT, SUPPORT, HOP = 16_000, 512, 32
SHAPE = (SUPPORT // 2 + 1, COUNT // HOP + 1)
INNER = np.s_[20:-20, 20:-20]  # without the ends of the recording, and the bins that hold the constant part
WHITE = np.random.default_rng(0).standard_normal(COUNT)


def waves(shortest, longest=SUPPORT):
    """Window lengths (F, T) in smooth waves between two lengths."""
    time, frequency = np.linspace(0, 1, SHAPE[1])[None], np.linspace(0, 1, SHAPE[0])[:, None]
    turns = 0.5 + 0.5 * np.sin(2 * np.pi * (3 * time + 1.5 * frequency))
    return (shortest * (longest / shortest) ** turns).astype(np.float32)


def magnitude(samples, theta):
    positions = torch.arange(0, COUNT + 1, HOP, dtype=torch.float64)
    framed = FramedSignal(torch.tensor(samples, dtype=torch.float32), positions, SUPPORT, get_window("hann"))
    return checked_transform(framed, torch.tensor(theta), 0)[0].abs().numpy()


def analysed(values, theta):
    """P over the floor, how surely each point stands out, and the floor in the unit of θ|S|²."""
    power = noise_floor.equal_noise_power(values, theta)
    floor = floor_of(power)
    ratio = power / floor[:, None].astype(np.float32)
    return ratio, noise_floor.stands_out(ratio, theta, HOP, SUPPORT), floor * float(values.max()) ** 2


def even(values, theta, central):
    ratio, found, _ = analysed(values, theta)
    return noise_floor.even_noise(values, theta, ratio, found, central)


def levels(values, theta):
    """The typical level in dB where windows are about as long, for lengths half an octave apart."""
    steps = np.round(2 * np.log2(theta[INNER]))
    return [20 * np.log10(np.median(values[INNER][steps == step])) for step in np.unique(steps)]


@pytest.fixture(scope="module", params=[128, 8], ids=["4-fold", "64-fold"])
def varied(request):
    """Window lengths, and |S| of white noise under them."""
    theta = waves(request.param)
    return theta, magnitude(WHITE, theta)


class TestFloor:
    def test_is_the_mean_of_white_noise_under_windows_of_any_length(self, varied):
        theta, values = varied
        ratio, _, _ = analysed(values, theta)
        assert 10 * np.log10(ratio[INNER].mean()) == pytest.approx(0, abs=0.4)
        assert np.abs(10 * np.log10(ratio[INNER].mean(1))).max() < 1.5

    def test_stays_where_it_is_below_a_tone_and_a_click(self):
        theta = waves(32)
        signal = WHITE + 10 * np.cos(2 * np.pi * 100 / SUPPORT * np.arange(COUNT))
        signal[COUNT // 2] += 1000
        floors = [analysed(magnitude(samples, theta), theta)[2] for samples in (WHITE, signal)]
        assert np.abs(10 * np.log10(floors[1] / floors[0])).max() < 5
        assert np.median(np.abs(10 * np.log10(floors[1] / floors[0]))) < 0.5

    @pytest.mark.parametrize("silent", [np.s_[: 2 * COUNT // 3], np.s_[COUNT // 10 :]], ids=["begins", "ends"])
    def test_is_that_of_the_noise_if_the_rest_is_digital_silence(self, silent):
        samples = WHITE.copy()
        samples[silent] = 0
        theta = np.full((1, 1), 256, np.float32)
        floor, whole = (analysed(magnitude(given, theta), theta)[2] for given in (samples, WHITE))
        assert np.median(10 * np.log10(floor / whole)) == pytest.approx(0, abs=1.5)

    @pytest.mark.parametrize("frames", [1, 2, 5, 40])
    def test_of_few_frames_is_about_right(self, frames):
        power = np.random.default_rng(1).exponential(3.0, (513, frames)).astype(np.float32)
        assert 10 * np.log10(np.median(floor_of(power)) / 3) == pytest.approx(0, abs=0.7)

    def test_of_a_tone_alone_lies_80_db_below_it_and_of_silence_at_zero(self):
        tone = magnitude(np.cos(0.6 * np.arange(COUNT)), theta := np.full((1, 1), 512, np.float32))
        power = noise_floor.equal_noise_power(tone, theta)
        assert 10 * np.log10(floor_of(power).min() / power.max()) == pytest.approx(-80)
        assert not floor_of(np.zeros((33, 5), np.float32)).any()

    def test_of_the_largest_of_several_frames_is_that_of_single_ones(self):
        theta, group = np.full((1, 1), 128, np.float32), 10
        values = magnitude(WHITE, theta)[:, :500]
        largest, span = values.reshape(len(values), 50, group).max(2), HOP * (group - 1.0)
        power = noise_floor.equal_noise_power(largest, theta, span)
        floor = floor_of(power, noise_floor.independent_values(theta, span))
        single = floor_of(noise_floor.equal_noise_power(values, theta))
        assert np.median(10 * np.log10(floor / single)) == pytest.approx(0, abs=1)
        assert np.mean(power / floor[:, None]) == pytest.approx(1, abs=0.15)


class TestEvenNoise:
    def test_has_one_level_under_windows_of_all_lengths(self, varied):
        theta, values = varied
        central = float(np.sqrt(theta.min() * theta.max()))
        plain, shown = (np.ptp(levels(given, theta)) for given in (values, even(values, theta, central)))
        assert plain > 4
        assert shown < 0.6

    @pytest.mark.parametrize("decibels", [10, 16])
    @pytest.mark.parametrize("kind", ["tone", "click"])
    def test_leaves_what_stands_10_db_above_the_floor(self, varied, kind, decibels):
        theta, values = varied
        floor, lone, mid = np.median(analysed(values, theta)[2]), np.zeros(COUNT), SHAPE[1] // 3
        if kind == "tone":
            lone = np.cos(2 * np.pi * 100 / SUPPORT * np.arange(COUNT))
        else:
            lone[mid * HOP] = 1.0
        place = np.s_[100:101, 20:-20] if kind == "tone" else np.s_[20:-20, mid : mid + 1]
        power = theta * magnitude(lone, theta) ** 2
        lone *= np.sqrt(10 ** (decibels / 10) * floor / np.median(power[place]))
        clear = theta * magnitude(lone, theta) ** 2 >= 10 * floor
        both = magnitude(WHITE + lone, theta)
        central = float(np.sqrt(theta.min() * theta.max()))
        shown = even(both, theta, central)
        moved = np.abs(20 * np.log10(shown / both))[place][clear[place]]
        assert moved.size > 100
        assert np.mean(moved > 0.5) < (0.15 if decibels == 10 else 0.07)  # where noise lowers its level
        strong = analysed(both, theta)[0] >= 10
        assert np.abs(20 * np.log10(shown[strong] / both[strong])).max() < 0.5
        assert np.median(moved) < 0.05

    @pytest.mark.parametrize(("db_ref", "exact"), [("max", False), ("1", True)])
    def test_a_burst_of_hiss_is_no_louder_under_shorter_windows_unless_levels_are_in_a_unit(self, db_ref, exact):
        """The first half is 30 dB louder; there windows are 512 and 64 samples long in turn, 9 dB apart as they are."""
        theta = np.full(SHAPE, 512.0, np.float32)
        theta[:, 4 : SHAPE[1] // 2 - 4 : 2] = 64.0
        values = magnitude(WHITE * np.where(np.arange(COUNT) < COUNT / 2, 31.6, 1.0), theta)
        display = Display(values, theta, np.arange(SHAPE[1]), np.arange(SHAPE[0]), HOP, SUPPORT)
        shown = display.picture(View(db_ref=db_ref))
        short, long = (20 * np.log10(np.median(shown[20:-20, at : SHAPE[1] // 2 - 4 : 2])) for at in (4, 5))
        assert short - long > 6 if exact else abs(short - long) < 1

    def test_keeps_the_order_of_levels_where_windows_are_long(self):
        ratio = np.geomspace(1e-3, 1e3, 200)[None].astype(np.float32)
        found = noise_floor.stands_out(ratio, np.float32(64), HOP, SUPPORT)
        shown = noise_floor.even_noise(np.sqrt(ratio), np.full((1, 1), 800.0), ratio, found, 100.0)
        assert (np.diff(shown[0]) >= -1e-6).all()

    def test_leaves_constant_windows_alone(self):
        values = magnitude(WHITE, theta := np.full((1, 1), 300, np.float32))
        _, found, _ = analysed(values, theta)
        assert np.array_equal(even(values, theta, noise_floor.central_length(theta, found)), values)


def test_little_of_white_noise_stands_out_and_all_of_a_faint_tone_does():
    theta = np.full((1, 1), 256, np.float32)
    assert analysed(magnitude(WHITE, theta), theta)[1].mean() < 0.01
    faint = 2 * np.sqrt(12 * np.median(analysed(magnitude(WHITE, theta), theta)[2]) / 256)
    tone = WHITE + faint * np.cos(2 * np.pi * 100 / SUPPORT * np.arange(COUNT))
    assert np.mean(analysed(magnitude(tone, theta), theta)[1][100, 20:-20] > 0.95) > 0.97


def test_the_central_length_is_the_median_of_what_stands_out():
    theta = np.full((10, 10), 16.0)
    theta[:3], theta[3:6] = 100.0, 400.0
    found = np.zeros((10, 10), np.float32)
    assert noise_floor.central_length(theta, found) == pytest.approx(100, rel=0.02)
    found[3:6] = 1
    assert noise_floor.central_length(theta, found) == pytest.approx(400, rel=0.02)


def test_means_and_maxima_are_those_of_the_points_around():
    values = np.random.default_rng(0).random((7, 9)).astype(np.float32)
    half = np.random.default_rng(1).integers(0, 4, (7, 9))
    for m, n in np.ndindex(7, 9):
        assert largest_neighbour(values)[m, n] == values[max(0, m - 1) : m + 2, max(0, n - 1) : n + 2].max()
        reach = half[m, n]
        along, across = values[m, max(0, n - reach) : n + reach + 1], values[max(0, m - reach) : m + reach + 1, n]
        assert box_mean(values, half, 1)[m, n] == pytest.approx(along.mean(), rel=1e-5)
        assert box_mean(values, half, 0)[m, n] == pytest.approx(across.mean(), rel=1e-5)
