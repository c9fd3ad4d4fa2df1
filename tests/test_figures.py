"""What a reader of a picture sees: peaks where they are, units, one colour scale, nothing cut off."""

import functools
import io
import itertools
import os
import subprocess
import sys

import matplotlib
import numpy as np
import pytest

from dstft_cli.errors import InputError
from dstft_cli.figures import axis_scales, frame_timeline, spectrograms
from dstft_cli.figures.spectrograms import Panel
from dstft_cli.figures.spectrograms import View as FullView

pytestmark = pytest.mark.filterwarnings("error")


def View(**settings):
    return FullView(**{"dpi": 50} | settings)


TIMES = np.arange(50) * 0.1
FREQUENCIES = np.arange(65) * 62.5  # up to 4 kHz


NAME = r"$\frac{_run_^2 a\b {x} $50_\alpha$ Größe–Ωµ.wav"
VIEWS = [
    View(),
    View(title="W" * 60 + " and so on " + "m" * 49, freq_scale="log", start=86400.25),
    View(title=NAME, fmin=100, fmax=150),
]


def noise(bins=65, frames=50, seed=0):
    return np.random.default_rng(seed).uniform(1e-6, 1e-3, (bins, frames))


def brightest(figure, panel=0):
    """Time and frequency of the brightest pixel's middle, in the units of the axes."""
    axes = figure.axes[panel]
    grid = np.asarray(axes.images[0].get_array())
    row, column = np.unravel_index(grid.argmax(), grid.shape)
    fraction = ((column + 0.5) / grid.shape[1], (row + 0.5) / grid.shape[0])
    return tuple(axes.transData.inverted().transform(axes.transAxes.transform(fraction)))


def png(figure, dpi=50):
    file = io.BytesIO()
    spectrograms.save(figure, file, "png", dpi)
    return matplotlib.image.imread(io.BytesIO(file.getvalue()))


def words(axis):
    return [label.get_text() for label in axis.get_ticklabels() if label.get_text()]


@functools.cache
def every_figure(view):
    theta = 100 * 2 ** (5 * np.random.default_rng(1).uniform(size=(65, 50)))
    curve = (np.geomspace(1, 200, 30), np.linspace(-1, 1, 30) ** 2 + 9, "loss")
    wave, positions = 20 * noise(40, 1000).ravel(), np.arange(50) * 800.0
    terms = {"loss": 9 + np.exp(-np.arange(30.0)), "regularization (weighted)": np.exp(-np.arange(30.0))}
    drawn = [
        spectrograms.spectrogram(TIMES, FREQUENCIES, noise(), view, "tf-varying, entropy 9.41"),
        spectrograms.comparison(
            TIMES, FREQUENCIES, [Panel(view.title or "panel", noise(), ", entropy 9.412")] * 4, view
        ),
        spectrograms.theta_map(TIMES, FREQUENCIES, theta, 8000, view, (100, 3200)),
        spectrograms.theta_map(TIMES, FREQUENCIES, theta[:1], 8000, view, (100, 3200)),
        spectrograms.theta_map(TIMES, FREQUENCIES, theta[:, :1], 8000, view, (100, 3200)),
        spectrograms.theta_map(TIMES, FREQUENCIES, theta[:1, :1], 8000, view, (100, 3200)),
        spectrograms.loss_curves(terms, view),
        spectrograms.loss_curves(terms, view, curve),
        frame_timeline.frames(wave, 8000, positions, theta, view, "coverage 100 %"),
        frame_timeline.frames(wave * 1e-6, 8000, positions, theta[:1], view),
        frame_timeline.frames(wave, 8000, positions[:1], theta[:1, :1], view),
    ]
    for figure in drawn:
        figure.draw_without_rendering()  # puts every text in its place
    return drawn


@pytest.mark.parametrize("freq_scale", ["linear", "log"])
@pytest.mark.parametrize("start", [0.0, 3600.0])
def test_the_brightest_pixel_lies_at_the_tone(freq_scale, start):
    magnitude = noise()
    magnitude[24, 31] = 1.0
    view = View(freq_scale=freq_scale, start=start)
    time, frequency = brightest(spectrograms.spectrogram(TIMES, FREQUENCIES, magnitude, view))
    assert time == pytest.approx(start + TIMES[31], abs=0.05)
    assert frequency == pytest.approx(FREQUENCIES[24], abs=31.25)


