"""Loading results that stay on disk, for commands that need the whole spectrogram in memory."""

from dataclasses import replace

import numpy as np
import torch

from ..errors import InputError
from ..system.devices import free_bytes
from ..text import size_text
from .result import Result

_BYTES_PER_BIN = 60  # S in double precision, |S|, and what is computed from them


def load_into_memory(result: Result, what: str) -> Result:
    """The result with all its arrays in memory.

    result: any result; one that is in memory already comes back as it is.
    what: the command that needs it, for the sentence.

    Raises InputError where that takes more memory than is free.
    """
    if not result.on_disk:
        return result
    bins, frames = result.stft.shape
    need, free = _BYTES_PER_BIN * bins * frames, free_bytes(torch.device("cpu"))
    if need > 0.9 * free:
        raise InputError(
            f"{result.signal.where}: {what} needs all {bins} x {frames} bins at once, some {size_text(need)}, but "
            f"{size_text(free)} are free: optimize a part with --start and --duration, and use its result"
        )
    samples = np.array(result.signal.samples, dtype=np.float64)
    signal = replace(result.signal, samples=samples)
    return replace(result, stft=np.array(result.stft, order="K"), theta=np.array(result.theta), signal=signal)
