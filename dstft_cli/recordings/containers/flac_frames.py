"""FLAC frames: whether they follow each other from the first sample to the last (RFC 9639, section 9).

The checksum of all samples would tell too, but many encoders leave it out, and it does not see what lies behind the end.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

import numpy as np

from .report import ContainerReport

_STEP = 1 << 24
_LONGEST_HEAD = 16  # bytes
_LAST = 1 << 21  # bytes; no frame is longer
BLOCKS = {1: 192} | {code: 576 << code - 2 for code in range(2, 6)} | {code: 256 << code - 8 for code in range(8, 16)}
"""Samples a block by the code in a frame's header; 6 and 7 say that the number follows."""
_BEHIND = (b"TAG", b"ID3", b"APETAGEX", b"LYRICSBEGIN")  # that players put behind whatever file


@dataclass(frozen=True)
class _Frame:
    """place: its first byte in the file. first: its first sample. count: its samples."""

    place: int
    first: int
    count: int


def check_frames(file: BinaryIO, place: int, info: bytes, report: ContainerReport) -> None:
    """Warns of frames that are missing, out of order, more than declared, or cut.

    place: the first frame's byte. info: the 34 bytes of STREAMINFO.
    """
    total = int.from_bytes(info[10:18], "big") & (1 << 36) - 1
    expected, last = 0, None
    for frame in _frames(file, place, info):
        if frame.first != expected:
            report.warn(
                f"the FLAC frame at byte {frame.place} begins with sample {frame.first}, expected {expected}; samples are "
                "missing or out of place"
            )
            return
        expected, last = expected + frame.count, frame
    if last is None:
        return
    if 0 < total < expected:
        report.warn(f"the FLAC file declares {total} samples, its frames hold {expected}; the rest was not read")
    elif not _is_whole(file, last.place):
        report.warn(
            f"the last FLAC frame, at byte {last.place}, does not end with the file: it was cut off or damaged, or something "
            "was joined on"
        )


def _frames(file: BinaryIO, start: int, info: bytes) -> Iterator[_Frame]:
    """The frames whose headers are as whole and of the same kind as the first one's."""
    file.seek(start)
    model, place, part = file.read(4), start, b""
    file.seek(start)
    more = True
    while more:
        more = file.read(_STEP)
        part += more or bytes(_LONGEST_HEAD)  # the last frame may be shorter than the longest header
        for at in _marks(part, model[1]):
            head = part[at : at + _LONGEST_HEAD]
            if len(head) == _LONGEST_HEAD and (found := _frame(head, model, place + at, info)):
                yield found
        kept = min(len(part), _LONGEST_HEAD - 1)
        place, part = place + len(part) - kept, part[len(part) - kept :]


def _marks(part: bytes, second: int) -> list[int]:
    """Where frames may begin."""
    numbers = np.frombuffer(part, np.uint8)
    return np.flatnonzero((numbers[:-1] == 0xFF) & (numbers[1:] == second)).tolist()


def _frame(head: bytes, model: bytes, place: int, info: bytes) -> _Frame | None:
    """The frame of which ``head`` is the beginning; None where it is none, or of another kind than ``model``."""
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
    if not count or _remainder(head[: end + 1], 8, 0x07):
        return None
    return _Frame(place, number if head[1] & 1 else number * int.from_bytes(info[2:4], "big"), count)


def _same_channels(code: int, other: int) -> bool:
    """Stereo frames may be coded as left and right, or as one of them and the difference."""
    return code == other or {code, other} <= {1, 8, 9, 10}


def _is_whole(file: BinaryIO, place: int) -> bool:
    """Whether a frame ends where its checksum says so, with nothing behind it but padding or a tag."""
    file.seek(place)
    raw = file.read(_LAST)
    checks = 0
    table = _table(16, 0x8005)
    for i, byte in enumerate(raw, 1):
        checks = (checks << 8 & 0xFFFF) ^ table[checks >> 8 ^ byte]
        if not checks and (
            raw.startswith(_BEHIND, i) or (not raw[i : i + 64].strip(b"\0") and not raw[i:].strip(b"\0"))
        ):
            return True
    return False


def _remainder(raw: bytes, bits: int, polynomial: int) -> int:
    """The cyclic redundancy check of some bytes; 0 for those that end with their own."""
    table, check = _table(bits, polynomial), 0
    for byte in raw:
        check = (check << 8 & (1 << bits) - 1) ^ table[check >> bits - 8 ^ byte]
    return check


@lru_cache
def _table(bits: int, polynomial: int) -> list[int]:
    top, most = 1 << bits - 1, (1 << bits) - 1
    table = []
    for byte in range(256):
        check = byte << bits - 8
        for _ in range(8):
            check = (check << 1 & most) ^ (polynomial if check & top else 0)
        table.append(check)
    return table
