"""The file of a regression check: strict JSON in and out, every number finite, every key known and given once."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NoReturn

from ...config.error_messages import explain, suggestion
from ...config.loading import Config
from ...errors import InputError
from ...system.atomic_files import replace_file
from ...text import file_name, format_value, one_line
from .measurements import GRID, Values
from .tolerances import Tolerance

FORMAT, SCHEMA_VERSION = "dstft check baseline", 1
MOST_BYTES = 20_000_000
_MEND = "fix it, restore it from version control, or record it again"
_ROWS = re.compile(r"\[\n\s+((?:[-+.eE0-9]+,?\s+)+)\]")  # text in JSON holds no line break, so this is none


@dataclass(frozen=True)
class Entry:
    """What was recorded of one channel of one recording.

    file: its path from the root, with slashes. sha256: of its bytes. tolerances: its own, over those of the baseline.
    """

    file: str
    sha256: str
    values: Values
    tolerances: Mapping[str, Tolerance] = field(default_factory=dict)


@dataclass(frozen=True)
class Baseline:
    """entries: by name, the file's, with ``#channel-2`` and so on where there are several of one file.

    versions: of what it was recorded with. config: the settings of every run. tolerances: by the name of a number or map.
    """

    versions: Mapping[str, str]
    config: Config
    tolerances: Mapping[str, Tolerance]
    entries: Mapping[str, Entry]

    def tolerance(self, entry: str, name: str) -> Tolerance:
        """That of a number or map of an entry."""
        return self.entries[entry].tolerances.get(name) or self.tolerances[name]


def baseline_text(baseline: Baseline) -> str:
    """The file's text. Raises InputError where a number is not finite."""
    content = {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "versions": dict(baseline.versions),
        "config": baseline.config.model_dump(by_alias=True),
        "tolerances": {name: _plain(tolerance) for name, tolerance in baseline.tolerances.items()},
        "inputs": {name: _entry(entry) for name, entry in baseline.entries.items()},
    }
    try:
        text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=True)
    except ValueError:
        raise InputError("a number of the run is not finite, so no baseline can be made of it") from None
    return _ROWS.sub(lambda rows: f"[{' '.join(rows[1].split())}]", text) + "\n"


def _plain(tolerance: Tolerance) -> dict:
    return {"relative" if tolerance.relative else "absolute": tolerance.amount, "reason": tolerance.reason}


def _entry(entry: Entry) -> dict:
    own = {name: _plain(tolerance) for name, tolerance in entry.tolerances.items()}
    found = {"file": entry.file, "sha256": entry.sha256, **asdict(entry.values)}
    return {**found, "tolerances": own} if own else found


def write_baseline(baseline: Baseline, path: Path) -> None:
    """The file, whole or not at all. Raises OutputError."""
    text = baseline_text(baseline)
    with replace_file(path) as aside:
        aside.write_text(text, encoding="utf-8", newline="\n")


def read_baseline(path: Path) -> Baseline:
    """The baseline in a file. Raises InputError, in one sentence with the place, for whatever is not as it was written."""
    return _Reader(file_name(path)).baseline(_load(path))


def _load(path: Path) -> object:
    name = file_name(path)
    try:
        with open(path, "rb") as file:
            raw = file.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise InputError(f"{name}: larger than {MOST_BYTES // 10**6} MB, which no baseline is")
        return json.loads(raw.decode("utf-8"), object_pairs_hook=_once)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{name}: there is no such baseline; make it with dstft check record") from None
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: byte {error.start} is no UTF-8 text; {_MEND}") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{name}, line {error.lineno}, column {error.colno}: {error.msg}; {_MEND}") from None
    except ValueError as error:  # of _once, of a path with a null in it, of a number with thousands of digits
        raise InputError(f"{name}: {one_line(str(error), 120)}; {_MEND}") from None
    except RecursionError:
        raise InputError(f"{name}: nested too deep for a baseline; {_MEND}") from None


def _once(pairs: list[tuple[str, object]]) -> dict:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        double = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"key {format_value(double)} is given twice, keep one")
    return found


