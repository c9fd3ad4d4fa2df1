"""How a text file is laid out: encoding, delimiter, decimal mark, column names and where the numbers begin.

Found from the first part of the file, never from all of it. The numbers begin at the first line that has as
many cells as the lines further down and starts with a number or a date; above stand comments and names.
"""

import codecs
import re
from collections import Counter
from dataclasses import dataclass

from .errors import InputError
from .recordings import Request, find_name, listed, quoted
from .text_cells import WHITESPACE, is_comment, lines_of, number_pattern, split, split_unit
from .text_names import ColumnNames, nameless

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
_NUMBER_FIRST = re.compile(r"""[\s;,|]*["']?([-+]?[.,]?\d|[-+]?(nan|inf)\b)""", re.I)
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
    delimiter, decimal = _best_marks([line for _, line in numbered[-_SAMPLE:]], *marks, free=delimiter is None)
    number = number_pattern(decimal)
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
        notes=_notes_on_head(body, first, delimiter, number, head.used),
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
    """(encoding, first lines): UTF-16 by its byte order mark, Windows-1252 where UTF-8 does not fit."""
    with open(request.path, "rb") as file:
        raw = file.read(_HEAD)
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
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
    text = next((line for line in lines[skip:] if line.strip()), "")
    return (
        f"{request.where}: no line of numbers found (of {len(lines) - skip}), the first is "
        f"{quoted(text, 40)}; expected one sample a line, see --delimiter, --decimal and --skip-rows"
    )


def _notes_on_head(
    body: list[str], first: int, delimiter: str | None, number: re.Pattern, used: set[int]
) -> tuple[str, ...]:
    """A remark on a line above that may hold samples: it starts with a number, or has one among names."""
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
