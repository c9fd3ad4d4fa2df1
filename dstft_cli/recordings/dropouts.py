"""Parts of a recording that are exactly zero amid sound, as lost blocks of a copy or a dropped connection leave them."""

import numpy as np

from .lazy_samples import LazySamples, iter_blocks

_LEAST = 256  # samples; shorter ones may be chance
_BESIDE = 64  # samples next to a hole that must be sound
_EDGE = 4  # samples next to a hole, one of which must be loud
_FULL = 0.7  # share of them that is not zero; a tone may cross zero at every fourth
_STEEP = 0.5  # times the steepest step: a tone that is cut where it crosses zero
_LOUD = 0.25  # times the rms: a pause that was faded out has quieter edges


def dropout_notes(samples: np.ndarray | LazySamples, rate: float) -> list[str]:
    """A warning about the longest hole in samples (N,), where there is one that begins and ends in the midst of sound."""
    holes = [hole for hole in _zero_runs(samples) if _is_hole(samples, *hole)]
    if not holes:
        return []
    first, end = max(holes, key=lambda hole: hole[1] - hole[0])
    more = f", and {len(holes) - 1} more such parts" if len(holes) > 1 else ""
    return [
        f"warning: samples {first} to {end - 1} (from {first / rate:.6g} s on) are exactly zero amid sound{more}; "
        "unless it is a pause, a part of the recording is lost"
    ]


def _zero_runs(samples: np.ndarray | LazySamples) -> list[tuple[int, int]]:
    """(first, last + 1) sample of each long run of zeros."""
    edges, silent, begin = [], False, 0
    for piece in iter_blocks(samples):
        zeros = piece == 0
        edges.append(begin + np.flatnonzero(np.diff(zeros, prepend=silent)))
        silent, begin = zeros[-1], begin + len(piece)
    edges = np.concatenate([*edges, [begin] if silent else []]).astype(int)
    starts, ends = edges[::2], edges[1::2]
    long = ends - starts >= _LEAST
    return list(zip(starts[long].tolist(), ends[long].tolist(), strict=True))


def _is_hole(samples: np.ndarray | LazySamples, first: int, end: int) -> bool:
    """Whether there is sound at both edges; one of them may be an end of the recording."""
    sides = [
        part for part in (samples[max(0, first - _BESIDE) : first][::-1], samples[end : end + _BESIDE]) if part.size
    ]
    return bool(sides) and all(_is_sound(part) for part in sides)


def _is_sound(part: np.ndarray) -> bool:
    """Samples from an edge on: hardly a zero, and neither quieter nor flatter at the edge than further in."""
    if part.size < _BESIDE or np.count_nonzero(part) <= _FULL * part.size:
        return False
    steps = abs(np.diff(part))
    with np.errstate(over="ignore"):
        loudness = np.sqrt(np.mean(part**2))
    return bool(abs(part[:_EDGE]).max() > _LOUD * loudness or steps[: _EDGE - 1].max() > _STEEP * steps.max())
