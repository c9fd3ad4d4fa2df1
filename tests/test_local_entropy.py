"""The loss local-entropy: its slope, votes of places that share one θ, where the sweeps end, and the working grid."""

import math

import numpy as np
import pytest
import torch
from local_entropy_fields import HANN, decay, evidence_of, field_of, grid_of, reading, white
from torch.autograd import gradcheck

from dstft_cli.optimization.local_entropy.evidence import SHARPNESS, Evidence, Votes, find_evidence
from dstft_cli.optimization.local_entropy.loss import EPSILON, LAMBDA, LocalEntropy
from dstft_cli.optimization.local_entropy.loudness import Loudness, measure_loudness
from dstft_cli.optimization.local_entropy.working_grid import WorkingGrid

COUNT, SUPPORT, SHORTEST = 3000, 128, 16.0
USUAL = math.log2(SUPPORT / 2)
INDEX = np.arange(COUNT)
MIXED = np.sin(2 * math.pi * 0.1 * INDEX) + 8.0 * (INDEX % 700 == 350) + 0.1 * white(COUNT)
MODES = ("constant", "time", "frequency", "plane")


@pytest.fixture(scope="module")
def evidence():
    return evidence_of(MIXED, SUPPORT, SHORTEST)


@pytest.fixture(scope="module")
def fields(evidence):
    """The loss of the mixture in every mode."""
    rows, columns = grid_of(COUNT, SUPPORT, SHORTEST).places
    shapes = dict(zip(MODES, [(1, 1), (1, columns), (rows, 1), (rows, columns)], strict=True))
    grid = grid_of(COUNT, SUPPORT, SHORTEST)
    return {mode: LocalEntropy(evidence.votes(shape), grid, USUAL) for mode, shape in shapes.items()}


def drawn(shape, low=SHORTEST, high=SUPPORT - 1.0, seed=0) -> torch.Tensor:
    """log2 θ at random."""
    draw = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return math.log2(low) + draw * math.log2(high / low)


def weights(evidence) -> torch.Tensor:
    """How far each place counts, 0 to 1."""
    return evidence.votes(tuple(evidence.energy.shape)).weight


def silent(evidence) -> Votes:
    """The votes of places of equal energy without evidence."""
    rows, columns = evidence.energy.shape
    nothing = Evidence(evidence.lengths, torch.zeros_like(evidence.values), torch.ones_like(evidence.energy))
    return nothing.votes((rows, columns))


def total(field: LocalEntropy, log_theta: torch.Tensor) -> float:
    return float(field(log_theta) + LAMBDA * field.variation(log_theta, EPSILON))


def constants(field: LocalEntropy) -> list[float]:
    """The loss of constant lengths all over the range."""
    lengths = np.geomspace(SHORTEST, field.longest, 60)
    return [total(field, torch.full((1, 1), math.log2(length), dtype=torch.float64)) for length in lengths]


class TestSlope:
    @pytest.mark.parametrize("mode", MODES)
    def test_of_the_evidence_is_that_of_finite_differences(self, fields, mode):
        field = fields[mode]
        size = math.prod(field.shape)
        assert gradcheck(lambda v: size * field(v), drawn(field.shape).requires_grad_(), fast_mode=mode == "plane")

    @pytest.mark.parametrize("mode", MODES[1:])
    def test_of_the_variation_is_that_of_finite_differences(self, fields, mode):
        field = fields[mode]
        size = math.prod(field.shape)
        log_theta = drawn(field.shape).requires_grad_()
        assert gradcheck(lambda v: size * field.variation(v, EPSILON), log_theta, fast_mode=mode == "plane")

    def test_reaches_a_constant_and_a_length_per_column_on_the_plane(self, fields):
        rows, columns = fields["plane"].shape
        for shape in ((1, 1), (1, columns), (rows, 1)):
            log_theta = drawn(shape).requires_grad_()
            fields["plane"](log_theta).backward()
            assert log_theta.grad.shape == shape and float(log_theta.grad.abs().max()) > 0

    def test_beyond_the_longest_window_is_0(self, fields):
        log_theta = torch.full((1, 1), 9.0, dtype=torch.float64, requires_grad=True)
        value = fields["constant"](log_theta)
        value.backward()
        assert float(log_theta.grad) == 0
        assert float(value.detach()) == float(fields["constant"](torch.full((1, 1), 7.0, dtype=torch.float64)))


