"""Local concentration: log C against its formula, the weighted mean and its slope, and which points have weight."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from dstft_cli.optimization import local_concentration
from dstft_cli.optimization.local_concentration import LocalConcentration
from dstft_cli.stft import framed_signal
from dstft_cli.stft.frame_positions import fixed_positions
from dstft_cli.stft.framed_signal import FramedSignal
from dstft_cli.stft.transform import dstft
from dstft_cli.stft.windows import WINDOWS

LOW, L, HOP = 8.0, 64, 40
F, T = L // 2 + 1, 26
SHAPES = [(1, 1), (1, T), (F, 1), (F, T)]
DTYPES = [torch.float32, torch.float64]
POINTS = {
    "inside": (16, 13),
    "first bin": (0, 13),
    "last bin": (F - 1, 8),
    "first frame": (16, 0),
    "last frame": (10, T - 1),
    "last corner": (F - 1, T - 1),
}


@pytest.fixture
def signal(two_tones_and_click):
    return torch.from_numpy(two_tones_and_click)


def field(signal, hop=HOP, support=L, low=LOW, high=None, window="hann", on_node=None) -> LocalConcentration:
    positions = fixed_positions(len(signal), hop)
    framed = FramedSignal(signal, positions, support, WINDOWS[window])
    return LocalConcentration(framed, hop, (low, high or float(support)), on_node)


def plainly(power, place, deviations) -> float:
    """log C at a bin and a frame, of |S|² (F, T) and the Gaussian's deviations in bins and in frames: every term in turn."""
    power, reach = np.asarray(power), [math.ceil(local_concentration._REACH * deviation) for deviation in deviations]
    near = [range(at - most, at + most + 1) for at, most in zip(place, reach, strict=True)]
    mass = first = second = 0.0
    for point in product(*near):
        if all(0 <= at < size for at, size in zip(point, power.shape, strict=True)):
            steps = [(one - other) / of for one, other, of in zip(point, place, deviations, strict=True)]
            weight = math.exp(-0.5 * sum(step**2 for step in steps))
            mass += weight
            first += weight * power[point]
            second += weight * power[point] ** 2
    return math.log((second / mass) / (first / mass) ** 2)


def log_c(made: LocalConcentration, length: float) -> torch.Tensor:
    """log C (F, T) as the field has it for windows of that many samples."""
    table = made._table
    at = torch.full((1, 1), math.log2(length), dtype=made._weights.dtype)
    return torch.cat([table.read(here, place, False)[0].view(place.shape) for here, place in table.tiles(at)])


def random_lengths(shape, low=LOW, high=float(L), dtype=torch.float64):
    draw = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return (math.log2(low) + draw * math.log2(high / low)).to(dtype)


def white(count=4000, seed=0, dtype=torch.float32):
    return torch.randn(count, generator=torch.Generator().manual_seed(seed)).to(dtype)


def cell(low, high, support, hop) -> tuple[float, float]:
    """The deviations in bins and in frames: so many middle windows in time, as many of their reciprocals in frequency."""
    middle = math.sqrt(low * high)
    return local_concentration._SIZE * support / middle, local_concentration._SIZE * middle / hop


@pytest.fixture
def raw(monkeypatch):
    """log C (F, T, B) as it was computed for each signal, the field's own first."""
    found, real = [], local_concentration._log_concentration

    def recorded(*arguments):
        returned = real(*arguments)
        found.append(returned[0].clone())  # before anything is done to them
        return returned

    monkeypatch.setattr(local_concentration, "_log_concentration", recorded)
    return found


def power(signal, length, hop=HOP, window="hann"):
    return dstft(signal, length, fixed_positions(len(signal), hop), L, window).abs() ** 2


