"""Places that the constant window hides and another window shows: a faint chirp beside loud tones, a faint click in noise.

The constant window spreads such a component over so many places that it lies below the noise. A place counts where another
window shows it louder than all that can leak there from what the constant window shows, and where the evidence for that window
exceeds what white noise has by chance. A shorter window leaks along frequency: it draws each component broader. A longer one
leaks along time.
"""

import math

import torch
from torch import Tensor

from .evidence import Evidence, beyond_chance
from .loudness import smooth_step
from .working_grid import WorkingGrid

_LEAK = 1.15  # half windows: deviation of the Gaussian as which a component appears, blurred by a window and a neighbourhood
_REACH = 5  # half windows from a place within which leaks to it are looked for
_ABOVE = 3.0  # dB above all that leaks: a place counts in full
_STRICT = 0.75  # share of the gained evidence that counts, so that fewer places in noise take another window by chance


def shown_by_others(evidence: Evidence, grid: WorkingGrid, calm: float) -> Tensor:
    """How surely another window than the constant one shows each place, (f, t), 0 to 1.

    evidence: at some columns of the working grid, with levels.
    grid: the working grid.
    calm: log2 of the constant length in samples.
    """
    own, lengths = evidence.nearest(calm), evidence.lengths
    seen, gain = evidence.levels[own], torch.zeros_like(evidence.energy)
    for i, (length, level, value) in enumerate(zip(lengths, evidence.levels, evidence.values, strict=True)):
        if i == own:
            continue
        if i < own:
            leaked = _leaked(seen, 0, 2 / length * grid.support / grid.steps[0])
        else:
            leaked = _leaked(seen, 1, length / 2 / grid.hop / grid.steps[1])
        above = 10 * torch.log10(level / leaked)
        torch.maximum(gain, smooth_step(above / _ABOVE) * (value - evidence.values[own]), out=gain)
    return beyond_chance(_STRICT * gain, lengths)


def _leaked(seen: Tensor, axis: int, half: float) -> Tensor:
    """The most that can leak to each place along an axis, (f, t).

    seen: the energy under the constant window, (f, t).
    half: places in half of the other window, or in half of its main lobe along frequency.
    """
    most, greatest, done = torch.zeros_like(seen), seen, 0
    for halves in range(_REACH):
        reach = round((halves + 1) * half)
        greatest, done = greatest_within(greatest, reach - done, axis), reach
        torch.maximum(most, greatest * math.exp(-0.5 * (halves / _LEAK) ** 2), out=most)
    return most


def greatest_within(values: Tensor, reach: int, axis: int) -> Tensor:
    """The greatest value within some places of each along an axis.

    values: (f, t).
    reach: places on each side.
    axis: 0 or 1.
    """
    ends = (0, 0, reach, reach) if axis == 0 else (reach, reach, 0, 0)
    values, width = torch.nn.functional.pad(values, ends, value=-math.inf), 1
    while width <= 2 * reach:
        step = min(width, 2 * reach + 1 - width)
        count = values.shape[axis] - step
        values, width = torch.maximum(values.narrow(axis, 0, count), values.narrow(axis, step, count)), width + step
    return values
