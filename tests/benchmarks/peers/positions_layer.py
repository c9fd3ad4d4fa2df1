"""A transform whose window has a position of its own at each point, t[m, n], as the first layer of a network.

    S[m, n] = Σ_k ω(k - t[m, n], θ) s[k] exp(-2jπkm/L),   t[m, n] = nH + d[m, n]

The layer of the package holds one position a frame. Here |S|² is the plain sum, with the closed-form gradients of the package's
windows: as each frame's windows are the same for all clips, it is one product of matrices a frame.
"""

import torch
from torch import Tensor, nn

from dstft_cli.stft.frame_positions import frame_count
from dstft_cli.stft.windows import Window, get_window
from dstft_cli.training.spectrogram import Spectrogram

FIXED, FRAMES, BINS, POINTS = KINDS = "t = nH", "t[n]", "t[m]", "t[m, n]"


class PointDSTFT(nn.Module):
    """|S|² with positions that are learnt, of signals of N samples.

    support, hop: L and H in samples. samples: N. theta: first window length in samples, learnt. theta_min: its bound.
    kind: one of KINDS, which gives the shape of d: (1, 1) and not learnt, (1, T), (F, 1) or (F, T).
    reach: the most that |d| is, in samples.
    scale: samples that the parameter ``shift`` is multiplied by, so that an optimiser's step for weights suits it.

    Parameters: ``theta`` (1, 1) in samples; ``shift``, d over scale.
    """

    def __init__(self, support, hop, samples, theta, theta_min, kind=POINTS, reach=None, scale=1.0):
        super().__init__()
        self.support, self.hop, self.theta_min = support, hop, theta_min
        self.count, self.reach, self.scale = frame_count(samples, hop), hop // 2 if reach is None else reach, scale
        self.window: Window = get_window("hann")
        self.theta = nn.Parameter(torch.full((1, 1), float(theta)))
        shape = {FIXED: (1, 1), FRAMES: (1, self.count), BINS: (support // 2 + 1, 1)}
        shape = shape.get(kind, (support // 2 + 1, self.count))
        self.shift = nn.Parameter(torch.zeros(shape), requires_grad=kind != FIXED)

    def lengths(self) -> Tensor:
        """θ in samples within its bounds, (1, 1); the gradient passes a bound."""
        return _within(self.theta, self.theta_min, float(self.support))

    def shifts(self) -> Tensor:
        """d in samples within the reach, in its shape; the gradient passes a bound."""
        return _within(self.shift * self.scale, -float(self.reach), float(self.reach))

    def clamp_(self) -> None:
        """Move the parameters themselves into their bounds, after a step."""
        with torch.no_grad():
            self.theta.clamp_(self.theta_min, self.support)
            self.shift.clamp_(-self.reach / self.scale, self.reach / self.scale)

    def positions(self, samples: int) -> Tensor:
        """nH in samples, (T,)."""
        return torch.arange(self.count, dtype=torch.float64) * self.hop

    def power(self, signals: Tensor) -> Tensor:
        """|S|² (B, F, T) of signals (B, N)."""
        return _Power.apply(signals, self.lengths(), self.shifts(), self)


def spectrogram(layer: PointDSTFT, features: str = "log") -> Spectrogram:
    """The package's first layer with this transform in it."""
    theta = layer.theta.item()
    whole = Spectrogram(layer.support, layer.hop, theta, layer.theta_min, "constant", "hann", features)
    whole.layer = layer
    return whole


def _within(values: Tensor, least: float, most: float) -> Tensor:
    return values.detach().clamp(least, most) + (values - values.detach())


class _Frames:
    """The samples that frames see within the reach of their windows, and cosines and sines over them."""

    def __init__(self, layer: PointDSTFT, signals: Tensor):
        before = layer.support // 2 + layer.reach
        width = 2 * before
        after = max(0, (layer.count - 1) * layer.hop + before - signals.shape[-1])
        padded = nn.functional.pad(signals, (before, after))
        self.samples = padded.unfold(-1, width, layer.hop)[:, : layer.count]  # (B, T, K)
        self.taps = torch.arange(width, dtype=signals.dtype) - before
        angles = torch.arange(layer.support // 2 + 1)[:, None] * self.taps.long() % layer.support
        angles = angles.to(signals.dtype) * (2 * torch.pi / layer.support)
        self.waves = angles.cos(), -angles.sin()  # (F, K)

    def groups(self, shift: Tensor):
        """(frames, d (F or 1, 1)): frames one by one, or all together where d does not vary over them."""
        if shift.shape[1] == 1:
            yield slice(None), shift
            return
        for n in range(shift.shape[1]):
            yield slice(n, n + 1), shift[:, n : n + 1]


class _Power(torch.autograd.Function):
    @staticmethod
    def forward(ctx, signals, theta, shift, layer):
        frames, parts = _Frames(layer, signals), []
        for here, own in frames.groups(shift):
            window = layer.window.value(frames.taps - own, theta)
            atoms = torch.cat([wave * window for wave in frames.waves])  # (2F, K)
            parts.append(frames.samples[:, here] @ atoms.T)
        spectrum = torch.cat(parts, 1)  # (B, T, 2F)
        ctx.save_for_backward(theta, shift, spectrum)
        ctx.frames, ctx.window = frames, layer.window
        real, imag = spectrum.chunk(2, -1)
        return (real.square() + imag.square()).transpose(-1, -2)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        theta, shift, spectrum = ctx.saved_tensors
        frames, by_theta, by_shift = ctx.frames, torch.zeros_like(theta), torch.zeros_like(shift)
        grad = grad.transpose(-1, -2)
        for here, own in frames.groups(shift):
            pull = 2 * spectrum[:, here] * torch.cat([grad[:, here]] * 2, -1)
            atoms = pull.flatten(0, 1).T @ frames.samples[:, here].flatten(0, 1)  # (2F, K)
            on_window = sum(wave * part for wave, part in zip(frames.waves, atoms.chunk(2), strict=True))
            on_window = on_window if len(own) > 1 else on_window.sum(0, keepdim=True)
            d_theta, d_x = ctx.window.derivatives(frames.taps - own, theta)
            by_theta += (on_window * d_theta).sum()
            by_shift[:, here] = -(on_window * d_x).sum(1, keepdim=True)
        return None, by_theta, by_shift, None