def test_frames_at_unequal_times_are_drawn_at_their_times():
    times = np.array([0.0, 1.0, 1.1, 1.3, 9.0, 10.0])
    cells = [(0, 0.5), (0.5, 1.05), (1.05, 1.2), (1.2, 5.15), (5.15, 9.5), (9.5, 10)]  # they meet halfway
    for n, (left, right) in enumerate(cells):
        magnitude = noise(65, 6)
        magnitude[:, n] = 1.0
        figure = spectrograms.spectrogram(times, FREQUENCIES, magnitude, View())
        grid = np.asarray(figure.axes[0].images[0].get_array())
        lit = (np.flatnonzero(grid[0] == 0) + 0.5) / grid.shape[1] * 10
        pixel = 10 / grid.shape[1]
        assert lit.min() == pytest.approx(left, abs=pixel) and lit.max() == pytest.approx(right, abs=pixel)


@pytest.mark.parametrize(("loud", "left", "right"), [(0, 0, 700), (1, 700, 1400), (2, 1400.1, 2200), (3, 2200, 3000)])
def test_frames_a_tenth_of_a_sample_apart_beside_wide_gaps_are_both_drawn(loud, left, right):
    positions = np.array([0, 1400, 1400.1, 3000])  # samples at 1 kHz
    magnitude = noise(65, 4)
    magnitude[:, loud] = 1.0
    figure = spectrograms.spectrogram(positions / 1000, FREQUENCIES, magnitude, View(start=86400))
    grid = np.asarray(figure.axes[0].images[0].get_array())
    lit, pixel = np.flatnonzero(grid[0] == 0), 3000 / grid.shape[1]
    assert len(lit) == lit[-1] - lit[0] + 1
    assert (lit[0] * pixel, (lit[-1] + 1) * pixel) == pytest.approx((left, right), abs=1.01 * pixel)


@pytest.mark.parametrize(("m", "n"), [(700, 4321), (0, 0), (1024, 9999)])
def test_one_loud_bin_among_ten_thousand_frames_is_not_lost(m, n):
    magnitude = np.full((1025, 10000), 1e-6, dtype=np.float32)
    magnitude[m, n] = 1.0
    figure = spectrograms.spectrogram(np.arange(10000) * 0.01, np.arange(1025) * 10.0, magnitude, View())
    time, frequency = brightest(figure)  # s, kHz
    assert (time, frequency) == (pytest.approx(n * 0.01, abs=0.2), pytest.approx(m * 0.01, abs=0.04))


def test_the_png_shows_a_loud_bin_once_and_in_its_place():
    magnitude = np.full((1025, 10000), 1e-6, dtype=np.float32)
    magnitude[256, 5000] = 1.0
    figure = spectrograms.spectrogram(np.arange(10000) * 0.01, np.arange(1025), magnitude, View(cmap="gray"))
    x0, y0, width, height = figure.axes[0].get_window_extent().bounds
    picture = png(figure)[::-1, :, 0]
    rows, columns = np.nonzero(picture[int(y0) + 2 : int(y0 + height) - 2, int(x0) + 2 : int(x0 + width) - 2])
    assert 1 <= len(rows) <= 4
    assert (columns.mean() / width, rows.mean() / height) == pytest.approx((0.5, 0.25), abs=0.015)


def test_the_colours_are_decibels_relative_to_the_maximum_with_a_floor():
    magnitude = np.zeros((3, 3))
    magnitude[0, 0], magnitude[1, 1], magnitude[2, 2] = 5.0, 0.5, 5e-9
    figure = spectrograms.spectrogram(TIMES[:3], FREQUENCIES[:3], magnitude, View(db_range=60))
    image = figure.axes[0].images[0]
    assert np.unique(np.round(image.get_array(), 9)).tolist() == [-60, -20, 0]
    assert image.get_clim() == (-60, 0)
    assert figure.axes[1].get_ylabel() == "Magnitude (dB re max)"


