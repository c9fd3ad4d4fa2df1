"""Another process reads what is not to be trusted: whatever happens to it, this one lives, and hears Ctrl-C meanwhile."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import hostile
import hostile_riff
import numpy as np
import pytest
from batch_files import alive, descendants
from patience import HANGING, wait_until

from dstft_cli.errors import InputError
from dstft_cli.recordings import audio_sandbox
from dstft_cli.recordings.audio_sandbox import silence_c_output
from dstft_cli.recordings.containers.audit import audit_container
from dstft_cli.recordings.containers.report import ContainerReport
from dstft_cli.recordings.request import Request, warnings_in
from dstft_cli.recordings.signal import load_signal

DEAF = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
while True: pass
"""


@pytest.fixture
def cut(tmp_path):
    """A damaged recording, which another process decodes first."""
    path = tmp_path / "cut.wav"
    path.write_bytes(hostile_riff.wav()[:2000])
    return path


def suspicious(path) -> ContainerReport:
    return ContainerReport(Request(str(path)), damaged=True)


def test_a_file_at_which_libsndfile_hangs_is_refused_without_knowing_why(tmp_path, monkeypatch):
    monkeypatch.setattr(audio_sandbox, "DECODE_SECONDS", 1)
    path = tmp_path / "endless.wav"
    path.write_bytes(next(case.content for case in hostile_riff.endless() if case.name == "list-INFO--8.wav"))
    with pytest.raises(InputError, match=r"endless.wav: libsndfile did not finish decoding it within 1 s"):
        audio_sandbox.decode_in_subprocess(suspicious(path))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import os; os.kill(os.getpid(), 11)", r"libsndfile crashed while decoding it \(SIGSEGV\)"),
        ("import sys; sys.exit(11)", r"needs more than 2\.1 GB of memory"),
    ],
)
def test_a_reader_that_dies_leaves_a_sentence(cut, monkeypatch, code, message):
    monkeypatch.setattr(audio_sandbox, "_CHILD", code)
    with pytest.raises(InputError, match=rf"cut.wav: .*{message}.*the header declares 4000 bytes.*take another copy"):
        load_signal(cut)


@pytest.mark.parametrize(
    ("python", "cause"),
    [
        ("/bin/true", "exit code 0"),
        ("/bin/false", "exit code 1"),
        ("/nowhere/python", "exit code 127: No such file or directory"),
        (None, "exit code 127: "),
    ],
)
def test_a_reader_that_does_not_start_counts_as_failed(cut, monkeypatch, python, cause):
    monkeypatch.setattr(sys, "executable", python)
    with pytest.raises(
        InputError, match=f"cut.wav: not read, since the process that tries to decode it failed .{cause}"
    ):
        load_signal(cut)


def test_a_damaged_file_that_can_be_read_is_read(cut):
    assert len(load_signal(cut).samples) == (2000 - 44) // 2


def test_a_file_in_order_costs_no_other_process(tmp_path, monkeypatch):
    monkeypatch.setattr(audio_sandbox, "_CHILD", "import os; os.kill(os.getpid(), 11)")
    (tmp_path / "good.wav").write_bytes(hostile_riff.wav())
    assert len(load_signal(tmp_path / "good.wav").samples) == hostile_riff.FRAMES


def test_ctrl_c_is_heard_while_the_reader_hangs_and_ends_it(cut, monkeypatch):
    class Interrupted(KeyboardInterrupt):
        pass

    def interrupt(number, frame):
        raise Interrupted

    monkeypatch.setattr(audio_sandbox, "_CHILD", DEAF)
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(Interrupted):
            load_signal(cut)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if DEAF.encode() in _content(path)]


DEAF_READER = audio_sandbox._CHILD.replace(
    "decode_and_discard(sys.argv[1])", "__import__('hashlib').pbkdf2_hmac('sha256', b'', b'', 10**8)"
)
DEAF_SANDBOX = """
import sys
from dstft_cli.recordings import audio_sandbox
audio_sandbox._CHILD = sys.argv.pop()
audio_sandbox.DECODE_SECONDS = 600.0  # its own limit does not end the reader
"""
COMMAND = (
    DEAF_SANDBOX
    + """
from dstft_cli import __main__ as door
door.main()
"""
)
SCRIPT = (
    DEAF_SANDBOX
    + """
from dstft_cli import load_signal
load_signal(sys.argv[2])
"""
)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
@pytest.mark.parametrize(
    ("program", "number", "code"), [(COMMAND, signal.SIGINT, 130), (SCRIPT, signal.SIGKILL, -9)], ids=["^C", "kill -9"]
)
def test_the_reader_never_outlives_its_parent(cut, program, number, code):
    """Native code that is deaf to signals, too: whatever ends the parent ends it, long before its own limit of time."""
    line = [sys.executable, "-c", program, "optimize", str(cut), "-o", str(cut.parent / "out"), DEAF_READER]
    process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
    readers = wait_until(lambda: [reader for reader in descendants(process.pid) if deep(reader)])
    process.send_signal(number)
    said = process.communicate(timeout=HANGING)[1]
    assert (process.returncode, said) == (code, "Error: interrupted\n" * (code > 0))
    wait_until(lambda: not any(map(alive, readers)))
    assert [path.name for path in cut.parent.iterdir()] == ["cut.wav"]


def deep(process: int) -> bool:
    """Whether a process has used some time since it was loaded."""
    return sum(map(int, Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13])) > 30


def _content(path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # the process has ended since
        return b""


@pytest.mark.parametrize("kind", ["SVX", "VOC"])
def test_a_file_whose_container_is_not_audited_is_decoded_in_the_sandbox(tmp_path, kind):
    path = tmp_path / "a.snd"
    path.write_bytes(hostile_riff.as_file(kind))
    assert not audit_container(Request(str(path))).known
    assert len(load_signal(path).samples) == hostile_riff.FRAMES


def mp3() -> bytes:
    return hostile_riff.as_file("MP3", None, np.tile(hostile_riff.NOISE, 5))


def test_an_mp3_in_order_is_read_without_a_word_and_a_damaged_one_with_a_warning(tmp_path, capfd):
    path = tmp_path / "a.mp3"
    path.write_bytes(mp3())
    assert load_signal(path).notes == ()
    path.write_bytes(hostile.put(mp3(), 2000, bytes(700)))
    assert any(text.startswith("the decoder reports an error") for text in warnings_in(load_signal(path).notes))
    assert capfd.readouterr() == ("", "")


def test_what_c_prints_is_lost_and_what_python_prints_is_not(capfd):
    print("before")
    with silence_c_output():
        os.write(1, b"noise")
        os.write(2, b"noise")
    print("after")
    assert capfd.readouterr() == ("before\nafter\n", "")
