"""How wide known components are drawn at each place, beside the best single window at that place.

    python tests/benchmarks/local_width.py [--signals trill,gear] [--snr inf,20,10] [--json new.json]

Ten signals at rates from 8 to 250 kHz are run with no options but ``--mode tf-varying``; their planes are those that the survey
of the recording chooses. The width at a place is the mean distance of |S| from the component, within a Gaussian about the place.
A row says how much wider that is than under the best constant window at each place, in per cent: for the windows found, and for
the constant window of least mean. Both sides have the range that was chosen: a steady tone would always want a longer one.
Behind it: the share of the energy within half a unit of the component, and the roughness of θ in octaves a unit, at components
and away from them. A unit is half of the middle window length in time, and its reciprocal in frequency.

A component shorter than a unit, a burst, has no sides that a distance could be measured from: a window that smears it along
itself would cost hardly anything. It counts in the last two columns: how much greater its area is than under the best constant
window for it, in per cent, for the windows found and for the constant window of least mean. The area is that of the points within
6 dB of the loudest and joined to it.
"""

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_filter, label
from scipy.spatial import cKDTree

from dstft_cli import Signal, optimize
from dstft_cli.optimization.local_entropy.working_grid import WorkingGrid
from dstft_cli.stft.frame_positions import fixed_positions
from dstft_cli.stft.transform import dstft_magnitude

REACH, BALL = 3.0, 0.75  # units: what counts for a component, and the surroundings of a place
CLOSE, AT, FAR = 0.5, 1.0, 3.0  # units from a component: well drawn, at it, and away from all
BURST = 1.0  # units: what is shorter has no sides
PER_OCTAVE = 6  # constant windows
COLUMNS = "excess", "constant", "share", "rough", "rough away", "burst", "b. constant"
_TINY = 1e-30

Component = tuple[np.ndarray, np.ndarray]
"""Samples and cycles per sample of the points of a component, (n,) each."""


