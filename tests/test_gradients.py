"""The analytic gradients (paper, section IV) against finite differences, in float64."""

import math

import pytest
import torch
from torch.autograd import gradcheck

from dstft_cli.positions import fixed_positions
from dstft_cli.transform import dstft
from dstft_cli.windows import WINDOWS, from_profile

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


@pytest.mark.parametrize("window", ["hann", "blackman", "gaussian"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_where_the_support_just_reaches_a_sample(signals, shape, window):
    """θ = 10 and whole positions: both edges of the window lie on samples. (Hamming jumps there: it has no gradient.)"""
    theta = torch.full(shape, 10.0, dtype=torch.float64, requires_grad=True)
    positions = torch.tensor([3.0, 7.0, 20.0, 33.0], dtype=torch.float64, requires_grad=True)
    # Second derivatives jump at the edge, which costs the finite difference about its step.
    assert gradcheck(lambda th, t: dstft(signals, th, t, L, window), (theta, positions), eps=1e-7, atol=1e-5)


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
    for module in ("transform", "sums"):
        monkeypatch.setattr(f"dstft_cli.{module}.chunk_bytes", lambda device: 3000)
    for piece, all_at_once in zip(gradients(), whole, strict=True):
        torch.testing.assert_close(piece, all_at_once, atol=1e-13, rtol=1e-10)
