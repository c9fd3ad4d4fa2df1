"""Where θ starts: the window length under which the network learns most in a short training."""

from collections.abc import Callable

import numpy as np
import torch

from .fit import Data, Fit, evaluate

_LENGTHS = 7  # log-spaced
_STEPS = 20  # batches of training at each length
_VALIDATED = 256  # clips


def best_start(
    build: Callable[[float], Fit],
    bounds: tuple[float, float],
    train: Data,
    validation: Data,
    on_length: Callable[[int, int], "bool | None"] = lambda index, total: None,
) -> tuple[float, dict[str, float]] | None:
    """Try window lengths without learning them: some batches of training each, then the loss on validation clips.

    build: a length in samples to a new training under this fixed window.
    bounds: the shortest and the longest length in samples.
    train, validation: the clips.
    on_length: called with the index of a length and their number; True asks to stop.

    Returns the best length in samples and {length: loss}; None where it was stopped.
    """
    lengths, losses = np.geomspace(*bounds, _LENGTHS).tolist(), {}
    few = validation.take(torch.arange(min(len(validation), _VALIDATED), device=validation.samples.device))
    for i, length in enumerate(lengths):
        if on_length(i, len(lengths)):
            return None
        fit = build(length)
        fit.practise(train, _STEPS)
        losses[length], _ = evaluate(fit.model, few, fit.loss)
    best = min(lengths, key=losses.__getitem__)
    return best, {f"{length:.4g}": loss for length, loss in losses.items()}
