"""What an audit of a file says: remarks for the user, and whether the file is as it should be."""

from dataclasses import dataclass, field

from ...errors import InputError
from ...text import shown
from ..request import Request

_WARNING = "warning: "


@dataclass
class ContainerReport:
    """Collected while a file is looked through.

    notes: one-line remarks. known: whether the format is one that is looked through. damaged: whether a note tells of damage.
    frames: those that the container counts, where it does.
    """

    request: Request
    notes: list[str] = field(default_factory=list)
    known: bool = False
    damaged: bool = False
    frames: int | None = None

    def remark(self, sentence: str) -> None:
        """Something a user may want to know of a sound file."""
        self.notes.append(sentence)

    def warn(self, sentence: str) -> None:
        """Damage, or what looks like it; said once."""
        self.damaged = True
        if (note := _WARNING + sentence) not in self.notes:
            self.notes.append(note)

    def fault(self, limit: int) -> str:
        """The first damage found, in so many characters; "" where there is none."""
        first = next((note for note in self.notes if note.startswith(_WARNING)), "")
        return shown(first.removeprefix(_WARNING), limit)

    def refuse(self, place: int, sentence: str, mend: str = "take another copy") -> InputError:
        """The error to raise where reading on would make no sense."""
        return InputError(f"{self.request.where} byte {place}: {sentence}; {mend}")
