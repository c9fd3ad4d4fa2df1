"""What a picture shows of its own accord: the band that holds signal, and ends without the click of the cut."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from dstft_cli import Signal, optimize
from dstft_cli.config.loading import dump_config, load_config
from dstft_cli.figures import spectrograms
from dstft_cli.figures.images import Plane
from dstft_cli.figures.noise_floor import weighted_quantiles
from dstft_cli.figures.of_result import make_figures
from dstft_cli.figures.shown.continued_ends import continued_ends
from dstft_cli.figures.shown.display import Display
from dstft_cli.figures.shown.signal_band import Colours, shown_band, with_band
from dstft_cli.figures.shown.view import View
from dstft_cli.recordings.preparation.continuation import continued_signal
from dstft_cli.results.result import reference

FREQUENCIES = np.linspace(0, 24_000, 513)
AUTO = {"fmin": "auto", "fmax": "auto"}


def ratio(*bands, level=1000.0, seed=0):
    """P over the floor of white noise, and of noise that is louder in some bands, Hz, during a tenth of the time."""
    values = np.random.default_rng(seed).exponential(1.0, (513, 400)).astype(np.float32)
    for low, high in bands:
        values[(low <= FREQUENCIES) & (FREQUENCIES <= high), 100:140] *= level
    return values


def banded(view, values, level=None, colours=None):
    """The view of P over the floor. level: of noise in each bin, (F,); noise is visible unless the colours say otherwise."""
    magnitude = np.sqrt(values) * np.float32(1 if level is None else level[:, None])
    return with_band(view, FREQUENCIES, values, magnitude, colours or Colours(0.5, float(magnitude.max())))


@pytest.fixture(scope="module")
def result():
    """Of a tone of 400 Hz in noise."""
    time = np.arange(16_000) / 8000
    wave = np.sin(2 * np.pi * 400 * time) + 0.01 * np.random.default_rng(0).standard_normal(16_000)
    return optimize(Signal(wave, 8000, "tone"), mode="tf-varying", support=256, hop=32, steps=1)


@pytest.fixture(scope="module")
def adapted():
    """Of two tones that clicks cross, so that window lengths differ."""
    time = np.arange(16_000) / 8000
    wave = (
        np.sin(2 * np.pi * 400 * time)
        + np.sin(2 * np.pi * 900 * time)
        + 0.01 * np.random.default_rng(0).standard_normal(16_000)
    )
    clicks = np.convolve(np.arange(16_000) % 4000 == 2000, np.hanning(12), "same")
    return optimize(Signal(wave + 6 * clicks, 8000, "tones"), mode="tf-varying", support=256, hop=32, steps=1)


class TestBand:
    def test_ends_just_above_the_signal_and_begins_at_zero(self):
        view = banded(View(**AUTO), ratio((200, 4000)))
        assert (view.fmin, view.corner) == (None, f"0 to {view.fmax / 1000:g} kHz of 24 kHz")
        assert 4300 <= view.fmax <= 4800

    def test_begins_just_below_signal_that_is_all_high(self):
        view = banded(View(**AUTO), ratio((9000, 14_000)))
        assert 8000 <= view.fmin <= 8500 and 14_500 <= view.fmax <= 15_000

    @pytest.mark.parametrize("bands", [[], [(500, 21_000)], [(100, 300), (19_000, 19_900)]])
    def test_is_all_if_nothing_stands_out_or_signal_is_everywhere(self, bands):
        view = banded(View(**AUTO), ratio(*bands))
        assert view.band == (None, None) and " of 24 kHz" not in view.corner

    def test_is_not_widened_by_peaks_of_noise(self):
        noise = ratio()
        assert shown_band(noise, np.sqrt(noise), Colours(0.5, 4)) == (0, 512, 0)
        faint = banded(View(**AUTO), ratio((1000, 1500), level=30))
        assert faint.fmax < 3000

    def test_is_the_users_where_the_user_gives_it(self):
        values = ratio((200, 4000))
        assert banded(View(fmin="auto", fmax=9000), values).band == (None, 9000)
        assert banded(View(fmin=300.0, fmax="auto"), values).fmin == 300
        full = View(fmin="full", fmax="full")
        assert banded(full, values) == full and full.band == (None, None)

    def test_on_a_log_axis_keeps_its_lower_end(self):
        view = banded(View(freq_scale="log", **AUTO), ratio((9000, 14_000)))
        assert view.fmin is None and 14_500 <= view.fmax <= 15_000

    def test_that_spans_many_octaves_suggests_a_log_axis_and_draws_a_linear_one(self):
        values = ratio(level=1)
        for octave in range(9):
            values[2**octave, 100:300] *= 1000
        linear, log = (banded(View(freq_scale=scale, **AUTO), values) for scale in ("linear", "log"))
        assert "see --freq-scale log" in linear.corner and "octaves" not in log.corner
        assert linear.freq_scale == "linear"

    def test_of_noise_leaves_out_what_is_black(self):
        level = np.where(FREQUENCIES < 6000, 1, 1e-5)
        view = banded(View(**AUTO), ratio(), level, Colours(1e-4, 4))
        assert view.fmin is None and 6800 <= view.fmax <= 7100
        high = banded(View(**AUTO), ratio(), level[::-1], Colours(1e-4, 4))
        assert 16_500 <= high.fmin <= 17_500 and high.fmax == 24_000

    def test_does_not_reach_to_signal_that_is_black(self):
        level = np.where(FREQUENCIES < 6000, 1, 1e-5)
        view = banded(View(**AUTO), ratio((3000, 4000), (18_000, 19_000)), level, Colours(1e-2, 100))
        assert 4100 <= view.fmax <= 4600

    def test_reaches_to_bright_noise_beyond_the_signal(self):
        level = np.where((FREQUENCIES > 8000) & (FREQUENCIES < 9000), 100, 1)
        view = banded(View(**AUTO), ratio((3000, 4000)), level, Colours(0.1, 300))
        assert 9500 <= view.fmax <= 11_000

    @pytest.mark.parametrize("steady", [True, False])
    def test_does_not_reach_to_a_faint_steady_line_but_to_faint_events(self, steady):
        values = ratio((2000, 4000), level=1e5)
        values[FREQUENCIES.searchsorted(15_000), :: 1 if steady else 4] += 50
        view = banded(View(**AUTO), values, colours=Colours(0.1, 1000))
        assert 4100 <= view.fmax <= 4600 if steady else view.fmax > 15_000

    def test_reaches_to_steady_lines_if_there_is_nothing_else(self):
        values = ratio()
        for line, power in ((1000, 1e6), (15_000, 50)):
            values[FREQUENCIES.searchsorted(line)] += power
        assert banded(View(**AUTO), values, colours=Colours(0.1, 1000)).fmax > 15_000

    def test_is_all_of_silence(self):
        nothing = np.zeros((513, 400), np.float32)
        assert banded(View(**AUTO), nothing, colours=Colours(0, 0)).band == (None, None)

    def test_is_the_same_in_all_pictures_of_a_result(self, result):
        figures = make_figures(result, ["spectrogram", "theta", "comparison"])
        limits = {axes.get_ylim() for name in figures for axes in figures[name].axes if axes.get_xlabel() == "Time (s)"}
        ((low, high),) = limits
        assert low == 0 and 500 < high < 2500


class TestWords:
    @pytest.mark.parametrize("size", [None, (4, 3), (3, 2), (20, 3)])
    def test_of_the_corner_are_whole_inside_the_figure_and_on_no_label(self, adapted, size):
        figures = make_figures(adapted, ["spectrogram", "theta", "comparison"], size=size)
        for figure in figures.values():
            (corner,) = (text for text in figure.texts if " of 4000 Hz" in text.get_text())
            box, (width, height) = corner.get_window_extent(), figure.bbox.size
            assert "…" not in corner.get_text()
            assert 0 <= box.x0 < box.x1 <= width and 0 <= box.y0 < box.y1 <= height
            assert all(box.y1 < axes.get_tightbbox().y0 for axes in figure.axes)

    @pytest.mark.parametrize(
        ("value", "spread", "words"),
        [
            (-1.087e-9, 1.0, "one window of 25 ms, local-entropy 0"),
            (-2.4593, 1 + 1e-7, "one window of 25 ms, local-entropy -2.46"),
            (12.0, 1.1, "tf-varying windows of 25 ms to 27.5 ms, local-entropy 12.0"),
            (1234.5, 1.1, "tf-varying windows of 25 ms to 27.5 ms, local-entropy 1234"),
        ],
    )
    def test_of_the_note_have_the_digits_that_tell(self, result, value, spread, words):
        theta = np.full_like(result.theta, 200)
        theta[0, 0] *= spread
        changed = replace(result, theta=theta, final={**result.final, "local-entropy": value})
        (axes, _) = make_figures(changed, ["spectrogram"])["spectrogram"].axes
        assert words in [text.get_text() for text in axes.texts]


class TestTinyPlanes:
    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize("kind", ["noise", "silence", "damaged"])
    @pytest.mark.parametrize("shape", [(2, 1), (2, 2), (3, 1), (33, 1), (33, 2), (33, 21)])
    def test_are_drawn(self, shape, kind):
        rng = np.random.default_rng(0)
        magnitude = {"noise": rng.exponential(1, shape), "silence": np.zeros(shape), "damaged": np.full(shape, np.nan)}[
            kind
        ]
        magnitude, theta = magnitude.astype(np.float32), rng.uniform(20, 60, shape).astype(np.float32)
        times, frequencies = np.arange(shape[1]) / 100, np.arange(shape[0]) * 10.0
        display = Display(magnitude, theta, times, frequencies, 80.0, 2 * shape[0] - 2)
        view = display.view(View(db_range="auto", **AUTO))
        assert np.isfinite(display.areas()).all()
        picture = spectrograms.spectrogram(Plane(times, frequencies, display.picture(view)), view)
        lengths = spectrograms.theta_map(Plane(times, frequencies, theta), 8000, view, None, display.areas())
        for figure in (picture, lengths):
            values = [np.asarray(image.get_array()) for image in figure.axes[0].images]
            values += [line.get_ydata() for line in figure.axes[0].lines]  # lengths of one frame are a curve
            assert values and all(np.isfinite(array).all() for array in values)

    @pytest.mark.parametrize("spread", [1, 1 + 1e-7, 1 + 1e-6, 2])
    @pytest.mark.parametrize("found", [0, 1])
    def test_have_colours_for_lengths_that_are_all_but_equal(self, spread, found):
        theta = np.full((33, 20), 200, np.float32)
        theta[0] *= np.float32(spread)
        stands_out = np.full(theta.shape, np.float32(found))
        stands_out[0] = 0
        low, middle, high = weighted_quantiles(theta, stands_out, [0.01, 0.5, 0.99])
        assert low <= middle <= high and (low, middle) == pytest.approx((200, 200), rel=1e-3)
        plane = Plane(np.arange(20) / 100, np.arange(33) * 10.0, theta)
        figure = spectrograms.theta_map(plane, 8000, View(), None, stands_out)
        for image in figure.axes[0].images:
            assert image.get_clim()[0] < 25.01 < image.get_clim()[1]


class TestEnds:
    RATE, COUNT, SUPPORT = 8000, 8000, 512

    def both(self, theta):
        """|S| of a tone from its first to its last sample, as it is and with continued ends."""
        wave = np.cos(2 * np.pi * 1000 * np.arange(self.COUNT) / self.RATE + 0.7)
        result = optimize(Signal(wave, self.RATE, "tone"), mode="fixed", support=self.SUPPORT, hop=32, theta=256)
        magnitude, times = reference(result, theta)
        lengths, positions = np.full((1, 1), theta), times * self.RATE
        beyond = continued_signal(result.signal.samples, self.SUPPORT // 2)
        frames = lengths, positions, beyond, self.SUPPORT, result.window
        return result, magnitude, continued_ends(magnitude, *frames)

    def test_do_not_glow(self):
        _, plain, continued = self.both(256)
        far = np.s_[150:, :]  # 1400 Hz and more above the tone
        middle = plain[far][:, 50:-50].max()
        assert plain[far][:, [0, -1]].max() > 10 * middle
        assert continued[far][:, [0, -1]].max() < 2 * middle

    def test_keep_the_level_of_a_tone(self):
        _, plain, continued = self.both(256)
        tone = 1000 * self.SUPPORT // self.RATE
        assert plain[tone, 0] < 0.6 * plain[tone, 100]
        assert continued[tone, [0, -1]] == pytest.approx(continued[tone, [100, 100]], rel=0.01)
        inner = np.s_[:, 5:-5]
        assert np.array_equal(continued[inner], plain[inner].astype(np.float32))

    def test_of_noise_have_the_level_of_noise(self):
        noise = np.random.default_rng(0).standard_normal((40, 2000))
        beyond = np.array([continued_signal(samples, 300)[[*range(300), *range(2300, 2600)]] for samples in noise])
        assert 20 * np.log10(beyond.std()) == pytest.approx(0, abs=2)

    @pytest.mark.parametrize("kind", ["chirp", "ramp", "offset", "click", "silence", "square", "damaged"])
    def test_never_grow(self, kind):
        time = np.arange(4000) / 4000
        samples = {
            "chirp": np.cos(2 * np.pi * (300 * time + 500 * time**2)),
            "ramp": 3 * time,
            "offset": 1e6 + time % 0.01,
            "click": 1.0 * (np.arange(4000) == 3990),
            "silence": 0 * time,
            "square": np.sign(np.sin(60 * time)),
            "damaged": np.where(time == time[2000], np.nan, time),
        }[kind]
        whole = continued_signal(samples, 500)
        assert len(whole) == 5000 and np.isfinite(whole).all()
        assert np.ptp(whole) <= 3.5 * np.ptp(np.nan_to_num(samples))

    def test_do_not_change_the_result(self):
        result, _, _ = self.both(256)
        before = result.stft.copy()
        make_figures(replace(result), ["spectrogram", "comparison"])
        assert np.array_equal(result.stft, before)

    @pytest.mark.parametrize("count", [2, 3, 40])
    def test_of_a_signal_shorter_than_its_window_are_drawn(self, count):
        positions = np.arange(0, count + 1, 1.0)
        result, _, _ = self.both(256)
        values = np.ones((33, len(positions)), np.float32)
        beyond = continued_signal(np.ones(count), 32)
        ends = continued_ends(values, np.full((1, 1), 64.0), positions, beyond, 64, result.window)
        assert ends[0] == pytest.approx(np.ones(len(positions)), abs=1e-4)


class TestSettings:
    def test_of_the_band_are_numbers_or_words(self):
        figures = load_config().figures
        assert (figures.fmin, figures.fmax, figures.db_range, figures.even_floor) == ("auto", "auto", "auto", True)
        given = load_config(sets=["fmin=full", "fmax=null", "db_range=60"], flags={"figures.fmin": "200"}).figures
        assert (given.fmin, given.fmax, given.db_range) == (200.0, "full", 60.0)

    def test_are_written_and_read_back(self, tmp_path):
        config = load_config(sets=["fmin=full", "fmax=4000", "even_floor=false"])
        (tmp_path / "it.yaml").write_text(dump_config(config, True), encoding="utf-8")
        assert load_config(tmp_path / "it.yaml") == config


class TestChoice:
    @pytest.mark.parametrize(
        ("names", "files"),
        [("none", []), (" Theta,spectrogram", ["spectrogram.png", "theta.png"]), ("frames", ["frames.png"])],
    )
    def test_only_the_figures_asked_for_are_drawn(self, names, files, tmp_path, dstft):
        soundfile.write(tmp_path / "a.wav", np.sin(0.3 * np.arange(900)), 4000)
        run = dstft("optimize", tmp_path / "a.wav", "--figures", names, "-o", tmp_path / "out", "--set", "dpi=20")
        assert run.code == 0
        assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == files

    def test_a_run_without_figures_does_not_load_matplotlib(self, tmp_path):
        soundfile.write(tmp_path / "a.wav", np.sin(0.3 * np.arange(900)), 4000)
        code = """
