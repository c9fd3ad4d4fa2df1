"""The analytic gradients (paper, section IV) against finite differences, in float64.

Each shape of θ has its own code, and each window its own derivatives: every shape is compared entry by entry with one
window, and along a random direction with all of them.
"""

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


def along_a_direction(function, inputs, **tolerances) -> bool:
    """True where the gradient agrees with a finite difference in one random direction of inputs and outputs."""
    return gradcheck(function, inputs, fast_mode=True, **{"atol": 1e-8, "rtol": 1e-4, **tolerances})


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_of_theta_positions_and_signal(signals, shape):
    inputs = signals[0].clone().requires_grad_(), lengths(shape), POSITIONS.clone().requires_grad_()
    assert gradcheck(lambda s, theta, t: dstft(s, theta, t, L), inputs)
    inputs = signals.requires_grad_(), *inputs[1:]
    for window in WINDOWS:
        assert along_a_direction(lambda s, theta, t, window=window: dstft(s, theta, t, L, window), inputs)


@pytest.mark.parametrize("shape", [(1, 1), (F, 1)], ids=["constant", "frequency"])
def test_where_one_window_serves_all_frames(signals, shape):
    positions = fixed_positions(40, 8)
    inputs = signals[0].clone().requires_grad_(), lengths(shape)
    assert gradcheck(lambda s, theta: dstft(s, theta, positions, L), inputs)
    assert along_a_direction(lambda s, th: dstft(s, th, positions, L), (signals.requires_grad_(), inputs[1]))


HOPS = {"constant": ("hop", 10.3), "time-varying": ("hops", [7.1, 13.4, 11.9])}


