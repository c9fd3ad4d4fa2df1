"""A stored result back to sound: mask, invert, compare with the signal that it came from, write."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..errors import InputError
from ..recordings.wav_writer import write_wav
from ..results.in_memory import load_into_memory
from ..results.npy_files import read_npy
from ..results.progress import OnStep, Step
from ..results.result import Result
from ..stft.inverse import Inverse, inverse
from ..system.atomic_files import replace_file
from ..system.devices import DTYPES
from ..text import file_name

SUFFIXES = (".wav", ".csv", ".npy")


@dataclass(frozen=True)
class Reconstruction:
    """samples: (N,) in the unit of the recording. found: how they were found.

    error: rms difference from the signal that was analysed, in dB of its rms, over the samples that the windows
    determine; None where S was masked.
    """

    samples: np.ndarray
    found: Inverse
    error: float | None


def read_mask(path: str | os.PathLike, shape: tuple[int, int]) -> np.ndarray:
    """Gains for S (F, T) from an .npy file: (F, T), (F, 1), (1, T), real or true and false.

    Raises InputError where it cannot be read, does not fit or holds what is not finite.
    """
    mask = read_npy(path)
    if mask.dtype.kind not in "fibu":
        raise InputError(f"{file_name(path)}: a mask holds real gains, or true and false, not {mask.dtype}")
    if mask.ndim != 2 or any(n not in (1, whole) for n, whole in zip(mask.shape, shape, strict=True)):
        raise InputError(
            f"{file_name(path)}: the mask has shape {mask.shape}; this result has {shape[0]} bins and {shape[1]} frames, "
            f"so it must be {shape}, ({shape[0]}, 1) or (1, {shape[1]})"
        )
    if not np.isfinite(mask).all():
        raise InputError(f"{file_name(path)}: the mask holds values that are not finite")
    return mask


def reconstruct(result: Result, mask: np.ndarray | None = None, on_step: OnStep | None = None) -> Reconstruction:
    """The signal of a result, or what is left of it under a mask that fits its S (F, T).

    on_step: called as the iteration goes on, with the residual; a true return ends it.
    Raises InputError where the plane of a long run is more than fits into memory.
    """
    result = load_into_memory(result, "its reconstruction")
    real = DTYPES[result.config.run.dtype]
    spectrum = torch.from_numpy(result.stft).to(real.to_complex())
    if mask is not None:
        spectrum = spectrum * torch.from_numpy(np.ascontiguousarray(mask)).to(real)
    place = torch.from_numpy(result.theta), torch.from_numpy(result.frame_positions)
    original = result.signal.samples

    def tell(index: int, residual: float) -> bool:
        return bool(on_step and on_step(Step("invert", index, 0, {"residual": residual})))

    found = inverse(spectrum, *place, len(original), result.window, tell)
    samples = found.samples.numpy()
    return Reconstruction(samples, found, None if mask is not None else _error(samples, original, found.uncovered))


def _error(samples: np.ndarray, original: np.ndarray, uncovered: tuple[tuple[int, int], ...]) -> float:
    seen = np.ones(len(original), dtype=bool)
    for first, last in uncovered:
        seen[first : last + 1] = False
    if not seen.any():
        return math.nan
    powers = [float(np.square(values[seen], dtype=np.float64).mean()) for values in (samples - original, original)]
    if not powers[1]:
        return math.nan
    return 10 * math.log10(max(powers[0] / powers[1], 1e-40))


def check_target(path: Path, sample_rate: float, force: bool) -> None:
    """Raises InputError where the samples could not be written to that file, or it is there already."""
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"-o {file_name(path)}: let the name end in {', '.join(SUFFIXES)}")
    if path.suffix.lower() == ".wav" and (sample_rate != round(sample_rate) or not 1 <= sample_rate < 2**31):
        raise InputError(
            f"-o {file_name(path)}: WAV holds whole rates only and this signal has {sample_rate:g} Hz; let the name end in .csv or .npy"
        )
    if path.is_dir():
        raise InputError(f"-o {file_name(path)}: this is a folder; name a file in it")
    if path.exists() and not force:
        raise InputError(f"{file_name(path)}: this file is there already; --force replaces it")


def write_samples(samples: np.ndarray, result: Result, path: Path) -> None:
    """Samples (N,) as float WAV; as a table of time in s of the recording and value; or as an array. Raises OutputError."""
    writers: dict[str, Callable] = {".wav": _as_wav, ".csv": _as_table, ".npy": _as_array}
    with replace_file(path) as aside:
        writers[path.suffix.lower()](samples, result, aside)


def _as_wav(samples: np.ndarray, result: Result, path: Path) -> None:
    write_wav(path, samples, round(result.sample_rate))


def _as_table(samples: np.ndarray, result: Result, path: Path) -> None:
    unit = f"_{result.signal.unit}" if result.signal.unit.isalnum() else ""
    rate, start = result.sample_rate, result.signal.start
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(f"time_s,value{unit}\n")
        for first in range(0, len(samples), 10_000):
            part = samples[first : first + 10_000].tolist()
            file.writelines(f"{start + (first + i) / rate:.12g},{value!r}\n" for i, value in enumerate(part))


def _as_array(samples: np.ndarray, result: Result, path: Path) -> None:
    form = np.lib.format
    with open(path, "wb") as file:  # np.save hands the samples to C, which forgets that the disk was full at the end
        form.write_array_header_1_0(file, form.header_data_from_array_1_0(samples))
        file.write(np.ascontiguousarray(samples).data)
