"""Entropy and total variation: known values, gradients, edge cases."""

import math

import pytest
import torch
from torch.autograd import gradcheck

from dstft_cli.criteria import entropy, total_variation


def test_entropy_of_a_flat_plane_is_the_log_of_its_size():
    assert entropy(torch.full((6, 7), 3.0)).item() == pytest.approx(math.log(42))


def test_entropy_of_one_bin_is_nothing():
    plane = torch.zeros(5, 5)
    plane[2, 3] = 8.0
    assert entropy(plane).item() == pytest.approx(0.0, abs=1e-6)


def test_entropy_is_equation_26():
    magnitude = torch.rand(9, 11, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    p = magnitude / magnitude.sum()
    assert entropy(magnitude).item() == pytest.approx(-(p * p.log()).sum().item(), rel=1e-12)


def test_entropy_does_not_depend_on_the_scale():
    magnitude = torch.rand(9, 11, generator=torch.Generator().manual_seed(0))
    for scale in (1e-20, 1e6):
        assert entropy(magnitude * scale).item() == pytest.approx(entropy(magnitude).item(), rel=1e-5)


def test_entropy_of_silence_is_finite_and_flat():
    silence = torch.zeros(4, 4, requires_grad=True)
    value = entropy(silence)
    value.backward()
    assert value.item() == 0
    assert (silence.grad == 0).all()


def test_a_zero_among_others_has_a_finite_gradient():
    magnitude = torch.tensor([[0.0, 1.0, 2.0]], requires_grad=True)
    entropy(magnitude).backward()
    assert magnitude.grad.isfinite().all()


def test_gradient_of_entropy():
    magnitude = torch.rand(5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) + 0.01
    assert gradcheck(entropy, magnitude.requires_grad_())


def test_total_variation_of_a_constant_map_is_nothing():
    assert total_variation(torch.full((5, 6), 7.3)).item() == pytest.approx(0.0, abs=1e-7)


def test_total_variation_of_one_bump_is_equation_28():
    """A bump of height h in the middle: itself sees four neighbours, sqrt(4h²), and each neighbour sees it, h."""
    values = torch.zeros(5, 5, dtype=torch.float64)
    values[2, 2] = 3.0
    assert total_variation(values, epsilon=1e-9, reduction="sum").item() == pytest.approx(2 * 3.0 + 4 * 3.0)
    assert total_variation(values, epsilon=1e-9).item() == pytest.approx((2 * 3.0 + 4 * 3.0) / 25)


def test_total_variation_of_a_ramp_does_not_depend_on_the_size_of_the_grid():
    def ramp(size):
        return torch.arange(size, dtype=torch.float64).repeat(size, 1)

    small, large = (total_variation(ramp(n), epsilon=1e-9).item() for n in (100, 400))
    assert small == pytest.approx(large, rel=0.02)
    assert large == pytest.approx(math.sqrt(2), rel=0.02)


@pytest.mark.parametrize("shape", [(5, 7), (1, 9), (9, 1), (1, 1)])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_gradient_of_total_variation(shape, reduction):
    values = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2)).requires_grad_()
    assert gradcheck(lambda v: total_variation(v, 0.05, reduction), values)


def test_gradient_of_total_variation_where_all_is_equal():
    values = torch.full((4, 4), 2.0, requires_grad=True)
    total_variation(values).backward()
    assert (values.grad == 0).all()
