"""Windows that learn their shape: unit area, exact gradients, and the shapes they find."""

import math

import numpy as np
import pytest
import torch

from dstft_cli import DSTFT, Hops, InputError, Signal, optimize, read_result, write_result
from dstft_cli import dstft as transform_of
from dstft_cli.optimization.criteria import entropy
from dstft_cli.optimization.window_shape import learn_cosine
from dstft_cli.stft.learnable.families import (
    FAMILIES,
    CosineWindow,
    FreeWindow,
    GaussianWindow,
    KaiserWindow,
    TukeyWindow,
)
from dstft_cli.stft.learnable.transform import learnable_dstft
from dstft_cli.stft.windows import WINDOWS, get_window

U = (torch.arange(40_000, dtype=torch.float64) + 0.5) / 40_000 - 0.5
ODD_SHAPES = {
    "learn-cosine": lambda: CosineWindow([0.8, -0.1, 0.05]),
    "learn-gaussian": lambda: GaussianWindow(0.3),
    "learn-kaiser": lambda: KaiserWindow(3.0),
    "learn-tukey": lambda: TukeyWindow(0.3),
    "learn-free": lambda: FreeWindow([1.0, 0.7, 0.9, 0.2, 0.1]),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_every_shape_is_even_and_has_unit_area(name):
    for window in (FAMILIES[name]().double(), ODD_SHAPES[name]().double()):
        values = window.profile(U)
        assert values.mean().item() == pytest.approx(1, abs=1e-6)
        assert torch.allclose(values, values.flip(0), atol=1e-12)


@pytest.mark.parametrize(
    ("window", "like"),
    [
        (CosineWindow([1.0]), "hann"),
        (CosineWindow([0.46 / 0.54]), "hamming"),
        (CosineWindow([0.5 / 0.42, 0.08 / 0.42]), "blackman"),
        (GaussianWindow(1 / math.sqrt(72 * math.pi)), "gaussian"),
        (TukeyWindow(1 - 1e-9), "hann"),
    ],
)
def test_known_windows_are_members(noise, window, like):
    positions, theta = torch.arange(0, 300, 20.0), torch.full((1, 1), 50.3, dtype=torch.float64)
    learnt = learnable_dstft(noise, theta, positions, 64, window.double())
    assert torch.allclose(learnt, transform_of(noise, theta, positions, 64, like), atol=1e-7)


def test_a_name_with_coefficients_is_that_sum_of_cosines():
    named = get_window("cosine(0.8, -0.1, 0.05)")
    assert torch.allclose(named.profile(U), CosineWindow([0.8, -0.1, 0.05]).double().profile(U), atol=1e-7)
    assert named.profile(U).mean().item() == pytest.approx(1, abs=1e-6)


def test_kaiser_is_that_of_torch():
    own = KaiserWindow(6.0).double().profile(torch.linspace(-0.5, 0.5, 201, dtype=torch.float64))
    other = torch.kaiser_window(201, periodic=False, beta=6.0, dtype=torch.float64)
    assert torch.allclose(own / own.max(), other, atol=1e-6)


def test_free_shape_goes_through_its_points():
    window = FreeWindow([1.0, 0.7, 0.9, 0.2, 0.1]).double()
    values = window.profile(torch.tensor([0, 0.125, 0.25, 0.375, 0.5], dtype=torch.float64))
    assert torch.allclose(values / values[0], torch.tensor([1.0, 0.7, 0.9, 0.2, 0.1], dtype=torch.float64), atol=1e-6)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (5, 1), (5, 4)], ids=str)
def test_gradients_of_shape_length_signal_and_positions(name, shape):
    window = ODD_SHAPES[name]().double()
    names, values = zip(*window.named_parameters(), strict=True)
    random = torch.Generator().manual_seed(1)
    signal = torch.randn(20, dtype=torch.float64, generator=random, requires_grad=True)
    theta = (5 + 2 * torch.rand(shape, dtype=torch.float64, generator=random)).requires_grad_()
    positions = torch.tensor([0.3, 5.1, 9.7, 14.2], dtype=torch.float64, requires_grad=True)

    def transform(signal, theta, positions, *parameters):
        own = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(
            _Transform(window), {f"window.{n}": v for n, v in own.items()}, (signal, theta, positions)
        )

    assert torch.autograd.gradcheck(
        transform, (signal, theta, positions, *(v.detach().clone().requires_grad_() for v in values))
    )


