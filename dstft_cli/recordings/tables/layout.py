"""The layout of a text file: encoding, delimiter, decimal mark, column names and where the numbers begin.

It is detected from the first lines of the file. The numbers begin at the first line that has as many cells as
the lines further down and starts with a number or a date; above it are comments and names.
"""

import re
from collections import Counter
from dataclasses import dataclass

from ...errors import InputError
from ...text import listed, quoted
from ..notes import WARNING, Note
from ..request import Request, find_name
from .cells import WHITESPACE, is_comment, number_pattern, split, split_unit
from .column_names import ColumnNames, nameless
from .encoding import read_head

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
_SAMPLE = 100  # lines of numbers that show the layout
_LINE = 20_000  # characters of each that show the delimiter
_MAX_COLUMNS = 10_000
_MANY_ABOVE = 10  # lines of numbers above the others that cannot all be headings
_NUMBER_FIRST = re.compile(r"""[\s;,|]*["']?([-+]?[.,]?\d|[-+]?(nan|inf)\b)""", re.I)
_NUMBERS_ONLY = re.compile(r"""[\s;,|"']*[-+]?[.,]?\d[-+\d.,;|\s"'eE]*""")
_LIKE_A_NUMBER = re.compile(r"[-+]?[.,]?\d[\d.,;'\s]*(?:[dD][-+]?\d+|\s?%|\s[^\d\W]{1,2})?")
_ONE_COMMA = re.compile(r"\s*[-+]?\d+,\d+([eE][-+]?\d+)?\s*$")
_COMMA_IS_DECIMAL = re.compile(r"\s*(-0,|[-+]?\d+,0\d|[-+]?\d,\d+[eE])")


@dataclass(frozen=True)
class Layout:
    """The layout of a text file, as find_layout returns it.

    where: the file as messages show it.
    encoding: by the name that Python gives it.
    delimiter: one character or WHITESPACE; None for one column.
    decimal: the decimal mark.
    quoted: whether cells may be in quotes.
    header_lines: number of lines above the numbers.
    preamble: (line number from 1, text) of those, without the names.
    names: of all columns; "column 2" where the file gives none.
    units: of all columns; "" where the file gives none.
    numeric: positions of the columns that hold numbers.
    example: the cells of the first line of numbers.
    notes: remarks for the user.
    """

    where: str
    encoding: str
    delimiter: str | None
    decimal: str
    quoted: bool
    header_lines: int
    preamble: tuple[tuple[int, str], ...]
    names: tuple[str, ...]
    units: tuple[str, ...]
    numeric: tuple[int, ...]
    example: tuple[str, ...]
    notes: tuple[Note, ...]

    def column(self, key: str | int, option: str) -> int:
        """The position of a column.

        key: its name, or its number from 1.
        option: named in messages.

        Raises InputError where it does not exist or holds no numbers.
        """
        wanted = str(key).strip()
        position = find_name(wanted, self.names)
        if position is None:
            position = find_name(split_unit(wanted)[0], self.names)
        if position is None:
            raise InputError(
                f"{self.where}: {option} {quoted(wanted, 30)} does not exist; choose a number from 1 to "
                f"{len(self.names)} or one of {listed(self.names)}"
            )
        if position not in self.numeric:
            raise InputError(
                f"{self.where} line {self.header_lines + 1}, {self.called(position)}: expected numbers, found "
                f"{quoted(self.example[position], 40)}; choose another with {option}"
            )
        return position

    def called(self, position: int) -> str:
        """The column as messages call it: its number, and its name where it has one."""
        name = self.names[position]
        return name if self.is_nameless(position) else f"column {position + 1} ({quoted(name, 40)})"

    @property
    def unreadable_column(self) -> str:
        """A clause on the first column of numbers in a notation that is not read; "" where there is none."""
        for position, cell in enumerate(self.example):
            if position not in self.numeric and _LIKE_A_NUMBER.fullmatch(cell):
                return f"{self.called(position)} holds text such as {quoted(cell, 30)}"
        return ""

    def is_nameless(self, position: int) -> bool:
        """Whether the file gives the column no name."""
        return self.names[position] == nameless(position)


