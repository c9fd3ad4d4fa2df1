"""What goes wrong in the numbers of a run: a loss, a gradient or a window length that is not finite, and signals that ask for trouble."""

import contextlib
from collections.abc import Iterator
from unittest import mock

import numpy as np

from dstft_cli.optimization import gradient_descent
from dstft_cli.optimization.problem import Problem

KINDS = ("loss", "gradient", "theta")
MODES = ("constant", "time-varying", "frequency-varying", "tf-varying")
COMBINATIONS = [  # (mode, hop mode) of runs that descend
    *((mode, "fixed") for mode in MODES[1:]),
    *((mode, "time-varying") for mode in ("fixed", *MODES)),
    *((mode, "constant") for mode in ("fixed", *MODES)),
    ("time-varying", "overlap"),
]


@contextlib.contextmanager
def spoiled(kind: str, value: float, step: int) -> Iterator[list[int]]:
    """From that step of a descent on, counted from 0, the loss, its gradient or what the optimiser makes of θ is that value.

    Yields a list that comes to hold the steps spoiled.
    """
    real_losses, real_optimizer = Problem.losses, gradient_descent.make_optimizer
    calls, met = iter(range(10**9)), []

    def losses(self, values, log_theta, positions=None):
        terms = real_losses(self, values, log_theta, positions)
        if terms["loss"].requires_grad and (now := next(calls)) >= step:
            met.append(now)
            if kind == "loss":
                terms["loss"] = terms["loss"] * 0 + value
            elif kind == "gradient":
                terms["loss"].register_hook(lambda slope: slope * value)
        return terms

    def optimizer(groups, *rest):
        made, steps = real_optimizer(groups, *rest), iter(range(10**9))
        real_step = made.step

        def spoil(*arguments):
            result = real_step(*arguments)
            if (now := next(steps)) >= step:
                met.append(now)
                for group in groups:
                    values = group["params"][0].data
                    values[(0,) * values.dim()] = value
            return result

        made.step = spoil
        return made

    with contextlib.ExitStack() as stack:
        if kind == "theta":
            stack.enter_context(mock.patch.object(gradient_descent, "make_optimizer", optimizer))
        else:
            stack.enter_context(mock.patch.object(Problem, "losses", losses))
        yield met


def bad_signals(count: int = 600) -> dict[str, np.ndarray]:
    """Signals (count,) at any scale that a run must either refuse or come through with finite numbers."""
    random = np.random.default_rng(0)
    noise, k = random.standard_normal(count), np.arange(count)
    tone, spike, quiet = np.sin(0.3 * k), np.zeros(count), np.zeros(count)
    spike[count // 2], quiet[: count // 8] = 1.0, noise[: count // 8]
    steps = np.repeat(random.standard_normal(6), count // 6)
    return {
        **{
            f"noise of {scale:g}": scale * noise
            for scale in (1e-320, 1e-300, 1e-45, 1e-31, 1e-29, 1e29, 1e31, 1e150, 1e307)
        },
        **{f"tone on an offset of {offset:g}": tone + offset for offset in (1e3, 1e8, 1e15, 1e30)},
        "denormals": np.full(count, 5e-324) * (k % 7),
        "one spike": spike,
        "a spike of 1e30 in noise": noise + 1e30 * spike,
        "a spike at the first sample": np.roll(spike, -(count // 2)),
        "a spike at the last sample": np.roll(spike, count // 2 - 1),
        "constant": np.ones(count),
        "constant parts": steps,
        "quiet but for its beginning": quiet,
        "alternating": (-1.0) ** k,
        "all equal but one": np.where(k == 7, 1.0, 0.25),
        "a ramp": k / count,
        "exponential growth": np.exp(np.linspace(-600, 60, count)),
        "from 1e-30 to 1": tone * np.logspace(-30, 0, count),
        "two samples": noise[:2],
        "three samples": noise[:3],
        "two alike samples": np.ones(2),
        "zeros": np.zeros(count),
        "minus zeros": -np.zeros(count),
        "one period a support": np.cos(2 * np.pi * k / 64),
    }


def numbers(result) -> list[np.ndarray]:
    """All numbers of a result."""
    terms = [np.array([*each.values()]) for each in (result.initial, result.final, *result.measures.values())]
    curve = [np.asarray(part) for part in result.curve]
    places = [result.theta, result.frame_positions, np.array([result.accuracy.rms])]
    return [result.stft.real, result.stft.imag, *places, *result.history.values(), *terms, *curve]


def finite(result) -> bool:
    return all(np.isfinite(part).all() for part in numbers(result))


def random_signal(seed: int) -> np.ndarray:
    """Tones, slides, clicks and noise in random shares, (200 to 900,)."""
    random = np.random.default_rng(seed)
    count = int(random.integers(200, 900))
    k, made = np.arange(count), random.uniform(0, 0.5) * random.standard_normal(count)
    for _ in range(random.integers(1, 4)):
        first, slope = random.uniform(0.02, 3), random.uniform(-1, 1) / count
        made += random.uniform(0.1, 1) * np.sin(first * k + slope * k**2)
    made[random.integers(0, count, random.integers(0, 4))] += random.uniform(-20, 20)
    return 10 ** random.uniform(-6, 6) * made


SMALL = {"support": 64, "hop": 16, "run.threads": 1}


def settings(mode: str, hop_mode: str, **more) -> dict:
    """Settings of a small run; with overlap the hop follows from the windows."""
    apart = {"hop": "auto", "overlap": 0.25} if hop_mode == "overlap" else {}
    return {**SMALL, "mode": mode, "hop_mode": hop_mode, **apart, **more}
