"""How a text file is laid out: encoding, delimiter, decimal mark, column names and where the numbers begin.

Found from the first part of the file, never from all of it. The numbers begin at the first line that has as
many cells as the lines further down and starts with a number or a date; above stand comments and names.
"""

import codecs
import re
from collections import Counter
from dataclasses import dataclass

from ...errors import InputError
from ...text import listed, quoted
from ..request import Request, find_name
from .cells import WHITESPACE, is_comment, lines_of, number_pattern, split, split_unit
from .column_names import ColumnNames, nameless

_DELIMITERS = {
    "tab": "\t",
    "\\t": "\t",
    "space": WHITESPACE,
    " ": WHITESPACE,
    "whitespace": WHITESPACE,
    "comma": ",",
    "semicolon": ";",
    "pipe": "|",
}
_HEAD = 1 << 20  # bytes looked at
_SAMPLE = 100  # lines of numbers looked at
_LINE = 20_000  # characters of each that show what parts its cells
_MOST_COLUMNS = 10_000
_MANY_ABOVE = 10  # lines of numbers above the others that are no matter of headings
_NUMBER_FIRST = re.compile(r"""[\s;,|]*["']?([-+]?[.,]?\d|[-+]?(nan|inf)\b)""", re.I)
_NUMBERS_ONLY = re.compile(r"""[\s;,|"']*[-+]?[.,]?\d[-+\d.,;|\s"'eE]*""")
_LIKE_A_NUMBER = re.compile(r"[-+]?[.,]?\d[\d.,;'\s]*(?:[dD][-+]?\d+|\s?%|\s[^\d\W]{1,2})?")
_ONE_COMMA = re.compile(r"\s*[-+]?\d+,\d+([eE][-+]?\d+)?\s*$")
_COMMA_IS_DECIMAL = re.compile(r"\s*(-0,|[-+]?\d+,0\d|[-+]?\d,\d+[eE])")


@dataclass(frozen=True)
class Layout:
    """What find_layout found.

    delimiter: None for one column. quoted: cells may stand in quotes.
    first: lines above the numbers. preamble: their (line number, text), without the names.
    names, units: of every column; "column 2" and "" where the file gives none.
    numeric: positions of the columns that hold numbers. example: the cells of the first line of numbers.
    """

    where: str
    encoding: str
    delimiter: str | None
    decimal: str
    quoted: bool
    first: int
    preamble: tuple[tuple[int, str], ...]
    names: tuple[str, ...]
    units: tuple[str, ...]
    numeric: tuple[int, ...]
    example: tuple[str, ...]
    notes: tuple[str, ...]

    def column(self, key: str | int, option: str) -> int:
        """Position of the column of that name or number from 1; raises InputError if it holds no numbers."""
        wanted = str(key).strip()
        position = find_name(wanted, self.names)
        if position is None:
            position = find_name(split_unit(wanted)[0], self.names)
        if position is None:
            raise InputError(
                f"{self.where}: {option} {quoted(wanted, 30)} is not there; choose a number from 1 to "
                f"{len(self.names)} or one of {listed(self.names)}"
            )
        if position not in self.numeric:
            raise InputError(
                f"{self.where} line {self.first + 1}, {self.called(position)}: expected numbers, found "
                f"{quoted(self.example[position], 40)}; choose another with {option}"
            )
        return position

    def called(self, position: int) -> str:
        """The column as messages call it: its number, and its name where it has one."""
        name = self.names[position]
        return name if self.is_nameless(position) else f"column {position + 1} ({quoted(name, 40)})"

    @property
    def unread(self) -> str:
        """The first column that looks like numbers and holds none as they are written here; "" where there is none."""
        for position, cell in enumerate(self.example):
            if position not in self.numeric and _LIKE_A_NUMBER.fullmatch(cell):
                return f"{self.called(position)} holds text such as {quoted(cell, 30)}"
        return ""

    def is_nameless(self, position: int) -> bool:
        """Whether the file gives the column no name."""
        return self.names[position] == nameless(position)


