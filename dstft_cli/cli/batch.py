"""``dstft batch``: many recordings, each to its best spectrogram."""

import re
import time
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
    stacked,
    talk,
    transform_settings,
)


class _Part(click.ParamType):
    name = "part"

    def convert(self, value, param, ctx):
        found = re.fullmatch("([0-9]{1,9})/([0-9]{1,9})", value)
        part = found and tuple(map(int, found.groups()))
        if not part or not 1 <= part[0] <= part[1]:
            self.fail(f"{value!r}: write i/n with i from 1 to n, for instance 2/8", param, ctx)
        return part


_batch_options = stacked(
    click.option(
        "-o",
        "--out-dir",
        metavar="DIR",
        type=click.Path(),
        default="dstft-out",
        show_default=True,
        help="Where to write.",
    ),
    click.option(
        "--from-file",
        metavar="FILE",
        type=click.File("rb"),
        help="Take more inputs from a list, one a line; - is stdin.",
    ),
    click.option(
        "-j",
        "--jobs",
        type=click.IntRange(1, 1024),
        metavar="N",
        help="Processes. [default: one a core; with CUDA one a GPU]",
    ),
    click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Have the workers of a Dask scheduler do it: pip install 'dstft-cli[dask]'.",
    ),
    click.option("--shard", type=_Part(), metavar="I/N", help="Do only the I-th of N parts, for arrays of jobs."),
    click.option(
        "--on-existing",
        type=click.Choice(["resume", "overwrite", "skip", "error"]),
        default="resume",
        show_default=True,
        help="Where a result is: resume keeps it if input, settings and version are the same, skip in any case.",
    ),
    click.option("--fail-fast", is_flag=True, help="Begin no more inputs once one has failed."),
    click.option("--max-failures", type=click.IntRange(min=1), metavar="N", help="... once N have failed."),
    click.option("--no-report", is_flag=True, help="Write no report.html."),
)


@click.command("batch", short_help="many recordings at once")
@click.argument("inputs", metavar="INPUT...", nargs=-1, type=click.Path())
@_batch_options
@config_source
@transform_settings
@loss_settings
@run_settings
@signal_settings
@figure_settings
@talk
@click.pass_context
def command(ctx, inputs, source, sets, verbose, quiet, **params):
    """Find the window lengths that make the spectrogram of each INPUT sharpest: dstft optimize for many recordings.

    INPUT is a file, a folder (all recordings in it and below) or a pattern in quotes. Results lie in DIR as the recordings lie in
    what all INPUTs have in common, with summary.csv and report.html. Run again, it does what is missing. A process computes with
    one thread unless --threads says otherwise, so that results are the same whatever -j is.

    \b
    dstft batch recordings -o results                     all in a folder, one process a core
    dstft batch 'data/*/calls_*.wav' -o results -j 4 --mode tf-varying
    dstft batch --from-file list.txt -o results --shard 3/10

    Exit codes: 0 all done; 3 some failed; 1 all failed; 5 nothing matched; 2 usage; 130 and 143 stopped by a signal.
    """
    ctx.meta[VERBOSITY] = verbose
    _check_usage(inputs, params)
    from ..system.shutdown import terminable

    with terminable():
        from .printing.console import Console

        ctx.exit(_batch(inputs, source, sets, params, Console(quiet=quiet, verbose=verbose)))


def _check_usage(inputs, params) -> None:
    if not inputs and params["from_file"] is None:
        raise click.UsageError("name recordings, folders or a pattern, or give a list with --from-file")
    pairs = [("fail_fast", "max_failures"), ("scheduler", "jobs")]
    for one, other in pairs:
        if params[one] and params[other]:
            flags = [f"--{name.replace('_', '-')}" for name in (one, other)]
            raise click.UsageError(f"{flags[0]} and {flags[1]} exclude each other; leave one out")


def _batch(inputs, source, sets, params, console) -> int:
    """Collect, check, run, tell; the exit code."""
    from ..config.loading import load_config, merge_config
    from ..system.atomic_files import check_place

    config = load_config(source, sets, flags_given(params))
    if config.run.threads is None:  # not as many as there are cores to share: the bytes would depend on -j
        config = merge_config(config, {"run.threads": 1})
    check_place(Path(params["out_dir"]))
    items = _collect(inputs, params, console)
    if not items:
        console.warn("nothing to do: no recordings match")
        return 5
    if params["shard"]:
        from ..workflows.batch.find_inputs import shard

        items = shard(items, *params["shard"])
        if not items:
            console.say("nothing to do: there are fewer recordings than parts")
            return 0
    return _run(_plan(items, config, params), params, console)


