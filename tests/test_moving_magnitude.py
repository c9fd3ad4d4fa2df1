"""|S| and its slopes with frames that move and windows that differ over frequency, against the exact transform.

Tolerances: the nodes are chosen for a relative rms error of 1e-3 in S. A slope is the derivative of what is interpolated,
or the transform with ∂ω/∂x, which has a kink at the edge of a Hann window, so that both are far less exact: 1.6e-2 and
3.6e-2 where measured below, and ∂/∂t up to 0.2 for frames on a regular grid and θ of a few samples. They come closer with
more nodes. A Gaussian has no edge: its slopes are true to about 1e-3 with the same nodes, which no wrong factor survives.
"""

import math
from functools import partial

import pytest
import torch

from dstft_cli.optimization.criteria import CRITERIA, entropy, magnitude
from dstft_cli.stft import window_bank
from dstft_cli.stft.framed_signal import FramedSignal
from dstft_cli.stft.log_interpolation import density_for
from dstft_cli.stft.transform import dstft
from dstft_cli.stft.window_bank import moving_magnitude
from dstft_cli.stft.windows import WINDOWS

L, F, T = 256, 129, 25
LOW = 16.0
DENSITY = density_for(1e-3)
SLOPES = {"hann": 0.05, "blackman": 0.015, "gaussian": 1.5e-3}
CONSTANTS = {"least": LOW, "between": 77.7, "most": float(L)}
DTYPES = [torch.float32, torch.float64]
SHAPES = [(F, 1), (F, T)]


@pytest.fixture
def signal(two_tones_and_click):
    return torch.from_numpy(two_tones_and_click)


