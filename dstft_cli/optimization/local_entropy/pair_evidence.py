"""Which of two neighbouring window lengths shows a place of the plane sharper, in nats.

A pair θ < θ' is compared with P = θ|S|², that of windows of equal energy, in which white noise looks alike under every length. The
neighbourhood is a Gaussian of the pair's own length sqrt(θθ'): a deviation of half of it in time, and of twice its reciprocal
in frequency. Two differences of means over it are added:

    minus the Shannon entropy of the energy there, Σg P ln P / Σg P - ln Σg P: how concentrated it is;
    minus the mean of ln P: how empty the place is besides, which pre-echo and skirts fill.

In white noise both have mean 0 at any rate, for windows of some 30 samples or more: nothing has to be calibrated. A
neighbourhood is about one window long whatever the window, so each pair is computed on a grid of its own, with a hop of a
quarter of its length: the cost is the same for each pair, however fine the grid of the picture.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...stft.framed_signal import FramedSignal
from ...stft.windows import Window
from .gaussian_means import gaussian_rows

VOID = 0.56  # weight of the mean of ln P
SEEN = 1e-8  # of the greatest power: what lies below it is not seen
_STEP = 0.6  # deviations between the places compared
_TINY = 1e-13

Samples = Callable[[int, int], Tensor]
"""Samples first to last - 1 of a recording, (last - first,), or of B as long ones, (B, last - first); never beyond their ends."""


@dataclass(frozen=True)
class Comparison:
    """One pair of window lengths, compared at the places of a coarse grid; those of several recordings follow each other in time.

    evidence: in nats, (f, t) or (f, B·t); above 0 where the longer one shows the place sharper.
    energy: the mean of sqrt(P P') about each place, relative to the greatest P, in the same shape.
    frequency_step: distance between places in cycles per sample; the first is at 0.
    start, time_step: the first place and the distance between places in time, in samples.
    """

    evidence: Tensor
    energy: Tensor
    frequency_step: float
    start: float
    time_step: float


def compare_lengths(
    samples: Samples, count: int, span: tuple[int, int], pair: tuple[float, float], window: Window, greatest: float
) -> Comparison:
    """Compare two window lengths over a span of a recording.

    Only frames whose windows lie inside the recording are used: an end would look like a click, a reflected one like an echo.
    Places nearer to an end than half a window have the evidence of those frames.

    samples: of the recording.
    count: N of the recording.
    span: (first, last + 1) sample for which places are wanted; the grid is that of the whole recording, whatever the span.
    pair: the two lengths in samples, increasing.
    window: the family.
    greatest: the power P that counts as 1.
    """
    middle = math.sqrt(pair[0] * pair[1])
    support = max(4, 2 ** math.ceil(math.log2(pair[1])))
    hop = max(1, round(middle / 4))
    deviation = 2 * support / middle, middle / 2 / hop  # in bins, and in frames
    rows, columns = (max(1, int(_STEP * one)) for one in deviation)
    margin = math.ceil(3 * deviation[1])
    first, last = math.floor(span[0] / hop / columns), math.ceil((span[1] - 1) / hop / columns)
    least, most = _inside(count, pair[1], hop)
    places = [min(max(columns * i, least), most) for i in range(first, last + 1)]
    begin, end = max(places[0] - margin, least), min(places[-1] + margin, most)
    shorter, longer = powers(samples, count, (begin, end + 1), hop, support, pair, window)
    over_time = gaussian_rows([place - begin for place in places], len(shorter), deviation[1], shorter)
    over_frequency = gaussian_rows(range(0, shorter.shape[-1], rows), shorter.shape[-1], deviation[0], shorter)

    def mean(values: Tensor) -> Tensor:
        means = (over_time @ values.flatten(1)).view(-1, values.shape[-1])
        return over_frequency @ means.t().contiguous()  # (f, t·B)

    evidence = _evidence(shorter.div_(greatest), longer.div_(greatest), mean)
    energy = mean((shorter * longer).sqrt_())
    ordered = (plane.view(len(plane), len(places), -1).transpose(1, 2).flatten(1) for plane in (evidence, energy))
    return Comparison(*ordered, rows / support, float(first * columns * hop), float(columns * hop))


def _inside(count: int, length: float, hop: int) -> tuple[int, int]:
    """The first and the last frame whose window lies inside a recording of ``count`` samples, or the middle one."""
    first, last = math.ceil(length / 2 / hop), math.floor((count - length / 2) / hop)
    return (first, last) if first <= last else (round((count - 1) / 2 / hop),) * 2


def powers(
    samples: Samples,
    count: int,
    frames: tuple[int, int],
    hop: int,
    support: int,
    lengths: tuple[float, ...],
    window: Window,
) -> list[Tensor]:
    """P = θ|S|² under some window lengths.

    samples: of the recording.
    count: N of the recording.
    frames: (first, last + 1); frame n is centred on sample n·hop.
    hop, support: in samples.
    lengths: in samples, at most the support.
    window: the family.

    Returns for each length P, (frames, bins) or (frames, B, bins).
    """
    begin = max(0, frames[0] * hop - support // 2)
    heard = samples(begin, min(count, (frames[1] - 1) * hop + support // 2 + 1))
    positions = torch.arange(*frames, dtype=torch.float64, device=heard.device) * hop - begin
    framed = FramedSignal(heard, positions, support, window)
    return [framed.magnitude(length).movedim(-1, 0).square().mul_(length) for length in lengths]


def _evidence(shorter: Tensor, longer: Tensor, mean: Callable[[Tensor], Tensor]) -> Tensor:
    """The evidence for the longer length in nats, from P under both, relative to the greatest; mean: over neighbourhoods."""
    log_shorter, log_longer = (power.add(SEEN).log_() for power in (shorter, longer))
    concentrated = []
    for power, log_power in ((shorter, log_shorter), (longer, log_longer)):
        energy = mean(power) + _TINY
        concentrated.append(mean(power * log_power) / energy - energy.log())
    return concentrated[1] - concentrated[0] + VOID * mean(log_shorter - log_longer)
