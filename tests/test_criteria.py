"""Criteria of magnitudes, window lengths and frames: known values, plain formulas, gradients, edge cases."""

import math

import pytest
import torch
from torch.autograd import gradcheck

from dstft_cli.errors import InputError
from dstft_cli.optimization.criteria import (
    CRITERIA,
    entropy,
    get_criterion,
    kurtosis,
    magnitude,
    renyi,
    total_variation,
)
from dstft_cli.optimization.loss import coverage, coverage_penalty, linked_coverage

OF_ONE_PLANE = [name for name, criterion in CRITERIA.items() if not criterion.local]


def plane(*shape, seed=0, dtype=torch.float64):
    """Magnitudes between 0.01 and 1.01."""
    return torch.rand(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed)) + 0.01


def value_and_gradient(measure, values):
    values = values.detach().clone().requires_grad_()
    value = measure(values)
    return value.item(), *torch.autograd.grad(value, values)


def test_entropy_of_a_flat_plane_is_the_log_of_its_size():
    assert entropy(torch.full((6, 7), 3.0)).item() == pytest.approx(math.log(42))


def test_entropy_of_one_bin_is_zero():
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


def test_magnitude_is_the_absolute_value_and_so_is_its_gradient():
    spectrum = torch.randn(5, 6, dtype=torch.complex128, generator=torch.Generator().manual_seed(3)).requires_grad_()
    torch.testing.assert_close(magnitude(spectrum), spectrum.abs())
    assert gradcheck(magnitude, spectrum)


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_magnitude_of_nothing_is_nothing_and_has_no_gradient(dtype):
    """Even where the loss rises steeply there, as entropy does: 69 for a Σ|S| of 1."""
    spectrum = torch.tensor([0.0, 0.6 - 0.8j], dtype=dtype, requires_grad=True)
    size = magnitude(spectrum)
    (gradient,) = torch.autograd.grad(entropy(size[:, None]), spectrum)
    assert size[0] == 0
    assert gradient[0] == 0
    assert gradient.isfinite().all()


def test_what_is_too_faint_to_be_squared_has_no_steep_gradient():
    spectrum = torch.tensor([1e-25, 0.6 - 0.8j], requires_grad=True)
    (gradient,) = torch.autograd.grad(magnitude(spectrum), spectrum, torch.ones(2))
    assert gradient.abs().max().item() == pytest.approx(1.0)


def test_renyi_is_its_formula():
    values = plane(9, 11)
    p = values / values.sum()
    for order in (0.3, 0.5, 1.001, 2, 3, 7.5):
        assert renyi(values, order).item() == pytest.approx((p**order).sum().log().item() / (1 - order), rel=1e-10)


