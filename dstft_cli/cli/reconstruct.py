"""``dstft reconstruct``: the signal back from a result."""

from pathlib import Path

import click

from . import VERBOSITY
from .options import talk


@click.command("reconstruct", short_help="the signal back from a result")
@click.argument("path", metavar="RESULT", type=click.Path())
@click.option(
    "-o",
    "--out",
    metavar="FILE",
    type=click.Path(),
    required=True,
    help="Where to: .wav (32-bit float), .csv (time and value) or .npy.",
)
@click.option(
    "--mask",
    metavar="FILE",
    type=click.Path(),
    help="Gains for each point of the spectrogram, an .npy file of shape (bins, frames), (bins, 1) or (1, frames).",
)
@click.option("--force", is_flag=True, help="Replace the file if it is there already.")
@talk
@click.pass_context
def command(ctx, path, out, mask, force, verbose, quiet):
    """Compute the signal back from the spectrogram of RESULT, and write it.

    RESULT is a folder that dstft optimize wrote. With a mask, what the mask keeps of the signal comes out: 0 takes a
    point of the spectrogram away, 1 leaves it.

    \b
    dstft reconstruct dstft-out/call -o call.wav
    dstft reconstruct dstft-out/call --mask only-the-call.npy -o clean.wav
    """
    ctx.meta[VERBOSITY] = verbose
    from ..system.shutdown import terminable
    from .printing.console import Console

    with terminable():
        _reconstruct(path, Path(out), mask, force, Console(quiet=quiet, verbose=verbose))


def _reconstruct(path, out, mask, force, console) -> None:
    """Read and check everything, invert, write, and say how well it went."""
    from ..results.in_memory import load_into_memory
    from ..results.reader import read_result
    from ..system.atomic_files import check_folder
    from ..workflows.reconstruct import check_target, read_mask, reconstruct, write_samples

    result = load_into_memory(read_result(path), "dstft reconstruct")
    check_target(out, result.sample_rate, force)
    check_folder(out.parent)
    gains = None if mask is None else read_mask(mask, result.stft.shape)
    with console.progress() as show:
        made = reconstruct(result, gains, show)
    write_samples(made.samples, result, out)
    if not made.inverse.converged:
        console.warn(
            f"the iteration gave up after {made.inverse.iterations} steps; the signal is the nearest that it found"
        )
    if console.quiet:
        click.echo(click.format_filename(out))
        return
    for note in _notes(result, made):
        console.say(f"note: {note}")
    for name, text in _rows(result, made, mask, out):
        click.echo(f"{name:14} {text}")


def _notes(result, made):
    """What the signal is not, before it is taken for the recording."""
    if made.inverse.uncovered:
        yield "where the windows do not see the signal, nothing is invented: what they do not see is 0"
    if result.config.signal.detrend != "none":
        yield f"the {result.config.signal.detrend} that was taken off before the analysis is not in it"
    if not result.complete:
        yield f"this run was {result.stop_reason}; its spectrogram is the best state before that"


def _rows(result, made, mask, out):
    from ..text import duration_text, file_name, time_text

    found, rate = made.inverse, result.sample_rate
    yield "signal", f"{result.signal.where}, {duration_text(result.signal.duration)} at {rate:g} Hz"
    yield "windows", f"{result.mode}, {result.window.name}, {result.stft.shape[0]} x {result.stft.shape[1]} bins"
    if mask is not None:
        yield "mask", file_name(mask)
    steps = (
        f"conjugate gradient, {found.iterations} steps" if result.theta.shape[0] > 1 else "dual windows, in one step"
    )
    yield "inverted by", steps
    yield "residual", f"{found.residual:.1e} of the spectrogram is not in the transform of this signal"
    if made.error is not None:
        yield "error", f"{made.error:.1f} dB against the signal that was analysed"
    if found.uncovered:
        count = sum(last - first + 1 for first, last in found.uncovered)
        yield (
            "not covered",
            f"{count} of {len(made.samples)} samples, in {len(found.uncovered)} places (recording time):",
        )
        for first, last in found.uncovered[:10]:
            begin, end = (result.signal.start + k / rate for k in (first, last))
            yield "", f"{begin:.6g} s to {end:.6g} s ({time_text((last - first + 1) / rate)})"
        if len(found.uncovered) > 10:
            yield "", f"and {len(found.uncovered) - 10} more"
    yield "written to", click.format_filename(out)
