"""What ``dstft check`` prints: the settings of its runs, the table of differences, and the verdict."""

import shutil
import sys
from collections.abc import Sequence

import click

from ...config.loading import Config
from ...workflows.regression import reports
from ...workflows.regression.comparison import Check
from .console import Console


def count_of(number: int, word: str) -> str:
    """1 step, 2 steps."""
    return f"{number} {word}{'s' * (number != 1)}"


def print_profile(console: Console, config: Config) -> None:
    """Print the settings on which the numbers of a run depend."""
    run, steps = config.run, config.optimizer.steps
    parts = "CPU", run.dtype, count_of(run.threads, "thread"), count_of(steps, "step"), f"seed {run.seed}"
    console.say(f"each run: {', '.join(parts)}")


def print_outcome(console: Console, check: Check) -> None:
    """Print the verdict, unless -q after a table of what changed, with -v of every number."""
    if not console.quiet:
        _print_table(console, check)
        for note in check.notes if check.worst(reports.SEEN) else []:
            console.note(note)
    click.echo(reports.verdict(check))


def _print_table(console: Console, check: Check) -> None:
    pairs = check.worst(0.0 if console.verbose else reports.SEEN)
    if not pairs:
        return
    rows = [reports.cells_of(*pair) for pair in pairs]
    marked = {(i, len(reports.HEADINGS) - 1) for i, (difference, _) in enumerate(pairs) if difference.out}
    if _fits([reports.HEADINGS, *rows]):
        console.table(reports.HEADINGS, rows, marked)
    else:
        for difference, cells in pairs:
            click.echo(f"{'*' if difference.out else ' '} {reports.line(difference, cells)}")
    if marked:
        click.echo("* out of tolerance")
    click.echo("\n".join(reports.LEGEND))
    if not console.verbose:
        click.echo(f"Changes below {reports.SEEN:.0%} of the tolerance are not shown; -v shows them.")


def _fits(rows: Sequence[Sequence[str]]) -> bool:
    """True if a table is no wider than the terminal, or does not go to one."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return not sys.stdout.isatty() or sum(widths) + 3 * len(widths) <= shutil.get_terminal_size().columns
