"""Regions of a plane where other windows are seen to draw it narrower, and runs that keep their lengths there alone."""

import math

import numpy as np
import pytest
import torch
from local_entropy_fields import white

from dstft_cli import Signal, optimize
from dstft_cli.optimization.local_entropy.seen_regions import seen_regions
from dstft_cli.optimization.local_entropy.working_grid import WorkingGrid

GRID = WorkingGrid((257, 400), 512, 4.0, 32.0)  # a unit is 8 bins or 16 frames
ROWS = {"narrower": slice(30, 60), "same": slice(110, 140), "wider": slice(190, 220)}


def lines(narrower: int, same: int, wider: int) -> torch.Tensor:
    """P of three lines so many bins wide, of equal energy."""
    power = torch.full(GRID.shape, 1e-12)
    for rows, width in zip(ROWS.values(), (narrower, same, wider), strict=True):
        middle = (rows.start + rows.stop) // 2
        power[middle : middle + width] = 1 / width
    return power


@pytest.mark.parametrize("octaves", [1.0, -1.0])
def test_lengths_stay_where_lines_become_narrower(octaves):
    away = torch.zeros(GRID.shape)
    for rows in ROWS.values():
        away[rows] = octaves
    found = seen_regions(lines(2, 4, 8), lines(4, 4, 4), away, GRID)
    assert found.shape == GRID.shape
    assert found[45].min() > 0.95
    for rows in (ROWS["same"], ROWS["wider"]):
        assert found[rows].max() < 0.01


def test_lengths_below_and_above_the_constant_one_are_regions_apart():
    away = torch.zeros(GRID.shape)
    away[30:60], away[60:140] = 1.0, -1.0
    found = seen_regions(lines(2, 4, 4), lines(4, 4, 4), away, GRID)
    assert found[45].min() > 0.95 and found[90:].max() < 0.01


def test_a_slight_gain_is_not_seen():
    away = torch.ones(GRID.shape)
    assert seen_regions(lines(9, 9, 9), lines(10, 10, 10), away, GRID).max() == 0


def test_a_faint_region_is_left_out_however_much_it_gains():
    """An isolated streak catches the eye more than it tells."""
    away, drawn, other = torch.zeros(GRID.shape), lines(2, 4, 4), lines(4, 4, 4)
    away[30:60] = 1.0
    for share, kept in ((1.0, True), (1e-3, True), (1e-6, False)):  # of the energy; of the amplitude its root
        faint = [power.clone() for power in (drawn, other)]
        for power in faint:
            power[30:60] *= share
        assert (seen_regions(*faint, away, GRID)[45].min() > 0.95) == kept


@pytest.fixture
def restless(monkeypatch):
    """Runs that leave the best constant window only where that is seen."""
    for limit in ("_SEEN_MEAN", "_SEEN_MUCH", "_SEEN_REGIONS"):
        monkeypatch.setattr(f"dstft_cli.optimization.local_entropy.seen_gain.{limit}", 9.0)
    for limit in ("_RESTLESS", "_STREAKY"):
        monkeypatch.setattr(f"dstft_cli.optimization.local_entropy.seen_gain.{limit}", 0.25)
    monkeypatch.setattr("dstft_cli.optimization.local_entropy.seen_gain._SEEN_CALM", 0.0)

    def run(**settings):
        time = np.arange(4000)
        tones = np.sin(2 * math.pi * 0.1 * time) + 0.7 * np.sin(2 * math.pi * 0.3 * time)
        samples = tones + 10.0 * (time == 2000) + 0.1 * white(4000)
        return optimize(Signal(samples, 1000, "x"), mode="tf", support=256, hop=8, theta_min=8, **settings)

    return run


def test_a_run_that_is_too_restless_keeps_its_lengths_in_those_regions_alone(restless, monkeypatch):
    calmed = restless()
    monkeypatch.setattr("dstft_cli.optimization.local_entropy.seen_gain._RESTLESS", 9.0)
    free = restless()
    away, less = (np.log2(one.theta / one.narrowing.theta) for one in (free, calmed))
    left, kept = (np.abs(less) < 0.05) & (np.abs(away) > 0.15), np.abs(less - away) < 0.05
    assert left.mean() > 0.02 < kept.mean() and (left | kept).mean() > 0.8
    assert calmed.narrowing.restlessness < 0.25 < free.narrowing.restlessness
    assert calmed.final["loss"] < calmed.initial["loss"]


def test_a_run_that_loses_even_then_keeps_one_window(restless, monkeypatch):
    """What is left of restless lengths is judged more strictly than lengths that were calm from the start."""
    monkeypatch.setattr("dstft_cli.optimization.local_entropy.seen_gain._STREAKY", 0.05)
    assert np.ptp(restless().theta) == 0
