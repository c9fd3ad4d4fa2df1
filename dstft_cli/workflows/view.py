"""Stored results as one page to look closer at: which file, and what is in it."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import InputError, OutputExistsError
from ..results.folder import result_folder
from ..results.result import Result
from ..system.atomic_files import check_folder, replace_file
from ..text import file_name
from ..tracking.tables.track_lines import TrackLine, read_track_lines
from ..viewer.page import page
from ..viewer.page_file import MOST_RESULTS, VIEW


def page_file(output: str | None, paths: Sequence[str], force: bool) -> Path:
    """The file of the page of some results.

    output: the option -o; None for ``view.html`` in the folder of a single result, or in the current folder.
    paths: of the results.
    force: whether an existing file is replaced.

    Raises InputError for too many results or a name that does not fit, OutputExistsError if the file exists, and OutputError if
    it cannot be written.
    """
    if len(paths) > MOST_RESULTS:
        raise InputError(f"{len(paths)} results: at most {MOST_RESULTS} fit side by side; make several pages")
    path = Path(output) if output is not None else (result_folder(paths[0]) if len(paths) == 1 else Path()) / VIEW
    if path.is_dir():
        raise InputError(f"-o {file_name(path)}: this is a folder; name a file in it, such as {VIEW}")
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"-o {file_name(path)}: use an .html suffix")
    if path.exists() and not force:
        raise OutputExistsError(f"{file_name(path)}: this file exists; --force replaces it")
    check_folder(path.absolute().parent)
    return path


def read_tracks(path: str | None, results: Sequence[Result]) -> list[TrackLine]:
    """The lines of a track over some results, none without a path.

    Raises InputError where the track cannot be read, or its times or its frequencies lie outside all of the results.
    """
    if path is None:
        return []
    lines = read_track_lines(path)
    times = np.concatenate([line.times for line in lines])
    frequency = np.concatenate([line.frequency for line in lines])
    if not np.isfinite(frequency).any():
        raise InputError(
            f"--track {file_name(path)}: its components are nowhere sure enough to be drawn, confidence 0.5"
        )
    for result in results:
        start, end = result.signal.start, result.signal.start + result.signal.duration
        if ((times >= start) & (times <= end) & (frequency <= result.sample_rate / 2)).any():
            return lines
    spans = f"{times.min():.6g} to {times.max():.6g} s", f"{start:.6g} to {end:.6g} s"
    raise InputError(f"--track {file_name(path)}: no point of it, {spans[0]}, lies in the result, {spans[1]}")


def write_view(
    results: Sequence[Result],
    paths: Sequence[str],
    target: Path,
    force: bool = True,
    tracks: Sequence[TrackLine] = (),
) -> None:
    """Write the page of results, whole or not at all.

    results: those to show side by side.
    paths: where each is, as the user writes it.
    target: the file.
    force: whether a file that was written meanwhile is replaced.
    tracks: lines over each result.

    Raises what ``page`` raises, and OutputError if the file cannot be written.
    """
    pieces = page(results, paths, tracks)
    with replace_file(target, force) as temporary:
        write_page(pieces, temporary)


def write_page(pieces, path: str | os.PathLike) -> None:
    """Write the pieces of a page into a file. Raises OSError if it cannot be written."""
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(pieces)
