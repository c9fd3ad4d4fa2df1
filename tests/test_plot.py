"""dstft plot: the same pictures again, other parts of them, other sizes; and the window lengths as a table."""

import itertools
import struct

import numpy as np
import pandas
import pytest
import soundfile
from matplotlib.text import Text

from dstft_cli import load_signal, optimize, read_result, write_result
from dstft_cli.cli.plot import FIGURES as OFFERED
from dstft_cli.figures.axis_scales import time_scale
from dstft_cli.figures.frame_timeline import frame_timeline
from dstft_cli.figures.of_result import FIGURES, make_figures
from dstft_cli.figures.shown.view import View

RATE, START = 2000, 1.25
SHAPES = {"constant": (1, 1), "time-varying": (1, 51), "frequency-varying": (33, 1), "tf-varying": (33, 51)}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Results by name, of 0.4 s from 1.25 s on of a recording that is then gone: the modes, moving frames, double precision."""
    folder = tmp_path_factory.mktemp("results")
    time = np.arange(2 * RATE) / RATE
    wave = np.sin(2 * np.pi * 200 * time) + 0.3 * np.random.default_rng(1).standard_normal(len(time))
    wave[2900] += 60
    soundfile.write(folder / "in.wav", wave / 25, RATE, subtype="DOUBLE")
    signal = load_signal(folder / "in.wav", start=START, duration=0.4)
    (folder / "in.wav").unlink()
    usual = {"support": 64, "hop": 16, "steps": 2, "dpi": 20}
    runs = {mode: {"mode": mode} for mode in SHAPES}
    runs["moving"] = {"mode": "time-varying", "hop_mode": "time-varying", "figures.format": "svg"}
    runs["double"] = {"mode": "time-varying", "hop_mode": "overlap", "hop": None, "dtype": "float64"}
    runs["frequency-varying"]["figures.fmax"] = 800  # cuts pictures, not the table
    for name, settings in runs.items():
        write_result(optimize(signal, **{**usual, **settings}), folder / name, figures=name == "moving")
    return folder


def contents(folder) -> dict:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def pictures(folder) -> dict:
    return {name: data for name, data in contents(folder).items() if name.endswith(("png", "svg", "pdf"))}


def table(text) -> pandas.DataFrame:
    return pandas.read_csv(text, converters={"theta_ms": float})


class TestFigures:
    def test_without_options_are_those_of_the_run_to_the_byte(self, dstft, results, tmp_path):
        run = dstft("plot", results / "moving", "-o", tmp_path / "again")
        assert run.code == 0
        drawn = pictures(results / "moving")
        assert drawn.keys() == {f"{name}.svg" for name in FIGURES if name != "reassigned"}
        assert pictures(tmp_path / "again") == drawn
        assert sorted(run.out.split()) == sorted(str(tmp_path / "again" / file) for file in drawn)

    def test_go_below_the_result_which_stays_as_it_is(self, dstft, results):
        before = contents(results / "constant")
        assert dstft("plot", results / "constant" / "result.npz", "--figure", "loss", "--db-range", 60).code == 2
        assert dstft("plot", results / "constant", "--figure", "theta", "--format", "svg").code == 0
        assert contents(results / "constant") == before
        assert list(contents(results / "constant" / "plots")) == ["theta.svg"]

    @pytest.mark.parametrize(("fmax", "said"), [(99999, True), (100, False), ("full", False)])
    def test_end_at_half_the_sampling_rate_which_is_said(self, dstft, results, tmp_path, fmax, said):
        run = dstft("plot", results / "constant", "--figure", "spectrogram", "-o", tmp_path / "a.png", "--fmax", fmax)
        assert run.code == 0
        assert ("the pictures end at half the sampling rate" in run.err) == said

    def test_there_already_are_replaced_by_force_only(self, dstft, results, tmp_path):
        file = tmp_path / "mine.png"
        file.write_bytes(b"mine")
        asked = ("plot", results / "constant", "--figure", "theta", "-o", file)
        refused = dstft(*asked)
        assert (refused.code, file.read_bytes()) == (2, b"mine")
        assert "this file exists; --force replaces it" in refused.err
        assert dstft(*asked, "--force").code == 0
        assert file.read_bytes().startswith(b"\x89PNG")

    @pytest.mark.parametrize(("name", "start"), [("x.svg", b"<?xml"), ("x.PDF", b"%PDF"), ("x.png", b"\x89PNG")])
    def test_are_of_the_kind_that_the_file_is_named_after(self, dstft, results, tmp_path, name, start):
        assert dstft("plot", results / "constant", "--figure", "theta", "-o", tmp_path / name).code == 0
        assert (tmp_path / name).read_bytes().startswith(start)

    def test_have_the_size_and_sharpness_asked_for(self, dstft, results, tmp_path):
        look = ("--size", "3.5x2", "--dpi", 40, "--cmap", "gray", "--theta-cmap", "gray", "--freq-scale", "erb")
        wanted = ("--figure", "spectrogram", "--figure", "theta", "--figure", "theta")
        assert dstft("plot", results / "tf-varying", "-o", tmp_path, *wanted, *look).code == 0
        assert pictures(tmp_path).keys() == {"spectrogram.png", "theta.png"}
        for data in pictures(tmp_path).values():
            assert struct.unpack(">II", data[16:24]) == (140, 80)

    @pytest.mark.parametrize(("name", "wanted"), [("tf-varying", ("comparison",)), ("moving", ("theta", "frames"))])
    def test_show_the_part_asked_for_in_recording_time(self, results, name, wanted):
        drawn = make_figures(read_result(results / name), wanted, tmin=1.4, tmax=1.45)
        for figure in drawn.values():
            over_time = [axes for axes in figure.axes if axes.get_xlabel() == "Time (s)"]
            assert over_time and all(axes.get_xlim() == pytest.approx((1.4, 1.45)) for axes in over_time)

    def test_leave_the_click_out_of_the_scale_where_it_is_not_shown(self, results):
        def median_level(**part):
            figure = make_figures(read_result(results / "tf-varying"), ["spectrogram"], **part)["spectrogram"]
            return np.median(np.asarray(figure.axes[0].images[0].get_array()))

        assert median_level(tmin=1.3, tmax=1.4) > median_level() + 6  # dB; the click is at 1.45 s

    def test_of_frames_tell_those_that_reach_into_the_part(self):
        positions, theta = np.array([0.0, 500, 1000]), np.full((1, 3), 100.0)
        figure = frame_timeline(
            np.random.default_rng(0).standard_normal(1001), 1000, positions, theta, View(tmin=0.4, tmax=0.54)
        )
        pale, strong, centres = (np.ma.filled(image.get_array(), np.nan) for image in figure.axes[1].images)
        lit = [
            np.flatnonzero(np.isfinite(grid).any(axis=0)) / grid.shape[1] * 0.14 + 0.4
            for grid in (pale, strong, centres)
        ]
        pixel = 0.14 / pale.shape[1]
        ends = [(0.45, 0.54), (0.475, 0.525), (0.5, 0.5)]
        for found, (first, last) in zip(lit, ends, strict=True):
            assert (found[0], found[-1]) == pytest.approx((first, last), abs=3 * pixel)
        assert figure.axes[1].get_title(loc="left").startswith("1 of 3 frames reach here")

    @pytest.mark.parametrize(
        ("name", "size", "wanted"),
        [
            ("tf-varying", (3, 2), FIGURES[1:3]),
            ("constant", (3, 2), ("theta", "loss")),
            ("moving", (3, 2), ("frames",)),
            ("tf-varying", (20, 10), ("comparison",)),
            ("constant", (3, 9), ("loss",)),
        ],
    )
    @pytest.mark.filterwarnings("error")
    def test_of_any_size_have_nothing_cut_off_and_no_texts_that_meet(self, results, name, size, wanted):
        for figure in make_figures(read_result(results / name), wanted, size=size, dpi=50).values():
            figure.draw_without_rendering()
            texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
            boxes = {text: text.get_window_extent() for text in texts}
            for text, box in boxes.items():
                assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= 50 * size[0] and box.y1 <= 50 * size[1], text
            for first, second in itertools.combinations(boxes, 2):
                assert not boxes[first].overlaps(boxes[second]), (first, second)

    @pytest.mark.parametrize("switch", ["on", "off"])
    def test_draw_noise_at_one_level_if_asked(self, dstft, results, tmp_path, switch):
        asked = (
            "--figure",
            "spectrogram",
            "--even-floor",
            switch,
            "--fmin",
            "full",
            "--fmax",
            "full",
            "--db-range",
            "auto",
        )
        assert dstft("plot", results / "tf-varying", "-o", tmp_path / "it.png", *asked).code == 0
        assert (tmp_path / "it.png").read_bytes().startswith(b"\x89PNG")

    def test_are_known_by_the_names_that_the_command_offers(self):
        assert OFFERED == FIGURES

    def test_are_all_absent_where_one_cannot_be_written(self, dstft, results, tmp_path, monkeypatch):
        from dstft_cli.figures import spectrograms

        whole = spectrograms.save

        def full(figure, file, **settings):
            if "theta" in str(file):
                raise OSError(28, "No space left on device")
            whole(figure, file, **settings)

        monkeypatch.setattr(spectrograms, "save", full)
        run = dstft("plot", results / "constant", "-o", tmp_path / "new", "--figure", "loss", "--figure", "theta")
        assert (run.code, "No space left" in run.err) == (1, True)
        assert not (tmp_path / "new").exists()


class TestTable:
    @pytest.mark.parametrize("mode", SHAPES)
    def test_gives_every_window_length_back(self, dstft, results, tmp_path, mode):
        file, result = tmp_path / "theta.csv", read_result(results / mode)
        assert dstft("plot", results / mode, "--theta-csv", file).out == f"{file}\n"
        assert contents(tmp_path).keys() == {"theta.csv"}  # no figures unasked
        found, (bins, columns) = table(file), SHAPES[mode]
        assert list(found) == ["time_s", "frequency_hz", "theta_ms"]
        theta = (found["theta_ms"].to_numpy() * RATE / 1e3).astype(np.float32)
        assert np.array_equal(theta.reshape(columns, bins).T, result.theta)
        times, frequencies = START + np.arange(columns) * 16 / RATE, np.arange(bins) * RATE / 64
        assert np.array_equal(found["time_s"], np.repeat(times if columns > 1 else [np.nan], bins), equal_nan=True)
        expected = np.tile(frequencies if bins > 1 else [np.nan], columns)
        assert np.array_equal(found["frequency_hz"], expected, equal_nan=True)

    def test_gives_window_lengths_in_double_precision_back(self, dstft, results, tmp_path):
        dstft("plot", results / "double", "--theta-csv", tmp_path / "theta.csv")
        theta = table(tmp_path / "theta.csv")["theta_ms"] * RATE / 1e3
        assert theta.to_numpy() == pytest.approx(read_result(results / "double").theta[0], rel=3e-16, abs=0)

    def test_holds_the_part_asked_for(self, dstft, results, tmp_path):
        limits = ("--tmin", 1.4, "--tmax", 1.45, "--fmin", 62.5, "--fmax", 125)
        dstft("plot", results / "tf-varying", "--theta-csv", tmp_path / "part.csv", *limits)
        found = table(tmp_path / "part.csv")
        assert sorted(set(found["frequency_hz"])) == [62.5, 93.75, 125]
        assert len(found) == 3 * 7 and found["time_s"].between(1.4, 1.45).all()

    def test_goes_to_stdout_alone(self, dstft, results, tmp_path):
        run = dstft("plot", results / "constant", "--theta-csv", "-", "--figure", "theta", "-o", tmp_path / "t.png")
        header, row = run.out.splitlines()
        assert (header, row[:2]) == ("time_s,frequency_hz,theta_ms", ",,")
        assert run.err == f"{tmp_path / 't.png'}\n"


REFUSED = {
    "tf-varying": [
        (("--tmin", 2), "nothing to show with tmin=2: the data range from 1.25 to 1.65 s"),
        (("--tmin", 1.5, "--tmax", 1.4), "nothing to show with tmin=1.5, tmax=1.4"),
        (("--tmax", "nan"), "tmax=nan"),
        (("--fmin", 1500), "nothing to show with fmin=1500: the data range from 0 to 1000 Hz"),
        (("--fmin", 200, "--fmax", 100), "must be less than"),
        (("--size", "1x1"), "expected from 3x2"),
        (("--size", "big"), "width x height in inches"),
        (("--size", "100x100", "--dpi", 1200), "million pixels"),
        (("--cmap", "nope"), "not a colour map"),
        (("--theta-cmap", "nope"), "theta_cmap='nope': not a colour map"),
        (("--format", "bmp"), "'png', 'svg' or 'pdf'"),
        (("-o", "x.png"), "one file for 4 figures"),
        (("-o", "x.jpg", "--figure", "loss"), "use a .png, .svg or .pdf suffix"),
        (("-o", "x.png", "--figure", "loss", "--format", "pdf"), "differ"),
        (("--fmax", "high"), "more than 0 Hz, auto or full"),
        (("--figure", "theta", "--even-floor", "off"), "--even-floor: has no effect on theta"),
        (("--figure", "loss", "--tmin", 1.3), "--tmin: has no effect on loss"),
        (("--theta-csv", "x.csv", "--cmap", "gray"), "--cmap: has no effect on the table"),
        (("--theta-csv", "x.csv", "-o", "here"), "-o: has no effect on the table"),
        (("--theta-csv", "x.csv", "--tmin", 9), "no row lies between tmin and tmax"),
        (("--theta-csv", "x.png", "--figure", "loss", "-o", "x.png"), "given twice"),
    ],
    "constant": [
        (("--figure", "theta", "--fmax", 500), "--fmax: has no effect on theta"),
        (("--theta-cmap", "gray"), "--theta-cmap: has no effect on"),
        (("--theta-csv", "x.csv", "--tmin", 1.3), "--tmin: has no effect on the table"),
    ],
}


@pytest.mark.parametrize(("mode", "options", "words"), [(mode, *case) for mode in REFUSED for case in REFUSED[mode]])
def test_what_cannot_be_done_is_one_sentence_and_no_file(dstft, results, tmp_path, monkeypatch, mode, options, words):
    monkeypatch.chdir(tmp_path)
    run = dstft(
        "plot",
        results / mode,
        *(() if "-o" in options else ("-o", "new")) if "--theta-csv" not in options else (),
        *options,
    )
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
    assert run.err.startswith("Error: ") and words in run.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["result.npz", "metrics.json", "config.yaml"])
def test_the_result_itself_is_never_replaced(dstft, results, name):
    before = contents(results / "constant")
    assert dstft("plot", results / "constant", "--theta-csv", results / "constant" / name, "--force").code == 2
    assert contents(results / "constant") == before


@pytest.mark.parametrize("seconds", [0.5, 90.0])
def test_a_part_of_the_time_axis_keeps_its_ends_and_its_unit(seconds):
    scale = time_scale(np.linspace(0, 1, 11), start=seconds, tmin=seconds + 0.2, tmax=seconds + 0.3)
    factor = 1e3 if seconds < 0.7 else 1
    assert (scale.low, scale.high) == pytest.approx((factor * (seconds + 0.2), factor * (seconds + 0.3)))
    assert scale.label == ("Time (ms)" if factor > 1 else "Time (s)")
    assert scale.centres[scale.shown] == pytest.approx(factor * (seconds + np.array([0.1, 0.2, 0.3, 0.4])))
