"""DSTFT as a layer in a network."""

import copy

import pytest
import torch
from torch import nn

from dstft_cli import DSTFT
from dstft_cli.errors import InputError
from dstft_cli.modes import MODES

SHAPES = dict(zip(MODES, [(1, 1), (1, 1), (1, 11), (33, 1), (33, 11)], strict=True))


class Magnitude(nn.Module):
    def forward(self, spectrum):
        return spectrum.abs()


@pytest.mark.parametrize("mode", MODES)
def test_theta_has_the_shape_of_its_mode(mode):
    layer = DSTFT(64, 10, mode=mode, num_frames=11, theta=20.0)
    assert tuple(layer.theta.shape) == SHAPES[mode]
    assert layer.theta.requires_grad == (mode != "fixed")
    assert layer(torch.randn(2, 3, 105)).shape == (2, 3, 33, 11)


@pytest.mark.parametrize(
    ("alias", "mode"), [("time", MODES[2]), ("frequency", MODES[3]), ("tf", MODES[4]), ("time-frequency", MODES[4])]
)
def test_aliases(alias, mode):
    assert DSTFT(64, 10, mode=alias, num_frames=11).mode == mode


@pytest.mark.parametrize("mode", ["fixed", "constant", "frequency-varying"])
def test_without_a_time_axis_any_length_goes(mode):
    layer = DSTFT(64, 10, mode=mode)
    assert [layer(torch.randn(n)).shape[-1] for n in (50, 105, 999)] == [6, 11, 100]


@pytest.mark.parametrize("mode", ["time-varying", "tf-varying"])
def test_with_a_time_axis_another_length_is_refused_with_those_that_fit(mode):
    layer = DSTFT(64, 10, mode=mode, num_frames=11)
    assert layer(torch.randn(100)).shape == layer(torch.randn(109)).shape == (33, 11)
    for samples in (99, 110):
        with pytest.raises(InputError, match=f"11 frames.*100 to 109 samples, not {samples}"):
            layer(torch.randn(samples))


def test_parameters_stay_the_same_objects_and_learn_inside_a_sequential():
    layer = DSTFT(64, 16, theta=20.0)
    network = nn.Sequential(layer, Magnitude(), nn.Linear(8, 1))
    theta = layer.theta
    optimizer = torch.optim.Adam(network.parameters(), lr=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        network(torch.randn(4, 112)).square().mean().backward()
        optimizer.step()
    assert layer.theta is theta
    assert theta.item() != 20.0


@pytest.mark.parametrize("learn_positions", [False, True])
def test_state_dict_brings_everything_back(learn_positions):
    build = dict(mode="tf-varying", num_frames=7, learn_positions=learn_positions)
    layer = DSTFT(64, 16, **build, theta=30.0)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(torch.rand_like(parameter))
    other = DSTFT(64, 16, **build)
    other.load_state_dict(copy.deepcopy(layer.state_dict()))
    signal = torch.randn(100)
    torch.testing.assert_close(other(signal), layer(signal), rtol=0, atol=0)


def test_positions_learn():
    layer = DSTFT(64, 16, num_frames=7, learn_positions=True)
    layer(torch.randn(100, generator=torch.Generator().manual_seed(0))).abs().sum().backward()
    assert (layer.frame_positions.grad != 0).all()
    assert layer.frame_positions.dtype == torch.float64


def test_lengths_are_bounded_and_can_come_back_from_beyond():
    layer = DSTFT(64, 16, theta=64.0, theta_min=10.0)
    with torch.no_grad():
        layer.theta.fill_(90.0)
    assert layer.lengths().item() == 64.0
    layer(torch.randn(200, generator=torch.Generator().manual_seed(0))).abs().sum().backward()
    assert layer.theta.grad.item() != 0
    with torch.no_grad():
        layer.theta.fill_(-3.0)
    assert layer.lengths().item() == 10.0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (dict(support=63), "even"),
        (dict(support=64, hop=0), "hop=0"),
        (dict(support=64, theta=65.0), r"\[1, 64\]"),
        (dict(support=64, theta_min=70.0), "theta_min=70"),
        (dict(support=64, mode="time"), "num_frames"),
        (dict(support=64, mode="tmie"), "'tmie'.*tf-varying"),
        (dict(support=64, learn_positions=True), "num_frames or frame_positions"),
        (dict(support=64, frame_positions=[0.0, float("nan")]), "finite"),
        (dict(support=64, theta=torch.ones(3, 3)), r"\(3, 3\).*constant"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, sentence):
    with pytest.raises(InputError, match=sentence):
        DSTFT(**arguments)


def test_moves_to_a_device(device):
    layer = DSTFT(64, 16, mode="tf", num_frames=7).to(device)
    spectrum = layer(torch.randn(100, device=device))
    spectrum.abs().sum().backward()
    assert spectrum.device.type == layer.theta.grad.device.type == device.type
