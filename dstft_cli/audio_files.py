"""Audio files through libsndfile; the only import of soundfile.

libsndfile trusts headers more than they deserve. So nothing is allocated from a header's claim (samples are
read in blocks), what could be read is compared with what was declared, and a chunk that would make it loop
for ever is looked for before the file is opened.
"""

import os
import re
from collections.abc import Iterator

import numpy as np
import soundfile

from .containers import ogg_notes, refuse_endless_list
from .errors import InputError
from .recordings import Pick, Recording, Request, Track, pick_channels, shown

_BLOCK = 1 << 20  # samples over all channels
_UNKNOWN = 1 << 62  # libsndfile gives 2^63 - 1 frames where a header leaves the length open
_ERRORS = (soundfile.SoundFileError, RuntimeError)


def library_version() -> str:
    """Of libsndfile."""
    return soundfile.__libsndfile_version__


def read_audio(request: Request, text_extensions: tuple[str, ...]) -> Recording:
    """Read WAV, FLAC, OGG, AIFF and whatever else libsndfile knows; integers as fractions of full scale.

    text_extensions: named in the refusal of an unknown format.
    Raises InputError where the file is not audio, holds no samples or cannot be decoded.
    """
    refuse_endless_list(request)
    with open_audio(request, text_extensions) as sound:
        notes = _header_notes(request, sound)
        rate = request.fs or float(sound.samplerate)
        names = [str(i + 1) for i in range(sound.channels)]
        declared = sound.frames
    if declared == 0:
        raise InputError(f"{request.where}: holds no samples, or was cut off before they could be counted")
    if rate <= 0:
        raise InputError(f"{request.where}: the header gives no sampling rate; give it with --fs")
    picks, remarks = pick_channels(request, names)
    first, count = request.span(rate, declared)
    samples = _read_picks(request, picks, first, count)
    notes += _count_notes(request, len(samples[0]), count, declared, rate)
    notes += ogg_notes(request, declared)
    tracks = [Track(pick.name, row) for pick, row in zip(picks, samples, strict=True)]
    return Recording(tracks, tuple(names), rate, first / rate, remarks + notes)


def write_wav(path: str | os.PathLike, samples: np.ndarray, sample_rate: int) -> None:
    """Samples (N,) as they are, in 32-bit floats; RF64 where they are too many for a plain WAV. Raises OSError."""
    kind = "RF64" if 4 * len(samples) > 2**32 - 2**16 else "WAV"
    try:
        with soundfile.SoundFile(_name(os.fsdecode(path)), "w", sample_rate, 1, "FLOAT", format=kind) as sound:
            for first in range(0, len(samples), _BLOCK):
                sound.write(samples[first : first + _BLOCK].astype(np.float32))
    except _ERRORS as error:
        raise OSError(None, str(error)) from error


def _name(path: str) -> str | bytes:
    """soundfile encodes str as strict UTF-8; names that are not go through as bytes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def open_audio(request: Request, text_extensions: tuple[str, ...] = ()) -> soundfile.SoundFile:
    try:
        return soundfile.SoundFile(_name(request.path))
    except (*_ERRORS, TypeError) as error:  # TypeError: the extension .raw, which has no header
        reason = shown(getattr(error, "error_string", error), 70).rstrip(".")
        raise InputError(
            f"{request.where}: not audio that can be read ({reason}); expected WAV, FLAC, OGG, AIFF or "
            f"another format of libsndfile, or text named {' '.join(text_extensions)}"
        ) from error


def _read_picks(request: Request, picks: list[Pick], first: int, count: int) -> list[np.ndarray]:
    rows: list[list[np.ndarray]] = [[] for _ in picks]
    for block in _blocks(request, first, count):
        for row, pick in zip(rows, picks, strict=True):
            row.append(block.mean(axis=1) if pick.position is None else block[:, pick.position].copy())
    samples = [np.concatenate(row) if row else np.empty(0) for row in rows]
    if not samples[0].size:
        raise InputError(
            f"{request.where}: no samples could be decoded from {request.start:g} s on; "
            "the file ends before or is damaged"
        )
    return samples


def _blocks(request: Request, first: int, count: int) -> Iterator[np.ndarray]:
    """Blocks (n, channels) from frame ``first`` on, at most ``count`` frames, as far as they can be decoded.

    After each read soundfile seeks to where it ended, which fails at a false or damaged end although the
    frames before it have been written. So the block is filled with NaN first: it shows how many there are.
    """
    with open_audio(request) as sound:
        size = max(1, _BLOCK // sound.channels)
        try:
            sound.seek(first)
        except _ERRORS:
            return
        while count > 0:
            block = np.full((min(size, count), sound.channels), np.nan)
            try:
                read = sound.read(out=block)
            except _ERRORS:
                yield block[: _filled(block)]
                return
            if not len(read):
                return
            yield read
            count -= len(read)


def _filled(block: np.ndarray) -> int:
    missing = np.isnan(block).any(axis=1)
    return int(missing.argmax()) if missing.any() else len(block)


def _header_notes(request: Request, sound: soundfile.SoundFile) -> list[str]:
    notes = []
    if request.fs is not None and request.fs != sound.samplerate:
        notes.append(f"sampling rate {request.fs:g} Hz as given; the header says {sound.samplerate} Hz")
    wrong = re.search(r"data\s*:\s*(\d+) \(should be (\d+)\)", sound.extra_info)
    if wrong:
        notes.append(
            f"warning: the header declares {wrong[1]} bytes of samples, the file holds {wrong[2]}; "
            "it was cut off or not closed"
        )
    return notes


def _count_notes(request: Request, read: int, count: int, declared: int, rate: float) -> list[str]:
    if declared > _UNKNOWN:
        open_end = request.duration is None or read < count
        return ["the header does not say how long the file is; read to its end"] if open_end else []
    if read == count:
        return []
    return [
        f"warning: {read} of {count} declared samples could be read "
        f"({read / rate:.6g} of {count / rate:.6g} s); the file is cut off or damaged"
    ]
