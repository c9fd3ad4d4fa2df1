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
from ..system.atomic_files import check_folder, replace_file
from ..text import file_name, format_value

TABLE = "the table"
"""The name of the table of window lengths among the names of figures."""

_HEADER = "time_s,frequency_hz,theta_ms\n"
_OTHER_PICTURES = (".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".eps", ".ps")


def read_size(text: str | None) -> tuple[float, float] | None:
    """Width and height in inches from "10x5", None from None. Raises InputError for other texts."""
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*(?:in)?\s*[x×X]\s*(\d+\.?\d*|\.\d+)\s*(?:in)?\s*", text)
    if not match:
        raise InputError(f"--size {format_value(text)}: expected width x height in inches, for instance 10x5")
    return float(match[1]), float(match[2])


def check_used(result: Result, outputs: Collection[str], given: Mapping[str, object]) -> None:
    """Raises InputError for an option without effect.

    result: that of the figures.
    outputs: the names of the figures to draw, and TABLE for the table.
    given: {option: its value, None if not given}.
    """
    rows, columns = result.theta.shape
    time, band = {"spectrogram", "comparison", "frames", "reassigned"}, {"spectrogram", "comparison", "reassigned"}
    changes = {option: set(band) for option in ("--db-range", "--db-ref", "--scaling", "--cmap")}
    changes["--even-floor"] = {"spectrogram", "comparison"}
    changes["--theta-cmap"] = {"frames", "theta"} if min(rows, columns) > 1 else {"frames"}
    changes["--freq-scale"] = band | {"theta"} if rows > 1 else band
    time |= {"theta", TABLE} if columns > 1 else set()
    band |= {"theta", TABLE} if rows > 1 else set()
    changes |= {"--tmin": time, "--tmax": time, "--absolute-time": time, "--fmin": band, "--fmax": band}
    for option, value in given.items():
        if value is None or changes.get(option, {*FIGURES}) & {*outputs}:
            continue
        changed = [name for name in FIGURES if name in changes.get(option, FIGURES)]
        raise InputError(
            f"{option}: has no effect on {', '.join(outputs)} of this result; leave it out, or add --figure {changed[0]}"
        )


def picture_kind(out: str | None, kind: str | None) -> str | None:
    """The kind of pictures: png, svg or pdf.

    out: of the option -o; None if not given.
    kind: of the option --format; None if not given.

    Returns the kind from the suffix of ``out``, else ``kind``.
    Raises InputError if they differ, or ``out`` has the suffix of another kind of pictures.
    """
    suffix = Path(out or "").suffix.lower()
    if suffix in _OTHER_PICTURES and not Path(out).is_dir():
        raise InputError(f"-o {file_name(out)}: use a .png, .svg or .pdf suffix")
    if not _is_file(out):
        return kind
    if kind not in (None, suffix[1:]):
        raise InputError(f"-o {file_name(out)}: differs from --format {kind}; leave --format out")
    return suffix[1:]


def _is_file(out: str | None) -> bool:
    """Whether ``out`` names one picture, not a folder."""
    return out is not None and Path(out).suffix.lower()[1:] in FIGURE_KINDS and not Path(out).is_dir()


def picture_files(out: str | None, home: Path, names: Collection[str], kind: str) -> dict[str, Path]:
    """The file of each figure.

    out: a folder or a picture; None for the folder ``plots`` in ``home``.
    home: the folder of the result.
    names: of the figures.
    kind: png, svg or pdf.

    Returns {name: path}.
    Raises InputError if several figures would have one file.
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
    """Raises OutputExistsError, InputError or OutputError if a file exists or cannot be written.

    paths: the files.
    home: the folder of the result, whose arrays, metrics and config are never replaced.
    force: whether other existing files are replaced.
    """
    for i, path in enumerate(paths):
        if path.is_dir():
            raise InputError(f"{file_name(path)}: this is a folder; name a file")
        if path.resolve() in [(home / name).resolve() for name in (ARRAYS, METRICS, CONFIG)]:
            raise InputError(f"{file_name(path)}: this file belongs to the result; choose another name")
        if path.resolve() in [earlier.resolve() for earlier in paths[:i]]:
            raise InputError(f"{file_name(path)}: this file is given twice; choose another name for one of them")
        if path.exists() and not force:
            raise OutputExistsError(f"{file_name(path)}: this file exists; --force replaces it")
        check_folder(path.absolute().parent)


def write_files(
    figures: Mapping[Path, object], kind: str, dpi: int, tables: Mapping[Path, Iterable[str]], force: bool = True
) -> None:
    """Write figures and tables; no file is replaced before all are complete.

    figures: {path: matplotlib figure}.
    kind: png, svg or pdf.
    dpi: that of the figures.
    tables: {path: text in consecutive strings}.
    force: whether files that were written meanwhile are replaced.

    Raises OutputError if a file cannot be written.
    """
    from ..figures.spectrograms import save

    with contextlib.ExitStack() as stack:
        for path, figure in figures.items():
            save(figure, str(stack.enter_context(replace_file(path, force))), format=kind, dpi=dpi)
        for path, lines in tables.items():
            with open(stack.enter_context(replace_file(path, force)), "w", encoding="utf-8", newline="") as file:
                file.writelines(lines)


def theta_table(
    result: Result,
    tmin: float | None = None,
    tmax: float | None = None,
    fmin: float | None = None,
    fmax: float | None = None,
) -> Iterator[str]:
    """The window lengths as CSV: time_s (recording time of the frame centre), frequency_hz, theta_ms.

    There is one row for each frame and frequency, frame after frame. If θ does not vary over time or frequency, that column is
    empty and has one row. Numbers have as many digits as θ needs to be restored exactly.

    result: its θ, (1, 1), (1, T), (F, 1) or (F, T).
    tmin, tmax: limits of the rows in s of recording time, inclusive; None for none.
    fmin, fmax: limits of the rows in Hz, inclusive; None for none.

    Returns the header, and the rows frame by frame.
    Raises InputError if no row is left.
    """
    rows, columns = result.theta.shape
    times = _within(result.times + result.signal.start, "t", tmin, tmax, "s") if columns > 1 else np.array([0])
    bins = _within(result.frequencies, "f", fmin, fmax, "Hz") if rows > 1 else np.array([0])
    return _rows(result, times, bins)


def _within(values: np.ndarray, name: str, low: float | None, high: float | None, unit: str) -> np.ndarray:
    """The indices of the values between the limits, (n,)."""
    low, high = (-np.inf if low is None else low), (np.inf if high is None else high)
    indices = np.flatnonzero((values >= low) & (values <= high))
    if not indices.size:
        span = f"{plain_number(values[0], 6)} to {plain_number(values[-1], 6)} {unit}"
        raise InputError(
            f"the table: no row lies between {name}min and {name}max; the rows range from {span}; change the limits"
        )
    return indices


def _rows(result: Result, frames: np.ndarray, bins: np.ndarray) -> Iterator[str]:
    theta, digits = result.theta[np.ix_(bins, frames)], 9 if result.theta.itemsize <= 4 else 17
    over_frequency, over_time = (length > 1 for length in result.theta.shape)
    lengths = theta.T.astype(np.float64) * (1e3 / result.sample_rate)
    times = (result.times + result.signal.start)[frames].tolist() if over_time else [""]
    frequencies = result.frequencies[bins].tolist() if over_frequency else [""]
    frame = "".join(f"@,{frequency},%.{digits}g\n" for frequency in frequencies)
    yield _HEADER
    for time, row in zip(times, lengths, strict=True):
        yield frame.replace("@", str(time)) % tuple(row.tolist())
