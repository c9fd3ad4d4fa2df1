"""What an audit of a file reports: remarks for the user, and whether the file is damaged."""

from dataclasses import dataclass, field

from ...errors import InputError
from ...text import one_line
from ..notes import WARNING, Note
from ..request import Request


@dataclass
class ContainerReport:
    """Filled while the container of a file is audited.

    request: names the file.
    notes: remarks for the user.
    known: whether the format is one that is audited.
    plain: whether it consists of parts only on which no decoder is known to hang.
    damaged: whether a note is a warning.
    declared_frames: the frames that the container itself counts; None where it does not.
    began: the date and time of the first sample, where the recorder wrote it.
    metadata: what the recorder wrote about the recording, by name.
    patches: bytes by their offset that the header must have for the samples to be read.
    """

    request: Request
    notes: list[Note] = field(default_factory=list)
    known: bool = False
    plain: bool = True
    damaged: bool = False
    declared_frames: int | None = None
    began: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    patches: dict[int, bytes] = field(default_factory=dict)

    def remark(self, sentence: str) -> None:
        """Add what a user may want to know about a good file."""
        self.notes.append(Note(sentence))

    def warn(self, sentence: str) -> None:
        """Add damage, or what looks like it, unless it was added before."""
        self.damaged = True
        if (note := Note(sentence, WARNING)) not in self.notes:
            self.notes.append(note)

    def fault(self, limit: int) -> str:
        """The first warning in at most ``limit`` characters; "" where there is none."""
        return one_line(next((note.text for note in self.notes if note.severity == WARNING), ""), limit)

    def refusal(self, byte_offset: int, sentence: str, fix: str = "take another copy") -> InputError:
        """The error to raise where reading on would make no sense.

        byte_offset: where in the file.
        sentence: what is wrong there.
        fix: what the user can do.
        """
        return InputError(f"{self.request.where} byte {byte_offset}: {sentence}; {fix}")
