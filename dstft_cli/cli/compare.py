"""``dstft compare``: spectrograms of one signal side by side, in a picture and in figures."""

import math
from pathlib import Path

import click

from . import VERBOSITY
from .options import (
    config_source,
    figure_settings,
    flags_given,
    loss_settings,
    run_settings,
    signal_settings,
    transform_settings,
)

_COLUMNS = {  # of the table: the figure, its heading, whether less (-1) or more (1) of it is better
    "entropy_nats": ("Entropy", -1),
    "renyi_entropy_nats": ("Rényi\nentropy", -1),
    "kurtosis": ("Kurtosis", 1),
    "concentration": ("Concentration", 1),
    "local_concentration_nats": ("Local\nconcentration", 1),
    "time_resolution_ms": ("Time\nresolution\n(ms)", -1),
    "frequency_resolution_hz": ("Frequency\nresolution\n(Hz)", -1),
    "occupied_percent": ("Occupied\n(%)", -1),
}
_OF_POINTS = ("entropy_nats", "renyi_entropy_nats")  # what grows with the number of points
_WORDS = """
* best of its kind. Less is better: entropies (the energy in fewer points), time and frequency resolution (what is
closer together than that runs into one), occupied (share of the plane that holds the energy). More is better:
kurtosis (each frame's energy in fewer frequencies), concentration (1: energy spread evenly, 2: noise).
Of windows that differ: shortest / median / longest, and the resolution of their mean, weighed by energy.
"""
_LOCAL_WORDS = """Local concentration is the loss concentration: of each place by itself, 0 as in noise, more is better.
It is not known (-) of other points than that run's, nor of windows shorter than it looked at."""
_CRITERIA = {  # the figure that a criterion comes to, and what a panel calls it
    "entropy": ("entropy_nats", "entropy"),
    "renyi": ("renyi_entropy_nats", "renyi"),
    "kurtosis": ("kurtosis", "kurtosis"),
    "concentration": ("local_concentration_nats", "local conc."),
}


@click.command("compare", short_help="spectrograms side by side, and their figures in a table")
@click.argument("paths", metavar="RESULT...|INPUT", nargs=-1, required=True, type=click.Path())
@click.option(
    "--window-length",
    "windows",
    multiple=True,
    metavar="LENGTH",
    help="A constant window to compare with: 20ms, 512, 25% of the support; may be repeated. "
    "[default: the shortest, the longest and the best one]",
)
@click.option(
    "-o", "--out", metavar="FILE", type=click.Path(), help="The picture: .png, .svg or .pdf. [default: compare.png]"
)
@click.option("--no-picture", is_flag=True, help="The table only.")
@click.option(
    "--csv", "sheet", metavar="FILE", type=click.Path(), help="The figures as CSV; - for stdout, instead of the table."
)
@click.option("--force", is_flag=True, help="Replace files that are there already.")
@figure_settings
@config_source
@signal_settings
@transform_settings
@loss_settings
@run_settings
@click.option("-v", "--verbose", count=True, help="Say more; -vv shows tracebacks.")
@click.option("-q", "--quiet", is_flag=True, help="No progress, no remarks and no explanations.")
@click.pass_context
def command(ctx, paths, windows, out, no_picture, sheet, force, source, sets, verbose, quiet, **params):
    """Spectrograms of one signal side by side on one colour scale, and a table of how sharp each is.

    RESULT is a folder that dstft optimize wrote (or result.npz in it); several must be of the same signal. INPUT is a
    recording, analysed as dstft optimize does it, with the same options; nothing of that is kept.

    \b
    dstft compare dstft-out/recording             against the shortest, longest and best constant window
    dstft compare entropy-run concentration-run   several results of one recording
    dstft compare dstft-out/recording --window-length 20ms --window-length 80ms
    dstft compare recording.wav --no-picture --csv figures.csv
    """
    ctx.meta[VERBOSITY] = verbose
    from ..system.shutdown import terminable
    from .compare_inputs import Targets, analysed, holds_result, refuse_settings, stored
    from .printing.console import Console

    console, flags = Console(quiet=quiet, verbose=verbose), flags_given(params)
    targets = Targets(out, no_picture, sheet, force, flags)
    with terminable():
        if any(holds_result(path) for path in paths):
            refuse_settings(ctx, source, sets, params)
            found = stored(paths, sets, flags, windows, targets)
        else:
            found = analysed(paths, source, sets, flags, windows, targets, console)
        _show(*found, console)


