"""Tables of frequencies over time: the lines of a CSV file that has the columns time_s and frequency_hz."""

import csv
import os

from ...errors import InputError
from ...text import file_name, one_line

TIME, FREQUENCY = "time_s", "frequency_hz"


def table_lines(path: str | os.PathLike) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The columns' names, and each line that is not empty with its number in the file.

    Raises InputError where the file cannot be read or lacks one of the two columns.
    """
    name = file_name(path)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{name}: this is no CSV text: {one_line(str(error), 80)}") from None
    heads = [cell.strip() for cell in rows[0]] if rows else []
    if TIME not in heads or FREQUENCY not in heads:
        raise InputError(f"{name}, line 1: expected the columns {TIME} and {FREQUENCY}")
    return heads, [(number, row) for number, row in enumerate(rows[1:], start=2) if any(cell.strip() for cell in row)]
