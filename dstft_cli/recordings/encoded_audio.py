"""Samples encoded as audio in memory, for pages that play them."""

import io

import numpy as np
import soundfile

_SHORT = 1 << 14  # samples: browsers cannot seek in FLAC of a single block
_BLOCK = 1 << 16  # samples written at a time: libsndfile's Vorbis encoder needs stack for each write


def encoded_audio(samples: np.ndarray, sample_rate: int, most: int) -> tuple[str, bytes] | None:
    """One channel as FLAC of 16 bits (as WAV where it is very short), or as Vorbis where that is too large.

    samples: (N,) from -1 to 1.
    sample_rate: Hz.
    most: bytes that the audio may have.

    Returns the media type and the bytes; None if both are too large, or libsndfile has no encoder for the rate.
    """
    exact = ("audio/wav", ("WAV", "PCM_16")) if len(samples) <= _SHORT else ("audio/flac", ("FLAC", "PCM_16"))
    for media, kind in (exact, ("audio/ogg", ("OGG", "VORBIS"))):
        data = _encoded(samples, sample_rate, *kind)
        if data is not None and len(data) <= most:
            return media, data
    return None


def _encoded(samples: np.ndarray, sample_rate: int, container: str, subtype: str) -> bytes | None:
    file = io.BytesIO()
    try:
        with soundfile.SoundFile(file, "w", sample_rate, 1, subtype, format=container) as sound:
            for first in range(0, len(samples), _BLOCK):
                sound.write(samples[first : first + _BLOCK])
    except (soundfile.SoundFileError, RuntimeError, ValueError):
        return None
    return file.getvalue()
