"""Tasks of other fields, read from the adaptive picture, from the best constant one, and from the field's usual one.

    python tests/benchmarks/peers/domains.py [--cases ecg-a,radar] [--seeds 8] [--json new.json] [--save]
    python tests/benchmarks/peers/domains.py --read new.json --save

Each signal is run with no options but ``--mode tf-varying``, and with none at all, which gives the best constant window by the
same criterion. One reader (``domain_readers.py``) reads all pictures. Columns: the adaptive picture as it is drawn, and |S| as
``result.npz`` has it; the best constant window, as it is drawn; the field's usual window and hop; and, as a bound that nobody
reaches, the best of twelve constant windows for each measure and seed by itself. Lower is better throughout. Recordings are those of
the folder DSTFT_DATA; cases without theirs are left out.
"""

import argparse
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from domain_cases import CASES, Case
from domain_readers import Picture
from results import save
from scipy.stats import wilcoxon

from dstft_cli import Result, Signal, optimize
from dstft_cli.figures.of_result import view_of
from dstft_cli.figures.shown.source import display_of, source_of
from dstft_cli.stft.frame_positions import fixed_positions
from dstft_cli.stft.transform import dstft_magnitude

COLUMNS = ADAPTIVE, STORED, CONSTANT, USUAL, BOUND = "adaptive", "as stored", "constant", "usual", "best of 12"
WINDOWS = 12
PADDED = 4  # the usual picture's bins, so that they do not limit what is read between them
SAME, SIGNIFICANT = 0.05, 0.05  # of a figure, by which two are told apart, if that is significant


@dataclass
class Outcome:
    """What one case gave.

    values: {measure: {column: (seeds,)}}. kept: seeds whose adaptive run kept one window. lengths: the best constant windows in ms,
    (seeds,). ranges: the shortest and the longest window that the adaptive runs could choose, in ms, (seeds, 2).
    """

    values: dict[str, dict[str, list[float]]]
    kept: int
    lengths: list[float]
    ranges: list[tuple[float, float]]


def drawn(result: Result) -> Picture:
    """A result as its picture shows it."""
    view = view_of(result.signal, result.config)
    return Picture(display_of(result, source_of(result, view)).picture(view), result.times, result.frequencies)


