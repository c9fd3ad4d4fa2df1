"""What chunks of a WAV file hold besides samples: entries of lists, and tables of cues and loops."""

from .chunks import Chunk, Chunks, is_name, kind_name
from .report import ContainerReport

_MAX_ENTRIES = 20_000  # of a list
_ENTRIES = {
    b"INFO": (b"I",),
    b"adtl": (b"labl", b"note", b"ltxt", b"file"),
}  # beginnings of entries' names, by kind of list
_TABLES = {b"cue ": (0, 4, 24), b"smpl": (28, 36, 24)}  # offset of the count and of the entries, bytes per entry


def check_list(report: ContainerReport, chunks: Chunks, chunk: Chunk, info: bool) -> None:
    """Refuse a list with an entry of negative size, on which libsndfile hangs; warn of an entry that does not fit.

    report: gets the warnings.
    chunks: of the file.
    chunk: the list.
    info: whether it is an INFO chunk, which holds entries only; those of a LIST chunk come after the name of their kind.
    """
    body, order = chunks.content(chunk), chunks.dialect.order
    name, start, usual = ("INFO", 0, _ENTRIES[b"INFO"]) if info else ("LIST", 4, _ENTRIES.get(body[:4], ()))
    for _ in range(_MAX_ENTRIES):
        if start + 8 > len(body):
            return
        kind, size = body[start : start + 4], int.from_bytes(body[start + 4 : start + 8], order, signed=True)
        if size < 0:
            raise report.refusal(
                chunk.body + start + 4,
                f"a {name} entry declares {size} bytes, expected zero or more",
                "remove the metadata or save the recording again",
            )
        if not is_name(kind) or start + 8 + size > chunk.size:
            report.warn(
                f"byte {chunk.body + start}: {name} entry {kind_name(kind)} of {size} bytes does not fit into its list of "
                f"{chunk.size} bytes; the file may be damaged"
            )
            return
        report.plain &= kind.startswith(usual)
        start = _next(body, start + 8 + size)
    report.warn(f"byte {chunk.offset}: a {name} of more than {_MAX_ENTRIES} entries; the file may be damaged")


def _next(body: bytes, start: int) -> int:
    """Where the next entry begins: at an even byte, unless the padding was forgotten."""
    even = start + start % 2
    unpadded = even > start and is_name(body[start : start + 4]) and not is_name(body[even : even + 4])
    return start if unpadded or start >= len(body) else even


def check_table(report: ContainerReport, chunks: Chunks, chunk: Chunk, kind: bytes) -> None:
    """Warn of a table of cues or loops that declares more entries than fit into its chunk.

    report: gets the warning.
    chunks: of the file.
    chunk: the table.
    kind: its name, b"cue " or b"smpl".
    """
    count_offset, first, entry = _TABLES[kind]
    body = chunks.content(chunk, first)
    count = chunks.dialect.number(body[count_offset : count_offset + 4])
    if len(body) == first and first + count * entry > chunk.size:
        report.warn(
            f"byte {chunk.body + count_offset}: {kind_name(kind)} declares {count} entries, its {chunk.size} bytes hold "
            f"{max(0, chunk.size - first) // entry}; the file may be damaged"
        )
