"""Parts of a run in one process: a step within a descent, the pictures, and the inversion of a result.

python tests/benchmarks/parts.py step          tf-varying entropy, 501 x 101 and 2049 x 465 bins
python tests/benchmarks/parts.py pictures      the pictures of a run
python tests/benchmarks/parts.py invert [S]    a tf-varying result of S seconds at 44.1 kHz (default 180), on disk, --memory 2GB
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

from common import THREE_COMPONENTS, noisy_chirps

from dstft_cli import Signal, load_signal, optimize, read_result
from dstft_cli.config.loading import load_config
from dstft_cli.workflows.optimize_file import _write_figures, run_signal
from dstft_cli.workflows.reconstruct import reconstruct


def timed(call) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def step() -> None:
    small = {"support": 1000, "hop": 250, "theta_min": 50}
    large = {"support": 4096, "hop": 256, "theta_min": 512}
    for (
        signal,
        grid,
        first,
        steps,
    ) in (  # so many first steps that the compiled loops are loaded, where they are installed
        (load_signal(THREE_COMPONENTS), small, 620, 3000),
        (Signal(noisy_chirps(2.7, 44_100), 44_100, "chirps"), large, 40, 60),
    ):
        run = {"mode": "tf-varying", "criterion": "entropy", "patience": 10_000, **grid}
        optimize(signal, steps=first, **run)  # what is loaded and compiled at first does not count
        few, many = (optimize(signal, steps=count, **run) for count in (first, first + steps))
        seconds = (many.seconds["optimize"] - few.seconds["optimize"]) / (many.steps - few.steps)
        print(f"{many.stft.shape} {seconds * 1e3:8.2f} ms a step, {seconds / many.stft.size * 1e9:5.1f} ns a bin")


def pictures() -> None:
    result = optimize(load_signal(THREE_COMPONENTS), mode="tf-varying")
    with tempfile.TemporaryDirectory() as folder:
        seconds = [timed(lambda: _write_figures(result, Path(folder))) for _ in range(5)]
        print(f"{len(list(Path(folder).iterdir()))} pictures: first {seconds[0]:.2f} s, then {min(seconds[1:]):.2f} s")


def invert(length: float = 180.0) -> None:
    signal = Signal(noisy_chirps(length, 44_100), 44_100, "chirps")
    config = load_config(None, [], {"mode": "tf-varying", "memory": "2GB", "figures.draw": "none"})
    with tempfile.TemporaryDirectory() as folder:
        optimizing = timed(lambda: run_signal(signal, config, Path(folder) / "out"))
        result = read_result(Path(folder) / "out")
        inverting = timed(lambda: print(f"error {reconstruct(result).error:.1f} dB"))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
        print(
            f"{length:g} s, {result.stft.shape} bins, on disk: {result.on_disk}; optimised in {optimizing:.0f} s, "
            f"inverted in {inverting:.1f} s, {inverting / length:.1f} times its length; {peak:.2f} GB at the peak of both"
        )


if __name__ == "__main__":
    {"step": step, "pictures": pictures, "invert": invert}[sys.argv[1]](*map(float, sys.argv[2:]))
