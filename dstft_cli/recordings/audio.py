"""Audio files through libsndfile; the only import of soundfile.

libsndfile trusts headers too much. So the container is audited before it is opened, and decoded in another process first
where the audit finds faults; nothing is allocated from a header's claim (samples are read in blocks), and the number of
samples read is compared with the number declared.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from copy import deepcopy
from functools import lru_cache

import numpy as np
import soundfile

from ..errors import InputError
from ..text import one_line, quoted
from .audio_sandbox import decode_in_subprocess, silence_c_output
from .containers.audit import audit_container
from .containers.flac import checksum, declared_checksum
from .containers.patched_file import PatchedFile
from .containers.report import ContainerReport
from .lazy_samples import LazySamples
from .mix import notes_on_mix
from .request import Pick, Recording, Request, Track, file_version, pick_channels
from .time_expansion import expanded_rate

_BLOCK = 1 << 20  # samples over all channels
_SANDBOX_SAMPLES = 1 << 24  # over all channels, decoded in the sandbox
_MIN_BYTES = 64  # no file with samples is shorter
_CHECKSUM_FRAMES = 1 << 26  # up to which the checksum of a file is verified even when only a part of it is read
_UNKNOWN = 1 << 62  # libsndfile gives 2^63 - 1 frames where a header leaves the length open
_CHECKED_BY_DECODER = {"MP3", "SVX"}  # formats not audited whose truncation libsndfile or its decoder reports
_NO_REASON = "Unspecified internal error"  # of libsndfile
_NO_FILE = "File does not exist"  # of libsndfile where its MP3 decoder finds nothing
_ERRORS = (soundfile.SoundFileError, RuntimeError)


def library_version() -> str:
    """The version of libsndfile."""
    return soundfile.__libsndfile_version__


def read_audio(request: Request, text_extensions: tuple[str, ...]) -> Recording:
    """Read WAV, FLAC, OGG, AIFF and any other format of libsndfile; integers as fractions of full scale.

    request: file, channels and time range.
    text_extensions: named in the refusal of an unknown format.

    Returns the channels. Raises InputError where the file is not audio, holds no samples or cannot be decoded.
    """
    report = audit_file(request)
    with nullcontext() if report.known else silence_c_output():
        return _read_audited(request, text_extensions, report)


def _read_audited(request: Request, text_extensions: tuple[str, ...], report: ContainerReport) -> Recording:
    with open_audio(request, text_extensions, report) as sound:
        _check_header(sound, report)
        rate, notes_on_rate = expanded_rate(request, float(sound.samplerate), report.metadata)
        names = [str(i + 1) for i in range(sound.channels)]
        declared = sound.frames
    if declared == 0:
        fault = report.fault(140) or "it was cut off before they could be counted"
        raise InputError(f"{request.where}: holds no samples: {fault}; take another copy")
    if rate <= 0:
        raise InputError(f"{request.where}: the header gives no sampling rate; give it with --fs")
    picks, notes = pick_channels(request, names)
    first, count = request.span(rate, declared)
    load = _loaded_samples if count * len(picks) <= request.max_samples else _lazy_samples
    samples = load(request, picks, first, count)
    _check_count(report, len(samples[0]), first, count, declared, rate)
    if count == declared or declared <= _CHECKSUM_FRAMES:
        _check_checksum(report, declared)
    if picks[0].position is None and isinstance(samples[0], np.ndarray):
        (one,) = _decoded(request, [Pick(names[0], 0)], first, min(count, _BLOCK))
        notes += notes_on_mix(request, samples[0], one)
    tracks = [Track(pick.name, values) for pick, values in zip(picks, samples, strict=True)]
    notes += notes_on_rate + report.notes
    return Recording(tracks, tuple(names), rate, first / rate, notes, report.began, report.metadata)


def audit_file(request: Request) -> ContainerReport:
    """What is wrong with a file's container, cached.

    request: names the file.

    Returns the report. Raises InputError for a file that libsndfile must not be given.
    """
    return deepcopy(_audit_cached(request.path, *file_version(request.path)))


@lru_cache(maxsize=8)  # a long recording may be read in many blocks
def _audit_cached(path: str, *_file_version: int) -> ContainerReport:
    report = audit_container(Request(path))
    decode_in_subprocess(report)
    return report


def decode_and_discard(path: str) -> None:
    """Decode the first samples of a file, so that libsndfile hangs or crashes in this process where it would in another."""
    request = Request(path)
    left = _SANDBOX_SAMPLES
    try:
        for block in _blocks(request, 0, _SANDBOX_SAMPLES):
            left -= block.size
            if left <= 0:
                return
    except InputError:
        pass


def open_audio(
    request: Request, text_extensions: tuple[str, ...] = (), report: ContainerReport | None = None
) -> soundfile.SoundFile:
    """Open a file with libsndfile.

    request: names the file.
    text_extensions: named in the refusal of an unknown format.
    report: what the audit of its container says.

    Returns the open file. Raises InputError where libsndfile does not open it.
    """
    try:
        path, patches = _soundfile_path(request.path), _patches(request.path, *file_version(request.path))
        with request.must_end():
            return soundfile.SoundFile(PatchedFile(path, patches) if patches else path)
    except (*_ERRORS, TypeError) as error:  # TypeError: the extension .raw, which has no header
        reason = one_line(getattr(error, "error_string", error), 70).rstrip(".")
        reason = "no sound was found in it" if reason.startswith(_NO_FILE) else reason
        raise InputError(_refusal(request, text_extensions, report, reason)) from error


@lru_cache(maxsize=8)
def _patches(path: str, *_file_version: int) -> dict[int, bytes]:
    """Bytes by their offset that the header of a file must have for libsndfile to read its samples."""
    try:
        return audit_container(Request(path)).patches
    except InputError:
        return {}


def _refusal(request: Request, text_extensions: tuple[str, ...], report: ContainerReport | None, reason: str) -> str:
    """Why a file cannot be opened. reason: that of libsndfile."""
    if report and report.damaged:
        more = "" if reason == _NO_REASON else f" ({reason})"
        return f"{request.where}: {report.fault(120)}, and cannot be read{more}; take another copy"
    with open(request.path, "rb") as file:
        size, begin = os.path.getsize(request.path), quoted(file.read(12).decode("latin-1"), 50)
    if size < _MIN_BYTES:
        return f"{request.where}: not audio, its {size} bytes ({begin}) are too few; it was cut off, take another copy"
    reason += f"; it begins with {begin}" if "recognised" in reason else ""
    return (
        f"{request.where}: not audio that can be read ({reason}); expected WAV, FLAC, OGG, "
        f"AIFF or another format of libsndfile, or text named {' '.join(text_extensions)}"
    )


def _soundfile_path(path: str) -> str | bytes:
    """The path as soundfile takes it: a str, or bytes where the name is not UTF-8, which soundfile passes on unchanged."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def _decoded(request: Request, picks: list[Pick], first: int, count: int) -> list[np.ndarray]:
    """(N,) samples of each channel from frame ``first`` on, at most ``count``, as far as they can be decoded."""
    rows: list[list[np.ndarray]] = [[] for _ in picks]
    for block in _blocks(request, first, count):
        for row, pick in zip(rows, picks, strict=True):
            row.append(block.mean(axis=1) if pick.position is None else block[:, pick.position].copy())
    return [np.concatenate(row) if row else np.empty(0) for row in rows]