def _show(results, lengths, config, picture, sheet, console) -> None:
    """Measure, write the files, and print the table."""
    from ..workflows import compare
    from ..workflows.sharpness import measure

    first = next(iter(results.values()))
    found, order = compare.candidates(results, lengths), first.config.loss.order
    places = zip(found, _local(results, found, console), strict=True)
    figures, labels = [measure(one, order, local) for one, local in places], [one.label for one in found]
    remark = compare.sizes_differ(found)
    if picture is not None:
        _draw(picture, found, figures, first, config)
    if sheet is not None:
        _write(sheet, _csv(labels, figures, order))
    if sheet != "-":
        _print_table(labels, figures, remark is None, console)
    for name, result in results.items():
        if not result.complete:
            console.say(f"note: {name}: its run was {result.stop_reason}, and this is the best state before that")
    if remark:
        console.say(f"note: {remark}")
    written = [click.format_filename(path) for path in (picture, sheet) if path not in (None, "-")]
    if written and not console.quiet:
        click.echo(f"written to     {', '.join(written)}", err=sheet == "-")


def _local(results, found, console) -> list[float]:
    """The local concentration of each, where a run was about it; NaN elsewhere."""
    from ..results.progress import Step
    from ..workflows import compare

    judge = next((result for result in results.values() if result.criterion == "concentration"), None)
    if judge is None:
        return [math.nan] * len(found)
    with console.progress() as show:
        return compare.local_concentrations(judge, found, lambda index, count: show(Step("bank", index, count)))


def _draw(picture, found, measures, first, config) -> None:
    """The panels, each with what the first result's criterion comes to."""
    from ..figures import spectrograms
    from ..figures.of_result import view_of
    from ..system.atomic_files import replace_file

    key, name = _CRITERIA.get(first.criterion, _CRITERIA["entropy"])
    panels = [
        spectrograms.Panel(
            one.label,
            spectrograms.Plane(one.times, one.frequencies, one.magnitude),
            _ending(name, getattr(figure, key)),
        )
        for one, figure in zip(found, measures, strict=True)
    ]
    drawn = spectrograms.comparison(panels, view_of(first.signal, config))
    with replace_file(picture) as aside:
        spectrograms.save(drawn, str(aside), format=picture.suffix.lower()[1:], dpi=config.figures.dpi)


def _ending(name, value) -> str:
    return "" if math.isnan(value) else f", {name} {value:#.4g}".rstrip(".")


def _print_table(labels, figures, alike, console) -> None:
    """alike: whether all planes have as many points, so that what grows with them may be judged."""
    known = {key: [getattr(figure, key) for figure in figures] for key in _COLUMNS}
    known = {key: values for key, values in known.items() if not all(map(math.isnan, values))}
    rows = [[label, _windows(figure)] for label, figure in zip(labels, figures, strict=True)]
    best = set()
    for place, (key, values) in enumerate(known.items(), start=2):
        texts, finest = _texts(values, _COLUMNS[key][1])
        for row, text in zip(rows, texts, strict=True):
            row.append(text)
        if len(rows) > 1 and (alike or key not in _OF_POINTS):
            best |= {(i, place) for i, text in enumerate(texts) if text == finest}
    headings = ["Spectrogram", "Window length\n(ms)", *(_COLUMNS[key][0] for key in known)]
    console.table(headings, rows, best)
    if not console.quiet:
        click.echo(_WORDS.rstrip())
        if "local_concentration_nats" in known:
            click.echo(_LOCAL_WORDS)


def _texts(values, better) -> tuple[list[str], str]:
    """The numbers as they stand in a column, with as many decimals as give the largest four digits; and the best of them."""
    largest = max((abs(value) for value in values if not math.isnan(value)), default=0)
    decimals = max(0, 3 - math.floor(math.log10(largest))) if largest else 0
    texts = ["-" if math.isnan(value) else f"{value:.{decimals}f}" for value in values]
    return texts, max(zip(values, texts, strict=True), key=lambda pair: _rank(better * pair[0]))[1]


def _rank(value) -> float:
    return -math.inf if math.isnan(value) else value


def _windows(figure) -> str:
    from ..figures.axis_scales import plain_number

    ends = figure.window_min_ms, figure.window_median_ms, figure.window_max_ms
    low, middle, high = (plain_number(value, 4) for value in ends)
    return low if low == high else f"{low} / {middle} / {high}"


def _csv(labels, figures, order) -> str:
    """A line for each spectrogram, units in the heading, nothing where a figure is not known; order: of the Rényi entropy."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["spectrogram", *vars(figures[0]), "renyi_order"])
    for label, figure in zip(labels, figures, strict=True):
        numbers = ["" if math.isnan(value) else f"{value:.8g}" for value in vars(figure).values()]
        writer.writerow([label, *numbers, f"{order:g}"])
    return text.getvalue()


def _write(path, text) -> None:
    from ..system.atomic_files import replace_file

    if path == "-":
        click.echo(text, nl=False)
        return
    with replace_file(Path(path)) as aside:
        aside.write_text(text, encoding="utf-8", newline="")
