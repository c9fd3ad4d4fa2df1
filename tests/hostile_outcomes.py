"""Reads hostile files in a process of its own, and tells what came of them; the tests compare that with what must."""

import resource
from pathlib import Path

import numpy as np
import soundfile
from hostile import READ, REFUSED, UNHARMED, WARNED, Case

from dstft_cli.config.loading import load_config
from dstft_cli.errors import InputError
from dstft_cli.recordings import audio
from dstft_cli.recordings.signal import Signal, check_signal, load_signals
from dstft_cli.results.reader import read_result

_MEMORY = 3 << 30  # bytes of addresses
_TABLES = (".csv", ".txt", ".tsv", ".lvm")


def bounded(trials: bool = False) -> None:
    """For the start of a process; trials: whether damaged files are tried out in a process of their own, a third of a second each."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    if not trials:
        audio.decode_in_subprocess = lambda report: None


def signals_wrong(cases: list[Case], folder: Path) -> list[str]:
    """A line for each recording or table that did not lead to what it must."""
    return [line for case in cases if (line := _signal_wrong(case, folder))]


def configs_wrong(cases: list[Case], folder: Path) -> list[str]:
    """As signals_wrong, for configurations."""
    return [
        line for case in cases if (line := _wrong(case, *_came(lambda path: load_config(path) and [], case, folder)))
    ]


def results_wrong(cases: list[Case], folder: Path) -> list[str]:
    """As signals_wrong, for what may have become of the arrays of the result in that folder."""
    good = read_result(folder).arrays()
    lines = []
    for case in cases:
        found = []
        outcome, told = _came(
            lambda _, found=found: found.append(read_result(folder)) or [], case, folder, "result.npz"
        )
        same = all(np.array_equal(values, found[0].arrays()[name]) for name, values in good.items()) if found else True
        if case.outcome == UNHARMED:
            outcome = UNHARMED if same else "read as something else"
        lines.append(_wrong(case, outcome, told) or ("" if same else f"{case.name}: read as something else"))
    return [line for line in lines if line]


def _came(read, case: Case, folder: Path, name: str = "") -> tuple[str, str]:
    """(outcome, notes or refusal) of reading the case's file; ``read`` gives notes."""
    path = folder / (name or case.name)
    path.write_bytes(case.content)
    try:
        notes = read(path)
    except InputError as error:
        return REFUSED, str(error)
    except Exception as error:
        return "a fault", repr(error)
    return (WARNED if any(note.startswith("warning: ") for note in notes) else READ), " | ".join(notes)


def _wrong(case: Case, outcome: str, told: str) -> str:
    if outcome != case.outcome or case.told not in told:
        return f"{case.name}: must be {case.outcome} ({case.told!r}), was {outcome}: {told}"
    lines = told.split(" | ") if outcome != REFUSED else told.split("\n") if case.name.endswith(".yaml") else [told]
    if not all(line.isprintable() and len(line) <= 300 for line in lines):
        return f"{case.name}: not one printable line of 300 characters: {told!r}"
    named = case.name in told or case.name.endswith(".npz")
    return "" if outcome != REFUSED or named else f"{case.name}: not named in: {told}"


def _signal_wrong(case: Case, folder: Path) -> str:
    found: list[Signal] = []

    def read(path: Path) -> list[str]:
        found.extend(load_signals(path, **{"channel": "all", **case.options}))
        for signal in found:
            check_signal(signal, 2)
        return list(dict.fromkeys(note for signal in found for note in signal.notes))

    outcome, told = _came(read, case, folder)
    path = folder / case.name
    line = _wrong(case, outcome, told)
    if not line and found and outcome != REFUSED:
        line = _counted_wrong(case, found) or _bits_wrong(case, path, found)
    path.unlink(missing_ok=True)
    return line


def _counted_wrong(case: Case, signals: list[Signal]) -> str:
    got = len(signals[0].samples), len(signals), signals[0].sample_rate
    wanted = case.frames, case.channels, case.rate
    if all(want in (None, have) for want, have in zip(wanted, got, strict=True)):
        return ""
    return f"{case.name}: (frames, channels, rate) must be {wanted}, were {got}"


def _bits_wrong(case: Case, path: Path, signals: list[Signal]) -> str:
    """Where soundfile reads as many samples, they are the same to the last bit; for good files it reads as many."""
    if path.suffix.lower() in _TABLES:
        return ""
    try:
        samples, _ = soundfile.read(path, always_2d=True)
    except (soundfile.SoundFileError, ValueError, MemoryError):
        return ""
    ours = np.column_stack([signal.samples for signal in signals])
    if len(samples) != len(ours):
        return f"{case.name}: soundfile reads {len(samples)} frames, not {len(ours)}" if case.outcome == READ else ""
    return "" if np.array_equal(samples, ours) else f"{case.name}: other samples than soundfile's"
