"""Levels of pictures: dB re a physical unit, and the power spectral density under windows of any length."""

import numpy as np
import pytest
import torch
from scipy.signal import lfilter, welch

from dstft_cli import Signal, dstft, optimize, psd
from dstft_cli.errors import InputError
from dstft_cli.figures.of_result import make_figures
from dstft_cli.figures.shown.levels import level_label, zero_level
from dstft_cli.figures.shown.view import View
from dstft_cli.stft.windows import get_window, noise_bandwidth

RATE = 8000.0


def noise(count=12_000, seed=1):
    """Noise with a broad peak at a quarter of the sampling rate, in steps of 3 units."""
    return lfilter([3.0], [1.0, 0.0, 0.5], np.random.default_rng(seed).standard_normal(count))


def calibrator(level=94.0):
    """A second of 1 kHz at a level in dB re 20 µPa, in Pa."""
    time = np.arange(int(RATE)) / RATE
    return np.sqrt(2) * 20e-6 * 10 ** (level / 20) * np.sin(2 * np.pi * 1000 * time)


def peak(result, **look):
    """The highest level of the picture, and the label of its colour bar."""
    (figure,) = make_figures(result, ["spectrogram"], **look).values()
    return float(figure.axes[0].images[0].get_array().max()), figure.axes[1].get_ylabel()


@pytest.fixture(scope="module")
def tone():
    signal = Signal(calibrator(), RATE, "tone", unit="Pa")
    return optimize(signal, mode="fixed", theta=400, support=512, hop=100)


