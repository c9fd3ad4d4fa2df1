"""Finite or failed, never worse than the start, within bounds: counted in full.

``python tests/benchmarks/finite_runs.py [name ...]``; all of them unless told otherwise:

    spoiled   NaN and infinities in the loss, its gradient and θ at each step, in all modes and hop modes
    signals  30 signals that ask for trouble, in all modes, hop modes and losses
    rates    learning rates from 1e-300 to 1e300, in all modes and hop modes, with each optimiser
    random   200 random signals, each with another mode, hop mode, loss, optimiser: final <= initial loss, θ within its bounds at
             every step
"""

import itertools
import math
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bad_numbers import COMBINATIONS, KINDS, bad_signals, finite, random_signal, settings, spoiled

from dstft_cli import Signal, optimize
from dstft_cli.errors import DstftError

LOSSES = ("entropy", "renyi", "kurtosis", "local-entropy")
OPTIMIZERS = ("adam", "adamw", "nadam", "radam", "rmsprop", "sgd")
EVERY = [*COMBINATIONS, ("fixed", "fixed"), ("constant", "fixed"), ("fixed", "overlap"), ("constant", "overlap")]


def attempt(samples, **named) -> tuple[str, object]:
    """How a run ended: the reason it stopped, the kind of error of ours, or what is a fault."""
    try:
        result = optimize(Signal(samples, 2000.0, "test"), **named)
    except DstftError as error:
        return (type(error).__name__ if len(str(error)) <= 300 else "a long sentence"), error
    except Exception as error:
        return f"FAULT {type(error).__name__}: {error}", error
    if not finite(result):
        return "FAULT not finite", result
    if result.final["loss"] > result.initial["loss"]:
        return f"FAULT worse: {result.initial['loss']!r} to {result.final['loss']!r}", result
    low, high = result.grid.theta_min, result.support
    if not (low <= result.theta.min() and result.theta.max() <= high):
        return f"FAULT θ {result.theta.min()} to {result.theta.max()} beyond {low} to {high}", result
    return result.stop_reason, result


def told(name: str, ends: Counter, faults: list) -> None:
    print(f"{name}: {sum(ends.values())} runs, {len(faults)} faults; {dict(ends)}")
    for fault in faults[:40]:
        print(f"    {fault}")


def count(name: str, runs) -> None:
    ends, faults, began = Counter(), [], time.monotonic()
    for label, samples, named in runs:
        how, _ = attempt(samples, **named)
        ends[how.partition(":")[0]] += 1
        if how.startswith("FAULT"):
            faults.append((*label, how))
    told(f"{name} ({time.monotonic() - began:.0f} s)", ends, faults)


def spoilt_runs() -> None:
    steps, ends, faults = 5, Counter(), []
    signal = random_signal(3)
    for (mode, hop_mode), kind, value, step in itertools.product(
        COMBINATIONS, KINDS, (math.nan, math.inf, -math.inf), range(steps + 1)
    ):
        with spoiled(kind, value, step) as met:
            how, result = attempt(signal, steps=steps, **settings(mode, hop_mode))
        ends[f"{kind} {value}: {how.partition(':')[0]}"] += 1
        late = kind == "loss" and value == -math.inf  # of no sense, but not higher either
        good = how == "diverged" or (kind == "theta" and math.isinf(value)) or (kind != "loss" and step >= steps)
        first = kind == "loss" and step == 0 and how == "DivergedError"
        if how.startswith("FAULT") or not (good or first or not met):
            faults.append((mode, hop_mode, kind, value, step, how, late))
        if how == "diverged" and result.steps > step + 1:
            faults.append((mode, hop_mode, kind, value, step, f"went on to step {result.steps}"))
    told("spoiled", ends, faults)


def signal_runs():
    for (name, samples), (mode, hop_mode), loss in itertools.product(bad_signals().items(), EVERY, LOSSES):
        if loss == "local-entropy" and hop_mode != "fixed":
            continue
        yield (name, mode, hop_mode, loss), samples, settings(mode, hop_mode, steps=3, criterion=loss)


def rate_runs():
    rates = (1e-300, 1e-30, 1e-3, 1.0, 1e3, 1e10, 1e30, 1e38, 1e39, 1e100, 1e200, 1e300)
    for rate, (mode, hop_mode), name in itertools.product(rates, COMBINATIONS, OPTIMIZERS):
        more = {"learning_rate": rate, "position_rate": min(rate, 1e300), "optimizer.name": name}
        yield (rate, mode, hop_mode, name), random_signal(5)[:300], settings(mode, hop_mode, steps=4, **more)


def random_runs() -> None:
    ends, faults, steps_seen, outside = Counter(), [], 0, 0
    for seed in range(200):
        mode, hop_mode = EVERY[seed % len(EVERY)]
        losses = LOSSES if hop_mode == "fixed" else LOSSES[:3]
        loss, optimizer = losses[seed % len(losses)], OPTIMIZERS[seed // 7 % len(OPTIMIZERS)]
        rate = 10 ** ((seed * 37 % 40) / 10 - 2)
        ranges = []

        def watch(step, ranges=ranges):
            if step.theta:
                ranges.append(step.theta)

        more = {"learning_rate": rate, "optimizer.name": optimizer, "steps": 25, "criterion": loss, "on_step": watch}
        how, result = attempt(random_signal(seed), **settings(mode, hop_mode, **more))
        ends[how.partition(":")[0]] += 1
        if how.startswith("FAULT"):
            faults.append((seed, mode, hop_mode, loss, optimizer, rate, how))
        if not isinstance(result, Exception):
            low, high = result.grid.theta_min * (1 - 1e-6), result.support * (1 + 1e-6)
            outside += sum(not (low <= least and most <= high) for least, most in ranges)
            steps_seen += len(ranges)
    told("random", ends, faults)
    print(f"random: θ beyond its bounds in {outside} of {steps_seen} steps")


def main():
    every = {
        "spoiled": spoilt_runs,
        "signals": lambda: count("signals", signal_runs()),
        "rates": lambda: count("rates", rate_runs()),
        "random": random_runs,
    }
    for name in sys.argv[1:] or every:
        every[name]()


if __name__ == "__main__":
    main()
