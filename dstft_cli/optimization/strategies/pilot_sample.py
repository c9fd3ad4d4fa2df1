"""A random sample of the frames of a long plane, with weights that make it stand for the whole."""

import torch
from torch import Tensor

from ...stft.framed_signal import FramedSignal
from ...system.disk_arrays import block_ranges
from ..problem import Problem

_BLOCK, _MARGIN = 12, 4  # frames of a block that count, and on each side of them that are descended but do not count
_RIDGE = 1e-3  # of the mean eigenvalue, against extreme weights of a few frames


class PilotSample:
    """A sample of a plane's frames, in blocks.

    problem: the problem of the run.
    positions: (T,) window centres of the plane in samples.
    start: the criterion's sums of each frame of the plane at the start of the descent, (2, T).
    known: quantities known of every frame that correlate with how its sums will change, (k, T).
    frames: about how many frames are drawn in all.

    ``framed`` has the samples that the drawn frames see, block after block, and t_n counted in them; ``positions`` t_n in
    the recording; ``weights`` how many frames of the plane each one stands for, 0 in the margins.
    """

    def __init__(self, problem: Problem, positions: Tensor, start: Tensor, known: Tensor, frames: int):
        blocks = block_ranges(len(positions), _BLOCK)
        chance = inclusion_probabilities(start, blocks, max(1, frames // (_BLOCK + 2 * _MARGIN)))
        signals, inside, local, weights, drawn, begin = [], [], [], [], [], 0
        for i in systematic_sample(chance):
            first, last = blocks[i]
            low, high = max(0, first - _MARGIN), min(len(positions), last + _MARGIN)
            block = problem.block(positions, low, high)
            room = problem.grid.support  # of silence, so that no frame sees another block
            samples = block.framed.samples
            signals += [samples.new_zeros(room), samples, samples.new_zeros(room)]
            local.append(block.framed.positions + (begin + room))
            begin += len(samples) + 2 * room
            inside.append(block.positions)
            weight = torch.zeros(high - low, dtype=torch.float64, device=positions.device)
            weight[first - low : last - low] = 1 / chance[i]
            weights.append(weight)
            drawn.append(known[:, low:high])
        self.framed = FramedSignal(torch.cat(signals), torch.cat(local), problem.grid.support, problem.window)
        self.positions = torch.cat(inside)
        self.weights = _calibrated(torch.cat(weights), torch.cat(drawn, 1), known.sum(1))


def _calibrated(weights: Tensor, known: Tensor, totals: Tensor) -> Tensor:
    """The weights (T,), changed as little as possible, so that they reproduce the totals (k,) of the known quantities (k, T).

    The regression estimator of sample surveys (Särndal, Swensson and Wretman 1992, chapter 6), with a ridge.
    """
    rows = known / totals.abs().clamp_min(1e-300)[:, None]
    missing = totals.sign() - rows @ weights
    square = rows * weights @ rows.T
    ridge = _RIDGE * square.trace() / len(square) * torch.eye(len(square), dtype=square.dtype, device=square.device)
    return weights * (1 + torch.linalg.solve(square + ridge, missing) @ rows)


def inclusion_probabilities(start: Tensor, blocks: list[tuple[int, int]], count: int) -> Tensor:
    """The probability with which each block is drawn: half uniform, half in proportion to its share of the criterion's sums.

    start: the criterion's sums of the frames of the plane, (2, T).
    blocks: (first, last + 1) frame of each block.
    count: how many blocks are drawn.

    Returns (blocks,) probabilities that sum to count.
    """
    ends = torch.tensor(blocks, device=start.device)
    running = torch.nn.functional.pad(start.abs().cumsum(1), (1, 0))
    added = running[:, ends[:, 1]] - running[:, ends[:, 0]]
    share = (added / added.sum(1, keepdim=True).clamp_min(1e-300)).mean(0)
    size, chance = 0.5 * share + 0.5 / len(blocks), torch.zeros_like(share)
    for _ in range(20):  # a block that is certain to be drawn passes its surplus to the others
        spare = min(count, len(blocks)) - float(chance[chance >= 1].sum())
        chance = torch.where(chance >= 1, 1.0, size * (spare / float(size[chance < 1].sum().clamp_min(1e-300))))
        chance = chance.clamp_max(1.0)
    return chance


def systematic_sample(chance: Tensor) -> list[int]:
    """Systematic sampling: the blocks drawn, each with exactly its inclusion probability, (blocks,)."""
    steps = torch.nn.functional.pad(chance.cumsum(0), (1, 0)) + 0.5
    return (steps[1:].floor() > steps[:-1].floor()).nonzero()[:, 0].tolist() or [int(chance.argmax())]
