"""Every command in hostile surroundings: the exit code that it has elsewhere, the same files, and never a traceback.

``python tests/benchmarks/surroundings.py [surroundings ...]``; all of them unless told otherwise. Those that need a file system that
cannot be written need ``unshare``; they are left out where it does not work.
"""

import fcntl
import os
import pty
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from batch_files import FLAGS, tree, write

NAME = "ö 録音 \N{MICRO SIGN}\n[red]x.wav"
_SMALL = " ".join(FLAGS)
COMMANDS = {  # in a folder with in.wav, in/ and the result of a run; {o} is where they may write
    "--help": "--help",
    "--version": "--version",
    "presets": "config presets",
    "show": "config show -c speech",
    "validate": "config validate result/config.yaml",
    "init": "config init {o}/c.yaml",
    "optimize": f"optimize in.wav -o {{o}}/run --mode tf {_SMALL}",
    "quiet": f"optimize 'in/{NAME}' -o {{o}}/run -q {_SMALL}",
    "odd name": f"optimize 'in/{NAME}' -o {{o}}/run {_SMALL}",
    "no input": "optimize gone.wav -o {o}/run",
    "batch": f"batch in -o {{o}} -j 1 {_SMALL}",
    "recommend": "recommend in.wav --support 64 --hop 16 --no-gain -o {o}/r.png --set dpi=20",
    "compare": "compare result -o {o}/c.png --csv {o}/c.csv",
    "reconstruct": "reconstruct result -o {o}/x.wav",
    "plot": "plot result -o {o} --dpi 20 --figure theta",
    "table": "plot result --theta-csv -",
    "info": "info result",
    "facts": f"info 'in/{NAME}'",
    "record": "check record in.wav --baseline {o}/b.json --root . --set support=64 --set steps=3",
    "run": "check run --baseline b.json --root . --junit {o}/j.xml",
}
PYTHON = f"{sys.executable} -m dstft_cli"
SURROUNDINGS = {  # a shell line; {line} is the command
    "plain": "{line}",
    "all odd": "unset DISPLAY; export MPLBACKEND=tkagg LANG=C LC_ALL=POSIX TMPDIR=/nonexistent HOME=/nonexistent TZ=:No/Where "
    "COLUMNS=1 LINES=1 NO_COLOR=1 PYTHONWARNINGS=error PYTHONOPTIMIZE=1; umask 077; {line} <&-",
    "all odd, unbuffered": "unset HOME DISPLAY; export MPLBACKEND=nosuch TMPDIR=/nonexistent TZ=x COLUMNS=x FORCE_COLOR=1 TERM=dumb "
    "PYTHONIOENCODING=ascii PYTHONUNBUFFERED=1 PYTHONOPTIMIZE=2 PYTHONWARNINGS=error; ulimit -n 40; trap '' PIPE; {line}",
    "no display": "unset DISPLAY; export MPLBACKEND=tkagg; {line}",
    "a wrong back end": "export MPLBACKEND=nosuch; {line}",
    "LANG=C": "export LANG=C; unset LC_ALL; {line}",
    "LC_ALL=POSIX": "export LC_ALL=POSIX; {line}",
    "ASCII": "export LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0; {line}",
    "ASCII streams": "export PYTHONIOENCODING=ascii; {line}",
    "stdout closed": "{line} >&-",
    "stderr closed": "{line} 2>&-",
    "all closed": "{line} <&- >&- 2>&-",
    "stdin closed": "{line} <&-",
    "head": "set -o pipefail; {line} | head -1 >/dev/null",
    "nobody listens": "set -o pipefail; {line} | true",
    "nobody at all": "set -o pipefail; {line} 2>&1 | true",
    "stderr full": "{line} 2>/dev/full",
    "no /tmp": "export TMPDIR=/nonexistent; {line}",
    "no home": "export HOME=/nonexistent; {line}",
    "HOME unset": "unset HOME; {line}",
    "HOME is a file": "export HOME=$PWD/in.wav; {line}",
    "odd TZ": "export TZ=:Nowhere/At_All; {line}",
    "umask": "umask 077; {line}",
    "umask all": "umask 777; {line}",
    "COLUMNS=1": "export COLUMNS=1 LINES=1; {line}",
    "COLUMNS=x": "export COLUMNS=x; {line}",
    "NO_COLOR": "export NO_COLOR=1; {line}",
    "FORCE_COLOR": "export FORCE_COLOR=1 TERM=dumb; {line}",
    "warnings are errors": "export PYTHONWARNINGS=error; {line}",
    "python -O": "export PYTHONOPTIMIZE=1; {line}",
    "python -OO": "export PYTHONOPTIMIZE=2; {line}",
    "python -u": "export PYTHONUNBUFFERED=1; {line}",
    "few files": "ulimit -n 40; {line}",
    "ignored signals": "trap '' INT TERM PIPE; {line}",
    "read-only": "",
    "stdout full": "{line} >/dev/full",
    "80x1": "",
    "20x5": "",
}
TALKS = ("optimize", "odd name", "batch", "record", "recommend", "compare", "info", "--help")  # on a terminal


