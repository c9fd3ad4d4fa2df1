"""What is known of one clip of a data set, and the parts that clips are divided into."""

from dataclasses import dataclass

from ...errors import InputError
from ...text import quoted

TRAIN, VALIDATION, TEST = PARTS = ("train", "validation", "test")
PART_NAMES = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("validation", "valid", "val", "dev"), VALIDATION),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), TEST),
}
"""How data sets call the three parts, in lower case."""


@dataclass(frozen=True)
class Example:
    """One clip of a data set.

    path: of its file.
    name: its path as the user's tables show it, relative to the data set.
    label: of its class; "" where the task has none.
    part: ``train``, ``validation`` or ``test`` where the data set says so, else "".
    fold: of a cross-validation, where the data set says so, else "".
    group: of clips that must stay together, such as a speaker, else "".
    track: path of the table with its true frequency, for the task ``frequency``, else "".
    """

    path: str
    name: str
    label: str
    part: str = ""
    fold: str = ""
    group: str = ""
    track: str = ""


def part_of(word: str, where: str) -> str:
    """The part that a word names, "" for an empty one. Raises InputError for another word; where: for its message."""
    if not word.strip():
        return ""
    if word.strip().lower() not in PART_NAMES:
        raise InputError(f"{where}: split {quoted(word)}; expected {', '.join(PARTS)}")
    return PART_NAMES[word.strip().lower()]