@pytest.mark.parametrize(
    ("top", "duration", "freq_scale", "frequency", "time"),
    [
        (4000, 20, "linear", "Frequency (Hz)", "Time (s)"),
        (150e3, 0.4, "linear", "Frequency (kHz)", "Time (ms)"),
        (50, 60, "linear", "Frequency (Hz)", "Time (s)"),
        (150e3, 0.4, "log", "Frequency (kHz)", "Time (ms)"),
        (22050, 3, "log", "Frequency (Hz)", "Time (s)"),
        (4000, 599, "linear", "Frequency (Hz)", "Time (s)"),
        (4000, 600, "linear", "Frequency (Hz)", "Time (min)"),
        (4000, 3 * 3600, "linear", "Frequency (Hz)", "Time (h)"),
    ],
)
def test_axes_name_units_that_fit_the_recording(top, duration, freq_scale, frequency, time):
    times, frequencies = np.linspace(0, duration, 50), np.linspace(0, top, 513)
    figure = spectrograms.spectrogram(times, frequencies, noise(513), View(freq_scale=freq_scale))
    axes = figure.axes[0]
    assert (axes.get_ylabel(), axes.get_xlabel()) == (frequency, time)
    assert axes.get_xlim() == pytest.approx(
        (0, duration * {"ms": 1e3, "s": 1, "min": 1 / 60, "h": 1 / 3600}[time[6:-1]])
    )
    assert axes.get_ylim()[1] == pytest.approx(top / (1e3 if "kHz" in frequency else 1))


def test_a_recording_that_starts_late_is_labelled_in_recording_time():
    figure = spectrograms.spectrogram(TIMES * 0.1, FREQUENCIES, noise(), View(start=7200))
    assert words(figure.axes[0].xaxis)[0] == "7200.00"
    assert figure.axes[0].get_xlabel() == "Time (s)"


def test_the_band_shown_sets_the_axis_and_the_maximum():
    magnitude = noise()
    magnitude[0] = 1e6  # an offset of the sensor, outside the band
    magnitude[32, 10] = 1.0
    figure = spectrograms.spectrogram(TIMES, FREQUENCIES, magnitude, View(fmin=1000, fmax=3000))
    assert figure.axes[0].get_ylim() == (1000, 3000)
    assert brightest(figure) == (pytest.approx(1.0, abs=0.05), pytest.approx(2000, abs=32))
    assert figure.axes[0].images[0].get_array().max() == 0


def test_a_band_within_one_bin_shows_that_bin():
    theta = np.tile(np.geomspace(1e-3, 1e3, 65)[:, None], (1, 50))
    view = View(fmin=1010, fmax=1020)
    image = spectrograms.theta_map(TIMES, FREQUENCIES, theta, 1e3, view).axes[0].images[0]
    shown = np.unique(image.get_array().filled(0))
    assert shown == pytest.approx([theta[16, 0] * 1e3])  # the bin at 1000 Hz, in µs
    assert image.get_clim()[0] <= shown[0] <= image.get_clim()[1]


@pytest.mark.parametrize(
    "change",
    [{"cmap": "magmma"}, {"freq_scale": "mel"}, {"db_range": 0.0}, {"db_range": float("nan")}],
)
def test_views_that_cannot_be_drawn_are_refused_by_name(change):
    with pytest.raises(InputError, match=f"figures: {next(iter(change))}="):
        View(**change)


@pytest.mark.parametrize("band", [{"fmin": 5000}, {"fmin": 3000, "fmax": 2000}, {"fmax": 10, "freq_scale": "log"}])
def test_a_band_without_bins_is_refused(band):
    with pytest.raises(InputError, match="leave nothing"):
        spectrograms.spectrogram(TIMES, FREQUENCIES, noise(), View(**band))


@pytest.mark.parametrize("freq_scale", ["linear", "log"])
def test_silence_is_flat_at_the_floor(freq_scale):
    figure = spectrograms.spectrogram(TIMES, FREQUENCIES, np.zeros((65, 50)), View(freq_scale=freq_scale))
    assert np.unique(figure.axes[0].images[0].get_array()).tolist() == [-80]
    png(figure)


