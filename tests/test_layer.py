"""DSTFT as a layer in a network."""

import copy

import pytest
import torch
from layers import build_layer
from torch import nn

from dstft_cli import DSTFT
from dstft_cli.errors import DivergedError, InputError
from dstft_cli.stft.modes import MODES

SHAPES = dict(zip(MODES, [(1, 1), (1, 1), (1, 11), (33, 1), (33, 11)], strict=True))


class Magnitude(nn.Module):
    def forward(self, spectrum):
        return spectrum.abs()


@pytest.mark.parametrize("mode", MODES)
def test_theta_has_the_shape_of_its_mode(mode):
    layer = build_layer(64, 10, mode=mode, num_frames=11, theta=20.0)
    assert tuple(layer.theta.shape) == SHAPES[mode]
    assert layer.theta.requires_grad == (mode != "fixed")
    assert layer(torch.randn(2, 3, 105)).shape == (2, 3, 33, 11)


def test_modes_have_short_names():
    short = {"time": MODES[2], "frequency": MODES[3], "tf": MODES[4], "time-frequency": MODES[4]}
    for name, mode in short.items():
        assert build_layer(64, 10, mode=name, num_frames=11).mode == mode


@pytest.mark.parametrize("mode", ["fixed", "constant", "frequency-varying"])
def test_without_a_time_axis_a_signal_of_any_length_fits(mode):
    layer = DSTFT(64, 10, mode=mode)
    assert [layer(torch.randn(n)).shape[-1] for n in (50, 105, 999)] == [6, 11, 100]


@pytest.mark.parametrize("mode", ["time-varying", "tf-varying"])
def test_with_a_time_axis_a_signal_of_another_length_is_refused_with_those_that_fit(mode):
    layer = build_layer(64, 10, mode=mode, num_frames=11)
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


@pytest.mark.parametrize(
    "build",
    [
        dict(mode="tf", hop=16),
        dict(mode="tf", frame_positions=torch.linspace(3.3, 90.1, 7)),
        dict(mode="tf", hop=16, hop_mode="constant"),
        dict(mode="tf", hop=12, hop_mode="time"),
        dict(mode="time", hop_mode="overlap"),
    ],
    ids=["fixed", "positions", "constant", "time-varying", "overlap"],
)
def test_state_dict_restores_everything(build):
    build = dict(support=64, num_frames=7, **build)
    layer = build_layer(**build, theta=30.0)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(torch.rand_like(parameter))
    other = build_layer(**build)
    other.load_state_dict(copy.deepcopy(layer.state_dict()))
    signal = torch.randn(100)
    torch.testing.assert_close(other(signal), layer(signal), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("build", "positions"),
    [
        (dict(hop=20), [0, 20, 40, 60, 80, 100]),
        (dict(frame_positions=[-3.5, 20.25, 7]), [-3.5, 20.25, 7]),
        (dict(hop=20.5, hop_mode="constant", num_frames=4), [0, 20.5, 41, 61.5]),
        (dict(hop=20.5, hop_mode="time", num_frames=4), [0, 20.5, 41, 61.5]),
        (dict(frame_positions=[0, 20.25, 57, 99], hop_mode="time"), [0, 20.25, 57, 99]),
        (dict(theta=60.0, hop_mode="overlap", overlap=0.5), [0, 30, 60, 90]),
        (dict(theta=60.0, hop_mode="overlap", overlap=0.5, mode="fixed", num_frames=2), [0, 30, 60, 90]),
        (dict(theta=[16, 60, 24, 9, 9], mode="time", num_frames=5, hop_mode="overlap", overlap=1.0), [0, 16, 76, 100]),
        (dict(theta=16.0, mode="time", num_frames=1, hop_mode="overlap", overlap=1.0), [0]),
    ],
)
def test_where_the_frames_lie(build, positions):
    if isinstance(build.get("theta"), list):
        build = {**build, "theta": torch.tensor(build["theta"])}
    layer = build_layer(64, **build)
    torch.testing.assert_close(layer.positions(100), torch.tensor(positions, dtype=torch.float64))
    assert layer(torch.randn(100)).shape == (33, len(positions))


