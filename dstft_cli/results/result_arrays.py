"""result.npz: the names, types and shapes of its arrays, read."""

from pathlib import Path

import numpy as np

from .npy_files import read_npz
from .result import BESIDE
from .untrusted_files import refused
from .versions import RUN_AGAIN, SCHEMA_VERSION, check_version

_SCALARS = {"sample_rate": "float64", "start": "float64", "first_theta": "float64", "support": "int64"}
_SCALARS |= {"schema_version": "int64", "hop_mode": "str", "window": "str", "mode": "str"}
_ROWS = {"frame_positions": "float64", "times": "float64", "frequencies": "float64"}
_NAMES = ("stft", "theta", "signal", "curve", "hop", *_ROWS, *_SCALARS)
_HISTORY = "_history"


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a result.npz and of the files beside it, by name: those of Result.arrays(), the types not yet checked.

    Raises InputError, in one sentence, where they are missing, damaged or of another version.
    """
    what = f"arrays of dstft in format {SCHEMA_VERSION}"
    arrays = read_npz(path, _NAMES, _HISTORY, what, RUN_AGAIN, BESIDE)
    version = arrays["schema_version"]
    if version.ndim:
        raise refused(path, f"damaged: schema_version has shape {version.shape}; {RUN_AGAIN}")
    check_version(path, version.item())
    return arrays


def check_types(arrays: dict[str, np.ndarray], dtype: str) -> None:
    """Check types and numbers of axes against those that a run writes.

    arrays: as read_arrays gives them.
    dtype: the precision of the run, float32 or float64.

    Raises ValueError for the first array that differs.
    """
    types = {"stft": ("complex64", 2), "theta": (dtype, 2), "signal": (dtype, 1), "curve": ("float64", 2)}
    types |= {name: (kind, 0) for name, kind in _SCALARS.items()} | {name: (kind, 1) for name, kind in _ROWS.items()}
    types["hop"] = ("float64", min(arrays["hop"].ndim, 1))  # one number, or one for each gap
    for name, values in arrays.items():
        kind = "str" if values.dtype.kind == "U" else values.dtype.name
        if (kind, values.ndim) != types.get(name, ("float64", 1)):
            raise ValueError(f"{name} has type {kind} and shape {values.shape}")
    if len(arrays["curve"]) != 3:
        raise ValueError(f"curve has shape {arrays['curve'].shape}")


def result_fields(arrays: dict[str, np.ndarray]) -> dict:
    """The attributes of a Result that only its arrays hold, by name; arrays: as check_types lets them pass."""
    histories = {name.removesuffix(_HISTORY): values for name, values in arrays.items() if name.endswith(_HISTORY)}
    return {
        **{name: arrays[name] for name in ("stft", "theta", "frame_positions")},
        "first_theta": arrays["first_theta"].item(),
        "curve": tuple(arrays["curve"]),
        "history": histories,
    }
