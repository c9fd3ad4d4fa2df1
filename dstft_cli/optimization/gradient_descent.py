"""Gradient descent on any variables: optimiser, schedule, steps, stopping. It knows nothing of signals or files."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.optim.adam import adam

from ..results.progress import DIVERGED, INTERRUPTED, PATIENCE, STEPS

Terms = dict[str, Tensor]
"""The loss and its terms, scalars by name; ``loss`` is minimised."""

_MANY = 1_000_000  # values; above that the ε of the adaptive methods shrinks with their number


@dataclass(frozen=True)
class Variable:
    """A quantity that is learnt.

    start: its first value, any shape.
    rate: learning rate, in its unit.
    keep: (before, after) to the value that a step may take; it may write this into ``after``.
    """

    start: Tensor
    rate: float
    keep: Callable[[Tensor, Tensor], Tensor]


def between(low: float, high: float) -> Callable[[Tensor, Tensor], Tensor]:
    """A ``keep`` that clamps a variable to [low, high], in place."""
    return lambda before, after: after.clamp_(low, high)


@dataclass
class Descent:
    """The outcome of a descent.

    best, best_terms: the values with the least loss, and their terms.
    history: the terms before the first step and after each.
    reason: why it stopped.
    rates: the learning rate of each variable, for each step taken.
    """

    best: list[Tensor]
    best_terms: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    reason: str = STEPS
    rates: list[list[float]] = field(default_factory=list)

    def keep(self, values: Sequence[Tensor], terms: dict[str, float]) -> None:
        """Record a step; its values become the best where its loss is the least so far."""
        self.history.append(terms)
        if not self.best_terms or terms["loss"] < self.best_terms["loss"]:
            self.best_terms = terms
            for best, value in zip(self.best, values, strict=True):
                best.copy_(value.detach())


class _Patience:
    """Counts the steps since the loss last fell by more than ``tolerance``, a share of itself."""

    def __init__(self, steps: int, tolerance: float):
        self.steps, self.tolerance, self.mark, self.waited = steps, tolerance, math.inf, 0

    def over(self, loss: float) -> bool:
        fell = self.mark == math.inf or loss < self.mark - self.tolerance * abs(self.mark)
        self.mark, self.waited = (loss, 0) if fell else (self.mark, self.waited + 1)
        return self.waited >= self.steps


class _Adam:
    """Adam as torch.optim has it, without the two seconds that the first step of any torch.optim optimiser spends on imports.

    groups: parameter groups, each with one tensor and its ``lr``.
    eps: keeps steps finite where the gradient is 0.
    """

    def __init__(self, groups: list[dict], eps: float):
        self.param_groups, self._eps = groups, eps
        values = [group["params"][0] for group in groups]
        self._means, self._squares = ([torch.zeros_like(value) for value in values] for _ in range(2))
        self._steps = [torch.zeros((), device=value.device) for value in values]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for group in self.param_groups:
            group["params"][0].grad = None

    def step(self) -> None:
        """One step along the gradients."""
        with torch.no_grad():
            for state in zip(self.param_groups, self._means, self._squares, self._steps, strict=True):
                group, *moments, count = state
                value = group["params"][0]
                if value.grad is not None:
                    moments = [[value], [value.grad], *([moment] for moment in moments), []]
                    adam(
                        *moments,
                        [count],
                        fused=True,
                        amsgrad=False,
                        beta1=0.9,
                        beta2=0.999,
                        lr=group["lr"],
                        weight_decay=0.0,
                        eps=self._eps,
                        maximize=False,
                    )


def make_optimizer(groups: list[dict], settings, points: int = 0) -> "torch.optim.Optimizer | _Adam":
    """The optimiser that the configuration names.

    The gradient of a mean over many values is small in each of them. It must stay far above the ε that keeps the adaptive
    methods from dividing by zero (1e-8). Otherwise their steps become tiny.

    groups: parameter groups, each with one tensor and its ``lr``.
    settings: the config section ``optimizer``.
    points: number of values in all, where the groups hold one block of them.
    """
    points = max(points, *(group["params"][0].numel() for group in groups))
    eps = 1e-8 * min(1.0, _MANY / points)
    if settings.name in ("adam", "adamw"):  # weight decay, in which they differ, would pull log2 θ towards one sample
        return _Adam(groups, eps)
    kinds = {
        "nadam": torch.optim.NAdam,
        "radam": torch.optim.RAdam,
        "rmsprop": torch.optim.RMSprop,
        "sgd": torch.optim.SGD,
    }
    options = {"momentum": 0.9} if settings.name == "sgd" else {"eps": eps}
    return kinds[settings.name](groups, lr=settings.learning_rate, **options)


class _Plateau:
    """Multiplies the learning rates by a factor where the loss has not fallen by a share of itself for some steps."""

    def __init__(self, optimizer, settings):
        self._optimizer, self._factor = optimizer, settings.factor
        self._patience, self._tolerance = max(1, settings.patience // 4), settings.tolerance
        self._best, self._waited = math.inf, 0

    def __call__(self, loss: float) -> None:
        # The threshold is a share of the loss itself, whose sign counts, as in torch.optim.lr_scheduler.ReduceLROnPlateau.
        fell = self._best == math.inf or loss < self._best * (1 - self._tolerance)
        self._best, self._waited = (loss, 0) if fell else (self._best, self._waited + 1)
        if self._waited > self._patience:
            self._waited = 0
            for group in self._optimizer.param_groups:
                group["lr"] *= self._factor


class _Cosine:
    """Lets the learning rates fall to 0 over all steps, along half a cosine."""

    def __init__(self, optimizer, settings):
        self._optimizer, self._steps, self._done = optimizer, max(1, settings.steps), 0
        self._first = [group["lr"] for group in optimizer.param_groups]

    def __call__(self, loss: float) -> None:
        self._done += 1
        share = (1 + math.cos(math.pi * self._done / self._steps)) / 2
        for group, first in zip(self._optimizer.param_groups, self._first, strict=True):
            group["lr"] = first * share


def make_schedule(optimizer, settings) -> Callable[[float], None]:
    """The learning-rate schedule that the configuration names: a function of the loss, called after each step."""
    kinds = {"plateau": _Plateau, "cosine": _Cosine}
    return kinds[settings.schedule](optimizer, settings) if settings.schedule in kinds else lambda loss: None


def descend(
    objective: Callable[..., Terms],
    variables: Sequence[Variable],
    settings,
    on_step: Callable[[int, dict[str, float], Sequence[Tensor]], "bool | None"] | None = None,
    points: int = 0,
) -> Descent:
    """Minimise objective(*values)["loss"] and keep the best state.

    A loss, gradient or value that is not finite ends the descent (``diverged``) with the best state before it.

    objective: values of the variables to the loss and its terms.
    variables: what is learnt; each step is brought back to what they allow.
    settings: the config section ``optimizer``.
    on_step: called with (step, terms, values); a true return ends the descent there.
    points: as for make_optimizer.
    """
    values = [v.keep(v.start, v.start.detach().clone()).requires_grad_() for v in variables]
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
        # Patience starts after the first step: an adaptive method may climb before it descends.
        if step and patience.over(numbers["loss"]):
            run.reason = PATIENCE
            break
        if step == settings.steps:
            break
        terms["loss"].backward()
        del terms["loss"]  # and the planes that its gradient was made of
        slopes = [value.grad for value in values if value.grad is not None]
        run.rates.append([group["lr"] for group in optimizer.param_groups])
        before = run.best if run.best_terms is numbers else [value.detach().clone() for value in values]
        if not _finite(slopes) or not take_step(optimizer, variables, before, values):
            run.reason = DIVERGED
            break
        if step:
            schedule(numbers["loss"])
    return run


def _finite(tensors: Sequence[Tensor]) -> bool:
    return all(bool(torch.stack(tensor.aminmax()).isfinite().all()) for tensor in tensors)


def take_step(optimizer, variables: Sequence[Variable], before: Sequence[Tensor], values: Sequence[Tensor]) -> bool:
    """One step of the optimiser, as far as each variable allows it; False where a value is no longer finite.

    before: the values before the step, which are left as they are.
    values: the same, which take the step.
    """
    optimizer.step()
    with torch.no_grad():
        for variable, old, value in zip(variables, before, values, strict=True):
            kept = variable.keep(old, value)
            if kept is not value:
                value.copy_(kept)
        return _finite(values)
