"""YAML in and out: the only import of yaml.

Reading is strict: plain settings, each given once, with the number of its line. Scalars follow YAML 1.2, so ``1e-3`` is a
number, ``no`` and ``2024-01-01`` are text and ``010`` is ten. The file is read event by event, so that aliases, other tags
and deep nesting are refused before any object is built from them.
"""

import math
import os
import re
import stat
import textwrap
from collections.abc import Mapping
from typing import NoReturn

import yaml

from ..errors import ConfigError
from ..text import dotted_key, file_name, format_value, one_line

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
MAX_EVENTS = 10_000  # values, keys and brackets; a complete configuration has about 150

_WORDS = {"": None, "~": None}
_WORDS |= {case: None for case in ("null", "Null", "NULL")}
_WORDS |= {case: True for case in ("true", "True", "TRUE")}
_WORDS |= {case: False for case in ("false", "False", "FALSE")}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_CORE = "tag:yaml.org,2002:"
_TYPES = {"str": (str,), "int": (int,), "float": (int, float), "bool": (bool,), "null": (type(None),)}
_HINTS = {
    "\\t": "indent with spaces, not tabs",
    "mapping values are not allowed": "remove a colon, or indent the line less",
    "could not find expected ':'": "write each setting as key: value",
    "unhashable": "write each setting as key: value",
}


def read_yaml(path: str | os.PathLike) -> tuple[dict, dict[str, int]]:
    """The settings of a file, and the line (from 1) of each dotted key. An empty file has no settings.

    Raises ConfigError if the file cannot be read, is not UTF-8, is larger than 1 MB or is not plain YAML.
    """
    name = file_name(path)
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            raw = file.read(MAX_BYTES + 1)
            silent = not raw and stat.S_ISFIFO(os.fstat(file.fileno()).st_mode)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(one_line(f"{name}: cannot be read: {reason}")) from error
    if silent:
        raise ConfigError(one_line(f"{name}: this pipe has no writer; give a file"))
    if len(raw) > MAX_BYTES:
        raise ConfigError(
            one_line(f"{name}: larger than {MAX_BYTES} bytes, too large for a configuration; give a smaller file")
        )
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            one_line(f"{name}, line {line}: byte {error.start} is not UTF-8; save the file as UTF-8")
        ) from error
    return parse_yaml(text, name)


def _without_waiting(path: str | os.PathLike, flags: int) -> int:
    """Open a file without blocking: a pipe without a writer is empty instead of waiting for ever."""
    handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if hasattr(os, "O_NONBLOCK"):
        os.set_blocking(handle, True)
    return handle


def parse_yaml(text: str, name: str) -> tuple[dict, dict[str, int]]:
    """As read_yaml, from text. name: of the file, for messages. Raises ConfigError."""
    parser = _Parser(text, name)
    settings = parser.document()
    if settings is None:
        return {}, {}
    if not isinstance(settings, dict):
        parser.fail(1, f"found {format_value(settings)}, expected sections with lines like 'key: value' below them")
    return settings, parser.lines


def parse_scalar(text: str, name: str) -> object:
    """One YAML value: None, a bool, an int, a float or text, with or without quotes.

    Unlike a value in a file it may start with any character, such as a comma. name: where the value came from, for error messages.
    Raises ConfigError.
    """
    parser = _Parser(text, name, numbered=False)
    if text[:1] not in ("'", '"'):
        return parser.plain(text, 1)
    value = parser.document()
    if isinstance(value, dict):
        parser.fail(1, "expected a single value")
    return value


