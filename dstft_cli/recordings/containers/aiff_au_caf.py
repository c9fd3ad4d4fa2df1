"""AIFF, AU and CAF: declared sizes and counts compared with the bytes present (Apple's AIFF 1.3 and Core Audio Format 1.0)."""

import math
import struct
from typing import BinaryIO

from .chunks import AIFF, Chunk, Chunks, Dialect, is_name, kind_name, names
from .report import ContainerReport

_CAF = Dialect("big", 4, 8, step=1)
_TO_THE_END = 2**64 - 1  # the size of samples that were still being recorded
_PLAIN = {b"NONE", b"twos", b"sowt", b"in24", b"in32", b"fl32", b"FL32", b"fl64", b"FL64", b"raw "}
# Chunks that are of one size or are skipped by their size; on what others hold a decoder may hang.
_PLAIN_AIFF = names("COMM SSND FVER NAME AUTH (c) ANNO ID3 CHAN PEAK JUNK FLLR APPL")
_PLAIN_CAF = names("desc data free chan peak")
_CUT = "it was cut off or not closed"


def audit_iff(file: BinaryIO, head: bytes, report: ContainerReport) -> bool:
    """Audit an AIFF, AU or CAF file.

    file: the open file.
    head: its first bytes, 64 where there are as many.
    report: gets the notes.

    Returns False where the file has none of these formats. Raises InputError where the samples cannot be read.
    """
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        _Aiff(Chunks(file, AIFF), report, head).audit()
    elif head[:4] in (b".snd", b"dns.") and len(head) >= 24:
        _check_au(file, head, report)
    elif head[:4] == b"caff":
        _check_caf(Chunks(file, _CAF), report)
    else:
        return False
    return True


class _Aiff:
    """One AIFF or AIFC file."""

    def __init__(self, chunks: Chunks, report: ContainerReport, head: bytes):
        self.chunks, self.report = chunks, report
        self.end = int.from_bytes(head[4:8], "big") + 8
        self.compressed = head[8:12] == b"AIFC"
        self.by_kind: dict[bytes, Chunk] = {}

    def audit(self) -> None:
        for chunk in self.chunks.walk(12):
            if not is_name(chunk.kind):
                self._check_padding(chunk)
                break
            self.report.plain &= chunk.kind in _PLAIN_AIFF
            if chunk.kind in (b"COMM", b"SSND") and chunk.kind in self.by_kind:
                self.report.warn(f"byte {chunk.offset}: a second {kind_name(chunk.kind)} chunk; only one was read")
            self.by_kind.setdefault(chunk.kind, chunk)
            if chunk.truncated and chunk.kind != b"SSND":
                self.report.warn(
                    f"byte {chunk.offset}: chunk {kind_name(chunk.kind)} declares {chunk.size} bytes, the file ends after "
                    f"{chunk.present}; it was cut off"
                )
        missing = next((kind for kind in (b"COMM", b"SSND") if kind not in self.by_kind), None)
        if missing:
            raise self.report.refusal(
                self.chunks.total, f"no chunk {kind_name(missing)} before this point; the file is cut off or damaged"
            )
        self._check_samples(self.by_kind[b"COMM"], self.by_kind[b"SSND"])
        if abs(self.end - self.chunks.total) > 1 and not self.report.damaged:
            self.report.warn(
                f"the FORM header declares that the file ends at byte {self.end}, it ends at byte {self.chunks.total}; "
                "it was cut off or not closed, or data was appended"
            )

    def _check_padding(self, chunk: Chunk) -> None:
        """Warn of bytes that are no chunk, unless they are zero."""
        if any(self.chunks.bytes(chunk.offset, 1 << 16)):
            self.report.warn(f"byte {chunk.offset}: expected the name of a chunk, found {kind_name(chunk.kind)}")

    def _check_samples(self, common: Chunk, sound: Chunk) -> None:
        body, start = self.chunks.content(common, 22), self.chunks.content(sound, 8)
        if len(body) < 18 or len(start) < 8:
            raise self.report.refusal(common.offset + 4, "the COMM or the SSND chunk is too short to describe samples")
        channels, frames, bits = struct.unpack(">hIh", body[:8])
        if not 1 <= (rate := _extended(body[8:18])) < 1 << 31:
            raise self.report.refusal(common.body + 8, f"a sampling rate of {rate:g} Hz, expected 1 to {2**31 - 1} Hz")
        size = sound.size - 8 - int.from_bytes(start[:4], "big")
        if sound.truncated:
            self.report.warn(
                f"the header declares {sound.size} bytes of samples, the file holds {sound.present}; {_CUT}"
            )
        frame = channels * ((bits + 7) // 8)
        if self.compressed and body[18:22] not in _PLAIN:
            frame = channels if body[18:22].lower() in (b"ulaw", b"alaw") else 0
        if frame > 0 and not 0 <= size - frames * frame < 2:
            self.report.warn(
                f"the header declares {frames} frames of {frame} bytes, the samples take {size} bytes; one of them is wrong"
            )


def _extended(raw: bytes) -> float:
    """The number that ten bytes encode in extended precision (IEEE 754, Apple's SANE)."""
    exponent, mantissa = struct.unpack(">HQ", raw)
    if exponent & 0x7FFF == 0x7FFF:
        return math.nan
    return math.ldexp(-mantissa if exponent & 0x8000 else mantissa, (exponent & 0x7FFF) - 16383 - 63)


def _check_au(file: BinaryIO, head: bytes, report: ContainerReport) -> None:
    order = "big" if head[:4] == b".snd" else "little"
    start, size = (int.from_bytes(head[i : i + 4], order) for i in (4, 8))
    present = file.seek(0, 2) - start
    if size != 0xFFFFFFFF and size > present:
        report.warn(f"the header declares {size} bytes of samples, the file holds {max(0, present)}; {_CUT}")
    elif size != 0xFFFFFFFF and size < present:
        report.warn(f"the header declares {size} bytes of samples, the file holds {present}; data was appended")


def _check_caf(chunks: Chunks, report: ContainerReport) -> None:
    for chunk in chunks.walk(8):
        report.plain &= chunk.kind in _PLAIN_CAF
        if chunk.truncated and not (chunk.kind == b"data" and chunk.size == _TO_THE_END):
            report.warn(
                f"byte {chunk.offset}: chunk {kind_name(chunk.kind)} declares {chunk.size} bytes, the file holds "
                f"{max(0, chunk.present)}; {_CUT}"
            )
        elif not is_name(chunk.kind):
            report.warn(f"byte {chunk.offset}: expected the name of a chunk, found {kind_name(chunk.kind)}")
            return