def test_what_is_not_finite_does_not_spread():
    magnitude = noise()
    magnitude[10, 10], magnitude[20, 20], magnitude[24, 31] = np.nan, np.inf, 1.0
    figure = spectrograms.spectrogram(TIMES, FREQUENCIES, magnitude, View(db_range=1e5))
    grid = np.asarray(figure.axes[0].images[0].get_array())
    assert np.isfinite(grid).all() and grid.max() == 0
    assert brightest(figure) == (pytest.approx(3.1, abs=0.05), pytest.approx(1500, abs=32))


@pytest.mark.parametrize("freq_scale", ["linear", "log"])
@pytest.mark.parametrize(("first", "bins", "frames"), [(3, 1, 50), (0, 1, 50), (0, 65, 1), (3, 1, 1)])
def test_a_single_frame_or_bin_fills_the_picture(freq_scale, first, bins, frames):
    frequencies = FREQUENCIES[first : first + bins]
    magnitude = np.ones((bins, frames))
    view = View(freq_scale=freq_scale)
    figure = spectrograms.spectrogram(TIMES[:frames], frequencies, magnitude, view)
    assert np.unique(figure.axes[0].images[0].get_array()).tolist() == [0]
    png(spectrograms.theta_map(TIMES[:frames], frequencies, 100 * magnitude, 8000, view))


def test_panels_share_one_colour_scale_and_carry_their_words():
    panels = [Panel("short", noise(), ", entropy 9.800"), Panel("long", 10 * noise(), ", entropy 9.610")]
    panels += [Panel("a", noise(), ", entropy 9.500"), Panel("b", noise(), "")]
    figure = spectrograms.comparison(TIMES, FREQUENCIES, panels, View(title="robin.wav"))
    images = [axes.images[0] for axes in figure.axes[:4]]
    assert len(figure.axes) == 5  # four panels, one colour bar
    assert {image.get_clim() for image in images} == {(-80, 0)}
    loudest = [image.get_array().max() for image in images]
    assert loudest[1] == 0
    assert loudest[0] == pytest.approx(20 * np.log10(panels[0].magnitude.max() / panels[1].magnitude.max()))
    titles = [axes.get_title("left") for axes in figure.axes[:4]]
    assert titles == ["short, entropy 9.800", "long, entropy 9.610", "a, entropy 9.500", "b"]
    corners = {tuple(np.round(axes.get_position().p0, 6)) for axes in figure.axes[:4]}
    assert len({x for x, _ in corners}) == len({y for _, y in corners}) == 2  # two by two


def test_panels_with_times_of_their_own_are_drawn_at_them_over_the_same_axis():
    few, many, one = np.array([0.5, 0.6, 4.0, 7.0]), np.arange(100) * 0.05, np.array([3.0])
    quiet, dense, alone = noise(65, 4), noise(65, 100), noise(65, 1)
    quiet[24, 1] = dense[24, 90] = alone[24, 0] = 1.0
    panels = [Panel("few", quiet, "", few), Panel("many", dense, "", many), Panel("one", alone, "", one)]
    figure = spectrograms.comparison(TIMES, FREQUENCIES, [*panels, Panel("common", noise(), "")], View(start=10))
    assert {axes.get_xlim() for axes in figure.axes[:4]} == {(10, 17)}  # the first frame of all to the last
    assert brightest(figure, 0) == (pytest.approx(10.55, abs=0.05), pytest.approx(1500, abs=32))
    assert brightest(figure, 1) == (pytest.approx(14.5, abs=0.05), pytest.approx(1500, abs=32))
    lone = np.asarray(figure.axes[2].images[0].get_array())
    assert (lone.max(axis=0) == 0).all()  # the only frame there is stands for all times