def _loaded_samples(request: Request, picks: list[Pick], first: int, count: int) -> list[np.ndarray]:
    samples = _decoded(request, picks, first, count)
    if not samples[0].size:
        where = f"the samples from {request.start:g} s on" if first else "its first samples"
        raise InputError(
            f"{request.where}: {where} cannot be decoded, the sound is damaged or cut off there; take another copy, "
            "or begin later with --start"
        )
    return samples


def _lazy_samples(request: Request, picks: list[Pick], first: int, count: int) -> list[LazySamples]:
    """The same samples, left in the file."""
    frames = sum(len(block) for block in _blocks(request, first, count))
    if not frames:
        return _loaded_samples(request, picks, first, 1)  # raises the error
    return [LazySamples(_reader(request, pick, first), frames) for pick in picks]


def _reader(request: Request, pick: Pick, begin: int) -> Callable[[int, int], np.ndarray]:
    version = file_version(request.path)

    def read(first: int, last: int) -> np.ndarray:
        try:
            (samples,) = _decoded(request, [pick], begin + first, last - first)
            same = file_version(request.path) == version
        except OSError as error:  # must not be mistaken for one of the disk that a result is written to
            raise InputError(
                f"{request.where}: cannot be read any more ({error.strerror or error}); run again"
            ) from error
        if not same or len(samples) != last - first:
            raise request.changed
        return samples

    return read


