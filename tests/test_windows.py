"""Window families: area, support, and closed-form derivatives."""

import math

import pytest
import torch

from dstft_cli.errors import InputError
from dstft_cli.stft.windows import WINDOWS, from_profile, get_window

FAMILIES = [*WINDOWS.values(), from_profile(lambda u: 1 + torch.cos(2 * math.pi * u), name="hann by callable")]


@pytest.mark.parametrize("window", FAMILIES, ids=lambda w: w.name)
def test_area_is_one_whatever_the_length(window):
    for theta in (3.7, 50.0, 1000.0):
        x = torch.linspace(-theta, theta, 200_001, dtype=torch.float64)
        area = torch.trapezoid(window.value(x, torch.tensor(theta, dtype=torch.float64)), x)
        assert area.item() == pytest.approx(1.0, abs=5e-6)


@pytest.mark.parametrize("window", FAMILIES, ids=lambda w: w.name)
def test_zero_outside_its_support_and_positive_inside(window):
    theta = torch.tensor(10.0, dtype=torch.float64)
    outside = torch.tensor([-5.001, 5.0, 5.001, 40.0], dtype=torch.float64)
    inside = torch.tensor([-4.9, -1.0, 0.0, 2.0, 4.9], dtype=torch.float64)
    assert (window.value(outside, theta) == 0).all()
    assert (window.value(inside, theta) > 0).all()
    assert all((d == 0).all() for d in window.derivatives(outside, theta))


@pytest.mark.parametrize("window", FAMILIES, ids=lambda w: w.name)
def test_derivatives_are_those_of_the_value(window):
    x = torch.linspace(-11.3, 11.1, 57, dtype=torch.float64)
    theta = torch.tensor(24.0, dtype=torch.float64)
    d_theta, d_x = window.derivatives(x, theta)
    h = 1e-5
    by_theta = (window.value(x, theta + h) - window.value(x, theta - h)) / (2 * h)
    by_x = (window.value(x + h, theta) - window.value(x - h, theta)) / (2 * h)
    torch.testing.assert_close(d_theta, by_theta, atol=1e-9, rtol=1e-6)
    torch.testing.assert_close(d_x, by_x, atol=1e-9, rtol=1e-6)


def test_hann_is_the_closed_form():
    x, theta = torch.arange(-8, 8, dtype=torch.float64), torch.tensor(20.0, dtype=torch.float64)
    torch.testing.assert_close(WINDOWS["hann"].value(x, theta), (1 + torch.cos(2 * math.pi * x / theta)) / theta)


def test_gaussian_is_equation_5():
    x, theta = torch.arange(-8, 8, dtype=torch.float64), torch.tensor(20.0, dtype=torch.float64)
    sigma = theta / 6
    torch.testing.assert_close(WINDOWS["gaussian"].value(x, theta), torch.exp(-math.pi * (x / sigma) ** 2) / sigma)


@pytest.mark.parametrize("length", [16.0, 21.5, 64.0])
def test_derivative_of_the_textbook_hann_by_its_length(length):
    """w[n] = (1 - cos(2πn/(N-1)))/2 with n held fixed: ∂w/∂N = -πn sin(2πn/(N-1))/(N-1)²."""
    theta = torch.tensor(length - 1, dtype=torch.float64)
    n = torch.arange(int(length) - 1, dtype=torch.float64)
    x = n - theta / 2  # the textbook's window begins at n = 0, so its centre moves by half of what θ grows
    window = WINDOWS["hann"]
    d_theta, d_x = window.derivatives(x, theta)
    ours = window.value(x, theta) / 2 + theta / 2 * (d_theta - d_x / 2)
    closed = -math.pi * n * torch.sin(2 * math.pi * n / theta) / theta**2
    torch.testing.assert_close(ours, closed, atol=1e-14, rtol=1e-10)


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match=r"'hanning'.*hann, hamming, blackman, gaussian"):
        get_window("hanning")


def test_profile_without_area_is_refused():
    with pytest.raises(InputError, match="area"):
        from_profile(lambda u: torch.sin(2 * math.pi * u))


def test_a_callable_named_like_a_family_has_another_name():
    def hann(u):
        return 1 - u.abs()

    assert get_window(hann).name == "my hann"
