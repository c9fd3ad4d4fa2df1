"""How far a track has come, told to whoever waits for it."""

from collections.abc import Callable

from ..results.progress import OnStep, Step

Watch = Callable[[str, int, int], object]
"""Called with a phase, how far it has come, and how far it goes at most."""


def watch_of(on_step: OnStep | None) -> Watch:
    """The watch that reports to on_step. It raises KeyboardInterrupt where that asks for the end: half a track is none."""

    def watch(phase: str, index: int, total: int) -> None:
        if on_step is not None and on_step(Step(phase, index, total)):
            raise KeyboardInterrupt

    return watch
