"""What ``dstft batch`` prints: each failure, the progress, and a summary at the end."""

import time
from collections.abc import Iterable
from pathlib import Path

import click

from ...text import one_line
from ...workflows.batch.one_input import DONE, FAILED, SKIPPED, Row
from ...workflows.batch.run import BatchPlan, BatchProgress
from .console import Console

_COUNTED_AS = {DONE: "done", SKIPPED: "done before", FAILED: "failed"}


def print_rows(console: Console, rows: Iterable[Row]) -> None:
    """Print the warnings, the failure or, with -v, the success of one input."""
    for row in rows:
        console.row_notes(row["notes"], of=_name(row))
        if row["status"] == FAILED:
            click.echo(f"Failed: {_failure(row)}", err=True)
        else:
            console.say(f"{row['status']}: {_name(row)}", level=1)


def time_left(progress: BatchProgress) -> str:
    """The estimated remaining time; empty while there is no estimate."""
    return f"{_clock((progress.total - progress.ended) / progress.speed)} left" if progress.speed else ""


def progress_text(progress: BatchProgress) -> str:
    """Counts of inputs, speed, and the slowest input so far."""
    now = time.monotonic()
    slowest, path = max([progress.slowest, *((now - since, path) for path, since in progress.running.items())])
    parts = [_counts(progress), f"{len(progress.running)} running"]
    if progress.speed:
        parts.append(f"{progress.speed:.3g} files/s")
    return ", ".join([*parts, f"slowest {one_line(Path(path).name, 30)} {slowest:.1f} s"] if path else parts)


def print_summary(console: Console, plan: BatchPlan, progress: BatchProgress, report: Path | None) -> None:
    """Print how the batch went; with -q its folder only. report: the page that was written."""
    folder = click.format_filename(plan.out)
    if console.quiet:
        click.echo(folder)
        return
    left = progress.total - progress.ended
    rest = f", {left} left: rerunning processes them" if left else ""
    files = [plan.summary.name, *([report.name] if report else [])]
    console.facts(
        [
            ("inputs", f"{progress.total}: {_counts(progress)}{rest}"),
            ("took", _clock(time.monotonic() - progress.began)),
            ("written to", f"{folder}, with {' and '.join(files)}"),
        ]
    )


def _name(row: Row) -> str:
    return one_line(row["input"], 80)


def _failure(row: Row) -> str:
    """The sentence of a failed row, which starts with the name of its input."""
    name, reason = _name(row), " ".join(row["error"].split())
    return reason if reason.startswith(name) else f"{name}: {reason}"


def _counts(progress: BatchProgress) -> str:
    counts = progress.counts.items()
    return ", ".join(f"{count} {_COUNTED_AS[status]}" for status, count in counts if count) or "0 done"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
