"""The transform of Eq. (6) under a window whose shape is learnt: gradients by autograd, for θ of every shape.

Where θ does not vary over frequency, each frame is one FFT. Elsewhere the sum is taken as a product with the matrix of the DFT,
one window a bin; with θ of shape (F, T) that takes F·T·L values of memory.
"""

import torch
from torch import Tensor

from ..frames import Frames, twiddles
from .families import LearnableWindow


def learnable_dstft(
    signal: Tensor, theta: Tensor, positions: Tensor | Frames, support: int, window: LearnableWindow
) -> Tensor:
    """S (..., F, T) complex; gradients reach signal, θ, positions and the parameters of the window.

    signal: (..., N) real. theta: window lengths in samples, (1, 1), (1, T), (F, 1) or (F, T).
    positions: (T,) window centres in samples, or Frames, through which no gradient passes. support: L in samples.
    window: its family.
    """
    frames = Frames.at(positions, support)
    flat = signal.reshape(-1, signal.shape[-1])
    samples = frames.gather(frames.padded(flat))  # (B, T, L)
    taps = _taps(frames, positions, signal.dtype)  # (T or 1, L)
    values = window.value(taps[None], theta.to(signal.dtype)[:, :, None])  # (F or 1, T or 1, L)
    if len(values) == 1:
        spectrum = torch.fft.rfft(samples * values[0])  # (B, T, F)
    else:
        spectrum = _sums(samples, values, support)
    spectrum = spectrum * frames.phases(signal.dtype)(slice(0, len(frames)))
    return spectrum.transpose(-1, -2).reshape(*signal.shape[:-1], -1, len(frames))


def _taps(frames: Frames, positions: Tensor | Frames, dtype: torch.dtype) -> Tensor:
    """x = k - t in samples, differentiable in t where positions learn."""
    if not isinstance(positions, Tensor) or not positions.requires_grad:
        return frames.taps(dtype)
    samples = torch.arange(frames.support, device=positions.device) + frames.starts[:, None]
    return (samples - positions.to(torch.float64)[:, None]).to(dtype)


def _sums(samples: Tensor, values: Tensor, support: int) -> Tensor:
    """Σ_k of samples (B, T, L), windows (F, T or 1, L) and waves, (B, T, F) complex."""
    bins = torch.arange(support // 2 + 1, device=samples.device)
    table = twiddles(support, samples.dtype, samples.device)
    waves = table[(bins[:, None] * torch.arange(support, device=samples.device)) % support]  # (F, L)
    if values.shape[1] == 1:
        parts = [samples @ (values[:, 0] * wave).T for wave in (waves.real, waves.imag)]
    else:
        parts = [torch.einsum("btl,ftl->btf", samples, values * wave[:, None]) for wave in (waves.real, waves.imag)]
    return torch.complex(*parts)
