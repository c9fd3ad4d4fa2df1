"""``dstft reconstruct``: the signal back from a result."""

import click
import cloup

from .options.common import console_command, output, quiet, verbose


@cloup.command("reconstruct", short_help="the signal back from a result, masked or not")
@cloup.argument("path", metavar="RESULT", type=click.Path())
@cloup.option_group(
    "Input",
    cloup.option(
        "--mask",
        metavar="FILE",
        type=click.Path(),
        help="Gains of the spectrogram's points, an .npy file of shape (bins, frames), (bins, 1) or (1, frames).",
    ),
)
@cloup.option_group(
    "Output",
    output("FILE", "File to write: .wav (32-bit float), .csv (time and value) or .npy.", required=True),
    cloup.option("--force", is_flag=True, help="Replace an existing file."),
    verbose(),
    quiet("Print the name of the written file and warnings only."),
)
@console_command
def command(console, path, output, mask, force):
    """Compute the signal from the spectrogram of RESULT and write it.

    RESULT is a folder that dstft optimize wrote. A mask multiplies the spectrogram: a gain of 0 removes a point, 1 keeps it.

    \b
    dstft reconstruct dstft-out/call -o call.wav
    dstft reconstruct dstft-out/call --mask only-the-call.npy -o clean.wav
    """
    from .actions.reconstruct import run

    return run(console, path, output, mask, force)
