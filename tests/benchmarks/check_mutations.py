"""What a regression check notices: short parts of recordings in every kind of run, repeated on other ways, which must pass within
the usual tolerances, and after real changes, which must not. Prints how much of its tolerance each kind of value used.

    check_mutations.py             all of it, some quarter of an hour on two cores
    check_mutations.py --again 100 one baseline that many times: how often it fails
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
from common import SAMPLES

from dstft_cli.config.loading import load_config
from dstft_cli.workflows.regression.baseline_file import GRID, Baseline, read_baseline, write_baseline
from dstft_cli.workflows.regression.comparison import compare
from dstft_cli.workflows.regression.record_and_repeat import record

REAL = Path(os.environ.get("DSTFT_TEST_DATA", SAMPLES.parent.parent / "shared" / "data" / "signals"))
RECORDINGS = {  # a short part of each, the support and the hop in samples
    "libri_speech_198.wav": (["start=1", "duration=1"], 512, 64),
    "jfk_speech.flac": (["start=1", "duration=0.5"], 1024, 128),
    "robin_chirp.wav": (["start=0.5", "duration=0.4"], 512, 128),
    "mouse_usv_300k.wav": (["start=0.1", "duration=0.05"], 512, 128),
    "biosppy_ecg.txt": (["fs=1000", "duration=5", "detrend=mean"], 512, 64),
    "biosppy_eeg_eyes_closed.txt": (["fs=125", "duration=30", "detrend=mean"], 256, 32),
    "piano_notes.wav": (["start=0.2", "duration=0.5"], 1024, 128),
    "machine_vib_tempo.csv": (["duration=0.6"], 1024, 64),
    "dstft_fan_flutter_4k_10k.wav": (["duration=3"], 512, 64),
    "hammer_test_3ch.lvm": (["duration=6", "detrend=mean"], 1024, 64),
    "mridangam.wav": (["duration=0.5"], 1024, 256),
    "humpback_whale.wav": (["start=3", "duration=0.7"], 2048, 256),
    "heartpy_ppg_mstimer.csv": (["fs=117", "time_unit=ms", "duration=20", "detrend=mean"], 512, 32),
    "three_components.wav": (["duration=1.5"], 500, 125),
    "shocks.wav": ([], 500, 50),
    "switching.wav": ([], 1000, 200),
    "run_up.wav": (["duration=1.5"], 512, 64),
    "chirp.wav": (["duration=0.6"], 256, 64),
}
RUNS = {
    "tf": ["mode=tf", "loss=entropy"],
    "local entropy": ["mode=tf", "loss=local-entropy"],
    "local entropy, time": ["mode=time", "loss=local-entropy"],
    "time": ["mode=time", "loss=entropy"],
    "frequency": ["mode=frequency", "loss=entropy"],
    "constant": ["mode=constant"],
    "renyi": ["mode=tf", "loss=renyi"],
    "kurtosis": ["mode=time", "loss=kurtosis"],
    "moving": ["mode=time", "hop_mode=time", "loss=kurtosis"],
    "one hop": ["mode=constant", "hop_mode=constant", "loss=entropy"],
    "overlap": ["mode=time", "hop_mode=overlap", "overlap=0.5", "loss=entropy"],
    "moving tf": ["mode=tf", "hop_mode=time", "loss=entropy"],
}
WAYS = {
    "again": ([], {}),
    "2 threads": (["threads=2"], {}),
    "plain instructions": ([], {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE"}),
    "AVX2 instructions": ([], {"ATEN_CPU_CAPABILITY": "avx2", "MKL_CBWR": "AVX2"}),
    "exact transform": (["exact=true"], {}),
    "bank of a third of the tolerance": (["bank.tolerance=3e-4"], {}),
    "bank of three times the tolerance": (["bank.tolerance=3e-3"], {}),
}
CHANGES = (
    "lambda 5 % more",
    "lambda 5 % less",
    "hamming",
    "blackman",
    "gaussian",
    "support 1 % more",
    "hop 1 sample more",
)
TURNS = {"transposed": np.transpose, "upside down": np.flipud, "backwards": np.fliplr}


def pairs():
    """(name, file, settings) of each run: each recording in tf and in a third of the other kinds."""
    for i, (file, (part, support, hop)) in enumerate(RECORDINGS.items()):
        folder = SAMPLES if (SAMPLES / file).exists() else REAL
        for j, (run, sets) in enumerate(RUNS.items()):
            if (folder / file).exists() and (run == "tf" or (i + j) % 3 == 0):
                lengths = [f"support={support}", *([] if run == "overlap" else [f"hop={hop}"])]
                yield f"{file} {run}", folder / file, [*part, *lengths, *sets]


def changed(sets: list[str], change: str) -> list[str]:
    """The settings after a change; as they were where the run has no such setting."""
    value = {key: text for key, _, text in (item.partition("=") for item in sets)}
    if change.startswith("lambda"):
        weight = {"kurtosis": 0.0, "local-entropy": 3 / 7.2}.get(value.get("loss", "local-entropy"), 0.5)
        still = weight == 0 or value["mode"] == "constant"
        return sets if still else [*sets, f"lambda={weight * (1.05 if 'more' in change else 0.95)}"]
    if change.startswith("support"):
        return [*sets, f"support={2 * round(int(value['support']) * 1.01 / 2)}"]
    if change.startswith("hop"):
        return [*sets, f"hop={int(value['hop']) + 1}"] if "hop" in value else sets
    return [*sets, f"window={change}"]


def baseline_of(file: Path, sets: list[str]) -> Baseline:
    return record([file], load_config(None, sets), file.parent, lambda *told: None)


def record_all(folder: Path, more: list[str]) -> None:
    for i, (_, file, sets) in enumerate(pairs()):
        write_baseline(baseline_of(file, [*sets, *more]), folder / f"{i}.json")


def made(more: list[str], surroundings: dict[str, str]) -> list[Baseline]:
    """The baselines of all runs, made by another process in those surroundings."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--record", folder, *more]
        subprocess.run(command, env={**os.environ, **surroundings}, check=True)
        return [read_baseline(Path(folder, f"{i}.json")) for i, _ in enumerate(pairs())]


