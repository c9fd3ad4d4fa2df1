"""One recording of a batch: the work of a worker, from the file to the rows of the summary."""

import json
import os
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

from ...config.loading import Config, dump_config, load_config, merge_config
from ...errors import describe_error
from ...recordings.notes import WARNING, Note

DONE, SKIPPED, FAILED = "done", "skipped", "failed"
RESUME, OVERWRITE, SKIP, ERROR = ON_EXISTING = ("resume", "overwrite", "skip", "error")
COLUMNS = (
    *("input", "box", "status", "error", "output"),
    *("theta_min_ms", "theta_median_ms", "theta_max_ms"),
    *("loss_initial", "loss_final", "gain", "coverage", "seconds"),
    "notes",
)
"""Keys of a row, and columns of the summary.

box: number and label of the box that the result is about, with --each-box.
status: done, skipped (an earlier run did it) or failed. error: why it failed, one sentence. output: folder of the result.
theta_...: window lengths in ms. loss_initial: with the first constant window; loss_final: at the end; gain: the decrease, as a
share of loss_initial. coverage: share of the signal that the windows reach. seconds: run time, also of an earlier run.
notes: remarks on the recording, a list of Note. Numbers are None without a result.
"""

Row = dict[str, str | float | list[Note] | None]

_ONE_AT_A_TIME = threading.Lock()  # seed, number of threads and matplotlib are global to the process


def failed(path: str, reason: str) -> Row:
    """The row of an input without a result. reason: one sentence."""
    return dict.fromkeys(COLUMNS) | {
        "input": path,
        "box": "",
        "status": FAILED,
        "error": reason,
        "output": "",
        "notes": [],
    }


def process_input(path: str, config: Config, folder: str, on_existing: str = RESUME) -> list[Row]:
    """Optimise one file and write its result, unless there is one already. Errors become rows, not exceptions.

    path: the recording.
    config: settings of the run.
    folder: of the result; with channel all, of a folder for each channel.
    on_existing: what happens to an earlier result. ``resume`` keeps it if input, settings and version are the same, ``skip``
        keeps it in any case, ``overwrite`` replaces it, ``error`` fails.

    Returns a row, see COLUMNS; with channel all one for each channel.
    """
    with _ONE_AT_A_TIME:
        try:
            return _earlier_rows(path, config, folder, on_existing) or list(_run(path, config, folder, on_existing))
        except Exception as error:
            return [failed(path, describe_error(error))]


def _run(path: str, config: Config, folder: str, on_existing: str) -> Iterator[Row]:
    """Decode the recording and optimise each channel that has no result."""
    from ..optimize_file import load_inputs, output_folders

    began = time.perf_counter()
    signals = load_inputs(path, config, whole=False)
    loading = (time.perf_counter() - began) / len(signals)
    for signal, home in zip(signals, output_folders(folder, signals), strict=True):
        try:
            earlier = _reusable(home, signal.sha256, config, on_existing, signal.annotations)
            if earlier:
                _add_page(home, config)
                yield _row(path, home, earlier, SKIPPED)
            else:
                yield _run_channel(path, signal, config, home, on_existing, loading)
        except Exception as error:
            yield failed(path, describe_error(error))


def _run_channel(path: str, signal, config: Config, home: Path, on_existing: str, loading: float) -> Row:
    from ...figures.of_result import check_view
    from ...results.result import METRICS
    from ..optimize_file import check_free, run_signal

    if on_existing == ERROR:
        check_free(home)
    check_view(signal, config)
    result = run_signal(signal, config, home, loading=loading, with_thumbnail=True, on_existing=on_existing)
    row = _row(path, home, _read(home / METRICS), SKIPPED if result is None else DONE)
    if result is None or result.complete:
        return row
    reason = f"the loss stopped being finite after step {result.steps}; the best state before it was written"
    return row | {"status": FAILED, "error": f"{signal.where}: {reason}"}


def _earlier_rows(path: str, config: Config, folder: str, on_existing: str) -> list[Row]:
    """The rows of an input whose results can all be reused, without decoding it; else none."""
    from ...recordings.signal import file_hash
    from ...results.result import METRICS
    from ...system.folder_lock import remove_leftovers

    base = Path(folder)
    homes = [base] if (base / METRICS).exists() else _channel_homes(base)
    if not homes or on_existing in (OVERWRITE, ERROR) or config.signal.annotations is not None:
        return []  # which boxes there are, only their file tells
    for home in homes:
        remove_leftovers(home)
    digest = file_hash(path)
    results = [_reusable(home, digest, config, on_existing) for home in homes]
    if not all(results):
        return []
    for home in homes:
        _add_page(home, config)
    return [_row(path, home, metrics, SKIPPED) for home, metrics in zip(homes, results, strict=True)]


