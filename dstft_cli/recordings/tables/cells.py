"""Lines of a text file and their cells: splitting, comments, numbers, units in a name."""

import csv
import math
import re

WHITESPACE = r"\s+"  # as pandas spells it
_MINUS = "\u2212"  # the typographic minus sign, which some programs write
_MAX_NAME = 500  # characters
_UNIT = re.compile(r"(.*?)\s*[\[(]([^\[\]()]*)[\])]\s*$")
_NOT_A_UNIT = re.compile(r"[A-Z]?\d+$")  # a pin, as in "Channel 4 (D18)"


def is_comment(line: str, delimiter: str | None) -> bool:
    """Whether a line starts as a comment does; a semicolon counts only where it is not the delimiter."""
    start = line.lstrip()
    return start.startswith(("#", "%", "//", "!")) or (start.startswith(";") and delimiter != ";")


def number_pattern(decimal: str) -> re.Pattern:
    """The pattern of a whole cell that holds a number, NaN and infinity included. decimal: the decimal mark."""
    mark = re.escape(decimal)
    return re.compile(rf"[-+{_MINUS}]?((\d+({mark}\d*)?|{mark}\d+)(e[-+{_MINUS}]?\d+)?|nan|inf|infinity)", re.I)


def as_number(text: str, number: re.Pattern, decimal: str) -> float:
    """The number in a cell.

    text: the cell, maybe in quotes.
    number: pattern of a number, from number_pattern.
    decimal: the decimal mark.

    Returns NaN where the cell holds no number.
    """
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1].strip()
    return float(text.replace(decimal, ".").replace(_MINUS, "-")) if number.fullmatch(text) else math.nan


def split(line: str, delimiter: str | None) -> list[str]:
    """The cells of a line, without quotes and outer spaces.

    line: the line.
    delimiter: one character or WHITESPACE; None for a line of one cell.
    """
    if delimiter is None:
        return [line.strip().strip('"').strip()]
    if delimiter == WHITESPACE:
        return [cell.strip('"') for cell in line.split()]
    if '"' not in line:
        return [cell.strip() for cell in line.split(delimiter)]
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))]
    except csv.Error:
        return [cell.strip() for cell in line.split(delimiter)]


def split_unit(name: str) -> tuple[str, str]:
    """Name and unit: ("acc", "m/s^2") for "acc [m/s^2]" or "acc (m/s^2)"; the unit is "" where there are no such brackets."""
    match = _UNIT.match(name[:_MAX_NAME])
    if not match or not match[1] or _NOT_A_UNIT.match(match[2]):
        return name, ""
    return match[1], match[2].strip()


def lines_of(text: str) -> list[str]:
    """The lines of a text, which may end in CR, LF or CRLF; other separators of Unicode end no line."""
    return re.split(r"\r\n|\r|\n", text)
