"""What ``dstft plot`` does: draw a result's pictures again, and write its window lengths as a table."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click

from ...config.loading import load_config
from ...config.schema import FigureSettings
from ...figures.of_result import make_figures, usual_figures
from ...results.folder import result_folder
from ...results.reader import read_result
from ...results.result import CONFIG, Result
from ...workflows import replot
from ..printing.console import Console


@dataclass(frozen=True)
class Options:
    """The options of a plot that the configuration has no key for. table: the file of --theta-csv."""

    table: str | None
    force: bool
    tmin: float | None
    tmax: float | None
    theta_cmap: str | None
    size: str | None

    @property
    def look(self) -> dict[str, object]:
        """How the pictures look: the options given, by name."""
        look = {name: value for name, value in asdict(self).items() if name not in ("table", "force")}
        return {name: value for name, value in look.items() if value is not None}


def run(
    console: Console,
    flags: Mapping[str, object],
    path: str,
    names: Sequence[str],
    output: str | None,
    options: Options,
) -> None:
    """Check everything, draw, write, and print what was written. flags: settings of pictures by dotted key."""
    view = {**options.look, **({"size": replot.read_size(options.size)} if options.size is not None else {})}
    kind = replot.picture_kind(output, flags.get("figures.format"))
    home, result = result_folder(path), read_result(path)
    config = load_config(home / CONFIG, (), {**flags, "figures.format": kind})
    result, look = replace(result, config=config), config.figures
    names = tuple(dict.fromkeys(names)) or (() if options.table else usual_figures(result))
    replot.check_used(result, [*names, *[replot.TABLE] * bool(options.table)], _given(flags, output, options))
    files = replot.picture_files(output, home, names, look.format)
    sheets = [] if options.table in (None, "-") else [Path(options.table)]
    replot.check_free([*files.values(), *sheets], home, options.force)
    if beyond := look.beyond(result.sample_rate):
        console.note(beyond)
    limits = {name: view.get(name) for name in ("tmin", "tmax")} | _band_given(look, flags)
    rows = replot.theta_table(result, **limits) if options.table else None
    pictures = {files[name]: figure for name, figure in make_figures(result, names, **view).items()}
    replot.write_files(pictures, look.format, look.dpi, dict.fromkeys(sheets, rows), options.force)
    _print(console, result, [*pictures, *sheets], rows if options.table == "-" else None)


def _band_given(look: FigureSettings, flags: Mapping[str, object]) -> dict[str, float | None]:
    """The limits of the frequency axis that the command line gives in Hz, None for the others. look: the settings read from it."""
    band = {name: getattr(look, name) for name in ("fmin", "fmax")}
    return {
        name: limit if f"figures.{name}" in flags and not isinstance(limit, str) else None
        for name, limit in band.items()
    }


def _given(flags: Mapping[str, object], output: str | None, options: Options) -> dict[str, object]:
    """{option as the user writes it: value} of all that says how pictures look or where they go."""
    named = {key.partition(".")[2]: value for key, value in flags.items()} | options.look
    return {"-o": output} | {f"--{name.replace('_', '-')}": value for name, value in named.items()}


def _print(console: Console, result: Result, files: Sequence[Path], rows: Iterable[str] | None) -> None:
    """Print the table, or else the names of the files, on stdout."""
    if not result.complete:
        console.note(f"this run was {result.stop_reason}; the result is the best state before that")
    if rows is not None:
        sys.stdout.writelines(rows)
        sys.stdout.flush()
    for file in files:
        click.echo(click.format_filename(file), err=rows is not None)
