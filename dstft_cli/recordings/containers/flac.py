"""FLAC: the blocks before the sound, and the checksum of the samples behind them (RFC 9639)."""

import hashlib
import math
from collections.abc import Iterable
from typing import BinaryIO

import numpy as np

from .chunks import behind_id3
from .flac_frames import BLOCKS, check_frames
from .report import ContainerReport

_MARK = b"fLaC"
_STREAMINFO, _SEEKTABLE, _COMMENT, _PICTURE, _FORBIDDEN = 0, 3, 4, 6, 127
_NAMES = dict(enumerate(("STREAMINFO", "PADDING", "APPLICATION", "SEEKTABLE", "VORBIS_COMMENT", "CUESHEET", "PICTURE")))
_MOST_BLOCKS = 10_000
_STEP = 1 << 24
_RATES = dict(
    enumerate((88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000), 1)
)  # by codes of
_BITS = {1: 8, 2: 12, 4: 16, 5: 20, 6: 24, 7: 32}  # the frame's header, as the two others


def flac_audit(file: BinaryIO, head: bytes, report: ContainerReport) -> bool:
    """Look through a file that begins with the bytes ``head``; False where it is no FLAC file.

    Raises InputError where the blocks before the sound do not lead to it.
    """
    start = behind_id3(head)
    file.seek(start)
    if file.read(4) != _MARK:
        return False
    place = _walk(file, start + 4, report)
    file.seek(place)
    frame = file.read(4)
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xFE != 0xF8:
        raise report.refuse(
            place, f"expected the first FLAC frame, found {frame.hex() or 'the end'}; the file is cut off or damaged"
        )
    file.seek(start + 8)
    info = file.read(34)
    _check_frame(frame, info, place, report)
    other = _find(file, place, _MARK + b"\0\0\0\x22")
    if other is not None:
        report.warn(f"another FLAC file begins at byte {other}; only the first was read")
    elif frame[1] & 1 or info[:2] == info[2:4]:  # frames without a number of samples each could not be counted
        check_frames(file, place, info, report)
    return True


def _walk(file: BinaryIO, place: int, report: ContainerReport) -> int:
    """The byte behind the last block before the sound."""
    total = file.seek(0, 2)
    for count in range(_MOST_BLOCKS):
        file.seek(place)
        header = file.read(4)
        kind, size = header[:1] and header[0] & 0x7F, int.from_bytes(header[1:], "big")
        if len(header) < 4:
            raise report.refuse(place, "the file ends before the sound begins; it is cut off or damaged")
        if fault := _fault(kind, size, total - place - 4, count):
            raise report.refuse(place, f"{fault}; the file is cut off or damaged")
        _check_block(file, kind, place + 4, size, report)
        place += 4 + size
        if header[0] & 0x80:
            return place
    raise report.refuse(place, f"more than {_MOST_BLOCKS} FLAC blocks before the sound")


def _fault(kind: int, size: int, held: int, count: int) -> str:
    """Why a block before the sound leads nowhere, "" where it may be. held: bytes behind its header. count: blocks before it."""
    name = _NAMES.get(kind, f"of kind {kind}")
    if kind == _FORBIDDEN:
        return "a FLAC block of kind 127, which there is not"
    if size > held:
        return f"a FLAC block ({name}) of {size} bytes, of which the file has {held}"
    if kind != _STREAMINFO:
        return "" if count else f"a FLAC block ({name}) where the description of the sound (STREAMINFO) should be"
    if count:
        return "a second description of the sound (STREAMINFO)"
    return "" if size == 34 else f"a description of the sound (STREAMINFO) of {size} bytes, expected 34"


def _check_block(file: BinaryIO, kind: int, place: int, size: int, report: ContainerReport) -> None:
    """Warns of a block whose own counts do not fit into it."""
    body = file.read(size) if kind in (_COMMENT, _PICTURE, _STREAMINFO) else b""
    if kind == _STREAMINFO:
        low, high = int.from_bytes(body[:2], "big"), int.from_bytes(body[2:4], "big")
        if not 16 <= low <= high:
            report.warn(f"byte {place}: FLAC blocks of {low} to {high} samples, which cannot be")
    fits = kind != _SEEKTABLE or size % 18 == 0
    fits &= kind != _COMMENT or _comments_fit(body)
    fits &= kind != _PICTURE or _picture_fits(body)
    if not fits:
        report.warn(
            f"byte {place}: what is said beside the sound does not fit into its {size} bytes; the file may be damaged"
        )


def _comments_fit(body: bytes) -> bool:
    place = 4 + int.from_bytes(body[:4], "little")
    count = int.from_bytes(body[place : place + 4], "little")
    place += 4
    if count > len(body):
        return False
    for _ in range(count):
        place += 4 + int.from_bytes(body[place : place + 4], "little")
    return place <= len(body)


def _picture_fits(body: bytes) -> bool:
    place = 4
    for skip in (0, 16, 0):  # the type's name, its description and four numbers, the picture
        place += skip
        place += 4 + int.from_bytes(body[place : place + 4], "big")
    return place <= len(body)


def _check_frame(frame: bytes, head: bytes, place: int, report: ContainerReport) -> None:
    """What the first frame says of itself, where it does, against the description of the whole."""
    field = int.from_bytes(head[10:18], "big")
    told = {"Hz": field >> 44, "channels": (field >> 41 & 7) + 1, "bits": (field >> 36 & 31) + 1}
    told["samples a block"] = int.from_bytes(head[2:4], "big")
    channels = frame[3] >> 4
    found = {
        "Hz": _RATES.get(frame[2] & 15),
        "channels": channels + 1 if channels < 8 else 2,
        "bits": _BITS.get(frame[3] >> 1 & 7),
        "samples a block": BLOCKS.get(frame[2] >> 4) if not frame[1] & 1 else None,
    }
    for name, value in found.items():
        short = name == "samples a block" and value is not None and value <= told[name]  # the last one may be
        if value not in (None, told[name]) and not short:
            report.warn(
                f"the FLAC file declares {told[name]} {name}, its first frame (byte {place}) {value}; one of them is wrong"
            )


def _find(file: BinaryIO, start: int, wanted: bytes) -> int | None:
    """Where some bytes stand next."""
    file.seek(start)
    place, tail = start, b""
    while part := file.read(_STEP):
        found = (tail + part).find(wanted)
        if found >= 0:
            return place - len(tail) + found
        place += len(part)
        tail = (tail + part)[-len(wanted) + 1 :]
    return None


def declared_sum(path: str) -> tuple[int, bytes] | None:
    """(bits a sample, MD5 of the samples) that a FLAC file declares; None where it does not."""
    with open(path, "rb") as file:
        file.seek(behind_id3(file.read(64)))
        head = file.read(42)
    if len(head) < 42 or head[:4] != _MARK or not any(head[26:42]):
        return None
    return (int.from_bytes(head[20:22], "big") >> 4 & 31) + 1, head[26:42]


def sum_of(blocks: Iterable[np.ndarray], bits: int) -> bytes:
    """MD5 of samples (n, channels) in [-1, 1) as whole numbers of so many bits, in the order of the file."""
    digest, width = hashlib.md5(usedforsecurity=False), math.ceil(bits / 8)
    for block in blocks:
        numbers = np.round(block * 2.0 ** (bits - 1)).astype("<i4")
        digest.update(numbers.reshape(-1, 1).view(np.uint8)[:, :width].tobytes())
    return digest.digest()
