"""Audacity labels: begin, end and label between tabs; a line that begins with a backslash has the band of the label above."""

import re
from collections.abc import Sequence
from dataclasses import replace

from ...errors import InputError
from ...text import quoted
from .box import Box

_NUMBER = r"\s*([+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?)\s*"
_LABEL = re.compile(rf"{_NUMBER}\t{_NUMBER}(?:\t(.*))?")
_BAND = re.compile(rf"\\\t{_NUMBER}\t{_NUMBER}")


def is_audacity(lines: Sequence[str]) -> bool:
    """Whether the first line that is not empty is a label."""
    first = next((line for line in lines if line.strip()), "")
    return _LABEL.fullmatch(first) is not None


def read_audacity(where: str, lines: Sequence[str]) -> list[tuple[Box, set[str]]]:
    """The boxes, and the texts that describe each. Raises InputError for a line that is no label. where: the file, for messages."""
    boxes: list[Box] = []
    for number, line in enumerate(lines, start=1):
        band, label = _BAND.fullmatch(line), _LABEL.fullmatch(line)
        if band and boxes:
            low, high = (_value(text) for text in band.groups())
            # Audacity writes 0 or -1 where a label has no limit.
            boxes[-1] = replace(boxes[-1], low=low if low > 0 else None, high=high if high > 0 else None)
        elif label:
            boxes.append(Box(len(boxes) + 1, _value(label[1]), _value(label[2]), label=(label[3] or "").strip()))
        elif line.strip():
            raise InputError(
                f"{where}: line {number} is {quoted(line, 40)}: expected begin, end and label between tabs, as Audacity exports labels"
            )
    return [(box, {box.label}) for box in boxes]


def _value(text: str) -> float:
    return float(text.replace(",", "."))