def _channel_homes(base: Path) -> list[Path]:
    """The folders of all channels; the metrics of the first channel say how many there are."""
    from ...results.result import METRICS
    from ..optimize_file import output_folders

    try:
        channels = _read(base / "channel-1" / METRICS)["input"]["channels"]
        return output_folders(base, channels) if len(channels) > 1 else []
    except (KeyError, TypeError):
        return []


def _reusable(home: Path, digest: str, config: Config, on_existing: str, annotations=None) -> dict:
    """The metrics of the complete result in a folder, if it may be reused; else empty.

    RESUME demands the same input, settings and version; the result's own config.yaml has its settings.

    digest: SHA-256 of the input.
    annotations: of the signal.
    """
    from ...results.metrics import annotation_facts
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
            and metrics["criterion"] == config.criterion
            and _boxes(metrics["input"].get("annotations"))
            == _boxes(annotations and annotation_facts(annotations).model_dump())
            and _has_arrays(home)
            and _same_settings(home / CONFIG, metrics.get("chosen", []), config)
        )
        return metrics if metrics["stop_reason"] in COMPLETE and (same or on_existing == SKIP) else {}
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return {}


def _boxes(facts: dict | None) -> tuple | None:
    """What decides that two results are about the same boxes. facts: of metrics.json."""
    return None if facts is None else (facts["alone"], facts["boxes"])


def _same_settings(stored: Path, chosen: list[str], config: Config) -> bool:
    """Whether a stored configuration is that of the run, but for the lengths that were chosen from the recording."""
    from ...optimization.auto_lengths import unchosen

    text = stored.read_text("utf-8")
    if text == dump_config(config):
        return True
    earlier = unchosen(load_config(stored), chosen)
    earlier = merge_config(earlier, {"figures.html": config.figures.html})  # a page can be added
    if config.transform.window == "learn-cosine" and earlier.transform.window.startswith("cosine("):  # what it learnt
        earlier = merge_config(earlier, {"transform.window": config.transform.window})
    return dump_config(earlier) == dump_config(config)


def _add_page(home: Path, config: Config) -> None:
    """Write the page of an earlier result that has none, if the run is to have one."""
    from ...viewer.page_file import VIEW

    if config.figures.html and not (home / VIEW).exists():
        from ...results.reader import read_result
        from ..view import write_view

        write_view([read_result(home)], [os.fspath(home)], home / VIEW)


def _has_arrays(home: Path) -> bool:
    """Whether a result has all its arrays, in result.npz or beside it."""
    from ...results.result import ARRAYS, BESIDE
    from ...system.disk_arrays import file_beside

    with zipfile.ZipFile(home / ARRAYS) as archive:
        members = archive.namelist()
    return all(f"{name}.npy" in members or (home / file_beside(name)).is_file() for name in BESIDE)


def _read(path: Path) -> dict:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _row(path: str, home: Path, metrics: dict, status: str) -> Row:
    from ...results.metrics import relative_change

    lengths, loss = metrics["theta"]["seconds"], metrics["loss"]
    first, last = loss["initial"], loss["final"]
    return {
        "input": path,
        "box": _box_name(metrics["input"].get("annotations")),
        "status": status,
        "error": "",
        "output": os.fspath(home),
        **{f"theta_{name}_ms": 1e3 * lengths[name] for name in ("min", "median", "max")},
        "loss_initial": first,
        "loss_final": last,
        "gain": None if not first or last is None else -relative_change(metrics["criterion"], first, last),
        "coverage": metrics["coverage"]["final"],
        "seconds": metrics["seconds"]["total"],
        "notes": [_note(note) for note in metrics["notes"]],
    }


def _box_name(annotations: dict | None) -> str:
    """Number and label of the box that a result is about; "" if it is about more. annotations: of metrics.json."""
    if not annotations or not annotations["alone"]:
        return ""
    box = annotations["boxes"][0]
    return f"{box['number']} {box['label']}".rstrip()


def _note(content: dict[str, str] | str) -> Note:
    """A note of metrics.json; in an older format, which SKIP keeps, it is text, and a warning begins with that word."""
    if isinstance(content, dict):
        return Note(**content)
    text = content.removeprefix("warning: ")
    return Note(text) if text == content else Note(text, WARNING)
