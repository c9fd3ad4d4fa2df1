"""Coverage: how much of the signal the windows reach, as a penalty (Eq. 32) and as it truly is."""

import torch
from torch import Tensor


def linked_coverage(positions: Tensor, theta: Tensor, samples: int) -> Tensor:
    """C(Ω) of Eq. (32) over the T - 1 gaps between frames: the share of the signal that neighbouring windows link.

    Each gap counts as far as its two windows reach towards each other, min(t_{n+1} - t_n, (θ_{n+1} + θ_n)/2).

    positions: (T,) window centres in samples, increasing.
    theta: window lengths in samples, (1 or F, 1 or T).
    samples: N.

    Returns a scalar in [0, 1], the mean over frequency.
    """
    return linked_gaps(positions, theta, samples).sum() / (samples * len(theta))


def linked_gaps(positions: Tensor, theta: Tensor, samples: int) -> Tensor:
    """The part of each gap that its two windows link, in samples, (1 or F, T - 1); parameters as for linked_coverage."""
    theta = theta.to(positions.dtype).expand(theta.shape[0], len(positions))
    gaps, half = positions.diff(), theta / 2
    linked = torch.minimum(gaps, half[:, 1:] + half[:, :-1])
    inside = (positions[1:] - half[:, 1:] < samples) & (positions[:-1] + half[:, :-1] > 0)
    return linked * inside


def coverage_penalty(positions: Tensor, theta: Tensor, samples: int) -> Tensor:
    """1 - C(Ω), minimised: Eq. (29), (32) with the sign that the paper's text asks for; parameters as for linked_coverage."""
    return 1 - linked_coverage(positions, theta, samples)


def coverage(positions: Tensor, theta: Tensor, samples: int, block: tuple[float, float] | None = None) -> float:
    """True coverage: the measure of the union of [t_n - θ_n/2, t_n + θ_n/2] ∩ [0, N], over N; the mean over frequency.

    positions, theta, samples: as for linked_coverage.
    block: (first, last) sample of the range that counts; None counts all of [0, N].

    Returns a number in [0, 1].
    """
    bounds = block or (0, samples)
    theta = theta.to(positions.dtype).expand(theta.shape[0], len(positions))
    if len(positions) > 1 and 0 <= positions.diff().amin() and positions.diff().amax() <= theta.amin():
        first, last = (positions - theta / 2).amin(-1), (positions + theta / 2).amax(-1)  # each window meets the next
        return float((last.clamp(*bounds) - first.clamp(*bounds)).sum() / (samples * len(theta)))
    left, order = (positions - theta / 2).clamp(*bounds).sort(-1)
    right = (positions + theta / 2).clamp(*bounds).gather(-1, order).cummax(-1).values
    reached = torch.cat([torch.full_like(right[:, :1], bounds[0]), right[:, :-1]], -1)
    fresh = right - torch.maximum(left, reached)
    return float(fresh.sum() / (samples * len(theta)))
