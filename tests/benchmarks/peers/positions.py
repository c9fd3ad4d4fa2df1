"""Positions of windows that differ over frequency, t[m, n], learnt for a task: spoken digits, and a task made for them.

    python tests/benchmarks/peers/positions.py digits FSDD.tgz [--seeds 5] [--hop 128] [--json new.json]
    python tests/benchmarks/peers/positions.py made [--seeds 5]
    python tests/benchmarks/peers/positions.py check
    python tests/benchmarks/peers/positions.py save 'spoken digits=new.json' ...

Four trainings a seed by the training code of the package, alike but for the positions: t = nH, t[n], t[m] and t[m, n]. θ is learnt
in all. ``digits``: some of the clips of the archive train and validate, all others test. ``made``: two bits, one in a burst of
low frequency before the middle of a frame and one in a high burst after it; a frame can be in one place only, positions that differ
over frequency in both. ``check``: S against the package's plain sum at single points, and the gradients against differences.
``save``: what --json wrote, each with its title, as the result for the page.
"""

import argparse
import json
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from positions_layer import FIXED, FRAMES, KINDS, PointDSTFT, spectrogram
from results import save
from scipy.stats import t as student
from scipy.stats import ttest_rel

from dstft_cli import DSTFT, Hops, InputError, load_config
from dstft_cli.stft.transform import exact_bins
from dstft_cli.training.dataset.clips import load_clips
from dstft_cli.training.dataset.examples import TEST, TRAIN, VALIDATION
from dstft_cli.training.dataset.find_examples import find_examples
from dstft_cli.training.dataset.splits import assign_parts
from dstft_cli.training.fit import Budget, Data, Fit, evaluate
from dstft_cli.training.networks import build_classifier, small_network

LABELS = r"(?P<label>\d)_"
SECONDS, BATCH, WEIGHTS_RATE, THETA_RATE = 0.5, 32, 2e-3, 0.01
Parts = dict[str, Data]


def digits(archive: str, count: int, seed: int, kept: dict) -> Parts:
    """``count`` clips to train and validate with, drawn by the seed, and all others to test with. kept: what was read before."""
    if not kept:
        with tempfile.TemporaryDirectory() as folder:
            with tarfile.open(archive) as file:
                file.extractall(folder, filter="data")
            kept["examples"], _ = find_examples(next(Path(folder).rglob("recordings")), LABELS)
            kept["clips"] = load_clips([one.path for one in kept["examples"]], load_config(), seconds=SECONDS)
    examples, clips = kept["examples"], kept["clips"]
    classes = sorted({one.label for one in examples})
    targets = torch.tensor([classes.index(one.label) for one in examples])
    drawn = np.sort(np.random.default_rng(seed).permutation(len(examples))[:count]).tolist()
    part = np.full(len(examples), TEST, dtype=object)
    part[drawn] = assign_parts([examples[i] for i in drawn], seed)
    whole = Data(clips.samples, clips.lengths, targets)
    return {name: whole.take(torch.as_tensor(np.flatnonzero(part == name))) for name in (TRAIN, VALIDATION, TEST)}


