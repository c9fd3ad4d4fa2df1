"""Gradient descent on window lengths: start, step, stop. Knows nothing of signals or files."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

Terms = dict[str, Tensor]
"""The loss and the terms it is made of, scalars by name; ``loss`` is the one that is minimised."""

CONVERGED, PATIENCE, STEPS, INTERRUPTED, DIVERGED = "converged", "patience", "steps", "interrupted", "diverged"
"""Why a run stopped."""


@dataclass(frozen=True)
class Step:
    """What a run reports while it goes on.

    phase: ``bank`` (window lengths computed), ``search`` (best constant), ``descent`` or ``verify``.
    index, total: how far the phase has come, and at most how far it goes.
    terms: the loss and its terms at this step. theta: (least, greatest) window length in samples.
    """

    phase: str
    index: int
    total: int
    terms: dict[str, float] = field(default_factory=dict)
    theta: tuple[float, float] | None = None


OnStep = Callable[[Step], "bool | None"]


@dataclass
class Descent:
    """The outcome: the best parameter seen and its terms, every step's terms (steps + 1 of them), and why it stopped."""

    best: Tensor
    best_terms: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    reason: str = STEPS

    def keep(self, parameter: Tensor, terms: dict[str, float]) -> None:
        """Add a step; its parameter becomes the best where its loss is the least so far."""
        self.history.append(terms)
        if not self.best_terms or terms["loss"] < self.best_terms["loss"]:
            self.best_terms = terms
            self.best.copy_(parameter)


class _Patience:
    """Counts the steps since the loss last fell by more than a share of itself."""

    def __init__(self, steps: int, tolerance: float):
        self.steps, self.tolerance, self.mark, self.waited = steps, tolerance, math.inf, 0

    def over(self, loss: float) -> bool:
        fell = self.mark == math.inf or loss < self.mark - self.tolerance * abs(self.mark)
        self.mark, self.waited = (loss, 0) if fell else (self.mark, self.waited + 1)
        return self.waited >= self.steps


def make_optimizer(parameter: Tensor, settings) -> torch.optim.Optimizer:
    """The torch.optim optimiser of the config section ``optimizer`` on one parameter."""
    kinds = {
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
        "nadam": torch.optim.NAdam,
        "radam": torch.optim.RAdam,
        "rmsprop": torch.optim.RMSprop,
        "sgd": torch.optim.SGD,
    }
    kind = kinds[settings.name]
    options = {"fused": True} if settings.name in ("adam", "adamw") else {}
    if settings.name == "adamw":
        options["weight_decay"] = 0.0  # decay would pull log2 θ towards one sample
    if settings.name == "sgd":
        options["momentum"] = 0.9
    return kind([parameter], lr=settings.learning_rate, **options)


def make_schedule(optimizer: torch.optim.Optimizer, settings) -> Callable[[float], None]:
    """A function of the loss to be called after each step, which moves the learning rate."""
    if settings.schedule == "plateau":
        patience = max(1, settings.patience // 4)
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, factor=settings.factor, patience=patience, threshold=settings.tolerance
        )
        return plateau.step
    if settings.schedule == "cosine":
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=max(1, settings.steps))
        return lambda loss: cosine.step()
    return lambda loss: None


def descend(
    objective: Callable[[Tensor], Terms],
    start: Tensor,
    bounds: tuple[float, float],
    settings,
    on_step: Callable[[int, dict[str, float], Tensor], "bool | None"] | None = None,
) -> Descent:
    """Minimise objective(parameter)["loss"] over a box, keeping the best state.

    start: first parameter. bounds: its least and greatest value; each step is projected back between them.
    settings: the config section ``optimizer``.
    on_step: called with (step, terms, parameter); a true return stops the run there.

    A loss or gradient that is not finite ends the run (``diverged``) with the best state before it.
    """
    parameter = start.detach().clone().clamp_(*bounds).requires_grad_()
    optimizer = make_optimizer(parameter, settings)
    schedule = make_schedule(optimizer, settings)
    patience = _Patience(settings.patience, settings.tolerance)
    run = Descent(parameter.detach().clone())
    for step in range(settings.steps + 1):
        optimizer.zero_grad()
        terms = objective(parameter)
        values = {name: value.item() for name, value in terms.items()}
        if not math.isfinite(values["loss"]):
            run.reason = DIVERGED
            break
        run.keep(parameter.detach(), values)
        if on_step is not None and on_step(step, values, parameter.detach()):
            run.reason = INTERRUPTED
            break
        # The start does not count: the first steps of an adaptive method may well climb before they descend.
        if step and patience.over(values["loss"]):
            run.reason = PATIENCE
            break
        if step == settings.steps:
            break
        terms["loss"].backward()
        if not bool(parameter.grad.isfinite().all()):
            run.reason = DIVERGED
            break
        optimizer.step()
        with torch.no_grad():
            parameter.clamp_(*bounds)
        if step:
            schedule(values["loss"])
    return run
