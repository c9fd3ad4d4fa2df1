"""A repeated baseline against the stored one: which values moved, by how much, and whether beyond their tolerance."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...config.loading import Config
from ...figures.axis_scales import plain_number
from ...text import format_value, one_line
from .baseline_file import GRID, Baseline, Entry, Map
from .tolerances import default_tolerance, group_of, unit_of


@dataclass(frozen=True)
class Difference:
    """One value of the baseline against the same value now.

    entry: the name of the entry. name: of the fact, number or map.
    cell: which cell of a map, in Hz and s; "" elsewhere.
    was, now: the value in the baseline and now, None where it is missing.
    moved: by how much, in ``unit``; NaN where a value is missing or not finite.
    allowed: by how much it may move, in ``unit``; None for what must be equal.
    """

    entry: str
    name: str
    cell: str
    was: float | str | None
    now: float | str | None
    moved: float = math.nan
    allowed: float | None = None

    @property
    def out(self) -> bool:
        """True where it is out of tolerance."""
        if self.allowed is None:
            return type(self.was) is not type(self.now) or self.was != self.now
        return not (math.isfinite(self.moved) and abs(self.moved) <= self.allowed)

    @property
    def share(self) -> float:
        """The movement over the tolerance; infinite for any movement where none is allowed, and for NaN."""
        if not self.out and not self.allowed:
            return 0.0
        share = abs(self.moved) / self.allowed if self.allowed else math.inf
        return math.inf if math.isnan(share) else share

    @property
    def group(self) -> str:
        """What the value is about, in words for a heading."""
        return group_of(self.name)

    @property
    def unit(self) -> str:
        """The unit of the value, "" where it has none."""
        return unit_of(self.name)


@dataclass(frozen=True)
class Check:
    """A repeated baseline.

    baseline: the stored one.
    current: the measurements now, as a baseline that could replace it.
    differences: of all values, in the order of the file.
    notes: which settings and versions differ, a sentence each.
    seconds: how long each entry took.
    """

    baseline: Baseline
    current: Baseline
    differences: list[Difference]
    notes: list[str]
    seconds: Mapping[str, float]

    @property
    def out(self) -> list[Difference]:
        """The differences that are out of tolerance."""
        return [difference for difference in self.differences if difference.out]

    def worst(self, least: float = 0.0) -> list[tuple[Difference, list[Difference]]]:
        """The worst difference of each fact, number and map, with all of its cells, the worst first.

        least: the share of its tolerance from which on a difference is listed; what is out of tolerance always is.
        """
        values: dict[tuple[str, str], list[Difference]] = {}
        for difference in self.differences:
            values.setdefault((difference.entry, difference.name), []).append(difference)
        pairs = [(max(cells, key=_severity), cells) for cells in values.values()]
        listed = [pair for pair in pairs if pair[0].out or pair[0].share >= least]
        return sorted(listed, key=lambda pair: _severity(pair[0]), reverse=True)

    def groups(self) -> dict[tuple[str, str], list[Difference]]:
        """The differences of each (entry, group)."""
        groups: dict[tuple[str, str], list[Difference]] = {}
        for difference in self.differences:
            groups.setdefault((difference.entry, difference.group), []).append(difference)
        return groups


def _severity(difference: Difference) -> tuple[bool, float]:
    return difference.out, difference.share


def compare(baseline: Baseline, current: Baseline, seconds: Mapping[str, float]) -> Check:
    """Compare every entry and every value of either baseline.

    baseline: the stored one.
    current: the measurements now.
    seconds: how long each entry took.
    """
    differences = [
        difference
        for name in {**baseline.inputs, **current.inputs}
        for difference in _entry_differences(baseline, name, baseline.inputs.get(name), current.inputs.get(name))
    ]
    notes = [f"setting {text}" for text in _changes(_settings(baseline.config), _settings(current.config))]
    notes += [f"version of {text}" for text in _changes(baseline.versions, current.versions)]
    return Check(baseline, current, differences, notes, seconds)


def updated_baseline(baseline: Baseline, current: Baseline) -> Baseline:
    """The measurements of ``current``, with the tolerances that the user edited in ``baseline`` and defaults elsewhere."""
    edited = {
        key: tolerance
        for key, tolerance in baseline.tolerances.items()
        if key in current.tolerances and tolerance != default_tolerance(key, baseline.config)
    }
    inputs = {}
    for name, entry in current.inputs.items():
        before = baseline.inputs[name].tolerances if name in baseline.inputs else {}
        own = {key: before[key] for key in entry.measured if key in before}
        inputs[name] = entry.model_copy(update={"tolerances": own})
    return current.model_copy(update={"tolerances": {**current.tolerances, **edited}, "inputs": inputs})


def default_tolerances(config: Config, inputs: Mapping[str, Entry]) -> dict:
    """The tolerances that a new baseline of those entries begins with, by name; config: the settings of the runs."""
    keys = dict.fromkeys(key for entry in inputs.values() for key in entry.measured)
    return {key: default_tolerance(key, config) for key in keys}


def _entry_differences(baseline: Baseline, name: str, was: Entry | None, now: Entry | None) -> Iterator[Difference]:
    if was is None or now is None:
        yield Difference(name, "recording", "", *(None if entry is None else entry.file for entry in (was, now)))
        return
    yield Difference(name, "sha256", "", was.sha256, now.sha256)
    for key in {**was.facts, **now.facts}:
        yield Difference(name, key, "", was.facts.get(key), now.facts.get(key))
    for key in {**was.numbers, **now.numbers}:
        yield _difference(baseline, name, key, "", was.numbers.get(key), now.numbers.get(key))
    for key in {**was.maps, **now.maps}:
        for i in range(GRID):
            for j in range(GRID):
                pair = (_cell(entry.maps.get(key), i, j) for entry in (was, now))
                yield _difference(baseline, name, key, _cell_name(now, i, j), *pair)


def _difference(
    baseline: Baseline, entry: str, key: str, cell: str, was: float | None, now: float | None
) -> Difference:
    if was is None or now is None:
        return Difference(entry, key, cell, was, now)
    return Difference(entry, key, cell, was, now, now - was, baseline.tolerance(entry, key).allowed(was))


def _cell(rows: Map | None, i: int, j: int) -> float | None:
    return None if rows is None else rows[i][j]


def _cell_name(entry: Entry, i: int, j: int) -> str:
    """The range of a cell: 1000-2000 Hz, 0.1-0.2 s."""
    rate, samples = entry.facts["sample_rate"], entry.facts["samples"]
    ends = ((i, rate / 2), (j, samples / rate))
    ranges = ["-".join(plain_number(k * end / GRID) for k in (first, first + 1)) for first, end in ends]
    return f"{ranges[0]} Hz, {ranges[1]} s"


def _settings(config: Config) -> dict[str, object]:
    """By dotted key, without those of figures, which a check does not draw."""
    values = config.model_dump(by_alias=True, exclude={"figures"})
    return {f"{section}.{key}": value for section, keys in values.items() for key, value in keys.items()}


def _changes(was: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    keys = [key for key in {**was, **now} if was.get(key) != now.get(key)]
    return [one_line(f"{key}: {format_value(was.get(key))}, now {format_value(now.get(key))}") for key in keys]
