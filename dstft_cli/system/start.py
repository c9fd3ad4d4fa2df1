"""What a process of the ``dstft`` command sets before it loads torch and matplotlib: those of the command and of its workers."""

import atexit
import gc
import os
import sys
import warnings


def prepare_process() -> None:
    """Set what torch, matplotlib and Python's garbage collection find when they start."""
    # Importing torch makes half a million objects that stay. Looking through them for garbage took a sixth of that time.
    gc.set_threshold(50_000)
    # At its end Python looks through them three more times, for half a second; the system takes the memory back anyway.
    atexit.register(gc.freeze)
    # OpenMP threads that spin while they wait make a busy machine ten times slower (60 steps on 200 000 bins beside two
    # other processes: 16 to 46 s spinning, 4.5 s not).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Figures go to files, and matplotlib does not even load where the back end that is named for others is not here.
    os.environ["MPLBACKEND"] = "agg"
    # Nor does it load what draws in three dimensions, where that is marked as missing.
    sys.modules["mpl_toolkits.mplot3d"] = None
    warnings.filterwarnings("ignore", "Unable to import Axes3D")
