"""The ``dstft`` command; also ``python -m dstft_cli``."""

import atexit
import gc
import os
import sys
import warnings

from .system.import_paths import trusted_paths

sys.path[:] = trusted_paths()  # ``python -m`` puts the current folder first; nothing is imported from there
# Importing torch makes half a million objects that stay. Looking through them for garbage took a sixth of that time.
gc.set_threshold(50_000)
# At its end Python looks through them three more times, for half a second; the system takes the memory back anyway.
atexit.register(gc.freeze)
# OpenMP threads that spin while they wait make a busy machine ten times slower (60 steps on 200 000 bins beside two
# other processes: 16 to 46 s spinning, 4.5 s not). It must be said before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Figures go to files, and matplotlib does not even load where the back end that is named for others is not here.
os.environ["MPLBACKEND"] = "agg"
# Nor does it load what draws in three dimensions, where that is marked as missing.
sys.modules["mpl_toolkits.mplot3d"] = None
warnings.filterwarnings("ignore", "Unable to import Axes3D")


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
