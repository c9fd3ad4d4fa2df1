"""What the files of the hostile corpus have in common: bytes, and what reading them must lead to."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

READ, WARNED, REFUSED = "read", "warned", "refused"
UNHARMED = "read as it was, or refused"


@dataclass(frozen=True)
class Case:
    """A file and what reading it must lead to.

    name: of the file. content: its bytes.
    outcome: READ (as it is, without a warning), WARNED (read, with a warning), REFUSED (InputError).
    message: what a note or the refusal must contain.
    frames, channels, rate: what is read, None where that is open. options: of load_signals.
    """

    name: str
    content: bytes = field(repr=False)
    outcome: str = READ
    message: str = ""
    frames: int | None = None
    channels: int | None = None
    rate: float | None = None
    options: dict = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


def few_of_each_kind(cases: Iterable[Case]) -> list[Case]:
    """Of the cases whose outcomes are the same and whose names differ in numbers only: the first, the middle and the last."""
    kinds: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        kinds.setdefault((re.sub(r"\d+", "#", case.name), case.outcome), []).append(case)
    return [kind[i] for kind in kinds.values() for i in sorted({0, len(kind) // 2, len(kind) - 1})]


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
