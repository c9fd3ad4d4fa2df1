"""What studies of many runs share: short excerpts of the recordings at hand, and rows that outlive a run that was stopped."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))

from smoothness import recordings

from dstft_cli import Signal


def loudest(signal: Signal, samples: int) -> Signal:
    """The stretch of so many samples with the most energy, of those that follow each other; all where there are no more."""
    values = np.asarray(signal.samples[:], dtype=float)
    count = len(values) // samples
    if count == 0:
        return signal
    stretches = values[: count * samples].reshape(count, samples)
    at = int((stretches - stretches.mean(1, keepdims=True)).var(1).argmax())
    return replace(signal, samples=stretches[at] - stretches[at].mean())


def excerpts(folders: list[Path], samples: int) -> Iterator[Signal]:
    """An excerpt of every recording of some folders that can be read without options, or with a rate of 250 Hz."""
    for folder in folders:
        for signal in recordings(folder):
            yield loudest(signal, samples)


class Kept:
    """Rows by name, in a file where one is given: what is in it is not computed again."""

    def __init__(self, path: Path | None):
        self.path = path
        self.rows = json.loads(path.read_text("utf-8")) if path and path.exists() else {}

    def __call__(self, name: str, make: Callable[[], object]):
        """The row of that name; make: computes it."""
        if name not in self.rows:
            self.rows[name] = make()
            if self.path:
                self.path.write_text(json.dumps(self.rows), "utf-8")
        return self.rows[name]
