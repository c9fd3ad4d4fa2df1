"""``dstft view``: results as one page to look closer at."""

import click
import cloup

from .options.common import console_command, output, quiet, verbose


@cloup.command("view", short_help="one page to zoom, hover, switch layers and listen")
@cloup.argument("paths", metavar="RESULT...", nargs=-1, required=True, type=click.Path())
@cloup.option_group(
    "Tracks",
    cloup.option(
        "--track",
        metavar="TRACK",
        type=click.Path(),
        help="Draw the components of a track over each RESULT: the folder that dstft track wrote, or a CSV file with time_s and "
        "frequency_hz.",
    ),
)
@cloup.option_group(
    "Output",
    output("FILE", "File to write. [default: view.html in RESULT; of several results in the current folder]"),
    cloup.option("--open", "opened", is_flag=True, help="Open the page in the browser."),
    cloup.option("--force", is_flag=True, help="Replace an existing file."),
    verbose(),
    quiet("Print the name of the written file and warnings only."),
)
@console_command
def command(console, paths, track, output, opened, force):
    """Write one HTML file to look closer at a RESULT, or at several side by side. It opens in any browser, without a network.

    RESULT is a folder that dstft optimize wrote. The page zooms, switches and wipes between the optimum, constant windows and the window
    lengths, reads levels at the cursor, plays the recording, and measures boxes. Needs pip install 'dstft-cli[view]'.

    \b
    dstft view dstft-out/call --open
    dstft view dstft-out/call dstft-out/call-again -o both.html
    dstft view dstft-out/call --track dstft-out/call/track
    """
    from .actions.view import run

    return run(console, paths, track, output, opened, force)
