"""Names and units of the columns, from the lines above the numbers."""

import re
from collections.abc import Callable

from .cells import WHITESPACE, is_comment, split, split_unit
from .units import CLEAR, is_unit, time_unit
from .words import EXCEL, NAMES, SINCE, TIME, UNITS, plain, words_of

_MAX_LINE = 2000  # characters of a line of labels or units
_MAX_JOINED = 6  # lines over which a quoted name may run
_RULES = " \t;,|-=+:_*"  # of lines that only separate
_IN_BRACKETS = re.compile(r"^[\[(](.*)[\])]$")
_NAME_KEY = re.compile(rf"(?:{'|'.join(NAMES)})", re.I)
_KEY = re.compile(r"[hvxy][\s_]?(?:units?|resolution|offset|scale)|horizontal\s.*|vertical\s.*", re.I)
_UNIT_KEY = re.compile(rf"(?:{'|'.join(UNITS)})", re.I)


def nameless(position: int) -> str:
    """The name of a column, by its position from 0, that has none in the file."""
    return f"column {position + 1}"


def is_named_as_time(name: str) -> bool:
    """Whether a name is one of time, whatever the unit."""
    words = words_of(name)
    if not words or plain(name).strip() in CLEAR:
        return bool(words)
    if words[0] in ("t", "tt") and (len(words) == 1 or time_unit(words[-1]) is not None):
        return not re.search(r"\d", name) or len(words) > 1
    if words[0] in CLEAR and set(words[1:]) <= SINCE | {"time"}:
        return not re.search(r"\d", name)
    if set(words) & EXCEL and set(words) & {"date", "time", "excel", "datenum"}:
        return True
    return bool({words[0], words[-1]} & TIME or words[:2] == ["time", "stamp"] or words == ["x", "value"]) or (
        len(words) > 1 and time_unit(words[-1]) is not None and words[-2] in TIME
    )


