"""Whole or absent: a set of files after write errors at every place, after exceptions, and after kill -9."""

import errno
import json
import os
import random
import tempfile
import time

import numpy as np
import processes
import pytest
from patience import HANGING

from dstft_cli.errors import OutputError
from dstft_cli.system.atomic_files import replace_files

NAMES = ("a.png", "config.yaml", "metrics.json", "result.npz")
TARGETS = [
    (os, "replace"),
    (os, "rename"),
    (os, "fsync"),
    (os, "open"),
    (os, "unlink"),
    (os, "mkdir"),
    (tempfile, "mkdtemp"),
]


def write(folder, text, names=NAMES):
    with replace_files(folder, last="metrics.json") as aside:
        for name in names:
            (aside / name).write_text(f"{name} {text}")


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def expected(text):
    return {name: f"{name} {text}".encode() for name in NAMES}


class Faulty:
    """Stands in for a function of the system: the calls numbered in ``failing``, counted from 0, raise OSError."""

    def __init__(self, real, failing, number):
        self.real, self.failing, self.number, self.calls = real, failing, number, 0

    def __call__(self, *args, **named):
        if "dir_fd" in named:  # the clearing up of folders, which is not to fail here
            return self.real(*args, **named)
        self.calls += 1
        if self.calls - 1 in self.failing:
            raise OSError(self.number, os.strerror(self.number))
        return self.real(*args, **named)


def test_a_set_is_put_in_place_whole_and_replaces_the_one_before(tmp_path):
    folder = tmp_path / "deep" / "er"
    write(folder, "one")
    write(folder, "two")
    assert contents(tmp_path / "deep") == {"er": None, **{f"er/{name}": text for name, text in expected("two").items()}}


def test_other_files_in_the_folder_are_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    write(tmp_path, "one")
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EIO], ids=errno.errorcode.get)
@pytest.mark.parametrize("earlier", [True, False], ids=["over a result", "in a new folder"])
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{target[0].__name__}.{target[1]}")
def test_any_single_write_error_leaves_what_was_there(tmp_path, monkeypatch, target, earlier, number):
    """The k-th call fails, for every k: all of the old or, where the error did no harm, all of the new."""
    for k in range(100):
        home = tmp_path / str(k)
        home.mkdir()
        folder = home / "out"
        if earlier:
            write(folder, "old")
        before = contents(home)
        fault = Faulty(getattr(*target), {k}, number)
        with monkeypatch.context() as patch:
            patch.setattr(*target, fault)
            try:
                write(folder, "new")
            except OutputError as error:
                assert error.exit_code == 1
                assert str(folder) in str(error)
                assert os.strerror(number) in str(error)
                assert contents(home) == before, f"call {k}"
            else:
                assert contents(folder) == expected("new"), f"call {k}"
        write(folder, "again")
        assert contents(folder) == expected("again")
        if fault.calls <= k:
            return
    pytest.fail("no end of calls")


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{target[0].__name__}.{target[1]}")
def test_errors_that_go_on_never_leave_a_set_that_is_marked_whole_and_mixed(tmp_path, monkeypatch, target):
    for k in range(100):
        folder = tmp_path / str(k) / "out"
        write(folder, "old")
        fault = Faulty(getattr(*target), range(k, 10**6), errno.ENOSPC)
        with monkeypatch.context() as patch:
            patch.setattr(*target, fault)
            try:
                write(folder, "new")
            except OutputError:
                pass
        if "metrics.json" in contents(folder):
            found = {name: text for name, text in contents(folder).items() if name in NAMES}
            assert found in (expected("old"), expected("new"))
        if fault.calls <= k:
            return
    pytest.fail("no end of calls")


@pytest.mark.parametrize(
    "kind", [OSError(errno.ENOSPC, "no room"), KeyboardInterrupt(), ValueError("a fault of ours")], ids=repr
)
@pytest.mark.parametrize("earlier", [True, False])
def test_an_exception_while_files_are_made_changes_nothing(tmp_path, kind, earlier):
    if earlier:
        write(tmp_path / "out", "old")
    before = contents(tmp_path)
    with (
        pytest.raises(OutputError if isinstance(kind, OSError) else type(kind)),
        replace_files(tmp_path / "out", "metrics.json") as aside,
    ):
        (aside / "result.npz").write_text("half")
        raise kind
    assert contents(tmp_path) == before