class TestVotes:
    @pytest.mark.parametrize("length", [16.0, 25.0, 64.0, 127.0])
    @pytest.mark.parametrize("mode", MODES[:3])
    def test_summed_over_an_axis_are_those_of_the_plane_under_one_length(self, fields, mode, length):
        at = torch.full((1, 1), math.log2(length), dtype=torch.float64)
        assert float(fields[mode](at)) == pytest.approx(float(fields["plane"](at)), rel=1e-9)
        assert fields[mode].calm == fields["plane"].calm

    @pytest.mark.parametrize("mode", ["time", "frequency"])
    def test_summed_over_an_axis_are_those_of_the_plane_under_lengths_that_vary_over_the_other(self, fields, mode):
        log_theta = drawn(fields[mode].shape)
        assert float(fields[mode](log_theta)) == pytest.approx(float(fields["plane"](log_theta)), rel=1e-9)

    @pytest.mark.parametrize("mode", MODES)
    def test_of_two_parts_joined_are_those_of_the_whole(self, evidence, mode):
        rows, columns = evidence.energy.shape
        varies = (mode in ("frequency", "plane"), mode in ("time", "plane"))

        def votes(first, last):
            shape = rows if varies[0] else 1, last - first if varies[1] else 1
            return evidence_of(MIXED, SUPPORT, SHORTEST, (first, last)).votes(shape)

        joined = votes(0, 31).joined(votes(31, columns), axis=1 if varies[1] else 0)
        whole = evidence.votes((rows if varies[0] else 1, columns if varies[1] else 1))
        assert joined.count == whole.count
        for name in ("evidence", "doubt", "voice"):
            torch.testing.assert_close(getattr(joined, name), getattr(whole, name), rtol=1e-6, atol=1e-9)

    def test_count_for_more_where_there_is_more_than_noise(self, evidence):
        weight = weights(evidence)
        tone = round(0.1 * SUPPORT / grid_of(COUNT, SUPPORT, SHORTEST).steps[0])
        assert float(weight[tone].median()) > 0.9
        assert 0 <= float(weight.min()) and float(weight.max()) <= 1
        assert float(weights(evidence_of(white(COUNT), SUPPORT, SHORTEST)).mean()) < 0.05

    def test_and_are_louder_there(self, evidence):
        voice = evidence.votes(tuple(evidence.energy.shape)).voice
        tone, between = (round(f * SUPPORT / grid_of(COUNT, SUPPORT, SHORTEST).steps[0]) for f in (0.1, 0.25))
        assert float(voice[tone].median()) > 3 * float(voice[between].median()) > 0

    @pytest.mark.parametrize(("longest", "wanted"), [(1.2, 1), (2.9, 1), (3.1, 4)])
    def test_for_a_longer_window_count_only_as_far_as_they_exceed_the_fall_in_between(self, longest, wanted):
        values = torch.tensor([0.0, 1.0, -1.0, 0.5, longest]).view(-1, 1, 1)  # nats; the fall is 2
        votes = Evidence([8.0, 16.0, 32.0, 64.0, 128.0], values, torch.ones(1, 1)).votes((1, 1))
        assert int(votes.evidence.argmax(0)) == wanted

    @pytest.mark.parametrize(
        ("longest", "calm", "wanted"), [(3.1, 64.0, 4), (3.1, 8.0, 1), (4.9, 8.0, 1), (5.1, 8.0, 4)]
    )
    def test_a_fall_on_the_way_from_the_calm_length_counts_twice(self, longest, calm, wanted):
        values = torch.tensor([0.0, 1.0, -1.0, 0.5, longest]).view(-1, 1, 1)  # nats; the fall is 2
        evidence = Evidence([8.0, 16.0, 32.0, 64.0, 128.0], values, torch.ones(1, 1))
        assert int(evidence.votes((1, 1), calm=math.log2(calm)).evidence.argmax(0)) == wanted

    def test_padded_say_nothing_more(self, evidence):
        votes = evidence.votes(tuple(evidence.energy.shape))
        padded, grid = votes.padded(9), grid_of(COUNT, SUPPORT, SHORTEST)
        assert (padded.count, padded.voice.shape[1]) == (votes.count, votes.voice.shape[1] + 9)
        for name in ("evidence", "doubt", "voice"):
            torch.testing.assert_close(getattr(padded, name)[..., :-9], getattr(votes, name))
            assert not getattr(padded, name)[..., -9:].any()
        plain, longer = (LocalEntropy(one, grid, USUAL) for one in (votes, padded))
        at = torch.full((1, 1), 5.5, dtype=torch.float64)
        assert float(longer(at)) == pytest.approx(float(plain(at)), rel=1e-9)


