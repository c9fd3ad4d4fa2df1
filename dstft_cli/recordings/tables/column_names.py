"""Names and units of the columns, from the lines above the numbers."""

import re

from .cells import WHITESPACE, is_comment, split, split_unit

_MAX_LINE = 2000  # characters of a line of labels or units
_UNIT_ROWS = ("y_unit_label", "units", "unit")


def nameless(position: int) -> str:
    """The name of a column, by its position from 0, that has none in the file."""
    return f"column {position + 1}"


class ColumnNames:
    """Names and units of the columns, from the lines above the numbers.

    lines: the lines above the numbers.
    delimiter: one character or WHITESPACE; None for one column.
    width: number of columns.

    ``names`` and ``units`` have one entry per column; ``used`` holds the positions of the lines they come from, and is empty
    where the columns have no names.
    """

    def __init__(self, lines: list[str], delimiter: str | None, width: int):
        self._delimiter, self._width = delimiter, width
        self.used: set[int] = set()
        units = [""] * width
        filled = [(i, line) for i, line in enumerate(lines) if line.strip(" \t;,|")]
        if len(filled) > 1 and self._is_unit_row(filled[-1][1]):
            units = [cell.strip("[]() ") for cell in self._cells(filled[-1][1])]
            self.used.add(filled.pop()[0])
        cells = self._labelled(filled) or self._last(filled)
        units = self._named_units(filled) or units
        pairs = [split_unit(cell) for cell in cells or [""] * width]
        self.names = tuple(name or nameless(c) for c, (name, _) in enumerate(pairs))
        self.units = tuple(unit or other for (_, unit), other in zip(pairs, units, strict=True))

    def _cells(self, line: str) -> list[str] | None:
        """The cells of a line, one per column; None where their number does not fit."""
        cells = split(line, self._delimiter)
        if self._delimiter == WHITESPACE and len(cells) != self._width:
            cells = [cell for cell in re.split(r"\t|\s{2,}", line.strip()) if cell]
        if self._delimiter == WHITESPACE and len(cells) != self._width:
            cells = _join_units(line).split()
        if len(cells) > self._width > 1 or len(cells) == self._width:
            return cells[: self._width]
        return ["", *cells] if len(cells) == self._width - 1 > 1 else None

    def _is_unit_row(self, line: str) -> bool:
        cells = self._cells(line)
        return bool(cells) and any(cells) and all(re.fullmatch(r"[\[(].*[\])]", cell) for cell in cells if cell)

    def _last(self, filled: list[tuple[int, str]]) -> list[str] | None:
        """The cells of the last line that is not a comment, or of a comment below it with the right number of cells."""
        for position, line in reversed(filled):
            comment = is_comment(line, self._delimiter)
            cells = self._commented(line) if comment else self._cells(line)
            if cells:
                self.used.add(position)
            if cells or not comment:
                return cells
        return None

    def _commented(self, line: str) -> list[str] | None:
        body = _join_units(line.strip().lstrip("#%/!; "))
        fits = self._width > 1 and len(split(body, self._delimiter)) == self._width
        return self._cells(body) if fits else None

    def _labelled(self, filled: list[tuple[int, str]]) -> list[str] | None:
        """The names after "# Labels:=", where there is such a comment."""
        for position, line in filled:
            match = re.match(r"\W*labels?\s*[:=]+\s*(.+)", line[:_MAX_LINE], re.I)
            if match and is_comment(line, self._delimiter) and (cells := self._cells(match[1])):
                self.used.add(position)
                return cells
        return None

    def _named_units(self, filled: list[tuple[int, str]]) -> list[str] | None:
        """Units from "# Units:= g", for all columns, or from a line of LabVIEW, one per column."""
        for _, line in filled:
            match = re.match(r"\W*units?\s*[:=]+\s*(\S+)\s*$", line[:_MAX_LINE], re.I)
            if match and is_comment(line, self._delimiter):
                return [match[1]] * self._width
            cells = split(line, self._delimiter)
            if cells[0].lower() in _UNIT_ROWS and (row := self._cells(line)):
                return ["", *row[1:]]
        return None


def _join_units(line: str) -> str:
    """A line without spaces before brackets, so that a unit stays with its name."""
    return re.sub(r"(?<!\s)\s+(?=[\[(])", "", line)
