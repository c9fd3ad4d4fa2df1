"""Versions of the program and of what it stands on."""

import platform
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = ("dstft-cli", "torch", "numpy", "soundfile", "pandas", "matplotlib")


def tool_version() -> str:
    """Of dstft-cli, as metrics.json has it."""
    return _version(_PACKAGES[0])


def versions() -> dict[str, str]:
    """Of Python, dstft-cli and what it stands on."""
    from ..recordings.audio import library_version  # here, since libsndfile is slow to load

    packages = {package: _version(package) for package in _PACKAGES}
    return {"python": platform.python_version(), **packages, "libsndfile": library_version()}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "unknown"
