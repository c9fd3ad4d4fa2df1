"""What libsndfile overlooks in the containers it reads: endless RIFF lists, Ogg streams in a row or broken.

Only the headers of chunks and pages are looked at, not the sums over their bodies.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

from .errors import InputError
from .recordings import Request

_LIST_LIMIT = 1 << 20  # bytes of one list looked at
_BEGIN, _END = 2, 4  # flags of the first and the last page of an Ogg stream


def refuse_endless_list(request: Request) -> None:
    """Raise InputError for a LIST chunk with a negative entry: libsndfile steps back over it for ever."""
    with open(request.path, "rb") as file:
        head = file.read(12)
        if head[:4] not in (b"RIFF", b"RIFX", b"RF64") or head[8:] != b"WAVE":
            return
        order = ">" if head[:4] == b"RIFX" else "<"
        for kind, size in _chunks(file, order):
            if kind == b"LIST":
                offset = file.tell()
                _check_list(request, file.read(min(size, _LIST_LIMIT)), order, offset)


def _chunks(file: BinaryIO, order: str) -> Iterator[tuple[bytes, int]]:
    """(kind, size in bytes) of each chunk, with the file placed at its body."""
    long_data = 0
    while len(header := file.read(8)) == 8:
        kind, size = header[:4], struct.unpack(order + "I", header[4:])[0]
        body = file.tell()
        if kind == b"ds64":  # RF64: the size of a data chunk beyond 4 GiB stands here
            long_data = int.from_bytes(file.read(16)[8:], "little")
            file.seek(body)
        elif kind == b"data" and size == 0xFFFFFFFF:
            size = long_data
        yield kind, size
        file.seek(body + size + size % 2)


def _check_list(request: Request, body: bytes, order: str, offset: int) -> None:
    place = 4
    while place + 8 <= len(body):
        size = struct.unpack_from(order + "i", body, place + 4)[0]
        if size < 0:
            raise InputError(
                f"{request.where} byte {offset + place + 4}: a LIST entry declares {size} bytes, expected "
                "zero or more; remove the metadata or save the recording again"
            )
        place += 8 + size + size % 2


@dataclass(frozen=True)
class _Page:
    offset: int
    flags: int
    granule: int
    number: int


def ogg_notes(request: Request, frames: int) -> list[str]:
    """Warnings on an Ogg Vorbis file of which libsndfile gives ``frames`` only; none for any other file.

    Of streams one after the other only the first is read, and a damaged page goes missing without a word.
    """
    with open(request.path, "rb") as file:
        if file.read(4) != b"OggS" or b"\x01vorbis" not in file.read(60):
            return []
        pages, end = _pages(file)
        cut = end != file.seek(0, 2)
    notes = []
    first = next((i for i, page in enumerate(pages) if page.flags & _BEGIN and i > 0), len(pages))
    if first < len(pages):
        offset = pages[first].offset
        notes.append(f"warning: another Ogg stream begins at byte {offset}; only the first of them was read")
    stream = pages[:first]
    gap = any(after.number != before.number + 1 for before, after in pairwise(stream))
    if cut or gap or not stream[-1].flags & _END or max(page.granule for page in stream) > frames:
        notes.append("warning: the Ogg stream is cut off or damaged; samples are missing or out of place")
    return notes


def _pages(file: BinaryIO) -> tuple[list[_Page], int]:
    """The pages from the start of the file on, and the byte at which the last whole one ends."""
    pages, offset = [], 0
    length = file.seek(0, 2)
    while True:
        file.seek(offset)
        header = file.read(27)
        if len(header) < 27 or header[:4] != b"OggS":
            return pages, offset
        _, flags, granule, _, number = struct.unpack_from("<BBqII", header, 4)
        end = offset + 27 + header[26] + sum(file.read(header[26]))
        if end > length:
            return pages, offset
        pages.append(_Page(offset, flags, granule, number))
        offset = end
