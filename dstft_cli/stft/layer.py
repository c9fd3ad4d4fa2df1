"""DSTFT as a layer: the transform of :mod:`dstft_cli.stft.transform` with learnable window lengths and frame positions."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..errors import DivergedError, InputError
from .frame_positions import (
    bounded_hops,
    check_room,
    equal_steps,
    fixed_positions,
    following,
    frame_count,
    hops_between,
    unequal_steps,
)
from .frames import Frames, check_support
from .inverse import Inverse, inverse
from .learnable.families import FAMILIES, LearnableWindow
from .learnable.transform import learnable_dstft
from .modes import (
    CONSTANT,
    CONSTANT_HOP,
    FIXED,
    FIXED_HOP,
    OVERLAP,
    TIME,
    VARYING_HOP,
    get_hop_mode,
    get_mode,
    theta_shape,
)
from .transform import dstft, dstft_power
from .windows import Profile, Window, get_window


@dataclass(frozen=True)
class Hops:
    """Where the frames of a DSTFT lie, and what of it is learnt.

    Frame 0 is centred on sample 0, t_0 = 0, unless frame_positions say otherwise.

    mode: ``fixed``: t_n = n·H as far as the signal goes, T = 1 + floor(N/H); or the frame_positions as they are.
        ``constant``: t_n = n·H, n < T; parameter ``hop`` (), used within [hop_min, N/(T-1)]. Eq. (16), (24).
        ``time-varying``: t_n = Σ_{i<n} H_i; parameter ``hops`` (T-1,), used so that each is at least hop_min and their
        sum at most N. Eq. (15), (20).
        ``overlap``: t_n = t_{n-1} + α·θ_{n-1} <= N (III-B, V-A), for θ of shape (1, 1), with as many frames as that takes,
        or (1, T), with T frames or fewer. Takes no hop: θ learns by ω and by t_n.
    hop: distance H between frames in samples, real-valued, or the first one where it is learnt. Default L/4.
    hop_min: least distance in samples between frames that are learnt. Default hop/4.
    overlap: α of ``overlap``, the step to the next frame as a share of the window, 0 < α <= 1.
    num_frames: T, for modes in which θ varies over time or the hop is learnt.
    frame_positions: (T,) window centres in samples, instead of hop: those of ``fixed``, or the first of ``time-varying``.
    """

    mode: str = FIXED_HOP
    hop: float | None = None
    hop_min: float | None = None
    overlap: float = 0.25
    num_frames: int | None = None
    frame_positions: Tensor | None = None


class DSTFT(nn.Module):
    """Differentiable short-time Fourier transform of Leiber et al., IEEE TSP 2025, Eq. (6):

        S[m, n] = Σ_k ω(k - t_n, θ[m, n]) s[k] exp(-2jπkm/L)

    support: L, the DFT size in samples, even; there are F = L/2 + 1 bins.
    hop: distance H between frames in samples, fixed, or Hops for frames that are learnt. Default L/4.
    mode: shape of θ: ``fixed`` and ``constant`` (1, 1), ``time-varying`` (1, T), ``frequency-varying`` (F, 1),
        ``tf-varying`` (F, T). In ``fixed`` mode θ is not learnt: a classical STFT.
    theta: first window length in samples, a number, or a tensor that broadcasts to that shape. Default L/2. The
        parameters lie on the tensor's device; ``theta`` has its dtype.
    theta_min: least window length in samples; a length beyond [theta_min, L] is used as the nearer bound.
    window: a family's name, a Window, a callable profile g(u), u in [-1/2, 1/2], or a LearnableWindow, whose shape is learnt
        too; ``learn-cosine``, ``learn-gaussian``, ``learn-kaiser``, ``learn-tukey`` and ``learn-free`` name those.

    Parameters (``theta``, in samples; ``hop`` or ``hops``, in samples, float64) stay the same objects for the module's
    whole life. Where the hop is learnt the module takes signals of (T-1)·hop_min samples or more; where it is fixed and
    θ varies over time, only signals that give T frames; otherwise signals of any length.

    Raises InputError for arguments that do not fit together.
    """

    def __init__(
        self,
        support: int,
        hop: float | Hops | None = None,
        *,
        mode: str = CONSTANT,
        theta: float | Tensor | None = None,
        theta_min: float = 1.0,
        window: str | Window | Profile | LearnableWindow = "hann",
    ):
        super().__init__()
        self._kept = None
        self.support, self.mode, self.window = check_support(support), get_mode(mode), _get_window(window)
        rule = hop if isinstance(hop, Hops) else Hops(hop=hop)
        self.hop_mode = get_hop_mode(rule.mode)
        self.theta_min = float(theta_min)
        if not 0 < self.theta_min <= self.support:
            raise InputError(
                f"theta_min={theta_min}: it must be above 0 and at most the support, {self.support} samples"
            )
        device = theta.device if isinstance(theta, Tensor) else None
        given = None if rule.frame_positions is None else _check_positions(rule, device)
        self.num_frames = _check_count(rule.num_frames) if given is None else len(given)
        if self.hop_mode == OVERLAP:
            self._step_by_windows(rule)
        else:
            self._step_by_hops(rule, given, device)
        self.theta = nn.Parameter(self._first_theta(theta), requires_grad=self.mode != FIXED)

    def _step_by_windows(self, rule: Hops) -> None:
        if self.mode not in (FIXED, CONSTANT, TIME):
            raise InputError(
                f"hop mode {OVERLAP} steps by one window length a frame: use mode {FIXED}, {CONSTANT} or {TIME}, "
                f"not {self.mode}"
            )
        if rule.hop is not None or rule.frame_positions is not None:
            raise InputError(f"hop mode {OVERLAP} takes no hop and no frame_positions: they follow from theta")
        if not 0 < rule.overlap <= 1:
            raise InputError(f"overlap={rule.overlap}: the step must be more than 0 and at most 1 window")
        self.overlap = float(rule.overlap)

    def _step_by_hops(self, rule: Hops, given: Tensor | None, device) -> None:
        """One hop, or one a frame, as a number or as a parameter; given: positions (T,) or None."""
        hop = _check_hop(self.support / 4 if rule.hop is None else rule.hop)
        if self.hop_mode == FIXED_HOP:
            self.hop = hop
            self.register_buffer("frame_positions", given)
            return
        if self.num_frames is None:
            raise InputError(f"hop mode {self.hop_mode} needs num_frames: the number of frames stays while hops learn")
        self.hop_min = hop / 4 if rule.hop_min is None else _check_hop(rule.hop_min, "hop_min")
        if self.hop_mode == VARYING_HOP:
            first = torch.full((self.num_frames - 1,), hop, dtype=torch.float64, device=device)
            self.hops = nn.Parameter(first if given is None else hops_between(given, self.hop_min))
        elif given is None:
            self.hop = nn.Parameter(torch.tensor(hop, dtype=torch.float64, device=device))
        else:
            raise InputError(f"hop mode {CONSTANT_HOP} takes no frame_positions: they follow from hop")
        if given is None and hop < self.hop_min:
            raise InputError(f"hop={hop:g}: it must be at least hop_min, {self.hop_min:g} samples")

    def _first_theta(self, theta: float | Tensor | None) -> Tensor:
        shape = theta_shape(self.mode, self.support, self.num_frames)
        value = torch.as_tensor(float(self.support) / 2 if theta is None else theta)
        value = value if value.is_floating_point() else value.to(torch.get_default_dtype())
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
        """S (..., F, T) complex of a real signal (..., N). Raises InputError where N samples do not fit the T frames."""
        frames = self._frames(signal.shape[-1])
        theta = self.lengths()[:, : len(frames)]  # frames that follow the windows may end before the last θ
        transform = learnable_dstft if isinstance(self.window, LearnableWindow) else dstft
        return transform(signal, theta, frames, self.support, self.window)

    def power(self, signals: Tensor) -> Tensor:
        """|S|² (B, F, T) of real signals (B, N), as ``forward`` gives it, faster under one window for all frames."""
        if isinstance(self.window, LearnableWindow) or self.hop_mode != FIXED_HOP or self.frame_positions is not None:
            return torch.view_as_real(self(signals)).square().sum(-1)
        return dstft_power(signals, self.lengths(), self._frames(signals.shape[-1]), self.support, self.window)

    def inverse(self, spectrum: Tensor, length: int) -> Inverse:
        """The signal of ``length`` samples whose transform is nearest to S (F, T); errors and the rest as for ``inverse``."""
        positions, window = self.positions(length), self.window
        window = window.frozen() if isinstance(window, LearnableWindow) else window
        return inverse(spectrum, self.lengths().detach()[:, : len(positions)], positions.detach(), length, window)

    def lengths(self) -> Tensor:
        """θ in samples within [theta_min, L]; the gradient passes a bound, so that θ can come back from beyond it."""
        return _within(self.theta, self.theta_min, self.support)

    def clamp_(self) -> None:
        """Move ``theta`` itself into [theta_min, L], so that it reads as it is used; for after a step of an optimiser."""
        with torch.no_grad():
            self.theta.clamp_(self.theta_min, self.support)

    def positions(self, samples: int) -> Tensor:
        """t_n for a signal of N samples as the transform uses them, (T,), float64, in samples.

        Raises InputError where N does not fit T frames, DivergedError where hops or θ have become NaN or infinite.
        """
        if self.hop_mode == FIXED_HOP:
            return self._fixed_positions(samples)
        if self.hop_mode == OVERLAP:
            _check_finite(self.theta, "theta")
            count = self.num_frames if self.mode == TIME else None
            return following(self.lengths(), self.overlap, samples)[:count]
        check_room(samples, self.num_frames, self.hop_min)
        if self.hop_mode == VARYING_HOP:
            _check_finite(self.hops, "hops")
            return unequal_steps(bounded_hops(self.hops, self.hop_min, samples))
        _check_finite(self.hop, "hop")
        most = samples / max(1, self.num_frames - 1)
        return equal_steps(_within(self.hop, self.hop_min, most), self.num_frames)

    def _frames(self, samples: int) -> Tensor | Frames:
        """Positions, or the frames of a fixed hop, kept from the last call of that length."""
        if self.hop_mode != FIXED_HOP or self.frame_positions is not None:
            return self.positions(samples)
        key = samples, self.theta.device
        if self._kept is None or self._kept[0] != key:
            self._kept = key, Frames.at(self.positions(samples), self.support)
        return self._kept[1]

    def _fixed_positions(self, samples: int) -> Tensor:
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
        numbers = [name for name in ("hop", "hop_min", "overlap") if hasattr(self, name)]
        steps = "".join(f", {name}={torch.as_tensor(getattr(self, name)).item():g}" for name in numbers)
        return f"support={self.support}, mode={self.mode}, hop_mode={self.hop_mode}{steps}, window={self.window.name}"


def _get_window(window) -> Window | LearnableWindow:
    if isinstance(window, LearnableWindow):
        return window
    if isinstance(window, str) and window in FAMILIES:
        return FAMILIES[window]()
    return get_window(window)


def _within(parameter: Tensor, least: float, most: float) -> Tensor:
    """A parameter's values within the bounds, with the gradient as if there were none."""
    return parameter.detach().clamp(least, most) + (parameter - parameter.detach())


def _check_positions(rule: Hops, device) -> Tensor:
    given = torch.as_tensor(rule.frame_positions, dtype=torch.float64, device=device).clone()
    if given.dim() != 1 or len(given) == 0 or not bool(given.isfinite().all()):
        raise InputError("frame_positions must be one row of finite sample positions")
    if rule.num_frames not in (None, len(given)):
        raise InputError(f"num_frames={rule.num_frames} but {len(given)} frame positions were given")
    return given


def _check_count(count: int | None) -> int | None:
    if count is not None and (count < 1 or count != int(count)):
        raise InputError(f"num_frames={count}: it must be a whole number, at least 1")
    return None if count is None else int(count)


def _check_hop(hop: float, name: str = "hop") -> float:
    if not (math.isfinite(hop) and hop > 0):
        raise InputError(f"{name}={hop}: the distance between frames must be more than 0 samples")
    return float(hop)


def _check_finite(parameter: Tensor, name: str) -> None:
    if not bool(parameter.isfinite().all()):
        raise DivergedError(f"{name} of this DSTFT has become NaN or infinite: train it with a lower learning rate")
