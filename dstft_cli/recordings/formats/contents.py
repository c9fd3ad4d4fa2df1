"""What is in a file: channels, each with its own rate, length, unit and clock; and the Recording that a request makes of them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from ...errors import InputError
from ...system.memory import free_memory
from ...text import listed, quoted, size_text
from ..lazy_samples import LazySamples
from ..mix import notes_on_mix
from ..notes import Note
from ..request import Pick, Recording, Request, Track, file_version, max_samples, pick_channels
from ..time_expansion import notes_on_factor


@dataclass(frozen=True)
class Channel:
    """One channel of a file.

    name: with the folders or groups that it is in, such as "group/channel".
    count: number of samples.
    read: function of (first, last) that returns samples first to last - 1, (last - first,) real numbers.
    rate: sampling rate in Hz; None where the file does not tell.
    unit: of the samples, "" where unknown.
    began: the recording's own time of the first sample: a date with time, or a number of seconds; None where the file does not tell.
    notes: remarks on this channel.
    rate_notes: remarks on its rate, which do not count where the user gives another.
    no_rate: why there is no rate, as a clause.
    """

    name: str
    count: int
    read: Callable[[int, int], np.ndarray]
    rate: float | None = None
    unit: str = ""
    began: str | float | None = None
    notes: tuple[Note, ...] = ()
    rate_notes: tuple[Note, ...] = ()
    no_rate: str = "the file gives no sampling rate"


@dataclass(frozen=True)
class Contents:
    """All channels of a file.

    channels: in the order of the file.
    notes: remarks for the user.
    on_disk: whether ``read`` of a channel reads no more than what is asked for, so that long channels may stay in the file.
    first: position of the channel that is read by default.
    """

    channels: list[Channel]
    notes: list[Note] = field(default_factory=list)
    on_disk: bool = False
    first: int = 0


def held(samples: np.ndarray) -> Callable[[int, int], np.ndarray]:
    """The ``read`` of a channel whose samples are in memory. samples: (N,)."""
    return lambda first, last: samples[first:last]


def distinct(names: list[str]) -> list[str]:
    """The names, with a number after those that occurred before."""
    seen: Counter[str] = Counter()
    new = []
    for name in names:
        seen[name] += 1
        new.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return new


def as_recording(request: Request, contents: Contents) -> Recording:
    """The channels and the time range that a request asks for.

    request: file, channels and time range.
    contents: of the file.

    Returns the recording, whose tracks have rates of their own. Raises InputError for a channel that does not exist or has no rate.
    """
    left_out = []
    if str(request.channel).strip() == "all":
        contents, left_out = _with_rates(request, contents)
    channels = contents.channels
    names = [channel.name for channel in channels]
    picks, notes = pick_channels(request, names, contents.first)
    if picks[0].position is None:
        tracks = [_mean(request, contents)]
        notes += notes_on_mix(request, tracks[0].samples, channels[0].read(0, channels[0].count))
        used = channels[:1]
    else:
        tracks = [_track(request, contents, pick, len(picks)) for pick in picks]
        used = [channels[pick.position] for pick in picks]
    notes += [
        *left_out,
        *contents.notes,
        *(note for channel in used for note in channel.notes),
        *_notes_on_rate(request, used),
    ]
    notes += notes_on_factor(request, request.fs or used[0].rate)
    first = tracks[0]
    return Recording(tracks, tuple(names), first.rate, first.start, list(dict.fromkeys(notes)), first.began)


def _with_rates(request: Request, contents: Contents) -> tuple[Contents, list[Note]]:
    """The contents less channels without a rate, where others have one, and a note on these."""
    known = [channel for channel in contents.channels if request.fs or channel.rate]
    unknown = [channel.name for channel in contents.channels if not (request.fs or channel.rate)]
    if not known or not unknown:
        return contents, []
    return replace(contents, channels=known, first=0), [
        Note(f"without a sampling rate, so left out: {listed(unknown)}")
    ]


def _track(request: Request, contents: Contents, pick: Pick, many: int) -> Track:
    """One of ``many`` channels that are read."""
    channel = contents.channels[pick.position]
    rate = _rate(request, channel)
    first, count = request.span(rate, channel.count)
    if many * count > request.max_samples and contents.on_disk:
        samples = LazySamples(_reader(request, channel, first), count)
    else:
        samples = _loaded(request, channel, first, count, many)
    return Track(channel.name, samples, channel.unit, rate, first / rate, channel.began)


def _loaded(request: Request, channel: Channel, first: int, count: int, many: int = 1) -> np.ndarray:
    if many * count > min(request.max_samples, max_samples(free_memory())):
        raise InputError(
            f"{request.where}: {quoted(channel.name, 40)}{f' and {many - 1} more' * (many > 1)} take{'s' * (many == 1)} "
            f"{size_text(8 * many * count)} of memory, more than may be used; "
            "read a part with --duration, or save it as WAV or FLAC, which are read block by block"
        )
    samples = np.asarray(channel.read(first, first + count))
    if len(samples) != count:
        raise InputError(
            f"{request.where}: {len(samples)} of the {count} samples of {quoted(channel.name, 40)} could be read; "
            "the file is cut off or damaged, take another copy"
        )
    return samples


def _reader(request: Request, channel: Channel, begin: int) -> Callable[[int, int], np.ndarray]:
    version = file_version(request.path)

    def read(first: int, last: int) -> np.ndarray:
        samples = np.asarray(channel.read(begin + first, begin + last), dtype=np.float64)
        if len(samples) != last - first or file_version(request.path) != version:
            raise request.changed
        return samples

    return read


def _mean(request: Request, contents: Contents) -> Track:
    channels = contents.channels
    rates, counts = ({getattr(channel, name) for channel in channels} for name in ("rate", "count"))
    if len(rates) > 1 or len(counts) > 1:
        what = "rate" if len(rates) > 1 else "length"
        raise InputError(
            f"{request.where}: the channels differ in {what}, so they have no mean; choose one with --channel: "
            f"{listed([channel.name for channel in channels])}"
        )
    rate = _rate(request, channels[0])
    first, count = request.span(rate, channels[0].count)
    mean = sum(_loaded(request, channel, first, count).astype(np.float64) for channel in channels) / len(channels)
    units = {channel.unit for channel in channels}
    return Track("mix", mean, units.pop() if len(units) == 1 else "", rate, first / rate, channels[0].began)


def _rate(request: Request, channel: Channel) -> float:
    hz = request.fs or channel.rate  # as the file, or the user, says
    if hz is None:
        raise InputError(
            f"{request.where}: {channel.no_rate} for {quoted(channel.name, 40)} ({channel.count} samples); "
            "give the rate in Hz with --fs"
        )
    if not 0 < hz < np.inf:
        raise InputError(
            f"{request.where}: the file gives {quoted(channel.name, 40)} a sampling rate of {hz:g} Hz; give it with --fs"
        )
    return hz * (request.time_expansion or 1.0)


def _notes_on_rate(request: Request, used: list[Channel]) -> list[Note]:
    rate = used[0].rate
    if request.fs is None:
        return [note for channel in used for note in channel.rate_notes]
    if rate is None or abs(rate - request.fs) <= 1e-9 * rate:
        return []
    return [Note(f"sampling rate {request.fs:g} Hz as given; the file says {rate:g} Hz")]
