"""Whole commands in processes of their own: seconds and peak memory of what a user types.

python tests/benchmarks/command.py [RECORDING ...]     each of the recordings by the loss entropy and by the usual one, too
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import soundfile
from common import SAMPLES, THREE_COMPONENTS, noisy_chirps


def measure(*arguments: str) -> tuple[float, float]:
    """Seconds and peak memory in GB of one ``dstft`` command in a fresh process."""
    code = (
        "import resource, subprocess, sys, time; began = time.perf_counter();"
        "done = subprocess.run([sys.executable, '-m', 'dstft_cli', *sys.argv[1:]], stderr=subprocess.DEVNULL);"
        "print(done.returncode, time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    status, seconds, kilobytes = done.stdout.split("\n")[-2].split()
    if status != "0":
        sys.exit(f"dstft {' '.join(arguments)} failed with {status}")
    return float(seconds), float(kilobytes) * 1024 / 1e9


def main():
    with tempfile.TemporaryDirectory() as folder:
        paper = ["--mode", "tf", "--support", "1000", "--hop", "250", "--theta-min", "50", "--steps", "300"]
        paper += ["--set", "optimizer.patience=300", "-q", "-o", f"{folder}/a"]
        seconds, memory = measure("optimize", str(THREE_COMPONENTS), *paper)
        print(
            f"three components, 501 x 101 bins, 300 steps, pictures included: {seconds:.1f} s (wanted: under 15), {memory:.2f} GB"
        )
        file = Path(folder) / "ten_seconds.wav"
        soundfile.write(file, noisy_chirps(10, 16_000) / 2, 16_000)
        speech = ["--mode", "tf", "--support", "1024", "--hop", "256", "--steps", "200", "-q", "-o", f"{folder}/b"]
        seconds, memory = measure("optimize", str(file), *speech)
        print(
            f"10 s at 16 kHz, L = 1024, hop 256, 200 steps: {seconds:.1f} s, peak memory {memory:.2f} GB (wanted: under 1.5)"
        )
        seconds, _ = measure("optimize", str(SAMPLES / "chirp.wav"), "-q", "-o", f"{folder}/c")
        print(f"optimize chirp.wav: {seconds:.1f} s (wanted: under 3.5)")
        for i, recording in enumerate(sys.argv[1:]):
            for loss in ("entropy", "local-entropy"):
                arguments = ["--mode", "tf", "--loss", loss, "-q", "-o", f"{folder}/{i}-{loss}"]
                seconds, memory = measure("optimize", recording, *arguments)
                print(f"optimize {Path(recording).name}, tf-varying, {loss}: {seconds:.1f} s, {memory:.2f} GB")
        seconds, _ = measure("reconstruct", f"{folder}/a", "-o", f"{folder}/a.wav")
        print(f"reconstruct three_components.wav: {seconds:.1f} s")
        seconds, memory = measure("--help")
        print(f"dstft --help: {seconds:.2f} s (wanted: under 0.4)")


if __name__ == "__main__":
    main()
