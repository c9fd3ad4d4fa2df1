"""The file of a page of results, and what it needs; without the imports that making one takes."""

import importlib.util

from ..errors import InputError

VIEW = "view.html"
MOST_RESULTS = 4
"""How many results fit side by side."""


def check_bokeh() -> None:
    """Raises InputError if Bokeh is not installed."""
    if importlib.util.find_spec("bokeh") is None:
        raise InputError("the page needs Bokeh, which is not installed; pip install 'dstft-cli[view]'")