def find_layout(
    request: Request, delimiter: str | None = None, decimal: str | None = None, skip_rows: int | None = None
) -> Layout:
    """The layout of a text file; what is given is not looked for.

    Raises InputError for an unusable option, a file that is not text, or one without a line of numbers.
    """
    marks = _marks(delimiter, decimal)
    encoding, lines = _head(request)
    skip = _skip(request, skip_rows, len(lines))
    body = [""] * skip + lines[skip:]
    numbered = [(i, line) for i, line in enumerate(body) if _NUMBER_FIRST.match(line)]
    sample = [line[:_LINE] for _, line in numbered[-_SAMPLE:]]
    delimiter, decimal = _best_marks(sample, *marks, free=delimiter is None)
    number = number_pattern(decimal)
    _check_width(request, numbered, delimiter)
    first, rows = _rows_of_numbers(numbered, delimiter, number)
    columns = [[row[c] for row in rows] for c in range(len(rows[0]))] if rows else []
    numeric = tuple(c for c, cells in enumerate(columns) if _mostly_numbers(cells, number))
    if not numeric:
        raise InputError(_no_numbers(request, lines, skip))
    head = ColumnNames(body[:first], delimiter, len(columns))
    return Layout(
        where=request.where,
        encoding=encoding,
        delimiter=delimiter,
        decimal=decimal,
        quoted=any('"' in line for line in body[first : first + _SAMPLE]),
        first=first,
        preamble=tuple((i + 1, line) for i, line in enumerate(body[:first]) if line.strip() and i not in head.used),
        names=head.names,
        units=head.units,
        numeric=numeric,
        example=tuple(rows[0]),
        notes=_notes_on_head(body, first, delimiter, number, head.used, len(columns)),
    )


def _check_width(request: Request, numbered: list[tuple[int, str]], delimiter: str | None) -> None:
    """Refuse lines of more columns than any instrument has, before time and memory go into them."""
    for i, line in numbered:
        if len(line) > _MOST_COLUMNS and delimiter is not None:
            columns = len(split(line, delimiter))
            if columns > _MOST_COLUMNS:
                raise InputError(
                    f"{request.where} line {i + 1}: {columns} columns, expected at most {_MOST_COLUMNS}; write one sample a "
                    "line, the samples below each other"
                )


def _marks(delimiter: str | None, decimal: str | None) -> tuple[list[str | None], list[str]]:
    """Delimiters and decimal marks to try, the likelier first."""
    if decimal not in (None, ".", ","):
        raise InputError(f"decimal {quoted(decimal, 20)}: it must be . or ,")
    decimals = [decimal] if decimal else [".", ","]
    if delimiter is None:
        return ["\t", ";", "|", ",", WHITESPACE, None], decimals
    mark = _DELIMITERS.get(delimiter, delimiter)
    if len(mark) != 1 and mark != WHITESPACE:
        raise InputError(
            f"delimiter {quoted(delimiter, 20)}: it must be one character, or tab, space, comma, semicolon or pipe"
        )
    return [mark, None], decimals


def _best_marks(
    lines: list[str], delimiters: list[str | None], decimals: list[str], free: bool
) -> tuple[str | None, str]:
    """The delimiter and decimal mark under which most cells are numbers and most lines have as many cells."""
    pairs = [(mark, decimal) for mark in delimiters for decimal in decimals]
    best = max(pairs, key=lambda pair: _score(lines, *pair))
    if best == (",", ".") and free and "," in decimals and _decimal_comma(lines):
        return None, ","
    return best


def _score(lines: list[str], delimiter: str | None, decimal: str) -> float:
    rows = [split(line, delimiter) for line in lines]
    cells = [cell for row in rows for cell in row if cell]
    if not cells or (delimiter is not None and max(map(len, rows)) < 2):
        return 0.0
    alike = Counter(map(len, rows)).most_common(1)[0][1]
    return sum(map(bool, map(number_pattern(decimal).fullmatch, cells))) / len(cells) * alike / len(rows)


def _decimal_comma(lines: list[str]) -> bool:
    """Whether lines such as "0,05" hold one number each, for no whole number begins with a zero."""
    return all(map(_ONE_COMMA.match, lines)) and any(map(_COMMA_IS_DECIMAL.match, lines))


def _rows_of_numbers(
    numbered: list[tuple[int, str]], delimiter: str | None, number: re.Pattern
) -> tuple[int, list[list[str]]]:
    """(position of the first line of numbers, cells of the first of them); (0, []) where there are none."""
    rows = [(i, split(line, delimiter)) for i, line in numbered if not is_comment(line, delimiter)]
    widths = Counter(len(cells) for _, cells in rows[-_SAMPLE:]).most_common(1)
    rows = [(i, cells) for i, cells in rows if len(cells) == widths[0][0]]
    first = next((i for i, cells in rows if any(map(number.fullmatch, cells))), None)
    if first is None:
        return 0, []
    return first, [cells for i, cells in rows if i >= first][:_SAMPLE]


