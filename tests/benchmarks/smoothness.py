"""How smooth windows are under a λ: spread and speckle of the θ map over real recordings, for several λ.

    python tests/benchmarks/smoothness.py FOLDER [--loss entropy] [LAMBDA ...]

spread: octaves between the 5th and the 95th percentile of θ (0: frozen). speckle: share of bins that lie more than a
quarter octave off the median of their four neighbours. gain: nats of the criterion below the best constant window.
"""

import argparse
from pathlib import Path

import numpy as np

from dstft_cli import load_signal, optimize
from dstft_cli.errors import InputError
from dstft_cli.recordings.detrend import detrend

SECONDS = 2.0  # of a recording above 5 kHz; slower ones are taken whole


def recordings(folder: Path):
    for path in sorted(folder.iterdir()):
        if path.name == "MANIFEST.csv":
            continue
        for options in ({}, {"fs": 250.0}):
            try:
                signal = load_signal(path, **options)
                if signal.sample_rate > 5000:
                    signal = load_signal(path, duration=SECONDS, **options)
                yield detrend(signal, "mean")
                break
            except InputError:
                continue


def speckle(log_theta: np.ndarray) -> float:
    around = [log_theta[:-2, 1:-1], log_theta[2:, 1:-1], log_theta[1:-1, :-2], log_theta[1:-1, 2:]]
    return float((np.abs(log_theta[1:-1, 1:-1] - np.median(around, axis=0)) > 0.25).mean())


def main(folder: Path, loss: str, weights: list[float]):
    print(f"{'spread / speckle / gain at lambda':36}" + "".join(f"{w:^24g}" for w in weights))
    for signal in recordings(folder):
        row = f"{signal.name:36}"
        for weight in weights:
            result = optimize(signal, mode="tf", loss=loss, lambda_=weight)
            log_theta = np.log2(result.theta)
            low, high = np.quantile(log_theta, [0.05, 0.95])
            gain = result.initial[loss] - result.final[loss]
            row += f"   {high - low:5.2f} {speckle(log_theta):6.3f} {gain:6.2f}"
        print(row, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("weights", metavar="LAMBDA", type=float, nargs="*", default=[0.1, 0.3, 0.5, 1.0])
    parser.add_argument("--loss", default="local-entropy", choices=["local-entropy", "entropy", "renyi"])
    main(**vars(parser.parse_args()))
