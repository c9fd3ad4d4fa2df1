"""The exact transform against its definition, against other libraries, and its laws."""

import math

import numpy as np
import pytest
import torch

from dstft_cli.errors import InputError
from dstft_cli.optimization.criteria import kurtosis, magnitude
from dstft_cli.stft.frame_positions import fixed_positions
from dstft_cli.stft.framed_signal import FramedSignal
from dstft_cli.stft.transform import dstft, dstft_magnitude, exact_bins
from dstft_cli.stft.windows import WINDOWS, get_window

L, F = 32, 17
UNEVEN = torch.tensor([0.0, 7.3, 20.0, 33.9, 60.5, 140.25, 299.0], dtype=torch.float64)
T = len(UNEVEN)
SHAPES = {"constant": (1, 1), "time": (1, T), "frequency": (F, 1), "tf": (F, T)}


def lengths(shape: tuple[int, int], low: float = 5.0, high: float = L) -> torch.Tensor:
    draw = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    return low + (high - low) * draw


def by_definition(signal, theta, positions, support, window) -> torch.Tensor:
    """Eq. (6) as printed: one sum over all samples for each point of the plane."""
    k = torch.arange(signal.shape[-1], dtype=torch.float64)
    bins = support // 2 + 1
    theta = theta.expand(bins, len(positions))
    out = torch.zeros(bins, len(positions), dtype=torch.complex128)
    for m in range(bins):
        wave = torch.exp(-2j * math.pi * k * m / support)
        for n, t in enumerate(positions):
            out[m, n] = (get_window(window).value(k - t, theta[m, n]) * signal * wave).sum()
    return out


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_is_the_definition(noise, shape, window):
    theta = lengths(shape)
    expected = by_definition(noise, theta, UNEVEN, L, window)
    torch.testing.assert_close(dstft(noise, theta, UNEVEN, L, window), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("shape", [(1, 1), (F, 1)], ids=["fft", "matrix product"])
def test_is_the_definition_where_one_window_serves_all_frames(noise, shape):
    theta, positions = lengths(shape), fixed_positions(300, 20)
    expected = by_definition(noise, theta, positions, L, "hann")
    torch.testing.assert_close(dstft(noise, theta, positions, L), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_batches_and_channels_are_done_one_by_one(shape):
    signals = torch.randn(2, 3, 300, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    theta = lengths(shape)
    together = dstft(signals, theta, UNEVEN, L)
    assert together.shape == (2, 3, F, T)
    alone = dstft(signals[1, 2], theta, UNEVEN, L)
    torch.testing.assert_close(together[1, 2], alone, atol=1e-13, rtol=0)


@pytest.mark.parametrize("name", ["hann", "hamming", "blackman"])
def test_is_torch_stft_at_full_length(noise, name):
    """Known differences: torch counts samples from each frame's start, and its window peaks at 1 instead of area 1."""
    positions = fixed_positions(300, 10)
    ours = dstft(noise, float(L), positions, L, name)
    window = getattr(torch, f"{name}_window")(L, dtype=torch.float64)
    theirs = torch.stft(noise, L, 10, window=window, center=True, pad_mode="constant", return_complex=True)
    m = torch.arange(F, dtype=torch.float64)[:, None]
    phase = torch.exp(-2j * math.pi * m * (positions - L / 2) / L)
    torch.testing.assert_close(ours, theirs * phase / window.sum(), atol=1e-13, rtol=0)


def test_is_scipy_short_time_fft_at_full_length(noise):
    """phase_shift=0 makes scipy's phase zero at the centre of each frame; its window peaks at 1."""
    scipy_signal = pytest.importorskip("scipy.signal")  # slow to import
    window = scipy_signal.get_window("hann", L)
    stft = scipy_signal.ShortTimeFFT(window, hop=10, fs=1.0, mfft=L, fft_mode="onesided", phase_shift=0)
    theirs = torch.from_numpy(stft.stft(noise.numpy(), p0=0, p1=31))
    positions = fixed_positions(300, 10)
    m = torch.arange(F, dtype=torch.float64)[:, None]
    phase = torch.exp(-2j * math.pi * m * positions / L)
    torch.testing.assert_close(dstft(noise, float(L), positions, L), theirs * phase / window.sum(), atol=1e-13, rtol=0)


@pytest.mark.parametrize("name", WINDOWS)
def test_a_tone_reads_half_its_amplitude_at_any_length(name):
    signal = 3.0 * torch.cos(2 * math.pi * 64 / 512 * torch.arange(4000, dtype=torch.float64))
    for theta in (50.0, 200.5, 512.0):
        peak = dstft(signal, theta, torch.tensor([2000.0]), 512, name)[64, 0].abs()
        assert peak.item() == pytest.approx(1.5, rel=3e-3)  # hamming, which jumps at its edge, is 2.8e-3 off at 50


def test_parseval(noise):
    """Over all L bins of a frame the energy is L times that of the tapered samples."""
    theta = lengths((1, T))
    power = dstft(noise, theta, UNEVEN, L).abs().square()
    whole = power[0] + power[-1] + 2 * power[1:-1].sum(0)
    k = torch.arange(300, dtype=torch.float64)
    tapered = WINDOWS["hann"].value(k - UNEVEN[:, None], theta.T) * noise
    torch.testing.assert_close(whole, L * tapered.square().sum(1), rtol=1e-12, atol=0)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_is_linear(noise, shape):
    theta, other = lengths(shape), noise.flip(0)
    together = dstft(2.0 * noise - 0.5 * other, theta, UNEVEN, L)
    apart = 2.0 * dstft(noise, theta, UNEVEN, L) - 0.5 * dstft(other, theta, UNEVEN, L)
    torch.testing.assert_close(together, apart, atol=1e-13, rtol=0)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_shift_by_whole_samples_turns_the_phase_only(noise, shape):
    theta, shift = lengths(shape), 11
    later = torch.nn.functional.pad(noise, (shift, 0))
    m = torch.arange(F, dtype=torch.float64)[:, None]
    turned = dstft(noise, theta, UNEVEN, L) * torch.exp(-2j * math.pi * m * shift / L)
    torch.testing.assert_close(dstft(later, theta, UNEVEN + shift, L), turned, atol=1e-12, rtol=0)


@pytest.mark.parametrize("shape", [(1, 40), (F, 40)], ids=["fft", "sums"])
def test_blocks_leave_no_trace(noise, shape, monkeypatch):
    positions, theta = fixed_positions(300, 7.7), lengths(shape)[:, : 1 + int(300 / 7.7)]
    whole = dstft(noise, theta, positions, L)
    for module in ("stft.transform", "stft.direct_sum"):
        monkeypatch.setattr(f"dstft_cli.{module}.chunk_bytes", lambda device: 5000)
    torch.testing.assert_close(dstft(noise, theta, positions, L), whole, atol=1e-14, rtol=0)


def test_single_bins_are_those_of_the_plane(noise):
    theta = lengths((F, T))
    plane = dstft(noise, theta, UNEVEN, L)
    m, n = torch.tensor([0, 3, 16, 9]), torch.tensor([1, 4, 6, 0])
    bins = exact_bins(noise, theta[m, n], UNEVEN[n], m, L, "hann")
    torch.testing.assert_close(bins, plane[m, n], atol=1e-13, rtol=0)


def test_float32_keeps_its_precision_late_in_a_long_signal():
    """Positions are float64, so ten million samples on a frame is as exact as at the beginning."""
    positions = torch.tensor([10_000_000.37], dtype=torch.float64)
    tone = torch.randn(2000, dtype=torch.float64, generator=torch.Generator().manual_seed(9))
    signal = torch.zeros(10_001_000, dtype=torch.float64)
    signal[-2000:] = tone
    exact = dstft(signal, 700.3, positions, 1024)
    single = dstft(signal.float(), 700.3, positions, 1024).to(torch.complex128)
    assert ((single - exact).abs().max() / exact.abs().max()).item() < 1e-6


@pytest.mark.parametrize("theta", [torch.ones(3, 1), torch.ones(1, 4), torch.ones(2)])
def test_theta_of_another_shape_is_refused_with_the_shapes_that_fit(noise, theta):
    with pytest.raises(InputError, match=r"\(1, 1\), \(1, 7\), \(17, 1\) or \(17, 7\)"):
        dstft(noise, theta, UNEVEN, L)


@pytest.mark.parametrize("support", [31, 0, 32.5])
def test_support_must_be_even(noise, support):
    with pytest.raises(InputError, match="even"):
        dstft(noise, 8.0, UNEVEN, support)


def test_a_gpu_and_the_processor_agree(cuda):
    signal = torch.from_numpy(np.random.default_rng(0).standard_normal(3000))
    positions = fixed_positions(3000, 50)
    for shape in ((1, 1), (1, 61), (129, 1), (129, 61)):
        theta = lengths(shape, 20, 256)
        there = dstft(signal.to(cuda), theta.to(cuda), positions.to(cuda), 256).cpu()
        torch.testing.assert_close(there, dstft(signal, theta, positions, 256), atol=1e-12, rtol=0)


@pytest.mark.parametrize("positions", [UNEVEN, fixed_positions(300, 20)], ids=["uneven", "even"])
def test_magnitudes_without_phases_are_those_of_the_transform(noise, positions):
    expected = dstft(noise, 20.5, positions, L).abs()
    torch.testing.assert_close(dstft_magnitude(noise, 20.5, positions, L), expected, atol=1e-14, rtol=1e-12)


@pytest.mark.parametrize("level", [0.0, 1e-30, 1.0, 1e30])
def test_magnitudes_at_any_level_do_not_leave_the_range_of_floats(noise, level):
    samples = (noise * level).float()
    framed = FramedSignal(samples, fixed_positions(300, 20), L, get_window("hann"))
    torch.testing.assert_close(
        framed.magnitude_at_any_level(20.5), framed.stft(20.5).abs(), atol=1e-6 * level, rtol=1e-5
    )


@pytest.mark.parametrize("frames", [20, 80])
def test_a_step_takes_at_most_three_ffts_a_frame_and_no_loop_over_frames(frames, monkeypatch):
    """Loss and gradients with windows and positions that vary over time: FFTs a frame, and how often they are called."""
    rows, calls = 0, 0

    def counted(real):
        def fft(values, *rest, **options):
            nonlocal rows, calls
            rows, calls = rows + values.shape[:-1].numel(), calls + 1
            return real(values, *rest, **options)

        return fft

    for name in ("rfft", "irfft", "fft", "ifft"):
        monkeypatch.setattr(torch.fft, name, counted(getattr(torch.fft, name)))
    positions = (torch.arange(frames, dtype=torch.float64) * 10.3).requires_grad_()
    theta = torch.full((1, frames), 50.0, requires_grad=True)
    kurtosis(magnitude(dstft(torch.randn(1000), theta, positions, 64))).backward()
    assert positions.grad[1:].all() and theta.grad.all()
    assert frames <= rows <= 3 * frames
    assert calls == 2
