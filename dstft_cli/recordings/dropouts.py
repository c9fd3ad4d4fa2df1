"""Dropouts: samples that are exactly zero in the middle of sound, as lost blocks of a copy or a dropped connection leave them."""

import numpy as np

from .lazy_samples import LazySamples, iter_blocks
from .notes import WARNING, Note

_MIN_LENGTH = 256  # samples; shorter runs of zeros occur by chance
_MARGIN = 64  # samples next to a dropout that must be sound
_EDGE = 4  # samples next to a dropout, one of which must be loud
_MIN_NONZERO = 0.7  # share of the margin; a tone may cross zero at every fourth sample
_STEEP = 0.5  # times the steepest step: a tone that is cut off at a zero crossing
_GATE = 0.2  # times the rms of the recording: a gate closes where sound is quieter
_LOUD = 0.25  # times the rms: a pause that was faded has quieter edges


def dropout_notes(samples: np.ndarray | LazySamples, rate: float) -> list[Note]:
    """A warning about the longest dropout; where all are beside quiet sound, as a gate leaves them, only a remark.

    samples: (N,) samples in any unit.
    rate: sampling rate in Hz.

    Returns one note, or none where there is no dropout.
    """
    dropouts = [run for run in _zero_runs(samples) if _is_dropout(samples, *run)]
    if not dropouts:
        return []
    quiet = _GATE * _rms_of_sound(samples)
    cut = [run for run in dropouts if _loudness_beside(samples, *run) > quiet]
    runs = cut or dropouts
    first, end = max(runs, key=lambda run: run[1] - run[0])
    more = f", and {len(runs) - 1} more such ranges" if len(runs) > 1 else ""
    where = f"samples {first} to {end - 1} (from {first / rate:.6g} s on) are exactly zero"
    if not cut:
        return [Note(f"{where} between quiet samples{more}; a noise gate leaves such pauses")]
    return [Note(f"{where} amid sound{more}; unless this is a pause, samples were lost", WARNING)]


def _rms_of_sound(samples: np.ndarray | LazySamples) -> float:
    """The rms of the samples that are not zero."""
    squares = count = 0.0
    with np.errstate(over="ignore"):
        for block in iter_blocks(samples):
            squares, count = squares + float(block @ block), count + np.count_nonzero(block)
    return float(np.sqrt(squares / count)) if count else 0.0


def _loudness_beside(samples: np.ndarray | LazySamples, first: int, end: int) -> float:
    """The rms of the samples on the louder side of a run."""
    margins = (samples[max(0, first - _MARGIN) : first], samples[end : end + _MARGIN])
    with np.errstate(over="ignore"):
        return max(float(np.sqrt(np.mean(margin**2))) for margin in margins if margin.size)


def _zero_runs(samples: np.ndarray | LazySamples) -> list[tuple[int, int]]:
    """(first, last + 1) sample of each long run of zeros."""
    edges, silent, begin = [], False, 0
    for block in iter_blocks(samples):
        zeros = block == 0
        edges.append(begin + np.flatnonzero(np.diff(zeros, prepend=silent)))
        silent, begin = zeros[-1], begin + len(block)
    edges = np.concatenate([*edges, [begin] if silent else []]).astype(int)
    starts, ends = edges[::2], edges[1::2]
    long = ends - starts >= _MIN_LENGTH
    return list(zip(starts[long].tolist(), ends[long].tolist(), strict=True))


def _is_dropout(samples: np.ndarray | LazySamples, first: int, end: int) -> bool:
    """Whether there is sound on both sides; one side may be an end of the recording."""
    before, after = samples[max(0, first - _MARGIN) : first][::-1], samples[end : end + _MARGIN]
    margins = [margin for margin in (before, after) if margin.size]
    return bool(margins) and all(_is_sound(margin) for margin in margins)


def _is_sound(margin: np.ndarray) -> bool:
    """Whether samples, from the edge outwards, are rarely zero and neither quieter nor flatter at the edge than beyond."""
    if margin.size < _MARGIN or np.count_nonzero(margin) <= _MIN_NONZERO * margin.size:
        return False
    steps = abs(np.diff(margin))
    with np.errstate(over="ignore"):
        rms = np.sqrt(np.mean(margin**2))
    return bool(abs(margin[:_EDGE]).max() > _LOUD * rms or steps[: _EDGE - 1].max() > _STEEP * steps.max())
