"""Small files as loggers, oscilloscopes, wearables and recorders write them, and whether one is read as it was meant.

A case has the rate in Hz (``rate``, with a relative tolerance ``rate_tol``), the number of samples (``n``), the names and units
of the channels, and the frequency in Hz and amplitude of the one tone in the first channel; or it is to be refused (``refuse``).
"""

import json
import os
import tarfile
from pathlib import Path

import numpy as np

from dstft_cli.errors import InputError
from dstft_cli.recordings.request import load_options
from dstft_cli.recordings.signal import Signal, check_signal, load_signals

_COPIES = Path(__file__).parent / "logger_files" / "files.tar.xz"  # about a third of them
_MANY = Path(os.environ.get("DSTFT_TEST_CASES", Path(__file__).parents[2] / "shared" / "data" / "public-cases"))
RIGHT, WRONG, REFUSED = "right", "wrong", "refused without need"
_OTHER_WAY = {  # what is as good as the outcome that a case asks for
    "refuse": REFUSED,
    "refuse with the reason": REFUSED,
    "refuse with the line": REFUSED,
    "refuse or note": REFUSED,
    "either": REFUSED,
}
_BETTER = {"guano-te": {"rate": 480000, "tone": 40000.0}}  # time expansion is applied, where a case asks for a note
_RATE_TOL, _AMPLITUDE_TOL = 1e-3, 0.05


def copied_cases() -> dict[str, dict]:
    """The cases whose files come with the project, by name; ``content`` holds the bytes."""
    with tarfile.open(_COPIES) as archive:
        files = {member.name: archive.extractfile(member).read() for member in archive}
    manifest = json.loads(files["manifest.json"])
    return {name: {**case, **_BETTER.get(name, {}), "content": files[case["file"]]} for name, case in manifest.items()}


def other_cases() -> dict[str, dict]:
    """All cases, by name; none where their folder is absent."""
    manifest = _MANY / "manifest.json"
    found = json.loads(manifest.read_text("utf-8")) if manifest.is_file() else {}
    return {name: {**case, "content": (_MANY / case["file"]).read_bytes()} for name, case in found.items()}


def written(case: dict, folder: Path) -> dict:
    """The case with the path of its file, which is written to a folder."""
    path = folder / Path(case["file"]).name
    path.write_bytes(case["content"])
    return {**case, "path": path}


def judge(case: dict) -> tuple[str, str]:
    """(verdict, what was seen) of reading the file of a case."""
    words = iter(case.get("options", ()))
    options = {word.removeprefix("--").replace("-", "_"): next(words) for word in words}
    if "fs" in options:
        options["fs"] = float(options["fs"])
    try:
        first = load_signals(case["path"], **load_options(options))
        signals = (
            load_signals(case["path"], **load_options({"channel": "all", **options})) if "units" in case else first
        )
        check_signal(signals[0], 2)
    except InputError as error:
        other = _OTHER_WAY.get(case.get("alt", ""), WRONG) == REFUSED
        return (RIGHT if case.get("refuse") or other else REFUSED), str(error)
    faults = _faults(case, signals)
    if case.get("alt") == "either" or (case.get("alt") in ("or read", "read as thousands") and not faults):
        return RIGHT, _described(signals)
    if case.get("refuse"):
        return WRONG, "read, but was to be refused: " + _described(signals)
    return (WRONG, "; ".join([*faults, _described(signals)])) if faults else (RIGHT, _described(signals))


def _faults(case: dict, signals: list[Signal]) -> list[str]:
    first, faults = signals[0], []
    rates = [case[key] for key in ("rate", "rate_alt") if key in case]
    if rates and not any(abs(first.sample_rate / rate - 1) <= case.get("rate_tol", _RATE_TOL) for rate in rates):
        faults.append(f"{first.sample_rate!r} Hz, not {rates} Hz")
    if "n" in case and len(first.samples) != case["n"]:
        faults.append(f"{len(first.samples)} samples, not {case['n']}")
    for what, seen in (("names", first.channels), ("units", [signal.unit for signal in signals])):
        if what in case and list(seen) != case[what]:
            faults.append(f"{what} {list(seen)}, not {case[what]}")
    if "values_at" in case and not np.allclose(first.samples[: len(case["values_at"])], case["values_at"]):
        faults.append(f"begins with {first.samples[:4].tolist()}, not {case['values_at']}")
    if "tone" in case and not faults:
        faults += _faults_of_tone(case, first)
    return faults


def _faults_of_tone(case: dict, signal: Signal) -> list[str]:
    count, samples = len(signal.samples), signal.samples
    peak = int(abs(np.fft.rfft(samples - samples.mean())).argmax()) / count * case["rate"]
    faults = [] if abs(peak / case["tone"] - 1) < 0.03 else [f"a tone at {peak:g} Hz, not {case['tone']} Hz"]
    amplitude = np.quantile(abs(samples - np.median(samples)), 0.97)
    if "amp" in case and "click" not in case and abs(amplitude / case["amp"] - 1) > case.get("amp_tol", _AMPLITUDE_TOL):
        faults.append(f"an amplitude of {amplitude:g}, not {case['amp']}")
    return faults


def _described(signals: list[Signal]) -> str:
    first = signals[0]
    notes = " | ".join(f"{note.severity}: {note.text}" for note in first.notes)
    return f"{first.sample_rate:g} Hz, {len(first.samples)} samples, {first.channels[:5]}, {[s.unit for s in signals][:5]}; {notes}"
