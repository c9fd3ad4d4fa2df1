"""What ``dstft batch`` does: find the recordings, hand them to workers, and print how it went."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import click

from ...config.loading import Config, merge_config
from ...system.atomic_files import check_parents
from ...system.shutdown import no_deadline, stop_request
from ...viewer.page_file import check_bokeh
from ...workflows.batch import workers
from ...workflows.batch.find_inputs import Item, find_inputs, read_list, shard
from ...workflows.batch.one_input import FAILED
from ...workflows.batch.run import BatchPlan, BatchProgress, make_report, run_batch
from ..printing.batch import print_rows, print_summary, progress_text, time_left
from ..printing.console import Console

_NOTHING_MATCHED, _SOME_FAILED = 5, 3  # exit codes


@dataclass(frozen=True)
class Options:
    """The options of a batch, besides those of the configuration and -o, as the command line has them."""

    from_file: BinaryIO | None
    jobs: int | None
    scheduler: str | None
    shard: tuple[int, int] | None
    on_existing: str
    fail_fast: bool
    max_failures: int | None
    no_report: bool


def run(console: Console, config: Config, inputs: Sequence[str], output: str, options: Options) -> int:
    """Find the recordings, optimise them, print how it went; return the exit code."""
    if config.run.threads is None:  # not the number of free cores: results would depend on -j
        config = merge_config(config, {"run.threads": 1})
    check_parents(Path(output))
    if config.figures.html:
        check_bokeh()
    items = _find(console, inputs, output, options.from_file, config.signal.annotations)
    if not items:
        console.warn("nothing to do: no recordings match")
        return _NOTHING_MATCHED
    if options.shard:
        items = shard(items, *options.shard)
    if not items:
        console.say("nothing to do: there are fewer recordings than shards")
        return 0
    plan = BatchPlan(
        items=items,
        config=config,
        out=Path(output),
        on_existing=options.on_existing,
        most_failures=1 if options.fail_fast else options.max_failures,
        part=options.shard,
        local=options.scheduler is None,
    )
    return _run(console, plan, options)


def _find(
    console: Console, inputs: Sequence[str], output: str, from_file: BinaryIO | None, annotations: str | None
) -> list[Item]:
    listed = [] if from_file is None else read_list(from_file)
    items, without = find_inputs(inputs, listed, output, annotations)
    for name in without:
        console.warn(f"{click.format_filename(name)}: no recordings there")
    return items


def _engine(plan: BatchPlan, options: Options) -> workers.Engine:
    """The workers. Raises InputError or DeviceError if there are none."""
    if options.scheduler:
        return workers.Cluster(options.scheduler)
    device = plan.config.run.device
    if device.startswith("cuda"):  # to be refused once, not for each input
        from ...system.devices import get_device  # here: it imports torch, which only the workers need otherwise

        get_device(device)
    gpus = workers.visible_gpus(device)
    jobs = options.jobs or len(gpus) or (1 if device.startswith("cuda") else _usable_cores())
    return workers.LocalWorkers(min(jobs, len(plan.items)), gpus)


def _usable_cores() -> int:
    """The number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _run(console: Console, plan: BatchPlan, options: Options) -> int:
    progress, engine, finished = BatchProgress(len(plan.items)), _engine(plan, options), False
    with no_deadline():
        try:
            with stop_request() as stop:
                with console.inputs(progress.total) as show:
                    rows = run_batch(plan, engine, progress, lambda: bool(stop), _on_rows(console, progress, show))
                wanted = not (stop or plan.part or options.no_report)
                report = make_report(plan, engine, rows, lambda: bool(stop)) if wanted else None
                finished = not stop
            print_summary(console, plan, progress, report)
        except KeyboardInterrupt as end:
            console.warn("interrupted; finished results are kept, rerunning processes the rest")
            return getattr(end, "code", 130)
        finally:
            engine.close(at_once=not finished)
    return stop.code or _exit_code(progress)


def _exit_code(progress: BatchProgress) -> int:
    failed = progress.counts[FAILED]
    return 0 if not failed else 1 if failed == progress.ended else _SOME_FAILED


def _on_rows(console: Console, progress: BatchProgress, show: Callable[[int, str, str], None]) -> Callable:
    """The function that the batch calls with the rows of each input that ends, and now and then with none."""

    def on_rows(rows):
        print_rows(console, rows)
        show(progress.ended, time_left(progress), progress_text(progress))

    return on_rows
