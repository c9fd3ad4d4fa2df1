"""What ``dstft view`` does: read and check, write the page, open it."""

import webbrowser
from collections.abc import Sequence

import click

from ...results.reader import read_result
from ...text import size_text
from ...viewer.page_file import check_bokeh
from ...workflows.view import page_file, read_tracks, write_view
from ..printing.console import Console


def run(
    console: Console, paths: Sequence[str], track: str | None, output: str | None, opened: bool, force: bool
) -> None:
    """Write the page of the results, print its name, and open it if asked to."""
    check_bokeh()
    target = page_file(output, paths, force)
    results = [read_result(path) for path in paths]
    for result, path in zip(results, paths, strict=True):
        if not result.complete:
            console.note(f"{click.format_filename(path)}: this run was {result.stop_reason}; its best state is shown")
    write_view(results, paths, target, force, read_tracks(track, results))
    console.say(f"{size_text(target.stat().st_size)}, needs no network")
    click.echo(click.format_filename(target))
    if opened and not webbrowser.open(target.absolute().as_uri()):
        console.warn(f"no browser could be opened; open {click.format_filename(target)} in one")
