"""Lines of a text file and their cells: splitting, comments, numbers, units in a name."""

import csv
import math
import re

from .units import is_unit

WHITESPACE = r"\s+"  # as pandas spells it
_MINUS = "\u2212"  # the typographic minus sign, which some programs write
_MAX_NAME = 500  # characters
_UNIT = re.compile(r"(.*?)\s*[\[(]([^\[\]()]*)[\])]\s*$")
_IN_UNIT = re.compile(r"(.*?)(?:^|\s)in\s+(\S+)")
_NOT_A_UNIT = re.compile(r"[A-Z]?\d+$")  # a pin, as in "Channel 4 (D18)"


def is_comment(line: str, delimiter: str | None) -> bool:
    """Whether a line starts as a comment does; a semicolon counts only where it is not the delimiter."""
    start = line.lstrip()
    return start.startswith(("#", "%", "//", "!")) or (start.startswith(";") and delimiter != ";")


def number_pattern(decimal: str) -> re.Pattern:
    """The pattern of a whole cell that holds a number. decimal: the decimal mark.

    NaN, infinity, the exponents of Fortran (1.5D-04) and digits in groups of three (5.000,35 or 5'000.35) are included; a match
    of the last has the group ``apart``, the mark between the groups.
    """
    mark, apart = re.escape(decimal), " \u202f\u00a0'’" + ("." if decimal == "," else ",")
    plain = rf"(\d+({mark}\d*)?|{mark}\d+)([ed][-+{_MINUS}]?\d+)?"
    grouped = rf"[1-9]\d{{0,2}}(?P<apart>[{apart}])\d{{3}}((?P=apart)\d{{3}})*({mark}\d+)?"
    return re.compile(rf"[-+{_MINUS}]?({plain}|{grouped}|nan|inf|infinity)", re.I)


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
    match = number.fullmatch(text)
    if not match:
        return math.nan
    if match["apart"]:
        text = text.replace(match["apart"], "")
    if match[0][-1:].isdigit():
        text = re.sub("[dD]", "e", text)
    return float(text.replace(decimal, ".").replace(_MINUS, "-"))


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
    """Name and unit: ("acc", "m/s^2") for "acc [m/s^2]", "acc (m/s^2)" or "acc in m/s^2"; the unit is "" where none is named so."""
    name = " ".join(name[:_MAX_NAME].split())
    match = _UNIT.match(name)
    if match and match[1] and not _NOT_A_UNIT.match(match[2]):
        return match[1], match[2].strip()
    if (match := _IN_UNIT.fullmatch(name)) and is_unit(match[2]):
        return match[1].rstrip(" ,") or name, match[2]
    return name, ""


def lines_of(text: str) -> list[str]:
    """The lines of a text, which may end in CR, LF or CRLF; other separators of Unicode end no line."""
    return re.split(r"\r\n|\r|\n", text)
