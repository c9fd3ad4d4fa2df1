"""Arrays of NumPy: one in a .npy file, several with names in a .npz file. Objects, which can run code, are not read."""

import zipfile

import numpy as np

from ...errors import InputError
from ...system.memory import free_memory
from ...text import one_line, size_text
from ..notes import Note
from ..request import Request
from .contents import Channel, Contents
from .variables import Variables, as_contents

ON_DISK = True


def open_contents(request: Request) -> Contents:
    """The rows of an array, or the arrays of an archive.

    request: names the file.

    Raises InputError for an array of another kind, and for an archive that would not fit into memory.
    """
    if zipfile.is_zipfile(request.path):
        return as_contents(request, _variables(request))
    try:
        array = np.load(request.path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        if "object" not in str(error):
            raise
        raise InputError(f"{request.where}: holds Python objects, which can run code; save numbers") from error
    if array.dtype.kind not in "iuf":
        kind = "complex numbers" if array.dtype.kind == "c" else f"values of the type {one_line(array.dtype, 30)}"
        raise InputError(f"{request.where}: holds {kind}; save real numbers, such as a row (N,) of float64")
    rows = array.reshape(array.shape if array.ndim == 2 else -1) if array.ndim < 3 else array.squeeze()
    if rows.ndim > 2:
        raise InputError(
            f"{request.where}: an array of the shape {array.shape}; save one row (N,), or one column a channel (N, channels)"
        )
    if rows.ndim == 1:
        return Contents([_channel("1", rows)], on_disk=True)
    turned = rows.shape[0] < rows.shape[1]
    rows = rows.T if turned else rows
    note = f"the array {array.shape} was read as {rows.shape[1]} channels of {rows.shape[0]} samples"
    return Contents([_channel(str(i + 1), rows[:, i]) for i in range(rows.shape[1])], [Note(note)], on_disk=True)


def _channel(name: str, row: np.ndarray) -> Channel:
    return Channel(
        name, len(row), lambda first, last: np.array(row[first:last]), no_rate="an array has no sampling rate"
    )


def _variables(request: Request) -> Variables:
    with zipfile.ZipFile(request.path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    available = min(free_memory(), request.memory or np.inf)
    if 2 * size > available:
        raise InputError(
            f"{request.where}: its arrays take {size_text(size)}, and {size_text(available)} of memory may be used; "
            "save the signal as a .npy file, which is read block by block"
        )
    variables = Variables()
    with np.load(request.path, allow_pickle=False) as archive:
        for name in archive.files:
            try:
                variables.add(name, archive[name])
            except ValueError as error:
                if "pickle" not in str(error).lower():
                    raise
                variables.ignored.append(name)  # objects, which can run code
    return variables
