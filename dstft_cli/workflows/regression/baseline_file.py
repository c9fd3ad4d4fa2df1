"""The file of a regression check: its format, defined once for writing and reading as strict JSON."""

import json
import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from ...config.error_messages import explain, suggestion
from ...config.loading import Config
from ...errors import InputError
from ...results.json_files import Record, parse_record, read_json, sentence_error
from ...results.untrusted_files import refused
from ...system.atomic_files import replace_file
from ...text import dotted_key, format_value
from .tolerances import Tolerance

FORMAT, SCHEMA_VERSION = "dstft check baseline", 1
GRID = 8  # cells of a map along frequency, and along time
_FIX = "fix it, restore it from version control, or record it again"
_ROWS = re.compile(r"\[\n\s+((?:[-+.eE0-9]+,?\s+)+)\]")  # strings in JSON hold no line break, so this matches none


def _check_map(rows: list[list[float]]) -> list[list[float]]:
    if [len(row) for row in rows] != [GRID] * GRID:
        raise ValueError(f"{GRID} rows of {GRID} numbers")
    return rows


def _read_config(content: object) -> object:
    """A configuration; where it is refused, with the sentence of its own schema."""
    if not isinstance(content, dict):
        return content
    try:
        return Config.model_validate(content)
    except ValidationError as refusal:
        _, sentence = explain(refusal.errors(include_url=False)[0])[0]
        raise sentence_error(sentence) from None


Map = Annotated[list[list[float]], AfterValidator(_check_map)]


class Entry(Record):
    """The measurements of one channel of one recording.

    file: path from the root, with slashes.
    sha256: of the file's bytes.
    facts: what must be equal, by name.
    numbers: what must stay within its tolerance, by name.
    maps: (8, 8) cells by name, along frequency upwards, then along time.
    tolerances: of single numbers or maps, instead of those of the baseline.
    """

    file: str
    sha256: str
    facts: dict[str, str | int | float]
    numbers: dict[str, float]
    maps: dict[str, Map]
    tolerances: dict[str, Tolerance] = Field(default_factory=dict)

    @property
    def measured(self) -> tuple[str, ...]:
        """The names of all numbers and maps, in order."""
        return *self.numbers, *self.maps


class Baseline(Record):
    """The measurements of some recordings, and how far each may move.

    versions: of the program and its libraries when it was recorded.
    config: the settings of every run.
    tolerances: by the name of a number or map.
    inputs: the entries by name: the file's, followed by ``#channel-2`` and so on where it has several channels.
    """

    format: Literal[FORMAT] = FORMAT
    schema_version: Literal[SCHEMA_VERSION] = SCHEMA_VERSION
    versions: dict[str, str]
    config: Annotated[Config, BeforeValidator(_read_config)]
    tolerances: dict[str, Tolerance]
    inputs: dict[str, Entry]

    def tolerance(self, entry: str, name: str) -> Tolerance:
        """The tolerance of a number or map of an entry."""
        return self.inputs[entry].tolerances.get(name) or self.tolerances[name]


def baseline_text(baseline: Baseline) -> str:
    """The text of the baseline's file. Raises InputError where a number is not finite."""
    try:
        text = json.dumps(baseline.model_dump(by_alias=True), indent=2, allow_nan=False, ensure_ascii=True)
    except ValueError:
        raise InputError("a number of the run is not finite, so it cannot become a baseline") from None
    return _ROWS.sub(lambda rows: f"[{' '.join(rows[1].split())}]", text) + "\n"


def write_baseline(baseline: Baseline, path: Path, may_exist: bool = True) -> None:
    """Write the baseline's file, all of it or nothing. Raises as replace_file and baseline_text do."""
    text = baseline_text(baseline)
    with replace_file(path, may_exist) as aside:
        aside.write_text(text, encoding="utf-8", newline="\n")


def read_baseline(path: Path) -> Baseline:
    """The baseline in a file. Raises InputError, in one sentence with the key, for anything that a check would not write."""
    if not os.path.lexists(path):
        raise refused(path, "there is no such baseline; make it with dstft check record")
    content = read_json(path, "baseline", _FIX)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise refused(path, f'this is not a baseline of dstft check, which begins with "format": "{FORMAT}"; {_FIX}')
    version = content.get("schema_version")
    if version != SCHEMA_VERSION or isinstance(version, bool):
        sentence = f"schema_version is {format_value(version)}, but this dstft reads {SCHEMA_VERSION}"
        raise refused(path, f"{sentence}; record it again, or use the dstft-cli that made it")
    baseline = parse_record(Baseline, content, path, _FIX)
    if not baseline.inputs:
        raise refused(path, "inputs is empty, so nothing would be checked; record it again")
    _check_tolerances(baseline, path)
    return baseline


def _check_tolerances(baseline: Baseline, path: Path) -> None:
    """Each number and map has a tolerance, and each tolerance has a number or map."""
    used: set[str] = set()
    for name, entry in baseline.inputs.items():
        measured = set(entry.measured)
        _check_used(entry.tolerances, measured, ("inputs", name, "tolerances"), path)
        for key in sorted(measured - entry.tolerances.keys() - baseline.tolerances.keys()):
            sentence = f"{dotted_key(('tolerances', key))} is missing, but {dotted_key(('inputs', name))} needs it"
            raise refused(path, f"{sentence}; {_FIX}")
        used |= measured
    _check_used(baseline.tolerances, used, ("tolerances",), path)


def _check_used(tolerances: dict[str, Tolerance], measured: set[str], where: tuple[str, ...], path: Path) -> None:
    for key in sorted(tolerances.keys() - measured):
        hint = suggestion(key, sorted(measured)) or "; delete it"
        raise refused(path, f"{dotted_key((*where, key))} belongs to no number or map{hint}")
