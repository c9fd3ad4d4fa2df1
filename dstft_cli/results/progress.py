"""What a run reports while it goes on, and why it stopped."""

from collections.abc import Callable
from dataclasses import dataclass, field

CONVERGED, PATIENCE, STEPS, INTERRUPTED, DIVERGED = "converged", "patience", "steps", "interrupted", "diverged"
"""Why a run stopped."""


@dataclass(frozen=True)
class Step:
    """What a run reports while it goes on.

    phase: ``bank`` (window lengths computed), ``search`` (best constant), ``descent`` or ``verify``.
    index, total: how far the phase has come, and at most how far it goes.
    terms: the loss and its terms at this step. theta: (least, greatest) window length in samples.
    """

    phase: str
    index: int
    total: int
    terms: dict[str, float] = field(default_factory=dict)
    theta: tuple[float, float] | None = None


OnStep = Callable[[Step], "bool | None"]