def test_renyi_of_the_squares_is_that_of_the_energy():
    """Baraniuk's R_3 = -1/2 log ΣΣ (C / ΣΣ C)³ of an energy distribution C, in nats."""
    values = plane(7, 8)
    energy = sum(float(a) ** 2 for a in values.flatten())
    moment = sum((float(a) ** 2 / energy) ** 3 for a in values.flatten())
    assert renyi(values**2, 3).item() == pytest.approx(-math.log(moment) / 2, rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_renyi_near_order_1_is_shannons_entropy(dtype):
    """The nearer the closer, until float32 can tell no difference; never further off than the order is from 1."""
    values = plane(129, 50, dtype=dtype)
    shannon, slope = value_and_gradient(entropy, values)
    assert renyi(values, 1).item() == shannon
    for step in (-1e-2, 1e-2, -1e-3, 1e-3, 3e-4, -1e-5, 1e-6, 1e-9):
        value, gradient = value_and_gradient(lambda a, order=1 + step: renyi(a, order), values)
        assert abs(value - shannon) < max(abs(step), 1e-5)
        assert (gradient - slope).norm() < 2 * max(abs(step), 1e-4) * slope.norm()


@pytest.mark.parametrize("order", [0.2, 0.5, 1, 2, 3, 20])
def test_renyi_of_a_flat_plane_is_the_log_of_its_size(order):
    assert renyi(torch.full((6, 7), 3.0), order).item() == pytest.approx(math.log(42))


@pytest.mark.parametrize("order", [0.05, 0.5, 1, 2, 3, 20])
def test_renyi_of_one_bin_is_zero(order):
    values = torch.zeros(50, 50)
    values[2, 3] = 8.0
    assert renyi(values, order).item() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("order", [0.5, 0.9, 1, 1.1, 2, 3])
def test_renyi_of_silence_is_zero_with_no_gradient(order):
    for dtype in (torch.float32, torch.float64):
        value, gradient = value_and_gradient(lambda a: renyi(a, order), torch.zeros(4, 4, dtype=dtype))
        assert value == 0
        assert (gradient == 0).all()


@pytest.mark.parametrize("order", [0.5, 0.9, 1, 1.1, 2, 3])
def test_renyi_with_a_zero_among_others_has_a_finite_gradient(order):
    value, gradient = value_and_gradient(lambda a: renyi(a, order), torch.tensor([[0.0, 1.0, 2.0]]))
    assert value == pytest.approx(renyi(torch.tensor([[1.0, 2.0]]), order).item(), rel=1e-6)
    assert gradient.isfinite().all()


def test_renyi_falls_as_the_order_rises():
    values = plane(9, 11)
    entropies = [renyi(values, order).item() for order in (0.2, 0.5, 0.99, 1, 1.01, 2, 3, 10)]
    assert entropies == sorted(entropies, reverse=True)
    assert len(set(entropies)) == len(entropies)


@pytest.mark.parametrize(
    "measure", [entropy, renyi, lambda a: renyi(a, 0.5), kurtosis], ids=["entropy", "renyi", "order 0.5", "kurtosis"]
)
def test_the_unit_of_the_signal_does_not_matter(measure):
    """In float32 as well, whose range ends at 1e-38: neither the value nor the gradient, which goes as 1/|S|."""
    values = plane(9, 11, dtype=torch.float32)
    value, gradient = value_and_gradient(measure, values)
    for scale in (1e-20, 1e6):
        scaled, slope = value_and_gradient(measure, values * scale)
        assert scaled == pytest.approx(value, rel=1e-5)
        torch.testing.assert_close(slope * scale, gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("order", [0.5, 1, 2, 3])
def test_gradient_of_renyi(order):
    assert gradcheck(lambda a: renyi(a, order), plane(5, 7, seed=1).requires_grad_())


def test_kurtosis_is_equation_30():
    values = plane(5, 4)
    total = 0.0
    for frame in values.T.tolist():
        fourth = sum(a**4 for a in frame) / 5
        square = sum(a**2 for a in frame) / 5
        total += fourth / square**2
    assert kurtosis(values).item() == pytest.approx(total / 4, rel=1e-12)


def test_kurtosis_of_a_single_line_is_the_number_of_bins():
    values = torch.zeros(33, 4)
    values[7] = torch.tensor([1.0, 1e-3, 40.0, 2.0])
    assert kurtosis(values).item() == pytest.approx(33)


def test_kurtosis_of_a_flat_spectrum_is_1():
    assert kurtosis(torch.full((33, 4), 0.7)).item() == pytest.approx(1)


def test_kurtosis_of_white_noise_is_2():
    noise = torch.randn(5000, 20, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    assert kurtosis(noise.abs()).item() == pytest.approx(2, rel=0.02)


def test_each_frame_counts_alike_however_faint():
    values = plane(33, 3, dtype=torch.float32)
    faint = values * torch.tensor([1.0, 1e-20, 1e10])
    assert kurtosis(faint).item() == pytest.approx(kurtosis(values).item(), rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_silent_frame_counts_as_1_and_has_no_gradient(dtype):
    values = plane(9, 3, dtype=dtype)
    alone, slope = value_and_gradient(kurtosis, values)
    beside = torch.cat([values[:, :2], values.new_zeros(9, 1), values[:, 2:]], 1)
    value, gradient = value_and_gradient(kurtosis, beside)
    assert value == pytest.approx((3 * alone + 1) / 4, rel=1e-6)
    assert (gradient[:, 2] == 0).all()
    torch.testing.assert_close(gradient[:, [0, 1, 3]], slope * 3 / 4)


def test_kurtosis_of_silence_is_1_with_no_gradient():
    value, gradient = value_and_gradient(kurtosis, torch.zeros(9, 3))
    assert value == 1
    assert (gradient == 0).all()


def test_gradient_of_kurtosis():
    assert gradcheck(kurtosis, plane(5, 7, seed=1).requires_grad_())


def test_total_variation_of_a_constant_map_is_zero():
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
def test_gradient_of_total_variation(shape):
    values = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2)).requires_grad_()
    for reduction in ("mean", "sum"):
        assert gradcheck(lambda v, reduction=reduction: total_variation(v, 0.05, reduction), values)


def test_gradient_of_total_variation_where_all_is_equal():
    values = torch.full((4, 4), 2.0, requires_grad=True)
    total_variation(values).backward()
    assert (values.grad == 0).all()


N = 1000  # samples of the signal that frames are to cover
THETA_SHAPES = [(1, 1), (1, 7), (3, 1), (3, 7)]


def scattered(shape, seed, margin=0.0):
    """Seven ordered positions, up to ``margin`` of N outside the signal, and θ from 5 to 605 of that shape."""
    generator = torch.Generator().manual_seed(seed)
    draw = torch.rand(7, dtype=torch.float64, generator=generator).sort().values
    theta = 5 + 600 * torch.rand(shape, dtype=torch.float64, generator=generator) ** 2
    return N * (draw * (1 + 2 * margin) - margin), theta


def equation_32(positions, theta):
    """As printed, but over the gaps that there are; the mean over frequency."""
    total = 0.0
    for row in theta.expand(len(theta), 7).tolist():
        for n in range(6):
            here, there = float(positions[n]), float(positions[n + 1])
            starts_inside = there - row[n + 1] / 2 < N
            ends_inside = here + row[n] / 2 > 0
            if starts_inside and ends_inside:
                total += min(there - here, (row[n + 1] + row[n]) / 2)
    return total / N / len(theta)


@pytest.mark.parametrize("shape", THETA_SHAPES)
def test_linked_coverage_is_equation_32(shape):
    """Frames that lie half outside the signal bring both indicators into play."""
    for seed in range(10):
        positions, theta = scattered(shape, seed, margin=0.5)
        assert linked_coverage(positions, theta, N).item() == pytest.approx(equation_32(positions, theta), rel=1e-12)


def test_windows_wholly_outside_the_signal_link_nothing():
    theta = torch.full((1, 1), 100.0)
    for outside in (-400.0, N + 100.0):
        positions = outside + torch.tensor([0.0, 100.0, 200.0], dtype=torch.float64)
        assert linked_coverage(positions, theta, N).item() == 0


def test_linked_coverage_of_evenly_spaced_windows():
    """Ten gaps of 100 samples: full where the windows touch, half where they are half as long, not more where they overlap."""
    positions = torch.arange(0.0, N + 1, 100, dtype=torch.float64)
    shares = [linked_coverage(positions, torch.full((1, 1), length), N).item() for length in (50.0, 100.0, 400.0)]
    assert shares == pytest.approx([0.5, 1.0, 1.0])


def test_the_penalty_is_small_where_coverage_is_high():
    """It falls while windows grow into the gaps between them, and no further."""
    positions = torch.arange(0.0, N + 1, 100, dtype=torch.float64)
    lengths = (20.0, 50.0, 99.0, 101.0, 300.0)
    penalties, slopes = zip(
        *(
            value_and_gradient(lambda th: coverage_penalty(positions, th, N), torch.full((1, 11), length))
            for length in lengths
        ),
        strict=True,
    )
    assert penalties == pytest.approx((0.8, 0.5, 0.01, 0.0, 0.0), abs=1e-6)
    assert all((slope < 0).all() for slope in slopes[:3])
    assert all((slope == 0).all() for slope in slopes[3:])


def test_the_penalty_draws_crowded_frames_apart():
    """Two frames crowd at the start and a gap follows: a descent moves the second into the gap."""
    positions = torch.tensor([0.0, 20.0, 500.0], dtype=torch.float64)
    _, slope = value_and_gradient(lambda t: coverage_penalty(t, torch.full((1, 1), 100.0), N), positions)
    assert slope[1] < 0


@pytest.mark.parametrize("shape", THETA_SHAPES)
def test_gradient_of_the_penalty(shape):
    """At random places, where no gap is just as long as its windows."""
    inputs = [given.requires_grad_() for given in scattered(shape, 5)]
    assert gradcheck(lambda t, th: coverage_penalty(t, th, N), inputs)


def test_one_frame_links_nothing_and_has_no_slope():
    theta = torch.full((1, 1), 100.0)
    value, gradient = value_and_gradient(lambda t: coverage_penalty(t, theta, N), torch.zeros(1, dtype=torch.float64))
    assert value == 1
    assert (gradient == 0).all()


def counted(positions, theta, points=10_000):
    """The share of a fine grid of times that lies in at least one window; the mean over frequency."""
    times = (torch.arange(points, dtype=torch.float64) + 0.5) / points * N
    rows = theta.expand(len(theta), len(positions))
    within = (times[:, None] - positions).abs() <= rows[:, None] / 2
    return within.any(-1).to(torch.float64).mean().item()


@pytest.mark.parametrize("shape", THETA_SHAPES)
def test_coverage_is_what_a_fine_grid_counts(shape):
    """Seven windows have fourteen edges, each of which the grid may miss by half a point."""
    for seed in range(8):
        positions, theta = scattered(shape, seed, margin=0.2)
        assert coverage(positions, theta, N) == pytest.approx(counted(positions, theta), abs=7 / 10_000)


@pytest.mark.parametrize(
    ("positions", "theta", "expected"),
    [
        ([500], [100], 0.1),
        ([500, 500], [100, 400], 0.4),  # one within the other
        ([500, 510, 900], [600, 20, 100], 0.7),  # within, and its right edge lies before its neighbour's
        ([0, 1000], [100, 100], 0.1),  # half outside at either end
        ([-300, 500, 1400], [100, 100, 100], 0.1),  # wholly outside
        ([200, 600], [100, 100], 0.2),  # a gap
        ([600, 200], [100, 100], 0.2),  # in no order
        ([300, 500], [100, 800], 0.8),  # the later begins first
        ([500], [3000], 1.0),
        ([200, 280, 340], [100, 100, 300], 0.34),  # each meets the next
        ([30, 90, 140], [200, 100, 100], 0.19),  # the same, half outside
    ],
)
def test_coverage_of_a_few_windows(positions, theta, expected):
    share = coverage(torch.tensor(positions, dtype=torch.float64), torch.tensor([theta], dtype=torch.float32), N)
    assert share == pytest.approx(expected)


@pytest.mark.parametrize("shape", THETA_SHAPES)
def test_coverage_is_1_where_all_is_covered_and_never_more(shape):
    theta = scattered(shape, 0)[1] + N / 6
    assert coverage(torch.linspace(0, N, 7, dtype=torch.float64), theta, N) == pytest.approx(1.0, abs=1e-12)
    for seed in range(20):
        assert coverage(*scattered(shape, seed, margin=0.2), N) <= 1 + 1e-12


@pytest.mark.parametrize("shape", THETA_SHAPES)
def test_what_is_linked_is_covered(shape):
    """The penalty never promises more than there is, for frames in order and within the signal."""
    for seed in range(30):
        positions, theta = scattered(shape, seed)
        assert coverage(positions, theta, N) >= linked_coverage(positions, theta, N).item() - 1e-12


@pytest.mark.parametrize("name", OF_ONE_PLANE)
def test_a_descent_of_the_cost_concentrates_the_energy(name):
    """Whatever the criterion: its cost is lower for a line than for noise, and for noise than for a flat plane."""
    line, noise, flat = torch.zeros(65, 8), plane(65, 8, dtype=torch.float32), torch.ones(65, 8)
    line[5] = 1
    criterion = get_criterion(name)
    costs = [criterion.cost(criterion.measure(values)).item() for values in (line, noise, flat)]
    assert costs == sorted(costs)
    assert len(set(costs)) == 3


def test_the_cost_of_kurtosis_falls_alike_with_every_doubling():
    cost = get_criterion("kurtosis").cost
    steps = torch.tensor([1.0, 2.0, 4.0, 300.0, 600.0])
    assert cost(steps).diff()[[0, 1, 3]].tolist() == pytest.approx([-math.log(2)] * 3, rel=1e-5)
    assert (cost(steps).diff() < 0).all()


@pytest.mark.parametrize("name", OF_ONE_PLANE)
def test_what_is_measured_per_frame_does_not_grow_with_frames(name):
    criterion, values = get_criterion(name), plane(9, 11)
    growth = criterion.measure(torch.cat([values, values], 1)) - criterion.measure(values)
    assert growth.item() == pytest.approx(0.0 if criterion.per_frame else math.log(2))


@pytest.mark.parametrize("name", OF_ONE_PLANE)
def test_a_criterion_is_found_by_its_name(name):
    values = plane(9, 11)
    measure = {"entropy": entropy, "renyi": renyi, "kurtosis": kurtosis}[name]
    assert get_criterion(name).name == name
    assert get_criterion(name).measure(values) == measure(values)


def test_the_order_is_that_of_renyi():
    values = plane(9, 11)
    assert get_criterion("renyi", 2).measure(values) == renyi(values, 2)
    assert get_criterion("entropy", 2).measure(values) == entropy(values)


def test_a_callable_is_minimised_and_called_custom():
    """Whatever its own name: a term called theta or loss would replace another in the results."""

    def loss(values):
        return values.std()

    criterion, values = get_criterion(loss), plane(9, 11)
    assert criterion.name == "custom"
    assert criterion.cost(criterion.measure(values)) == values.std()


def test_an_unknown_criterion_is_refused_with_those_there_are():
    with pytest.raises(
        InputError, match=r"'entropie' is not known; choose one of entropy, renyi, kurtosis, local-entropy or"
    ):
        get_criterion("entropie")
