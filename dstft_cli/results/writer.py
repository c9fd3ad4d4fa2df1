"""Writing the files of a result: arrays, configuration, metrics."""

import json
import math
import os
from pathlib import Path

import numpy as np

from ..config.loading import dump_config
from ..recordings.lazy_samples import iter_blocks
from ..stft.windows import is_named
from ..system.disk_arrays import file_beside, on_disk, write_plane, write_row
from ..text import one_line
from .result import BESIDE, Result


def write_arrays(result: Result, path: Path) -> None:
    """Write result.npz, and beside it the arrays that are on disk already or too large for it."""
    arrays = result.arrays()
    if result.on_disk:
        apart = [name for name in BESIDE if name == "signal" or on_disk(arrays[name])]
        for name in apart:
            _put_beside(arrays.pop(name), path.with_name(file_beside(name)), result.config.run.dtype)
    with open(path, "wb") as file:
        np.savez(file, **arrays)


def _put_beside(values: np.ndarray, path: Path, dtype: str) -> None:
    """Write an array to an .npy file, unless it is a map of that very file. dtype: of samples."""
    origin = values.filename if on_disk(values) else None
    if path.exists() and origin is not None and os.path.exists(origin) and path.samefile(origin):
        return
    if values.ndim == 1:
        write_row(path, iter_blocks(values), len(values), dtype)
    else:
        write_plane(path, values)


def write_config(result: Result, path: Path) -> None:
    """Write config.yaml, with a remark where the window was a callable."""
    text = dump_config(result.config)
    if not is_named(result.window.name):
        remark = f"The window was {one_line(result.window.name)}, a callable, which no file can hold"
        text = f"# {remark}; the window below was not used.\n{text}"
    path.write_text(text, encoding="utf-8")


def write_metrics(result: Result, path: Path) -> None:
    """Write metrics.json."""
    text = json.dumps(result.metrics().model_dump(), indent=2, allow_nan=False, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def finite(value):
    """The same value with None in place of every NaN and infinity, which JSON has no word for; dicts and lists recursively."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
