"""The task ``frequency`` of section VII-A: the window under which the mean frequency of each frame is nearest to the truth."""

import csv
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import InputError
from ..stft.frame_positions import frame_count
from ..text import file_name, listed, quoted
from .dataset.clips import Clips
from .spectrogram import Spectrogram
from .task import FREQUENCY, Task

_COLUMNS = ("time_s", "frequency_hz")


class FrequencyTracker(nn.Module):
    """Eq. (34): the mean of the bins' frequencies in each frame, weighted with |S|.

    spectrogram: its θ is all that is learnt. spacing: Δf in Hz, fs/L.
    """

    def __init__(self, spectrogram: Spectrogram, spacing: float):
        super().__init__()
        self.spectrogram = spectrogram
        bins = spectrogram.layer.support // 2 + 1
        self.register_buffer("frequencies", torch.arange(bins) * spacing, persistent=False)

    def forward(self, samples: Tensor, lengths: Tensor) -> Tensor:
        """Frequencies in Hz, (B, T), of clips (B, n) of that many samples (B,); the latter do not matter here."""
        sizes = self.spectrogram.squares(samples).clamp_min(1e-30).sqrt()
        return torch.einsum("bft,f->bt", sizes, self.frequencies) / sizes.sum(1)


def frequency_task(spacing: float) -> Task:
    """Eq. (33): the mean squared error in Hz² over frames with a known frequency; a score is the negative one of a clip.

    spacing: Δf in Hz.
    """
    return Task(FREQUENCY, squared_error, lambda spectrogram, samples: FrequencyTracker(spectrogram, spacing), _scores)


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean squared difference over frames whose target is not NaN, in Hz². outputs, targets: (B, T) Hz."""
    known = ~targets.isnan()
    return (outputs[known] - targets[known]).square().mean()


def _scores(outputs: Tensor, targets: Tensor) -> Tensor:
    known = ~targets.isnan()
    errors = torch.where(known, outputs - torch.nan_to_num(targets), 0.0).square().double()
    return -errors.sum(1) / known.sum(1)


def read_targets(tracks: Sequence[str], clips: Clips, hop: float) -> Tensor:
    """The true frequency of each frame in Hz, (N, T); NaN beyond the ends of a track or of its clip.

    tracks: paths of CSV files with the columns time_s (s from the clip's first sample) and frequency_hz.
    clips: N of them. hop: samples from frame to frame.

    Raises InputError where a track is no such table, or says nothing of its clip.
    """
    times = np.arange(frame_count(clips.samples.shape[1], hop)) * hop / clips.rate
    rows = []
    for path, length in zip(tracks, clips.lengths.tolist(), strict=True):
        when, what = read_track(path)
        if what.max() > clips.rate / 2:
            raise InputError(
                f"{file_name(path)}: {what.max():g} Hz is above half the sampling rate, {clips.rate / 2:g} Hz"
            )
        row = np.interp(times, when, what, left=math.nan, right=math.nan)
        row[times >= length / clips.rate] = math.nan
        if np.isnan(row).all():
            raise InputError(f"{file_name(path)}: no frame of its clip lies between {when[0]:g} and {when[-1]:g} s")
        rows.append(row)
    return torch.tensor(np.array(rows), dtype=torch.float32)


def read_track(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Times in s, increasing, and frequencies in Hz, (n,) each. Raises InputError, with the line, for another table."""
    where = file_name(path)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            lines = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{where}: cannot be read as CSV: {error}") from None
    header = [name.strip().lower() for name in lines[0]] if lines else []
    if missing := [name for name in _COLUMNS if name not in header]:
        raise InputError(
            f"{where}: no column {missing[0]} among {listed(header, 6) or 'none'}; expected {', '.join(_COLUMNS)}"
        )
    places, values = [header.index(name) for name in _COLUMNS], []
    for number, row in enumerate(lines[1:], start=2):
        if not any(row):
            continue
        try:
            pair = [float(row[i]) for i in places]
        except (ValueError, IndexError):
            raise InputError(f"{where}, line {number}: {quoted(','.join(row))} is no time and frequency") from None
        if not all(map(math.isfinite, pair)) or pair[1] < 0 or (values and pair[0] <= values[-1][0]):
            raise InputError(f"{where}, line {number}: times must increase, and frequencies must be 0 Hz or more")
        values.append(pair)
    if len(values) < 2:
        raise InputError(f"{where}: two rows or more are needed")
    return tuple(np.array(values).T)


def scan(spectrogram_at, clips: Clips, targets: Tensor, lengths: Sequence[float], spacing: float) -> list[float]:
    """The loss of Eq. (33) under each constant window, in Hz²: the curve of Fig. 7.

    spectrogram_at: a length in samples to a Spectrogram. clips, targets: (N, n) and (N, T). lengths: in samples. spacing: Δf in Hz.
    """
    losses = []
    with torch.no_grad():
        for length in lengths:
            tracker = FrequencyTracker(spectrogram_at(length), spacing)
            losses.append(float(squared_error(tracker(clips.samples, clips.lengths), targets)))
    return losses
