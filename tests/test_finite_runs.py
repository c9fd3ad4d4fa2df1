"""Finite or failed, never worse than the start, and within bounds, whatever the signal, the settings or the numbers do."""

import json
import math

import numpy as np
import pytest
import soundfile
from bad_numbers import COMBINATIONS, KINDS, MODES, bad_signals, finite, random_signal, settings, spoiled
from out_of_core_runs import RATE, force_out_of_core, voice
from out_of_core_runs import SMALL as OUT_OF_CORE

from dstft_cli import Signal, optimize
from dstft_cli.errors import DivergedError, InputError
from dstft_cli.optimization import gradient_descent
from dstft_cli.optimization.resources import ResourcePlan
from dstft_cli.optimization.strategies import blocks

BAD = bad_signals()
LOSSES = ("entropy", "renyi", "kurtosis", "local-entropy")
EVERY = [*COMBINATIONS, ("fixed", "fixed"), ("constant", "fixed"), ("constant", "overlap")]


def run(samples, **named):
    return optimize(Signal(samples, 2000.0, "test"), **named)


@pytest.mark.parametrize(("mode", "hop_mode"), COMBINATIONS)
def test_a_number_that_is_not_finite_ends_a_descent_with_the_last_good_state(mode, hop_mode):
    for kind, step in zip(KINDS, (1, 3, 1) if mode == "tf-varying" else (3, 1, 3), strict=True):
        with spoiled(kind, math.nan, step):
            result = run(random_signal(3), **settings(mode, hop_mode, steps=6))
        assert result.stop_reason == "diverged"
        assert result.steps in (step - 1, step)
        assert finite(result)
        assert result.final["loss"] <= result.initial["loss"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_so_does_an_infinite_one_unless_the_bounds_bring_it_back(kind, value):
    with spoiled(kind, value, 2):
        result = run(random_signal(3), **settings("tf-varying", "time-varying", steps=4))
    assert result.stop_reason == ("steps" if kind == "theta" else "diverged")
    assert finite(result)


def test_at_the_first_step_there_is_no_state_to_keep():
    with spoiled("loss", math.nan, 0), pytest.raises(DivergedError, match="not finite"):
        run(random_signal(3), **settings("time-varying", "time-varying", steps=4))


def test_the_command_says_so_and_writes_the_last_good_state(tmp_path, dstft):
    soundfile.write(tmp_path / "in.wav", random_signal(3), 2000, subtype="DOUBLE")
    flags = ("--mode", "tf", "--hop-mode", "time", "--support", "64", "--hop", "16", "--steps", "4", "--set", "dpi=20")
    with spoiled("gradient", math.nan, 2):
        done = dstft("optimize", tmp_path / "in.wav", "-o", tmp_path / "out", *flags)
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (done.code, metrics["stop_reason"]) == (1, "diverged")
    assert "the loss is not finite after step" in done.err and str(tmp_path / "out") in done.err.replace("\n", "")
    assert "NaN" not in (tmp_path / "out" / "metrics.json").read_text()


@pytest.mark.parametrize("name", BAD)
def test_a_bad_signal_is_refused_or_comes_through_with_finite_numbers(name):
    number = [*BAD].index(name)  # modes and losses take turns; the benchmark finite_runs.py goes through all of them
    mode, hop_mode = EVERY[number % len(EVERY)]
    losses = LOSSES[: 4 if hop_mode == "fixed" else 3]
    for loss in (losses[number % len(losses)], losses[(number + 1) % len(losses)]):
        try:
            result = run(BAD[name], **settings(mode, hop_mode, steps=2, criterion=loss))
        except InputError as error:
            assert len(str(error)) <= 300 and "test" in str(error)
        else:
            assert finite(result) and result.final["loss"] <= result.initial["loss"]


@pytest.mark.parametrize(
    ("name", "rate"), [("adam", 1e-300), ("adam", 1e6), ("rmsprop", 1e3), ("sgd", 1e-300), ("sgd", 1e6), ("radam", 1e3)]
)
def test_any_learning_rate_stays_finite(name, rate):
    mode, hop_mode = COMBINATIONS[int(rate % 7)]
    more = {"learning_rate": rate, "position_rate": rate, "optimizer.name": name}
    assert finite(run(random_signal(5), **settings(mode, hop_mode, steps=3, **more)))


@pytest.mark.parametrize("block", [0, 3])
def test_one_block_of_a_run_out_of_core_ends_it_with_the_last_good_state(monkeypatch, block):
    force_out_of_core(monkeypatch.setattr)
    numbers, real = iter(range(10**6)), blocks.make_optimizer

    def optimizer(groups, *rest):
        made, steps = real(groups, *rest), iter(range(10**6))
        if next(numbers) == block:
            step, spot = made.step, groups[0]["params"][0].data.view(-1)
            made.step = lambda: (step(), spot[:1].fill_(math.nan) if next(steps) == 2 else None)
        return made

    monkeypatch.setattr(blocks, "make_optimizer", optimizer)
    result = optimize(Signal(voice(24000), RATE, "voice"), mode="tf-varying", loss="entropy", steps=8, **OUT_OF_CORE)
    assert next(numbers) == block + 1 and result.stop_reason == "diverged"
    assert finite(result) and result.final["loss"] <= result.initial["loss"]


@pytest.mark.parametrize("block", [0, 2])
def test_one_block_of_local_entropy_keeps_its_last_good_state(monkeypatch, block):
    plan = ResourcePlan(0.0, 0.0, 0.0, 0.0, long=True, room=1.5e6)
    numbers, real = iter(range(10**6)), gradient_descent.make_optimizer

    def optimizer(groups, *rest):
        made, steps = real(groups, *rest), iter(range(10**6))
        if next(numbers) == block:
            step, values = made.step, groups[0]["params"][0].data
            made.step = lambda: (step(), values[:1].fill_(math.nan) if next(steps) == 2 else None)
        return made

    monkeypatch.setattr(gradient_descent, "make_optimizer", optimizer)
    result = optimize(Signal(voice(12000), RATE, "voice"), mode="tf-varying", plan=plan, **OUT_OF_CORE)
    assert next(numbers) > block + 1  # the others go on
    assert finite(result) and result.final["loss"] <= result.initial["loss"]


@pytest.mark.parametrize("key", ["learning_rate", "position_rate"])
def test_a_learning_rate_above_a_million_is_refused(key):
    for rate in (1e7, 1e39, 1e300):
        with pytest.raises(InputError, match=rf"{key}.*at most 1e\+06"):
            run(random_signal(5), **settings("tf-varying", "fixed", **{key: rate}))


@pytest.mark.parametrize("seed", range(len(EVERY)))
def test_never_worse_than_the_start_and_within_bounds_at_every_step(seed):
    mode, hop_mode = EVERY[seed]
    loss, ranges = LOSSES[seed % (4 if hop_mode == "fixed" else 3)], []

    def watch(step):
        ranges.extend([step.theta] if step.theta else [])

    more = {"learning_rate": 0.1 * 4 ** (seed % 4), "steps": 8, "criterion": loss, "on_step": watch}
    result = run(random_signal(seed), **settings(mode, hop_mode, **more))
    low, high = result.grid.theta_min * (1 - 1e-6), result.support * (1 + 1e-6)
    assert result.final["loss"] <= result.initial["loss"]
    assert all(low <= least <= most <= high for least, most in ranges)
    assert low <= result.theta.min() and result.theta.max() <= high
    assert len(ranges) > 1 or mode not in MODES[1:]
    assert np.isfinite(result.theta).all()
