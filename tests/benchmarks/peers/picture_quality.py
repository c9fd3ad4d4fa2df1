"""The pictures of other packages beside ours, on signals with known truth, by the measures of quality.py and of law_distance.py.

    python tests/benchmarks/quality.py --peers [--signals tone,chirp] [--snr 20,inf] [--figures part.json]
    python tests/benchmarks/peers/picture_quality.py --save part.json [other.json]

The first writes figures to a file after every signal, and goes on where the file ends: parts can be run at the same time. The
second makes the result of all parts. "Best of 12" takes for each figure by itself the best of twelve constant windows.
"""

import json
import math
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

sys.path.append(str(Path(__file__).resolve().parents[1]))

import quality
from law_distance import Laws
from planes import LOSSES, ONE_WINDOW, OTHERS, methods
from results import cell, save
from truth_signals import NAMES, RATE, Truth, get_scene

from dstft_cli import Signal

OURS = f"ours, {LOSSES[0]}"
MOVED = f"{OURS}, reassigned"
WITHIN = 1.02  # of the best: what is wanted
COLUMNS = {name: rest for name, rest in quality.COLUMNS.items() if name != "theta_spread"} | {
    "distance": ("distance, cells", ".3f", 0, 0.0),
    "local_width": ("width / best", ".3f", 0, 0.0),
}
PACKAGES = ("dstft", "ctfr", "ssqueezepy", "librosa")
LEFT_OUT = (
    "Superlets are left out: no maintained package on PyPI has them (singularsuperletpy is of 2023, without a description). "
    "dstft 3.0.0 with a window for each point takes a second and more a step on 49 frames, so it has only the mixtures at 20 dB, 25 "
    "steps and 49 frames, with windows interpolated between them; its means are over three signals, not twelve. kurtosis, renyi and what "
    "is reassigned by entropy are run at 20 dB only. A method is counted as within 2 % by the ratio of means, without a tolerance. "
    "The width is that of |S| about each place over the least of twelve constant windows there, the distance that of θ|S|² within three "
    "units of a law. Both count for all noise inside that reach."
)

Figures = dict[str, float]


def run(name: str, snr: float, known: dict[str, Figures]) -> dict[str, Figures]:
    """A row of figures for each method on one signal, besides those that are known."""
    truth = Truth(get_scene(name))
    wanted = {method: make for method, make in methods(snr, truth.scene.mixture).items() if method not in known}
    if not wanted:
        return known
    signal = Signal(truth.scene.noisy(snr), RATE, name)
    planes = [quality.fixed(length)(signal) for length in quality.GRID]
    laws = Laws(truth, [magnitude for magnitude, _ in planes])

    def judge(plane: quality.Plane) -> Figures:
        found = quality.judge(plane, truth, snr) | laws.judge(*plane)
        return {key: found[key] for key in COLUMNS}

    rows = {quality.BEST: best([judge(plane) for plane in planes])}
    for method, make in wanted.items():
        torch.set_num_threads(1)  # ssqueezepy raises the number, and threads that wait for a core take time
        began = time.process_time()
        for label, plane in make(signal).items():
            rows[label] = judge(plane)
        print(f"  {name}, {snr:g} dB, {method}: {time.process_time() - began:.1f} s", flush=True)
    return known | rows


def best(rows: list[Figures]) -> Figures:
    """For each measure by itself the best of some rows."""
    return {
        name: float((np.fmax if COLUMNS[name][2] else np.fmin).reduce([row[name] for row in rows])) for name in COLUMNS
    }


def measure(signals: list[str], snrs: list[float], path: Path | None) -> dict:
    """Every signal at every level that the file does not have yet: {snr: {signal: {method: figures}}}."""
    found = json.loads(path.read_text("utf-8")) if path and path.exists() else {}
    for snr in snrs:
        of_level = found.setdefault(f"{snr:g}", {})
        for name in signals:
            rows = run(name, snr, of_level.get(name, {}))
            of_level[name] = {
                method: {
                    key: None if value is None or math.isnan(value) else round(value, 6) for key, value in row.items()
                }
                for method, row in rows.items()
            }
            if path:
                path.write_text(json.dumps(found), "utf-8")
    return found


