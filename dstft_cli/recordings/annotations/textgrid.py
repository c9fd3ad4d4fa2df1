"""Praat TextGrids, in the long and in the short text format: the intervals of all tiers that have a text."""

import re
from collections.abc import Iterator, Sequence

from ...errors import InputError
from .box import Box

_INTERVALS, _POINTS = "IntervalTier", "TextTier"
# What stands in quotes, flags in angle brackets, and numbers; names of the long format such as "xmin =" or "intervals [2]:" are not data.
_TOKEN = re.compile(r'"((?:[^"]|"")*)"|(<\w+>)|(?:(?<=\s)|^)([+-]?\d+\.?\d*(?:[eE][+-]?\d+)?)(?=\s|$)', re.MULTILINE)


def is_textgrid(lines: Sequence[str]) -> bool:
    """Whether the file says that it is a TextGrid."""
    return any("TextGrid" in line for line in lines[:4])


def read_textgrid(where: str, text: str) -> list[tuple[Box, set[str]]]:
    """The boxes, and the texts that describe each: that of the interval, and the name of its tier.

    where: the file, for messages.
    text: of the file.

    Raises InputError where the file ends too early or is no TextGrid.
    """
    tokens = _tokens(text)
    boxes: list[tuple[Box, set[str]]] = []
    try:
        next(token for token in tokens if token == "TextGrid")
        _number(tokens), _number(tokens)
        if next(tokens) != "<exists>":
            return []
        for _ in range(int(_number(tokens))):
            kind, tier = next(tokens), str(next(tokens))
            if kind not in (_INTERVALS, _POINTS):
                raise ValueError
            _number(tokens), _number(tokens)
            for _ in range(int(_number(tokens))):
                ends = [_number(tokens) for _ in range(2 if kind == _INTERVALS else 1)]
                label = str(next(tokens)).strip()
                if kind == _INTERVALS and label:
                    boxes.append((Box(len(boxes) + 1, *ends, label=label), {label, tier}))
    except (StopIteration, ValueError, OverflowError):
        count = f"after {len(boxes)} intervals with a text" if boxes else "at its head"
        raise InputError(
            f"{where}: the TextGrid is damaged or cut off {count}; save it again in Praat as text"
        ) from None
    return boxes


def _tokens(text: str) -> Iterator[str | float]:
    for match in _TOKEN.finditer(text):
        quoted, flag, number = match.groups()
        yield float(number) if number else flag if flag else quoted.replace('""', '"')


def _number(tokens: Iterator[str | float]) -> float:
    value = next(tokens)
    if not isinstance(value, float):
        raise ValueError
    return value
