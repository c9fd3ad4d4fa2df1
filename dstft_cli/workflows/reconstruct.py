"""The signal back from a stored result: mask the spectrogram, invert it, compare with the analysed signal, write."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..errors import InputError
from ..recordings.wav_writer import write_wav
from ..results.npy_files import read_npy
from ..results.progress import OnStep, Step
from ..results.result import Result
from ..stft.inverse import Inverse, inverse
from ..system.atomic_files import replace_file
from ..system.devices import DTYPES
from ..system.disk_arrays import block_ranges, release_pages
from ..text import file_name

SUFFIXES = (".wav", ".csv", ".npy")
_ROWS = 10_000  # of a table, written at a time
_SAMPLES = 1 << 20  # compared at a time
_LEAST_POWER = 1e-40  # of the error, relative to the signal: -400 dB


@dataclass(frozen=True)
class Reconstruction:
    """A signal computed from a spectrogram.

    samples: (N,) in the unit of the recording.
    inverse: how they were computed, and which samples no window covers.
    error: the rms difference from the analysed signal in dB of its rms, over the samples that windows cover; None if S was
        masked, NaN if no sample is covered or the signal is 0.
    """

    samples: np.ndarray
    inverse: Inverse
    error: float | None


def read_mask(path: str | os.PathLike, shape: tuple[int, int]) -> np.ndarray:
    """The gains of S from an .npy file.

    path: of the file.
    shape: (F, T) of S.

    Returns (F, T), (F, 1), (1, T) or (1, 1), real or boolean.
    Raises InputError if the file cannot be read, does not fit, or contains values that are not finite.
    """
    mask = read_npy(path)
    if mask.dtype.kind not in "fibu":
        raise InputError(f"{file_name(path)}: the mask is {mask.dtype}; it must contain real gains, or true and false")
    if mask.ndim != 2 or any(n not in (1, whole) for n, whole in zip(mask.shape, shape, strict=True)):
        raise InputError(
            f"{file_name(path)}: the mask has shape {mask.shape}; this result has {shape[0]} bins and {shape[1]} frames, "
            f"so it must have {shape}, ({shape[0]}, 1) or (1, {shape[1]})"
        )
    if not np.isfinite(mask).all():
        raise InputError(f"{file_name(path)}: the mask contains values that are not finite; replace them")
    return mask


def reconstruct(result: Result, mask: np.ndarray | None = None, on_step: OnStep | None = None) -> Reconstruction:
    """Compute the signal of a result; planes on disk are read block by block.

    result: its spectrogram S, (F, T), and frames.
    mask: gains that S is multiplied by, broadcastable to (F, T).
    on_step: called during the iteration, with the residual; True ends it.
    """
    real = DTYPES[result.config.run.dtype]
    spectrum = result.stft if result.on_disk else torch.from_numpy(result.stft).to(real.to_complex())
    original = result.signal.samples

    def report(index: int, residual: float) -> bool:
        return bool(on_step and on_step(Step("invert", index, 0, {"residual": residual})))

    positions = torch.from_numpy(result.frame_positions)
    solution = inverse(spectrum, result.theta, positions, len(original), result.window, report, mask)
    samples = solution.samples.numpy()
    return Reconstruction(
        samples, solution, None if mask is not None else _error(samples, original, solution.uncovered)
    )


def _error(samples: np.ndarray, original: np.ndarray, uncovered: tuple[tuple[int, int], ...]) -> float:
    covered = np.ones(len(original), dtype=bool)
    for first, last in uncovered:
        covered[first : last + 1] = False
    powers, counted = np.zeros(2), 0
    for first, last in block_ranges(len(original), _SAMPLES):
        here = covered[first:last]
        truth = np.asarray(original[first:last], dtype=np.float64)[here]
        powers += np.square(samples[first:last][here] - truth).sum(), np.square(truth).sum()
        counted += int(here.sum())
    release_pages(original)
    if not counted or not powers[1]:
        return math.nan
    return 10 * math.log10(max(powers[0] / powers[1], _LEAST_POWER))


def check_target(path: Path, sample_rate: float, force: bool) -> None:
    """Raises InputError if the signal cannot be written to the file.

    path: of the file.
    sample_rate: Hz.
    force: whether an existing file is replaced.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"-o {file_name(path)}: use a .wav, .csv or .npy suffix")
    if path.suffix.lower() == ".wav" and (sample_rate != round(sample_rate) or not 1 <= sample_rate < 2**31):
        raise InputError(
            f"-o {file_name(path)}: WAV needs a whole sampling rate and this signal has {sample_rate:g} Hz; "
            "use a .csv or .npy suffix"
        )
    if path.is_dir():
        raise InputError(f"-o {file_name(path)}: this is a folder; name a file in it")
    if path.exists() and not force:
        raise InputError(f"{file_name(path)}: this file exists; --force replaces it")


def write_samples(samples: np.ndarray, result: Result, path: Path, force: bool = True) -> None:
    """Write samples as 32-bit float WAV, as a table of recording time in s and value, or as an .npy array.

    samples: (N,) in the unit of the recording.
    result: it gives sampling rate, start and unit.
    path: its suffix gives the format.
    force: whether a file that was written meanwhile is replaced.

    Raises OutputError if the file cannot be written.
    """
    writers: dict[str, Callable] = {".wav": _as_wav, ".csv": _as_table, ".npy": _as_array}
    with replace_file(path, force) as temporary:
        writers[path.suffix.lower()](samples, result, temporary)


def _as_wav(samples: np.ndarray, result: Result, path: Path) -> None:
    write_wav(path, samples, round(result.sample_rate))


def _as_table(samples: np.ndarray, result: Result, path: Path) -> None:
    unit = f"_{result.signal.unit}" if result.signal.unit.isalnum() else ""
    rate, start = result.sample_rate, result.signal.start
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(f"time_s,value{unit}\n")
        for first in range(0, len(samples), _ROWS):
            block = samples[first : first + _ROWS].tolist()
            file.writelines(f"{start + (first + i) / rate:.12g},{value!r}\n" for i, value in enumerate(block))


def _as_array(samples: np.ndarray, result: Result, path: Path) -> None:
    npy = np.lib.format
    with open(path, "wb") as file:  # np.save does not report a disk that becomes full with the last samples
        npy.write_array_header_1_0(file, npy.header_data_from_array_1_0(samples))
        file.write(np.ascontiguousarray(samples).data)
