"""Audio files through libsndfile; the only import of soundfile.

libsndfile trusts headers more than they deserve. So the container is looked through before it is opened, and tried out in
another process where that finds fault; nothing is allocated from a header's claim (samples are read in blocks), and what
could be read is compared with what was declared.
"""

import os
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from copy import deepcopy
from functools import lru_cache

import numpy as np
import soundfile

from ..errors import InputError
from ..text import quoted, shown
from .audio_sandbox import decode_in_subprocess, silence_c_output
from .containers.audit import audit_container
from .containers.flac import declared_sum, sum_of
from .containers.report import ContainerReport
from .lazy_samples import LazySamples
from .request import Pick, Recording, Request, Track, pick_channels

_BLOCK = 1 << 20  # samples over all channels
_TRIED = 1 << 24  # samples over all channels that are tried out
_SHORT = 64  # bytes; no file with samples is shorter
_SUMMED = 1 << 26  # frames of a file whose checksum is looked at even when only a part of it is read
_UNKNOWN = 1 << 62  # libsndfile gives 2^63 - 1 frames where a header leaves the length open
_TOLD = {"MP3", "SVX"}  # formats not looked through of which libsndfile or its decoder tells that they were cut off
_NOTHING_TOLD = "Unspecified internal error"
_NO_FILE = "File does not exist"  # what libsndfile says where its MP3 decoder finds nothing
_ERRORS = (soundfile.SoundFileError, RuntimeError)


def library_version() -> str:
    """Of libsndfile."""
    return soundfile.__libsndfile_version__


def read_audio(request: Request, text_extensions: tuple[str, ...]) -> Recording:
    """Read WAV, FLAC, OGG, AIFF and whatever else libsndfile knows; integers as fractions of full scale.

    text_extensions: named in the refusal of an unknown format.
    Raises InputError where the file is not audio, holds no samples or cannot be decoded.
    """
    report = audit_file(request)
    with nullcontext() if report.known else silence_c_output():
        return _read_known(request, text_extensions, report)


def _read_known(request: Request, text_extensions: tuple[str, ...], report: ContainerReport) -> Recording:
    with open_audio(request, text_extensions, report) as sound:
        _header_notes(request, sound, report)
        rate = request.fs or float(sound.samplerate)
        names = [str(i + 1) for i in range(sound.channels)]
        declared = sound.frames
    if declared == 0:
        fault = report.fault(140) or "it was cut off before they could be counted"
        raise InputError(f"{request.where}: holds no samples: {fault}; take another copy")
    if rate <= 0:
        raise InputError(f"{request.where}: the header gives no sampling rate; give it with --fs")
    picks, remarks = pick_channels(request, names)
    first, count = request.span(rate, declared)
    held = count * len(picks) <= request.most
    samples = (_read_picks if held else _tapes)(request, picks, first, count)
    _check_count(report, len(samples[0]), count, declared, rate)
    if count == declared or declared <= _SUMMED:
        _check_sum(report, declared)
    tracks = [Track(pick.name, row) for pick, row in zip(picks, samples, strict=True)]
    return Recording(tracks, tuple(names), rate, first / rate, remarks + report.notes)


def audit_file(request: Request) -> ContainerReport:
    """What is wrong with the file's container. Raises InputError for one that libsndfile must not be given."""
    return deepcopy(_audit_cached(request.path, *_version(request.path)))


@lru_cache(maxsize=8)  # a long recording may be read in many parts
def _audit_cached(path: str, *_version: int) -> ContainerReport:
    report = audit_container(Request(path))
    decode_in_subprocess(report)
    return report


def try_reading(path: str) -> None:
    """Read the first part of a file and keep nothing: whatever the library does to this process, it has done then."""
    request = Request(path)
    left = _TRIED
    try:
        for block in _blocks(request, 0, _TRIED):
            left -= block.size
            if left <= 0:
                return
    except InputError:
        pass


