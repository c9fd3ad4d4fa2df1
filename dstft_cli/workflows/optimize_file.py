"""One recording from file to result folder: load, optimise, write."""

import contextlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ..config.loading import Config
from ..errors import InputError, OutputExistsError
from ..figures.of_result import FIGURE_KINDS, FIGURES, NOT_IN_MEMORY, THUMBNAIL, drawn_figures, make_figures
from ..optimization.optimize import optimize, plan_signal
from ..optimization.resources import PICTURES, ResourcePlan, run_room
from ..recordings.annotations import read as boxes
from ..recordings.preparation.prepare import KEYS, Preparation, prepare
from ..recordings.request import load_options
from ..recordings.signal import Signal, check_signal, check_unchanged, load_signals
from ..results.progress import INTERRUPTED, OnStep, Step
from ..results.result import ARRAYS, BESIDE, COMPLETE, CONFIG, METRICS, Result
from ..results.writer import write_arrays, write_config, write_metrics
from ..system.atomic_files import check_disk_space, replace_files
from ..system.disk_arrays import file_beside
from ..system.folder_lock import folder_lock, remove_leftovers
from ..system.memory import keep_freed_memory
from ..viewer.page_file import VIEW

REASSIGNED = "reassigned.npz"
"""The reassigned spectrogram of a run that was asked for it: magnitude (F, T), times and frequencies."""

_DRAWN_AT_ONCE = 2_000_000  # bins: the figures of an interrupted run are drawn up to that size
_FIGURE_FILES = [f"{name}.{kind}" for name in FIGURES for kind in FIGURE_KINDS]


def load_inputs(path: str | Path, config: Config, whole: bool = True) -> list[Signal]:
    """The signals of a file that the section ``signal`` of the config selects, prepared as it says.

    path: a recording.
    config: of the run.
    whole: False leaves the samples of recordings that are long for the memory allowed in their file, to be read lazily.

    Raises InputError if the file cannot be read, a signal is too short, or cannot be prepared so.
    """
    options = load_options(config.signal.model_dump(exclude=KEYS | boxes.KEYS))
    signals = load_signals(path, **options, memory=None if whole else run_room(config))
    for signal in signals:
        check_signal(signal)
    settings = config.signal.model_dump()
    signals = [prepare(signal, Preparation.of(settings)) for signal in signals]
    signals = boxes.annotate(signals, *(settings[key] for key in ("annotations", "label", "each_box")))
    for signal in signals:
        check_signal(signal)
    return signals


def output_folders(folder: str | Path | None, signals: list[Signal]) -> list[Path]:
    """The result folder of each signal: ``folder`` (default ``dstft-out/<stem>``), or its subfolders for channels or boxes."""
    base = Path("dstft-out") / _folder_name(signals[0]) if folder is None else Path(folder)
    if getattr(signals[0], "annotations", None) and signals[0].annotations.alone:
        return [base / f"box-{signal.annotations.boxes[0].number}" for signal in signals]
    if len(signals) == 1:
        return [base]
    return [base / f"channel-{i}" for i in range(1, len(signals) + 1)]


def _folder_name(signal: Signal) -> str:
    """The stem of the recording; the name of the file where that is dots alone, which name another folder."""
    return signal.name if signal.name.strip(". ") else Path(signal.path or "signal").name


def result_complete(folder: Path) -> bool:
    """Whether the folder holds the result of a run that finished; the metrics are written last."""
    try:
        return json.loads((folder / METRICS).read_text("utf-8"))["stop_reason"] in COMPLETE
    except (OSError, ValueError, KeyError, TypeError):
        return False


def check_free(folder: Path) -> None:
    """Raises OutputExistsError if the folder contains a result or parts of one."""
    if any((folder / name).exists() for name in (METRICS, ARRAYS, CONFIG)):
        raise OutputExistsError(
            f"{folder}: already contains a result; --on-existing overwrite replaces it, skip keeps it, -o names another folder"
        )


