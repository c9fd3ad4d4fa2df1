"""|S| with frames that move and windows that differ over frequency, and its slopes along both.

The sum for each bin would cost O(L) a bin. Instead S and ∂S/∂t are computed by FFT at a few window lengths, for a few
frames at a time, and interpolated in log θ as in the bank; what is kept is one number a bin for |S| and for each slope.
"""

import torch
from torch import Tensor

from .bank import WindowBank
from .frames import Frames
from .interpolation import node_count
from .windows import Window

_CHUNK = 2**26  # bytes of the two banks of a few frames


class _Drift(Window):
    """-∂ω/∂x: the transform with it is ∂S/∂t (Eq. 14)."""

    def value(self, x: Tensor, theta: Tensor) -> Tensor:
        return -self.derivatives(x, theta)[1]


def moving_magnitude(
    signal: Tensor, log_theta: Tensor, positions: Tensor, support: int, window: Window, per_octave: float
) -> Tensor:
    """|S| (F, T) of a signal (N,) at log2 θ (θ in samples, (F, 1) or (F, T)) and t_n (T,) in samples, float64.

    per_octave: nodes of the interpolation. Gradients reach log_theta and positions.
    """
    return _MovingMagnitude.apply(log_theta, positions, signal, support, window, per_octave)


class _MovingMagnitude(torch.autograd.Function):
    @staticmethod
    def forward(ctx, log_theta, positions, signal, support, window, per_octave):
        frames = Frames.at(positions, support)
        shape = support // 2 + 1, len(frames)
        size, by_length, by_shift = (signal.new_empty(shape) for _ in range(3))
        whole = log_theta.expand(shape)
        low, high = (2.0 ** float(bound) for bound in log_theta.aminmax())
        low = min(low, high / 1.01)  # even a range of nothing needs its nodes
        count = node_count(low, high, per_octave)
        most = max(1, _CHUNK // (shape[0] * count * 4 * signal.element_size()))
        drift = _Drift(window.name, window.profile, window.slope)
        for first in range(0, shape[1], most):
            here = slice(first, min(first + most, shape[1]))
            place = signal, frames.part(here.start, here.stop), support, low, high, count
            parts = _slopes(WindowBank(*place, window), WindowBank(*place, drift), whole[:, here])
            for target, part in zip((size, by_length, by_shift), parts, strict=True):
                target[:, here] = part
        ctx.save_for_backward(by_length, by_shift)
        ctx.theta_shape = log_theta.shape
        return size

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        by_length, by_shift = ctx.saved_tensors
        to_theta = (grad * by_length).sum_to_size(ctx.theta_shape) if ctx.needs_input_grad[0] else None
        to_positions = (grad * by_shift).sum(0, dtype=torch.float64) if ctx.needs_input_grad[1] else None
        return to_theta, to_positions, None, None, None, None


def _slopes(bank: WindowBank, drift: WindowBank, log_theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """|S|, ∂|S|/∂(log2 θ) and ∂|S|/∂t, (F, T) each."""
    size, by_length, by_shift = (torch.empty_like(log_theta, memory_format=torch.contiguous_format) for _ in range(3))
    for here, place in bank.tiles(log_theta):
        value, slope = bank.read(here, place, derivative=True)
        shift, _ = drift.read(here, place, derivative=False)
        length = value[0].square().addcmul_(value[1], value[1]).sqrt_()
        inverse = 1 / length.clamp_min(torch.finfo(length.dtype).tiny ** 0.5)
        size[here] = length.view(place.shape)
        by_length[here] = (_product(value, slope) * inverse * bank.per_octave).view(place.shape)
        by_shift[here] = (_product(value, shift) * inverse).view(place.shape)
    return size, by_length, by_shift


def _product(one: Tensor, other: Tensor) -> Tensor:
    """Re(a* b) of complex rows (2, n)."""
    return (one[0] * other[0]).addcmul_(one[1], other[1])
