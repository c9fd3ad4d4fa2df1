"""The command where streams are closed or left, names are odd, nothing may be written, and a terminal is a sliver."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import patience
import pytest
from batch_files import FLAGS, tree, write

pytestmark = pytest.mark.skipif(os.name != "posix", reason="shells and signals as POSIX has them")
PYTHON = f"{sys.executable} -m dstft_cli"
ODD = "export MPLBACKEND=nosuch LANG=C LC_ALL=POSIX TMPDIR=/nowhere HOME=/nowhere TZ=:No/Where COLUMNS=1 LINES=1 NO_COLOR=1 "
ODD += "PYTHONWARNINGS=error; umask 077; ulimit -n 40; "


def shell(line: str, cwd) -> subprocess.CompletedProcess:
    home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))
    words = ["bash", "-c", f"set -o pipefail; {line.format(dstft=PYTHON)}"]
    return subprocess.run(
        words, cwd=cwd, capture_output=True, timeout=patience.HANGING, env=os.environ | {"PYTHONPATH": path}
    )


def calm(done) -> bool:
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    return not any(words in said for words in ("Traceback", "Exception ignored", "internal error"))


LONG = "{dstft} config show"  # some hundred lines


@pytest.mark.parametrize(
    "line",
    [
        f"{LONG} | head -1",
        f"{LONG} | true",
        f"{LONG} 2>&1 | true",
        f"{LONG} >&-",
        f"{LONG} 2>&-",
        f"{LONG} <&- >&- 2>&-",
        f"{LONG} 2>/dev/full",
        "{dstft} --help | true",
        "{dstft} optimize --help >&-",
        "PYTHONUNBUFFERED=1 {dstft} config presets | true",
        f"PYTHONWARNINGS=error {LONG}",
        f"PYTHONIOENCODING=ascii {LONG}",
        f"PYTHONOPTIMIZE=2 {LONG}",
    ],
)
def test_it_does_not_matter_who_listens(tmp_path, line):
    done = shell(line, tmp_path)
    assert done.returncode == 0
    assert calm(done) and b"rror" not in done.stderr


@pytest.mark.parametrize("line", [f"{LONG} >/dev/full", "{dstft} --help >/dev/full"])
def test_output_that_is_lost_for_want_of_room_is_a_failure(tmp_path, line):
    done = shell(line, tmp_path)
    assert (done.returncode, done.stderr.decode()) == (1, "Error: stdout: No space left on device\n")


def test_nobody_listening_does_not_keep_a_file_from_being_written(tmp_path):
    done = shell("{dstft} config init a.yaml | true; {dstft} config init b.yaml >&- 2>&- <&-", tmp_path)
    assert done.returncode == 0 and {path.name for path in tmp_path.iterdir()} == {"a.yaml", "b.yaml"}
    assert (tmp_path / "a.yaml").read_bytes() == (tmp_path / "b.yaml").read_bytes()


def test_a_run_in_all_odd_surroundings_at_once_makes_the_same_result(tmp_path):
    name = "\u00f6 \u9332\n[red]x.wav"
    write(tmp_path / name)
    for out, lead, trail in (("plain", "", ""), ("odd", ODD, "<&- >&-")):
        done = shell(f"{lead}{{dstft}} optimize '{name}' -o {out} --mode tf {' '.join(FLAGS)} {trail}", tmp_path)
        assert done.returncode == 0 and calm(done), done.stderr
    assert tree(tmp_path / "plain") == tree(tmp_path / "odd")
    assert {path.name for path in tmp_path.iterdir()} == {name, "plain", "odd"}


def test_a_name_that_is_no_text_is_written_and_told(tmp_path):
    done = shell("{dstft} config init $'\\xff.yaml' && {dstft} config validate $'\\xff.yaml'", tmp_path)
    assert done.returncode == 0 and calm(done)
    assert os.listdir(os.fsencode(tmp_path)) == [b"\xff.yaml"]
    assert done.stdout.splitlines()[1] == b"\xff.yaml: valid"


def can_unshare() -> bool:
    words = ["unshare", "-rm", "true"]
    return shutil.which("unshare") is not None and subprocess.run(words, capture_output=True).returncode == 0


def test_nothing_but_the_named_folder_need_be_writable(tmp_path):
    if not can_unshare():
        pytest.skip("file systems cannot be mounted here")
    (tmp_path / "out").mkdir()
    inner = "export HOME=$PWD; {dstft} config init out/c.yaml && ! {dstft} config init c.yaml"
    (tmp_path / "go.sh").write_text(inner.format(dstft=PYTHON))
    mounts = 'mount --bind . . && cd "$PWD" && mount --bind out out && mount -o remount,bind,ro .'
    done = shell(f"unshare -rm bash -c '{mounts} && bash go.sh'", tmp_path)
    assert done.returncode == 0 and calm(done), done.stderr
    assert b"c.yaml: cannot be written: Read-only file system" in done.stderr
    assert {path.name for path in tmp_path.rglob("*.yaml")} == {"c.yaml"} and (tmp_path / "out" / "c.yaml").exists()


HANGING = """
import hashlib, sys
import dstft_cli.workflows.optimize_file
from dstft_cli import __main__ as door
def load(*arguments, **named):
    print("in it", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**8)  # a minute and more in native code, which no signal interrupts
