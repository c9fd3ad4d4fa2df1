"""WAV, RIFX, RF64 and W64: whether sizes, sample format and counts agree with each other and with the bytes there are.

libsndfile believes some of them and drops what does not fit without a word, or steps back over a negative size for ever.
The chunks are those of the RIFF specification (Microsoft and IBM 1991), EBU Tech 3306 (RF64) and Sony's Wave64.
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO

from ...errors import InputError
from .chunks import RIFF, RIFX, W64, Chunk, Chunks, behind_id3, is_name, kind_name
from .report import ContainerReport

_W64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")
_FULL = 0xFFFFFFFF
_STREAMED = 0x7FFF0000  # sizes from here on stand for "not known yet" where the file went through a pipe
_PLAIN = {1: "integers", 3: "floats", 6: "A-law", 7: "mu-law"}
_BLOCKS = {2, 0x11, 0x31}  # ADPCM and GSM: blocks of several samples
_BITSTREAMS = {0x14, 0x40}  # G.723 and G.721, whose last block may be short
_MOST_CHANNELS = 1024  # that libsndfile reads
_EXTENSIBLE = 0xFFFE
_TAGS = (b"TAG", b"ID3", b"APETAGEX", b"LYRICSBEGIN")  # that players put behind whatever file
_PADDING = 1 << 16  # zero bytes behind the end that are no cause for a word


@dataclass(frozen=True)
class _Form:
    """The body of a fmt chunk: bits a sample, bytes a frame (align) and a second (speed)."""

    tag: int
    channels: int
    rate: int
    speed: int
    align: int
    bits: int
    per_block: int  # frames in each block of align bytes

    @property
    def plain(self) -> bool:
        return self.tag in _PLAIN

    @property
    def frame(self) -> int:
        """Bytes that one frame takes where samples are plain."""
        return self.channels * ((self.bits + 7) // 8)


def riff_audit(file: BinaryIO, head: bytes, report: ContainerReport) -> bool:
    """Look through a file that begins with the bytes ``head``; False where it is none of these formats.

    Raises InputError where libsndfile would not come back, or there are no samples.
    """
    begin = behind_id3(head)
    if begin:
        file.seek(begin)
        head = file.read(len(head))
    if head[:16] == _W64_RIFF:
        _Wave(Chunks(file, W64), report, begin, 40, int.from_bytes(head[16:24], "little")).audit()
    elif head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE":
        dialect = RIFX if head[:4] == b"RIFX" else RIFF
        _Wave(Chunks(file, dialect), report, begin, 12, dialect.number(head[4:8]) + 8, head[:4] == b"RF64").audit()
    else:
        return False
    return True


class _Wave:
    """One file that begins at byte ``begin``: its first chunk lies at ``start`` from there, its end by its header at ``end``."""

    def __init__(self, chunks: Chunks, report: ContainerReport, begin: int, start: int, end: int, long: bool = False):
        self.chunks, self.report, self.long = chunks, report, long
        self.begin, self.start, self.end = begin, begin + start, begin + end
        self.form: _Form | None = None
        self.data: Chunk | None = None
        self.fact: int | None = None
        self.ds64: tuple[int, int, int] | None = None
        self.last = self.start

    def audit(self) -> None:
        sizes: dict[bytes, int] = {}
        for chunk in self.chunks.walk(self.start, sizes if self.long else None):
            if not is_name(chunk.kind[:4]):
                self._nameless(chunk)
                break
            self.last = max(self.last, min(chunk.end, self.chunks.total))
            self._take(self._kind(chunk), chunk, sizes)
            if chunk.cut and chunk is not self.data:
                self._cut(chunk)
                break
        if self.form is None or self.data is None:
            missing = "sample format ('fmt ')" if self.form is None else "samples ('data')"
            raise self.report.refuse(
                self.last, f"no chunk with the {missing} up to here; the file is cut off or damaged"
            )
        self._check_rest()
        self._check_form(self.form)
        self._check_data(self.form, self.data)
        self._check_end(self.data)

    def _kind(self, chunk: Chunk) -> bytes:
        """A chunk's name without what W64 adds to it, in small letters."""
        foreign = len(chunk.kind) == 16 and chunk.kind[4:] != _W64_TAIL
        return b"" if foreign else chunk.kind[:4].lower()

    def _take(self, kind: bytes, chunk: Chunk, sizes: dict[bytes, int]) -> None:
        if kind == b"ds64":
            self._take_ds64(chunk, sizes)
        elif kind == b"fmt ":
            self._take_form(chunk)
        elif kind == b"data":
            self._take_data(chunk)
        elif kind == b"fact" and chunk.held >= 4:
            self.fact = self.chunks.dialect.number(self.chunks.content(chunk)[:4])
        elif kind == b"list":
            check_list(self.report, self.chunks, chunk)
        elif kind in (b"cue ", b"smpl"):
            check_table(self.report, self.chunks, chunk, kind)

    def _take_ds64(self, chunk: Chunk, sizes: dict[bytes, int]) -> None:
        if chunk.size < 24 or chunk.held < 24:
            raise self._ill_sized(chunk, 24, "28 or more")
        self.ds64 = struct.unpack("<QQQ", self.chunks.content(chunk)[:24])
        self.end = self.begin + self.ds64[0] + 8
        sizes[b"data"] = self.ds64[1]

    def _take_form(self, chunk: Chunk) -> None:
        if self.form is not None:
            self.report.warn(f"byte {chunk.offset}: a second 'fmt ' chunk, the first was used")
            return
        body = self.chunks.content(chunk, 40)
        if not (16 <= chunk.size <= 1 << 16) or len(body) < 16:
            raise self._ill_sized(chunk, 16, "16 to 65536")
        order = "<" if self.chunks.dialect.order == "little" else ">"
        tag, *numbers = struct.unpack(order + "HHIIHH", body[:16])
        if tag == _EXTENSIBLE and len(body) >= 26:
            tag = struct.unpack_from(order + "H", body, 24)[0]
        channels, rate = numbers[:2]
        if not (0 < channels <= _MOST_CHANNELS and 0 < rate < 1 << 31):
            found = f"{channels} channels at {rate} Hz, expected 1 to {_MOST_CHANNELS} channels at 1 to {2**31 - 1} Hz"
            raise self.report.refuse(chunk.body + 2, found)
        per_block = struct.unpack_from(order + "H", body, 18)[0] if tag in _BLOCKS and len(body) >= 20 else 0
        self.form = _Form(tag, *numbers, per_block)

    def _ill_sized(self, chunk: Chunk, least: int, expected: str) -> InputError:
        """What to raise for a chunk without which nothing can be read."""
        found = f"a {kind_name(chunk.kind)} chunk of {chunk.size} bytes"
        cut = f"the file ends after {max(0, chunk.held)} of them; it was cut off"
        likely = least <= chunk.size < _FULL // 2
        return self.report.refuse(chunk.offset + 4, f"{found}, {cut if likely else f'expected {expected}'}")

    def _take_data(self, chunk: Chunk) -> None:
        if self.data is not None:
            self.report.warn(
                f"byte {chunk.offset}: a second 'data' chunk of {chunk.size} bytes; only the first was read"
            )
        elif self.form is None:
            raise self.report.refuse(chunk.offset, "samples before a 'fmt ' chunk that says what they are")
        else:
            self.data = chunk

    def _cut(self, chunk: Chunk) -> None:
        sentence = f"chunk {kind_name(chunk.kind)} declares {chunk.size} bytes, the file ends after {max(0, chunk.held)} of them"
        if self.data is None:
            raise self.report.refuse(chunk.offset + 4, f"{sentence}, before any samples")
        self.report.warn(f"byte {chunk.offset}: {sentence}; it was cut off")

    def _nameless(self, chunk: Chunk) -> None:
        """Bytes where a chunk should begin: nothing but padding behind the samples, or a wrong size before."""
        if self.data is None:
            raise self.report.refuse(
                chunk.offset, f"found {kind_name(chunk.kind)} where a chunk should begin, before any samples"
            )

    def _check_rest(self) -> None:
        """Bytes behind the last chunk that are no chunk, other than padding."""
        start, rest = self.last, self.chunks.total - self.last
        if rest <= 1:
            return
        found = self.chunks.bytes(start, _PADDING + 1)
        if found.startswith(_TAGS):
            self.end = self.last = self.chunks.total
        elif len(found) > _PADDING or any(found):
            self.report.warn(
                f"{rest} bytes from byte {start} on are no chunk and were not read; a size is wrong, or something was joined on"
            )
            self.last = self.chunks.total

    def _check_form(self, form: _Form) -> None:
        if not form.plain:
            return
        if form.align != form.frame:
            self.report.warn(
                f"the header declares {form.align} bytes a frame, but {form.channels} channels of {form.bits} bits take "
                f"{form.frame}; one of them is wrong"
            )
        elif form.speed != form.rate * form.align:
            self.report.warn(
                f"the header declares {form.speed} bytes a second, but {form.rate} Hz and {form.align} bytes a frame make "
                f"{form.rate * form.align}; the sampling rate may be wrong, --fs gives another"
            )

    def _check_data(self, form: _Form, data: Chunk) -> None:
        if data.cut and self._streamed(data):
            self.report.remark("the header does not say how long the file is; read to its end")
        elif data.cut:
            self.report.warn(
                f"the header declares {data.size} bytes of samples, the file holds {data.held}; "
                "it was cut off or not closed"
            )
        elif data.size == 0:
            raise self.report.refuse(
                data.offset + 4, "a 'data' chunk of 0 bytes: holds no samples, or was not closed by the recorder"
            )
        step = 0 if form.tag in _BITSTREAMS else form.frame if form.plain else form.align
        if step and data.held % step:
            self.report.warn(f"the samples end within a frame: {data.held} bytes are no multiple of {step}")
        self._check_counts(form, data)

    def _streamed(self, data: Chunk) -> bool:
        whole = self.end - self.begin - 8
        return _STREAMED <= data.size <= _FULL and (whole == 0 or _STREAMED <= whole <= _FULL)

    def _check_counts(self, form: _Form, data: Chunk) -> None:
        counts = [("'fact' chunk", self.fact), ("'ds64' chunk", (self.ds64 and self.ds64[2]) or None)]
        for name, count in counts:
            if count is None or (count == _FULL and self.long):
                continue
            most = data.size // form.frame if form.plain and form.frame else None
            if form.per_block and form.align:
                most = data.size // form.align * form.per_block
            if most is None or count == most * form.channels:  # some count the samples of all channels
                continue
            if (form.per_block and most - form.per_block < count <= most) or count == most:
                continue
            self.report.warn(f"the {name} declares {count} frames, the samples are {most}; one of them is wrong")

    def _check_end(self, data: Chunk) -> None:
        """The whole size against what the chunks take; nothing more is said of files that are cut off anyway."""
        if data.cut or abs(self.end - self.chunks.total) <= 1 or self.end - self.begin - 8 == _FULL:
            return
        if self.report.damaged and self.end > self.chunks.total:
            return
        padding = self.chunks.bytes(self.end, _PADDING + 1) if self.last <= self.end < self.chunks.total else b"x"
        if any(padding) or len(padding) > _PADDING:
            self.report.warn(
                f"the RIFF header says that the file ends at byte {self.end}, it ends at {self.chunks.total}; "
                "it was cut off, joined on to, or not closed"
            )