def means(of_level: dict[str, dict[str, Figures]]) -> dict[str, Figures]:
    """The mean of each figure over the signals that have it, for each method."""
    named = dict.fromkeys(method for rows in of_level.values() for method in rows)
    found = {}
    for method in named:
        rows = [rows[method] for rows in of_level.values() if method in rows]
        values = {key: [row[key] for row in rows if row[key] is not None] for key in COLUMNS}
        found[method] = {key: float(np.mean(each)) if each else math.nan for key, each in values.items()}
        found[method]["signals"] = len(rows)
    return found


def behind(found: dict[str, Figures], own: str, others: Iterable[str]) -> tuple[int, list[str]]:
    """How many columns have a figure of one method, and for each that is more than 2 % behind others: who leads."""
    count, lines = 0, []
    whole = found[own]["signals"]
    for key, (heading, _, more, _) in COLUMNS.items():
        rivals = {
            each: found[each][key]
            for each in others
            if each in found and found[each]["signals"] == whole and not math.isnan(found[each][key])
        }
        mine = found[own][key]
        if math.isnan(mine) or not rivals:
            continue
        count += 1
        leader = (max if more else min)(rivals, key=rivals.get)
        behind_by = _ratio(rivals[leader], mine) if more else _ratio(mine, rivals[leader])
        if behind_by > WITHIN:
            lines.append(f"{heading} ({leader}: {cell(rivals[leader])}, ours {cell(mine)})")
    return count, lines


def _ratio(worse: float, better: float) -> float:
    return worse / better if better else math.inf if worse else 1.0


def make_result(found: dict) -> None:
    """Write the JSON file of all levels."""
    tables, verdicts, figures = {}, [], []
    for level in sorted(found, key=lambda text: -float(text)):
        rows = means(found[level])
        title = "Without noise" if level == "inf" else f"At {level} dB"
        signals = max(int(row["signals"]) for row in rows.values())
        tables[f"{title}, means over {signals} signals"] = [
            {"method": method, **{COLUMNS[key][0]: row[key] for key in COLUMNS}, "signals": int(row["signals"])}
            for method, row in rows.items()
        ]
        for own, others in ((OURS, ONE_WINDOW), (MOVED, ONE_WINDOW | OTHERS)):
            count, lines = behind(rows, own, others)
            figures.append(f"{title.lower()}, {own}: {count - len(lines)} of {count}")
            if lines:
                verdicts.append(f"{title.lower()}, {own} is behind in {', '.join(lines)}")
    save(
        "picture-quality",
        tables,
        packages=PACKAGES,
        question="Are our pictures better than those of other packages?",
        command="quality.py --peers",
        figure="columns best or within 2 %: " + "; ".join(figures),
        verdict=("not in every column: " + "; ".join(verdicts)) if verdicts else "as wanted in every column",
        note=LEFT_OUT,
    )


def main(signals: list[str], snrs: list[float], path: Path | None) -> int:
    found = measure(signals, snrs, path)
    for level, of_level in found.items():
        print(f"\nSNR {level} dB\n  {'':36}" + "".join(f"{heading:>17}" for heading, *_ in COLUMNS.values()))
        for method, row in means(of_level).items():
            cells = ("-" if math.isnan(row[key]) else format(row[key], form) for key, (_, form, *_) in COLUMNS.items())
            print(f"  {method:36}" + "".join(f"{cell:>17}" for cell in cells))
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] != ["--save"]:
        sys.exit(__doc__)
    merged: dict = {}
    for part in sys.argv[2:]:
        for level, of_level in json.loads(Path(part).read_text("utf-8")).items():
            merged.setdefault(level, {}).update(of_level)
    make_result({level: {name: rows[name] for name in NAMES if name in rows} for level, rows in merged.items()})
