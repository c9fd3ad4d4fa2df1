"""From a data set to a run that is ready to begin: clips, labels, splits, lengths, model."""

import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from ...errors import InputError
from ...results.progress import Step
from ...results.versions import tool_version
from ...system.devices import get_device
from ...text import file_name
from ...training.dataset.clips import Clips, load_clips
from ...training.dataset.examples import Example
from ...training.dataset.find_examples import find_examples
from ...training.dataset.splits import assign_parts, describe_split
from ...training.extras import require
from ...training.fit import Data
from ...training.networks import load_factory, small_network
from ...training.run import Run, Setup
from ...training.task import FREQUENCY, Task, classification
from .settings import TrainSettings, make_setup

_LIBRARIES = {"sklearn": "scikit-learn", "scipy": "scipy", "safetensors": "safetensors"}
_MOST_CLASSES = 10_000
_OPTIONS = {"batch": "batch-size"}  # of the command, where the name is not that of the setting


@dataclass(frozen=True)
class Prepared:
    """A run that is ready, and what was found on the way.

    settings: of the run. clips: all of them. examples: what is known of each. parts: of each, by seed. task, setup: of the run.
    labels, split: sentences. run: the trainings.
    """

    settings: TrainSettings
    clips: Clips
    examples: Sequence[Example]
    parts: Sequence[Sequence[str]]
    task: Task
    setup: Setup
    labels: str
    split: str
    run: Run


def check_libraries() -> None:
    """Raises InputError where the extra ``train`` is not installed."""
    for module, library in _LIBRARIES.items():
        require(module, library)


def prepare(
    data: str, settings: TrainSettings, state: Path | None, on_step: Callable[[Step], object] = lambda step: None
) -> Prepared:
    """Read a data set and set up its run.

    data: the data set. settings: of the run. state: where the run keeps what it needs to go on.

    Raises InputError for a data set or settings that cannot work, DeviceError for a device that is not here.
    """
    check_libraries()
    settings.check()
    device = get_device(settings.config.run.device)
    if settings.config.run.threads:
        torch.set_num_threads(settings.config.run.threads)
    own = functools.partial(small_network, dropout=settings.dropout)
    factory = own if settings.model is None else load_factory(settings.model)
    tracks = settings.task == FREQUENCY
    examples, labels = find_examples(data, settings.label_pattern, settings.label_column, tracks)
    if not examples:
        raise InputError(f"{file_name(data)}: there are no recordings in it")
    classes = () if tracks else _classes(examples)
    parts = [assign_parts(examples, seed) for seed in range(settings.seeds)]
    clips = load_clips(
        [one.path for one in examples],
        settings.config,
        settings.resample,
        settings.clip,
        settings.workers,
        lambda done, total: on_step(Step("read", done, total)),
    )
    setup = make_setup(settings, clips.rate, clips.samples.shape[1])
    task, targets = _task(tracks, classes, examples, clips, setup, factory)
    identity = _identity(settings, examples, clips, setup)
    dataset = Data(clips.samples, clips.lengths, targets)
    run = Run(task, dataset, examples, parts, setup, settings.budget, device, state, identity)
    split = describe_split(examples, settings.seeds)
    return Prepared(settings, clips, examples, parts, task, setup, labels, split, run)


def _classes(examples: Sequence[Example]) -> tuple[str, ...]:
    classes = tuple(sorted({one.label for one in examples}))
    if len(classes) < 2:
        raise InputError(f"all clips have the class {classes[0]!r}; a training needs two classes or more")
    if len(classes) > min(_MOST_CLASSES, len(examples) // 3):
        raise InputError(
            f"{len(classes)} classes for {len(examples)} clips: each class needs three clips or more; is this the right column?"
        )
    return classes


def _task(tracks: bool, classes, examples, clips: Clips, setup: Setup, factory) -> tuple[Task, torch.Tensor]:
    if tracks:
        from ...training.frequency import frequency_task, read_targets

        targets = read_targets([one.track for one in examples], clips, setup.hop)
        return frequency_task(clips.rate / setup.support), targets
    numbers = {name: i for i, name in enumerate(classes)}
    return classification(classes, factory), torch.tensor([numbers[one.label] for one in examples])


def _identity(settings: TrainSettings, examples: Sequence[Example], clips: Clips, setup: Setup) -> dict:
    """What must be the same for a stopped run to go on, by the name that a user knows."""
    digest = hashlib.sha256()
    for one in examples:
        digest.update(
            "\0".join((one.name, one.label, one.part, one.fold, one.group)).encode("utf-8", "surrogateescape")
        )
    digest.update(clips.samples.numpy().tobytes())
    values = asdict(setup) | asdict(settings.budget)
    values |= {name: getattr(settings, name) for name in ("task", "seeds", "model", "dropout")}
    values |= {"threads": torch.get_num_threads(), "device": get_device(settings.config.run.device).type}
    options = {f"--{_OPTIONS.get(name, name.replace('_', '-'))}": value for name, value in values.items()}
    lists = {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}
    return {"the version of dstft": tool_version(), "the digest of clips and labels": digest.hexdigest()[:16], **lists}
