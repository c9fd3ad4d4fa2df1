"""Boxes from Raven, Audacity and Praat: how they are read, and that they alone decide window lengths."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
from out_of_core_runs import SMALL, force_out_of_core

from dstft_cli import Signal, optimize, read_result
from dstft_cli.config.loading import merge_config
from dstft_cli.errors import InputError
from dstft_cli.figures import axis_scales
from dstft_cli.figures.axis_scales import ImageScales
from dstft_cli.figures.shown.outlines import outlines
from dstft_cli.figures.thumbnail import thumbnail
from dstft_cli.recordings.annotations.box import Annotations, Box, within
from dstft_cli.recordings.annotations.read import annotate, read_boxes
from dstft_cli.recordings.wav_writer import write_wav
from dstft_cli.workflows.batch.find_inputs import find_inputs
from dstft_cli.workflows.batch.one_input import process_input
from dstft_cli.workflows.batch.report import write_report

RATE = 8000
CALLS = (0.6, 1.7)  # s at which fast sweeps begin; a steady hum sounds all the time
SWEEP = 0.04  # s
HEADER = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tSpecies"
RAVEN = f"""{HEADER}
1\tWaveform 1\t1\t0.59\t0.65\t\t\tAves
1\tSpectrogram 1\t1\t0.59\t0.65\t1200\t3600\tAves
2\tSpectrogram 1\t1\t1.69\t1.75\t1200\t3600\tAves
7\tSpectrogram 1\t1\t0.9\t1.4\t250\t550\thum
"""
AUDACITY = "0.59\t0.65\tAves\n\\\t1200\t3600\n1.0\t1.0\tpoint\n0,9\t1,4\thum\n\\\t-1\t550\n"
LONG_TEXTGRID = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 2.5
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "calls 2"
        xmin = 0
        xmax = 2.5
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.59
            text = ""
        intervals [2]:
            xmin = 0.59
            xmax = 0.65
            text = "Aves ""one"" 3"
        intervals [3]:
            xmin = 0.65
            xmax = 2.5
            text = ""
    item [2]:
        class = "TextTier"
        name = "marks"
        xmin = 0
        xmax = 2.5
        points: size = 1
        points [1]:
            number = 2
            mark = "x"
"""
SHORT_TEXTGRID = """File type = "ooTextFile"
"TextGrid"

0
2.5
<exists>
1
"IntervalTier"
"words"
0
2.5
2
0
0.59
""
0.59
0.65
"Aves"
"""


def samples():
    """A loud hum of two close tones, which wants long windows, and faint fast sweeps, which want short ones."""
    time = np.arange(int(2.5 * RATE)) / RATE
    sound = 0.01 * np.random.default_rng(0).standard_normal(len(time))
    sound += 0.4 * np.sin(2 * np.pi * 400 * time) + 0.4 * np.sin(2 * np.pi * 412 * time)
    for begin in CALLS:
        u = time - begin
        inside = (u >= 0) & (u < SWEEP)
        call = 0.15 * np.sin(2 * np.pi * (1400 * u + 25_000 * u**2))
        sound[inside] += (np.hanning(inside.sum()) * call[inside]) if inside.any() else 0
    return sound / 2


@pytest.fixture
def recording(tmp_path):
    write_wav(tmp_path / "calls.wav", samples(), RATE)
    (tmp_path / "calls.txt").write_text(RAVEN)
    return tmp_path / "calls.wav"


@pytest.fixture
def boxes_of(tmp_path):
    """Reads boxes from the text of a file."""

    def read(text, label=None, recording="calls.wav", encoding="utf-8"):
        (tmp_path / "boxes").write_text(text, encoding=encoding)
        return read_boxes(str(tmp_path / "boxes"), recording, label)[0]

    return read


