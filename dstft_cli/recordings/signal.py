"""Signals: samples with their sampling rate and origin, and the loaders that read them from an audio or a text file."""

import math
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..text import one_line
from .annotations.box import Annotations
from .dropouts import dropout_notes
from .formats.registry import find_format
from .kinds import TEXT_EXTENSIONS, file_hash, is_text
from .lazy_samples import LazySamples, iter_blocks
from .notes import Note
from .request import Recording, Request, TextOptions, file_version

_MIN_RATE, _MAX_RATE = 1e-12, 1e12  # Hz

SHORTEST = 16
"""The least number of samples of a signal whose spectrogram can show anything: two windows of eight samples."""


@dataclass(frozen=True, eq=False)
class Signal:
    """One channel of a recording.

    samples: (N,) float64, contiguous, as the file has them: never resampled, never normalised. Those of a long recording may
        stay on disk: LazySamples or a memory map, which are sliced like an array.
    sample_rate: sampling rate in Hz.
    name: the file's stem; results are named after it.
    channel: name of this channel, "mix" for the mean over all.
    channels: names of all channels in the file.
    unit: of the samples, "" where unknown.
    start: time of samples[0] in the file, in s.
    path: the file; None for a signal made from an array.
    sha256: SHA-256 of the file's bytes in hexadecimal digits; None for a signal made from an array.
    notes: remarks for the user.
    began: the recording's own time of the first sample in the file: a date with time ("2024-03-30T23:59:56Z"), a time of day, or a
        number of seconds; None where the file does not tell.
    metadata: what the recorder wrote about the recording, such as the species and the place, by name.
    annotations: the boxes over time and frequency that decide window lengths; None for the whole recording.

    Raises InputError where the samples are not one row of real numbers or the rate is not positive.
    """

    samples: np.ndarray | LazySamples
    sample_rate: float
    name: str
    channel: str = "1"
    channels: tuple[str, ...] = ("1",)
    unit: str = ""
    start: float = 0.0
    path: str | None = None
    sha256: str | None = None
    notes: tuple[Note, ...] = ()
    began: str | float | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    annotations: Annotations | None = None

    def __post_init__(self):
        object.__setattr__(self, "samples", _as_samples(self.samples, self.where))
        object.__setattr__(self, "sample_rate", _as_rate(self.sample_rate, self.where))
        object.__setattr__(self, "channels", tuple(self.channels))
        object.__setattr__(self, "notes", tuple(self.notes))

    @property
    def duration(self) -> float:
        """Length in s."""
        return len(self.samples) / self.sample_rate

    @property
    def where(self) -> str:
        """The file, or else the name, as messages show it: on one printable line."""
        return one_line(self.path or self.name, 80)


def load_signal(
    path: str | os.PathLike,
    *,
    channel: str | int | None = None,
    start: float = 0.0,
    duration: float | None = None,
    fs: float | None = None,
    text: TextOptions | None = None,
    time_expansion: float | None = None,
) -> Signal:
    """Read one channel of an audio or a text file.

    path: the file.
    channel: number from 1, name or "mix" (the mean over all channels); None for the first.
    start: where to begin, in s.
    duration: how much to read, in s; None reads to the end.
    fs: sampling rate in Hz, instead of the one in the file.
    text: the layout of a text file; None detects it.
    time_expansion: see load_signals.

    Returns one Signal. Raises InputError as load_signals does.
    """
    if str(channel).strip() == "all":
        raise InputError(f"{one_line(os.fsdecode(path), 80)}: channel all gives several signals; use load_signals")
    options = {"channel": channel, "start": start, "duration": duration, "fs": fs, "text": text}
    return load_signals(path, **options, time_expansion=time_expansion)[0]


def load_signals(
    path: str | os.PathLike,
    *,
    channel: str | int | None = None,
    start: float = 0.0,
    duration: float | None = None,
    fs: float | None = None,
    text: TextOptions | None = None,
    memory: float | None = None,
    time_expansion: float | None = None,
) -> list[Signal]:
    """Read channels of a recording.

    path: the file.
    channel: number from 1, name, "mix" (the mean over all channels) or "all"; None for the first.
    start: where to begin, in s.
    duration: how much to read, in s; None reads to the end.
    fs: sampling rate in Hz, instead of the one in the file.
    text: the layout of a text file; None detects it.
    memory: bytes that reading, and what is then done with the samples, may use; None for all free memory. Samples of an audio
        file that exceed their share stay on disk, as LazySamples.
    time_expansion: how many times slower the recording is than what it recorded; it multiplies the rate. None takes it from the file.

    Returns one Signal per channel, several for channel "all" only.
    Raises InputError, in one sentence, for a file or an option that cannot give sound samples.
    """
    request = Request(os.fsdecode(path), channel, start, duration, fs, text or TextOptions(), memory, time_expansion)
    _check_file(request)
    try:
        version = file_version(request.path)
        sha256 = file_hash(request.path)
        try:
            recording = _read(request)
        finally:
            if file_version(request.path) != version:  # whatever was read, or not
                raise request.changed
    except OSError as error:
        raise InputError(f"{request.where}: cannot be read: {one_line(error.strerror or error, 120)}") from error
    return _signals(request, recording, sha256)


