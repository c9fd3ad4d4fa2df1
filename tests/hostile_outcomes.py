"""Reads hostile files in a process of its own, and compares what came of each with what must."""

import importlib
import os
import resource
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from hostile import READ, REFUSED, UNHARMED, WARNED, Case

from dstft_cli.errors import InputError
from dstft_cli.recordings import audio
from dstft_cli.recordings.notes import WARNING, Note
from dstft_cli.recordings.signal import Signal, check_signal, load_signals

_MEMORY = 3 << 30  # bytes of address space
_SECONDS, _MORE_MEMORY = 2, 500_000_000  # s of processor time, and bytes above what the readers take, for a small file
_TABLES = (".csv", ".txt", ".tsv", ".lvm")


def bounded(sandbox: bool = False) -> None:
    """For the start of a process. sandbox: whether damaged files are decoded in another process first, a third of a second each."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    if not sandbox:
        audio.decode_in_subprocess = lambda report: None


def signals_wrong(cases: list[Case], folder: Path) -> list[str]:
    """A line for each recording or table that did not lead to what it must."""
    return [line for case in cases if (line := _signal_wrong(case, folder))]


def configs_wrong(cases: list[Case], folder: Path) -> list[str]:
    """As signals_wrong, for configurations."""
    from dstft_cli.config.loading import load_config

    outcomes = (outcome_of(lambda path: load_config(path) and [], case, folder) for case in cases)
    return [line for case, outcome in zip(cases, outcomes, strict=True) if (line := _wrong(case, *outcome))]


def results_wrong(cases: list[Case], folder: Path) -> list[str]:
    """As signals_wrong, for what may have become of the arrays of the result in that folder."""
    from dstft_cli.results.reader import read_result  # here, since torch is slow to load

    good = read_result(folder).arrays()
    lines = []
    for case in cases:
        results = []
        outcome, message = outcome_of(
            lambda _, results=results: results.append(read_result(folder)) or [], case, folder, "result.npz"
        )
        same = not results or all(np.array_equal(values, results[0].arrays()[name]) for name, values in good.items())
        if case.outcome == UNHARMED:
            outcome = UNHARMED if same else "read as something else"
        lines.append(_wrong(case, outcome, message) or ("" if same else f"{case.name}: read as something else"))
    return [line for line in lines if line]


def costs_wrong(cases: list[Case], folder: Path, result: Path) -> list[str]:
    """A line for each file that takes more than _SECONDS and _MORE_MEMORY to read; result: folder for the arrays of results."""
    importlib.import_module("dstft_cli.recordings.tables.reader")  # here, so that loading it counts for no file
    from dstft_cli.config.loading import load_config
    from dstft_cli.results.reader import read_result

    lines = []
    for case in cases:
        path = result / "result.npz" if case.name.endswith(".npz") else folder / case.name
        path.write_bytes(case.content)
        read = {".npz": lambda _: read_result(result), ".yaml": load_config}.get(path.suffix, notes_of)
        if child := os.fork():
            status = os.waitpid(child, 0)[1]
            lines += [f"{case.name}: ended with {status}"] * (status != 0)
        else:
            os._exit(_read_within_limits(read, path))
    return lines


def _read_within_limits(read: Callable[[Path], object], path: Path) -> int:
    """0 where the file is read or refused for another reason than memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = pages * resource.getpagesize() + _MORE_MEMORY
    for kind, limit in ((resource.RLIMIT_CPU, _SECONDS), (resource.RLIMIT_AS, memory)):
        resource.setrlimit(kind, (limit, resource.getrlimit(kind)[1]))
    try:
        read(path)
    except InputError as error:
        return 2 if "memory" in str(error) else 0
    except BaseException:
        return 1
    return 0


def outcome_of(read: Callable[[Path], list[Note]], case: Case, folder: Path, name: str = "") -> tuple[str, str]:
    """Outcome, and texts of the notes or the refusal, of reading the case's file; ``read`` returns notes."""
    path = folder / (name or case.name)
    path.write_bytes(case.content)
    try:
        notes = read(path)
    except InputError as error:
        return REFUSED, str(error)
    except Exception as error:
        return "a fault", repr(error)
    warned = any(note.severity == WARNING for note in notes)
    return WARNED if warned else READ, " | ".join(note.text for note in notes)


def _wrong(case: Case, outcome: str, message: str) -> str:
    if outcome != case.outcome or case.message not in message:
        return f"{case.name}: must be {case.outcome} ({case.message!r}), was {outcome}: {message}"
    lines = (
        message.split(" | ")
        if outcome != REFUSED
        else message.split("\n")
        if case.name.endswith(".yaml")
        else [message]
    )
    if not all(line.isprintable() and len(line) <= 300 for line in lines):
        return f"{case.name}: not one printable line of 300 characters: {message!r}"
    named = case.name in message or case.name.endswith(".npz")
    return "" if outcome != REFUSED or named else f"{case.name}: not named in: {message}"


def notes_of(path: Path, **options) -> tuple[list[Signal], list[Note]]:
    """The signals in a file, checked, and their notes."""
    signals = load_signals(path, **{"channel": "all", **options})
    for signal in signals:
        check_signal(signal, 2)
    return signals, list(dict.fromkeys(note for signal in signals for note in signal.notes))


def _signal_wrong(case: Case, folder: Path) -> str:
    signals: list[Signal] = []

    def read(path: Path) -> list[Note]:
        signals[:], notes = notes_of(path, **case.options)
        return notes

    outcome, message = outcome_of(read, case, folder)
    path = folder / case.name
    line = _wrong(case, outcome, message)
    if not line and signals and outcome != REFUSED:
        line = _counted_wrong(case, signals) or _bits_wrong(case, path, signals)
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