class TestVariation:
    @pytest.mark.parametrize("mode", MODES)
    def test_of_a_constant_is_0(self, fields, mode):
        field = fields[mode]
        for shape in ((1, 1), field.shape):
            log_theta = torch.full(shape, 5.3, dtype=torch.float64)
            assert abs(float(field.variation(log_theta, EPSILON))) < 1e-12

    def test_grows_with_the_roughness(self, fields):
        field = fields["plane"]
        rough = drawn(field.shape)
        slight = rough.mean() + 0.1 * (rough - rough.mean())
        smooth = torch.linspace(4, 7, field.shape[1], dtype=torch.float64).expand(field.shape)
        variations = [float(field.variation(one, EPSILON)) for one in (smooth, slight, rough)]
        assert 0 < variations[0] < variations[1] < variations[2]

    @pytest.mark.parametrize(
        ("mode", "near"),
        [("plane", [(0.6, 0.25), (0.25, 0.6)]), ("time", [(0.25, 0.6)]), ("frequency", [(0.6, 0.25)])],
    )
    def test_is_the_distance_from_the_nearer_mean_along_an_axis_and_from_the_broad_one(self, fields, mode, near):
        field = fields[mode]
        log_theta = drawn(field.shape)

        def away(*units):
            nearer = torch.stack([(log_theta - field._mean(log_theta, own)).abs() for own in units]).amin(0)
            return (nearer.square() + EPSILON**2).sqrt() - EPSILON

        distance = (away(*near) + away((4.0, 4.0)) / 3) / field._together
        expected = float((field.voice * distance).sum() / field.voice.sum())
        assert float(field.variation(log_theta, EPSILON)) == pytest.approx(expected, rel=1e-6)

    @pytest.mark.parametrize("mode", MODES)
    def test_and_evidence_are_the_means_of_the_costs_by_voice(self, fields, mode):
        field = fields[mode]
        log_theta = drawn(field.shape)
        value, variation = field.costs(log_theta, EPSILON)
        assert value.shape == variation.shape == (field.shape[1],)
        voice = float(field.voice.sum())
        assert float(value.sum()) / voice == pytest.approx(float(field(log_theta)), rel=1e-6)
        if mode != "constant":
            variation = float(variation.sum()) / voice
            assert variation == pytest.approx(float(field.variation(log_theta, EPSILON)), rel=1e-6)


