"""Error messages on unknown keys and on values that are refused."""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..text import dotted_key, format_value
from .keys import FIELDS, HOMES
from .schema import Problem

_ELSEWHERE = {  # what other tools call these settings
    "lr": "learning_rate",
    "n_fft": "support",
    "nfft": "support",
    "nperseg": "support",
    "hop_length": "hop",
    "win_length": "theta",
    "window_length": "theta",
    "sample_rate": "fs",
    "sampling_rate": "fs",
    "epochs": "steps",
    "iterations": "steps",
    "colormap": "cmap",
}

_NEEDED = {
    "greater_than": "more than {gt:g}{unit}",
    "greater_than_equal": "at least {ge:g}{unit}",
    "less_than": "less than {lt:g}{unit}",
    "less_than_equal": "at most {le:g}{unit}",
    "finite_number": "a finite number",
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "string_pattern_mismatch": "auto, cpu, cuda or cuda:1 and so on",
    "literal_error": "{expected}",
    "model_type": "a section, with its keys indented under it",
    "value_error": "{error}",
}


def explain(error: Mapping[str, Any]) -> list[Problem]:
    """The problems of one pydantic error: the keys concerned and a sentence, one or more."""
    where = error["loc"]
    if error["type"] == "combination":
        return error["ctx"]["problems"]
    if error["type"] == "extra_forbidden":
        return [((dotted_key(where),), unknown_key(where))]
    dotted = dotted_key(where)
    unit = FIELDS[where[0]][where[1]].json_schema_extra["unit"] if len(where) > 1 else ""
    return [((dotted,), f"{dotted} is {format_value(error['input'])}: it must be {requirement(error, unit)}")]


def unknown_key(where: tuple[str, ...]) -> str:
    """The error message for an unknown key. It suggests the key that was probably meant.

    where: the section and the key, or a key of the top level.
    """
    key, section = where[-1], where[0] if len(where) > 1 else None
    head, _, leaf = key.partition(".")
    if not section and leaf in FIELDS.get(head, {}):
        return f"unknown key '{key}': write {leaf} under {head}, on a line of its own"
    if not section and key in FIELDS:
        return f"{key} is a section: give one of its keys, for instance {key}.{next(iter(FIELDS[key]))}"
    known = ", ".join(FIELDS[section] if section else FIELDS)
    guess = _did_you_mean(_guess(key, section)) or f"; the known keys are {known}"
    return f"unknown key {format_value(key)}{f' in {section}' if section else ''}{guess}"


def suggestion(word: object, choices: Sequence[str]) -> str:
    """The end of a sentence that names the choice most similar to the word; empty if none is similar."""
    return _did_you_mean(difflib.get_close_matches(str(word)[:40].lower(), choices, 1, 0.5))


def requirement(error: Mapping[str, Any], unit: str = "") -> str:
    """What a value must be that pydantic refused, as the end of a sentence; unit: that of the limits."""
    context = {**error.get("ctx", {}), "unit": f" {unit}" if unit else ""}
    near = ""
    if error["type"] == "literal_error":
        near = suggestion(error["input"], re.findall(r"'([^']*)'", context["expected"]))
    return _NEEDED.get(error["type"], error["msg"]).format(**context) + near


def _guess(key: str, section: str | None) -> list[str]:
    """The key of the section, or the dotted keys of others, most similar to key."""
    key = key.lower().replace("-", "_")[:40]
    key = _ELSEWHERE.get(key, key)
    own = list(FIELDS[section] if section else FIELDS)
    if key in HOMES and key not in own:
        return HOMES[key]
    for similarity in (0.75, 0.5):
        if near := difflib.get_close_matches(key, own, 1, similarity):
            return near
        if near := difflib.get_close_matches(key, HOMES, 1, similarity):
            return HOMES[near[0]]
    return []


def _did_you_mean(guesses: Sequence[str]) -> str:
    return ": did you mean " + " or ".join(f"'{guess}'" for guess in guesses) + "?" if guesses else ""
