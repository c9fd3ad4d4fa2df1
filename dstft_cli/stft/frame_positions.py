"""Where frames lie: window centres t_n in samples, real-valued. In every mode frame 0 is centred on sample 0.

Each rule is differentiable: with ∂S/∂t_n = -S_{∂xω} (Eq. 14) from the transform, the sums below turn into the gradients of
Eq. (15), (20) for hops H_n and of Eq. (16), (24) for one hop H.
"""

import math

import torch
from torch import Tensor

from ..errors import InputError


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
        return equal_steps(hop, frame_count(samples, float(hop.detach())))
    positions = unequal_steps(ratio * theta.reshape(-1)[:-1].to(torch.float64))
    return positions[: int((positions.detach() <= samples).sum())]


def hops_between(positions: Tensor, least: float) -> Tensor:
    """The hops (T-1,) that lead to positions (T,); all in samples.

    Raises InputError unless the positions begin at 0 and each is at least ``least`` after the one before.
    """
    hops = positions.diff()
    if float(positions[0]) != 0 or bool((hops < least * (1 - 1e-9)).any()):
        raise InputError(f"frame_positions must begin at 0 and lie at least hop_min, {least:g} samples, apart")
    return hops


def check_room(samples: int, count: int, least: float) -> None:
    """Raises InputError where N samples cannot hold T frames that lie ``least`` apart: N < (T-1)·least."""
    if samples < (count - 1) * least:
        raise InputError(
            f"{count} frames at least {least:g} samples apart need a signal of {math.ceil((count - 1) * least)} samples "
            f"or more, not {samples}: give a longer one, fewer frames or a smaller hop_min"
        )


def bounded_hops(hops: Tensor, least: float, room: float) -> Tensor:
    """Hops (n,) in samples, each at least ``least`` and in all at most ``room`` long (n·least <= room).

    What is too short is lengthened; where the sum is too long, what each has above ``least`` shrinks in proportion. The
    gradient passes the lower bound, and the upper one where descent leads back inside, so that hops can come back.
    """
    spare = hops - least
    spare = spare + (spare.detach().clamp_min(0) - spare.detach())
    allowed = room - least * len(hops)
    total = spare.sum()
    if float(total.detach()) <= allowed:
        return least + spare
    return least + spare * (_held_at(allowed, total) / total)


def _held_at(most: float, value: Tensor) -> Tensor:
    """``most`` in place of a value () that lies above it, with the value's gradient where descent lowers the value."""
    held = most + (value - value.detach())
    if held.requires_grad:
        held.register_hook(lambda gradient: gradient.clamp_min(0))
    return held


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
