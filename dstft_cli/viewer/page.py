"""Results as one HTML file that needs no network: their layers, plots, sound and the script that joins them."""

import base64
import hashlib
import importlib.resources
from collections.abc import Iterator, Sequence

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from ..results.result import Result
from ..tracking.tables.track_lines import TrackLine
from .content import collected, content_of
from .page_file import check_bokeh

_SCRIPTS = ("planes.js", "plots.js", "finer.js", "sound.js", "controls.js", "keys.js")


def page(results: Sequence[Result], paths: Sequence[str], tracks: Sequence[TrackLine] = ()) -> Iterator[str]:
    """The page of results side by side, piece by piece.

    The same results give the same page.

    results: at most MOST_RESULTS.
    paths: where each result is, as the user writes it.
    tracks: lines over each of them.

    Raises InputError if Bokeh is not installed, or the results' pictures would show nothing.
    """
    check_bokeh()
    from bokeh.embed import json_item
    from bokeh.resources import Resources

    from .plots import plots

    parts: list[str] = []
    shown = collected(results, paths)
    content, axes = content_of(shown, tracks, parts)
    scripts = [Markup("\n".join(Resources(mode="inline", components=["bokeh"]).js_raw)), _script()]
    style = _asset("view.css")
    hashes = " ".join(map(_hash, scripts))
    sources = "img-src data: blob:; media-src data:; style-src 'unsafe-inline'"  # Bokeh styles its elements one by one
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    # Bokeh's JSON defines a model where it comes first, and refers to it later.
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False, "allow_nan": False}
    return environment.get_template("view.html.j2").generate(
        title=" | ".join(dict.fromkeys(one.layers.view.title for one in shown)),
        policy=Markup(
            f"default-src 'none'; {sources}; script-src {hashes}"
        ),  # nothing but what stands in the page is ever loaded or run, whatever a name holds
        style=style,
        scripts=scripts,
        results=content["results"],
        content=content,
        plots=json_item(plots(axes), "plots"),
        parts=parts,
    )


def _asset(name: str) -> Markup:
    return Markup(importlib.resources.files(__package__).joinpath("templates", name).read_text("utf-8"))


def _script() -> Markup:
    return Markup("").join(_asset(name) for name in _SCRIPTS)


def _hash(text: str) -> str:
    """The hash of an element that begins and ends on new lines, as the page's security policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(f'{chr(10)}{text}{chr(10)}'.encode()).digest()).decode()}'"