def made(count: int, hop: int, seed: int) -> Parts:
    """Clips of 4 frames at 8 kHz in noise; the class is two bits, each a burst that is there or not."""
    rng, size = np.random.default_rng(seed), 4 * hop - 1
    time_, targets = np.arange(size), rng.integers(0, 4, 3 * count)
    samples = 0.5 * rng.standard_normal((3 * count, size))
    for bit, cycles, away in ((1, 1 / 16, -hop // 4), (2, 1 / 4, hop // 4)):
        past = (time_ - 2 * hop - away) / (hop / 8)
        phase = rng.uniform(0, 2 * np.pi, (3 * count, 1))
        burst = np.exp(-0.5 * (2 * past) ** 2) * np.cos(2 * np.pi * cycles * time_ + phase)
        samples += 0.8 * burst * ((targets & bit) > 0)[:, None]
    whole = Data(torch.tensor(samples, dtype=torch.float32), torch.full((3 * count,), size), torch.tensor(targets))
    edges = {TRAIN: (0, count), VALIDATION: (count, 2 * count), TEST: (2 * count, 3 * count)}
    return {name: whole.take(torch.arange(*edge)) for name, edge in edges.items()}


def train(parts: Parts, kind: str, seed: int, options: argparse.Namespace) -> dict:
    """One training, and what it gave."""
    began, samples = time.process_time(), parts[TRAIN].samples.shape[1]
    torch.manual_seed(seed)  # the same weights at first for every kind
    layer = PointDSTFT(
        options.support, options.hop, samples, options.theta, 8.0, kind, scale=options.rate / WEIGHTS_RATE
    )
    first = spectrogram(layer)
    first.calibrate(parts[TRAIN].samples, parts[TRAIN].lengths)
    model = build_classifier(first, samples, int(parts[TRAIN].targets.max()) + 1, small_network)
    fit = Fit(model, torch.nn.functional.cross_entropy, Budget(options.epochs, BATCH, WEIGHTS_RATE, THETA_RATE), seed)
    while not fit.done:
        fit.run_epoch(parts[TRAIN], parts[VALIDATION])
    fit.load_best()
    loss, outputs = evaluate(model, parts[TEST], torch.nn.functional.cross_entropy)
    shifts = layer.shifts().detach()
    return {
        "seed": seed,
        "kind": kind,
        "accuracy": 100 * float((outputs.argmax(1) == parts[TEST].targets).double().mean()),
        "test_loss": loss,
        "validation_loss": fit.history[fit.best_epoch].validation_loss,
        "train_loss": fit.history[fit.best_epoch].train_loss,
        "theta": layer.lengths().item(),
        "shift_rms": float(shifts.square().mean().sqrt()),
        "shift_over_frequency": float(shifts.std(0, unbiased=False).mean()),
        "seconds": time.process_time() - began,
    }


def summary(rows: list[dict]) -> list[dict]:
    """A row for each kind: means over seeds with their intervals of 95 %, and p against t = nH and t[n]."""
    table = []
    for kind in KINDS:
        own = [row for row in rows if row["kind"] == kind]
        values = np.array([row["accuracy"] for row in own])
        reach = student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)) if len(own) > 1 else 0.0
        line = {"positions": kind, "accuracy": float(values.mean()), "interval": float(reach)}
        for name, other in (("p_fixed", FIXED), ("p_frames", FRAMES)):
            theirs = [row["accuracy"] for row in rows if row["kind"] == other]
            line[name] = float(ttest_rel(values, theirs).pvalue) if kind != other and len(own) > 2 else None
        for name in ("test_loss", "train_loss", "theta", "shift_rms", "shift_over_frequency", "seconds"):
            line[name] = float(np.mean([row[name] for row in own]))
        table.append(line)
    return table


def show(table: list[dict]) -> None:
    print(f"{'positions':10}{'accuracy, %':>16}{'p, nH':>8}{'p, t[n]':>8}{'test loss':>10}{'train':>8}", end="")
    print(f"{'theta':>8}{'rms d':>8}{'over m':>8}{'CPU s':>8}")
    for row in table:
        p = "".join(f"{'-' if row[name] is None else format(row[name], '.2f'):>8}" for name in ("p_fixed", "p_frames"))
        losses = f"{row['test_loss']:10.3f}{row['train_loss']:8.3f}"
        places = f"{row['theta']:8.1f}{row['shift_rms']:8.1f}{row['shift_over_frequency']:8.1f}"
        accuracy = f"{row['accuracy']:.1f} ± {row['interval']:.1f}"
        print(f"{row['positions']:10}{accuracy:>16}{p}{losses}{places}{row['seconds']:8.1f}")


