"""The ``dstft`` command; also ``python -m dstft_cli``."""

import os

# OpenMP threads that spin while they wait make a busy machine ten times slower (60 steps on 200 000 bins beside two
# other processes: 16 to 46 s spinning, 4.5 s not). It must be said before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from .commands import main

__all__ = ["main"]

if __name__ == "__main__":
    main(prog_name="dstft")
