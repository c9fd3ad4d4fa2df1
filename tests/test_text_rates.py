"""The sampling rate of text files: where it stands, which statement wins, when time is refused."""

import numpy as np
import pytest
from text_tables import TIME, N, X, Y, table, write

from dstft_cli.errors import InputError
from dstft_cli.recordings.notes import Note
from dstft_cli.recordings.request import TextOptions, warnings_in
from dstft_cli.recordings.signal import load_signal


@pytest.mark.parametrize("decimal", [".", ","])
def test_one_bare_column_needs_the_rate_and_says_so(tmp_path, decimal):
    path = write(tmp_path, table(X, decimal=decimal), "a.txt")
    with pytest.raises(InputError, match=r"a\.txt: no time column .* with --fs"):
        load_signal(path)
    signal = load_signal(path, fs=50)
    assert signal.samples.tolist() == X.tolist() and signal.sample_rate == 50.0


@pytest.mark.parametrize(
    ("name", "per_second", "first"),
    [
        ("time", 1, 0),
        ("T", 1, 7),
        ("Zeit (s)", 1, 0),
        ("timer [ms]", 1000, 0),
        ("t_us", 10**6, 0),
        ("time_ns", 10**9, 5),
        ("Elapsed Time (min)", 1 / 60, 0),
        ("Timestamp", 1, 1_557_936_053),
        ("Timestamp", 10**3, 1_557_936_053_329),
        ("Timestamp", 10**6, 1_557_936_053_329_000),
        ("Timestamp", 10**9, 1_557_936_053_329_000_000),
    ],
)
def test_the_unit_of_time_comes_from_its_name_or_from_the_size_of_a_unix_time(tmp_path, name, per_second, first):
    step = per_second / 200
    times = first + (np.arange(N) * int(step) if step == int(step) else np.arange(N) * step)
    signal = load_signal(write(tmp_path, f"{name},x\n" + table(times, X)))
    assert signal.sample_rate == pytest.approx(200, rel=1e-6)
    assert signal.channels == ("x",)


def test_the_rate_is_steps_over_elapsed_time_not_one_over_the_median_step(tmp_path):
    times = np.round(np.arange(1000) / 117, 3)  # steps of 8 or 9 ms, their median 9 ms
    signal = load_signal(write(tmp_path, "time [s],x\n" + table(times, np.resize(X, 1000))))
    assert signal.sample_rate == pytest.approx(999 / times[-1], rel=1e-11)
    assert abs(signal.sample_rate - 117) < 0.01


def test_time_without_a_unit_is_read_in_seconds_with_a_note_and_below_1_hz_with_a_hint(tmp_path):
    path = write(tmp_path, "timer,x\n" + table(8.5 * np.arange(N), X))
    (note,) = load_signal(path).notes
    assert "0.117647 Hz" in note.text and "--time-unit ms gives 117.647 Hz" in note.text
    signal = load_signal(path, text=TextOptions(time_unit="ms"))
    assert signal.sample_rate == pytest.approx(1000 / 8.5) and signal.notes == ()
    with pytest.raises(InputError, match="time unit 'h m s'"):
        load_signal(path, text=TextOptions(time_unit="h m s"))


@pytest.mark.parametrize("key", ["when", 2, "2"])
def test_a_time_column_asked_for_is_used(tmp_path, key):
    path = write(tmp_path, "x,when,time\n" + table(X, TIME, 2 * TIME))
    signal = load_signal(path, text=TextOptions(time_col=key))
    assert signal.sample_rate == 200.0
    assert signal.channels == ("x",)


def test_a_steadily_rising_column_is_time_where_no_name_says_so_and_the_note_tells(tmp_path):
    signal = load_signal(write(tmp_path, table(X, TIME, Y)))
    assert signal.sample_rate == 200.0
    assert signal.channels == ("column 1", "column 3")
    assert any("200 Hz from column 2, read in seconds" in note.text for note in signal.notes)


def test_a_column_that_pauses_is_not_taken_for_time(tmp_path):
    steps = np.arange(N, dtype=float)
    steps[29:31] = 29.5
    assert load_signal(write(tmp_path, "a,b\n" + table(steps, X)), fs=10).channels == ("a", "b")


@pytest.mark.parametrize("name", ["index", "Sample Index", "n", ""])
@pytest.mark.parametrize("start", [0, 1])
def test_a_row_counter_is_neither_time_nor_signal(tmp_path, name, start):
    path = write(tmp_path, f"{name},x\n" + table(np.arange(N) + start, X))
    with pytest.raises(InputError, match="no time column"):
        load_signal(path)
    assert load_signal(path, fs=10).channels == ("x",)


def test_a_counter_that_wraps_is_still_a_counter(tmp_path):
    path = write(tmp_path, "Sample Index,x\n" + table(np.arange(N) % 32, X))
    assert load_signal(path, fs=10).channels == ("x",)