def store(named: list[str]) -> None:
    """Write the result for the page. named: TITLE=FILE of each table, of which the first decides."""
    found = {
        title: json.loads(Path(file).read_text())["table"] for title, _, file in (one.rpartition("=") for one in named)
    }
    headings = {
        "positions": "positions",
        "accuracy": "test accuracy, %",
        "interval": "± (95 % over seeds)",
        "p_fixed": "p against t = nH",
        "p_frames": "p against t[n]",
        "test_loss": "test loss, nats",
        "train_loss": "training loss",
        "theta": "θ, samples",
        "shift_rms": "rms of d, samples",
        "shift_over_frequency": "of that over frequency",
        "seconds": "CPU time, s",
    }
    tables = {title: [{headings[key]: row[key] for key in headings} for row in table] for title, table in found.items()}
    said = {}
    for title, table in found.items():
        fixed, points = table[0], table[-1]
        gain = points["accuracy"] - fixed["accuracy"]
        said[title] = f"{gain:+.1f} points (p = {points['p_fixed']:.2g})"
        if title == next(iter(found)):
            sure = points["p_fixed"] < 0.05
            verdict = ("a gain" if gain > 0 else "a loss") if sure else "no significant gain"
    first = next(iter(found.values()))
    save(
        "positions",
        tables,
        question="Do positions that differ over frequency, t[m, n], help a task?",
        command="peers/positions.py digits FSDD.tgz --clips 1500 --epochs 16; peers/positions.py made --epochs 20",
        figure="t[m, n] against t = nH: " + "; ".join(f"{title} {one}" for title, one in said.items()),
        verdict=f"{verdict} for the digits, at {first[-1]['seconds'] / first[0]['seconds']:.1f} times the CPU time",
        note="Trainings differ in the positions alone; p is that of paired t-tests over seeds. The layer of the package holds one "
        "position a frame; this one is in the benchmark.",
    )


def check() -> None:
    """The transform and its gradients; and that the layer of the package takes no positions that differ over frequency."""
    torch.manual_seed(0)
    layer = PointDSTFT(64, 32, 400, 40.0, 4.0, reach=16).double()
    signals = torch.randn(2, 400, dtype=torch.float64)
    layer.shift.data.uniform_(-15, 15)
    power, where = layer.power(signals).detach(), torch.cartesian_prod(torch.arange(33), torch.arange(layer.count))
    places = where[:, 1] * layer.hop + layer.shifts().detach()[where[:, 0], where[:, 1]]
    exact = exact_bins(signals[0], torch.full((len(where),), 40.0), places, where[:, 0], 64, "hann").abs().square()
    print(f"|S|² against the plain sum at {len(where)} points: {float((power[0].flatten() - exact).abs().max()):.1e}")
    for parameter in (layer.shift, layer.theta):
        layer.zero_grad()
        (layer.power(signals) ** 0.7).sum().backward()
        step, at = 1e-5, (0, 0) if parameter.numel() == 1 else (7, 3)
        sides = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter[at] += sign * step
                sides.append((layer.power(signals) ** 0.7).sum().item())
                parameter[at] -= sign * step
        print(f"gradient {parameter.grad[at].item():.8f}, difference {(sides[0] - sides[1]) / (2 * step):.8f}")
    try:
        DSTFT(64, Hops(frame_positions=torch.zeros(33, layer.count)))
    except InputError as error:
        print(f"the layer of the package refuses t[m, n]: {error}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("digits", "made", "check", "save"))
    parser.add_argument("files", nargs="*", help="the archive of digits; TITLE=FILE for save")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--clips", type=int, default=1000, help="that train and validate; of each part for made")
    parser.add_argument("--support", type=int, default=256)
    parser.add_argument("--hop", type=int, default=128)
    parser.add_argument("--theta", type=float, default=128.0, help="the first window length in samples")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--rate", type=float, default=1.0, help="of positions: samples a step, at first")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.what == "check":
        return check()
    if options.what == "save":
        return store(options.files)
    rows, kept = [], {}
    for seed in range(options.seeds):
        known = options.what == "digits"
        parts = digits(options.files[0], options.clips, seed, kept) if known else made(options.clips, options.hop, seed)
        for kind in KINDS:
            rows.append(train(parts, kind, seed, options))
            print(f"seed {seed}, {kind:8} {rows[-1]['accuracy']:.1f} %, {rows[-1]['seconds']:.0f} s", flush=True)
        if options.json:  # after each seed, so that a run that is stopped leaves those that are done
            options.json.write_text(json.dumps({"table": summary(rows), "trainings": rows}, indent=1))
    show(summary(rows))


if __name__ == "__main__":
    main()
