"""``dstft train`` from a data set to a folder: the run, its numbers, pictures, tables and model."""

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ...errors import InputError, OutputExistsError
from ...recordings.preparation.prepare import Preparation
from ...results.progress import Step
from ...results.writer import finite
from ...system.atomic_files import check_folder, replace_files
from ...system.folder_lock import folder_lock, remove_leftovers
from ...text import csv_text
from ...training.checkpoint import CHECKPOINT
from ...training.model_files import FACTS, FORMAT, TENSORS, ModelFacts, PreparationFacts, write_model
from .prepare import Prepared, check_libraries, prepare
from .report import Summary, metrics, summarise, table
from .settings import TrainSettings

METRICS, TABLE, SPLITS, ONNX = "metrics.json", "table.csv", "splits.csv", "model.onnx"
PICTURES = ("training.png", "windows.png", "confusion.png")
RESUME, OVERWRITE, ERROR = ON_EXISTING = ("resume", "overwrite", "error")


@dataclass(frozen=True)
class Outcome:
    """A run and its numbers. complete: False where it was stopped. parity: how far the exported model is from torch, or None."""

    prepared: Prepared
    summary: Summary
    complete: bool
    parity: float | None = None


def is_complete(folder: Path) -> bool:
    """Whether the folder holds a training that finished."""
    try:
        return json.loads((folder / METRICS).read_text("utf-8"))["stop_reason"] == "complete"
    except (OSError, ValueError, KeyError, TypeError):
        return False


def check_target(folder: Path, on_existing: str) -> None:
    """Raises where a run may not write into the folder."""
    if on_existing == ERROR and (folder / CHECKPOINT).exists():
        raise OutputExistsError(
            f"{folder}: holds a training that was stopped; --resume goes on with it, --on-existing overwrite begins anew"
        )
    if on_existing == ERROR and (folder / METRICS).exists():
        raise OutputExistsError(
            f"{folder}: already contains a result; --on-existing overwrite replaces it, -o names another folder"
        )
    check_folder(folder)


def train(
    data: str,
    settings: TrainSettings,
    folder: Path,
    on_existing: str = ERROR,
    export: str | None = None,
    on_step: Callable[[Step], bool | None] = lambda step: None,
    on_ready: Callable[[Prepared, bool], object] = lambda prepared, resumed: None,
) -> Outcome:
    """Train on a data set and write the results.

    data: the data set. settings: of the run. folder: of the results. on_existing: one of ON_EXISTING.
    export: ``onnx`` writes the model in that form too. on_step: called at each step; True asks to stop.
    on_ready: called before the first training, with the run and whether it goes on from a stored state.

    Raises InputError, DeviceError, DivergedError or OutputError, each of one sentence.
    """
    check_libraries()
    if export is not None:
        from ...training.onnx_export import check_onnx

        check_onnx()
    check_target(folder, on_existing)
    remove_leftovers(folder)
    with folder_lock(folder) as check_place:
        if on_existing == OVERWRITE:
            (folder / CHECKPOINT).unlink(missing_ok=True)
        prepared = prepare(data, settings, folder / CHECKPOINT, on_step)
        on_ready(prepared, on_existing == RESUME and prepared.run.resume())
        complete = prepared.run.go(on_step)
        check_place()
        if not prepared.run.kept:
            return Outcome(prepared, summarise(prepared), False)
        on_step(Step("write", 0, 1))
        return _write(prepared, folder, complete, export)


def _write(prepared: Prepared, folder: Path, complete: bool, export: str | None) -> Outcome:
    """Write all files, the metrics last. A run that was stopped keeps its state and has no pictures yet."""
    summary, parity = summarise(prepared), None
    stale = [*PICTURES, TABLE, SPLITS, TENSORS, FACTS, ONNX, *([CHECKPOINT] if complete else [])]
    with replace_files(folder, METRICS, stale) as temporary:
        facts = _facts(prepared)
        write_model(temporary, facts, prepared.run.kept)
        _write_csv(temporary / SPLITS, _splits(prepared))
        _write_csv(temporary / TABLE, table(prepared, summary))
        if complete:
            _draw(prepared, summary, temporary)
        if export is not None:
            from ...training.onnx_export import export_onnx

            parity = export_onnx(facts, prepared.run.kept, temporary / ONNX, prepared.clips)
        content = metrics(prepared, summary, complete, (*prepared.clips.warnings, *prepared.clips.notes))
        content |= {} if parity is None else {"onnx_largest_difference": parity}
        text = json.dumps(finite(content), indent=2, allow_nan=False, ensure_ascii=False)
        (temporary / METRICS).write_text(text + "\n", encoding="utf-8")
    return Outcome(prepared, summary, complete, parity)


def _facts(prepared: Prepared) -> ModelFacts:
    setup, settings, clips = prepared.setup, prepared.settings, prepared.clips
    theta = prepared.run.kept["spectrogram.layer.theta"].flatten().tolist()
    own = {} if settings.model is None else {"model": settings.model}
    chosen = asdict(Preparation.of(settings.config.signal.model_dump()))
    preparation = {name: value for name, value in chosen.items() if value is not None}
    return ModelFacts(
        format=FORMAT,
        task=prepared.task.name,
        classes=list(prepared.task.classes),
        sample_rate=clips.rate,
        samples=clips.samples.shape[1],
        support=setup.support,
        hop=float(setup.hop),
        theta_min=float(setup.theta_min),
        theta=theta,
        mode=setup.mode,
        window=setup.window,
        features=setup.features,
        preparation=PreparationFacts(**preparation),
        **own,
    )


def _splits(prepared: Prepared) -> list[list[str]]:
    header = ["path", "label", "group", "fold", *(f"seed_{seed}" for seed in range(len(prepared.parts)))]
    rows = [
        [csv_text(cell) for cell in (one.name, one.label, one.group, one.fold)] + [parts[i] for parts in prepared.parts]
        for i, one in enumerate(prepared.examples)
    ]
    return [header, *rows]


def _write_csv(path: Path, rows: Sequence[Sequence[str]]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def _draw(prepared: Prepared, summary: Summary, folder: Path) -> None:
    from ...figures import spectrograms
    from .pictures import pictures

    for name, figure in pictures(prepared, summary).items():
        spectrograms.save(figure, folder / name, dpi=prepared.settings.config.figures.dpi)


def default_folder(data: str) -> Path:
    """dstft-out/<name of the data set>-training."""
    name = Path(data).absolute().name
    stem = Path(name).stem if Path(data).is_file() else name
    if not stem.strip(". "):
        raise InputError(f"{data}: give the folder of the result with -o")
    return Path("dstft-out") / f"{stem}-training"
