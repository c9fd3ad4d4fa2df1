"""The files of a track: table, pictures, numbers, labels, order spectrum; and one row a recording in a summary."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..config.loading import Config
from ..errors import OutputExistsError
from ..figures.of_result import view_of
from ..results.result import ARRAYS, CONFIG, METRICS, TRACK
from ..results.versions import versions
from ..results.writer import finite
from ..system.atomic_files import check_folder, replace_file, replace_files
from ..text import csv_text
from ..tracking.order_spectrum import OrderSpectrum, order_spectrum
from ..tracking.tables.labels import FILES, label_lines
from ..tracking.tables.reference import Deviation, Reference, deviation
from ..tracking.track import SURE
from .track import Tracked

PICTURE, ORDERS, SUMMARY = "track", "orders", "summary.csv"
_KINDS = ("png", "svg", "pdf")
_ROWS = 10_000  # of a table, written at a time


@dataclass(frozen=True)
class Extras:
    """What is written besides. rpm: a column. labels: of a program, None for none. order_spectrum: whether. reference: the truth."""

    rpm: bool = False
    labels: str | None = None
    order_spectrum: bool = False
    reference: Reference | None = None


def check_free(folder: Path, overwrite: bool) -> None:
    """Raises OutputExistsError if the folder has a track and it is kept, OutputError if it cannot be written."""
    if any((folder / name).exists() for name in (ARRAYS, CONFIG)):
        raise OutputExistsError(f"{folder}: this folder holds a result of dstft optimize; choose another with -o")
    present = [name for name in (TRACK, METRICS) if (folder / name).exists()]
    if present and not overwrite:
        raise OutputExistsError(
            f"{folder}: already contains {present[0]}; --on-existing overwrite replaces it, or choose -o"
        )
    check_folder(folder)


def write_track(tracked: Tracked, folder: Path, config: Config, extras: Extras) -> dict[str, object]:
    """Write the folder of a track; the numbers come last, and nothing is left if anything fails.

    config: its section ``figures`` says how pictures look.

    Returns the numbers.
    Raises InputError where the reference or the order spectrum does not fit, OutputError if the folder cannot be written.
    """
    found = None if extras.reference is None else deviation(tracked.track, extras.reference)
    signal = tracked.signal
    orders = None
    if extras.order_spectrum:
        orders = order_spectrum(signal.samples[:], signal.sample_rate, signal.start, tracked.track)
    numbers = _numbers(tracked, found, extras)
    optional = [*FILES.values(), f"{ORDERS}.npz", *(f"{name}.{kind}" for name in (PICTURE, ORDERS) for kind in _KINDS)]
    with replace_files(folder, last=METRICS, stale=optional) as temporary:
        with open(temporary / TRACK, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(table(tracked, extras.rpm))
        if extras.labels is not None:
            with open(temporary / FILES[extras.labels], "w", encoding="utf-8", newline="\n") as file:
                file.writelines(label_lines(tracked.track, extras.labels))
        if orders is not None:
            np.savez(temporary / f"{ORDERS}.npz", **asdict(orders))
        _draw(tracked, config, temporary, None if found is None else found.truth, orders)
        text = json.dumps(finite(numbers), indent=2, allow_nan=False, ensure_ascii=False)
        (temporary / METRICS).write_text(text + "\n", encoding="utf-8")
    return numbers


def table(tracked: Tracked, rpm: bool) -> Iterator[str]:
    """The track as CSV, frame after frame, component after component."""
    track = tracked.track
    yield f"time_s,frequency_hz,amplitude,confidence,{'rpm,' if rpm else ''}component\n"
    for component in range(track.components):
        columns = [track.times, track.frequency[component], track.amplitude[component], track.confidence[component]]
        columns += [track.rpm[component]] if rpm else []
        for first in range(0, len(track.times), _ROWS):
            block = np.stack([column[first : first + _ROWS] for column in columns], axis=1).tolist()
            yield "".join(",".join(f"{value:.9g}" for value in row) + f",{component + 1}\n" for row in block)


def _numbers(tracked: Tracked, found: Deviation | None, extras: Extras) -> dict[str, object]:
    track, plane, signal = tracked.track, tracked.plane, tracked.signal
    numbers: dict[str, object] = {
        "input": {
            "name": signal.where,
            "sha256": signal.sha256,
            "sample_rate": signal.sample_rate,
            "start": signal.start,
        },
        "tracking": asdict(track.tracking),
        "frames": len(track.times),
        "windows": {
            "min": float(plane.theta.min()),
            "median": float(np.median(plane.theta)),
            "max": float(plane.theta.max()),
        },
        "support": plane.framed.support,
        "window": plane.framed.window.name,
        "components": [_component(tracked, i) for i in range(track.components)],
        "notes": [{"severity": note.severity, "text": note.text} for note in signal.notes],
    }
    if found is not None:
        numbers["reference"] = {
            "name": extras.reference.name,
            "component": found.component + 1,
            "mean_squared_error": found.squared,
            "gross_errors": found.gross,
            "frames": found.frames,
        }
    return {**numbers, "versions": versions()}


def _component(tracked: Tracked, i: int) -> dict[str, float]:
    track = tracked.track
    sure = track.confidence[i] >= SURE
    line = track.frequency[i][sure] if sure.any() else track.frequency[i]
    return {
        "lowest": float(line.min()),
        "median": float(np.median(line)),
        "highest": float(line.max()),
        "amplitude": float(np.median(track.amplitude[i])),
        "there": float(sure.mean()),
        "confidence": float(track.confidence[i].mean()),
    }


def _draw(
    tracked: Tracked, config: Config, folder: Path, truth: np.ndarray | None, orders: OrderSpectrum | None
) -> None:
    from ..figures.spectrograms import save
    from ..figures.tracks.track_figure import order_figure, track_figure

    look, view = config.figures, view_of(tracked.signal, config)
    figures = {PICTURE: track_figure(tracked.track, tracked.plane, view, truth)}
    if orders is not None:
        figures[ORDERS] = order_figure(orders, view)
    for name, figure in figures.items():
        save(figure, str(folder / f"{name}.{look.format}"), format=look.format, dpi=look.dpi)


def write_summary(rows: Sequence[tuple[str, dict[str, object] | str]], path: Path) -> None:
    """Write one row for each input: (name, its numbers, or why it has none)."""
    with replace_file(path) as temporary:
        temporary.write_text("".join(_summary(rows)), encoding="utf-8")


def _summary(rows: Iterable[tuple[str, dict[str, object] | str]]) -> Iterator[str]:
    heads = ["input", "component", "lowest_hz", "median_hz", "highest_hz", "amplitude", "there", "confidence"]
    yield ",".join([*heads, "mean_squared_error", "error"]) + "\n"
    for name, numbers in rows:
        if isinstance(numbers, str):
            yield _row([csv_text(name), *[""] * 8, csv_text(numbers)])
            continue
        reference = numbers.get("reference", {})
        for i, component in enumerate(numbers["components"], start=1):
            error = f"{reference['mean_squared_error']:.9g}" if reference.get("component") == i else ""
            yield _row([csv_text(name), i, *(f"{value:.9g}" for value in component.values()), error, ""])


def _row(cells: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
