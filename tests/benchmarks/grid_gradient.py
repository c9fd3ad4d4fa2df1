"""Grid against gradient: the paper's Table I in figures, and how well the frequency is tracked afterwards (VI-C, VII-A).

    python tests/benchmarks/grid_gradient.py [--seeds 6]

The grid is all window lengths from 100 to 1000 samples, each by torch.stft. Three tables: what the best window by entropy
costs, by the grid and by gradients; how far the frequency then read off the spectrogram is from the truth, over several
signals; and the one window that reads frequencies best over a set of signals, Eq. (33), again by both. At the end
how many combinations a grid would have to try where windows vary.
"""

import argparse
import contextlib
import math
from collections.abc import Callable, Iterator
from unittest.mock import patch

import numpy as np
import torch
from common import THREE_COMPONENTS, alternate
from constant import GRID, HOP, L, grid
from torch import Tensor
from track_signals import HOP as TRACK_HOP
from track_signals import REACH, SHAFT, SINE, Kind, Track, make, mean_frequency, squared_errors, strongest

from dstft_cli import DSTFT, Signal, load_signal, optimize
from dstft_cli.optimization.criteria import entropy, magnitude
from dstft_cli.stft.frame_positions import fixed_positions
from dstft_cli.stft.transform import dstft_magnitude

# 20 dB is what the paper gives for VI-B; it gives none for VI-C, where two are taken that differ in how much noise decides.
CASES: tuple[tuple[Kind, float], ...] = ((SHAFT, 10.0), (SHAFT, 0.0), (SINE, 20.0))  # kind, dB
KNOWN = np.geomspace(GRID[0], GRID[-1], 11)  # samples: constant windows that are judged by the truth
RATE = L / 50  # samples a step at first
TRAINING = range(1000, 1004)  # seeds of the set that one window is learnt for
FIRSTS = (200.0, 500.0)  # samples
WIDTH = 29  # of a column

EXHAUSTIVE = f"grid of {len(GRID)}"
BARE = "time-varying, λ = 0"  # as the paper has it in VI-C: no word of smoothness there

HEADS = {
    "all bins": "Eq. (34), all bins",
    "about": "Eq. (34), about ridge",
    "ridge": "ridge alone",
}


def frames_entropy(values: Tensor) -> Tensor:
    """The mean over frames of the entropy of each frame by itself, in nats, of |S| (F, T).

    Eq. (26) is this, weighted by each frame's share of Σ|S|, plus the entropy of those shares.
    """
    shares = values / values.sum(0).clamp_min(1e-30)
    return -(shares * shares.clamp_min(1e-30).log()).sum(0).mean()


LEARNT: dict[str, dict] = {
    "constant": {"mode": "constant", "criterion": "entropy"},
    "time-varying": {"mode": "time-varying", "criterion": "entropy"},
    BARE: {"mode": "time-varying", "criterion": "entropy", "lambda_": 0.0},
    "time-varying, frames alone": {"mode": "time-varying", "criterion": frames_entropy},
    "tf-varying": {"mode": "tf-varying", "criterion": "entropy"},
}


def learn(signal: Signal, hop: int, name: str):
    """The result of ``optimize`` on the plane of the grid."""
    return optimize(signal, support=L, hop=hop, theta_min=GRID[0], device="cpu", **LEARNT[name])


def descend(layer: DSTFT, loss: Callable[[], Tensor]) -> tuple[float, float, int]:
    """Plain gradient descent on the one θ of a layer: (least loss, its θ in samples, iterations P).

    Adam, a tenth of the rate once ten steps bring nothing, and an end after two such falls.
    """
    optimizer = torch.optim.Adam([layer.theta], RATE)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.1, patience=9)
    least, at, count = math.inf, math.nan, 0
    while optimizer.param_groups[0]["lr"] > 0.005 * RATE and count < 300:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        if value.item() < least:
            least, at = value.item(), layer.lengths().item()
        optimizer.step()
        schedule.step(value.item())
        count += 1
    return least, at, count


def descend_entropy(samples: Tensor, hop: int) -> tuple[float, float, int]:
    layer = DSTFT(L, hop, theta=L / 2, theta_min=GRID[0])
    return descend(layer, lambda: entropy(magnitude(layer(samples))))


@contextlib.contextmanager
def counted(frames: int) -> Iterator[list[float]]:
    """How many transforms of that many frames are made meanwhile, forward and backward alike, in the list's one number."""
    total = [0.0]

    def counting(function, amount):
        def call(values, *arguments, **options):
            total[0] += amount(values)
            return function(values, *arguments, **options)

        return call

    def by_frames(values):
        return values.numel() / values.shape[-1] / frames

    with contextlib.ExitStack() as stack:
        for name in ("rfft", "irfft"):
            stack.enter_context(patch.object(torch.fft, name, counting(getattr(torch.fft, name), by_frames)))
        stack.enter_context(patch.object(torch, "stft", counting(torch.stft, lambda values: 1.0)))
        yield total