def _blocks(request: Request, first: int, count: int) -> Iterator[np.ndarray]:
    """Blocks (n, channels) from frame ``first`` on, at most ``count`` frames, as far as they can be decoded.

    After each read soundfile seeks to where it ended, which fails at a false or damaged end although the
    frames before it have been written. So the block is filled with NaN first, which shows how many there are.
    """
    with open_audio(request) as sound:
        size = max(1, _BLOCK // sound.channels)
        try:
            with request.must_end():
                _go_to(sound, first, size)
        except _ERRORS:
            return
        while count > 0:
            block = np.full((min(size, count), sound.channels), np.nan)
            try:
                with request.must_end():
                    read = sound.read(out=block)
            except _ERRORS:
                yield block[: _written(block)]
                return
            if not len(read):
                return
            yield read
            count -= len(read)


def _go_to(sound: soundfile.SoundFile, first: int, size: int) -> None:
    """Go to a frame, by reading where the codec (GSM, G.721) allows no other way."""
    if sound.seekable():
        sound.seek(first)
        return
    for begin in range(0, first, size):
        sound.read(min(size, first - begin))


def _written(block: np.ndarray) -> int:
    """The number of frames before the first that is NaN."""
    missing = np.isnan(block).any(axis=1)
    return int(missing.argmax()) if missing.any() else len(block)


def _check_header(sound: soundfile.SoundFile, report: ContainerReport) -> None:
    if not report.known and sound.format not in _CHECKED_BY_DECODER:
        report.remark(f"files of the format {sound.format} are not checked; if this one was cut off, it goes unnoticed")
    wrong = re.search(r"(\w+)\s*:\s*(\d+) \(should be (\d+)\)", sound.extra_info)
    if wrong and not report.known:
        name, declared, expected = one_line(wrong[1], 20), wrong[2], wrong[3]
        report.warn(
            f"the header declares {declared} for {name}, libsndfile expects {expected}; it was cut off or not closed"
        )


def _check_count(report: ContainerReport, read: int, first: int, count: int, declared: int, rate: float) -> None:
    """Warn where fewer samples were read than are declared. first, count: those asked for. declared: samples in the file."""
    if declared > _UNKNOWN:
        present = min(count, (report.declared_frames or 0) - first)
        if read < present:
            report.warn(
                f"the header does not say how long the file is; {read} of the {present} samples that its frames hold could be "
                f"read ({read / rate:.6g} of {present / rate:.6g} s); the file is damaged"
            )
        elif report.request.duration is None or read < count:
            report.remark("the header does not say how long the file is; it was read to its end")
    elif read != count:
        report.warn(
            f"{read} of {count} declared samples could be read ({read / rate:.6g} of {count / rate:.6g} s); "
            "the file is cut off or damaged"
        )
    if report.declared_frames is not None and report.declared_frames > declared:
        report.warn(
            f"the stream declares {report.declared_frames} samples, libsndfile finds {declared}; some are missing or out of order"
        )


def _check_checksum(report: ContainerReport, declared: int) -> None:
    """Warn where the samples of a FLAC file do not have the checksum that it declares."""
    if not _checksum_matches(report.request.path, declared, *file_version(report.request.path)):
        report.warn("the samples do not match the checksum that the FLAC file declares; the file is damaged")


@lru_cache(maxsize=8)
def _checksum_matches(path: str, declared: int, *_file_version: int) -> bool:
    expected = declared_checksum(path)
    return expected is None or checksum(_blocks(Request(path), 0, declared), expected[0]) == expected[1]
