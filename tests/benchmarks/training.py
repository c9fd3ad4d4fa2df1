"""``dstft train`` on real data: speed of an epoch, spoken digits, bearings of several recordings, and frequency tracking.

python tests/benchmarks/training.py epoch                the time of an epoch, fixed and learnt, on made-up clips
python tests/benchmarks/training.py digits FSDD.tgz      spoken digits, clips divided at random; more options go to dstft train,
                                                         as --support 512 --fixed 32,64,128,256,512 --epochs 8 of the figures
python tests/benchmarks/training.py speakers FSDD.tgz    the same, with no speaker on both sides
python tests/benchmarks/training.py paper FSDD.tgz       the paper's setting: magnitudes, windows of 10 to 50 samples
python tests/benchmarks/training.py parts A B C D        four recordings or more cut into clips, one part of each left out at a time
python tests/benchmarks/training.py tracking             sines of varying period in noise: the learnt window and the scanned curve
"""

import csv
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
import torch
from common import alternate

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from training_sets import RATE, write_tracks

from dstft_cli import load_config, load_signal
from dstft_cli.system.memory import keep_freed_memory
from dstft_cli.training.dataset.examples import TRAIN
from dstft_cli.training.fit import Budget, Data, Fit
from dstft_cli.training.frequency import scan
from dstft_cli.training.networks import build_classifier, small_network
from dstft_cli.training.spectrogram import Spectrogram
from dstft_cli.workflows.training.prepare import prepare
from dstft_cli.workflows.training.settings import TrainSettings

_DIGITS = r"(?P<label>\d)_"
_SPEAKERS = r"(?P<label>\d)_(?P<group>[a-z]+)_"
_COMMON = ("--clip", "0.5", "--support", "256", "--hop", "64", "--threads", "1")
_CLIPS, _RUNS = 2400, 9  # of an epoch; epochs of each kind
_PIECE, _PARTS = 0.25, 4  # s of a clip; parts of a recording


def epoch() -> None:
    """2400 clips of 0.5 s at 8 kHz, L = 256, hop 64, batches of 32: seconds, and CPU seconds, with one thread."""
    keep_freed_memory()  # as the command does
    torch.set_num_threads(1)
    torch.manual_seed(0)
    data = Data(torch.randn(_CLIPS, 4000), torch.full((_CLIPS,), 4000), torch.randint(0, 10, (_CLIPS,)))
    few, seconds = data.take(torch.arange(32)), {}

    def run(mode: str):
        spectrogram = Spectrogram(256, 64, 64.0, 8.0, mode, "hann", "log")
        model = build_classifier(spectrogram, 4000, 10, small_network)
        fit = Fit(model, torch.nn.functional.cross_entropy, Budget(100, 32, 2e-3, 0.01), 0)

        def one() -> None:
            began = time.process_time()
            fit.run_epoch(data, few)
            seconds.setdefault(mode, []).append(time.process_time() - began)

        return one

    alternate({mode: run(mode) for mode in ("fixed", "constant", "frequency-varying")}, _RUNS, warm=1)
    cpu = {mode: statistics.median(values[1:]) for mode, values in seconds.items()}
    for mode, value in cpu.items():
        ratio = statistics.median(np.divide(seconds[mode][1:], seconds["fixed"][1:]))
        print(
            f"  {mode:28} {value:10.2f} s of CPU time, {ratio:.2f} times that of the fixed window beside it in the median"
        )


def digits(archive: str, pattern: str, *options: str) -> None:
    """``dstft train`` on the recordings of an archive."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as file:
            file.extractall(folder, filter="data")
        command = [sys.executable, "-m", "dstft_cli", "train", f"{folder}/recordings", "--label-pattern", pattern]
        subprocess.run([*command, *_COMMON, "-o", f"{folder}/out", *options], check=True)


def parts(*arguments: str) -> None:
    """Which recording a clip is from; each seed tests on another part of all recordings. Options for dstft train come last."""
    count = next((i for i, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    recordings, options = arguments[:count], arguments[count:]
    with tempfile.TemporaryDirectory() as folder:
        rows = [("path", "label", "fold")]
        for path in recordings:
            signal = load_signal(path)
            rate, samples = round(signal.sample_rate), signal.samples / np.abs(signal.samples).max()
            size = round(_PIECE * rate)
            for i in range(len(samples) // size):
                name = f"{Path(path).stem}-{i}.wav"
                soundfile.write(f"{folder}/{name}", samples[i * size : (i + 1) * size], rate, subtype="FLOAT")
                rows.append((name, Path(path).stem, str(i * _PARTS // (len(samples) // size) + 1)))
        with open(f"{folder}/clips.csv", "w", newline="") as file:
            csv.writer(file).writerows(rows)
        command = [
            sys.executable,
            "-m",
            "dstft_cli",
            "train",
            f"{folder}/clips.csv",
            "--seeds",
            str(_PARTS),
            "--threads",
            "1",
        ]
        lowest = min(load_signal(path).sample_rate for path in recordings)
        subprocess.run(
            [
                *command,
                "--resample",
                f"{lowest:g}",
                "--epochs",
                "20",
                "--batch-size",
                "8",
                "-o",
                f"{folder}/out",
                *options,
            ],
            check=True,
        )


def tracking() -> None:
    """The learnt window of Eq. (33)-(34) beside the minimum of the curve, at three levels of noise."""
    torch.set_num_threads(1)
    config = load_config(sets=["support=256", "hop=32", "device=cpu"])
    for noise in (0.02, 0.1, 0.3):
        learnt, best = _tracked(config, noise)
        print(
            f"  noise {noise:4}: learnt {learnt:.2f}, lowest of the scan {best:.2f} samples, {100 * (learnt / best - 1):+.1f} %"
        )


def _tracked(config, noise: float) -> tuple[float, float]:
    """The window length learnt, and that of the lowest loss on the training clips, in samples."""
    with tempfile.TemporaryDirectory() as folder:
        table = write_tracks(Path(folder), 30, 2000, noise)
        own = TrainSettings(config, "frequency", 1, "none", Budget(30, 4, 1e-3, 0.03))
        prepared = prepare(str(table), own, None)
        prepared.run.go()
    index = [i for i, part in enumerate(prepared.parts[0]) if part == TRAIN]
    lengths = np.geomspace(8, 256, 401)
    clips, targets = prepared.clips.take(index), prepared.run.data.targets[index]
    losses = scan(lambda n: prepared.setup.spectrogram(n, False), clips, targets, lengths.tolist(), RATE / 256)
    return prepared.run.records[0].theta[0], lengths[int(np.argmin(losses))]


if __name__ == "__main__":
    what, *others = sys.argv[1:] or ["epoch"]
    if what in ("digits", "speakers"):
        digits(others[0], _DIGITS if what == "digits" else _SPEAKERS, *others[1:])
    elif what == "paper":
        options = ("--features", "magnitude", "--support", "64", "--hop", "32", "--fixed", "10,20,30,40,50")
        digits(others[0], _DIGITS, *options, *others[1:])
    else:
        {"epoch": epoch, "parts": parts, "tracking": tracking}[what](*others)
