"""What every command shares: -o, -v and -q, the console, SIGTERM and the exit code."""

import functools
from collections.abc import Callable

import click
from cloup import option

from ...system.shutdown import terminable
from .settings import setting

VERBOSITY = "dstft_cli.verbosity"
"""Key in the context's meta where a command leaves the number of -v given."""


figures = setting(
    "--figures",
    "figures.draw",
    metavar="NAMES",
    help="Pictures to draw: all, none, or some of spectrogram,theta,comparison,loss,frames,reassigned. [default: all]",
)
reassign = setting(
    "--reassign",
    "figures.reassign",
    is_flag=True,
    flag_value=True,
    help="Also write the reassigned spectrogram, reassigned.png and .npz: lines as thin as a bin, clicks as short as a frame.",
)

html = setting(
    "--html",
    "figures.html",
    is_flag=True,
    flag_value=True,
    help="Write view.html too, one page to zoom, hover, switch layers and listen; needs pip install 'dstft-cli[view]'.",
)


def console_command(function: Callable[..., int | None]) -> Callable:
    """Decorator of a command's function, which is called with a Console and the options but -v and -q.

    The function returns the exit code; None means 0. SIGTERM raises Terminated while the function runs.
    """

    @click.pass_context
    @functools.wraps(function)
    def run(ctx, verbose=0, quiet=False, **options):
        ctx.meta[VERBOSITY] = verbose
        from ..printing.console import Console  # here: --help does without it

        with terminable():
            ctx.exit(function(Console(quiet, verbose), **options) or 0)

    return run


def output(metavar: str, what: str, **attributes):
    """The option -o, --output of a command."""
    return option("-o", "--output", metavar=metavar, type=click.Path(), help=what, **attributes)


def verbose(what: str = "Print more; -vv also prints tracebacks."):
    """The option -v of a command."""
    return option("-v", "--verbose", count=True, help=what)


def quiet(what: str):
    """The option -q of a command; what: what it prints then."""
    return option("-q", "--quiet", is_flag=True, help=what)
