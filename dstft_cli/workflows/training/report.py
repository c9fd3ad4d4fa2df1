"""The numbers of a run as its files have them: means with intervals, the comparison, and one sentence about it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ...stft.modes import CONSTANT
from ...training.dataset.examples import PARTS, TEST, TRAIN, VALIDATION
from ...training.run import Record
from ...training.scores import Comparison, Mean, compare, sentence
from ...training.task import CLASSIFY
from ..other_tools import HOPS_PER_WINDOW, code_lines, rounded_window
from .prepare import Prepared

_TOOLS = ("librosa", "torchaudio", "torch")


@dataclass(frozen=True)
class Row:
    """One window over all seeds.

    length: samples; None for the learnt one. theta: mean window length in samples. losses, scores: by part.
    """

    length: float | None
    theta: Mean
    losses: dict[str, Mean]
    scores: dict[str, Mean]


@dataclass(frozen=True)
class Summary:
    """A run in numbers.

    rows: the fixed windows from the shortest on, then the learnt one. best: the fixed window with the best validation score.
    comparison: of the learnt window with it. verdict: the sentence about it. confusion: (C, C) counts, true classes by found ones.
    lines: {tool: line of code} of the learnt window that was written; empty where there are several.
    """

    rows: list[Row]
    best: Row | None
    comparison: Comparison | None
    verdict: str
    confusion: np.ndarray | None
    lines: dict[str, str]


def summarise(prepared: Prepared) -> Summary:
    """The numbers of all finished trainings."""
    records = prepared.run.records
    rows = [_row(length, [one for one in records if one.length == length]) for length in (*prepared.setup.fixed, None)]
    rows = [row for row in rows if row is not None]
    learnt = [one for one in records if one.length is None]
    fixed = [row for row in rows if row.length is not None]
    best = (
        max(fixed, key=lambda row: (row.scores[VALIDATION].value, -row.losses[VALIDATION].value))
        if fixed and learnt
        else None
    )
    comparison = _comparison(prepared, learnt, best.length) if best is not None else None
    return Summary(
        rows, best, comparison, _verdict(prepared, best, comparison), _confusion(prepared, learnt), _lines(prepared)
    )


def _row(length: float | None, records: Sequence[Record]) -> Row | None:
    if not records:
        return None
    losses = {part: Mean.of([one.losses[part] for one in records]) for part in PARTS}
    scores = {part: Mean.of([one.scores[part] for one in records]) for part in PARTS}
    return Row(length, Mean.of([float(np.mean(one.theta)) for one in records]), losses, scores)


def _comparison(prepared: Prepared, learnt: Sequence[Record], length: float) -> Comparison | None:
    others = {one.seed: one for one in prepared.run.records if one.length == length}
    pairs = [(one.clips, others[one.seed].clips) for one in learnt if one.seed in others]
    if not pairs:
        return None
    parts = prepared.parts[0]
    ratio = parts.count(TEST) / parts.count(TRAIN)
    groups = {one.name: one.group for one in prepared.examples}
    return compare([one for one, _ in pairs], [other for _, other in pairs], groups, ratio)


def _verdict(prepared: Prepared, best: Row | None, comparison: Comparison | None) -> str:
    if best is None or comparison is None:
        return "no fixed window to compare with"
    against = f"the best fixed window ({best.length:g} samples)"
    if prepared.task.name == CLASSIFY:
        percent = Comparison(
            100 * comparison.difference, comparison.over_seeds, comparison.over_units, comparison.units
        )
        return sentence(percent, against, " percentage points of test accuracy")
    return sentence(comparison, against, " Hz² of test error")


def _confusion(prepared: Prepared, learnt: Sequence[Record]) -> np.ndarray | None:
    if prepared.task.name != CLASSIFY or not learnt:
        return None
    from sklearn.metrics import confusion_matrix

    classes, labels = prepared.task.classes, {one.name: one.label for one in prepared.examples}
    truth = [labels[name] for one in learnt for name in one.outputs]
    found = [classes[number] for one in learnt for number in one.outputs.values()]
    return confusion_matrix(truth, found, labels=list(classes))


def _lines(prepared: Prepared) -> dict[str, str]:
    record = next(
        (one for one in prepared.run.records if one.length is None and one.seed == prepared.run.kept_seed), None
    )
    if record is None or prepared.setup.mode != CONSTANT or prepared.setup.window not in HOPS_PER_WINDOW:
        return {}
    lines = code_lines(rounded_window(prepared.setup.window, record.theta[0], prepared.clips.rate))
    return {tool: lines[tool] for tool in _TOOLS}


def metrics(prepared: Prepared, summary: Summary, complete: bool, notes: Sequence[str]) -> dict:
    """What metrics.json holds."""
    from ...results.versions import versions

    clips, setup, settings = prepared.clips, prepared.setup, prepared.settings
    return {
        "command": "train",
        "task": prepared.task.name,
        "stop_reason": "complete" if complete else "interrupted",
        "data": {
            "clips": len(clips),
            "classes": list(prepared.task.classes),
            "sample_rate": clips.rate,
            "samples": clips.samples.shape[1],
            "labels": prepared.labels,
            "split": prepared.split,
        },
        "settings": {**asdict(setup), **asdict(settings.budget), "seeds": settings.seeds, "model": settings.model},
        "windows": [
            {
                "window": "learnt" if row.length is None else "fixed",
                "theta_samples": asdict(row.theta),
                "losses": {part: asdict(mean) for part, mean in row.losses.items()},
                "scores": {part: asdict(mean) for part, mean in row.scores.items()},
            }
            for row in summary.rows
        ],
        "comparison": None if summary.comparison is None else asdict(summary.comparison),
        "verdict": summary.verdict,
        "confusion": None if summary.confusion is None else summary.confusion.tolist(),
        "lines": summary.lines,
        "runs": [asdict(one) for one in prepared.run.records],
        "notes": list(notes),
        "versions": versions(),
    }


def table(prepared: Prepared, summary: Summary) -> list[list[str]]:
    """The rows of table.csv, the header first: losses and scores as in Tables II and III of the paper, with 95 % intervals."""
    score = "accuracy" if prepared.task.name == CLASSIFY else "score"
    header = ["approach", "window_samples", "window_ms"]
    header += [f"{part}_{what}" for what in ("loss", score) for part in PARTS]
    header += ["test_loss_ci95", f"test_{score}_ci95"]
    lines = [header]
    for row in summary.rows:
        length = row.theta.value
        cells = [
            "DSTFT" if row.length is None else "STFT",
            f"{length:.6g}",
            f"{1e3 * length / prepared.clips.rate:.6g}",
        ]
        cells += [f"{means[part].value:.6g}" for means in (row.losses, row.scores) for part in PARTS]
        widths = (row.losses[TEST].half_width, row.scores[TEST].half_width)
        lines.append([*cells, *("" if width is None else f"{width:.6g}" for width in widths)])
    return lines