def run_signal(
    signal: Signal,
    config: Config,
    folder: Path,
    on_step: OnStep | None = None,
    loading: float = 0.0,
    with_thumbnail: bool = False,
    plan: ResourcePlan | None = None,
    on_existing: str = "overwrite",
) -> Result | None:
    """Optimise one signal and write its result folder.

    on_step: called at each step of the run, and once before writing.
    loading: s that reading the signal took, for the metrics.
    with_thumbnail: writes a thumbnail too, for the report of a batch.
    plan: of the run, if made before.
    on_existing: what becomes of a result that is in the folder once no other run uses it: ``error`` raises OutputExistsError,
        ``skip`` keeps it where it is complete, and returns None; anything else replaces it.

    Raises what optimize raises, OutputError if the folder cannot be written or another run is using it, and InputError if the
    file of a long recording changed meanwhile.
    """
    plan = plan or plan_signal(signal, config)
    if not plan.long:
        keep_freed_memory()
    if config.figures.reassign and plan.long:
        raise InputError(f"{signal.where}: {NOT_IN_MEMORY}")
    remove_leftovers(folder)  # those of a killed run may take the room that this one needs
    check_disk_space(folder, plan.disk - PICTURES)
    with folder_lock(folder) as check_place, contextlib.ExitStack() as stack:
        if on_existing == "error":
            check_free(folder)
        if on_existing == "skip" and result_complete(folder):
            return None
        # A plane beyond the memory allowed is written where its files will stay.
        temporary = stack.enter_context(_result_files(folder)) if plan.long else None
        result = optimize(signal, config, on_step, folder=temporary, plan=plan)
        result.seconds = {"load": loading, **result.seconds}
        if on_step is not None:
            on_step(Step("write", 0, 1))
        if temporary is None:
            temporary = stack.enter_context(_result_files(folder))
        check_place()
        # A user who interrupts a run waits for its end; `dstft plot` draws the figures of large planes later.
        figures = result.stop_reason != INTERRUPTED or result.stft.size <= _DRAWN_AT_ONCE
        _write(result, temporary, folder, figures, with_thumbnail)
        check_unchanged(signal)  # the samples were read until now
    return result


def write_result(result: Result, folder: str | Path, figures: bool = True, on_existing: str = "error") -> Path:
    """Write all files of a result, the metrics last.

    folder: created if needed.
    figures: whether figures are drawn.
    on_existing: error, or overwrite to replace a result in the folder.

    Returns the folder.
    Raises OutputExistsError, and OutputError if the folder cannot be written or another run is using it.
    """
    folder = Path(folder)
    with folder_lock(folder):
        if on_existing != "overwrite":
            check_free(folder)
        with _result_files(folder) as temporary:
            _write(result, temporary, folder, figures)
            check_unchanged(result.signal)
    return folder


def _result_files(folder: Path) -> contextlib.AbstractContextManager[Path]:
    """A temporary folder for the files of a result, which then replace those in the folder."""
    stale = [*_FIGURE_FILES, THUMBNAIL, VIEW, REASSIGNED, *map(file_beside, BESIDE)]
    return replace_files(folder, last=METRICS, stale=stale)


def _write(result: Result, folder: Path, home: Path, figures: bool, with_thumbnail: bool = False) -> None:
    """Write all files into a temporary folder. home: where they will be."""
    began = time.perf_counter()
    with ThreadPoolExecutor(1) as aside:  # arrays are written while pictures are drawn
        arrays = aside.submit(write_arrays, result, folder / ARRAYS)
        _write_beside(result, folder, home, figures, with_thumbnail)
        arrays.result()
    result.seconds["write"] = time.perf_counter() - began
    result.seconds["total"] = sum(value for name, value in result.seconds.items() if name != "total")
    write_metrics(result, folder / METRICS)


def _write_beside(result: Result, folder: Path, home: Path, figures: bool, with_thumbnail: bool) -> None:
    """Write what lies beside arrays and metrics; parameters as for ``_write``."""
    write_config(result, folder / CONFIG)
    if result.config.figures.reassign:
        from ..figures.shown.reassigned import reassigned_magnitude

        axes = {"times": result.times, "frequencies": result.frequencies}
        np.savez(folder / REASSIGNED, magnitude=reassigned_magnitude(result), **axes)
    if figures and drawn_figures(result):
        _write_figures(result, folder)
    if figures and result.config.figures.html:
        from ..viewer.page import page
        from .view import write_page

        write_page(page([result], [str(home)]), folder / VIEW)
    if with_thumbnail:
        from ..figures.thumbnail import thumbnail

        (folder / THUMBNAIL).write_bytes(thumbnail(result))


def _write_figures(result: Result, folder: Path) -> None:
    from ..figures import spectrograms

    settings = result.config.figures
    with ThreadPoolExecutor(1) as compressing:
        written = []
        for name, figure in make_figures(result).items():
            path, dpi = str(folder / f"{name}.{settings.format}"), settings.dpi
            if settings.format == "png":  # compressed while the next one is drawn
                written.append(
                    compressing.submit(spectrograms.write_png, spectrograms.rendered(figure, dpi), path, dpi)
                )
            else:
                spectrograms.save(figure, path, format=settings.format, dpi=dpi)
        for one in written:
            one.result()
