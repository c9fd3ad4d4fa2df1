"""A plane (F, T) that is read a block of frames at a time, whether it is in memory or on disk."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..system.disk_arrays import block_ranges, columns

_BLOCK_BINS = 1 << 19  # bins in memory at a time


@dataclass(frozen=True)
class Plane:
    """Values over frequency and time.

    values: (1 or F, 1 or T), a tensor, or an array in memory or on disk.
    dtype, device: of the blocks.
    gains: factors that blocks are multiplied by, of any shape that broadcasts to (F, T); None for none.
    factor: another one, the same everywhere.
    """

    values: Tensor | np.ndarray
    dtype: torch.dtype
    device: torch.device
    gains: Tensor | np.ndarray | None = None
    factor: float = 1.0

    @property
    def shape(self) -> tuple[int, int]:
        """Of the values."""
        rows, count = self.values.shape
        return rows, count

    def times(self, factor: float) -> "Plane":
        """The plane multiplied by a number."""
        return replace(self, factor=self.factor * factor)

    def block(self, first: int, last: int) -> Tensor:
        """Columns first to last - 1, (rows, last - first); (rows, 1) where the values do not vary over time."""
        block = self._columns(self.values, first, last).to(self.dtype)
        if self.gains is not None:
            block = block * self._columns(self.gains, first, last).to(block.real.dtype)
        return block if self.factor == 1 else block * self.factor

    def _columns(self, values: Tensor | np.ndarray, first: int, last: int) -> Tensor:
        if values.shape[1] == 1:
            first, last = 0, 1
        if isinstance(values, Tensor):
            return values[:, first:last].to(self.device)
        return torch.from_numpy(np.ascontiguousarray(columns(values, first, last))).to(self.device)


def plane_blocks(bins: int, frames: int) -> list[tuple[int, int]]:
    """(first, last + 1) frame of each block of a plane of that shape."""
    return block_ranges(frames, max(1, _BLOCK_BINS // bins))
