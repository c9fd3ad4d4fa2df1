"""DSTFT as a layer: the transform of :mod:`dstft_cli.transform` with learnable window lengths and frame positions."""

import math

import torch
from torch import Tensor, nn

from .errors import InputError
from .frames import Frames, check_support
from .modes import CONSTANT, FIXED, get_mode, theta_shape
from .positions import fixed_positions, frame_count
from .transform import dstft
from .windows import Profile, Window, get_window


class DSTFT(nn.Module):
    """Differentiable short-time Fourier transform, Eq. (6) of Leiber et al., IEEE TSP 2025.

    support: L, the DFT size in samples, even; there are F = L/2 + 1 bins.
    hop: distance H between frames in samples, real-valued; frame n is centred on sample n·H. Default L/4.
    mode: shape of θ: ``fixed`` and ``constant`` (1, 1), ``time-varying`` (1, T), ``frequency-varying`` (F, 1),
        ``tf-varying`` (F, T). In ``fixed`` mode θ does not learn: a classical STFT.
    theta: first window length in samples, a number or a tensor broadcastable to that shape. Default L/2.
    theta_min: least window length in samples; lengths beyond [theta_min, L] are used as the nearer bound.
    num_frames: T, for modes in which θ varies over time.
    frame_positions: (T,) window centres in samples, instead of ``hop``.
    learn_positions: makes the frame positions a parameter (float64, samples).
    window: a family's name, a Window, or a callable profile g(u), u in [-1/2, 1/2].

    The parameters ``theta`` (and ``frame_positions``) are the same objects for the module's whole life. Where neither has
    a time axis the module takes signals of any length; where one has, only those that give T frames.

    Raises InputError for arguments that do not fit together.
    """

    def __init__(
        self,
        support: int,
        hop: float | None = None,
        *,
        mode: str = CONSTANT,
        theta: float | Tensor | None = None,
        theta_min: float = 1.0,
        num_frames: int | None = None,
        frame_positions: Tensor | None = None,
        learn_positions: bool = False,
        window: str | Window | Profile = "hann",
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ):
        super().__init__()
        self._kept = None
        self.support, self.mode, self.window = check_support(support), get_mode(mode), get_window(window)
        self.hop = _check_hop(self.support / 4 if hop is None else hop)
        self.theta_min = float(theta_min)
        if not 0 < self.theta_min <= self.support:
            raise InputError(
                f"theta_min={theta_min}: it must be above 0 and at most the support, {self.support} samples"
            )
        if learn_positions and frame_positions is None and num_frames is None:
            raise InputError("learn_positions needs num_frames or frame_positions: a parameter has a fixed size")
        positions = self._first_positions(num_frames, frame_positions, learn_positions, device)
        self.num_frames = num_frames if positions is None else len(positions)
        if learn_positions:
            self.frame_positions = nn.Parameter(positions)
        else:
            self.register_buffer("frame_positions", positions)
        first = self._first_theta(theta, dtype or torch.get_default_dtype(), device)
        self.theta = nn.Parameter(first, requires_grad=self.mode != FIXED)

    def _first_positions(self, count, given, learnt, device) -> Tensor | None:
        if given is not None:
            given = torch.as_tensor(given, dtype=torch.float64, device=device).clone()
            if given.dim() != 1 or len(given) == 0 or not bool(given.isfinite().all()):
                raise InputError("frame_positions must be one row of finite sample positions")
            if count not in (None, len(given)):
                raise InputError(f"num_frames={count} but {len(given)} frame positions were given")
            return given
        return torch.arange(count, dtype=torch.float64, device=device) * self.hop if learnt else None

    def _first_theta(self, theta, dtype, device) -> Tensor:
        shape = theta_shape(self.mode, self.support, self.num_frames)
        value = torch.as_tensor(self.support / 2 if theta is None else theta, dtype=dtype, device=device)
        try:
            value = value.detach().expand(shape).clone()
        except RuntimeError:
            raise InputError(f"theta of shape {tuple(value.shape)} does not fit mode {self.mode}, {shape}") from None
        if not bool(((value >= self.theta_min) & (value <= self.support)).all()):
            raise InputError(
                f"theta is {float(value.min()):g} … {float(value.max()):g} samples; it must lie within "
                f"[theta_min, support] = [{self.theta_min:g}, {self.support}]"
            )
        return value

    def forward(self, signal: Tensor) -> Tensor:
        """S (..., F, T) complex of a real signal (..., N). Raises InputError where N does not give the T frames."""
        return dstft(signal, self.lengths(), self._frames(signal.shape[-1]), self.support, self.window)

    def _frames(self, samples: int) -> Tensor | Frames:
        """Positions that learn, or the frames of those that do not, kept from the last call of that length."""
        if self.frame_positions is not None:
            return self.frame_positions
        key = samples, self.theta.device
        if self._kept is None or self._kept[0] != key:
            self._kept = key, Frames.at(self.positions(samples), self.support)
        return self._kept[1]

    def lengths(self) -> Tensor:
        """θ in samples within [theta_min, L]; the gradient passes a bound, so that θ can come back from beyond it."""
        bounded = self.theta.detach().clamp(self.theta_min, self.support)
        return self.theta + (bounded - self.theta.detach())

    def positions(self, samples: int) -> Tensor:
        """t_n for a signal of that many samples, (T,), in samples. Raises InputError where T does not fit."""
        if self.frame_positions is not None:
            return self.frame_positions
        count = frame_count(samples, self.hop)
        if self.num_frames is not None and self.theta.shape[1] != 1 and count != self.num_frames:
            least = math.ceil((self.num_frames - 1) * self.hop)
            most = math.ceil(self.num_frames * self.hop) - 1
            raise InputError(
                f"this DSTFT was built for {self.num_frames} frames: at hop {self.hop:g} a signal of {least} to {most} "
                f"samples, not {samples}"
            )
        return fixed_positions(samples, self.hop, self.theta.device)

    def extra_repr(self) -> str:
        return f"support={self.support}, hop={self.hop:g}, mode={self.mode}, window={self.window.name}"


def _check_hop(hop: float) -> float:
    if not (math.isfinite(hop) and hop > 0):
        raise InputError(f"hop={hop}: the distance between frames must be more than 0 samples")
    return float(hop)
