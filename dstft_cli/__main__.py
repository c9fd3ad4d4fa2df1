"""The ``dstft`` command; also ``python -m dstft_cli``."""

import sys

from .system.import_paths import trusted_paths
from .system.start import prepare_process

sys.path[:] = trusted_paths()  # ``python -m`` puts the current folder first; nothing is imported from there
prepare_process()


def main() -> None:
    """The command in a process of its own: streams and signals are made ready first, and are the command's alone."""
    from .system.stdio import make_streams_safe

    make_streams_safe()  # before anything is opened that might take the place of a closed stdout
    from .system.shutdown import end_when_stuck, unwatch_signals, watch_signals

    watch_signals()
    end_when_stuck(2)  # an input that cannot be read
    from .cli import main as command

    try:
        command(prog_name="dstft")
    finally:
        unwatch_signals()


if __name__ == "__main__":
    main()
