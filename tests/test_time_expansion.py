"""Recordings of bats that are stored slower than they were: the rate is that of the bat, and it is said."""

import json

import numpy as np
import pytest
import soundfile

from dstft_cli.recordings.request import warnings_in
from dstft_cli.recordings.signal import load_signal

guano = pytest.importorskip("guano")
HEADER, FACTOR, CALL = 44100, 10, 45_000.0  # Hz: rate in the header, and the frequency of the bat


def bat(path, rate=HEADER, **fields):
    """A call of 45 kHz, slowed down ten times, with fields written by the library of GUANO."""
    time = np.arange(rate) / rate
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * CALL / FACTOR * time), rate, subtype="PCM_16")
    if fields:
        file = guano.GuanoFile(str(path))
        for name, value in fields.items():
            file[name.replace("_", " ")] = value
        file.write(make_backup=False)
    return path


def loudest(signal) -> float:
    """The frequency in Hz at which a signal is loudest."""
    return abs(np.fft.rfft(signal.samples)).argmax() * signal.sample_rate / len(signal.samples)


@pytest.mark.parametrize(
    ("fields", "options", "factor", "words"),
    [
        ({"TE": 10}, {}, 10, "GUANO says that time is expanded by 10: sampling rate 441000 Hz, 10 times the 44100 Hz"),
        ({"TE": 10, "Samplerate": 441000}, {}, 10, "441000 Hz"),
        ({"TE": 10}, {"time_expansion": 1}, 1, ""),
        ({"TE": 1, "Samplerate": HEADER}, {}, 1, ""),
        ({}, {"time_expansion": 10}, 10, "time expansion 10 as given: sampling rate 441000 Hz"),
        ({"TE": 10}, {"fs": 441000}, 10, "sampling rate 441000 Hz as given; the header says 44100 Hz"),
        ({"TE": 10}, {"fs": 22050, "time_expansion": 20}, 10, "20 times 22050 Hz"),
    ],
)
def test_the_call_is_at_the_frequency_of_the_bat(tmp_path, fields, options, factor, words):
    signal = load_signal(bat(tmp_path / "bat.wav", **fields), **options)
    assert signal.sample_rate == HEADER * factor
    assert loudest(signal) == pytest.approx(CALL * factor / FACTOR, rel=1e-3)
    assert words in " | ".join(note.text for note in signal.notes)
    assert not warnings_in(signal.notes)


@pytest.mark.parametrize(
    ("rate", "fields", "read"),
    [
        (HEADER, {"TE": 10, "Samplerate": HEADER}, 10 * HEADER),  # the factor is believed
        (384_000, {"TE": 10, "Samplerate": 384_000}, 384_000),  # at such a rate nothing was slowed down
        (HEADER, {"Samplerate": 441_000}, HEADER),
    ],
)
def test_what_contradicts_itself_is_a_warning(tmp_path, rate, fields, read):
    signal = load_signal(bat(tmp_path / "bat.wav", rate, **fields))
    assert signal.sample_rate == read
    (warning,) = warnings_in(signal.notes)
    assert "GUANO" in warning and ("--time-expansion" in warning or "--fs" in warning)


def test_times_are_those_of_the_bat(tmp_path):
    path = bat(tmp_path / "bat.wav", TE=10)
    part = load_signal(path, start=0.02, duration=0.05)
    assert part.start == pytest.approx(0.02) and len(part.samples) == 22050


def test_a_table_may_be_slowed_down_too(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("time (s),x\n" + "".join(f"{i / 100:.2f},{i * i % 7}\n" for i in range(200)))
    assert load_signal(path, time_expansion=8).sample_rate == 800
    np.save(tmp_path / "a.npy", np.arange(50.0))
    assert load_signal(tmp_path / "a.npy", fs=100, time_expansion=8).sample_rate == 800


def test_species_and_position_go_into_the_metrics(tmp_path, dstft):
    fields = {"Species_Manual_ID": "EPTSER", "Loc_Position": (48.1, 11.5), "Model": "Batlogger"}
    path = bat(tmp_path / "bat.wav", TE=10, **fields)
    options = ["--duration", "0.02", "--set", "optimizer.steps=1", "--figures", "none", "-o", tmp_path / "out"]
    assert dstft("optimize", path, *options).code == 0
    facts = json.loads((tmp_path / "out" / "metrics.json").read_text())["input"]
    assert facts["metadata"]["Species Manual ID"] == "EPTSER" and facts["sample_rate"] == 441000
    assert facts["metadata"]["Loc Position"] == "48.100000 11.500000"
    told = dstft("info", path)
    assert "EPTSER" in told.out and "441000 Hz" in told.out
    assert dstft("info", tmp_path / "out").code == 0


@pytest.mark.parametrize("factor", ["0", "-2", "nan"])
def test_a_factor_that_is_none_is_refused(dstft, factor, sample_data):
    run = dstft("info", sample_data / "chirp.wav", "--time-expansion", factor)
    assert run.code == 2 and "time_expansion" in run.err