class TestReading:
    def test_a_raven_table_gives_one_box_a_selection_with_its_band(self, boxes_of):
        assert boxes_of(RAVEN) == [
            Box(1, 0.59, 0.65, 1200, 3600, "Aves"),
            Box(2, 1.69, 1.75, 1200, 3600, "Aves"),
            Box(7, 0.9, 1.4, 250, 550, "hum"),
        ]

    def test_a_raven_table_of_several_recordings_gives_those_of_one(self, boxes_of):
        table = f"{HEADER}\tBegin File\tFile Offset (s)\n"
        table += "1\tSpectrogram 1\t1\t0.5\t0.6\t1\t2\tx\tother.wav\t0.5\n"
        table += "2\tSpectrogram 1\t1\t600.5\t600.7\t1\t2\ty\tCalls.WAV\t0.25\n"
        (box,) = boxes_of(table)
        assert (box.number, box.label) == (2, "y") and (box.start, box.end) == pytest.approx((0.25, 0.45))
        with pytest.raises(InputError, match="selections are of other, calls, none of them of 'third'"):
            boxes_of(table, recording="third.flac")
        with pytest.raises(InputError, match="add the column File Offset"):
            boxes_of("\n".join(line.rpartition("\t")[0] for line in table.splitlines()))

    def test_a_raven_table_of_several_channels_says_that_all_count(self, boxes_of, tmp_path):
        table = RAVEN.replace("2\tSpectrogram 1\t1", "2\tSpectrogram 1\t2")
        assert len(boxes_of(table)) == 3 and [box.number for box in boxes_of(table, "channel 2")] == [2]
        assert "all channels" in read_boxes(str(tmp_path / "boxes"), "calls.wav")[1][0].text

    def test_audacity_labels_have_bands_and_points_are_left_out(self, boxes_of, tmp_path):
        assert boxes_of(AUDACITY) == [Box(1, 0.59, 0.65, 1200, 3600, "Aves"), Box(3, 0.9, 1.4, None, 550, "hum")]
        assert "1 points" in read_boxes(str(tmp_path / "boxes"), "calls.wav")[1][0].text

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
    def test_a_textgrid_gives_its_intervals_with_a_text(self, boxes_of, encoding):
        assert boxes_of(LONG_TEXTGRID, encoding=encoding) == [Box(1, 0.59, 0.65, label='Aves "one" 3')]
        assert boxes_of(SHORT_TEXTGRID, encoding=encoding) == [Box(1, 0.59, 0.65, label="Aves")]

    @pytest.mark.parametrize(
        ("text", "label", "count"), [(RAVEN, "aves", 2), (AUDACITY, "hum", 1), (SHORT_TEXTGRID, "words", 1)]
    )
    def test_a_label_or_a_tier_selects(self, boxes_of, text, label, count):
        assert len(boxes_of(text, label)) == count

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("", "no annotations: expected a Raven selection table"),
            ("a,b\n1,2\n", "no annotations: expected a Raven selection table"),
            (RAVEN.replace("1.69", "late"), "line 4, begin time .s.: 'late' is not a number"),
            (RAVEN.replace("1.75", "1.5"), "box 2 .Aves. ends at 1.5 s, before its start"),
            (RAVEN.replace("3600", "1000"), "its low end must be below its high end"),
            (AUDACITY + "nonsense\n", "line 6 is 'nonsense'"),
            (AUDACITY[:0] + "1.0\t1.0\tpoint\n", "no box with a length"),
            (LONG_TEXTGRID[:600], "damaged or cut off after 1 intervals"),
            (LONG_TEXTGRID[:100], "damaged or cut off at its head"),
            (SHORT_TEXTGRID.replace("IntervalTier", "Spectrum"), "damaged or cut off"),
        ],
    )
    def test_what_cannot_be_read_is_refused_in_one_sentence(self, boxes_of, text, says):
        with pytest.raises(InputError, match=says) as refusal:
            boxes_of(text)
        assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 300

    def test_a_file_that_is_none_or_holds_no_text_is_refused(self, tmp_path):
        for name, says in (
            ("missing", "there is no such file of annotations"),
            ("pipe", "no regular file"),
            ("wav", "not text"),
        ):
            path = tmp_path / name
            if name == "pipe":
                os.mkfifo(path)
            if name == "wav":
                write_wav(path, np.ones(100), RATE)
            with pytest.raises(InputError, match=says) as refusal:
                read_boxes(str(path), "calls.wav")
            assert str(refusal.value).count(name) == 1

    def test_a_label_that_no_box_has_is_refused_with_those_that_there_are(self, boxes_of):
        with pytest.raises(InputError, match="no box is labelled 'Mammalia'; the labels are Aves, hum"):
            boxes_of(RAVEN, "Mammalia")

    def test_boxes_are_cut_off_at_the_ends_of_the_signal(self, tmp_path):
        (tmp_path / "boxes").write_text(RAVEN)
        part = Signal(np.ones(RATE), RATE, "calls", start=0.62)
        (signal,) = annotate([part], str(tmp_path / "boxes"))
        assert [(box.start, box.end) for box in signal.annotations.boxes] == [(0.62, 0.65), (0.9, 1.4)]
        assert "1 boxes lie outside" in signal.notes[0].text
        with pytest.raises(InputError, match="no box of boxes lies within the signal, 5 to 6 s"):
            annotate([Signal(np.ones(RATE), RATE, "calls", start=5)], str(tmp_path / "boxes"))