def _collect(inputs, params, console):
    from ..workflows.batch.find_inputs import find_inputs, read_list

    listed = [] if params["from_file"] is None else read_list(params["from_file"])
    items, idle = find_inputs(inputs, listed, params["out_dir"])
    for name in idle:
        console.warn(f"{click.format_filename(name)}: no recordings there")
    return items


def _plan(items, config, params):
    from ..workflows.batch.run import BatchPlan

    return BatchPlan(
        items=items,
        config=config,
        out=Path(params["out_dir"]),
        on_existing=params["on_existing"],
        most_failures=1 if params["fail_fast"] else params["max_failures"],
        part=params["shard"],
        local=params["scheduler"] is None,
    )


def _engine(plan, params):
    """Who does the work. Raises InputError or DeviceError where they cannot be had."""
    from ..workflows.batch.workers import Cluster, LocalWorkers, usable_cores, visible_gpus

    if params["scheduler"]:
        return Cluster(params["scheduler"])
    device = plan.config.run.device
    if device.startswith("cuda"):  # to be refused once, and not for each input
        from ..system.devices import get_device

        get_device(device)
    gpus = visible_gpus(device)
    jobs = params["jobs"] or len(gpus) or (1 if device.startswith("cuda") else usable_cores())
    return LocalWorkers(min(jobs, len(plan.items)), gpus)


def _run(plan, params, console) -> int:
    """Have it done, and tell of it; the exit code."""
    from ..system.shutdown import stop_request, unhurried
    from ..workflows.batch.run import BatchProgress, make_report, run_batch

    tally, engine, calm = BatchProgress(len(plan.items)), _engine(plan, params), False
    with unhurried():
        try:
            with stop_request() as stop:
                with console.inputs(tally.total) as show:
                    rows = run_batch(plan, engine, tally, lambda: bool(stop), _telling(tally, show, console))
                wanted = not (stop or plan.part or params["no_report"])
                report = make_report(plan, engine, rows, lambda: bool(stop)) if wanted else None
                calm = not stop
            _tell(plan, tally, report, console)
        except KeyboardInterrupt as end:
            console.warn("ended at once; run it again to go on: what is finished is kept")
            return getattr(end, "code", 130)
        finally:
            engine.close(at_once=not calm)
    return stop.code or _code(tally)


def _code(tally) -> int:
    from ..workflows.batch.one_input import FAILED

    failed = tally.counts[FAILED]
    return 0 if not failed else 1 if failed == tally.ended else 3


def _telling(tally, show, console):
    """What is called after each input, and every now and then."""
    from ..recordings.request import warnings_in
    from ..workflows.batch.one_input import FAILED

    def tell(rows):
        for row in rows:
            for warning in warnings_in(row["notes"]):
                console.warn(f"{_named(row)}: {warning}")
            if row["status"] == FAILED:
                click.echo(f"Failed: {_failure(row)}", err=True)
            else:
                console.say(f"{row['status']}: {_named(row)}", level=1)
        show(tally.ended, _left(tally), _words(tally))

    return tell


def _failure(row) -> str:
    """The sentence of a failed row, which names the input at its beginning or is made to."""
    name, reason = _named(row), " ".join(row["error"].split())
    return reason if reason.startswith(name) else f"{name}: {reason}"


def _named(row) -> str:
    from ..text import shown

    return shown(row["input"], 80)


def _left(tally) -> str:
    return f"{_clock((tally.total - tally.ended) / tally.speed)} left" if tally.speed else ""


def _words(tally) -> str:
    from ..text import shown

    slowest, path = max([tally.slowest, *((time.monotonic() - since, path) for path, since in tally.running.items())])
    parts = [_counts(tally), f"{len(tally.running)} running"]
    if tally.speed:
        parts.append(f"{tally.speed:.3g} files/s")
    return ", ".join([*parts, f"slowest {shown(Path(path).name, 30)} {slowest:.1f} s"] if path else parts)


def _counts(tally) -> str:
    from ..workflows.batch.one_input import DONE, FAILED, SKIPPED

    names = {DONE: "done", SKIPPED: "done before", FAILED: "failed"}
    return ", ".join(f"{count} {names[status]}" for status, count in tally.counts.items() if count) or "0 done"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _tell(plan, tally, report, console) -> None:
    """How it went, in a few lines."""
    out = click.format_filename(plan.out)
    if console.quiet:
        click.echo(out)
        return
    left = tally.total - tally.ended
    lines = [("inputs", f"{tally.total}: {_counts(tally)}{f', {left} left: run it again to go on' if left else ''}")]
    lines += [("took", _clock(time.monotonic() - tally.began))]
    files = [plan.summary.name, *([report.name] if report else [])]
    console.facts([*lines, ("written to", f"{out}, with {' and '.join(files)}")])
