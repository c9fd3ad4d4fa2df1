"""The command line: the group, and the one boundary where errors become sentences and exit codes.

Exit codes: 0 done; 1 failed; 2 usage, configuration or input refused; 3 some of many failed; 4 out of tolerance; 5 nothing
matched; 130 and 143 stopped by a signal. A command's module holds its options; what the command does is in ``actions``,
imported when the command is called, so that --help answers at once.
"""

import shutil
import traceback

import click
import cloup

from ..errors import DstftError, describe_error, is_internal_error
from . import batch, check, compare, config, info, optimize, plot, predict, recommend, reconstruct, track, train, view
from .options.common import VERBOSITY

_LEAST_COLUMNS, _MOST_COLUMNS = 50, 110  # of help texts
_MOST_ERRORS = 50  # lines that are printed
_COMMANDS = [optimize, batch, recommend, train, predict, track, compare, reconstruct, plot, view, check, info, config]


class _ErrorBoundary(cloup.Group):
    """Turns errors into one sentence on stderr and an exit code."""

    def make_context(self, info_name, args, parent=None, **extra):
        width = min(_MOST_COLUMNS, max(_LEAST_COLUMNS, shutil.get_terminal_size().columns - 1))
        return super().make_context(info_name, args, parent, formatter_settings={"width": width}, **extra)

    def main(self, *args, **named):
        try:
            return super().main(*args, **named)
        except OSError as error:  # of --help, which is printed before any command is invoked
            click.echo(f"Error: {describe_error(error)}", err=True)
            raise SystemExit(1) from error

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except DstftError as error:
            self._fail(ctx, str(error), error.exit_code)
        except KeyboardInterrupt as stop:
            self._fail(ctx, "interrupted; nothing was written", getattr(stop, "code", 130))
        except Exception as error:
            hint = "; -vv shows where" if is_internal_error(error) and ctx.meta.get(VERBOSITY, 0) < 2 else ""
            self._fail(ctx, f"{describe_error(error)}{hint}", 1)

    def _fail(self, ctx, sentence, code):
        if ctx.meta.get(VERBOSITY, 0) > 1:
            traceback.print_exc()
        lines = sentence.splitlines()
        more = [f"and {len(lines) - _MOST_ERRORS} more such errors"] if len(lines) > _MOST_ERRORS else []
        for line in [*lines[:_MOST_ERRORS], *more]:
            click.echo(f"Error: {line}", err=True)
        ctx.exit(code)


def _present_name(name: str) -> str:
    """The name of an option whose name was another in earlier versions."""
    return {"out-dir": "output", "out": "output"}.get(name, name)


@cloup.group(
    cls=_ErrorBoundary,
    context_settings={"help_option_names": ["-h", "--help"], "token_normalize_func": _present_name},
)
@cloup.version_option(package_name="dstft-cli", prog_name="dstft")
def main():
    """Find the window lengths that make a spectrogram sharpest.

    \b
    dstft optimize recording.wav                    best constant window
    dstft optimize recording.wav --mode tf-varying  best window for each time
                                                    and frequency
    dstft optimize recording.wav -c speech          with a preset
    dstft COMMAND --help                            options of a command
    """


main.section("Commands", *(module.command for module in _COMMANDS))
