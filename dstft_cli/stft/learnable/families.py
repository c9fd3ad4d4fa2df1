"""Window families with learnable shapes: profiles g(u) of unit area on [-1/2, 1/2], symmetric, with parameters.

Like every window, ω(x, θ) = g(x/θ)/θ: shape and length are learnt apart from each other. The area is kept by construction, so that
a tone of amplitude A reads A/2 whatever the shape.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ...errors import InputError
from ..windows import Window, from_profile

_TINY = 1e-12


class LearnableWindow(nn.Module):
    """A window family with a learnable shape; subclasses define ``profile``.

    name: of the family.
    """

    name = "learnable"

    def profile(self, u: Tensor) -> Tensor:
        """g(u), elementwise, of unit area on [-1/2, 1/2]; differentiable in u and in the parameters."""
        raise NotImplementedError

    def value(self, x: Tensor, theta: Tensor) -> Tensor:
        """ω(x, θ) in 1/samples; differentiable in x, θ and the parameters.

        x: distance from the window centre in samples, any shape. theta: window length in samples, any shape that broadcasts with x.
        """
        u = x / theta
        outside = (u < -0.5) | (u >= 0.5)
        inside = torch.where(outside, 0.0, u)  # no family is evaluated where its slope may not be finite
        return torch.where(outside, 0.0, self.profile(inside) / theta)

    def frozen(self) -> Window:
        """The window as it is now, as a family that does not learn."""
        parameters = {name: value.detach().clone() for name, value in self.named_parameters()}

        def profile(u: Tensor) -> Tensor:
            moved = {name: value.to(u.device, u.dtype) for name, value in parameters.items()}
            return torch.func.functional_call(
                _Profile(self), {f"window.{name}": value for name, value in moved.items()}, (u,)
            )

        return from_profile(profile, name=self.name)


class _Profile(nn.Module):
    """The profile as a forward pass."""

    def __init__(self, window: LearnableWindow):
        super().__init__()
        self.window = window

    def forward(self, u: Tensor) -> Tensor:
        return self.window.profile(u)


class CosineWindow(LearnableWindow):
    """g(u) = 1 + Σ_k a_k cos(2πku), k = 1 … K: sums of cosines, such as Hann (a = 1), Hamming (a_1 = 0.85) and Blackman.

    coefficients: the first a, K numbers, or K, which begins as Hann.
    """

    name = "learn-cosine"

    def __init__(self, coefficients: int | list[float] = 2):
        super().__init__()
        if isinstance(coefficients, int):
            coefficients = [1.0, *[0.0] * (coefficients - 1)] if coefficients > 0 else []
        if not coefficients or not all(map(math.isfinite, coefficients)):
            raise InputError(f"window {self.name}: it needs one finite coefficient or more")
        self.coefficients = nn.Parameter(torch.tensor(coefficients, dtype=torch.get_default_dtype()))

    def profile(self, u: Tensor) -> Tensor:
        total = torch.ones_like(u)
        for k, a in enumerate(self.coefficients, start=1):
            total = total + a * torch.cos(2 * math.pi * k * u)
        return total


class GaussianWindow(LearnableWindow):
    """g(u) ~ exp(-u²/2σ²), cut off at ±1/2.

    sigma: the first σ in window lengths; the parameter is its logarithm, so that σ stays positive.
    """

    name = "learn-gaussian"

    def __init__(self, sigma: float = 1 / 6):
        super().__init__()
        self.log_sigma = nn.Parameter(torch.tensor(_log_of_positive(sigma, self.name, "sigma")))

    def profile(self, u: Tensor) -> Tensor:
        sigma = self.log_sigma.exp()
        area = sigma * math.sqrt(2 * math.pi) * torch.erf(1 / (2 * math.sqrt(2) * sigma))
        return torch.exp(-(u / sigma).square() / 2) / area


class KaiserWindow(LearnableWindow):
    """g(u) ~ I_0(β sqrt(1 - 4u²)); its area without the factor is sinh(β)/β (Kaiser and Schafer, IEEE TASSP 28(1), 1980).

    beta: the first β; the parameter is its logarithm, so that β stays positive.
    """

    name = "learn-kaiser"

    def __init__(self, beta: float = 6.0):
        super().__init__()
        self.log_beta = nn.Parameter(torch.tensor(_log_of_positive(beta, self.name, "beta")))

    def profile(self, u: Tensor) -> Tensor:
        beta = self.log_beta.exp()
        z = beta * (1 - 4 * u.square()).clamp_min(_TINY).sqrt()
        # I_0(z) β/sinh(β), with exp(β) divided out of both
        return torch.special.i0e(z) * torch.exp(z - beta) * 2 * beta / (1 - torch.exp(-2 * beta))


class TukeyWindow(LearnableWindow):
    """Flat in the middle, with a cosine taper at both ends: α = 0 is a rectangle, α = 1 is Hann.

    taper: the first α, the share of the window that is tapered; the parameter is its logit, so that α stays in (0, 1).
    """

    name = "learn-tukey"

    def __init__(self, taper: float = 0.5):
        super().__init__()
        if not 0 < taper < 1:
            raise InputError(f"window {self.name}: taper={taper:g}: it must be between 0 and 1")
        self.logit_taper = nn.Parameter(torch.tensor(math.log(taper / (1 - taper))))

    def profile(self, u: Tensor) -> Tensor:
        taper = torch.sigmoid(self.logit_taper)
        into = ((u.abs() - (1 - taper) / 2) / (taper / 2)).clamp(0, 1)  # 0 where it is flat, 1 at the ends
        return (1 + torch.cos(math.pi * into)) / 2 / (1 - taper / 2)


class FreeWindow(LearnableWindow):
    """A free shape: values at M points from the centre to the end of a half window, and a smooth curve through them.

    The curve is the cubic of Catmull and Rom (1974), which has a continuous slope; it is even at the centre. Its area is a weighted
    sum of the points, exactly.

    points: the first values, M of them, or M, which begins as Hann. M is 4 or more.
    """

    name = "learn-free"

    def __init__(self, points: int | list[float] = 16):
        super().__init__()
        if isinstance(points, int):
            points = [1 + math.cos(math.pi * i / (points - 1)) for i in range(points)] if points > 1 else []
        if len(points) < 4 or not all(map(math.isfinite, points)) or sum(points) <= 0:
            raise InputError(f"window {self.name}: it needs 4 points or more, finite, with a positive sum")
        self.points = nn.Parameter(torch.tensor(points, dtype=torch.get_default_dtype()))

    def profile(self, u: Tensor) -> Tensor:
        count = len(self.points)
        place = u.abs() * (2 * (count - 1))
        left = place.detach().floor().clamp(0, count - 2).long()
        t = place - left
        beyond = 2 * self.points[-1:] - self.points[-2:-1]
        values = torch.cat(
            [self.points[1:2], self.points, beyond]
        )  # from one point before the centre to one beyond the end
        before, here, after, last = (values[left + i] for i in range(4))
        curve = here + t / 2 * (
            after - before + t * (2 * before - 5 * here + 4 * after - last + t * (3 * (here - after) + last - before))
        )
        return curve / self._area(values)

    def _area(self, values: Tensor) -> Tensor:
        """Both halves: the integral over each piece is (13 (b + c) - a - d)/24 of its points a, b, c, d."""
        pieces = values.unfold(0, 4, 1)
        weights = torch.tensor([-1.0, 13.0, 13.0, -1.0], dtype=values.dtype, device=values.device) / 24
        return (pieces @ weights).sum() / (len(self.points) - 1)


FAMILIES: dict[str, Callable[[], LearnableWindow]] = {
    family.name: family for family in (CosineWindow, GaussianWindow, KaiserWindow, TukeyWindow, FreeWindow)
}
"""The families by name; each can be called without arguments."""


def _log_of_positive(value: float, name: str, what: str) -> float:
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"window {name}: {what}={value:g}: it must be more than 0")
    return math.log(value)
