"""What is done to samples before the analysis: filters, whitening, and levels in a physical unit."""

import json

import numpy as np
import pytest
from scipy.signal import welch

from dstft_cli import load_signal, load_signals, optimize
from dstft_cli.errors import InputError
from dstft_cli.recordings.lazy_samples import LazySamples
from dstft_cli.recordings.notes import NOTE, WARNING
from dstft_cli.recordings.preparation import band, local_filter
from dstft_cli.recordings.preparation.band import filter_band
from dstft_cli.recordings.preparation.calibration import calibrate
from dstft_cli.recordings.preparation.prepare import Preparation, prepare
from dstft_cli.recordings.preparation.whitening import whiten
from dstft_cli.recordings.signal import Signal
from dstft_cli.recordings.wav_writer import write_wav
from dstft_cli.units import read_quantity, read_ratio, read_unit

RATE, COUNT = 1000.0, 20_000
TIME = np.arange(COUNT) / RATE
MIDDLE = slice(4000, -4000)


def tone(frequency, amplitude=1.0, phase=0.3):
    return amplitude * np.cos(2 * np.pi * frequency * TIME + phase)


def lazy(samples):
    return LazySamples(lambda first, last: samples[first:last].copy(), len(samples))


def gain(frequency, **band):
    """What is left of a tone, complex: its phase is that of a delay."""
    filtered = filter_band(Signal(tone(frequency), RATE, "tone"), **{"highpass": None, "lowpass": None, **band})
    carrier = np.exp(-2j * np.pi * frequency * TIME)[MIDDLE]
    return (filtered.samples[MIDDLE] @ carrier) / (tone(frequency)[MIDDLE] @ carrier)