class _Parser:
    """Builds plain Python values from YAML events and records the line of every key."""

    def __init__(self, text: str, name: str, numbered: bool = True) -> None:
        self.text, self.name, self.numbered = text, name, numbered
        self.lines: dict[str, int] = {}
        self.line, self.count = 1, 0

    def fail(self, line: int, sentence: str) -> NoReturn:
        origin = f"{self.name}, line {line}" if self.numbered else self.name
        raise ConfigError(one_line(f"{origin}: {sentence}"))

    def document(self) -> object:
        """The value of the only document in the text, None if there is none. Raises ConfigError."""
        try:
            return self._document()
        except ConfigError:
            raise
        except yaml.MarkedYAMLError as error:
            self._fail_marked(error)
        except yaml.reader.ReaderError as error:
            line = self.text.count("\n", 0, error.position) + 1
            self.fail(line, f"the character U+{error.character:04X} is not allowed in YAML; delete it")
        except OverflowError:
            self.fail(self.line, r"an escape such as \U00110000 is not a character; write the character itself")
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            self.fail(self.line, f"cannot be read as YAML: {error}; put text in quotes")

    def _fail_marked(self, error: yaml.MarkedYAMLError) -> NoReturn:
        mark = error.problem_mark or error.context_mark
        problem = str(error.problem or error.context)
        hint = next((hint for sign, hint in _HINTS.items() if sign in problem), None)
        hint = hint or "check the indentation, and quote values with special characters"
        self.fail(mark.line + 1, f"column {mark.column + 1}: {problem}; {hint}")

    def _document(self) -> object:
        self.events = yaml.parse(self.text, Loader=yaml.SafeLoader)
        self._next()
        if isinstance(self._next(), yaml.StreamEndEvent):
            return None
        value = self._value(self._next(), ())
        self._next()
        if not isinstance(self._next(), yaml.StreamEndEvent):
            self.fail(self.line, "a second document starts here ('---'); keep one")
        return value

    def _next(self) -> yaml.Event:
        event = next(self.events)
        self.line = event.start_mark.line + 1
        self.count += 1
        if self.count > MAX_EVENTS:
            self.fail(self.line, f"more than {MAX_EVENTS} entries, too many for a configuration; delete some")
        if getattr(event, "anchor", None):
            name = one_line(event.anchor, 60)
            self.fail(self.line, f"anchors and aliases (&{name}, *{name}) are not supported; write the value itself")
        return event

    def _value(self, event: yaml.Event, path: tuple[str, ...]) -> object:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if len(path) >= MAX_DEPTH:
            self.fail(self.line, f"nested more than {MAX_DEPTH} deep; write sections of keys")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(event, path)
        return self._mapping(event, path)

    def _sequence(self, event: yaml.Event, path: tuple[str, ...]) -> list:
        self._check_tag(event.tag, ("seq",))
        values = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            values.append(self._value(event, (*path, str(len(values)))))
        return values

    def _mapping(self, event: yaml.Event, path: tuple[str, ...]) -> dict:
        self._check_tag(event.tag, ("map",))
        values, first = {}, {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self.fail(self.line, "a key must be a word, not a list or a group")
            self._check_tag(event.tag, ("str",))
            key, line = event.value, self.line
            if key in values:
                word = one_line(key, 60)
                self.fail(line, f"key '{word}' is given twice, the first time on line {first[key]}; keep one")
            first[key] = self.lines[dotted_key((*path, key))] = line
            values[key] = self._value(self._next(), (*path, key))
        return values

    def _scalar(self, event: yaml.ScalarEvent) -> object:
        kind = self._check_tag(event.tag, tuple(_TYPES))
        if kind == "str" or (kind is None and not event.implicit[0]):
            event.value.encode("utf-8")  # raises UnicodeEncodeError if an escape gives half a character
            return event.value
        value = self.plain(event.value, self.line)
        if kind and type(value) not in _TYPES[kind]:
            self.fail(self.line, f"{one_line(event.value, 60)!r} is not of the type of its tag, {kind}; remove the tag")
        return value

    def _check_tag(self, tag: str | None, allowed: tuple[str, ...]) -> str | None:
        if tag is None:
            return None
        kind = tag.removeprefix(_CORE)
        if kind == tag or kind not in allowed:
            self.fail(self.line, f"tag {one_line(tag, 60)!r} is not supported; write the plain value")
        return kind

    def plain(self, text: str, line: int) -> object:
        """The value of an unquoted scalar. Raises ConfigError for a number that is not finite."""
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text) and len(text) <= 400:
            return int(text)
        number = float(text) if _FLOAT.fullmatch(text) else 0.0
        if _NOT_FINITE.fullmatch(text) or not math.isfinite(number):
            self.fail(line, f"{one_line(text, 60)} is not finite; write a finite number")
        return number if _FLOAT.fullmatch(text) else text


class _Dumper(yaml.SafeDumper):
    """Quotes text that YAML 1.1 or YAML 1.2 would read as another type."""


_Dumper.add_implicit_resolver(_CORE + "float", _FLOAT, list("-+.0123456789"))


def dump_yaml(settings: Mapping[str, Mapping[str, object]], notes: Mapping[str, str] | None = None) -> str:
    """Sections of keys as YAML text, in the order given; parse_yaml reads the same values from it.

    settings: values by section and key.
    notes: comments by section or dotted key, each written above its section or key.
    """
    notes = notes or {}
    blocks = []
    for section, values in settings.items():
        lines = [*_comment(notes.get(section, ""), ""), f"{section}:"]
        for key, value in values.items():
            lines += _comment(notes.get(f"{section}.{key}", ""), "  ")
            lines.append(textwrap.indent(_entry(key, value), "  "))
        blocks.append("\n".join(lines) + "\n")
    return ("\n" if notes else "").join(blocks)


def _entry(key: str, value: object) -> str:
    return yaml.dump({key: value}, Dumper=_Dumper, allow_unicode=True, width=math.inf).rstrip("\n")


def _comment(note: str, indent: str) -> list[str]:
    mark = indent + "# "
    return textwrap.wrap(note, 100, initial_indent=mark, subsequent_indent=mark)
