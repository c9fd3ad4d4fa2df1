"""The descent loop: bounds, best state, and every way it can stop."""

import math
import subprocess
import sys
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch

from dstft_cli.optimization.gradient_descent import Variable, between, descend
from dstft_cli.results.progress import DIVERGED, INTERRUPTED, PATIENCE, STEPS

BOX = between(0.0, 10.0)


def settings(**changes):
    usual = dict(name="adam", learning_rate=0.3, steps=60, schedule="plateau", factor=0.5, patience=10, tolerance=1e-6)
    return SimpleNamespace(**{**usual, **changes})


def down(objective, start, chosen, on_step=None):
    """The descent of one variable in the box."""
    return descend(objective, [Variable(start, chosen.learning_rate, BOX)], chosen, on_step)


def bowl(centre):
    return lambda v: {"loss": ((v - centre) ** 2).mean()}


SCHEDULES = ("plateau", "cosine", "constant")
OPTIMISERS = ("adam", "adamw", "nadam", "radam", "rmsprop", "sgd")


@pytest.mark.parametrize(
    ("name", "schedule"),
    [*zip(OPTIMISERS, SCHEDULES * 2, strict=True), ("adam", "cosine"), ("adam", "constant"), ("sgd", "plateau")],
)
def test_comes_down_with_every_optimiser_and_schedule(name, schedule):
    run = down(bowl(4.0), torch.full((3, 3), 1.0), settings(name=name, schedule=schedule, steps=300, patience=300))
    assert run.best_terms["loss"] < 1e-2


def test_keeps_within_bounds_at_every_step():
    seen = []
    down(
        bowl(50.0),
        torch.full((4,), 9.0),
        settings(learning_rate=5.0),
        lambda i, t, v: seen.append(v[0].clone()) and None,
    )
    assert len(seen) > 5
    assert all(((v >= 0) & (v <= 10)).all() for v in seen)
    assert (seen[-1] == 10).all()


def test_returns_the_best_state_not_the_last():
    """A learning rate that throws the parameter about: what comes back is the lowest loss that was seen."""
    run = down(bowl(5.0), torch.full((1,), 5.2), settings(learning_rate=4.0, schedule="constant"))
    losses = [terms["loss"] for terms in run.history]
    assert run.best_terms["loss"] == min(losses) < losses[-1]
    assert ((run.best[0] - 5.0) ** 2).mean().item() == pytest.approx(min(losses), rel=1e-5)


def test_bounds_of_a_step_see_the_values_before_it_whether_they_are_the_best_or_not():
    befores, values = [], []

    def keep(before, after):
        befores.append(before.clone())
        return after

    chosen = settings(learning_rate=4.0, schedule="constant")
    variable = Variable(torch.full((1,), 5.2), chosen.learning_rate, keep)
    run = descend(bowl(5.0), [variable], chosen, lambda i, t, v: values.append(v[0].clone()) and None)
    losses = [terms["loss"] for terms in run.history]
    assert any(later > earlier for earlier, later in pairwise(losses))
    assert torch.equal(torch.cat(befores[1:]), torch.cat(values[: len(befores) - 1]))


def test_stops_at_the_step_limit_with_one_entry_more():
    run = down(bowl(5.0), torch.zeros(2), settings(steps=7))
    assert run.reason == STEPS
    assert len(run.history) == 8


def test_stops_by_patience():
    run = down(lambda v: {"loss": (0 * v).sum() + 3.0}, torch.ones(2), settings(patience=4))
    assert run.reason == PATIENCE
    assert len(run.history) == 6  # the start, the step that sets the mark, and four that do not improve on it


def test_a_climb_at_first_is_not_the_end():
    """A narrow ridge beside the start: the first steps land on it, the way down is longer than the patience."""

    def loss(v):
        return {"loss": torch.where(v < 1.1, 0.0, 3.0 - 0.3 * v).sum() + 0.001 * (v - 9).square().sum()}

    run = down(loss, torch.full((1,), 1.0), settings(patience=8, steps=200))
    assert len(run.history) > 20
    assert run.reason == PATIENCE


def test_stops_when_asked():
    run = down(bowl(5.0), torch.zeros(2), settings(), lambda step, terms, v: step == 3)
    assert run.reason == INTERRUPTED
    assert len(run.history) == 4


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("when", [1, 5])
def test_a_loss_that_is_not_finite_ends_it_with_the_last_good_state(bad, when):
    count = iter(range(100))
    run = down(lambda v: {"loss": (v**2).sum() * (bad if next(count) == when else 1)}, torch.ones(2), settings())
    assert run.reason == DIVERGED
    assert len(run.history) == when
    assert run.best[0].isfinite().all()
    assert (run.best[0] ** 2).sum().item() == pytest.approx(run.history[-1]["loss"], rel=1e-5)


def test_a_gradient_that_is_not_finite_ends_it_too():
    run = down(lambda v: {"loss": (v - v.detach()).abs().sqrt().sum()}, torch.ones(2), settings())
    assert run.reason == DIVERGED
    assert (run.best[0] == 1).all()


@pytest.mark.parametrize("rate", [1e10, 1e300])
def test_an_absurd_learning_rate_stays_finite(rate):
    run = down(bowl(5.0), torch.full((3,), 4.0), settings(learning_rate=rate))
    assert run.best[0].isfinite().all()
    assert run.best_terms["loss"] <= run.history[0]["loss"]


def test_adam_imports_nothing_of_torchs_compiler():
    """Any optimiser of torch.optim does at its first step, which takes as long as a small run."""
    code = """
import sys, types, torch
from dstft_cli.optimization.gradient_descent import Variable, between, descend
settings = types.SimpleNamespace(name="adam", learning_rate=0.1, steps=3, schedule="plateau", factor=0.5, patience=9, tolerance=0)
run = descend(lambda x: {"loss": x.square().sum()}, [Variable(torch.ones(3), 0.1, between(-2, 2))], settings)
assert len(run.history) == 4
sys.exit("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("schedule", ["plateau", "cosine"])
def test_steps_and_rates_are_those_of_torch(schedule):
    given = settings(name="adam", schedule=schedule, steps=40, patience=8, learning_rate=0.3)
    start = torch.linspace(-3, 2, 7, dtype=torch.float64)
    run = descend(lambda x: {"loss": (x - 1).square().sum()}, [Variable(start, 0.3, between(-9, 9))], given)
    value = start.clone().requires_grad_()
    adam = torch.optim.Adam([value], lr=0.3)
    rates = torch.optim.lr_scheduler
    follow = {
        "plateau": rates.ReduceLROnPlateau(adam, factor=0.5, patience=2, threshold=1e-6),
        "cosine": rates.CosineAnnealingLR(adam, T_max=40),
    }[schedule]
    for step, (terms, rate) in enumerate(zip(run.history, run.rates, strict=False)):
        adam.zero_grad()
        loss = (value - 1).square().sum()
        assert terms["loss"] == pytest.approx(loss.item(), rel=1e-9)
        assert rate == pytest.approx([group["lr"] for group in adam.param_groups])
        loss.backward()
        adam.step()
        if step:
            follow.step(*[loss.item()] * (schedule == "plateau"))
    assert len({tuple(rate) for rate in run.rates}) > 1