def on_terminal(line: str, home: Path, columns: int, lines: int) -> tuple[int, str]:
    """(exit code, all that was shown) on a terminal of that size."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        ["bash", "-c", line], cwd=home, stdin=theirs, stdout=theirs, stderr=theirs, env=environment | {"TERM": "xterm"}
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            shown += (part := os.read(ours, 65536))
        except OSError:
            part = b""
        if not part:
            break
    os.close(ours)
    return process.wait(), shown.decode("utf-8", "replace")


def carry_out(home: Path, place: str, name: str) -> tuple[int, str]:
    out = "out"
    line = f"{PYTHON} {COMMANDS[name].format(o=out)}"
    if place in ("80x1", "20x5"):
        return on_terminal(line, home, *map(int, place.split("x")))
    if place == "read-only":
        (home / "go.sh").write_text(f"export HOME=$PWD; exec {line}\n")
        whole = (
            'unshare -rm sh -c \'mount --bind . . && cd "$PWD" && mount --bind out out && '
            "mount -o remount,bind,ro . && exec bash go.sh'"
        )
    else:
        whole = SURROUNDINGS[place].format(line=line)
    done = subprocess.run(["bash", "-c", whole], cwd=home, capture_output=True, timeout=600)
    return done.returncode, (done.stderr + done.stdout).decode("utf-8", "replace")


def can_unshare() -> bool:
    return subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode == 0


def main():
    wanted = sys.argv[1:] or [*SURROUNDINGS]
    if "read-only" in wanted and not (shutil.which("unshare") and can_unshare()):
        wanted.remove("read-only")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write(home / "in.wav")
        write(home / "in" / NAME, 1)
        for line in (f"optimize in.wav -o result --mode tf -q {_SMALL}", COMMANDS["record"].format(o=".")):
            subprocess.run(["bash", "-c", f"{PYTHON} {line}"], cwd=home, check=True, capture_output=True)
        usual = {}
        for place in ["plain", *(name for name in wanted if name != "plain")]:
            began, wrong = time.monotonic(), []
            names = TALKS if place in ("80x1", "20x5") else COMMANDS
            for name in names:
                shutil.rmtree(home / "out", ignore_errors=True)
                (home / "out").mkdir()
                code, said = carry_out(home, place, name)
                made = tree(home / "out")
                for path in made:
                    if path.endswith((".xml", "report.html", ".wav")) or (place == "ASCII" and made[path]):
                        made[path] = "a file"  # these hold the time; and where Python is told ASCII, names are bytes
                expected = usual.setdefault(name, (code, made))
                if place == "stdout full":
                    expected = (2 if name == "no input" else 1, made)
                if code != expected[0] or made != expected[1]:
                    other = [path for path in {**made, **expected[1]} if made.get(path, 0) != expected[1].get(path, 0)]
                    wrong.append(f"{name}: exit code {code}, not {expected[0]}; other files: {other}; {said[-600:]}")
                for words in ("Traceback", "Exception ignored", "internal error", "Warning: "):
                    if words in said:
                        wrong.append(f"{name}: {words}: {said[-1500:]}")
            print(f"{place}: {len(names)} commands, {len(wrong)} faults, {time.monotonic() - began:.0f} s", flush=True)
            for text in wrong:
                print(f"    {text}", flush=True)


if __name__ == "__main__":
    main()
