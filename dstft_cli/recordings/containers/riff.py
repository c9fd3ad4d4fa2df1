"""WAV, RIFX, RF64 and W64: whether sizes, sample format and counts agree with each other and with the bytes present.

libsndfile trusts some of them and drops what does not fit without an error, or hangs on a negative size.
The chunks are those of the RIFF specification (Microsoft and IBM 1991), EBU Tech 3306 (RF64) and Sony's Wave64.
"""

import struct
from dataclasses import replace
from typing import BinaryIO

from ...errors import InputError
from .chunks import RIFF, RIFX, W64, Chunk, Chunks, end_of_id3, is_name, kind_name, names
from .recorder_chunks import bext_start, guano_fields, guano_start
from .report import ContainerReport
from .riff_entries import check_list, check_table
from .wave_format import WaveFormat, read_format

_W64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")
_FULL = 0xFFFFFFFF
_STREAMED = 0x7FFF0000  # larger sizes mean "unknown" where the file was written to a pipe
_BITSTREAMS = {0x14, 0x40}  # G.723 and G.721, whose last block may be short
_MAX_CHANNELS = 1024  # of libsndfile
_TAGS = (b"TAG", b"ID3", b"APETAGEX", b"LYRICSBEGIN")  # that players append to any file
_PADDING = 1 << 16  # zero bytes after the end that need no warning
# Chunks that are of one size, are skipped by their size, or are checked here; on what others hold a decoder may hang.
_PLAIN = names(
    "fmt data fact ds64 cue smpl list info peak junk pad fllr bext ixml axml chna umid minf elm1 regn levl id3 _pmx wamd guan afsp"
)


def audit_riff(file: BinaryIO, head: bytes, report: ContainerReport) -> bool:
    """Audit a WAV, RIFX, RF64 or W64 file.

    file: the open file.
    head: its first bytes, 64 where there are as many.
    report: gets the notes.

    Returns False where it has none of these formats.
    Raises InputError where there are no samples, or where libsndfile would hang.
    """
    begin = end_of_id3(head)
    if begin:
        file.seek(begin)
        head = file.read(len(head))
    if head[:16] == _W64_RIFF:
        _Wave(Chunks(file, W64), report, begin, 40, int.from_bytes(head[16:24], "little")).audit()
    elif head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        dialect = RIFX if head[:4] == b"RIFX" else RIFF
        if head[:4] == b"BW64":
            report.patches[begin] = b"RF64"  # the older name of the same format, which libsndfile knows
        _Wave(Chunks(file, dialect), report, begin, 12, dialect.number(head[4:8]) + 8, head[2:4] == b"64").audit()
    else:
        return False
    return True


