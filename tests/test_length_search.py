"""The one-dimensional search for the best constant window."""

import math

import pytest

from dstft_cli.optimization.length_search import Curve, refine
from dstft_cli.stft.log_interpolation import node_lengths

LOSSES = {
    "parabola": (lambda x: (x - 7.31) ** 2, 7.31),
    "corner": (lambda x: abs(x - 7.31), 7.31),
    "flat bottom": (lambda x: (x - 7.31) ** 4, 7.31),
    "at the lower end": (lambda x: x, math.log2(50)),
    "at the upper end": (lambda x: -x, math.log2(1000)),
    "several minima": (lambda x: math.cos(3 * x) + 0.1 * (x - 9) ** 2, 9.41),
}


@pytest.mark.parametrize(("loss", "where"), LOSSES.values(), ids=LOSSES)
def test_finds_the_minimum(loss, where):
    curve = Curve([], [])
    for length in node_lengths(50.0, 1000.0, 25):
        curve.add(length, loss(math.log2(length)))
    calls = []

    def evaluate(length):
        calls.append(length)
        return loss(math.log2(length))

    narrowed = refine(evaluate, curve)
    reached = loss(math.log2(curve.best[0]))
    assert reached - min(loss(where), reached) < 0.01
    assert abs(math.log2(curve.best[0]) - where) < (0.05 if loss is LOSSES["flat bottom"][0] else 0.01)
    assert narrowed
    assert len(calls) <= 30
    assert all(50 <= length <= 1000 for length in calls)


def test_stops_when_asked_and_keeps_what_it_has():
    curve = Curve([50.0, 200.0, 1000.0], [3.0, 1.0, 2.0])
    assert not refine(lambda length: 0.5, curve, stop=lambda: True)
    assert curve.best == (200.0, 1.0)


def test_the_deeper_of_two_valleys_that_look_alike_is_found():
    """The nodes fall so that the shallower valley looks the lower one."""

    def loss(place):
        return min((place - 7.0) ** 2 - 1.0, (place - 9.13) ** 2 - 1.002)

    curve = Curve([], [])
    for i in range(17):
        curve.add(2.0 ** (6 + 0.25 * i), loss(6 + 0.25 * i))
    assert math.log2(curve.best[0]) == pytest.approx(7.0)
    assert refine(lambda length: loss(math.log2(length)), curve)
    assert math.log2(curve.best[0]) == pytest.approx(9.13, abs=0.01)