def constant(samples: np.ndarray, rate: float, length: float, hop: float, support: int) -> Picture:
    """The picture under one Hann window; length, hop and support in samples."""
    positions = fixed_positions(len(samples), hop)
    values = torch.as_tensor(samples - samples.mean(), dtype=torch.float32)
    magnitude = dstft_magnitude(values, length, positions, support).numpy()
    return Picture(magnitude, positions.numpy() / rate, np.arange(support // 2 + 1) * rate / support)


def usual(case: Case, samples: np.ndarray, rate: float) -> Picture:
    """The field's picture."""
    if callable(case.usual):
        return case.usual(samples - samples.mean(), rate)
    length, hop = (max(1, round(one * rate)) for one in case.usual)
    return constant(samples, rate, length, hop, 2 * math.ceil(PADDED * length / 2))


def run(case: Case, seeds: int) -> Outcome:
    """All pictures of a case, read."""
    values: dict[str, dict[str, list[float]]] = {}
    outcome = Outcome(values, 0, [], [])
    for seed in range(seeds):
        samples, rate, truth = case.make(seed)
        signal = Signal(samples, rate, case.task)
        adaptive = optimize(signal, mode="tf-varying", device="cpu", detrend="mean")
        best = optimize(signal, device="cpu", detrend="mean")
        outcome.kept += adaptive.extent[0] == adaptive.extent[2]
        outcome.lengths.append(1e3 * best.theta.item() / rate)
        outcome.ranges.append((1e3 * adaptive.grid.theta_min / rate, 1e3 * adaptive.support / rate))
        pictures = {
            ADAPTIVE: drawn(adaptive),
            STORED: Picture(adaptive.magnitude, adaptive.times, adaptive.frequencies),
            CONSTANT: drawn(best),
            USUAL: usual(case, samples, rate),
        }
        read = {name: case.read(picture, truth) for name, picture in pictures.items()}
        grid = adaptive.grid
        several = [
            case.read(constant(samples, rate, float(length), grid.hop, adaptive.support), truth)
            for length in np.geomspace(grid.theta_min, adaptive.support, WINDOWS)
        ]
        for measure in read[ADAPTIVE]:
            own = values.setdefault(measure, {name: [] for name in COLUMNS})
            for name, one in read.items():
                own[name].append(one[measure])
            own[BOUND].append(min((one[measure] for one in several), key=lambda x: math.inf if math.isnan(x) else x))
    return outcome


def compared(own: list[float], other: list[float]) -> str:
    """How one side stands to another: told apart where the means differ by SAME, and a signed-rank test over the seeds agrees."""
    left, right = np.array(own), np.array(other)
    both = ~(np.isnan(left) | np.isnan(right))
    left, right = left[both], right[both]
    if not both.any() or abs(left.mean() - right.mean()) <= SAME * max(left.mean(), right.mean()):
        return "same"
    if wilcoxon(left, right, zero_method="zsplit").pvalue > SIGNIFICANT:
        return "same"
    return "better" if left.mean() < right.mean() else "worse"


def rows_of(name: str, case: Case, outcome: Outcome, seeds: int) -> list[dict]:
    """The rows of a case, one for each measure."""
    rows = []
    for measure, own in outcome.values.items():
        means = {column: float(np.nanmean(one)) if not np.isnan(one).all() else None for column, one in own.items()}
        rows.append(
            {
                "case": name,
                "domain": case.domain,
                "task": case.task,
                "source": case.source,
                "measure": measure,
                "usual_is": case.says,
                "seeds": seeds,
                "kept_one_window": outcome.kept,
                "constant_ms": float(np.median(outcome.lengths)),
                "range_ms": np.median(outcome.ranges, 0).tolist(),
                **means,
                "against_constant": compared(own[ADAPTIVE], own[CONSTANT]),
                "against_usual": compared(own[ADAPTIVE], own[USUAL]),
                "by_seed": own,
            }
        )
    return rows


def show(row: dict) -> None:
    """Print a row."""
    cells = "".join(f"{math.nan if row[column] is None else row[column]:11.4g}" for column in COLUMNS)
    verdict = f"{row['against_constant']:>8} {row['against_usual']:>8}"
    kept = f"{row['kept_one_window']:>8}/{row['seeds']}{row['constant_ms']:10.4g}"
    print(f"{row['case']:23}{row['measure']:26}{cells}  {verdict} {kept}", flush=True)


def counts(rows: list[dict], other: str) -> str:
    """How often the adaptive picture is better, the same and worse, in words. other: the key of the verdicts."""
    said = [row[other] for row in rows]
    return ", ".join(f"{said.count(word)} {word}" for word in ("better", "same", "worse"))


def store(rows: list[dict]) -> None:
    """Write the result for the page: a table for each domain."""
    tables: dict[str, list[dict]] = {}
    for row in rows:
        own = {
            "signal, SNR in dB": row["case"],
            "source": row["source"],
            "read": row["measure"],
            **{column: row[column] for column in COLUMNS},
            "window of usual": row["usual_is"],
            "against constant": row["against_constant"],
            "against usual": row["against_usual"],
            "best constant, ms": row["constant_ms"],
            "kept one window": f"{row['kept_one_window']} of {row['seeds']}",
        }
        tables.setdefault(row["domain"], []).append(own)
    runs = {row["case"]: (row["kept_one_window"], row["seeds"]) for row in rows}
    kept, total = (sum(one) for one in zip(*runs.values(), strict=True))
    domains = "; ".join(
        f"{name} {counts([row for row in rows if row['domain'] == name], 'against_usual')}" for name in tables
    )
    save(
        "domains",
        tables,
        question="Does a task of another field read its answer better from the adaptive picture?",
        command="peers/domains.py --save",
        figure=f"{len(rows)} figures: {counts(rows, 'against_constant')} than the best constant window; "
        f"{counts(rows, 'against_usual')} than the field's usual one; {kept} of {total} runs kept one window",
        verdict=f"against usual windows, by field: {domains}",
        note="Means over seeds; lower is better. Two columns are told apart where they differ by 5 % and a signed-rank test over "
        "seeds has p <= 0.05. `best of 12` picks a constant window by the truth, for each figure and seed by itself. `as stored` "
        "reads |S| of result.npz, `adaptive` and `constant` read the levels that pictures draw.",
        by_seed={f"{row['case']}, {row['measure']}": _lines(row["by_seed"]) for row in rows},
    )


def _lines(by_seed: dict[str, list[float]]) -> dict[str, str]:
    return {column: " ".join(f"{value:.4g}" for value in values) for column, values in by_seed.items()}


def measured(names: tuple[str, ...], seeds: int) -> list[dict]:
    """The rows of the cases whose names begin so, each printed once it is known."""
    rows = []
    for name, case in CASES.items():
        if not name.startswith(names):
            continue
        try:
            outcome = run(case, seeds)
        except FileNotFoundError as missing:
            print(f"{name:23}left out: {missing} is not there")
            continue
        for row in rows_of(name, case, outcome, seeds):
            rows.append(row)
            show(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", default="", help="beginnings of names, with commas; all without")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--json", type=Path, help="where all that was measured goes")
    parser.add_argument("--read", type=Path, help="what --json wrote, instead of new runs")
    parser.add_argument("--save", action="store_true", help="write results/domains.json for the page")
    options = parser.parse_args()
    torch.set_num_threads(1)
    began = time.process_time()
    print(
        f"{'':23}{'':26}" + "".join(f"{column:>11}" for column in COLUMNS) + "  constant    usual one window  const. ms"
    )
    if options.read:
        rows = json.loads(options.read.read_text())
        for row in rows:
            show(row)
    else:
        rows = measured(tuple(options.cases.split(",")), options.seeds)
    for other in ("against_constant", "against_usual"):
        print(f"{other.replace('_', ' ')}: {counts(rows, other)} of {len(rows)} figures")
    print(f"{time.process_time() - began:.0f} s of CPU time")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    if options.save:
        store(rows)


if __name__ == "__main__":
    main()
