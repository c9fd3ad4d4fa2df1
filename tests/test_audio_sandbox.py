"""Another process reads what is not to be trusted: whatever happens to it, this one lives, and hears Ctrl-C meanwhile."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import hostile
import hostile_riff
import numpy as np
import pytest
from batch_files import alive, descendants
from patience import HANGING, wait_until
from processes import Command

from dstft_cli.errors import InputError
from dstft_cli.recordings import audio, audio_sandbox, request
from dstft_cli.recordings.audio_sandbox import silence_c_output
from dstft_cli.recordings.containers.audit import audit_container
from dstft_cli.recordings.containers.report import ContainerReport
from dstft_cli.recordings.request import Request, warnings_in
from dstft_cli.recordings.signal import load_signal
from dstft_cli.workflows.batch.workers import LocalWorkers, WorkerDied

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


@pytest.mark.parametrize(
    ("content", "plain"),
    [
        (hostile_riff.wav(before=hostile_riff.NOTES), True),
        (hostile_riff.wav(before=hostile_riff.chunk(b"bext", bytes(602))), True),
        (hostile_riff.wav(before=hostile_riff.chunk(b"INFO", b"ICMT\4\0\0\0abcd")), True),
        (hostile_riff.wav(before=hostile_riff.chunk(b"cart", bytes(2048))), False),
        (hostile_riff.wav(after=hostile_riff.chunk(b"odd!", bytes(8))), False),
        (hostile_riff.wav(before=hostile_riff.chunk(b"LIST", b"exifever\4\0\0\0abcd")), False),
        (hostile_riff.wav(before=hostile_riff.chunk(b"LIST", b"INFOexif\4\0\0\0abcd")), False),
        (hostile_riff.as_file("AIFF"), True),
        (hostile_riff.as_file("CAF"), True),
    ],
)
def test_what_may_hang_a_decoder_for_reasons_not_seen_yet_is_decoded_in_another_process_first(
    tmp_path, monkeypatch, content, plain
):
    tried = []
    monkeypatch.setattr(audio_sandbox, "_decode", lambda *_: tried.append(1) or (audio_sandbox._DECODED, b""))
    (tmp_path / "a.wav").write_bytes(content)
    signal = load_signal(tmp_path / "a.wav")
    assert len(signal.samples) == hostile_riff.FRAMES and not warnings_in(signal.notes)
    assert bool(tried) != plain


def hang() -> None:
    """From now on libsndfile hangs in this process, and that shows after a tenth of a second."""
    request._STUCK_SECONDS, request._SLOWEST = 0.1, 1e12
    audio.soundfile.SoundFile = lambda *_: time.sleep(HANGING)


def hang_and_read(path: Path) -> None:
    hang()
    load_signal(path)


def test_a_command_ends_where_reading_does_not(tmp_path):
    (tmp_path / "a.wav").write_bytes(hostile_riff.wav())
    code, said = Command("info", "a.wav", cwd=tmp_path, prepare=hang).end()
    assert code == 2
    assert (
        said.startswith("Error: a.wav: reading it did not end within 0 s; the file is damaged")
        and said.count("\n") == 1
    )


def test_a_batch_does_not_wait_for_a_recording_whose_reading_does_not_end(tmp_path):
    (tmp_path / "a.wav").write_bytes(hostile_riff.wav())
    team = LocalWorkers(1)
    with pytest.raises(WorkerDied, match="reading it did not end in time; the file is damaged"):
        team.submit(hang_and_read, tmp_path / "a.wav").result(HANGING)
    team.close()


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
    "decode_and_discard(sys.argv[1], **json.loads(sys.argv[5]))",
    "__import__('hashlib').pbkdf2_hmac('sha256', b'', b'', 10**8)",
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
