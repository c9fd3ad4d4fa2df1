"""Arrays from .npz and .npy files that anybody may have made: nothing in them is run, and no size is trusted."""

import math
import os
import sys
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from ..system.devices import free_bytes
from ..system.disk_arrays import file_beside
from ..text import one_line
from .untrusted_files import open_untrusted, refused

_WIDEST = {"b": 1, "i": 8, "u": 8, "f": 8, "c": 16, "U": 10_000}  # bytes of an element at most, by numpy's kind
_LONGEST_HEADER = 1000  # characters; numpy writes some hundred
_LONGEST_CONTENTS = 100_000  # bytes of an archive's table of contents; that of a result takes some 1500


def read_npz(
    path: str | os.PathLike, names: Sequence[str], ending: str, what: str, fix: str, beside: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """The arrays of an .npz file as numpy.savez writes it, by name.

    path: the file.
    names: of the arrays that it must hold; any others must end in ``ending``.
    ending: of the names of optional arrays.
    what: what the file should be, for error messages.
    fix: what the user can do where it is something else.
    beside: names of arrays that may have their own .npy file in the same folder (file_beside); these stay on disk.

    Returns arrays of numbers or text in native byte order, of any shape.
    Raises InputError where the file cannot be read, is damaged, lacks an array or holds an unknown one, holds anything but
    numbers and text, or needs more memory than is free.
    """
    with open_untrusted(path, what, fix) as file:
        size, file.most = os.fstat(file.fileno()).st_size, _LONGEST_CONTENTS
        with zipfile.ZipFile(file) as archive:
            file.most = size
            members = _members(archive, size)
            apart = {name: Path(path).with_name(file_beside(name)) for name in beside if name not in members}
            mapped = {name: map_npy(npy, what, fix) for name, npy in apart.items() if npy.exists()}
            missing = [name for name in names if name not in {**members, **mapped}]
            unknown = [one_line(name, 40) for name in members if name not in names and not name.endswith(ending)]
            if missing or unknown:
                raise ValueError(f"it lacks {missing[0]}" if missing else f"it holds {unknown[0]}")
            _check_memory(path, size)
            return mapped | {name: _read_member(archive, info) for name, info in members.items()}


def read_npy(path: str | os.PathLike) -> np.ndarray:
    """The array of an .npy file as numpy.save writes it, of any shape. Raises InputError as read_npz does."""
    with open_untrusted(path, "array", "save it again with numpy.save") as file:
        size = os.fstat(file.fileno()).st_size
        _check_memory(path, size)
        return _read_array(file, size)


def map_npy(path: str | os.PathLike, what: str, fix: str) -> np.memmap:
    """The array of an .npy file, left on disk.

    path: the file, of real or complex numbers in native byte order.
    what: what the file should be, for error messages.
    fix: what the user can do where it is something else.

    Returns a read-only map of the shape in the file. Raises InputError as read_npz does.
    """
    with open_untrusted(path, what, fix) as file:
        size = os.fstat(file.fileno()).st_size
        shape, fortran, dtype = _read_header(file)
        if dtype.kind not in "fc" or dtype != dtype.newbyteorder("="):
            raise ValueError(f"it holds {one_line(str(dtype), 40)}")
        if min(shape, default=0) < 1 or file.tell() + math.prod(shape) * dtype.itemsize != size:
            raise ValueError(f"its size does not match its shape {one_line(str(shape), 30)}")
        return np.memmap(path, dtype, "r", file.tell(), shape, "F" if fortran else "C")


def _members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """The archive's members by the arrays' names. Raises ValueError for anything that numpy.savez does not write."""
    members = {}
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise ValueError(f"{one_line(name, 40)} is compressed")
        if info.comment:  # with a wrong length it would swallow the next array
            raise ValueError(f"{one_line(name, 40)} has a comment")
        if name in members:
            raise ValueError(f"{one_line(name, 40)} is in it twice")
        members[name] = info
    if sum(info.file_size for info in members.values()) > size:
        raise ValueError("its arrays overlap")
    return members


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    """An array; zipfile compares the checksum once the last byte is read."""
    try:
        with archive.open(info) as file:
            return _read_array(file, info.file_size)
    except ValueError as error:
        raise ValueError(f"array {one_line(info.filename, 40)}: {error}") from None


def _read_array(file: BinaryIO, size: int) -> np.ndarray:
    """An array whose header and elements fill exactly ``size`` bytes, in native byte order."""
    shape, fortran, dtype = _read_header(file)
    if dtype.itemsize > _WIDEST.get(dtype.kind, 0):
        raise ValueError(f"it holds {one_line(str(dtype), 40)}, not plain numbers or text")
    count = math.prod(shape)
    if min(shape, default=0) < 0 or file.tell() + count * dtype.itemsize != size:
        raise ValueError(f"its size does not match its shape {one_line(str(shape), 30)}")
    data = file.read(count * dtype.itemsize)
    if len(data) != count * dtype.itemsize:
        raise ValueError("it ends early")
    values = np.frombuffer(data, dtype, count)  # bytes can become nothing but numbers here
    if dtype.kind == "U" and np.frombuffer(data, f"{dtype.str[0]}u4").max(initial=0) > sys.maxunicode:
        raise ValueError("its text holds codes that are no characters")
    return values.reshape(shape, order="F" if fortran else "C").astype(dtype.newbyteorder("="))


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, Fortran order and dtype."""
    try:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):  # later versions are for headers that plain numbers never need
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about the Python syntax of the header
                return np.lib.format.read_array_header_1_0(file, max_header_size=_LONGEST_HEADER)
    except Exception:  # the header is parsed as Python, whose parser raises half a dozen types
        raise ValueError("its header is not one of numpy's") from None
    raise ValueError(f"its header is of version {version[0]}, not 1")


def _check_memory(path: str | os.PathLike, size: int) -> None:
    free = free_bytes(torch.device("cpu"))
    if 2.5 * size > free:
        raise refused(path, f"reading {size / 1e9:.1f} GB takes more memory than the {free / 1e9:.1f} GB that are free")
