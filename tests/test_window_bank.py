"""The window bank against the exact transform, and its derivative."""

import math
from itertools import pairwise

import pytest
import torch
from torch.autograd import gradcheck

from dstft_cli.optimization.criteria import entropy
from dstft_cli.stft.frame_positions import fixed_positions
from dstft_cli.stft.framed_signal import FramedSignal
from dstft_cli.stft.log_interpolation import Interpolation, cubic_weights, node_count, node_lengths
from dstft_cli.stft.transform import dstft
from dstft_cli.stft.window_bank import WindowBank
from dstft_cli.stft.windows import WINDOWS

LOW, L, HOP = 16.0, 256, 40


@pytest.fixture
def signal(two_tones_and_click):
    return torch.from_numpy(two_tones_and_click)


@pytest.fixture
def positions():
    return fixed_positions(1000, HOP)


def random_lengths(shape, seed=0):
    draw = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return math.log2(LOW) + draw * math.log2(L / LOW)


def relative_rms(values, exact):
    return ((values - exact).abs().square().sum() / exact.abs().square().sum()).sqrt().item()


def framed(signal, positions, window="hann"):
    return FramedSignal(signal, positions, L, WINDOWS[window])


def bank(signal, positions, count, window="hann", on_node=None):
    return WindowBank(framed(signal, positions, window), LOW, L, count, on_node)


def test_nodes_are_uniform_in_log_and_include_both_ends():
    nodes = node_lengths(50.0, 1000.0, 9)
    ratios = [b / a for a, b in pairwise(nodes)]
    assert nodes[0] == 50.0
    assert nodes[-1] == 1000.0
    assert ratios == pytest.approx([20 ** (1 / 8)] * 8)


def test_at_its_nodes_it_is_exact(signal, positions):
    made = bank(signal, positions, 10)
    for length in made.lengths:
        read = made.stft(torch.full((1, 1), math.log2(length), dtype=torch.float64))
        assert relative_rms(read, dstft(signal, length, positions, L)) < 1e-12


@pytest.mark.parametrize("shape", [(1, 1), (1, 26), (129, 1), (129, 26)])
def test_between_nodes_it_is_close(signal, positions, shape):
    log_theta = random_lengths(shape)
    exact = dstft(signal, log_theta.exp2(), positions, L)
    read = bank(signal, positions, 33).stft(log_theta)
    assert relative_rms(read, exact) < 1e-3
    assert abs(entropy(read.abs()) - entropy(exact.abs())).item() < 1e-3


@pytest.mark.parametrize("window", ["hann", "blackman", "gaussian"])
def test_twice_the_nodes_at_least_quarter_the_error(signal, positions, window):
    log_theta = random_lengths((129, 26))
    exact = dstft(signal, log_theta.exp2(), positions, L, window)
    coarse, fine = (relative_rms(bank(signal, positions, n, window).stft(log_theta), exact) for n in (17, 33))
    assert fine < coarse / 4


@pytest.mark.parametrize("shape", [(1, 1), (1, 26), (129, 1), (129, 26)])
def test_derivative_is_that_of_the_value(signal, positions, shape):
    made, log_theta = bank(signal, positions, 12), random_lengths(shape).requires_grad_()
    weights = torch.rand(129, 26, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    assert gradcheck(lambda v: (weights * made.magnitude(v)).sum(), log_theta, fast_mode=True, atol=1e-8)


def test_derivative_is_that_of_the_transform(signal, positions):
    """Interpolated, so only as close as the bank: but the same gradient of the same loss."""
    log_theta = random_lengths((129, 26)).requires_grad_()
    fast = torch.autograd.grad(entropy(bank(signal, positions, 60).magnitude(log_theta)), log_theta)[0]
    exact = torch.autograd.grad(entropy(dstft(signal, log_theta.exp2(), positions, L).abs()), log_theta)[0]
    assert relative_rms(fast, exact) < 0.02


def test_a_true_return_stops_the_building(signal, positions):
    seen = []
    made = bank(signal, positions, 12, on_node=lambda i, count, length, spectrum: seen.append(i) or i == 2)
    assert seen == [0, 1, 2]
    assert not made.complete


def test_silence_reads_as_silence_with_no_gradient(positions):
    made = bank(torch.zeros(1000), positions, 6)
    log_theta = torch.full((129, 26), 5.3, requires_grad=True)
    made.magnitude(log_theta).sum().backward()
    assert (log_theta.grad == 0).all()


def test_node_count_covers_the_range_and_is_never_too_small():
    assert node_count(64, 1024, 7.0) == 29
    assert node_count(1000, 1001, 7.0) == 4


def test_weights_of_four_values_read_what_the_bank_reads():
    t, values = torch.linspace(0, 1, 11, dtype=torch.float64), torch.tensor([3.0, -1.0, 4.0, 1.5], dtype=torch.float64)
    table = Interpolation(values.expand(1, len(t), 4).contiguous(), [1.0, 2.0, 4.0, 8.0])
    read, _ = table.read(slice(0, 1), (1 + t)[None], derivative=False)
    own = sum(weight * value for weight, value in zip(cubic_weights(t), values, strict=True))
    torch.testing.assert_close(own, read[0])
