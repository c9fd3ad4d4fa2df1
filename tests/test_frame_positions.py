"""Where frames lie, whatever numbers an optimiser comes up with."""

import math

import pytest
import torch

from dstft_cli.errors import InputError
from dstft_cli.stft.frame_positions import (
    bounded_hops,
    check_room,
    equal_steps,
    fixed_positions,
    following,
    hops_between,
    keep_apart,
    unequal_steps,
)
from dstft_cli.stft.modes import HOP_MODES, get_hop_mode

ROUNDING = 1e-9  # of the signal's length, for sums of float64


def trials(count: int):
    for seed in range(count):
        yield torch.Generator().manual_seed(seed)


def rand(draw: torch.Generator, *shape: int) -> torch.Tensor:
    return torch.rand(shape, dtype=torch.float64, generator=draw)


def wild(draw: torch.Generator, count: int) -> torch.Tensor:
    """Numbers of either sign from 1e-8 to 1e12, with zeros and equal ones among them."""
    values = torch.where(rand(draw, count) < 0.5, -1.0, 1.0) * 10 ** (20 * rand(draw, count) - 8)
    values[rand(draw, count) < 0.2] = 0.0
    values[rand(draw, count) < 0.2] = 1e12
    return values


@pytest.mark.parametrize("name", HOP_MODES)
def test_names_are_taken_as_people_write_them(name):
    assert get_hop_mode(name) == get_hop_mode(f" {name.upper().replace('-', '_')}") == name
    assert get_hop_mode("time") == "time-varying"


@pytest.mark.parametrize("name", ["varying", "", "constnat"])
def test_an_unknown_name_is_refused_with_the_choices(name):
    with pytest.raises(InputError, match=f"hop_mode '{name}'.*fixed, constant, time-varying, overlap"):
        get_hop_mode(name)


def test_a_fixed_hop_takes_every_whole_step_inside_the_signal():
    for draw in trials(50):
        hop, samples = float(0.3 + 40 * rand(draw, 1)), int(1000 * rand(draw, 1))
        positions = fixed_positions(samples, hop)
        torch.testing.assert_close(positions, torch.arange(len(positions), dtype=torch.float64) * hop)
        assert positions[-1] <= samples < positions[-1] + hop


def test_unequal_hops_that_are_equal_are_one_hop():
    torch.testing.assert_close(unequal_steps(torch.full((9,), 3.7)), equal_steps(torch.tensor(3.7), 10))


def test_hops_and_positions_are_two_ways_to_say_the_same():
    for draw in trials(20):
        hops = 2 + 5 * rand(draw, 12)
        torch.testing.assert_close(hops_between(unequal_steps(hops), 2.0), hops)


@pytest.mark.parametrize("positions", [[1.0, 9.0], [0.0, 9.0, 9.0], [0.0, 9.0, 5.0], [0.0, 3.9]])
def test_first_positions_that_hops_cannot_make_are_refused(positions):
    with pytest.raises(InputError, match=r"begin at 0 .* hop_min, 4 samples"):
        hops_between(torch.tensor(positions), 4.0)


def test_a_signal_too_short_for_its_frames_is_refused_with_what_it_needs():
    check_room(30, 5, 7.5)
    with pytest.raises(InputError, match=r"5 frames at least 7\.5 .*a signal of 30 samples or more, not 29"):
        check_room(29, 5, 7.5)


def test_bounded_hops_hold_their_bounds_whatever_they_are_made_from():
    for draw in trials(150):
        count, least = int(1 + 30 * rand(draw, 1)), float(0.1 + 9 * rand(draw, 1))
        room = count * least * float(1 + 3 * rand(draw, 1)) if draw.initial_seed() % 5 else count * least
        hops = bounded_hops(wild(draw, count), least, room)
        positions = unequal_steps(hops)
        assert (hops >= least).all()
        assert positions[0] == 0
        assert positions[-1] <= room * (1 + ROUNDING)
        assert (positions.diff() >= least - ROUNDING * room).all()


def test_hops_inside_the_bounds_stay_as_they_are():
    for draw in trials(20):
        hops = 2 + rand(draw, 10)
        torch.testing.assert_close(bounded_hops(hops, 2.0, 30.0), hops)


def test_hops_that_are_too_long_keep_the_proportions_of_what_is_above_the_least():
    hops = bounded_hops(torch.tensor([3.0, 6.0, 10.0], dtype=torch.float64), 2.0, 12.5)
    torch.testing.assert_close(hops - 2, torch.tensor([0.5, 2.0, 4.0], dtype=torch.float64))


