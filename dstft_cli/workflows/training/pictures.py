"""What the pictures of a run show."""

import numpy as np
from matplotlib.figure import Figure

from ...figures.shown.view import View
from ...figures.training.confusion import confusion_matrix
from ...figures.training.curves import SeedCurve, training_curves
from ...figures.training.windows import FixedScore, LearntScore, loss_over_length, score_over_length
from ...training.dataset.examples import TEST, TRAIN
from ...training.frequency import scan
from ...training.task import CLASSIFY
from .prepare import Prepared
from .report import Summary

_SCANNED = 41  # lengths of the curve of Fig. 7


def pictures(prepared: Prepared, summary: Summary) -> dict[str, Figure]:
    """{file name: figure} of a complete run."""
    view = View(dpi=prepared.settings.config.figures.dpi)
    milliseconds = 1e3 / prepared.clips.rate
    learnt = [one for one in prepared.run.records if one.length is None]
    unit = "nats" if prepared.task.name == CLASSIFY else "Hz²"
    curves = [
        SeedCurve(
            one.seed,
            np.array([epoch.train_loss for epoch in one.history]),
            np.array([epoch.validation_loss for epoch in one.history]),
            np.array([epoch.theta for epoch in one.history]) * milliseconds,
            one.best_epoch,
        )
        for one in learnt
    ]
    figures = {"training.png": training_curves(curves, unit, view)}
    if prepared.task.name != CLASSIFY:
        return figures | {"windows.png": _scanned(prepared, milliseconds, view)}
    found = [LearntScore(float(np.mean(one.theta)) * milliseconds, 100 * one.scores[TEST]) for one in learnt]
    fixed = [
        FixedScore(row.length * milliseconds, 100 * row.scores[TEST].value, 100 * (row.scores[TEST].half_width or 0.0))
        for row in summary.rows
        if row.length is not None
    ]
    figures["windows.png"] = score_over_length(fixed, found, view)
    if summary.confusion is not None:
        figures["confusion.png"] = confusion_matrix(summary.confusion, prepared.task.classes, view)
    return figures


def _scanned(prepared: Prepared, milliseconds: float, view: View) -> Figure:
    """The loss of the training clips of seed 0 over window length, with all learnt windows on it."""
    setup = prepared.setup
    index = [i for i, part in enumerate(prepared.parts[0]) if part == TRAIN]
    lengths = np.geomspace(setup.theta_min, setup.support, _SCANNED)
    losses = scan(
        lambda length: setup.spectrogram(length, False),
        prepared.clips.take(index),
        prepared.run.data.targets[index],
        lengths.tolist(),
        prepared.clips.rate / setup.support,
    )
    learnt = [float(np.mean(one.theta)) * milliseconds for one in prepared.run.records if one.length is None]
    return loss_over_length(lengths * milliseconds, np.array(losses), learnt, view)
