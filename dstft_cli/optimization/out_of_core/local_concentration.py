"""The local criterion of a plane that does not fit in memory, computed block by block, each with its surroundings.

Only sums are kept: the contribution of each frame, and of each frequency, to the criterion at each window length computed.
They give the criterion under any constant window, and under windows that vary over one axis.
"""

import torch
from torch import Tensor

from ...stft.framed_signal import FramedSignal
from ...stft.log_interpolation import Interpolation
from ...system.disk_arrays import block_ranges
from ..local_concentration import LocalConcentration, WholePlane, frames_around, local_nodes, of_noise
from ..resources import frame_bytes
from .problem import OutOfCoreProblem

WORDS = 30  # numbers per bin while a block is computed, besides one for each node


class LocalProblem(OutOfCoreProblem):
    """An OutOfCoreProblem with the criterion ``concentration``.

    ``by_frame`` and ``by_bin`` have Σ w log C over frequency, (T, B), and over time, (F, B), at each node; ``weight_of_frame``, (T,),
    and ``weight_of_bin``, (F,), the weights.
    """

    def precompute(self, on_node) -> None:
        """As Problem.precompute; on_node: called as on_node(i, blocks) before block i."""
        grid, self.field = self.grid, self
        bounds = grid.hop, grid.support, grid.theta_min, float(grid.support)
        self.lengths, surroundings = local_nodes(*bounds)
        self.around = frames_around(*bounds)
        self._positions = self.positions(grid.first_length)
        self.loudest = self._loudest()
        one = FramedSignal(self.samples_between(0, 1), self._positions[:1], grid.support, self.window)
        self.noise = of_noise(one, grid.hop, self.lengths, surroundings)
        frames, nodes = len(self._positions), len(self.lengths)
        new = {"dtype": torch.float64, "device": self.device}
        self.by_frame, self.by_bin = torch.zeros(frames, nodes, **new), torch.zeros(grid.bins, nodes, **new)
        self.weight_of_frame, self.weight_of_bin = torch.zeros(frames, **new), torch.zeros(grid.bins, **new)
        entropies = torch.zeros(nodes, 2, **new)
        ranges = block_ranges(frames, max(1, self.frames_at_once() - 2 * self.around))
        for i, (first, last) in enumerate(ranges):
            if on_node(i, len(ranges)):
                break
            self._add(first, last)
            entropies += self._entropies(first, last)
        calm = [self.measured["entropy"].value(sums).item() for sums in entropies]
        self.calmest = self.lengths[calm.index(min(calm))]

    @property
    def share(self) -> float:
        """The mean weight of a point, in [0, 1]."""
        return float(self.weight_of_frame.sum()) / (self.grid.bins * len(self._positions))

    def frames_at_once(self) -> int:
        """The number of frames of a block, with those around it."""
        each = frame_bytes(self.grid, self.dtype.itemsize, len(self.lengths) + WORDS)
        return max(3 * self.around, int(self.room / each))

    def local_bank(self, framed: FramedSignal) -> LocalConcentration:
        """The local concentration of a block; within ``around`` frames of its ends it differs from that of the plane."""
        bounds = self.grid.theta_min, float(self.grid.support)
        return LocalConcentration(framed, self.grid.hop, bounds, plane=WholePlane(self.loudest, *self.noise))

    def _loudest(self) -> Tensor:
        """The loudest power at the first node, scaled as in LocalConcentration."""
        length, loudest = self.lengths[0], []
        for block in self.blocks(self._positions):
            loudest.append(self.magnitude(block, length).max().square() * length)
        return torch.stack(loudest).max().clamp_min(torch.finfo(self.dtype).tiny)

    def _add(self, first: int, last: int) -> None:
        low, high = max(0, first - self.around), min(len(self._positions), last + self.around)
        block, here = self.block(self._positions, low, high), slice(first - low, last - low)
        field = self.local_bank(block.framed)
        self.by_frame[first:last], over_time = field.at_nodes(here)
        self.by_bin += over_time
        weights = field.weights(here).to(torch.float64)
        self.weight_of_frame[first:last] = weights.sum(0)
        self.weight_of_bin += weights.sum(1)

    def _entropies(self, first: int, last: int) -> Tensor:
        """The sums of the entropy at each node, (B, 2)."""
        totals, grid = [], self.grid
        for length in self.lengths:
            total = 0.0
            for begin, end in block_ranges(last - first, max(1, (1 << 20) // grid.bins)):
                block = self.block(self._positions, first + begin, first + end)
                values = self.magnitude(block, length)
                total = total + self.measured["entropy"].sums(values).sum(1)
            totals.append(total)
        return torch.stack(totals)

    def frame_sums(self, length: float, on_block=None) -> Tensor:
        """As OutOfCoreProblem.frame_sums, read from the tables; no block is computed."""
        table = Interpolation(self.by_frame[None].contiguous(), self.lengths)
        log_theta = torch.full((1, len(self._positions)), length, dtype=torch.float64, device=self.device).log2()
        (values,), _ = table.read(slice(0, 1), log_theta, derivative=False)
        no_variation = torch.zeros_like(values)
        return torch.stack([values, self.weight_of_frame, no_variation, self.linked(self._positions, length)])
