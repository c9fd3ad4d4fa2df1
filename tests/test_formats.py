"""Files of many fields are read as their own libraries wrote them; damaged ones are refused, or say so."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import soundfile
from format_files import BEGAN, COUNT, FILES, RATE, TIME, TONE, cwru, sound, trace

from dstft_cli.errors import InputError
from dstft_cli.recordings import audio_sandbox
from dstft_cli.recordings.formats import reader
from dstft_cli.recordings.formats.registry import EXTENSIONS, FORMATS, find_format
from dstft_cli.recordings.kinds import file_hash
from dstft_cli.recordings.lazy_samples import LazySamples
from dstft_cli.recordings.request import TextOptions, warnings_in
from dstft_cli.recordings.signal import load_signal, load_signals
from dstft_cli.workflows.batch.find_inputs import find_inputs


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """(path, what is in it) of one file of each format, by its name."""
    folder = tmp_path_factory.mktemp("formats")
    return {name: (folder / name, write(folder / name)) for name, write in FILES.items()}


@pytest.fixture
def untried(monkeypatch):
    """Nothing is decoded in another process first, which takes most of the time."""
    monkeypatch.setattr(reader, "try_in_subprocess", lambda *arguments: None)


def texts(signal) -> str:
    return " | ".join(note.text for note in signal.notes)


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_as_its_library_wrote_it(files, untried, name):
    path, expected = files[name]
    signals = load_signals(path, channel="all")
    assert sorted(signal.channel for signal in signals) == sorted(each.name for each in expected)
    for each in expected:
        signal = next(signal for signal in signals if signal.channel == each.name)
        assert signal.sample_rate == pytest.approx(each.rate, rel=1e-7), each.name
        assert (signal.unit, signal.began) == (each.unit, each.began), each.name
        assert len(signal.samples) == len(each.samples)
        assert np.abs(signal.samples - each.samples).max() <= each.within, each.name


@pytest.mark.parametrize("name", FILES)
def test_a_part_of_a_channel_is_read_by_its_name(files, untried, name):
    path, expected = files[name]
    last = expected[-1]
    part = load_signal(path, channel=last.name, start=10 / last.rate, duration=20 / last.rate)
    assert part.start == pytest.approx(10 / last.rate)
    assert np.abs(part.samples - last.samples[10:30]).max() <= last.within


@pytest.mark.parametrize("name", ["a.h5", "a.tdms", "a.edf"])
def test_a_long_channel_stays_in_its_file(files, untried, name):
    path, expected = files[name]
    (signal,) = load_signals(path, channel=expected[0].name, memory=8 * 5 * 100)
    assert isinstance(signal.samples, LazySamples)
    assert np.abs(signal.samples[50:70] - expected[0].samples[50:70]).max() <= expected[0].within


@pytest.mark.parametrize("name", [*FILES, "a.m4a", "a.npy"])
def test_a_damaged_file_is_refused_in_a_sentence_or_says_so(files, untried, tmp_path, name):
    if name in files:
        content = files[name][0].read_bytes()
    else:
        path = tmp_path / f"whole{Path(name).suffix}"
        sound(path) if name == "a.m4a" else np.save(path, TONE)
        content = path.read_bytes()
    path = tmp_path / name
    for damaged in (content[: len(content) * 6 // 10], content[:40], b"\xff" * 900):
        path.write_bytes(damaged)
        if name == "r1.hea":  # of which the samples are cut off
            path.write_bytes(content)
            whole = files[name][0].with_suffix(".dat").read_bytes()
            path.with_suffix(".dat").write_bytes(whole[: len(damaged)])
        try:
            assert warnings_in(load_signal(path, fs=RATE).notes)
        except InputError as error:
            assert name in str(error) and len(str(error)) <= 300 and "\n" not in str(error)
    path.write_bytes(b"")
    with pytest.raises(InputError, match=f"{name}: the file is empty"):
        load_signal(path)


def test_any_error_of_a_library_becomes_a_sentence(files, untried, monkeypatch):
    monkeypatch.setattr("scipy.io.loadmat", lambda *arguments, **options: 1 / 0)
    with pytest.raises(
        InputError, match=r"four.mat: cannot be read as MATLAB \(division by zero\); .*take another copy"
    ):
        load_signal(files["four.mat"][0])


def test_a_file_that_claims_too_much_is_refused(untried, tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"x": TONE}, format="4")
    content = bytearray((tmp_path / "a.mat").read_bytes())
    content[4:8] = (2**31 - 1).to_bytes(4, "little")  # rows
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(InputError, match=r"a.mat: (cannot be read|reading it) as MATLAB"):
        load_signal(tmp_path / "a.mat", fs=1)


def test_a_channel_that_does_not_fit_into_memory_is_refused(files, untried):
    with pytest.raises(InputError, match=r"a.mseed: 'IU.ANMO.00.BHZ' takes 24 kB of memory, .*--duration"):
        load_signals(files["a.mseed"][0], channel="IU.ANMO.00.BHZ", memory=8 * 5 * 100)


def test_a_library_that_crashes_takes_another_process_along(files, monkeypatch):
    monkeypatch.setattr(audio_sandbox, "_CHILD", "import os; os.kill(os.getpid(), 11)")
    with pytest.raises(InputError, match=r"a.edf: pyedflib crashed while decoding it \(SIGSEGV\)"):
        load_signal(files["a.edf"][0])


@pytest.mark.parametrize("name", ["a.edf", "a.parquet", "seven.mat"])
def test_what_c_code_reads_is_tried_in_another_process(files, name):
    path, expected = files[name]
    assert len(load_signal(path).samples) == len(expected[0].samples)


@pytest.mark.parametrize("form", [form for form in FORMATS if form.packages], ids=lambda form: form.name)
def test_a_missing_package_is_named_with_the_line_that_installs_it(files, tmp_path, monkeypatch, form):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        InputError, match=rf"needs the package {form.packages[0]}.* pip install 'dstft-cli\[{form.extra}\]'$"
    ):
        form.check_installed("a.file")


def test_every_extra_is_in_the_project_and_in_formats():
    tomllib = pytest.importorskip("tomllib")
    text = (Path(__file__).parent.parent / "pyproject.toml").read_text("utf-8")
    extras = tomllib.loads(text)["project"]["optional-dependencies"]
    needed = {form.extra for form in FORMATS if form.extra}
    assert needed <= set(extras)
    assert set(extras["formats"][0].partition("[")[2].rstrip("]").split(",")) == needed


def test_content_goes_before_the_extension(files, untried, tmp_path):
    shutil.copy(files["a.tdms"][0], tmp_path / "a.dat")
    assert load_signal(tmp_path / "a.dat", channel="Vibration/acc").sample_rate == RATE
    for name, (path, _) in files.items():
        assert find_format(str(path)).extensions == () or Path(name).suffix in find_format(str(path)).extensions


@pytest.mark.parametrize("rest", [0, 700])
def test_a_sample_that_looks_like_the_version_of_sac_leaves_a_wav_a_wav(tmp_path, rest):
    """Bytes 304 to 307 of a WAV are two of its samples; in near silence the rest of the header looks right as well."""
    samples = np.full(500, rest, np.int16)
    samples[130:132] = 6, 0  # behind a header of 44 bytes
    soundfile.write(tmp_path / "a.wav", samples, 8000)
    assert find_format(str(tmp_path / "a.wav")) is None
    assert len(load_signal(tmp_path / "a.wav").samples) == 500


def test_a_pipe_is_not_waited_for(tmp_path, dstft):
    os.mkfifo(tmp_path / "a.edf")
    run = dstft("info", tmp_path / "a.edf")
    assert run.code == 2 and "not a regular file" in run.err


def test_info_on_a_wav_imports_none_of_the_libraries():
    code = """
