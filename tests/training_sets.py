"""Small data sets that a training can learn."""

from pathlib import Path

import numpy as np
import soundfile

RATE = 2000
_TONES = {"low": 150.0, "mid": 400.0, "high": 700.0}


def write_tones(folder: Path, count: int = 10, samples: int = 400) -> Path:
    """A folder for each of three tones, with that many clips of different lengths and phases in noise."""
    random = np.random.default_rng(3)
    for name, frequency in _TONES.items():
        (folder / name).mkdir(parents=True)
        for i in range(count):
            time = np.arange(samples - 10 * (i % 5)) / RATE
            tone = 0.4 * np.sin(2 * np.pi * (frequency * time + random.random()))
            soundfile.write(folder / name / f"{i}.wav", tone + 0.02 * random.standard_normal(len(time)), RATE)
    return folder


def write_tracks(folder: Path, count: int = 12, samples: int = 2000, noise: float = 0.1) -> Path:
    """A table of clips of sines whose period varies, in noise, and of their true frequencies; returns the table."""
    folder.mkdir(parents=True, exist_ok=True)
    random, rows = np.random.default_rng(4), ["path,track"]
    time = np.arange(samples) / RATE
    for i in range(count):
        frequency = 300 + 150 * np.sin(2 * np.pi * (1 + random.random()) * time + 6 * random.random())
        sine = np.sin(2 * np.pi * np.cumsum(frequency) / RATE + 6 * random.random())
        soundfile.write(folder / f"{i}.wav", 0.4 * sine + 0.4 * noise * random.standard_normal(samples), RATE)
        lines = [f"{t:.4f},{f:.3f}" for t, f in zip(time[::20], frequency[::20], strict=True)]
        (folder / f"{i}.csv").write_text("\n".join(["time_s,frequency_hz", *lines, ""]))
        rows.append(f"{i}.wav,{i}.csv")
    (folder / "tracks.csv").write_text("\n".join(rows) + "\n")
    return folder / "tracks.csv"
