"""What the edge of a window does to gradients and descents where θ/2 crosses samples, for each window family.

    python tests/benchmarks/peers/kink.py [--signals 12] [--figures part.json]

A window of θ samples about a whole sample takes two more samples in where θ/2 is whole. With a whole hop all frames do so at once,
which is the worst case; with a hop that is no simple fraction they take turns. The loss is the entropy of one window length for
drawn signals (convexity.py), in double precision. ``triangle`` is a profile of one's own, with a corner at the edge.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from convexity import draw
from excerpts import Kept
from results import save

from dstft_cli.config.schema import OptimizerSettings
from dstft_cli.optimization.criteria import entropy, magnitude
from dstft_cli.optimization.gradient_descent import Variable, between, descend
from dstft_cli.stft.frame_positions import fixed_positions
from dstft_cli.stft.framed_signal import FramedSignal
from dstft_cli.stft.log_interpolation import density_for, node_count
from dstft_cli.stft.window_bank import WindowBank
from dstft_cli.stft.windows import WINDOWS, from_profile

FAMILIES = {**WINDOWS, "triangle": from_profile(lambda u: 1 - 2 * u.abs(), name="triangle")}
RANGES = {"8 to 64 samples": (8.0, 64, 4), "32 to 256 samples": (32.0, 256, 16)}  # θ_min, L, hop
STARTS = (0.2, 0.8)  # of the range in octaves
TURNS = 1.0309  # times the hop: no frame then has the place of another between samples, as far as a signal goes
STEP, NEAR = 1e-2, 1e-7  # samples: of the difference quotient, and to either side of a crossing
SIDE = np.linspace(NEAR, 0.9, 16)
ABOUT = np.concatenate([-SIDE[::-1], SIDE])  # samples about a crossing, or about the middle of two
ALIKE = ("at once", "interpolated")  # ways on the same plane, whose ends can be compared
CLOSE = 1e-4  # of the loss: a descent that comes so near to its end has arrived
SEEN = 1.0  # per cent: errors of less are no effect
BANK = density_for(1e-3)  # nodes an octave, as a run has by default

NOTE = (
    f"Per cent are of the root mean square of the gradient within a sample. Error: of the gradient at a place and to either side of "
    f"it, whichever is worse, against a difference quotient over ±{STEP:g} samples. Jump: of the gradient at the crossing. "
    "Missed: mean slope of the loss over 1.8 samples about it less the mean gradient. Bank: its error where |S| is read between "
    "window lengths, as in a run that adapts. Medians over signals and lengths, largest in brackets. "
    f"Steps: until a descent is within {CLOSE:g} "
    "of the lowest loss that it reaches, in the mean; turns: changes of direction of θ; end: mean loss above that of the better way "
    "of the two on the same plane from the same start, in 0.001 nats."
)


class Loss:
    """The entropy under one window, as a function of θ, with its derivative.

    seed: of the drawn signal.
    family: of windows.
    plane: θ_min, L and hop in samples.
    bank: True reads |S| from interpolation between window lengths, as runs that adapt do.
    """

    def __init__(self, seed: int, family: str, plane: tuple[float, int, float], bank: bool = False):
        low, support, hop = plane
        samples = torch.as_tensor(draw(seed), dtype=torch.float64)
        self.framed = FramedSignal(samples, fixed_positions(len(samples), hop), support, FAMILIES[family])
        self.bank = WindowBank(self.framed, low, float(support), node_count(low, support, BANK)) if bank else None

    def terms(self, log_theta: torch.Tensor) -> dict[str, torch.Tensor]:
        """The loss at log2 θ, (1, 1)."""
        size = self.bank.magnitude(log_theta) if self.bank else magnitude(self.framed.stft(log_theta.exp2()))
        return {"loss": entropy(size)}

    def at(self, theta: float) -> tuple[float, float]:
        """The loss, and its derivative by θ in nats a sample."""
        log_theta = torch.tensor([[np.log2(theta)]], dtype=torch.float64, requires_grad=True)
        loss = self.terms(log_theta)["loss"]
        loss.backward()
        return loss.item(), log_theta.grad.item() / (theta * np.log(2))


def gradients(exact: Loss, bank: Loss, theta: float) -> dict[str, float]:
    """Errors at θ and about it, in per cent of the gradient there."""
    losses, slopes = np.array([exact.at(theta + away) for away in ABOUT]).T
    before, after = exact.at(theta - STEP)[0], exact.at(theta + STEP)[0]
    left, right = exact.at(theta - NEAR)[1], exact.at(theta + NEAR)[1]
    slope, size = (after - before) / (2 * STEP), np.sqrt(np.mean(slopes**2))
    missed = losses[-1] - losses[0] - np.trapezoid(slopes, theta + ABOUT)
    found = {
        "error": max(left - slope, right - slope, exact.at(theta)[1] - slope, key=abs),
        "jump": right - left,
        "missed": missed / np.ptp(ABOUT),
        "bank": bank.at(theta)[1] - (left + right) / 2,
    }
    return {name: 100 * abs(value) / size for name, value in found.items()}


def descent(loss: Loss, plane: tuple[float, int, float], start: float) -> dict[str, float]:
    """Steps, changes of direction and lowest loss of a descent; start: 0 to 1, where in the range."""
    low, high = np.log2(plane[:2])
    settings, trace = OptimizerSettings(), []
    first = torch.tensor([[low + start * (high - low)]], dtype=torch.float64)
    variable = Variable(first, settings.learning_rate, between(low, high))
    run = descend(loss.terms, [variable], settings, lambda step, terms, values: trace.append(values[0].item()))
    losses = np.array([terms["loss"] for terms in run.history])
    near = np.flatnonzero(losses <= losses.min() + CLOSE * abs(losses.min()))
    moves = np.diff(trace)
    moves = moves[moves != 0]
    return {
        "steps": int(near[0]),
        "turns": int((moves[1:] * moves[:-1] < 0).sum()),
        "end": float(losses.min()),
        "theta": float(2 ** run.best[0].item()),
    }


def judge(seed: int, family: str, name: str) -> dict[str, dict]:
    """All figures of a signal with a family in a range of lengths."""
    low, support, hop = RANGES[name]
    together, apart = (low, support, hop), (low, support, hop * TURNS)
    ways = {
        "at once": Loss(seed, family, together),
        "in turns": Loss(seed, family, apart),
        "interpolated": Loss(seed, family, together, bank=True),
    }
    lengths = 2 * np.round(np.geomspace(1.3 * low, 0.8 * support, 3) / 2)
    found = {
        place: [gradients(ways["at once"], ways["interpolated"], float(length + away)) for length in lengths]
        for place, away in (("crossing", 0), ("between", 1))
    }
    taken = {way: [descent(loss, together, start) for start in STARTS] for way, loss in ways.items()}
    return {"gradients": found, "descents": taken}


def ends(descents: dict[str, list[dict]], way: str) -> list[float]:
    """How far above the lowest of the ways on the same plane a way ends, in nats, from each start."""
    lowest = [min(run["end"] for run in runs) for runs in zip(*(descents[other] for other in ALIKE), strict=True)]
    return [run["end"] - least for run, least in zip(descents[way], lowest, strict=True)]


def tables(found: dict[tuple[str, str], list[dict]]) -> dict[str, list[dict]]:
    made: dict[str, list[dict]] = {}
    for (name, family), each in found.items():
        row = {"family": family}
        for place in ("crossing", "between"):
            for kind in ("error", "jump", "missed", "bank"):
                values = [one[kind] for judged in each for one in judged["gradients"][place]]
                row[f"{kind}, {place}, %"] = f"{np.median(values):.2g} ({max(values):.2g})"
        made.setdefault(f"Gradients, θ of {name}", []).append(row)
    for (name, family), each in found.items():
        row = {"family": family}
        for way in each[0]["descents"]:
            runs = [one for judged in each for one in judged["descents"][way]]
            row[f"steps, {way}"] = float(np.mean([one["steps"] for one in runs]))
            row[f"turns, {way}"] = float(np.mean([one["turns"] for one in runs]))
        for way in ALIKE:
            row[f"end, {way}"] = 1e3 * float(np.mean([end for judged in each for end in ends(judged["descents"], way)]))
        made.setdefault(f"Descents, θ of {name}", []).append(row)
    return made


def store(found: dict[tuple[str, str], list[dict]]) -> None:
    families = list(dict.fromkeys(family for _, family in found))
    judged = {
        family: [one for (_, other), each in found.items() if other == family for one in each] for family in families
    }

    def error(family: str, place: str, kind: str = "error") -> float:
        return float(np.median([one[kind] for each in judged[family] for one in each["gradients"][place]]))

    def steps(family: str, way: str) -> float:
        return float(np.mean([one["steps"] for each in judged[family] for one in each["descents"][way]]))

    smooth = [each for each in families if error(each, "crossing") < SEEN]
    save(
        "kink",
        tables(found),
        question="Does the edge of a window disturb gradients and descents where θ/2 crosses samples?",
        command="peers/kink.py",
        figure="; ".join(
            f"{family}: gradient off by {error(family, 'crossing'):.2g} % at a crossing, {error(family, 'between'):.2g} % between, "
            f"{error(family, 'crossing', 'bank'):.2g} % as interpolated; "
            f"{steps(family, 'at once'):.1f} steps where all frames cross at once, {steps(family, 'in turns'):.1f} in turns"
            for family in families
        ),
        verdict=f"no effect with {', '.join(smooth)}; with the others the gradient misses "
        + ", ".join(f"{error(each, 'crossing', 'missed'):.2g} % ({each})" for each in families if each not in smooth)
        + " of the change over a crossing",
        note=NOTE,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--signals", type=int, default=12, help="number of drawn signals")
    parser.add_argument("--figures", type=Path, help="file with the figures of a former run, which is added to")
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep, found = Kept(given.figures), {}
    for seed in range(given.signals):
        for name in RANGES:
            for family in FAMILIES:
                key = f"{seed} {family} {name}"
                row = keep(key, lambda seed=seed, family=family, name=name: judge(seed, family, name))
                found.setdefault((name, family), []).append(row)
        print(f"{seed + 1} signals", flush=True)
    store(found)


if __name__ == "__main__":
    sys.exit(main())
