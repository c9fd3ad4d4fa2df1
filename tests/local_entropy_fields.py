"""What tests of the loss local-entropy share: a recording in memory, and its evidence and votes on a small grid."""

import math

import numpy as np
import torch

from dstft_cli.optimization.local_entropy.evidence import Evidence, find_evidence
from dstft_cli.optimization.local_entropy.loss import LocalEntropy
from dstft_cli.optimization.local_entropy.loudness import measure_loudness
from dstft_cli.optimization.local_entropy.pair_evidence import Samples
from dstft_cli.optimization.local_entropy.working_grid import WorkingGrid
from dstft_cli.stft.windows import WINDOWS

HANN = WINDOWS["hann"]


def reading(samples: np.ndarray, dtype=torch.float64) -> Samples:
    """Samples of a recording, which may not be read beyond its ends."""
    values = torch.as_tensor(samples, dtype=dtype)

    def between(first: int, last: int) -> torch.Tensor:
        assert 0 <= first < last <= len(values)
        return values[first:last]

    return between


def white(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(count)


def grid_of(count: int, support: int, shortest: float, hop: int | None = None) -> WorkingGrid:
    """For a recording of so many samples; windows from ``shortest`` to ``support`` samples."""
    hop = hop or max(1, support // 16)
    return WorkingGrid((support // 2 + 1, count // hop + 1), support, hop, shortest)


def evidence_of(samples: np.ndarray, support: int, shortest: float, columns=None, dtype=torch.float64) -> Evidence:
    grid, source = grid_of(len(samples), support, shortest), reading(samples, dtype)
    loudness = measure_loudness(source, len(samples), grid, HANN)
    return find_evidence(source, len(samples), grid, columns or (0, grid.places[1]), HANN, loudness)


def field_of(samples: np.ndarray, support: int, shortest: float, mode: str = "plane", **named) -> LocalEntropy:
    """mode: plane, time, frequency or constant. named: ``usual``, log2 of half the support unless given, and ``calm``."""
    named.setdefault("usual", math.log2(support / 2))
    grid = grid_of(len(samples), support, shortest)
    rows, columns = grid.places
    shape = {"plane": (rows, columns), "time": (1, columns), "frequency": (rows, 1), "constant": (1, 1)}[mode]
    return LocalEntropy(evidence_of(samples, support, shortest).votes(shape), grid, **named)


def wanted(evidence: Evidence, grid: WorkingGrid, frequency: float, sample: float) -> float:
    """The length in samples with the most evidence at a place: cycles per sample, and a sample."""
    places = frequency * grid.support / grid.steps[0], sample / grid.hop / grid.steps[1]
    row, column = (min(round(at), count - 1) for at, count in zip(places, grid.places, strict=True))
    return evidence.lengths[int(evidence.values[:, row, column].argmax())]


def decay(count: int, start: int, frequency: float, rate: float) -> np.ndarray:
    """A tone struck at a sample: cycles per sample, and the share of its amplitude that it loses in each."""
    past = np.arange(count) - start
    return np.where(past >= 0, np.exp(-rate * np.maximum(past, 0)) * np.sin(2 * math.pi * frequency * past), 0.0)
