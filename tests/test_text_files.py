"""Text files: one signal in many layouts, names and units, a refusal that names the line."""

import numpy as np
import pytest
from text_tables import DATA, TIME, N, X, Y, table, write

from dstft_cli.errors import InputError
from dstft_cli.recordings.notes import Note
from dstft_cli.recordings.request import TextOptions
from dstft_cli.recordings.signal import load_signal, load_signals

COMMA = {"between": ";", "decimal": ","}
LAYOUTS = {
    "comma": ("time [s],x\n" + table(TIME, X), "utf-8"),
    "semicolon": ("time [s];x\n" + table(TIME, X, between=";"), "utf-8"),
    "tab": ("time [s]\tx\n" + table(TIME, X, between="\t"), "utf-8"),
    "pipe": ("time [s]|x\n" + table(TIME, X, between="|"), "utf-8"),
    "spaces": ("  Time (s)    X\n" + table(TIME, X, between="    "), "utf-8"),
    "comma and space": ("time [s], x\n" + table(TIME, X, between=", "), "utf-8"),
    "decimal comma": ("Zeit [s];x\n" + table(TIME, X, **COMMA), "utf-8"),
    "decimal comma, tab": ("Zeit [s]\tx\n" + table(TIME, X, between="\t", decimal=","), "utf-8"),
    "decimal comma, spaces": (table(TIME, X, between="  ", decimal=","), "utf-8"),
    "no names": (table(TIME, X), "utf-8"),
    "comments": ("# made by hand\n% twice\n; three, times\ntime,x\n" + table(TIME, X), "utf-8"),
    "names in a comment": ("# time x\n" + table(TIME, X, between=" "), "utf-8"),
    "comment and blank lines inside": (
        "t,x\n" + table(TIME[:9], X[:9]) + "\n# a, b, c, d, e\n\n" + table(TIME[9:], X[9:]) + ",\n\n",
        "utf-8",
    ),
    "CRLF": ("time,x\r\n" + table(TIME, X, end="\r\n"), "utf-8"),
    "CR": ("time,x\r" + table(TIME, X, end="\r"), "utf-8"),
    "byte order mark": ("time,x\n" + table(TIME, X), "utf-8-sig"),
    "UTF-16": ("time,x\n" + table(TIME, X), "utf-16"),
    "Windows-1252": ("Zeit (s);Größe\n" + table(TIME, X, **COMMA), "cp1252"),
    "quotes": ('"time","x"\n"' + table(TIME, X, between='","', end='"\n"')[:-1], "utf-8"),
    "quotes around decimal commas": (
        '"t","x"\n"' + table(TIME, X, between='","', decimal=",", end='"\n"')[:-1],
        "utf-8",
    ),
    "trailing delimiter": ("time,x,\n" + table(TIME, X, end=",\n"), "utf-8"),
    "units below names": ("Time,Channel A\n(s),(mV)\n\n" + table(TIME, X), "utf-8"),
    "title above names": ("Report of a run, 3 pages\nOperator,Mo\ntime,x\n" + table(TIME, X), "utf-8"),
    "last line open": ("time,x\n" + table(TIME, X)[:-1], "utf-8"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_signal_is_read_alike_from_every_layout(tmp_path, layout):
    signal = load_signal(write(tmp_path, *LAYOUTS[layout][:1], encoding=LAYOUTS[layout][1]))
    assert signal.samples.tolist() == X.tolist()
    assert signal.sample_rate == 200.0


def test_names_and_units_come_apart(tmp_path):
    text = "Time (ms),acc [g],Digital (D11),speed (m/s^2),acc [g]\n" + table(1000 * TIME, X, Y, X + Y, X - Y)
    signals = load_signals(write(tmp_path, text), channel="all")
    assert [(s.channel, s.unit) for s in signals] == [
        ("acc", "g"),
        ("Digital (D11)", ""),
        ("speed", "m/s^2"),
        ("acc 2", "g"),
    ]
    assert signals[0].sample_rate == 200.0


@pytest.mark.parametrize(
    "names",
    [
        "# time acceleration (g)",
        "# Labels:= time acceleration\n# Units:= g",
        "time  acceleration (g)",
        "time acceleration(g)",
    ],
)
def test_names_among_spaces_or_in_comments(tmp_path, names):
    signal = load_signal(write(tmp_path, f"{names}\n" + table(TIME, X, between=" ")))
    assert (signal.channel, signal.unit) == ("acceleration", "g")


def test_names_of_several_words_are_separated_by_wide_gaps(tmp_path):
    signal = load_signal(write(tmp_path, "Elapsed time   left bearing\n" + table(TIME, X, between="  ")))
    assert (signal.channel, signal.sample_rate) == ("left bearing", 200.0)


def test_a_column_of_row_numbers_may_have_no_name(tmp_path):
    signal = load_signal(write(tmp_path, "time x\n" + table(np.arange(N) + 1, TIME, X, between=" ")))
    assert (signal.channels, signal.sample_rate) == (("x",), 200.0)


def test_names_and_units_may_stand_on_two_lines(tmp_path):
    signal = load_signal(write(tmp_path, "Time,Channel A\n(ms),(mV)\n\n" + table(1000 * TIME, X)))
    assert (signal.channel, signal.unit, signal.sample_rate) == ("Channel A", "mV", 200.0)


@pytest.mark.parametrize("sign", ["#", "%", ";", "//", "!"])
def test_a_comment_is_skipped_wherever_it_is(tmp_path, sign):
    rows = table(TIME, X).splitlines(keepends=True)
    rows[30:30] = [f"{sign} gap, sensor changed, 3\n"]
    signal = load_signal(write(tmp_path, "time,x\n" + f"{sign} by hand\n" + "".join(rows)))
    assert signal.samples.tolist() == X.tolist() and signal.channels == ("x",)


def test_channels_count_the_columns_of_values_only(tmp_path):
    path = write(tmp_path, "n,time,off,left,right\n" + table(np.arange(N), TIME, 0 * X, X, Y))
    first = load_signal(path)
    assert (first.channel, first.channels) == ("left", ("left", "right"))
    assert Note("using channel 'left' of 2; choose another with --channel: right, mix or all") in first.notes
    assert load_signal(path, channel=2).samples.tolist() == Y.tolist()
    assert load_signal(path, channel="RIGHT").channel == "right"
    assert np.allclose(load_signal(path, channel="mix").samples, (X + Y) / 2, atol=1e-15)
    with pytest.raises(InputError, match=r"channel 'up' does not exist; .* left, right"):
        load_signal(path, channel="up")


def test_value_col_counts_the_columns_of_the_file(tmp_path):
    path = write(tmp_path, "time,off,left [g],right\n" + table(TIME, 0 * X, X, Y))
    for key in (3, "3", "left", "left [g]"):
        assert load_signal(path, text=TextOptions(value_col=key)).samples.tolist() == X.tolist()
    assert load_signal(path, text=TextOptions(value_col="off")).samples.tolist() == [0.0] * N
    with pytest.raises(InputError, match=r"--value-col 'up' does not exist; .* time, off, left, right"):
        load_signal(path, text=TextOptions(value_col="up"))


def test_a_file_of_constants_still_gives_its_first_column(tmp_path):
    assert load_signal(write(tmp_path, "time,a\n" + table(TIME, 0 * X + 5))).samples.tolist() == [5.0] * N


@pytest.mark.parametrize(
    ("cell", "shows"), [("oops", "'oops'"), ("", "an empty cell"), ("NaN", "'NaN'"), ("-inf", "-inf")]
)
@pytest.mark.parametrize(
    ("above", "options", "inside", "line"),
    [
        ("", {}, "", 41),
        ("time,x\n", {}, "", 42),
        ("# one\n\n# three\ntime,x\n\n", {}, "", 46),
        ("rubbish\n1,2,3\ntime,x\n", {"skip_rows": 2}, "", 44),
        ("time,x\n", {}, "\n   \n\n", 45),
        ("# one\ntime,x\n", {}, "# comment, with, commas\n\n", 45),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_cell_that_is_no_number_is_refused_with_its_line(tmp_path, cell, shows, above, options, inside, line, end):
    rows = table(TIME, X).splitlines(keepends=True)
    rows[40] = f"{TIME[40]},{cell}\n"
    text = above + "".join(rows[:20]) + inside + "".join(rows[20:])
    path = write(tmp_path, text.replace("\n", end))
    with pytest.raises(InputError, match=rf"a\.csv line {line}, column 2.*: expected a number, found {shows};"):
        load_signal(path, text=TextOptions(**options))
    assert load_signal(path, duration=0.2, text=TextOptions(**options)).samples.tolist() == X[:40].tolist()


def test_a_bad_cell_far_down_is_found_and_harms_no_other_column(tmp_path, monkeypatch):
    monkeypatch.setattr("dstft_cli.recordings.tables.encoding._HEAD", 1000)
    n = 5000
    rows = [f"{i / 1000},{i % 7},{i % 5}\n" for i in range(n)]
    rows[4000] = "4.0,over,0\n"
    path = write(tmp_path, "time,a,b\n" + "".join(rows))
    with pytest.raises(InputError, match=r"line 4002, column 2 \('a'\): expected a number, found 'over'"):
        load_signal(path)
    assert load_signal(path, channel="b").samples.sum() == 2 * n


@pytest.mark.parametrize("extra", [",9", ",9,9,9"])
def test_a_line_with_too_many_cells_is_refused_with_its_line(tmp_path, extra):
    rows = table(TIME, X).splitlines()
    rows[40] += extra
    with pytest.raises(InputError, match=r"a\.csv line 44\b.* columns"):
        load_signal(write(tmp_path, "# c\n\ntime,x\n" + "\n".join(rows)))


def test_a_missing_sample_inside_is_not_taken_for_a_blank_line(tmp_path):
    rows = table(TIME, X).splitlines()
    rows[40] = ","
    with pytest.raises(InputError, match=r"line 42, .* an empty cell"):
        load_signal(write(tmp_path, "time,x\n" + "\n".join(rows)))


def test_an_ignored_line_of_numbers_above_is_noted(tmp_path):
    signal = load_signal(write(tmp_path, "17,2,3\ntime,x\n" + table(TIME, X)))
    assert any(note.text.startswith("line 1 ('17,2,3') was ignored") for note in signal.notes)


def test_a_line_with_a_number_that_is_taken_for_names_is_noted(tmp_path):
    path = write(tmp_path, "time,x\nstart,0.25\n" + table(TIME, X))
    assert load_signal(path).notes[0] == Note("line 2 ('start,0.25') was read as the names of the columns")
    assert not any("names" in note.text for note in load_signal(path, text=TextOptions(skip_rows=2)).notes)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("time,x\n", "no line of numbers"),
        ("\n\n\n", "no line of numbers"),
        ("Dear all,\nno data here\n", "no line of numbers .* line 2 is 'no data here'"),
        (",".join(map(str, X)), "line 1: the only line of numbers holds 64 of them; .* below each other"),
        ("time\n" + table(TIME), r"besides the time, column 1 \('time'\)"),
        ("Timestamp,x\n2024-01-01 00:00:00,1\n2024-01-01 00:00:00,2\n", "line 3.*2024-01-01 00:00:00.*--fs"),
        ("time,x\n0,1\n1,\0\n", "byte 13 is zero, so this is not text"),
    ],
)
def test_a_file_without_a_readable_signal_is_refused_with_the_reason(tmp_path, text, says):
    with pytest.raises(InputError, match=says):
        load_signal(write(tmp_path, text))


def test_what_is_given_is_not_guessed(tmp_path):
    path = write(tmp_path, table(np.arange(N) * 7, np.arange(N) % 9 + 1))
    assert load_signal(path, fs=1, text=TextOptions(decimal=",", delimiter="semicolon")).samples[1] == 7.2
    assert load_signal(path, fs=1, text=TextOptions(delimiter="comma", value_col=2)).samples[1] == 2.0
    for word in ("tab", "space", "comma", "semicolon", "pipe"):
        mark = {"tab": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}[word]
        path = write(tmp_path, "time,x\n" + table(TIME, X, between=mark))
        signal = load_signal(path, text=TextOptions(delimiter=word))
        assert signal.samples.tolist() == X.tolist()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"delimiter": "colon"}, "delimiter 'colon': it must be one character"),
        ({"decimal": "'"}, "decimal ''': it must be . or ,"),
        ({"skip_rows": 65}, "skip_rows 65 leaves nothing, the file has 65 lines"),
        ({"skip_rows": -1}, "skip_rows -1"),
        ({"delimiter": ";"}, "no line of numbers"),
    ],
)
def test_an_option_that_cannot_serve_is_refused(tmp_path, options, says):
    with pytest.raises(InputError, match=says):
        load_signal(write(tmp_path, "time,x\n" + table(TIME, X)), fs=1, text=TextOptions(**options))


