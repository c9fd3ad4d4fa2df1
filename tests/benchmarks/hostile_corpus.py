"""All files of the hostile corpus, of which the suite reads a few of each kind: does each lead to what it must?

``python tests/benchmarks/hostile_corpus.py [--sandbox] [group ...]``; all groups unless told otherwise. With --sandbox damaged recordings
are decoded in another process first, as the commands do. Exit code 1 where a file leads to something else.
"""

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import hostile_arrays
import hostile_outcomes
import hostile_text
import hostile_yaml
from hostile import Case
from hostile_groups import RECORDINGS

WAIT = 600  # s after which the process that reads is said to hang


def archives(folder: Path) -> Iterator[Case]:
    """What may have become of the arrays of a small result, which is written into the folder."""
    from dstft_cli import Signal, optimize, write_result

    signal = Signal(np.random.default_rng(0).uniform(-0.5, 0.5, 800), 2000, "a")
    write_result(optimize(signal, steps=2, support=64), folder, figures=False)
    return hostile_arrays.result_cases((folder / "result.npz").read_bytes(), str(folder.parent / "canary"))


def groups(folder: Path) -> dict[str, tuple[Callable, Callable[[], list[Case]], Path]]:
    """By name: what judges the cases, the cases, and the folder to read them in."""
    judge = hostile_outcomes.signals_wrong
    canary = str(folder / "canary")
    return {
        **{name: (judge, lambda group=group: list(group()), folder) for name, group in RECORDINGS.items()},
        "text-million": (judge, lambda: [hostile_text.million()], folder),
        "configurations": (
            hostile_outcomes.configs_wrong,
            lambda: [*hostile_yaml.cases(), *hostile_yaml.code(canary)],
            folder,
        ),
        "archives": (hostile_outcomes.results_wrong, lambda: list(archives(folder / "out")), folder / "out"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sandbox", action="store_true")
    parser.add_argument("groups", nargs="*")
    options = parser.parse_args()
    names, bad = [], 0
    with (
        tempfile.TemporaryDirectory() as home,
        multiprocessing.get_context("spawn").Pool(1, hostile_outcomes.bounded, (options.sandbox,)) as pool,
    ):
        every = groups(Path(home))
        for name in options.groups or every:
            judge, make, folder = every[name]
            cases = make()
            names += [case.name for case in cases]
            began = time.perf_counter()
            wrong = pool.apply_async(judge, (cases, folder)).get(timeout=WAIT)
            outcomes = Counter(case.outcome for case in cases)
            print(
                f"{name}: {len(cases)} files, {time.perf_counter() - began:.1f} s: {dict(outcomes)}; {len(wrong)} wrong"
            )
            print("".join(f"    {line}\n" for line in wrong), end="", flush=True)
            bad += len(wrong)
        ran_code = (Path(home) / "canary").exists()
    twice = [name for name, count in Counter(names).items() if count > 1]
    print(f"{len(names)} files, {bad} wrong; names that occur twice: {twice}; code was run: {ran_code}")
    sys.exit(bool(bad or twice or ran_code))


if __name__ == "__main__":
    main()
