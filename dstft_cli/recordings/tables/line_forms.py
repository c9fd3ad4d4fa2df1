"""Forms in which lines do not consist of cells only, and how they are rewritten so that they do."""

import re
from collections.abc import Callable
from dataclasses import dataclass

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_NAME = r"[^\W\d][^\s:,;]*"
_LABELLED = re.compile(rf"\s*{_NAME}\s?:\s?{_NUMBER}(?:[\s,;]+{_NAME}\s?:\s?{_NUMBER})*[\s,;]*")
_LABEL = re.compile(rf"({_NAME})\s?:\s?(?={_NUMBER})")
_ARROW = re.compile(r"(\S+(?: \S+)?)\s+->\s+(?=\S)")
_GLUED = re.compile(r"(?<=\d\.)-(?=[\d.])|(?<=\.\d)-(?=[\d.])|(?<=\d\d)-(?=\d*\.)")
_WORDS = re.compile(r"[^\W\d]{2,}")


@dataclass(frozen=True)
class LineForm:
    """How the lines of a table are rewritten.

    rewrite: makes cells with one delimiter of a line.
    names: of the columns where the lines themselves name them.
    """

    rewrite: Callable[[str], str]
    names: tuple[str, ...] = ()


def find_form(lines: list[str]) -> LineForm | None:
    """The form of lines that are not made of cells only; None where they are.

    Labels before each number ("acc:0.5,gyro:-2", as plotters take them), an arrow behind the time ("12:00:00.010 -> 0.35", as
    serial monitors write it), and minus signs that touch the number before them, where columns of fixed width are full.
    """
    if not lines:
        return None
    if all(map(_LABELLED.fullmatch, lines)):
        names = {tuple(_LABEL.findall(line)) for line in lines}
        return LineForm(_without_labels, names.pop()) if len(names) == 1 else None
    if all(map(_ARROW.match, lines)):
        return LineForm(_without_arrow)
    if _is_glued(lines):
        return LineForm(_unglued)
    return None


def _without_labels(line: str) -> str:
    return _LABEL.sub("", line)


def _without_arrow(line: str) -> str:
    match = _ARROW.match(line)
    if not match:
        return line
    rest = line[match.end() :]
    delimiter = next((mark for mark in "\t;," if mark in rest), " ")
    return f"{match[1]}{delimiter}{rest}"


def _unglued(line: str) -> str:
    return line if _WORDS.search(line) else _GLUED.sub(" -", line)


def _is_glued(lines: list[str]) -> bool:
    """Whether lines have as many cells as each other only once the minus signs are set apart."""
    if any(mark in line for line in lines for mark in ",;\t|"):
        return False
    widths = {len(line.split()) for line in lines}
    apart = {len(_unglued(line).split()) for line in lines}
    return len(apart) == 1 and apart != widths