def _mostly_numbers(cells: list[str], number: re.Pattern) -> bool:
    filled = [cell for cell in cells if cell]
    return bool(filled) and 2 * sum(map(bool, map(number.fullmatch, filled))) >= len(filled)


def _head(request: Request) -> tuple[str, list[str]]:
    """(encoding, first lines): UTF-16 and UTF-32 by their marks or zeros, Windows-1252 where UTF-8 does not fit."""
    with open(request.path, "rb") as file:
        raw = file.read(_HEAD)
    if encoding := _wide(raw):
        pass
    elif b"\0" in raw:
        raise InputError(
            f"{request.where}: byte {raw.index(0)} is zero, so this is not text; expected lines of numbers "
            "as UTF-8, Windows-1252, or UTF-16 with a byte order mark"
        )
    else:
        encoding = "utf-8-sig" if _is_utf8(raw) else "cp1252"
    text = codecs.getincrementaldecoder(encoding)("replace").decode(raw)
    lines = lines_of(text)
    return encoding, lines[:-1] if lines[-1] == "" or (len(raw) == _HEAD and len(lines) > 1) else lines


def _wide(raw: bytes) -> str | None:
    """The encoding where characters take two or four bytes: by its mark, or by zeros in every other byte and nowhere else."""
    if raw.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for encoding, letters, zeros in (("utf-16-le", raw[::2], raw[1::2]), ("utf-16-be", raw[1::2], raw[::2])):
        if len(raw) > 3 and 0 not in letters and zeros.count(0) > 0.9 * len(zeros):
            return encoding
    return None


def _is_utf8(raw: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(raw)
    except UnicodeDecodeError:
        return False
    return True


def _skip(request: Request, skip_rows: int | None, lines: int) -> int:
    skip = skip_rows or 0
    if skip < 0:
        raise InputError(f"skip_rows {skip}: it must be zero or more")
    if skip >= lines:
        raise InputError(f"{request.where}: skip_rows {skip} leaves nothing, the file has {lines} lines")
    return skip


def _no_numbers(request: Request, lines: list[str], skip: int) -> str:
    filled = [i for i in range(skip, len(lines)) if lines[i].strip()]
    if not filled:
        return f"{request.where}: no line of numbers found, all {len(lines)} are blank; take another copy"
    shown_line = filled[min(1, len(filled) - 1)]  # the first one may be the names
    return (
        f"{request.where}: no line of numbers found (of {len(lines) - skip}), line {shown_line + 1} is "
        f"{quoted(lines[shown_line], 40)}; expected one sample a line, see --delimiter, --decimal and --skip-rows"
    )


def _is_headed(above: list[str], delimiter: str | None, width: int, number: re.Pattern) -> bool:
    """Whether the last of those lines names as many columns as there are, so that samples should follow."""
    if not above or width < 2 or is_comment(above[-1], delimiter):
        return False
    cells = split(above[-1][:_LINE], delimiter)
    return len(cells) == width and not any(map(number.fullmatch, cells))


def _notes_on_head(
    body: list[str], first: int, delimiter: str | None, number: re.Pattern, used: set[int], width: int
) -> tuple[str, ...]:
    """A remark on a line above that may hold samples: it starts with a number, or has one among names; a warning of many."""
    numbers = [i for i, line in enumerate(body[:first]) if _NUMBERS_ONLY.fullmatch(line[:_LINE])]
    if len(numbers) >= _MANY_ABOVE or (numbers and _is_headed(body[: numbers[0]], delimiter, width, number)):
        found = f"line {numbers[0] + 1} ({quoted(body[numbers[0]], 30)}), of numbers, was"
        if len(numbers) > 1:
            found = (
                f"{len(numbers)} lines of numbers from line {numbers[0] + 1} on ({quoted(body[numbers[0]], 30)}) were"
            )
        return (f"warning: {found} not read, unlike what begins on line {first + 1}",)
    notes = []
    for i, line in enumerate(body[:first]):
        if is_comment(line, delimiter):
            continue
        place = f"line {i + 1} ({quoted(line, 40)})"
        if i in used and any(map(number.fullmatch, split(line, delimiter))):
            notes.append(f"{place} was read as the names of the columns")
        elif i not in used and _NUMBER_FIRST.match(line):
            notes.append(f"{place} was not read: it is unlike the lines of numbers below")
    return tuple(notes[:1])
