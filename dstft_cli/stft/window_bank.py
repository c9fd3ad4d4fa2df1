"""The window bank: S at log-spaced window lengths by FFT, and at any θ in between by interpolation.

Where frames do not move, S[m, n] depends on θ[m, n] alone, and smoothly: transforms at a few lengths give all others.
Where they move and windows differ over frequency, small banks of S and ∂S/∂t are computed for a block of frames at a time,
instead of one sum for each bin; only |S| and its two slopes are kept.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from .framed_signal import FramedSignal
from .log_interpolation import Interpolation, node_count, node_lengths
from .transform import dstft
from .windows import Window


class WindowBank(Interpolation):
    """S of one signal at B window lengths, and its interpolation in between.

    framed: the signal (N,), its frames and its window family.
    theta_min, theta_max: range of θ in samples, theta_min < theta_max.
    count: B nodes, at least 4.
    on_node: called as on_node(i, B, θ_i, S_i) once node i is computed, θ_i in samples, S_i (F, T); a true return stops the
        building and leaves the bank incomplete (``complete`` is False).
    window: a window family in place of the signal's own.
    """

    def __init__(
        self,
        framed: FramedSignal,
        theta_min: float,
        theta_max: float,
        count: int,
        on_node: Callable[[int, int, float, Tensor], bool | None] | None = None,
        window: Window | None = None,
    ):
        lengths, samples = node_lengths(theta_min, theta_max, count), framed.samples
        self._values = torch.empty(*framed.shape, count, dtype=samples.dtype.to_complex(), device=samples.device)
        self.complete = self._build(framed, lengths, on_node, window or framed.window)
        super().__init__(self._values, lengths)

    def _build(self, framed: FramedSignal, lengths: list[float], on_node, window: Window) -> bool:
        with torch.no_grad():
            for i, length in enumerate(lengths):
                spectrum = dstft(framed.samples, length, framed.frames, framed.support, window)
                self._values[..., i] = spectrum
                if on_node is not None and on_node(i, len(lengths), length, spectrum):
                    return False
        return True

    @property
    def values(self) -> Tensor:
        """S at the B nodes, (F, T, B) complex."""
        return self._values

    def stft(self, log_theta: Tensor) -> Tensor:
        """S, (F, T) complex.

        log_theta: log2 of window lengths in samples, any shape that broadcasts to (F, T).
        """
        out = torch.empty(self.shape, dtype=self._values.dtype, device=self._values.device)
        for here, place in self.tiles(log_theta.detach()):
            value, _ = self.read(here, place, derivative=False)
            out[here] = torch.complex(value[0], value[1]).view(place.shape)
        return out

    def magnitude(self, log_theta: Tensor) -> Tensor:
        """|S|, (F, T), differentiable in log_theta.

        log_theta: log2 of window lengths in samples, any shape that broadcasts to (F, T).
        """
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


_BLOCK_BYTES = 2**26  # of the two banks of a block of frames


class _Drift(Window):
    """-∂ω/∂x: the transform with it is ∂S/∂t (Eq. 14)."""

    def value(self, x: Tensor, theta: Tensor) -> Tensor:
        return -self.derivatives(x, theta)[1]


def moving_magnitude(framed: FramedSignal, log_theta: Tensor, per_octave: float) -> Tensor:
    """|S| of frames that move, with windows that differ over frequency; differentiable in θ and in the positions.

    framed: the signal, its frames, whose positions may require a gradient, and its window family.
    log_theta: log2 of window lengths in samples, (F, 1) or (F, T).
    per_octave: nodes of the interpolation over an octave of window length.

    Returns |S|, (F, T), in the signal's unit.
    """
    return _MovingMagnitude.apply(log_theta, framed.positions, framed, per_octave)


class _MovingMagnitude(torch.autograd.Function):
    @staticmethod
    def forward(ctx, log_theta, positions, framed, per_octave):
        signal, support, window = framed.samples, framed.support, framed.window
        shape = framed.shape
        size, by_length, by_shift = (signal.new_empty(shape) for _ in range(3))
        whole = log_theta.expand(shape)
        low, high = (2.0 ** float(bound) for bound in log_theta.aminmax())
        low = min(low, high / 1.01)  # even a range of nothing needs its nodes
        count = node_count(low, high, per_octave)
        most = max(1, _BLOCK_BYTES // (shape[0] * count * 4 * signal.element_size()))
        drift = _Drift(window.name, window.profile, window.slope)
        for first in range(0, shape[1], most):
            here = slice(first, min(first + most, shape[1]))
            block = FramedSignal(signal, positions.detach()[here], support, window)
            banks = WindowBank(block, low, high, count), WindowBank(block, low, high, count, window=drift)
            for target, part in zip((size, by_length, by_shift), _slopes(*banks, whole[:, here]), strict=True):
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
        return to_theta, to_positions, None, None


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