class Truth:
    """Where the components of a signal lie on a plane; distances are in units.

    components: of the signal.
    grid: the plane; its unit is that of the distances.
    """

    def __init__(self, components: list[Component], grid: WorkingGrid):
        self.grid = grid
        bins, frames = (np.arange(size) / per for size, per in zip(grid.shape, grid.per_unit, strict=True))
        plane = np.stack(np.meshgrid(bins, frames, indexing="ij"), -1).reshape(-1, 2)
        distance = np.full(len(plane), np.inf)
        self.places, self.bursts = [], []
        for samples, frequencies in components:
            points = np.stack([frequencies * grid.unit, samples / grid.unit], 1)
            distance = np.minimum(distance, cKDTree(points).query(plane, distance_upper_bound=2 * REACH)[0])
            path = np.cumsum(np.hypot(*np.diff(points, axis=0, prepend=points[:1]).T))
            if path[-1] < BURST:
                middle = points[len(points) // 2]
                self.bursts.append((np.hypot(*(plane - middle).T) < BURST).reshape(grid.shape))
                continue
            every = points[np.diff(np.floor(path), prepend=-1) > 0]
            at = np.round(every * grid.per_unit).astype(int)
            self.places.append(tuple(np.minimum(at, np.array(grid.shape) - 1).T))
        self.distance = np.minimum(distance, 2 * REACH).reshape(grid.shape)
        self.inside = self.distance < REACH

    def widths(self, magnitude: np.ndarray) -> list[np.ndarray]:
        """The mean distance of |S| (F, T) about the places of each component that is no burst."""
        size = [BALL * per for per in self.grid.per_unit]
        seen = magnitude * self.inside
        mean = gaussian_filter(seen * self.distance, size, mode="constant") / gaussian_filter(
            seen + _TINY, size, mode="constant"
        )
        return [mean[place] for place in self.places]

    def areas(self, magnitude: np.ndarray) -> np.ndarray:
        """The area of each burst in points of |S| (F, T): those within 6 dB of its loudest, and joined to it."""
        areas = []
        for near in self.bursts:
            loudest = np.argmax(np.where(near, magnitude, -1))
            parts, _ = label(magnitude > magnitude.flat[loudest] / 2)
            areas.append((parts == parts.flat[loudest]).sum())
        return np.array(areas, float)

    def excess(self, magnitude: np.ndarray, best: list[np.ndarray]) -> float:
        """How much wider than the best at each place, in per cent, components alike."""
        logs = [np.log(own / least).mean() for own, least in zip(self.widths(magnitude), best, strict=True)]
        return 100 * float(np.exp(np.mean(logs)) - 1)

    def share(self, magnitude: np.ndarray) -> float:
        """Of the energy inside REACH, what is within CLOSE."""
        power = magnitude**2 * self.inside
        return float(power[self.distance < CLOSE].sum() / power.sum())

    def roughness(self, theta: np.ndarray) -> tuple[float, float]:
        """Octaves a unit of θ (F, T): at components, and away from them; NaN where there is no such place."""
        log_theta, (bins, frames) = np.log2(theta), self.grid.per_unit
        slopes = np.zeros_like(log_theta)
        slopes[:-1] += np.abs(np.diff(log_theta, axis=0)) * bins
        slopes[:, :-1] += np.abs(np.diff(log_theta, axis=1)) * frames
        near, far = (slopes[where] for where in (self.distance < AT, self.distance > FAR))
        return tuple(float(one.mean()) if one.size else math.nan for one in (near, far))


@dataclass
class Scene:
    """A signal made of components. rate: Hz. seconds: its duration."""

    rate: int
    seconds: float
    components: list[Component] = field(default_factory=list)

    def __post_init__(self):
        self.index = np.arange(round(self.rate * self.seconds))
        self.time = self.index / self.rate
        self.clean = np.zeros(len(self.index))

    def line(self, hertz, amplitude=1.0, phase: float = 0.0) -> "Scene":
        """A component of frequency hertz and that amplitude, constants or (N,); it is a part of the truth where it is heard."""
        hertz, amplitude = (np.broadcast_to(np.asarray(one, float), self.time.shape) for one in (hertz, amplitude))
        self.clean += amplitude * np.cos(2 * np.pi * np.cumsum(hertz) / self.rate + phase)
        heard = amplitude > 0.03 * amplitude.max()
        for first, last in _stretches(heard):
            self.components.append((self.index[first:last], hertz[first:last] / self.rate))
        return self

    def click(self, seconds: float, amplitude: float, low: float, high: float) -> "Scene":
        """An impulse whose spectrum is flat between two frequencies in Hz."""
        sample, low, high = seconds * self.rate, low / self.rate, high / self.rate
        away = self.index - sample
        self.clean += amplitude * 2 * (high * np.sinc(2 * high * away) - low * np.sinc(2 * low * away))
        self.components.append((np.full(2000, sample), np.linspace(low, high, 2000)))
        return self

    def noisy(self, snr: float) -> np.ndarray:
        """With white noise at that SNR in dB, where the signal is on; a trace of it where that is infinite."""
        power = self.clean**2
        level = math.sqrt(power[power > 1e-4 * power.max()].mean()) * max(10 ** (-snr / 20), 1e-5)
        return self.clean + level * np.random.default_rng(11).standard_normal(len(self.clean))


def _stretches(heard: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(heard.astype(int), prepend=0, append=0))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _hump(time: np.ndarray, first: float, last: float, edge: float) -> np.ndarray:
    """1 from first to last, with edges of so many seconds."""
    return np.clip(np.minimum(time - first, last - time) / edge, 0, 1) ** 2


def vibrato() -> Scene:
    scene = Scene(22050, 1.2)
    pitch = 262 * (1 + 0.025 * np.sin(2 * np.pi * 6 * scene.time))
    for order in range(1, 9):
        scene.line(order * pitch, _hump(scene.time, 0.1, 1.1, 0.04) / order, order)
    return scene


def octave_sweeps() -> Scene:
    scene = Scene(16000, 1.5)
    return scene.line(150 * 2 ** (3 * scene.time)).line(6000 * 2 ** (-2 * scene.time), 0.5, 1).line(7000, 0.1)


def parabola() -> Scene:
    scene = Scene(8000, 2.0)
    return scene.line(600 + 2200 * (scene.time - 1) ** 2).line(400, 0.3, 1).line(3500 - 900 * scene.time**2 / 4, 0.2, 2)


def trill() -> Scene:
    scene = Scene(44100, 1.0)
    swing = np.tanh(4 * np.sin(2 * np.pi * 14 * scene.time))
    loud = _hump(scene.time, 0.1, 0.9, 0.01)
    return scene.line(4200 + 700 * swing, loud).line(2 * (4200 + 700 * swing), 0.1 * loud).line(1500, 0.05)


def plucked() -> Scene:
    scene = Scene(32000, 1.6)
    for start, pitch in ((0.11, 196.0), (0.52, 294.3), (1.03, 247.1)):
        past = scene.time - start
        for order in range(1, 8):
            loud = np.where(past > 0, np.exp(-3 * (1 + order) * np.maximum(past, 0)), 0.0) / order
            scene.line(order * pitch * math.sqrt(1 + 4e-4 * order**2), loud, order)
    return scene


def hum_and_pulses() -> Scene:
    scene = Scene(10000, 1.5)
    for order in range(1, 7):
        scene.line(100 * order, 0.5 / order, order)
    for start in np.arange(0.1, 1.4, 0.17):
        scene.click(start, 6.0, 900, 4800).click(start + 0.012, 4.0, 900, 4800)
    return scene


def gear() -> Scene:
    scene = Scene(25600, 1.2)
    for order, size in ((-2, 0.2), (-1, 0.5), (0, 1.0), (1, 0.5), (2, 0.2)):
        scene.line(2300 + 29.7 * order, size, order)
    for start in np.arange(0.05, 1.15, 0.101):
        scene.line(8200.0, np.where(scene.time >= start, np.exp(-400 * np.maximum(scene.time - start, 0)), 0.0))
    return scene


def frog() -> Scene:
    scene = Scene(16000, 1.2)
    for start in np.arange(0.08, 1.0, 0.046):
        scene.line(2600 + 900 * (scene.time - 0.1), _hump(scene.time, start, start + 0.012, 0.003))
    return scene.line(900 + 60 * np.sin(2 * np.pi * 2 * scene.time), 0.3)


def echolocation() -> Scene:
    scene = Scene(250000, 0.1)
    for start, size in ((0.01, 1.0), (0.017, 0.1), (0.045, 1.0), (0.052, 0.1), (0.08, 1.0)):
        past = np.clip((scene.time - start) / 0.003, 0, 1)
        scene.line(1 / ((1 - past) / 85e3 + past / 32e3), size * _hump(scene.time, start, start + 0.003, 0.0003))
    return scene


def crossing() -> Scene:
    scene = Scene(12000, 1.2)
    return scene.line(800 + 3600 * scene.time).line(5200 - 1800 * scene.time, 0.7).line(1400 + 300 * scene.time, 0.4, 1)


SCENES: dict[str, Callable[[], Scene]] = {
    make.__name__.replace("_", "-"): make
    for make in (
        vibrato,
        octave_sweeps,
        parabola,
        trill,
        plucked,
        hum_and_pulses,
        gear,
        frog,
        echolocation,
        crossing,
    )
}


def constant_planes(samples: np.ndarray, grid: WorkingGrid) -> list[np.ndarray]:
    """|S| (F, T) under constant windows over the range of a plane."""
    positions = fixed_positions(len(samples), int(grid.hop))
    values = torch.as_tensor(samples, dtype=torch.float32)
    low, high = grid.bounds
    lengths = np.geomspace(low, high, 1 + math.ceil(PER_OCTAVE * math.log2(high / low)))
    return [dstft_magnitude(values, float(length), positions, grid.support).numpy() for length in lengths]


def judge(scene: Scene, snr: float) -> dict[str, float]:
    """The row of a signal at an SNR in dB."""
    samples = scene.noisy(snr)
    result = optimize(Signal(samples, float(scene.rate), "known"), mode="tf-varying", device="cpu")
    found = np.abs(result.stft)
    grid = WorkingGrid(found.shape, result.support, float(result.hop), result.grid.theta_min)
    truth = Truth(scene.components, grid)
    planes = constant_planes(samples, grid)
    best = [np.min(widths, 0) for widths in zip(*map(truth.widths, planes), strict=True)]
    near, far = truth.roughness(np.broadcast_to(result.theta, found.shape))
    bursts = np.array([truth.areas(plane) for plane in planes])
    return {
        "excess": truth.excess(found, best),
        "constant": min(truth.excess(plane, best) for plane in planes),
        "share": truth.share(found),
        "rough": near,
        "rough away": far,
        "burst": _more(truth.areas(found), bursts.min(0)),
        "b. constant": min(_more(areas, bursts.min(0)) for areas in bursts),
    }


def _more(areas: np.ndarray, least: np.ndarray) -> float:
    """How much greater areas are than the least ones, in per cent; NaN for none."""
    return 100 * (float(np.exp(np.log(areas / least).mean())) - 1) if len(areas) else math.nan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--signals", default=",".join(SCENES))
    parser.add_argument("--snr", default="inf,20,10")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: dict[str, dict[str, float]] = {}
    for snr in options.snr.split(","):
        print(f"\n{snr + ' dB':20}" + "".join(f"{name:>12}" for name in COLUMNS))
        names = options.signals.split(",")
        for name in names:
            row = rows[f"{name} {snr}"] = judge(SCENES[name](), float(snr))
            print(f"{name:20}" + "".join(f"{value:12.3f}" for value in row.values()), flush=True)
        means = np.nanmean([list(rows[f"{name} {snr}"].values()) for name in names], 0)
        print(f"{'mean':20}" + "".join(f"{value:12.3f}" for value in means))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