class _Transform(torch.nn.Module):
    def __init__(self, window):
        super().__init__()
        self.window = window

    def forward(self, signal, theta, positions):
        return learnable_dstft(signal, theta, positions, 8, self.window)


@pytest.mark.parametrize("name", FAMILIES)
def test_layer_learns_shape_and_length_together(noise, name):
    layer = DSTFT(64, Hops("constant", 16, num_frames=10), window=name).double()
    layer(noise).abs().mean().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in layer.parameters())
    assert set(layer.window.state_dict()) == {
        k.removeprefix("window.") for k in layer.state_dict() if k.startswith("window.")
    }


def test_layer_inverts_under_the_shape_it_has(noise):
    layer = DSTFT(64, 8, theta=50.0, window=CosineWindow([0.8, 0.1])).double()
    assert torch.allclose(layer.inverse(layer(noise).detach(), 300).samples, noise, atol=1e-8)


def test_length_and_shape_are_found_by_cross_correlation():
    """From a Hann window of 129 samples to a reference of 160: the length, with a shape that is learnt too, is found."""
    x = torch.arange(-100, 101, dtype=torch.float64)
    reference = CosineWindow([1.0]).double().value(x, torch.tensor(160.0, dtype=torch.float64)).detach()
    window = CosineWindow([0.7, 0.1]).double()
    theta = torch.tensor(129.0, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([theta, window.coefficients], max_iter=200, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        own = window.value(x, theta)
        value = 1 - (own @ reference) / own.norm() / reference.norm()
        value.backward()
        return value

    optimizer.step(loss)
    assert theta.item() == pytest.approx(160, abs=1.0)
    assert window.coefficients.tolist() == pytest.approx([1, 0], abs=0.03)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: CosineWindow(0),
        lambda: TukeyWindow(1.5),
        lambda: FreeWindow(3),
        lambda: KaiserWindow(-1),
        lambda: GaussianWindow(math.nan),
    ],
)
def test_refuses_shapes_that_cannot_be(wrong):
    with pytest.raises(InputError, match="window learn-"):
        wrong()


def test_theta_reads_within_its_bounds_once_moved_back():
    layer = DSTFT(256, theta=250.0)
    with torch.no_grad():
        layer.theta += 26
    assert layer.theta.item() == 276 and layer.lengths().item() == 256
    layer.clamp_()
    assert layer.theta.item() == 256


class TestLearntForARecording:
    @pytest.fixture
    def signal(self):
        time = np.arange(4000) / 2000
        tones = np.sin(2 * np.pi * 300 * time) + np.sin(2 * np.pi * 312 * time)
        return Signal(tones + 0.01 * np.random.default_rng(0).standard_normal(4000), 2000, "tones")

    def test_entropy_is_below_that_of_every_hann_window(self, signal):
        frames = torch.from_numpy(signal.samples).float().unfold(0, 512, 128)
        coefficients, found = learn_cosine(frames, (64, 512))
        lengths = np.geomspace(64, 512, 61)
        hann = [entropy(dstft_magnitude_of(frames, length)).item() for length in lengths]
        assert found["entropy"] < min(hann) and coefficients != [1.0, 0.0]

    def test_a_run_names_the_shape_and_its_configuration_repeats_it(self, signal, tmp_path):
        lengths = {"support": 512, "hop": 64, "theta_min": 64}
        result = optimize(signal, window="learn-cosine", **lengths)
        assert result.window.name.startswith("cosine(") and result.window.name != "cosine(1, 0)"
        write_result(result, tmp_path / "out", figures=False)
        again = read_result(tmp_path / "out")
        assert again.window.name == again.config.transform.window == result.window.name
        assert np.array_equal(optimize(signal, again.config).stft, result.stft)

    def test_other_tools_lack_it(self, dstft, sample_data):
        run = dstft("recommend", sample_data / "chirp.wav", "--window", "learn-cosine")
        assert run.code == 2 and "other tools lack it" in run.err

    @pytest.mark.parametrize("name", ["cosine()", "cosine(1;2)", "learn-sine", "cosine(1..2)"])
    def test_refuses_a_name_that_is_none(self, signal, name):
        with pytest.raises(InputError, match="window"):
            optimize(signal, window=name)


def dstft_magnitude_of(frames, length):
    taps = torch.arange(frames.shape[1]) - frames.shape[1] / 2
    return torch.fft.rfft(frames * WINDOWS["hann"].value(taps, torch.tensor(length, dtype=torch.float32))).abs().T