@pytest.mark.parametrize(
    ("theta", "rate", "label", "value"),
    [(441.0, 44100, "ms", 10), (1024.0, 100, "s", 10.24), (20.0, 1e6, "µs", 20)],
)
def test_window_lengths_are_drawn_in_units_of_time(theta, rate, label, value):
    lengths = np.full((65, 50), theta)
    image = spectrograms.theta_map(TIMES, FREQUENCIES, lengths, rate, View())
    assert image.axes[1].get_ylabel() == f"Window length ({label})"
    assert np.unique(image.axes[0].images[0].get_array().filled(0)) == pytest.approx([value])
    curve = spectrograms.theta_map(TIMES, FREQUENCIES, lengths[:1], rate, View(), (theta / 2, theta * 2)).axes[0]
    assert curve.get_ylabel() == f"Window length ({label})"
    drawn = [np.unique(np.round(line.get_ydata(), 9)).tolist() for line in curve.lines]
    assert drawn == [[value], [value / 2], [value * 2]]
    number = spectrograms.theta_map(TIMES, FREQUENCIES, lengths[:1, :1], rate, View()).axes[0]
    assert f"{axis_scales.plain_number(value)} {label}" in [text.get_text() for text in number.texts]


def test_a_time_varying_length_is_drawn_over_time_and_a_frequency_varying_one_over_frequency():
    theta = np.geomspace(100, 1000, 65)
    over_time = spectrograms.theta_map(TIMES, FREQUENCIES, theta[None, :50], 1000, View()).axes[0]
    over_frequency = spectrograms.theta_map(TIMES, FREQUENCIES, theta[:, None], 1000, View(fmax=2000)).axes[0]
    assert over_time.get_xlabel() == "Time (s)" and over_time.lines[0].get_xdata() == pytest.approx(TIMES)
    assert over_time.lines[0].get_ydata() == pytest.approx(theta[:50])
    assert over_frequency.get_xlabel() == "Frequency (Hz)" and over_frequency.get_xlim() == (0, 2000)
    assert over_frequency.lines[0].get_xdata() == pytest.approx(FREQUENCIES)
    assert over_time.get_yscale() == over_frequency.get_yscale() == "log"


def test_a_length_in_one_bin_lies_at_that_bin_in_the_map():
    theta = np.full((65, 50), 100.0)
    theta[24, 31] = 800.0
    time, frequency = brightest(spectrograms.theta_map(TIMES, FREQUENCIES, theta, 8000, View()))
    assert (time, frequency) == (pytest.approx(3.1, abs=0.05), pytest.approx(1500, abs=32))


def test_rounding_noise_in_theta_stays_one_colour():
    theta = 441 * (1 + 1e-6 * np.random.default_rng(0).normal(size=(65, 50)))
    image = spectrograms.theta_map(TIMES, FREQUENCIES, theta, 44100, View()).axes[0].images[0]
    low, high = image.get_clim()
    assert np.log2(high / low) == pytest.approx(0.25)
    assert len(np.unique(image.to_rgba(image.get_array()).reshape(-1, 4), axis=0)) <= 2


@pytest.mark.parametrize(("low", "high"), [(1.1, 186), (9, 11), (0.02, 5000), (40, 800), (100, 101), (3, 30)])
def test_logarithmic_scales_carry_a_few_plain_numbers(low, high):
    ticks, labels = axis_scales.Scale(np.array([low, high]), low, high, "", log=True).ticks(8)
    assert 3 <= len(labels) <= 9
    assert [float(word) for word in labels] == pytest.approx(list(ticks))
    assert all(low * 0.999 <= tick <= high * 1.001 for tick in ticks)
    assert not any("e" in word or "^" in word for word in labels)


def test_loss_curves_mark_the_lowest_step_and_the_best_length():
    loss = np.array([10.0, 9.5, 9.25, 9.3])
    terms = {"loss": loss, "entropy": loss.copy(), "regularization (weighted)": np.zeros(4)}
    curve = (np.array([1.0, 10.0, 100.0]), np.array([9.9, 9.25, 9.7]), "loss")
    history, lengths = spectrograms.loss_curves(terms, View(), curve).axes
    assert history.get_title("left") == "loss = entropy: 10.00 → 9.250 at step 2"
    assert history.lines[0].get_ydata().tolist() == loss.tolist()
    assert (history.lines[1].get_xdata().tolist(), history.lines[1].get_ydata().tolist()) == ([2], [9.25])
    assert (lengths.lines[1].get_xdata().tolist(), lengths.lines[1].get_ydata().tolist()) == ([10], [9.25])
    assert lengths.get_title("left") == "loss over window length, lowest at 10 ms"
    assert lengths.get_xscale() == "log" and lengths.get_xlabel() == "Window length (ms)"


