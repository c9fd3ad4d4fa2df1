"""Audio files: every sample as it is in the file, a warning for damage, false headers survived."""

import multiprocessing
import struct

import numpy as np
import pytest
import soundfile

from dstft_cli.errors import InputError
from dstft_cli.recordings.notes import Note
from dstft_cli.recordings.request import TextOptions, warnings_in
from dstft_cli.recordings.signal import load_signal, load_signals

NOISE = np.random.default_rng(3).uniform(-0.9, 0.9, (20000, 2))
TOTAL = slice(18, 26)  # bytes of a FLAC file that hold rate, channels, bits and, lowest, 36 bits of total samples


@pytest.fixture
def flac(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, NOISE, 44100, subtype="PCM_24")
    return path


def with_total(path, total):
    """The FLAC file at ``path`` with another number of samples in its header."""
    data = bytearray(path.read_bytes())
    fields = int.from_bytes(data[TOTAL], "big") >> 36 << 36
    data[TOTAL] = (fields | total).to_bytes(8, "big")
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "subtype", "step"),
    [
        ("a.wav", "PCM_16", 2**-15),
        ("a.wav", "PCM_24", 2**-23),
        ("a.wav", "PCM_32", 2**-31),
        ("a.flac", "PCM_16", 2**-15),
        ("a.aiff", "PCM_24", 2**-23),
    ],
)
def test_integers_are_read_as_exact_fractions_of_full_scale(tmp_path, name, subtype, step):
    soundfile.write(tmp_path / name, NOISE, 48000, subtype=subtype)
    signal = load_signal(tmp_path / name, channel=2)
    assert signal.sample_rate == 48000.0
    assert np.abs(signal.samples - NOISE[:, 1]).max() <= step
    assert np.array_equal(signal.samples % step, np.zeros(len(NOISE)))


def test_float_samples_beyond_full_scale_are_kept(tmp_path):
    soundfile.write(tmp_path / "loud.wav", 3 * NOISE[:, 0], 300_000, subtype="DOUBLE")
    signal = load_signal(tmp_path / "loud.wav")
    assert np.array_equal(signal.samples, 3 * NOISE[:, 0])
    assert signal.sample_rate == 300_000.0 and signal.notes == ()


def test_ogg_is_read_to_its_length_without_a_warning(tmp_path):
    soundfile.write(tmp_path / "a.ogg", NOISE[:, 0], 16000)
    signal = load_signal(tmp_path / "a.ogg")
    assert len(signal.samples) == len(NOISE) and signal.notes == ()


def test_channels_by_number_mean_or_all(tmp_path):
    soundfile.write(tmp_path / "a.wav", NOISE, 8000, subtype="DOUBLE")
    first = load_signal(tmp_path / "a.wav")
    assert np.array_equal(first.samples, NOISE[:, 0])
    assert first.channels == ("1", "2")
    assert first.notes == (Note("using channel 1 of 2; choose another with --channel: 2, mix or all"),)
    second = load_signal(tmp_path / "a.wav", channel="2")
    assert np.array_equal(second.samples, NOISE[:, 1]) and second.notes == ()
    mix = load_signal(tmp_path / "a.wav", channel="mix")
    assert mix.channel == "mix" and np.array_equal(mix.samples, NOISE.mean(axis=1))
    both = load_signals(tmp_path / "a.wav", channel="all")
    assert [s.channel for s in both] == ["1", "2"]
    assert np.array_equal(np.column_stack([s.samples for s in both]), NOISE)
    for channel in ("3", 0, "left"):
        with pytest.raises(InputError, match=f"channel '{channel}' does not exist"):
            load_signal(tmp_path / "a.wav", channel=channel)


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_a_part_equals_the_slice_of_the_whole(tmp_path, name):
    soundfile.write(tmp_path / name, NOISE, 10_000, subtype="PCM_16")
    whole = load_signal(tmp_path / name).samples
    part = load_signal(tmp_path / name, start=0.1234, duration=0.5)
    assert np.array_equal(part.samples, whole[1234:6234])
    assert part.start == 0.1234
    with pytest.raises(InputError, match=r"beyond the end, the file is 2 s long"):
        load_signal(tmp_path / name, start=2)


