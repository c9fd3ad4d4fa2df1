"""``dstft config``: make, show and check configurations."""

import click
import cloup

from .options.analysis import config_options
from .options.settings import with_settings


@cloup.group("config", short_help="make, show or check a configuration")
def command():
    """Make, show or check a configuration.

    Later settings override earlier ones: defaults, a file or preset (-c), --set, other options.
    """


@command.command(short_help="write a commented configuration")
@cloup.argument("path", default="dstft.yaml", type=click.Path())
@cloup.option("--preset", metavar="NAME", help="Start from a preset; `dstft config presets` lists them.")
@cloup.option("--force", is_flag=True, help="Replace an existing file.")
def init(path, preset, force):
    """Write a commented configuration to PATH (dstft.yaml), to edit and to use with -c."""
    from .actions.config import write_commented

    click.echo(click.format_filename(write_commented(path, preset, force)))


@command.command(short_help="print the configuration of a run")
@config_options
@cloup.option("--comments/--no-comments", default=True, show_default=True, help="Explain each key.")
@with_settings
def show(settings, comments):
    """Print the complete configuration that a run would use."""
    from .actions.config import dump_config

    click.echo(dump_config(settings.config(), comments=comments), nl=False)


@command.command(short_help="check a configuration")
@cloup.argument("source", metavar="FILE|PRESET")
def validate(source):
    """Check a configuration file; every mistake is reported with its line."""
    from .actions.config import check_device, load_config

    if warning := check_device(load_config(source)):
        click.echo(f"Warning: {warning}", err=True)
    click.echo(f"{source}: valid")


@command.command(short_help="list the presets")
def presets():
    """List the presets."""
    from .actions.config import list_presets

    for name, purpose in list_presets():
        click.echo(f"{name:14} {purpose}")
