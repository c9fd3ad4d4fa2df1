"""The command where streams are closed or left, names are odd, nothing may be written, and a terminal is a sliver."""

import functools
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from multiprocessing import spawn

import hostile_riff
import numpy as np
import pytest
import soundfile
from batch_files import FLAGS, tree, write
from patience import HANGING
from processes import Command

from dstft_cli.recordings.signal import load_signal
from dstft_cli.system import shutdown
from dstft_cli.workflows import optimize_file
from dstft_cli.workflows.batch import workers

pytestmark = pytest.mark.skipif(os.name != "posix", reason="shells and signals as POSIX has them")
PYTHON = f"{sys.executable} -m dstft_cli"
ODD = "export MPLBACKEND=nosuch LANG=C LC_ALL=POSIX TMPDIR=/nowhere HOME=/nowhere TZ=:No/Where COLUMNS=1 LINES=1 NO_COLOR=1 "
ODD += "PYTHONWARNINGS=error; umask 077; ulimit -n 40; "


def shell(line: str, cwd) -> subprocess.CompletedProcess:
    home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))
    words = ["bash", "-c", f"set -o pipefail; {line.format(dstft=PYTHON)}"]
    return subprocess.run(words, cwd=cwd, capture_output=True, timeout=HANGING, env=os.environ | {"PYTHONPATH": path})


def calm(done) -> bool:
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    return not any(words in said for words in ("Traceback", "Exception ignored", "internal error"))


HOSTILE_MODULES = ("click", "multiprocessing", "numpy", "resource", "signal", "soundfile", "struct", "threading")


@pytest.fixture
def hostile_folder(tmp_path, monkeypatch):
    """The current folder, in which lie modules that leave a file behind where they are imported."""
    canary = tmp_path / "canary"
    for name in HOSTILE_MODULES:
        (tmp_path / f"{name}.py").write_text(
            f"open({str(canary)!r}, 'a').write('{name} ')\nraise ImportError('{name}')\n"
        )
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert not canary.exists(), canary.read_text()


def test_a_damaged_recording_runs_no_module_beside_it(hostile_folder):
    (hostile_folder / "cut.wav").write_bytes(hostile_riff.wav()[:2000])
    assert len(load_signal("cut.wav").samples) == (2000 - 44) // 2


def test_a_worker_runs_no_module_of_the_current_folder(hostile_folder):
    team = workers.LocalWorkers(1)
    assert team.submit(os.getcwd).result() == str(hostile_folder)
    team.close()


def test_the_command_as_a_module_imports_nothing_from_the_current_folder(hostile_folder):
    done = shell("{dstft} config presets", hostile_folder)
    assert done.returncode == 0 and calm(done), done.stderr


def test_workers_ignore_the_current_folder_where_python_has_no_variable_for_that(monkeypatch):
    usual = spawn.get_command_line()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "version_info", (3, 10, 14))
        with workers._current_folder_ignored():
            assert "-I" in spawn.get_command_line()
    assert spawn.get_command_line() == usual


def test_numbers_beyond_all_bounds_print_no_warning_of_a_library(tmp_path):
    soundfile.write(tmp_path / "a.wav", 1e160 * np.random.default_rng(0).uniform(-1, 1, 400), 2000, subtype="DOUBLE")
    done = shell("{dstft} info a.wav", tmp_path)
    assert done.returncode == 0 and b"Warning" not in done.stderr and calm(done)


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


def test_a_run_in_all_odd_surroundings_at_once_makes_the_same_result(tmp_path, monkeypatch, dstft):
    name, flags = "\u00f6 \u9332\n[red]x.wav", ["--mode", "tf", "--threads", "1", *FLAGS]
    write(tmp_path / name)
    done = shell(f"{ODD}{{dstft}} optimize '{name}' -o odd {' '.join(flags)} <&- >&-", tmp_path)
    assert done.returncode == 0 and calm(done), done.stderr
    monkeypatch.chdir(tmp_path)
    assert dstft("optimize", name, "-o", "plain", *flags).code == 0
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


def hang(*arguments, **named) -> None:
    """A minute and more in native code, which no signal interrupts."""
    print("in it", file=sys.stderr, flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**8)


def hang_while_reading() -> None:
    optimize_file.load_signals = hang


def hang_while_writing(seconds: float = 2 * HANGING) -> None:
    """The run has so many seconds to end after the first signal."""
    optimize_file._write_figures, shutdown.STOP_SECONDS = hang, seconds


def test_native_code_that_hangs_while_reading_does_not_keep_a_signal_from_ending_the_process(tmp_path):
    write(tmp_path / "in.wav")
    command = Command("optimize", "in.wav", "-o", "out", cwd=tmp_path, prepare=hang_while_reading)
    command.await_line("in it")
    command.send(signal.SIGTERM)
    assert command.end() == (143, "Error: interrupted\n")
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


def writing(home, seconds: float) -> Command:
    """A run that hangs while it writes over an earlier result."""
    write(home / "in.wav")
    (home / "out").mkdir()
    (home / "out" / "metrics.json").write_text(EARLIER)
    prepare = functools.partial(hang_while_writing, seconds)
    command = Command(
        "optimize", "in.wav", "-o", "out", "--on-existing", "overwrite", "-q", *FLAGS, cwd=home, prepare=prepare
    )
    command.await_line("in it")
    return command


EARLIER = json.dumps({"stop_reason": "steps"})


def only_the_earlier(home) -> bool:
    names = {path.name for path in home.rglob("*")}
    return names == {"in.wav", "out", "metrics.json"} and (home / "out" / "metrics.json").read_text() == EARLIER


def test_a_run_that_cannot_end_in_time_with_what_it_has_is_ended_and_leaves_what_was_there(tmp_path):
    command = writing(tmp_path, 0.3)
    command.send(signal.SIGTERM)
    code, said = command.end()
    assert code == 143 and said.startswith("Error: interrupted: the results so far could not be written within 0 s")
    assert len(said.splitlines()) == 1 and only_the_earlier(tmp_path)


def test_a_second_signal_ends_it_too_where_native_code_hangs_while_writing(tmp_path):
    """What is half-written then is removed, and what was there stays."""
    command = writing(tmp_path, 2 * HANGING)
    command.send(signal.SIGINT)
    assert not command.has_ended(within=0.5)  # the first is left to the run, which would write what it has
    while not command.has_ended(within=1):  # two that come before the process runs again count as one
        command.send(signal.SIGINT)
    code, said = command.end()
    assert code == 130 and "Traceback" not in said
    assert only_the_earlier(tmp_path)


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