def descend(hops: torch.Tensor, target: torch.Tensor, least: float, room: float) -> torch.Tensor:
    """The bounded hops after a descent of the squared distance to a target."""
    hops.requires_grad_()
    optimizer = torch.optim.SGD([hops], lr=0.1)
    for _ in range(400):
        optimizer.zero_grad()
        (bounded_hops(hops, least, room) - target).square().sum().backward()
        optimizer.step()
    return bounded_hops(hops, least, room).detach()


@pytest.mark.parametrize("start", [[20.0, 20.0, 30.0], [-5.0, 4.0, -9.0], [-5.0, 60.0, 4.0]])
def test_descent_brings_hops_back_from_beyond_the_bounds(start):
    target = torch.tensor([3.0, 7.0, 5.0], dtype=torch.float64)
    reached = descend(torch.tensor(start, dtype=torch.float64), target, 2.0, 30.0)
    torch.testing.assert_close(reached, target, atol=1e-6, rtol=0)


def test_descent_towards_hops_that_are_too_long_ends_at_the_nearest_that_fit():
    target = torch.tensor([6.0, 12.0, 15.0], dtype=torch.float64)  # 33 in all: each gives up 3 of the 9 too many
    reached = descend(torch.full((3,), 5.0, dtype=torch.float64), target, 1.0, 24.0)
    torch.testing.assert_close(reached, target - 3, atol=1e-4, rtol=0)


def ordered(draw: torch.Generator, count: int, least: float) -> torch.Tensor:
    """T positions from 0, at least that far apart, some of them exactly."""
    spare = 6 * rand(draw, count - 1)
    return unequal_steps(least + spare.masked_fill(rand(draw, count - 1) < 0.3, 0.0))


def test_frames_that_move_stay_in_order_apart_and_inside():
    for draw in trials(40):
        count, least = int(1 + 20 * rand(draw, 1)), float(0.5 + 5 * rand(draw, 1))
        positions = ordered(draw, count, least)
        end = float(positions[-1]) + float(3 * rand(draw, 1))
        for _ in range(20):
            positions = keep_apart(positions, positions + wild(draw, count), least, end)
            assert positions[0] == 0
            assert positions[-1] <= end * (1 + ROUNDING)
            assert (positions.diff() >= least - ROUNDING * end).all()


@pytest.mark.parametrize("place", [0.0, 13.0, -math.inf, math.inf, 1e300, -1e300])
def test_frames_sent_to_one_place_do_not_meet(place):
    before = torch.tensor([0.0, 5.0, 12.0, 30.0], dtype=torch.float64)
    after = keep_apart(before, torch.full_like(before, place), 4.0, 33.0)
    assert after[0] == 0 and after[-1] <= 33
    assert (after.diff() >= 4.0).all()


def test_small_moves_are_not_hindered():
    before = torch.tensor([0.0, 8.0, 20.0, 30.0], dtype=torch.float64)
    after = torch.tensor([0.0, 9.9, 17.1, 32.9], dtype=torch.float64)
    torch.testing.assert_close(keep_apart(before, after, 4.0, 33.0), after)


def test_frames_follow_their_windows_to_the_end_of_the_signal():
    for draw in trials(100):
        samples, ratio = int(50 + 500 * rand(draw, 1)), float(0.05 + 0.95 * rand(draw, 1))
        theta = 5 + 60 * rand(draw, 1, int(1 + 80 * rand(draw, 1)))
        positions = following(theta, ratio, samples) if theta.numel() > 1 else torch.zeros(1, dtype=torch.float64)
        shown = len(positions)
        assert positions[0] == 0 and positions[-1] <= samples
        torch.testing.assert_close(positions[1:], positions[:-1] + ratio * theta[0, : shown - 1])
        assert shown == theta.numel() or positions[-1] + ratio * theta[0, shown - 1] > samples


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_frames_follow_one_window_as_they_follow_equal_ones(dtype):
    for draw in trials(100):
        samples, ratio = int(50 + 5000 * rand(draw, 1)), float(0.05 + 0.95 * rand(draw, 1))
        theta = (5 + 60 * rand(draw, 1, 1)).to(dtype)
        count = 1 + math.floor(samples / (ratio * theta.item()))
        alike = following(theta, ratio, samples)
        assert len(alike) == count
        torch.testing.assert_close(following(theta.expand(1, count + 5), ratio, samples), alike, rtol=1e-12, atol=1e-9)
