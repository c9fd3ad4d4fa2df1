"""Signals made of arrays, and what every loader owes a file: its hash, its slice, one sentence of refusal."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from dstft_cli.errors import InputError
from dstft_cli.recordings.detrend import detrend
from dstft_cli.recordings.lazy_samples import LazySamples
from dstft_cli.recordings.signal import Signal, check_signal, load_signal, load_signals

SINE = np.sin(np.arange(400) / 7)


def write_csv(path, values=SINE, rate=100.0):
    rows = "".join(f"{i / rate!r},{float(v)!r}\n" for i, v in enumerate(values))
    path.write_text("time [s],acc [g]\n" + rows)
    return path


def test_importing_signals_loads_no_reader_and_no_torch():
    code = "import sys, dstft_cli.recordings.signal; print({'torch', 'pandas', 'soundfile'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_samples_become_float64_in_one_piece_with_their_values_kept():
    stereo = np.arange(20, dtype=np.int16).reshape(10, 2)
    signal = Signal(stereo[:, 1], 16000, "take")
    assert signal.samples.dtype == np.float64 and signal.samples.flags.c_contiguous
    assert signal.samples.tolist() == [float(v) for v in range(1, 20, 2)]
    assert isinstance(signal.sample_rate, float)
    assert signal.duration == 10 / 16000
    assert Signal([1, 2, 3], 8000, "list").samples.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("samples", "says"),
    [
        (np.zeros((3, 2)), r"shape \(3, 2\)"),
        (np.zeros(3, complex), "complex128"),
        (np.array(["1", "2"]), "real numbers"),
        ([True, False], "bool"),
        ([], "no samples"),
        (1.5, r"shape \(\)"),
    ],
)
def test_samples_that_are_no_row_of_real_numbers_are_refused(samples, says):
    with pytest.raises(InputError, match=says):
        Signal(samples, 16000, "bad")


@pytest.mark.parametrize("rate", [0, -8000, float("nan"), float("inf"), "fast", None])
def test_a_rate_that_is_no_positive_number_is_refused(rate):
    with pytest.raises(InputError, match="sampling rate"):
        Signal(SINE, rate, "bad")


def test_a_good_signal_passes_the_check_down_to_the_shortest_window():
    check_signal(Signal(SINE, 100, "good"), shortest=400)


def test_a_signal_shorter_than_the_shortest_window_is_refused_with_both_lengths():
    with pytest.raises(InputError, match=r"short: 400 samples \(4 s\) .* 401 samples"):
        check_signal(Signal(SINE, 100, "short"), shortest=401)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_sample_that_is_not_finite_is_named_by_number_and_time_in_the_file(value):
    samples = SINE.copy()
    samples[[50, 60]] = value
    with pytest.raises(InputError, match=rf"sample 50 .* at 2.5 s, is {value}, one of 2 "):
        check_signal(Signal(samples, 100, "holes", start=2.0), shortest=2)


def test_a_constant_signal_is_refused_and_an_almost_constant_one_is_not():
    samples = np.full(100, 0.25)
    with pytest.raises(InputError, match=r"constant \(0.25 in all 100 samples\)"):
        check_signal(Signal(samples, 100, "flat"), shortest=2)
    samples[70] = np.nextafter(0.25, 1)
    check_signal(Signal(samples, 100, "flat"), shortest=2)


def test_a_loaded_signal_knows_its_file(tmp_path):
    path = write_csv(tmp_path / "gear box.csv")
    signal = load_signal(path)
    assert (signal.name, signal.path) == ("gear box", str(path))
    assert signal.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (signal.channel, signal.unit, signal.sample_rate) == ("acc", "g", 100.0)
    assert np.array_equal(signal.samples, SINE)


def test_a_part_is_the_slice_and_says_where_it_starts(tmp_path):
    path = write_csv(tmp_path / "a.csv")
    part = load_signal(path, start=1.0, duration=0.5)
    assert np.array_equal(part.samples, SINE[100:150])
    assert part.start == 1.0
    assert np.array_equal(load_signal(path, start=3.5, duration=60).samples, SINE[350:])


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ({"start": 4.0}, "start 4 s lies beyond the end, the file is 4 s long"),
        ({"start": -1.0}, "start -1 s must be zero or more, the file is 4 s long"),
        ({"duration": 0}, "duration 0 s .* the file is 4 s long"),
        ({"duration": -2}, "duration -2 s .* the file is 4 s long"),
        ({"duration": 0.001}, "duration 0.001 s .* at 100 Hz, the file is 4 s long"),
        ({"duration": float("nan")}, "duration nan s"),
        ({"fs": 0}, "fs 0 Hz"),
        ({"fs": float("nan")}, "fs nan Hz"),
    ],
)
def test_a_part_without_samples_is_refused_with_the_length_of_the_file(tmp_path, part, says):
    with pytest.raises(InputError, match=says):
        load_signal(write_csv(tmp_path / "a.csv"), **part)


def test_load_signal_wants_one_channel(tmp_path):
    path = write_csv(tmp_path / "a.csv")
    with pytest.raises(InputError, match="channel all"):
        load_signal(path, channel="all")
    assert [s.channel for s in load_signals(path, channel="all")] == ["acc"]


@pytest.mark.parametrize("extension", [".wav", ".csv"])
def test_a_missing_an_empty_and_a_folder_of_a_file_are_told_apart(tmp_path, extension):
    missing = tmp_path / f"missing{extension}"
    with pytest.raises(InputError, match=f"missing{extension}: there is no such file"):
        load_signal(missing)
    missing.touch()
    with pytest.raises(InputError, match=f"missing{extension}: the file is empty"):
        load_signal(missing)
    folder = tmp_path / f"folder{extension}"
    folder.mkdir()
    with pytest.raises(InputError, match=f"folder{extension}: is a folder"):
        load_signal(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_rather_than_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(InputError, match="not a regular file"):
        load_signal(tmp_path / "pipe.wav")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is forbidden to this user")
@pytest.mark.parametrize("name", ["a.wav", "a.csv"])
def test_a_file_without_permission_is_refused_in_a_sentence(tmp_path, name):
    path = write_csv(tmp_path / name)
    path.chmod(0)
    with pytest.raises(InputError, match=rf"{name}: cannot be read: Permission denied"):
        load_signal(path)


def test_a_read_error_is_refused_in_a_sentence(tmp_path, monkeypatch):
    path = write_csv(tmp_path / "a.csv")

    def broken(*_args, **_kwargs):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("builtins.open", broken)
    with pytest.raises(InputError, match=r"a\.csv: cannot be read: Input/output error"):
        load_signal(path)


def test_a_refusal_is_one_printable_line_however_odd_the_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("line\nbreak\x1b[31m.csv", "\x1b" * 200 + ".csv"):
        (tmp_path / name).write_text("\x1b[31m" * 50 + "\n" * 5)
        with pytest.raises(InputError) as caught:
            load_signal(name)
        assert str(caught.value).isprintable() and len(str(caught.value)) <= 300
        assert str(caught.value).startswith(("line\\nbreak\\x1b[31m.csv: ", "\\x1b\\x1b"))


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are Unicode here")
@pytest.mark.parametrize("extension", [b".wav", b".csv"])
def test_a_file_name_that_is_not_utf8_is_read(tmp_path, extension):
    soundfile = pytest.importorskip("soundfile")
    good = tmp_path / f"good{extension.decode()}"
    if extension == b".wav":
        soundfile.write(good, SINE, 100, subtype="DOUBLE")
    else:
        write_csv(good)
    odd = os.fsencode(tmp_path) + b"/gr\xf6\xdfe" + extension
    os.rename(good, odd)
    signal = load_signal(os.fsdecode(odd))
    assert np.array_equal(signal.samples, SINE)
    assert os.fsencode(signal.name) == b"gr\xf6\xdfe"


def test_detrending_takes_off_the_mean_or_the_line():
    time = np.arange(1000.0)
    wave = np.sin(2 * np.pi * time / 50)
    assert detrend(Signal(wave + 7, 100, "x"), "mean").samples == pytest.approx(wave, abs=1e-12)
    sloped = detrend(Signal(wave + 7 + 0.3 * time, 100, "x"), "linear").samples
    assert np.polyfit(time, sloped, 1) == pytest.approx([0, 0], abs=1e-9)
    assert np.ptp(sloped - wave) < 0.2


@pytest.mark.parametrize("kind", ["mean", "linear"])
def test_samples_in_their_file_are_detrended_as_those_in_memory_are(monkeypatch, kind):
    monkeypatch.setattr("dstft_cli.recordings.lazy_samples.iter_blocks.__defaults__", (300,))
    samples = np.sin(np.arange(1000.0) / 8) + 7 + 0.3 * np.arange(1000.0)
    lazy = LazySamples(lambda first, last: samples[first:last].copy(), len(samples))
    aside, whole = (detrend(Signal(one, 100, "x"), kind) for one in (lazy, samples))
    assert aside.samples[:] == pytest.approx(whole.samples, abs=1e-9)
    assert aside.notes == whole.notes


def test_a_large_offset_is_kept_and_noted():
    signal = detrend(Signal(np.sin(np.arange(100.0)) + 2000, 100, "x"), "none")
    assert signal.samples.mean() == pytest.approx(2000, abs=1)
    assert "--detrend mean" in signal.notes[-1].text
    assert detrend(Signal(np.sin(np.arange(100.0)), 100, "x"), "none").notes == ()
    removed = detrend(Signal(np.sin(np.arange(100.0)) + 2000, 100, "x"), "mean")
    assert "was removed; --detrend none keeps it" in removed.notes[-1].text
    assert detrend(Signal(np.sin(np.arange(100.0)) + 0.5, 100, "x"), "mean").notes == ()