class TestValues:
    @pytest.mark.parametrize("window", ["hann", "gaussian"])
    def test_are_those_of_the_formula(self, signal, raw, window):
        lengths = field(signal, window=window)._table.lengths
        for node in (0, 7, len(lengths) - 1):
            size = power(signal, lengths[node], window=window)
            for place in POINTS.values():
                expected = plainly(size, place, cell(LOW, L, L, HOP))
                assert float(raw[0][place][node]) == pytest.approx(expected, rel=1e-9, abs=1e-9), place

    @pytest.mark.parametrize(("hop", "low", "high"), [(16, 8.0, 64.0), (40, 30.0, 31.0), (100, 8.0, 20.0)])
    def test_are_so_on_any_grid_and_range(self, signal, raw, hop, low, high):
        """Also where the Gaussian is narrower than a step from frame to frame."""
        lengths = field(signal, hop=hop, low=low, high=high)._table.lengths
        for place in ((10, 5), (F - 1, 0)):
            expected = plainly(power(signal, lengths[2], hop), place, cell(low, high, L, hop))
            assert float(raw[0][place][2]) == pytest.approx(expected, rel=1e-9, abs=1e-9)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_are_never_below_zero(self, signal, raw, dtype):
        """C is the mean of squares over the square of the mean: at least 1, and 1 for what is the same everywhere."""
        field(signal.to(dtype))
        assert float(raw[0].min()) >= -100 * torch.finfo(dtype).eps

    def test_are_held_for_every_point_alike(self, signal, raw):
        """What is added or taken off at one length is the same all over the plane: it prefers no point to another."""
        made = field(signal)
        for node, length in [*enumerate(made._table.lengths)][::5]:
            difference = log_c(made, length) - raw[0][..., node]
            torch.testing.assert_close(difference, difference.mean().expand(F, T), rtol=0, atol=1e-10)

    def test_between_nodes_are_close_and_come_closer_with_more_nodes(self, signal, monkeypatch):
        """To a tenth of what they differ by. The window's edge, only C¹, costs a cubic its fourth order: a third, not a 16th."""
        fields = []
        for density in (6.0, 12.0, 48.0):
            monkeypatch.setattr(local_concentration, "PER_OCTAVE", density)
            fields.append(field(signal, hop=40, support=256, low=64.0))
        exact = fields.pop()
        between = exact._table.lengths[1::2]  # nodes of the finest field alone
        coarse, fine = (
            math.sqrt(np.mean([(log_c(made, at) - log_c(exact, at)).square().mean() for at in between]))
            for made in fields
        )
        assert coarse < 0.1 * float(log_c(exact, 64.0).std())
        assert fine < coarse / 3


class TestMean:
    def test_is_the_weighted_mean(self, signal):
        made, length = field(signal), 30.0
        expected = (made._weights * log_c(made, length)).sum() / made._weights.sum()
        assert float(made(torch.full((1, 1), math.log2(length)))) == pytest.approx(float(expected), rel=1e-6)
        assert made.share == pytest.approx(float(made._weights.mean()), rel=1e-9)

    @pytest.mark.parametrize("shape", SHAPES)
    def test_has_the_slope_of_its_value(self, signal, shape):
        made, log_theta = field(signal), random_lengths(shape).requires_grad_()
        assert gradcheck(lambda v: F * T * made(v), log_theta, fast_mode=shape == (F, T))

    @pytest.mark.parametrize("shape", SHAPES)
    def test_in_tiles_is_the_same(self, signal, shape, monkeypatch):
        made, sums = field(signal), []
        for tile in (made._table._tile, T, 5 * T):
            monkeypatch.setattr(made._table, "_tile", tile)
            log_theta = random_lengths(shape).requires_grad_()
            value = made(log_theta)
            value.backward()
            sums.append((value.detach(), log_theta.grad))
        for tiled in sums[1:]:
            torch.testing.assert_close(tiled, sums[0], rtol=1e-12, atol=1e-15)

    def test_is_the_same_in_single_precision(self, signal):
        log_theta = random_lengths((F, T), dtype=torch.float32)
        rough, fine = (float(field(signal.to(dtype))(log_theta.to(dtype))) for dtype in DTYPES)
        assert rough == pytest.approx(fine, rel=1e-3)

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("factor", [2.0**-20, 2.0**20])
    def test_does_not_know_the_unit_of_the_samples(self, signal, dtype, factor):
        log_theta = random_lengths((F, T), dtype=dtype)
        one, other = (field(signal.to(dtype) * unit) for unit in (1.0, factor))
        torch.testing.assert_close(other(log_theta), one(log_theta), rtol=1e-6, atol=0)
        torch.testing.assert_close(other._weights, one._weights)

    def test_is_greatest_where_a_tone_has_the_longest_and_a_click_the_shortest_windows(self):
        time = torch.arange(2000, dtype=torch.float64)
        tone, click = torch.sin(0.9 * time), (time == 1000).to(torch.float64)
        along = torch.linspace(math.log2(LOW), math.log2(L), 9, dtype=torch.float64).view(-1, 1, 1)
        of_tone, of_click = (
            [float(made(place)) for place in along] for made in (field(tone, hop=4), field(click, hop=4))
        )
        assert of_tone == sorted(of_tone)
        assert of_click[2:] == sorted(of_click[2:], reverse=True)
        assert max(of_click) == pytest.approx(of_click[0], abs=0.1)  # a hop tells no shorter ones apart


SAMPLES = torch.arange(4000, dtype=torch.float64)
SIGNALS = {
    "tone": torch.sin(0.9 * SAMPLES) + 0.02 * white(dtype=torch.float64),
    "clicks": (SAMPLES % 500 == 250) + 0.01 * white(dtype=torch.float64),
    "noise": white(dtype=torch.float64),
    "tone that dies away": torch.exp(-0.03 * SAMPLES) * torch.sin(0.7 * SAMPLES),
}


