"""The chunks of which WAV, RF64, W64 and AIFF files are made: where each lies, what it claims, what is there of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_MOST_CHUNKS = 10_000  # in one file; recorders write a dozen
_MOST_BYTES = 1 << 20  # of a chunk that are looked at


@dataclass(frozen=True)
class Dialect:
    """How a family of formats writes its chunks.

    kind, size: bytes of a chunk's name and of its size. order: of the bytes of numbers.
    whole: whether the size counts the header too. step: chunks begin at its multiples.
    """

    order: str
    kind: int = 4
    size: int = 4
    whole: bool = False
    step: int = 2

    def number(self, raw: bytes) -> int:
        """The whole number that those bytes are."""
        return int.from_bytes(raw, self.order)


RIFF = Dialect("little")
RIFX = AIFF = Dialect("big")
W64 = Dialect("little", 16, 8, True, 8)


@dataclass(frozen=True)
class Chunk:
    """kind: its name. offset: its first byte in the file. body: the first behind its header.

    size: bytes of the body as declared. held: those that the file has.
    """

    kind: bytes
    offset: int
    body: int
    size: int
    held: int

    @property
    def end(self) -> int:
        """The byte behind its body."""
        return self.body + self.size

    @property
    def cut(self) -> bool:
        """Whether the file ends within it."""
        return self.held < self.size


class Chunks:
    """Reads an open file of chunks; ``total`` is its length in bytes."""

    def __init__(self, file: BinaryIO, dialect: Dialect):
        self.file, self.dialect = file, dialect
        self.total = file.seek(0, 2)

    def bytes(self, place: int, count: int) -> bytes:
        """At most ``count`` bytes from a place in the file on."""
        self.file.seek(place)
        return self.file.read(count)

    def content(self, chunk: Chunk, most: int = _MOST_BYTES) -> bytes:
        """The body of a chunk, as far as it is there and not too long to be looked at."""
        return self.bytes(chunk.body, min(chunk.held, most))

    def walk(self, start: int, long_sizes: dict[bytes, int] | None = None) -> Iterator[Chunk]:
        """The chunks from a place on, as far as headers are whole, and at most some thousands of them.

        long_sizes: filled while walking; by kind, the size of a chunk whose own field is full of ones.
        """
        head, place = self.dialect.kind + self.dialect.size, start
        for _ in range(_MOST_CHUNKS):
            header = self.bytes(place, head)
            if len(header) < head:
                return
            kind, size = header[: self.dialect.kind], self.dialect.number(header[self.dialect.kind :])
            if long_sizes and size == 0xFFFFFFFF:
                size = long_sizes.get(kind, size)
            size = max(0, size - head) if self.dialect.whole else size
            body = place + head
            yield Chunk(kind, place, body, size, min(size, self.total - body))
            place = body + size + -(body + size - start) % self.dialect.step
            if place >= self.total:
                return


def behind_id3(head: bytes) -> int:
    """The byte behind the ID3 tag that some programs put before whatever file; 0 where ``head``, its first bytes, has none."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size


def is_name(kind: bytes) -> bool:
    """Whether four bytes can be the name of a chunk: letters, digits and the like."""
    return all(32 <= byte < 127 for byte in kind)


def kind_name(kind: bytes) -> str:
    """A chunk's name as messages show it."""
    return repr(kind[:4].decode("latin-1"))
