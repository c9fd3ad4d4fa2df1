"""The local criterion of a plane that does not fit into memory: surveyed piece by piece, each with as much around it as has a say.

What is kept of the survey are sums: what each frame, and each frequency, adds to the criterion at each of the window lengths
that were computed. They give the criterion at any constant window, and at any that vary over one axis alone.
"""

import torch
from torch import Tensor

from ...stft.log_interpolation import Interpolation
from ...stft.transform import dstft_magnitude
from ...system.disk_arrays import block_ranges
from ..local_concentration import LocalConcentration, frames_around, local_nodes, of_noise
from ..resources import frame_bytes
from .problem import OutOfCoreProblem

WORDS = 30  # numbers a bin while a piece is surveyed, beside one for each node


class LocalProblem(OutOfCoreProblem):
    """A OutOfCoreProblem with the criterion of concentration.

    by_frame, by_bin: Σ w log C over frequency (T, B) and over time (F, B) at each node; weight_of_frame (T,), weight_of_bin (F,).
    """

    def precompute(self, on_node) -> None:
        grid, self.field = self.grid, self
        bounds = grid.hop, grid.support, grid.theta_min, float(grid.support)
        self.lengths, surroundings = local_nodes(*bounds)
        self.around = frames_around(*bounds)
        self.places = self.positions(grid.first_length)
        self.loudest = self._loudest()
        one = self.samples_between(0, 1)
        self.noise = of_noise(one, grid.hop, grid.support, self.window, self.lengths, surroundings)
        frames, nodes = len(self.places), len(self.lengths)
        new = {"dtype": torch.float64, "device": self.device}
        self.by_frame, self.by_bin = torch.zeros(frames, nodes, **new), torch.zeros(grid.bins, nodes, **new)
        self.weight_of_frame, self.weight_of_bin = torch.zeros(frames, **new), torch.zeros(grid.bins, **new)
        entropies = torch.zeros(nodes, 2, **new)
        parts = block_ranges(frames, max(1, self.frames_at_once() - 2 * self.around))
        for i, (first, last) in enumerate(parts):
            if on_node(i, len(parts)):
                break
            self._add(first, last)
            entropies += self._entropies(first, last)
        calm = [self.measured["entropy"].value(sums).item() for sums in entropies]
        self.calmest = self.lengths[calm.index(min(calm))]

    @property
    def share(self) -> float:
        return float(self.weight_of_frame.sum()) / (self.grid.bins * len(self.places))

    def frames_at_once(self) -> int:
        """How many frames a piece may have, those around it among them."""
        each = frame_bytes(self.grid, self.dtype.itemsize, len(self.lengths) + WORDS)
        return max(3 * self.around, int(self.room / each))

    def local_bank(self, samples: Tensor, positions: Tensor) -> LocalConcentration:
        """What is known of frames at t_n (T,) in samples (N,); at its ends not as in the plane, for as many frames as are ``around``."""
        grid = self.grid
        place = positions, grid.hop, grid.support, grid.theta_min, float(grid.support)
        return LocalConcentration(samples, *place, self.window, None, self.loudest, self.noise)

    def _loudest(self) -> Tensor:
        """The loudest power at the first node, as LocalConcentration counts it."""
        length, found = self.lengths[0], []
        for block in self.blocks(self.places):
            found.append(self.magnitude(block, length).max().square() * length)
        return torch.stack(found).max().clamp_min(torch.finfo(self.dtype).tiny)

    def _add(self, first: int, last: int) -> None:
        low, high = max(0, first - self.around), min(len(self.places), last + self.around)
        block, here = self.block(self.places, low, high), slice(first - low, last - low)
        field = self.local_bank(block.samples, block.local)
        self.by_frame[first:last], over_time = field.at_nodes(here)
        self.by_bin += over_time
        weights = field.weights(here).to(torch.float64)
        self.weight_of_frame[first:last] = weights.sum(0)
        self.weight_of_bin += weights.sum(1)

    def _entropies(self, first: int, last: int) -> Tensor:
        """The sums of the entropy at each node, (B, 2)."""
        found, grid = [], self.grid
        for length in self.lengths:
            total = 0.0
            for begin, end in block_ranges(last - first, max(1, (1 << 20) // grid.bins)):
                block = self.block(self.places, first + begin, first + end)
                values = dstft_magnitude(block.samples, length, block.local, grid.support, self.window)
                total = total + self.measured["entropy"].sums(values).sum(1)
            found.append(total)
        return torch.stack(found)

    def frame_sums(self, length: float, on_block=None) -> Tensor:
        table = Interpolation(self.by_frame[None].contiguous(), self.lengths)
        place = torch.full((1, len(self.places)), length, dtype=torch.float64, device=self.device).log2()
        (values,), _ = table.read(slice(0, 1), place, derivative=False)
        none = torch.zeros_like(values)
        return torch.stack([values, self.weight_of_frame, none, self.linked(self.places, length)])
