"""How loud a recording is: the power that counts as 1, and what is too faint to be looked at."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ...stft.noise.floor import noise_floor
from ...stft.windows import Window
from .gaussian_means import linear_rows
from .pair_evidence import Samples, powers
from .working_grid import WorkingGrid

_AT_ONCE = 1 << 22  # numbers in memory at a time
_LOUDEST_NOISE = 35.0  # dB below the greatest power: what fills a recording and is louder is no noise
_FAINT, _PLAIN = 2.0, 8.0  # dB above the noise: a place is not heard, and heard as well as any
_TINY = 1e-30


@dataclass(frozen=True)
class Loudness:
    """The levels of a recording.

    greatest: the power P = θ|S|² that counts as 1, the greatest under the shortest window.
    noise: the power of the noise, relative to it, at the frequencies of the working grid, (f,).
    """

    greatest: float
    noise: Tensor

    def heard(self, energy: Tensor) -> Tensor:
        """How surely places stand out of the noise: 0 in noise, 1 well above it.

        energy: P about the places, relative to the greatest, (f, t).
        """
        level = 10 * torch.log10(energy.clamp_min(_TINY) / self.noise[:, None].clamp_min(_TINY))
        return smooth_step((level - _FAINT) / (_PLAIN - _FAINT))


def smooth_step(x: Tensor) -> Tensor:
    """0 up to x = 0, 1 from x = 1 on, without an edge at either."""
    x = x.clamp(0, 1)
    return x * x * (3 - 2 * x)


def measure_loudness(samples: Samples, count: int, grid: WorkingGrid, window: Window) -> Loudness:
    """The levels of a recording.

    samples: of the recording.
    count: N.
    grid: the working grid.
    window: the family.
    """
    greatest = greatest_power(samples, count, grid.bounds[0], window)
    lengths = (grid.bounds[0], math.sqrt(grid.bounds[0] * grid.bounds[1]), grid.bounds[1])
    floors = [_floor(samples, count, length, grid, window) / greatest for length in lengths]
    return Loudness(greatest, torch.stack(floors).amin(0))


def _floor(samples: Samples, count: int, length: float, grid: WorkingGrid, window: Window) -> Tensor:
    """The power of the noise under a window length, at the frequencies of the working grid, (f,).

    The least of several lengths is that of noise: a steady sound fills its rows under some, but leaves gaps under others, pulses
    under short windows and tones under long ones.
    """
    support = max(4, 2 ** math.ceil(math.log2(length)))
    hop = max(1, round(length / 2), count * support // (2 * _AT_ONCE))  # frames spread over a long recording will do
    ranges = _frame_ranges(count, hop, max(support, hop))
    rows = torch.cat([powers(samples, count, one, hop, support, (length,), window)[0] for one in ranges])
    noise = torch.from_numpy(noise_floor(rows.T.cpu().numpy())).to(rows)
    noise = noise.clamp(max=float(rows.max()) * 10 ** (-_LOUDEST_NOISE / 10))
    return (linear_rows(grid.frequencies * support, len(noise), noise) @ noise[:, None])[:, 0]


def greatest_power(samples: Samples, count: int, shortest: float, window: Window) -> float:
    """The greatest power under the shortest window.

    samples: of the recording.
    count: N.
    shortest: window length in samples.
    window: the family.
    """
    support, hop = max(4, 2 ** math.ceil(math.log2(shortest))), max(1, round(shortest / 4))
    ranges = _frame_ranges(count, hop, support)
    return (
        max(float(powers(samples, count, one, hop, support, (shortest,), window)[0].max()) for one in ranges) or _TINY
    )


def _frame_ranges(count: int, hop: int, each: int) -> list[tuple[int, int]]:
    """(first, last + 1) frame of blocks that fit in memory; each: numbers that a frame needs."""
    frames, most = (count - 1) // hop + 1, max(1, _AT_ONCE // each)
    return [(first, min(first + most, frames)) for first in range(0, frames, most)]
