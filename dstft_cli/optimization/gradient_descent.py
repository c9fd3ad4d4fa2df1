"""Gradient descent on window lengths and frame positions: start, step, stop. Knows nothing of signals or files."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..results.progress import DIVERGED, INTERRUPTED, PATIENCE, STEPS

Terms = dict[str, Tensor]
"""The loss and the terms it is made of, scalars by name; ``loss`` is the one that is minimised."""

_MANY = 1_000_000  # values; from there on the constant of the adaptive methods shrinks with their number


@dataclass(frozen=True)
class Variable:
    """Something that is learnt.

    start: its first value. rate: how far it moves at first. keep: (before, after) -> what of a step is allowed.
    """

    start: Tensor
    rate: float
    keep: Callable[[Tensor, Tensor], Tensor]


def between(low: float, high: float) -> Callable[[Tensor, Tensor], Tensor]:
    """Keeps a variable within a box."""
    return lambda before, after: after.clamp(low, high)


@dataclass
class Descent:
    """The outcome: the best values seen and their terms, every step's terms (steps + 1 of them), and why it stopped.

    rates: the learning rates of each step that was taken.
    """

    best: list[Tensor]
    best_terms: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    reason: str = STEPS
    rates: list[list[float]] = field(default_factory=list)

    def keep(self, values: Sequence[Tensor], terms: dict[str, float]) -> None:
        """Add a step; its values become the best where its loss is the least so far."""
        self.history.append(terms)
        if not self.best_terms or terms["loss"] < self.best_terms["loss"]:
            self.best_terms = terms
            for best, value in zip(self.best, values, strict=True):
                best.copy_(value.detach())


class _Patience:
    """Counts the steps since the loss last fell by more than a share of itself."""

    def __init__(self, steps: int, tolerance: float):
        self.steps, self.tolerance, self.mark, self.waited = steps, tolerance, math.inf, 0

    def over(self, loss: float) -> bool:
        fell = self.mark == math.inf or loss < self.mark - self.tolerance * abs(self.mark)
        self.mark, self.waited = (loss, 0) if fell else (self.mark, self.waited + 1)
        return self.waited >= self.steps


def make_optimizer(groups: list[dict], settings, points: int = 0) -> torch.optim.Optimizer:
    """The torch.optim optimiser of the config section ``optimizer`` on groups of parameters, each with its ``lr``.

    points: how many values there are in all, where the groups hold a part of them. The gradient of a mean over many is small in
    each; what keeps the adaptive methods from dividing by zero (1e-8) must stay far below it, or they crawl.
    """
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
    points = max(points, *(group["params"][0].numel() for group in groups))
    if settings.name == "sgd":
        options["momentum"] = 0.9
    elif points > _MANY:
        options["eps"] = 1e-8 * _MANY / points
    return kind(groups, lr=settings.learning_rate, **options)


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
    objective: Callable[..., Terms],
    variables: Sequence[Variable],
    settings,
    on_step: Callable[[int, dict[str, float], Sequence[Tensor]], "bool | None"] | None = None,
    points: int = 0,
) -> Descent:
    """Minimise objective(*values)["loss"], keeping the best state.

    variables: what is learnt; each step of theirs is brought back to what they allow.
    settings: the config section ``optimizer``.
    on_step: called with (step, terms, values); a true return stops the run there.
    points: as make_optimizer has it.

    A loss, gradient or value that is not finite ends the run (``diverged``) with the best state before it.
    """
    values = [v.keep(v.start, v.start).detach().clone().requires_grad_() for v in variables]
    groups = [{"params": [value], "lr": v.rate} for value, v in zip(values, variables, strict=True)]
    optimizer = make_optimizer(groups, settings, points)
    schedule = make_schedule(optimizer, settings)
    patience = _Patience(settings.patience, settings.tolerance)
    run = Descent([value.detach().clone() for value in values])
    for step in range(settings.steps + 1):
        optimizer.zero_grad()
        terms = objective(*values)
        numbers = {name: term.item() for name, term in terms.items()}
        if not math.isfinite(numbers["loss"]):
            run.reason = DIVERGED
            break
        run.keep(values, numbers)
        if on_step is not None and on_step(step, numbers, [value.detach() for value in values]):
            run.reason = INTERRUPTED
            break
        # The start does not count: the first steps of an adaptive method may well climb before they descend.
        if step and patience.over(numbers["loss"]):
            run.reason = PATIENCE
            break
        if step == settings.steps:
            break
        terms["loss"].backward()
        slopes = [value.grad for value in values if value.grad is not None]
        run.rates.append([group["lr"] for group in optimizer.param_groups])
        if not _finite(slopes) or not take_step(optimizer, variables, values):
            run.reason = DIVERGED
            break
        if step:
            schedule(numbers["loss"])
    return run


def _finite(tensors: Sequence[Tensor]) -> bool:
    return all(bool(tensor.isfinite().all()) for tensor in tensors)


def take_step(optimizer: torch.optim.Optimizer, variables: Sequence[Variable], values: Sequence[Tensor]) -> bool:
    """A step of the optimiser, as far as each variable allows it; False where it leads out of the numbers."""
    before = [value.detach().clone() for value in values]
    optimizer.step()
    with torch.no_grad():
        for variable, old, value in zip(variables, before, values, strict=True):
            value.copy_(variable.keep(old, value))
        return _finite(values)
