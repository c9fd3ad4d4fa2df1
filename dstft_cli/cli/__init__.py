"""The command line: the group, and the one door at which errors become sentences and exit codes.

Exit codes: 0 done; 1 failed; 2 usage, config or input refused; 3 some of many failed; 4 out of tolerance; 5 nothing
matched; 130 and 143 stopped by a signal. Modules of single commands are imported when they are called, so that
``dstft --help`` answers at once.
"""

import importlib

import click

from ..errors import DstftError, describe_error, is_internal_error

_COMMANDS = {
    "optimize": ("find the best window lengths for a recording and write its spectrogram", "optimize"),
    "batch": ("the same for many recordings at once, in parallel; goes on where it was stopped", "batch"),
    "recommend": ("the best constant window and hop for recordings, ready to paste into other tools", "recommend"),
    "compare": ("spectrograms side by side, and their figures in a table", "compare"),
    "reconstruct": ("the signal back from a result, masked or not", "reconstruct"),
    "plot": ("draw a result's figures again with other ranges, colours and sizes", "plot"),
    "check": ("tell whether results are still what they were, for CI", "check"),
    "info": ("what a result or a recording is, on one screen", "info"),
    "config": ("make, show or check a configuration", "config"),
}
VERBOSITY = "dstft_cli.verbosity"
"""Key in the context's meta under which a command leaves how often -v was given."""


class _Door(click.Group):
    """Loads commands on demand, and turns errors into one sentence on stderr and an exit code."""

    def list_commands(self, ctx):
        return list(_COMMANDS)

    def get_command(self, ctx, name):
        if name not in _COMMANDS:
            return None
        return importlib.import_module(f".{_COMMANDS[name][1]}", __name__).command

    def format_commands(self, ctx, formatter):
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (text, _) in _COMMANDS.items()])

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
            import traceback

            traceback.print_exc()
        for line in sentence.splitlines():
            click.echo(f"Error: {line}", err=True)
        ctx.exit(code)


@click.group(cls=_Door, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="dstft-cli", prog_name="dstft")
def main():
    """Find the window lengths that make a spectrogram sharpest.

    \b
    dstft optimize recording.wav                       the best constant window
    dstft optimize recording.wav --mode tf-varying     the best one for each time and frequency
    dstft optimize recording.wav -c speech             with a preset
    """
