"""Pulses that follow each other too fast for a picture to show them apart: the lines of their harmonics are drawn instead.

A bird's note is a row of pulses under short windows and a stack of lines under long ones. Windows in between show neither: the
evidence falls from the lines to them, and rises again to the pulses. A picture has about 1000 columns. Where pulses are closer than
two of them, short windows draw an even patch.
"""

import torch
from torch import Tensor

from .evidence import Evidence
from .gaussian_means import gaussian_rows
from .hidden_places import greatest_within
from .loudness import smooth_step
from .working_grid import WorkingGrid

_COLUMNS = 1000  # of a picture
_AROUND, _MOST_UNITS = 3.0, 2.5  # columns about a place, and units at most, in which it is even or not
_EVEN, _UNEVEN = 3.0, 6.0  # dB of the greatest level there above the mean: an even patch, and a click or an onset
_UNSEEN, _SEEN = 1.25, 2.0  # columns in a window: its pulses cannot be seen apart, and can
_RISE = 0.45  # nats by which lines exceed the windows between them and the pulses


def drop_unseen_pulses(evidence: Evidence, grid: WorkingGrid, samples: int, calm: float) -> None:
    """Take from short windows the evidence that they owe to pulses which a picture cannot show apart.

    A window shorter than the constant one keeps the least evidence of all lengths from its own to the constant one.

    evidence: at some columns of the working grid, with levels; its values are changed in place.
    grid: the working grid.
    samples: N of the recording.
    calm: log2 of the constant length in samples.
    """
    column, lengths, values = samples / _COLUMNS, torch.tensor(evidence.lengths), evidence.values
    unseen = (1 - smooth_step((lengths / column - _UNSEEN) / (_SEEN - _UNSEEN))).tolist()
    if unseen[0] == 0:
        return
    own = evidence.nearest(calm)
    around = min(_AROUND * column, _MOST_UNITS * grid.unit) / (grid.hop * grid.steps[1])
    even = _evenness(evidence.levels[0], around)
    lines, valley, rise = values[own].clone(), values[own].clone(), torch.zeros_like(values[own])
    for i in reversed(range(own)):
        value = values[i]
        torch.maximum(lines, value, out=lines)
        torch.minimum(valley, value, out=valley)
        torch.maximum(rise, lines - value, out=rise)
        value -= unseen[i] * even * smooth_step(rise / _RISE) * (value - valley).clamp_min(0)


def _evenness(level: Tensor, around: float) -> Tensor:
    """How even a level is over time about each place, (f, t): 1 for a patch or a row of pulses, 0 for a click or an onset.

    level: power, (f, t).
    around: deviation of the mean about each place, in places.
    """
    columns = level.shape[1]
    mean = (gaussian_rows(range(columns), columns, around, level) @ level.t().contiguous()).t()
    above = 10 * torch.log10(greatest_within(level, max(1, round(around)), 1) / mean)
    return 1 - smooth_step((above - _EVEN) / (_UNEVEN - _EVEN))
