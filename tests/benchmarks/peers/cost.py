"""Seconds and memory of tf-varying against length, window length and overlap, and the lengths at which memory ends.

    python tests/benchmarks/peers/cost.py [--figures part.json [--again]]

Each run is ``optimize`` alone, in a process of its own with one thread: seconds of the processor and growth of the peak are without
start, files and pictures. Beside them stands what the tool predicts. What cannot be run in the time there is, is predicted only.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))

from measured import GB, Limits, measure
from results import save

from dstft_cli.config.loading import merge_config
from dstft_cli.errors import InputError
from dstft_cli.optimization.resources import PROCESS, ResourcePlan, check_plan, most_samples_in_memory, plan_run

RATE = 16_000  # Hz
ENTROPY = "entropy"
STEPS = {"local-entropy": None, ENTROPY: 50}
LENGTHS = (1, 4, 15, 60, 240)  # s, at L = 1024 and hop 256
SUPPORTS = (256, 1024, 4096, 16_384)  # samples, of 15 s, hop L/4
OVERLAPS = (2, 4, 8, 16)  # L over hop, of 15 s, L = 1024
PREDICTED = (60, 600, 3600)  # s
MEMORIES = ("2GB", "24GB")
ALL = "1000TB"  # of memory, so that a plan is of a run in memory
PLANES = ((16_000, 1024, 256), (44_100, 2048, 512), (44_100, 4096, 512))  # Hz, samples, samples
LONGEST = 400 * 3600  # s, up to which limits are looked for
LIMITS = Limits(cpu=250, memory=6 * GB)

NOTE = (
    "Exponents are of the three largest sizes. Seconds are of the processor, one thread, without start, files and pictures, on a machine "
    "with much other work, the least of the runs; predictions are for two cores with pictures, 3 s of start included. More GB are what the "
    f"peak grows by in the run, of which the exponents are; predictions are of the whole peak, with {PROCESS / GB:.2f} GB for the program "
    f"and its pictures. {ENTROPY} takes {STEPS[ENTROPY]} steps. L is the DFT size and the longest window, L/20 the shortest."
)

Case = tuple[float, int, int]
"""Seconds, L and hop in samples."""


def settings(support: int, hop: int, loss: str) -> dict[str, object]:
    given = {
        "mode": "tf-varying",
        "support": support,
        "hop": hop,
        "theta_min": support / 20,
        "criterion": loss,
        "device": "cpu",
    }
    return given | ({"steps": STEPS[loss]} if STEPS[loss] else {})


def one(seconds: float, support: int, hop: int, loss: str) -> None:
    """A run, in the process that is measured: prints its own seconds and the growth of its peak as JSON."""
    import resource
    import time

    from common import noisy_chirps

    from dstft_cli import Signal, optimize

    signal = Signal(noisy_chirps(seconds, RATE), float(RATE), "chirps")
    optimize(Signal(signal.samples[: RATE // 4], float(RATE), "short"), **settings(256, 64, loss))
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    result = optimize(signal, memory="24GB", **settings(support, hop, loss))
    taken, after = time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        json.dumps(
            {
                "s": taken,
                "GB": (after - before) * 1024 / GB,
                "peak": after * 1024 / GB,
                "bins": int(np.prod(result.stft.shape)),
            }
        )
    )


def planned(case: Case, loss: str, rate: int = RATE, memory: str = "24GB") -> ResourcePlan:
    """What the tool predicts."""
    seconds, support, hop = case
    config = merge_config(None, settings(support, hop, loss) | {"memory": memory})
    samples = int(seconds * rate)
    return plan_run(config, float(rate), samples, in_memory=samples <= most_samples_in_memory(config))


def cases() -> dict[str, list[Case]]:
    return {
        "length": [(seconds, 1024, 256) for seconds in LENGTHS],
        "L": [(15, support, support // 4) for support in SUPPORTS],
        "overlap": [(15, 1024, 1024 // parts) for parts in OVERLAPS],
    }


def exponent(sizes: list[float], values: list[float]) -> float | None:
    """Of a power law through what is known, the slope of logarithms by least squares."""
    known = [(size, value) for size, value in zip(sizes, values, strict=True) if value and value > 0]
    return float(np.polyfit(*np.log(known).T, 1)[0]) if len(known) > 1 else None


def limit(rate: int, support: int, hop: int, loss: str, memory: str, long: bool) -> float:
    """The seconds up to which a run is held in memory, or with ``long`` is possible at all; infinite where LONGEST is possible."""

    def possible(seconds: float) -> bool:
        plan = planned((seconds, support, hop), loss, rate, memory)
        if not long:
            return not plan.long
        try:
            check_plan(plan, "a recording", merge_config(None, {"memory": memory}))
        except InputError:
            return False
        return True

    low, high = 2 * support / rate, float(LONGEST)
    if possible(high):
        return float("inf")
    while high / low > 1.01:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if possible(middle) else (low, middle)
    return low


def duration(seconds: float) -> str:
    if seconds == float("inf"):
        return f"above {LONGEST // 3600} h"
    return (
        f"{seconds / 3600:.1f} h"
        if seconds >= 3600
        else f"{seconds / 60:.1f} min"
        if seconds >= 60
        else f"{seconds:.0f} s"
    )


def tables(found: dict[str, dict]) -> tuple[dict[str, list], list[str]]:
    """The tables, and the exponents in words."""
    made, words = {}, []
    for loss in STEPS:
        for axis, group in cases().items():
            rows, sizes = [], []
            for case in group:
                seen, plan = found[f"{loss} {case}"], planned(case, loss)
                rows.append(
                    {
                        "s of signal": case[0],
                        "L": case[1],
                        "hop": case[2],
                        "million bins": seen.get("bins", np.nan) / 1e6,
                        "s": seen.get("s"),
                        "s predicted": plan.seconds,
                        "GB more": seen.get("GB"),
                        "peak GB": seen.get("peak"),
                        "GB predicted": plan.memory / GB,
                        "remark": seen["why"],
                    }
                )
                sizes.append({"length": case[0], "L": case[1], "overlap": case[1] / case[2]}[axis])
            made[f"{loss}, against {axis}"] = rows
            slopes = [exponent(sizes[-3:], [row[key] for row in rows][-3:]) for key in ("s", "GB more")]
            shown = ["–" if each is None else f"{each:.2f}" for each in slopes]
            words.append(f"{loss} against {axis} {shown[0]} and {shown[1]}")
    return made, words


def predictions() -> dict[str, list]:
    rows, limits = [], []
    for loss in STEPS:
        for rate, support, hop in PLANES:
            plane = {"loss": loss, "Hz": rate, "L": support, "hop": hop}
            for seconds in PREDICTED:
                plan = planned((seconds, support, hop), loss, rate, ALL)
                rows.append(plane | {"min of signal": seconds // 60, "GB": plan.memory / GB, "min": plan.seconds / 60})
            row = dict(plane)
            for memory in MEMORIES:
                row[f"in memory, {memory}"] = duration(limit(rate, support, hop, loss, memory, False))
                row[f"block by block, {memory}"] = duration(limit(rate, support, hop, loss, memory, True))
            limits.append(row)
    return {"Predicted for a run in memory, not run": rows, "Longest recordings by the tool's own prediction": limits}


def main() -> int:
    if sys.argv[1:2] == ["one"]:
        one(float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figures", type=Path, help="file with what was measured before, which is added to")
    parser.add_argument("--again", action="store_true", help="measure what is there, too, and keep the least seconds")
    given = parser.parse_args()
    found = json.loads(given.figures.read_text("utf-8")) if given.figures and given.figures.exists() else {}
    for loss in STEPS:
        for case in dict.fromkeys(case for group in cases().values() for case in group):
            key = f"{loss} {case}"
            if key in found and not given.again:
                continue
            seen = measure([__file__, "one", *map(str, case), loss], LIMITS)
            least = min(seen.said.get("s", np.inf), found.get(key, {}).get("s", np.inf))
            found[key] = {**seen.said, "why": seen.why} | ({"s": least} if np.isfinite(least) else {})
            print(f"  {key:36} {found[key]}", flush=True)
            if given.figures:
                given.figures.write_text(json.dumps(found), "utf-8")
    measured, words = tables(found)
    predicted = predictions()
    limits = predicted["Longest recordings by the tool's own prediction"]
    usual = [row for row in limits if row["Hz"] == 44_100 and row["L"] == 2048]
    save(
        "cost",
        measured | predicted,
        question="What does tf-varying cost against length, L and overlap, and where does memory end?",
        command="peers/cost.py",
        figure="exponents of seconds and of memory: " + "; ".join(words),
        verdict="; ".join(
            f"44.1 kHz, L = 2048, hop 512, {row['loss']}: in memory up to {row['in memory, 2GB']} with 2 GB and "
            f"{row['in memory, 24GB']} with 24 GB"
            for row in usual
        )
        + "; longer ones go block by block",
        note=NOTE,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
