"""Signals beyond the memory allowed: peak memory, time, and what the run itself had said that it would need.

    python tests/benchmarks/long_signals.py tf          1 and 10 min at 44.1 kHz, tf-varying, 100 steps, --memory 2GB
    python tests/benchmarks/long_signals.py step        one tf-varying step at 1 min of 44.1 kHz, L = 2048, hop 512, held at once
    python tests/benchmarks/long_signals.py constant    8 h at 16 kHz, constant
    python tests/benchmarks/long_signals.py agree FILE  a recording at once and in pieces: losses, and how far the windows are apart
    python tests/benchmarks/long_signals.py estimates   what is said before against what is then measured, at ten sizes

The signals are made here, piece by piece; --folder DIR takes another place than the temporary one (8 h need 11 GB).
"""

import argparse
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

UNITS = {"kB": 1e3, "MB": 1e6, "GB": 1e9}
TF = "--mode tf-varying --support 2048 --hop 512 --steps 100"
SIZES = [  # seconds, Hz, options
    (10, 16000, "--mode constant"),
    (60, 16000, "--mode constant"),
    (600, 16000, "--mode constant --memory 700MB"),
    (1800, 16000, "--mode constant --memory 700MB"),
    (5, 16000, "--mode tf-varying --steps 5"),
    (20, 16000, "--mode tf-varying --steps 5"),
    (60, 16000, "--mode tf-varying --steps 5 --memory 900MB"),
    (60, 44100, "--mode tf-varying --support 2048 --hop 512 --steps 5 --memory 1200MB"),
    (20, 16000, "--mode time-varying --steps 5"),
    (20, 16000, "--mode frequency-varying --steps 5"),
]


def make(path: Path, seconds: float, rate: int) -> Path:
    """A voice that comes and goes, gliding, over clicks, hum and noise: no minute is like the other."""
    random = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", rate, 1, "PCM_16") as sound:
        for first in range(0, int(seconds * rate), 60 * rate):
            size = min(60 * rate, int(seconds * rate) - first)
            t = (first + np.arange(size)) / rate
            glide = 2 * np.pi * (300 * t - 40 * np.cos(2 * np.pi * 0.7 * t) + 2 * np.sin(2 * np.pi * 5 * t))
            voice = sum(np.sin(k * glide) / k for k in range(1, 9)) * (np.sin(2 * np.pi * 0.11 * t) > 0)
            clicks = random.standard_normal(size) * (np.sin(2 * np.pi * 1.3 * t) > 0.995)
            hum = np.sin(2 * np.pi * 100 * t) * (1 + np.sin(2 * np.pi * t / 97))
            sound.write(0.1 * voice + 0.3 * clicks + 0.05 * hum + 0.01 * random.standard_normal(size))
    return path


