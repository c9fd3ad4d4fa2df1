"""Recordings in the formats of the registry: the library is loaded, tried in another process where it is C code, and its errors
become one sentence."""

import importlib
import os
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from ...errors import InputError
from ...system.memory import free_memory
from ...text import one_line, size_text
from ..audio_sandbox import silence_c_output, try_in_subprocess
from ..lazy_samples import LazySamples
from ..notes import Note
from ..request import Recording, Request
from .contents import Contents, as_recording
from .registry import Format, find_format

_BLOCK = 1 << 20  # samples
_MOST_TRIED = 1 << 25  # samples in a file, over all channels, that are decoded in another process
_MEMORY_OF_TRIAL = 600e6  # bytes: longer channels are decoded block by block there
_WITH_TIMES = {"matlab", "hdf5", "tdms", "columnar", "numpy_arrays"}  # formats whose files may hold rows of times
_SMALL = 50_000_000  # bytes of a file that is read in any case
_MEMORY_PER_BYTE = 4  # bytes of memory per byte of a file that is read whole


def read_format(request: Request, form: Format) -> Recording:
    """Read the channels asked for.

    request: file, channels and time range.
    form: the format of the file.

    Returns the channels. Raises InputError where a package is missing, or where the file is damaged or holds no signal.
    """
    form.check_installed(request.where)
    if form.native:
        try_in_subprocess(request, __name__, form.packages[0])
    unused = set(request.text.stated()) - ({"time_col", "time_unit"} if form.module in _WITH_TIMES else set())
    if request.channel is None and request.text.value_col is not None:
        request = replace(request, channel=request.text.value_col)
        unused.remove("value_col")
    with request.must_end():
        contents = _guarded(request, form, partial(open_contents, request, form))
        if not contents.channels:
            why = "; ".join(note.text for note in contents.notes) or "it holds no row of real numbers"
            raise InputError(
                f"{request.where}: {form.name} file without a signal: {why}; save the signal as a row of numbers"
            )
        recording = _guarded(request, form, partial(as_recording, request, contents))
    if unused:
        recording.notes.append(Note(f"{', '.join(sorted(unused))} not used for {form.name}"))
    return recording


def decode_and_discard(path: str, **options: object) -> None:
    """Read what is asked for of a file, so that C code hangs or crashes in this process where it would in another.

    path, options: of the request.

    Raises MemoryError where there is not enough of it.
    """
    form, left = find_format(path), _MOST_TRIED
    whole, request = Request(path, **options), Request(path, **options, memory=_MEMORY_OF_TRIAL)
    try:
        contents = _guarded(whole, form, partial(open_contents, whole, form))
        for track in _guarded(request, form, partial(as_recording, request, contents)).tracks:
            if isinstance(track.samples, LazySamples) and left > 0:
                left -= _guarded(request, form, partial(_read_through, track.samples, left))
    except InputError as error:
        if isinstance(error.__cause__, MemoryError):
            raise error.__cause__ from None


def open_contents(request: Request, form: Format) -> Contents:
    """The channels of a file by the module of its format."""
    module = importlib.import_module(f".{form.module}", __package__)
    if not module.ON_DISK:
        _check_memory(request)
    return module.open_contents(request)


def _read_through(samples: LazySamples, most: int) -> int:
    """Read samples that are still in their file, at most so many; return their number."""
    count = min(len(samples), most)
    for first in range(0, count, _BLOCK):
        samples[first : min(first + _BLOCK, count)]
    return count


def _guarded(request: Request, form: Format, read: Callable):
    """What ``read`` returns; whatever a library raises on a damaged file becomes an InputError."""
    try:
        with silence_c_output(), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return read()
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(
            f"{request.where}: reading it as {form.name} takes more memory than there is; the file is damaged, or too long: "
            "save a part of it as WAV or FLAC, which are read block by block"
        ) from error
    except ImportError as error:
        raise InputError(
            f"{request.where}: {form.name} needs a package that does not load ({one_line(error, 90)}); "
            f"pip install 'dstft-cli[{form.extra}]'"
        ) from error
    except Exception as error:  # a damaged file may make a library raise anything
        text = str(getattr(error, "strerror", None) or error).replace(request.path, "it")
        reason = one_line(" ".join(text.split()) or type(error).__name__, 80).rstrip(".")
        raise InputError(
            f"{request.where}: cannot be read as {form.name} ({reason}); the file is damaged or of another format, "
            "take another copy"
        ) from error


def _check_memory(request: Request) -> None:
    """Raise InputError for a file that is read whole and would not fit into memory."""
    size, free = os.path.getsize(request.path), free_memory()
    available = free if request.memory is None else min(free, request.memory)
    if size > _SMALL and _MEMORY_PER_BYTE * size > available:
        raise InputError(
            f"{request.where}: this file of {size_text(size)} is read whole, which takes some {size_text(_MEMORY_PER_BYTE * size)} "
            f"of memory, and {size_text(available)} may be used; save the channel as WAV or FLAC, which are read block by block"
        )