class TestStart:
    @pytest.mark.parametrize("mode", MODES[1:])
    def test_is_better_than_the_best_constant(self, fields, mode):
        field = fields[mode]
        start = field.start(LAMBDA, EPSILON)
        assert start.shape == field.shape
        assert math.log2(SHORTEST) <= float(start.min()) and float(start.max()) <= math.log2(SUPPORT)
        assert total(field, start) < min(constants(field)) - 0.02

    def test_without_variation_follows_the_evidence_more_closely(self, fields):
        field = fields["plane"]
        free, bound = field.start(0.0, EPSILON), field.start(LAMBDA, EPSILON)
        assert float(field(free)) < float(field(bound))
        assert float(field.variation(free, EPSILON)) > float(field.variation(bound, EPSILON))

    def test_is_what_plain_formulas_of_the_sweeps_give(self, fields):
        field = fields["plane"]
        lengths = field._log_lengths[:, None, None]

        def chosen(merit):
            return (torch.softmax(SHARPNESS * merit, 0) * lengths).sum(0)

        def away(log_theta, *units):
            nearer = torch.minimum(*((lengths - field._mean(log_theta, own)).abs() for own in units))
            return (nearer.square() + EPSILON**2).sqrt()

        near, broad = ((0.6, 0.25), (0.25, 0.6)), (4.0, 4.0)
        log_theta = chosen(3 * torch.stack([field._mean(value, broad) for value in field._values]))
        for sweep in range(16):
            merit = field._values - LAMBDA * (away(log_theta, *near) + away(log_theta, broad, broad) / 3)
            log_theta = chosen(merit if sweep < 12 else 2 * merit)
        end = field._mean(log_theta, (0.35, 0.35))
        torch.testing.assert_close(field.start(LAMBDA, EPSILON), end, rtol=1e-6, atol=1e-6)

    def test_is_long_in_a_tone_and_short_at_a_click(self, fields):
        grid, start = grid_of(COUNT, SUPPORT, SHORTEST), fields["plane"].start(LAMBDA, EPSILON).exp2()
        tone, high = (round(f * SUPPORT / grid.steps[0]) for f in (0.1, 0.35))
        click, between = (round(sample / grid.hop / grid.steps[1]) for sample in (1050, 1400))
        assert float(start[tone, between]) > 100
        assert float(start[high, click]) < 24

    def test_is_smooth(self):
        """A chirp at 20 dB: octaves a unit, the mean of both axes."""
        count, noise = 6000, 0.0707 * white(6000)
        chirp = np.sin(math.pi * 2e-5 * (np.arange(count) - 3000.0) ** 2 + math.pi / 2 * np.arange(count))
        grid = grid_of(count, 256, 32)
        start = grid.to_plane(field_of(chirp + noise, 256, 32).start(LAMBDA, EPSILON)).numpy()
        rough = [np.abs(np.diff(start, axis=axis)).mean() * grid.per_unit[axis] for axis in (0, 1)]
        assert np.mean(rough) < 0.3

    def test_in_one_channel_of_single_precision_is_that_in_double(self):
        starts = []
        for dtype in (torch.float32, torch.float64):
            grid, source = grid_of(COUNT, SUPPORT, SHORTEST), reading(MIXED, dtype)
            loudness = measure_loudness(source, COUNT, grid, HANN)
            votes = find_evidence(source, COUNT, grid, (0, grid.places[1]), HANN, loudness).votes(grid.places)
            starts.append(LocalEntropy(votes, grid, USUAL).start(LAMBDA, EPSILON))
        assert float((starts[0] - starts[1]).abs().max()) < 0.02


class TestCalm:
    def test_is_the_constant_with_the_most_evidence(self, fields):
        field = fields["plane"]
        losses = constants(field)
        best = np.geomspace(SHORTEST, field.longest, 60)[int(np.argmin(losses))]
        assert field.calm == pytest.approx(math.log2(best), abs=0.25)

    def test_given_is_where_places_without_evidence_are_drawn(self, evidence):
        """Without any evidence a constant of that length is better than any other one."""
        for length in (20.0, 50.0, 110.0):
            field = LocalEntropy(silent(evidence), grid_of(COUNT, SUPPORT, SHORTEST), USUAL, math.log2(length))
            best = np.geomspace(SHORTEST, field.longest, 60)[int(np.argmin(constants(field)))]
            assert best == pytest.approx(length, rel=0.15)

    def test_is_the_usual_length_where_nothing_speaks(self, evidence):
        for usual in (4.5, 6.0):
            assert LocalEntropy(silent(evidence), grid_of(COUNT, SUPPORT, SHORTEST), usual).calm == usual

    def test_is_the_usual_length_in_white_noise(self):
        assert field_of(white(20_000), SUPPORT, SHORTEST).calm == USUAL


