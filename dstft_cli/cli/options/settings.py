"""Settings given on the command line: options that stand for keys of the configuration, collected for a command."""

import functools
from collections.abc import Callable
from typing import NamedTuple

from cloup import option

_KEYS: dict[str, str] = {}  # parameter name -> dotted key of the configuration
_FLAGS: dict[str, str] = {}  # dotted key -> option as the user writes it


class Settings(NamedTuple):
    """The settings given on the command line.

    source: file or preset of -c. sets: ``key=value`` of each --set. flags: values of other options by dotted key.
    """

    source: str | None
    sets: tuple[str, ...]
    flags: dict[str, object]

    def config(self):
        """The Config of a run. Raises ConfigError for a setting that is refused."""
        from ...config.loading import load_config  # here: --help does without it

        return load_config(*self)

    def given(self) -> dict[str, str]:
        """{option as the user writes it: its key, dotted or short} of all options given; the key of -c is empty."""
        keys = [item.partition("=")[0].strip() for item in self.sets]
        return (
            {_FLAGS[key]: key for key in self.flags}
            | {f"--set {key}": key for key in keys}
            | ({} if self.source is None else {"-c": ""})
        )


def with_settings(function: Callable) -> Callable:
    """Decorator of a command's function, which gets one argument ``settings`` for all options of the configuration."""

    @functools.wraps(function)
    def collected(*args, source=None, sets=(), **options):
        flags = {_KEYS[name]: options.pop(name) for name in list(options) if name in _KEYS}
        flags = {key: value for key, value in flags.items() if value is not None}
        return function(*args, settings=Settings(source, sets, flags), **options)

    return collected


def setting(flag: str, key: str, **attributes):
    """A click option for one key of the configuration; not given, it is None and leaves the configuration alone."""
    name = key.replace(".", "_")
    _KEYS[name], _FLAGS[key] = key, flag
    return option(flag, name, default=None, **attributes)
