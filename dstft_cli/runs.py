"""One input from file to folder: load, optimise, write."""

import contextlib
import json
import math
import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from .claims import claim, tidy
from .config import Config
from .criteria import CRITERIA, get_criterion
from .descent import INTERRUPTED, OnStep, Step
from .devices import DTYPES
from .disk_planes import file_beside
from .errors import OutputExistsError
from .geometry import get_geometry
from .modes import FIXED_HOP
from .optimization import optimize, plan_signal
from .planning import PICTURES, Plan, run_room
from .results import ARRAYS, BESIDE, COMPLETE, CONFIG, METRICS, Result, write_arrays, write_config, write_metrics
from .signals import Signal, check_signal, detrend, load_signals
from .staging import check_room, staging
from .transform import dstft
from .wording import one_line, time_text

FIGURES = ("spectrogram", "theta", "comparison", "loss", "frames")
FIGURE_KINDS = ("png", "svg", "pdf")
_DRAWN_AT_ONCE = 2_000_000  # bins
_FIGURE_FILES = [f"{name}.{kind}" for name in FIGURES for kind in FIGURE_KINDS]


def load_inputs(path: str | Path, config: Config, whole: bool = True) -> list[Signal]:
    """The signals that the config's section ``signal`` selects from a file. Raises InputError.

    whole: False leaves recordings in their file that are long for the memory allowed: their samples are then a Tape.
    """
    settings = config.signal.model_dump(exclude={"detrend"})
    signals = load_signals(path, **settings, room=None if whole else run_room(config))
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


def check_view(signal: Signal, config: Config) -> None:
    """Raises InputError where the figures' settings would show nothing of this signal, or cannot be drawn with."""
    from .figures import check_band

    plane = get_geometry(config, signal.sample_rate, len(signal.samples))
    check_band(plane.frequencies(signal.sample_rate), view_of(signal, config))


def run_signal(
    signal: Signal,
    config: Config,
    folder: Path,
    on_step: OnStep | None = None,
    loading: float = 0.0,
    small: bool = False,
    plan: Plan | None = None,
) -> Result:
    """Optimise one signal and write its folder, whatever result was there. ``loading``: s that reading it took.

    small: with its thumbnail, for a report on many. plan: of the run, where it was made before.
    Raises what optimize raises, and OutputError where the folder cannot be written or another run is at work in it.
    """
    plan = plan or plan_signal(signal, config)
    tidy(folder)  # what a run that was killed left may take the room that this one needs
    check_room(folder, plan.disk - PICTURES)
    with claim(folder), contextlib.ExitStack() as stack:
        # A plane beyond the memory allowed is made where its files then stay.
        aside = stack.enter_context(_aside(folder)) if plan.long else None
        result = optimize(signal, config, on_step, folder=aside, plan=plan)
        result.seconds = {"load": loading, **result.seconds}
        if on_step is not None:
            on_step(Step("write", 0, 1))
        if aside is None:
            aside = stack.enter_context(_aside(folder))
        # Who stops a run waits for its end; `dstft plot` draws what there was no time for.
        _fill(result, aside, result.stop_reason != INTERRUPTED or result.stft.size <= _DRAWN_AT_ONCE, small)
    return result


def write_result(result: Result, folder: str | Path, figures: bool = True, on_existing: str = "error") -> Path:
    """All files of a result, the metrics last. Raises OutputExistsError, OutputError."""
    folder = Path(folder)
    with claim(folder):
        if on_existing != "overwrite":
            check_free(folder)
        with _aside(folder) as aside:
            _fill(result, aside, figures)
    return folder


def _aside(folder: Path) -> contextlib.AbstractContextManager[Path]:
    """A folder for all files of a result, which then take the place of those that are there."""
    from .thumbnails import THUMBNAIL

    stale = [*_FIGURE_FILES, THUMBNAIL, *map(file_beside, BESIDE)]
    return staging(folder, last=METRICS, stale=stale)


def _fill(result: Result, aside: Path, figures: bool = True, small: bool = False) -> None:
    """All files of a result into a folder."""
    from .thumbnails import THUMBNAIL, thumbnail

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
    from . import figures

    settings = result.config.figures
    for name, figure in make_figures(result).items():
        path = folder / f"{name}.{settings.format}"
        figures.save(figure, str(path), format=settings.format, dpi=settings.dpi)


def make_figures(result: Result, wanted: Collection[str] | None = None, **changes: object) -> dict:
    """The figures of a result by the stem of their file: all of FIGURES, ``frames`` where they moved.

    wanted: only those of these names, whether frames moved or not. changes: attributes of the View other than the
    config has them.
    """
    from . import figures
    from .frame_figure import frames

    result = _as_stored(result)
    view = replace(view_of(result.signal, result.config), **changes)
    seen = _seen(result, view)
    axes = seen.times, result.frequencies
    note = f"{_described(result)}{_value(result.criterion, result.final[result.criterion])}"
    bounds = result.geometry.theta_min, float(result.support)
    place = result.signal.samples, result.sample_rate, result.frame_positions, result.theta
    makers = {
        "spectrogram": lambda: figures.spectrogram(*axes, seen.magnitude(), view, note),
        "theta": lambda: figures.theta_map(*axes, seen.theta(), result.sample_rate, view, bounds),
        "comparison": lambda: figures.comparison(*axes, _panels(result, seen), view),
        "loss": lambda: figures.loss_curves(result.history, view, _loss_curve(result)),
        "frames": lambda: frames(*place, view, note),
    }
    if wanted is None:
        wanted = FIGURES if result.hop_mode != FIXED_HOP else FIGURES[:-1]
    return {name: make() for name, make in makers.items() if name in wanted}


