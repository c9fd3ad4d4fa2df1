"""A stored result's figures drawn again, and its window lengths as a table: which files, and what is in them."""

import contextlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from ..errors import InputError, OutputExistsError
from ..figures.axis_scales import plain_number
from ..figures.of_result import FIGURE_KINDS, FIGURES
from ..results.result import ARRAYS, CONFIG, METRICS, Result
from ..stft.modes import FIXED_HOP
from ..system.atomic_files import check_folder, replace_file
from ..text import file_name, format_value

TABLE = "the table"
"""How the table of window lengths goes among the names of figures."""

_HEADER = "time_s,frequency_hz,theta_ms\n"
_OTHER_PICTURES = (".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".eps", ".ps")


def usual_figures(result: Result) -> tuple[str, ...]:
    """The names of the figures that a run draws of such a result."""
    return FIGURES if result.hop_mode != FIXED_HOP else FIGURES[:-1]


def read_size(text: str | None) -> tuple[float, float] | None:
    """Width and height in inches from "10x5", None from None. Raises InputError."""
    if text is None:
        return None
    found = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*(?:in)?\s*[x×X]\s*(\d+\.?\d*|\.\d+)\s*(?:in)?\s*", text)
    if not found:
        raise InputError(f"--size {format_value(text)}: write width x height in inches, for instance 10x5")
    return float(found[1]), float(found[2])


def check_used(result: Result, outputs: Collection[str], given: Mapping[str, object]) -> None:
    """Raises InputError for an option that changes nothing of what is to be made: figures by name, TABLE.

    given: {option: its value, None where it was not given}.
    """
    rows, columns = result.theta.shape
    time, band = {"spectrogram", "comparison", "frames"}, {"spectrogram", "comparison"}
    changes = {"--db-range": set(band), "--cmap": set(band)}
    changes["--theta-cmap"] = {"frames", "theta"} if min(rows, columns) > 1 else {"frames"}
    changes["--freq-scale"] = band | {"theta"} if rows > 1 else band
    time |= {"theta", TABLE} if columns > 1 else set()
    band |= {"theta", TABLE} if rows > 1 else set()
    changes |= {"--tmin": time, "--tmax": time, "--fmin": band, "--fmax": band}
    for option, value in given.items():
        if value is None or changes.get(option, {*FIGURES}) & {*outputs}:
            continue
        useful = [name for name in FIGURES if name in changes.get(option, FIGURES)]
        raise InputError(
            f"{option}: it changes nothing in {', '.join(outputs)} of this result; leave it out, or add --figure {useful[0]}"
        )


def picture_kind(out: str | None, kind: str | None) -> str | None:
    """png, svg or pdf from the file's name or from what was given; None where neither says.

    Raises InputError where they differ, or where it ends like pictures of another kind.
    """
    suffix = Path(out or "").suffix.lower()
    if suffix in _OTHER_PICTURES and not Path(out).is_dir():
        raise InputError(f"-o {file_name(out)}: use a .png, .svg or .pdf suffix")
    if not _is_file(out):
        return kind
    if kind not in (None, suffix[1:]):
        raise InputError(f"-o {file_name(out)} and --format {kind} differ; leave --format out")
    return suffix[1:]


def _is_file(out: str | None) -> bool:
    """True where the place is meant as one picture, not as a folder for several."""
    return out is not None and Path(out).suffix.lower()[1:] in FIGURE_KINDS and not Path(out).is_dir()


def picture_files(out: str | None, home: Path, names: Collection[str], kind: str) -> dict[str, Path]:
    """{figure: its file}: in the folder ``out``, or in ``plots`` in the result's folder ``home``, or ``out`` itself.

    Raises InputError where several figures would be one file.
    """
    if not _is_file(out):
        folder = home / "plots" if out is None else Path(out)
        return {name: folder / f"{name}.{kind}" for name in names}
    if len(names) > 1:
        raise InputError(
            f"-o {file_name(out)}: one file for {len(names)} figures; choose one with --figure, or name a folder"
        )
    return {name: Path(out) for name in names}


def check_free(paths: Sequence[Path], home: Path, force: bool) -> None:
    """Raises OutputExistsError, InputError or OutputError where a file is there already or cannot be written.

    home: the result's folder, whose own arrays, metrics and config are never replaced.
    """
    for i, path in enumerate(paths):
        if path.is_dir():
            raise InputError(f"{file_name(path)}: this is a folder; give the name of a file")
        if path.resolve() in [(home / name).resolve() for name in (ARRAYS, METRICS, CONFIG)]:
            raise InputError(f"{file_name(path)}: this is the result itself; choose another name")
        if path.resolve() in [other.resolve() for other in paths[:i]]:
            raise InputError(f"{file_name(path)}: this file is named twice; choose another for one of them")
        if path.exists() and not force:
            raise OutputExistsError(f"{file_name(path)}: this file is there already; --force replaces it")
        check_folder(path.absolute().parent)


def write_files(figures: Mapping[Path, object], kind: str, dpi: int, tables: Mapping[Path, Iterable[str]]) -> None:
    """Figures, and tables in pieces of text, all of them written aside before any takes its place. Raises OutputError."""
    from ..figures.spectrograms import save

    with contextlib.ExitStack() as stack:
        for path, figure in figures.items():
            save(figure, str(stack.enter_context(replace_file(path))), format=kind, dpi=dpi)
        for path, rows in tables.items():
            with open(stack.enter_context(replace_file(path)), "w", encoding="utf-8", newline="") as file:
                file.writelines(rows)


def theta_table(
    result: Result,
    tmin: float | None = None,
    tmax: float | None = None,
    fmin: float | None = None,
    fmax: float | None = None,
) -> Iterator[str]:
    """The window lengths as CSV, in pieces: time_s (recording time of the frame's centre), frequency_hz, theta_ms.

    One row for each frame and frequency, frame after frame; where θ does not vary over time or frequency that column is
    empty and has one row. The limits, inclusive and in s and Hz, leave rows out. Numbers have as many digits as
    it takes to get θ back. Raises InputError where no row is left.
    """
    rows, columns = result.theta.shape
    times = _within(result.times + result.signal.start, "t", tmin, tmax, "s") if columns > 1 else np.array([0])
    bins = _within(result.frequencies, "f", fmin, fmax, "Hz") if rows > 1 else np.array([0])
    return _rows(result, times, bins)


def _within(values: np.ndarray, name: str, low: float | None, high: float | None, unit: str) -> np.ndarray:
    """Which values lie between the limits."""
    low, high = (-np.inf if low is None else low), (np.inf if high is None else high)
    places = np.flatnonzero((values >= low) & (values <= high))
    if not places.size:
        span = f"{plain_number(values[0], 6)} to {plain_number(values[-1], 6)} {unit}"
        raise InputError(f"the table: {name}min and {name}max leave none of its rows, from {span}; widen the limits")
    return places


def _rows(result: Result, frames: np.ndarray, bins: np.ndarray) -> Iterator[str]:
    theta, digits = result.theta[np.ix_(bins, frames)], 9 if result.theta.itemsize <= 4 else 17
    over_frequency, over_time = (length > 1 for length in result.theta.shape)
    lengths = theta.T.astype(np.float64) * (1e3 / result.sample_rate)
    moments = (result.times + result.signal.start)[frames].tolist() if over_time else [""]
    pitches = result.frequencies[bins].tolist() if over_frequency else [""]
    frame = "".join(f"@,{pitch},%.{digits}g\n" for pitch in pitches)
    yield _HEADER
    for moment, row in zip(moments, lengths, strict=True):
        yield frame.replace("@", str(moment)) % tuple(row.tolist())
