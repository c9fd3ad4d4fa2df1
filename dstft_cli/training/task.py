"""What is trained for: how a model is built behind the spectrogram, its loss, and the score of each clip."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .fit import Loss
from .networks import Factory, build_classifier
from .spectrogram import Spectrogram

CLASSIFY, FREQUENCY = TASKS = ("classify", "frequency")


@dataclass(frozen=True)
class Task:
    """A task.

    name: one of TASKS.
    loss: of outputs and targets.
    build: (spectrogram, samples of a clip) to the model.
    scores: outputs (N, ...) and targets (N, ...) to the score of each clip, (N,), larger is better.
    classes: their names; none for ``frequency``.
    """

    name: str
    loss: Loss
    build: Callable[[Spectrogram, int], nn.Module]
    scores: Callable[[Tensor, Tensor], Tensor]
    classes: tuple[str, ...] = ()


def classification(classes: tuple[str, ...], factory: Factory) -> Task:
    """Eq. (35)-(36): cross-entropy, in nats, of the classes that a network finds in the spectrogram; a score is 1 or 0.

    classes: their names. factory: makes the network.
    """
    return Task(
        CLASSIFY,
        torch.nn.functional.cross_entropy,
        lambda spectrogram, samples: build_classifier(spectrogram, samples, len(classes), factory),
        lambda outputs, targets: (outputs.argmax(1) == targets).double(),
        classes,
    )
