"""FLAC frames: whether they are intact, alike, and follow each other from the first sample to the last (RFC 9639, section 9).

The checksum of all samples does not replace this check: many encoders omit it, and it does not cover bytes after the end.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import BinaryIO

import numpy as np

from .flac_checksums import first_zeros, header_check, joined, residue
from .report import ContainerReport

_STEP = 1 << 24  # bytes read at once
_MAX_HEADER = 16  # bytes
_MAX_FRAME = 1 << 21  # bytes
_TAGS = (b"TAG", b"ID3", b"APETAGEX", b"LYRICSBEGIN")  # that players append to any file
# What the codes in the header of a frame stand for; rates 12 to 14 and block sizes 6 and 7 follow the header, and code 0
# stands for what STREAMINFO says.
_RATES = dict(enumerate((88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000), 1))
_BITS = {1: 8, 2: 12, 4: 16, 5: 20, 6: 24, 7: 32}
_BLOCKS = {1: 192} | {code: 576 << code - 2 for code in range(2, 6)} | {code: 256 << code - 8 for code in range(8, 16)}
_RATE_BYTES, _BLOCK_BYTES = {12: 1, 13: 2, 14: 2}, {6: 1, 7: 2}
_RATE_UNITS = {12: 1000, 13: 1, 14: 10}  # Hz


@dataclass(frozen=True)
class StreamInfo:
    """What STREAMINFO declares; ``block`` is 0 where blocks may differ in length, ``total`` where it is unknown."""

    rate: int
    channels: int
    bits: int
    block: int
    total: int


def read_stream_info(info: bytes) -> StreamInfo:
    """The declarations in the 34 bytes of STREAMINFO."""
    field, blocks = int.from_bytes(info[10:18], "big"), {info[:2], info[2:4]}
    block = int.from_bytes(info[2:4], "big") if len(blocks) == 1 else 0
    return StreamInfo(field >> 44, (field >> 41 & 7) + 1, (field >> 36 & 31) + 1, block, field & (1 << 36) - 1)


@dataclass(frozen=True)
class FrameHeader:
    """The header of a frame.

    rate: sampling rate in Hz.
    channels: number of channels.
    bits: per sample.
    variable: whether blocks may differ in length, and ``number`` counts samples instead of frames.
    number: of the frame.
    count: samples in it.
    """

    rate: int
    channels: int
    bits: int
    variable: bool
    number: int
    count: int

    @property
    def kind(self) -> tuple[int, int, int, bool]:
        """What all frames of a file have in common."""
        return self.rate, self.channels, self.bits, self.variable

    def __str__(self) -> str:
        blocks = "any length" if self.variable else "one length"
        return f"{self.rate} Hz, channels: {self.channels}, {self.bits} bits, blocks of {blocks}"


def read_header(head: bytes, info: StreamInfo, checked: bool = True) -> FrameHeader | None:
    """The header of the frame that begins with ``head``.

    head: 16 bytes, or all that there are.
    info: of the file.
    checked: whether a header that does not match its own checksum is none.

    Returns None where no frame begins so.
    """
    codes = head[2:5]
    if len(codes) < 3 or head[0] != 0xFF or head[1] & 0xFE != 0xF8 or codes[1] & 1:
        return None
    block, rate, channels, bits = codes[0] >> 4, codes[0] & 15, codes[1] >> 4, codes[1] >> 1 & 7
    length = max(1, 8 - (codes[2] ^ 0xFF).bit_length()) if codes[2] & 0x80 else 1
    if not block or rate == 15 or channels > 10 or bits == 3 or length == 8 or codes[2] & 0xC0 == 0x80:
        return None
    number = codes[2] & (0x7F if length == 1 else 0x7F >> length)
    for byte in head[5 : 4 + length]:
        number = number << 6 | byte & 0x3F
    of_block, of_rate = 4 + length, 4 + length + _BLOCK_BYTES.get(block, 0)
    end = of_rate + _RATE_BYTES.get(rate, 0)
    if checked and (len(head) <= end or header_check(head[: end + 1])):
        return None
    return FrameHeader(
        rate=int.from_bytes(head[of_rate:end], "big") * _RATE_UNITS[rate]
        if rate in _RATE_UNITS
        else _RATES.get(rate, info.rate),
        channels=channels + 1 if channels < 8 else 2,
        bits=_BITS.get(bits, info.bits),
        variable=bool(head[1] & 1),
        number=number,
        count=_BLOCKS.get(block) or int.from_bytes(head[of_block:of_rate], "big") + 1,
    )


@dataclass(frozen=True)
class _Stretch:
    """Bytes that begin like a frame, up to where the next one may begin.

    offset: its first byte in the file. size: in bytes. residue: of its bytes, 0 for an intact frame.
    """

    offset: int
    header: FrameHeader
    size: int = 0
    residue: int = 0

    def with_bytes(self, size: int, rest: int) -> "_Stretch":
        """The same with ``size`` bytes after it, whose residue is ``rest``."""
        return replace(self, size=self.size + size, residue=joined(self.residue, rest, size))


def check_frames(file: BinaryIO, offset: int, end: int, info: StreamInfo, report: ContainerReport) -> None:
    """Warn of frames that are damaged, of another kind, missing, out of order, more than declared, or cut off.

    file: the open file.
    offset: byte of the first frame.
    end: the byte at which the frames must have ended.
    info: of the file.
    report: gets the warnings, and the number of samples in all frames.
    """
    frame, model, fault, block, samples = None, None, "", info.block, 0
    for stretch in _stretches(file, offset, end, info):
        header = stretch.header
        if frame is not None and frame.residue and header.kind != model.kind:
            frame = frame.with_bytes(stretch.size, stretch.residue)  # chance made it look like a header
            continue
        model, block = model or header, block or header.count
        first = header.number if header.variable else header.number * block
        fault = fault or _fault(frame, stretch, model, first, samples)
        frame, samples = stretch, first + header.count
    if frame is None:
        report.warn(f"no FLAC frame begins at byte {offset} or after it; the file is damaged")
        return
    if fault:
        report.warn(fault)
    elif frame.residue and not _is_complete(file, frame.offset, end):
        report.warn(
            f"the last FLAC frame, at byte {frame.offset}, does not end with the file: it was cut off or damaged, or data was "
            "appended"
        )
    if 0 < info.total < samples:
        report.warn(f"the FLAC file declares {info.total} samples, its frames hold {samples}; the rest was not read")
    else:
        report.declared_frames = samples


def _fault(frame: _Stretch | None, following: _Stretch, model: FrameHeader, first: int, expected: int) -> str:
    """What is wrong where one frame follows another, "" where nothing is.

    model: the header of the first frame of the file.
    first: the first sample of the frame that follows.
    expected: what it should be.
    """
    where = f"the FLAC frame at byte {following.offset}"
    if following.header.kind != model.kind:
        return f"{where} is of another kind ({following.header}) than the first ({model}); samples are wrong or missing"
    if first != expected:
        return f"{where} begins with sample {first}, expected {expected}; samples are missing or out of order"
    if frame is not None and frame.residue:
        return f"the FLAC frame at byte {frame.offset} is damaged (wrong checksum); its samples are wrong or missing"
    return ""


def _stretches(file: BinaryIO, start: int, end: int, info: StreamInfo) -> Iterator[_Stretch]:
    """The bytes from ``start`` to ``end`` in parts that begin like a frame; those before the first such part are left out."""
    file.seek(start)
    offset, window, current, more = start, b"", None, True
    while more:
        more = file.read(min(_STEP, end - offset - len(window)))
        window += more
        ready = len(window) - _MAX_HEADER + 1 if more else len(window)  # so that each header in it is complete
        begins = {
            at: header
            for at in _sync_codes(window, ready)
            if (header := read_header(window[at : at + _MAX_HEADER], info))
        }
        cuts = [0, *(at for at in begins if at > 0), max(0, ready)]
        for at, next_at in pairwise(cuts):
            if at in begins:
                if current is not None:
                    yield current
                current = _Stretch(offset + at, begins[at])
            if current is not None and next_at > at:
                current = current.with_bytes(next_at - at, residue(memoryview(window)[at:next_at]))
        offset, window = offset + cuts[-1], window[cuts[-1] :]
    if current is not None:
        yield current


def _sync_codes(raw: bytes, count: int) -> list[int]:
    """Where among the first ``count`` bytes frames may begin: at the byte 0xFF followed by 0xF8 or 0xF9."""
    numbers = np.frombuffer(raw, np.uint8)
    places = np.flatnonzero((numbers[:-1] == 0xFF) & (numbers[1:] & 0xFE == 0xF8))
    return places[places < count].tolist()


def _is_complete(file: BinaryIO, offset: int, end: int) -> bool:
    """Whether a frame ends where its checksum matches, followed by nothing but padding or a tag."""
    file.seek(offset)
    raw = file.read(min(_MAX_FRAME, end - offset))
    return any(
        raw.startswith(_TAGS, i) or (not raw[i : i + 64].strip(b"\0") and not raw[i:].strip(b"\0"))
        for i in first_zeros(raw)
    )
