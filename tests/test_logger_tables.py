"""Habits of loggers, each in many wordings: what is time, what is none, what a row of units is, where the numbers begin."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from text_tables import TIME, N, X, Y, write

from dstft_cli.errors import InputError
from dstft_cli.recordings.request import TextOptions, warnings_in
from dstft_cli.recordings.signal import load_signal, load_signals

TIMES = [f"{t:.3f}" for t in TIME]
COUNT = range(1, N + 1)
SECONDS = {
    **dict.fromkeys(["Time (sec.)", "elapsed_seconds", "T(s)", "X [s]", "Время (с)", "Temps (s)", "in s"], 1),
    **dict.fromkeys(
        ["millis", "t/ms", "MillisecondsSinceStart", "Время, мс", "Zeit in ms", "czas [ms]", "time.ms", "ms"], 1e-3
    ),
    **dict.fromkeys(["micros", "time_stamp(us)", "Time (µs)", "uS"], 1e-6),
    **{
        "Time (10ns)": 1e-8,
        "timestamp_ns": 1e-9,
        "time_d": 86400,
        "Hours": 3600,
        "Time (days)": 86400,
        "Elapsed (min)": 60,
    },
}
COUNTERS = [
    *(
        "#",
        "No.",
        "Seq",
        "RECORD",
        "Scan #",
        "Line",
        "Unnamed: 0",
        "Punkt",
        "Zeile",
        "Echantillon",
        "event_id",
        "S.No",
        "Tick",
        "",
    ),
    *("Номер", "lfd. Nr.", "epoch", "whatever"),
]
NO_TIMES = {
    **{"Frequency (Hz)": "a frequency", "Depth_m": "a position", "Angle (deg)": "an angle", "rpm": "a speed"},
    **{
        "Wavelength (nm)": "a wavelength",
        "Voltage (V)": "a voltage",
        "Weg [mm]": "a position",
        "q": "does not say that it is time",
    },
}
UNIT_ROWS = {
    "time,acc,gyro": ("s,g,dps", ("g", "dps")),
    "Source,CH1,CH2": ("Second,Volt,Volt", ("Volt", "Volt")),
    "Time,Temp,RH": ("[s],[°C],[%]", ("°C", "%")),
    "t,p,q": (",m/s^2,count/s", ("m/s^2", "count/s")),
}
START = datetime(2024, 3, 30, 23, 59, 59, 900000)
CLOCKS = {
    "%Y-%m-%dT%H:%M:%S.%fZ": "2024-03-30T23:59:59.900000Z",
    "%Y-%m-%dT%H:%M:%S.%f+02:00": "2024-03-30T21:59:59.900000Z",
    "%d.%m.%Y %H:%M:%S.%f": "2024-03-30T23:59:59.900000",
    "%m/%d/%Y %I:%M:%S.%f %p": "2024-03-30T23:59:59.900000",
    "%d-%b-%Y %H:%M:%S.%f123": "2024-03-30T23:59:59.900000123",
    "%Y%m%d %H%M%S.%f": "2024-03-30T23:59:59.900000",
    "%H:%M:%S:%f": "23:59:59.900000",
    "%I:%M:%S.%f %p": "23:59:59.900000",
}


def rows(*columns, between=",", end="\n") -> str:
    return "".join(between.join(map(str, row)) + end for row in zip(*columns, strict=True))


def stamps(form: str, step: float = 1 / 200) -> list[str]:
    return [(START + timedelta(seconds=i * step)).strftime(form) for i in range(N)]


@pytest.mark.parametrize("name", SECONDS)
def test_a_unit_of_time_is_understood(tmp_path, name):
    signal = load_signal(write(tmp_path, f'"{name}",acc\n' + rows(range(100, 100 + 5 * N, 5), X)))
    assert signal.sample_rate == pytest.approx(1 / (5 * SECONDS[name]), rel=1e-12)
    assert signal.channels == ("acc",) and not any("read in seconds" in note.text for note in signal.notes)


@pytest.mark.parametrize("name", COUNTERS)
def test_a_counter_is_no_clock(tmp_path, name):
    path = write(tmp_path, f'"{name}",acc\n' + rows(COUNT, X))
    with pytest.raises(InputError, match="only counts the rows"):
        load_signal(path)
    assert load_signal(path, fs=50).channels == ("acc",)
    beside = write(tmp_path, f'"{name}","Date Time",acc\n' + rows(COUNT, stamps("%Y-%m-%d %H:%M:%S.%f"), X))
    assert (load_signal(beside).sample_rate, load_signal(beside).channels) == (200, ("acc",))


@pytest.mark.parametrize("name", NO_TIMES)
def test_what_is_no_time_is_no_clock(tmp_path, name):
    path = write(tmp_path, f'"{name}",amp\n' + rows(TIMES, X))
    with pytest.raises(InputError, match=f"{NO_TIMES[name]}.*--fs"):
        load_signal(path)


def test_names_and_units_may_stand_around_a_row_of_remarks(tmp_path):
    head = "S_Timestamp;S_Acc X;S_Acc Y\nCAL;CAL;CAL\nms;m/(s^2);m/(s^2)\n"
    signal = load_signal(write(tmp_path, head + rows(range(0, 5 * N, 5), X, Y, between=";")))
    assert (signal.sample_rate, signal.unit, signal.channels) == (200, "m/(s^2)", ("S_Acc X", "S_Acc Y"))


def test_of_several_clocks_the_finest_that_agrees_gives_the_rate(tmp_path):
    lumps = [stamps("%Y-%m-%dT%H:%M:%S.%f")[i // 8 * 8] for i in range(N)]  # the phone's, for each packet
    text = "Phone timestamp;sensor timestamp [ns];ecg [uV]\n" + rows(
        lumps, range(10**18, 10**18 + N * 5000000, 5000000), X, between=";"
    )
    signal = load_signal(write(tmp_path, text))
    assert (signal.sample_rate, signal.unit, signal.channels) == (200, "uV", ("ecg",))
    assert any("'Phone timestamp') is uneven" in note.text for note in signal.notes)
    twice = load_signal(write(tmp_path, "X [s],EMG [V],X [s],ACC [g]\n" + rows(TIMES, X, [2 * t for t in TIME], Y)))
    assert (twice.sample_rate, twice.channels) == (200, ("EMG", "ACC"))


@pytest.mark.parametrize("names", UNIT_ROWS)
@pytest.mark.parametrize("between", ["", "\n"])
def test_a_row_of_units_below_the_names(tmp_path, names, between):
    units, expected = UNIT_ROWS[names]
    signals = load_signals(write(tmp_path, f"{names}\n{between}{units}\n" + rows(TIMES, X, Y)), channel="all")
    assert tuple(signal.unit for signal in signals) == expected
    assert (signals[0].sample_rate, signals[0].channels) == (200, tuple(names.split(",")[1:]))


@pytest.mark.parametrize("form", CLOCKS)
@pytest.mark.parametrize("between", [",", ";"])
def test_a_clock_in_text_gives_rate_and_start(tmp_path, form, between):
    signal = load_signal(write(tmp_path, f"when{between}acc\n" + rows(stamps(form), X, between=between)))
    assert (signal.sample_rate, signal.began, signal.channels) == (200, CLOCKS[form], ("acc",))


@pytest.mark.parametrize(
    ("form", "step"), [("%m/%d/%Y", 86400), ("%d/%m/%Y", 86400), ("%d/%m/%y %H:%M", 900), ("%m/%d/%y %I:%M %p", 900)]
)
def test_day_and_month_are_told_apart_by_the_days_that_follow(tmp_path, form, step):
    signal = load_signal(write(tmp_path, "when,level\n" + rows(stamps(form, step), X)))
    assert signal.sample_rate == pytest.approx(1 / step) and signal.began.startswith("2024-03-30")


def test_date_and_time_may_stand_in_two_columns_and_days_may_be_those_of_a_spreadsheet(tmp_path):
    two = write(tmp_path, "Date;Time;acc\n" + rows(stamps("%d.%m.%Y"), stamps("%H:%M:%S.%f"), X, between=";"))
    assert (load_signal(two).sample_rate, load_signal(two).began) == (200, "2024-03-30T23:59:59.900000")
    days = write(tmp_path, "Excel date,level\n" + rows([f"{45381.5 + i / 24:.9f}" for i in range(N)], X))
    assert load_signal(days).sample_rate == pytest.approx(1 / 3600, rel=1e-6)


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (stamps("%H:%M:%S"), r"line 3.*repeats"),
        (stamps("%H:%M", 60), "hours and minutes, or minutes and seconds"),
        ([*stamps("%H:%M:%S.%f")[:30], "noon", *stamps("%H:%M:%S.%f")[31:]], "line 32.*found 'noon'"),
        (
            [*stamps("%Y-%m-%d %H:%M:%S.%f")[:30], *stamps("%Y-%m-%d 04:%M:%S.%f")[30:]],
            "line 32.*time jumps from 2024-03-31",
        ),
        (stamps("%Y-%m-%d %H:%M:%S.%f")[::-1], "newest sample is first"),
    ],
)
def test_a_clock_that_gives_no_rate_is_refused_with_the_line(tmp_path, cells, says):
    with pytest.raises(InputError, match=says):
        load_signal(write(tmp_path, "time,acc\n" + rows(cells, X)))


def test_the_nearest_simple_rate_within_the_resolution_of_the_clock(tmp_path):
    for hz, digits in ((360, 6), (44100, 9), (1 / 3, 3), (117, 12)):
        path = write(tmp_path, "time [s],acc\n" + rows([f"{i / hz:.{digits}f}" for i in range(N)], X))
        assert load_signal(path).sample_rate == pytest.approx(hz, rel=1e-12 if digits != 12 else 1e-9)


def test_days_or_seconds_are_asked_for_where_seconds_are_unlikely(tmp_path):
    path = write(tmp_path, "time,acc\n" + rows([f"{45381.5 + i / 8640000:.10f}" for i in range(N)], X))
    with pytest.raises(InputError, match=r"days, which give 100.* --time-unit d or s"):
        load_signal(path)
    assert load_signal(path, text=TextOptions(time_unit="d")).sample_rate == pytest.approx(100, rel=1e-4)
    assert (
        load_signal(write(tmp_path, "time,acc\n" + rows([f"{45381.5 + i / 200}" for i in range(N)], X))).sample_rate
        == 200
    )


@pytest.mark.parametrize("first", ["unit7", '"unit7"', "Mon", "$GPACC", "7A", "", "192.168.0.1", "T2024-05-03"])
def test_text_before_the_numbers_is_passed_over(tmp_path, first):
    signal = load_signal(write(tmp_path, "device,time,acc\n" + rows([first] * N, TIMES, X)))
    assert (signal.sample_rate, signal.channels, signal.samples.tolist()) == (200, ("acc",), X.tolist())


@pytest.mark.parametrize("between", [",", ";", "\t", "|"])
def test_a_delimiter_at_the_end_of_each_line_moves_no_name(tmp_path, between):
    text = f"acc{between}gyro\n" + rows(X, Y, between=between, end=between * 2 + "\n")
    signal = load_signal(write(tmp_path, text), fs=200, text=TextOptions(value_col="acc"))
    assert (signal.channel, signal.samples.tolist()) == ("acc", X.tolist())


@pytest.mark.parametrize("width", [5, 6, 8])
def test_one_signal_over_several_columns(tmp_path, width):
    cells = [X[i : i + width].tolist() for i in range(0, N, width)]
    text = "".join("  ".join(map(str, line)) + "\n" for line in cells)
    signal = load_signal(write(tmp_path, f"DT= 0.0050 SEC   NPTS= {N}\n{text}", "a.txt"))
    assert (signal.samples.tolist(), signal.sample_rate) == (X.tolist(), 200)
    with pytest.raises(InputError, match=rf"either {width} channels of .* or one signal of {N} samples"):
        load_signal(write(tmp_path, text, "a.txt"), fs=200)
    assert len(load_signal(tmp_path / "a.txt", fs=200, duration=0.01, text=TextOptions(value_col=1)).samples) == 2


def test_channels_that_are_alike_are_no_single_signal(tmp_path):
    walk = np.random.default_rng(3).standard_normal(N).cumsum()
    for array in (walk[:, None] + np.arange(4), np.sin(np.arange(N)[:, None] / 30 + np.arange(4) / 2)):
        signal = load_signal(write(tmp_path, rows(*array.round(5).T.tolist())), fs=100)
        assert len(signal.samples) == N and len(signal.channels) == 4


@pytest.mark.parametrize(
    ("head", "fs", "rate"),
    [
        ("1544027337.00\n64.00\n", None, 64),
        ("1544027337.00\n64.00\n", 64, 64),
        (f"{N}\n", 64, 64),
        (f"{N}\n50\n", None, 50),
        ("64\n", 64, 64),
    ],
)
def test_first_values_that_are_no_samples_are_left_out_and_said(tmp_path, head, fs, rate):
    signal = load_signal(write(tmp_path, head + rows(X)), fs=fs)
    assert (signal.sample_rate, signal.samples.tolist()) == (rate, X.tolist())
    assert any("sample" in note.text for note in signal.notes)
    assert "--skip-rows 1" in "".join(warnings_in(load_signal(write(tmp_path, "5000\n" + rows(X)), fs=64).notes))


@pytest.mark.parametrize(("apart", "decimal"), [(".", ","), ("'", "."), ("\u202f", ","), (" ", ".")])
def test_digits_in_groups(tmp_path, apart, decimal):
    values = np.round(5000 * X + 20000, 2)
    cells = [f"{v:,.2f}".replace(",", "_").replace(".", decimal).replace("_", apart) for v in values.tolist()]
    signal = load_signal(write(tmp_path, "t;p\n" + rows([t.replace(".", decimal) for t in TIMES], cells, between=";")))
    assert signal.samples.tolist() == values.tolist() and signal.sample_rate == 200
    assert any("was read as" in note.text for note in signal.notes)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([f"{t} s,{x} g" for t, x in zip(TIMES, X, strict=True)], "units stand within the cells"),
        (
            [f"{t[:1]}  {t[1:]},7  .{1000 * x:.0f}" for t, x in zip(TIMES, abs(X), strict=True)],
            "unclear where a cell ends",
        ),
        (
            [f"{t[:4].replace('.', ',')},0,{abs(x):.4f}"[:-6] + "0012" for t, x in zip(TIMES, X, strict=True)],
            "commas may separate",
        ),
        (
            [f"{'ACC' if i % 2 else 'GYR'},{t},{x}" for i, (t, x) in enumerate(zip(TIMES, X, strict=True))],
            "2 sensors in turn",
        ),
    ],
)
def test_lines_that_can_be_read_in_two_ways_are_refused_even_with_a_rate(tmp_path, lines, says):
    with pytest.raises(InputError, match=says):
        load_signal(write(tmp_path, "\n".join(lines) + "\n"), fs=200)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("時間(s),加速度\n", "cp932"),
        ("Время (с),Ускорение\n", "cp1251"),
        ("时间(s),加速度\n", "gb18030"),
        ("time,Größe\n", "cp1252"),
    ],
)
def test_names_in_other_encodings(tmp_path, text, encoding):
    signal = load_signal(write(tmp_path, text + rows(TIMES, X), encoding=encoding))
    assert (signal.channel, signal.sample_rate) == (text.strip().split(",")[1], 200)


@pytest.mark.parametrize("tail", ["\0" * 300, "\x1a", "\x1a\r\n"])
def test_fillers_behind_the_text_are_ignored(tmp_path, tail):
    assert load_signal(write(tmp_path, "time,acc\n" + rows(TIMES, X) + tail)).samples.tolist() == X.tolist()


@pytest.mark.parametrize(
    "lines",
    [
        [f"12:00:{i / 200:06.3f} -> {x}" for i, x in enumerate(X.tolist())],
        [f"| {t} | {x} |" for t, x in zip(TIMES, X.tolist(), strict=True)],
        [f"{t}  {100 + x:8.3f}{-1000 - x:.3f}" for t, x in zip(TIMES, X.tolist(), strict=True)],
    ],
    ids=["serial monitor", "table of bars", "touching columns"],
)
def test_forms_of_lines(tmp_path, lines):
    signal = load_signal(write(tmp_path, "\n".join(lines) + "\n", "a.txt"))
    assert signal.sample_rate == 200 and len(signal.samples) == N


def test_labels_of_a_plotter_name_the_columns(tmp_path):
    signal = load_signal(write(tmp_path, rows([f"acc:{x}" for x in X], [f"gyro:{y}" for y in Y])), fs=200)
    assert (signal.channels, signal.samples.tolist()) == (("acc", "gyro"), X.tolist())