def test_a_box_between_the_points_of_a_grid_still_holds_some():
    grid = np.arange(5) * 100.0, np.arange(6) * 0.1, (100.0, 0.1)
    assert within([Box(1, 0.12, 0.13, 110, 120)], *grid).sum() == 1
    assert within([Box(1, 0.1, 0.3)], *grid).sum() == 5 * 3
    assert within([Box(1, 0.1, 0.3, 200), Box(2, 0.2, 0.5, None, 100)], *grid).sum() == 3 * 3 + 2 * 4


class TestARun:
    def best(self, label, **settings):
        signal = Signal(samples(), RATE, "calls")
        if label:
            boxes = [box for box in BOXES if box.label == label]
            signal = Signal(samples(), RATE, "calls", annotations=Annotations("a.txt", "0" * 64, tuple(boxes)))
        return optimize(signal, **{"support": 1024, "hop": 32, "theta_min": 48, "threads": 1, **settings})

    def test_finds_the_window_of_the_boxes_whatever_sounds_beside_them(self):
        call, hum, whole = (self.best(label).theta.item() for label in ("Aves", "hum", None))
        assert call < 200 and hum > 900 and whole > 2 * call
        assert (
            0.5 < call / np.sqrt(2 * RATE**2 / 50_000) < 2.5
        )  # samples: a window in which the sweep moves by its own width

    def test_adapts_windows_within_boxes(self):
        result = self.best("Aves", mode="time-varying")
        here = [np.abs(result.times - begin - SWEEP / 2).argmin() for begin in CALLS]
        assert result.theta[0, here].max() < 200

    def test_chooses_the_range_from_the_boxes(self):
        ranges = [self.best(label, support="auto", hop="auto", theta_min="auto").grid for label in ("Aves", "hum")]
        assert ranges[0].theta_min < ranges[1].theta_min and ranges[0].support < ranges[1].support

    def test_out_of_core_weighs_the_same_places(self, monkeypatch):
        inside = self.best("Aves", **SMALL, mode="tf-varying")
        force_out_of_core(monkeypatch.setattr)
        outside = self.best("Aves", **SMALL, mode="tf-varying")
        assert outside.on_disk
        assert outside.best_constant[0] == pytest.approx(inside.best_constant[0], rel=1e-3)
        assert outside.final["local-entropy"] == pytest.approx(inside.final["local-entropy"], abs=0.05)

    def test_is_refused_with_a_loss_that_knows_no_places(self, dstft, recording):
        run = dstft("optimize", recording, "--annotations", recording.parent, "--loss", "entropy")
        assert run.code == 2 and "boxes need loss.criterion local-entropy" in run.err
        run = dstft("optimize", recording, "--label", "x")
        assert run.code == 2 and "signal.label is set: it needs signal.annotations" in run.err


BOXES = [
    Box(1, 0.59, 0.65, 1200, 3600, "Aves"),
    Box(2, 1.69, 1.75, 1200, 3600, "Aves"),
    Box(7, 0.9, 1.4, 250, 550, "hum"),
]
LIGHT = ["--support", 512, "--hop", 64, "--theta-min", 48, "--set", "figures.dpi=30"]