@pytest.mark.parametrize("name", ["T1", "hr", "US sensor", "t [degC]", "sample"])
def test_names_that_only_resemble_time_or_a_counter_are_values(tmp_path, name):
    assert load_signal(write(tmp_path, f"{name}\n" + table(X)), fs=10).samples.tolist() == X.tolist()


@pytest.mark.parametrize(
    ("line", "rate"),
    [
        ("# Sampling Rate (Hz):= 1000.00", 1000),
        ("%Sample Rate = 250 Hz", 250),
        ("; sampling frequency: 51.2 kHz", 51200),
        ("# Sample rate: 51,200 Hz", 51200),
        ("# samplerate 2.5 MS/s", 2.5e6),
        ("# fs=44100", 44100),
        ("Delta_X\t0.000125", 8000),
        ("Sample Interval,50 us", 20000),
    ],
)
def test_a_declared_rate_is_used_with_a_note_on_its_line(tmp_path, line, rate):
    signal = load_signal(write(tmp_path, f"# 3 sensors at 17 Hz\n{line}\nx\n" + table(X)))
    assert signal.sample_rate == pytest.approx(rate)
    assert any(note.text.startswith("sampling rate ") and "Hz from line 2 (" in note.text for note in signal.notes)


@pytest.mark.parametrize("line", ["# heart rate: 72", "# baud rate = 9600", "# sampling rate unknown", "# fs = 0"])
def test_other_rates_are_not_taken_for_the_sampling_rate(tmp_path, line):
    with pytest.raises(InputError, match="no declared sampling rate"):
        load_signal(write(tmp_path, f"{line}\nx\n" + table(X)))


def test_the_rates_rank_given_asked_clock_declared(tmp_path):
    text = "# fs = {} Hz\ntime [s],x\n" + table(TIME, X)
    near, far = write(tmp_path, text.format(201), "near.csv"), write(tmp_path, text.format(400), "far.csv")
    assert load_signal(near).sample_rate == 200.0  # the clock is the finer statement
    assert load_signal(near).notes == ()
    clock = load_signal(far)
    assert clock.sample_rate == 200.0  # the samples have been there when it says so
    differs = Note("using the 200 Hz of column 1 ('time'), not the 400 Hz of line 1 ('# fs = 400 Hz'); --fs decides")
    assert clock.notes == (differs,)
    asked = load_signal(far, text=TextOptions(time_col="time"))
    assert asked.sample_rate == 200.0
    assert asked.notes == (differs,)
    given = load_signal(far, fs=300, text=TextOptions(time_col="time"))
    assert given.sample_rate == 300.0
    assert given.notes == (Note("using 300 Hz, not the 200 Hz of column 1 ('time')"),)


def test_an_uneven_time_column_is_refused_with_its_line_unless_a_rate_is_stated(tmp_path):
    times = TIME.copy()
    times[30] += 0.6 / 200
    text = "time [s],x\n" + table(times, X)
    with pytest.raises(InputError, match=r"a\.csv line 32, column 1 \('time'\): time is 0\.6 steps off .* --fs"):
        load_signal(write(tmp_path, text))
    given = load_signal(write(tmp_path, text), fs=200)
    assert given.samples.tolist() == X.tolist() and "column 1 ('time') is uneven" in given.notes[0].text
    declared = load_signal(write(tmp_path, "# Sample rate: 200 Hz\n" + text))
    assert declared.sample_rate == 200.0 and declared.channels == ("x",)
    assert any("column 1 ('time') is uneven" in note.text for note in declared.notes)


def test_time_off_by_less_than_half_a_step_is_accepted(tmp_path):
    times = TIME.copy()
    times[30] += 0.4 / 200
    assert load_signal(write(tmp_path, "time [s],x\n" + table(times, X))).sample_rate == 200.0


@pytest.mark.parametrize(("steps", "said"), [(0.4, "0.4 steps"), (0.02, "0.02 steps"), (0.005, "")])
def test_time_that_strays_from_an_even_grid_by_a_hundredth_of_a_step_is_said(tmp_path, steps, said):
    times = TIME.copy()
    times[30] += steps / 200
    notes = load_signal(write(tmp_path, "time [s],x\n" + table(times, X))).notes
    assert any(f"column 1 ('time') strays up to {said}" in note.text for note in notes) == bool(said)


def test_a_sample_missing_in_the_middle_is_warned_of(tmp_path):
    keep = np.arange(N) != N // 2
    signal = load_signal(write(tmp_path, "time [s],x\n" + table(TIME[keep], X[keep])))
    assert any(f"at line {N // 2 + 2}" in text for text in warnings_in(signal.notes))


@pytest.mark.parametrize(("value", "says"), [(TIME[29], "time repeats"), (TIME[10], "time decreases")])
def test_time_that_does_not_rise_is_refused_with_its_line(tmp_path, value, says):
    times = TIME.copy()
    times[30] = value
    with pytest.raises(InputError, match=rf"line 32, column 1 \('time'\): {says}"):
        load_signal(write(tmp_path, "time,x\n" + table(times, X)))
