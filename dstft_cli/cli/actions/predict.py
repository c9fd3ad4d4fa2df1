"""What ``dstft predict`` does: read model and recordings, and print or write a table."""

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import torch

from ...config.loading import Config
from ...errors import OutputExistsError
from ...system.atomic_files import check_folder
from ...workflows.training.predict import predict, write_table
from ..printing.console import Console


def run(
    console: Console,
    config: Config,
    model: str,
    paths: Sequence[str],
    resample: bool,
    own: str | None,
    output: str | None,
    force: bool,
) -> None:
    """Predict, and print the table or write it to ``output``."""
    if output is not None:
        if Path(output).exists() and not force:
            raise OutputExistsError(f"{output}: this file exists; --force replaces it")
        check_folder(Path(output).parent)
    if config.run.threads:
        torch.set_num_threads(config.run.threads)
    with console.progress() as show:
        rows, notes, warnings = predict(Path(model), paths, config, resample, own, show)
    for warning in warnings:
        console.warn(warning)
    for note in notes:
        console.note(note)
    if output is None:
        csv.writer(sys.stdout, lineterminator="\n").writerows(rows)
    else:
        write_table(rows, Path(output))
        click.echo(click.format_filename(output))
