"""``dstft predict``: a trained model on recordings."""

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from ...config.loading import Config
from ...errors import InputError
from ...recordings.preparation.prepare import KEYS
from ...results.progress import Step
from ...system.atomic_files import replace_file
from ...text import csv_text, file_name
from ...training.dataset.clips import Clips, load_clips, resized
from ...training.model_files import Model, read_model
from ...training.task import CLASSIFY

_TOGETHER = 256  # clips


def predict(
    model: Path,
    paths: Sequence[str],
    config: Config,
    resample: bool = False,
    own_factory: str | None = None,
    on_step: Callable[[Step], object] = lambda step: None,
) -> tuple[list[list[str]], tuple[str, ...], tuple[str, ...]]:
    """What a model finds in recordings.

    model: its folder, or a file in it. paths: of the recordings. config: its section ``signal`` says how they are read.
    resample: bring them to the model's rate. own_factory: as for read_model. on_step: called for each recording read.

    Returns the rows of a table, the header first, notes, and warnings of damaged recordings. The columns are, for classes: file, class,
    probability, and the probability of each class; for frequencies: file, time in s, frequency in Hz, a row for each frame.
    Raises InputError for a model or a recording that cannot be read, and for other rates.
    """
    trained = read_model(model, own_factory)
    prepared = {name: getattr(trained.facts.preparation, name) for name in KEYS}  # whatever the configuration says
    config = config.model_copy(update={"signal": config.signal.model_copy(update=prepared)})
    rate = trained.facts.sample_rate if resample else None
    clips = load_clips(paths, config, rate, on_clip=lambda done, total: on_step(Step("read", done, total)))
    if clips.rate != trained.facts.sample_rate:
        raise InputError(
            f"{file_name(paths[0])}: {clips.rate:g} Hz, but the model was trained at {trained.facts.sample_rate:g} Hz; "
            "--resample brings it to that rate"
        )
    longer = int((clips.lengths > trained.facts.samples).sum())
    limit = f"{trained.facts.samples / clips.rate:.4g} s"
    notes = (
        f"{longer} of {len(paths)} recordings are longer than {limit}, the clips of the training; their beginning is used",
    )
    clips = resized(clips, trained.facts.samples)
    outputs = _outputs(trained, clips)
    rows = (
        _classes(trained, paths, outputs) if trained.facts.task == CLASSIFY else _tracks(trained, paths, clips, outputs)
    )
    return list(rows), notes if longer else (), clips.warnings


def _outputs(trained: Model, clips: Clips) -> Tensor:
    with torch.no_grad():
        parts = torch.arange(len(clips)).split(_TOGETHER)
        return torch.cat([trained.module(clips.samples[index], clips.lengths[index]) for index in parts])


def _classes(trained: Model, paths: Sequence[str], outputs: Tensor) -> Iterator[list[str]]:
    classes = trained.facts.classes
    yield ["file", "class", "probability", *(csv_text(f"p_{name}") for name in classes)]
    for path, shares in zip(paths, outputs.double().softmax(1), strict=True):
        best = int(shares.argmax())
        yield [
            csv_text(path),
            csv_text(classes[best]),
            f"{shares[best]:.4f}",
            *(f"{share:.4f}" for share in shares.tolist()),
        ]


def _tracks(trained: Model, paths: Sequence[str], clips: Clips, outputs: Tensor) -> Iterator[list[str]]:
    yield ["file", "time_s", "frequency_hz"]
    step = trained.facts.hop / clips.rate
    for path, track, length in zip(paths, outputs.tolist(), clips.lengths.tolist(), strict=True):
        for i, frequency in enumerate(track):
            if i * trained.facts.hop < length:
                yield [csv_text(path), f"{i * step:.6g}", f"{frequency:.6g}"]


def write_table(rows: Sequence[Sequence[str]], path: Path) -> None:
    """Write the rows as CSV, whole or not at all."""
    with replace_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
