"""One web page about many runs: what failed, what came out of each of the others, and how that is distributed."""

import base64
import html
import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.parse import quote

from ...errors import InputError
from ...figures import axis_scales
from ...figures.svg_histogram import gain_histogram, length_histogram
from ...figures.thumbnail import SIZES, THUMBNAIL, thumbnail
from ...recordings.request import warnings_in
from ...results.reader import read_result
from ...system.atomic_files import replace_file
from ...text import one_line
from .report_page import closing, opening

REPORT = "report.html"
_STATUSES = {"failed": "failed", "done": "done", "skipped": "done earlier"}  # in the order of the page
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LARGEST = 100_000  # bytes of a file that can be a thumbnail
_GAP = "\u202f"  # a narrow space that does not break

_EXPLANATION = (
    "<p class=soft>Click on a heading to sort by it, once more to turn the order round. Names and pictures lead to the "
    "folders of the results, where the pictures are large and have their scales. Loss is what each run made as small as it "
    "could: the smaller, the sharper the spectrogram. It starts from one constant window length; the gain is how far it fell "
    "from there, in percent of that start. Coverage is the share of the signal that the windows reach.</p>\n"
    '<p class=search hidden><label>Show only <input type="search" placeholder="part of a name, or failed"></label>'
    "<output></output></p>\n"
)

Row = Mapping[str, object]


class _Column(NamedTuple):
    """A column of numbers: the key in the rows, the heading, what to multiply by, how many decimals.

    exact: a number too small for the decimals is written with an exponent.
    """

    key: str
    heading: str
    factor: float
    decimals: int
    exact: bool = False


