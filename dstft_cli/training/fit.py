"""One training: epochs of Adam over windows and weights, with the best state kept.

All randomness of an epoch follows from the seed and the number of the epoch, so that a training that goes on from a stored state
takes the same steps, to the same bits, as one that was never stopped.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..errors import DivergedError
from .spectrogram import Spectrogram

_EVALUATED_TOGETHER = 256  # clips
_SEED_STEP = 100_003  # between the random streams of two seeds; there are fewer epochs

Loss = Callable[[Tensor, Tensor], Tensor]
"""Outputs (B, ...) and targets (B, ...) to the mean loss, a scalar."""


@dataclass(frozen=True)
class Budget:
    """What each training of a run may spend.

    epochs: over all training clips.
    batch: clips a step.
    learning_rate: of the weights, at first; it falls to 0 as half a cosine.
    theta_rate: of window lengths, in octaves a step, likewise.
    """

    epochs: int
    batch: int
    learning_rate: float
    theta_rate: float


@dataclass(frozen=True)
class Data:
    """N clips and what is to be found in them.

    samples: (N, n). lengths: (N,) samples of each clip. targets: (N, ...).
    """

    samples: Tensor
    lengths: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.samples)

    def take(self, index: Tensor) -> "Data":
        """Some of the clips, in the order of the index."""
        return Data(self.samples[index], self.lengths[index], self.targets[index])

    def to(self, device: torch.device) -> "Data":
        """The same on a device."""
        return Data(self.samples.to(device), self.lengths.to(device), self.targets.to(device))


@dataclass
class Epoch:
    """What is recorded of an epoch: mean losses, and θ in samples at its end: shortest, mean and longest."""

    train_loss: float
    validation_loss: float
    theta: tuple[float, float, float]


class Fit:
    """A model, its optimiser, its history, and its best state: that of the lowest validation loss.

    model: with a ``spectrogram`` in it; called with samples and lengths.
    loss: of outputs and targets.
    budget: of the training.
    seed: of the order of clips and of dropout.
    keep_last: takes the last state for the best; for models that have so few parameters that they cannot fit noise.
    """

    def __init__(self, model: nn.Module, loss: Loss, budget: Budget, seed: int, keep_last: bool = False):
        self.model, self.loss, self.budget, self.seed, self.keep_last = model, loss, budget, seed, keep_last
        self.spectrogram: Spectrogram = model.spectrogram
        theta = self.spectrogram.layer.theta
        weights = [value for value in model.parameters() if value.requires_grad and value is not theta]
        groups = [{"params": weights}] if weights else []
        if theta.requires_grad:
            groups.append({"params": [theta]})
        self.optimizer = torch.optim.Adam(groups, lr=budget.learning_rate) if groups else None
        self.history: list[Epoch] = []
        self.best: dict[str, Tensor] = {}

    @property
    def done(self) -> bool:
        """Whether the budget is spent."""
        return len(self.history) >= self.budget.epochs

    @property
    def best_epoch(self) -> int:
        """The index of the epoch whose state is the best."""
        if self.keep_last:
            return len(self.history) - 1
        losses = [epoch.validation_loss for epoch in self.history]
        return losses.index(min(losses))

    def run_epoch(self, train: Data, validation: Data, stopped: Callable[[], bool] = lambda: False) -> bool:
        """One epoch. Returns False where ``stopped`` ended it; the model is then between two epochs, and only ``best`` is sound.

        Raises DivergedError where a loss is not finite.
        """
        number = len(self.history)
        self._set_rates(number)
        total, clips = 0.0, 0
        self.model.train()
        for batch in self._batches(train, number):
            if stopped():
                return False
            total += self._step(batch) * len(batch)
            clips += len(batch)
        loss, _ = evaluate(self.model, validation, self.loss)
        lengths = self.spectrogram.theta()
        theta = tuple(float(value) for value in (lengths.min(), lengths.mean(), lengths.max()))
        if not all(map(math.isfinite, (total, loss, *theta))):
            raise DivergedError(
                f"seed {self.seed}: the loss is not finite in epoch {number + 1}; a lower --learning-rate or --theta-rate may help"
            )
        self.history.append(Epoch(total / clips, loss, theta))
        if self.best_epoch == number:
            self.best = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        return True

    def practise(self, train: Data, steps: int) -> None:
        """So many steps over the clips, which are not recorded."""
        self._set_rates(0)
        self.model.train()
        batches = itertools.chain.from_iterable(self._batches(train, number) for number in itertools.count())
        for batch in itertools.islice(batches, steps):
            self._step(batch)

    def _batches(self, train: Data, number: int) -> Iterator[Data]:
        torch.manual_seed(self.seed * _SEED_STEP + number + 1)  # of dropout
        order = torch.randperm(len(train), generator=torch.Generator().manual_seed(self.seed * _SEED_STEP + number))
        for index in order.to(train.samples.device).split(self.budget.batch):
            yield train.take(index)

    def _step(self, batch: Data) -> float:
        loss = self.loss(self.model(batch.samples, batch.lengths), batch.targets)
        if self.optimizer is not None:
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.spectrogram.layer.clamp_()
        return loss.item()

    def _set_rates(self, number: int) -> None:
        share = (1 + math.cos(math.pi * number / self.budget.epochs)) / 2
        for group in self.optimizer.param_groups if self.optimizer is not None else ():
            of_theta = group["params"][0] is self.spectrogram.layer.theta
            rate = self.budget.learning_rate
            if of_theta:  # θ is in samples
                rate = self.budget.theta_rate * math.log(2) * float(self.spectrogram.theta().mean())
            group["lr"] = rate * share

    def load_best(self) -> None:
        """Give the model its best state."""
        self.model.load_state_dict(self.best)

    def tensors(self) -> dict[str, Tensor]:
        """All that ``restore`` needs beside the history, by name."""
        stored = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        stored |= {f"best.{name}": value for name, value in self.best.items()}
        moments = self.optimizer.state_dict()["state"] if self.optimizer is not None else {}
        stored |= {f"adam.{i}.{key}": value for i, state in moments.items() for key, value in state.items()}
        return {name: value.detach().cpu().contiguous() for name, value in stored.items()}

    def restore(self, stored: dict[str, Tensor], history: list[Epoch]) -> None:
        """Go on from a stored state: tensors of ``tensors`` and the history."""
        device = self.spectrogram.layer.theta.device
        of = {kind: {} for kind in ("model", "best", "adam")}
        for name, value in stored.items():
            kind, _, rest = name.partition(".")
            of[kind][rest] = value
        self.model.load_state_dict(of["model"])
        self.best = {name: value.to(device) for name, value in of["best"].items()}
        self.history = list(history)
        if self.optimizer is None:
            return
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in of["adam"].items():
            i, _, key = name.partition(".")
            moments.setdefault(int(i), {})[key] = value
        state = self.optimizer.state_dict()
        self.optimizer.load_state_dict({"state": moments, "param_groups": state["param_groups"]})


def evaluate(model: nn.Module, data: Data, loss: Loss) -> tuple[float, Tensor]:
    """The mean loss of a model on some clips, and its outputs, (N, ...) on the CPU."""
    model.eval()
    total, outputs = 0.0, []
    with torch.no_grad():
        for index in torch.arange(len(data), device=data.samples.device).split(_EVALUATED_TOGETHER):
            batch = data.take(index)
            output = model(batch.samples, batch.lengths)
            total += loss(output, batch.targets).item() * len(batch)
            outputs.append(output.cpu())
    return total / len(data), torch.cat(outputs)