def check_unchanged(signal: Signal) -> None:
    """Raises InputError where the file of a signal whose samples stay in it has other bytes than when it was loaded.

    signal: from load_signals. That of samples in memory is not looked at.
    """
    if not isinstance(signal.samples, LazySamples) or signal.path is None or signal.sha256 is None:
        return
    request = Request(signal.path)
    try:
        same = file_hash(signal.path) == signal.sha256
    except OSError as error:
        raise InputError(f"{request.where}: cannot be read any more ({error.strerror or error}); run again") from error
    if not same:
        raise request.changed


def check_signal(signal: Signal, shortest: int = SHORTEST) -> None:
    """Check that a window length can be found for a signal. shortest: the least number of samples.

    Raises InputError for a signal with fewer samples, a constant one, or one with a sample that is not finite.
    """
    samples, rate = signal.samples, signal.sample_rate
    if len(samples) < shortest:
        raise InputError(
            f"{signal.where}: {len(samples)} samples ({signal.duration:.6g} s) are too few for a spectrogram, expected at least "
            f"{shortest} samples; read a longer time range"
        )
    fault, low, high = _extremes(samples)
    if fault:
        index, value, count = fault
        raise InputError(
            f"{signal.where}: sample {index} (counted from 0), at {signal.start + index / rate:.6g} s, "
            f"is {value}, one of {count} that are not finite; fix the file or choose "
            "another time range with --start and --duration"
        )
    if low == high:
        raise InputError(
            f"{signal.where}: channel {one_line(signal.channel, 40)} is constant ({low:g} in all "
            f"{len(samples)} samples); choose another channel or another time range"
        )


def _extremes(samples: np.ndarray | LazySamples) -> tuple[tuple[int, float, int] | None, float, float]:
    """Index of the first sample that is not finite, its value, and the number of such samples; the minimum and the maximum."""
    fault, low, high, begin = None, math.inf, -math.inf, 0
    for block in iter_blocks(samples):
        infinite = np.flatnonzero(~np.isfinite(block))
        if infinite.size:
            index, value, count = fault or (begin + infinite[0], block[infinite[0]], 0)
            fault = index, value, count + infinite.size
        low, high, begin = min(low, block.min()), max(high, block.max()), begin + len(block)
    return fault, low, high


def _as_samples(samples: object, where: str) -> np.ndarray | LazySamples:
    if isinstance(samples, LazySamples) and len(samples):
        return samples
    if isinstance(samples, np.memmap) and samples.ndim == 1 and samples.dtype.kind == "f" and samples.size:
        return samples  # stays on disk
    array = np.asarray(samples)
    if array.ndim != 1:
        raise InputError(f"{where}: samples must be one row (N,), got the shape {array.shape}; pass one channel")
    if array.dtype.kind not in "iuf":
        raise InputError(f"{where}: samples must be real numbers, got {array.dtype}")
    if array.size == 0:
        raise InputError(f"{where}: there are no samples")
    return np.ascontiguousarray(array, dtype=np.float64)


def _as_rate(rate: object, where: str) -> float:
    try:
        value = float(rate)
    except (TypeError, ValueError):
        raise InputError(f"{where}: the sampling rate must be a number in Hz, got {one_line(repr(rate), 60)}") from None
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{where}: the sampling rate must be finite and more than zero, got {value:g} Hz")
    if not _MIN_RATE <= value <= _MAX_RATE:
        limits = f"between {_MIN_RATE:g} and {_MAX_RATE:g} Hz"
        raise InputError(
            f"{where}: a sampling rate of {value:g} Hz, expected one {limits}; fix the time column, or give --fs"
        )
    return value


def _check_file(request: Request) -> None:
    try:
        status = os.stat(request.path)
    except FileNotFoundError:
        raise InputError(f"{request.where}: there is no such file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{request.where}: cannot be read: {one_line(reason, 120)}") from None
    if stat.S_ISDIR(status.st_mode):
        raise InputError(f"{request.where}: is a folder; name a recording in it")
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{request.where}: is not a regular file; save the recording to one first")
    if status.st_size == 0:
        raise InputError(f"{request.where}: the file is empty")


def _read(request: Request) -> Recording:
    """Choose the reader. They are imported here, since pandas, libsndfile and others are slow to load."""
    if form := find_format(request.path):
        from .formats.reader import read_format

        return read_format(request, form)
    if is_text(request.path):
        from .tables.reader import read_text

        with request.must_end():
            return read_text(request)
    from .audio import read_audio

    recording = read_audio(request, TEXT_EXTENSIONS)
    if unused := request.text.stated():
        recording.notes.append(Note(f"{', '.join(unused)} not used: only text files have columns"))
    return recording


def _signals(request: Request, recording: Recording, sha256: str) -> list[Signal]:
    return [
        Signal(
            samples=track.samples,
            sample_rate=track.rate or recording.rate,
            name=Path(request.path).stem,
            channel=track.name,
            channels=recording.channels,
            unit=track.unit,
            start=recording.start if track.rate is None else track.start,
            path=request.path,
            sha256=sha256,
            began=recording.began if track.rate is None else track.began,
            metadata=recording.metadata,
            notes=(*recording.notes, *dropout_notes(track.samples, track.rate or recording.rate)),
        )
        for track in recording.tracks
    ]