def run(path: Path, options: str) -> tuple[float, float, float]:
    """Seconds on the clock, seconds of the processor, and GB at the peak, of a dstft optimize."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, __file__, "one", str(path), *options.split()]
    done = subprocess.run(command, capture_output=True, text=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stderr)
    peak = float(re.search(r"peak (\S+)", done.stdout)[1])
    said = re.search(r"needs about (\S+) (\S+) of memory, (\S+) (\S+) of disk and roughly (.*)", done.stderr)
    memory = float(said[1]) * UNITS[said[2]] / 1e9
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"  {path.name:10} {options}")
    print(
        f"      {wall:.0f} s ({busy:.0f} s of the processor), peak {peak:.2f} GB; said {memory:.2f} GB ({peak / memory:.2f}), {said[5]}"
    )
    return wall, busy, peak


def one(path: str, options: list[str]) -> None:
    """A run in a process of its own, whose peak is then known."""
    with tempfile.TemporaryDirectory(dir=Path(path).parent) as folder:
        command = [sys.executable, "-m", "dstft_cli", "optimize", path, *options, "-o", f"{folder}/out"]
        code = subprocess.run(command, stdout=subprocess.DEVNULL).returncode
        print(f"peak {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9}")
    sys.exit(code)


def agree(path: str, parts: int = 4) -> None:
    """A recording of a minute at most, whole and with room for about a quarter of its plane."""
    from dstft_cli import load_signal, optimize
    from dstft_cli.optimization import optimize as home
    from dstft_cli.optimization.resources import ResourcePlan, _places_bytes, nodes_for

    def plane_bytes(config, grid) -> float:
        """Of what a run steps on, in memory at once."""
        bank = 4.0 * (2 * nodes_for(config, grid) + 26) * grid.bins * grid.frames
        return _places_bytes(config, grid) or bank

    signal, plan = load_signal(path, duration=60.0), home.plan_signal
    for mode in ("tf-varying", "time-varying", "frequency-varying"):
        for loss in ("local-entropy", "entropy", "kurtosis"):
            settings = {"mode": mode, "loss": loss, "steps": 100, "threads": 1}
            whole = optimize(signal, memory="100TB", **settings)
            share = max(1 / parts, 200 / whole.stft.shape[1])  # no block is shorter than its halo
            room = share * plane_bytes(whole.config, whole.grid)
            home.plan_signal = lambda *rest, **named: ResourcePlan(0.0, 0.0, 0.0, 0.0, True, room)  # noqa: B023
            pieces = optimize(signal, **settings)
            home.plan_signal = plan
            apart = np.abs(np.log2(whole.theta) - np.log2(np.asarray(pieces.theta)))
            losses = [whole.initial["loss"], whole.final["loss"], pieces.final["loss"]]
            times = [sum(result.seconds.values()) for result in (whole, pieces)]
            found = f"loss {losses[0]:.4f} to {losses[1]:.4f}, in pieces {losses[2] - losses[1]:+.1e}"
            found += f"; octaves apart: median {np.median(apart):.4f}, mean {apart.mean():.4f}"
            print(f"  {Path(path).name:26} {mode:17} {loss:13} {found}; {times[0]:.0f} s, {times[1]:.0f} s", flush=True)


def step() -> None:
    """Loss, regulariser, gradient and update, in ns a bin."""
    import torch
    from common import alternate, noisy_chirps

    from dstft_cli.optimization.criteria import entropy, total_variation
    from dstft_cli.stft.frame_positions import fixed_positions
    from dstft_cli.stft.framed_signal import FramedSignal
    from dstft_cli.stft.window_bank import WindowBank
    from dstft_cli.stft.windows import WINDOWS

    signal = torch.as_tensor(noisy_chirps(60, 44100), dtype=torch.float32)
    bank = WindowBank(FramedSignal(signal, fixed_positions(len(signal), 512), 2048, WINDOWS["hann"]), 512, 2048, 13)
    log_theta = torch.full(bank.shape, 10.0).requires_grad_()
    optimizer = torch.optim.Adam([log_theta], lr=0.2, fused=True)

    def one() -> None:
        optimizer.zero_grad()
        (entropy(bank.magnitude(log_theta)) + 0.5 * total_variation(log_theta, 0.05)).backward()
        optimizer.step()
        with torch.no_grad():
            log_theta.clamp_(9.0, 11.0)

    seconds = alternate({"step": one}, runs=10)["step"]
    print(f"  {seconds / log_theta.numel() * 1e9:.0f} ns a bin, {torch.get_num_threads()} threads (at most 150)")


def main() -> None:
    if sys.argv[1:2] == ["step"]:
        step()
        return
    if sys.argv[1:2] == ["agree"]:
        for path in sys.argv[2:]:
            agree(path)
        return
    if sys.argv[1:2] == ["one"]:
        one(sys.argv[2], sys.argv[3:])
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["tf", "constant", "estimates"])
    parser.add_argument("--folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        if given.what == "tf":
            sides = [run(make(folder / f"{m}min.wav", 60 * m, 44100), f"{TF} --memory 2GB") for m in (1, 10)]
            (short, busy, _), (long, busier, peak) = sides
            print(
                f"  peak {peak:.2f} GB (at most 2.5); time {long / short:.1f} (at most 11), of the processor {busier / busy:.1f}"
            )
        elif given.what == "constant":
            print(f"  peak {run(make(folder / '8h.wav', 8 * 3600, 16000), '--mode constant')[2]:.2f} GB (at most 1)")
        else:
            for seconds, rate, options in SIZES:
                run(make(folder / f"{seconds}s.wav", seconds, rate), options)


if __name__ == "__main__":
    main()
