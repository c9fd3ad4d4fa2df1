"""What the studies of θ measure: minima of curves, gradients at the edge of a window, losses over λ and θ_min."""

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent / "benchmarks"))  # benchmarks are scripts, not a package
sys.path.append(str(Path(__file__).parent / "benchmarks" / "peers"))

import ablation
import convexity
import excerpts
import kink
from local_width import SCENES

from dstft_cli import Signal


def test_minima_have_the_depth_of_the_pass_to_what_is_lower():
    assert convexity.minima(np.array([3.0, 1.0, 2.0, 0.0, 5.0, 4.5])) == {1: 1.0, 3: math.inf, 5: 0.5}


def test_a_flat_stretch_is_one_minimum():
    assert len(convexity.minima(np.array([2.0, 1.0, 1.0, 1.0, 2.0]))) == 1


def test_convexity_is_by_length_and_not_by_its_logarithm():
    lengths = np.geomspace(10, 1000, 50)
    assert convexity.convex(lengths, (lengths - 300) ** 2)
    assert not convexity.convex(lengths, np.log(lengths))
    assert not convexity.convex(lengths, np.abs(np.log(lengths / 100)))  # convex by logarithm, up to rounding


def test_drawn_signals_are_the_same_each_time_and_differ():
    assert (convexity.draw(3) == convexity.draw(3)).all()
    assert np.abs(convexity.draw(3) - convexity.draw(4)).max() > 0.1


def test_the_row_of_a_signal_finds_the_lowest_point():
    row = convexity.judge(Signal(convexity.draw(0), 10_000.0, "drawn"), support=256, theta_min=16, hop=32)
    assert row["found"] and row["minima of 1e-06"] >= 1
    assert convexity.summary([row])["search found it %"] == 100


def test_the_loudest_stretch_is_taken_without_its_mean():
    values = np.concatenate([np.full(100, 7.0), 3 + np.sin(np.arange(100)), np.zeros(50)])
    found = excerpts.loudest(Signal(values, 100.0, "steps"), 100).samples
    assert found == pytest.approx(np.sin(np.arange(100)) - np.sin(np.arange(100)).mean())


def test_rows_are_kept_and_not_computed_again(tmp_path):
    path = tmp_path / "rows.json"
    assert excerpts.Kept(path)("a", lambda: 1) == 1
    assert excerpts.Kept(path)("a", lambda: 2) == 1
    assert json.loads(path.read_text()) == {"a": 1}


@pytest.mark.parametrize(
    ("family", "right"), [("hann", True), ("blackman", True), ("hamming", False), ("triangle", False)]
)
def test_gradients_at_a_crossing_are_right_where_the_window_ends_smoothly(family, right):
    plane = kink.RANGES["8 to 64 samples"]
    exact, bank = kink.Loss(0, family, plane), kink.Loss(0, family, plane, bank=True)
    assert (kink.gradients(exact, bank, 24.0)["error"] < 1) == right
    assert kink.gradients(exact, bank, 25.0)["error"] < 1


def test_losses_are_against_the_best_pair():
    cells = {key: {"width": width} for key, width in {ablation.DEFAULT: 1.1, "0 1": 1.0, "0 2": 1.2}.items()}
    assert ablation.losses(cells) == pytest.approx({ablation.DEFAULT: 10, "0 1": 0, "0 2": 20})


def test_widths_of_a_recording_are_over_the_best_constant_window_of_the_defaults(monkeypatch):
    monkeypatch.setattr(ablation, "WEIGHTS", (ablation.LAMBDA, 3.0))
    monkeypatch.setattr(ablation, "FACTORS", (1.0,))
    scene = SCENES["parabola"]()
    cells = ablation.Cells(Signal(scene.noisy(20.0)[:4096], float(scene.rate), "x")).row()
    assert cells.keys() == {"0.45 1", "3 1"}
    assert cells["0.45 1"]["width"] < 0.95 and cells["0.45 1"]["roughness"] > cells["3 1"]["roughness"]


def test_every_cell_of_a_signal_with_truth_has_its_figures(monkeypatch):
    monkeypatch.setattr(ablation, "WEIGHTS", (0.0, ablation.LAMBDA))
    monkeypatch.setattr(ablation, "FACTORS", (1.0, 2.0))
    cells = ablation.known("parabola", 2048).row()
    assert cells.keys() == {"0 1", "0.45 1", "0 2", "0.45 2"}
    assert all(cell["width"] > 0.9 and cell["spread"] >= 0 for cell in cells.values())
    assert set(ablation.KNOWN) <= SCENES.keys()
