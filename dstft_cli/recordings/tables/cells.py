"""Lines of a text file and their cells: splitting, comments, what a number looks like, units in a name."""

import csv
import math
import re

WHITESPACE = r"\s+"  # as pandas spells it
_MINUS = "\u2212"  # as typesetters, and programs that care for looks, write it
_LONGEST_NAME = 500  # characters
_UNIT = re.compile(r"(.*?)\s*[\[(]([^\[\]()]*)[\])]\s*$")
_NOT_A_UNIT = re.compile(r"[A-Z]?\d+$")  # "Channel 4 (D18)" names a pin


def is_comment(line: str, delimiter: str | None) -> bool:
    """Whether the line starts as a comment does; a semicolon only counts where it does not part cells."""
    start = line.lstrip()
    return start.startswith(("#", "%", "//", "!")) or (start.startswith(";") and delimiter != ";")


def number_pattern(decimal: str) -> re.Pattern:
    """What one whole cell looks like when it holds a number, NaN and infinity included."""
    mark = re.escape(decimal)
    return re.compile(rf"[-+{_MINUS}]?((\d+({mark}\d*)?|{mark}\d+)(e[-+{_MINUS}]?\d+)?|nan|inf|infinity)", re.I)


def as_number(text: str, number: re.Pattern, decimal: str) -> float:
    """The number that a cell holds, quotes left out; NaN where it holds none."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1].strip()
    return float(text.replace(decimal, ".").replace(_MINUS, "-")) if number.fullmatch(text) else math.nan


def split(line: str, delimiter: str | None) -> list[str]:
    """The cells of a line, without quotes and outer spaces."""
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
    """("acc", "m/s^2") of "acc [m/s^2]" or "acc (m/s^2)"; no unit where there are no such brackets."""
    found = _UNIT.match(name[:_LONGEST_NAME])
    if not found or not found[1] or _NOT_A_UNIT.match(found[2]):
        return name, ""
    return found[1], found[2].strip()


def lines_of(text: str) -> list[str]:
    """The lines of ``text`` under any of the three line ends; other separators of Unicode part no lines."""
    return re.split(r"\r\n|\r|\n", text)
