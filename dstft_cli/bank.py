"""The window bank: S at log-spaced window lengths by FFT, and any θ in between by interpolation.

With frames that do not move, S[m, n] depends on θ[m, n] alone, and smoothly. The bank holds it at B nodes,
uniform in log θ; a read is a cubic (4-point Lagrange) polynomial through the nearest nodes, value and derivative
together, whatever the shape of θ. Nodes are the fastest axis in memory, so that one read is one short row.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .frames import Frames
from .transform import dstft
from .windows import Window

# Monomial coefficients of the cubic through values at -1, 0, 1, 2: rows are powers 0 … 3.
CUBIC = (
    (0.0, 1.0, 0.0, 0.0),
    (-1 / 3, -1 / 2, 1.0, -1 / 6),
    (1 / 2, -1.0, 1 / 2, 0.0),
    (-1 / 6, 1 / 2, -1 / 2, 1 / 6),
)
_LEAST_NODES = 4
MOST_DENSITY = 30.0  # nodes an octave beyond which a finer bank costs more than it gains


def node_lengths(theta_min: float, theta_max: float, count: int) -> list[float]:
    """B window lengths in samples, uniform in log θ, both ends included."""
    ratio = theta_max / theta_min
    return [theta_min * ratio ** (i / (count - 1)) for i in range(count - 1)] + [theta_max]


def node_count(theta_min: float, theta_max: float, per_octave: float) -> int:
    """How many nodes give that density, in nodes an octave; never fewer than the interpolation needs."""
    return max(_LEAST_NODES, 1 + math.ceil(per_octave * math.log2(theta_max / theta_min)))


def density_for(tolerance: float) -> float:
    """Nodes an octave for a relative rms error: 7.2 gave 6e-4, and the error fell with the power 2.6 of the density."""
    return min(MOST_DENSITY, 7.2 * (6e-4 / tolerance) ** (1 / 2.6))


class WindowBank:
    """S of one signal at B window lengths, and its interpolation in between.

    signal: (N,) real. positions: (T,) samples. support: L. theta_min < theta_max: range of θ in samples.
    count: B nodes, at least 4.
    on_node: called as on_node(i, B, θ_i, S_i) once a node is computed, S_i (F, T); a true return stops the building
        and leaves the bank incomplete (``complete`` is False).
    """

    def __init__(
        self,
        signal: Tensor,
        positions: Tensor,
        support: int,
        theta_min: float,
        theta_max: float,
        count: int,
        window: Window,
        on_node: Callable[[int, int, float, Tensor], bool | None] | None = None,
    ):
        self.lengths = node_lengths(theta_min, theta_max, count)
        self.log_min = math.log2(theta_min)
        self.per_octave = (count - 1) / math.log2(theta_max / theta_min)
        self.shape = support // 2 + 1, len(positions)
        complex_dtype = signal.dtype.to_complex()
        self._values = torch.empty(*self.shape, count, dtype=complex_dtype, device=signal.device)
        self.complete = self._build(signal, positions, support, window, on_node)
        self._prepare(count)

    def _build(self, signal, positions, support, window, on_node) -> bool:
        frames = Frames.at(positions, support)
        with torch.no_grad():
            for i, length in enumerate(self.lengths):
                spectrum = dstft(signal, length, frames, support, window)
                self._values[..., i] = spectrum
                if on_node is not None and on_node(i, len(self.lengths), length, spectrum):
                    return False
        return True

    def _prepare(self, count: int) -> None:
        flat = torch.view_as_real(self._values).reshape(-1)
        bins = self.shape[0] * self.shape[1]
        # Row r of this overlapping view is the four complex nodes from flat position r on: a read is a row copy.
        self._rows = flat.as_strided((bins * count - 3, 8), (2, 1))
        self._first = torch.arange(bins, device=flat.device) * count
        powers = torch.tensor(CUBIC, dtype=torch.float64)
        self._to_powers = torch.kron(powers, torch.eye(2, dtype=torch.float64)).to(flat)
        self._count = count
        self._tile = 2**24 if flat.is_cuda else 2**16

    def __len__(self) -> int:
        return self._count

    def stft(self, log_theta: Tensor) -> Tensor:
        """S (F, T) complex at log2 θ, of any shape that broadcasts to (F, T)."""
        out = torch.empty(self.shape, dtype=self._values.dtype, device=self._values.device)
        for here, place in self.tiles(log_theta.detach()):
            value, _ = self.read(here, place, derivative=False)
            out[here] = torch.complex(value[0], value[1]).view(place.shape)
        return out

    def magnitude(self, log_theta: Tensor) -> Tensor:
        """|S| (F, T) at log2 θ, of any shape that broadcasts to (F, T); differentiable in log2 θ."""
        return _Magnitude.apply(log_theta, self)

    def tiles(self, log_theta: Tensor):
        """(rows of the plane, log2 θ there) in pieces whose temporaries stay in the caches and on the heap."""
        whole = log_theta.expand(self.shape)
        high = max(1, self._tile // self.shape[1])
        for first in range(0, self.shape[0], high):
            here = slice(first, min(first + high, self.shape[0]))
            yield here, whole[here]

    def read(self, here: slice, log_theta: Tensor, derivative: bool) -> tuple[Tensor, Tensor | None]:
        """S, and ∂S/∂(log2 θ), in those rows of the plane, as (2, bins): real and imaginary parts."""
        place = ((log_theta - self.log_min) * self.per_octave).reshape(-1)
        node = place.to(torch.int64).clamp_(1, self._count - 3)
        t = place - node
        first = here.start * self.shape[1]
        row = node.sub_(1).add_(self._first[first : first + len(place)])
        powers = torch.mm(self._to_powers, self._rows.index_select(0, row).t()).view(4, 2, -1)
        inner = torch.addcmul(powers[2], powers[3], t)  # Horner, and its derivative alongside
        slope = torch.addcmul(inner, powers[3], t) if derivative else None
        outer = torch.addcmul(powers[1], inner, t)
        slope = torch.addcmul(outer, slope, t) if derivative else None
        return torch.addcmul(powers[0], outer, t), slope


class _Magnitude(torch.autograd.Function):
    """|S| and ∂|S|/∂(log2 θ) together."""

    @staticmethod
    def forward(ctx, log_theta, bank):
        magnitude = torch.empty(bank.shape, dtype=log_theta.dtype, device=log_theta.device)
        change = torch.empty_like(magnitude)
        for here, place in bank.tiles(log_theta):
            value, slope = bank.read(here, place, derivative=True)
            size = value[0].square().addcmul_(value[1], value[1]).sqrt_()
            pull = (value[0] * slope[0]).addcmul_(value[1], slope[1]).mul_(bank.per_octave)
            magnitude[here] = size.view(place.shape)
            change[here] = pull.div_(size.clamp_min_(torch.finfo(size.dtype).tiny ** 0.5)).view(place.shape)
        ctx.save_for_backward(change)
        ctx.theta_shape = log_theta.shape
        return magnitude

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        (change,) = ctx.saved_tensors
        return (grad * change).sum_to_size(ctx.theta_shape), None
