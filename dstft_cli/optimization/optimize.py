"""``optimize``: from a signal and a configuration to its best spectrogram."""

import math
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..config.loading import Config, merge_config
from ..config.schema import SignalSettings
from ..errors import DeviceError, DivergedError, InputError, OutputError, OutputExistsError
from ..recordings.lazy_samples import LazySamples
from ..recordings.preparation.prepare import KEYS, Preparation, prepare
from ..recordings.signal import Signal, check_signal
from ..results.progress import CONVERGED, DIVERGED, INTERRUPTED, STEPS, OnStep
from ..results.result import Result
from ..stft.modes import CONSTANT, FIXED, FIXED_HOP, FREQUENCY, OVERLAP, PLANE
from ..stft.windows import Profile, Window, get_window
from ..system.atomic_files import scratch_folder
from ..system.disk_arrays import on_disk
from .auto_lengths import ChosenLengths, choose_lengths, wider_lengths
from .problem import Problem
from .resources import ResourcePlan, check_plan, plan_run
from .run import STFT, THETA, OptimizationRun
from .strategies.blocks import BlockStrategy
from .strategies.fixed_frames import FixedFrameStrategy
from .strategies.local import LocalStrategy
from .strategies.moving_frames import MovingFrameStrategy
from .strategies.per_axis import PerAxisStrategy
from .window_shape import with_learnt_shape

_EVALUATIONS = 50  # at most, of a constant search
_SAME_VALLEY = 1.5  # octaves: best constant lengths of two ranges that are further apart show other things


def optimize(
    signal: Signal,
    config: Config | str | Path | None = None,
    on_step: OnStep | None = None,
    *,
    window: str | Window | Profile | None = None,
    criterion: str | Callable[[Tensor], Tensor] | None = None,
    penalty: str | Callable[[Tensor, Tensor, int], Tensor] | None = None,
    folder: str | Path | None = None,
    plan: ResourcePlan | None = None,
    **settings,
) -> Result:
    """Find the window lengths, and the frame positions where they may move, of the best spectrogram, and compute it.

    signal: from load_signal, or ``Signal(samples, sample_rate, name)``.
    config: a Config, a YAML file, a preset's name, or None for the defaults.
    on_step: called with a Step as the run goes on; a true return ends it with the best state so far (``interrupted``).
    window: a family's name, ``learn-cosine`` for a shape that is learnt from the signal, a Window, or any callable profile g(u).
    criterion: a name in ``criteria.CRITERIA``, or a differentiable callable of |S|, (F, T), whose scalar is minimised.
    penalty: ``coverage``, ``none``, or a differentiable callable of t_n (T,), θ (1 or F, 1 or T) and N, all in
        samples, whose scalar is minimised with weight ``penalty_weight``.
    folder: where planes that exceed the memory allowed (``memory="2GB"``) are written; ``stft`` is then an array on disk
        and needs its file. None writes temporary files, which go with the result.
    plan: the plan of the run from plan_signal; None makes one.
    settings: short keys that override the configuration, such as ``mode="tf-varying"``, ``steps=100``, ``lambda_=0.2``. Of the
        section ``signal`` those that prepare samples have a meaning here (``detrend``, ``highpass``, ``sensitivity``, ...); the
        others are refused.

    Raises ConfigError or InputError for settings or a signal that cannot work, DeviceError for a missing device,
    DivergedError where the first loss is not finite, OutputError where temporary files cannot be written, OSError where
    ``folder`` cannot be written.
    """
    if not isinstance(signal, Signal):
        raise InputError(
            f"optimize takes a Signal, not {type(signal).__name__}: use load_signal(path), or Signal(samples, sample_rate, name)"
        )
    own = {"window": window, "criterion": criterion, "penalty": penalty}
    settings |= {name: value for name, value in own.items() if isinstance(value, str)}
    if callable(criterion):
        settings["loss.criterion"] = "entropy"  # a function of one plane, as that is
    config = merge_config(config, {key: value for key, value in settings.items() if value is not None})
    signal = _as_asked(signal, config, settings)
    check_signal(signal)
    if window is None or isinstance(window, str):
        config = with_learnt_shape(signal, config)
        window = config.transform.window
    family = get_window(window)
    chosen = choose_lengths(signal, config, family)
    signal, config = chosen.noted(signal), chosen.config
    if config.run.threads:
        torch.set_num_threads(config.run.threads)
    torch.manual_seed(config.run.seed)
    callables = [None if isinstance(own[name], str) else own[name] for name in ("criterion", "penalty")]
    plan = plan or plan_signal(signal, config, custom=any(callables))
    if not plan.long:
        signal = replace(signal, samples=signal.samples[:])  # reads lazy samples into memory
        return _in_memory(signal, chosen, family, callables, on_step)
    aside, remove = _place(folder, plan)
    try:
        run = OptimizationRun(Problem(signal, config, family, *callables, room=plan.room), on_step, aside)
        result = _result(run, _carry_out(run), chosen.keys)
    except OSError as error:
        remove()
        if folder is not None:
            raise  # the caller knows what the folder is for
        raise OutputError(
            f"temporary files cannot be written: {error.strerror or error}; set TMPDIR to another folder"
        ) from error
    except BaseException:
        remove()
        raise
    weakref.finalize(result, remove)
    return result


