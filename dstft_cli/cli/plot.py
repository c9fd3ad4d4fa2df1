"""``dstft plot``: a result's figures drawn again, and its window lengths as a table."""

import sys
from pathlib import Path

import click

from . import VERBOSITY
from .options import figure_settings, flags_given, setting, stacked

_NAMES = ("spectrogram", "theta", "comparison", "loss", "frames")

_view = stacked(
    click.option("--tmin", type=float, metavar="S", help="Begin at this many seconds of the recording."),
    click.option("--tmax", type=float, metavar="S", help="End at this many seconds of the recording."),
    figure_settings,
    click.option("--theta-cmap", metavar="NAME", help="Matplotlib colour map of window lengths. [default: viridis]"),
    click.option("--size", metavar="WxH", help="Width and height in inches, 10x5. Small pictures get smaller print."),
    setting("--dpi", "figures.dpi", type=int, metavar="N", help="Dots an inch."),
)


@click.command("plot", short_help="draw a result's figures again")
@click.argument("path", metavar="RESULT", type=click.Path())
@click.option(
    "--figure",
    "names",
    multiple=True,
    type=click.Choice(_NAMES),
    help="Which to draw; may be repeated. [default: all that optimize draws; none with --theta-csv]",
)
@click.option(
    "-o",
    "--out",
    metavar="DIR|FILE",
    type=click.Path(),
    help="Where to: a folder or, for one figure, a file ending in .png, .svg or .pdf. [default: plots in RESULT]",
)
@_view
@click.option(
    "--theta-csv",
    "table",
    metavar="FILE",
    type=click.Path(),
    help="The window lengths as CSV: time_s, frequency_hz, theta_ms; - for stdout.",
)
@click.option("--force", is_flag=True, help="Replace files that are there already.")
@click.option("-v", "--verbose", count=True, help="-vv shows tracebacks.")
@click.option("-q", "--quiet", is_flag=True, help="No remarks.")
@click.pass_context
def command(ctx, path, names, out, table, force, verbose, quiet, **params):
    """Draw the figures of RESULT again with other ranges, scales, colours and sizes. Nothing is optimised anew.

    RESULT is a folder that dstft optimize wrote (or result.npz in it). What is not given is as the run had it, so that
    without options the same pictures come out. The ranges also choose what the table of window lengths holds.

    \b
    dstft plot dstft-out/call --figure spectrogram --tmin 0.2 --tmax 0.6 --fmin 20000 -o call.pdf
    dstft plot dstft-out/call --size 3.5x2.5 --format svg --db-range 60
    dstft plot dstft-out/call --theta-csv - | head
    """
    ctx.meta[VERBOSITY] = verbose
    from ..system.shutdown import terminable
    from .printing.console import Console

    with terminable():
        _plot(path, tuple(dict.fromkeys(names)), out, table, force, params, Console(quiet, verbose))


def _plot(path, names, out, table, force, params, console) -> None:
    """Check everything, draw, write, and name what was written."""
    from ..figures.of_result import make_figures, usual_figures
    from ..results.reader import read_result, result_folder
    from ..workflows import replot

    changes, kind = _changes(params), replot.picture_kind(out, params["figures_format"])
    home, result = result_folder(path), read_result(path)
    result = _seen_as(result, home, {**flags_given(params), "figures.format": kind})
    names = names or (() if table else usual_figures(result))
    replot.check_used(result, [*names, *[replot.TABLE] * bool(table)], _given(out, params))
    settings = result.config.figures
    files = replot.picture_files(out, home, names, settings.format)
    sheets = [] if table in (None, "-") else [Path(table)]
    replot.check_free([*files.values(), *sheets], home, force)
    limits = {name: params.get(name, params.get(f"figures_{name}")) for name in ("tmin", "tmax", "fmin", "fmax")}
    rows = replot.theta_table(result, **limits) if table else None
    pictures = {files[name]: figure for name, figure in make_figures(result, names, **changes).items()}
    replot.write_files(pictures, settings.format, settings.dpi, dict.fromkeys(sheets, rows))
    _tell([*pictures, *sheets], rows if table == "-" else None, result, console)


def _changes(params) -> dict:
    """What the config has no key for: attributes of the view."""
    from ..workflows.replot import read_size

    given = {"size": read_size(params["size"]), **{name: params[name] for name in ("tmin", "tmax", "theta_cmap")}}
    return {name: value for name, value in given.items() if value is not None}


def _seen_as(result, folder, flags):
    """The result with those settings of its figures that were given on the command line."""
    from dataclasses import replace

    from ..config.loading import load_config
    from ..results.result import CONFIG

    return replace(result, config=load_config(folder / CONFIG, (), flags))


def _given(out, params) -> dict:
    """{option: value} of all that says how pictures look or where they go, as the user writes it."""
    named = {f"--{name.removeprefix('figures_').replace('_', '-')}": value for name, value in params.items()}
    return {"-o": out, **named}


def _tell(written, rows, result, console) -> None:
    """The table, or else the names of what was written, on stdout."""
    if not result.complete:
        console.say(f"note: this run was {result.stop_reason}; the result is the best state before that")
    if rows is not None:
        sys.stdout.writelines(rows)
        sys.stdout.flush()
    for file in written:
        click.echo(click.format_filename(file), err=rows is not None)
