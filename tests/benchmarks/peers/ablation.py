"""What λ and θ_min do to pictures: width, spread and roughness of θ over both, and what the defaults lose against the best pair.

    python tests/benchmarks/peers/ablation.py FOLDER ... [--samples 8192] [--figures part.json] [--picture maps.png]

A cell is a run of ``--mode tf-varying`` with one λ and one θ_min on the plane that the tool chooses: its support and hop stay, θ_min is
a multiple of its own. The width of signals with truth is that of local_width.py, over the best window at each place; that of a
recording is over the best constant window of the defaults, by the tool's own measure of widths (there is no truth). Spread: octaves
between the 5th and the 95th percentile of θ. Roughness: octaves of θ a unit, in the mean.
"""

import argparse
import math
import sys
from itertools import product
from pathlib import Path

import numpy as np
import torch
from excerpts import Kept, excerpts
from local_width import SCENES, Truth, constant_planes
from results import save

from dstft_cli import Signal
from dstft_cli.config.grid import make_grid
from dstft_cli.config.loading import merge_config
from dstft_cli.optimization.auto_lengths import choose_lengths, with_lengths
from dstft_cli.optimization.local_entropy.loss import LAMBDA
from dstft_cli.optimization.local_entropy.narrowing import narrowing, width_changes
from dstft_cli.optimization.local_entropy.working_grid import WorkingGrid
from dstft_cli.optimization.problem import Problem
from dstft_cli.optimization.run import OptimizationRun
from dstft_cli.optimization.strategies.local import LocalStrategy
from dstft_cli.stft.windows import get_window

WEIGHTS = (0.0, 0.2, LAMBDA, 1.25)
FACTORS = (1.0, 0.5, 2.0)  # of the θ_min that is chosen, which comes first
DEFAULT = f"{LAMBDA:g} {FACTORS[0]:g}"
KNOWN = ("vibrato", "octave-sweeps", "parabola", "hum-and-pulses", "gear", "frog", "echolocation", "crossing")
SNR = 20.0  # dB
WANTED = 3.0  # per cent
FIGURES = ("width", "spread", "roughness")

NOTE = (
    "θ_min is in multiples of the one that the tool chooses; it is at most half of the support. Widths of recordings are over the best "
    "constant window of the defaults, those of signals with truth over the best window at each place. Loss: width under the "
    "defaults over that under the best of all pairs. Signals with truth are cut to their first samples, recordings to the loudest of equal "
    "stretches, of the length that --samples gives. Where a run gains too little it keeps one window, as the tool does. "
    "Narrower is not all: small λ follow noise, too, which the roughness shows. "
    "Planes are not widened after a first run, as a whole run may do."
)


def roughness(theta: np.ndarray, grid: WorkingGrid) -> float:
    """Octaves a unit of θ (F, T) along both axes together, in the mean."""
    log_theta = np.log2(theta)
    slopes = (np.abs(np.diff(log_theta, axis=axis)).mean() * per for axis, per in enumerate(grid.per_unit))
    return float(sum(slopes))


