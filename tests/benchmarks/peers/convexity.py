"""Is the entropy of one window convex in its length? Local minima of its curve, and how often the tool's search finds the lowest.

    python tests/benchmarks/peers/convexity.py FOLDER ... [--drawn 500] [--samples 8192] [--figures part.json]

The curve has 32 lengths an octave, exact and in double precision, from the shortest to the longest window. For a recording these
are what the tool chooses for the excerpt; a drawn signal of 2048 samples has 16 to 512 samples at a hop of 8. A minimum counts from
a depth of so many nats on: how far the curve must rise from it before it falls below it; a bound where the curve falls to the
outside counts as a minimum, too.
"""

import argparse
import math
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from excerpts import Kept, excerpts
from results import save

from dstft_cli import Signal, optimize
from dstft_cli.optimization.criteria import entropy
from dstft_cli.stft.frame_positions import fixed_positions
from dstft_cli.stft.frames import Frames
from dstft_cli.stft.transform import dstft_magnitude

PER_OCTAVE = 32
DRAWN, SUPPORT, SHORTEST, HOP = 2048, 512, 16, 8  # samples, of a drawn signal
DEPTHS = (1e-6, 1e-3, 1e-2)  # nats: above rounding, seen in the curve, and one that a picture might show
MISSED = 1e-4  # of the entropy: an excess of less counts as found, as in constant.py
ROUNDING = 1e-9  # nats a sample, of a slope

NOTE = (
    f"Curves of {PER_OCTAVE} lengths an octave. Convex: no slope by θ is below one at a shorter θ. A minimum counts from a depth of "
    "so many nats on, bounds included; inside: without the bounds. "
    f"Found: the loss of the search is at most {MISSED:g} of itself above the lowest of the curve."
)


def draw(seed: int) -> np.ndarray:
    """One to five parts of random kind, place, pitch and size, in white noise of -10 to 40 dB below them: (DRAWN,)."""
    rng = np.random.default_rng(seed)
    index = np.arange(DRAWN)
    total = np.zeros(DRAWN)
    for _ in range(rng.integers(1, 6)):
        size, place, phase = 10 ** rng.uniform(-1, 0), rng.integers(100, DRAWN - 100), rng.uniform(0, 2 * math.pi)
        first, last = rng.uniform(0.01, 0.49, 2)
        since = index - place
        kind = rng.integers(6)
        if kind == 0:
            part = np.cos(2 * math.pi * first * index + phase)
        elif kind == 1:
            part = np.cos(2 * math.pi * (first * index + (last - first) * index**2 / (2 * DRAWN)) + phase)
        elif kind == 2:
            part = 10 * (since == 0).astype(float)
        elif kind == 3:
            ring = np.exp(-np.maximum(since, 0) / 10 ** rng.uniform(1, 2.7)) * (since >= 0)
            part = 2 * ring * np.cos(2 * math.pi * first * since)
        elif kind == 4:
            part = np.exp(-0.5 * (since / 10 ** rng.uniform(0.7, 2.5)) ** 2) * np.cos(
                2 * math.pi * first * since + phase
            )
        else:
            swing = rng.uniform(0.01, 0.1) * np.sin(2 * math.pi * rng.uniform(1, 20) * index / DRAWN)
            part = np.cos(2 * math.pi * np.cumsum(np.clip(first + swing, 0.005, 0.495)) + phase)
        total += size * part
    return total + rng.standard_normal(DRAWN) * math.sqrt(np.mean(total**2)) * 10 ** (-rng.uniform(-10, 40) / 20)


def curve(samples: np.ndarray, support: int, shortest: float, hop: float) -> tuple[np.ndarray, np.ndarray]:
    """Window lengths in samples, increasing, and the entropy at each."""
    lengths = np.geomspace(shortest, support, 1 + math.ceil(PER_OCTAVE * math.log2(support / shortest)))
    values = torch.as_tensor(samples, dtype=torch.float64)
    frames = Frames.at(fixed_positions(len(samples), hop), support)
    losses = [entropy(dstft_magnitude(values, float(length), frames, support)).item() for length in lengths]
    return lengths, np.array(losses)


def minima(losses: np.ndarray) -> dict[int, float]:
    """How deep the local minimum at each index is: infinite for the lowest, else the rise to the pass behind which it is lower."""
    found = {}
    for i, loss in enumerate(losses):
        if (i and losses[i - 1] <= loss) or (i + 1 < len(losses) and losses[i + 1] < loss):
            continue
        passes = []
        for side in (losses[i::-1], losses[i:]):
            lower = np.flatnonzero(side < loss)
            if lower.size:
                passes.append(side[: lower[0]].max())
        found[i] = min(passes) - loss if passes else math.inf
    return found


def convex(lengths: np.ndarray, losses: np.ndarray) -> bool:
    """Whether slopes between neighbouring points grow with θ."""
    slopes = np.diff(losses) / np.diff(lengths)
    return bool((np.diff(slopes) >= -ROUNDING).all())


