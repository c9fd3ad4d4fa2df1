"""``dstft view``: the page stands alone, says what the result holds, and listens to mouse and keys in a browser."""

import base64
import io
import json
import re
import zlib
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile
from out_of_core_runs import RATE as VOICE_RATE
from out_of_core_runs import SMALL, force_out_of_core, voice

from dstft_cli import Signal, load_config, optimize, read_result, write_result
from dstft_cli.recordings.encoded_audio import encoded_audio
from dstft_cli.viewer import content as viewer_content
from dstft_cli.viewer import planes, sound
from dstft_cli.viewer.page_file import VIEW
from dstft_cli.workflows.batch.one_input import process_input
from dstft_cli.workflows.batch.report import write_report
from dstft_cli.workflows.view import write_view

RATE = 8000.0
HOSTILE = "<img src=x onerror=document.title='taken'>$$x$$</script><script>document.title='taken'</script>.wav"


@pytest.fixture(scope="module")
def recording() -> Signal:
    """A rising tone, a steady one and a click, 0.5 s that begin at 2 s; its name is not to be trusted."""
    at = np.arange(4000) / RATE
    samples = np.sin(2 * np.pi * (600 * at + 1500 * at**2)) + 0.3 * np.sin(2 * np.pi * 3000 * at)
    samples[2000] += 8
    samples += 0.02 * np.random.default_rng(7).standard_normal(4000)
    return Signal(samples, RATE, HOSTILE, start=2.0, unit="$$m$$")


@pytest.fixture(scope="module")
def folders(recording, tmp_path_factory):
    """A result, ``tf``."""
    home = tmp_path_factory.mktemp("results")
    write_result(optimize(recording, mode="tf", steps=8, support=256, hop=64, threads=1), home / "tf", figures=False)
    return home


def content(page: Path) -> dict:
    """What the page's script reads."""
    return json.loads(re.search(r"id=content>(.*?)</script>", page.read_text("utf-8"), re.S)[1])


def part(page: Path, name: str) -> bytes:
    text = re.search(rf"id={name}>(.*?)</script>", page.read_text("utf-8"), re.S)[1]
    return zlib.decompress(base64.b64decode(text))


def levels_of(page: Path) -> np.ndarray:
    """The levels of the first layer of the first result in dB, (F, T)."""
    layer = content(page)["results"][0]["layers"][0]
    columns = np.frombuffer(part(page, layer["levels"]), np.uint8).reshape(-1, layer["frequencies"]["count"])
    return layer["top"] + (np.cumsum(columns, axis=1, dtype=np.uint8).T - 255.0) * planes.LEVEL_STEP


@pytest.fixture(scope="module")
def page(folders, tmp_path_factory):
    target = tmp_path_factory.mktemp("page") / VIEW
    write_view([read_result(folders / "tf")], [str(folders / "tf")], target)
    return target


class TestPage:
    def test_has_the_levels_of_every_layer_to_half_a_step(self, page, folders):
        result = read_result(folders / "tf")
        (one,) = content(page)["results"]
        assert [layer["key"] for layer in one["layers"]] == ["optimum", "constant", "short", "long"]
        truth = 20 * np.log10(np.abs(result.stft))
        loud = truth > truth.max() - 60
        difference = (levels_of(page) - truth)[loud]
        assert np.ptp(difference) <= planes.LEVEL_STEP + 1e-3  # one reference, and half a step either way
        assert one["layers"][0]["times"]["first"] == pytest.approx(2.0)

    def test_refers_to_nothing_outside(self, page):
        links = []

        class Links(HTMLParser):
            def handle_starttag(self, tag, attributes):
                links.extend((tag, name) for name, _ in attributes if name in ("src", "href", "srcset", "action"))

        text = page.read_text("utf-8")
        Links().feed(text)
        assert links == []
        assert "default-src 'none'" in text

    def test_is_the_same_for_the_same_result(self, page, folders, tmp_path):
        write_view([read_result(folders / "tf")], [str(folders / "tf")], tmp_path / "again.html")
        first, second = content(page), content(tmp_path / "again.html")
        assert first == second

    def test_window_lengths_are_those_of_the_result(self, page, folders):
        result = read_result(folders / "tf")
        (one,) = content(page)["results"]
        lengths = one["lengths"]
        columns = np.frombuffer(part(page, lengths["values"]), np.uint8).reshape(-1, lengths["frequencies"]["count"])
        shares = np.cumsum(columns, axis=1, dtype=np.uint8).T / 255.0
        found = lengths["low"] * (lengths["high"] / lengths["low"]) ** shares
        assert np.allclose(found, result.theta * 1e3 / RATE, rtol=0.02)