def test_an_optimiser_brings_a_frame_onto_a_click():
    """Of a click at sample 50.0 a frame sees most when it is centred there; it starts at 44 and its neighbours see nothing."""
    click = torch.zeros(100)
    click[50] = 1.0
    layer = build_layer(64, 22, theta=20.0, mode="fixed", hop_mode="time", num_frames=5)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.2)
    for _ in range(150):
        optimizer.zero_grad()
        (-layer(click).abs().sum()).backward()
        optimizer.step()
    assert layer.positions(100)[2].item() == pytest.approx(50.0, abs=0.05)


@pytest.mark.parametrize(
    ("hop_mode", "scale"), [("constant", 1.0), ("constant", 1e9), ("time-varying", 1.0), ("time-varying", 1e6)]
)
def test_whatever_a_step_does_to_hops_the_frames_stay_in_order_apart_and_inside(hop_mode, scale):
    draw = torch.Generator().manual_seed(0)
    layer = build_layer(64, 16, hop_mode=hop_mode, num_frames=7, hop_min=5.0)
    hops = next(parameter for name, parameter in layer.named_parameters() if name.startswith("hop"))
    assert hops.dtype == torch.float64
    for _ in range(20):
        with torch.no_grad():
            hops.add_(scale * torch.randn(hops.shape, dtype=torch.float64, generator=draw))
        for samples in (30, 100):
            positions = layer.positions(samples)
            assert positions[0] == 0 and positions[-1] <= samples + 1e-9
            assert (positions.diff() >= 5.0 - 1e-9).all()
            assert layer(torch.randn(samples, generator=draw)).isfinite().all()


@pytest.mark.parametrize(("beyond", "used"), [(1e9, 100 / 6), (-3.0, 4.0)])
def test_one_hop_can_come_back_from_beyond_its_bounds(beyond, used):
    layer = build_layer(64, 16, hop_mode="constant", num_frames=7)
    with torch.no_grad():
        layer.hop.fill_(beyond)
    layer(torch.randn(100, generator=torch.Generator().manual_seed(0))).abs().sum().backward()
    assert layer.positions(100)[1].item() == pytest.approx(used)
    assert layer.hop.grad.item() != 0


@pytest.mark.parametrize("hop_mode", ["constant", "time-varying"])
def test_a_signal_that_cannot_hold_the_frames_is_refused(hop_mode):
    layer = build_layer(64, 16, hop_mode=hop_mode, num_frames=7, hop_min=5.0)
    with pytest.raises(InputError, match=r"7 frames at least 5 samples apart.*30 samples or more, not 29"):
        layer(torch.randn(29))


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (dict(hop_mode="constant", num_frames=3), "hop"),
        (dict(hop_mode="time", num_frames=3), "hops"),
        (dict(hop_mode="overlap"), "theta"),
    ],
)
def test_a_parameter_that_is_not_finite_is_reported_with_the_remedy(build, name):
    for value in (float("nan"), float("inf")):
        layer = build_layer(64, **build)
        with torch.no_grad():
            getattr(layer, name).fill_(value)
        with pytest.raises(DivergedError, match=f"^{name} of this DSTFT.*lower learning rate"):
            layer(torch.randn(100))


def test_longer_windows_give_fewer_frames_where_they_overlap_alike():
    layer = build_layer(64, theta=16.0, hop_mode="overlap", overlap=0.25)
    assert layer(torch.randn(100)).shape[-1] == 26
    with torch.no_grad():
        layer.theta.fill_(40.0)
    assert [layer(torch.randn(samples)).shape[-1] for samples in (100, 99, 400)] == [11, 10, 41]


