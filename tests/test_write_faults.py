"""What commands leave where the disk fails under them, is full, or lets no file grow: what was there, and a sentence."""

import contextlib
import errno
import io
import os
import sys

import numpy as np
import pytest
from batch_files import FLAGS, tree, write
from out_of_core_runs import force_out_of_core
from write_faults import CALLS, Faults, failing

from dstft_cli.errors import OutputError
from dstft_cli.system.atomic_files import replace_file, replace_files
from dstft_cli.workflows import optimize_file

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="open files are looked up in /proc")
ENOUGH = 60  # calls of one kind that a command makes at most


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a recording and the result of a run on it."""
    folder = tmp_path_factory.mktemp("home")
    write(folder / "in.wav")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optimize_file, "_write_figures", lambda *_: None)
        command(folder, "optimize", "in.wav", "-o", "result", *FLAGS, "-q")
    return folder


@pytest.fixture(autouse=True)
def few_pictures(monkeypatch):
    """One file in place of five, of the kind that pictures are."""
    monkeypatch.setattr(
        optimize_file, "_write_figures", lambda result, aside: (aside / "loss.png").write_bytes(b"picture" * 2000)
    )


def command(home, *arguments) -> int:
    from dstft_cli.cli import main

    before = os.getcwd()
    os.chdir(home)
    try:
        main([*map(str, arguments)], prog_name="dstft")
    except SystemExit as end:
        return end.code or 0
    finally:
        os.chdir(before)


COMMANDS = {
    "pieces": ("optimize", "in.wav", "-o", "{out}", "--on-existing", "overwrite", "-q", *FLAGS),
    "optimize": ("optimize", "in.wav", "-o", "{out}", "--on-existing", "overwrite", "-q", *FLAGS),
    "reconstruct": ("reconstruct", "result", "-o", "{out}/x.wav", "--force", "-q"),
    "npy": ("reconstruct", "result", "-o", "{out}/x.npy", "--force", "-q"),
    "init": ("config", "init", "{out}/c.yaml", "--force"),
}


@pytest.fixture
def name(request, monkeypatch):
    """Of a command; with ``pieces`` runs work on their planes in pieces."""
    if request.param == "pieces":
        force_out_of_core(monkeypatch.setattr, 7)
    return request.param


def line(name, out):
    return [word.format(out=out) for word in COMMANDS[name]]


def marked(out) -> dict:
    """The files of a run, made to differ from what it will write."""
    for path in out.iterdir():
        if path.suffix != ".json":
            path.write_bytes(path.read_bytes() + b"\n# earlier")
    return tree(out)


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("name", ["optimize", "pieces", "init"], indirect=True)
def test_an_error_of_the_disk_leaves_what_was_there_and_is_told(home, tmp_path, capsys, name, kind):
    out = tmp_path / "out"
    out.mkdir()
    assert command(home, *line(name, out)) == 0
    new, places = tree(out), range(ENOUGH)
    assert ("result-stft.npy" in new) == (name == "pieces")
    for k in places if name == "init" else (0, 2, 5, 6, 12):
        old = marked(out)
        capsys.readouterr()
        with failing(Faults(out, kind, {k}, errno.EIO)) as faults:
            code = command(home, *line(name, out))
        said = capsys.readouterr().err
        if code:
            assert (code, tree(out)) == (1, old), k
            assert str(out) in said and os.strerror(errno.EIO) in said and len(said.splitlines()) == 1
        else:
            assert tree(out) == new, k
        assert command(home, *line(name, out)) == 0
        assert tree(out) == new, k
        if faults.calls <= k:
            return
    assert name != "init"


@pytest.mark.parametrize("kind", ["open", "write", "rename"])
@pytest.mark.parametrize("name", ["optimize", "pieces"], indirect=True)
def test_errors_that_last_leave_the_earlier_result(home, tmp_path, capsys, name, kind):
    out = tmp_path / "out"
    command(home, *line(name, out))
    for k in (0, 3):
        old = marked(out)
        with failing(Faults(out, kind, range(k, 10**6), errno.ENOSPC)) as faults:
            code = command(home, *line(name, out))
        assert (code, tree(out) == old) == (1, True) or faults.calls <= k


def test_what_cannot_be_put_back_is_kept_and_said_where(tmp_path):
    folder = tmp_path / "out"
    for text in ("old", "new"):
        try:
            with failing(Faults(folder, "rename", range(1 if text == "new" else 10**6, 10**6), errno.EIO)):
                with failing(Faults(folder, "open", range(5 if text == "new" else 10**6, 10**6), errno.EIO)):
                    with replace_files(folder, last="b.json") as aside:
                        for name in ("a.npz", "b.json"):
                            (aside / name).write_text(f"{name} {text}")
        except OutputError as error:
            message = str(error)
    place = message.rpartition(" in ")[2]
    assert (tmp_path / place / "b.json").read_text() == "b.json old"
    assert not (folder / "b.json").exists()


def test_a_single_file_is_never_missing_while_it_is_replaced(tmp_path, monkeypatch):
    path, real, seen = tmp_path / "x", os.replace, []
    path.write_text("old")
    monkeypatch.setattr(os, "replace", lambda *names: (seen.append(path.read_text()), real(*names)))
    with replace_file(path) as aside:
        aside.write_text("new")
    assert (seen, path.read_text()) == (["old"], "new")


@pytest.mark.parametrize("size", [0, 300, 1599])
@pytest.mark.parametrize("name", ["optimize", "pieces", "reconstruct", "npy", "init"], indirect=True)
def test_a_file_that_may_not_grow_is_no_result(home, tmp_path, name, size):
    """In a process that is a copy of this one, since a limit that was lowered cannot be raised again."""
    import resource
    import signal

    out = tmp_path / "out"
    out.mkdir()
    command(home, *line(name, out))
    old = marked(out)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
            try:  # what pytest has of the output is in a file, which may not grow either
                code = command(home, *line(name, out))
                os.write(writing, said.getvalue().encode()[:2000])
                os._exit(code)
            finally:
                os._exit(99)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    told = os.read(reading, 2000).decode()
    assert told.startswith(f"Error: {out}") and os.strerror(errno.EFBIG) in told and tree(out) == old
    os.close(reading)
    os.close(writing)


def test_the_same_samples_make_the_same_wav(home, tmp_path):
    import soundfile

    for name in ("a.wav", "b.wav"):
        assert command(home, "reconstruct", "result", "-o", tmp_path / name, "-q") == 0
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    samples, rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
    with np.load(home / "result" / "result.npz") as arrays:
        assert rate == 2000 and np.abs(samples - arrays["signal"]).max() < 1e-5