@pytest.fixture
def coloured():
    """Noise that is 1000 times stronger at low frequencies, a strong steady line at 60 Hz, and a faint click in the middle."""
    noise = np.random.default_rng(4).standard_normal(COUNT)
    samples = 30 * np.cumsum(noise) + noise + tone(60, 500)
    samples[COUNT // 2 : COUNT // 2 + 8] += 400 * np.array([1, -1] * 4)
    return Signal(samples - samples.mean(), RATE, "coloured", unit="m/s")


class TestABand:
    @pytest.mark.parametrize(
        ("frequency", "limits", "expected"),
        [
            (100, {"highpass": 10}, 1),
            (10, {"highpass": 10}, 1 / 2),
            (5, {"highpass": 10}, 1 / 257),
            (100, {"lowpass": 100}, 1 / 2),
            (20, {"lowpass": 200}, 1),
            (50, {"highpass": 20, "lowpass": 120}, 1),
        ],
    )
    def test_passes_without_delay_and_has_half_of_a_tone_at_its_ends(self, frequency, limits, expected):
        assert gain(frequency, **limits) == pytest.approx(expected, rel=0.03)

    def test_is_the_same_for_samples_that_stay_in_their_file(self, monkeypatch, coloured):
        monkeypatch.setattr(local_filter, "_BLOCK", 3000)
        whole, pieces = (
            filter_band(Signal(samples, RATE, "x"), 5.0, 200.0).samples
            for samples in (coloured.samples, lazy(coloured.samples))
        )
        assert isinstance(pieces, LazySamples)
        assert np.abs(pieces[:] - whole).max() < 1e-7 * np.abs(whole).max()
        assert np.array_equal(pieces[2990:6100], pieces[:][2990:6100])

    @pytest.mark.parametrize(
        ("limits", "says"),
        [
            ({"highpass": 500}, "highpass 500 Hz must be less than half of the sampling rate, 500 Hz"),
            ({"lowpass": 501.0}, "lowpass 501 Hz must be less than"),
            ({"highpass": 0.01}, "period of 100 s, and the signal is 20 s long"),
        ],
    )
    def test_that_does_not_suit_the_recording_is_refused(self, limits, says):
        with pytest.raises(InputError, match=says):
            gain(10, **limits)

    def test_that_a_lazy_recording_would_need_too_much_for_is_refused(self, monkeypatch):
        monkeypatch.setattr(band, "_MOST_REACH", 1000)
        with pytest.raises(InputError, match="too slow for a recording"):
            filter_band(Signal(lazy(tone(10)), RATE, "x"), 1.0, None)

    def test_that_leaves_next_to_nothing_of_the_signal_is_a_warning(self):
        assert filter_band(Signal(tone(2) + tone(200, 1e-3), RATE, "x"), 100.0, None).notes[-1].severity == NOTE
        faint = filter_band(Signal(tone(2) + tone(200, 1e-7), RATE, "x"), 100.0, None)
        assert faint.notes[-1].severity == WARNING and "of the rms" in faint.notes[-1].text


class TestWhitening:
    def test_makes_noise_white_with_a_deviation_of_one_and_takes_lines_away(self, coloured):
        white = whiten(coloured)
        frequencies, density = welch(white.samples, RATE, nperseg=1000, average="median")
        for low, high in ((5, 50), (70, 200), (200, 480)):
            inside = (frequencies >= low) & (frequencies <= high)
            assert density[inside].mean() == pytest.approx(2 / RATE, rel=0.1)
        assert density[(frequencies > 55) & (frequencies < 65)].max() < 2 * 2 / RATE
        assert white.unit == "" and "whitened" in white.notes[-1].text

    def test_lets_an_event_stand_out_that_colour_had_buried(self, coloured):
        assert np.abs(coloured.samples).argmax() != pytest.approx(COUNT // 2, abs=50)
        white = whiten(coloured).samples
        assert np.abs(white).argmax() == pytest.approx(COUNT // 2, abs=10)
        assert np.abs(white[:500]).max() < 6  # and the ends do not click

    def test_is_the_same_for_samples_that_stay_in_their_file(self, monkeypatch, coloured):
        monkeypatch.setattr(local_filter, "_BLOCK", 5000)
        whole, pieces = (
            whiten(Signal(samples, RATE, "x")).samples for samples in (coloured.samples, lazy(coloured.samples))
        )
        assert np.abs(pieces[:] - whole).max() < 1e-6 * np.abs(whole).max()

    def test_needs_sound_for_most_of_the_time(self):
        samples = np.zeros(COUNT)
        samples[:3000] = np.random.default_rng(1).standard_normal(3000)
        with pytest.raises(InputError, match="silent most of the time"):
            whiten(Signal(samples, RATE, "x"))
        with pytest.raises(InputError, match="too few to whiten"):
            whiten(Signal(samples[:100], RATE, "x"))


class TestLevels:
    @pytest.mark.parametrize(
        ("unit", "calibration", "sensitivity", "expected", "new"),
        [
            ("V", None, "100mV/g", 10, "g"),
            ("mV", None, "100mV/g", 0.01, "g"),
            ("", None, "100 mV/g", 10, "g"),
            ("", "10V", "100mV/g", 100, "g"),
            ("", "2.5Pa", None, 2.5, "Pa"),
            ("g", "9.80665 m/s^2", None, 9.80665, "m/s²"),
            ("Pa", "2", None, 2, "Pa"),
            ("V", None, "50mV/Pa", 20, "Pa"),
            ("V", None, "1500V/(m/s)", 1 / 1500, "m/s"),
            ("counts", None, "4e8counts/m/s", 1 / 4e8, "m/s"),
            ("uV", None, "10.2mV/m/s2", 1e-3 / 10.2, "m/s²"),
        ],
    )
    def test_come_from_what_the_sensor_gives(self, unit, calibration, sensitivity, expected, new):
        signal = calibrate(Signal([1.0, -2.0], 10, "x", unit=unit), calibration, sensitivity)
        assert signal.samples.tolist() == pytest.approx([expected, -2 * expected])
        assert signal.unit == new
        pieces = calibrate(Signal(lazy(np.array([1.0, -2.0])), 10, "x", unit=unit), calibration, sensitivity)
        assert pieces.samples[:].tolist() == signal.samples.tolist()

    def test_that_rest_on_an_assumption_say_so(self):
        assert "count as V" in calibrate(Signal([1.0], 10, "x"), None, "100mV/g").notes[0].text
        assert "count as V" not in calibrate(Signal([1.0], 10, "x", unit="mV"), None, "100mV/g").notes[0].text

    def test_of_samples_in_another_unit_are_refused(self):
        with pytest.raises(InputError, match="samples are in 'g', and a sensitivity of 100mV/g is for samples in V"):
            calibrate(Signal([1.0], 10, "x", unit="g"), None, "100mV/g")

    @pytest.mark.parametrize("text", ["100mV", "mV/g", "-3mV/g", "100/g", "100mV/", "0mV/g", "nanmV/g", "", "1mV/2g"])
    def test_from_something_else_than_a_sensitivity_are_refused(self, dstft, sample_data, text):
        run = dstft("info", sample_data / "shocks.wav", "--sensitivity", text)
        assert run.code == 2 and "such as 100mV/g" in run.err

    def test_know_the_units_of_a_field(self):
        assert read_unit("ug").per(read_unit("m/s^2")) == pytest.approx(9.80665e-6)
        assert read_unit("µPa") == read_unit("uPa") and read_unit("uPa").text == "µPa"
        assert read_unit("Pa").per(read_unit("V")) is None
        assert read_quantity("20uPa").text == "20 µPa" and read_quantity(2).unit is None
        assert read_ratio("100mV/g")[1].text == "g"


def test_the_steps_come_in_one_order_and_each_leaves_a_note(coloured):
    settings = {"calibration": "2", "whiten": True, "highpass": 5.0, "lowpass": 300.0}
    prepared = prepare(coloured, Preparation(**settings))
    once = filter_band(whiten(coloured), 5.0, 300.0)
    assert np.allclose(prepared.samples, once.samples, atol=1e-6)  # whitening takes any factor out again
    words = ["calibrated", "whitened", "filtered, 5 to 300 Hz"]
    assert all(any(word in note.text for note in prepared.notes) for word in words)


class TestARun:
    @pytest.fixture
    def drifting(self, tmp_path):
        """Beats of 40 Hz, faint beside a drift of 0.2 Hz, in mV at 500 Hz."""
        time = np.arange(5000) / 500
        beats = np.sin(2 * np.pi * 40 * time) * (np.sin(np.pi * time) ** 40)
        path = tmp_path / "drift.csv"
        rows = 300 * np.sin(2 * np.pi * 0.2 * time) + beats
        path.write_text("time [s],ecg [mV]\n" + "".join(f"{t:.3f},{v:.6f}\n" for t, v in zip(time, rows, strict=True)))
        return path

    def test_sees_the_prepared_signal_and_tells_of_it(self, drifting, dstft, tmp_path):
        options = ["--highpass", "5", "--figures", "none", "--mode", "fixed"]
        run = dstft("optimize", drifting, *options, "--sensitivity", "2mV/g", "-o", tmp_path / "out")
        assert run.code == 0, run.err
        assert "filtered, what is above 5 Hz is left" in run.err and "2 mV are 1 g" in run.err
        metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
        assert metrics["input"]["unit"] == "g" and metrics["versions"]["scipy"]
        assert any("filtered" in note["text"] for note in metrics["notes"])
        stored = np.load(tmp_path / "out" / "result.npz")
        assert 0.4 < np.abs(stored["signal"]).max() < 0.6
        again = dstft("optimize", drifting, "-c", tmp_path / "out" / "config.yaml", "-o", tmp_path / "again")
        assert again.code == 0
        assert np.array_equal(np.load(tmp_path / "again" / "result.npz")["stft"], stored["stft"])

    def test_of_a_long_recording_filters_block_by_block(self, tmp_path):
        samples = 0.4 * np.sin(np.arange(30_000) * 0.001) + 0.1 * np.random.default_rng(3).standard_normal(30_000)
        write_wav(tmp_path / "long.wav", samples, 8000)
        whole, lazily = (load_signals(tmp_path / "long.wav", memory=memory)[0] for memory in (None, 1e5))
        preparation = Preparation(highpass=100.0, whiten=True, calibration="2Pa")
        results = [optimize(prepare(one, preparation), mode="fixed", support=256, hop=64) for one in (whole, lazily)]
        assert isinstance(lazily.samples, LazySamples)
        difference = np.abs(results[0].stft - results[1].stft).max()
        assert difference < 1e-5 * np.abs(results[0].stft).max()

    def test_in_python_prepares_what_is_asked_for(self, drifting):
        signal = load_signal(drifting)
        result = optimize(signal, mode="fixed", highpass=5.0, sensitivity="2mV/g")
        assert result.signal.unit == "g" and np.abs(result.signal.samples).max() < 0.6
        assert optimize(signal, mode="fixed").signal.unit == "mV"
