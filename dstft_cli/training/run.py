"""All trainings of a run: for each seed the learnt window and each fixed one, with the same budget, resumed after a stop."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from ..errors import InputError
from ..results.progress import Step
from ..stft.modes import FIXED
from .checkpoint import read_state, write_state
from .dataset.examples import PARTS, TEST, TRAIN, VALIDATION, Example
from .fit import Budget, Data, Epoch, Fit, evaluate
from .length_sweep import best_start
from .spectrogram import Spectrogram
from .task import Task


@dataclass(frozen=True)
class Setup:
    """The first layer of every model of a run: lengths in samples.

    theta: the first window length; None takes the best of a short sweep.
    fixed: window lengths to compare with.
    """

    support: int
    hop: float
    theta_min: float
    theta: float | None
    mode: str
    window: str
    features: str
    fixed: tuple[float, ...]

    def spectrogram(self, length: float, learnt: bool) -> Spectrogram:
        """The layer at a window length, learnt from there or fixed."""
        least = self.theta_min if learnt else min(self.theta_min, length)
        mode = self.mode if learnt else FIXED
        return Spectrogram(self.support, self.hop, length, least, mode, self.window, self.features)


@dataclass
class Record:
    """The outcome of one training.

    seed: of it. length: its fixed window in samples; None for the learnt one. start: the first length in samples.
    theta: window lengths of the best state in samples, one or one a bin. best_epoch: from 0. history: of all epochs.
    losses, scores: by part. clips: {name of a test clip: score}. outputs: for classes {name of a test clip: class number}.
    sweep: {length in samples: validation loss} of the sweep for the start. seconds: it took.
    """

    seed: int
    length: float | None
    start: float
    theta: list[float] = field(default_factory=list)
    best_epoch: int = 0
    history: list[Epoch] = field(default_factory=list)
    losses: dict[str, float] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    clips: dict[str, float] = field(default_factory=dict)
    outputs: dict[str, int] = field(default_factory=dict)
    sweep: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    @classmethod
    def from_json(cls, content: dict) -> "Record":
        """The record that asdict made."""
        history = [Epoch(one["train_loss"], one["validation_loss"], tuple(one["theta"])) for one in content["history"]]
        return cls(**{**content, "history": history})


class Run:
    """The trainings of a run, one after the other.

    task: what is trained for. data: all N clips. examples: what is known of them. parts: for each seed the part of each clip.
    setup, budget: of every training. device: where they are computed.
    state: the file that holds what is needed to go on; None keeps none.
    identity: what must be the same for a run to go on, by name.

    ``records`` holds finished trainings, ``kept`` the best state of the learnt windows so far.
    """

    def __init__(
        self,
        task: Task,
        data: Data,
        examples: Sequence[Example],
        parts: Sequence[Sequence[str]],
        setup: Setup,
        budget: Budget,
        device: torch.device,
        state: Path | None = None,
        identity: dict | None = None,
    ):
        self.task, self.data, self.examples, self.parts = task, data, examples, parts
        self.setup, self.budget, self.device = setup, budget, device
        self.state, self.identity = state, identity or {}
        self.jobs = [(seed, length) for seed in range(len(parts)) for length in (None, *setup.fixed)]
        self.records: list[Record] = []
        self.kept: dict[str, Tensor] = {}
        self.kept_loss, self.kept_seed = math.inf, 0
        self._stored: tuple[dict[str, Tensor], dict] | None = None
        self._epochs, self._began = 0, time.perf_counter()

    def resume(self) -> bool:
        """Read the state of a run that was stopped; False where there is none.

        Raises InputError where the file is damaged or that of a run with other settings or clips.
        """
        if self.state is None or not self.state.exists():
            return False
        tensors, facts = read_state(self.state)
        for name, value in self.identity.items():
            if facts["identity"].get(name) != value:
                raise InputError(
                    f"--resume: {name} is {value} and was {facts['identity'].get(name)}; give the same command, or begin anew with "
                    "--on-existing overwrite"
                )
        self.records = [Record.from_json(one) for one in facts["records"]]
        self.kept = {name[5:]: value for name, value in tensors.items() if name.startswith("kept.")}
        if facts["kept"]:
            self.kept_loss, self.kept_seed = facts["kept"]
        now = {name[4:]: value for name, value in tensors.items() if name.startswith("now.")}
        self._stored = (now, facts["now"]) if facts["now"] else None
        return True

    def go(self, on_step: Callable[[Step], bool | None] = lambda step: None) -> bool:
        """Do what is left; True when all is done, False where ``on_step`` asked to stop.

        Raises DivergedError where a loss is not finite, OutputError where the state cannot be written.
        """
        self._began = time.perf_counter()
        return all(self._train(seed, length, on_step) for seed, length in self.jobs[len(self.records) :])

    def _train(self, seed: int, length: float | None, on_step) -> bool:
        began = time.perf_counter()
        train, validation = (self._part(seed, part) for part in (TRAIN, VALIDATION))
        fit, record = self._begin(seed, length, train, validation, on_step)
        if fit is None:
            return False
        stopped = bool(on_step(self._step(fit)))
        while not fit.done:
            if stopped or not fit.run_epoch(train, validation, lambda: bool(on_step(self._step(fit)))):
                return False
            self._epochs += 1
            record.history = fit.history
            self._keep(fit, record)
            self._write(fit, record)
            stopped = bool(on_step(self._step(fit)))
        self._finish(fit, record)
        record.seconds += time.perf_counter() - began
        self.records.append(record)
        self._write()
        return True

    def _begin(self, seed: int, length: float | None, train: Data, validation: Data, on_step):
        """The training, fresh or as it was stopped, and its record; (None, None) where the sweep was stopped."""
        if self._stored is not None:
            (tensors, facts), self._stored = self._stored, None
            record = Record.from_json(facts)
            fit = self._fit(seed, record.start, length is None, train)
            fit.restore(tensors, record.history)
            return fit, record
        start, sweep = length or self.setup.theta, {}
        if start is None:

            def build(candidate: float) -> Fit:
                return self._fit(seed, candidate, False, train)

            found = best_start(build, self._bounds(), train, validation, lambda i, n: on_step(Step("sweep", i, n)))
            if found is None:
                return None, None
            start, sweep = found
        return self._fit(seed, start, length is None, train), Record(seed, length, start, sweep=sweep)

    def _bounds(self) -> tuple[float, float]:
        return self.setup.theta_min, self.setup.support

    def _fit(self, seed: int, start: float, learnt: bool, train: Data) -> Fit:
        torch.manual_seed(seed)  # the same weights at first for every window
        spectrogram = self.setup.spectrogram(start, learnt).to(self.device)
        spectrogram.calibrate(train.samples, train.lengths)
        model = self.task.build(spectrogram, train.samples.shape[1]).to(self.device)
        learns = any(value.requires_grad for value in model.parameters())
        budget = self.budget if learns else Budget(1, self.budget.batch, 0.0, 0.0)
        return Fit(model, self.task.loss, budget, seed, keep_last=not self.task.classes)

    def _part(self, seed: int, part: str) -> Data:
        index = [i for i, own in enumerate(self.parts[seed]) if own == part]
        return self.data.take(torch.tensor(index)).to(self.device)

    def _keep(self, fit: Fit, record: Record) -> None:
        loss = fit.history[fit.best_epoch].validation_loss
        if record.length is None and (loss < self.kept_loss or self.kept_seed == record.seed):
            self.kept, self.kept_loss, self.kept_seed = dict(fit.best), loss, record.seed

    def _finish(self, fit: Fit, record: Record) -> None:
        """Score the best state on all parts."""
        fit.load_best()
        record.best_epoch, record.theta = fit.best_epoch, fit.spectrogram.theta().flatten().tolist()
        for part in PARTS:
            data = self._part(record.seed, part)
            loss, outputs = evaluate(fit.model, data, fit.loss)
            scores = self.task.scores(outputs, data.targets.cpu())
            record.losses[part], record.scores[part] = loss, float(scores.mean())
            if part == TEST:
                names = [
                    one.name for one, own in zip(self.examples, self.parts[record.seed], strict=True) if own == TEST
                ]
                record.clips = dict(zip(names, scores.tolist(), strict=True))
                if self.task.classes:
                    record.outputs = dict(zip(names, outputs.argmax(1).tolist(), strict=True))

    def _step(self, fit: Fit) -> Step:
        """How far the run is, in epochs of all its trainings, and the time that it will still take."""
        learns_weights = bool(self.task.classes)
        per_job = [self.budget.epochs if learns_weights or length is None else 1 for _, length in self.jobs]
        done = sum(per_job[: len(self.records)]) + len(fit.history)
        spent = time.perf_counter() - self._began
        left = spent / self._epochs * (sum(per_job) - done) if self._epochs else None
        terms = {"loss": fit.history[-1].validation_loss} if fit.history else {}
        lengths = fit.spectrogram.theta()
        return Step("train", done, sum(per_job), terms, (float(lengths.min()), float(lengths.max())), left)

    def _write(self, fit: Fit | None = None, record: Record | None = None) -> None:
        if self.state is None:
            return
        tensors = {f"kept.{name}": value for name, value in self.kept.items()}
        tensors |= {f"now.{name}": value for name, value in fit.tensors().items()} if fit is not None else {}
        facts = {
            "identity": self.identity,
            "records": [asdict(one) for one in self.records],
            "kept": [self.kept_loss, self.kept_seed] if self.kept else None,
            "now": asdict(record) if record is not None else None,
        }
        write_state(self.state, tensors, facts)
