"""The offset and the trend of a signal: removed or kept, and noted where the offset is large."""

import math
from dataclasses import replace

import numpy as np

from .lazy_samples import LazySamples, iter_blocks
from .notes import Note
from .signal import Signal

_LARGE_OFFSET = 1.0  # times the standard deviation


def inner_product(one: np.ndarray, other: np.ndarray) -> float:
    """Σ xy of two vectors (n,), in one thread: those of BLAS spin after each long vector, a sixth of the CPU time of a run."""
    return float(np.einsum("i,i", one, other))


def detrend(signal: Signal, kind: str) -> Signal:
    """Remove the mean or the trend of a signal.

    signal: the signal.
    kind: "mean" removes the mean, "linear" the least-squares straight line, "none" nothing.

    Returns the signal, with a note where its mean exceeds its standard deviation, whether the mean was removed or kept.
    """
    samples = signal.samples
    with np.errstate(over="ignore"):
        mean, deviation, slope = _line(samples, kind == "linear")
    if abs(mean) > _LARGE_OFFSET * deviation:
        signal = _with_offset_note(signal, mean, deviation, kept=kind == "none")
    if kind == "none":
        return signal
    middle = (len(samples) - 1) / 2
    if isinstance(samples, LazySamples):
        return replace(signal, samples=samples.less(mean - slope * middle, slope))
    line = np.full_like(samples, mean)
    if slope:
        line += (np.arange(len(samples)) - middle) * slope
    return replace(signal, samples=samples - line)


def _with_offset_note(signal: Signal, mean: float, deviation: float, kept: bool) -> Signal:
    size = f"{abs(mean) / deviation:.3g} times the standard deviation" if deviation else "all there is"
    what = (
        "will dominate the spectrogram; --detrend mean removes it" if kept else "was removed; --detrend none keeps it"
    )
    return replace(signal, notes=(*signal.notes, Note(f"the mean, {mean:.4g}, is {size} and {what}")))


def _line(samples: np.ndarray | LazySamples, tilted: bool) -> tuple[float, float, float]:
    """Mean, standard deviation, and the slope per sample of the least-squares line, 0 unless ``tilted``."""
    count, middle = len(samples), (len(samples) - 1) / 2
    if isinstance(samples, np.ndarray):
        index = np.arange(count) - middle if tilted else None
        slope = inner_product(index, samples) / max(inner_product(index, index), 1.0) if tilted else 0.0
        return samples.mean(), samples.std(), slope
    mean = sum(block.sum() for block in iter_blocks(samples)) / count
    squares = moment = begin = 0.0
    for block in iter_blocks(samples):
        deviations = block - mean
        squares += inner_product(deviations, deviations)
        moment += inner_product(np.arange(len(block)) + (begin - middle), deviations)
        begin += len(block)
    index_squares = max(count * (count**2 - 1) / 12, 1.0)
    return mean, math.sqrt(squares / count), moment / index_squares if tilted else 0.0
