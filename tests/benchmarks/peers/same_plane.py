"""Seconds of ours and of ctfr's fast local sparsity on one plane: imports and pictures left out, one thread, call after call.

    python tests/benchmarks/peers/same_plane.py RECORDING [--calls 5]

Ours is a run with no options but ``--mode tf-varying``, in which the lengths are chosen too. ctfr combines as many windows as there are
octaves in the range that was chosen, and one more, with the same support and hop. Both sides take turns; the least time counts.
"""

import argparse
import math
import time
from dataclasses import replace

import ctfr
import numpy as np
import torch

from dstft_cli import load_signal, optimize


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording")
    parser.add_argument("--calls", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    signal = load_signal(options.recording)
    grid = optimize(signal, mode="tf-varying", steps=0).grid
    octaves = round(math.log2(grid.support / grid.theta_min))
    lengths = np.geomspace(grid.theta_min, grid.support, octaves + 1).round().astype(int).tolist()
    plane = {"win_lengths": lengths, "hop_length": round(grid.hop), "n_fft": grid.support}
    samples = np.ascontiguousarray(signal.samples, dtype=float)
    sides = {
        # A Signal of its own for each call: the survey of one that was seen is known.
        "ours": lambda: optimize(replace(signal), mode="tf-varying"),
        "ctfr": lambda: ctfr.ctfr(samples, sr=signal.sample_rate, method="fls", **plane),
    }
    least = dict.fromkeys(sides, math.inf)
    for call in range(options.calls + 1):  # the first of each compiles and fills caches
        for name, side in sides.items():
            began = time.perf_counter()
            side()
            least[name] = min(least[name], time.perf_counter() - began) if call else math.inf
    print(f"{grid.bins} x {grid.frames} bins, windows of ctfr {lengths}, one thread")
    print(
        f"ours {least['ours']:.2f} s, ctfr {least['ctfr']:.2f} s: {least['ours'] / least['ctfr']:.2f} times (wanted: at most 3)"
    )


if __name__ == "__main__":
    main()