def test_a_term_that_rises_is_read_off_where_the_loss_is_lowest():
    terms = {"loss": [0.5, 0.2, 0.3], "kurtosis": [2.0, 5.0, 5.5], "coverage": [1.0, 0.9, 0.95]}
    figure = spectrograms.loss_curves(terms, View())
    titles = [axes.get_title("left") for axes in figure.axes]
    assert titles[1:] == ["kurtosis: 2.000 → 5.000 at step 1", "coverage: 1.000 → 0.9000 at step 1"]
    assert [axes.lines[1].get_xdata().tolist() for axes in figure.axes] == [[1]] * 3


def test_terms_beside_a_curve_keep_clear_of_it():
    terms = {"loss": 9 + np.exp(-np.arange(200.0)), "kurtosis": np.arange(200.0), "coverage": np.sqrt(np.arange(200))}
    curve = (np.geomspace(100, 1000, 30), np.linspace(0, 1, 30), "loss")
    figure = spectrograms.loss_curves(terms, View(), curve)
    figure.draw_without_rendering()
    left = max(axes.get_tightbbox().x1 for axes in figure.axes[:3])
    assert left < figure.axes[3].get_tightbbox().x0


def test_a_loss_that_never_fell_is_given_once():
    loss, kurtosis = spectrograms.loss_curves({"loss": [9.4, 9.5], "kurtosis": [2.0, 3.0]}, View()).axes
    assert loss.get_title("left") == "loss: 9.400 at step 0"
    assert kurtosis.get_title("left") == "kurtosis: 2.000 at step 0"


def test_every_term_has_its_panel_and_gaps_stay_gaps():
    terms = {"loss": [np.nan, 3.0, 2.0, np.inf], "entropy": [3.0, 2.5, 1.5, 1.0]}
    terms["regularization (weighted)"] = [0.0, 0.5, 0.5, 1.0]
    figure = spectrograms.loss_curves(terms, View())
    assert [axes.get_title("left").split(":")[0] for axes in figure.axes] == list(terms)
    assert np.isnan(figure.axes[0].lines[0].get_ydata()).tolist() == [True, False, False, True]
    assert "nan" not in figure.axes[0].get_title("left")
    assert words(figure.axes[-1].xaxis) == ["0", "1", "2", "3"] and figure.axes[-1].get_xlabel() == "Step"


@pytest.mark.parametrize("loss", [[9.4], 9.4 + 1e-13 * np.arange(40)])
def test_a_loss_that_stays_has_readable_ticks(loss):
    axes = spectrograms.loss_curves({"loss": loss}, View()).axes[0]
    assert 1 <= len(words(axes.yaxis)) <= 7 and all(len(word) <= 6 for word in words(axes.yaxis))
    assert len(set(words(axes.yaxis))) == len(words(axes.yaxis))
    assert all(word.isdigit() for word in words(axes.xaxis))


def test_names_are_drawn_as_they_are_and_never_as_mathematics():
    for figure in every_figure(VIEWS[2]):
        texts = [text for text in figure.findobj(matplotlib.text.Text) if "run" in text.get_text()]
        assert texts and not any(text.get_parse_math() or text.get_usetex() for text in texts)
        assert any(text.get_text() == NAME for text in texts)
        png(figure)


