"""What a learnt shape gains over Hann: the Shannon entropy of the spectrogram under the best window of each kind.

python tests/benchmarks/window_shapes.py RECORDING...    the sample recordings where none is named
"""

import statistics
import sys

import numpy as np
import torch
from common import SAMPLES

from dstft_cli import load_signal
from dstft_cli.optimization.window_shape import learn_cosine

_SUPPORT = 1024
_FRAMES = 400


def main(paths: list[str]) -> None:
    """A row for each recording: window lengths in samples, entropies in nats, and the coefficients."""
    torch.set_num_threads(1)
    gains = []
    print(f"  {'recording':28} {'Hann':>8} {'nats':>9} {'learnt':>8} {'nats':>9} {'gain':>8}  coefficients")
    for path in paths:
        samples = load_signal(path).samples
        samples = samples - samples.mean()
        starts = np.unique(np.linspace(0, len(samples) - _SUPPORT, _FRAMES).astype(int))
        frames = torch.from_numpy(np.stack([samples[i : i + _SUPPORT] for i in starts]) / samples.std()).float()
        coefficients, found = learn_cosine(frames, (32, _SUPPORT))
        gains.append(found["hann"] - found["entropy"])
        shape = ", ".join(f"{a:.3f}" for a in coefficients)
        numbers = f"{found['hann_theta']:8.1f} {found['hann']:9.4f} {found['theta']:8.1f} {found['entropy']:9.4f} {gains[-1]:8.4f}"
        print(f"  {path.rpartition('/')[2][:28]:28} {numbers}  {shape}", flush=True)
    print(f"  median gain {statistics.median(gains):.4f} nats over {len(gains)} recordings")


if __name__ == "__main__":
    main(sys.argv[1:] or sorted(map(str, SAMPLES.glob("*.wav"))))
