"""Remarks about a recording, each with a severity."""

from dataclasses import dataclass

NOTE, WARNING = "note", "warning"


@dataclass(frozen=True)
class Note:
    """A remark about a recording.

    text: one sentence, without the severity.
    severity: NOTE for what was assumed or left out, WARNING for damage or doubt about the samples.
    """

    text: str
    severity: str = NOTE
