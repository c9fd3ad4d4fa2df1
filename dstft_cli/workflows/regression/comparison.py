"""A repeated baseline against the stored one: what moved, by how much, and whether by more than it may."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ...config.loading import Config
from ...figures.axis_scales import plain_number
from ...text import format_value, one_line
from .baseline_file import Baseline, Entry
from .measurements import GRID, Values
from .tolerances import default_tolerance, group_of, unit_of


@dataclass(frozen=True)
class Difference:
    """One value of the baseline against the same one now; None where it is missing.

    place: where in a map, "" elsewhere. moved: how far, NaN where a value is missing or not finite. allowed: how far it may;
    None for what has to be equal. Both in ``unit``.
    """

    entry: str
    name: str
    place: str
    was: float | str | None
    now: float | str | None
    moved: float = math.nan
    allowed: float | None = None

    @property
    def out(self) -> bool:
        """Whether that is more than it may."""
        if self.allowed is None:
            return type(self.was) is not type(self.now) or self.was != self.now
        return not (math.isfinite(self.moved) and abs(self.moved) <= self.allowed)

    @property
    def share(self) -> float:
        """How far it moved over how far it may; infinite where nothing is allowed, and for NaN."""
        if not self.out and not self.allowed:
            return 0.0
        share = abs(self.moved) / self.allowed if self.allowed else math.inf
        return math.inf if math.isnan(share) else share

    @property
    def group(self) -> str:
        return group_of(self.name)

    @property
    def unit(self) -> str:
        return unit_of(self.name)


@dataclass(frozen=True)
class Check:
    """A repeated baseline.

    found: what it comes to now, as the baseline that would take its place. moves: of every value, in the order of the file.
    notes: which settings and versions are not as they were. seconds: how long each entry took.
    """

    baseline: Baseline
    found: Baseline
    moves: list[Difference]
    notes: list[str]
    seconds: Mapping[str, float]

    @property
    def out(self) -> list[Difference]:
        """What is out of tolerance."""
        return [move for move in self.moves if move.out]

    def worst(self, least: float = 0.0) -> list[tuple[Difference, list[Difference]]]:
        """(the worst move, all its cells) of each number, fact or map that moved by that share of its tolerance, worst first."""
        kinds: dict[tuple[str, str], list[Difference]] = {}
        for move in self.moves:
            kinds.setdefault((move.entry, move.name), []).append(move)
        pairs = [(max(cells, key=_badness), cells) for cells in kinds.values()]
        moved = [pair for pair in pairs if pair[0].out or pair[0].share >= least]
        return sorted(moved, key=lambda pair: _badness(pair[0]), reverse=True)

    def groups(self) -> dict[tuple[str, str], list[Difference]]:
        """The moves of each (entry, group)."""
        found: dict[tuple[str, str], list[Difference]] = {}
        for move in self.moves:
            found.setdefault((move.entry, move.group), []).append(move)
        return found


def _badness(move: Difference) -> tuple[bool, float]:
    return move.out, move.share


def compare(baseline: Baseline, found: Baseline, seconds: Mapping[str, float]) -> Check:
    """What was found against the baseline: every entry and every value of either."""
    moves = [
        move
        for name in {**baseline.entries, **found.entries}
        for move in _entry_moves(baseline, name, baseline.entries.get(name), found.entries.get(name))
    ]
    notes = [f"setting {text}" for text in _changes(_flat(baseline.config), _flat(found.config))]
    notes += [f"version of {text}" for text in _changes(baseline.versions, found.versions)]
    return Check(baseline, found, moves, notes, seconds)


def updated_baseline(baseline: Baseline, found: Baseline) -> Baseline:
    """What was found, with the tolerances and reasons of the baseline that were edited, else with the usual ones."""
    edited = {
        key: kept
        for key, kept in baseline.tolerances.items()
        if key in found.tolerances and kept != default_tolerance(key, baseline.config)
    }
    entries = {}
    for name, entry in found.entries.items():
        before = baseline.entries[name].tolerances if name in baseline.entries else {}
        entries[name] = replace(entry, tolerances={key: before[key] for key in entry.values.measured if key in before})
    return replace(found, tolerances={**found.tolerances, **edited}, entries=entries)


def usual_tolerances(config: Config, entries: Mapping[str, Entry]) -> dict:
    """What a baseline of those entries begins with."""
    keys = dict.fromkeys(key for entry in entries.values() for key in entry.values.measured)
    return {key: default_tolerance(key, config) for key in keys}


def _entry_moves(baseline: Baseline, name: str, was: Entry | None, now: Entry | None) -> Iterator[Difference]:
    if was is None or now is None:
        yield Difference(name, "recording", "", *(None if entry is None else entry.file for entry in (was, now)))
        return
    yield Difference(name, "sha256", "", was.sha256, now.sha256)
    for key in {**was.values.facts, **now.values.facts}:
        yield Difference(name, key, "", was.values.facts.get(key), now.values.facts.get(key))
    for key in {**was.values.numbers, **now.values.numbers}:
        yield _move(baseline, name, key, "", was.values.numbers.get(key), now.values.numbers.get(key))
    for key in {**was.values.maps, **now.values.maps}:
        for i in range(GRID):
            for j in range(GRID):
                pair = (_cell(values.maps.get(key), i, j) for values in (was.values, now.values))
                yield _move(baseline, name, key, _cell_words(now.values, i, j), *pair)


def _move(baseline: Baseline, name: str, key: str, place: str, was: float | None, now: float | None) -> Difference:
    if was is None or now is None:
        return Difference(name, key, place, was, now)
    return Difference(name, key, place, was, now, now - was, baseline.tolerance(name, key).allowed(was))


def _cell(rows: list[list[float]] | None, i: int, j: int) -> float | None:
    return None if rows is None else rows[i][j]


def _cell_words(values: Values, i: int, j: int) -> str:
    """What of the plane a cell is: 1000-2000 Hz, 0.1-0.2 s."""
    rate, samples = values.facts["sample_rate"], values.facts["samples"]
    ends = ((i, rate / 2), (j, samples / rate))
    words = ["-".join(plain_number(k * end / GRID) for k in (first, first + 1)) for first, end in ends]
    return f"{words[0]} Hz, {words[1]} s"


def _flat(config: Config) -> dict[str, object]:
    values = config.model_dump(by_alias=True, exclude={"figures"})  # nothing is drawn
    return {f"{section}.{key}": value for section, keys in values.items() for key, value in keys.items()}


def _changes(was: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    keys = [key for key in {**was, **now} if was.get(key) != now.get(key)]
    return [one_line(f"{key}: {format_value(was.get(key))}, now {format_value(now.get(key))}") for key in keys]
