"""What a reader is asked for (Request) and what it returns (Recording), before Signals are made of it."""

import contextlib
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

import numpy as np

from ..errors import InputError
from ..system.shutdown import must_end
from ..text import listed, one_line, quoted
from .lazy_samples import LazySamples
from .notes import WARNING, Note

_STUCK_SECONDS, _SLOWEST = 600.0, 1e6  # reading that takes longer, plus the size over so many bytes a second, hangs
_SAMPLES_SHARE = 0.2  # of the memory of a run; the rest is for what the run computes from the samples

AUDIO_EXTENSIONS = (
    *(".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
    *(".aif", ".aiff", ".aifc", ".au", ".snd", ".caf"),
)


def warnings_in(notes: Iterable[Note]) -> list[str]:
    """The texts of those notes that are warnings."""
    return [note.text for note in notes if note.severity == WARNING]


def note_line(note: Note) -> str:
    """A note on one line; a warning says that it is one."""
    return f"warning: {note.text}" if note.severity == WARNING else note.text


def max_samples(memory: float) -> int:
    """The number of samples, over all channels, that a run may load at once.

    memory: bytes that the run may use.
    """
    return int(_SAMPLES_SHARE * memory / 8)


def file_version(path: str) -> tuple[int, ...]:
    """What differs where a file was written again, or another one took its name: device, inode, size and time stamp."""
    status = os.stat(path)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


@dataclass(frozen=True)
class TextOptions:
    """The layout of a text file, as far as the user states it; None is detected.

    delimiter: a character, or tab, space, comma, semicolon, pipe.
    decimal: the decimal mark, "." or ",".
    skip_rows: lines to skip at the top.
    time_col: the time column, a name or a number from 1.
    time_unit: of the time column, s, ms, us, ns, min, h or d.
    value_col: the column to read, a name or a number from 1.
    """

    delimiter: str | None = None
    decimal: str | None = None
    skip_rows: int | None = None
    time_col: str | int | None = None
    time_unit: str | None = None
    value_col: str | int | None = None

    def stated(self) -> list[str]:
        """The names of the options that are not None."""
        return [name for name, value in vars(self).items() if value is not None]


def load_options(settings: Mapping[str, object]) -> dict[str, object]:
    """The keyword arguments of load_signals for settings given by name, those of a text file as one TextOptions."""
    names = {field.name for field in fields(TextOptions)}
    text = TextOptions(**{name: value for name, value in settings.items() if name in names})
    return {**{name: value for name, value in settings.items() if name not in names}, "text": text}


@dataclass(frozen=True)
class Request:
    """The file, and the time range and channels to read from it.

    path: the file; a str, which may hold the surrogates that Python uses for bytes that are not UTF-8.
    channel: None (the first), a number from 1, a name, "mix" (the mean) or "all".
    start: where to begin, in s.
    duration: how much to read, in s; None reads to the end.
    fs: sampling rate in Hz, instead of the one in the file.
    text: the layout of a text file.
    memory: bytes that reading, and a run on what was read, may use; None for all free memory. An audio file whose samples
        exceed their share stays on disk and is read as needed.

    Raises InputError for a sampling rate that is not positive.
    """

    path: str
    channel: str | int | None = None
    start: float = 0.0
    duration: float | None = None
    fs: float | None = None
    text: TextOptions = TextOptions()
    memory: float | None = None

    @property
    def max_samples(self) -> float:
        """The number of samples of an audio file that may be loaded at once, over all channels."""
        return math.inf if self.memory is None else max_samples(self.memory)

    def __post_init__(self):
        if self.fs is not None and not (math.isfinite(self.fs) and self.fs > 0):
            raise InputError(f"fs {self.fs:g} Hz: the sampling rate must be more than zero")

    @property
    def where(self) -> str:
        """The file's path as messages show it."""
        return one_line(self.path, 80)

    @property
    def changed(self) -> InputError:
        """The error for a file that was written while it was being read."""
        return InputError(f"{self.where}: the file changed while it was being read; run again once it is complete")

    def must_end(self) -> contextlib.AbstractContextManager[None]:
        """For a part of the reading that may hang; a process of a command ends then, with a sentence."""
        seconds = _STUCK_SECONDS + os.path.getsize(self.path) / _SLOWEST
        message = f"{self.where}: reading it did not end within {seconds:.0f} s; the file is damaged, or its disk does not answer"
        return must_end(seconds, f"{message}; take another copy")

    def span(self, rate: float, total: int) -> tuple[int, int]:
        """The time range in samples.

        rate: sampling rate in Hz.
        total: number of samples in the file.

        Returns the first sample and the number of samples. Raises InputError where the range holds no sample.
        """
        length = f"the file is {total / rate:.6g} s long"
        if not (math.isfinite(self.start) and self.start >= 0):
            raise InputError(f"{self.where}: start {self.start:g} s must be zero or more, {length}")
        first = round(self.start * rate)
        if first >= total:
            raise InputError(f"{self.where}: start {self.start:g} s lies beyond the end, {length}")
        if self.duration is None:
            return first, total - first
        if not (math.isfinite(self.duration) and self.duration * rate >= 0.5):
            raise InputError(
                f"{self.where}: duration {self.duration:g} s is less than a sample at {rate:g} Hz, {length}"
            )
        return first, min(max(1, round(self.duration * rate)), total - first)


@dataclass(frozen=True)
class Track:
    """One channel as read.

    name: of the channel.
    samples: (N,) float64 or int64, in ``unit``.
    unit: of the samples, "" where unknown.
    """

    name: str
    samples: np.ndarray | LazySamples
    unit: str = ""


@dataclass(frozen=True)
class Recording:
    """What a reader returns.

    tracks: the channels asked for.
    channels: the names of all channels in the file.
    rate: sampling rate in Hz.
    start: time of the first sample in the file, in s.
    notes: remarks for the user.
    began: the recording's own time of the first sample in the file: a date with time, a time of day, or a number of seconds; None
        where the file does not tell.
    """

    tracks: list[Track]
    channels: tuple[str, ...]
    rate: float
    start: float
    notes: list[Note]
    began: str | float | None = None


@dataclass(frozen=True)
class Pick:
    """One channel to read.

    name: of the channel.
    position: from 0 among all channels; None for the mean over all.
    """

    name: str
    position: int | None


def pick_channels(request: Request, names: list[str]) -> tuple[list[Pick], list[Note]]:
    """The channels that a request asks for.

    names: of all channels in the file.

    Returns the channels, and a note where others are left out by default.
    Raises InputError for a channel that does not exist.
    """
    channel = request.channel
    if channel is None:
        return [Pick(names[0], 0)], _note_on_others(names)
    wanted = str(channel).strip()
    if wanted == "mix":
        return [Pick("mix", None)], []
    if wanted == "all":
        return [Pick(name, i) for i, name in enumerate(names)], []
    position = find_name(wanted, names)
    if position is None:
        raise InputError(
            f"{request.where}: channel {quoted(wanted, 30)} does not exist; "
            f"choose mix, all, 1 to {len(names)} or one of {listed(names)}"
        )
    return [Pick(names[position], position)], []


def find_name(wanted: str, names: list[str] | tuple[str, ...]) -> int | None:
    """The position of a name among others.

    wanted: the name, in upper or lower case, or its number from 1.
    names: all names.

    Returns the position from 0; None where neither fits.
    """
    if wanted in names:
        return names.index(wanted)
    folded = [name.casefold() for name in names]
    if wanted.casefold() in folded:
        return folded.index(wanted.casefold())
    if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted) <= len(names):
        return int(wanted) - 1
    return None


def _note_on_others(names: list[str]) -> list[Note]:
    if len(names) == 1:
        return []
    numbered = names == [str(i + 1) for i in range(len(names))]
    used = names[0] if numbered else quoted(names[0], 40)
    others = f"2..{len(names)}" if numbered and len(names) > 2 else listed(names[1:])
    return [Note(f"using channel {used} of {len(names)}; choose another with --channel: {others}, mix or all")]
