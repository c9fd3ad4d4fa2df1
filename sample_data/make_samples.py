"""Make the synthetic recordings of this folder, and truth.json, which says what is in them.

    python sample_data/make_samples.py [FOLDER]

FOLDER is this folder unless given. Every signal has its own fixed seed, so each run writes the same bytes.

three_components  10 kHz, 2.5 s: a slow rise and fall in frequency, a steady tone, a short click, noise
run_up             5 kHz, 6.0 s: vibration of a machine that runs up from 10 to 45 Hz, a resonance at 180 Hz
chirp             16 kHz, 1.0 s: linear sweep from 500 Hz to 6 kHz, 30 dB above the noise
shocks             1 kHz, 3.0 s: four tones, struck in turn and dying away, 20 dB above the noise
switching          1 kHz, 6.6 s: six tones in turn, without a break in phase, and noise

The WAV files are 16-bit: a signal is multiplied by the `scale` stated in truth.json before it is written. The
CSV files hold the signal itself. In truth.json samples are counted from 0, sample 0 is time 0, an end is the
first sample past the component, frequencies are in Hz and amplitudes in the unit of the signal. Where a law
says "running sum", the frequency at sample n is that of the step of phase from n-1 to n, else that at n.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

FULL_SCALE = 2**15
TRUTH_POINTS = 50


@dataclass(frozen=True)
class Component:
    """One sinusoid of varying frequency; the arrays run from sample `start` on and are equally long.

    `frequency` is in Hz, `amplitude` in the unit of the signal, `wave` is what is added to the signal.
    """

    name: str
    law: str
    start: int
    frequency: np.ndarray
    amplitude: np.ndarray
    wave: np.ndarray


@dataclass(frozen=True)
class Recipe:
    """A signal and its truth; `noise` is a standard deviation in `unit`, `scale` brings it all within ±1."""

    name: str
    about: str
    rate: int
    samples: int
    unit: str
    components: Sequence[Component]
    events: dict[str, int]
    noise: float
    seed: int
    scale: float
    csv_header: tuple[str, ...] = ()
    csv_decimals: tuple[int, ...] = ()
    csv_extra: Sequence[np.ndarray] = field(default=())


def clean(components: Sequence[Component], samples: int) -> np.ndarray:
    """Return the sum of the components, shape (samples,)."""
    total = np.zeros(samples)
    for part in components:
        total[part.start : part.start + part.wave.size] += part.wave
    return total


def signal(recipe: Recipe) -> np.ndarray:
    """Return components and noise together, shape (samples,), in the unit of the recipe."""
    rng = np.random.Generator(np.random.PCG64(recipe.seed))
    noise = recipe.noise * rng.standard_normal(recipe.samples)
    return clean(recipe.components, recipe.samples) + noise


def noise_for_snr(components: Sequence[Component], samples: int, snr_db: float) -> float:
    """Return the standard deviation of a noise `snr_db` below the mean power of the whole clean signal."""
    return float(np.sqrt(np.mean(clean(components, samples) ** 2) / 10 ** (snr_db / 10)))


def three_components() -> Recipe:
    """Return the signal of the paper's section VI-A; the click is ours, the paper does not give its shape."""
    rate, samples, click = 10_000, 25_000, 13_100
    t = np.arange(samples) / rate
    law = "(100 sin(2 pi t) + 100 + 50 t) / 200 rad a sample, t in s; sine of the running sum, amplitude 1"
    wandering = _summed("wandering", law, (100 * np.sin(2 * np.pi * t) + 100 + 50 * t) / 200, rate)
    law = "500 / 200 rad a sample; sine of the running sum, amplitude 1"
    steady = _summed("steady", law, np.full(samples, 500 / 200), rate)
    about = "a component of wandering frequency, a steady tone, a click and white noise (paper, VI-A)"
    parts = [wandering, steady, _click(click, rate)]
    return Recipe("three_components", about, rate, samples, "1", parts, {"click": click}, 0.1, 101, 0.125)


def _summed(name: str, law: str, step: np.ndarray, rate: int, amplitude: float = 1.0) -> Component:
    """Return a sine whose phase is the running sum of `step` (rad a sample), from sample 0 on."""
    hertz = step / (2 * np.pi) * rate
    return Component(name, law, 0, hertz, np.full(step.size, amplitude), amplitude * np.sin(np.cumsum(step)))


def _click(start: int, rate: int, length: int = 24, decay: float = 3.0) -> Component:
    k = np.arange(length)
    amplitude = 5 * np.exp(-k / decay)
    law = f"5 exp(-k / {decay:g}) cos(pi k / 2), k = 0 ... {length - 1} samples after the start"
    wave = amplitude * np.cos(np.pi * k / 2)
    return Component("click", law, start, np.full(length, rate / 4), amplitude, wave)


