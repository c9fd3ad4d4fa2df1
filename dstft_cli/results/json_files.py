"""Strict JSON files: formats defined as pydantic models, and every refusal one sentence with file, key and remedy."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from ..config.error_messages import requirement, suggestion
from ..errors import InputError
from ..text import dotted_key, format_value
from .untrusted_files import open_untrusted, refused

MOST_BYTES = 20_000_000
_LARGEST = 1e300  # of a number
_MOST_DIGITS = 300  # of a whole number
_SPECIFIC = ("unknown_key", "missing", "sentence")  # errors that say more than which type a value should have
_KINDS = {"model_type": "a group of keys", "dict_type": "a group of keys", "list_type": "a list"}


class Record(BaseModel):
    """A group of keys in a file: types are strict, unknown keys are refused, and optional keys without a value are left out."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _check_keys(cls, content: object) -> object:
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for key in content if isinstance(content, dict) else ():
            if key not in known:
                raise PydanticCustomError("unknown_key", "unknown key", {"key": key, "known": known})
        return content

    @model_serializer(mode="wrap")
    def _as_written(self, handler: Callable) -> dict[str, Any]:
        content = handler(self)
        return {self._written(name): content[name] for name in self._keys()}

    def _written(self, name: str) -> str:
        """The key that an attribute has in the file."""
        return type(self).model_fields[name].alias or name

    def _keys(self) -> list[str]:
        """The attributes that are written, in order."""
        fields = type(self).model_fields.items()
        return [key for key, field in fields if field.is_required() or getattr(self, key) not in (None, {})]

    def values(self) -> dict[str, Any]:
        """What is written, by key, as Python has it."""
        return {self._written(name): getattr(self, name) for name in self._keys()}


def _refuse_null(value: object) -> object:
    if value is None:
        raise ValueError("a value, or left out")
    return value


AnyRecord = TypeVar("AnyRecord", bound=Record)
AnyType = TypeVar("AnyType")
Omittable = Annotated[AnyType | None, BeforeValidator(_refuse_null)]
"""The type of a key that may be left out, with the default None."""


def sentence_error(sentence: str) -> PydanticCustomError:
    """The error for a validator to raise where a sentence says it all; read_record puts the key in front of it."""
    return PydanticCustomError("sentence", "{sentence}", {"sentence": sentence})


def read_json(path: Path, what: str, fix: str) -> Any:
    """The content of a file of strict JSON: UTF-8, no key twice, all numbers finite.

    path: the file.
    what: what the file should be, for error messages ("baseline").
    fix: what the user can do where it is something else.

    Raises InputError, in one sentence, where it cannot be read, is too large or is not strict JSON.
    """
    with open_untrusted(path, what, fix) as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise refused(path, f"larger than {MOST_BYTES // 10**6} MB, too large for a {what}; {fix}")
    try:
        content = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_int=_whole_number)
        _check_numbers(content)
    except UnicodeDecodeError as error:
        raise refused(path, f"byte {error.start} is not UTF-8 text; {fix}") from None
    except json.JSONDecodeError as error:
        raise refused(path, f"line {error.lineno}, column {error.colno}: not JSON ({error.msg}); {fix}") from None
    except RecursionError:
        raise refused(path, f"its groups are nested too deep for a {what}; {fix}") from None
    except ValueError as error:
        raise refused(path, f"{error}; {fix}") from None
    return content


def parse_record(kind: type[AnyRecord], content: object, path: Path, fix: str) -> AnyRecord:
    """The record that the content of a file makes.

    kind: the class of the record.
    content: what read_json gave.
    path: the file, for the sentence.
    fix: what the user can do where a value is missing or wrong.

    Raises InputError, in one sentence with the dotted key, for the first key that is missing, unknown or has a wrong value.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as refusal:
        raise _refusal(refusal.errors(include_url=False), content, path, fix) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    group = dict(pairs)
    if len(group) < len(pairs):
        keys = [key for key, _ in pairs]
        double = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"key {format_value(double)} is given twice; keep one")
    return group


def _whole_number(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else math.inf


def _check_numbers(content: object, path: tuple[str | int, ...] = ()) -> None:
    """Raises ValueError for NaN, Infinity and what is beyond any number, all of which Python reads without complaint."""
    if isinstance(content, dict | list):
        for key, item in content.items() if isinstance(content, dict) else enumerate(content):
            _check_numbers(item, (*path, key))
    elif isinstance(content, int | float) and not abs(content) <= _LARGEST:
        raise ValueError(f"{dotted_key(path)} is {format_value(content)}: it must be a finite number")


def _refusal(errors: Sequence[Mapping[str, Any]], content: object, path: Path, fix: str) -> InputError:
    keys, alternatives = _first_wrong_value(errors, content)
    error = next((error for error in alternatives if error["type"] in _SPECIFIC), alternatives[0])
    key, kind = dotted_key(keys), error["type"]
    if kind == "unknown_key":
        unknown, known = error["ctx"]["key"], error["ctx"]["known"]
        hint = suggestion(unknown, known) or f"; the keys there are {', '.join(known)}"
        return refused(path, f"unknown key {format_value(unknown)}{f' in {key}' if key else ''}{hint}")
    if kind == "sentence":
        return refused(path, f"{key}: {error['msg']}")
    if kind == "missing":
        return refused(path, f"{dotted_key((*keys, error['loc'][-1]))} is missing; {fix}")
    needed = " or ".join(dict.fromkeys(_KINDS.get(error["type"]) or requirement(error) for error in alternatives))
    return refused(path, f"{key} is {format_value(error['input'])}: it must be {needed}; {fix}")


def _first_wrong_value(
    errors: Sequence[Mapping[str, Any]], content: object
) -> tuple[tuple[str | int, ...], list[Mapping[str, Any]]]:
    """The keys that lead to the first wrong value, and its errors: several where its type has alternatives.

    Where an alternative is a group and the content is one too, the value is the wrong one in that group.
    """
    paths = [_existing_keys(error["loc"], content) for error in errors]
    first = max((path for path in paths if path[: len(paths[0])] == paths[0]), key=len)
    return first, [error for path, error in zip(paths, errors, strict=True) if path == first]


def _existing_keys(keys: Sequence[str | int], content: object) -> tuple[str | int, ...]:
    """Those keys of pydantic's that lead through the content; among them it also names the alternatives of a type."""
    path = []
    for key in keys:
        if key in content if isinstance(content, dict) else isinstance(content, list) and isinstance(key, int):
            content = content[key]
            path.append(key)
    return tuple(path)
