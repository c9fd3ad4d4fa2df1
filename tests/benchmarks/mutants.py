"""Good files spoilt at random, 2000 of each format from 20 good ones: what escapes, hangs, crashes or takes all memory?

Of ``stream``, FLAC whose header gives neither the number of samples nor their checksum, a mutant that is read without a warning
must also have every sample of the file that it was made from. The header of the stream is left alone, since nothing protects it.

``python tests/benchmarks/mutants.py [--count 2000] [--how whole] [--keep FOLDER] [--seed 0] [format ...]``. How: ``whole`` reads as the
commands do, ``audit`` without decoding damaged files in another process first, ``raw`` lets libsndfile read
unprotected, to show what it is protected from. Mutants that end badly are kept in FOLDER. Exit code 1 where there are any.
"""

import argparse
import multiprocessing
import random
import resource
import struct
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import hostile_outcomes
import hostile_riff
import hostile_text
import hostile_yaml
from hostile import READ

DEADLINE = 20.0  # s for one file
LENGTHS = (0, 1, 2, 7, 2**15, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 12, 2**32 - 8, 2**32 - 4, 2**32 - 1)


def audio(kinds, subtypes, samples) -> list[bytes]:
    made = []
    for i in range(20):
        part = samples[: 1000 + 731 * i]
        part = part[: len(part) // 2 * 2].reshape(-1, 1 + i % 2)
        kind, subtype = kinds[i % len(kinds)], subtypes[i % len(subtypes)]
        made.append(hostile_riff.as_file(kind, subtype, part, (8000, 16000, 48000)[i % 3]))
    return made


def good_wav() -> list[bytes]:
    noise = np.random.default_rng(1).uniform(-0.9, 0.9, 20_000)
    plain = audio(["WAV", "WAVEX", "RF64", "W64"], ["PCM_16", "PCM_24", "FLOAT"], noise)[:10]
    rich = [case.content for case in hostile_riff.legal() if len(case.content) < 20_000][::5][:6]
    lists = [hostile_riff.wav(before=hostile_riff.NOTES * n, after=hostile_riff.NOTES) for n in (1, 2, 5, 20)]
    return [*plain, *rich, *lists]


def good_other() -> list[bytes]:
    noise = np.random.default_rng(2).uniform(-0.9, 0.9, 20_000)
    kinds = [
        "AIFF",
        "AU",
        "CAF",
        "SVX",
        "VOC",
        "NIST",
        "IRCAM",
        "PVF",
        "PAF",
        "HTK",
        "SDS",
        "MAT4",
        "MAT5",
        "AVR",
        "WVE",
        "MPC2K",
        "XI",
    ]
    made = []
    for i in range(20):
        kind = kinds[i % len(kinds)]
        for subtype in ("PCM_16", "ALAW", "DPCM_16"):
            try:
                made.append(hostile_riff.as_file(kind, subtype, noise[: 1000 + 100 * i], 8000))
                break
            except Exception:
                continue
    return [*made, hostile_riff.as_file("MP3", None, noise, 8000)]


def good_flac() -> list[bytes]:
    noise = np.random.default_rng(3).uniform(-0.9, 0.9, 20_000)
    return audio(["FLAC"], ["PCM_16", "PCM_24", "PCM_S8"], np.cumsum(noise) / 200)


def good_stream() -> list[bytes]:
    noise, made = np.cumsum(np.random.default_rng(5).uniform(-0.9, 0.9, 80_000)) / 400, []
    for i in range(20):
        part = noise[: 30_000 + 2000 * i].reshape(-1, 1 + i % 2)
        content = hostile_riff.as_file("FLAC", ("PCM_16", "PCM_24", "PCM_S8")[i % 3], part, 8000)
        total = int.from_bytes(content[18:26], "big") >> 36 << 36
        made.append(content[:18] + total.to_bytes(8, "big") + bytes(16) + content[42:])
    return made


def good_ogg() -> list[bytes]:
    noise = np.random.default_rng(4).uniform(-0.9, 0.9, 60_000)
    return audio(["OGG"], ["VORBIS", "OPUS"], noise)


def good_text() -> list[bytes]:
    return [case.content for case in hostile_text.legal() if len(case.content) < 60_000][:20]


def good_yaml() -> list[bytes]:
    from dstft_cli.config.loading import Config, dump_config, load_config, preset_names, preset_path

    presets = [preset_path(name) for name in preset_names()]
    made = [path.read_bytes() for path in presets] + [dump_config(load_config(path), True).encode() for path in presets]
    return [*made, dump_config(Config()).encode(), *(case.content for case in hostile_yaml.legal())][:20]


def good_npz() -> list[bytes]:
    from dstft_cli import load_signal, optimize
    from dstft_cli.results.writer import write_arrays

    made = []
    for i in range(20):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a.wav"
            path.write_bytes(hostile_riff.as_file("WAV", "PCM_16", hostile_riff.NOISE[: 300 + 10 * i], 2000))
            result = optimize(load_signal(path), steps=1 + i % 3, support=32, mode=("constant", "time-varying")[i % 2])
            write_arrays(result, Path(folder) / "result.npz")
            made.append((Path(folder) / "result.npz").read_bytes())
    return made


FORMATS = {
    "wav": (good_wav, ".wav"),
    "flac": (good_flac, ".flac"),
    "stream": (good_stream, ".flac"),
    "ogg": (good_ogg, ".ogg"),
    "text": (good_text, ".csv"),
    "yaml": (good_yaml, ".yaml"),
    "npz": (good_npz, ".npz"),
    "other": (good_other, ".snd"),
}


def spoilt(content: bytes, other: bytes, rng: random.Random) -> bytes:
    """One to three faults: bits flipped, a length put in, a part cut out, doubled, blanked or taken from another file."""
    headers = rng.choice((0.0, 0.6))  # where a fault does most
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if len(content) < 12:
            return content
        near = rng.random() < headers
        place = rng.randrange(min(len(content), 400) if near else len(content))
        size = min(rng.choice((1, 2, 4, 8, 50, 1000)), len(content) - place)
        kind = rng.randrange(9)
        if kind <= 1:
            part = bytearray(content)
            for _ in range(rng.choice((1, 1, 3, 20))):
                part[(place + rng.randrange(60)) % len(part)] ^= 1 << rng.randrange(8)
            content = bytes(part)
        elif kind <= 3:
            value = struct.pack(rng.choice("<>") + "I", rng.choice((*LENGTHS, rng.randrange(2**32), len(content) - 8)))
            content = content[:place] + value + content[place + 4 :]
        elif kind == 4:
            content = content[:place] + content[place + size :]
        elif kind == 5:
            content = content[: place + size] + content[place:]
        elif kind == 6:
            content = content[:place] + rng.choice((b"\0", b"\xff", b"A", b"\n")) * size + content[place + size :]
        elif kind == 7:
            content = content[: max(1, place)]
        else:
            at = rng.randrange(len(other))
            content = content[:place] + other[at : at + size] + content[place + rng.choice((0, size)) :]
    return content


def read(path: Path, how: str) -> str:
    """What came of it: read, warned, refused, or the error that must not have escaped."""
    if how == "raw":
        import soundfile

        try:
            with soundfile.SoundFile(path) as sound:
                while len(sound.read(1 << 16)):
                    pass
        except Exception:
            return "refused"
        return "read"
    case = hostile_outcomes.Case(path.name, path.read_bytes(), READ)
    readers = {".npz": array_notes, ".yaml": config_notes}
    outcome, told = hostile_outcomes.outcome_of(readers.get(path.suffix, signal_notes), case, path.parent)
    if outcome == "a fault":
        return f"escaped: {told[:120]}"
    parts = told.split("\n") if path.suffix == ".yaml" else told.split(" | ") if outcome != "refused" else [told]
    if all(part.isprintable() and len(part) <= 300 for part in parts):
        return outcome
    return f"badly told: {told[:400]!r}"


def array_notes(path: Path) -> list:
    from dstft_cli.results.result_arrays import read_arrays

    read_arrays(path)
    return []


def config_notes(path: Path) -> list:
    from dstft_cli.config.loading import load_config

    load_config(path)
    return []


def signal_notes(path: Path) -> list:
    return hostile_outcomes.notes_of(path)[1]


def samples_of(path: Path) -> bytes:
    """What is read from a recording, for comparison."""
    return b"".join(signal.samples.tobytes() for signal in hostile_outcomes.notes_of(path)[0])


def work(pipe, how: str) -> None:
    """A reader's life: a path comes in, what became of it and the most memory so far (bytes) go out."""
    hostile_outcomes.bounded(sandbox=how == "whole")
    pipe.send("ready")
    while path := pipe.recv():
        outcome = read(path, how)
        pipe.send((outcome, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))


class Reader:
    """Reads files in another process, which is ended when it hangs and replaced when it is gone."""

    def __init__(self, how: str):
        self.how, self.context = how, multiprocessing.get_context("spawn")
        self.begin()

    def begin(self) -> None:
        self.pipe, far = self.context.Pipe()
        self.process = self.context.Process(target=work, args=(far, self.how), daemon=True)
        self.process.start()
        far.close()
        self.pipe.recv()  # that it is ready: imports may take long on a busy machine

    def read(self, path: Path) -> tuple[str, int]:
        try:
            self.pipe.send(path)
            if self.pipe.poll(DEADLINE):
                return self.pipe.recv()
            outcome = "hang"
        except (EOFError, OSError):
            outcome = "crash"
        self.end()
        self.begin()
        return outcome, 0

    def end(self) -> None:
        self.process.kill()
        self.process.join()


def measure(name: str, options: argparse.Namespace, reader: Reader, folder: Path) -> int:
    """The number of mutants of one format that ended badly."""
    make, extension = FORMATS[name]
    good, rng = make(), random.Random(f"{name} {options.seed}")
    counts, bad, slowest, memory = Counter(), 0, 0.0, 0
    for i in range(options.count):
        source, other = good[i % len(good)], rng.choice(good)
        begin = 42 if name == "stream" else 0
        content = source[:begin] + spoilt(source[begin:], other, rng)
        path = folder / f"m{i}{extension}"
        path.write_bytes(content)
        began = time.perf_counter()
        outcome, most = reader.read(path)
        slowest, memory = max(slowest, time.perf_counter() - began), max(memory, most)
        if name == "stream" and outcome == "read" and samples_lost(path, source, content):
            outcome = "lost samples without a word"
        kind = outcome.partition(":")[0]
        counts[kind] += 1
        if kind not in ("read", "warned", "refused"):
            bad += 1
            print(f"    {path.name} of {options.seed}: {outcome}", flush=True)
            if options.keep:
                (options.keep / f"{name}-{options.seed}-{path.name}").write_bytes(content)
        path.unlink()
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    print(
        f"{name}: {options.count} mutants of {len(good)} files: {told}; slowest {slowest:.1f} s, memory {memory / 1e6:.0f} MB",
        flush=True,
    )
    return bad


def samples_lost(path: Path, source: bytes, content: bytes) -> bool:
    """Whether a mutant that is read has other samples than its source. A file cut off between two frames looks like a whole one."""
    whole = path.with_name("whole.flac")
    whole.write_bytes(source)
    samples, original = samples_of(path), samples_of(whole)
    between = source.startswith(content.rstrip(b"\0")) and original.startswith(samples) and len(samples) % 4096 == 0
    return samples != original and not between


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--how", choices=["whole", "audit", "raw"], default="whole")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("formats", nargs="*", default=list(FORMATS))
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    reader = Reader(options.how)
    with tempfile.TemporaryDirectory() as folder:
        bad = sum(measure(name, options, reader, Path(folder)) for name in options.formats)
    reader.end()
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