def test_a_long_file_is_the_same_in_many_blocks_as_in_one(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.wav", NOISE, 8000, subtype="DOUBLE")
    monkeypatch.setattr("dstft_cli.recordings.audio._BLOCK", 2 * 999)
    assert np.array_equal(load_signal(tmp_path / "a.wav", channel=2).samples, NOISE[:, 1])


def test_a_rate_given_replaces_the_header_and_is_noted(tmp_path):
    soundfile.write(tmp_path / "bat.wav", NOISE[:, 0], 38_400)
    signal = load_signal(tmp_path / "bat.wav", fs=384_000, start=0.01)
    assert signal.sample_rate == 384_000.0
    assert len(signal.samples) == len(NOISE) - 3840
    assert signal.notes == (Note("sampling rate 384000 Hz as given; the header says 38400 Hz"),)
    assert load_signal(tmp_path / "bat.wav", fs=38_400).notes == ()


def test_a_flac_that_does_not_say_its_length_is_read_to_the_last_sample(flac):
    whole = load_signal(flac).samples
    with_total(flac, 0)
    signal = load_signal(flac)
    assert np.array_equal(signal.samples, whole)
    assert any("does not say how long" in note.text for note in signal.notes)
    assert np.array_equal(load_signal(flac, start=0.1, duration=0.1).samples, whole[4410:8820])


def test_a_flac_that_claims_too_much_is_read_as_far_as_it_goes_with_a_warning(flac):
    whole = load_signal(flac).samples
    with_total(flac, 2**36 - 1)
    signal = load_signal(flac)
    assert np.array_equal(signal.samples, whole)
    assert any("20000 of 68719476735 declared samples" in text for text in warnings_in(signal.notes))


def test_a_flac_cut_in_half_keeps_what_is_sound_with_a_warning(flac):
    whole = load_signal(flac).samples
    data = flac.read_bytes()
    flac.write_bytes(data[: len(data) // 2])
    signal = load_signal(flac)
    assert 4000 < len(signal.samples) < 12000
    assert np.array_equal(signal.samples, whole[: len(signal.samples)])
    assert any(f"{len(signal.samples)} of 20000 declared samples" in text for text in warnings_in(signal.notes))


def test_a_wav_cut_in_half_is_read_with_a_warning(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, NOISE[:, 0], 8000, subtype="PCM_16")
    path.write_bytes(path.read_bytes()[:20044])
    signal = load_signal(path)
    assert len(signal.samples) == 10000
    assert warnings_in(signal.notes)[0].startswith("the header declares 40000 bytes of samples, the file holds 20000")


def test_an_ogg_of_two_streams_and_one_without_its_end_are_warned_of(tmp_path):
    path = tmp_path / "a.ogg"
    soundfile.write(path, NOISE[:, 0], 8000)
    data = path.read_bytes()
    path.write_bytes(data + data)
    assert any(
        f"another Ogg stream begins at byte {len(data)}" in text for text in warnings_in(load_signal(path).notes)
    )
    path.write_bytes(data[: len(data) * 3 // 4])
    assert any("the Ogg stream is cut off" in text for text in warnings_in(load_signal(path).notes))


def wav_with_list(size):
    """A WAV of 100 samples behind a LIST chunk whose one entry declares ``size`` bytes."""
    entry = b"INFO" + b"IXYZ" + struct.pack("<i", size) + b"abcdabcdabcd"
    chunks = b"WAVE" + b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    chunks += b"LIST" + struct.pack("<I", len(entry)) + entry
    chunks += b"data" + struct.pack("<I", 200) + NOISE[:100, 0].astype("<f2").tobytes()
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def refusal(path):
    try:
        load_signal(path)
    except InputError as error:
        return str(error)
    return "read"


def test_a_list_on_which_libsndfile_would_hang_is_refused(tmp_path):
    path = tmp_path / "endless.wav"
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        for size in (-8, -12):
            path.write_bytes(wav_with_list(size))
            message = pool.apply_async(refusal, (path,)).get(timeout=10)
            assert f"byte 52: a LIST entry declares {size} bytes" in message
    path.write_bytes(wav_with_list(12))
    assert len(load_signal(path).samples) == 100


def test_joined_wav_files_are_refused_with_the_place_where_the_second_begins(tmp_path, dstft):
    soundfile.write(tmp_path / "a.wav", NOISE[:, 0], 8000)
    whole = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(whole * 2)
    words = f"another WAV file begins at byte {len(whole)}; files that were joined must be split there"
    with pytest.raises(InputError, match=words):
        load_signal(tmp_path / "a.wav")
    assert words in dstft("info", tmp_path / "a.wav").err


@pytest.mark.parametrize("name", ["data.bin", "a.wav", "take.raw"])
def test_a_file_that_is_no_audio_is_refused_with_the_formats_that_are(tmp_path, name):
    (tmp_path / name).write_bytes(b"time,x\n0,1\n" * 30)
    with pytest.raises(InputError, match=rf"{name}: not audio .*WAV, FLAC, OGG, AIFF .*\.csv \.tsv \.txt"):
        load_signal(tmp_path / name)


def test_a_wav_without_samples_is_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.empty(0), 8000)
    with pytest.raises(InputError, match="holds no samples"):
        load_signal(tmp_path / "a.wav")


def test_unused_options_for_columns_are_noted(tmp_path):
    soundfile.write(tmp_path / "a.wav", NOISE[:, 0], 8000)
    assert load_signal(tmp_path / "a.wav", text=TextOptions(time_col="t", decimal=",")).notes == (
        Note("decimal, time_col not used: only text files have columns"),
    )