class Cells:
    """The runs on one signal.

    signal: of the runs.
    components: of the signal, as local_width has them; None where they are not known.
    """

    def __init__(self, signal: Signal, components: list | None = None):
        self.signal, self.components = signal, components
        config = merge_config(None, {"mode": "tf-varying", "device": "cpu"})
        self.config = choose_lengths(signal, config).config
        self.grid = make_grid(self.config, signal.sample_rate, len(signal.samples))
        plane = (self.grid.bins, self.grid.frames)
        self.unit = WorkingGrid(plane, self.grid.support, float(self.grid.hop), self.grid.theta_min)
        self.reference: torch.Tensor | None = None
        if components is not None:
            self.truth = Truth(components, self.unit)
            widest = WorkingGrid(plane, self.grid.support, float(self.grid.hop), min(FACTORS) * self.grid.theta_min)
            planes = constant_planes(np.asarray(signal.samples), widest)
            self.best = [np.min(widths, 0) for widths in zip(*map(self.truth.widths, planes), strict=True)]

    def row(self) -> dict[str, dict[str, float]]:
        """The figures of every cell, by "λ factor"."""
        return {f"{weight:g} {factor:g}": cell for factor in FACTORS for weight, cell in self._column(factor)}

    def _column(self, factor: float):
        shortest = min(factor * self.grid.theta_min, self.grid.support / 2)
        lengths = {"support": self.grid.support, "hop": float(self.grid.hop), "theta_min": shortest}
        problem = Problem(self.signal, with_lengths(self.config, lengths), get_window("hann"))
        problem.loss.precompute(lambda index, count: None)
        for weight in sorted(WEIGHTS, key=lambda weight: weight != LAMBDA):
            problem.weight = weight
            run = OptimizationRun(problem, None)
            LocalStrategy(run).learn(problem.config.optimizer.steps)
            yield weight, self._figures(run)

    def _figures(self, run: OptimizationRun) -> dict[str, float]:
        stft, theta = run.plane.arrays()
        size, theta = torch.from_numpy(np.abs(stft)), np.broadcast_to(theta, stft.shape)
        low, high = np.quantile(np.log2(theta), [0.05, 0.95])
        return {
            "width": self._width(run, size, torch.from_numpy(theta.copy())),
            "spread": float(high - low),
            "roughness": roughness(theta, self.unit),
            "constant": float(run.kept_constant),
        }

    def _width(self, run: OptimizationRun, size: torch.Tensor, theta: torch.Tensor) -> float:
        if self.components is not None:
            return 1 + self.truth.excess(size.numpy(), self.best) / 100
        if self.reference is None:  # of the defaults, which come first
            self.length = run.curve.best[0]
            constant = run.problem.framed_at(run.problem.positions(self.length)).magnitude(self.length)
            self.reference = (constant * run.problem.scale).square() * self.length
        changes = width_changes(size.square() * theta, self.reference, theta, self.unit)
        return 1 - narrowing([changes], self.length).overall


def known(name: str, samples: int) -> Cells:
    """The runs on the beginning of a signal with truth."""
    scene = SCENES[name]()
    components = [(at[at < samples], pitch[at < samples]) for at, pitch in scene.components]
    signal = Signal(scene.noisy(SNR)[:samples], float(scene.rate), name)
    return Cells(signal, [part for part in components if len(part[0])])


def losses(cells: dict[str, dict[str, float]]) -> dict[str, float]:
    """By how much each cell is wider than the best, in per cent."""
    best = min(cell["width"] for cell in cells.values())
    return {name: 100 * (cell["width"] / best - 1) for name, cell in cells.items()}


def alone(cells: dict[str, dict[str, float]], part: int) -> float:
    """What the defaults lose in per cent where only λ (part 0) or θ_min (part 1) is changed."""
    fixed = DEFAULT.split()[1 - part]
    return losses({key: cell for key, cell in cells.items() if key.split()[1 - part] == fixed})[DEFAULT]


def summary(name: str, cells: dict[str, dict[str, float]]) -> dict[str, object]:
    lost = losses(cells)
    best = min(lost, key=lost.__getitem__)
    weight, factor = best.split()
    return {
        "signal": name,
        "width, defaults": cells[DEFAULT]["width"],
        "width, best pair": cells[best]["width"],
        "best λ": weight,
        "best θ_min": factor,
        "defaults lose %": lost[DEFAULT],
        "spread, oct.": cells[DEFAULT]["spread"],
        "roughness": cells[DEFAULT]["roughness"],
        "cells that kept one window": int(sum(cell["constant"] for cell in cells.values())),
    }


def heat_map(value) -> list[dict]:
    """A table of λ by θ_min; value: "λ factor" to a number."""
    return [
        {"λ": f"{weight:g}", **{f"θ_min × {factor:g}": value(f"{weight:g} {factor:g}") for factor in sorted(FACTORS)}}
        for weight in WEIGHTS
    ]


def tables(groups: dict[str, dict[str, dict]]) -> dict[str, list[dict]]:
    made = {}
    for group, found in groups.items():
        every = {name: losses(cells) for name, cells in found.items()}
        made[f"{group}: loss against the best pair in per cent, mean of {len(found)}"] = heat_map(
            lambda key, every=every: float(np.mean([each[key] for each in every.values()]))
        )
        for figure in FIGURES[1:]:
            made[f"{group}: {figure}, mean"] = heat_map(
                lambda key, found=found, figure=figure: float(np.mean([cells[key][figure] for cells in found.values()]))
            )
        made[f"{group}: what the defaults lose"] = [summary(*each) for each in found.items()]
    return made


