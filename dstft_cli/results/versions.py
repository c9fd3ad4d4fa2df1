"""Versions: of the program, of the libraries that it stands on, and of the format of a result."""

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..text import format_value
from .untrusted_files import refused

SCHEMA_VERSION = 4
"""Of the format of a result: its arrays and its metrics carry it."""

RUN_AGAIN = "run dstft optimize again"
_PACKAGES = ("dstft-cli", "torch", "numpy", "scipy", "soundfile", "pandas", "matplotlib")


def tool_version() -> str:
    """The version of dstft-cli, as metrics.json has it."""
    return _version(_PACKAGES[0])


def versions() -> dict[str, str]:
    """The versions of Python, dstft-cli and the libraries that it stands on, by name."""
    from ..recordings.audio import library_version  # here, since libsndfile is slow to load

    packages = {package: _version(package) for package in _PACKAGES}
    return {"python": platform.python_version(), **packages, "libsndfile": library_version()}


def check_version(path: Path, version: object) -> None:
    """Check that a file of a result has the format that this program reads.

    path: the file, for the sentence.
    version: what the file gives as its schema_version.

    Raises InputError for another one.
    """
    if isinstance(version, bool) or not isinstance(version, int | float):
        raise refused(path, f"schema_version is {format_value(version)}: it must be a number; {RUN_AGAIN}")
    if version != SCHEMA_VERSION:
        fix = "update dstft-cli" if version > SCHEMA_VERSION else RUN_AGAIN
        written = f"written in format {format_value(version)}; this dstft reads format {SCHEMA_VERSION}"
        raise refused(path, f"{written}: {fix}")


@cache  # looking one up takes a millisecond
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "unknown"
