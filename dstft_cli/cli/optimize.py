"""``dstft optimize``: one recording to its best spectrogram."""

import time

import click

from . import VERBOSITY
from .options import (
    config_source,
    figure_settings,
    flags_given,
    loss_settings,
    run_settings,
    signal_settings,
    talk,
    transform_settings,
)


@click.command("optimize", short_help="find the best window lengths for a recording")
@click.argument("path", metavar="INPUT", type=click.Path())
@config_source
@transform_settings
@loss_settings
@run_settings
@signal_settings
@figure_settings
@click.option(
    "-o", "--out-dir", metavar="DIR", type=click.Path(), help="Where to write. [default: dstft-out/<name of INPUT>]"
)
@click.option(
    "--on-existing",
    type=click.Choice(["error", "overwrite", "skip"]),
    default="error",
    show_default=True,
    help="What to do where a result is there already.",
)
@talk
@click.pass_context
def command(ctx, path, source, sets, out_dir, on_existing, verbose, quiet, **params):
    """Find the window lengths that make the spectrogram of INPUT sharpest, and write it with pictures and numbers.

    INPUT is an audio file (WAV, FLAC, OGG, AIFF) or a table (CSV, TSV, TXT) with a time column or --fs.

    \b
    dstft optimize recording.wav                          one window length for the whole recording
    dstft optimize recording.wav --mode tf-varying        one for each point of time and frequency
    dstft optimize vibration.csv --fs 10000 -c vibration
    dstft optimize call.wav --support 4ms --hop 0.25ms --fmin 20000
    """
    ctx.meta[VERBOSITY] = verbose
    from ..system.shutdown import terminable

    with terminable():
        ctx.exit(_optimize(path, source, sets, flags_given(params), out_dir, on_existing, verbose, quiet))


def _optimize(path, source, sets, flags, out_dir, on_existing, verbose, quiet) -> int:
    """Load, check, run and write each channel; the exit code."""
    from ..config.loading import load_config

    config = load_config(source, sets, flags)
    from ..system.shutdown import stop_request
    from ..workflows.optimize_file import load_inputs, output_folders
    from .printing.console import Console

    console = Console(quiet=quiet, verbose=verbose)
    console.say(f"reading {path}", level=1)
    began = time.perf_counter()
    signals = load_inputs(path, config, whole=False)
    loading = (time.perf_counter() - began) / len(signals)
    for note in dict.fromkeys(note for signal in signals for note in signal.notes):
        console.remark(note)
    jobs, worst = _wanted(signals, output_folders(out_dir, signals), config, on_existing, console), 0
    with stop_request() as stop:
        for signal, folder in jobs:
            worst = max(worst, _run_one(signal, config, folder, loading, console, stop))
            if stop:
                break
    return stop.code or worst


def _wanted(signals, folders, config, on_existing, console):
    """The signals to run and where; refuses before any work what could not be written or drawn, passes over what is there."""
    from ..figures.of_result import check_view
    from ..system.atomic_files import check_folder
    from ..workflows.optimize_file import check_free, result_complete

    jobs = []
    for signal, folder in zip(signals, folders, strict=True):
        if on_existing == "skip" and result_complete(folder):
            console.say(f"{folder}: a result is there already; skipped")
            continue
        if on_existing == "error":
            check_free(folder)
        check_folder(folder)
        check_view(signal, config)
        jobs.append((signal, folder))
    return jobs


def _run_one(signal, config, folder, loading, console, stop) -> int:
    """Optimise and write one signal; the exit code."""
    from ..optimization.optimize import plan_signal
    from ..workflows.optimize_file import run_signal

    plan = plan_signal(signal, config)
    console.say(plan.words)
    with console.progress() as show:
        result = run_signal(signal, config, folder, lambda step: show(step) or bool(stop), loading, plan=plan)
    console.summary(result, folder)
    if result.stop_reason == "interrupted":
        drawn = any(folder.glob("spectrogram.*"))
        console.warn(f"interrupted: the best state so far is in {folder}{'' if drawn else '; dstft plot draws it'}")
    elif stop:
        console.warn(f"stopped, after the whole result was written to {folder}")
    if result.stop_reason != "diverged":
        return 0
    place = f"{signal.where}: the loss stopped being finite after step {result.steps}"
    console.warn(f"{place}; the best state before it is in {folder}")
    return 1