def write_report(rows: Sequence[Row], out: Path) -> Path:
    """Write ``report.html`` into the folder of a batch, whole or not at all, and return its path.

    rows: one for each input, failed ones are shown first. Keys: input (name or path); status (done, failed, or skipped:
    done by an earlier run); error (a sentence); output (the folder of the result, absolute or from ``out``); theta_min_ms,
    theta_median_ms, theta_max_ms; loss_initial, loss_final; gain (share of the loss at the start, larger is better);
    coverage (0 to 1); seconds; notes (remarks on the recording, a list of Note). What is unknown is None, or a number that is not finite.
    The page needs nothing but itself: thumbnails are in it, taken from the results' folders. The same rows and results give
    the same bytes. Raises OutputError where it cannot be written.
    """
    path = Path(out) / REPORT
    order = {status: rank for rank, status in enumerate(_STATUSES)}
    rows = sorted(rows, key=lambda row: order[row["status"]])
    with replace_file(path) as aside, open(aside, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(_page(rows, Path(out)))
    return path


def _page(rows: Sequence[Row], out: Path) -> Iterator[str]:
    title = f"Window lengths of {_counted(len(rows), 'recording')}"
    yield opening(title)
    yield f"<h1>{title}</h1>\n<p>{_counts(rows)}</p>\n{_charts(rows)}{_EXPLANATION}"
    maps = any(_varies(row) for row in rows)
    columns = _columns(rows)
    yield f'<table role="table"{" class=maps" if maps else ""}>\n{_head(columns, maps)}<tbody role="rowgroup">\n'
    for row in rows:
        yield _failed_row(row, out, columns) if row["status"] == "failed" else _row(row, out, columns)
    yield "</tbody>\n</table>\n"
    yield closing(f"Made by dstft-cli {_version()}")


def _counts(rows: Sequence[Row]) -> str:
    found = Counter(row["status"] for row in rows)
    parts = [f"{_grouped(found[status])} {words}" for status, words in _STATUSES.items() if found[status]]
    if found["failed"]:
        parts[0] = f"<span class=bad>{parts[0]}</span>"
    return ", ".join(parts) or "There were no recordings."


def _charts(rows: Sequence[Row]) -> str:
    lengths = [length for length in _numbers(rows, "theta_median_ms") if length > 0]
    drawn = length_histogram(lengths, *_length_unit(rows)) + gain_histogram(_numbers(rows, "gain"))
    return f"<div class=charts>\n{drawn}</div>\n" if drawn else ""


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


def _head(columns: Sequence[_Column], maps: bool) -> str:
    pictures = "Spectrogram and window lengths" if maps else "Spectrogram"
    cells = [
        '<th role="columnheader" class=words aria-sort="ascending"><button type="button">Status</button></th>',
        '<th role="columnheader" class=words data-sort="text"><button type="button">Recording</button></th>',
        f'<th role="columnheader" class=words><span>{pictures}</span></th>',
        *(f'<th role="columnheader"><button type="button">{column.heading}</button></th>' for column in columns),
    ]
    return f'<thead role="rowgroup">\n<tr role="row">{"".join(cells)}</tr>\n</thead>\n'


def _row(row: Row, out: Path, columns: Sequence[_Column]) -> str:
    folder = _folder(row, out)
    link = None if folder is None else _link(folder, out)
    picture = "" if folder is None else _picture(folder, link)
    cells = [*_names(row, link), f"<td role=cell>{picture}</td>", *(_number_cell(row, column) for column in columns)]
    return f"<tr role=row>{''.join(cells)}</tr>\n"


def _failed_row(row: Row, out: Path, columns: Sequence[_Column]) -> str:
    """The sentence of the error takes the place of the picture and of all numbers but the time."""
    folder = _folder(row, out)
    error = html.escape(one_line(str(row.get("error") or "for no reason that was told"), 1000))
    cells = [
        *_names(row, None if folder is None else _link(folder, out)),
        f"<td role=cell class=words colspan={len(columns)}>{error}</td>",
        _number_cell(row, columns[-1]),
    ]
    return f"<tr role=row class=failed>{''.join(cells)}</tr>\n"


def _names(row: Row, link: str | None) -> list[str]:
    """The cells that say whose row this is."""
    status = row["status"]
    before, name = os.path.split(os.fsdecode(row["input"]))
    before = f"<span class=soft>{html.escape(one_line(os.path.join(before, ''), 500))}</span>" if before else ""
    name = html.escape(one_line(name, 500))
    if link is not None:
        name = f'<a href="{link}">{name}</a>'
    for warning in warnings_in(row.get("notes") or []):
        name += f"<br><span class=bad>{html.escape(one_line(warning, 300))}</span>"
    mark = " bad" if status == "failed" else ""
    return [
        f'<td role=cell class="words{mark}" data-v={list(_STATUSES).index(status)}>{_STATUSES[status]}</td>',
        f"<td role=cell class=words>{before}{name}</td>",
    ]


def _number_cell(row: Row, column: _Column) -> str:
    value = _number(row, column.key)
    if value is None:
        return "<td role=cell>–</td>"
    return f"<td role=cell data-v={value:.9g}>{_written(value * column.factor, column)}</td>"


def _written(value: float, column: _Column) -> str:
    tiny = column.exact and 0 < abs(value) < 0.1**column.decimals
    if tiny or abs(value) >= 1e7:
        return f"{value:.2e}".replace("-", "−")
    return f"{round(value, column.decimals) + 0.0:.{column.decimals}f}".replace("-", "−")  # no -0.0


def _folder(row: Row, out: Path) -> Path | None:
    """Where the result lies, if it does."""
    if not row.get("output"):
        return None
    folder = out / os.fsdecode(row["output"])
    return folder if os.path.isdir(folder) else None


def _link(folder: Path, out: Path) -> str:
    """The way from the page to the folder, with nothing in it that means something to HTML."""
    steps = os.path.relpath(folder, out).replace(os.sep, "/")
    return html.escape(quote(os.fsencode(steps)) + "/")


def _picture(folder: Path, link: str) -> str:
    data = _thumbnail(folder)
    if data is None:
        return ""
    width, height = _size(data)
    source = base64.b64encode(data).decode("ascii")
    size = f"width={width} height={height} loading=lazy decoding=async"
    return f'<a href="{link}" tabindex=-1><img alt="" {size} src="data:image/png;base64,{source}"></a>'


def _thumbnail(folder: Path) -> bytes | None:
    """The thumbnail in a result's folder, or one made from the arrays there; None where neither can be had."""
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
    """Width and height of a PNG in pixels, where its first chunk tells them."""
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def _varies(row: Row) -> bool:
    """Whether its picture has a map of window lengths beside it."""
    return _number(row, "theta_min_ms") != _number(row, "theta_max_ms")


def _numbers(rows: Sequence[Row], key: str) -> list[float]:
    return [value for value in (_number(row, key) for row in rows) if value is not None]


def _number(row: Row, key: str) -> float | None:
    """The number of that name if it is finite."""
    value = row.get(key)
    return float(value) if value is not None and math.isfinite(value) else None


def _counted(count: int, thing: str) -> str:
    return f"{_grouped(count)} {thing}{'s' * (count != 1)}"


def _grouped(count: int) -> str:
    return f"{count:,}".replace(",", _GAP)


def _version() -> str:
    try:
        return version("dstft-cli")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return ""