def write_wav(path: str | os.PathLike, samples: np.ndarray, sample_rate: int) -> None:
    """Samples (N,) as they are, in 32-bit floats; RF64 (EBU Tech 3306) where they are too many for a plain WAV. Raises OSError.

    Not by libsndfile, which does not tell why it cannot write, and notes the time, so that no two files are alike.
    """
    with open(path, "wb") as file:
        file.write(_wav_head(len(samples), sample_rate))
        for first in range(0, len(samples), _BLOCK):
            file.write(samples[first : first + _BLOCK].astype("<f4").data)


def _wav_head(count: int, sample_rate: int) -> bytes:
    """All that comes before so many samples."""
    size, most = 4 * count, 2**32 - 1
    large = size > most - 2**16
    form = struct.pack("<4sIHHIIHHH", b"fmt ", 18, 3, 1, sample_rate, 4 * sample_rate, 4, 32, 0)
    fact = struct.pack("<4sII", b"fact", 4, most if large else count)
    data = struct.pack("<4sI", b"data", most if large else size)
    long = struct.pack("<4sIQQQI", b"ds64", 28, 4 + 36 + 26 + 12 + 8 + size, size, count, 0) if large else b""
    whole = 4 + len(long) + len(form) + len(fact) + len(data) + size
    return struct.pack("<4sI4s", *((b"RF64", most) if large else (b"RIFF", whole)), b"WAVE") + long + form + fact + data


