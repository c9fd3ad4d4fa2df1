"""``dstft info``: what a result or a recording is, on one screen."""

from pathlib import Path

import click

from . import VERBOSITY
from .options import config_source, flags_given, signal_settings


@click.command("info", short_help="what a result or a recording is")
@click.argument("paths", metavar="RESULT|INPUT...", nargs=-1, required=True, type=click.Path())
@config_source
@signal_settings
@click.option("--json", "as_json", is_flag=True, help="As JSON for machines: a list with one object for each path.")
@click.option("-v", "--verbose", count=True, help="-vv shows tracebacks.")
@click.pass_context
def command(ctx, paths, source, sets, as_json, verbose, **params):
    """Say what a result of dstft optimize, or a recording, is.

    Of a recording: format, rate, length, the level of each channel, what is remarkable about it, and what dstft optimize
    would make of it with these settings. Of a result: the signal, the settings, the window lengths, what was gained, and the files.

    \b
    dstft info recording.wav
    dstft info *.csv --fs 1000
    dstft info dstft-out/recording
    dstft info dstft-out/* --json
    """
    ctx.meta[VERBOSITY] = verbose
    from ..system.shutdown import terminable

    with terminable():
        flags = flags_given(params)
        given = [param.opts[-1] for param in ctx.command.params if _is_given(param.name, params, source, sets)]
        ctx.exit(_info(paths, source, sets, flags, given, as_json))


def _is_given(name, params, source, sets) -> bool:
    """True for an option that settles how a recording is read, where it was given."""
    special = {"source": source is not None, "sets": bool(sets)}
    return special.get(name, bool(flags_given({name: params.get(name)})))


def _info(paths, source, sets, flags, given, as_json) -> int:
    """Show each path that can be read; the exit code is that of the first that cannot. A single one raises its error."""
    from ..config.loading import load_config
    from ..errors import DstftError

    config, found, code, shown = load_config(source, sets, flags), [], 0, 0
    for path in paths:
        try:
            facts, rows = _facts(path, config, given)
        except DstftError as error:
            if len(paths) == 1:
                raise
            facts, rows = {"path": click.format_filename(path), "error": str(error)}, None
            code = code or error.exit_code
            click.echo(f"Error: {error}", err=True)
        if rows and not as_json:
            _show(rows, apart=bool(shown))
            shown += 1
        found.append(facts)
    if as_json:
        _print_json(found)
    return code


def _facts(path, config, given):
    """The facts about one path, and the same in words."""
    from ..errors import InputError
    from ..results.reader import is_result

    if not is_result(path) and not Path(path).is_dir():
        from .printing import recording as printed

        facts = printed.facts(path, config)
        return facts, printed.rows(facts)
    if given:
        raise InputError(f"{given[0]}: for recordings only; {click.format_filename(path)} is a result")
    from .printing import result as printed

    facts, result = printed.facts(path)
    return facts, printed.rows(facts, result)


def _show(rows, apart) -> None:
    from .printing.console import Console

    Console().facts(rows, apart)


def _print_json(found) -> None:
    import json

    from ..results.writer import finite

    click.echo(json.dumps(finite(found), indent=2, allow_nan=False, ensure_ascii=False))
