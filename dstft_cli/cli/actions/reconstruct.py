"""What ``dstft reconstruct`` does: read and check, invert, write, and print how accurate it is."""

from pathlib import Path

import click

from ...results.reader import read_result
from ...system.atomic_files import check_folder
from ...workflows.reconstruct import check_target, read_mask, reconstruct, write_samples
from ..printing.console import Console
from ..printing.reconstruction import notes, rows


def run(console: Console, path: str, output: str, mask: str | None, force: bool) -> None:
    """Compute the signal of a result, write it, and print how accurate it is."""
    target, result = Path(output), read_result(path)
    check_target(target, result.sample_rate, force)
    check_folder(target.parent)
    gains = None if mask is None else read_mask(mask, result.stft.shape)
    with console.progress() as show:
        reconstruction = reconstruct(result, gains, show)
    write_samples(reconstruction.samples, result, target, force)
    if not reconstruction.inverse.converged:
        console.warn(
            f"the iteration did not converge in {reconstruction.inverse.iterations} steps; the signal is its best approximation"
        )
    if console.quiet:
        click.echo(click.format_filename(target))
        return
    for note in notes(result, reconstruction):
        console.note(note)
    console.facts(rows(result, reconstruction, mask, target))