class _Wave:
    """One file, which begins at byte ``begin``; its first chunk and its declared end are ``start`` and ``end`` bytes from there."""

    def __init__(self, chunks: Chunks, report: ContainerReport, begin: int, start: int, end: int, rf64: bool = False):
        self.chunks, self.report, self.rf64 = chunks, report, rf64
        self.begin, self.start, self.end = begin, begin + start, begin + end
        self.format: WaveFormat | None = None
        self.data: Chunk | None = None
        self.fact: int | None = None
        self.ds64: tuple[int, int, int] | None = None
        self.last = self.start  # the first byte after the last chunk
        self.unclosed = False

    def audit(self) -> None:
        sizes: dict[bytes, int] = {}
        for chunk in self.chunks.walk(self.start, sizes if self.rf64 else None):
            if not is_name(chunk.kind[:4]):
                self._check_name(chunk)
                break
            if self.unclosed:
                break
            if chunk.kind in (b"RIFF", b"RIFX", b"RF64"):
                self.report.warn(
                    f"another WAV file begins at byte {chunk.offset}; files that were joined must be split there"
                )
                break
            self.last = max(self.last, min(chunk.end, self.chunks.total))
            self._take(self._kind(chunk), chunk, sizes)
            if chunk.truncated and chunk is not self.data:
                self._report_truncated(chunk)
                break
        if self.format is None or self.data is None:
            missing = "sample format ('fmt ')" if self.format is None else "samples ('data')"
            raise self.report.refusal(
                self.last, f"no chunk with the {missing} before this point; the file is cut off or damaged"
            )
        self._check_rest()
        if contradiction := self.format.contradiction:
            self.report.warn(contradiction)
        self._check_data(self.format, self.data)
        self._check_end(self.data)

    def _kind(self, chunk: Chunk) -> bytes:
        """A chunk's name in lower case, without what W64 adds to it."""
        foreign = len(chunk.kind) == 16 and chunk.kind[4:] != _W64_TAIL
        return b"" if foreign else chunk.kind[:4].lower()

    def _take(self, kind: bytes, chunk: Chunk, sizes: dict[bytes, int]) -> None:
        self.report.plain &= kind in _PLAIN
        if kind == b"ds64":
            self._take_ds64(chunk, sizes)
        elif kind == b"fmt ":
            self._take_format(chunk)
        elif kind == b"data":
            self._take_data(chunk)
        elif kind == b"fact" and chunk.present >= 4:
            self.fact = self.chunks.dialect.number(self.chunks.content(chunk)[:4])
        elif kind in (b"list", b"info"):
            check_list(self.report, self.chunks, chunk, kind == b"info")
        elif kind == b"bext":
            self.report.began = self.report.began or bext_start(self.chunks.content(chunk))
        elif kind == b"guan":
            self.report.metadata = guano_fields(self.chunks.content(chunk))
            self.report.began = guano_start(self.report.metadata) or self.report.began
        elif kind in (b"cue ", b"smpl"):
            check_table(self.report, self.chunks, chunk, kind)

    def _take_ds64(self, chunk: Chunk, sizes: dict[bytes, int]) -> None:
        if chunk.size < 24 or chunk.present < 24:
            raise self._size_error(chunk, 24, "28 or more")
        self.ds64 = struct.unpack("<QQQ", self.chunks.content(chunk)[:24])
        self.end = self.begin + self.ds64[0] + 8
        sizes[b"data"] = self.ds64[1]

    def _take_format(self, chunk: Chunk) -> None:
        if self.format is not None:
            self.report.warn(f"byte {chunk.offset}: a second 'fmt ' chunk, the first was used")
            return
        body = self.chunks.content(chunk, 40)
        if not (16 <= chunk.size <= 1 << 16) or len(body) < 16:
            raise self._size_error(chunk, 16, "16 to 65536")
        form = read_format(body, self.chunks.dialect.order)
        if not (0 < form.channels <= _MAX_CHANNELS and 0 < form.rate < 1 << 31):
            limits = f"expected 1 to {_MAX_CHANNELS} channels at 1 to {2**31 - 1} Hz"
            raise self.report.refusal(chunk.body + 2, f"{form.channels} channels at {form.rate} Hz, {limits}")
        self.format = form

    def _size_error(self, chunk: Chunk, least: int, expected: str) -> InputError:
        """The error for the size of a chunk without which nothing can be read."""
        declared = f"a {kind_name(chunk.kind)} chunk of {chunk.size} bytes"
        cut = f"the file ends after {max(0, chunk.present)} of them; it was cut off"
        likely = least <= chunk.size < _FULL // 2
        return self.report.refusal(chunk.offset + 4, f"{declared}, {cut if likely else f'expected {expected}'}")

    def _take_data(self, chunk: Chunk) -> None:
        if self.data is not None:
            self.report.warn(
                f"byte {chunk.offset}: a second 'data' chunk of {chunk.size} bytes; only the first was read"
            )
        elif self.format is None:
            raise self.report.refusal(chunk.offset, "the 'data' chunk comes before the 'fmt ' chunk that describes it")
        else:
            self.data = self._closed(chunk, self.format)

    def _closed(self, chunk: Chunk, form: WaveFormat) -> Chunk:
        """The chunk of samples; where its size was never written, one that reaches to the end of the file."""
        rest = self.chunks.total - chunk.body
        if self.rf64 or self.chunks.dialect is W64 or chunk.size >= form.frame or rest < max(form.frame, 1):
            return chunk
        behind = self.chunks.bytes(chunk.body + chunk.size, 8)
        if is_name(behind[:4]) and self.chunks.dialect.number(behind[4:]) <= rest:
            return chunk  # an empty chunk, and another behind it
        self.unclosed, self.last, self.end = True, self.chunks.total, self.chunks.total
        size = min(rest - rest % max(form.frame, 1), _FULL - 1)
        order = self.chunks.dialect.order
        self.report.patches[chunk.offset + 4] = size.to_bytes(4, order)
        self.report.patches[self.begin + 4] = min(self.chunks.total - 8, _FULL - 1).to_bytes(4, order)
        self.report.warn(
            f"byte {chunk.offset + 4}: the header declares {chunk.size} bytes of samples, as a recorder does that did not close the "
            f"file; all {rest} bytes to its end were read as samples"
        )
        return replace(chunk, size=size, present=size)

    def _report_truncated(self, chunk: Chunk) -> None:
        sentence = f"chunk {kind_name(chunk.kind)} declares {chunk.size} bytes, the file ends after {max(0, chunk.present)} of them"
        if self.data is None:
            raise self.report.refusal(chunk.offset + 4, f"{sentence}, before any samples")
        self.report.warn(f"byte {chunk.offset}: {sentence}; it was cut off")

    def _check_name(self, chunk: Chunk) -> None:
        """Refuse what is no chunk before the samples, where a size is wrong; after them it may be padding."""
        if self.data is None:
            raise self.report.refusal(
                chunk.offset, f"expected the name of a chunk, found {kind_name(chunk.kind)}, before any samples"
            )

    def _check_rest(self) -> None:
        """Warn of bytes after the last chunk, other than padding and tags."""
        start, rest = self.last, self.chunks.total - self.last
        if rest <= 1:
            return
        raw = self.chunks.bytes(start, _PADDING + 1)
        if raw.startswith(_TAGS):
            self.end = self.last = self.chunks.total
        elif len(raw) > _PADDING or any(raw):
            self.report.warn(
                f"{rest} bytes from byte {start} on are not a chunk and were ignored; a size is wrong, or data was appended"
            )
            self.last = self.chunks.total

    def _check_data(self, form: WaveFormat, data: Chunk) -> None:
        if data.truncated and self._streamed(data):
            self.report.remark("the header does not say how long the file is; it was read to its end")
        elif data.truncated:
            self.report.warn(
                f"the header declares {data.size} bytes of samples, the file holds {data.present}; "
                "it was cut off or not closed"
            )
        elif data.size == 0:
            raise self.report.refusal(
                data.offset + 4,
                "a 'data' chunk of 0 bytes: the file holds no samples, or the recorder did not close it",
            )
        step = 0 if form.tag in _BITSTREAMS else form.frame if form.plain else form.bytes_per_frame
        if step and data.present % step:
            self.report.warn(
                f"the samples end in the middle of a frame: {data.present} bytes are not a multiple of {step}"
            )
        self._check_counts(form, data)

    def _streamed(self, data: Chunk) -> bool:
        whole = self.end - self.begin - 8
        return _STREAMED <= data.size <= _FULL and (whole == 0 or _STREAMED <= whole <= _FULL)

    def _check_counts(self, form: WaveFormat, data: Chunk) -> None:
        counts = [("'fact' chunk", self.fact), ("'ds64' chunk", (self.ds64 and self.ds64[2]) or None)]
        for name, count in counts:
            if count is None or (count == _FULL and self.rf64):
                continue
            frames = data.size // form.frame if form.plain and form.frame else None
            if form.per_block and form.bytes_per_frame:
                frames = data.size // form.bytes_per_frame * form.per_block
            if frames is None or count == frames * form.channels:  # some programs count the samples of all channels
                continue
            if (form.per_block and frames - form.per_block < count <= frames) or count == frames:
                continue
            self.report.warn(
                f"the {name} declares {count} frames, the 'data' chunk holds {frames}; one of them is wrong"
            )

    def _check_end(self, data: Chunk) -> None:
        """Warn where the file does not end as declared, unless a warning says already that it is cut off."""
        if data.truncated or abs(self.end - self.chunks.total) <= 1 or self.end - self.begin - 8 == _FULL:
            return
        if self.report.damaged and self.end > self.chunks.total:
            return
        padding = self.chunks.bytes(self.end, _PADDING + 1) if self.last <= self.end < self.chunks.total else b"x"
        if any(padding) or len(padding) > _PADDING:
            self.report.warn(
                f"the RIFF header declares that the file ends at byte {self.end}, it ends at byte {self.chunks.total}; "
                "it was cut off or not closed, or data was appended"
            )
