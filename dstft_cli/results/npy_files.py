"""Arrays from .npz and .npy files that anybody may have made: nothing in them is run, and no size is believed unseen."""

import errno
import io
import math
import os
import stat
import sys
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from ..errors import InputError
from ..system.devices import free_bytes
from ..system.disk_arrays import file_beside
from ..text import file_name, one_line

_WIDEST = {"b": 1, "i": 8, "u": 8, "f": 8, "c": 16, "U": 10_000}  # kinds of numbers and text, and their most bytes
_LONGEST_HEADER = 1000  # characters; numpy writes some hundred
_LONGEST_LIST = 100_000  # bytes of an archive's list of contents; that of a result takes some 1500


def refused(path: str | os.PathLike, sentence: str) -> InputError:
    """The error to raise about a file: its name and the sentence, on one line of at most 300 characters."""
    return InputError(one_line(f"{file_name(path)}: {sentence}"))


@contextmanager
def reading(path: str | os.PathLike, what: str, mend: str) -> Iterator[BinaryIO]:
    """A regular file, open; whatever its contents make a reader raise becomes an InputError of one sentence.

    what: the file is to be. mend: what to do where it is not.
    """
    try:
        with _opened(path) as file:
            yield file
    except InputError:
        raise
    except MemoryError:
        raise refused(
            path, "it takes more memory than there is; close other programs, or take another machine"
        ) from None
    except Exception as error:
        lost = isinstance(error, EOFError) or getattr(error, "errno", None) == errno.EINVAL  # sent where nothing can be
        if isinstance(error, OSError) and not lost:
            raise refused(path, f"cannot be read: {error.strerror or error}") from None
        reason = "it ends early" if lost else one_line(" ".join(str(error).split()), 90) or type(error).__name__
        raise refused(path, f"damaged, cut off, or no {what} ({reason}); {mend}") from None


class _Wary(io.BufferedReader):
    """A file that hands out no more than ``most`` bytes at once."""

    most = sys.maxsize

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > self.most:
            raise ValueError(f"a list of contents of {size} bytes")
        return super().read(size)


def _opened(path: str | os.PathLike) -> _Wary:
    try:
        kind = os.stat(path).st_mode  # before it is opened: a pipe would let us wait for ever
        if stat.S_ISREG(kind):
            return _Wary(open(path, "rb", buffering=0))
    except FileNotFoundError:
        raise refused(path, "there is no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise refused(path, f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    raise refused(path, "this is a folder, not a file" if stat.S_ISDIR(kind) else "this is no regular file")


def read_npz(
    path: str | os.PathLike, names: Sequence[str], ending: str, what: str, mend: str, beside: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """The arrays of an .npz file as numpy.savez writes it: those names, and any that end like ``ending``.

    what, mend: as for reading. beside: names of what may have a file of its own in the same folder (file_beside), and is left on
    disk. Raises InputError where the file cannot be read, is damaged, lacks one of the names or holds
    another, holds what is not numbers or text, or would not fit into the memory that is free.
    """
    with reading(path, what, mend) as file:
        size, file.most = os.fstat(file.fileno()).st_size, _LONGEST_LIST
        with zipfile.ZipFile(file) as archive:
            file.most = size
            members = _members(archive, size)
            apart = {name: Path(path).with_name(file_beside(name)) for name in beside if name not in members}
            mapped = {name: map_npy(file, what, mend) for name, file in apart.items() if file.exists()}
            missing = [name for name in names if name not in {**members, **mapped}]
            odd = [one_line(name, 40) for name in members if name not in names and not name.endswith(ending)]
            if missing or odd:
                raise ValueError(f"it lacks {missing[0]}" if missing else f"it holds {odd[0]}")
            _check_room(path, size)
            return mapped | {name: _from_archive(archive, info) for name, info in members.items()}


def read_npy(path: str | os.PathLike) -> np.ndarray:
    """The array of an .npy file as numpy.save writes it. Raises InputError as read_npz does."""
    with reading(path, "array", "save it again with numpy.save") as file:
        size = os.fstat(file.fileno()).st_size
        _check_room(path, size)
        return _read(file, size)


def map_npy(path: str | os.PathLike, what: str, mend: str) -> np.memmap:
    """The array of an .npy file, left on disk: of plain numbers and in this machine's byte order. Raises InputError as read_npz does."""
    with reading(path, what, mend) as file:
        size = os.fstat(file.fileno()).st_size
        shape, fortran, dtype = _header(file)
        if dtype.kind not in "fc" or dtype != dtype.newbyteorder("="):
            raise ValueError(f"it holds {one_line(str(dtype), 40)}")
        if min(shape, default=0) < 1 or file.tell() + math.prod(shape) * dtype.itemsize != size:
            raise ValueError(f"it has another size than its shape {one_line(str(shape), 30)}")
        return np.memmap(path, dtype, "r", file.tell(), shape, "F" if fortran else "C")


def _members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """What an archive holds by the arrays' names. Raises ValueError for what numpy.savez does not write."""
    found = {}
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise ValueError(f"{one_line(name, 40)} is compressed")
        if info.comment:  # a wrong length of it would swallow the next array
            raise ValueError(f"{one_line(name, 40)} has a comment")
        if name in found:
            raise ValueError(f"{one_line(name, 40)} is in it twice")
        found[name] = info
    if sum(info.file_size for info in found.values()) > size:
        raise ValueError("its arrays overlap")
    return found


def _from_archive(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    """An array, whole by the checksum of the archive, which zipfile compares once the last byte is read."""
    try:
        with archive.open(info) as file:
            return _read(file, info.file_size)
    except ValueError as error:
        raise ValueError(f"array {one_line(info.filename, 40)}: {error}") from None


def _read(file: BinaryIO, size: int) -> np.ndarray:
    """An array whose header and numbers fill just that many bytes, in the byte order of this machine."""
    shape, fortran, dtype = _header(file)
    if dtype.itemsize > _WIDEST.get(dtype.kind, 0):
        raise ValueError(f"it holds {one_line(str(dtype), 40)}, not plain numbers or text")
    count = math.prod(shape)
    if min(shape, default=0) < 0 or file.tell() + count * dtype.itemsize != size:
        raise ValueError(f"it has another size than its shape {one_line(str(shape), 30)}")
    data = file.read(count * dtype.itemsize)
    if len(data) != count * dtype.itemsize:
        raise ValueError("it ends early")
    values = np.frombuffer(data, dtype, count)  # of bytes: nothing but numbers can come of it
    if dtype.kind == "U" and np.frombuffer(data, f"{dtype.str[0]}u4").max(initial=0) > sys.maxunicode:
        raise ValueError("it holds text of characters that there are not")
    return values.reshape(shape, order="F" if fortran else "C").astype(dtype.newbyteorder("="))


def _header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, order and type that the header tells."""
    try:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):  # others are for headers too long for this one, of what is no plain numbers
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the Python that the header is written in
                return np.lib.format.read_array_header_1_0(file, max_header_size=_LONGEST_HEADER)
    except Exception:  # it is parsed as Python, whose parser raises half a dozen kinds
        raise ValueError("its header is not one of numpy's") from None
    raise ValueError(f"its header is of version {version[0]}, not 1")


def _check_room(path: str | os.PathLike, size: int) -> None:
    free = free_bytes(torch.device("cpu"))
    if 2.5 * size > free:
        raise refused(path, f"reading {size / 1e9:.1f} GB takes more memory than the {free / 1e9:.1f} GB that are free")
