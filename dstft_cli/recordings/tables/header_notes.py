"""Notes on lines above the numbers that may hold samples themselves."""

import re

from ...text import quoted
from ..notes import WARNING, Note
from .cells import is_comment, split
from .column_names import ColumnNames
from .columns import Rows, starts_with_number

_LINE = 20_000  # characters of a line that are looked at
_MANY_ABOVE = 10  # lines of numbers above the others that cannot all be headings
_NUMBERS_ONLY = re.compile(r"""[\s;,|"']*[-+]?[.,]?\d[-+\d.,;|\s"'eE]*""")


def notes_on_header(
    body: list[str], rows: Rows, delimiter: str | None, number: re.Pattern, head: ColumnNames
) -> tuple[Note, ...]:
    """A warning where lines above the numbers are likely to be samples, else a note on one that may be; none in other files.

    body: the lines of the file.
    rows: of numbers.
    delimiter: between the cells.
    number: pattern of a number.
    head: the names of the columns, and where they stand.
    """
    first = rows.first
    numbers = [i for i, line in enumerate(body[:first]) if _NUMBERS_ONLY.fullmatch(line[:_LINE])]
    if len(numbers) >= _MANY_ABOVE or (numbers and _is_headed(body[: numbers[0]], delimiter, rows.width, number)):
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
        if i in head.used and any(map(number.fullmatch, split(line, delimiter))):
            return (Note(f"{where} was read as the names of the columns"),)
        if i not in head.used and starts_with_number(line):
            return (Note(f"{where} was ignored: it differs from the lines of numbers below"),)
    return _note_on_unfit(body, len(rows.kinds), delimiter, number, head)


def _note_on_unfit(
    body: list[str], width: int, delimiter: str | None, number: re.Pattern, head: ColumnNames
) -> tuple[Note, ...]:
    """A note on the line above the numbers where it may hold names, but not one for each column."""
    if head.unfit is None or head.used or delimiter is None:
        return ()
    cells = split(body[head.unfit], delimiter)
    if not max(1, width - 3) < len(cells) < width or not all(cells) or any(map(number.fullmatch, cells)):
        return ()
    where = f"line {head.unfit + 1} ({quoted(body[head.unfit], 40)})"
    return (Note(f"{where} was not read as the names of the columns: it has {len(cells)} for {width}"),)


def _is_headed(above: list[str], delimiter: str | None, width: int, number: re.Pattern) -> bool:
    """Whether the last of those lines has as many names as there are columns, so that samples should follow."""
    if not above or width < 2 or is_comment(above[-1], delimiter):
        return False
    cells = split(above[-1][:_LINE], delimiter)
    return len(cells) == width and not any(map(number.fullmatch, cells))
