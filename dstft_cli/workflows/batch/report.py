"""One web page about many runs: failed ones, results of the others, and how these are distributed."""

import base64
import hashlib
import importlib.resources
import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.parse import quote

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from ...errors import InputError
from ...figures import axis_scales
from ...figures.of_result import THUMBNAIL
from ...figures.svg_histogram import gain_histogram, length_histogram
from ...figures.thumbnail import SIZES, thumbnail
from ...recordings.request import warnings_in
from ...results.reader import read_result
from ...system.atomic_files import replace_file
from ...text import one_line
from ...viewer.page_file import VIEW

REPORT = "report.html"
_STATUSES = {"failed": "failed", "done": "done", "skipped": "done earlier"}  # in the order of the page
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LARGEST = 100_000  # bytes of a file that can be a thumbnail
_NARROW_SPACE = "\u202f"  # does not break the line

Row = Mapping[str, object]


class _Column(NamedTuple):
    """A column of numbers.

    key: of the value in the rows.
    heading: above the column.
    factor: from the value to the unit of the heading.
    decimals: digits after the point.
    exact: True writes a number with an exponent (1.2e-07) where the decimals would show 0.
    """

    key: str
    heading: str
    factor: float
    decimals: int
    exact: bool = False


def write_report(rows: Sequence[Row], out: Path) -> Path:
    """Write ``report.html`` into the folder of a batch, whole or not at all.

    The page is one file that needs no network: thumbnails from the results' folders are in it. The same rows and results
    give the same bytes.

    rows: one for each input. Keys: input (name or path); box (number and label of its box, if it is about one);
        status (done, failed, or skipped: done by an earlier run); error (a
        sentence); output (the folder of the result, absolute or from ``out``); theta_min_ms, theta_median_ms,
        theta_max_ms; loss_initial, loss_final; gain (decrease of the loss, as a fraction of loss_initial); coverage (0 to 1);
        seconds; notes (remarks on the recording, a list). An unknown number is None or not finite.
    out: the folder of the batch.

    Returns the path of the page.
    Raises OutputError where it cannot be written.
    """
    path = Path(out) / REPORT
    order = {status: rank for rank, status in enumerate(_STATUSES)}
    rows = sorted(rows, key=lambda row: order[row["status"]])
    with replace_file(path) as aside, open(aside, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(_page(rows, Path(out)))
    return path


def _page(rows: Sequence[Row], out: Path):
    """The page from its template, piece by piece as it is rendered."""
    columns, style, script = _columns(rows), _asset("report.css"), _asset("report.js")
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("report.html.j2").generate(
        title=f"Window lengths of {_counted(len(rows), 'recording')}",
        # Nothing but what stands in the page is ever loaded or run, whatever a file name holds.
        policy=Markup(f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}"),
        style=style,
        script=script,
        counts=_counts(rows),
        charts=_charts(rows),
        maps=any(_varies(row) for row in rows),
        columns=columns,
        rows=(_cells(row, out, columns) for row in rows),
        made_by=f"Made by dstft-cli {_version()}",
    )


def _asset(name: str) -> Markup:
    return Markup(importlib.resources.files(__package__).joinpath("templates", name).read_text("utf-8"))


def _hash(text: str) -> str:
    """The hash of an element that begins on a new line, as the page's security policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(f'{chr(10)}{text}'.encode()).digest()).decode()}'"


def _counts(rows: Sequence[Row]) -> list[tuple[str, str, bool]]:
    """(how many, in words, whether they failed) for each status that occurs."""
    counts = Counter(row["status"] for row in rows)
    return [
        (_grouped(counts[status]), words, status == "failed") for status, words in _STATUSES.items() if counts[status]
    ]


def _charts(rows: Sequence[Row]) -> Markup:
    lengths = [length for length in _numbers(rows, "theta_median_ms") if length > 0]
    return Markup(length_histogram(lengths, *_length_unit(rows)) + gain_histogram(_numbers(rows, "gain")))


def _columns(rows: Sequence[Row]) -> list[_Column]:
    factor, unit = _length_unit(rows)
    lengths = [length for length in _numbers(rows, "theta_median_ms") if length > 0]
    digits = 2 - math.floor(math.log10(factor * median(lengths))) if lengths else 1
    window = factor, min(max(digits, 0), 3), True
    return [
        _Column("theta_min_ms", f"Shortest window ({unit})", *window),
        _Column("theta_median_ms", f"Median window ({unit})", *window),
        _Column("theta_max_ms", f"Longest window ({unit})", *window),
        _Column("loss_initial", "Loss at the start", 1, 4, True),
        _Column("loss_final", "Loss at the end", 1, 4, True),
        _Column("gain", "Gain (%)", 100, 2),
        _Column("coverage", "Coverage (%)", 100, 1),
        _Column("seconds", "Time taken (s)", 1, 1),
    ]


def _length_unit(rows: Sequence[Row]) -> tuple[float, str]:
    """The unit that suits most window lengths, and how many of it make 1 ms."""
    lengths = _numbers(rows, "theta_median_ms")
    return axis_scales.length_unit(median(lengths) if lengths else 1.0)


def _cells(row: Row, out: Path, columns: Sequence[_Column]) -> dict:
    """What the template shows of one recording; of a failed one its error in place of all numbers but the time."""
    folder, failed = _folder(row, out), row["status"] == "failed"
    before, name = os.path.split(os.fsdecode(row["input"]))
    return {
        "failed": failed,
        "rank": list(_STATUSES).index(row["status"]),
        "status": _STATUSES[row["status"]],
        "folder_name": one_line(os.path.join(before, ""), 500) if before else "",
        "name": one_line(f"{name}, box {row['box']}" if row.get("box") else name, 500),
        "view": None if folder is None or not os.path.isfile(folder / VIEW) else f"{_link(folder, out)}{VIEW}",
        "link": None if folder is None else _link(folder, out),
        "warnings": [one_line(warning, 300) for warning in warnings_in(row.get("notes") or [])],
        "error": one_line(str(row.get("error") or "no reason given"), 1000),
        "picture": None if failed or folder is None else _picture(folder),
        "cells": [_number_cell(row, column) for column in (columns[-1:] if failed else columns)],
    }


def _number_cell(row: Row, column: _Column) -> dict[str, str] | None:
    """The value to sort by and the text; None where it is unknown."""
    value = _number(row, column.key)
    return None if value is None else {"value": f"{value:.9g}", "text": _written(value * column.factor, column)}


def _written(value: float, column: _Column) -> str:
    tiny = column.exact and 0 < abs(value) < 0.1**column.decimals
    if tiny or abs(value) >= 1e7:
        return f"{value:.2e}".replace("-", "−")
    return f"{round(value, column.decimals) + 0.0:.{column.decimals}f}".replace("-", "−")  # no -0.0


def _folder(row: Row, out: Path) -> Path | None:
    """The folder of the result, None where it does not exist."""
    if not row.get("output"):
        return None
    folder = out / os.fsdecode(row["output"])
    return folder if os.path.isdir(folder) else None


def _link(folder: Path, out: Path) -> str:
    """The path from the page to the folder, as a URL."""
    steps = os.path.relpath(folder, out).replace(os.sep, "/")
    return quote(os.fsencode(steps)) + "/"


def _picture(folder: Path) -> dict | None:
    data = _thumbnail(folder)
    if data is None:
        return None
    width, height = _size(data)
    return {"width": width, "height": height, "data": base64.b64encode(data).decode("ascii")}


def _thumbnail(folder: Path) -> bytes | None:
    """The thumbnail in a result's folder, or one made from the arrays there; None where neither exists."""
    try:
        with open(folder / THUMBNAIL, "rb") as file:
            data = file.read(_LARGEST + 1)
        if data.startswith(_SIGNATURE) and _size(data) in SIZES and len(data) <= _LARGEST:
            return data
    except OSError:
        pass
    try:
        return thumbnail(read_result(folder))
    except InputError:
        return None


def _size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels from the first chunk of a PNG."""
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def _varies(row: Row) -> bool:
    """True where the thumbnail has a map of window lengths beside it."""
    return _number(row, "theta_min_ms") != _number(row, "theta_max_ms")


def _numbers(rows: Sequence[Row], key: str) -> list[float]:
    return [value for value in (_number(row, key) for row in rows) if value is not None]


def _number(row: Row, key: str) -> float | None:
    """A number of the row, None where it is unknown or not finite."""
    value = row.get(key)
    return float(value) if value is not None and math.isfinite(value) else None


def _counted(count: int, thing: str) -> str:
    return f"{_grouped(count)} {thing}{'s' * (count != 1)}"


def _grouped(count: int) -> str:
    return f"{count:,}".replace(",", _NARROW_SPACE)


def _version() -> str:
    try:
        return version("dstft-cli")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return ""
