"""From a signal and a config to its best spectrogram: search, descend, transform, verify."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .config import Config, merge_config
from .criteria import magnitude
from .descent import CONVERGED, DIVERGED, INTERRUPTED, STEPS, OnStep
from .errors import DivergedError, InputError
from .modes import CONSTANT, FIXED, FIXED_HOP, OVERLAP
from .moving_frames import MovingFrames
from .problem import Problem
from .progress import Run
from .results import Result
from .signals import Signal, check_signal
from .still_frames import StillFrames, learn_surveyed
from .windows import Profile, Window, get_window

_EVALUATIONS = 50  # at most, of a constant search


def optimize(
    signal: Signal,
    config: Config | str | Path | None = None,
    on_step: OnStep | None = None,
    *,
    window: str | Window | Profile | None = None,
    criterion: str | Callable[[Tensor], Tensor] | None = None,
    penalty: str | Callable[[Tensor, Tensor, int], Tensor] | None = None,
    **settings,
) -> Result:
    """Find the window lengths, and frame positions where they may move, that make a spectrogram best, and compute it.

    signal: from load_signal, or ``Signal(samples, sample_rate, name)``.
    config: a Config, a YAML file, a preset's name, or None for the defaults.
    on_step: called with a Step as the run goes on; a true return ends it with the best state so far (``interrupted``).
    window: beside the families' names, a Window or any callable profile g(u).
    criterion: beside the names in ``criteria.CRITERIA``, a differentiable callable of |S| (F, T), scalar, to be minimised.
    penalty: beside the names in ``criteria.PENALTIES``, a differentiable callable of t_n (T,), θ (1 or F, 1 or T) and N,
        all in samples: a scalar to be minimised, which is weighed with ``penalty_weight``.
    settings: short keys over the config, such as ``mode="tf-varying"``, ``steps=100``, ``lambda_=0.2``.

    Raises ConfigError or InputError for settings or a signal that cannot work, DeviceError for a missing device,
    DivergedError where not even the first loss is finite.
    """
    if not isinstance(signal, Signal):
        raise InputError(
            f"optimize takes a Signal, not {type(signal).__name__}: load_signal(path), or Signal(samples, sample_rate, name)"
        )
    own = {"window": window, "criterion": criterion, "penalty": penalty}
    settings |= {name: value for name, value in own.items() if isinstance(value, str)}
    config = merge_config(config, {key: value for key, value in settings.items() if value is not None})
    family = get_window(config.transform.window if window is None or isinstance(window, str) else window)
    check_signal(signal, 2)
    if config.run.threads:
        torch.set_num_threads(config.run.threads)
    torch.manual_seed(config.run.seed)
    callables = (None if isinstance(own[name], str) else own[name] for name in ("criterion", "penalty"))
    run = Run(Problem(signal, config, family, *callables), on_step)
    return _result(run, _carry_out(run))


def _carry_out(run: Run) -> str:
    """The kind of run that the modes ask for; why it stopped."""
    problem, steps = run.problem, run.problem.config.optimizer.steps
    if problem.local and run.survey():
        _leave(run)
        return INTERRUPTED
    placed = problem.hop_mode in (FIXED_HOP, OVERLAP)  # frames lie where the windows and the hop say
    if steps == 0 or (problem.mode == FIXED and placed):
        return _leave(run)
    if problem.mode == CONSTANT and placed:
        return _search(run, steps)
    if problem.hop_mode == FIXED_HOP:
        return learn_surveyed(run, steps) if problem.local else StillFrames(run).learn(steps)
    return MovingFrames(run).learn(steps)


def _leave(run: Run) -> str:
    """No optimisation: the transform at the first window length."""
    run.set_out(run.problem.geometry.first_length)
    run.transform(run.problem.constant(run.first), run.problem.positions(run.first))
    run.final = dict(run.history[0])  # nothing has moved
    return STEPS


def _search(run: Run, steps: int) -> str:
    """``constant``: the best length on a curve; at most ``steps`` evaluations."""
    problem = run.problem
    run.set_out(problem.geometry.first_length)
    diverged = done = False
    try:
        done = run.explore(min(steps, _EVALUATIONS - 2))  # the first window and the final transform count too
    except DivergedError:
        diverged = True
    for length in run.curve.lengths:
        run.history.append(min(run.known[length], run.history[-1], key=_loss))
    run.tried(run.first, run.history[0])
    best = run.curve.best[0]
    run.transform(problem.constant(best), problem.positions(best))
    run.final = min(run.final, dict(run.history[-1]), key=_loss)
    return DIVERGED if diverged else INTERRUPTED if run.interrupted else CONVERGED if done else STEPS


def _loss(terms: dict[str, float]) -> float:
    return terms["loss"]


def _result(run: Run, reason: str) -> Result:
    began, problem, (lengths, losses) = time.perf_counter(), run.problem, run.curve.ordered()
    measured = [problem.magnitudes(run.first), problem.constant(run.first), problem.positions(run.first)]
    first, last = problem.measures(*measured), problem.measures(magnitude(run.spectrum), run.theta, run.positions)
    run.seconds["verify"] += time.perf_counter() - began
    return Result(
        signal=problem.signal,
        config=problem.config,
        criterion=problem.name,
        stft=run.spectrum.mul(problem.scale).cpu().numpy(),
        theta=run.theta.cpu().numpy(),
        frame_positions=run.positions.cpu().numpy(),
        geometry=problem.geometry,
        window=problem.window,
        history={name: np.array([entry[name] for entry in run.history]) for name in run.final},
        final=run.final,
        measures={name: {"initial": first[name], "final": last[name]} for name in first},
        first_theta=run.first,
        curve=(np.array(lengths), np.array(losses), np.array([run.known[length][problem.name] for length in lengths])),
        accuracy=run.accuracy,
        bank=run.bank,
        stop_reason=reason,
        device=str(problem.device),
        threads=torch.get_num_threads(),
        seconds=run.seconds,
    )
