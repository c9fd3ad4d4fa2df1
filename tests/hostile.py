"""What the files of the hostile corpus have in common: bytes, and what reading them must lead to."""

from collections.abc import Iterator
from dataclasses import dataclass, field

READ, WARNED, REFUSED = "read", "warned", "refused"
UNHARMED = "read as it was, or refused"


@dataclass(frozen=True)
class Case:
    """A file and what it must lead to.

    name: of the file. content: its bytes.
    outcome: READ (as it is, without a warning), WARNED (read, with a note that begins with "warning"), REFUSED (InputError).
    told: a part of the note or the refusal.
    frames, channels, rate: what is read, None where it is not told; options: of load_signals.
    """

    name: str
    content: bytes = field(repr=False)
    outcome: str = READ
    told: str = ""
    frames: int | None = None
    channels: int | None = None
    rate: float | None = None
    options: dict = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


def cut(content: bytes, *places: int) -> Iterator[tuple[int, bytes]]:
    """(place, the bytes before it) of each place; a negative one counts from the end."""
    for end in sorted({place if place >= 0 else len(content) + place for place in places}):
        yield end, content[:end]


def put(content: bytes, place: int, new: bytes) -> bytes:
    """The bytes with others in their place."""
    return content[:place] + new + content[place + len(new) :]


def flip(content: bytes, place: int, bit: int = 0) -> bytes:
    """The bytes with one bit the other way round."""
    return put(content, place, bytes([content[place] ^ (1 << bit)]))