def find_layout(request: Request) -> Layout:
    """Detect the layout of a text file.

    request: the file, and the delimiter, decimal mark and number of lines to skip where the user states them.

    Returns the layout. Raises InputError for an unusable option, a file that is not text, or one without a line of numbers.
    """
    options = request.text
    marks = _marks(options.delimiter, options.decimal)
    encoding, lines = read_head(request)
    skip = _skip(request, options.skip_rows, len(lines))
    body = [""] * skip + lines[skip:]
    numbered = [(i, line) for i, line in enumerate(body) if _NUMBER_FIRST.match(line)]
    sample = [line[:_LINE] for _, line in numbered[-_SAMPLE:]]
    delimiter, decimal = _best_marks(sample, *marks, free=options.delimiter is None)
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
        header_lines=first,
        preamble=tuple((i + 1, line) for i, line in enumerate(body[:first]) if line.strip() and i not in head.used),
        names=head.names,
        units=head.units,
        numeric=numeric,
        example=tuple(rows[0]),
        notes=_notes_on_head(body, first, delimiter, number, head.used, len(columns)),
    )


def _check_width(request: Request, numbered: list[tuple[int, str]], delimiter: str | None) -> None:
    """Refuse lines of more columns than any instrument has, before they take time and memory."""
    for i, line in numbered:
        if len(line) > _MAX_COLUMNS and delimiter is not None:
            columns = len(split(line, delimiter))
            if columns > _MAX_COLUMNS:
                raise InputError(
                    f"{request.where} line {i + 1}: {columns} columns, expected at most {_MAX_COLUMNS}; write one sample per "
                    "line, the samples below each other"
                )


def _marks(delimiter: str | None, decimal: str | None) -> tuple[list[str | None], list[str]]:
    """Delimiters and decimal marks to try, the most likely first."""
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
    """Whether lines such as "0,05" hold one number each, since no whole number begins with a zero."""
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
        return f"{request.where}: no line of numbers found, all {len(lines)} lines are blank; take another copy"
    example = filled[min(1, len(filled) - 1)]  # the first line may be the names
    return (
        f"{request.where}: no line of numbers found among {len(lines) - skip} lines; line {example + 1} is "
        f"{quoted(lines[example], 40)}; expected one sample per line, see --delimiter, --decimal and --skip-rows"
    )


def _is_headed(above: list[str], delimiter: str | None, width: int, number: re.Pattern) -> bool:
    """Whether the last of those lines has as many names as there are columns, so that samples should follow."""
    if not above or width < 2 or is_comment(above[-1], delimiter):
        return False
    cells = split(above[-1][:_LINE], delimiter)
    return len(cells) == width and not any(map(number.fullmatch, cells))


def _notes_on_head(
    body: list[str], first: int, delimiter: str | None, number: re.Pattern, used: set[int], width: int
) -> tuple[Note, ...]:
    """A warning where lines above the numbers are likely to be samples, else a note on one that may be; none in other files."""
    numbers = [i for i, line in enumerate(body[:first]) if _NUMBERS_ONLY.fullmatch(line[:_LINE])]
    if len(numbers) >= _MANY_ABOVE or (numbers and _is_headed(body[: numbers[0]], delimiter, width, number)):
        line = f"line {numbers[0] + 1}"
        example = f"({quoted(body[numbers[0]], 30)})"
        ignored = f"{line} {example} holds numbers but was ignored"
        if len(numbers) > 1:
            ignored = f"{len(numbers)} lines of numbers from {line} on {example} were ignored"
        return (Note(f"{ignored}; data starts at line {first + 1}", WARNING),)
    for i, line in enumerate(body[:first]):
        if is_comment(line, delimiter):
            continue
        where = f"line {i + 1} ({quoted(line, 40)})"
        if i in used and any(map(number.fullmatch, split(line, delimiter))):
            return (Note(f"{where} was read as the names of the columns"),)
        if i not in used and _NUMBER_FIRST.match(line):
            return (Note(f"{where} was ignored: it differs from the lines of numbers below"),)
    return ()
