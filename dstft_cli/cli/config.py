"""``dstft config``: make, show and check configurations."""

from pathlib import Path

import click

from .options import config_source


@click.group("config", short_help="make, show or check a configuration")
def command():
    """Make, show or check a configuration.

    Settings come from, each over the one before: defaults, a file or preset (-c), --set, flags.
    """


@command.command()
@click.argument("path", default="dstft.yaml", type=click.Path())
@click.option("--preset", metavar="NAME", help="Begin from a preset; `dstft config presets` lists them.")
@click.option("--force", is_flag=True, help="Replace a file that is there already.")
def init(path, preset, force):
    """Write a commented configuration to PATH (dstft.yaml) to edit and use with -c."""
    from ..config.loading import dump_config, load_config, preset_path
    from ..errors import OutputError, OutputExistsError
    from ..system.atomic_files import replace_file

    text = dump_config(load_config(), comments=True) if preset is None else preset_path(preset).read_text("utf-8")
    target = Path(path)
    if target.exists() and not force:
        raise OutputExistsError(f"{target}: this file is there already; --force replaces it")
    if not target.parent.is_dir():
        raise OutputError(f"{target}: cannot be written: there is no folder {target.parent}")
    with replace_file(target) as aside:
        aside.write_text(text, encoding="utf-8")
    click.echo(click.format_filename(target))


@command.command()
@config_source
@click.option("--comments/--no-comments", default=True, show_default=True, help="Say what each key means.")
def show(source, sets, comments):
    """Print the whole configuration that a run would use."""
    from ..config.loading import dump_config, load_config

    click.echo(dump_config(load_config(source, sets), comments=comments), nl=False)


@command.command()
@click.argument("source", metavar="FILE|PRESET")
def validate(source):
    """Check a configuration file; all that is wrong is named with its line."""
    from ..config.loading import load_config

    load_config(source)
    click.echo(f"{source}: valid")


@command.command()
def presets():
    """List the presets."""
    from ..config.loading import preset_names, preset_path

    for name in preset_names():
        first = preset_path(name).read_text("utf-8").splitlines()[0].lstrip("# ")
        click.echo(f"{name:14} {first}")