def uneven(count=T):
    """Positions between samples, 20 to 60 samples apart, from 0 on."""
    hops = 20 + 40 * torch.rand(count - 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return torch.cat([hops.new_zeros(1), hops.cumsum(0)])


def random_lengths(shape, dtype=torch.float64):
    draw = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return (math.log2(LOW) + draw * math.log2(L / LOW)).to(dtype)


def relative_rms(values, exact):
    return ((values - exact).square().sum() / exact.square().sum()).sqrt().item()


def exactly(signal, log_theta, positions, window):
    return dstft(signal, log_theta.exp2(), positions, L, window).abs()


def fast(signal, log_theta, positions, window, density=DENSITY):
    return moving_magnitude(FramedSignal(signal, positions, L, WINDOWS[window]), log_theta, density)


def with_slopes(transform, signal, log_theta, positions, window="hann"):
    """|S|, and the gradients of a random mixture of its bins with respect to log2 θ and t."""
    leaves = [given.detach().clone().requires_grad_() for given in (log_theta, positions)]
    size = transform(signal, *leaves, window)
    weights = torch.randn(size.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    return size.detach(), *torch.autograd.grad((weights * size).sum(), leaves)


def errors(signal, log_theta, positions, window="hann", density=DENSITY):
    """The relative rms errors of |S| and of both slopes; the exact ones in float64, at the same θ."""
    interpolated = with_slopes(partial(fast, density=density), signal, log_theta, positions, window)
    exact = with_slopes(exactly, signal.to(torch.float64), log_theta.to(torch.float64), positions, window)
    return [relative_rms(one, other) for one, other in zip(interpolated, exact, strict=True)]


@pytest.mark.parametrize(
    ("window", "shape", "dtype"),
    [
        *(("gaussian", shape, dtype) for shape in SHAPES for dtype in DTYPES),
        ("hann", (F, 1), torch.float32),
        ("hann", (F, T), torch.float64),
        ("blackman", (F, T), torch.float32),
    ],
)
def test_it_is_the_exact_transform_and_its_slopes(signal, shape, dtype, window):
    by_value, by_length, by_shift = errors(signal.to(dtype), random_lengths(shape, dtype), uneven(), window)
    assert by_value < 1e-3
    assert by_length < SLOPES[window]
    assert by_shift < SLOPES[window]


@pytest.mark.parametrize("length", CONSTANTS.values(), ids=CONSTANTS)
@pytest.mark.parametrize(("shape", "dtype"), [*zip(SHAPES, DTYPES, strict=True)])
def test_where_all_windows_are_alike_it_is_exact(signal, shape, length, dtype):
    """That length is a node; its neighbours, within one per cent, give ∂/∂θ."""
    log_theta = torch.full(shape, math.log2(length), dtype=dtype)
    by_value, by_length, by_shift = errors(signal.to(dtype), log_theta, uneven())
    rounding = 20 * torch.finfo(dtype).eps
    assert by_value < rounding
    assert by_shift < 5 * rounding
    assert by_length < 1e-3


def test_windows_at_both_bounds_of_their_range(signal):
    """Read at the first and at the last node, where there is no neighbour to one side."""
    log_theta = torch.full((F, T), math.log2(LOW), dtype=torch.float64)
    log_theta[::2, 1::2] = math.log2(L)
    by_value, by_length, by_shift = errors(signal, log_theta, uneven())
    assert by_value < 1e-12
    assert by_length < 0.2  # one-sided
    assert by_shift < 1e-12


ON_AND_BETWEEN_SAMPLES = [0.0, 0.25, 0.5, 1 - 1e-9]


def regular(step):
    return step + torch.arange(0.0, 1000, 40, dtype=torch.float64)


@pytest.mark.parametrize("step", ON_AND_BETWEEN_SAMPLES)
def test_on_and_between_samples(signal, step):
    by_value, by_length, by_shift = errors(signal, random_lengths((F, T)), regular(step), "gaussian")
    assert by_value < 1e-4
    assert by_length < 3e-3
    assert by_shift < 5e-4


@pytest.mark.parametrize("step", ON_AND_BETWEEN_SAMPLES[::3])
def test_more_nodes_bring_the_slopes_of_a_hann_window_closer(signal, step):
    """The worst case at 6 nodes an octave: five times the nodes, and a sixth of the error or less."""
    coarse, fine = (
        errors(signal, random_lengths((F, T)), regular(step), density=density) for density in (DENSITY, 5 * DENSITY)
    )
    assert all(few < 0.25 for few in coarse)
    assert all(many < few / 6 for many, few in zip(fine, coarse, strict=True))


def test_a_single_frame(signal):
    """Such as is left where the hop is as long as the signal."""
    for position in (0.0, 333.3, 999.0):
        positions = torch.tensor([position], dtype=torch.float64)
        by_value, by_length, by_shift = errors(signal, random_lengths((F, 1)), positions)
        assert by_value < 2e-3
        assert by_length < 2 * SLOPES["hann"]
        assert by_shift < 2 * SLOPES["hann"]


def test_either_slope_alone_is_the_same(signal):
    """What is held fixed has no gradient and takes none from the other."""
    log_theta, positions = random_lengths((F, 1)), uneven()
    _, by_length, by_shift = with_slopes(fast, signal, log_theta, positions)
    weights = torch.randn(F, T, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    for learnt, expected in ((log_theta, by_length), (positions, by_shift)):
        learnt.requires_grad_()
        (weights * fast(signal, log_theta, positions, "hann")).sum().backward()
        torch.testing.assert_close(learnt.grad, expected)
        learnt.requires_grad_(False)


@pytest.fixture
def banks(monkeypatch):
    """Every bank that is built from now on."""
    made = []

    class Recorded(window_bank.WindowBank):
        def __init__(self, *arguments, **more):
            super().__init__(*arguments, **more)
            made.append(self)

    monkeypatch.setattr(window_bank, "WindowBank", Recorded)
    return made


def bank_bytes(count, dtype):
    """One node of S and one of ∂S/∂t for a frame of F bins, times the nodes."""
    return F * count * 2 * dtype.to_complex().itemsize


@pytest.mark.parametrize(("shape", "at_a_time"), [((F, 1), 1), ((F, T), 3), ((F, 1), 24)])
def test_blocks_leave_no_trace(signal, shape, at_a_time, banks, monkeypatch):
    log_theta, positions = random_lengths(shape), uneven()
    whole = with_slopes(fast, signal, log_theta, positions)
    monkeypatch.setattr(window_bank, "_BLOCK_BYTES", at_a_time * bank_bytes(len(banks[0]), signal.dtype))
    in_parts = with_slopes(fast, signal, log_theta, positions)
    assert len(banks) == 2 + 2 * math.ceil(T / at_a_time)
    for part, all_at_once in zip(in_parts, whole, strict=True):
        torch.testing.assert_close(part, all_at_once, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_longer_recordings_take_more_banks_but_no_larger_ones(banks, monkeypatch, dtype):
    """Memory stays bounded: S and ∂S/∂t together within their share, however many frames there are."""
    share = 250_000
    monkeypatch.setattr(window_bank, "_BLOCK_BYTES", share)
    counts = []
    for count in (4, 8, 12):
        banks.clear()
        fast(torch.zeros(1000, dtype=dtype), random_lengths((F, 1), dtype), uneven(count), "hann")
        counts.append(len(banks))
        assert all(bank_bytes(len(bank), dtype) * bank.shape[1] <= share for bank in banks)
    assert counts[0] < counts[1] < counts[2]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("criterion", [CRITERIA[name] for name in ("entropy", "renyi", "kurtosis")])
def test_silence_is_silent_and_has_no_slope(criterion, dtype):
    log_theta, positions = random_lengths((F, T), dtype).requires_grad_(), uneven().requires_grad_()
    size = fast(torch.zeros(1000, dtype=dtype), log_theta, positions, "hann")
    slopes = torch.autograd.grad(criterion.measure(size), (log_theta, positions))
    assert (size == 0).all()
    assert all((slope == 0).all() for slope in slopes)


def test_what_is_too_faint_to_be_squared_has_no_steep_slope(signal):
    """A float32 holds nothing below 1e-45: of |S| below 1e-20 the squares are mere rounding, the slopes must not be."""
    faint = (1e-20 * signal).to(torch.float32)
    _, by_length, by_shift = with_slopes(fast, faint, random_lengths((F, T), torch.float32), uneven())
    assert by_length.abs().max() < 1e-17
    assert by_shift.abs().max() < 1e-17


SAMPLES = torch.arange(2000, dtype=torch.float64)
SPARSE = {
    "a click in silence": (SAMPLES == 1000).to(torch.float64),
    "a tone that dies away": torch.exp(-0.03 * SAMPLES) * torch.sin(0.7 * SAMPLES),  # down to 1e-26
}


@pytest.mark.parametrize("signal", SPARSE.values(), ids=SPARSE)
@pytest.mark.parametrize("shape", [(1, 51), (F, 51)], ids=["by FFT", "by moving bank"])
def test_float32_is_enough_where_the_signal_is_all_but_silent(signal, shape):
    """Bins whose squares a float32 cannot hold must not pull at windows and frames: none in truth does."""

    def slopes(dtype):
        log_theta = random_lengths(shape).to(torch.float32).to(dtype).requires_grad_()
        positions = torch.arange(0.0, 2001, 40, dtype=torch.float64).requires_grad_()
        if shape[0] == 1:
            size = magnitude(dstft(signal.to(dtype), log_theta.exp2(), positions, L))
        else:
            size = fast(signal.to(dtype), log_theta, positions, "hann")
        return torch.autograd.grad(entropy(size), (log_theta, positions))

    for rough, fine in zip(slopes(torch.float32), slopes(torch.float64), strict=True):
        assert relative_rms(rough, fine) < 1e-3