def test_a_result_keeps_its_boxes_and_draws_them_again(dstft, recording, tmp_path):
    run = dstft("optimize", recording, "--annotations", tmp_path / "calls.txt", *LIGHT, "-o", tmp_path / "out")
    assert run.code == 0, run.err
    assert "3 boxes decide the windows (calls.txt: 2 Aves, 1 hum)" in run.err
    result = read_result(tmp_path / "out")
    assert result.signal.annotations.boxes == tuple(BOXES)
    facts = json.loads((tmp_path / "out" / "metrics.json").read_text())["input"]["annotations"]
    assert facts["file"] == "calls.txt" and facts["boxes"][2]["label"] == "hum"
    (tmp_path / "calls.txt").unlink()  # the result needs it no more
    assert dstft("plot", tmp_path / "out", "--figure", "spectrogram", "-o", tmp_path / "again.png").code == 0
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "out" / "spectrogram.png").read_bytes()
    plain = replace(result, signal=replace(result.signal, annotations=None))
    assert thumbnail(result) != thumbnail(plain)


@pytest.mark.parametrize("scale", [{}, {"log": True}, {"hearing": "mel"}])
def test_outlines_lie_where_the_axes_show_their_ends(scale):
    x = axis_scales.time_scale(np.linspace(0, 2, 50), start=0.5)
    y = axis_scales.frequency_scale(np.linspace(0, 4000, 65), 100, 4000, **scale)
    (_, ends), (_, whole) = outlines(
        (Box(1, 1.0, 1.5, 500, 2000), Box(2, 0.1, 1.5), Box(3, 2.6, 2.7)), ImageScales(x, y)
    )
    assert ends[[0, 2]] == pytest.approx([0.25, 0.5]) and whole.tolist() == [0, 0, 0.5, 1]
    edges = y.edges(1000)
    assert edges[[round(1000 * ends[1]), round(1000 * ends[3])]] == pytest.approx([500, 2000], rel=0.02)


class TestEachBox:
    def test_gives_a_result_of_its_own(self, recording, tmp_path):
        settings = {
            "annotations": str(tmp_path),
            "each_box": True,
            "support": 512,
            "hop": 64,
            "theta_min": 48,
            "draw": "none",
        }
        work = str(recording), merge_config(None, settings), str(tmp_path / "out")
        rows = process_input(*work)
        assert [row["box"] for row in rows] == ["1 Aves", "2 Aves", "7 hum"]
        assert [row["output"] for row in rows] == [str(tmp_path / "out" / f"box-{number}") for number in (1, 2, 7)]
        result = read_result(tmp_path / "out" / "box-2")
        assert result.signal.start == pytest.approx(1.66, abs=1e-3) and result.signal.duration == pytest.approx(
            0.12, abs=1e-3
        )
        assert "calls.wav, box 7 hum" in write_report(rows, tmp_path).read_text()
        (tmp_path / "calls.txt").write_text(RAVEN.replace("1.75", "1.76"))
        assert [row["status"] for row in process_input(*work)] == ["skipped", "done", "skipped"]

    def test_tables_beside_the_recordings_are_not_taken_for_recordings(self, recording, tmp_path):
        found, _ = find_inputs([str(tmp_path)], [], tmp_path / "out", str(tmp_path))
        assert [item.path for item in found] == [str(recording)]
        one, _ = find_inputs(
            [str(recording), str(tmp_path / "calls.txt")], [], tmp_path / "out", str(tmp_path / "calls.txt")
        )
        assert [item.path for item in one] == [str(recording)]

    def test_takes_one_channel(self, tmp_path):
        signals = [Signal(samples(), RATE, "calls", channel=str(i)) for i in range(2)]
        with pytest.raises(InputError, match="takes one channel, not 2"):
            annotate(signals, str(tmp_path), each_box=True)

    def test_without_annotations_in_the_folder_is_refused(self, dstft, recording, tmp_path):
        (tmp_path / "calls.txt").rename(tmp_path / "others.txt")
        run = dstft("optimize", recording, "--annotations", tmp_path, "--each-box")
        assert (
            run.code == 2
            and "no annotations of 'calls' are in this folder; expected calls.Table.1.selections.txt" in run.err
        )
