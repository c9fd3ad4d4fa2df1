"""A signal with its frames and its window family: all that S depends on besides the window lengths θ."""

import math
from dataclasses import dataclass, replace
from functools import cached_property

from torch import Tensor

from .frames import Frames
from .transform import dstft, dstft_magnitude
from .windows import Window


@dataclass(frozen=True)
class FramedSignal:
    """Everything in Eq. (6) but θ: the samples s[k], the window centres t_n, the DFT size L and the family ω.

    samples: (N,) real, float32 or float64; (B, N) where only magnitudes are wanted.
    positions: (T,) window centres t_n in samples, real-valued, float64.
    support: L in samples, even; F = L/2 + 1 bins.
    window: the window family ω(x, θ).
    """

    samples: Tensor
    positions: Tensor
    support: int
    window: Window

    @property
    def bins(self) -> int:
        """F = L/2 + 1."""
        return self.support // 2 + 1

    @property
    def shape(self) -> tuple[int, int]:
        """(F, T) of S."""
        return self.bins, len(self.positions)

    @cached_property
    def frames(self) -> Frames:
        """The samples that each frame sees; no gradient passes through it."""
        return Frames.at(self.positions, self.support)

    def stft(self, theta: Tensor | float) -> Tensor:
        """S of Eq. (6), exactly.

        theta: window lengths in samples, (), (1, 1), (1, T), (F, 1) or (F, T).

        Returns S, (F, T) complex; gradients reach theta, the samples, and the positions where they require one.
        """
        frames = self.positions if self.positions.requires_grad else self.frames
        return dstft(self.samples, theta, frames, self.support, self.window)

    def magnitude(self, length: float) -> Tensor:
        """|S|, (F, T) or (B, F, T), exactly and without gradients, under one window of ``length`` samples.

        The squares of |S| must be floats; ``magnitude_at_any_level`` does without that.
        """
        return dstft_magnitude(self.samples, length, self.frames, self.support, self.window)

    def magnitude_at_any_level(self, length: float) -> Tensor:
        """The same of samples whose squares may leave the range of floats."""
        peak = float(self.samples.abs().max())
        scale = 2.0 ** math.floor(math.log2(peak)) if peak else 1.0
        return replace(self, samples=self.samples / scale).magnitude(length).mul_(scale)
