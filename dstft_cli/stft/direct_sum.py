"""The transform by direct sums, for window lengths that vary over frequency: θ (F, 1) or (F, T).

Window values are computed for one tile of (bins, frames, samples) at a time, which bounds the memory. Where θ does not vary
over time and all frames have the same offset from the sample grid, the window of a bin serves every frame, and the
whole transform is one matrix product.
"""

import torch
from torch import Tensor

from ..system.devices import chunk_bytes
from .frames import Frames, twiddles
from .windows import Window


class _Tiles:
    """What forward and backward share: frames, twiddle factors, and the loop over tiles."""

    def __init__(self, signal: Tensor, theta: Tensor, frames: Frames, window: Window, positions_too: bool = False):
        self.signal, self.theta, self.frames, self.window = signal, theta, frames, window
        self.shared = theta.shape[1] == 1 and frames.alike and not positions_too
        self.table = twiddles(frames.support, signal.dtype, signal.device)
        self.samples = frames.gather(frames.padded(signal))  # (B, T, L)
        self.phases = frames.phases(signal.dtype)

    def __iter__(self):
        """(bins, frames) slices whose temporaries fit the memory for one tile."""
        count, support = len(self.frames), self.frames.support
        cells = max(1, chunk_bytes(self.signal.device) // (support * self.signal.element_size() * 8))
        wide = count if self.shared else min(count, max(1, cells))
        high = max(1, cells if self.shared else cells // wide)
        for top in range(0, support // 2 + 1, high):
            for left in range(0, count, wide):
                yield slice(top, min(top + high, support // 2 + 1)), slice(left, min(left + wide, count))

    def taps_and_lengths(self, rows: slice, columns: slice) -> tuple[Tensor, Tensor]:
        """x (1, T or 1, L) and θ (F, T or 1, 1) of a tile, in samples."""
        frames = self.frames if self.shared else self.frames.block(columns.start, columns.stop)
        taps = frames.taps(self.signal.dtype)[None]
        theta = self.theta[rows, :, None]
        return taps, theta if theta.shape[1] == 1 else theta[:, columns]

    def waves(self, rows: slice) -> Tensor:
        """exp(-2jπmj/L) for j counted from each frame's start, (F, L) complex."""
        bins = torch.arange(rows.start, rows.stop, device=self.signal.device)
        samples = torch.arange(self.frames.support, device=self.signal.device)
        return self.table[(bins[:, None] * samples) % self.frames.support]


def forward_sums(signal: Tensor, theta: Tensor, frames: Frames, window: Window) -> Tensor:
    """S by Eq. (6).

    signal: (B, N) real.
    theta: window lengths in samples, (F, 1) or (F, T).

    Returns S, (B, F, T) complex.
    """
    tiles = _Tiles(signal, theta, frames, window)
    out = tiles.table.new_empty(signal.shape[0], frames.support // 2 + 1, len(frames))
    for rows, columns in tiles:
        values = window.value(*tiles.taps_and_lengths(rows, columns))  # (F, T or 1, L)
        waves = tiles.waves(rows)
        samples = tiles.samples[:, columns]
        if tiles.shared:
            kernel = values[:, 0] * waves  # (F, L)
            tile = torch.complex(samples @ kernel.real.T, samples @ kernel.imag.T).transpose(-1, -2)
        else:
            pairs = torch.view_as_real(waves)  # (F, L, 2)
            tile = torch.stack([torch.view_as_complex(torch.bmm(values * one, pairs)) for one in samples])
        out[:, rows, columns] = tile * tiles.phases(columns)[:, rows].T
    return out


def backward_sums(
    grad: Tensor, signal: Tensor, theta: Tensor, frames: Frames, window: Window, need: tuple[bool, bool, bool]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Gradients from that of S, Eq. (18), (19), (22).

    grad: (B, F, T) complex, gradient of S.
    signal: (B, N) real.
    theta: window lengths in samples, (F, 1) or (F, T).
    need: which gradients are wanted: of the signal, of θ, of the positions.

    Returns the gradients of the signal (B, N), of θ in its shape, and of the positions (T,); None where not wanted.
    """
    tiles = _Tiles(signal, theta, frames, window, positions_too=need[2])
    to_frames = torch.zeros(tiles.samples.shape, dtype=signal.dtype, device=signal.device) if need[0] else None
    to_theta = torch.zeros_like(theta) if need[1] else None
    to_positions = torch.zeros(len(frames), dtype=torch.float64, device=signal.device) if need[2] else None
    for rows, columns in tiles:
        pull = grad[:, rows, columns] * tiles.phases(columns)[:, rows].T.conj()
        where = tiles.taps_and_lengths(rows, columns)
        waves = tiles.waves(rows)
        if need[0]:
            to_frames[:, columns] += _onto_frames(pull, window.value(*where), waves, tiles.shared)
        if need[1] or need[2]:
            on_window = _onto_window(pull, tiles.samples[:, columns], waves, tiles.shared)
            d_theta, d_x = window.derivatives(*where)
            if need[1]:
                lengths = (on_window * d_theta).sum(-1)
                target = to_theta[rows] if theta.shape[1] == 1 else to_theta[rows, columns]
                target += lengths.sum(1, keepdim=True) if theta.shape[1] == 1 else lengths
            if need[2]:
                to_positions[columns] -= (on_window * d_x).sum((0, 2))
    return frames.scatter(to_frames, signal.shape[-1]) if need[0] else None, to_theta, to_positions


def _onto_window(pull: Tensor, samples: Tensor, waves: Tensor, shared: bool) -> Tensor:
    """Gradient with respect to ω at each tap: Σ_b s Re(pull* e), (F, T or 1, L)."""
    if shared:
        product = torch.einsum("bft,btl->fl", torch.view_as_real(pull)[..., 0], samples) * waves.real
        product += torch.einsum("bft,btl->fl", torch.view_as_real(pull)[..., 1], samples) * waves.imag
        return product[:, None]
    total = 0.0
    for one, frames in zip(pull, samples, strict=True):
        total = total + frames * _real_product(one, waves)
    return total


def _onto_frames(pull: Tensor, values: Tensor, waves: Tensor, shared: bool) -> Tensor:
    """Gradient with respect to the frames' samples: Σ_m ω Re(pull* e), (B, T, L)."""
    if shared:
        kernel = values[:, 0] * waves
        real, imag = torch.view_as_real(pull).unbind(-1)
        return real.transpose(-1, -2) @ kernel.real + imag.transpose(-1, -2) @ kernel.imag
    return torch.stack([(values * _real_product(one, waves)).sum(0) for one in pull])


def _real_product(pull: Tensor, waves: Tensor) -> Tensor:
    """Re(pull* e) over a tile: (F, T) and (F, L) to (F, T, L)."""
    real, imag = torch.view_as_real(pull).unbind(-1)
    return real[..., None] * waves.real[:, None] + imag[..., None] * waves.imag[:, None]
