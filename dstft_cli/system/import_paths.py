"""Where Python looks for modules: not in the current folder, where anybody's files may lie."""

import os  # this module imports nothing that is not loaded already: it would be looked for in the current folder
import sys

_PACKAGE_HOME = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))


def trusted_paths() -> list[str]:
    """``sys.path`` without the current folder, unless this package itself is imported from there."""
    try:
        here = os.path.realpath(os.getcwd())
    except OSError:  # it was removed
        return [path for path in sys.path if path]
    return [path for path in sys.path if here == _PACKAGE_HOME or os.path.realpath(path) != here]
