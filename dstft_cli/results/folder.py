"""The folder of a result, from a path that a user gives."""

import os
from pathlib import Path

from ..text import one_line
from .result import ARRAYS, CONFIG, METRICS, TRACK
from .untrusted_files import refused


def is_result(path: str | Path) -> bool:
    """True for what looks like a result: a folder that holds its arrays or metrics, or a file of that kind."""
    if not os.path.isdir(path):
        return Path(path).name == ARRAYS
    return any(os.path.exists(os.path.join(path, name)) for name in (ARRAYS, METRICS))


def result_folder(path: str | Path) -> Path:
    """The folder of a result, from it or from the result.npz in it. Raises InputError where there is none."""
    path = Path(path)
    if os.path.isdir(path):
        if (path / TRACK).exists() and not any((path / name).exists() for name in (ARRAYS, CONFIG)):
            raise refused(path, f"this folder holds a track of dstft track ({TRACK}), not a result of dstft optimize")
        if is_result(path):
            return path
        below = sorted(item.parent.name for item in path.glob(f"*/{ARRAYS}"))
        hint = f"; its sub-folders hold some: {one_line(', '.join(below), 80)}" if below else ""
        raise refused(path, f"this folder holds no result of dstft optimize{hint}")
    if not os.path.exists(path):
        raise refused(path, "there is no such file or folder")
    if path.name != ARRAYS:
        raise refused(path, f"this is not a result; give the folder that dstft optimize wrote, or {ARRAYS} in it")
    return path.parent
