"""What the benchmarks share. Each is run by hand, ``python tests/benchmarks/NAME.py``, and prints both sides and the ratio.

On a machine that does other work as well, set OMP_WAIT_POLICY=PASSIVE as the command itself does.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

SAMPLES = Path(__file__).resolve().parents[2] / "sample_data"
THREE_COMPONENTS = SAMPLES / "three_components.wav"


def alternate(sides: dict[str, Callable[[], object]], runs: int, warm: int = 2) -> dict[str, float]:
    """Median seconds of each side, run in turn so that a drifting machine drifts for all."""
    for _ in range(warm):
        for side in sides.values():
            side()
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(runs):
        for name, side in sides.items():
            began = time.perf_counter()
            side()
            seconds[name].append(time.perf_counter() - began)
    for name, times in seconds.items():
        low, middle, high = min(times), statistics.median(times), max(times)
        print(f"  {name:28} {middle * 1e3:10.2f} ms   ({low * 1e3:.2f} to {high * 1e3:.2f}, {runs} runs)")
    return {name: statistics.median(times) for name, times in seconds.items()}


def noisy_chirps(seconds: float, rate: int) -> np.ndarray:
    """A tone, two chirps and noise, (N,), for sizes at which no recording is at hand."""
    time_ = np.arange(int(seconds * rate)) / rate
    up = np.sin(2 * np.pi * (0.02 * rate * time_ + 0.15 * rate / seconds * time_**2 / 2))
    down = 0.5 * np.sin(2 * np.pi * (0.4 * rate * time_ - 0.2 * rate / seconds * time_**2 / 2))
    tone = 0.3 * np.sin(2 * np.pi * 0.1 * rate * time_)
    return up + down + tone + 0.1 * np.random.default_rng(0).standard_normal(len(time_))