RECORDINGS = {
    "dstft_fan_flutter.csv": ({"fs": 1000}, 1000, 20000, "x", ("x",)),
    "biosppy_ecg.txt": ({}, 1000, 15000, "ECG", ("ECG",)),
    "biosppy_eeg_eyes_closed.txt": ({}, 125, 7500, "EEG", ("EEG",)),
    "biosppy_acc_3axis.txt": ({}, 100, 2000, "acc_x", ("acc_x", "acc_y", "acc_z")),
    "heartpy_ppg_mstimer.csv": ({"text": TextOptions(time_unit="ms")}, 116.98775, 7020, "hr", ("hr",)),
    "heartpy_ecg_noheader.csv": ({"fs": 250}, 250, 15000, "column 1", ("column 1",)),
    "machine_vib_tempo.csv": ({}, 13349.19, 16384, "Axial", ("Axial", "Horizontal", "Vertical")),
    "machine_vib_decimalcomma.csv": (
        {},
        13349.19,
        16384,
        "Größe axial",
        ("Größe axial", "Größe horizontal", "Größe vertikal"),
    ),
    "hammer_test_3ch.lvm": ({}, 1 / 0.000977, 16384, "F", ("F", "m_1", "m_2")),
}


def recording(name):
    if not (DATA / name).is_file():
        pytest.skip(f"{name} is not at hand")
    return DATA / name


@pytest.mark.parametrize("name", RECORDINGS)
def test_real_recordings_give_their_rate_length_and_channels(name):
    options, rate, samples, channel, channels = RECORDINGS[name]
    signal = load_signal(recording(name), **options)
    assert signal.sample_rate == pytest.approx(rate, rel=1e-6)
    assert (len(signal.samples), signal.channel, signal.channels) == (samples, channel, channels)


def test_an_openbci_file_gives_its_declared_rate_in_spite_of_uneven_stamps():
    signal = load_signal(recording("openbci_eeg_60s.txt"))
    assert signal.sample_rate == 250.0 and len(signal.samples) == 15000
    assert signal.channels[:8] == tuple(f"EXG Channel {i}" for i in range(8))
    assert signal.samples[:2].tolist() == [61379.36, 60973.46]
    assert any("column 23 ('Timestamp') is uneven" in note.text for note in signal.notes)


def test_labview_units_and_values_stand_with_their_channels():
    force, acceleration, _ = load_signals(recording("hammer_test_3ch.lvm"), channel="all")
    assert (force.unit, acceleration.unit) == ("g", "m/s^2")
    assert (force.samples[0], acceleration.samples[0]) == (0.052530, 0.234571)
