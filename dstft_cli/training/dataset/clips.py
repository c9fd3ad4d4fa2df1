"""The samples of all clips, at one rate and in one array: shorter ones are padded with zeros, and their lengths are known."""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...config.loading import Config
from ...errors import InputError
from ...recordings.annotations.read import KEYS as BOX_KEYS
from ...recordings.notes import WARNING
from ...recordings.preparation.prepare import KEYS, Preparation, prepare
from ...recordings.request import load_options
from ...recordings.signal import Signal, check_signal, load_signals
from ...system.memory import free_memory
from ...text import size_text, time_text
from ..extras import require

_SHARE = 0.5  # of the free memory for all samples


@dataclass(frozen=True)
class Clips:
    """N clips.

    samples: (N, n) float32, zeros behind the end of a clip.
    lengths: (N,) int64, samples of each clip.
    rate: Hz.
    notes: sentences about what was read. warnings: those about damaged recordings.
    """

    samples: Tensor
    lengths: Tensor
    rate: float
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def take(self, index: Sequence[int]) -> "Clips":
        """Some of the clips, in the order of the index."""
        chosen = torch.as_tensor(index, dtype=torch.int64)
        return Clips(self.samples[chosen], self.lengths[chosen], self.rate)

    def __len__(self) -> int:
        return len(self.samples)


def load_clips(
    paths: Sequence[str],
    config: Config,
    rate: float | None = None,
    seconds: float | None = None,
    workers: int = 1,
    on_clip: Callable[[int, int], object] = lambda done, total: None,
) -> Clips:
    """Read the clips.

    paths: of N recordings.
    config: its section ``signal`` says which channel and which part of a recording is read, and how.
    rate: Hz to resample to; None takes recordings as they are, which must then have one rate.
    seconds: longest clip; longer ones are cut to their beginning. None keeps all.
    workers: threads that read.
    on_clip: called with the number of clips read and N.

    Raises InputError for a recording that cannot be read, for different rates, and where memory is short.
    """
    rows, notes, warned, cut = [], [], [], 0
    for done, signal in enumerate(_signals(paths, config, workers)):
        if done == 0 and rate is None:
            first = signal
        samples = _at_rate(signal, rate) if rate is not None else _check_rate(signal, first)
        most = math.inf if seconds is None else max(1, round(seconds * (rate or signal.sample_rate)))
        cut += len(samples) > most
        rows.append(samples[: int(min(most, len(samples)))])
        warned += [f"{signal.where}: {note.text}" for note in signal.notes if note.severity == WARNING]
        _check_memory(rows, len(paths))
        on_clip(done + 1, len(paths))
    if cut:
        notes.append(f"{cut} of {len(paths)} clips are longer than {time_text(seconds)} and are cut to their beginning")
    return _packed(rows, float(rate or first.sample_rate), tuple(notes), tuple(warned))


def _signals(paths: Sequence[str], config: Config, workers: int) -> Iterator[Signal]:
    settings = config.signal.model_dump()
    if settings["annotations"] is not None:
        raise InputError("signal.annotations: boxes do not choose clips; cut them out first, or leave the setting out")
    options = load_options(config.signal.model_dump(exclude=KEYS | BOX_KEYS))
    preparation = Preparation.of(settings)

    def load(path: str) -> Signal:
        signal = load_signals(path, **options)[0]
        check_signal(signal)
        return prepare(signal, preparation)

    if workers < 2:
        yield from map(load, paths)
        return
    with ThreadPoolExecutor(workers) as pool:
        try:
            yield from pool.map(load, paths)
        finally:
            pool.shutdown(cancel_futures=True)


def _check_rate(signal: Signal, first: Signal) -> np.ndarray:
    if signal.sample_rate != first.sample_rate:
        raise InputError(
            f"{signal.where}: {signal.sample_rate:g} Hz, but {first.where} has {first.sample_rate:g} Hz; "
            f"--resample {min(signal.sample_rate, first.sample_rate):g} brings all clips to one rate"
        )
    return signal.samples.astype(np.float32)


def _at_rate(signal: Signal, rate: float) -> np.ndarray:
    """The samples at another rate. Raises InputError where soxr is missing."""
    if signal.sample_rate == rate:
        return signal.samples.astype(np.float32)
    soxr = require("soxr", "soxr")
    return soxr.resample(np.asarray(signal.samples), signal.sample_rate, rate).astype(np.float32)


def _check_memory(rows: list[np.ndarray], total: int) -> None:
    """Raises InputError as soon as it shows that the padded clips will not fit. Looks now and then, since it asks the system."""
    if len(rows) & (len(rows) - 1):
        return
    need, free = 4 * total * max(map(len, rows)), free_memory()
    if need > _SHARE * free:
        raise InputError(
            f"{total} clips of up to {max(map(len, rows))} samples need {size_text(need)} and {size_text(free)} are free; "
            "--clip 1s takes less of each"
        )


def _packed(rows: list[np.ndarray], rate: float, notes: tuple[str, ...], warnings: tuple[str, ...]) -> Clips:
    lengths = torch.tensor([len(row) for row in rows])
    longest = int(lengths.max())
    if 4 * len(rows) * longest > _SHARE * free_memory():
        raise InputError(
            f"{len(rows)} clips of up to {longest} samples do not fit into memory; --clip 1s takes less of each"
        )
    samples = torch.zeros(len(rows), longest)
    for row, target in zip(rows, samples, strict=True):
        target[: len(row)] = torch.from_numpy(row)
    short = int((lengths < longest).sum())
    if short:
        notes = (
            *notes,
            f"{short} of {len(rows)} clips are shorter than {time_text(longest / rate)}; they are padded and masked",
        )
    return Clips(samples, lengths, rate, notes, warnings)


def resized(clips: Clips, samples: int) -> Clips:
    """The same clips with ``samples`` samples each: cut to their beginning, or padded with zeros."""
    padded = torch.nn.functional.pad(clips.samples, (0, max(0, samples - clips.samples.shape[1])))[:, :samples]
    return Clips(padded, clips.lengths.clamp(max=samples), clips.rate, clips.notes, clips.warnings)