_MOST_ENTRIES = 20_000


_TABLES = {b"cue ": (0, 4, 24), b"smpl": (28, 36, 24)}  # where the count stands, where entries begin, bytes of each


def check_list(report: ContainerReport, chunks: Chunks, chunk: Chunk) -> None:
    """A LIST chunk: raises InputError for an entry of negative size, warns of one that leaves the list."""
    body, order, place = chunks.content(chunk), chunks.dialect.order, 4
    for _ in range(_MOST_ENTRIES):
        if place + 8 > len(body):
            return
        kind, size = body[place : place + 4], int.from_bytes(body[place + 4 : place + 8], order, signed=True)
        if size < 0:
            raise report.refuse(
                chunk.body + place + 4,
                f"a LIST entry declares {size} bytes, expected zero or more",
                "remove the metadata or save the recording again",
            )
        if not is_name(kind) or place + 8 + size > chunk.size:
            report.warn(
                f"byte {chunk.body + place}: LIST entry {kind_name(kind)} of {size} bytes does not fit into its list of "
                f"{chunk.size}; the file may be damaged"
            )
            return
        place = _next(body, place + 8 + size)
    report.warn(f"byte {chunk.offset}: a LIST of more than {_MOST_ENTRIES} entries; the file may be damaged")


def _next(body: bytes, place: int) -> int:
    """Where the next entry begins: at an even byte, unless the writer forgot to pad."""
    even = place + place % 2
    unpadded = even > place and is_name(body[place : place + 4]) and not is_name(body[even : even + 4])
    return place if unpadded or place >= len(body) else even


def check_table(report: ContainerReport, chunks: Chunks, chunk: Chunk, kind: bytes) -> None:
    """A table of cues or loops that claims more entries than fit into its chunk."""
    at, first, each = _TABLES[kind]
    body = chunks.content(chunk, first)
    count = chunks.dialect.number(body[at : at + 4])
    if len(body) == first and first + count * each > chunk.size:
        report.warn(
            f"byte {chunk.body + at}: {kind_name(kind)} declares {count} entries, its {chunk.size} bytes hold "
            f"{max(0, chunk.size - first) // each}; the file may be damaged"
        )
