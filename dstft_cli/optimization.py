"""From a signal and a config to its best spectrogram: search, descend, transform, verify."""

import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .bank import MOST_DENSITY, WindowBank, density_for, node_count
from .config import Config, merge_config
from .criteria import magnitude
from .descent import CONVERGED, DIVERGED, INTERRUPTED, PATIENCE, STEPS, Descent, OnStep, Step, descend
from .errors import DivergedError, InputError
from .modes import CONSTANT, FIXED
from .problem import Problem
from .results import Result
from .search import Curve, refine
from .signals import Signal, check_signal
from .verify import Accuracy
from .windows import Profile, Window, get_window

_CURVE_DENSITY = 6.0  # nodes an octave of a curve that only has to bracket its minimum
_NARROWING = 30  # evaluations between the nodes of a curve, in all its valleys
_EVALUATIONS = 50  # at most, of a constant search
_REFINEMENTS = 3
_GENTLEST = 10  # a descent that gets no lower is tried again until its learning rate is below this share of the first


def optimize(
    signal: Signal,
    config: Config | str | Path | None = None,
    on_step: OnStep | None = None,
    *,
    window: str | Window | Profile | None = None,
    **settings,
) -> Result:
    """Find the window lengths that make the spectrogram of a signal sharpest, and compute it.

    signal: from load_signal, or ``Signal(samples, sample_rate, name)``.
    config: a Config, a YAML file, a preset's name, or None for the defaults.
    on_step: called with a Step as the run goes on; a true return ends it with the best state so far (``interrupted``).
    window: beside the families' names, a Window or any callable profile g(u).
    settings: short keys over the config, such as ``mode="tf-varying"``, ``steps=100``, ``lambda_=0.2``.

    Raises ConfigError or InputError for settings or a signal that cannot work, DeviceError for a missing device,
    DivergedError where not even the first loss is finite.
    """
    if not isinstance(signal, Signal):
        raise InputError(
            f"optimize takes a Signal, not {type(signal).__name__}: load_signal(path), or Signal(samples, sample_rate, name)"
        )
    settings = {key: value for key, value in settings.items() if value is not None}
    if isinstance(window, str):
        settings["window"] = window
    config = merge_config(config, settings)
    family = get_window(config.transform.window if window is None or isinstance(window, str) else window)
    check_signal(signal, 2)
    if config.run.threads:
        torch.set_num_threads(config.run.threads)
    torch.manual_seed(config.run.seed)
    return _Run(Problem(signal, config, family), on_step).result()


