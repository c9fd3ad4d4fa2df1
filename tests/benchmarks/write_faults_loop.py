"""Every command that writes, on a disk that fails at its k-th call, for every k: is what was there still there, and nothing else?

``python tests/benchmarks/write_faults_loop.py [command ...] [error ...]``. For each of open, write, fsync, rename, link, mkdir and
remove, for ENOSPC, EIO and EACCES, once (that call only) and from then on (all later ones too). A run must end with exit code 1, one
sentence that names the place and the cause, the files of before whole, nothing left aside, or with 0 and all it was to make; and
run again, on a sound disk, it must succeed. Removals that fail for ever are counted, but nobody can clear up then.
"""

import contextlib
import errno
import io
import itertools
import json
import os
import re
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pytest
from batch_files import FLAGS, Inline, tree, write
from out_of_core_runs import force_out_of_core
from write_faults import CALLS, Faults, failing

ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES)
DPI = ("--set", "dpi=20")
COMMANDS = {  # the arguments, in a folder with in.wav, in/ and the result of a run
    "optimize": ("optimize", "in.wav", "-o", "out/run", "--on-existing", "overwrite", *FLAGS, "-q"),
    "pieces": ("optimize", "in.wav", "-o", "out/run", "--on-existing", "overwrite", *FLAGS, "-q"),
    "batch": ("batch", "in", "-o", "out", "--on-existing", "overwrite", "-j", "1", *FLAGS),
    "wav": ("reconstruct", "result", "-o", "out/x.wav", "--force"),
    "csv": ("reconstruct", "result", "-o", "out/x.csv", "--force"),
    "npy": ("reconstruct", "result", "-o", "out/x.npy", "--force"),
    "compare": ("compare", "result", "-o", "out/c.png", "--csv", "out/c.csv", "--force"),
    "plot": (
        "plot",
        "result",
        "-o",
        "out",
        "--dpi",
        "20",
        "--theta-csv",
        "out/t.csv",
        "--figure",
        "loss",
        "--figure",
        "theta",
        "--force",
    ),
    "recommend": (
        "recommend",
        "in.wav",
        "--support",
        "64",
        "--hop",
        "16",
        "--no-gain",
        "-o",
        "out/r.png",
        "--force",
        *DPI,
    ),
    "init": ("config", "init", "out/c.yaml", "--force"),
    "record": ("check", "record", "in.wav", "--baseline", "out/b.json", "--root", ".", *FLAGS[:2]),
    "run": (
        "check",
        "run",
        "--baseline",
        "out/b.json",
        "--root",
        ".",
        "--junit",
        "out/j.xml",
        "--summary",
        "out/s.md",
        "--update",
    ),
}
IN_PIECES: list[pytest.MonkeyPatch] = []  # while runs work on their planes in pieces, as those of long recordings do
MANY = ("batch", "plot", "compare", "run")  # more than one file is put in place: each of them is whole, not all at once