class ColumnNames:
    """Names and units of the columns, from the lines above the numbers.

    lines: the lines above the numbers.
    delimiter: one character or WHITESPACE; None for one column.
    width: number of columns, without those at the end that are empty throughout.
    full_width: number of columns with those.
    unnamed_first: whether the first column only numbers or labels the rows, so that the names may begin with the second.
    is_number: whether a cell holds a number.

    ``names`` and ``units`` have one entry per column; ``used`` holds the positions of the lines they come from, and is empty
    where the columns have no names. ``doubtful`` tells whether one of the names is a number. ``unfit`` is the position of a
    last line whose cells do not fit the columns; None where there is none.
    """

    def __init__(
        self,
        lines: list[str],
        delimiter: str | None,
        width: int,
        full_width: int,
        unnamed_first: bool,
        is_number: Callable[[str], object],
    ):
        self._delimiter, self._width, self._full_width = delimiter, width, full_width
        self._unnamed_first, self._is_number = unnamed_first, is_number
        self.used: set[int] = set()
        self.unfit: int | None = None
        self.doubtful = False
        filled = [(i, line) for i, line in _joined(lines, delimiter) if line.strip(_RULES)]
        units = [""] * width
        cells = self._labelled(filled)
        if cells is None:
            cells, units = self._last(filled)
        units = self._named_units(filled, cells) or units
        pairs = [_name_and_unit(*pair) for pair in zip(cells or [""] * width, units, strict=True)]
        self.names = tuple(name or nameless(c) for c, (name, _) in enumerate(pairs))
        self.units = tuple(unit for _, unit in pairs)

    def _cells(self, line: str) -> list[str] | None:
        """The cells of a line, one per column; None where their number does not fit."""
        cells = split(line, self._delimiter)
        if self._delimiter == WHITESPACE and len(cells) != self._width:
            cells = [cell.strip('"') for cell in re.split(r"\t|\s{2,}", line.strip()) if cell]
        if self._delimiter == WHITESPACE and len(cells) != self._width:
            cells = [cell.strip('"') for cell in _join_units(line).split()]
        more = len(cells) > self._full_width > 1 and self._delimiter != WHITESPACE
        if more or self._width <= len(cells) <= self._full_width:
            return cells[: self._width]
        return ["", *cells] if self._unnamed_first and len(cells) == self._width - 1 > 1 else None

    def _last(self, filled: list[tuple[int, str]]) -> tuple[list[str] | None, list[str]]:
        """(names, units): the last line that is not a comment, or the one above a row of units; else a comment that fits."""
        rows: list[tuple[int, list[str]]] = []
        for position, line in reversed(filled):
            comment = is_comment(line, self._delimiter)
            cells = self._commented(line) if comment else self._cells(line)
            if cells and comment and not rows:
                self.used.add(position)
                return cells, [""] * self._width
            if cells and not _is_key(cells[0]):
                rows.append((position, cells))
            elif not (comment or cells):
                self.unfit = position if not rows else None
                break
        return self._of_rows(rows)

    def _of_rows(self, rows: list[tuple[int, list[str]]]) -> tuple[list[str] | None, list[str]]:
        """(names, units) from the fitting lines, the last one first."""
        for at, (position, cells) in enumerate(rows[:3]):
            if self._is_unit_row(cells) and at + 1 < len(rows):
                above = (
                    at + 1 + (at + 2 < len(rows) and len({*rows[at + 1][1]}) == 1)
                )  # past one remark for all columns
                self.used |= {position, rows[above][0]}
                names, units = rows[above][1], [_IN_BRACKETS.sub(r"\1", cell).strip() for cell in cells]
                if _needs_more(names) and at:  # a row below the units tells more of the names
                    names = [f"{name} {more}".strip() for name, more in zip(names, rows[at - 1][1], strict=True)]
                return names, units
        if len(rows) > 1 and not rows[0][1][0] and all(map(self._is_number, filter(None, rows[0][1]))):
            rows = rows[1:]  # a number for each column, below its name
        if not rows:
            return None, [""] * self._width
        self.used.add(rows[0][0])
        self.doubtful = any(map(self._is_number, rows[0][1]))
        return rows[0][1], [""] * self._width

    def _is_unit_row(self, cells: list[str]) -> bool:
        filled = [cell for cell in cells if cell]
        if not filled or not all(map(is_unit, filled)):
            return False
        bracketed = any(re.fullmatch(r"[\[(].*[\])]", cell) for cell in filled)
        return bracketed or not cells[0] or time_unit(cells[0]) is not None or any(len(cell) > 1 for cell in filled)

    def _commented(self, line: str) -> list[str] | None:
        body = _join_units(line.strip().lstrip("#%/!; "))
        fits = self._width > 1 and len(split(body, self._delimiter)) == self._width
        return self._cells(body) if fits else None

    def _labelled(self, filled: list[tuple[int, str]]) -> list[str] | None:
        """The names after "# Labels:=" or "ChannelTitle=", where there is such a line."""
        for position, line in filled:
            match = re.match(r"\W*labels?\s*[:=]+\s*(.+)", line[:_MAX_LINE], re.I)
            if match and is_comment(line, self._delimiter) and (cells := self._cells(match[1])):
                self.used.add(position)
                return cells
            cells = [] if is_comment(line, self._delimiter) else split(line, self._delimiter)
            if not cells or not _NAME_KEY.fullmatch(cells[0].rstrip(":= ")):
                continue
            if _filled_count(cells) == self._width + 1 and "name" in cells[0].lower():
                self.used.add(position)
                return cells[1 : self._width + 1]
            if _is_key(cells[0]) and (fitting := self._cells(line)):
                self.used.add(position)
                return ["", *fitting[1:]]
        return None

    def _named_units(self, filled: list[tuple[int, str]], names: list[str] | None) -> list[str] | None:
        """Units from "# Units:= g", for all columns but time, or from a line that begins with such a word, one per column."""
        for _, line in filled:
            match = re.match(r"\W*units?\s*[:=]+\s*(\S+)\s*$", line[:_MAX_LINE], re.I)
            if match and is_comment(line, self._delimiter):
                return ["" if is_named_as_time(name) else match[1] for name in names or [""] * self._width]
            cells = split(line, self._delimiter)
            if _UNIT_KEY.fullmatch(plain(cells[0]).rstrip(":= ")):
                if _filled_count(cells) == self._width + 1:
                    return cells[1 : self._width + 1]
                if row := self._cells(line):
                    return ["", *row[1:]]
        return None


def _joined(lines: list[str], delimiter: str | None) -> list[tuple[int, str]]:
    """(position, text) of each line; a line in which a quotation mark stays open is joined with those up to its end."""
    joined, i = [], 0
    while i < len(lines):
        text, begin = lines[i], i
        while text.count('"') % 2 and i + 1 < min(len(lines), begin + _MAX_JOINED) and not is_comment(text, delimiter):
            i += 1
            text = f"{text} {lines[i]}"
        if text.count('"') % 2:
            text, i = lines[begin], begin
        joined.append((begin, text))
        i += 1
    return joined


def _name_and_unit(cell: str, below: str) -> tuple[str, str]:
    """Name and unit of a column; below: what the row of units has for it, before which brackets in the name need not be a unit."""
    name, unit = split_unit(cell)
    if below and unit and not is_unit(unit):
        return cell, below
    return name, unit or below


def _filled_count(cells: list[str]) -> int:
    """The number of cells up to the last that is not empty."""
    return max((at + 1 for at, cell in enumerate(cells) if cell), default=0)


def _is_key(cell: str) -> bool:
    """Whether the first cell of a line says what the others are, as in "Range=" or "Offset:"."""
    return cell.rstrip().endswith(("=", ":")) or bool(_KEY.fullmatch(cell))


def _needs_more(names: list[str]) -> bool:
    filled = [name for name in names[1:] if name]
    return len(set(filled)) < len(filled)


def _join_units(line: str) -> str:
    """A line without spaces before brackets, so that a unit stays with its name."""
    return re.sub(r"(?<!\s)\s+(?=[\[(])", "", line)