import sys
from dstft_cli.cli import main
try:
    main(["info", "sample_data/chirp.wav"], prog_name="dstft")
except SystemExit as end:
    assert end.code == 0
names = {name.partition(".")[0] for name in sys.modules}
print(names & set("pymatreader h5py nptdms pyuff pyedflib wfdb obspy pyarrow av guano".split()))
print({name for name in sys.modules if name.startswith(("dstft_cli.recordings.formats.", "scipy"))})
"""
    folder = Path(__file__).parent.parent
    run = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-2:] == ["set()", "{'dstft_cli.recordings.formats.registry'}"]


class TestRates:
    def test_a_file_without_a_rate_asks_for_it_and_takes_it(self, tmp_path):
        path = tmp_path / "97.mat"
        expected = cwru(path)
        with pytest.raises(InputError, match=r"97.mat: .*no sampling rate for 'X097_DE_time' .*--fs"):
            load_signal(path)
        for signal, each in zip(load_signals(path, channel="all", fs=12000), expected, strict=True):
            assert np.array_equal(signal.samples, each.samples) and signal.channel == each.name
        assert load_signal(path, fs=12000, text=TextOptions(value_col="X097_FE_time")).channel == "X097_FE_time"

    @pytest.mark.parametrize(
        ("others", "rate"),
        [
            ({"Fs": 800.0}, 800),
            ({"sr": 800}, 800),
            ({"rate": 800.0}, 800),
            ({"dt": 1 / 800}, 800),
            ({"srate": 800.0}, 800),
            ({"fs_kHz": 0.8}, 800),
            ({"t": TIME * RATE / 800}, 800),
            ({"time_ms": TIME * 1000}, RATE),
            ({"timeStamps": 1711843196 + np.arange(COUNT) / 800}, 800),
            ({"t": TIME, "fs": 800.0}, RATE),  # an even clock goes before a number
            ({"t": TIME**2, "fs": 800.0}, 800),
            ({"fs": 800.0, "sr": 400.0}, "'fs' says 800 Hz and 'sr' says 400 Hz"),
            ({"freq": 800.0}, "no sampling rate"),  # of what?
            ({"t": TIME**2}, "the times 't' are uneven"),
        ],
    )
    def test_a_number_or_a_row_of_times_gives_the_rate(self, tmp_path, others, rate):
        scipy.io.savemat(tmp_path / "a.mat", {"y": TONE, **others})
        if isinstance(rate, str):
            with pytest.raises(InputError, match=rate):
                load_signal(tmp_path / "a.mat")
            assert load_signal(tmp_path / "a.mat", fs=5).sample_rate == 5
        else:
            signal = load_signal(tmp_path / "a.mat")
            assert signal.sample_rate == pytest.approx(rate, rel=1e-9) and f"{rate:g} Hz" in texts(signal)

    def test_the_time_may_be_named(self, tmp_path):
        np.savez(tmp_path / "a.npz", u=TIME * 1000, y=TONE)
        text = TextOptions(time_col="u", time_unit="ms")
        assert load_signal(tmp_path / "a.npz", channel="y", text=text).sample_rate == RATE
        with pytest.raises(InputError, match="--time-col 'v' does not exist"):
            load_signal(tmp_path / "a.npz", text=TextOptions(time_col="v"))

    def test_another_rate_than_that_of_the_file_is_said(self, files, untried):
        assert "sampling rate 250 Hz as given; the file says 500 Hz" in texts(load_signal(files["a.mseed"][0], fs=250))


class TestArrays:
    def test_the_longer_axis_is_time(self, tmp_path):
        np.save(tmp_path / "a.npy", np.stack([TONE, -TONE]))
        one, two = load_signals(tmp_path / "a.npy", fs=RATE, channel="all")
        assert np.array_equal(one.samples, TONE) and np.array_equal(two.samples, -TONE)
        assert "(2, 3000) was read as 2 channels of 3000 samples" in texts(one)

    @pytest.mark.parametrize(
        ("array", "reason"),
        [(TONE + 1j, "complex"), (np.zeros((20, 20, 20)), "of the shape"), (np.array([{}] * 99), "objects")],
    )
    def test_other_arrays_are_refused(self, tmp_path, array, reason):
        np.save(tmp_path / "a.npy", array)
        with pytest.raises(InputError, match=f"(?i)a.npy: .*{reason}"):
            load_signal(tmp_path / "a.npy", fs=1)

    def test_the_longest_variable_is_the_signal(self, files):
        assert load_signal(files["a.npz"][0]).channel == "x"


class TestSeismic:
    @pytest.fixture
    def gaps(self, tmp_path):
        from obspy import Stream

        parts = [trace("BHZ", begin, np.arange(n, dtype=np.int32)) for begin, n in ((0, 500), (50, 2000), (99, 300))]
        Stream([*parts, trace("BHN", 0, np.arange(700, dtype=np.int32))]).write(str(tmp_path / "gaps.mseed"), "MSEED")
        return tmp_path / "gaps.mseed"

    def test_gaps_are_said_and_nothing_is_filled_in(self, gaps, untried):
        signal = load_signal(gaps)
        assert signal.channel == "IU.ANMO.00.BHZ/2" and np.array_equal(signal.samples, np.arange(2000))
        assert signal.began == "2024-03-31T00:00:46.000000Z"
        (warning,) = warnings_in(signal.notes)
        assert "IU.ANMO.00.BHZ has 2 gaps (94 s missing)" in warning and "/1 to IU.ANMO.00.BHZ/3" in warning

    def test_a_channel_without_gaps_has_no_warning(self, gaps, untried):
        assert not warnings_in(load_signal(gaps, channel="IU.ANMO.00.BHN").notes)

    @pytest.mark.parametrize(
        ("name", "rate", "count"),
        [("signal/tests/data/timingquality.mseed", 200, 41604), ("signal/tests/data/CRLZ.HHZ.10.NZ.SAC", 100, 32768)],
    )
    def test_files_of_seismologists(self, untried, name, rate, count):
        obspy = pytest.importorskip("obspy")
        path = Path(obspy.__file__).parent / name
        if not path.exists():
            pytest.skip("ObsPy came without its files")
        signal = load_signal(path)
        assert signal.sample_rate == pytest.approx(rate) and len(signal.samples) == count


class TestRecords:
    def test_the_samples_count_in_the_hash_of_a_record(self, files, untried, tmp_path):
        for suffix in (".hea", ".dat"):
            shutil.copy(files["r1.hea"][0].with_suffix(suffix), tmp_path)
        first = file_hash(tmp_path / "r1.hea")
        assert load_signal(tmp_path / "r1.dat").sha256 == first == load_signal(tmp_path / "r1.hea").sha256
        content = bytearray((tmp_path / "r1.dat").read_bytes())
        content[100] ^= 1
        (tmp_path / "r1.dat").write_bytes(content)
        assert file_hash(tmp_path / "r1.hea") != first

    def test_annotations_are_counted(self, files, untried):
        assert "2 annotations, the first of them 'blink'" in texts(load_signal(files["a.edf"][0]))

    def test_a_discontinuous_file_is_refused(self, files, untried, tmp_path):
        content = bytearray(files["a.edf"][0].read_bytes())
        content[192:197] = b"EDF+D"
        (tmp_path / "a.edf").write_bytes(content)
        with pytest.raises(InputError, match=r"a.edf byte 192: .*discontinuous .*export each part"):
            load_signal(tmp_path / "a.edf")

    def test_channels_of_several_rates_have_no_mean(self, files, untried):
        with pytest.raises(InputError, match=r"a\.edf: the channels differ in rate"):
            load_signal(files["a.edf"][0], channel="mix")


@pytest.mark.parametrize(
    ("name", "part", "whole"),
    [("a.tdms", "acc", "Vibration/acc"), ("a.mseed", "bhz", "IU.ANMO.00.BHZ"), ("a.h5", "acc/2", "run1/acc/2")],
)
def test_the_last_part_of_a_name_is_enough(files, untried, name, part, whole):
    assert load_signal(files[name][0], channel=part).channel == whole
    with pytest.raises(InputError, match="does not exist"):
        load_signal(files[name][0], channel="c")


def test_what_has_no_rate_is_left_out_of_all_and_said(untried, tmp_path):
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=TONE).attrs["fs"] = RATE
        file.create_dataset("filter", data=TONE[:20])
    (signal,) = load_signals(tmp_path / "a.h5", channel="all")
    assert signal.channel == "x" and "without a sampling rate, so left out: filter" in texts(signal)


def test_options_of_text_files_are_not_passed_over(files, untried):
    text = TextOptions(decimal=",", time_col="t", value_col="Resp")
    signal = load_signal(files["a.edf"][0], text=text)
    assert signal.channel == "Resp" and "decimal, time_col not used for EDF or BDF" in texts(signal)
    assert "value_col not used" in texts(load_signal(files["a.edf"][0], channel=1, text=TextOptions(value_col="Resp")))


def test_universal_files_of_other_functions_are_refused_by_name(tmp_path):
    import pyuff

    axes = {"abscissa_spacing": 1, "abscissa_inc": 1.0, "abscissa_min": 0.0, "z_axis_value": 0.0, "num_pts": 100}
    kinds = {"abscissa_spec_data_type": 18, "ordinate_spec_data_type": 12, "orddenom_spec_data_type": 13}
    node = {"rsp_node": 3, "rsp_dir": 3, "ref_node": 1, "ref_dir": 3, "x": TIME[:100], "ord_data_type": 6}
    record = pyuff.prepare_58(binary=0, id1="H", func_type=4, data=TONE[:100] + 1j, **axes, **kinds, **node)
    pyuff.UFF(str(tmp_path / "a.uff")).write_sets([record], "add")
    with pytest.raises(InputError, match=r"a.uff: no record over time, .*holds frequency response functions \(1\)"):
        load_signal(tmp_path / "a.uff")


def test_the_sound_of_a_phone_is_that_of_the_microphone(untried, tmp_path):
    sound(tmp_path / "a.m4a")
    signal = load_signal(tmp_path / "a.m4a")
    assert len(signal.samples) in (44100, 44100 + 1024)  # with the delay of the codec
    spectrum = abs(np.fft.rfft(signal.samples * np.hanning(len(signal.samples))))
    assert spectrum.argmax() * 44100 / len(signal.samples) == pytest.approx(1000, abs=2)
    assert np.sqrt(2) * signal.samples[5000:-5000].std() == pytest.approx(0.5, rel=0.02)


def test_info_lists_channels_with_their_rates_and_units(files, untried, dstft):
    path = files["a.edf"][0]
    told = dstft("info", path)
    assert told.code == 0 and "format         EDF or BDF" in told.out
    assert "3000 samples at 500 Hz" in told.out and "300 samples at 50 Hz" in told.out
    (facts,) = json.loads(dstft("info", path, "--json").out)
    assert [(c["name"], c["unit"], c["sample_rate_hz"]) for c in facts["channels"]] == [
        ("EEG Fpz-Cz", "uV", 500.0),
        ("Resp", "mV", 50.0),
    ]


def test_optimize_reads_them_and_keeps_their_clock(files, untried, dstft, tmp_path):
    options = ["--set", "optimizer.steps=1", "--figures", "none", "-o", tmp_path / "out"]
    run = dstft("optimize", files["a.tdms"][0], "--channel", "Vibration/acc", *options)
    assert run.code == 0, run.err
    facts = json.loads((tmp_path / "out" / "metrics.json").read_text())["input"]
    assert (facts["channel"], facts["unit"], facts["sample_rate"]) == ("Vibration/acc", "g", RATE)
    assert facts["began"].startswith(str(BEGAN))


def test_a_batch_finds_them_in_folders(tmp_path):
    for i, extension in enumerate(EXTENSIONS):
        (tmp_path / f"{i}{extension.upper() if i % 2 else extension}").touch()
    for name in ("r1.hea", "r1.dat", "r1.atr", "lonely.dat"):
        (tmp_path / name).touch()
    items, _ = find_inputs([str(tmp_path)], [], tmp_path / "out")
    names = {Path(item.path).name for item in items}
    assert len(names) == len(EXTENSIONS) + 2 and {"r1.hea", "lonely.dat"} <= names
    items, _ = find_inputs([str(tmp_path / "r1.[hd]*")], [], tmp_path / "out")
    assert [Path(item.path).name for item in items] == ["r1.hea"]
