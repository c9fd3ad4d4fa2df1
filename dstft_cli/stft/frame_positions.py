"""Frame positions: window centres t_n in samples, real-valued. Frame 0 is centred on sample 0 in every mode.

Each rule is differentiable. With ∂S/∂t_n = -S_{∂xω} (Eq. 14) from the transform, autograd turns the sums below into the
gradients of Eq. (15), (20) for hops H_n and of Eq. (16), (24) for one hop H.
"""

import math

import torch
from torch import Tensor

from ..errors import InputError


def frame_count(samples: int, hop: float) -> int:
    """T = 1 + floor(N/H), the number of frames that a fixed hop gives (paper, VI-A).

    samples: N.
    hop: H in samples.
    """
    return 1 + math.floor(samples / hop)


def fixed_positions(samples: int, hop: float, device: torch.device | str | None = None) -> Tensor:
    """t_n = n·H for all frames of a signal: (T,) float64, in samples.

    samples: N.
    hop: H in samples.
    """
    return equal_steps(hop, frame_count(samples, hop), device)


def equal_steps(hop: Tensor | float, count: int, device: torch.device | str | None = None) -> Tensor:
    """t_n = n·H, n = 0 … T-1: (T,) float64, in samples.

    hop: H in samples, () where it is a tensor.
    count: T.
    """
    return torch.arange(count, dtype=torch.float64, device=getattr(hop, "device", device)) * hop


def unequal_steps(hops: Tensor) -> Tensor:
    """t_n = Σ_{i<n} H_i from hops (T-1,) in samples: (T,) float64, in samples."""
    hops = hops.to(torch.float64)
    return torch.cat([hops.new_zeros(1), hops.cumsum(0)])


def following(theta: Tensor, ratio: float, samples: int) -> Tensor:
    """Fixed overlap (paper, III-B and V-A): t_n = t_{n-1} + α·θ_{n-1}, as long as t_n <= N.

    theta: window lengths in samples: (1, 1), one for all frames, or (1, T), enough to reach the end.
    ratio: α, the step to the next frame as a share of the window.
    samples: N.

    Returns t_n, (T',) float64, in samples; T' <= T.
    """
    if theta.numel() == 1:
        hop = ratio * theta.reshape(()).to(torch.float64)
        return equal_steps(hop, frame_count(samples, float(hop.detach())))
    positions = unequal_steps(ratio * theta.reshape(-1)[:-1].to(torch.float64))
    return positions[: int((positions.detach() <= samples).sum())]


def hops_between(positions: Tensor, least: float) -> Tensor:
    """The hops (T-1,) between positions (T,), in samples.

    least: least hop allowed, in samples.

    Raises InputError unless the positions begin at 0 and increase by at least ``least``.
    """
    hops = positions.diff()
    if float(positions[0]) != 0 or bool((hops < least * (1 - 1e-9)).any()):
        raise InputError(f"frame_positions must begin at 0 and lie at least hop_min, {least:g} samples, apart")
    return hops


def check_room(samples: int, count: int, least: float) -> None:
    """Raises InputError where T frames at least ``least`` samples apart do not fit: N < (T-1)·least.

    samples: N.
    count: T.
    """
    if samples < (count - 1) * least:
        raise InputError(
            f"{count} frames at least {least:g} samples apart need a signal of {math.ceil((count - 1) * least)} samples "
            f"or more, not {samples}: give a longer one, fewer frames or a smaller hop_min"
        )


def bounded_hops(hops: Tensor, least: float, room: float) -> Tensor:
    """Hops within bounds: each at least ``least``, their sum at most ``room``.

    Shorter hops are lengthened; where the sum is too long, the excess of each hop over ``least`` shrinks in proportion. The
    gradient passes the lower bound, and the upper one where descent leads back inside, so that hops can come back.

    hops: (n,) in samples.
    least: in samples, n·least <= room.
    room: in samples.

    Returns (n,) in samples.
    """
    spare = hops - least
    spare = spare + (spare.detach().clamp_min(0) - spare.detach())
    allowed = room - least * len(hops)
    total = spare.sum()
    if float(total.detach()) <= allowed:
        return least + spare
    return least + spare * (_clamped_at(allowed, total) / total)


def _clamped_at(most: float, value: Tensor) -> Tensor:
    """``most`` in place of a greater value (); the value's gradient passes where descent lowers the value."""
    clamped = most + (value - value.detach())
    if clamped.requires_grad:
        clamped.register_hook(lambda gradient: gradient.clamp_min(0))
    return clamped


def keep_apart(before: Tensor, after: Tensor, least: float, end: float) -> Tensor:
    """Positions after a step that keeps frames in order, frame 0 at 0 and the last frame at or before ``end``.

    A frame moves by at most half of the room between it and a neighbour, so that two frames that approach each other
    cannot meet.

    before: (T,) positions in samples that meet these conditions.
    after: (T,) positions in samples that the step asks for.
    least: least distance between frames in samples.
    end: in samples.

    Returns (T,) positions in samples.
    """
    room = ((before.diff() - least) / 2).clamp_min(0)
    still = room.new_zeros(1)
    back = torch.cat([still, room])
    ahead = torch.cat([room, (end - before[-1:]).clamp_min(0)])
    ahead[0] = 0
    return before + torch.minimum(torch.maximum(after - before, -back), ahead)
