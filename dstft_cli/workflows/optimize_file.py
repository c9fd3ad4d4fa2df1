"""One input from file to folder: load, optimise, write."""

import contextlib
import json
import time
from pathlib import Path

from ..config.loading import Config
from ..errors import OutputExistsError
from ..figures.of_result import FIGURE_KINDS, FIGURES, make_figures
from ..optimization.optimize import optimize, plan_signal
from ..optimization.resources import PICTURES, ResourcePlan, run_room
from ..recordings.detrend import detrend
from ..recordings.request import load_options
from ..recordings.signal import Signal, check_signal, load_signals
from ..results.progress import INTERRUPTED, OnStep, Step
from ..results.result import ARRAYS, BESIDE, COMPLETE, CONFIG, METRICS, Result
from ..results.writer import write_arrays, write_config, write_metrics
from ..system.atomic_files import check_room, replace_files
from ..system.disk_arrays import file_beside
from ..system.folder_lock import folder_lock, remove_leftovers

_DRAWN_AT_ONCE = 2_000_000  # bins
_FIGURE_FILES = [f"{name}.{kind}" for name in FIGURES for kind in FIGURE_KINDS]


def load_inputs(path: str | Path, config: Config, whole: bool = True) -> list[Signal]:
    """The signals that the config's section ``signal`` selects from a file. Raises InputError.

    whole: False leaves recordings in their file that are long for the memory allowed: their samples are then LazySamples.
    """
    options = load_options(config.signal.model_dump(exclude={"detrend"}))
    signals = load_signals(path, **options, memory=None if whole else run_room(config))
    for signal in signals:
        check_signal(signal, 2)
    return [detrend(signal, config.signal.detrend) for signal in signals]


def output_folders(folder: str | Path | None, signals: list[Signal]) -> list[Path]:
    """Where each signal's result goes: the folder (default ``dstft-out/<stem>``), or one below it a channel."""
    base = Path("dstft-out") / signals[0].name if folder is None else Path(folder)
    if len(signals) == 1:
        return [base]
    return [base / f"channel-{i}" for i in range(1, len(signals) + 1)]


def result_complete(folder: Path) -> bool:
    """True where the folder holds a whole result of a run that came to its end; the metrics are written last."""
    try:
        return json.loads((folder / METRICS).read_text("utf-8"))["stop_reason"] in COMPLETE
    except (OSError, ValueError, KeyError, TypeError):
        return False


def check_free(folder: Path) -> None:
    """Raises OutputExistsError where a result is in the folder already."""
    if any((folder / name).exists() for name in (METRICS, ARRAYS, CONFIG)):
        raise OutputExistsError(
            f"{folder}: a result is there already; --on-existing overwrite replaces it, skip keeps it, -o names another folder"
        )


def run_signal(
    signal: Signal,
    config: Config,
    folder: Path,
    on_step: OnStep | None = None,
    loading: float = 0.0,
    small: bool = False,
    plan: ResourcePlan | None = None,
) -> Result:
    """Optimise one signal and write its folder, whatever result was there. ``loading``: s that reading it took.

    small: with its thumbnail, for a report on many. plan: of the run, where it was made before.
    Raises what optimize raises, and OutputError where the folder cannot be written or another run is using it.
    """
    plan = plan or plan_signal(signal, config)
    remove_leftovers(folder)  # what a run that was killed left may take the room that this one needs
    check_room(folder, plan.disk - PICTURES)
    with folder_lock(folder), contextlib.ExitStack() as stack:
        # A plane beyond the memory allowed is made where its files then stay.
        aside = stack.enter_context(_result_files(folder)) if plan.long else None
        result = optimize(signal, config, on_step, folder=aside, plan=plan)
        result.seconds = {"load": loading, **result.seconds}
        if on_step is not None:
            on_step(Step("write", 0, 1))
        if aside is None:
            aside = stack.enter_context(_result_files(folder))
        # Who stops a run waits for its end; `dstft plot` draws what there was no time for.
        _fill(result, aside, result.stop_reason != INTERRUPTED or result.stft.size <= _DRAWN_AT_ONCE, small)
    return result


def write_result(result: Result, folder: str | Path, figures: bool = True, on_existing: str = "error") -> Path:
    """All files of a result, the metrics last. Raises OutputExistsError, OutputError."""
    folder = Path(folder)
    with folder_lock(folder):
        if on_existing != "overwrite":
            check_free(folder)
        with _result_files(folder) as aside:
            _fill(result, aside, figures)
    return folder


def _result_files(folder: Path) -> contextlib.AbstractContextManager[Path]:
    """A folder for all files of a result, which then take the place of those that are there."""
    from ..figures.thumbnail import THUMBNAIL

    stale = [*_FIGURE_FILES, THUMBNAIL, *map(file_beside, BESIDE)]
    return replace_files(folder, last=METRICS, stale=stale)


def _fill(result: Result, aside: Path, figures: bool = True, small: bool = False) -> None:
    """All files of a result into a folder."""
    from ..figures.thumbnail import THUMBNAIL, thumbnail

    began = time.perf_counter()
    write_arrays(result, aside / ARRAYS)
    write_config(result, aside / CONFIG)
    if figures:
        _write_figures(result, aside)
    if small:
        (aside / THUMBNAIL).write_bytes(thumbnail(result))
    result.seconds["write"] = time.perf_counter() - began
    result.seconds["total"] = sum(value for name, value in result.seconds.items() if name != "total")
    write_metrics(result, aside / METRICS)


def _write_figures(result: Result, folder: Path) -> None:
    from ..figures import spectrograms

    settings = result.config.figures
    for name, figure in make_figures(result).items():
        path = folder / f"{name}.{settings.format}"
        spectrograms.save(figure, str(path), format=settings.format, dpi=settings.dpi)