def kind(name: str) -> str:
    """trial, initial, final and so on: values that are alike in how they move."""
    head, _, tail = name.partition(".")
    return tail if tail in ("initial", "final") else head


def ways(baselines: list[Baseline]) -> None:
    print("ways that must pass: runs that fail, and the greatest share of its tolerance that a kind of value used")
    for way, (more, surroundings) in WAYS.items():
        failed, used = [], defaultdict(float)
        for (name, *_), baseline, found in zip(pairs(), baselines, made(more, surroundings), strict=True):
            check = compare(baseline, found, {})
            failed += [f"{name}: {difference.name}" for difference, _ in check.worst() if difference.out]
            for difference in check.differences:
                used[kind(difference.name)] = max(used[kind(difference.name)], difference.share)
        shares = "  ".join(f"{key} {share:.2g}" for key, share in used.items() if share > 1e-3)
        print(
            f"  {way:36} {len(failed)} of {len(baselines)}  {shares}\n" + "".join(f"    {one}\n" for one in failed),
            end="",
        )


def changes(baselines: list[Baseline]) -> None:
    print("changes that must not pass: runs that notice")
    for change in CHANGES:
        noticed, missed = 0, []
        for (name, file, sets), baseline in zip(pairs(), baselines, strict=True):
            if changed(sets, change) == sets:
                continue
            out = compare(baseline, baseline_of(file, changed(sets, change)), {}).out
            noticed += bool(out)
            missed += [] if out else [name]
        print(f"  {change:36} {noticed} of {noticed + len(missed)}  {', '.join(missed)}", flush=True)


def turns(baselines: list[Baseline]) -> None:
    for which in ("spectrogram", "theta_map"):
        for turn, work in TURNS.items():
            noticed, missed = 0, []
            for (name, *_), baseline in zip(pairs(), baselines, strict=True):
                (entry,) = baseline.inputs.values()
                cells = np.array(entry.maps[which])
                if np.ptp(cells) == 0 or np.ptp(cells - work(cells)) < 1e-9:
                    continue  # constant windows: there is nothing to turn
                maps = {**entry.maps, which: work(cells).reshape(GRID, GRID).tolist()}
                turned = entry.model_copy(update={"maps": maps})
                found = baseline.model_copy(update={"inputs": {entry.file: turned}})
                out = compare(baseline, found, {}).out
                noticed += bool(out)
                missed += [] if out else [f"{name} ({np.ptp(cells):.2g})"]
            print(f"  {which + ' ' + turn:36} {noticed} of {noticed + len(missed)}  {', '.join(missed)}")


def again(times: int) -> None:
    (name, file, sets), *_ = pairs()
    baseline, failed = baseline_of(file, sets), 0
    for _ in range(times):
        failed += bool(compare(baseline, baseline_of(file, sets), {}).out)
    print(f"{name}: {failed} of {times} repetitions failed")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--record", type=Path)
    options.add_argument("--again", type=int)
    told, more = options.parse_known_args()
    if told.record:
        record_all(told.record, more)
    elif told.again:
        again(told.again)
    else:
        baselines = made([], {})
        ways(baselines)
        turns(baselines)
        changes(baselines)


if __name__ == "__main__":
    main()
