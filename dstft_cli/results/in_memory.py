"""Results whose planes stay on disk, for what needs all of a plane in memory."""

from dataclasses import replace

import numpy as np
import torch

from ..errors import InputError
from ..system.devices import free_bytes
from ..text import size_words
from .result import Result

_A_BIN = 60  # bytes: S in double precision, |S|, and what is made of them


def load_into_memory(result: Result, what: str) -> Result:
    """The result with its plane in memory. what: the command that needs it so.

    Raises InputError where that is more than is free.
    """
    if not result.on_disk:
        return result
    bins, frames = result.stft.shape
    need, free = _A_BIN * bins * frames, free_bytes(torch.device("cpu"))
    if need > 0.9 * free:
        raise InputError(
            f"{result.signal.where}: {what} holds all {bins} x {frames} bins at once, some {size_words(need)}, and "
            f"{size_words(free)} are free: optimize a part with --start and --duration, and take its result"
        )
    samples = np.array(result.signal.samples, dtype=np.float64)
    signal = replace(result.signal, samples=samples)
    return replace(result, stft=np.array(result.stft, order="K"), theta=np.array(result.theta), signal=signal)