def costs(name: str, signal: Signal, hop: int) -> None:
    """What the window of least entropy costs by each way, and what it gives."""
    samples = torch.as_tensor(signal.samples, dtype=torch.float32)
    frames = 1 + len(samples) // hop
    by_optimize = ("constant", "time-varying", "tf-varying")
    ways: dict[str, Callable] = {
        EXHAUSTIVE: lambda: grid(samples, hop),
        "Adam on one θ": lambda: descend_entropy(samples, hop),
        **{way: lambda way=way: learn(signal, hop, way) for way in by_optimize},
    }
    print(f"\n{name}: {L // 2 + 1} x {frames} bins, L = {L}, hop {hop}, {torch.get_num_threads()} threads")
    rows = {}
    for way, run in ways.items():
        with counted(frames) as total:
            rows[way] = (*outcome(run()), total[0])
    seconds = alternate(ways, runs=3, warm=0)
    print(
        f"  {'':16}{'entropy':>10}{'loss':>10}{'window, samples':>18}{'steps':>7}{'transforms':>12}{'s':>8}{'grid/this':>11}"
    )
    for way, (nats, loss, window, steps, transforms) in rows.items():
        print(
            f"  {way:16}{nats:10.5f}{loss:10.5f}{window:>18}{steps:>7}{transforms:12.0f}{seconds[way]:8.3f}"
            f"{seconds[EXHAUSTIVE] / seconds[way]:11.1f}"
        )


def outcome(found) -> tuple[float, float, str, str]:
    """Entropy and loss in nats, window lengths, and steps, of what a way gave."""
    if isinstance(found, list):
        return min(found), min(found), f"{GRID[int(np.argmin(found))]}", "-"
    if isinstance(found, tuple):
        least, at, count = found
        return least, least, f"{at:.2f}", f"{count}"
    low, high = found.theta.min(), found.theta.max()
    window = f"{low:.2f}" if found.theta.size == 1 else f"{low:.0f} to {high:.0f}"
    return found.final["entropy"], found.final["loss"], window, f"{found.steps}"


def fixed(track: Track, length: float) -> np.ndarray:
    """|S| (F, T) with one window of that many samples."""
    samples = torch.as_tensor(track.samples, dtype=torch.float32)
    return dstft_magnitude(samples, length, fixed_positions(len(samples), TRACK_HOP), L).numpy()


def pictures(track: Track) -> Iterator[tuple[str, np.ndarray]]:
    """(way, |S| (F, T)) of every way to choose windows."""
    losses = grid(torch.as_tensor(track.samples, dtype=torch.float32), TRACK_HOP)
    yield EXHAUSTIVE, fixed(track, GRID[int(np.argmin(losses))])
    signal = Signal(track.samples, track.kind.rate, track.kind.name)
    for name in LEARNT:
        yield name, learn(signal, TRACK_HOP, name).magnitude
    for length in KNOWN:
        yield f"{length:.0f} samples", fixed(track, length)


def tracking(kind: Kind, snr: float, seeds: int) -> None:
    """Mean squared errors over signals of a kind, and on how many a way is better than the grid."""
    tracks = [make(kind, seed, snr) for seed in range(seeds)]
    errors: dict[str, list[dict[str, float]]] = {}
    for track in tracks:
        for way, values in pictures(track):
            errors.setdefault(way, []).append(squared_errors(values, track))
    table = {way: np.array([[row[name] for name in HEADS] for row in rows]) for way, rows in errors.items()}
    print(
        f"\n{kind.name}, SNR {snr:g} dB, {seeds} signals, hop {TRACK_HOP}: mean squared error in Hz² ± standard error, and on "
        "how many it is less than the grid's"
    )
    print(f"  {'':28}" + "".join(f"{head:>{WIDTH}}" for head in HEADS.values()))
    for way in [EXHAUSTIVE, *LEARNT]:
        others = None if way == EXHAUSTIVE else table[EXHAUSTIVE]
        print(f"  {way:28}" + "".join(cell(table[way], others, k) for k in range(len(HEADS))))
    print_ratios(table, f"   (the paper, VI-C: {2.86 / 7.05:.2f})" if kind is SHAFT else "")
    print_best({way: values for way, values in table.items() if way.endswith("samples")})


def cell(errors: np.ndarray, others: np.ndarray | None, k: int) -> str:
    """Mean ± standard error over the signals of column k, and on how many it is less than another's by more than 1 %."""
    errors = errors[:, k]
    if np.isnan(errors).any():
        return f"{'-':>{WIDTH}}"
    spread = errors.std(ddof=1) / math.sqrt(len(errors)) if len(errors) > 1 else math.nan
    better = "" if others is None else f"{(errors < 0.99 * others[:, k]).sum()} of {len(errors)}"
    return f"{f'{errors.mean():.3g} ± {spread:.1g}{better:>9}':>{WIDTH}}"


