"""Signal: samples with their rate and origin; and the loaders that read one from an audio or a text file."""

import hashlib
import math
import os
import stat
from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from ..text import shown, stem
from .dropouts import dropout_notes
from .lazy_samples import LazySamples, iter_blocks
from .request import Recording, Request

_SLOWEST, _FASTEST = 1e-12, 1e12  # Hz
_LOUD_OFFSET = 3.0  # times the spread

TEXT_EXTENSIONS = (".csv", ".tsv", ".txt", ".dat", ".asc", ".lvm")


@dataclass(frozen=True, eq=False)
class Signal:
    """One channel of a recording.

    samples: (N,) float64, contiguous, as the file has them: never resampled, never normalised. Of a long recording they may be a
        LazySamples, or a map of a file: sliced alike, and not in memory.
    sample_rate: Hz.
    name: what results are called after; the file's stem.
    channel, channels: the name of this channel ("mix" for the mean) and of all in the file.
    unit: of the samples, "" where unknown.
    start: s into the file at which samples[0] lies.
    path, sha256: the file and the hash of its bytes; None for a signal made of an array.
    notes: one-line remarks for the user.

    Raises InputError where samples are not one row of real numbers or the rate is not positive.
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
    notes: tuple[str, ...] = ()

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
        """What messages call it: its file where it has one, its name otherwise, on one printable line."""
        return shown(self.path or self.name, 80)


def load_signal(path: str | os.PathLike, **options) -> Signal:
    """The one signal of a file; the options are those of load_signals, without channel="all".

    Raises InputError as load_signals does.
    """
    if str(options.get("channel", "")).strip() == "all":
        raise InputError(f"{shown(os.fsdecode(path), 80)}: channel all gives several signals; use load_signals")
    return load_signals(path, **options)[0]


def load_signals(
    path: str | os.PathLike,
    *,
    channel: str | int | None = None,
    start: float = 0.0,
    duration: float | None = None,
    fs: float | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    skip_rows: int | None = None,
    time_col: str | int | None = None,
    time_unit: str | None = None,
    value_col: str | int | None = None,
    room: float | None = None,
) -> list[Signal]:
    """The signals of an audio file, or of a text file (TEXT_EXTENSIONS); several only for channel="all".

    channel: number from 1, name, "mix" (mean over the channels) or "all"; the first where None.
    start, duration: the part to read, in s.
    fs: sampling rate in Hz, in place of what the file says.
    For text only, each found out where None:
    delimiter: a character, or tab, space, comma, semicolon, pipe. decimal: "." or ",".
    skip_rows: lines to leave out at the top.
    time_col, value_col: name of a column, or its number from 1. time_unit: s, ms, us, ns or min.
    room: bytes of memory that reading, and what is then done with the samples, may take; None: as many as are free. Of audio that
        takes more than its share only a part at a time is in memory.

    Raises InputError, in one sentence, for a file or an option that cannot give sound samples.
    """
    request = Request(os.fsdecode(path), channel, start, duration, fs, room)
    _check_file(request)
    text = {
        "delimiter": delimiter,
        "decimal": decimal,
        "skip_rows": skip_rows,
        "time_col": time_col,
        "time_unit": time_unit,
        "value_col": value_col,
    }
    try:
        sha256 = file_hash(request.path)
        recording = _read(request, text)
    except OSError as error:
        raise InputError(f"{request.where}: cannot be read: {shown(error.strerror or error, 120)}") from error
    return _signals(request, recording, sha256)


def check_signal(signal: Signal, shortest: float) -> None:
    """Refuse what no window length can be found for.

    shortest: the shortest window, in samples.
    Raises InputError for a signal shorter than that, with a sample that is not finite, or constant.
    """
    samples, rate = signal.samples, signal.sample_rate
    if len(samples) < shortest:
        raise InputError(
            f"{signal.where}: {len(samples)} samples ({signal.duration:.6g} s) are fewer than the shortest "
            f"window of {shortest:g} samples; give a longer part or allow shorter windows"
        )
    wrong, low, high = _extremes(samples)
    if wrong:
        place, value, count = wrong
        raise InputError(
            f"{signal.where}: sample {place} (counted from 0), at {signal.start + place / rate:.6g} s, "
            f"is {value}, one of {count} that are not finite; mend the file or choose "
            "another part with --start and --duration"
        )
    if low == high:
        raise InputError(
            f"{signal.where}: channel {shown(signal.channel, 40)} is constant ({low:g} in all "
            f"{len(samples)} samples); choose another channel or another part"
        )


def _extremes(samples: np.ndarray | LazySamples) -> tuple[tuple[int, float, int] | None, float, float]:
    """Place, value and number of samples that are not finite, where there are any; and the least and the greatest."""
    wrong, low, high, begin = None, math.inf, -math.inf, 0
    for piece in iter_blocks(samples):
        odd = np.flatnonzero(~np.isfinite(piece))
        if odd.size:
            place, value, count = wrong or (begin + odd[0], piece[odd[0]], 0)
            wrong = place, value, count + odd.size
        low, high, begin = min(low, piece.min()), max(high, piece.max()), begin + len(piece)
    return wrong, low, high


def detrend(signal: Signal, kind: str) -> Signal:
    """The signal less its mean (``mean``) or its least-squares straight line (``linear``); ``none`` leaves it as it is.

    A signal whose offset is many times its spread gets a note instead, since the offset then outshines all else.
    """
    samples = signal.samples
    with np.errstate(over="ignore"):
        mean, spread, slope = _line(samples, kind == "linear")
    if kind == "none":
        if abs(mean) <= _LOUD_OFFSET * spread:
            return signal
        note = f"its mean, {mean:.4g}, is {abs(mean) / spread:.3g} times its spread and will outshine the rest: --detrend mean takes it off"
        return replace(signal, notes=(*signal.notes, note))
    middle = (len(samples) - 1) / 2
    if isinstance(samples, LazySamples):
        return replace(signal, samples=samples.less(mean - slope * middle, slope))
    line = np.full_like(samples, mean)
    if slope:
        line += (np.arange(len(samples)) - middle) * slope
    return replace(signal, samples=samples - line)


def _line(samples: np.ndarray | LazySamples, tilted: bool) -> tuple[float, float, float]:
    """Mean, standard deviation, and the slope a sample of the least-squares line, 0 where it is not asked for."""
    count, middle = len(samples), (len(samples) - 1) / 2
    room = max(count * (count**2 - 1) / 12, 1.0)
    if isinstance(samples, np.ndarray):
        place = np.arange(count) - middle if tilted else None
        slope = place @ samples / max(place @ place, 1.0) if tilted else 0.0
        return samples.mean(), samples.std(), slope
    total = sum(piece.sum() for piece in iter_blocks(samples)) / count
    squares = moment = begin = 0.0
    for piece in iter_blocks(samples):
        apart = piece - total
        squares += apart @ apart
        moment += (np.arange(len(piece)) + (begin - middle)) @ apart
        begin += len(piece)
    return total, math.sqrt(squares / count), moment / room if tilted else 0.0


def _as_samples(samples: object, where: str) -> np.ndarray:
    if isinstance(samples, LazySamples) and len(samples):
        return samples
    if isinstance(samples, np.memmap) and samples.ndim == 1 and samples.dtype.kind == "f" and samples.size:
        return samples  # it stays on disk
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
        raise InputError(f"{where}: the sampling rate must be a number in Hz, got {shown(repr(rate))}") from None
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{where}: the sampling rate must be finite and more than zero, got {value:g} Hz")
    if not _SLOWEST <= value <= _FASTEST:
        limits = f"between {_SLOWEST:g} and {_FASTEST:g} Hz"
        raise InputError(
            f"{where}: a sampling rate of {value:g} Hz, expected one {limits}; mend the time, or give --fs"
        )
    return value


def _check_file(request: Request) -> None:
    try:
        status = os.stat(request.path)
    except FileNotFoundError:
        raise InputError(f"{request.where}: there is no such file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{request.where}: cannot be read: {shown(reason, 120)}") from None
    if stat.S_ISDIR(status.st_mode):
        raise InputError(f"{request.where}: is a folder; name a recording in it")
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{request.where}: is not a regular file; save the recording to one first")
    if status.st_size == 0:
        raise InputError(f"{request.where}: the file is empty")


def file_hash(path: str | os.PathLike) -> str:
    """SHA-256 of a file's bytes, in hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _read(request: Request, text: dict) -> Recording:
    """By the extension: the readers are imported here, for pandas and libsndfile are slow to load."""
    if os.path.splitext(request.path)[1].lower() in TEXT_EXTENSIONS:
        from .tables.reader import TextOptions, read_text

        return read_text(request, TextOptions(**text))
    from .audio import read_audio

    recording = read_audio(request, TEXT_EXTENSIONS)
    unused = [name for name, value in text.items() if value is not None]
    if unused:
        recording.notes.append(f"{', '.join(unused)} not used: only text files have columns")
    return recording


def _signals(request: Request, recording: Recording, sha256: str) -> list[Signal]:
    return [
        Signal(
            samples=track.samples,
            sample_rate=recording.rate,
            name=stem(request.path),
            channel=track.name,
            channels=recording.channels,
            unit=track.unit,
            start=recording.start,
            path=request.path,
            sha256=sha256,
            notes=(*recording.notes, *dropout_notes(track.samples, recording.rate)),
        )
        for track in recording.tracks
    ]