class TestWeights:
    @pytest.mark.parametrize("signal", SIGNALS.values(), ids=SIGNALS)
    def test_are_shares(self, signal):
        for dtype in DTYPES:
            weights = field(signal.to(dtype), hop=32, support=128)._weights
            assert weights.dtype == dtype
            assert 0 <= float(weights.min()) and float(weights.max()) <= 1

    @pytest.mark.parametrize(("hop", "seed"), [(8, 0), (32, 1), (32, 2)])
    def test_are_small_in_noise_however_loud(self, seed, hop):
        quiet, plain, loud = (field(level * white(seed=seed), hop, 128).share for level in (2.0**-16, 1.0, 2.0**16))
        assert plain < 0.05
        assert (quiet, loud) == pytest.approx((plain, plain), rel=1e-4)

    def test_are_great_along_a_tone_and_nowhere_greater(self):
        made = field(SIGNALS["tone"], hop=16, support=320, low=16.0)
        along = made._weights[:, 16:-16]
        middle = 0.9 / (2 * math.pi) * 320
        assert float(along[round(middle)].median()) > 0.25
        assert abs(float(along.mean(1).argmax()) - middle) < 3

    @pytest.mark.parametrize("level", [0.03, 0.3])
    def test_tell_a_tone_from_the_noise_about_it(self, level):
        """Far from the tone there is nothing but noise, however faint."""
        tone = torch.sin(2 * math.pi * 12.3 / 256 * SAMPLES)
        made = field(tone + level * white(dtype=torch.float64), hop=16, support=256, low=16.0)
        assert float(made._weights[12, 16:-16].mean()) > 8 * float(made._weights[60:].mean())


class TestSilence:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("shape", SHAPES)
    def test_has_no_weight_no_value_and_no_slope(self, shape, dtype):
        made = field(torch.zeros(1000, dtype=dtype))
        log_theta = random_lengths(shape, dtype=dtype).requires_grad_()
        made(log_theta).backward()
        assert (float(made(log_theta).detach()), made.share) == (0, 0)
        assert (log_theta.grad == 0).all()

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_for_half_the_time_has_no_weight_there(self, dtype):
        half = torch.where(SAMPLES < 2000, torch.sin(0.9 * SAMPLES), 0.0).to(dtype)
        made = field(half, hop=16, support=128)
        log_theta = random_lengths((65, 251), 8.0, 128.0, dtype).requires_grad_()
        value = made(log_theta)
        value.backward()
        silent = slice(math.ceil((2000 + 64 + 3 * 32) / 16) + 1, None)  # out of reach of window and Gaussian
        assert float(value.detach()) > 0 and log_theta.grad.isfinite().all()
        assert (made._weights[:, silent] == 0).all() and (log_theta.grad[:, silent] == 0).all()
        assert float(made._weights[:, :100].max()) > 0.3

    def test_all_but_for_a_click_is_as_in_double_precision(self):
        """Energies a float32 cannot square are left out, not mistaken for structure."""
        click = (SAMPLES == 2000).to(torch.float64)
        log_theta = random_lengths((65, 501), 8.0, 128.0)
        rough, fine = (field(click.to(d), hop=8, support=128)(log_theta.to(d)) for d in DTYPES)
        assert float(rough) == pytest.approx(float(fine), rel=1e-3)


@pytest.fixture
def transforms(monkeypatch):
    """How many frames each transform had that the field has asked for."""
    asked = []

    def counted(signal, length, frames, *others):
        asked.append(len(frames))
        return dstft(signal, length, frames, *others)

    monkeypatch.setattr(framed_signal, "dstft", counted)
    return asked


class TestCost:
    def test_is_a_transform_a_node_and_none_a_step(self, signal, transforms):
        made = field(signal)
        assert transforms.count(T) == len(made._table)
        made(random_lengths((F, T)).requires_grad_()).backward()
        assert len(transforms) == 2 * len(made._table)  # the others are of noise, and none is made in a step

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_is_a_real_number_a_bin_and_node(self, signal, dtype):
        table = field(signal.to(dtype))._table
        assert table._rows.untyped_storage().nbytes() == F * T * len(table) * dtype.itemsize


class TestStop:
    @pytest.mark.parametrize("node", [0, 1, 3, 4, 9])
    def test_ends_it_with_the_nodes_that_are_there_but_not_before_four(self, signal, node, transforms):
        told, whole = [], field(signal)
        transforms.clear()
        made = field(signal, on_node=lambda i, count: told.append((i, count)) or i >= node)
        nodes = max(4, node)
        assert told == [(i, len(whole._table)) for i in range(nodes + 1)]
        assert transforms.count(T) == nodes == len(made._table)
        assert made.longest == whole._table.lengths[nodes - 1]
        torch.testing.assert_close(log_c(made, made.longest), log_c(whole, made.longest))


def test_a_range_of_a_single_length_is_enough(signal):
    made = field(signal, low=float(L))
    assert float(made(torch.full((1, 1), math.log2(L), dtype=torch.float64))) > 0
    assert len(made._table) == 4
