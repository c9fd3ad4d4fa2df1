"""Outlines of boxes over time and frequency."""

import numpy as np

from ...recordings.annotations.box import Box
from ..axis_scales import ImageScales

_MOST_LABELLED = 12  # boxes in a picture: more labels would cover it


def outlines(boxes: tuple[Box, ...], scales: ImageScales) -> list[tuple[Box, np.ndarray]]:
    """The boxes that an image shows, and the part of it that each takes.

    boxes: in s of recording time and Hz; without limits they reach over all frequencies.
    scales: of the image.

    Returns each box with (left, bottom, right, top) as fractions of the image, from 0 to 1.
    """
    shown = []
    for box in boxes:
        left, right = scales.x.places([box.start, box.end])
        low = 0.0 if box.low is None else scales.y.places([box.low])[0]
        high = 1.0 if box.high is None else scales.y.places([box.high])[0]
        if right > 0 and left < 1 and high > 0 and low < 1:
            shown.append((box, np.clip([left, low, right, high], 0, 1)))
    return shown


def labels(shown: list[tuple[Box, np.ndarray]]) -> list[str]:
    """What is written at each box: its label, or its number; nothing where boxes are many."""
    return [box.label or str(box.number) for box, _ in shown] if len(shown) <= _MOST_LABELLED else [""] * len(shown)
