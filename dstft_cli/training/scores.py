"""What the scores of several seeds show: means, intervals, and whether a difference is more than chance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .extras import require

LEVEL = 0.05
"""A difference is significant below this probability."""


@dataclass(frozen=True)
class Mean:
    """The mean of n values and half the width of its 95 % confidence interval (Student); None for a single value."""

    value: float
    half_width: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> "Mean":
        """The mean of n values, and its interval."""
        values = np.asarray(values, dtype=float)
        if len(values) < 2:
            return cls(float(values.mean()), None)
        quantile = require("scipy.stats", "scipy").t.ppf(1 - LEVEL / 2, len(values) - 1)
        return cls(float(values.mean()), float(quantile * values.std(ddof=1) / math.sqrt(len(values))))


@dataclass(frozen=True)
class Comparison:
    """The learnt window against a fixed one, on the same seeds and clips.

    difference: of the mean scores; positive where the learnt window is better.
    over_seeds: the two-sided probability of such a difference by chance: a t-test on the pairs of one seed, whose variance is
        corrected for training sets that share clips (Nadeau and Bengio, Machine Learning 52, 2003). None for a single seed.
    over_units: likewise, a t-test on what is tested: clips, or groups of clips where the data set has groups. None for less than two.
    units: how many were tested, and what they are.
    """

    difference: float
    over_seeds: float | None
    over_units: float | None
    units: str

    @property
    def significant(self) -> bool:
        """Whether both tests speak for a difference: neither the choice of seeds nor that of the tested clips explains it."""
        tests = self.over_seeds, self.over_units
        return all(value is not None and value < LEVEL for value in tests)


def compare(
    learnt: Sequence[dict[str, float]], fixed: Sequence[dict[str, float]], groups: dict[str, str], ratio: float
) -> Comparison:
    """Compare two series of results.

    learnt, fixed: for each seed {name of a tested clip: its score}, the same clips in both; larger is better.
    groups: the group of each clip, "" where there are none.
    ratio: of the numbers of test and training clips.
    """
    by_seed = np.array([np.mean([one[k] - other[k] for k in one]) for one, other in zip(learnt, fixed, strict=True)])
    units: dict[str, list[float]] = {}
    for one, other in zip(learnt, fixed, strict=True):
        for name in one:
            units.setdefault(groups[name] or name, []).append(one[name] - other[name])
    by_unit = np.array([np.mean(values) for values in units.values()])
    what = "groups" if any(groups[name] for one in learnt for name in one) else "clips"
    return Comparison(
        float(by_seed.mean()), _probability(by_seed, ratio), _probability(by_unit, 0.0), f"{len(by_unit)} {what}"
    )


def _probability(differences: np.ndarray, ratio: float) -> float | None:
    """Two-sided probability of the mean of n differences by chance; ratio: of test to training clips where they overlap."""
    count = len(differences)
    if count < 2:
        return None
    deviation = differences.std(ddof=1) * math.sqrt(1 / count + ratio)
    if deviation == 0:
        return 0.0 if differences.mean() else 1.0
    student = require("scipy.stats", "scipy").t
    return float(2 * student.sf(abs(differences.mean()) / deviation, count - 1))


def sentence(comparison: Comparison, against: str, unit: str) -> str:
    """What the comparison shows, in plain words.

    against: names the fixed window. unit: of the score, behind the number.
    """
    size = f"{abs(comparison.difference):.2g}{unit}"
    if comparison.over_seeds is None:
        return f"one seed shows no significance against {against}; use --seeds 5 or more"
    chance = ", ".join(
        f"{name} p = {value:.2g}" if value is not None else f"{name}: no test"
        for name, value in (("over seeds", comparison.over_seeds), (f"over {comparison.units}", comparison.over_units))
    )
    if not comparison.significant:
        sign = "+" if comparison.difference >= 0 else "-"
        return f"no significant gain over {against}: {sign}{size}; {chance}"
    word = "gain over" if comparison.difference > 0 else "loss against"
    return f"significant {word} {against}: {size}; {chance}"
