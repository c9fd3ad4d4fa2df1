"""FLAC frames: whether they follow each other from the first sample to the last (RFC 9639, section 9).

The checksum of all samples does not replace this check: many encoders omit it, and it does not cover bytes after the end.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

import numpy as np

from .report import ContainerReport

_STEP = 1 << 24  # bytes read at once
_MAX_HEADER = 16  # bytes
_MAX_FRAME = 1 << 21  # bytes
BLOCKS = {1: 192} | {code: 576 << code - 2 for code in range(2, 6)} | {code: 256 << code - 8 for code in range(8, 16)}
"""Samples per block by the code in a frame's header; with 6 and 7 the number follows the header."""
_TAGS = (b"TAG", b"ID3", b"APETAGEX", b"LYRICSBEGIN")  # that players append to any file


@dataclass(frozen=True)
class _Frame:
    """offset: its first byte in the file. first: its first sample. count: its samples."""

    offset: int
    first: int
    count: int


def check_frames(file: BinaryIO, offset: int, info: bytes, report: ContainerReport) -> None:
    """Warn of frames that are missing, out of order, more than declared, or cut off.

    file: the open file.
    offset: byte of the first frame.
    info: the 34 bytes of STREAMINFO.
    report: gets the warnings.
    """
    total = int.from_bytes(info[10:18], "big") & (1 << 36) - 1
    expected, last = 0, None
    for frame in _frames(file, offset, info):
        if frame.first != expected:
            report.warn(
                f"the FLAC frame at byte {frame.offset} begins with sample {frame.first}, expected {expected}; samples are "
                "missing or out of order"
            )
            return
        expected, last = expected + frame.count, frame
    if last is None:
        return
    if 0 < total < expected:
        report.warn(f"the FLAC file declares {total} samples, its frames hold {expected}; the rest was not read")
    elif not _is_complete(file, last.offset):
        report.warn(
            f"the last FLAC frame, at byte {last.offset}, does not end with the file: it was cut off or damaged, or data was "
            "appended"
        )


def _frames(file: BinaryIO, start: int, info: bytes) -> Iterator[_Frame]:
    """The frames whose headers are complete and of the same kind as the first one's."""
    file.seek(start)
    model, offset, window = file.read(4), start, b""
    file.seek(start)
    more = True
    while more:
        more = file.read(_STEP)
        window += more or bytes(_MAX_HEADER)  # the last frame may be shorter than the longest header
        for at in _sync_codes(window, model[1]):
            head = window[at : at + _MAX_HEADER]
            if len(head) == _MAX_HEADER and (frame := _frame(head, model, offset + at, info)):
                yield frame
        overlap = min(len(window), _MAX_HEADER - 1)
        offset, window = offset + len(window) - overlap, window[len(window) - overlap :]


def _sync_codes(raw: bytes, second: int) -> list[int]:
    """Where frames may begin: at the bytes 0xFF and ``second``."""
    numbers = np.frombuffer(raw, np.uint8)
    return np.flatnonzero((numbers[:-1] == 0xFF) & (numbers[1:] == second)).tolist()


def _frame(head: bytes, model: bytes, offset: int, info: bytes) -> _Frame | None:
    """The frame that begins with ``head``; None where it is none, or of another kind than the one that begins with ``model``."""
    alike = head[2] & 15 == model[2] & 15 and head[3] & 15 == model[3] & 15
    if not alike or not _same_channels(head[3] >> 4, model[3] >> 4):
        return None
    length = max(1, 8 - (head[4] ^ 0xFF).bit_length()) if head[4] & 0x80 else 1
    if length == 8 or (head[4] & 0xC0 == 0x80):
        return None
    number = head[4] & (0x7F if length == 1 else 0x7F >> length)
    for byte in head[5 : 4 + length]:
        number = number << 6 | byte & 0x3F
    end = 4 + length
    code, extra = head[2] >> 4, {6: 1, 7: 2}.get(head[2] >> 4, 0)
    count = int.from_bytes(head[end : end + extra], "big") + 1 if extra else BLOCKS.get(code, 0)
    end += extra + {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    if not count or _crc(head[: end + 1], 8, 0x07):
        return None
    return _Frame(offset, number if head[1] & 1 else number * int.from_bytes(info[2:4], "big"), count)


def _same_channels(code: int, other: int) -> bool:
    """Whether both codes mean as many channels; stereo may be coded as left and right, or as one of them and the difference."""
    return code == other or {code, other} <= {1, 8, 9, 10}


def _is_complete(file: BinaryIO, offset: int) -> bool:
    """Whether a frame ends where its checksum matches, followed by nothing but padding or a tag."""
    file.seek(offset)
    raw = file.read(_MAX_FRAME)
    check, table = 0, _crc_table(16, 0x8005)
    for i, byte in enumerate(raw, 1):
        check = (check << 8 & 0xFFFF) ^ table[check >> 8 ^ byte]
        if not check and (raw.startswith(_TAGS, i) or (not raw[i : i + 64].strip(b"\0") and not raw[i:].strip(b"\0"))):
            return True
    return False


def _crc(raw: bytes, bits: int, polynomial: int) -> int:
    """The cyclic redundancy check of some bytes; 0 for bytes that end with their own check."""
    table, check = _crc_table(bits, polynomial), 0
    for byte in raw:
        check = (check << 8 & (1 << bits) - 1) ^ table[check >> bits - 8 ^ byte]
    return check


@lru_cache
def _crc_table(bits: int, polynomial: int) -> list[int]:
    top, mask = 1 << bits - 1, (1 << bits) - 1
    table = []
    for byte in range(256):
        check = byte << bits - 8
        for _ in range(8):
            check = (check << 1 & mask) ^ (polynomial if check & top else 0)
        table.append(check)
    return table
