"""What a reader is asked for (Request) and what it hands over (Recording), before a Signal is made of it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..text import listed, quoted, shown
from .lazy_samples import LazySamples

_HELD = 0.2  # of the memory for a run, in samples
_WARNING = "warning: "  # how a note begins that tells of damage


def warnings_in(notes: Iterable[str]) -> list[str]:
    """What those notes on a recording say that tell of damage to it, or of samples that were not read."""
    return [note.removeprefix(_WARNING) for note in notes if note.startswith(_WARNING)]


def most_samples(room: float) -> int:
    """How many samples a run holds that may take so many bytes of memory; the rest is for what it makes of them."""
    return int(_HELD * room / 8)


@dataclass(frozen=True)
class Request:
    """The part of a file to read.

    path: the file; str, possibly with the surrogates Python puts for bytes that are not UTF-8.
    channel: None (the first), a number from 1, a name, "mix" (the mean) or "all".
    start, duration: s; duration None reads to the end.
    fs: Hz, overrides what the file says.
    room: bytes of memory that reading, and a run on what was read, may take; None: as many as are free. Of an audio file that
        takes more than its share the samples are not held but read as they are needed.
    Raises InputError for a rate that no file can have.
    """

    path: str
    channel: str | int | None = None
    start: float = 0.0
    duration: float | None = None
    fs: float | None = None
    room: float | None = None

    @property
    def most(self) -> float:
        """How many samples of an audio file are held."""
        return math.inf if self.room is None else most_samples(self.room)

    def __post_init__(self):
        if self.fs is not None and not (math.isfinite(self.fs) and self.fs > 0):
            raise InputError(f"fs {self.fs:g} Hz: the sampling rate must be more than zero")

    @property
    def where(self) -> str:
        """The file's path as messages show it."""
        return shown(self.path, 80)

    def span(self, rate: float, total: int) -> tuple[int, int]:
        """(first sample, number of samples) of the part, in a file of ``total`` samples at ``rate`` Hz.

        Raises InputError where that leaves no sample.
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
    """One channel as read: its name, its samples (N,) and their unit."""

    name: str
    samples: np.ndarray | LazySamples
    unit: str = ""


@dataclass(frozen=True)
class Recording:
    """The tracks asked for; channels names all there are; rate in Hz; start in s into the file."""

    tracks: list[Track]
    channels: tuple[str, ...]
    rate: float
    start: float
    notes: list[str]


@dataclass(frozen=True)
class Pick:
    """One channel to take: its name and position, or None for the mean over all."""

    name: str
    position: int | None


def pick_channels(request: Request, names: list[str]) -> tuple[list[Pick], list[str]]:
    """The channels asked for among ``names``, and a note where others are left out unasked.

    Raises InputError for one that is not there.
    """
    channel = request.channel
    if channel is None:
        return [Pick(names[0], 0)], _note_others(names)
    wanted = str(channel).strip()
    if wanted == "mix":
        return [Pick("mix", None)], []
    if wanted == "all":
        return [Pick(name, i) for i, name in enumerate(names)], []
    position = find_name(wanted, names)
    if position is None:
        raise InputError(
            f"{request.where}: channel {quoted(wanted, 30)} is not there; "
            f"choose mix, all, 1 to {len(names)} or one of {listed(names)}"
        )
    return [Pick(names[position], position)], []


def find_name(wanted: str, names: list[str] | tuple[str, ...]) -> int | None:
    """Position of the name, whatever its case, or of the number from 1; None where there is neither."""
    if wanted in names:
        return names.index(wanted)
    folded = [name.casefold() for name in names]
    if wanted.casefold() in folded:
        return folded.index(wanted.casefold())
    if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted) <= len(names):
        return int(wanted) - 1
    return None


def _note_others(names: list[str]) -> list[str]:
    if len(names) == 1:
        return []
    numbered = names == [str(i + 1) for i in range(len(names))]
    used = names[0] if numbered else quoted(names[0], 40)
    others = f"2..{len(names)}" if numbered and len(names) > 2 else listed(names[1:])
    return [f"using channel {used} of {len(names)}; --channel {others}, mix or all for the others"]
