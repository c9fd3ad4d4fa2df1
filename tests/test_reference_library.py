"""Against the paper's own library, dstft 3.0.0, in all its window modes.

Known differences, all undone here. Its Hann window peaks at 1, so its S is θ/2 times ours. Within a frame it counts
samples from floor(t) - L/2 but turns the phase by floor(t) only, which leaves a factor (-1)^m. Its hop passes through a
sigmoid in float32 and comes back as 15.999999; where θ has no time axis it then takes whole samples, floor(t).
"""

import pytest
import torch

from dstft_cli.stft.transform import dstft as ours

peer = pytest.importorskip("dstft")
L, HOP = 64, 16


def initialised(mode: str, signal: torch.Tensor):
    """The peer's module with window lengths drawn at random, and its unconstrained parameter of them."""
    module = peer.DSTFT(n_fft=L, win_length=40, hop_length=HOP, win_length_min=8, window_mode=mode).double()
    module.initialize(signal)
    raw = next(parameter for name, parameter in module.double().named_parameters() if "win" in name)
    with torch.no_grad():
        raw += 0.7 * torch.randn_like(raw)
    return module, raw


@pytest.mark.parametrize("mode", ["fixed", "constant", "time", "frequency", "time-frequency"])
def test_same_transform_and_same_gradient(mode):
    torch.manual_seed(0)
    signal = torch.randn(1, 400, dtype=torch.float64)
    theirs, raw = initialised(mode, signal)
    _, spectrum = theirs(signal)
    theta = theirs.win_length.detach().clone().requires_grad_()
    positions = theirs.frame_centers(device=signal.device, dtype=signal.dtype).detach()
    if theta.shape[1] == 1:
        positions = positions.floor()
    signs = (-1.0) ** torch.arange(L // 2 + 1)[:, None]
    undone = ours(signal, theta, positions, L) * signs * theta / 2
    torch.testing.assert_close(undone, spectrum.detach(), atol=1e-11, rtol=0)
    if mode != "fixed":
        by_us = torch.autograd.grad(undone.abs().square().sum(), theta)[0]
        slope = torch.autograd.grad(theirs.win_length.sum(), raw)[0]  # of the peer's sigmoid, from raw to length
        by_them = torch.autograd.grad(spectrum.abs().square().sum(), raw)[0]
        torch.testing.assert_close(by_us * slope, by_them, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("hop_mode", ["constant", "time"])
@pytest.mark.parametrize("mode", ["constant", "time", "time-frequency"])
def test_the_gradient_of_the_hops_is_the_same(mode, hop_mode):
    """Of Σ|S|²; its parity (-1)^m leaves |S| as it is."""
    signal = torch.randn(1, 150, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    theirs = peer.DSTFT(n_fft=32, win_length=20, hop_length=11.3, win_length_min=8, window_mode=mode, hop_mode=hop_mode)
    theirs.double().initialize(signal)
    raw = next(parameter for name, parameter in theirs.double().named_parameters() if "hop" in name)
    positions = theirs.frame_centers()
    (by_them,) = torch.autograd.grad(theirs(signal)[1].abs().square().sum(), raw)

    moved = positions.detach().requires_grad_()
    theta = theirs.win_length.detach()
    (by_position,) = torch.autograd.grad((ours(signal, theta, moved, 32) * theta / 2).abs().square().sum(), moved)
    (by_us,) = torch.autograd.grad(positions, raw, by_position)  # through the peer's own sums and bounds
    torch.testing.assert_close(by_us, by_them, rtol=1e-9, atol=1e-9)