def _as_asked(signal: Signal, config: Config, settings: dict) -> Signal:
    """The signal prepared as the settings ask, and no further; those of reading come too late."""
    names = {name.removeprefix("signal.") for name, value in settings.items() if value is not None}
    late = sorted(names & set(SignalSettings.model_fields) - KEYS)
    if late:
        raise InputError(
            f"{signal.where}: {', '.join(late)} tell how a recording is read, and this signal has been read; give them to "
            "load_signal(path, ...)"
        )
    asked = {name: value for name, value in config.signal.model_dump().items() if name in names & KEYS}
    return prepare(signal, Preparation(**{"detrend": "none", **asked})) if asked else signal


class _TooNarrow(Exception):
    """The range of window lengths that was chosen is too narrow; holds a wider one, and the best constant length in samples."""

    def __init__(self, wider: ChosenLengths, best: float):
        super().__init__()
        self.wider, self.best = wider, best


class _AnotherValley(Exception):
    """The wider range only changes which length of the first range is the best constant one; holds that length in samples."""

    def __init__(self, best: float):
        super().__init__()
        self.best = best


def _in_memory(
    signal: Signal, chosen: ChosenLengths, family: Window, callables: list, on_step: OnStep | None
) -> Result:
    """Carry out a run in memory; where lengths pile up at a bound that was chosen, once again in a wider range.

    A short window that shows pulses and a long one that shows their harmonics may be equally good. A wider range is given up where
    it only changes which of the two is the best constant window.
    """

    def carry_out(signal: Signal, chosen: ChosenLengths, check: Callable | None = None) -> Result:
        run = OptimizationRun(Problem(signal, chosen.config, family, *callables), on_step)
        run.check = check
        return _result(run, _carry_out(run), chosen.keys)

    def widen(shares: tuple[float, float], best: float) -> None:
        wider = wider_lengths(signal, chosen, shares, family)
        if wider is not None:
            raise _TooNarrow(wider, best)

    def stay(_: tuple[float, float], best: float) -> None:
        narrow = chosen.range
        if narrow.theta_min <= best <= narrow.support and abs(math.log2(best / first)) > _SAME_VALLEY:
            raise _AnotherValley(best)

    try:
        return carry_out(signal, chosen, widen)
    except _TooNarrow as found:
        wider, first = found.wider, found.best
    try:
        return carry_out(wider.noted(signal, chosen.text), wider, stay)
    except _AnotherValley as other:
        kept = chosen.instead_of(wider, other.best, signal.sample_rate)
    return carry_out(kept.noted(signal, chosen.text), kept)


def _place(folder: str | Path | None, plan: ResourcePlan) -> tuple[Path, Callable[[], object]]:
    """The folder for planes on disk, and a function that removes them. Raises OutputError where it cannot be used."""
    if folder is None:
        return scratch_folder(plan.disk)
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}") from error
    taken = next((name for name in (STFT, THETA) if (Path(folder) / name).exists()), None)
    if taken:
        raise OutputExistsError(f"{folder}: {taken} of another run is there already; give another folder")
    return Path(folder), bool


