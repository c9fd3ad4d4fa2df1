"""By how much one spectrogram is narrower than another of the same signal, place by place, and over what share of the energy.

The width of a place is the area that its energy fills, exp of the Shannon entropy of P = θ|S|² in a neighbourhood of one unit:
a Gaussian with the deviations of the working grid's unit. It is measured on the spectrograms themselves, not on the evidence
that a run optimised.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from ...results.metrics import Narrowing
from .gaussian_means import apply_to, gaussian_rows
from .working_grid import WorkingGrid

_STEP = 0.6  # deviations between the places measured
_CLEAR = 0.05  # nats by which a place counts as narrower or wider
_MUCH = -math.log(0.8)  # nats by which it counts as much narrower


def width_changes(
    power: Tensor, other: Tensor, lengths: Tensor, grid: WorkingGrid, inside: Tensor | None = None
) -> Tensor:
    """Sums over the places of a block of two spectrograms, from which ``narrowing`` makes its figures.

    power, other: P, (F, T) each, of the spectrogram and of that with the constant window, on one scale for all blocks.
    lengths: θ of the spectrogram in samples, (1 or F, 1 or T).
    grid: gives the size of a unit.
    inside: 1 for points that count and 0 for others, (F, T); None where all count.

    Returns (9,) float64: the energy, that of narrower, much narrower and wider places, energy times change in nats of the
    narrower and of the much narrower ones, the amplitude of all places, and amplitude times change and times turn in octaves.
    """
    steps = [max(1, int(_STEP * per)) for per in grid.per_unit]
    kernels = [
        gaussian_rows(range(0, size, step), size, per, power)
        for size, step, per in zip(power.shape, steps, grid.per_unit, strict=True)
    ]
    (width, energy), (other_width, other_energy) = (log_width(one, kernels) for one in (power, other))
    change, weight = (width - other_width).double(), (energy * other_energy).sqrt().double()
    if inside is not None:
        weight = weight * inside[:: steps[0], :: steps[1]].to(weight)
    gained, amplitude = weight * change, weight.sqrt()
    narrower, much = change < -_CLEAR, change < -_MUCH
    energies = weight, weight[narrower], weight[much], weight[change > _CLEAR]
    turns = _turns(
        lengths[:: steps[0], :: steps[1]], amplitude, [per / s for per, s in zip(grid.per_unit, steps, strict=True)]
    )
    parts = *energies, gained[narrower], gained[much], amplitude, amplitude * change, turns
    return torch.stack([part.sum() for part in parts])


def narrowing(sums: Iterable[Tensor], length: float) -> Narrowing:
    """The comparison of two spectrograms from the sums of its blocks; length: of the constant window, in samples."""
    energy, narrower, much, wider, gained, gained_much, amplitude, change, turns = (
        torch.stack(list(sums)).sum(0).tolist()
    )
    energy, amplitude = energy or 1.0, amplitude or 1.0
    return Narrowing(
        theta=length,
        narrower=1 - math.exp(gained / narrower) if narrower else 0.0,
        share=narrower / energy,
        wider_share=wider / energy,
        overall=1 - math.exp(change / amplitude),
        much_narrower=1 - math.exp(gained_much / much) if much else 0.0,
        much_share=much / energy,
        restlessness=turns / amplitude,
    )


def _turns(lengths: Tensor, amplitude: Tensor, per_unit: list[float]) -> Tensor:
    """By how many octaves θ changes in a unit of time and of frequency about each place, times the amplitude there, summed.

    lengths: θ at the places, (1 or f, 1 or t). amplitude: (f, t). per_unit: places in a unit of frequency and of time.
    """
    log_lengths = lengths.log2().double().expand(amplitude.shape)
    total = amplitude.new_zeros(())
    for axis, places in enumerate(per_unit):
        count = amplitude.shape[axis] - 1
        both = amplitude.narrow(axis, 0, count) * amplitude.narrow(axis, 1, count)
        total = total + places * (log_lengths.diff(dim=axis).abs() * both.sqrt()).sum()
    return total


def log_width(power: Tensor, kernels: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The entropy of P about each place in nats, and its mean."""
    tiny = torch.finfo(power.dtype).tiny
    energy = apply_to(power, *kernels).clamp_min(tiny)
    return energy.log() - apply_to(power * power.clamp_min(tiny).log(), *kernels) / energy, energy
