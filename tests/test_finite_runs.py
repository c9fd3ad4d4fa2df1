"""Finite or failed, never worse than the start, and within bounds, whatever the signal, the settings or the numbers do."""

import json
import math

import numpy as np
import pytest
import soundfile
from long_planes import RATE, voice, work_in_pieces
from long_planes import SMALL as PIECES
from spoiling import COMBINATIONS, KINDS, MODES, bad_signals, finite, random_signal, settings, spoilt

from dstft_cli import Signal, optimize
from dstft_cli.errors import DivergedError, InputError
from dstft_cli.optimization.out_of_core import blocks

BAD = bad_signals()
LOSSES = ("entropy", "renyi", "kurtosis", "concentration")
EVERY = [*COMBINATIONS, ("fixed", "fixed"), ("constant", "fixed"), ("constant", "overlap")]


def run(samples, **named):
    return optimize(Signal(samples, 2000.0, "test"), **named)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("mode", "hop_mode"), COMBINATIONS)
def test_a_number_that_is_none_ends_a_descent_with_the_last_good_state(mode, hop_mode, kind):
    for step in (1, 3):
        with spoilt(kind, math.nan, step):
            result = run(random_signal(3), **settings(mode, hop_mode, steps=6))
        assert result.stop_reason == "diverged"
        assert result.steps in (step - 1, step)
        assert finite(result)
        assert result.final["loss"] <= result.initial["loss"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_so_does_an_infinite_one_unless_it_is_brought_back_to_the_bounds(kind, value):
    with spoilt(kind, value, 2):
        result = run(random_signal(3), **settings("tf-varying", "time-varying", steps=4))
    assert result.stop_reason == ("steps" if kind == "theta" else "diverged")
    assert finite(result)


def test_at_the_first_step_there_is_no_state_to_keep():
    with spoilt("loss", math.nan, 0), pytest.raises(DivergedError, match="not finite"):
        run(random_signal(3), **settings("time-varying", "time-varying", steps=4))


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_says_so_and_writes_the_last_good_state(tmp_path, dstft, kind):
    soundfile.write(tmp_path / "in.wav", random_signal(3), 2000, subtype="DOUBLE")
    flags = ("--mode", "tf", "--hop-mode", "time", "--support", "64", "--hop", "16", "--steps", "4", "--set", "dpi=20")
    with spoilt(kind, math.nan, 2):
        done = dstft("optimize", tmp_path / "in.wav", "-o", tmp_path / "out", *flags)
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (done.code, metrics["stop_reason"]) == (1, "diverged")
    assert "not finite" in done.err and str(tmp_path / "out") in done.err.replace("\n", "")
    assert "NaN" not in (tmp_path / "out" / "metrics.json").read_text()


@pytest.mark.parametrize("name", BAD)
def test_a_bad_signal_is_refused_or_comes_through_with_finite_numbers(name):
    mode, hop_mode = EVERY[[*BAD].index(name) % len(EVERY)]
    for loss in LOSSES[: 4 if hop_mode == "fixed" else 3]:
        try:
            result = run(BAD[name], **settings(mode, hop_mode, steps=2, criterion=loss))
        except InputError as error:
            assert len(str(error)) <= 300 and "test" in str(error)
        else:
            assert finite(result) and result.final["loss"] <= result.initial["loss"]


@pytest.mark.parametrize("name", ["adam", "rmsprop", "sgd", "radam"])
@pytest.mark.parametrize("rate", [1e-300, 1e3, 1e6])
def test_any_learning_rate_stays_finite(name, rate):
    mode, hop_mode = COMBINATIONS[int(rate % 7)]
    more = {"learning_rate": rate, "position_rate": rate, "optimizer.name": name}
    assert finite(run(random_signal(5), **settings(mode, hop_mode, steps=3, **more)))


@pytest.mark.parametrize("block", [0, 3])
def test_one_block_of_a_plane_that_is_worked_on_in_pieces_ends_the_run_with_the_last_good_state(monkeypatch, block):
    work_in_pieces(monkeypatch.setattr)
    numbers, real = iter(range(10**6)), blocks.make_optimizer

    def optimizer(groups, *rest):
        made, steps = real(groups, *rest), iter(range(10**6))
        if next(numbers) == block:
            step, spot = made.step, groups[0]["params"][0].data.view(-1)
            made.step = lambda: (step(), spot[:1].fill_(math.nan) if next(steps) == 2 else None)
        return made

    monkeypatch.setattr(blocks, "make_optimizer", optimizer)
    result = optimize(Signal(voice(24000), RATE, "voice"), mode="tf-varying", steps=8, **PIECES)
    assert next(numbers) == block + 1 and result.stop_reason == "diverged"
    assert finite(result) and result.final["loss"] <= result.initial["loss"]


@pytest.mark.parametrize("key", ["learning_rate", "position_rate"])
@pytest.mark.parametrize("rate", [1e7, 1e39, 1e300])
def test_one_that_no_float_can_hold_is_refused(key, rate):
    with pytest.raises(InputError, match=rf"{key}.*at most 1e\+06"):
        run(random_signal(5), **settings("tf-varying", "fixed", **{key: rate}))


@pytest.mark.parametrize("seed", range(16))
def test_never_worse_than_the_start_and_within_bounds_at_every_step(seed):
    mode, hop_mode = EVERY[seed % len(EVERY)]
    loss, ranges = LOSSES[seed % (4 if hop_mode == "fixed" else 3)], []

    def watch(step):
        ranges.extend([step.theta] if step.theta else [])

    more = {"learning_rate": 0.1 * 4 ** (seed % 4), "steps": 15, "criterion": loss, "on_step": watch}
    result = run(random_signal(seed), **settings(mode, hop_mode, **more))
    low, high = result.grid.theta_min * (1 - 1e-6), result.support * (1 + 1e-6)
    assert result.final["loss"] <= result.initial["loss"]
    assert all(low <= least <= most <= high for least, most in ranges)
    assert low <= result.theta.min() and result.theta.max() <= high
    assert len(ranges) > 1 or mode not in MODES[1:]
    assert np.isfinite(result.theta).all()
