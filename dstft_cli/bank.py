"""The window bank: S at log-spaced window lengths by FFT, and any θ in between by interpolation.

With frames that do not move, S[m, n] depends on θ[m, n] alone, and smoothly: transforms at a few lengths give all others.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from .frames import Frames
from .interpolation import Interpolation, node_lengths
from .transform import dstft
from .windows import Window


class WindowBank(Interpolation):
    """S of one signal at B window lengths, and its interpolation in between.

    signal: (N,) real. positions: (T,) samples. support: L. theta_min < theta_max: range of θ in samples.
    count: B nodes, at least 4.
    on_node: called as on_node(i, B, θ_i, S_i) once a node is computed, S_i (F, T); a true return stops the building
        and leaves the bank incomplete (``complete`` is False).
    """

    def __init__(
        self,
        signal: Tensor,
        positions: Tensor,
        support: int,
        theta_min: float,
        theta_max: float,
        count: int,
        window: Window,
        on_node: Callable[[int, int, float, Tensor], bool | None] | None = None,
    ):
        lengths = node_lengths(theta_min, theta_max, count)
        shape = support // 2 + 1, len(positions), count
        self._values = torch.empty(shape, dtype=signal.dtype.to_complex(), device=signal.device)
        self.complete = self._build(signal, Frames.at(positions, support), lengths, window, on_node)
        super().__init__(self._values, lengths)

    def _build(self, signal, frames: Frames, lengths: list[float], window, on_node) -> bool:
        with torch.no_grad():
            for i, length in enumerate(lengths):
                spectrum = dstft(signal, length, frames, frames.support, window)
                self._values[..., i] = spectrum
                if on_node is not None and on_node(i, len(lengths), length, spectrum):
                    return False
        return True

    def stft(self, log_theta: Tensor) -> Tensor:
        """S (F, T) complex at log2 θ, of any shape that broadcasts to (F, T)."""
        out = torch.empty(self.shape, dtype=self._values.dtype, device=self._values.device)
        for here, place in self.tiles(log_theta.detach()):
            value, _ = self.read(here, place, derivative=False)
            out[here] = torch.complex(value[0], value[1]).view(place.shape)
        return out

    def magnitude(self, log_theta: Tensor) -> Tensor:
        """|S| (F, T) at log2 θ, of any shape that broadcasts to (F, T); differentiable in log2 θ."""
        return _Magnitude.apply(log_theta, self)


class _Magnitude(torch.autograd.Function):
    """|S| and ∂|S|/∂(log2 θ) together."""

    @staticmethod
    def forward(ctx, log_theta, bank):
        magnitude = torch.empty(bank.shape, dtype=log_theta.dtype, device=log_theta.device)
        change = torch.empty_like(magnitude)
        for here, place in bank.tiles(log_theta):
            value, slope = bank.read(here, place, derivative=True)
            size = value[0].square().addcmul_(value[1], value[1]).sqrt_()
            pull = (value[0] * slope[0]).addcmul_(value[1], slope[1]).mul_(bank.per_octave)
            magnitude[here] = size.view(place.shape)
            change[here] = pull.div_(size.clamp_min_(torch.finfo(size.dtype).tiny ** 0.5)).view(place.shape)
        ctx.save_for_backward(change)
        ctx.theta_shape = log_theta.shape
        return magnitude

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        (change,) = ctx.saved_tensors
        return (grad * change).sum_to_size(ctx.theta_shape), None
