"""What a stored result is: the signal, the settings, the window lengths, what was gained, and the files."""

import json
import math
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click

from ...config.loading import Config
from ...recordings.request import note_line
from ...results.reader import read_result, result_folder
from ...results.result import METRICS, Result
from ...results.writer import finite
from ...text import one_line, size_words, time_text
from .console import summary_rows

_POINTS = ("entropy", "renyi")  # exp of these is how many points the same magnitude would fill evenly
_SHOWN = 8  # files


def facts(path: str) -> tuple[dict, Result]:
    """What is known of a result, and the result. Raises InputError where it cannot be read, or is damaged."""
    folder = result_folder(path)
    result = read_result(folder)
    files = {item.name: item.stat().st_size for item in sorted(folder.iterdir()) if item.is_file()}
    found = {
        "kind": "result",
        "path": click.format_filename(folder),
        "written": datetime.fromtimestamp((folder / METRICS).stat().st_mtime)
        .astimezone()
        .isoformat(timespec="seconds"),
        "files_bytes": files,
        "gain": result.final[result.criterion] - result.initial[result.criterion],
        "metrics": json.loads((folder / METRICS).read_text("utf-8")),
        "config": result.config.model_dump(mode="json", by_alias=True),
    }
    return finite(found), result


def rows(found: dict, result: Result) -> Iterator[tuple[str, str]]:
    """The facts in words, (name, text) for each line."""
    folder, signal = Path(found["path"]), result.signal
    yield (
        "result",
        f"{found['path']}, {size_words(sum(found['files_bytes'].values()), 3)}, written {found['written'].replace('T', ' ')[:16]}",
    )
    summary = dict(summary_rows(result, folder))
    channel = f", channel {one_line(signal.channel, 40)} of {len(signal.channels)}" if len(signal.channels) > 1 else ""
    begin = f", from {time_text(signal.start)} on" if signal.start else ""
    summary["signal"] += channel + begin
    summary["coverage"] = f"{100 * result.measures['coverage']['final']:.4g} % of the signal is in reach of some window"
    summary.pop("written to")
    summary[result.criterion] += f": {_gain(found['gain'], result)}"
    yield from summary.items()
    yield "settings", one_line(_changed(result.config), 300)
    yield "made by", _makers(found["metrics"])
    names = list(found["files_bytes"])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    yield "files", one_line(", ".join(names[:_SHOWN]) + more, 300)
    for note in signal.notes:
        yield "note", note_line(note)


def _gain(gain: float | None, result: Result) -> str:
    """What the run gained over the constant window that it set out from."""
    first = f"the constant window of {time_text(result.first_theta / result.sample_rate)} that it began with"
    if not gain:
        return f"no better than {first}"
    if result.criterion in _POINTS:
        points = 100 * math.expm1(gain)
        return f"the picture in {abs(points):.3g} % {'fewer' if points < 0 else 'more'} points than with {first}"
    start = result.initial[result.criterion]
    share = f"{100 * abs(gain / start):.3g} % " if start else ""
    return f"{share}{'higher' if gain > 0 else 'lower'} than with {first}"


def _changed(config: Config) -> str:
    """The settings that are not the usual ones."""
    usual, ours = (one.model_dump(mode="json", by_alias=True) for one in (Config(), config))
    changed = [
        f"{section}.{key} {value}"
        for section, keys in ours.items()
        for key, value in keys.items()
        if value != usual[section][key]
    ]
    return ", ".join(changed) or "as usual"


def _makers(metrics: dict) -> str:
    versions = metrics.get("versions")
    names = versions if isinstance(versions, dict) else {}
    words = ", ".join(f"{name} {version}" for name, version in names.items() if name in ("dstft-cli", "torch", "numpy"))
    return one_line(f"{words or 'unknown versions'}, on {metrics['device']} in {metrics['dtype']}", 300)