def run_up() -> Recipe:
    """Return the vibration of a shaft that rests at 10 Hz, runs up from 1 s to 4.5 s, and rests at 45 Hz."""
    rate, samples = 5_000, 30_000
    speed, turns = _shaft(np.arange(samples) / rate)
    base = {1: 0.30, 2: 0.20, 3: 0.15, 5: 0.10, 10: 0.08}
    parts = [_order(order, amplitude, speed, turns) for order, amplitude in base.items()]
    events = {"run-up starts": rate, "run-up ends": rate * 9 // 2}
    for order in (5, 10):
        events[f"order {order} passes the resonance"] = int(np.searchsorted(speed * order, 180.0))
    header = ("time [s]", "acc [g]", "tacho [Hz]")
    about = "vibration of a rotating machine: five orders of a shaft that runs up, a resonance, white noise"
    csv = (header, (4, 4, 3), [speed])
    return Recipe("run_up", about, rate, samples, "g", parts, events, 0.05, 102, 0.5, *csv)


def _shaft(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the speed in Hz and its exact integral in turns at the times `t` (s)."""
    x = np.clip((t - 1.0) / 3.5, 0.0, 1.0)
    speed = 10 + 17.5 * (1 - np.cos(np.pi * x))
    turns = 10 * t + 17.5 * 3.5 * (x - np.sin(np.pi * x) / np.pi) + 35 * np.maximum(t - 4.5, 0.0)
    return speed, turns


def _order(order: int, base: float, speed: np.ndarray, turns: np.ndarray) -> Component:
    """Return one multiple of the shaft speed, raised where it comes near the resonance."""
    hertz = order * speed
    amplitude = base * (1 + 5 / (1 + ((hertz - 180) / 15) ** 2))
    law = (
        f"f = {order} times the shaft speed, which is 10 Hz until 1 s, 45 Hz from 4.5 s, and between them"
        f" 10 + 17.5 (1 - cos(pi (t - 1) / 3.5)); amplitude {base:g} (1 + 5 / (1 + ((f - 180) / 15)^2)) g;"
        f" sine of {order} times the shaft angle + {order**2} rad"
    )
    wave = amplitude * np.sin(2 * np.pi * order * turns + order**2)
    return Component(f"order {order}", law, 0, hertz, amplitude, wave)


def chirp() -> Recipe:
    """Return a linear sweep over one second."""
    rate = samples = 16_000
    t = np.arange(samples) / rate
    law = "500 + 5500 t Hz, t in s; sine of 2 pi (500 t + 2750 t^2), amplitude 1"
    wave = np.sin(2 * np.pi * (500 * t + 2750 * t**2))
    parts = [Component("sweep", law, 0, 500 + 5500 * t, np.ones(samples), wave)]
    noise = noise_for_snr(parts, samples, 30.0)
    return Recipe("chirp", "a linear sweep in white noise", rate, samples, "1", parts, {}, noise, 103, 0.8)


def shocks() -> Recipe:
    """Return the signal of the paper's section VI-B; it is silent before the first shock, our own choice."""
    rate, samples = 1_000, 3_000
    starts, tones = [138, 768, 1259, 1647], [250.0, 200.0, 100.0, 300.0]
    ends = [*starts[1:], samples]
    parts = [_shock(*each, rate) for each in zip(tones, starts, ends, strict=True)]
    events = {part.name: part.start for part in parts}
    about = "decaying shocks, each at another frequency, in white noise (paper, VI-B); at first noise alone"
    noise = noise_for_snr(parts, samples, 20.0)
    header = ("time [s]", "amplitude")
    return Recipe("shocks", about, rate, samples, "1", parts, events, noise, 104, 0.8, header, (3, 5))


def _shock(tone: float, start: int, end: int, rate: int) -> Component:
    t = np.arange(end - start) / rate
    law = f"exp(-5 t) cos(2 pi {tone:g} t), t in s from the start to the next shock or the end"
    amplitude = np.exp(-5 * t)
    wave = amplitude * np.cos(2 * np.pi * tone * t)
    return Component(f"shock {tone:g} Hz", law, start, np.full(t.size, tone), amplitude, wave)


def switching() -> Recipe:
    """Return the variant of section VI-B: pieces of steady tones."""
    rate, tones = 1_000, [50.0, 228.0, 65.0, 171.0, 30.0, 144.0]
    lengths = [1484, 1153, 635, 361, 1796, 1207]
    starts = [sum(lengths[:n]) for n in range(len(lengths))]
    hertz = np.repeat(tones, lengths)
    wave = np.sin(np.cumsum(2 * np.pi * hertz / rate))
    law = "{:g} Hz; sine of the running sum of 2 pi f / fs over all pieces, amplitude 1"
    parts = [
        Component(f"piece {n}", law.format(f), i, np.full(size, f), np.ones(size), wave[i : i + size])
        for n, (f, i, size) in enumerate(zip(tones, starts, lengths, strict=True), 1)
    ]
    events = {f"switch to {f:g} Hz": i for f, i in zip(tones[1:], starts[1:], strict=True)}
    about = "tones of different lengths one after the other in white noise (paper, VI-B)"
    return Recipe("switching", about, rate, wave.size, "1", parts, events, 0.2, 105, 0.5)


RECIPES: tuple[Callable[[], Recipe], ...] = (three_components, run_up, chirp, shocks, switching)


def truth(recipe: Recipe) -> dict[str, object]:
    """Return what truth.json says of one signal."""
    power = np.mean(clean(recipe.components, recipe.samples) ** 2)
    noise = {
        "law": "white, Gaussian; the SNR is the mean power of the noise-free signal over that of the noise",
        "snr_db": _plain(10 * np.log10(power / recipe.noise**2)),
        "standard_deviation": _plain(recipe.noise),
    }
    events = [{"name": k, "sample": n, "time_s": _plain(n / recipe.rate)} for k, n in recipe.events.items()]
    return {
        "about": recipe.about,
        "components": [_component_truth(part) for part in recipe.components],
        "duration_s": _plain(recipe.samples / recipe.rate),
        "events": sorted(events, key=lambda event: event["sample"]),
        "files": _files_truth(recipe),
        "noise": noise,
        "sample_rate_hz": recipe.rate,
        "samples": recipe.samples,
        "unit": recipe.unit,
    }


def _component_truth(part: Component) -> dict[str, object]:
    length = part.wave.size
    at = np.unique(np.arange(TRUTH_POINTS) * (length - 1) // (TRUTH_POINTS - 1))
    points = {
        "amplitude": [_plain(a) for a in part.amplitude[at]],
        "frequency_hz": [_plain(f) for f in part.frequency[at]],
        "sample": [int(n) for n in part.start + at],
    }
    span = {"first_sample": part.start, "end_sample": part.start + length}
    return {"name": part.name, "law": part.law, "points": points, **span}


def _files_truth(recipe: Recipe) -> dict[str, object]:
    files: dict[str, object] = {f"{recipe.name}.wav": {"format": "WAV PCM_16", "scale": recipe.scale}}
    if recipe.csv_header:
        files[f"{recipe.name}.csv"] = {"columns": list(recipe.csv_header), "format": "CSV", "scale": 1.0}
    return files


def _plain(value: float) -> float:
    """Round to six decimals: enough for any use, and the same digits whatever the last bit of a cosine is."""
    return round(float(value), 6)


def write_wav(path: Path, samples: np.ndarray, rate: int) -> None:
    """Write samples within ±1 as 16-bit WAV; a float WAV would carry the time of writing, so no two agree."""
    steps = np.round(samples * FULL_SCALE)
    if np.abs(steps).max() >= FULL_SCALE:
        raise ValueError(f"{path.name}: peak {np.abs(samples).max():.3f} is not below 1, lower its scale")
    with path.open("wb") as file:
        soundfile.write(file, steps.astype(np.int16), rate, format="WAV", subtype="PCM_16")


def write_csv(path: Path, recipe: Recipe, samples: np.ndarray) -> None:
    """Write time, signal and extra columns with the decimals of the recipe, lines ended by a bare newline."""
    columns = [np.arange(recipe.samples) / recipe.rate, samples, *recipe.csv_extra]
    row = ",".join(f"{{:.{decimals}f}}" for decimals in recipe.csv_decimals)
    lines = [",".join(recipe.csv_header), *(row.format(*values) for values in zip(*columns, strict=True))]
    path.write_bytes(("\n".join(lines) + "\n").encode("ascii"))


def make(folder: Path) -> list[Path]:
    """Write all files into `folder` and return their paths; raises OSError where that is impossible."""
    folder.mkdir(parents=True, exist_ok=True)
    truths, paths = {}, []
    for recipe in (build() for build in RECIPES):
        samples = signal(recipe)
        truths[recipe.name] = truth(recipe)
        paths.append(folder / f"{recipe.name}.wav")
        write_wav(paths[-1], samples * recipe.scale, recipe.rate)
        if recipe.csv_header:
            paths.append(folder / f"{recipe.name}.csv")
            write_csv(paths[-1], recipe, samples)
    paths.append(folder / "truth.json")
    text = json.dumps({"signals": truths}, indent=1, sort_keys=True, allow_nan=False)
    paths[-1].write_bytes((text + "\n").encode("ascii"))
    return paths


def main() -> int:
    """Read the command line, write the files, name them on stdout."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent, metavar="FOLDER")
    try:
        for path in make(parser.parse_args().folder):
            print(path)
    except OSError as error:
        print(f"make_samples: cannot write: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