class _Run:
    """One optimisation: what it has found so far, and the chapters that find more."""

    def __init__(self, problem: Problem, on_step: OnStep | None):
        self.problem, self.on_step, self.interrupted = problem, on_step, False
        self.curve, self.history = Curve([], []), []
        self.bank: WindowBank | None = None
        self.bank_accuracy: Accuracy | None = None
        self.bank_error: float | None = None  # of the criterion, against the transform that is written
        self.first = 0.0  # the constant window length, in samples, that the history sets out from
        self.seconds = {"bank": 0.0, "optimize": 0.0, "verify": 0.0}
        self.spectrum: Tensor
        self.theta: Tensor
        self.accuracy: Accuracy
        self.final: dict[str, float]

    def result(self) -> Result:
        problem, steps = self.problem, self.problem.config.optimizer.steps
        if problem.mode == FIXED or steps == 0:
            reason = self._leave()
        elif problem.mode == CONSTANT:
            reason = self._search(steps)
        else:
            reason = self._learn(steps)
        return self._collect(reason)

    # -- chapters ---------------------------------------------------------------------------------------------------

    def _leave(self) -> str:
        """No optimisation: the transform at the first window length."""
        self._set_out(self._default_length())
        self._transform(self.problem.constant(self.first))
        self.final = dict(self.history[0])  # nothing has moved
        return STEPS

    def _search(self, steps: int) -> str:
        """``constant``: the loss over log-spaced lengths, then Brent between them; at most ``steps`` evaluations."""
        began, geometry = time.perf_counter(), self.problem.geometry
        self._set_out(self._default_length())
        low, high = geometry.theta_min, float(geometry.support)
        steps = min(steps, _EVALUATIONS - 2)  # the first window and the final transform count too
        count = min(steps, _EVALUATIONS // 2, node_count(low, high, _CURVE_DENSITY)) if low < high else 1
        diverged = done = False
        try:
            for i in range(count):
                length = high * (low / high) ** (i / max(1, count - 1))
                if self._tell("search", i, count + _NARROWING):
                    break
                self.curve.add(length, self.problem.evaluate(length))
            done = self._narrow(min(_NARROWING, steps - count), count)
        except DivergedError:
            diverged = True
        for loss in self.curve.losses:
            self._note(min(loss, self.history[-1]["loss"]))
        self.curve.add(self.first, self.history[0]["loss"])
        self.seconds["optimize"] += time.perf_counter() - began
        self._transform(self.problem.constant(self.curve.best[0]))
        self.final = min(self.final, dict(self.history[-1]), key=lambda terms: terms["loss"])
        return DIVERGED if diverged else INTERRUPTED if self.interrupted else CONVERGED if done else STEPS

    def _learn(self, steps: int) -> str:
        """The other modes: bank, best constant as start, descent; again on a finer bank while its check fails."""
        tolerance, geometry = self.problem.config.bank.tolerance, self.problem.geometry
        self._build_bank(density_for(tolerance))
        if not self.interrupted:
            self._narrow(_NARROWING, 0)
        self._set_out(geometry.theta or (self.curve.best[0] if self.curve.lengths else self._default_length()))
        theta = self.problem.constant(self.first)
        if self.interrupted:
            self._transform(theta)
            return INTERRUPTED
        left = steps
        for attempt in range(_REFINEMENTS + 1):
            outcome, left = self._come_down(theta, left)
            theta = outcome.best.exp2().clamp(geometry.theta_min, geometry.support)
            self._transform(theta)
            if self.interrupted or outcome.reason == DIVERGED or attempt == _REFINEMENTS or self._bank_holds(outcome):
                break
            if left < 1:
                break
            self._build_bank(self.bank.per_octave * 1.5)
            if self.interrupted:  # the finer bank is not whole; what the coarser one gave stands
                break
        self._keep_the_better()
        return INTERRUPTED if self.interrupted else outcome.reason

    # -- pieces -----------------------------------------------------------------------------------------------------

    def _default_length(self) -> float:
        geometry = self.problem.geometry
        return geometry.theta or max(geometry.theta_min, geometry.support / 2)

    def _set_out(self, length: float) -> None:
        """The first entry of the history: a constant window, exactly."""
        self.first = length
        self._note(self.problem.evaluate(length))

    def _note(self, loss: float) -> None:
        self.history.append({"loss": loss, self.problem.name: loss, "regularization": 0.0})

    def _tell(self, phase: str, index: int, total: int, terms=None, theta=None) -> bool:
        """Report; True once the caller wants the run to end."""
        if self.on_step is not None and self.on_step(Step(phase, index, total, terms or {}, theta)):
            self.interrupted = True
        return self.interrupted

    def _narrow(self, budget: int, done: int) -> bool:
        """Refine the curve's best length; True where it was narrowed down."""
        if self.interrupted or len(self.curve.lengths) < 3 or budget < 1:
            return False
        count = len(self.curve.lengths)

        def stop() -> bool:
            return self._tell("search", done + len(self.curve.lengths) - count, done + budget)

        return refine(self.problem.evaluate, self.curve, budget=budget, stop=stop)

    def _transform(self, theta: Tensor) -> None:
        """The transform at θ in samples, its accuracy and its loss."""
        began = time.perf_counter()
        self._tell("verify", 0, 1)
        self.theta, (self.spectrum, self.accuracy) = theta, self.problem.final(theta)
        self.final = self.problem.terms(self.spectrum, theta)
        self.seconds["verify"] += time.perf_counter() - began

    def _keep_the_better(self) -> None:
        """The constant window that the run set out from, where the descent ended no lower."""
        if self.final["loss"] > self.history[0]["loss"]:
            self.theta, self.spectrum = self.problem.constant(self.first), self.problem.transform(self.first)
            self.accuracy = self.problem.check(self.spectrum, self.theta)
            self.final = dict(self.history[0])  # the same transform, evaluated when the run set out

    def _build_bank(self, density: float) -> None:
        """A bank of at least that many nodes an octave that meets the tolerance; its nodes are also the loss curve."""
        began, problem = time.perf_counter(), self.problem
        tolerance, geometry = problem.config.bank.tolerance, problem.geometry
        high = float(geometry.support)
        low = min(geometry.theta_min, high / 1.01)  # even a range of nothing needs its four nodes
        previous = math.inf
        while True:
            count, self.bank = node_count(low, high, density), None
            problem.check_memory(count)
            plane = problem.samples, problem.positions, geometry.support
            self.bank = WindowBank(*plane, low, high, count, problem.window, self._on_node)
            if self.interrupted:
                break
            error = self._random_error()
            if error <= tolerance or density >= MOST_DENSITY or error > previous / 1.3:
                break
            previous, density = error, density * max(1.2, min(2.0, 1.1 * (error / tolerance) ** (1 / 2.6)))
        self.seconds["bank"] += time.perf_counter() - began

    def _on_node(self, index: int, count: int, length: float, spectrum: Tensor) -> bool:
        loss = float(self.problem.criterion(magnitude(spectrum)))
        if not math.isfinite(loss):
            raise self.problem.diverged()
        if (
            length >= self.problem.geometry.theta_min or index == count - 1
        ):  # the bank may reach a little below the bound
            self.curve.add(length, loss)
        return self._tell("bank", index, count)

    def _random_error(self) -> float:
        """The bank's relative rms error at window lengths drawn at random, log-uniform over its range."""
        generator = torch.Generator().manual_seed(self.problem.config.run.seed)
        low, high = math.log2(self.bank.lengths[0]), math.log2(self.bank.lengths[-1])
        draw = torch.rand(self.bank.shape, generator=generator, dtype=self.problem.samples.dtype)
        log_theta = draw.to(self.problem.device) * (high - low) + low
        return self.problem.check(self.bank.stft(log_theta), log_theta.exp2()).rms

    def _bank_holds(self, outcome: Descent) -> bool:
        """The check after the run: the bank against exact bins, and its loss against that of the final transform."""
        tolerance = self.problem.config.bank.tolerance
        self.bank_accuracy = self.problem.check(self.bank.stft(outcome.best), outcome.best.exp2())
        self.bank_error = abs(outcome.best_terms[self.problem.name] - self.final[self.problem.name])
        good = self.bank_accuracy.rms <= tolerance and self.bank_error <= tolerance
        return good or self.bank.per_octave >= MOST_DENSITY

    def _come_down(self, theta: Tensor, left: int) -> tuple[Descent, int]:
        """A descent, again with a quarter of the learning rate while it got no lower; and the steps that remain."""
        first = rate = self.problem.config.optimizer.learning_rate
        while True:
            outcome = self._descend(theta, left, rate)
            left -= len(outcome.history) - 1
            stuck = outcome.reason == PATIENCE and outcome.best_terms is outcome.history[0]
            if not stuck or left < 1 or rate < first / _GENTLEST:
                return outcome, left
            rate /= 4

    def _descend(self, theta: Tensor, steps: int, rate: float) -> Descent:
        began, problem, done = time.perf_counter(), self.problem, len(self.history) - 1
        bounds = math.log2(problem.geometry.theta_min), math.log2(problem.geometry.support)
        settings = problem.config.optimizer.model_copy(update={"steps": steps, "learning_rate": rate})

        def tell(step, terms, log_theta):
            if self.on_step is None:
                return False
            least, most = (2.0 ** bound.item() for bound in log_theta.aminmax())
            return self._tell("descent", done + step, done + steps, terms, (least, most))

        outcome = descend(lambda v: problem.losses(self.bank.magnitude(v), v), theta.log2(), bounds, settings, tell)
        if not outcome.history:
            raise problem.diverged()
        self.history += outcome.history[1:]
        self.seconds["optimize"] += time.perf_counter() - began
        return outcome

    def _collect(self, reason: str) -> Result:
        problem, (lengths, losses) = self.problem, self.curve.ordered()
        bank = None
        if self.bank is not None and self.bank_accuracy is not None:
            error = {f"{problem.name}_error": self.bank_error}
            bank = {"nodes": len(self.bank), "rms": self.bank_accuracy.rms, **error}
        return Result(
            signal=problem.signal,
            config=problem.config,
            stft=self.spectrum.mul(problem.scale).cpu().numpy(),
            theta=self.theta.cpu().numpy(),
            frame_positions=problem.positions.cpu().numpy(),
            geometry=problem.geometry,
            window=problem.window,
            history={name: np.array([entry[name] for entry in self.history]) for name in self.final},
            final=self.final,
            curve=(np.array(lengths), np.array(losses)),
            accuracy=self.accuracy,
            bank=bank,
            stop_reason=reason,
            device=str(problem.device),
            threads=torch.get_num_threads(),
            seconds=self.seconds,
        )
