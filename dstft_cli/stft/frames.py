"""Frames: which samples of the signal each one sees.

A frame at t (samples, real-valued) sees the L samples k with -L/2 <= k - t < L/2. Samples outside the signal are zero.
"""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from ..errors import InputError


@dataclass(frozen=True)
class Frames:
    """T frames of L samples each.

    starts: (T,) int64, first sample of each frame, ceil(t - L/2).
    offsets: (T,) float64, starts - t in samples, in [-L/2, -L/2 + 1).
    support: L in samples.
    """

    starts: Tensor
    offsets: Tensor
    support: int

    @classmethod
    def at(cls, positions: "Tensor | Frames", support: int) -> "Frames":
        """The frames centred on given positions; Frames are returned unchanged.

        positions: (T,) window centres in samples, real-valued. No gradient passes through them.
        support: L in samples.
        """
        if isinstance(positions, Frames):
            return positions
        positions = positions.detach().to(torch.float64)
        starts = torch.ceil(positions - support / 2)
        return cls(starts.to(torch.int64), starts - positions, support)

    def __len__(self) -> int:
        return self.starts.shape[0]

    def block(self, first: int, last: int) -> "Frames":
        """Frames first to last - 1."""
        return Frames(self.starts[first:last], self.offsets[first:last], self.support)

    def near(self, first: int, last: int, samples: int) -> tuple[int, int, "Frames"]:
        """The samples that frames first to last - 1 see, and these frames on them.

        samples: N of the signal.

        Returns (begin, end) of the samples, and the frames with starts counted from begin, a whole number of supports, so that
        phases are those of the whole signal.
        """
        starts = self.starts[first:last]
        begin = min(max(0, int(starts.min())), samples - 1) // self.support * self.support
        end = min(samples, max(begin + 1, int(starts.max()) + self.support))
        return begin, end, Frames(starts - begin, self.offsets[first:last], self.support)

    @cached_property
    def alike(self) -> bool:
        """True where all frames have the same offset from the sample grid: one sampled window then serves them all."""
        return bool((self.offsets == self.offsets[0]).all())

    @cached_property
    def _bounds(self) -> tuple[int, int]:
        return int(self.starts.min()), int(self.starts.max())

    @cached_property
    def _step(self) -> int:
        """The distance between frames in whole samples; 0 where it varies."""
        if len(self) == 1:
            return 1
        steps = self.starts.diff()
        step = int(steps[0])
        return step if step > 0 and bool((steps == step).all()) else 0

    def taps(self, dtype: torch.dtype) -> Tensor:
        """x = k - t in samples for every sample of every frame: (T, L), or (1, L) where all offsets are equal."""
        offsets = self.offsets[:1] if self.alike else self.offsets
        samples = torch.arange(self.support, dtype=torch.float64, device=offsets.device)
        return (offsets[:, None] + samples).to(dtype)

    def padded(self, signal: Tensor) -> Tensor:
        """The signals, (B, N), with the zeros around them that the frames see, (B, N')."""
        first, last = self._bounds
        before, after = max(0, -first), max(0, last + self.support - signal.shape[-1])
        return torch.nn.functional.pad(signal, (before, after))

    def gather(self, padded: Tensor, here: slice = slice(None)) -> Tensor:
        """The samples of the frames in a slice, (B, T, L); a view where frames are equally spaced.

        padded: (B, N') signals from ``padded``.
        here: which frames.
        """
        first = max(0, -self._bounds[0])
        if self._step:
            begin = self._bounds[0] + first
            end = self._bounds[1] + first + self.support
            return padded[:, begin:end].unfold(-1, self.support, self._step)[:, here]
        return padded[:, self._indices(first)[here]]

    def scatter(self, values: Tensor, samples: int) -> Tensor:
        """The adjoint of padding and gathering: frames added back onto signals.

        values: (B, T, L), one value for each sample of each frame.
        samples: N.

        Returns (B, N).
        """
        first, last = self._bounds
        before, after = max(0, -first), max(0, last + self.support - samples)
        total = values.new_zeros(values.shape[0], before + samples + after)
        if self._step and len(self) > 1:
            self._overlap_add(total[:, first + before :], values)
        else:
            total.index_add_(1, self._indices(before).flatten(), values.flatten(1))
        return total[:, before : before + samples]

    def _overlap_add(self, total: Tensor, values: Tensor) -> None:
        """Add equally spaced frames (B, T, L) to total, whose first sample is that of the first frame.

        The loop runs over steps within a frame, so that each addition serves all frames at once.
        """
        count, step = len(self), self._step
        for begin in range(0, self.support, step):
            columns = values[:, :, begin : begin + step]
            reach = (count - 1) * step + columns.shape[-1]
            target = total[:, begin : begin + reach]
            target.unfold(-1, columns.shape[-1], step).add_(columns)

    def _indices(self, shift: int) -> Tensor:
        return (self.starts + shift)[:, None] + torch.arange(self.support, device=self.starts.device)

    def phases(self, dtype: torch.dtype) -> "Phases":
        """exp(-2jπ m b_n / L) for frame starts b_n, which makes the sample index in the exponent absolute.

        dtype: of the samples; the factors have its complex partner.
        """
        if dtype not in self._phases:
            bins = torch.arange(self.support // 2 + 1, device=self.starts.device)
            distinct, which = torch.unique(self.starts % self.support, return_inverse=True)
            table = twiddles(self.support, dtype, self.starts.device)
            self._phases[dtype] = Phases(table[(distinct[:, None] * bins) % self.support], which, bool(self._step))
        return self._phases[dtype]

    @cached_property
    def _phases(self) -> dict[torch.dtype, "Phases"]:
        return {}


class Phases:
    """Phase factors of T frames, of which P are distinct; they recur every P frames where frames are equally spaced.

    rows: (P, F) complex, the distinct factors.
    which: (T,) int64, the row of each frame.
    recurring: True where they recur.
    """

    def __init__(self, rows: Tensor, which: Tensor, recurring: bool):
        self.rows, self.which, self.period = rows, which, len(rows) if recurring else None
        self._block = None

    def conjugate(self, factors: Tensor) -> "Phases":
        """The conjugate phases times one real factor for each bin, (F,)."""
        return Phases(self.rows.conj() * factors, self.which, self.period is not None)

    def __call__(self, here: slice) -> Tensor:
        """The factors of the frames in a slice, (T, F), or (1, F) where all are equal."""
        if len(self.rows) == 1:
            return self.rows
        count = here.stop - here.start
        if self.period and here.start % self.period == 0:
            if self._block is None or len(self._block) < count:
                self._block = self.rows.index_select(0, self.which[here])
            return self._block[:count]
        return self.rows.index_select(0, self.which[here])


@lru_cache(maxsize=16)
def twiddles(support: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """exp(-2jπ i / L), i = 0 … L-1, (L,), computed in float64 and rounded once to the complex partner of dtype."""
    angles = torch.arange(support, dtype=torch.float64, device=device) * (-2 * math.pi / support)
    return torch.polar(torch.ones_like(angles), angles).to(dtype.to_complex())


def check_support(support: int) -> int:
    """L as an int. Raises InputError unless it is an even whole number of at least 2 samples."""
    if support != int(support) or support < 2 or int(support) % 2:
        raise InputError(f"support={support}: the DFT size must be an even whole number of samples, at least 2")
    return int(support)
