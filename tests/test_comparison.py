"""Measures of sharpness are true of the signals; and what a comparison is drawn and written with."""

import os

import numpy as np
import pytest
import torch

from dstft_cli.errors import OutputError
from dstft_cli.figures import spectrograms as drawing
from dstft_cli.figures.images import Plane
from dstft_cli.figures.shown.view import View
from dstft_cli.figures.spectrograms import Panel
from dstft_cli.recordings.signal import Signal
from dstft_cli.stft.transform import dstft as transform
from dstft_cli.stft.windows import get_window
from dstft_cli.system.atomic_files import replace_file
from dstft_cli.workflows.sharpness import Candidate, equivalent_widths, measure, spread

RATE, SAMPLES = 2000.0, 4000
PLANE = {"support": 128, "hop": 16}


def plane(samples, theta, support=256, hop=16, positions=None, window="hann") -> Candidate:
    """The exact spectrogram of samples at RATE with window lengths θ in samples, any shape or one number."""
    positions = torch.arange(0, len(samples), hop, dtype=torch.float64) if positions is None else positions
    theta = torch.as_tensor(theta, dtype=torch.float64).reshape(1, 1) if np.ndim(theta) == 0 else theta
    window = get_window(window)
    values = transform(torch.as_tensor(samples), theta, positions, support, window).abs().numpy()
    return Candidate("it", values, theta.numpy(), positions.numpy(), support, window, Signal(samples, RATE, "it"))


def silence(samples) -> Signal:
    return Signal(np.zeros(samples), RATE, "it")


def tone(frequency=500.0):
    return np.sin(2 * np.pi * frequency * np.arange(SAMPLES) / RATE)


def click():
    samples = np.zeros(SAMPLES)
    samples[2000] = 20.0
    return samples


def white(seed=0):
    return np.random.default_rng(seed).standard_normal(SAMPLES)