def test_its_repr_shows_its_settings():
    layer = build_layer(64, 16, hop_mode="constant", num_frames=7)
    assert repr(layer) == "DSTFT(support=64, mode=constant, hop_mode=constant, hop=16, hop_min=4, window=hann)"
    assert "overlap=0.25" in repr(build_layer(64, hop_mode="overlap"))


def test_lengths_stay_within_bounds_and_can_come_back_from_beyond():
    layer = DSTFT(64, 16, theta=64.0, theta_min=10.0)
    with torch.no_grad():
        layer.theta.fill_(90.0)
    assert layer.lengths().item() == 64.0
    with torch.no_grad():
        layer.theta.fill_(1e30)
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
        (dict(support=64, mode="time", num_frames=0), "num_frames=0"),
        (dict(support=64, hop_mode="varying"), "'varying'.*fixed, constant, time-varying, overlap"),
        (dict(support=64, hop_mode="constant"), "constant needs num_frames"),
        (dict(support=64, hop_mode="time"), "time-varying needs num_frames"),
        (dict(support=64, hop=8, hop_mode="time", num_frames=5, hop_min=9.0), "hop=8.*hop_min, 9"),
        (dict(support=64, hop_mode="constant", num_frames=5, hop_min=0), "hop_min=0"),
        (dict(support=64, hop_mode="constant", frame_positions=[0.0, 9.0]), "no frame_positions"),
        (dict(support=64, hop_mode="time", frame_positions=[1.0, 9.0]), "begin at 0"),
        (dict(support=64, hop_mode="time", frame_positions=[0.0, 9.0, 10.0]), "hop_min, 4 samples"),
        (dict(support=64, hop_mode="overlap", overlap=1.5), "overlap=1.5"),
        (dict(support=64, hop_mode="overlap", hop=8), "no hop"),
        (dict(support=64, hop_mode="overlap", frame_positions=[0.0, 9.0]), "no frame_positions"),
        (dict(support=64, hop_mode="overlap", mode="frequency"), "not frequency-varying"),
        (dict(support=64, hop_mode="overlap", mode="tf", num_frames=5), "not tf-varying"),
        (dict(support=64, frame_positions=[0.0, float("nan")]), "finite"),
        (dict(support=64, theta=torch.ones(3, 3)), r"\(3, 3\).*constant"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, sentence):
    with pytest.raises(InputError, match=sentence):
        build_layer(**arguments)


@pytest.mark.parametrize(
    "build",
    [
        dict(mode="tf", hop=16),
        dict(mode="tf", hop=16, hop_mode="constant"),
        dict(mode="time", hop=16, hop_mode="time"),
        dict(mode="time", hop_mode="overlap"),
    ],
    ids=["fixed", "constant", "time-varying", "overlap"],
)
def test_moves_to_a_gpu(cuda, build):
    layer = build_layer(64, num_frames=7, **build).to(cuda)
    spectrum = layer(torch.randn(100, device=cuda))
    spectrum.abs().sum().backward()
    assert spectrum.device.type == layer.positions(100).device.type == "cuda"
    for parameter in layer.parameters():
        assert parameter.grad.device.type == "cuda" and parameter.grad.any()


@pytest.mark.parametrize("settings", [{}, {"mode": "frequency-varying"}, {"window": "learn-kaiser"}], ids=str)
def test_power_is_that_of_the_transform_and_so_is_its_gradient(noise, settings):
    layer = build_layer(64, 7, theta=40.0, **settings).double()
    signals = noise.view(3, 100)
    weights = torch.rand(3, 33, 15, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    (layer.power(signals) * weights).sum().backward()
    own, layer.theta.grad = layer.theta.grad, None
    (layer(signals).abs().square() * weights).sum().backward()
    assert torch.allclose(layer.power(signals), layer(signals).abs().square())
    assert torch.allclose(own, layer.theta.grad)
