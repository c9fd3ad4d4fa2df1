"""What a run reports while it goes on, and why it stopped."""

from collections.abc import Callable
from dataclasses import dataclass, field

CONVERGED, PATIENCE, STEPS, INTERRUPTED, DIVERGED = "converged", "patience", "steps", "interrupted", "diverged"
"""Why a run stopped."""


@dataclass(frozen=True)
class Step:
    """What a run reports while it goes on.

    phase: ``bank`` (window lengths computed), ``search`` (best constant window), ``descent``, ``verify`` or ``write``; of a
        training ``read`` (clips), ``sweep`` (first window lengths) or ``train`` (epochs); of a track ``track`` (steps
        of paths).
    index: how far the phase has come.
    total: how far it goes at most.
    terms: the loss and its terms at this step.
    theta: (least, greatest) window length in samples, None where the phase has none.
    left: s to the end of the run, None where that is not known.
    """

    phase: str
    index: int
    total: int
    terms: dict[str, float] = field(default_factory=dict)
    theta: tuple[float, float] | None = None
    left: float | None = None


OnStep = Callable[[Step], "bool | None"]
"""Called with each Step; True asks the run to stop."""