class TestGrid:
    def test_interpolates_what_it_has_sampled(self):
        grid = grid_of(COUNT, SUPPORT, SHORTEST)
        values = drawn(grid.places)
        plane = grid.to_plane(values)
        assert plane.shape == grid.shape
        torch.testing.assert_close(grid.at_places(plane), values)
        assert float(values.min()) <= float(plane.min()) and float(plane.max()) <= float(values.max())

    @pytest.mark.parametrize("axes", [(0, 0), (0, 1), (1, 0)])
    def test_keeps_what_does_not_vary_over_an_axis(self, axes):
        grid = grid_of(COUNT, SUPPORT, SHORTEST)
        shape = [size if axis else 1 for size, axis in zip(grid.places, axes, strict=True)]
        plane = grid.to_plane(drawn(shape))
        assert plane.shape == tuple(size if axis else 1 for size, axis in zip(grid.shape, axes, strict=True))
        torch.testing.assert_close(grid.at_places(plane), drawn(shape))

    def test_interpolates_some_frames_from_the_columns_about_them(self):
        grid = grid_of(COUNT, SUPPORT, SHORTEST)
        values = drawn(grid.places)
        whole, step = grid.to_plane(values), grid.steps[1]
        part = grid.to_plane(values[:, 10:40], (12 * step, 30 * step), 10)
        torch.testing.assert_close(part, whole[:, 12 * step : 30 * step])

    def test_is_exact_far_from_the_beginning(self):
        """Places of long recordings are not whole numbers of single precision."""
        grid = WorkingGrid((5, 3 * 10**8), 256, 16, 32.0)
        first, step = 2 * 10**8 + 1, grid.steps[1]
        column = first // step
        values = torch.arange(column, column + 20, dtype=torch.float64)[None].expand(grid.places[0], 20) - column
        found = grid.to_plane(values, (first, first + 9), column)
        expected = torch.arange(first, first + 9, dtype=torch.float64) / step - column
        torch.testing.assert_close(found[0], expected, rtol=0, atol=1e-6)

    @pytest.mark.parametrize(("hop", "count"), [(1, 400), (16, 40_000), (256, 4_000_000)])
    def test_has_few_places_and_none_further_apart_than_a_unit(self, hop, count):
        grid = WorkingGrid((129, (count - 1) // hop + 1), 256, hop, 32.0)
        assert math.prod(grid.places) < 4 * 120_000 or grid.steps[1] == 1
        for step, per_unit, places, size in zip(grid.steps, grid.per_unit, grid.places, grid.shape, strict=True):
            assert step <= max(1, per_unit)
            assert (places - 1) * step < size <= places * step

    def test_has_a_range_even_where_one_length_is_allowed(self):
        low, high = WorkingGrid((33, 100), 64, 16, 64.0).bounds
        assert low < high == 64


def test_a_survey_that_is_stopped_has_the_lengths_that_it_has_seen():
    grid, source, told = grid_of(COUNT, SUPPORT, SHORTEST), reading(MIXED), []

    def stop(node, count):
        told.append((node, count))
        return node >= 2

    loudness = Loudness(1.0, torch.zeros(grid.places[0], dtype=torch.float64))
    found = find_evidence(source, COUNT, grid, (0, grid.places[1]), HANN, loudness, stop)
    whole = find_evidence(source, COUNT, grid, (0, grid.places[1]), HANN, loudness)
    assert [node for node, _ in told] == [0, 1, 2, 3, 4]  # not before the four that a cubic needs
    assert {count for _, count in told} == {len(whole.lengths)}
    assert found.lengths == whole.lengths[:5] and len(found.values) == 5
    torch.testing.assert_close(found.values, whole.values[:5])
    field = LocalEntropy(found.votes((1, 1)), grid, USUAL)
    assert math.isfinite(float(field(torch.full((1, 1), 7.0, dtype=torch.float64))))


def test_a_struck_tone_is_short_where_it_begins_and_long_where_it_lasts():
    struck = decay(COUNT, 1000, 0.2, 0.001) + 1e-3 * white(COUNT)
    grid = grid_of(COUNT, SUPPORT, SHORTEST)
    theta = field_of(struck, SUPPORT, SHORTEST).start(LAMBDA, EPSILON).exp2()
    row = round(0.2 * SUPPORT / grid.steps[0])
    strike, later = (round(sample / grid.hop / grid.steps[1]) for sample in (1000, 1600))
    assert float(theta[row, later]) > 90 > 2 * float(theta[row, strike])
