"""FLAC: the metadata blocks before the first frame, and the checksum of the samples (RFC 9639)."""

import hashlib
import math
from collections.abc import Iterable
from typing import BinaryIO

import numpy as np

from .chunks import end_of_id3
from .flac_frames import StreamInfo, check_frames, read_header, read_stream_info
from .report import ContainerReport

_MARK = b"fLaC"
_STREAMINFO, _SEEKTABLE, _COMMENT, _PICTURE, _FORBIDDEN = 0, 3, 4, 6, 127
_NAMES = dict(enumerate(("STREAMINFO", "PADDING", "APPLICATION", "SEEKTABLE", "VORBIS_COMMENT", "CUESHEET", "PICTURE")))
_MAX_BLOCKS = 10_000
_STEP = 1 << 24  # bytes read at once


def audit_flac(file: BinaryIO, head: bytes, report: ContainerReport) -> bool:
    """Audit a FLAC file.

    file: the open file.
    head: its first bytes, 64 where there are as many.
    report: gets the notes.

    Returns False where it is no FLAC file. Raises InputError where the metadata blocks do not lead to the first frame.
    """
    start = end_of_id3(head)
    file.seek(start)
    if file.read(4) != _MARK:
        return False
    offset = _first_frame(file, start + 4, report)
    file.seek(offset)
    frame = file.read(16)
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xFE != 0xF8:
        raise report.refusal(
            offset,
            f"expected the first FLAC frame, found {frame[:4].hex() or 'the end'}; the file is cut off or damaged",
        )
    file.seek(start + 8)
    info = read_stream_info(file.read(34))
    _check_frame(frame, info, offset, report)
    other = _find(file, offset, _MARK + b"\0\0\0\x22")
    if other is not None:
        report.warn(f"another FLAC file begins at byte {other}; only the first was read")
    check_frames(file, offset, file.seek(0, 2) if other is None else other, info, report)
    return True


def _first_frame(file: BinaryIO, offset: int, report: ContainerReport) -> int:
    """The byte after the last metadata block. offset: of the first one."""
    total = file.seek(0, 2)
    for count in range(_MAX_BLOCKS):
        file.seek(offset)
        header = file.read(4)
        kind, size = header[:1] and header[0] & 0x7F, int.from_bytes(header[1:], "big")
        if len(header) < 4:
            raise report.refusal(offset, "the file ends before the first FLAC frame; it is cut off or damaged")
        if fault := _fault(kind, size, total - offset - 4, count):
            raise report.refusal(offset, f"{fault}; the file is cut off or damaged")
        _check_block(file, kind, offset + 4, size, report)
        offset += 4 + size
        if header[0] & 0x80:
            return offset
    raise report.refusal(offset, f"more than {_MAX_BLOCKS} FLAC metadata blocks")


def _fault(kind: int, size: int, present: int, count: int) -> str:
    """What is wrong with a metadata block, "" where nothing is. present: bytes after its header. count: blocks before it."""
    name = _NAMES.get(kind, f"of type {kind}")
    if kind == _FORBIDDEN:
        return f"FLAC metadata block of type {_FORBIDDEN}, which is invalid"
    if size > present:
        return f"FLAC metadata block ({name}) of {size} bytes, of which the file has {present}"
    if kind != _STREAMINFO:
        return "" if count else f"FLAC metadata block ({name}), expected STREAMINFO"
    if count:
        return "second FLAC metadata block STREAMINFO"
    return "" if size == 34 else f"FLAC metadata block STREAMINFO of {size} bytes, expected 34"


def _check_block(file: BinaryIO, kind: int, offset: int, size: int, report: ContainerReport) -> None:
    """Warn of a metadata block whose counts do not fit its size. offset: of its body, of which ``size`` bytes come next."""
    body = file.read(size) if kind in (_COMMENT, _PICTURE, _STREAMINFO) else b""
    if kind == _STREAMINFO:
        low, high = int.from_bytes(body[:2], "big"), int.from_bytes(body[2:4], "big")
        if not 16 <= low <= high:
            report.warn(f"byte {offset}: STREAMINFO declares blocks of {low} to {high} samples, which is invalid")
    fits = kind != _SEEKTABLE or size % 18 == 0
    fits &= kind != _COMMENT or _comments_fit(body)
    fits &= kind != _PICTURE or _picture_fits(body)
    if not fits:
        name = _NAMES[kind]
        report.warn(f"byte {offset}: the entries of {name} do not fit into its {size} bytes; the file may be damaged")


def _comments_fit(body: bytes) -> bool:
    offset = 4 + int.from_bytes(body[:4], "little")
    count = int.from_bytes(body[offset : offset + 4], "little")
    offset += 4
    if count > len(body):
        return False
    for _ in range(count):
        offset += 4 + int.from_bytes(body[offset : offset + 4], "little")
    return offset <= len(body)


def _picture_fits(body: bytes) -> bool:
    offset = 4
    for skip in (0, 16, 0):  # media type, description and four numbers, picture
        offset += skip
        offset += 4 + int.from_bytes(body[offset : offset + 4], "big")
    return offset <= len(body)


def _check_frame(frame: bytes, info: StreamInfo, offset: int, report: ContainerReport) -> None:
    """Warn where the header of the first frame, damaged or not, contradicts STREAMINFO."""
    header = read_header(frame, info, checked=False)
    if header is None:
        return
    pairs = {"Hz": "rate", "channels": "channels", "bits": "bits"}
    contradictions = {name: (getattr(info, key), getattr(header, key)) for name, key in pairs.items()}
    if info.block and header.count > info.block and not header.variable:  # the last block may be shorter
        contradictions["samples per block"] = info.block, header.count
    for name, (declared, value) in contradictions.items():
        if value != declared:
            report.warn(
                f"the FLAC file declares {declared} {name}, its first frame (byte {offset}) {value}; one of them is wrong"
            )


def _find(file: BinaryIO, start: int, wanted: bytes) -> int | None:
    """The offset at which some bytes next occur."""
    file.seek(start)
    offset, tail = start, b""
    while more := file.read(_STEP):
        index = (tail + more).find(wanted)
        if index >= 0:
            return offset - len(tail) + index
        offset += len(more)
        tail = (tail + more)[-len(wanted) + 1 :]
    return None


def declared_checksum(path: str) -> tuple[int, bytes] | None:
    """The checksum that a FLAC file declares.

    path: the file.

    Returns bits per sample and the MD5 of the samples, 16 bytes; None where the file declares none.
    """
    with open(path, "rb") as file:
        file.seek(end_of_id3(file.read(64)))
        head = file.read(42)
    if len(head) < 42 or head[:4] != _MARK or not any(head[26:42]):
        return None
    return (int.from_bytes(head[20:22], "big") >> 4 & 31) + 1, head[26:42]


def checksum(blocks: Iterable[np.ndarray], bits: int) -> bytes:
    """The checksum of samples as FLAC defines it: the MD5 of the integers, channel by channel within a frame.

    blocks: (n, channels) float64 in [-1, 1), one after the other.
    bits: per sample.

    Returns 16 bytes.
    """
    digest, width = hashlib.md5(usedforsecurity=False), math.ceil(bits / 8)
    for block in blocks:
        integers = np.round(block * 2.0 ** (bits - 1)).astype("<i4")
        digest.update(integers.reshape(-1, 1).view(np.uint8)[:, :width].tobytes())
    return digest.digest()
