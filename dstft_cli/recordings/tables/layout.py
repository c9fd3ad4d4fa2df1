"""The layout of a text file: encoding, delimiter, decimal mark, column names and where the numbers begin.

It is detected from the first lines of the file. The numbers begin at the first line that has as many cells as the lines further
down and holds numbers where they do; above it are comments, names and units.
"""

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from ...errors import InputError
from ...text import listed, quoted
from ..notes import Note
from ..request import Request, find_name
from .cells import WHITESPACE, number_pattern, split, split_unit
from .column_names import ColumnNames, nameless
from .columns import CLOCK, NUMBER, TEXT, Rows, find_rows, sample_lines, starts_with_number, weight
from .encoding import read_head
from .header_notes import notes_on_header
from .line_forms import LineForm, find_form
from .separators import check_separators, has_units

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
_LINE = 20_000  # characters of a line that show the delimiter
_MAX_COLUMNS = 10_000
_LIKE_A_NUMBER = re.compile(r"[-+]?[.,]?\d[\d.,;'\s]*(?:[dD][-+]?\d+|\s?%|\s[^\d\W]{1,2})?")
_SPACE_BESIDE_OTHER = 0.85
_ONE_COMMA = re.compile(r"\s*[-+]?\d+,\d+([eE][-+]?\d+)?\s*$")
_COMMA_IS_DECIMAL = re.compile(r"\s*(-0,|[-+]?\d+,0\d|[-+]?\d,\d+[eE])")


