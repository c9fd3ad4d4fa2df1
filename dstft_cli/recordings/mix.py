"""The mean over channels, which says nothing where they cancel each other out."""

import numpy as np

from ..errors import InputError
from .notes import WARNING, Note
from .request import Request

_CANCELLED, _WEAKENED = 1e-3, 0.1  # times the rms of a channel


def notes_on_mix(request: Request, mix: np.ndarray, channel: np.ndarray) -> list[Note]:
    """A warning where the channels of a recording cancel each other out in part.

    request: names the file.
    mix: (N,) mean over the channels.
    channel: (M,) samples of the first, from the same sample on.

    Raises InputError where next to nothing is left of them.
    """
    count = min(len(mix), len(channel))
    with np.errstate(over="ignore", invalid="ignore"):
        left, whole = np.std(mix[:count]), np.std(channel[:count])
        share = left / whole if whole else 1.0
    if share < _CANCELLED:
        raise InputError(
            f"{request.where}: the channels cancel each other out, their mean has {share:.1g} times the rms of channel 1; "
            "choose one of them with --channel"
        )
    if share < _WEAKENED:
        return [
            Note(f"the mean over the channels has {share:.2g} times the rms of channel 1: they cancel in part", WARNING)
        ]
    return []
