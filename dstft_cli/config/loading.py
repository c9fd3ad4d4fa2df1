"""The configuration of a run: defaults, overridden by a YAML file or preset, by ``--set`` and by other options.

Unknown keys, wrong types and impossible values are refused, all of them at once, each with its origin and the key that was
probably meant.
"""

import importlib.resources
import os
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..errors import ConfigError
from ..text import file_name, format_value, one_line
from .error_messages import explain, suggestion, unknown_key
from .keys import FIELDS, HOMES, SHORT_KEYS
from .lengths import Length
from .schema import Config, Problem

__all__ = [
    "SHORT_KEYS",
    "Config",
    "Length",
    "dump_config",
    "load_config",
    "merge_config",
    "preset_names",
    "preset_path",
]


def load_config(
    source: Config | str | os.PathLike | None = None,
    sets: Sequence[str] = (),
    flags: Mapping[str, Any] | None = None,
) -> Config:
    """The configuration of a run: defaults, overridden by source, then by sets, then by flags.

    source: a preset's name, a YAML file (a Path, an existing file, a name with a separator, .yaml or .yml) or a Config.
    sets: texts "key=value", the key dotted or short (see SHORT_KEYS), the value as in YAML; a later one wins.
    flags: values by dotted or short key; None means not given.
    Returns the Config.
    Raises ConfigError with one line for every setting that is refused, in the order in which they were given.
    """
    draft = _draft_of(source)
    for item in sets:
        draft.set(item)
    for key, value in _given(flags or {}).items():
        draft.put(key, value, _flag(key))
    return draft.config()


def merge_config(config: Config | str | os.PathLike | None, settings: Mapping[str, Any]) -> Config:
    """A configuration with some settings replaced, for callers in Python.

    config: a Config, a preset's name or a YAML file as in load_config, or None for the defaults.
    settings: values by dotted or short key; None means not given.
    Returns a new Config, or ``config`` itself if it is one and no setting is given.
    Raises ConfigError as load_config does.
    """
    if isinstance(config, Config) and not _given(settings):
        return config
    draft = _draft_of(config)
    for key, value in _given(settings).items():
        draft.put(key, value, f"setting {one_line(key, 80)}")
    return draft.config()


def _draft_of(source: Config | str | os.PathLike | None) -> "_Draft":
    draft = _Draft()
    if isinstance(source, Config):
        draft.values = source.model_dump(by_alias=True)
    elif source is not None:
        draft.read(source)
    return draft


def _given(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if value is not None}


def _flag(key: str) -> str:
    if key == "loss.criterion":
        return "--loss"
    leaf = key.rpartition(".")[2]
    ambiguous = leaf in HOMES and leaf not in SHORT_KEYS
    return key if ambiguous else f"--{leaf.strip('_').replace('_', '-')}"


class _Draft:
    """Settings collected from several origins, each with its origin, and the problems with them."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.origins: dict[str, tuple[int, str]] = {}  # (order in which it was given, words) by dotted key
        self.problems: list[tuple[int, str]] = []
        self.order = count(10**9)  # after the lines of any file

    def read(self, source: str | os.PathLike) -> None:
        """Take the settings of a file or preset. Raises ConfigError if it is missing or not plain YAML."""
        from .yaml_io import read_yaml  # here: importing config does without yaml

        path = _source_path(source)
        values, lines = read_yaml(path)
        self.values = {section: keys for section, keys in values.items() if keys is not None}
        self.origins = {key: (line, f"{file_name(path)}, line {line}") for key, line in lines.items()}

    def set(self, item: str) -> None:
        """Take a setting of the form key=value."""
        from .yaml_io import parse_scalar

        origin = f"--set {one_line(item, 80)}"
        key, equals, text = item.partition("=")
        if not equals:
            self._refuse(f"{origin}: write it as key=value, for instance transform.hop=10ms")
            return
        try:
            self.put(key.strip(), parse_scalar(text.strip(), origin), origin)
        except ConfigError as error:
            self._refuse(str(error))

    def put(self, key: str, value: Any, origin: str) -> None:
        """Set the value of a dotted or short key. origin: words for messages."""
        dotted = SHORT_KEYS.get(key, key)
        section, dot, leaf = dotted.partition(".")
        if leaf not in FIELDS.get(section, {}):
            where = (section, leaf) if dot and section in FIELDS else (section,)
            self._refuse(f"{origin}: {unknown_key(where)}")
            return
        keys = self.values.setdefault(section, {})
        if isinstance(keys, dict):  # else validation refuses the section of the file
            keys[leaf] = value
        self.origins[dotted] = (next(self.order), origin)

    def _refuse(self, problem: str) -> None:
        self.problems.append((next(self.order), problem))

    def config(self) -> Config:
        """The validated settings. Raises ConfigError with all problems."""
        config = None
        try:
            config = Config.model_validate(self.values)
        except ValidationError as refusal:
            for error in refusal.errors(include_url=False):
                self.problems += map(self._with_origin, explain(error))
        if self.problems:
            raise ConfigError("\n".join(one_line(text) for _, text in sorted(self.problems)))
        return config

    def _with_origin(self, problem: Problem) -> tuple[int, str]:
        keys, sentence = problem
        order, origin = max((self.origins[key] for key in keys if key in self.origins), default=(0, "settings"))
        return order, f"{origin}: {sentence}"


def dump_config(config: Config, comments: bool = False) -> str:
    """The configuration as YAML text, every key in the order of the schema; load_config reads an equal Config from it.

    config: the Config.
    comments: True to put a comment with meaning and unit above each section and key.
    """
    from .yaml_io import dump_yaml

    return dump_yaml(config.model_dump(by_alias=True), _notes() if comments else None)


def _notes() -> dict[str, str]:
    # Python -OO removes docstrings; sections then have no comment.
    notes = {section: home.annotation.__doc__ or "" for section, home in Config.model_fields.items()}
    for section, keys in FIELDS.items():
        for key, setting in keys.items():
            unit = setting.json_schema_extra["unit"]
            notes[f"{section}.{key}"] = setting.description + (f" [{unit}]" if unit else "")
    return notes


def _preset_folder() -> Path:
    package = Path(str(importlib.resources.files("dstft_cli")))
    packaged = package / "presets"  # a checkout has them beside the package
    return packaged if packaged.is_dir() else package.parent / "configs"


def preset_names() -> list[str]:
    """The names of the presets, sorted."""
    return sorted(path.stem for path in _preset_folder().glob("*.yaml"))


def preset_path(name: str) -> Path:
    """The YAML file of a preset. Raises ConfigError for an unknown name."""
    names = preset_names()
    if name in names:
        return _preset_folder() / f"{name}.yaml"
    guess = suggestion(name, names) or "."
    known = f"The presets are {', '.join(names)}"
    raise ConfigError(f"{format_value(name)} is neither a file nor a preset{guess} {known}")


def _source_path(source: str | os.PathLike) -> Path:
    if isinstance(source, os.PathLike):
        return Path(source)
    separators = [mark for mark in (os.sep, os.altsep) if mark]
    if any(mark in source for mark in separators) or source.lower().endswith((".yaml", ".yml")):
        return Path(source)
    return Path(source) if os.path.isfile(source) else preset_path(source)