def print_ratios(table: dict[str, np.ndarray], remark: str) -> None:
    """Time-varying windows against one window, mean over mean."""
    for way in ("time-varying", BARE):
        ratios = table[way].mean(0) / table[EXHAUSTIVE].mean(0)
        cells = "".join(f"{'-' if math.isnan(ratio) else f'{ratio:.2f}':>{WIDTH}}" for ratio in ratios)
        print(f"  {f'{way} / grid':28}{cells}{remark}")


def print_best(constant: dict[str, np.ndarray]) -> None:
    """For each column the constant window of least mean error, which only who knows the truth can choose."""
    picks = [min(constant, key=lambda way: constant[way][:, k].mean()) for k in range(len(HEADS))]
    print(
        f"  {'best constant, by the truth':28}" + "".join(cell(constant[way], None, k) for k, way in enumerate(picks))
    )
    blank = np.isnan(constant[picks[0]]).any(0)
    names = ("-" if no else way for way, no in zip(picks, blank, strict=True))
    print(f"  {'  that is, with':28}" + "".join(f"{name:>{WIDTH}}" for name in names))


def one_window(kind: Kind, snr: float) -> None:
    """VII-A: the window of least Eq. (33) over a set of signals, by the grid and by Adam through the layer."""
    tracks = [make(kind, seed, snr) for seed in TRAINING]
    samples = torch.as_tensor(np.stack([track.samples for track in tracks]), dtype=torch.float32)
    laws = torch.as_tensor(np.stack([track.at_frames for track in tracks]), dtype=torch.float32)
    inside = torch.as_tensor(tracks[0].inside)

    def all_bins(values: Tensor) -> Tensor:
        return (mean_frequency(values, kind.spacing) - laws)[:, inside].square().mean()

    def about(values: Tensor) -> Tensor:
        guess = mean_frequency(values, kind.spacing, strongest(values, kind.spacing), REACH)
        return (guess - laws)[:, inside].square().mean()

    print(f"\none window for {len(tracks)} signals: {kind.name}, SNR {snr:g} dB; least Eq. (33) in Hz², a frame")
    print(f"  {'':22}{'':26}{'loss':>10}{'window, samples':>18}{'transforms':>12}")
    for name, loss in (("all bins", all_bins), ("about", about)):
        losses = grid(samples, TRACK_HOP, loss)
        print(f"  {HEADS[name]:22}{EXHAUSTIVE:26}{min(losses):10.4f}{GRID[int(np.argmin(losses))]:18}{len(GRID):12}")
        for first in FIRSTS:
            layer = DSTFT(L, TRACK_HOP, theta=first, theta_min=GRID[0])
            least, at, count = descend(layer, lambda layer=layer, loss=loss: loss(magnitude(layer(samples))))
            print(f"  {'':22}{f'Adam from {first:.0f} samples':26}{least:10.4f}{at:18.2f}{2 * count:12}")


def power(base: int, exponent: int) -> str:
    """base^exponent in scientific notation, however large."""
    whole, rest = divmod(exponent * math.log10(base), 1)
    return f"{10**rest:.2f}e{whole:.0f}" if 10**rest < 9.995 else f"1.00e{whole + 1:.0f}"


def combinations(bins: int, frames: int) -> None:
    """Table I: the transforms that an exhaustive grid needs, B for each window that may differ; the hop is fixed, A = 1."""
    count = len(GRID)
    print(f"\nan exhaustive grid of B = {count} lengths on {bins} x {frames} bins, in transforms")
    for mode, windows in (
        ("constant", 1),
        ("time-varying", frames),
        ("frequency-varying", bins),
        ("tf-varying", bins * frames),
    ):
        print(f"  {mode:18} B^{windows:<7} = {power(count, windows)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=6, help="signals of each kind in the second table (6)")
    seeds = parser.parse_args().seeds
    if seeds < 1:
        parser.error(f"--seeds {seeds}: at least one signal of each kind is needed")
    recording = load_signal(THREE_COMPONENTS)
    print(
        "transforms: of the whole signal, a backward pass counts as one; steps of time- and tf-varying lie between them"
    )
    costs("three components", recording, HOP)
    for kind, snr in (CASES[0], CASES[-1]):
        track = make(kind, 0, snr)
        costs(f"{kind.name}, SNR {snr:g} dB", Signal(track.samples, kind.rate, kind.name), TRACK_HOP)
    for kind, snr in CASES:
        tracking(kind, snr, seeds)
    one_window(SINE, CASES[-1][1])
    for frames in (1 + len(recording.samples) // HOP, 101):  # 101: the paper's plane, at a hop of 250
        combinations(L // 2 + 1, frames)


if __name__ == "__main__":
    main()
