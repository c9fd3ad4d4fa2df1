"""Ogg: the checksum, number and stream of every page, since libsndfile skips pages that do not fit (RFC 3533)."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

from .report import ContainerReport

_MARK = b"OggS"
_HEADER = 27
_FIRST, _LAST = 2, 4  # flags of the first and the last page of a stream
_CODECS = {b"\x01vorbis": "Vorbis", b"OpusHead": "Opus", b"\x7fFLAC": "FLAC", b"Speex   ": "Speex"}
_MAX_SAMPLES = 1 << 60  # of a stream
_SEARCH = 1 << 24  # bytes in which the next page is looked for
_MIRROR = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True)
class _Page:
    offset: int  # of its first byte in the file
    flags: int
    granule: int  # samples up to its end, -1 where no packet ends in it
    serial: int  # of its stream
    number: int  # within its stream
    intact: bool  # whether its checksum is right
    start: bytes  # of its body


def audit_ogg(file: BinaryIO, head: bytes, report: ContainerReport) -> bool:
    """Audit an Ogg file. Of several streams libsndfile reads the first only, and it drops a damaged page without an error.

    file: the open file.
    head: its first bytes, 64 where there are as many.
    report: gets the notes.

    Returns False where it is no Ogg file. Raises InputError for a file without a stream of a known codec.
    """
    if head[:4] != _MARK:
        return False
    pages = list(_pages(file, report))
    codecs = {page.serial: _codec(page) for page in pages if page.flags & _FIRST}
    main = next((serial for serial, codec in codecs.items() if codec), None)
    if main is None:
        fault = report.fault(150) or "no stream of Vorbis, Opus or FLAC begins in this Ogg file"
        raise report.refusal(0, f"{fault}, so nothing can be read", "take another copy, or convert it to FLAC or WAV")
    _check_streams(pages, main, report)
    own = [page for page in _first_link(pages) if page.serial == main]
    _check_order(own, report)
    if codecs[main] == "Vorbis":
        report.declared_frames = max(page.granule for page in own)
    return True


def _pages(file: BinaryIO, report: ContainerReport) -> Iterator[_Page]:
    """The intact pages of a file. Warns of damaged pages, of pages that are cut off, and of bytes between pages."""
    offset, total = 0, file.seek(0, 2)
    while offset < total:
        file.seek(offset)
        header = file.read(_HEADER)
        lengths = file.read(header[26]) if len(header) == _HEADER else b""
        end = offset + _HEADER + len(lengths) + sum(lengths)
        if header[:4] != _MARK:
            after = _next_mark(file, offset)
            _warn_of_gap(file, offset, after or total, report)
            offset = after or total
        elif len(header) < _HEADER or len(lengths) < header[26] or end > total:
            report.warn(f"the Ogg stream is cut off: the page at byte {offset} ends beyond the file")
            offset = _next_mark(file, offset + 4) or total
        else:
            page = _page(header, lengths, file.read(sum(lengths)), offset)
            if page.intact:
                yield page
                offset = end
            else:  # the damage may be in its length
                report.warn(
                    f"the Ogg page at byte {offset} is damaged (wrong checksum); samples are missing or out of order"
                )
                offset = _next_mark(file, offset + 4) or total


def _page(header: bytes, lengths: bytes, body: bytes, offset: int) -> _Page:
    _, flags, granule, serial, number, crc = struct.unpack_from("<BBqIII", header, 4)
    whole = header[:22] + bytes(4) + header[26:] + lengths + body
    return _Page(offset, flags, granule, serial, number, _checksum(whole) == crc, body[:16])


def _checksum(page: bytes) -> int:
    """CRC-32 of polynomial 0x04C11DB7, highest bit first, starting at 0: that of zlib, mirrored and without its inversions."""
    mirrored = zlib.crc32(page.translate(_MIRROR), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_MIRROR), "big")


def _next_mark(file: BinaryIO, start: int) -> int | None:
    """The offset at which the next page begins."""
    file.seek(start)
    index = file.read(_SEARCH).find(_MARK)
    return None if index < 0 else start + index


def _warn_of_gap(file: BinaryIO, start: int, end: int, report: ContainerReport) -> None:
    file.seek(start)
    if any(file.read(min(end - start, _SEARCH))):
        report.warn(f"{end - start} bytes from byte {start} on are not an Ogg page; samples may be missing there")


def _codec(page: _Page) -> str | None:
    return next((name for mark, name in _CODECS.items() if page.start.startswith(mark)), None)


def _first_link(pages: list[_Page]) -> list[_Page]:
    """The pages up to where another stream begins after the first pages of all streams."""
    plain = next((i for i, page in enumerate(pages) if not page.flags & _FIRST), len(pages))
    later = next((i for i, page in enumerate(pages) if page.flags & _FIRST and i > plain), len(pages))
    return pages[:later]


def _check_streams(pages: list[_Page], main: int, report: ContainerReport) -> None:
    first = _first_link(pages)
    if len(first) < len(pages):
        report.warn(f"another Ogg stream begins at byte {pages[len(first)].offset}; only the first stream was read")
    beside = next((page for page in first if page.serial != main), None)
    if beside:
        report.warn(f"the page at byte {beside.offset} belongs to another Ogg stream; only one stream was read")


def _check_order(pages: list[_Page], report: ContainerReport) -> None:
    """Warn where the pages of one stream are not numbered one by one, or the last one is not marked as the last."""
    for i, page in enumerate(pages):
        if page.number != pages[0].number + i:
            report.warn(
                f"the Ogg stream is damaged: page {page.number} at byte {page.offset}, expected page {pages[0].number + i}; "
                "samples are missing or out of order"
            )
            return
        if page.flags & _LAST and i + 1 < len(pages):
            report.warn(f"the Ogg page at byte {page.offset} is marked as the last of its stream, but others follow")
    counts = [page for page in pages if page.granule != -1]  # in the others no packet ends
    wrong = next((b for a, b in pairwise(counts) if not 0 <= a.granule <= b.granule < _MAX_SAMPLES), None)
    if wrong:
        report.warn(f"the Ogg page at byte {wrong.offset} counts {wrong.granule} samples, which is invalid")
    if not pages[-1].flags & _LAST:
        report.warn("the Ogg stream is cut off: its last page is missing")