def command(home: Path, arguments, faults: Faults | None) -> tuple[int, str, int]:
    """(exit code, what it said to stderr, calls that were counted), in a process that is a copy of this one."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.chdir(home)
        said, code = io.StringIO(), 99
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            try:
                with failing(faults) if isinstance(faults, Faults) else faults or contextlib.nullcontext():
                    from dstft_cli.cli import main

                    main([*arguments], prog_name="dstft")
            except SystemExit as end:
                code = end.code or 0
            except BaseException:
                traceback.print_exc()
        with os.fdopen(writing, "w") as pipe:
            json.dump([code, said.getvalue(), faults.calls if faults else 0], pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return json.loads(answer) if answer else (-1, "died", 0)


def stable(path_tree: dict) -> dict:
    """The tree without what differs from run to run."""

    def plain(name, content):
        if isinstance(content, bytes) and name.endswith(".xml"):
            return re.sub(rb'time="[^"]*"', b"", content)
        if isinstance(content, bytes) and name.endswith("report.html"):
            return b"report"
        if isinstance(content, bytes) and name.endswith(".wav") and len(content) > 100:
            return content[:56] + content[68:]  # the chunk with the peak says when it was written
        return content

    return {name: plain(name, content) for name, content in path_tree.items()}


def prepare(home: Path, name: str, arguments, earlier: bool) -> tuple[dict, dict]:
    """What is in ``out`` before the run and what should be there after it."""
    (home / "out").mkdir(exist_ok=True)
    if name == "run":
        command(home, COMMANDS["record"], None)
        clean = {"b.json": (home / "out" / "b.json").read_bytes()}
    else:
        clean = {}
    before = stable(tree(home / "out"))
    code, err, _ = command(home, arguments, None)
    assert code == 0, err
    after = stable(tree(home / "out"))
    if earlier and name != "record":
        mark(home / "out")
        before = stable(tree(home / "out"))
    else:
        shutil.rmtree(home / "out")
        (home / "out").mkdir()
        for file, content in clean.items():
            (home / "out" / file).write_bytes(content)
    return before, after


def mark(out: Path) -> None:
    """Make files that a run could have written differ from those that it is about to write."""
    for path in out.rglob("*"):
        if path.is_file() and path.suffix in (".png", ".npz", ".wav", ".npy", ".yaml", ".csv"):
            path.write_bytes(path.read_bytes() + b"\n# earlier\n")


def judge(name, code, err, before, after, now, number, lasting_removal, causes=()) -> list[str]:
    faults = []
    if code not in (0, 1, *(3,) * (name == "batch")):
        faults.append(f"exit code {code}")
    if "Traceback" in err or "internal error" in err:
        faults.append("traceback")
    temps = [path for path in now if ".partial-" in path or ".dstft-lock" in path]
    if temps and not lasting_removal:
        faults.append(f"left {temps[:2]}")
    now = {path: content for path, content in now.items() if path not in temps}
    if code == 0:
        if now != after:
            faults.append(f"exit code 0 and not all there: {differing(now, after)}")
        return faults
    if name not in MANY and now != before:
        faults.append(f"not as before: {differing(now, before)}")
    for path, content in now.items():
        if content not in (before.get(path, b""), after.get(path, b"")) and path != "summary.csv":
            faults.append(f"{path} is neither the earlier nor the new one")
    for path in before:
        if path not in now:
            faults.append(f"{path} is gone")
    causes = causes or (os.strerror(number),)
    if code == 1 and name != "batch" and not (any(cause in err for cause in causes) and "out" in err):
        faults.append(f"the sentence lacks place or cause: {err!r}")
    return faults


def differing(one: dict, other: dict) -> list[str]:
    return [path for path in {**one, **other} if one.get(path, 0) != other.get(path, 0)]


def loop(home: Path, name: str, most: int = 10**6, errors=ERRORS) -> tuple[int, list[str]]:
    """All calls of one command; how many runs, and what was wrong."""
    arguments, runs, wrong = prepared(name), 0, []
    for earlier in (True, False):
        shutil.rmtree(home / "out", ignore_errors=True)
        before, after = prepare(home, name, arguments, earlier)
        shutil.rmtree(home / "kept", ignore_errors=True)
        shutil.copytree(home / "out", home / "kept")
        for kind, number, lasting in itertools.product(CALLS, errors, (False, True)):
            for k in range(most):
                faults = Faults(home / "out", kind, range(k, 10**9) if lasting else (k,), number)
                code, err, calls = command(home, arguments, faults)
                runs += 1
                found = judge(
                    name,
                    code,
                    err,
                    before,
                    after,
                    stable(tree(home / "out")),
                    number,
                    lasting and kind == "remove",
                )
                again, err2, _ = command(home, arguments, None)
                if again or stable(tree(home / "out")) != after:
                    if not (name == "record" and again == 2 and code == 0):  # a baseline is never recorded over
                        found.append(
                            f"again: exit code {again}, {differing(stable(tree(home / 'out')), after)} {err2[-200:]!r}"
                        )
                wrong += [
                    f"{name}{' over' * earlier}, {kind} {k} {errno.errorcode[number]}{' and on' * lasting}: {text}"
                    for text in found
                ]
                shutil.rmtree(home / "out")
                shutil.copytree(home / "kept", home / "out")
                if calls <= k:
                    break
    return runs, wrong


def prepared(name: str) -> tuple[str, ...]:
    """The arguments of a command, whose runs from now on work in pieces or not, as its name asks for."""
    while IN_PIECES:
        IN_PIECES.pop().undo()
    if name == "pieces":
        IN_PIECES.append(pytest.MonkeyPatch())
        force_out_of_core(IN_PIECES[0].setattr, 7)
    return COMMANDS[name]


def preload() -> None:
    """All that the commands import, so that copies of this process have it."""
    import dstft_cli.cli.batch
    import dstft_cli.figures.frame_timeline
    import dstft_cli.figures.length_curve
    import dstft_cli.figures.spectrograms
    import dstft_cli.figures.thumbnail
    import dstft_cli.workflows.batch.report
    import dstft_cli.workflows.batch.workers
    import dstft_cli.workflows.compare
    import dstft_cli.workflows.optimize_file
    import dstft_cli.workflows.recommend
    import dstft_cli.workflows.reconstruct
    import dstft_cli.workflows.regression.reports
    import dstft_cli.workflows.replot

    dstft_cli.workflows.batch.workers.LocalWorkers = lambda jobs, gpus=(): Inline()


def main():
    preload()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write(home / "in.wav")
        write(home / "in" / "a.wav", 1)
        write(home / "in" / "b.wav", 2)
        code, err, _ = command(home, ("optimize", "in.wav", "-o", "result", *FLAGS, "-q"), None)
        assert code == 0, err
        errors = [number for number in ERRORS if errno.errorcode[number] in sys.argv] or ERRORS
        for name in [name for name in sys.argv[1:] if name in COMMANDS] or COMMANDS:
            began = time.monotonic()
            runs, wrong = loop(home, name, errors=errors)
            print(f"{name}: {runs} runs, {len(wrong)} faults, {time.monotonic() - began:.0f} s", flush=True)
            for text in wrong[:60]:
                print(f"    {text}", flush=True)


if __name__ == "__main__":
    main()