def _as_stored(result: Result) -> Result:
    """The result with no more digits than its file keeps: read back, it gives the same pictures to the byte."""
    if result.on_disk:
        return result
    samples = result.signal.samples.astype(result.config.run.dtype)
    return replace(
        result,
        stft=result.stft.astype(np.complex64, copy=False),
        signal=replace(result.signal, samples=samples),
    )


class _Whole:
    """All of a result, as pictures take it; display.Reduced has the same of one whose plane stays on disk."""

    def __init__(self, result: Result):
        self.result, self.times = result, result.times

    def magnitude(self) -> np.ndarray:
        return self.result.magnitude

    def theta(self) -> np.ndarray:
        return self.result.theta

    def reference(self, length: float) -> tuple[np.ndarray, np.ndarray]:
        return reference(self.result, length)


def _seen(result: Result, view) -> "_Whole":
    from .display import Reduced

    return Reduced(result, view.tmin, view.tmax) if result.on_disk else _Whole(result)


def _loss_curve(result: Result) -> tuple[np.ndarray, np.ndarray, str] | None:
    """Constant window lengths in ms, the loss at each and what it is called; None where the run was not about them."""
    lengths, losses, values = result.curve
    if result.mode != "constant" or len(lengths) < 3:
        return None
    name = result.criterion if np.array_equal(losses, values) else "loss"
    return lengths * 1e3 / result.sample_rate, losses, name


def view_of(signal: Signal, config: Config):
    from .figures import View

    settings = config.figures
    name = one_line(Path(signal.path).name if signal.path else signal.name)
    title = name if len(signal.channels) < 2 else f"{name}, channel {one_line(signal.channel)}"
    return View(**settings.model_dump(exclude={"format"}), start=signal.start, title=title)


def _described(result: Result) -> str:
    shortest, longest = (time_text(bound / result.sample_rate) for bound in (result.extent[0], result.extent[2]))
    if result.theta.size == 1:
        return f"{result.mode} window of {shortest}"
    return f"{result.mode} windows of {shortest} to {longest}"


def _value(name: str, value: float) -> str:
    return f", {name} {value:#.4g}"


def _panels(result: Result, seen: _Whole) -> list:
    """Short, long and best constant window on frames that did not move, and the optimum, each with its criterion."""
    from .figures import Panel

    lengths = {"Short": result.geometry.theta_min, "Long": float(result.support)}
    if result.best_constant is not None and not (result.mode == "constant" and result.placed):
        lengths["Best constant"] = result.best_constant[0]
    panels = []
    for label, length in lengths.items():
        values, times = seen.reference(length)
        label = f"{label}, {time_text(length / result.sample_rate)}"
        panels.append(Panel(label, values, _judged(result, values, length), times))
    names = {"fixed": "Fixed", "constant": "Best constant"} if result.placed else {}
    label = names.get(result.mode, "Optimum")
    label += (
        f", {time_text(result.theta.item() / result.sample_rate)}" if result.theta.size == 1 else f", {result.mode}"
    )
    values = seen.magnitude()
    return [*panels, Panel(label, values, _judged(result, values), seen.times)]


def _judged(result: Result, values: np.ndarray, length: float | None = None) -> str:
    """What a panel says of its |S| at a constant window of that many samples (None: of the result itself).

    The criterion where it has a name, else the entropy; the loss where T differs.
    """
    name = result.criterion if result.criterion in CRITERIA else "entropy"
    criterion = get_criterion(name, result.config.loss.order)
    if criterion.measure is None or result.on_disk:  # not told from one plane; the run looked at it for many lengths
        return _value(name, result.final[name]) if length is None else _on_curve(result, length)
    value = float(criterion.measure(torch.from_numpy(np.ascontiguousarray(values))))
    if "frames" in result.final:
        return _value("loss", value + math.log(result.geometry.frames / values.shape[1]))
    return _value(name, value)


def _on_curve(result: Result, length: float) -> str:
    """The criterion at a constant window of that many samples as the run's curve has it, nothing where it has none."""
    lengths, _, values = result.curve
    near = np.isclose(lengths, length, rtol=1e-4)
    return _value(result.criterion, float(values[near][0])) if near.any() else ""


def reference(result: Result, length: float) -> tuple[np.ndarray, np.ndarray]:
    """|S| (F, T) of the result's signal with one constant window of that many samples on frames that have not moved.

    Also their times in s, (T,).
    """
    samples = torch.tensor(result.signal.samples, dtype=DTYPES[result.config.run.dtype])
    positions = result.geometry.positions(length, torch.device("cpu"))
    with torch.no_grad():
        values = dstft(samples, length, positions, result.support, result.window).abs().numpy()
    return values, positions.numpy() / result.sample_rate