dstft_cli.workflows.optimize_file.load_signals = load
door.main()
"""


def ended(process) -> str:
    """What a process said to stderr that ends by itself."""
    try:
        return process.communicate(timeout=patience.HANGING)[1]
    finally:
        process.kill()


def test_native_code_that_hangs_while_reading_does_not_keep_a_signal_from_ending_the_process(tmp_path):
    write(tmp_path / "in.wav")
    line = [sys.executable, "-c", HANGING, "optimize", "in.wav", "-o", "out"]
    process = subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "in it\n"
    process.send_signal(signal.SIGTERM)
    said = ended(process)
    assert (process.returncode, said) == (143, "Error: interrupted\n")
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


WRITING = HANGING.replace(
    "dstft_cli.workflows.optimize_file.load_signals = load", "dstft_cli.workflows.optimize_file._write_figures = load"
)
HURRIED = f"import dstft_cli.system.shutdown as shutdown\nshutdown.STOP_SECONDS = 0.5\n{WRITING}"


def writing(home, code: str) -> tuple[subprocess.Popen, Path]:
    """A run that is at it, and hangs, over a folder with an earlier result; and that folder."""
    write(home / "in.wav")
    out = home / "out"
    out.mkdir()
    (out / "metrics.json").write_text(json.dumps({"stop_reason": "steps"}))
    words = ["optimize", "in.wav", "-o", "out", "--on-existing", "overwrite", "-q", *FLAGS]
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", code, *words], cwd=home, stdout=pipe, stderr=pipe, text=True)
    assert process.stdout.readline() == "in it\n"
    return process, out


def only_the_earlier(home, out) -> bool:
    return {path.name for path in home.rglob("*")} == {"in.wav", "out", "metrics.json"} and json.loads(
        (out / "metrics.json").read_text()
    ) == {"stop_reason": "steps"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_cannot_end_in_time_with_what_it_has_is_ended_and_leaves_what_was_there(tmp_path, number, code):
    process, out = writing(tmp_path, HURRIED)
    process.send_signal(number)
    said = ended(process)
    assert process.returncode == code and said.startswith("Error: interrupted: the results so far could not be written")
    assert len(said.splitlines()) == 1 and only_the_earlier(tmp_path, out)


def test_a_second_signal_ends_it_too_where_native_code_hangs_while_writing(tmp_path):
    """What is half-written then is removed, and what was there stays."""
    process, out = writing(tmp_path, WRITING)
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):  # the first is left to the run, which would write what it has
        process.wait(1)
    process.send_signal(signal.SIGINT)
    said = ended(process)
    assert process.returncode == 130 and "Traceback" not in said
    assert only_the_earlier(tmp_path, out)


def test_a_terminal_of_one_line_is_enough(tmp_path):
    import fcntl
    import pty
    import struct
    import termios

    for columns, lines in ((80, 1), (20, 5)):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        process = subprocess.Popen([sys.executable, "-c", BAR], stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 65536)
            except OSError:
                break
        os.close(ours)
        assert process.wait() == 0 and b"Traceback" not in shown


BAR = """
from dstft_cli.system.stdio import make_streams_safe
make_streams_safe()
from dstft_cli.cli.printing.console import Console
from dstft_cli.results.progress import Step
console = Console()
with console.progress() as show:
    for i in range(30):
        show(Step("descent", i, 30, {"loss": 1.0}, (8.0, 64.0)))
with console.inputs(3) as show:
    show(1, "1 s left", "\\u00f6 and more words than fit" * 5)
console.table(["a", "b"], [["1", "2"] * 1, ["long words in here", "2"]], {(0, 1)})
"""