class _Reader:
    """Builds a baseline from what JSON gave, with the place of each value for the sentence that refuses it."""

    def __init__(self, name: str):
        self.name = name

    def fail(self, where: str, sentence: str) -> NoReturn:
        raise InputError(one_line(f"{self.name}: {where}{sentence}"))

    def baseline(self, content: object) -> Baseline:
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            self.fail("", f'this is no baseline of dstft check, which begins with "format": "{FORMAT}"')
        version = content.get("schema_version")
        if version != SCHEMA_VERSION or isinstance(version, bool):
            told = f"its schema_version is {format_value(version)}, and this dstft reads {SCHEMA_VERSION}"
            self.fail("", f"{told}; record it again, or use the dstft-cli it was made with")
        keys = ("format", "schema_version", "versions", "config", "tolerances", "inputs")
        parts = self._object(content, "", keys)
        tolerances = self._tolerances(parts["tolerances"], "tolerances")
        inputs = self._object(parts["inputs"], "inputs")
        if not inputs:
            self.fail("inputs", " is empty, so nothing would be checked; record it again")
        entries = {name: self._entry(entry, f"inputs.{format_value(name)}") for name, entry in inputs.items()}
        versions = self._texts(parts["versions"], "versions")
        found = Baseline(versions, self._config(parts["config"]), tolerances, entries)
        self._check_tolerances(found)
        return found

    def _object(self, value: object, where: str, keys: tuple = (), optional: tuple = ()) -> dict:
        """A group with just those keys, whatever they are where none are told."""
        if not isinstance(value, dict):
            self.fail(where, f" is {format_value(value)}: it must be a group of keys; {_MEND}")
        lead, known = f"{where}." if where else "", (*keys, *optional)
        for key in value:
            if keys and key not in known:
                guess = suggestion(key, known) or f"; the keys there are {', '.join(known)}"
                self.fail(f"{lead}{format_value(key)}", f" is no key of a baseline{guess}")
        for key in keys:
            if key not in value:
                self.fail(f"{lead}{key}", f" is missing; {_MEND}")
        return value

    def _number(self, value: object, where: str, least: float = -math.inf) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or abs(value) > 1e300 or not math.isfinite(value):  # whole numbers may be beyond any float
            self.fail(where, f" is {format_value(value)}: it must be a finite number; {_MEND}")
        if value < least:
            self.fail(where, f" is {format_value(value)}: it must be at least {least:g}")
        return float(value)

    def _text(self, value: object, where: str) -> str:
        if not isinstance(value, str):
            self.fail(where, f" is {format_value(value)}: it must be text; {_MEND}")
        return value

    def _texts(self, value: object, where: str) -> dict[str, str]:
        return {key: self._text(text, f"{where}.{key}") for key, text in self._object(value, where).items()}

    def _config(self, value: object) -> Config:
        try:
            return Config.model_validate(self._object(value, "config"))
        except InputError:
            raise
        except ValueError as refusal:  # pydantic's, which knows what is wrong
            _, sentence = explain(refusal.errors(include_url=False)[0])[0]
            self.fail("config: ", sentence)

    def _tolerances(self, value: object, where: str) -> dict[str, Tolerance]:
        places = {name: f"{where}.{format_value(name)}" for name in self._object(value, where)}
        return {name: self._tolerance(value[name], place) for name, place in places.items()}

    def _tolerance(self, value: object, where: str) -> Tolerance:
        parts = self._object(value, where, ("reason",), ("absolute", "relative"))
        kinds = [kind for kind in ("absolute", "relative") if kind in parts]
        if len(kinds) != 1:
            told = (
                "has both absolute and relative: keep one" if kinds else "has neither absolute nor relative: give one"
            )
            self.fail(where, f" {told}")
        amount = self._number(parts[kinds[0]], f"{where}.{kinds[0]}", least=0)
        reason = self._text(parts["reason"], f"{where}.reason")
        if not reason.strip():
            self.fail(f"{where}.reason", " is empty: say why that much is allowed")
        return Tolerance(amount, kinds[0] == "relative", reason)

    def _entry(self, value: object, where: str) -> Entry:
        parts = self._object(value, where, ("file", "sha256", "facts", "numbers", "maps"), ("tolerances",))
        facts = self._object(parts["facts"], f"{where}.facts")
        for name, fact in facts.items():
            if not isinstance(fact, str):
                self._number(fact, f"{where}.facts.{name}")
        numbers = self._object(parts["numbers"], f"{where}.numbers")
        numbers = {name: self._number(number, f"{where}.numbers.{name}") for name, number in numbers.items()}
        maps = self._object(parts["maps"], f"{where}.maps")
        maps = {name: self._map(cells, f"{where}.maps.{name}") for name, cells in maps.items()}
        texts = (self._text(parts[key], f"{where}.{key}") for key in ("file", "sha256"))
        return Entry(
            *texts, Values(facts, numbers, maps), self._tolerances(parts.get("tolerances", {}), f"{where}.tolerances")
        )

    def _map(self, value: object, where: str) -> list[list[float]]:
        rows = value if isinstance(value, list) else []
        if [len(row) if isinstance(row, list) else 0 for row in rows] != [GRID] * GRID:
            self.fail(where, f" is no {GRID} rows of {GRID} numbers; {_MEND}")
        return [[self._number(cell, f"{where}[{i}][{j}]") for j, cell in enumerate(row)] for i, row in enumerate(rows)]

    def _check_tolerances(self, found: Baseline) -> None:
        """Each number and map has one, and each is somebody's."""
        used = set()
        for name, entry in found.entries.items():
            own = set(entry.values.measured)
            for key in entry.tolerances.keys() - own:
                guess = suggestion(key, sorted(own)) or "; delete it"
                self.fail(f"inputs.{format_value(name)}.tolerances.{format_value(key)}", f" is of nothing there{guess}")
            for key in own - entry.tolerances.keys() - found.tolerances.keys():
                self.fail(
                    f"tolerances.{format_value(key)}", f" is missing: inputs.{format_value(name)} has it; {_MEND}"
                )
            used |= own
        for key in found.tolerances.keys() - used:
            guess = suggestion(key, sorted(used)) or "; delete it"
            self.fail(f"tolerances.{format_value(key)}", f" is of nothing that was recorded{guess}")