def judge(signal: Signal, **grid) -> dict[str, object]:
    """The row of a signal; grid: support, theta_min and hop in samples, where the tool does not choose them."""
    result = optimize(signal, mode="constant", criterion="entropy", device="cpu", **grid)
    plane = result.grid
    lengths, losses = curve(np.asarray(signal.samples[:], float), plane.support, plane.theta_min, float(plane.hop))
    lowest, least = float(lengths[losses.argmin()]), float(losses.min())
    own, depths = result.final["entropy"], minima(losses)
    return {
        "signal": signal.name,
        "Hz": signal.sample_rate,
        "θ from": plane.theta_min,
        "to": plane.support,
        "convex": convex(lengths, losses),
        **{f"minima of {depth:g}": sum(bool(one > depth) for one in depths.values()) for depth in DEPTHS},
        "inside": sum(0 < i < len(losses) - 1 and bool(depth > DEPTHS[1]) for i, depth in depths.items()),
        "at a bound": bool(losses.argmin() in (0, len(losses) - 1)),
        "lowest at": lowest,
        "found": bool(own - least <= MISSED * abs(least)),
        "excess": float(own - least),
        "octaves away": abs(math.log2(float(result.theta.flat[0]) / lowest)),
    }


def summary(rows: list[dict]) -> dict[str, object]:
    """Shares of some rows in per cent."""

    def share(keep) -> float:
        return 100 * sum(map(keep, rows)) / len(rows)

    missed = [row for row in rows if not row["found"]]
    return {
        "signals": len(rows),
        "convex %": share(lambda row: row["convex"]),
        **{f"one minimum of {d:g}, %": share(lambda row, d=d: row[f"minima of {d:g}"] == 1) for d in DEPTHS},
        f"at most one of {DEPTHS[1]:g} inside, %": share(lambda row: row["inside"] <= 1),
        "most minima": max(row[f"minima of {DEPTHS[0]:g}"] for row in rows),
        "lowest at a bound %": share(lambda row: row["at a bound"]),
        "search found it %": share(lambda row: row["found"]),
        "largest excess, nats": max(row["excess"] for row in rows),
        "missed, mean octaves away": float(np.mean([row["octaves away"] for row in missed])) if missed else None,
    }


def counts(rows: list[dict]) -> list[dict]:
    """How many signals have so many minima, for each depth."""
    columns = {f"{depth:g}": Counter(row[f"minima of {depth:g}"] for row in rows) for depth in DEPTHS}
    most = max(number for column in columns.values() for number in column)
    return [
        {"minima": number, **{f"deeper than {depth}": column[number] for depth, column in columns.items()}}
        for number in range(1, most + 1)
    ]


def store(groups: dict[str, list[dict]]) -> None:
    tables = {"Shares": [{"of": name, **summary(rows)} for name, rows in groups.items()]}
    tables |= {f"Number of minima, {name}": counts(rows) for name, rows in groups.items()}
    if groups.get("recordings"):
        tables["Recordings"] = groups["recordings"]
    every = [row for rows in groups.values() for row in rows]
    told = summary(every)
    missed = [row for row in every if not row["found"]]
    save(
        "convexity",
        tables,
        question="Is the entropy convex in θ, and does the search find its lowest point?",
        command="peers/convexity.py FOLDER ...",
        figure="; ".join(
            f"{name}: {part['convex %']:.0f} % convex, {part['one minimum of 0.001, %']:.0f} % with one minimum deeper than 0.001 nats, "
            f"lowest found in {part['search found it %']:.1f} %"
            for name, part in ((row["of"], row) for row in tables["Shares"])
        ),
        verdict=(
            f"{'convex' if told['convex %'] == 100 else 'not convex'}; the search misses the lowest point in {len(missed)} of "
            f"{len(every)}, by at most {told['largest excess, nats']:.2g} nats"
        ),
        note=NOTE,
        missed=missed,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*", metavar="FOLDER", help="with recordings")
    parser.add_argument("--drawn", type=int, default=500, help="number of drawn signals")
    parser.add_argument("--samples", type=int, default=8192, help="of an excerpt of a recording")
    parser.add_argument("--figures", type=Path, help="file with the rows of a former run, which is added to")
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep = Kept(given.figures)
    groups: dict[str, list[dict]] = {"recordings": [], "drawn": []}
    for signal in excerpts(given.folders, given.samples):
        groups["recordings"].append(keep(signal.name, lambda signal=signal: judge(signal)))
        print(groups["recordings"][-1], flush=True)
    for seed in range(given.drawn):
        signal = Signal(draw(seed), 10_000.0, f"drawn {seed}")
        plane = {"support": SUPPORT, "theta_min": SHORTEST, "hop": HOP}
        groups["drawn"].append(keep(signal.name, lambda signal=signal, plane=plane: judge(signal, **plane)))
        if seed % 50 == 49:
            print(f"{seed + 1} drawn", flush=True)
    store({name: rows for name, rows in groups.items() if rows})


if __name__ == "__main__":
    sys.exit(main())