import sys
from dstft_cli.cli import main
try:
    main(["optimize", "a.wav", "--figures", "none", "-o", "out", "-q"])
except SystemExit as end:
    assert not end.code
assert "matplotlib" not in sys.modules
"""
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)

    @pytest.mark.parametrize("names", ["spectrogram,sound", "all,theta", ""])
    def test_unknown_names_are_refused(self, names, tmp_path, dstft):
        run = dstft("optimize", tmp_path / "a.wav", "--figures", names)
        assert run.code == 2 and "all, none, or names with commas between them: spectrogram, theta" in run.err

    def test_plot_draws_what_the_run_did_not(self, tmp_path, dstft):
        soundfile.write(tmp_path / "a.wav", np.sin(0.3 * np.arange(900)), 4000)
        dstft("optimize", tmp_path / "a.wav", "--figures", "none", "-o", tmp_path / "out")
        assert dstft("plot", tmp_path / "out", "--figure", "theta", "-o", tmp_path / "b.png").code == 0
        assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("several", "last"), [(True, "Optimum, tf-varying"), (False, "Best, ")])
def test_one_window_that_is_kept_is_not_compared_with_itself(two_tones_and_click, monkeypatch, several, last):
    monkeypatch.setattr("dstft_cli.optimization.run.OptimizationRun.gained_nothing", lambda *_, **__: not several)
    signal = Signal(two_tones_and_click, 2000.0, "two tones and a click")
    result = optimize(signal, mode="tf-varying", support=128, hop=8, theta_min=8)
    titles = [axes.get_title("left") for axes in make_figures(result, ["comparison"])["comparison"].axes]
    panels = [title for title in titles if title]
    assert len(panels) == 3 + several and panels[-1].startswith(last)
    assert any(title.startswith("Best constant") for title in panels) == several
