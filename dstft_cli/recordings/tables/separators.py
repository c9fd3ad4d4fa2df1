"""Lines that can be split into cells in more than one way, which are refused."""

import re

from ...errors import InputError
from ...text import quoted
from ..request import Request
from .cells import WHITESPACE
from .columns import TEXT, Rows

_MARKED_DIGITS = re.compile(r".*\d.*[,;].*|.*[,;].*\d.*")
_UNIT_BEHIND = re.compile(r"[-+]?[\d.,]+(?:[eE][-+]?\d+)?\s?[^\W\d_%°]{1,5}(?:/[^\W\d_]+)?")
_ZERO_FIRST = re.compile(r"0\d+")


def check_separators(request: Request, rows: Rows, delimiter: str | None) -> None:
    """Refuse lines in which a mark may separate cells as well as belong to numbers.

    request: names the file.
    rows: as they were split.
    delimiter: one character or WHITESPACE; None for one column.

    Raises InputError.
    """
    if request.text.delimiter is not None:
        return
    where, line = f"{request.where} line {rows.first + 1}", " ".join(rows.cells[0])
    if delimiter == WHITESPACE:
        for column, kind in enumerate(rows.kinds):
            cells = [row[column] for row in rows.cells]
            if kind == TEXT and 2 * sum(map(bool, map(_MARKED_DIGITS.fullmatch, cells))) > len(cells):
                why = (
                    "units stand within the cells" if has_units(line) else "spaces stand within numbers or around them"
                )
                raise InputError(
                    f"{where} ({quoted(line, 40)}): {why}, so that it is unclear where a cell ends; write plain numbers, or "
                    "give --delimiter"
                )
    if delimiter == "," and _may_be_decimal_commas(rows):
        raise InputError(
            f"{where} ({quoted(','.join(rows.cells[0]), 40)}): the commas may separate cells or stand for decimal points; write "
            "semicolons between the cells, or give --delimiter"
        )


def has_units(line: str) -> bool:
    """Whether numbers with a unit behind them, such as "0.5 s", make up a line."""
    cells = [cell.strip() for cell in re.split(r"[,;\t|]", line)]
    filled = [cell for cell in cells if cell]
    return bool(filled) and all(map(_UNIT_BEHIND.fullmatch, filled)) and any(" " in cell for cell in filled)


def _may_be_decimal_commas(rows: Rows) -> bool:
    """Whether every second cell looks like the digits behind a decimal comma: whole numbers of one width, some with zeros first."""
    columns = list(zip(*rows.cells, strict=True))[: len(rows.kinds)]
    if len(columns) % 2 or not all(re.fullmatch(r"[-+]?\d+", cell) for cells in columns for cell in cells):
        return False
    behind = columns[1::2]
    return all(len({len(cell) for cell in cells}) == 1 for cells in behind) and all(
        any(map(_ZERO_FIRST.fullmatch, cells)) for cells in behind
    )