def plan_signal(signal: Signal, config: Config, custom: bool = False) -> ResourcePlan:
    """The plan of a run on a signal.

    custom: True where the criterion or the penalty is a callable.

    Raises InputError where the run needs more memory than is free or allowed, or where lengths clash.
    """
    config = choose_lengths(signal, config).config
    in_memory = not isinstance(signal.samples, LazySamples) and not on_disk(signal.samples)
    try:
        plan = plan_run(config, signal.sample_rate, len(signal.samples), in_memory, custom)
    except DeviceError:
        raise
    except InputError as error:
        raise InputError(f"{signal.where}: {error}") from None
    check_plan(plan, signal.where, config)
    return plan


def _carry_out(run: OptimizationRun) -> str:
    """Carry out the run by the strategy that its modes need; returns why it stopped."""
    problem, steps = run.problem, run.problem.config.optimizer.steps
    if problem.local and run.precompute():
        _transform_only(run)
        return INTERRUPTED
    placed = problem.hop_mode in (FIXED_HOP, OVERLAP)  # positions follow from the hop and the windows
    if steps == 0 or (problem.mode == FIXED and placed):
        return _transform_only(run)
    if problem.mode == CONSTANT and placed:
        return _search(run, steps)
    return _strategy(problem)(run).learn(steps)


def _strategy(problem: Problem) -> type:
    """The strategy for a problem whose windows or frames are learnt."""
    if problem.local:
        return LocalStrategy
    if problem.hop_mode != FIXED_HOP:
        return MovingFrameStrategy
    if problem.at_once:
        return FixedFrameStrategy
    if problem.mode == PLANE:
        return BlockStrategy
    # No table of sums over frames gives the kurtosis of a frame under windows that differ over frequency.
    return MovingFrameStrategy if (problem.mode, problem.name) == (FREQUENCY, "kurtosis") else PerAxisStrategy


def _transform_only(run: OptimizationRun) -> str:
    """Transform at the first window length, without optimisation."""
    run.record_initial(run.problem.grid.first_length)
    run.keep_first()
    return STEPS


def _search(run: OptimizationRun, steps: int) -> str:
    """Mode ``constant``: search the best window length in at most ``steps`` evaluations."""
    problem = run.problem
    run.record_initial(problem.grid.first_length)
    diverged = done = False
    try:
        done = run.explore(min(steps, _EVALUATIONS - 2))  # the first window and the final transform count too
    except DivergedError:
        diverged = True
    run.check_range()
    for length in run.curve.lengths:
        run.history.append(min(run.known[length], run.history[-1], key=_loss))
    run.tried(run.first, run.history[0])
    best = run.curve.best[0]
    run.transform(run.fill(best), problem.positions(best))
    run.final = min(run.final, dict(run.history[-1]), key=_loss)
    return DIVERGED if diverged else INTERRUPTED if run.interrupted else CONVERGED if done else STEPS


def _loss(terms: dict[str, float]) -> float:
    return terms["loss"]


def _result(run: OptimizationRun, reason: str, chosen: tuple[str, ...]) -> Result:
    began, problem, (lengths, losses) = time.perf_counter(), run.problem, run.curve.ordered()
    first, last = run.measures()
    narrowing = run.narrowing()
    stft, theta = run.plane.arrays()
    run.seconds["verify"] += time.perf_counter() - began
    return Result(
        signal=problem.signal,
        config=problem.config,
        criterion=problem.name,
        stft=stft,
        theta=theta,
        frame_positions=run.plane.positions.cpu().numpy(),
        grid=problem.grid,
        window=problem.window,
        history={name: np.array([entry[name] for entry in run.history]) for name in run.final},
        final=run.final,
        measures={name: {"initial": first[name], "final": last[name]} for name in first},
        first_theta=run.first,
        curve=(np.array(lengths), np.array(losses), np.array([run.known[length][problem.name] for length in lengths])),
        accuracy=run.plane.accuracy,
        bank=run.bank,
        narrowing=narrowing,
        stop_reason=reason,
        device=str(problem.device),
        threads=torch.get_num_threads(),
        seconds=run.seconds,
        chosen=chosen,
    )
