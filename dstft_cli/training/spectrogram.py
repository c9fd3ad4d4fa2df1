"""Clips to what a network sees: the spectrogram under windows that learn, or do not, on a logarithmic scale or as it is."""

import torch
from torch import Tensor, nn

from ..stft.layer import DSTFT
from ..stft.modes import FIXED

LOG, MAGNITUDE = FEATURES = ("log", "magnitude")
_FLOOR = 1e-8  # of the mean square of the training samples: 80 dB below it nothing is distinguished
_TINY = 1e-30  # keeps the slope of a root finite


class Spectrogram(nn.Module):
    """What a network sees of clips, (B, 1, F, T): 0 behind the end of a clip.

    ``log``: log |S|, of mean 0 and deviation 1 at each frequency (batch normalisation over the frames of the clips alone).
    ``magnitude``: |S| in units of the training samples' rms, as the paper has it.

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
        self.norm = nn.BatchNorm1d(support // 2 + 1, affine=False) if features == LOG else None

    def calibrate(self, samples: Tensor, lengths: Tensor) -> None:
        """Take the unit of the samples from training clips, (N, n) with their lengths (N,)."""
        mean = samples.square().sum(dtype=torch.float64) / lengths.sum()
        self.power.copy_(mean.clamp_min(_TINY**0.5))

    @property
    def learns(self) -> bool:
        """Whether θ is learnt."""
        return self.layer.mode != FIXED

    def theta(self) -> Tensor:
        """θ in samples within its bounds, (1, 1) or (F, 1)."""
        return self.layer.lengths().detach()

    def squares(self, samples: Tensor) -> Tensor:
        """|S|² of clips (B, n) in units of the mean square of the training samples, (B, F, T)."""
        return self.layer.power(samples) / self.power

    def valid(self, lengths: Tensor, frames: int) -> Tensor:
        """(B, T): true for frames centred within their clip of that many samples."""
        return torch.arange(frames, device=lengths.device) * self.layer.hop < lengths[:, None]

    def forward(self, samples: Tensor, lengths: Tensor) -> Tensor:
        """samples: (B, n); lengths: (B,) samples of each clip. Returns (B, 1, F, T)."""
        squares = self.squares(samples)
        valid = self.valid(lengths, squares.shape[-1])
        if self.norm is None:
            values = (squares + _TINY).sqrt()
        else:
            values = self._normalised((squares / _FLOOR).log1p(), valid)
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
