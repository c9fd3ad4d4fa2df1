"""One run at a time in a folder, whatever became of the one before."""

import errno
import os
import platform

import processes
import pytest
from batch_files import FLAGS, write
from patience import HANGING

from dstft_cli.errors import OutputError
from dstft_cli.system import folder_lock as system_lock
from dstft_cli.system.folder_lock import LOCK, folder_lock, remove_leftovers


def hold(folder, held, release):
    with folder_lock(folder):
        held.set()
        release.wait()


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the folder ``out``, and what lets it go."""
    context = processes.context()
    held, release = context.Event(), context.Event()
    process = context.Process(target=hold, args=(tmp_path / "out", held, release))
    process.start()
    assert held.wait(HANGING)
    yield process, release
    process.kill()
    process.join()


def test_a_second_run_is_refused_and_told_who_has_the_folder(tmp_path, holder):
    with pytest.raises(OutputError) as refusal, folder_lock(tmp_path / "out"):
        pass
    for words in (str(tmp_path / "out"), f"process {holder[0].pid}", platform.node(), "-o"):
        assert words in str(refusal.value)


def test_the_folder_is_free_again_after_the_run_and_nothing_is_left(tmp_path, holder):
    process, release = holder
    release.set()
    process.join()
    assert not (tmp_path / "out").exists()
    with folder_lock(tmp_path / "out"):
        assert [path.name for path in (tmp_path / "out").iterdir()] == [LOCK]


def test_the_lock_of_a_process_that_was_killed_is_taken_over(tmp_path, holder):
    holder[0].kill()
    holder[0].join()
    assert (tmp_path / "out" / LOCK).exists()
    with folder_lock(tmp_path / "out"):
        assert str(os.getpid()) in (tmp_path / "out" / LOCK).read_text()
    assert not (tmp_path / "out").exists() or not (tmp_path / "out" / LOCK).exists()


def test_a_lock_file_that_its_last_owner_removes_meanwhile_locks_nothing(tmp_path, monkeypatch):
    """Between the second run's open and its lock: what it has locked then is a file that nobody else will see."""
    path, real, removed = tmp_path / LOCK, system_lock._system_lock, []

    def lock_late(handle):
        if not removed:
            path.unlink()
            removed.append(True)
        real(handle)

    monkeypatch.setattr(system_lock, "_system_lock", lock_late)
    with folder_lock(tmp_path):
        assert removed and str(os.getpid()) in path.read_text()
        with pytest.raises(OutputError, match=f"process {os.getpid()}"), folder_lock(tmp_path):
            pass
    assert not [*tmp_path.iterdir()]


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="this system can only follow links")
@pytest.mark.parametrize("content", [b"precious", None], ids=["to a file", "to nothing"])
def test_a_link_in_the_place_of_the_lock_file_is_refused_and_never_written_through(tmp_path, content):
    precious, link = tmp_path / "precious", tmp_path / "out" / LOCK
    link.parent.mkdir()
    link.symlink_to(precious)
    if content:
        precious.write_bytes(content)
    with pytest.raises(OutputError, match=f"out: cannot be written: {LOCK} in it is a link; remove it"):
        with folder_lock(tmp_path / "out"):
            pass
    remove_leftovers(tmp_path / "out")
    assert link.is_symlink() and (precious.read_bytes() if content else precious.exists()) == (content or False)


@pytest.mark.skipif(os.name != "posix", reason="links and pipes as POSIX has them")
@pytest.mark.parametrize(("make", "kind"), [(os.link, "a hard link"), (None, "not a regular file")])
def test_a_second_name_of_another_file_and_a_pipe_are_no_lock_files(tmp_path, make, kind):
    precious, path = tmp_path / "precious", tmp_path / "out" / LOCK
    path.parent.mkdir()
    precious.write_bytes(b"precious")
    make(precious, path) if make else os.mkfifo(path)
    with pytest.raises(OutputError, match=f"out: cannot be written: {LOCK} in it is {kind}; remove it"):
        with folder_lock(tmp_path / "out"):
            pass
    remove_leftovers(tmp_path / "out")
    assert precious.read_bytes() == b"precious" and path.exists()


@pytest.mark.skipif(os.name != "posix", reason="links as POSIX has them")
def test_tidying_removes_a_link_to_a_folder_and_nothing_in_that_folder(tmp_path):
    precious, out = tmp_path / "precious", tmp_path / "out"
    (precious / "deep").mkdir(parents=True)
    (precious / "deep" / "a").touch()
    stale = out / f".partial-{platform.node()}-999999999-x"
    stale.mkdir(parents=True)
    (stale / "link").symlink_to(precious)
    stale.with_name(f"{stale.name}y").symlink_to(precious)
    remove_leftovers(out)
    assert [*out.iterdir()] == [] and (precious / "deep" / "a").exists()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS], ids=errno.errorcode.get)
def test_a_file_system_without_locks_locks_nothing_and_lets_the_run_go_on(tmp_path, monkeypatch, number):
    def no_lock(handle):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(system_lock, "_system_lock", no_lock)
    with folder_lock(tmp_path), folder_lock(tmp_path):
        pass
    assert not [*tmp_path.iterdir()]


def test_tidying_leaves_a_run_that_is_at_work_alone_and_clears_up_after_one_that_was_killed(tmp_path, holder):
    out = tmp_path / "out"
    dead = out / f".partial-{platform.node()}-999999999-x"
    dead.mkdir()
    (out / f".partial-{platform.node()}-999999999-summary.csv").touch()
    (out / f".partial-{platform.node()}-{holder[0].pid}-y").mkdir()
    remove_leftovers(out)
    assert {path.name for path in out.iterdir()} == {LOCK, f".partial-{platform.node()}-{holder[0].pid}-y"}
    holder[0].kill()
    holder[0].join()
    remove_leftovers(out)
    assert list(out.iterdir()) == []


def test_a_folder_that_others_use_too_is_not_taken_away(tmp_path):
    with folder_lock(tmp_path / "deep" / "er"):
        (tmp_path / "deep" / "mine").touch()
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["mine"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot be written"), folder_lock(tmp_path / "out"):
        pass


def test_a_file_in_the_way_is_told(tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(OutputError, match="out: cannot be written"), folder_lock(tmp_path / "out"):
        pass


def test_dstft_optimize_is_refused_where_another_run_is_at_work(tmp_path, dstft):
    out = tmp_path / "out"
    with folder_lock(out):
        run = dstft("optimize", write(tmp_path / "in.wav"), "-o", out, *FLAGS)
        assert [path.name for path in out.iterdir()] == [LOCK]
    assert run.code == 1 and f"process {os.getpid()}" in run.err