def store(groups: dict[str, dict[str, dict]]) -> None:
    figures, verdicts = [], []
    for group, found in groups.items():
        every = [losses(cells) for cells in found.values()]
        lost = np.array([each[DEFAULT] for each in every])
        by_weight, by_length = (np.mean([alone(cells, part) for cells in found.values()]) for part in (0, 1))
        adapted = [cells for cells in found.values() if not all(cell["constant"] for cell in cells.values())]
        pairs = {key: float(np.mean([each[key] for each in every])) for key in every[0]}
        one = min(pairs, key=pairs.__getitem__)
        figures.append(
            f"{group}: the defaults lose {lost.mean():.1f} % in the mean, {np.median(lost):.1f} % in the median, "
            f"{lost.max():.1f} % at most (by λ alone {by_weight:.1f} %, by θ_min alone {by_length:.1f} % in the mean); "
            f"the best single pair (λ = {one.split()[0]}, θ_min × {one.split()[1]}) {pairs[one]:.1f} % in the mean"
        )
        verdicts.append(
            f"{group}: at most {WANTED:g} % in {int((lost <= WANTED).sum())} of {len(lost)}, "
            f"{sum(losses(cells)[DEFAULT] <= WANTED for cells in adapted)} of the {len(adapted)} where any pair adapts"
        )
    save(
        "ablation",
        tables(groups),
        question="What do the defaults of λ and θ_min lose against the best pair for each signal?",
        command="peers/ablation.py FOLDER ...",
        figure="; ".join(figures),
        verdict="; ".join(verdicts),
        note=NOTE,
        maps={name: cells for found in groups.values() for name, cells in found.items()},
    )


def picture(groups: dict[str, dict[str, dict]], path: Path) -> None:
    """A heat map for each signal and figure."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    every = [(name, cells) for found in groups.values() for name, cells in found.items()]
    across = 4
    down = math.ceil(len(every) / across)
    plot, axes = plt.subplots(down, 3 * across, figsize=(3 * across * 1.25, down * 1.25), squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for (i, (name, cells)), (j, figure) in product(enumerate(every), enumerate(FIGURES)):
        axis = axes[i // across][3 * (i % across) + j]
        values = losses(cells) if figure == "width" else {key: cell[figure] for key, cell in cells.items()}
        shown = [[values[f"{weight:g} {factor:g}"] for factor in sorted(FACTORS)] for weight in WEIGHTS]
        axis.imshow(shown, aspect="auto", cmap="viridis", vmin=0, vmax=(10.0, 4.0, 2.0)[j])
        axis.plot(sorted(FACTORS).index(FACTORS[0]), WEIGHTS.index(LAMBDA), "r+", markersize=5)
        axis.set_title(f"{name[:18]}\nloss %" if j == 0 else f"\n{figure}", fontsize=5, pad=2)
    plot.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=0.94, hspace=0.5, wspace=0.15)
    plot.suptitle("λ from top (0) to bottom (1.25), θ_min from left (half) to right (twice); +: defaults", fontsize=8)
    plot.savefig(path, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*", metavar="FOLDER", help="with recordings")
    parser.add_argument("--signals", default=",".join(KNOWN), help="signals with truth; none for none")
    parser.add_argument(
        "--samples", type=int, default=8192, help="of an excerpt, and of the beginning of a signal with truth"
    )
    parser.add_argument("--figures", type=Path, help="file with the cells of a former run, which is added to")
    parser.add_argument("--stored", action="store_true", help="leave out what the file of figures does not hold")
    parser.add_argument("--picture", type=Path, help="PNG file of all heat maps")
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep, groups = Kept(given.figures), {"signals with truth": {}, "recordings": {}}

    def add(group: str, name: str, make) -> None:
        if given.stored and name not in keep.rows:
            print(f"{name} was left out", flush=True)
            return
        groups[group][name] = keep(name, lambda: make().row())
        print(name, flush=True)

    for name in [] if given.signals == "none" else given.signals.split(","):
        add("signals with truth", name, lambda name=name: known(name, given.samples))
    for signal in excerpts(given.folders, given.samples):
        add("recordings", signal.name, lambda signal=signal: Cells(signal))
    groups = {name: found for name, found in groups.items() if found}
    store(groups)
    if given.picture:
        picture(groups, given.picture)


if __name__ == "__main__":
    sys.exit(main())
