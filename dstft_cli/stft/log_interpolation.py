"""Cubic interpolation in log θ between values at log-spaced window lengths (nodes).

Each point of the plane has values at B nodes, uniform in log θ. A read evaluates the cubic (4-point Lagrange) polynomial
through the nearest nodes, value and derivative together, whatever the shape of θ. Nodes are the fastest axis in memory,
so that one read is one short row.
"""

import math

import torch
from torch import Tensor

# Monomial coefficients of the cubic through values at -1, 0, 1, 2: rows are powers 0 … 3.
_CUBIC = (
    (0.0, 1.0, 0.0, 0.0),
    (-1 / 3, -1 / 2, 1.0, -1 / 6),
    (1 / 2, -1.0, 1 / 2, 0.0),
    (-1 / 6, 1 / 2, -1 / 2, 1 / 6),
)
_LEAST_NODES = 4
MOST_DENSITY = 30.0  # nodes an octave beyond which a finer bank costs more than it gains


def cubic_weights(t: Tensor) -> list[Tensor]:
    """The weights of the values at -1, 0, 1 and 2 in the cubic at t, in half the passes that its coefficients take.

    t: any shape; the weights have the same.
    """
    before, after, beyond = t + 1, t - 1, t - 2
    left, right = before * t, after * beyond
    return [t * right / -6, before * right / 2, left * beyond / -2, left * after / 6]


def node_lengths(theta_min: float, theta_max: float, count: int) -> list[float]:
    """B window lengths, uniform in log θ, both ends included.

    theta_min, theta_max: least and greatest length in samples.
    count: B, at least 2.

    Returns the lengths in samples, increasing.
    """
    ratio = theta_max / theta_min
    return [theta_min * ratio ** (i / (count - 1)) for i in range(count - 1)] + [theta_max]


def node_count(theta_min: float, theta_max: float, per_octave: float) -> int:
    """The number of nodes that gives a density of ``per_octave`` nodes an octave; at least the four of a cubic.

    theta_min, theta_max: least and greatest window length in samples.
    """
    return max(_LEAST_NODES, 1 + math.ceil(per_octave * math.log2(theta_max / theta_min)))


def density_for(tolerance: float) -> float:
    """Nodes an octave for a relative rms error of S.

    Measured: 7.2 nodes an octave gave 6e-4, and the error fell with the power 2.6 of the density.
    """
    return min(MOST_DENSITY, 7.2 * (6e-4 / tolerance) ** (1 / 2.6))


class Interpolation:
    """Values of a plane (F, T) as a function of the window length at each point.

    values: (F, T, B) real or complex, contiguous, the values at B nodes.
    lengths: the B window lengths in samples, at least 4, uniform in log θ.
    """

    def __init__(self, values: Tensor, lengths: list[float]):
        self.lengths, count = lengths, len(lengths)
        self.shape = tuple(values.shape[:2])
        self.log_min = math.log2(lengths[0])
        self.per_octave = (count - 1) / math.log2(lengths[-1] / lengths[0])
        components = 2 if values.is_complex() else 1
        flat = (torch.view_as_real(values) if values.is_complex() else values).reshape(-1)
        bins = self.shape[0] * self.shape[1]
        # Row r of this overlapping view is the four nodes from flat position r on: a read is a row copy.
        self._rows = flat.as_strided((bins * count - 3, 4 * components), (components, 1))
        self._first = torch.arange(bins, device=flat.device) * count
        powers = torch.tensor(_CUBIC, dtype=torch.float64)
        self._to_powers = torch.kron(powers, torch.eye(components, dtype=torch.float64)).to(flat)
        self._count, self._components = count, components
        self._tile = 2**24 if flat.is_cuda else 2**16

    def __len__(self) -> int:
        return self._count

    def tiles(self, log_theta: Tensor):
        """Tiles of the plane whose temporaries stay in the caches: (slice of rows, log2 θ there, (rows, T)).

        log_theta: log2 of window lengths in samples, any shape that broadcasts to (F, T).
        """
        whole = log_theta.expand(self.shape)
        high = max(1, self._tile // self.shape[1])
        for first in range(0, self.shape[0], high):
            here = slice(first, min(first + high, self.shape[0]))
            yield here, whole[here]

    def read(self, here: slice, log_theta: Tensor, derivative: bool) -> tuple[Tensor, Tensor | None]:
        """The interpolated values in some rows of the plane, and their slopes.

        here: the rows.
        log_theta: log2 of window lengths in samples, (rows, T).
        derivative: False leaves the slopes out.

        Returns the values and the slopes from node to node, (1, points) of real values, (2, points) of real and imaginary
        components. Slopes times ``per_octave`` are derivatives by log2 θ.
        """
        position = ((log_theta - self.log_min) * self.per_octave).reshape(-1)  # counted in nodes
        node = position.to(torch.int64).clamp_(1, self._count - 3)
        t = position - node
        first = here.start * self.shape[1]
        row = node.sub_(1).add_(self._first[first : first + len(position)])
        powers = torch.mm(self._to_powers, self._rows.index_select(0, row).t()).view(4, self._components, -1)
        inner = torch.addcmul(powers[2], powers[3], t)  # Horner, and its derivative alongside
        slope = torch.addcmul(inner, powers[3], t) if derivative else None
        outer = torch.addcmul(powers[1], inner, t)
        slope = torch.addcmul(outer, slope, t) if derivative else None
        return torch.addcmul(powers[0], outer, t), slope
