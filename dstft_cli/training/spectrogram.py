"""Clips to what a network sees: the spectrogram under windows that learn, or do not, on a logarithmic scale or as it is."""

import torch
from torch import Tensor, nn

from ..stft.layer import DSTFT

LOG, LEVELLED, MAGNITUDE = FEATURES = ("log", "levelled", "magnitude")
_FLOOR = 1e-8  # of the mean |S|² of training clips: 80 dB below it nothing is distinguished
_CALIBRATED = 128  # clips
_TINY = 1e-30  # keeps the slope of a root, and its share of a silent frame, finite


class Spectrogram(nn.Module):
    """What a network sees of clips, (B, 1, F, T): 0 behind the end of a clip.

    ``log``: log |S|, of mean 0 and deviation 1 at each frequency (batch normalisation over the frames of the clips alone).
    ``levelled``: likewise, of |S| over its rms in the clip, so that how loud a clip is does not count.
    ``magnitude``: |S| as the paper has it, in units of its rms in training clips under the first window, so that no window is at an
    advantage by the scale of its magnitudes.

    support, hop, theta, theta_min: L, H, θ or its first value, and its bound, in samples.
    mode: of the DSTFT; ``fixed`` does not learn.
    window: the window family.
    features: one of FEATURES.
    """

    def __init__(self, support: int, hop: float, theta, theta_min: float, mode: str, window, features: str):
        super().__init__()
        self.layer = DSTFT(support, hop, mode=mode, theta=theta, theta_min=theta_min, window=window)
        self.features = features
        self.register_buffer("power", torch.ones(()))
        self.norm = None if features == MAGNITUDE else nn.BatchNorm1d(support // 2 + 1, affine=False)

    def calibrate(self, samples: Tensor, lengths: Tensor) -> None:
        """Take the unit of |S|, its rms under the first window, from training clips, (N, n) with their lengths (N,)."""
        step = max(1, len(samples) // _CALIBRATED)  # clips of a class may lie together
        few, own = samples[::step], lengths[::step]
        with torch.no_grad():
            squares = self.squares(few) * self.power
            valid = self.valid(own, squares.shape[-1])[:, None].expand_as(squares)
            self.power.copy_(squares[valid].mean().clamp_min(_TINY**0.5))

    def theta(self) -> Tensor:
        """θ in samples within its bounds, (1, 1) or (F, 1)."""
        return self.layer.lengths().detach()

    def squares(self, samples: Tensor, unit: float = 1.0) -> Tensor:
        """|S|² of clips (B, n) in units of its mean in training clips under the first window, or in a share of it, (B, F, T)."""
        return self.layer.power(samples) / (self.power * unit)

    def valid(self, lengths: Tensor, frames: int) -> Tensor:
        """(B, T): true for frames centred within their clip of that many samples."""
        return torch.arange(frames, device=lengths.device) * self.layer.hop < lengths[:, None]

    def forward(self, samples: Tensor, lengths: Tensor) -> Tensor:
        """samples: (B, n); lengths: (B,) samples of each clip. Returns (B, 1, F, T)."""
        squares = self.squares(samples, 1.0 if self.features == MAGNITUDE else _FLOOR)
        valid = self.valid(lengths, squares.shape[-1])
        if self.features == LEVELLED:
            squares = squares / (_FLOOR * _mean_of_clip(squares, valid)).clamp_min(_TINY)
        if self.norm is None:
            values = squares.clamp_min(_TINY).sqrt()
        else:
            values = self._normalised(squares.log1p(), valid)
        return (values * valid[:, None])[:, None]

    def _normalised(self, values: Tensor, valid: Tensor) -> Tensor:
        """(B, F, T): statistics are those of valid frames while training, and the running ones afterwards."""
        if not self.training:
            return self.norm(values)
        rows = values.transpose(1, 2)
        if bool(valid.all()):
            return self.norm(rows.reshape(-1, rows.shape[-1])).view(rows.shape).transpose(1, 2)
        out = torch.zeros_like(rows)
        out[valid] = self.norm(rows[valid])
        return out.transpose(1, 2)


def _mean_of_clip(squares: Tensor, valid: Tensor) -> Tensor:
    """The mean over the valid frames (B, T) of each clip, (B, 1, 1), of values (B, F, T)."""
    inside = valid[:, None].to(squares.dtype)
    return (squares * inside).sum((1, 2), keepdim=True) / (squares.shape[1] * inside.sum((1, 2), keepdim=True))