@pytest.mark.skipif(os.name != "posix", reason="links as POSIX has them")
def test_a_link_put_in_the_place_of_the_temporary_folder_is_not_followed_when_that_is_removed(tmp_path):
    precious, folder = tmp_path / "precious", tmp_path / "out"
    precious.mkdir()
    (precious / "a").touch()
    with pytest.raises(OutputError), replace_files(folder, "metrics.json") as aside:
        aside.rename(tmp_path / "moved")
        aside.symlink_to(precious)
        raise OSError(errno.EIO, "the disk fails")
    assert (precious / "a").exists() and not folder.exists()


@pytest.mark.skipif(os.name != "posix", reason="links as POSIX has them")
@pytest.mark.parametrize("target", ["precious", "nothing"])
def test_a_link_in_the_place_of_a_result_file_is_replaced_or_else_restored_as_a_link(tmp_path, monkeypatch, target):
    precious, folder = tmp_path / "precious", tmp_path / "out"
    precious.write_text("mine")
    folder.mkdir()
    for name in NAMES:
        (folder / name).symlink_to(tmp_path / target)
    with monkeypatch.context() as patch, pytest.raises(OutputError):
        patch.setattr(os, "replace", Faulty(os.replace, {2}, errno.EIO))
        write(folder, "new")
    assert {name: os.readlink(folder / name) for name in os.listdir(folder)} == dict.fromkeys(
        NAMES, str(tmp_path / target)
    )
    write(folder, "new")
    assert contents(folder) == expected("new") and not any((folder / name).is_symlink() for name in NAMES)
    assert precious.read_text() == "mine" and not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("target", [(os, "replace"), (os, "fsync")], ids=["replace", "fsync"])
def test_an_interrupt_while_files_are_put_in_place_leaves_no_mixed_set(tmp_path, monkeypatch, target):
    for k in range(3):
        folder = tmp_path / str(k)
        write(folder, "old")
        count, real = iter(range(100)), getattr(*target)

        def interrupted(*args, k=k, count=count, real=real):
            if next(count) == k:
                raise KeyboardInterrupt
            return real(*args)

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(*target, interrupted)
            write(folder, "new")
        assert "metrics.json" not in contents(folder) or contents(folder) in (expected("old"), expected("new"))
        assert set(contents(folder)) <= set(NAMES)


def test_a_folder_that_cannot_be_is_refused_with_its_name_and_the_cause(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError) as error:
            write(folder, "x")
        assert str(folder) in str(error.value)
        assert "cannot be written" in str(error.value)
    assert contents(tmp_path) == {"file": b"in the way"}


def write_for_ever(folder, begun) -> None:
    for token in range(10**9):
        with replace_files(folder, last="metrics.json") as aside:
            np.savez(aside / "result.npz", token=np.full(2000, token))
            (aside / "config.yaml").write_text(f"token: {token}")
            (aside / "metrics.json").write_text(json.dumps({"token": token, "filling": [0] * 2000}))
        if token == 2:
            begun.set()


def test_kill_9_leaves_only_readable_files_that_belong_together(tmp_path):
    dice = random.Random(1)
    marked = 0
    for round_ in range(10):
        folder = tmp_path / str(round_)
        begun = processes.context().Event()
        writer = processes.context().Process(target=write_for_ever, args=(folder, begun))
        writer.start()
        assert begun.wait(HANGING)
        time.sleep(dice.uniform(0, 0.03))
        writer.kill()
        writer.join()
        found = contents(folder)
        if "result.npz" in found:
            with np.load(folder / "result.npz", allow_pickle=False) as arrays:
                token = arrays["token"][-1]
        if "metrics.json" in found:
            marked += 1
            assert json.loads(found["metrics.json"])["token"] == token
            assert found["config.yaml"].decode() == f"token: {token}"
        write(folder, "again")
        assert {name: text for name, text in contents(folder).items() if name in NAMES} == expected("again")
    assert marked
