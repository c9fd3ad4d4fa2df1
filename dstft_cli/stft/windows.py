"""Window families: ω(x, θ) and its closed-form derivatives, as pure functions of (x, θ).

Every family is one profile g(u) on -1/2 <= u < 1/2, stretched to the window length θ in samples. Its area stays one
(Eq. 2 of the paper, up to a constant):

    ω(x, θ)   = g(x/θ) / θ,                 ∫ g(u) du = 1
    ∂ω/∂x     = g'(x/θ) / θ²
    ∂ω/∂θ     = -(ω + x ∂ω/∂x) / θ

So a tone of amplitude A reads A/2, whatever the family and θ. The right-hand edge x = θ/2 is left out, as in the periodic
("DFT-even") windows of torch and scipy; it matters only to families that do not vanish there.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError

Profile = Callable[[Tensor], Tensor]
_POINTS = 20_000  # of a profile that is integrated


@dataclass(frozen=True)
class Window:
    """A window family.

    name: its name in the configuration and in results.
    profile: g(u), elementwise, of unit area on [-1/2, 1/2].
    slope: g'(u), elementwise.
    known: False for a callable of which only the name is left, so that profile and slope raise an error.
    """

    name: str
    profile: Profile
    slope: Profile
    known: bool = True

    def value(self, x: Tensor, theta: Tensor) -> Tensor:
        """ω(x, θ) in 1/samples.

        x: distance from the window centre in samples, any shape.
        theta: window length in samples, any shape that broadcasts with x.
        """
        u = x / theta
        return (self.profile(u) / theta).masked_fill_(_outside(u), 0.0)

    def derivatives(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """(∂ω/∂θ, ∂ω/∂x) in 1/samples²; parameters as for ``value``."""
        u = x / theta
        slope = self.slope(u)
        area = theta.square()
        outside = _outside(u)
        d_theta = -(self.profile(u) + u * slope) / area
        return d_theta.masked_fill_(outside, 0.0), (slope / area).masked_fill_(outside, 0.0)


def _outside(u: Tensor) -> Tensor:
    return (u < -0.5) | (u >= 0.5)


def _cosine_sum(name: str, *coefficients: float) -> Window:
    """The family g(u) = Σ_i (a_i / a_0) cos(2πiu), of unit area by construction."""
    ratios = [a / coefficients[0] for a in coefficients]

    def profile(u: Tensor) -> Tensor:
        total = ratios[1] * torch.cos(2 * math.pi * u) + 1.0
        for i, ratio in enumerate(ratios[2:], start=2):
            total = total + ratio * torch.cos(2 * math.pi * i * u)
        return total

    def slope(u: Tensor) -> Tensor:
        total = -2 * math.pi * ratios[1] * torch.sin(2 * math.pi * u)
        for i, ratio in enumerate(ratios[2:], start=2):
            total = total - 2 * math.pi * i * ratio * torch.sin(2 * math.pi * i * u)
        return total

    return Window(name, profile, slope)


def _gaussian() -> Window:
    """Eq. (5): σ = θ/6, g(u) = 6 exp(-36πu²); its tails beyond the support hold 5e-14 of the area."""

    def profile(u: Tensor) -> Tensor:
        return 6.0 * torch.exp(-36.0 * math.pi * u.square())

    def slope(u: Tensor) -> Tensor:
        return -72.0 * math.pi * u * profile(u)

    return Window("gaussian", profile, slope)


WINDOWS: dict[str, Window] = {
    window.name: window
    for window in (
        _cosine_sum("hann", 0.5, 0.5),
        _cosine_sum("hamming", 0.54, 0.46),
        _cosine_sum("blackman", 0.42, 0.5, 0.08),
        _gaussian(),
    )
}


def from_profile(profile: Profile, slope: Profile | None = None, name: str | None = None) -> Window:
    """A window family from any callable profile, scaled to unit area.

    profile: g(u), elementwise, u in [-1/2, 1/2].
    slope: g'(u), elementwise; None has autograd compute it.
    name: of the family; None takes the callable's own.

    Raises InputError where g has no positive, finite area on [-1/2, 1/2] or does not keep the shape of u.
    """
    name = name or getattr(profile, "__name__", "custom")
    name = f"my {name}" if name in WINDOWS else name  # a result then never takes it for the family of that name
    u = (torch.arange(_POINTS, dtype=torch.float64) + 0.5) / _POINTS - 0.5
    values = profile(u)
    if values.shape != u.shape:
        raise InputError(
            f"window {name}: the profile returned shape {tuple(values.shape)} for {tuple(u.shape)}; return the shape of u"
        )
    area = float(values.mean())
    if not math.isfinite(area) or area <= 1e-6 * float(values.abs().mean()):
        raise InputError(
            f"window {name}: the area of the profile on [-1/2, 1/2] is {area}; it must be positive and finite"
        )

    def by_autograd(u: Tensor) -> Tensor:
        with torch.enable_grad():
            u = u.detach().requires_grad_()
            return torch.autograd.grad(profile(u).sum(), u)[0]

    derivative = slope or by_autograd
    return Window(name, lambda u: profile(u) / area, lambda u: derivative(u) / area)


LEARN_COSINE = "learn-cosine"
"""The name for a sum of cosines whose coefficients are learnt, which begins as Hann."""

_NUMBER = r"[-+]?[0-9]*\.?[0-9]+(?:e[-+]?[0-9]+)?"
_COSINE = re.compile(rf"cosine\(({_NUMBER}(?:, *{_NUMBER})*)\)")


def cosine_name(coefficients: Sequence[float]) -> str:
    """The name of the family g(u) = 1 + Σ_k a_k cos(2πku), such as ``cosine(0.93, 0.05)``; get_window knows it."""
    return f"cosine({', '.join(f'{a:.4g}' for a in coefficients)})"


def is_named(name: str) -> bool:
    """Whether a name says all of a family, so that get_window can make it."""
    return name in WINDOWS or bool(_COSINE.fullmatch(name))


def get_window(window: "str | Window | Profile") -> Window:
    """The window family for a name, a Window, or a callable profile g(u).

    Raises InputError for an unknown name.
    """
    if window == LEARN_COSINE:
        return WINDOWS["hann"]
    if isinstance(window, str) and (match := _COSINE.fullmatch(window)):
        return _cosine_sum(window, 1.0, *map(float, match[1].split(",")))
    if isinstance(window, Window):
        return window
    if callable(window):
        return from_profile(window)
    if window not in WINDOWS:
        raise InputError(f"window {window!r} is not known; choose one of {', '.join(WINDOWS)} or pass a callable")
    return WINDOWS[window]


@lru_cache(maxsize=64)
def equivalent_widths(window: Window) -> tuple[float, float]:
    """Equivalent duration and noise bandwidth of a window family (Harris); of Hann: 0.375 and 1.5.

    They are computed from the profile with the midpoint rule, so that any callable has them.

    window: the family.

    Returns ∫g² / max g² in units of θ, and ∫g² / (∫g)² in units of fs/θ.
    """
    u = (torch.arange(_POINTS, dtype=torch.float64) + 0.5) / _POINTS - 0.5
    values = window.profile(u)
    squares = values.square()
    return float(squares.mean() / squares.max()), float(squares.mean() / values.mean().square())


def noise_bandwidth(window: Window, theta: np.ndarray | float, sample_rate: float) -> np.ndarray:
    """The equivalent noise bandwidth fs/θ ∫g² in Hz of windows of θ samples, in the shape of theta."""
    return sample_rate * equivalent_widths(window)[1] / np.asarray(theta, dtype=np.float64)


def psd(stft: np.ndarray, theta: np.ndarray | float, window: Window, sample_rate: float) -> np.ndarray:
    """The one-sided power spectral density of each point, 2|S|² over its noise bandwidth.

    In stationary noise its mean is that of the noise under windows of any length, as that of scipy.signal.welch with
    scaling="density". A line has more of it under longer windows, as there.

    stft: S or |S| of all bins from 0 to fs/2, (F, T), in the unit of the signal; windows have unit area.
    theta: window lengths in samples, any shape that broadcasts to (F, T).
    window: the family.
    sample_rate: Hz.

    Returns (F, T) in unit²/Hz.
    """
    sides = np.full((len(stft), 1), 2.0)
    sides[[0, -1]] = 1.0  # these two frequencies have no mirror image
    return sides * np.square(np.abs(stft), dtype=np.float64) / noise_bandwidth(window, theta, sample_rate)