class TestPowerDensity:
    @pytest.mark.parametrize("window", ["hann", "hamming", "blackman", "gaussian"])
    @pytest.mark.parametrize("theta", [64, 500])
    def test_is_that_of_welch_in_noise(self, window, theta):
        result = optimize(Signal(noise(), RATE, "noise"), mode="fixed", window=window, theta=theta, support=512, hop=32)
        frames = slice(8, 8 + (12_000 - 512) // 32 + 1)  # those whose support is in the signal, as welch has them
        mine = psd(result.stft, result.theta, result.window, RATE)[:, frames].mean(1)
        profile = get_window(window).value(torch.arange(-256.0, 256.0, dtype=torch.float64), torch.tensor(float(theta)))
        frequencies, theirs = welch(noise(), RATE, profile.numpy(), 512, 480, detrend=False)
        assert np.allclose(frequencies, result.frequencies)
        assert mine == pytest.approx(theirs, rel=2e-3)

    def test_of_white_noise_is_one_level_wherever_windows_differ(self):
        samples = torch.tensor(np.random.default_rng(3).standard_normal(40_000))
        positions = torch.arange(300, 39_700, 100, dtype=torch.float64)
        theta = 2.0 ** torch.tensor(np.random.default_rng(4).uniform(5, 9, (257, len(positions))))
        values = psd(dstft(samples, theta, positions, 512).numpy(), theta.numpy(), get_window("hann"), RATE)
        for low, high in ((32, 64), (64, 256), (256, 512)):
            inside = (theta >= low) & (theta < high)
            inside[[0, 1, -2, -1]] = False  # wide windows see both sides of 0 and fs/2 there
            assert values[inside.numpy()].mean() == pytest.approx(2 / RATE, rel=0.03)

    def test_of_a_line_times_its_bandwidth_is_its_power(self):
        result = optimize(Signal(calibrator(), RATE, "tone"), mode="fixed", theta=400, support=512, hop=100)
        power = psd(result.stft, 400, result.window, RATE)[64, 20] * noise_bandwidth(result.window, 400, RATE)
        assert float(power) == pytest.approx((20e-6 * 10 ** (94 / 20)) ** 2, rel=1e-3)


class TestLevels:
    @pytest.mark.parametrize(
        ("look", "level", "label"),
        [
            ({"db_ref": "20uPa"}, 94.0, "Level (dB re 20 µPa)"),
            ({"db_ref": "20 uPa", "scaling": "amplitude"}, 97.01, "Amplitude (dB re 20 µPa)"),
            ({"db_ref": "1"}, 0.02, "Level (dB re 1 Pa)"),
            ({"db_ref": "2e-5"}, 94.0, "Level (dB re 2e-05 Pa)"),
            ({"db_ref": "1uPa"}, 120.02, "Level (dB re 1 µPa)"),
            ({"db_ref": "20uPa", "scaling": "psd"}, 94 - 10 * np.log10(30), "Power density (dB re (20 µPa)²/Hz)"),
            ({"db_ref": "max", "scaling": "psd"}, 0.0, "Power density (dB re max)"),
            ({"db_ref": "max", "scaling": "amplitude"}, 0.0, "Magnitude (dB re max)"),
        ],
    )
    def test_of_a_calibrator_are_what_it_gives(self, tone, look, level, label):
        assert peak(tone, **look) == (pytest.approx(level, abs=0.05), label)

    def test_may_be_in_another_unit_of_the_same_kind(self):
        assert zero_level(View(db_ref="1um/s2", unit="g", scaling="psd")) == pytest.approx(1e-6 / 9.80665)
        assert level_label(View(db_ref="1", unit="m/s2", scaling="psd")) == "Power density (dB re (1 m/s²)²/Hz)"
        assert level_label(View(db_ref="1ug")) == "Level (dB re 1 µg)"

    @pytest.mark.parametrize(("unit", "says"), [("V", "samples are in 'V'"), ("", "samples have no unit")])
    def test_of_another_kind_are_refused(self, unit, says):
        with pytest.raises(InputError, match=says):
            zero_level(View(db_ref="20uPa", unit=unit))

    def test_are_refused_before_any_work(self, dstft, sample_data, tmp_path):
        run = dstft("optimize", sample_data / "shocks.wav", "--db-ref", "20uPa", "-o", tmp_path / "out")
        assert run.code == 2 and "samples have no unit" in run.err and "--sensitivity" in run.err
        assert not (tmp_path / "out").exists()

    def test_of_a_panel_hold_for_its_own_window(self):
        signal = Signal(np.random.default_rng(5).standard_normal(16_000), RATE, "noise", unit="g")
        result = optimize(
            signal, mode="time-varying", support=512, hop=64, theta_min=64, steps=2, db_ref="1", scaling="psd"
        )
        (figure,) = make_figures(result, ["comparison"]).values()
        means = [float(np.mean(10 ** (axes.images[0].get_array() / 10))) for axes in figure.axes[:3]]
        assert means == pytest.approx([means[0]] * len(means), rel=0.2)  # under windows of 64 and of 512 samples


def test_a_picture_drawn_again_has_the_levels_of_the_run(dstft, sample_data, tmp_path):
    look = ["--sensitivity", "100mV/g", "--db-ref", "1ug", "--scaling", "psd", "--set", "figures.dpi=40"]
    run = dstft("optimize", sample_data / "shocks.wav", *look, "--mode", "time", "--steps", 3, "-o", tmp_path / "out")
    assert run.code == 0, run.err
    assert dstft("plot", tmp_path / "out", "--figure", "spectrogram", "-o", tmp_path / "again.png").code == 0
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "out" / "spectrogram.png").read_bytes()
    other = dstft("plot", tmp_path / "out", "--figure", "spectrogram", "--scaling", "rms", "-o", tmp_path / "rms.png")
    assert other.code == 0 and (tmp_path / "rms.png").read_bytes() != (tmp_path / "again.png").read_bytes()
    refused = dstft("plot", tmp_path / "out", "--figure", "theta", "--scaling", "rms", "-o", tmp_path / "theta.png")
    assert refused.code == 2 and "--scaling: has no effect on theta" in refused.err
    compared = dstft("compare", tmp_path / "out", "--db-ref", "1m/s2", "-o", tmp_path / "compared.png")
    assert compared.code == 0, compared.err


def test_info_gives_the_level_of_a_recording(dstft, tmp_path):
    rows = "".join(f"{i / RATE:.6f},{value:.9f}\n" for i, value in enumerate(calibrator(80)))
    (tmp_path / "tone.csv").write_text("time [s],p [Pa]\n" + rows)
    assert "80.0 dB re 20 µPa" in dstft("info", tmp_path / "tone.csv", "--db-ref", "20uPa").out
    assert "dB" not in dstft("info", tmp_path / "tone.csv").out
