"""Where frames lie: window centres t_n in samples, real-valued. In every mode frame 0 is centred on sample 0.

Each rule is differentiable: with ∂S/∂t_n = -S_{∂xω} (Eq. 14) from the transform, the sums below turn into the gradients of
Eq. (15), (20) for hops H_n and of Eq. (16), (24) for one hop H.
"""

import math

import torch
from torch import Tensor

FIXED_HOP, CONSTANT_HOP, VARYING_HOP, OVERLAP = HOP_MODES = ("fixed", "constant", "time-varying", "overlap")


def frame_count(samples: int, hop: float) -> int:
    """T = 1 + floor(N/H): how many frames a fixed hop gives (paper, VI-A); the last one is centred on N or before it."""
    return 1 + math.floor(samples / hop)


def fixed_positions(samples: int, hop: float, device: torch.device | str | None = None) -> Tensor:
    """t_n = n·H for all frames of a signal of N samples, shape (T,), float64, in samples."""
    return equal_steps(hop, frame_count(samples, hop), device)


def equal_steps(hop: Tensor | float, count: int, device: torch.device | str | None = None) -> Tensor:
    """t_n = n·H, n = 0 … T-1, from one hop in samples: (T,), float64."""
    return torch.arange(count, dtype=torch.float64, device=getattr(hop, "device", device)) * hop


def unequal_steps(hops: Tensor) -> Tensor:
    """t_n = Σ_{i<n} H_i from hops (T-1,) in samples: (T,), float64."""
    hops = hops.to(torch.float64)
    return torch.cat([hops.new_zeros(1), hops.cumsum(0)])


def following(theta: Tensor, ratio: float, samples: int) -> Tensor:
    """Fixed overlap (paper, III-B and V-A): t_n = t_{n-1} + α·θ_{n-1}, for as long as t_n <= N.

    theta: (1, 1), one window length in samples for all frames, or (1, T), at least as many as are needed to reach the end.
    ratio: α, the step as a share of the window before it. samples: N. Returns (T',), float64, samples, T' <= T.
    """
    if theta.numel() == 1:
        hop = ratio * theta.reshape(()).to(torch.float64)
        return equal_steps(hop, frame_count(samples, float(hop)))
    positions = unequal_steps(ratio * theta.reshape(-1)[:-1])
    return positions[: int((positions.detach() <= samples).sum())]


def bounded_hops(hops: Tensor, least: float, room: float) -> Tensor:
    """Hops (n,) in samples, each at least ``least`` and in all at most ``room`` long (n·least <= room).

    What is too short is lengthened; where the sum is too long, what each has above ``least`` shrinks in proportion. The
    gradient passes the lower bound, so that a hop can come back from beyond it.
    """
    spare = hops - least
    spare = spare + (spare.detach().clamp_min(0) - spare.detach())
    allowed = room - least * len(hops)
    total = spare.sum()
    return least + (spare if float(total) <= allowed else spare * (allowed / total))


def keep_apart(before: Tensor, after: Tensor, least: float, end: float) -> Tensor:
    """A move of frames that keeps them in order, at least ``least`` apart, frame 0 at 0 and the last at or before ``end``.

    before: (T,) positions that are so. after: (T,) where they would go. A frame gets at most half of the room that lies
    between it and a neighbour, so that two that approach each other cannot meet.
    """
    room = ((before.diff() - least) / 2).clamp_min(0)
    still = room.new_zeros(1)
    back = torch.cat([still, room])
    ahead = torch.cat([room, (end - before[-1:]).clamp_min(0)])
    ahead[0] = 0
    return before + torch.minimum(torch.maximum(after - before, -back), ahead)
