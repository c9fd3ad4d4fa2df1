"""Files that others write while a command is at work: recordings that change, results and pictures that are there suddenly."""
# ruff: noqa: F811 - fixtures that are imported

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from batch_files import FLAGS, stamps, write
from out_of_core_runs import RATE, SMALL, no_figures, out_of_core, voice  # noqa: F401

from dstft_cli import Signal, load_config, load_signal, load_signals, optimize, write_result
from dstft_cli.errors import InputError, OutputError, OutputExistsError
from dstft_cli.recordings import signal as signals
from dstft_cli.recordings.lazy_samples import LazySamples
from dstft_cli.system.atomic_files import replace_file
from dstft_cli.workflows import optimize_file, replot
from dstft_cli.workflows.batch.one_input import process_input

CHANGED = r"a\.wav: the file changed while it was being read; run again once it is complete"


def rewrite(path: Path, same_time: bool = False) -> None:
    """Other samples in the same file, of the same size; same_time: with the time stamp that it had."""
    before, content = path.stat(), path.read_bytes()
    path.write_bytes(content[:1000] + content[1000:][::-1])
    if same_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture
def recording(tmp_path) -> Path:
    soundfile.write(tmp_path / "a.wav", 0.2 * voice(24000), RATE)
    return tmp_path / "a.wav"


@pytest.fixture
def long_signal(recording) -> Signal:
    """A signal whose samples stay in the recording."""
    (signal,) = load_signals(recording, memory=1000)
    assert isinstance(signal.samples, LazySamples)
    return signal


def test_a_recording_written_between_its_checksum_and_its_samples_is_refused(recording, monkeypatch):
    real = signals._read
    monkeypatch.setattr(signals, "_read", lambda request: rewrite(recording) or real(request))
    with pytest.raises(InputError, match=CHANGED):
        load_signal(recording)


@pytest.mark.parametrize("how", [rewrite, lambda path: path.write_bytes(path.read_bytes() + b"more")])
def test_no_samples_are_read_from_a_recording_that_was_written_since(recording, long_signal, how):
    assert len(long_signal.samples[100:200]) == 100
    how(recording)
    with pytest.raises(InputError, match=CHANGED):
        long_signal.samples[100:200]


def test_another_file_under_the_same_name_is_another_recording(recording, long_signal):
    status, copy = recording.stat(), recording.with_name("copy.wav")
    copy.write_bytes(recording.read_bytes())
    os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))
    copy.replace(recording)
    with pytest.raises(InputError, match=CHANGED):
        long_signal.samples[100:200]


def test_a_run_fails_whose_recording_was_rewritten_meanwhile_with_its_old_time_stamp(
    recording, long_signal, out_of_core, no_figures
):
    def spoil(step):
        if step.phase == "write":
            rewrite(recording, same_time=True)

    config = load_config(None, [], {**SMALL, "mode": "time-varying", "steps": 1})
    with pytest.raises(InputError, match=CHANGED):
        optimize_file.run_signal(long_signal, config, recording.parent / "out", spoil)
    assert not (recording.parent / "out").exists()


def test_a_recording_that_is_cut_off_while_it_is_read_is_one_that_changed(recording, monkeypatch):
    real = signals._read
    monkeypatch.setattr(signals, "_read", lambda request: os.truncate(recording, 100) or real(request))
    with pytest.raises(InputError, match=CHANGED):
        load_signal(recording)


@pytest.mark.skipif(os.name != "posix", reason="links as POSIX has them")
def test_a_link_that_takes_the_place_of_the_folder_during_a_run_is_not_written_through(tmp_path, no_figures):
    out, precious = tmp_path / "out", tmp_path / "precious"
    precious.mkdir()
    (precious / "metrics.json").write_text("mine")

    def swap(step):
        if not out.is_symlink():
            out.rename(tmp_path / "moved")
            out.symlink_to(precious)

    signal, config = (
        Signal(voice(400), 2000, "a"),
        load_config(None, [], {"transform.support": 64, "optimizer.steps": 1}),
    )
    with pytest.raises(OutputError, match="out: this folder was moved or replaced during the run"):
        optimize_file.run_signal(signal, config, out, swap)
    assert {path.name: path.read_text() for path in precious.iterdir()} == {"metrics.json": "mine"}


@pytest.fixture(scope="module")
def result():
    return optimize(Signal(np.random.default_rng(0).standard_normal(400), 2000, "other"), steps=1, support=64, hop=16)


@pytest.fixture
def raced(tmp_path, result, monkeypatch) -> Path:
    """The folder of a result that another run writes after this run has found no result there."""
    real, out = optimize_file.remove_leftovers, tmp_path / "out"

    def late(folder):
        monkeypatch.setattr(optimize_file, "remove_leftovers", real)
        write_result(result, out, figures=False)
        late.stamps = stamps(out)

    monkeypatch.setattr(optimize_file, "remove_leftovers", late)
    yield out
    assert stamps(out) == late.stamps


@pytest.mark.parametrize(
    ("on_existing", "code", "said"), [("error", 2, "already contains a result"), ("skip", 0, "skipped")]
)
def test_a_result_that_another_run_writes_first_is_kept(tmp_path, raced, dstft, on_existing, code, said):
    run = dstft("optimize", write(tmp_path / "a.wav"), "-o", raced, "--on-existing", on_existing, *FLAGS)
    assert run.code == code and said in run.err


@pytest.mark.parametrize(("on_existing", "status"), [("error", "failed"), ("skip", "skipped")])
def test_a_batch_keeps_a_result_that_another_run_writes_first(tmp_path, raced, on_existing, status):
    config = load_config(None, [], {"transform.support": 64, "optimizer.steps": 1})
    (row,) = process_input(str(write(tmp_path / "a.wav")), config, str(raced), on_existing)
    assert row["status"] == status


def test_a_file_that_was_not_there_when_the_work_on_it_began_is_not_replaced(tmp_path):
    path = tmp_path / "a.txt"
    with pytest.raises(OutputExistsError, match="another program has written this file meanwhile"):
        with replace_file(path, may_exist=False) as aside:
            aside.write_text("ours")
            path.write_text("theirs")
    assert path.read_text() == "theirs" and [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize(
    ("line", "name", "module"),
    [
        (("plot", "out", "--figure", "theta", "-o", "a.png"), "a.png", replot),
        (("plot", "out", "--theta-csv", "a.csv"), "a.csv", replot),
        (("compare", "out", "--no-picture", "--csv", "a.csv"), "a.csv", replot),
        (("compare", "out", "-o", "a.png"), "a.png", replot),
        (("reconstruct", "out", "-o", "a.csv"), "a.csv", "dstft_cli.cli.actions.reconstruct"),
        (
            ("recommend", "a.wav", "--no-gain", "-o", "a.png", "--support", 64),
            "a.png",
            "dstft_cli.cli.actions.recommend",
        ),
        (("check", "record", "a.wav", "--baseline", "b.json", *FLAGS), "b.json", "dstft_cli.cli.actions.check"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_no_command_replaces_a_file_that_another_program_wrote_meanwhile(
    tmp_path, result, monkeypatch, dstft, line, name, module
):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.wav")
    write_result(result, tmp_path / "out", figures=False)
    target = f"{module if isinstance(module, str) else module.__name__}.check_folder"
    monkeypatch.setattr(target, lambda folder: Path(name).write_text("theirs"))
    run = dstft(*line)
    assert run.code == 2 and "another program has written this file meanwhile" in run.err
    assert Path(name).read_text() == "theirs"
