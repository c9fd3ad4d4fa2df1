"""Parquet and Feather files through pyarrow: tables whose columns are signals, or time."""

import numpy as np
import pyarrow
from pyarrow import feather, parquet

from ..request import Request
from ..tables.cells import split_unit
from .contents import Contents
from .registry import find_format
from .variables import Variables, as_contents

ON_DISK = False


def open_contents(request: Request) -> Contents:
    """The columns of numbers; a column of even times gives the rate, as does a number in the metadata of the table.

    request: names the file.
    """
    read = parquet.read_table if find_format(request.path).name == "Parquet" else feather.read_table
    with open(request.path, "rb") as file:
        table = read(file)
    variables = Variables()
    for key, value in (table.schema.metadata or {}).items():
        if key not in (b"pandas", b"ARROW:schema"):
            variables.add_number(key.decode("utf-8", "replace"), _number(value))
    for name, column in zip(table.column_names, table.columns, strict=True):
        name, unit = split_unit(name.replace("__index_level_0__", "index"))
        values = _values(column)
        if values is None:
            variables.ignored.append(name)
        else:
            variables.add(name, values)
            variables.units[name] = unit
    return as_contents(request, variables)


def _values(column: pyarrow.ChunkedArray) -> np.ndarray | None:
    """The numbers or dates in a column; NaN where a cell is empty; None for anything else."""
    kind = column.type
    if pyarrow.types.is_decimal(kind):
        column, kind = column.cast(pyarrow.float64()), pyarrow.float64()
    if pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind) or pyarrow.types.is_timestamp(kind):
        return column.to_numpy()
    return None


def _number(text: bytes) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