def test_a_result_on_disk_shows_the_levels_that_it_has(tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        force_out_of_core(patch.setattr)
        recording = Signal(voice(6000), VOICE_RATE, "voice")
        write_result(optimize(recording, mode="tf-varying", steps=3, **SMALL), tmp_path / "disk", figures=False)
    result = read_result(tmp_path / "disk")
    assert result.on_disk
    write_view([result], ["voice"], tmp_path / VIEW)
    truth = 20 * np.log10(np.abs(np.array(result.stft)))
    difference = (levels_of(tmp_path / VIEW) - truth)[truth > truth.max() - 60]
    assert np.ptp(difference) <= planes.LEVEL_STEP + 1e-3


class TestPlanes:
    def test_no_peak_is_lost_where_a_plane_is_reduced(self):
        plane = np.random.default_rng(1).random((1000, 9001))
        down, across = planes.blocks(*plane.shape)
        reduced = planes.peaks(plane, down, across)
        assert reduced.size <= 4_000_000
        for row, column in ((0, 0), (999, 9000), (501, 4444)):
            assert reduced[row // down, column // across] >= plane[row, column]
        assert reduced.max() == plane.max()

    def test_a_finer_plane_takes_only_the_room_that_is_left(self, folders, tmp_path, monkeypatch):
        monkeypatch.setattr(planes, "MOST_POINTS", 1000)
        sizes = []
        for room in (10**6, 0):
            monkeypatch.setattr(viewer_content, "_ROOM", room)
            write_view([read_result(folders / "tf")], ["a"], tmp_path / VIEW)
            layer, *others = content(tmp_path / VIEW)["results"][0]["layers"]
            assert not any(other.get("finer") for other in others)
            finer = layer["finer"]
            sizes.append(finer and finer["times"]["count"] * finer["frequencies"]["count"])
        assert sizes == [read_result(folders / "tf").stft.size, None]

    def test_silence_has_no_level(self):
        assert not planes.levels(np.zeros((3, 4)), 0.0).any()
        assert list(planes.levels(np.array([1.0, 0.1, 0.0, np.nan]), 1.0)) == [255, 205, 0, 0]

    def test_uneven_times_are_kept(self):
        assert "values" not in planes.axis(0.1 + 0.25 * np.arange(50))
        assert planes.axis(np.array([0.0, 1.0, 4.0]))["values"] == [0.0, 1.0, 4.0]


class TestSound:
    @pytest.mark.parametrize(
        ("rate", "speed", "note"),
        [
            (44100, 1, ""),
            (384000, 0.1, "10 times slower"),
            (1e6, 0.01, "100 times slower"),
            (250, 10, "10 times faster"),
        ],
    )
    def test_is_heard_at_a_speed_that_is_said(self, rate, speed, note):
        audio = sound.sound_of(Signal(np.random.default_rng(2).standard_normal(4000), rate, "noise"))
        assert audio.speed == pytest.approx(speed, rel=1e-3)
        assert audio.note.endswith(note)
        heard = soundfile.info(io.BytesIO(base64.b64decode(audio.data)))
        assert heard.frames / heard.samplerate * audio.speed == pytest.approx(4000 / rate, rel=1e-6)
        assert 8000 <= heard.samplerate <= 96000

    def test_what_is_too_large_is_left_out_with_a_note(self, monkeypatch):
        monkeypatch.setattr(sound, "_MOST_BYTES", 1000)
        audio = sound.sound_of(Signal(np.random.default_rng(2).standard_normal(20000), 44100, "noise"))
        assert (audio.data, audio.media) == ("", "")
        assert "no sound" in audio.note

    def test_vorbis_where_flac_is_too_large(self):
        samples = np.random.default_rng(3).uniform(-0.9, 0.9, 40000)
        flac = encoded_audio(samples, 8000, 10**6)
        assert flac[0] == "audio/flac"
        assert encoded_audio(samples, 8000, len(flac[1]) - 1)[0] == "audio/ogg"

    def test_the_waveform_keeps_its_extremes(self):
        samples = np.zeros(700_000)
        samples[123_456], samples[500_001] = 3.0, -2.0
        wave = sound.waveform(Signal(samples, 1000, "clicks"))
        values = np.frombuffer(zlib.decompress(base64.b64decode(wave["data"])), "<i2") * wave["unit"]
        assert wave["pairs"]
        assert (values.max(), values.min()) == (pytest.approx(3, abs=1e-4), pytest.approx(-2, abs=1e-4))
        assert wave["first"] + wave["step"] * (np.argmax(values) // 2) == pytest.approx(123.456, abs=wave["step"])


class TestCommand:
    def test_writes_a_page_beside_the_result_and_replaces_it_only_if_told(self, folders, dstft):
        run = dstft("view", folders / "tf")
        assert (run.code, Path(run.out.strip())) == (0, folders / "tf" / "view.html")
        again = dstft("view", folders / "tf")
        assert again.code == 2
        assert "--force" in again.err
        assert dstft("view", folders / "tf", "--force", "-q").code == 0
        (folders / "tf" / "view.html").unlink()

    @pytest.mark.parametrize("name", ["page.png", "."])
    def test_refuses_what_is_no_page(self, folders, tmp_path, dstft, name):
        run = dstft("view", folders / "tf", "-o", tmp_path / name)
        assert run.code == 2
        assert ".html" in run.err

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (None, "holds no track.csv"),
            ("time_s,level\n2,600\n", "line 1: expected the columns time_s and frequency_hz"),
            ("time_s,frequency_hz\n2,600\n2.1,loud\n", "line 3: expected numbers"),
            ("time_s,frequency_hz,component\n2,600,1\n2,900,2\n2,650,1\n", "line 4: time_s must increase"),
            ("time_s,frequency_hz\n2,600\n2.1,nan\n", "line 3: expected finite numbers"),
            ("time_s,frequency_hz,confidence\n2.1,600,0.1\n", "nowhere sure enough"),
            ("time_s,frequency_hz\n0,600\n1,600\n", "0 to 1 s, lies in the result, 2 to 2.5 s"),
        ],
    )
    def test_refuses_a_track_that_cannot_be_drawn(self, folders, tmp_path, dstft, text, words):
        if text is not None:
            (tmp_path / "track.csv").write_text(text, encoding="utf-8")
        run = dstft("view", folders / "tf", "--track", tmp_path, "-o", tmp_path / "page.html")
        assert run.code == 2
        assert words in run.err
        assert not (tmp_path / "page.html").exists()

    def test_refuses_more_results_than_fit(self, folders, dstft):
        run = dstft("view", *[folders / "tf"] * 5, "-o", "x.html")
        assert run.code == 2
        assert "at most 4" in run.err

    def test_says_how_to_install_bokeh(self, folders, dstft, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "bokeh", None)
        run = dstft("view", folders / "tf")
        assert run.code == 2
        assert "pip install 'dstft-cli[view]'" in run.err
        run = dstft("optimize", "missing.wav", "--html")
        assert run.code == 2
        assert "pip install 'dstft-cli[view]'" in run.err

    def test_a_batch_links_its_pages_and_adds_missing_ones(self, sample_data, tmp_path):
        settings = {"transform.mode": "fixed", "signal.duration": 0.2, "figures.draw": "none"}
        call = str(sample_data / "chirp.wav"), str(tmp_path / "chirp")
        page = tmp_path / "chirp" / VIEW

        def rows(html: bool) -> str:
            (row,) = process_input(call[0], load_config(None, (), settings | {"figures.html": html}), call[1])
            return write_report([row], tmp_path).read_text("utf-8")

        assert VIEW not in rows(html=False)
        metrics = (tmp_path / "chirp" / "metrics.json").read_bytes()
        assert f'href="chirp/{VIEW}"' in rows(html=True)
        assert page.stat().st_size > 1_000_000
        assert (tmp_path / "chirp" / "metrics.json").read_bytes() == metrics  # nothing was computed again


@pytest.fixture(scope="module")
def pascals(recording, tmp_path_factory):
    """The page of a result with a reassigned spectrogram, in pascals; pictures draw its power density."""
    home = tmp_path_factory.mktemp("levels")
    tones = Signal(recording.samples, RATE, "tones", unit="Pa")
    look = {"reassign": True, "db_ref": "20uPa", "scaling": "psd"}
    write_result(optimize(tones, mode="constant", support=256, hop=64, threads=1, **look), home, figures=False)
    write_view([read_result(home)], ["tones"], home / VIEW)
    return home / VIEW


class TestLevelsAndLayers:
    def test_the_reassigned_spectrogram_is_one_more_layer(self, pascals):
        layers = content(pascals)["results"][0]["layers"]
        assert [layer["key"] for layer in layers] == ["optimum", "short", "long", "reassigned"]
        assert layers[-1]["window"] == layers[0]["window"] != layers[1]["window"]

    def test_levels_are_those_of_tones_in_the_unit_of_the_reference(self, pascals):
        (result,), step = content(pascals)["results"], content(pascals)["step"]
        top = 20 * np.log10(1 / 20e-6 / np.sqrt(2))  # the rising tone has an amplitude of 1 Pa
        loudest = levels_of(pascals).max()
        assert r"Level (dB re 20 \u00b5Pa)" in pascals.read_text("utf-8")
        assert abs(result["layers"][0]["top"] - top) < 3 and step < 1
        assert abs(loudest - top) < 3
