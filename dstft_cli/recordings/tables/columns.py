"""Which lines of a text file hold its rows, and what each column of them holds: numbers, a clock, other text, or nothing."""

import re
from collections import Counter
from dataclasses import dataclass

from .cells import is_comment, number_pattern, split
from .rates.clock_text import is_clock

NUMBER, CLOCK, TEXT, EMPTY = "number", "clock", "text", "empty"
SAMPLE = 100  # lines that show the layout
_NUMBER_FIRST = re.compile(r"""[\s;,|]*["']?([-+]?[.,]?\d|[-+]?(nan|inf)\b)""", re.I)
_NAMES_WITHIN = 10  # rows behind the first in which the names may still follow
_MAX_CLOCK = 50  # characters of a date with its time


@dataclass(frozen=True)
class Rows:
    """The rows of a table, as far as the beginning of the file shows them.

    first: position of the first line.
    cells: of the first rows and of the last.
    kinds: what each column holds, without those at the end that are empty.
    width: number of columns with those.
    sparse: positions of the columns that are empty in most rows.
    """

    first: int
    cells: list[list[str]]
    kinds: tuple[str, ...]
    width: int
    sparse: frozenset[int]


def starts_with_number(line: str) -> bool:
    """Whether a line begins as a row of numbers does, perhaps with empty cells."""
    return bool(_NUMBER_FIRST.match(line))


def sample_lines(lines: list[tuple[int, str]], delimiter: str | None) -> list[str]:
    """The last lines that begin with a number, or the last of all where most of those begin with something else."""
    tail = [line for _, line in lines[-SAMPLE:] if not is_comment(line, delimiter)]
    numbered = [line for _, line in lines if starts_with_number(line)]
    return numbered[-SAMPLE:] if 2 * sum(map(starts_with_number, tail)) >= len(tail) else tail


def weight(cell: str, number: re.Pattern) -> float:
    """1 for a plain number, a little less for one whose digits are grouped and for a clock, 0 for other text."""
    match = number.fullmatch(cell)
    if match:
        return 0.9 if match["apart"] else 1.0
    return 0.9 if len(cell) < _MAX_CLOCK and cell[-1:] and is_clock(cell) else 0.0


def find_rows(lines: list[tuple[int, str]], delimiter: str | None, decimal: str) -> Rows | None:
    """Find the rows of numbers.

    lines: (position, text) of the lines that are not blank.
    delimiter, decimal: one character or WHITESPACE, None for one column; the decimal mark.

    Returns None where no column holds numbers.
    """
    number = number_pattern(decimal)
    rows = [(i, split(line, delimiter)) for i, line in lines if not is_comment(line, delimiter)]
    like = [row for row in rows if starts_with_number(_first_filled(row[1]))]
    rows = _of_one_width(rows, like if 2 * len(like[-SAMPLE:]) >= len(rows[-SAMPLE:]) else rows)
    if not rows:
        return None
    kinds = _kinds([cells for _, cells in rows[-SAMPLE:]], number)
    start = _first_row(rows, kinds, number)
    if start is None:
        return None
    cells = [cells for _, cells in rows[start:]]
    shown = cells[:SAMPLE] + cells[max(SAMPLE, len(cells) - SAMPLE) :]
    kinds = _kinds(shown, number)
    filled = [sum(bool(row[c]) for row in shown) for c in range(len(kinds))]
    width = max((c + 1 for c, count in enumerate(filled) if count), default=0)
    sparse = frozenset(c for c in range(width) if 2 * filled[c] < len(shown))
    if kinds[0] == TEXT and 2 * len(cells) < len(rows):
        return None  # most lines are no rows
    return Rows(rows[start][0], shown, kinds[:width], len(kinds), sparse) if NUMBER in kinds else None


def _first_filled(cells: list[str]) -> str:
    """The first cell of a line that is not empty."""
    return next((cell for cell in cells if cell), "")


def _of_one_width(rows: list[tuple[int, list[str]]], like: list[tuple[int, list[str]]]) -> list[tuple[int, list[str]]]:
    """Those rows that have as many cells as most of the last ones."""
    widths = Counter(len(cells) for _, cells in like[-SAMPLE:]).most_common(1)
    return [(i, cells) for i, cells in rows if len(cells) == widths[0][0]] if widths else []


def _kinds(rows: list[list[str]], number: re.Pattern) -> tuple[str, ...]:
    return tuple(_kind([row[c] for row in rows if row[c]], number) for c in range(len(rows[0])))


def _kind(cells: list[str], number: re.Pattern) -> str:
    if not cells:
        return EMPTY
    if 2 * sum(map(bool, map(number.fullmatch, cells))) >= len(cells):
        return NUMBER
    return CLOCK if 2 * sum(len(cell) < _MAX_CLOCK and is_clock(cell) for cell in cells) >= len(cells) else TEXT


def _first_row(rows: list[tuple[int, list[str]]], kinds: tuple[str, ...], number: re.Pattern) -> int | None:
    """The index of the first row of numbers: where they stand first, the first line that begins with one."""
    columns = [c for c, kind in enumerate(kinds) if kind == NUMBER]
    if not columns:
        return None
    if kinds[0] in (NUMBER, CLOCK):
        return next((at for at, (_, cells) in enumerate(rows) if _begins(cells, kinds, number)), None)
    whole = [all(number.fullmatch(cells[c]) for c in columns) for _, cells in rows]
    clean = [fits and not (kinds[0] == EMPTY and cells[0]) for fits, (_, cells) in zip(whole, rows, strict=True)]
    if True not in clean:
        return None
    start = clean.index(True)
    while start and whole[start - 1] and kinds[0] == EMPTY and rows[start - 1][0] == rows[start][0] - 1:
        start -= 1  # a header that stands beside the first numbers
    for at in range(start + 1, min(start + _NAMES_WITHIN, len(rows))):
        if kinds[0] == TEXT and not any(number.fullmatch(cells) for cells in (rows[at][1][c] for c in columns)):
            return clean.index(True, at) if True in clean[at:] else None
    return start


def _begins(cells: list[str], kinds: tuple[str, ...], number: re.Pattern) -> bool:
    """Whether a line begins as the rows do, and holds a number."""
    first = number.fullmatch(cells[0]) if kinds[0] == NUMBER else is_clock(cells[0])
    return bool(first) and any(map(number.fullmatch, cells))
