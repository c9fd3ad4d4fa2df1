"""A trained model on disk: model.safetensors with its tensors, and model.json with what it takes to build it again."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..results.json_files import Omittable, Record, parse_record, read_json
from ..text import file_name, quoted
from .checkpoint import read_state, write_state
from .frequency import FrequencyTracker
from .networks import build_classifier, load_factory, small_network
from .spectrogram import Spectrogram

TENSORS, FACTS = "model.safetensors", "model.json"
FORMAT = "dstft model"
_FIX = "take the file that dstft train wrote, or train again"
_MOST_SUPPORT, _MOST_SAMPLES = 2**20, 2**28


class PreparationFacts(Record):
    """What was done to the samples of the clips before the first layer, see ``recordings.preparation``."""

    detrend: str
    whiten: bool
    calibration: Omittable[str] = None
    sensitivity: Omittable[str] = None
    highpass: Omittable[float] = None
    lowpass: Omittable[float] = None


class ModelFacts(Record):
    """What model.json holds.

    task: one of TASKS. classes: their names in the order of the outputs. sample_rate: Hz. samples: of a clip.
    support, hop, theta_min: of the first layer, in samples. mode, window, features: likewise. theta: window lengths in samples.
    preparation: of the clips, and of what it is applied to.
    model: the package.module:factory of a network of the user's, left out for the paper's.
    """

    format: Literal["dstft model"]
    task: Literal["classify", "frequency"]
    classes: list[str]
    sample_rate: float
    samples: int
    support: int
    hop: float
    theta_min: float
    theta: list[float]
    mode: str
    window: str
    features: str
    preparation: PreparationFacts
    model: Omittable[str] = None


@dataclass(frozen=True)
class Model:
    """A trained model. facts: of model.json. module: takes samples (B, n) and lengths (B,), ready to use."""

    facts: ModelFacts
    module: nn.Module


def write_model(folder: Path, facts: ModelFacts, tensors: dict[str, Tensor]) -> None:
    """Write both files into a folder."""
    write_state(folder / TENSORS, tensors, {})
    (folder / FACTS).write_text(json.dumps(facts.model_dump(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_model(path: Path, own_factory: str | None = None) -> Model:
    """Read a model.

    path: the folder, or one of the two files in it.
    own_factory: package.module:factory, for a network of the user's; the file only names it, since a file must not choose the
        code that runs.

    Raises InputError for files that are missing, damaged or do not fit each other.
    """
    folder = path if path.is_dir() else path.parent
    facts = parse_record(ModelFacts, read_json(folder / FACTS, "model", _FIX), folder / FACTS, _FIX)
    if facts.model != own_factory:
        if facts.model is None:
            raise InputError(
                f"--model {own_factory}: {file_name(folder)} has the network of dstft itself; leave --model out"
            )
        raise InputError(
            f"{file_name(folder)}: its network is made by {quoted(facts.model)}; --model {facts.model} allows that code to run"
        )
    tensors, _ = read_state(folder / TENSORS)
    module = build(facts)
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{file_name(folder / TENSORS)}: does not fit {FACTS}: {reason}") from None
    return Model(facts, module.eval())


def build(facts: ModelFacts) -> nn.Module:
    """The model that the facts describe, untrained. Raises InputError for lengths that cannot be."""
    if not (
        2 <= facts.support <= _MOST_SUPPORT and 1 <= facts.samples <= _MOST_SAMPLES and facts.hop >= 1 and facts.theta
    ):
        raise InputError(f"{FACTS}: support, hop, samples or theta are out of range; {_FIX}")
    learnt = torch.tensor(facts.theta)[:, None]
    spectrogram = Spectrogram(
        facts.support, facts.hop, learnt, facts.theta_min, facts.mode, facts.window, facts.features
    )
    if facts.task == "frequency":
        return FrequencyTracker(spectrogram, facts.sample_rate / facts.support)
    factory = small_network if facts.model is None else load_factory(facts.model)
    return build_classifier(spectrogram, facts.samples, len(facts.classes), factory)