@pytest.mark.parametrize(
    "name", ["a\nb\tc\x07\x1b[0m.wav", "\udcff\udc80.wav", "\U00013000\u200f\ufe0f.wav", "e\u0301.wav"]
)
def test_any_file_name_can_be_a_title(name):
    figure = spectrograms.spectrogram(TIMES, FREQUENCIES, noise(), View(title=name), note=name)
    for form in ("png", "svg", "pdf"):
        spectrograms.save(figure, io.BytesIO(), form)
    title = figure.axes[0].get_title("left")
    assert title.isprintable() and title.endswith(".wav")


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_cut_off(view):
    for figure in every_figure(view):
        for text in figure.findobj(matplotlib.text.Text):
            if text.get_visible() and text.get_text().strip():
                box = text.get_window_extent()
                assert box.x0 >= 0 and box.y0 >= 0, text
                assert box.x1 <= figure.bbox.width and box.y1 <= figure.bbox.height, text


@pytest.mark.parametrize("view", VIEWS)
def test_no_two_texts_overlap(view):
    for figure in every_figure(view):
        texts = [text for text in figure.findobj(matplotlib.text.Text) if text.get_text().strip()]
        boxes = {text: text.get_window_extent() for text in texts if text.get_visible()}
        for one, other in itertools.combinations(boxes, 2):
            assert not boxes[one].overlaps(boxes[other]), (one, other)


@pytest.mark.parametrize("view", VIEWS)
def test_tick_labels_keep_their_distance(view):
    for figure in every_figure(view):
        for axes in figure.axes:
            for axis, ends_of in ((axes.xaxis, "intervalx"), (axes.yaxis, "intervaly")):
                boxes = [label.get_window_extent() for label in axis.get_ticklabels() if label.get_visible()]
                ends = sorted(tuple(getattr(box, ends_of)) for box in boxes if box.width)
                assert all(before[1] < after[0] for before, after in itertools.pairwise(ends))


def test_a_long_note_leaves_the_picture_its_width():
    plain, noted = (spectrograms.spectrogram(TIMES, FREQUENCIES, noise(), View(), "m" * n) for n in (0, 300))
    assert noted.axes[0].get_position().width == pytest.approx(plain.axes[0].get_position().width, rel=0.01)


def test_a_long_title_loses_its_middle_only():
    title = "2024-05-01_turbine_" + 8 * "a_very_long_name_" + "bearing_3.wav, channel left"
    shown = spectrograms.spectrogram(TIMES, FREQUENCIES, noise(), View(title=title)).axes[0].get_title("left")
    head, tail = shown.split("…")
    assert title.startswith(head) and title.endswith(tail)
    assert len(head) > 30 and tail.endswith("bearing_3.wav, channel left")


@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_the_same_figure_gives_the_same_bytes(form):
    def written():
        files = [io.BytesIO() for _ in range(2)]
        figure = spectrograms.spectrogram(TIMES, FREQUENCIES, noise(), View(title="a"), "b")
        for file in files:
            spectrograms.save(figure, file, form)
        return [file.getvalue() for file in files]

    first, again = written()
    assert first == again == written()[0]
    assert b"Date" not in first and b"dc:date" not in first


def test_an_unknown_format_is_refused():
    with pytest.raises(InputError, match="format='bmp'"):
        spectrograms.save(spectrograms.loss_curves({"loss": [1.0]}, View()), io.BytesIO(), "bmp")


def test_settings_of_the_user_neither_change_the_picture_nor_are_changed():
    def picture():
        return png(spectrograms.spectrogram(TIMES, FREQUENCIES, noise(), View(title="$a$ b"), "note"))

    plain = picture()
    theirs = {"text.usetex": True, "font.size": 23, "axes.grid": True, "savefig.bbox": "tight"}
    with matplotlib.rc_context(theirs):
        before = dict(matplotlib.rcParams)
        assert np.array_equal(picture(), plain)
        assert dict(matplotlib.rcParams) == before


def test_drawing_needs_neither_pyplot_nor_torch_nor_a_display(tmp_path):
    code = (
        "import sys, numpy as np; from dstft_cli.figures import spectrograms as f; "
        "g = f.loss_curves({'loss': np.arange(3.0)}, f.View()); f.save(g, sys.argv[1]); "
        "sys.exit(bool({'matplotlib.pyplot', 'torch'} & set(sys.modules)))"
    )
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "MPLBACKEND")}
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a.png"], env=environment, check=False)
    assert done.returncode == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
