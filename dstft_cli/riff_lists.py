"""Lists and tables beside the samples of a WAV: entries whose sizes make libsndfile walk back for ever."""

from .chunks import Chunk, Chunks, is_name, kind_name
from .findings import Findings

_MOST_ENTRIES = 20_000
_TABLES = {b"cue ": (0, 4, 24), b"smpl": (28, 36, 24)}  # where the count stands, where entries begin, bytes of each


def check_list(findings: Findings, chunks: Chunks, chunk: Chunk) -> None:
    """A LIST chunk: raises InputError for an entry of negative size, warns of one that leaves the list."""
    body, order, place = chunks.content(chunk), chunks.dialect.order, 4
    for _ in range(_MOST_ENTRIES):
        if place + 8 > len(body):
            return
        kind, size = body[place : place + 4], int.from_bytes(body[place + 4 : place + 8], order, signed=True)
        if size < 0:
            raise findings.refuse(
                chunk.body + place + 4,
                f"a LIST entry declares {size} bytes, expected zero or more",
                "remove the metadata or save the recording again",
            )
        if not is_name(kind) or place + 8 + size > chunk.size:
            findings.warn(
                f"byte {chunk.body + place}: LIST entry {kind_name(kind)} of {size} bytes does not fit into its list of "
                f"{chunk.size}; the file may be damaged"
            )
            return
        place = _next(body, place + 8 + size)
    findings.warn(f"byte {chunk.offset}: a LIST of more than {_MOST_ENTRIES} entries; the file may be damaged")


def _next(body: bytes, place: int) -> int:
    """Where the next entry begins: at an even byte, unless the writer forgot to pad."""
    even = place + place % 2
    unpadded = even > place and is_name(body[place : place + 4]) and not is_name(body[even : even + 4])
    return place if unpadded or place >= len(body) else even


def check_table(findings: Findings, chunks: Chunks, chunk: Chunk, kind: bytes) -> None:
    """A table of cues or loops that claims more entries than fit into its chunk."""
    at, first, each = _TABLES[kind]
    body = chunks.content(chunk, first)
    count = chunks.dialect.number(body[at : at + 4])
    if len(body) == first and first + count * each > chunk.size:
        findings.warn(
            f"byte {chunk.body + at}: {kind_name(kind)} declares {count} entries, its {chunk.size} bytes hold "
            f"{max(0, chunk.size - first) // each}; the file may be damaged"
        )
