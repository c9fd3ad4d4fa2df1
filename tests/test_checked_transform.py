"""The spectrum that is written: exact to 1e-4 however it was computed, and the check that finds it so."""

import pytest
import torch

from dstft_cli.stft.checked_transform import check, checked_transform
from dstft_cli.stft.frame_positions import fixed_positions
from dstft_cli.stft.framed_signal import FramedSignal
from dstft_cli.stft.transform import dstft
from dstft_cli.stft.windows import WINDOWS

LOW, L, HOP = 16.0, 256, 40


@pytest.fixture
def signal(two_tones_and_click):
    return torch.from_numpy(two_tones_and_click)


@pytest.fixture
def positions():
    return fixed_positions(1000, HOP)


def random_lengths(shape):
    draw = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return LOW * (L / LOW) ** draw


def relative_rms(values, exact):
    return ((values - exact).abs().square().sum() / exact.abs().square().sum()).sqrt().item()


@pytest.mark.parametrize("shape", [(1, 1), (1, 26), (129, 1), (129, 26)])
@pytest.mark.parametrize("window", ["hann", "hamming"])
def test_it_is_true_to_1e_4(signal, positions, shape, window):
    """Hamming jumps at its edge, so that no bank is good enough: then it is computed exactly."""
    theta = random_lengths(shape)
    spectrum, accuracy = checked_transform(FramedSignal(signal, positions, L, WINDOWS[window]), theta, seed=0)
    exact = dstft(signal, theta, positions, L, window)
    assert relative_rms(spectrum, exact) < 1.2e-4
    assert accuracy.rms <= 1e-4


def test_exact_means_exact(signal, positions):
    theta = random_lengths((129, 26))
    spectrum, accuracy = checked_transform(
        FramedSignal(signal, positions, L, WINDOWS["hann"]), theta, seed=0, exact=True
    )
    assert accuracy.rms < 1e-12
    assert relative_rms(spectrum, dstft(signal, theta, positions, L)) < 1e-12


def test_the_check_finds_the_error_that_is_there(signal, positions):
    """The estimate from random bins agrees with the error over the whole plane."""
    theta = random_lengths((129, 26))
    exact = dstft(signal, theta, positions, L)
    noise = torch.randn(exact.shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(8))
    wrong = exact + 1e-3 * exact.abs().max() * noise
    accuracy = check(wrong, FramedSignal(signal, positions, L, WINDOWS["hann"]), theta, seed=1)
    assert accuracy.rms == pytest.approx(relative_rms(wrong, exact), rel=0.2)
    assert accuracy.bins_checked == 500


def test_the_check_sees_one_wrong_bin_that_holds_the_energy(signal, positions):
    theta = torch.full((129, 26), 200.0, dtype=torch.float64)
    wrong = dstft(signal, theta, positions, L)
    m, n = divmod(int(wrong.abs().argmax()), 26)
    wrong[m, n] *= 1.5
    assert check(wrong, FramedSignal(signal, positions, L, WINDOWS["hann"]), theta, seed=1).max > 0.3
