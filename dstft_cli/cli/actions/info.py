"""What ``dstft info`` does: read each path, and print what it is as text or JSON."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import click

from ...config.loading import Config
from ...errors import DstftError, InputError
from ...results.folder import is_result, result_folder
from ...results.reader import read_result
from ...results.result import METRICS, Result
from ...results.writer import finite
from ...workflows.describe_recording import describe_recording
from ..printing import recording as recording_text
from ..printing import result as result_text
from ..printing.console import Console, Row


def run(console: Console, config: Config, paths: Sequence[str], given: Sequence[str], as_json: bool) -> int:
    """Print each path that can be read; return the exit code of the first that cannot. A single path raises its error.

    given: the options that apply to recordings only, as the user writes them.
    """
    described, code, separate = [], 0, False
    for path in paths:
        try:
            facts, rows = _describe(path, config, given)
        except DstftError as error:
            if len(paths) == 1:
                raise
            facts, rows = {"path": click.format_filename(path), "error": str(error)}, None
            code = code or error.exit_code
            click.echo(f"Error: {error}", err=True)
        if rows and not as_json:
            console.facts(rows, separate)
            separate = True
        described.append(facts)
    if as_json:
        console.json(finite(described))
    return code


def _describe(path: str, config: Config, given: Sequence[str]) -> tuple[dict, Iterator[Row]]:
    """The facts about one path, for JSON and as rows of text."""
    if not is_result(path) and not Path(path).is_dir():
        facts = {"kind": "recording", "path": click.format_filename(path), **describe_recording(path, config)}
        return facts, recording_text.rows(facts)
    if given:
        raise InputError(f"{given[0]}: applies to recordings only, but {click.format_filename(path)} is a result")
    facts, result = _describe_result(path)
    return facts, result_text.rows(facts, result)


def _describe_result(path: str) -> tuple[dict, Result]:
    """The facts about a result, and the result. Raises InputError if it is missing or damaged."""
    folder = result_folder(path)
    result, metrics = read_result(folder), folder / METRICS
    written = datetime.fromtimestamp(metrics.stat().st_mtime).astimezone()
    facts = {
        "kind": "result",
        "path": click.format_filename(folder),
        "written": written.isoformat(timespec="seconds"),
        "files_bytes": {item.name: item.stat().st_size for item in sorted(folder.iterdir()) if item.is_file()},
        "gain": result.final[result.criterion] - result.initial[result.criterion],
        "metrics": json.loads(metrics.read_text("utf-8")),
        "config": result.config.model_dump(mode="json", by_alias=True),
    }
    return finite(facts), result
