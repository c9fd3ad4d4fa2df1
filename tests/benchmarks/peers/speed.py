"""Seconds and memory of ours and of other packages on one recording at 44.1 kHz, each in a process of its own.

    python tests/benchmarks/peers/speed.py [--seconds 5,60,600] [--row ctfr --row SciPy] [--figures part.json]

The recording is that of long_signals.py. Ours are whole commands, with files and pictures; the others are one call, with the imports and
the reading of the file, and write nothing. One thread each. All have L = 2048 and hop 512. A row that exceeds the limits of
measured.py is stopped and says so. --figures names a file with what was measured before, which is added to.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))

from long_signals import make
from measured import GB, Limits, measure
from results import save

RATE, L, HOP = 44_100, 2048, 512
WINDOWS = [512, 1024, 2048]  # samples, of what combines several
PACKAGES = ("dstft", "ctfr", "ssqueezepy", "librosa")
PLANE = ["--support", str(L), "--hop", str(HOP), "--theta-min", "256"]
OURS = ["-P", "-m", "dstft_cli", "optimize", *PLANE, "--device", "cpu", "--memory", "5GB"]
COMMANDS = {  # rows that are commands of ours
    "ours, tf-varying, local-entropy": ["--mode", "tf-varying"],
    "ours, tf-varying, entropy, 100 steps": ["--mode", "tf-varying", "--loss", "entropy", "--steps", "100"],
    "ours, tf-varying, local-entropy, reassigned": ["--mode", "tf-varying", "--reassign"],
    "ours, constant": ["--mode", "constant"],
}
LIMITS = Limits(cpu=400, memory=10 * GB)
NOTE = (
    f"One thread each, on a machine with much other work: compare seconds of the processor. L = {L}, hop {HOP}. A row is stopped at "
    f"{LIMITS.cpu} s of the processor or {LIMITS.memory / GB:.0f} GB. Ours include files and pictures; the others are a call alone. "
    "Those that move or combine energy take one pass, and choose no windows. What numba compiles is included."
)


def published(mode: str, steps: int) -> Callable[[np.ndarray], None]:
    """dstft 3.0.0, minimising entropy."""

    def call(samples: np.ndarray) -> None:
        import dstft
        import torch

        signal = torch.as_tensor(samples, dtype=torch.float32)[None]
        module = dstft.DSTFT(
            n_fft=L, win_length=800, hop_length=HOP, win_length_min=256, window_mode=mode, normalization="unit"
        )
        module.initialize(signal)
        optimizer = torch.optim.Adam([each for each in module.parameters() if each.requires_grad], lr=0.2)
        for _ in range(steps):
            optimizer.zero_grad()
            magnitude, _ = module(signal)
            share = magnitude / magnitude.sum()
            (-(share * share.log()).sum()).backward()
            optimizer.step()

    return call


def combined(method: str) -> Callable[[np.ndarray], None]:
    def call(samples: np.ndarray) -> None:
        import ctfr

        ctfr.ctfr(samples, sr=RATE, method=method, win_lengths=WINDOWS, hop_length=HOP, n_fft=L)

    return call


def squeezed(samples: np.ndarray) -> None:
    import ssqueezepy

    ssqueezepy.ssq_stft(samples, n_fft=L, fs=RATE, hop_len=HOP)


def reassigned(samples: np.ndarray) -> None:
    import librosa

    librosa.reassigned_spectrogram(samples, sr=RATE, n_fft=L, hop_length=HOP)


def spectrogram(samples: np.ndarray) -> None:
    from scipy.signal import ShortTimeFFT

    ShortTimeFFT(np.hanning(L), HOP, RATE).spectrogram(samples)


def multitaper(samples: np.ndarray) -> None:
    from scipy.signal import ShortTimeFFT
    from scipy.signal.windows import dpss

    sum(ShortTimeFFT(taper, HOP, RATE).spectrogram(samples) for taper in dpss(L, 2.0, 3))


CALLS = {
    "dstft 3.0.0, a window a point, 1 step": published("time-frequency", 1),
    "dstft 3.0.0, a window a frame, 100 steps": published("time", 100),
    "dstft 3.0.0, a window a frame, 1 step": published("time", 1),
    "ctfr, Lukin-Todd, three windows": combined("lt"),
    "ctfr, fast local sparsity, three windows": combined("fls"),
    "ssqueezepy, STFT, same hop": squeezed,
    "librosa, reassigned": reassigned,
    "SciPy, multitaper": multitaper,
    "SciPy, one window": spectrogram,
}
HEADS = {"wall": "s", "cpu": "s of the processor", "GB": "peak GB"}
ROWS = (*COMMANDS, *CALLS)


def one(row: str, path: str) -> None:
    """A call, in the process that is measured."""
    import soundfile

    samples = soundfile.read(path)[0]
    CALLS[row](samples)


def measured(row: str, path: Path, folder: Path) -> dict[str, object]:
    """The figures of a row on a recording."""
    if row in COMMANDS:
        out = ["-o", str(folder / "out"), "--on-existing", "overwrite"]
        found = measure([*OURS, str(path), *COMMANDS[row], *out], LIMITS)
    else:
        found = measure([__file__, "one", row, str(path)], LIMITS)
    print(f"  {row:48} {found.wall:8.1f} s {found.cpu:8.1f} s CPU {found.peak / GB:6.2f} GB  {found.why}", flush=True)
    return {"wall": found.wall, "cpu": found.cpu, "GB": found.peak / GB, "why": found.why}


def cells(found: dict[str, dict]) -> dict[str, dict]:
    """The table of one length: a row for each method."""
    rows = []
    for row in ROWS:
        each = found.get(row, {"why": "not run"})
        shown = ("wall", "cpu", "GB") if not each["why"] else ()
        figures = {head: each[key] if key in shown else None for key, head in HEADS.items()}
        rows.append({"what": row} | figures | {"remark": each["why"]})
    return rows


def make_result(found: dict[str, dict]) -> None:
    lengths = sorted(found, key=float)
    name = "ours, tf-varying, local-entropy"
    figures, slower = [], []
    for length in lengths:
        own = found[length].get(name)
        if own and not own["why"]:
            figures.append(f"{length} s: {own['cpu']:.0f} s of the processor, {own['GB']:.1f} GB")
            rivals = {row: found[length][row] for row in CALLS if row in found[length]}
            done = [row for row, each in rivals.items() if not each["why"]]
            quicker = [row for row in done if rivals[row]["cpu"] < own["cpu"]]
            slower.append(
                f"{length} s: {len(quicker)} of {len(rivals)} calls are quicker, {len(rivals) - len(done)} do not end"
            )
    save(
        "speed",
        {f"{length} s at 44.1 kHz": cells(found[length]) for length in lengths},
        packages=PACKAGES,
        question="What does a picture cost in time and memory beside other packages?",
        command="peers/speed.py",
        figure=f"{name}, whole command with pictures: " + "; ".join(figures),
        verdict="; ".join(slower),
        note=NOTE,
    )


def main() -> int:
    if sys.argv[1:2] == ["one"]:
        one(sys.argv[2], sys.argv[3])
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", default="5,60,600")
    parser.add_argument("--row", action="append", help="those whose name begins so, in this order; all by default")
    parser.add_argument("--figures", type=Path)
    given = parser.parse_args()
    found = json.loads(given.figures.read_text("utf-8")) if given.figures and given.figures.exists() else {}
    with tempfile.TemporaryDirectory() as name:
        for length in given.seconds.split(","):
            path = make(Path(name) / f"{length}s.wav", float(length), RATE)
            print(f"{length} s", flush=True)
            of_length = found.setdefault(length, {})
            for row in [row for start in given.row or [""] for row in ROWS if row.startswith(start)]:
                if row not in of_length:
                    of_length[row] = measured(row, path, Path(name))
                    if given.figures:
                        given.figures.write_text(json.dumps(found), "utf-8")
    make_result(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