def _name(path: str) -> str | bytes:
    """soundfile encodes str as strict UTF-8; names that are not go through as bytes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def open_audio(
    request: Request, text_extensions: tuple[str, ...] = (), report: ContainerReport | None = None
) -> soundfile.SoundFile:
    """Raises InputError where libsndfile does not take the file; report: what is known to be wrong with it."""
    try:
        return soundfile.SoundFile(_name(request.path))
    except (*_ERRORS, TypeError) as error:  # TypeError: the extension .raw, which has no header
        reason = shown(getattr(error, "error_string", error), 70).rstrip(".")
        reason = "no sound was found in it" if reason.startswith(_NO_FILE) else reason
        if report and report.damaged:
            told = "" if reason == _NOTHING_TOLD else f" ({reason})"
            raise InputError(
                f"{request.where}: {report.fault(120)}, and cannot be read{told}; take another copy"
            ) from error
        size, begin = _beginning(request.path)
        if size < _SHORT:
            raise InputError(
                f"{request.where}: not audio, its {size} bytes ({begin}) are too few; it was cut off, take another copy"
            ) from error
        reason += f"; it begins with {begin}" if "recognised" in reason else ""
        raise InputError(
            f"{request.where}: not audio that can be read ({reason}); expected WAV, FLAC, OGG, "
            f"AIFF or another format of libsndfile, or text named {' '.join(text_extensions)}"
        ) from error


def _beginning(path: str) -> tuple[int, str]:
    """How long a file is, and how it begins, which often tells what it is instead."""
    with open(path, "rb") as file:
        raw = file.read(12)
    return os.path.getsize(path), quoted(raw.decode("latin-1"), 50)


def _decoded(request: Request, picks: list[Pick], first: int, count: int) -> list[np.ndarray]:
    """Samples from frame ``first`` on, at most ``count``, as far as they can be decoded."""
    rows: list[list[np.ndarray]] = [[] for _ in picks]
    for block in _blocks(request, first, count):
        for row, pick in zip(rows, picks, strict=True):
            row.append(block.mean(axis=1) if pick.position is None else block[:, pick.position].copy())
    return [np.concatenate(row) if row else np.empty(0) for row in rows]


def _read_picks(request: Request, picks: list[Pick], first: int, count: int) -> list[np.ndarray]:
    samples = _decoded(request, picks, first, count)
    if not samples[0].size:
        place = f"the samples from {request.start:g} s on" if first else "its first samples"
        raise InputError(
            f"{request.where}: {place} cannot be decoded, the sound is damaged or cut off there; take another copy, "
            "or begin later with --start"
        )
    return samples


def _tapes(request: Request, picks: list[Pick], first: int, count: int) -> list[LazySamples]:
    """The same left in the file, as far as it can be decoded."""
    found = sum(len(block) for block in _blocks(request, first, count))
    if not found:
        return _read_picks(request, picks, first, 1)  # says what is wrong
    return [LazySamples(_reader(request, pick, first), found) for pick in picks]


def _reader(request: Request, pick: Pick, begin: int) -> Callable[[int, int], np.ndarray]:
    def read(first: int, last: int) -> np.ndarray:
        try:
            (samples,) = _decoded(request, [pick], begin + first, last - first)
        except OSError as error:  # not to be taken for one of the disk that a result is being written to
            raise InputError(
                f"{request.where}: cannot be read any more ({error.strerror or error}); run it again"
            ) from error
        if len(samples) != last - first:
            raise InputError(f"{request.where}: it changed while it was read; run it again once it is whole")
        return samples

    return read


def _blocks(request: Request, first: int, count: int) -> Iterator[np.ndarray]:
    """Blocks (n, channels) from frame ``first`` on, at most ``count`` frames, as far as they can be decoded.

    After each read soundfile seeks to where it ended, which fails at a false or damaged end although the
    frames before it have been written. So the block is filled with NaN first: it shows how many there are.
    """
    with open_audio(request) as sound:
        size = max(1, _BLOCK // sound.channels)
        try:
            _go_to(sound, first, size)
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


def _go_to(sound: soundfile.SoundFile, first: int, size: int) -> None:
    """To a frame; by reading where the coding (GSM, G.721) allows no other way."""
    if sound.seekable():
        sound.seek(first)
        return
    for begin in range(0, first, size):
        sound.read(min(size, first - begin))


def _filled(block: np.ndarray) -> int:
    missing = np.isnan(block).any(axis=1)
    return int(missing.argmax()) if missing.any() else len(block)


def _header_notes(request: Request, sound: soundfile.SoundFile, report: ContainerReport) -> None:
    if request.fs is not None and request.fs != sound.samplerate:
        report.remark(f"sampling rate {request.fs:g} Hz as given; the header says {sound.samplerate} Hz")
    if not report.known and sound.format not in _TOLD:
        report.remark(f"files of the format {sound.format} are not looked through; if it was cut off, nothing tells")
    wrong = re.search(r"(\w+)\s*:\s*(\d+) \(should be (\d+)\)", sound.extra_info)
    if wrong and not report.known:
        name, found, expected = shown(wrong[1], 20), wrong[2], wrong[3]
        report.warn(
            f"the header declares {found} for {name}, libsndfile expects {expected}; it was cut off or not closed"
        )


def _check_count(report: ContainerReport, read: int, count: int, declared: int, rate: float) -> None:
    if declared > _UNKNOWN:
        if report.request.duration is None or read < count:
            report.remark("the header does not say how long the file is; read to its end")
    elif read != count:
        report.warn(
            f"{read} of {count} declared samples could be read ({read / rate:.6g} of {count / rate:.6g} s); "
            "the file is cut off or damaged"
        )
    if report.frames is not None and report.frames > declared:
        report.warn(
            f"the stream counts {report.frames} samples, {declared} were found; some are missing or out of place"
        )


def _check_sum(report: ContainerReport, declared: int) -> None:
    """The checksum of all samples of a FLAC file, where it declares one."""
    if not _sum_holds(report.request.path, declared, *_version(report.request.path)):
        report.warn("the samples do not have the checksum that the FLAC file declares; it is damaged")


@lru_cache(maxsize=8)
def _sum_holds(path: str, declared: int, *_version: int) -> bool:
    found = declared_sum(path)
    return found is None or sum_of(_blocks(Request(path), 0, declared), found[0]) == found[1]


def _version(path: str) -> tuple[int, int]:
    """What changes when a file does."""
    status = os.stat(path)
    return status.st_mtime_ns, status.st_size