class TestFigures:
    @pytest.mark.parametrize(("support", "hop"), [(256, 8), (256, 32), (512, 16), (1024, 16)])
    def test_do_not_change_with_the_grid(self, support, hop):
        samples = tone() + tone(120) + click() + 0.1 * white()
        usual, other = measure(plane(samples, 100)), measure(plane(samples, 100, support, hop))
        assert other.concentration == pytest.approx(usual.concentration, rel=0.02)
        assert other.occupied_s_hz == pytest.approx(usual.occupied_s_hz, rel=0.02)
        assert other.occupied_percent == pytest.approx(usual.occupied_percent, rel=0.02)

    @pytest.mark.parametrize("theta", [24, 200, "random"])
    def test_noise_has_concentration_2_whatever_the_windows(self, theta):
        if theta == "random":
            octaves = torch.rand(129, 250, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 3
            theta = 24 * 2**octaves
        assert measure(plane(white(), theta)).concentration == pytest.approx(2, rel=0.1)

    def test_energy_spread_evenly_has_concentration_1_and_fills_the_plane(self):
        flat = Candidate(
            "it", np.ones((65, 41)), np.full((1, 1), 60.0), np.sort(white()[:41] ** 2) * 300, 128, None, silence(4000)
        )
        assert spread(flat).concentration == pytest.approx(1)
        assert spread(flat).area == pytest.approx(2.0 * 1000)  # 2 s by 1000 Hz

    def test_a_single_point_fills_its_own_cell_alone(self):
        magnitude = np.zeros((65, 5))
        magnitude[3, 2] = 7.0
        positions = np.array([0.0, 100, 300, 900, 1000])
        point = Candidate("it", magnitude, np.full((1, 1), 60.0), positions, 128, None, silence(1000))
        area = (600 - 200) / RATE * RATE / 128  # half way to its neighbours, one bin high
        assert spread(point).area == pytest.approx(area)
        assert spread(point).concentration == pytest.approx(0.5 * 1000 / area)

    def test_tones_are_concentrated_by_long_windows_and_clicks_by_short_ones(self):
        for samples, better, worse in ((tone(), 240, 30), (click(), 30, 240)):
            good, poor = measure(plane(samples, better)), measure(plane(samples, worse))
            assert good.concentration > 3 * poor.concentration
            assert good.occupied_percent < poor.occupied_percent / 3

    def test_short_windows_about_a_click_do_not_give_it_more_of_the_energy(self):
        samples, near = tone() + click(), slice(110, 141)
        alike = plane(samples, 200)
        theta = torch.full((1, 250), 200.0, dtype=torch.float64)
        theta[:, near] = 60
        own = plane(samples, theta)
        shares = [
            energy[:, near].sum() / energy.sum() for one in (own, alike) for energy in [next(one.blocks()).energy]
        ]
        assert shares[0] == pytest.approx(shares[1], rel=0.1)
        plain = np.square(own.magnitude)
        assert plain[:, near].sum() / plain.sum() > 2 * shares[0]

    @pytest.mark.parametrize(
        ("window", "duration", "bandwidth"),
        [("hann", 0.375, 1.5), ("hamming", 0.3974 / 1, 1.3628), ("blackman", 0.3046, 1.7268)],
    )
    def test_widths_of_windows_are_those_of_harris(self, window, duration, bandwidth):
        assert equivalent_widths(get_window(window)) == (
            pytest.approx(duration, abs=1e-4),
            pytest.approx(bandwidth, abs=1e-4),
        )

    def test_widths_of_a_callable_come_from_its_shape(self):
        assert equivalent_widths(get_window(torch.ones_like)) == pytest.approx((1, 1))
        half_wave = equivalent_widths(get_window(lambda u: torch.cos(torch.pi * u)))
        assert half_wave == pytest.approx((0.5, np.pi**2 / 8), rel=1e-6)

    def test_resolution_is_the_width_that_a_click_and_a_tone_have_in_the_picture(self):
        over_time, over_frequency = plane(click(), 100, hop=1), plane(tone(), 100, support=4000)
        row, column = over_time.magnitude[40] ** 2, over_frequency.magnitude[:, 125] ** 2
        found = measure(over_time)
        assert found.time_resolution_ms == pytest.approx(row.sum() / row.max() / RATE * 1e3, rel=0.01)
        assert found.frequency_resolution_hz == pytest.approx(column.sum() / column.max() * RATE / 4000, rel=0.01)

    def test_resolution_of_windows_that_differ_is_where_the_energy_is(self):
        theta = torch.full((1, 250), 200.0, dtype=torch.float64)
        theta[:, 100:151] = 25.0
        samples = tone() * (np.abs(np.arange(SAMPLES) - 2000) < 250)
        assert measure(plane(samples, theta)).time_resolution_ms == pytest.approx(0.375 * 25 / RATE * 1e3, rel=0.02)


class TestPanels:
    def test_with_bins_of_their_own_show_a_tone_at_one_height(self):
        fine, coarse = np.full((65, 10), 1e-6), np.full((17, 10), 1e-6)
        fine[24], coarse[6] = 1.0, 1.0  # 1500 Hz
        times = np.arange(10) * 0.1
        planes = Plane(times, np.arange(65) * 62.5, fine), Plane(times, np.arange(17) * 250.0, coarse)
        figure = drawing.comparison([Panel("it", plane) for plane in planes], View())
        assert {axes.get_ylim() for axes in figure.axes[:2]} == {(0, 4000)}
        for axes in figure.axes[:2]:
            column = np.asarray(axes.images[0].get_array())[:, 0]
            middle = np.mean(np.flatnonzero(column == column.max())) + 0.5
            assert 4000 * middle / len(column) == pytest.approx(1500, abs=20)

    @pytest.mark.parametrize("scale", ["linear", "log", "mel"])
    def test_share_limits_and_unit_on_any_scale(self, scale):
        bins = [np.arange(n) * (20000 / (n - 1)) for n in (2049, 129)]
        planes = [Plane(np.arange(4.0), own, np.ones((len(own), 4))) for own in bins]
        figure = drawing.comparison([Panel("it", plane) for plane in planes], View(freq_scale=scale))
        assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
        assert figure.axes[0].get_ylabel() == figure.axes[1].get_ylabel()


class TestSingle:
    def test_takes_its_place_when_it_is_whole(self, tmp_path):
        path = tmp_path / "new" / "it.csv"
        with replace_file(path) as aside:
            aside.write_text("all of it")
            assert not path.exists() and path.parent in aside.parents  # on the same disk
        assert path.read_text() == "all of it" and os.listdir(path.parent) == ["it.csv"]

    @pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("x"), KeyboardInterrupt()])
    def test_leaves_what_was_there_on_an_error(self, tmp_path, error):
        (tmp_path / "it.csv").write_text("old")
        expected = OutputError if isinstance(error, OSError) else type(error)
        with pytest.raises(expected), replace_file(tmp_path / "it.csv") as aside:
            aside.write_text("half of")
            raise error
        assert (tmp_path / "it.csv").read_text() == "old" and os.listdir(tmp_path) == ["it.csv"]
        with pytest.raises(expected), replace_file(tmp_path / "a" / "b" / "it.csv"):
            raise error
        assert os.listdir(tmp_path) == ["it.csv"]
