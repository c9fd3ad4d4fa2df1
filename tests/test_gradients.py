"""The analytic gradients (paper, section IV) against finite differences, in float64."""

import math

import pytest
import torch
from layers import build_layer
from torch.autograd import gradcheck
from torch.func import functional_call

from dstft_cli.stft.frame_positions import fixed_positions, unequal_steps
from dstft_cli.stft.transform import dstft
from dstft_cli.stft.windows import WINDOWS, from_profile

L, F = 16, 9
POSITIONS = torch.tensor([0.3, 7.3, 20.6, 33.9], dtype=torch.float64)
SHAPES = {"constant": (1, 1), "time": (1, 4), "frequency": (F, 1), "tf": (F, 4)}


@pytest.fixture
def signals():
    return torch.randn(2, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def lengths(shape):
    draw = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    return (7.1 + 8 * draw).requires_grad_()


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_of_theta_positions_and_signal(signals, shape, window):
    inputs = signals.requires_grad_(), lengths(shape), POSITIONS.clone().requires_grad_()
    assert gradcheck(lambda s, theta, t: dstft(s, theta, t, L, window), inputs)


@pytest.mark.parametrize("shape", [(1, 1), (F, 1)], ids=["constant", "frequency"])
def test_where_one_window_serves_all_frames(signals, shape):
    positions = fixed_positions(40, 8)
    assert gradcheck(lambda s, theta: dstft(s, theta, positions, L), (signals.requires_grad_(), lengths(shape)))


HOPS = {"constant": ("hop", 10.3), "time-varying": ("hops", [7.1, 13.4, 11.9])}


def number(values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("mode", SHAPES)
@pytest.mark.parametrize("hop_mode", HOPS)
def test_of_hops_and_theta_in_the_layer(signals, hop_mode, mode, window):
    """Eq. (15), (20): one hop a frame; Eq. (16), (24): one hop."""
    name, values = HOPS[hop_mode]
    layer = build_layer(L, mode=mode, hop_mode=hop_mode, num_frames=4, window=window).double()
    inputs = lengths(SHAPES[mode]), number(values)
    assert gradcheck(lambda th, hop: functional_call(layer, {"theta": th, name: hop}, (signals[0],)), inputs)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("mode", ["constant", "time"])
def test_of_theta_where_frames_follow_the_windows(signals, mode, window):
    """θ moves the frames as well as stretching the windows; of the 9 θ that vary over time 6 are in use."""
    layer = build_layer(L, mode=mode, hop_mode="overlap", overlap=0.6, num_frames=9, window=window).double()
    theta = number([[11.3]]) if mode == "constant" else lengths((1, 9))
    assert functional_call(layer, {"theta": theta}, (signals,)).shape[-1] == 6
    assert gradcheck(lambda th: functional_call(layer, {"theta": th}, (signals,)), theta)


def by_definition(function, signal, theta, positions):
    """Eq. (6) as it is printed, over every sample of the signal, with any function of (x, θ) in place of ω: (F, T)."""
    k = torch.arange(len(signal), dtype=torch.float64)
    bins = torch.arange(F, dtype=torch.float64)
    waves = torch.exp(-2j * math.pi * bins[:, None] * k / L)
    return (function(k - positions[:, None], theta[..., None]) * signal * waves[:, None]).sum(-1)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("mode", SHAPES)
@pytest.mark.parametrize("hop_mode", HOPS)
def test_of_hops_as_printed(signals, hop_mode, mode, window):
    """∂S/∂H_i = -S_{∂xω} in the frames n > i, Eq. (15); ∂S/∂H = -n·S_{∂xω}, Eq. (16); the loss on top, Eq. (20), (24)."""
    name, values = HOPS[hop_mode]
    layer = build_layer(L, mode=mode, hop_mode=hop_mode, num_frames=4, window=window).double()
    theta, hops = lengths(SHAPES[mode]), number(values)
    spectrum = functional_call(layer, {"theta": theta, name: hops}, (signals[0],))
    loss_by_spectrum = torch.randn(spectrum.shape, dtype=spectrum.dtype, generator=torch.Generator().manual_seed(3))
    (found,) = torch.autograd.grad(spectrum, hops, loss_by_spectrum)

    n = torch.arange(4, dtype=torch.float64)
    positions = n * 10.3 if name == "hop" else torch.tensor([0, 7.1, 20.5, 32.4], dtype=torch.float64)
    by_shift = -by_definition(
        lambda x, th: WINDOWS[window].derivatives(x, th)[1], signals[0], theta.detach(), positions
    )
    by_position = (loss_by_spectrum.conj() * by_shift).real.sum(0)  # Eq. (19)
    steps = n if name == "hop" else (n > torch.arange(3)[:, None]).to(torch.float64)
    torch.testing.assert_close(found, steps @ by_position, rtol=1e-10, atol=1e-12)


# Just before a sample, on it, and just after: finite differences of 1e-7 to either side cross it, or end on it.
CROSSING = torch.tensor([3.0 - 3e-8, 7.0, 20.0 + 3e-8, 33.0 + 1e-7], dtype=torch.float64)


@pytest.mark.parametrize("window", ["hann", "blackman", "gaussian"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_where_the_support_just_reaches_a_sample(signals, shape, window):
    """θ = 10 at whole positions: both edges of the window lie on samples. (Hamming jumps there: it has no gradient.)"""
    theta = torch.full(shape, 10.0, dtype=torch.float64, requires_grad=True)
    positions = CROSSING.clone().requires_grad_()
    # Second derivatives jump at the edge, which costs the finite difference about its step.
    assert gradcheck(lambda th, t: dstft(signals[0], th, t, L, window), (theta, positions), eps=1e-7, atol=1e-5)


@pytest.mark.parametrize("window", ["hann", "blackman", "gaussian"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_where_the_widest_window_moves_on_by_a_sample(signals, shape, window):
    """θ = L: as t passes a whole sample the frame leaves one sample behind and takes up another, both at the window's edge."""
    theta = torch.full(shape, float(L), dtype=torch.float64)
    positions = CROSSING.clone().requires_grad_()
    assert gradcheck(lambda t: dstft(signals[0], theta, t, L, window), positions, eps=1e-7, atol=1e-5)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_where_only_the_centre_passes_a_sample(signals, shape, window):
    """θ = 9.3: the edges are away from samples, so that every family is smooth, while the frame's L samples change."""
    theta = torch.full(shape, 9.3, dtype=torch.float64, requires_grad=True)
    hops = CROSSING[1:].diff(prepend=CROSSING.new_zeros(1)).requires_grad_()
    assert gradcheck(
        lambda th, h: dstft(signals[0], th, unequal_steps(h), L, window), (theta, hops), eps=1e-7, atol=1e-6
    )


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_widest_window_sees_every_sample_within_it(signals, shape, window):
    """θ = L anywhere on the grid: the frame of L samples holds all k with ω(k - t, L) ≠ 0, and so does its gradient."""
    theta = torch.full(shape, float(L), dtype=torch.float64)

    def slope(x, th):
        return WINDOWS[window].derivatives(x, th)[1]

    for start in torch.rand(20, dtype=torch.float64, generator=torch.Generator().manual_seed(4)):
        positions = (start + torch.tensor([-5.0, 0.0, 11.0, 38.0], dtype=torch.float64)).requires_grad_()
        spectrum = dstft(signals[0], theta, positions, L, window)
        plain = by_definition(WINDOWS[window].value, signals[0], theta, positions.detach())
        torch.testing.assert_close(spectrum, plain, rtol=1e-10, atol=1e-12)
        (found,) = torch.autograd.grad(spectrum, positions, torch.ones_like(spectrum))
        by_shift = -by_definition(slope, signals[0], theta, positions.detach())
        torch.testing.assert_close(found, by_shift.real.sum(0), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("hop_mode", ["constant", "time"])
@pytest.mark.parametrize("mode", ["constant", "time", "time-frequency"])
def test_of_hops_in_the_papers_own_library(mode, hop_mode):
    """The gradient of Σ|S|² with respect to the hops of dstft 3.0.0; its window peaks at 1, so that its S is θ/2 times ours."""
    peer = pytest.importorskip("dstft")
    signal = torch.randn(1, 150, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    theirs = peer.DSTFT(n_fft=32, win_length=20, hop_length=11.3, win_length_min=8, window_mode=mode, hop_mode=hop_mode)
    theirs.double().initialize(signal)
    raw = next(parameter for name, parameter in theirs.double().named_parameters() if "hop" in name)
    positions = theirs.frame_centers()
    (by_them,) = torch.autograd.grad(theirs(signal)[1].abs().square().sum(), raw)

    ours = positions.detach().requires_grad_()
    theta = theirs.win_length.detach()
    (by_position,) = torch.autograd.grad((dstft(signal, theta, ours, 32) * theta / 2).abs().square().sum(), ours)
    (by_us,) = torch.autograd.grad(positions, raw, by_position)  # through the peer's own sums and bounds
    torch.testing.assert_close(by_us, by_them, rtol=1e-9, atol=1e-9)


def test_of_a_callable_window(signals):
    window = from_profile(lambda u: torch.cos(math.pi * u) ** 3)
    assert gradcheck(
        lambda theta, t: dstft(signals, theta, t, L, window), (lengths((F, 4)), POSITIONS.clone().requires_grad_())
    )


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_chunks_leave_no_trace(signals, shape, monkeypatch):
    def gradients():
        inputs = signals.clone().requires_grad_(), lengths(shape), POSITIONS.clone().requires_grad_()
        loss = (dstft(*inputs[:2], inputs[2], L).abs() ** 3).sum()
        return torch.autograd.grad(loss, inputs)

    whole = gradients()
    for module in ("stft.transform", "stft.direct_sum"):
        monkeypatch.setattr(f"dstft_cli.{module}.chunk_bytes", lambda device: 3000)
    for piece, all_at_once in zip(gradients(), whole, strict=True):
        torch.testing.assert_close(piece, all_at_once, atol=1e-13, rtol=1e-10)
