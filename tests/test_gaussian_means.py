"""Sparse matrices of Gaussian means and of linear interpolation, against dense NumPy."""

import math

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from dstft_cli.optimization.local_entropy.gaussian_means import Means, apply_to, gaussian_rows, linear_rows

FLOAT64 = torch.zeros(0, dtype=torch.float64)
POINTS = [0.0, 0.4, 3.0, 7.5, 19.0]


def dense(points, size, deviation) -> np.ndarray:
    """Gaussian weights (K, n), cut off three deviations from the nearest value of the axis, each row with the sum 1."""
    at, index = np.asarray(points, float)[:, None], np.arange(size)
    weights = np.exp(-0.5 * ((index - at) / deviation) ** 2)
    weights[np.abs(index - np.round(at)) > math.ceil(3 * deviation)] = 0
    return weights / weights.sum(1, keepdims=True)


class TestGaussianRows:
    @pytest.mark.parametrize("deviation", [0.35, 1.0, 2.7, 40.0])
    def test_have_the_weights_of_the_formula(self, deviation):
        rows = gaussian_rows(POINTS, 20, deviation, FLOAT64).to_dense()
        np.testing.assert_allclose(rows.numpy(), dense(POINTS, 20, deviation), atol=1e-12)

    @pytest.mark.parametrize("deviation", [0.01, 0.35, 5.0, 300.0])
    @pytest.mark.parametrize("size", [1, 2, 50])
    def test_sum_to_1_also_at_the_ends(self, size, deviation):
        rows = gaussian_rows(range(size), size, deviation, FLOAT64).to_dense()
        np.testing.assert_allclose(rows.sum(1), 1, rtol=1e-12)
        assert float(rows.min()) >= 0

    def test_leave_a_constant_as_it_is_at_the_ends_where_zeros_beyond_them_would_not(self):
        rows = gaussian_rows(range(30), 30, 4.0, FLOAT64)
        np.testing.assert_allclose(rows @ torch.full((30,), 7.0, dtype=torch.float64), 7, rtol=1e-12)

    def test_give_the_mean_and_the_deviation_that_were_asked_for(self):
        index = np.arange(200)
        row = gaussian_rows([100.3], 200, 6.0, FLOAT64).to_dense().numpy()[0]
        assert row @ index == pytest.approx(100.3, abs=0.02)
        assert math.sqrt(row @ (index - 100.3) ** 2) == pytest.approx(6.0, rel=0.03)  # the tails are cut off

    def test_narrower_than_a_step_are_that_point(self):
        np.testing.assert_allclose(gaussian_rows([4.0], 9, 0.01, FLOAT64).to_dense()[0, 4], 1, atol=0.04)


class TestLinearRows:
    def test_interpolate_between_neighbours_and_repeat_the_ends(self):
        points, values = [-3.0, 0.0, 0.25, 4.5, 8.0, 11.0], np.random.default_rng(0).standard_normal(9)
        found = linear_rows(points, 9, FLOAT64) @ torch.from_numpy(values)
        np.testing.assert_allclose(found, np.interp(points, np.arange(9), values), atol=1e-12)

    @pytest.mark.parametrize("size", [1, 2, 9])
    def test_sum_to_1_everywhere(self, size):
        rows = linear_rows(np.linspace(-2, size + 2, 50), size, FLOAT64).to_dense()
        np.testing.assert_allclose(rows.sum(1), 1, rtol=1e-12)

    def test_find_the_values_of_a_single_one(self):
        assert linear_rows([0.0, 0.7, 3.0], 1, FLOAT64).to_dense().flatten().tolist() == [1, 1, 1]


class TestApplyTo:
    def matrices(self):
        return gaussian_rows([0.0, 5.5, 11.0], 12, 2.0, FLOAT64), linear_rows([0.5, 3.0, 6.9, 9.0], 8, FLOAT64)

    def test_is_the_product_from_both_sides(self):
        rows, columns = self.matrices()
        values = torch.randn(12, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        expected = rows.to_dense().numpy() @ values.numpy() @ columns.to_dense().numpy().T
        np.testing.assert_allclose(apply_to(values, rows, columns), expected, atol=1e-12)

    @pytest.mark.parametrize("repeated", [False, True])
    def test_has_the_slope_of_its_value(self, repeated):
        rows, columns = self.matrices()
        values = torch.randn(12, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        means = Means(rows, columns)
        assert gradcheck(means if repeated else lambda v: apply_to(v, rows, columns), values.requires_grad_())

    def test_is_what_means_repeat(self):
        rows, columns = self.matrices()
        values = torch.randn(12, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
        assert torch.equal(Means(rows, columns)(values), apply_to(values, rows, columns))

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_keeps_the_type(self, dtype):
        like = torch.zeros(0, dtype=dtype)
        found = apply_to(torch.ones(4, 5, dtype=dtype), gaussian_rows([1.0], 4, 1.0, like), linear_rows([2.0], 5, like))
        assert found.dtype == dtype and float(found) == pytest.approx(1)

    def test_of_a_float32_plane_is_as_exact_as_float32_is(self):
        values = torch.rand(300, 200, generator=torch.Generator().manual_seed(2))
        found = [
            apply_to(values.to(d), *(gaussian_rows(range(0, n, 3), n, 9.0, values.to(d)) for n in (300, 200)))
            for d in (torch.float32, torch.float64)
        ]
        np.testing.assert_allclose(found[0], found[1], rtol=1e-5)
