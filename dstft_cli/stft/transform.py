"""The exact DSTFT of Eq. (6) and its analytic gradients (paper, section IV).

    S[m, n] = Σ_k ω(k - t_n, θ[m, n]) s[k] exp(-2jπkm/L)

Where θ does not vary over frequency, each frame is one FFT, forward and backward alike: the adjoint FFT of the incoming
gradient, times the frame's samples, is the gradient with respect to the window. The gradients of θ (Eq. 21, 23), t (Eq. 19)
and the signal follow from it with the closed forms ∂ω/∂θ and ∂ω/∂x. Where θ varies over frequency, direct sums are taken tile
by tile, and the backward pass computes the window again instead of keeping it.
"""

from functools import cached_property

import torch
from torch import Tensor

from ..errors import InputError
from ..system.devices import chunk_bytes
from .direct_sum import backward_sums, forward_sums
from .frames import Frames, Phases, check_support, twiddles
from .windows import Profile, Window, get_window

_CHECKED_TOGETHER = 2**18  # window values at a time while single bins are summed


def dstft(
    signal: Tensor,
    theta: Tensor | float,
    frame_positions: Tensor | Frames,
    support: int,
    window: str | Window | Profile = "hann",
) -> Tensor:
    """Differentiable STFT, Eq. (6), with the absolute sample index in the exponent.

    signal: (..., N) real, float32 or float64.
    theta: window lengths in samples, 0 < θ <= L, shape (), (1, 1), (1, T), (F, 1) or (F, T).
    frame_positions: (T,) window centres in samples, real-valued; float64 keeps them exact in long signals. ``Frames.at``
        prepares them once for many transforms; no gradient then reaches the positions.
    support: L, the DFT size in samples, even; F = L/2 + 1.
    window: a family's name, a Window, or a callable profile g(u).

    Returns S, (..., F, T) complex, in the signal's unit; gradients reach signal, theta and frame_positions.
    Raises InputError where the shapes do not fit.
    """
    support = check_support(support)
    bins, count = support // 2 + 1, len(frame_positions)
    theta = torch.as_tensor(theta, dtype=signal.dtype, device=signal.device)
    theta = theta.reshape(1, 1) if theta.dim() == 0 else theta
    if theta.dim() != 2 or theta.shape[0] not in (1, bins) or theta.shape[1] not in (1, count):
        raise InputError(
            f"theta has shape {tuple(theta.shape)}; with support {support} and {count} frames it must be "
            f"(1, 1), (1, {count}), ({bins}, 1) or ({bins}, {count})"
        )
    flat = signal.reshape(-1, signal.shape[-1])
    kernel = _ByFFT if theta.shape[0] == 1 else _BySums
    spectrum = kernel.apply(flat, theta, frame_positions, support, get_window(window))
    return spectrum.reshape(*signal.shape[:-1], bins, count)


