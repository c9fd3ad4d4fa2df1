"""WAV files, written without libsndfile: it does not say why it cannot write, and it stores the time, so no two files are alike."""

import os
import struct

import numpy as np

_BLOCK = 1 << 20  # samples
_MAX_SIZE = 2**32 - 1  # bytes


def write_wav(path: str | os.PathLike, samples: np.ndarray, sample_rate: int) -> None:
    """Write one channel in 32-bit floats, as WAV; as RF64 (EBU Tech 3306) where it is too long for WAV.

    path: the file.
    samples: (N,), in any unit, written without scaling.
    sample_rate: sampling rate in Hz.

    Raises OSError where it cannot be written.
    """
    with open(path, "wb") as file:
        file.write(_header(len(samples), sample_rate))
        for first in range(0, len(samples), _BLOCK):
            file.write(samples[first : first + _BLOCK].astype("<f4").data)


def _header(count: int, sample_rate: int) -> bytes:
    """All bytes before the samples."""
    size = 4 * count
    long = size > _MAX_SIZE - 2**16
    form = struct.pack("<4sIHHIIHHH", b"fmt ", 18, 3, 1, sample_rate, 4 * sample_rate, 4, 32, 0)
    fact = struct.pack("<4sII", b"fact", 4, _MAX_SIZE if long else count)
    data = struct.pack("<4sI", b"data", _MAX_SIZE if long else size)
    ds64 = struct.pack("<4sIQQQI", b"ds64", 28, 4 + 36 + 26 + 12 + 8 + size, size, count, 0) if long else b""
    whole = 4 + len(ds64) + len(form) + len(fact) + len(data) + size
    return (
        struct.pack("<4sI4s", *((b"RF64", _MAX_SIZE) if long else (b"RIFF", whole)), b"WAVE")
        + ds64
        + form
        + fact
        + data
    )
