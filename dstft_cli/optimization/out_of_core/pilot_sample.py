"""A sample of the frames of a long plane that stands for the whole."""

import torch
from torch import Tensor

from ...system.disk_arrays import block_ranges
from .problem import OutOfCoreProblem

_BLOCK, _MARGIN = 12, 4  # frames of a stretch that count, and at least so many beside them
_RIDGE = 1e-3  # of the mean eigenvalue, against weights that a few frames would have by chance


class PilotSample:
    """A sample of a plane's frames. samples: those they see, one stretch after the other. local: t_n counted in these.

    weights: (T,), how many frames of the plane each one stands for, 0 for those at a stretch's ends.
    start: sums over the plane's frames where the descent begins, (4, T of the plane). known: rows of (T of the plane) that are
        known of every frame and go with how its sums will change. frames: about so many in all. margin: how many more there
        are beside each stretch.
    """

    def __init__(
        self, problem: OutOfCoreProblem, positions: Tensor, start: Tensor, known: Tensor, frames: int, margin: int
    ):
        margin += _MARGIN
        blocks = block_ranges(len(positions), _BLOCK)
        chance = inclusion_probabilities(start, blocks, max(1, frames // (_BLOCK + 2 * margin)))
        signals, places, local, weights, seen, begin = [], [], [], [], [], 0
        for i in systematic_sample(chance):
            first, last = blocks[i]
            low, high = max(0, first - margin), min(len(positions), last + margin)
            block = problem.block(positions, low, high)
            room = problem.grid.support  # of silence, so that no frame sees another stretch
            signals += [block.samples.new_zeros(room), block.samples, block.samples.new_zeros(room)]
            local.append(block.local + (begin + room))
            begin += len(block.samples) + 2 * room
            places.append(block.positions)
            weight = torch.zeros(high - low, dtype=torch.float64, device=positions.device)
            weight[first - low : last - low] = 1 / chance[i]
            weights.append(weight)
            seen.append(known[:, low:high])
        self.samples, self.local = torch.cat(signals), torch.cat(local)
        self.positions = torch.cat(places)
        self.weights = _calibrated(torch.cat(weights), torch.cat(seen, 1), known.sum(1))


def _calibrated(weights: Tensor, known: Tensor, totals: Tensor) -> Tensor:
    """The weights (T,) changed as little as can be so that they give the totals (k,) of what is known of each frame, (k, T).

    The regression estimator of sample surveys (Särndal, Swensson and Wretman 1992, chapter 6), with a ridge.
    """
    rows = known / totals.abs().clamp_min(1e-300)[:, None]
    missing = totals.sign() - rows @ weights
    square = rows * weights @ rows.T
    ridge = _RIDGE * square.trace() / len(square) * torch.eye(len(square), dtype=square.dtype, device=square.device)
    return weights * (1 + torch.linalg.solve(square + ridge, missing) @ rows)


def inclusion_probabilities(start: Tensor, blocks: list[tuple[int, int]], count: int) -> Tensor:
    """With what chance each cell is drawn: half of it even, half in proportion to what it adds to the criterion's sums."""
    ends = torch.tensor(blocks, device=start.device)
    running = torch.nn.functional.pad(start[:2].abs().cumsum(1), (1, 0))
    added = running[:, ends[:, 1]] - running[:, ends[:, 0]]
    share = (added / added.sum(1, keepdim=True).clamp_min(1e-300)).mean(0)
    size, chance = 0.5 * share + 0.5 / len(blocks), torch.zeros_like(share)
    for _ in range(20):  # what is certain to be drawn leaves its chances to the others
        spare = min(count, len(blocks)) - float(chance[chance >= 1].sum())
        chance = torch.where(chance >= 1, 1.0, size * (spare / float(size[chance < 1].sum().clamp_min(1e-300))))
        chance = chance.clamp_max(1.0)
    return chance


def systematic_sample(chance: Tensor) -> list[int]:
    """The cells that are drawn, systematically, each with just its chance."""
    steps = torch.nn.functional.pad(chance.cumsum(0), (1, 0)) + 0.5
    return (steps[1:].floor() > steps[:-1].floor()).nonzero()[:, 0].tolist() or [int(chance.argmax())]