def dstft_magnitude(
    signal: Tensor,
    theta: float,
    frame_positions: Tensor | Frames,
    support: int,
    window: str | Window | Profile = "hann",
) -> Tensor:
    """|S| under a constant window, without phases or gradients: what a search needs.

    signal: (..., N) real.
    theta: window length in samples.
    frame_positions, support, window: as for ``dstft``.

    Returns |S|, (..., F, T), in the signal's unit.
    """
    with torch.no_grad():
        length = torch.full((1, 1), theta, dtype=signal.dtype, device=signal.device)
        work = _FrameFFT(signal.reshape(-1, signal.shape[-1]), length, Frames.at(frame_positions, support))
        out = signal.new_empty(len(work.frames), len(work.samples), support // 2 + 1).transpose(0, 1)
        for here in work.blocks():
            tapered = work.samples[:, here] * work.per_frame(get_window(window).value, here)
            real, imag = torch.view_as_real(torch.fft.rfft(tapered)).unbind(-1)
            torch.mul(real, real, out=out[:, here]).addcmul_(imag, imag).sqrt_()
    return out.transpose(-1, -2).reshape(*signal.shape[:-1], *out.shape[:0:-1])


def dstft_adjoint(
    spectrum: Tensor, theta: Tensor | float, frames: Frames, samples: int, window: str | Window | Profile = "hann"
) -> Tensor:
    """The adjoint of ``dstft``: Σ_mn Re(S[m, n]* a_mn), with a_mn the atom at each point; without gradients.

    spectrum: S, (F, T) complex; every bin counts once.
    theta: window lengths in samples, any shape that ``dstft`` takes.
    frames: T frames of L samples.
    samples: N.
    window: as for ``dstft``.

    Returns (N,) samples.
    """
    real = spectrum.real.dtype
    theta = torch.as_tensor(theta, dtype=real, device=spectrum.device)
    theta = theta.reshape(1, 1) if theta.dim() == 0 else theta
    silence = torch.zeros(1, samples, dtype=real, device=spectrum.device)
    with torch.no_grad():
        if theta.shape[0] == 1:
            work = _FrameFFT(silence, theta, frames)
            adjoint, _, _ = work.gradients(spectrum.T[None], get_window(window), (True, False, False))
        else:
            adjoint, _, _ = backward_sums(
                spectrum[None], silence, theta, frames, get_window(window), (True, False, False)
            )
    return adjoint[0]


class _ByFFT(torch.autograd.Function):
    """θ of shape (1, 1) or (1, T): one FFT a frame forward, and one backward for all three gradients."""

    @staticmethod
    def forward(ctx, signal, theta, positions, support, window):
        work = _FrameFFT(signal, theta, Frames.at(positions, support))
        out = signal.new_empty(signal.shape[0], len(work.frames), support // 2 + 1, dtype=signal.dtype.to_complex())
        for here in work.blocks(work.phases.period):
            tapered = work.samples[:, here] * work.per_frame(window.value, here)
            torch.mul(torch.fft.rfft(tapered), work.phases(here), out=out[:, here])
        ctx.save_for_backward(signal, theta)
        ctx.frames, ctx.window, ctx.position_dtype = work.frames, window, getattr(positions, "dtype", None)
        return out.transpose(-1, -2)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        signal, theta = ctx.saved_tensors
        work = _FrameFFT(signal, theta, ctx.frames)
        to_signal, to_theta, to_positions = work.gradients(grad.transpose(-1, -2), ctx.window, ctx.needs_input_grad)
        return to_signal, to_theta, None if to_positions is None else to_positions.to(ctx.position_dtype), None, None


def dstft_power(signal: Tensor, theta: Tensor, frames: Frames, support: int, window: Window) -> Tensor:
    """|S|² of signals (B, N), (B, F, T), differentiable in θ alone where that is one window, which is faster than by way of S.

    theta: window lengths in samples, any shape that ``dstft`` takes. frames: T frames of L samples. support: L. window: the family.
    """
    if theta.shape == (1, 1) and not signal.requires_grad:
        return _PowerByFFT.apply(signal, theta, frames, window)
    return torch.view_as_real(dstft(signal, theta, frames, support, window)).square().sum(-1)


class _PowerByFFT(torch.autograd.Function):
    """|S|² under one window. Phases drop out; the gradient by the window is s times twice the adjoint FFT of the gradient times S."""

    @staticmethod
    def forward(ctx, signal, theta, frames, window):
        work = _FrameFFT(signal, theta, frames)
        spectrum = torch.fft.rfft(work.samples * work.per_frame(window.value, slice(0, len(frames))))  # (B, T, F)
        ctx.save_for_backward(spectrum)
        ctx.work, ctx.window = work, window
        real, imag = torch.view_as_real(spectrum).unbind(-1)
        return real.square().addcmul_(imag, imag).transpose(-1, -2)  # a sum over the last axis takes four times as long

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        (spectrum,), work = ctx.saved_tensors, ctx.work
        weights = grad.transpose(-1, -2).clone()
        weights[..., 0] *= 2  # the inverse real FFT counts the inner bins twice
        weights[..., -1] *= 2
        pull = torch.fft.irfft(spectrum * weights, n=work.frames.support, norm="forward").mul_(work.samples)
        d_theta, _ = work.per_frame(ctx.window.derivatives, slice(0, len(work.frames)))
        return None, _sum_of_products(pull, d_theta).sum().reshape(work.theta.shape), None, None


class _FrameFFT:
    """What forward and backward by FFT share: frames, phases, and the loop over blocks of frames."""

    def __init__(self, signal: Tensor, theta: Tensor, frames: Frames):
        self.signal, self.theta, self.frames = signal, theta, frames
        self.samples = self.frames.gather(self.frames.padded(signal))  # (B, T, L)
        self.taps = self.frames.taps(signal.dtype)  # (T or 1, L)
        self.lengths = theta.reshape(-1, 1)  # (T or 1, 1)
        self.one_window = len(self.taps) == 1 and len(self.lengths) == 1
        self._sampled_windows = {}

    @cached_property
    def phases(self) -> Phases:
        return self.frames.phases(self.signal.dtype)

    def blocks(self, period: int | None = None):
        """Slices of frames whose temporaries fit the memory for one block; whole periods of phases, so that blocks share them."""
        row = self.signal.shape[0] * self.frames.support * self.signal.element_size()
        size = max(1, chunk_bytes(self.signal.device) // row)
        size = size // (period or 1) * (period or 1) or size
        for first in range(0, len(self.frames), size):
            yield slice(first, min(first + size, len(self.frames)))

    def per_frame(self, function, here: slice):
        """The values of a window function at each sample of the frames. One window for all frames is computed once."""
        if not self.one_window:
            taps = self.taps if len(self.taps) == 1 else self.taps[here]
            return function(taps, self.lengths if len(self.lengths) == 1 else self.lengths[here])
        if function.__name__ not in self._sampled_windows:
            self._sampled_windows[function.__name__] = function(self.taps, self.lengths)
        return self._sampled_windows[function.__name__]

    def gradients(self, grad: Tensor, window: Window, need) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Gradients of the signals (B, N), of θ in its shape, and of t (T,), from that of S, (B, T, F)."""
        support, count = self.frames.support, len(self.frames)
        on_samples = self.samples.new_empty(self.samples.shape) if need[0] else None
        by_length, by_shift = self.lengths.new_zeros(count), self.lengths.new_zeros(count)
        halves = self.taps.new_full((support // 2 + 1,), 0.5)  # the inverse real FFT counts the inner bins twice
        halves[0] = halves[-1] = 1.0
        turn = self.phases.conjugate(halves)
        for here in self.blocks(self.phases.period):
            pull = torch.fft.irfft(grad[:, here] * turn(here), n=support, norm="forward")
            if need[0]:
                torch.mul(pull, self.per_frame(window.value, here), out=on_samples[:, here])
            if need[1] or need[2]:
                pull *= self.samples[:, here]
                d_theta, d_x = self.per_frame(window.derivatives, here)
                by_length[here] = _sum_of_products(pull, d_theta)
                if need[2]:
                    by_shift[here] = -_sum_of_products(pull, d_x)
        to_theta = by_length.sum() if self.theta.shape[1] == 1 else by_length
        return (
            self.frames.scatter(on_samples, self.signal.shape[-1]) if need[0] else None,
            to_theta.reshape(self.theta.shape) if need[1] else None,
            by_shift if need[2] else None,
        )


def _sum_of_products(values: Tensor, weights: Tensor) -> Tensor:
    """Σ over signals and samples of values (B, T, L) times weights (T or 1, L), for each frame: (T,)."""
    if len(weights) == 1:
        return (values @ weights[0]).sum(0)
    return (values * weights).sum((0, 2))


class _BySums(torch.autograd.Function):
    """θ of shape (F, 1) or (F, T): direct sums; the backward pass computes the windows again, tile by tile."""

    @staticmethod
    def forward(ctx, signal, theta, positions, support, window):
        frames = Frames.at(positions, support)
        ctx.save_for_backward(signal, theta)
        ctx.frames, ctx.window, ctx.position_dtype = frames, window, getattr(positions, "dtype", None)
        return forward_sums(signal, theta, frames, window)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        signal, theta = ctx.saved_tensors
        grads = backward_sums(grad, signal, theta, ctx.frames, ctx.window, ctx.needs_input_grad[:3])
        grad_signal, grad_theta, grad_positions = grads
        if grad_positions is not None:
            grad_positions = grad_positions.to(ctx.position_dtype)
        return grad_signal, grad_theta, grad_positions, None, None


def exact_bins(
    signal: Tensor, theta: Tensor, positions: Tensor, bins: Tensor, support: int, window: str | Window | Profile
) -> Tensor:
    """S at K single points of the plane by the plain sum in float64, to check faster ways.

    signal: (N,) real.
    theta: (K,) window lengths in samples.
    positions: (K,) window centres in samples.
    bins: (K,) int64, bin numbers 0 … L/2.
    support: L in samples.
    window: a family's name, a Window, or a callable profile g(u).

    Returns (K,) complex128.
    """
    window, spectra = get_window(window), []
    table = twiddles(support, torch.float64, signal.device)
    frames = Frames.at(positions, support)
    padded = frames.padded(signal[None].to(torch.float64))
    samples = torch.arange(support, device=signal.device)
    size = max(1, _CHECKED_TOGETHER // support)
    for first in range(0, len(theta), size):
        here = slice(first, first + size)
        taps = frames.offsets[here, None] + samples
        tapered = frames.gather(padded, here)[0] * window.value(taps, theta[here, None].to(torch.float64))
        exponents = ((frames.starts[here, None] + samples) * bins[here, None]) % support
        spectra.append((tapered * table[exponents]).sum(-1))
    return torch.cat(spectra)
