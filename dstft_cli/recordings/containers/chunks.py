"""Chunks, of which WAV, RF64, W64, AIFF and CAF files consist: their positions, their declared sizes, the bytes present."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_MAX_CHUNKS = 10_000  # in one file; recorders write a dozen
_MAX_BYTES = 1 << 20  # of a chunk that are read


@dataclass(frozen=True)
class Dialect:
    """How a family of formats writes its chunks.

    order: byte order of numbers, "little" or "big".
    kind: bytes of a chunk's name.
    size: bytes of a chunk's size.
    whole: whether the size includes the header.
    step: chunks begin at multiples of this many bytes.
    """

    order: str
    kind: int = 4
    size: int = 4
    whole: bool = False
    step: int = 2

    def number(self, raw: bytes) -> int:
        """The whole number that those bytes encode."""
        return int.from_bytes(raw, self.order)


RIFF = Dialect("little")
RIFX = AIFF = Dialect("big")
W64 = Dialect("little", 16, 8, True, 8)


@dataclass(frozen=True)
class Chunk:
    """One chunk of a file.

    kind: its name.
    offset: its first byte in the file.
    body: the first byte after its header.
    size: bytes of the body as declared.
    present: bytes of the body that the file has.
    """

    kind: bytes
    offset: int
    body: int
    size: int
    present: int

    @property
    def end(self) -> int:
        """The first byte after its body."""
        return self.body + self.size

    @property
    def truncated(self) -> bool:
        """Whether the file ends within it."""
        return self.present < self.size


class Chunks:
    """Reads the chunks of an open file.

    file: the file.
    dialect: how its chunks are written.

    ``total`` is the length of the file in bytes.
    """

    def __init__(self, file: BinaryIO, dialect: Dialect):
        self.file, self.dialect = file, dialect
        self.total = file.seek(0, 2)

    def bytes(self, offset: int, count: int) -> bytes:
        """At most ``count`` bytes of the file from ``offset`` on."""
        self.file.seek(offset)
        return self.file.read(count)

    def content(self, chunk: Chunk, limit: int = _MAX_BYTES) -> bytes:
        """The body of a chunk, as far as it is present, in at most ``limit`` bytes."""
        return self.bytes(chunk.body, min(chunk.present, limit))

    def walk(self, start: int, long_sizes: dict[bytes, int] | None = None) -> Iterator[Chunk]:
        """The chunks from a byte on, as long as their headers are complete; at most some thousands.

        start: the first byte of the first chunk.
        long_sizes: sizes in bytes by kind, for chunks whose own size is 0xFFFFFFFF; the caller may fill it meanwhile.
        """
        head, offset = self.dialect.kind + self.dialect.size, start
        for _ in range(_MAX_CHUNKS):
            header = self.bytes(offset, head)
            if len(header) < head:
                return
            kind, size = header[: self.dialect.kind], self.dialect.number(header[self.dialect.kind :])
            if long_sizes and size == 0xFFFFFFFF:
                size = long_sizes.get(kind, size)
            size = max(0, size - head) if self.dialect.whole else size
            body = offset + head
            yield Chunk(kind, offset, body, size, min(size, self.total - body))
            offset = body + size + -(body + size - start) % self.dialect.step
            if offset >= self.total:
                return


def end_of_id3(head: bytes) -> int:
    """The length in bytes of the ID3 tag that some programs put before a file; 0 where there is none.

    head: the first bytes of the file, 10 or more.
    """
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size


def names(words: str) -> set[bytes]:
    """The names of chunks, four bytes each, that some words stand for."""
    return {word.ljust(4).encode() for word in words.split()}


def is_name(kind: bytes) -> bool:
    """Whether all bytes are printable ASCII, as those of chunk names are."""
    return all(32 <= byte < 127 for byte in kind)


def kind_name(kind: bytes) -> str:
    """A chunk's name as messages show it."""
    return repr(kind[:4].decode("latin-1"))