def number(values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("mode", SHAPES)
@pytest.mark.parametrize("hop_mode", HOPS)
def test_of_hops_and_theta_in_the_layer(signals, hop_mode, mode):
    """Eq. (15), (20): one hop a frame; Eq. (16), (24): one hop."""
    name, values = HOPS[hop_mode]
    inputs = lengths(SHAPES[mode]), number(values)
    for window in WINDOWS:
        layer = build_layer(L, mode=mode, hop_mode=hop_mode, num_frames=4, window=window).double()

        def spectrum(theta, hop, layer=layer):
            return functional_call(layer, {"theta": theta, name: hop}, (signals[0],))

        assert along_a_direction(spectrum, inputs)


@pytest.mark.parametrize("mode", ["constant", "time"])
def test_of_theta_where_frames_follow_the_windows(signals, mode):
    """θ moves the frames as well as stretching the windows; of the 9 θ that vary over time 6 are in use."""
    theta = number([[11.3]]) if mode == "constant" else lengths((1, 9))
    for window in WINDOWS:
        layer = build_layer(L, mode=mode, hop_mode="overlap", overlap=0.6, num_frames=9, window=window).double()

        def spectrum(theta, layer=layer):
            return functional_call(layer, {"theta": theta}, (signals,))

        assert spectrum(theta).shape[-1] == 6
        assert along_a_direction(spectrum, theta)


def by_definition(function, signal, theta, positions):
    """Eq. (6) as it is printed, over every sample of the signal, with any function of (x, θ) in place of ω: (F, T)."""
    k = torch.arange(len(signal), dtype=torch.float64)
    bins = torch.arange(F, dtype=torch.float64)
    waves = torch.exp(-2j * math.pi * bins[:, None] * k / L)
    return (function(k - positions[:, None], theta[..., None]) * signal * waves[:, None]).sum(-1)


def slope(window: str):
    """∂ω/∂x of that window."""
    return lambda x, theta: WINDOWS[window].derivatives(x, theta)[1]


@pytest.mark.parametrize("mode", SHAPES)
@pytest.mark.parametrize("hop_mode", HOPS)
def test_of_hops_as_printed(signals, hop_mode, mode):
    """∂S/∂H_i = -S_{∂xω} in the frames n > i, Eq. (15); ∂S/∂H = -n·S_{∂xω}, Eq. (16); the loss on top, Eq. (20), (24)."""
    name, values = HOPS[hop_mode]
    theta, hops = lengths(SHAPES[mode]), number(values)
    n = torch.arange(4, dtype=torch.float64)
    positions = n * 10.3 if name == "hop" else torch.tensor([0, 7.1, 20.5, 32.4], dtype=torch.float64)
    steps = n if name == "hop" else (n > torch.arange(3)[:, None]).to(torch.float64)
    for window in WINDOWS:
        layer = build_layer(L, mode=mode, hop_mode=hop_mode, num_frames=4, window=window).double()
        spectrum = functional_call(layer, {"theta": theta, name: hops}, (signals[0],))
        loss_by_spectrum = torch.randn(spectrum.shape, dtype=spectrum.dtype, generator=torch.Generator().manual_seed(3))
        (by_hops,) = torch.autograd.grad(spectrum, hops, loss_by_spectrum)
        by_shift = -by_definition(slope(window), signals[0], theta.detach(), positions)
        by_position = (loss_by_spectrum.conj() * by_shift).real.sum(0)  # Eq. (19)
        torch.testing.assert_close(by_hops, steps @ by_position, rtol=1e-10, atol=1e-12)


# Just before a sample, on it, and just after: finite differences of 1e-7 to either side cross it, or end on it.
CROSSING = torch.tensor([3.0 - 3e-8, 7.0, 20.0 + 3e-8, 33.0 + 1e-7], dtype=torch.float64)
# Hamming jumps at its edge and has no gradient there.
SMOOTH = {"hann": gradcheck, "blackman": along_a_direction, "gaussian": along_a_direction}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_where_the_support_just_reaches_a_sample(signals, shape):
    """θ = 10 at whole positions: both edges of the window lie on samples."""
    theta = torch.full(shape, 10.0, dtype=torch.float64, requires_grad=True)
    positions = CROSSING.clone().requires_grad_()
    for window, agrees in SMOOTH.items():
        # Second derivatives jump at the edge, which costs the finite difference about its step.
        assert agrees(
            lambda th, t, window=window: dstft(signals[0], th, t, L, window), (theta, positions), eps=1e-7, atol=1e-5
        )


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_where_the_widest_window_moves_on_by_a_sample(signals, shape):
    """θ = L: as t passes a whole sample the frame leaves one sample behind and takes up another, both at the window's edge."""
    theta = torch.full(shape, float(L), dtype=torch.float64)
    positions = CROSSING.clone().requires_grad_()
    for window, agrees in SMOOTH.items():
        assert agrees(lambda t, window=window: dstft(signals[0], theta, t, L, window), positions, eps=1e-7, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_where_only_the_centre_passes_a_sample(signals, shape):
    """θ = 9.3: the edges are away from samples, so that every family is smooth, while the frame's L samples change."""
    theta = torch.full(shape, 9.3, dtype=torch.float64, requires_grad=True)
    hops = CROSSING[1:].diff(prepend=CROSSING.new_zeros(1)).requires_grad_()
    for window in WINDOWS:
        assert along_a_direction(
            lambda th, h, window=window: dstft(signals[0], th, unequal_steps(h), L, window), (theta, hops), eps=1e-7
        )


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_widest_window_sees_every_sample_within_it(signals, shape, window):
    """θ = L anywhere on the grid: the frame of L samples holds all k with ω(k - t, L) ≠ 0, and so does its gradient."""
    theta = torch.full(shape, float(L), dtype=torch.float64)
    for start in torch.rand(8, dtype=torch.float64, generator=torch.Generator().manual_seed(4)):
        positions = (start + torch.tensor([-5.0, 0.0, 11.0, 38.0], dtype=torch.float64)).requires_grad_()
        spectrum = dstft(signals[0], theta, positions, L, window)
        plain = by_definition(WINDOWS[window].value, signals[0], theta, positions.detach())
        torch.testing.assert_close(spectrum, plain, rtol=1e-10, atol=1e-12)
        (by_position,) = torch.autograd.grad(spectrum, positions, torch.ones_like(spectrum))
        by_shift = -by_definition(slope(window), signals[0], theta, positions.detach())
        torch.testing.assert_close(by_position, by_shift.real.sum(0), rtol=1e-9, atol=1e-12)


def test_of_a_callable_window(signals):
    window = from_profile(lambda u: torch.cos(math.pi * u) ** 3)
    inputs = lengths((F, 4)), POSITIONS.clone().requires_grad_()
    assert gradcheck(lambda theta, t: dstft(signals[0], theta, t, L, window), inputs)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_blocks_leave_no_trace(signals, shape, monkeypatch):
    def gradients():
        inputs = signals.clone().requires_grad_(), lengths(shape), POSITIONS.clone().requires_grad_()
        loss = (dstft(*inputs[:2], inputs[2], L).abs() ** 3).sum()
        return torch.autograd.grad(loss, inputs)

    whole = gradients()
    for module in ("stft.transform", "stft.direct_sum"):
        monkeypatch.setattr(f"dstft_cli.{module}.chunk_bytes", lambda device: 3000)
    for block, all_at_once in zip(gradients(), whole, strict=True):
        torch.testing.assert_close(block, all_at_once, atol=1e-13, rtol=1e-10)