@dataclass(frozen=True)
class Layout:
    """The layout of a text file, as find_layout returns it.

    where: the file as messages show it.
    encoding: by the name that Python gives it.
    end: number of bytes of text; behind them are only zeros or an end mark.
    delimiter: one character or WHITESPACE; None for one column.
    decimal: the decimal mark.
    quoted: whether cells may be in quotes.
    form: how lines are rewritten that do not consist of cells only; None where they do.
    header_lines: number of lines above the numbers.
    header: (line number from 1, text) of those, and of lines whose first cells hold a header beside the numbers.
    preamble: those of them that do not hold the names.
    names: of all columns; "column 2" where the file gives none.
    doubtful_names: whether one of them is a number, so that the line may not hold names.
    units: of all columns; "" where the file gives none.
    numeric, clocks, sparse: positions of the columns that hold numbers, that hold dates or times, that are mostly empty.
    width: number of columns with those at the end that are empty throughout.
    example: the cells of the first line of numbers.
    notes: remarks for the user.
    """

    where: str
    encoding: str
    end: int
    delimiter: str | None
    decimal: str
    quoted: bool
    form: LineForm | None
    header_lines: int
    header: tuple[tuple[int, str], ...]
    preamble: tuple[tuple[int, str], ...]
    names: tuple[str, ...]
    doubtful_names: bool
    units: tuple[str, ...]
    numeric: tuple[int, ...]
    clocks: tuple[int, ...]
    sparse: frozenset[int]
    width: int
    example: tuple[str, ...]
    notes: tuple[Note, ...]

    def column(self, key: str | int, option: str, clock: bool = False) -> int:
        """The position of a column.

        key: its name, or its number from 1.
        option: named in messages.
        clock: whether it may hold dates or times of day.

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
        if position not in self.numeric and not (clock and position in self.clocks):
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
            if position not in (*self.numeric, *self.clocks) and _LIKE_A_NUMBER.fullmatch(cell):
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
    encoding, end, lines = read_head(request)
    skip = _skip(request, options.skip_rows, len(lines))
    body = [""] * skip + lines[skip:]
    filled = [(i, line) for i, line in enumerate(body) if line.strip()]
    form = find_form([line[:_LINE] for line in sample_lines(filled, options.delimiter)])
    if form:
        filled = [(i, form.rewrite(line)) for i, line in filled]
    sample = [line[:_LINE] for line in sample_lines(filled, options.delimiter)]
    delimiter, decimal = _best_marks(sample, *marks, free=options.delimiter is None)
    _check_width(request, filled, delimiter)
    rows = find_rows(filled, delimiter, decimal)
    if rows is None:
        raise InputError(_no_numbers(request, lines, skip))
    check_separators(request, rows, delimiter)
    _check_one_sensor(request, rows)
    return _layout(request, (encoding, end, delimiter, decimal, form), body, rows)


def _layout(
    request: Request, marks: tuple[str, int, str | None, str, LineForm | None], body: list[str], rows: Rows
) -> Layout:
    encoding, end, delimiter, decimal, form = marks
    number = number_pattern(decimal)
    width = len(rows.kinds)
    unnamed_first = rows.kinds[0] == TEXT or _counts([row[0] for row in rows.cells], number)
    above = body[: rows.first]
    head = ColumnNames(above, delimiter, width, rows.width, unnamed_first, number.fullmatch)
    header = [(i + 1, line) for i, line in enumerate(above) if line.strip()]
    beside = [(i + 1, body[i]) for i in range(rows.first, min(rows.first + 50, len(body))) if rows.kinds[0] == TEXT]
    beside = [(line, text) for line, text in beside if 0 in rows.sparse and not starts_with_number(text)]
    return Layout(
        where=request.where,
        encoding=encoding,
        end=end,
        delimiter=delimiter,
        decimal=decimal,
        quoted=any('"' in line for line in body[rows.first : rows.first + 100]),
        form=form,
        header_lines=rows.first,
        header=(*header, *beside),
        preamble=(*((line, text) for line, text in header if line - 1 not in head.used), *beside),
        names=form.names if form and len(form.names) == width else head.names,
        doubtful_names=head.doubtful,
        units=head.units,
        numeric=tuple(c for c, kind in enumerate(rows.kinds) if kind == NUMBER),
        clocks=tuple(c for c, kind in enumerate(rows.kinds) if kind == CLOCK),
        sparse=rows.sparse,
        width=rows.width,
        example=tuple(rows.cells[0][:width]),
        notes=notes_on_header(body, rows, delimiter, number, head),
    )


def _counts(cells: list[str], number: re.Pattern) -> bool:
    """Whether cells hold the whole numbers 1, 2, 3, ... or 0, 1, 2, ..., as numbers of rows do."""
    few = cells[:20]
    return all(cell.isascii() and cell.isdigit() for cell in few) and [int(c) - int(few[0]) for c in few] == list(
        range(len(few))
    )


def _check_one_sensor(request: Request, rows: Rows) -> None:
    """Refuse a table whose lines begin with the names of several sensors in turn."""
    if rows.kinds[0] != TEXT or 0 in rows.sparse:
        return
    cells = [row[0] for row in rows.cells]
    changes, names = sum(a != b for a, b in pairwise(cells)), list(dict.fromkeys(cells))
    if changes > 0.2 * len(cells) and len(names) <= 0.2 * len(cells):
        raise InputError(
            f"{request.where} line {rows.first + 1}: the lines are those of {len(names)} sensors in turn ({listed(names)}); "
            "write those of one sensor to a file of their own"
        )


def _check_width(request: Request, filled: list[tuple[int, str]], delimiter: str | None) -> None:
    """Refuse lines of more columns than any instrument has, before they take time and memory."""
    for i, line in filled:
        if len(line) > _MAX_COLUMNS and delimiter is not None and starts_with_number(line):
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
    number = number_pattern(decimal)
    score = sum(weight(cell, number) for cell in cells) / len(cells) * alike / len(rows)
    return _SPACE_BESIDE_OTHER * score if delimiter == WHITESPACE and _have_other_marks(lines) else score


def _have_other_marks(lines: list[str]) -> bool:
    """Whether all lines have as many tabs, semicolons or bars, beside which spaces may be within numbers."""
    return any(len(counts := {line.strip(" ").count(mark) for line in lines}) == 1 and counts != {0} for mark in "\t;|")


def _decimal_comma(lines: list[str]) -> bool:
    """Whether lines such as "0,05" hold one number each, since no whole number begins with a zero."""
    return all(map(_ONE_COMMA.match, lines)) and any(map(_COMMA_IS_DECIMAL.match, lines))


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
    if has_units(lines[example]):
        return (
            f"{request.where} line {example + 1} ({quoted(lines[example], 40)}): units stand within the cells; write plain numbers, "
            "and the units in a line below the names"
        )
    return (
        f"{request.where}: no line of numbers found among {len(lines) - skip} lines; line {example + 1} is "
        f"{quoted(lines[example], 40)}; expected one sample per line, see --delimiter, --decimal and --skip-rows"
    )
