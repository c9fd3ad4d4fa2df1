"""``dstft recommend``: the window and the hop to use in any tool, for one recording or a set."""

from pathlib import Path

import click

from . import VERBOSITY
from .options import LENGTH, config_source, flags_given, loss_settings, setting, signal_settings, stacked

_ADVICE = {
    "longest": "the best window is the longest allowed; a longer --support may do better",
    "shortest": "the best window is the shortest allowed; a shorter --theta-min may do better, with a --hop of half of it",
}

_window_settings = stacked(
    setting(
        "--window", "transform.window", metavar="NAME", help="hann, hamming, blackman or gaussian. [default: hann]"
    ),
    setting("--support", "transform.support", **LENGTH, help="Longest window to try: 4096, 50ms, 25% of the signal."),
    setting("--theta-min", "transform.theta_min", **LENGTH, help="Shortest window to try."),
    setting("--theta", "transform.theta", **LENGTH, help="The window you use now, to see what it costs."),
    setting("--hop", "transform.hop", **LENGTH, help="Distance between frames while searching; longer is faster."),
)
_machine_settings = stacked(
    setting("--device", "run.device", metavar="NAME", help="auto, cpu or cuda."),
    setting("--dtype", "run.dtype", metavar="NAME", help="float32 or float64."),
    setting("--threads", "run.threads", type=int, metavar="N", help="CPU threads."),
)


@click.command("recommend", short_help="the best window and hop, ready for other tools")
@click.argument("paths", metavar="INPUT...", nargs=-1, required=True, type=click.Path())
@config_source
@_window_settings
@loss_settings
@_machine_settings
@signal_settings
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with the loss curve, instead of words.")
@click.option("-o", "--output", metavar="FILE", type=click.Path(), help="Draw the loss curve: .png, .svg or .pdf.")
@click.option("--force", is_flag=True, help="Replace a picture that is there already.")
@click.option("--no-gain", is_flag=True, help="Leave out what adapting in time or frequency would gain; faster.")
@click.option("-v", "--verbose", count=True, help="Say more; -vv shows tracebacks.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no remarks.")
@click.pass_context
def command(ctx, paths, source, sets, as_json, output, force, no_gain, verbose, quiet, **params):
    """Find the constant window length that suits INPUT best, with a hop, as lines for librosa, SciPy, torch, MATLAB and SoX.

    Several INPUTs share one window, of one duration whatever their rates. Nothing is written but what -o names.

    \b
    dstft recommend recording.wav
    dstft recommend calls/*.wav --theta-min 1ms --support 20ms     one window for all
    dstft recommend recording.wav --theta 1024                     and what a window of 1024 samples costs
    dstft recommend recording.wav --json -o curve.png
    """
    ctx.meta[VERBOSITY] = verbose
    from ..system.shutdown import terminable

    with terminable():
        config = _config(source, sets, flags_given(params))
        from .printing.console import Console

        console = Console(quiet=quiet, verbose=verbose)
        if output is not None:
            _check_picture(Path(output), force)
        found = _search(paths, config, console, gains=not no_gain)
        if output is not None:
            _draw(found, Path(output))
        _print(found, output, as_json, console)


def _config(source, sets, flags):
    from ..config.loading import load_config
    from ..errors import InputError

    if any(item.partition("=")[0].strip() in ("mode", "transform.mode") for item in sets):
        raise InputError(
            "--set mode: recommend looks for one constant window, and says what the adaptive modes would gain; leave it out"
        )
    return load_config(source, sets, flags)


def _search(paths, config, console, gains):
    from ..workflows.optimize_file import load_inputs
    from ..workflows.recommend import recommend

    signals = []
    for path in paths:
        console.say(f"reading {path}", level=1)
        signals += load_inputs(path, config)
    several = len(paths) > 1
    for note, name in dict.fromkeys(
        (note, signal.where if several else "") for signal in signals for note in signal.notes
    ):
        console.remark(note, name)
    with console.progress() as show:
        found = recommend(signals, config, show, gains)
    if found.at_bound:
        console.say(f"note: {_ADVICE[found.at_bound]}")
    return found


def _check_picture(path, force) -> None:
    """Refuses before any work a picture that could not be written."""
    from ..errors import InputError, OutputExistsError
    from ..system.atomic_files import check_folder

    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise InputError(f"-o {path}: the loss curve is a picture; name a file that ends in .png, .svg or .pdf")
    if path.exists() and not force:
        raise OutputExistsError(f"{path}: this file is there already; --force replaces it")
    check_folder(path.parent)


def _draw(found, path) -> None:
    from ..figures.length_curve import length_curve
    from ..figures.spectrograms import save
    from ..figures.style import View
    from ..system.atomic_files import replace_file
    from .printing.recommendation import labels, loss_name

    names = labels(found.signals)
    title = names[0] if len(names) == 1 else f"{len(names)} signals, one window"
    settings = found.config.figures
    figure = length_curve(
        found.curve.lengths * 1e3,
        found.total,
        loss_name(found) if len(names) == 1 else f"summed {loss_name(found)}",
        [(low * 1e3, high * 1e3) for low, high in found.flat],
        View(dpi=settings.dpi, title=title),
        None if len(names) == 1 else dict(zip(names, found.curve.losses.T, strict=True)),
    )
    with replace_file(path) as aside:
        save(figure, aside, format=path.suffix[1:].lower(), dpi=settings.dpi)


def _print(found, output, as_json, console) -> None:
    if as_json:
        import json

        from ..results.writer import finite
        from ..workflows.recommendation_report import report

        click.echo(json.dumps(finite(report(found)), indent=2, allow_nan=False, ensure_ascii=False))
    else:
        from .printing.recommendation import rows, tool_blocks

        for name, value in rows(found):
            click.echo(f"{name:14} {value}")
        for line in tool_blocks(found):
            click.echo(line)
    if output is not None:
        console.say(f"loss curve: {click.format_filename(output)}")
