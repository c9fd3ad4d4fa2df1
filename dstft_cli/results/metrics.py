"""metrics.json: its format, defined once for writing and reading."""

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from ..recordings.annotations.box import Annotations, Box
from ..recordings.notes import NOTE, WARNING
from ..stft.modes import HOP_MODES, MODES
from ..text import one_line
from .json_files import Omittable, Record, parse_record, read_json
from .progress import CONVERGED, DIVERGED, INTERRUPTED, PATIENCE, STEPS
from .untrusted_files import refused
from .versions import RUN_AGAIN, SCHEMA_VERSION, check_version

MEASURES = ("entropy", "kurtosis", "coverage")
"""Reported of every run, whatever it optimised."""


_LEAST_SHARE, _LEAST_GAIN = (
    0.1,
    0.02,
)  # of the energy that is narrower, and of the mean width, to be worth several windows


def _writable(text: str) -> str:
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("text without halves of characters")
    return text


def _nan_for_null(value: object) -> object:
    return math.nan if value is None else value


def _null_for_nan(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


Text = Annotated[str, AfterValidator(_writable)]
Number = Annotated[float, BeforeValidator(_nan_for_null), PlainSerializer(_null_for_nan)]
"""null stands for a number that is not finite."""


class Change(Record):
    """A term of the loss, or a measure, for the constant window that the run set out from and for the result."""

    initial: Number
    final: Number


class Extent(Record):
    """The least, the median and the greatest of several lengths."""

    min: Number
    median: Number
    max: Number


class WindowLengths(Record):
    """The extent of the window lengths in both units."""

    samples: Extent
    seconds: Extent


class ErrorSample(Record):
    """The error of the transform at random bins: rms over the rms of S, maximum over the largest |S|."""

    rms: Number
    max: Number
    bins_checked: int


class BankFacts(Record):
    """The window bank of a run. nodes: its window lengths. rms: its error over the rms of S. loss_error: its error of the loss."""

    nodes: Omittable[int] = None
    rms: Number = Field(None)
    loss_error: Number = Field(None)


class Narrowing(Record):
    """How the spectrogram compares with that of the best constant window, by the area that the energy fills at each place.

    theta: of the constant window, in samples.
    narrower: by how much the places that became narrower did so, as a fraction.
    share: of the energy in them, 0 to 1.
    wider_share: of the energy in places that became wider.
    much_narrower, much_share: the same as narrower and share, of the places that became narrower by a fifth and more.
    overall: by how much all places became narrower in the mean, weighed by amplitude, so that what is faint in the picture
        counts too; below 0 they became wider.
    restlessness: octaves by which window lengths change in half of the middle length in time, and in its reciprocal in
        frequency, weighed by amplitude.
    """

    theta: Number
    narrower: Number
    share: Number
    wider_share: Number
    overall: Number
    much_narrower: Number = 0.0
    much_share: Number = 0.0
    restlessness: Number = 0.0

    @property
    def worthwhile(self) -> bool:
        """False where the constant window shows the recording as well."""
        return self.share >= _LEAST_SHARE and self.overall >= _LEAST_GAIN


class GridFacts(Record):
    """The time-frequency grid; lengths in samples."""

    support: int
    hop: Extent | Number  # in this order: the serializer of Number would take any value
    theta_min: Number
    frames: int
    bins: int
    window: Text


class Seconds(Record):
    """How long each phase of the run took, in s."""

    load: Number = Field(None)
    bank: Number
    optimize: Number
    verify: Number
    write: Number = Field(None)
    total: Number


class BoxFacts(Record):
    """A box that decided window lengths: its number, its ends in s of recording time, its band in Hz where it has one, its label."""

    number: int
    start: Number
    end: Number
    low: Omittable[float] = None
    high: Omittable[float] = None
    label: Text


class AnnotationFacts(Record):
    """The file of annotations, its hash, the boxes in the signal, and whether the signal is cut out about its one box."""

    file: Text
    sha256: Text
    boxes: list[BoxFacts]
    alone: bool


class InputFacts(Record):
    """The signal: its file's name and hash, rate in Hz, channel, begin in s, unit, and the recording's own time of the file's first
    sample, a date, a time of day or a number of seconds, and what the recorder wrote, such as species and position."""

    name: Text
    sha256: Text | None
    sample_rate: Number
    samples: int
    channel: Text
    channels: list[Text]
    start: Number
    unit: Text
    began: Omittable[Text | float] = None
    metadata: Omittable[dict[str, Text]] = None
    annotations: Omittable[AnnotationFacts] = None


class Remark(Record):
    """A remark about the recording."""

    severity: Literal[NOTE, WARNING]
    text: Text


class Metrics(Record):
    """All of metrics.json. Of the terms of the loss and the criteria only those of the run are present."""

    schema_version: Literal[SCHEMA_VERSION] = SCHEMA_VERSION
    mode: Literal[MODES]
    hop_mode: Literal[HOP_MODES]
    criterion: Literal["local-entropy", "entropy", "renyi", "kurtosis", "custom"]
    stop_reason: Literal[CONVERGED, PATIENCE, STEPS, INTERRUPTED, DIVERGED]
    steps: int
    loss: Change
    renyi: Omittable[Change] = None
    local_entropy: Omittable[Change] = Field(None, alias="local-entropy")
    custom: Omittable[Change] = None
    regularization: Change
    frames: Omittable[Change] = None
    penalty: Omittable[Change] = None
    entropy: Change
    kurtosis: Change
    coverage: Change
    theta: WindowLengths
    best_constant: dict[str, Number] | None
    narrowing: Narrowing | None
    accuracy: ErrorSample
    bank: BankFacts | None
    geometry: GridFacts
    chosen: list[Literal["support", "hop", "theta_min"]] = Field(default_factory=list)
    seconds: Seconds
    device: Text
    dtype: Literal["float32", "float64"]
    threads: int
    seed: int
    input: InputFacts
    notes: list[Remark]
    versions: dict[str, Text]

    @property
    def terms(self) -> dict[str, Change]:
        """The loss and its terms, by name."""
        names = ("loss", self.criterion, "regularization", "frames", "penalty")
        return {name: change for name, change in self.values().items() if name in names}

    def _keys(self) -> list[str]:
        """The criterion follows the loss."""
        keys = super()._keys()
        name = self.criterion.replace("-", "_")
        if name in keys:
            keys.remove(name)
            keys.insert(keys.index("loss") + 1, name)
        return keys


def read_metrics(path: Path) -> Metrics:
    """The metrics in a file. Raises InputError, in one sentence, where they are missing, damaged or of another version."""
    content = read_json(path, "metrics file", RUN_AGAIN)
    if not isinstance(content, dict) or "schema_version" not in content:
        raise refused(path, f"this was not written by dstft optimize; {RUN_AGAIN}")
    check_version(path, content["schema_version"])
    return parse_record(Metrics, content, path, RUN_AGAIN)


def relative_change(criterion: str, first: float, last: float) -> float:
    """The change of a criterion or loss as a fraction, below 0 where it fell.

    criterion: its name. A local entropy counts in nats from a zero that means nothing: exp of a difference, less 1, is the
        fraction by which the energy about a point fills more of the plane.
    first, last: before and after.

    Returns 0 where the first is 0 and no fraction of it can be taken.
    """
    if criterion == "local-entropy":
        return math.expm1(last - first)
    return (last - first) / abs(first) if first else 0.0


def annotation_facts(annotations: Annotations) -> AnnotationFacts:
    """The annotations of a signal as metrics.json has them."""
    boxes = [
        BoxFacts(
            **{name: value for name, value in {**vars(box), "label": one_line(box.label)}.items() if value is not None}
        )
        for box in annotations.boxes
    ]
    return AnnotationFacts(
        file=one_line(annotations.file), sha256=annotations.sha256, boxes=boxes, alone=annotations.alone
    )


def annotations_of(facts: AnnotationFacts | None) -> Annotations | None:
    """The annotations that metrics.json has."""
    if facts is None:
        return None
    boxes = tuple(Box(**{**box.values(), "label": one_line(box.label)}) for box in facts.boxes)
    return Annotations(one_line(facts.file), facts.sha256, boxes, facts.alone)
