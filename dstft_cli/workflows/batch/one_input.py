"""One recording of a batch, from its file to the rows that tell what became of it: what a worker carries out."""

import json
import os
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

from ...config.loading import Config, dump_config
from ...errors import describe_error
from ...recordings.notes import WARNING, Note

DONE, SKIPPED, FAILED = "done", "skipped", "failed"
RESUME, OVERWRITE, SKIP, ERROR = ON_EXISTING = ("resume", "overwrite", "skip", "error")
COLUMNS = (
    *("input", "status", "error", "output"),
    *("theta_min_ms", "theta_median_ms", "theta_max_ms"),
    *("loss_initial", "loss_final", "gain", "coverage", "seconds"),
    "notes",
)
"""Of a row. status: done, skipped (was done already) or failed. error: why, one sentence. output: the folder of the result.

theta: window lengths. loss_initial, loss_final: at the first constant window and at the end; gain: how far it fell, as a share of
the first. coverage: the share of the signal that windows reach. seconds: what the result took,
also where that was in an earlier run. notes: remarks about the recording, a list of Note. Figures are None where there is
no result.
"""

Row = dict[str, str | float | list[Note] | None]

_ONE = threading.Lock()  # the seed, the number of threads and matplotlib are those of the whole process


def failed(path: str, reason: str) -> Row:
    """The row of an input that gave no result."""
    return dict.fromkeys(COLUMNS) | {"input": path, "status": FAILED, "error": reason, "output": "", "notes": []}


def process_input(path: str, config: Config, folder: str, on_existing: str = RESUME) -> list[Row]:
    """Optimise one file into its folder, unless that is done: one row, with channel all one a channel.

    on_existing: what to do where a result is there. ``resume`` keeps what the same bytes, settings and version gave, and
    replaces the rest; ``skip`` keeps any, ``overwrite`` none; with ``error`` it is a failure. Never raises an Exception.
    """
    with _ONE:
        try:
            return _kept(path, config, folder, on_existing) or list(_made(path, config, folder, on_existing))
        except Exception as error:
            return [failed(path, describe_error(error))]


def _made(path: str, config: Config, folder: str, on_existing: str) -> Iterator[Row]:
    from ..optimize_file import load_inputs, output_folders

    began = time.perf_counter()
    signals = load_inputs(path, config, whole=False)
    loading = (time.perf_counter() - began) / len(signals)
    for signal, home in zip(signals, output_folders(folder, signals), strict=True):
        try:
            kept = _standing(home, signal.sha256, config, on_existing)
            yield _row(path, home, kept, SKIPPED) if kept else _run(path, signal, config, home, on_existing, loading)
        except Exception as error:
            yield failed(path, describe_error(error))


def _run(path: str, signal, config: Config, home: Path, on_existing: str, loading: float) -> Row:
    from ...figures.of_result import check_view
    from ...results.result import METRICS
    from ..optimize_file import check_free, run_signal

    if on_existing == ERROR:
        check_free(home)
    check_view(signal, config)
    result = run_signal(signal, config, home, loading=loading, with_thumbnail=True)
    row = _row(path, home, _read(home / METRICS), DONE)
    if result.complete:
        return row
    reason = f"the loss stopped being finite after step {result.steps}; the best state before it was written"
    return row | {"status": FAILED, "error": f"{signal.where}: {reason}"}


def _kept(path: str, config: Config, folder: str, on_existing: str) -> list[Row]:
    """The rows of an input that is done, found without decoding it; none where anything is missing."""
    from ...recordings.signal import file_hash
    from ...results.result import METRICS
    from ...system.folder_lock import remove_leftovers

    base = Path(folder)
    homes = [base] if (base / METRICS).exists() else _channel_homes(base)
    if not homes or on_existing in (OVERWRITE, ERROR):
        return []
    for home in homes:
        remove_leftovers(home)
    digest = file_hash(path)
    found = [_standing(home, digest, config, on_existing) for home in homes]
    return (
        [_row(path, home, metrics, SKIPPED) for home, metrics in zip(homes, found, strict=True)] if all(found) else []
    )


def _channel_homes(base: Path) -> list[Path]:
    """The folders that a recording's channels have, as the first of them tells how many there are."""
    from ...results.result import METRICS
    from ..optimize_file import output_folders

    try:
        channels = _read(base / "channel-1" / METRICS)["input"]["channels"]
        return output_folders(base, channels) if len(channels) > 1 else []
    except (KeyError, TypeError):
        return []


def _standing(home: Path, digest: str, config: Config, on_existing: str) -> dict:
    """The metrics of the whole result in a folder that may be kept; empty where there is none.

    For RESUME it must be what these bytes, these settings and this version give; its own config.yaml tells the settings.
    """
    from ...results.result import COMPLETE, CONFIG, METRICS, SCHEMA_VERSION
    from ...results.versions import tool_version

    if on_existing in (OVERWRITE, ERROR):
        return {}
    metrics = _read(home / METRICS)
    try:
        same = (
            metrics["schema_version"] == SCHEMA_VERSION
            and metrics["versions"]["dstft-cli"] == tool_version()
            and metrics["input"]["sha256"] == digest
            and metrics["criterion"] == config.loss.criterion
            and _arrays_there(home)
            and (home / CONFIG).read_text("utf-8") == dump_config(config)
        )
        return metrics if metrics["stop_reason"] in COMPLETE and (same or on_existing == SKIP) else {}
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return {}


def _arrays_there(home: Path) -> bool:
    """Whether the file of a result's arrays is there, and what of them lies beside it."""
    from ...results.result import ARRAYS, BESIDE
    from ...system.disk_arrays import file_beside

    with zipfile.ZipFile(home / ARRAYS) as archive:
        held = archive.namelist()
    return all(f"{name}.npy" in held or (home / file_beside(name)).is_file() for name in BESIDE)


def _read(path: Path) -> dict:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _row(path: str, home: Path, metrics: dict, status: str) -> Row:
    lengths, loss = metrics["theta"]["seconds"], metrics["loss"]
    first, last = loss["initial"], loss["final"]
    return {
        "input": path,
        "status": status,
        "error": "",
        "output": os.fspath(home),
        **{f"theta_{name}_ms": 1e3 * lengths[name] for name in ("min", "median", "max")},
        "loss_initial": first,
        "loss_final": last,
        "gain": None if not first or last is None else (first - last) / abs(first),
        "coverage": metrics["coverage"]["final"],
        "seconds": metrics["seconds"]["total"],
        "notes": [_note(note) for note in metrics["notes"]],
    }


def _note(content: dict[str, str] | str) -> Note:
    """A note of metrics.json; in an older format, which SKIP keeps, it is text, and a warning begins with that word."""
    if isinstance(content, dict):
        return Note(**content)
    text = content.removeprefix("warning: ")
    return Note(text) if text == content else Note(text, WARNING)
