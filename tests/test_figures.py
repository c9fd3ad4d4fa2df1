"""What a reader of a picture sees: peaks where they are, units, one colour scale, nothing cut off."""

import io
import itertools
import os
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from PIL import Image

from dstft_cli.errors import InputError
from dstft_cli.figures import axis_scales, spectrograms
from dstft_cli.figures.frame_timeline import frame_timeline
from dstft_cli.figures.images import Plane
from dstft_cli.figures.loss_curves import LengthLoss, loss_curves
from dstft_cli.figures.shown.view import View as FullView
from dstft_cli.figures.spectrograms import Panel

pytestmark = pytest.mark.filterwarnings("error")


def View(**settings):
    return FullView(**{"dpi": 50} | settings)


TIMES = np.arange(50) * 0.1
FREQUENCIES = np.arange(65) * 62.5  # up to 4 kHz


def plane(values, times=TIMES, frequencies=FREQUENCIES):
    return Plane(times, frequencies, values)


def spectrogram(magnitude, times=TIMES, frequencies=FREQUENCIES, note="", **view):
    return spectrograms.spectrogram(plane(magnitude, times, frequencies), View(**view), note)


def theta_map(theta, rate, bounds=None, **view):
    return spectrograms.theta_map(plane(theta), rate, View(**view), bounds)


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


def read_back(colours):
    """What a PNG of colours (n, 3) bytes shows, (n, 3), and its mode."""
    file = io.BytesIO()
    opaque = np.full((len(colours), 1), 255)
    spectrograms.write_png(np.hstack([colours, opaque]).astype(np.uint8)[None], file, 50)
    image = Image.open(file)
    return np.asarray(image.convert("RGB"))[0].astype(int), image.mode


def test_a_png_of_few_colours_shows_each_as_it_is():
    colours = np.random.default_rng(0).integers(0, 256, (256, 3))
    shown, mode = read_back(np.repeat(colours, 3, axis=0))
    assert mode == "P" and (shown == np.repeat(colours, 3, axis=0)).all()


def test_a_png_of_a_colour_map_and_greys_shows_none_that_differs_visibly():
    ramp = np.arange(256)
    for name in ("magma", "viridis", "turbo"):
        colours = np.vstack([matplotlib.colormaps[name](ramp, bytes=True)[:, :3], np.stack([ramp] * 3, 1)]).astype(int)
        shown, mode = read_back(colours)
        assert mode == "P" and np.abs(shown - colours).max() <= 2
        assert (shown[-1] == 255).all()


def test_a_png_keeps_its_white_background():
    shares, inks = np.linspace(0, 1, 120)[:, None], [[0, 0, 0], [31, 78, 121], [192, 57, 43]]
    blends = np.vstack([np.rint(255 - shares * (255 - np.array(ink))) for ink in inks]).astype(int)
    shown, mode = read_back(blends)
    assert mode == "P" and (shown[::120] == 255).all()


def test_a_png_of_more_colours_shows_each_as_it_is():
    colours = np.random.default_rng(0).integers(0, 256, (3000, 3))
    shown, mode = read_back(colours)
    assert mode == "RGB" and (shown == colours).all()


def words(axis):
    return [label.get_text() for label in axis.get_ticklabels() if label.get_text()]


def every_figure(view):
    theta = 100 * 2 ** (5 * np.random.default_rng(1).uniform(size=(65, 50)))
    curve = LengthLoss(np.geomspace(1, 200, 30), np.linspace(-1, 1, 30) ** 2 + 9, "loss")
    wave, positions = 20 * noise(40, 1000).ravel(), np.arange(50) * 800.0
    terms = {"loss": 9 + np.exp(-np.arange(30.0)), "regularization (weighted)": np.exp(-np.arange(30.0))}
    panels = [Panel(view.title or "panel", plane(noise()), ", entropy 9.412")] * 4
    shapes = theta, theta[:1], theta[:, :1], theta[:1, :1]
    return [
        spectrograms.spectrogram(plane(noise()), view, "tf-varying, entropy 9.41"),
        spectrograms.comparison(panels, view),
        *(spectrograms.theta_map(plane(lengths), 8000, view, (100, 3200)) for lengths in shapes),
        loss_curves(terms, view, curve),
        frame_timeline(wave, 8000, positions, theta, view, "coverage 100 %"),
        frame_timeline(wave * 1e-6, 8000, positions[:1], theta[:1, :1], view),
    ]


@pytest.mark.parametrize(
    ("freq_scale", "start"), [("linear", 0.0), ("log", 3600.0), ("mel", 0.0), ("bark", 0.0), ("erb", 0.0)]
)
def test_the_brightest_pixel_lies_at_the_tone(freq_scale, start):
    magnitude = noise()
    magnitude[24, 31] = 1.0
    time, frequency = brightest(spectrogram(magnitude, freq_scale=freq_scale, start=start))
    assert time == pytest.approx(start + TIMES[31], abs=0.05)
    assert frequency == pytest.approx(FREQUENCIES[24], abs=31.25)


@pytest.mark.parametrize(
    ("name", "at"),  # of 100, 1000 and 10 000 Hz, as tables of these scales give them
    [("mel", (150.5, 1000.0, 3073.2)), ("bark", (0.77, 8.53, 21.89)), ("erb", (3.37, 15.62, 35.31))],
)
def test_equal_steps_of_a_scale_of_hearing_are_equal_distances(name, at):
    scale = axis_scales.frequency_scale(np.linspace(0, 12_000, 513), hearing=name)
    assert scale.position([100, 1000, 10_000]) == pytest.approx(at, abs=0.05)
    assert np.diff(scale.position(scale.edges(40))) == pytest.approx(np.ptp(scale.position([0, 12_000])) / 40)
    assert scale.edges(40)[[0, -1]] == pytest.approx([0, 12_000], abs=1e-6)
    assert "Hz, " in scale.label and name in scale.label.lower()


@pytest.mark.parametrize("name", ["mel", "bark", "erb"])
@pytest.mark.parametrize("ends", [(0, 8000), (0, 24_000), (20, 150_000), (1000, 1500), (0, 12)])
def test_ticks_of_a_scale_of_hearing_are_round_and_apart(name, ends):
    scale = axis_scales.frequency_scale(np.linspace(0, 150_000, 150_001), *ends, hearing=name)
    values, labels = scale.ticks(10)
    assert 4 <= len(values) <= 13 and len(labels) == len(values)
    assert scale.low <= values[0] and values[-1] <= scale.high * (1 + 1e-9)
    assert (values[0] == 0) == (ends[0] == 0)
    distances = np.diff(scale.position(values)) / np.ptp(scale.position([scale.low, scale.high]))
    assert distances.min() > 0.05 and max(map(len, labels)) <= 6


@pytest.mark.parametrize(
    ("times", "start"),
    [([0.0, 1.0, 1.1, 1.3, 9.0, 10.0], 0), ([0.0, 1.4, 1.4001, 3.0], 86400)],
    ids=["uneven", "a tenth of a sample apart"],
)
def test_frames_at_unequal_times_are_drawn_at_their_times(times, start):
    times = np.array(times)
    edges = [0, *(times[1:] + times[:-1]) / 2, times[-1]]  # cells meet halfway
    levels = -10.0 * np.arange(len(times))  # dB, another one for each frame
    figure = spectrogram(np.tile(10 ** (levels / 20), (65, 1)), times, start=start)
    grid = np.asarray(figure.axes[0].images[0].get_array())
    pixel = times[-1] / grid.shape[1]
    for level, left, right in zip(levels, edges[:-1], edges[1:], strict=True):
        columns = np.flatnonzero(np.isclose(grid[0], level))
        assert len(columns) == columns[-1] - columns[0] + 1
        assert (columns[0] * pixel, (columns[-1] + 1) * pixel) == pytest.approx((left, right), abs=1.01 * pixel)


@pytest.mark.parametrize(("unit", "label"), [("g", "Level (dB re 1 g)"), ("", "Level (dB re 1)")])
def test_levels_may_be_those_of_the_samples_unit(unit, label):
    magnitude = np.full((3, 3), 0.02)
    magnitude[1, 1] = 0.2
    figure = spectrogram(magnitude, TIMES[:3], FREQUENCIES[:3], db_range=40, db_ref="1", unit=unit)
    image = figure.axes[0].images[0]
    high = 20 * np.log10(0.2 * np.sqrt(2))  # the rms of a tone
    assert image.get_clim() == pytest.approx((high - 40, high))
    assert (image.get_array().max(), image.get_array().min()) == pytest.approx((high, high - 20))
    assert figure.axes[1].get_ylabel() == label


def test_between_the_centres_of_few_bins_the_level_changes_evenly():
    levels = np.add.outer([0.0, -5.0, -15.0], [0.0, -10.0, -8.0, -12.0])  # dB
    figure = spectrogram(10 ** (levels / 20), TIMES[:4], FREQUENCIES[:3])
    grid = np.asarray(figure.axes[0].images[0].get_array())
    rows, columns = (np.linspace(0, size - 1, count) for size, count in zip(levels.shape, grid.shape, strict=True))
    between = np.array([np.interp(columns, range(4), row) for row in levels])
    expected = np.array([np.interp(rows, range(3), column) for column in between.T]).T
    np.testing.assert_allclose(grid, expected, atol=0.1)  # a pixel is up to half of its size away


def test_no_loud_bin_among_ten_thousand_frames_is_lost():
    magnitude, loud = np.full((1025, 10000), 1e-6, dtype=np.float32), [(0, 0), (700, 4321), (1024, 9999)]
    for m, n in loud:
        magnitude[m, n] = 1.0
    figure = spectrogram(magnitude, np.arange(10000) * 0.01, np.arange(1025) * 10.0)
    grid = np.asarray(figure.axes[0].images[0].get_array())
    pixels = (np.argwhere(grid == 0) + 0.5) / grid.shape
    np.testing.assert_allclose(pixels, np.array(loud) / (1024, 9999), atol=0.004)


def test_the_png_shows_a_loud_bin_once_and_in_its_place():
    magnitude = np.full((1025, 3001), 1e-6, dtype=np.float32)
    magnitude[256, 1500] = 1.0
    figure = spectrogram(magnitude, np.arange(3001) * 0.01, np.arange(1025), cmap="gray")
    x0, y0, width, height = figure.axes[0].get_window_extent().bounds
    picture = png(figure)[::-1, :, 0]
    rows, columns = np.nonzero(picture[int(y0) + 2 : int(y0 + height) - 2, int(x0) + 2 : int(x0 + width) - 2])
    assert 1 <= len(rows) <= 4
    assert (columns.mean() / width, rows.mean() / height) == pytest.approx((0.5, 0.25), abs=0.015)


def test_the_colours_are_decibels_relative_to_the_maximum_with_a_floor():
    magnitude = np.zeros((3, 3))
    magnitude[0, 0], magnitude[1, 1], magnitude[2, 2] = 5.0, 0.5, 5e-9
    figure = spectrogram(magnitude, TIMES[:3], FREQUENCIES[:3], db_range=60)
    image = figure.axes[0].images[0]
    grid = np.asarray(image.get_array())
    centres = [(0, 0), (grid.shape[0] // 2, grid.shape[1] // 2), (-1, -1), (0, -1)]
    np.testing.assert_allclose([grid[at] for at in centres], [0, -20, -60, -60], atol=1e-9)
    assert image.get_clim() == (-60, 0)
    assert figure.axes[1].get_ylabel() == "Magnitude (dB re max)"


@pytest.mark.parametrize(
    ("top", "duration", "freq_scale", "frequency", "time"),
    [
        (4000, 20, "linear", "Frequency (Hz)", "Time (s)"),
        (150e3, 0.4, "linear", "Frequency (kHz)", "Time (ms)"),
        (50, 60, "linear", "Frequency (Hz)", "Time (s)"),
        (22050, 3, "linear", "Frequency (kHz)", "Time (s)"),
        (150e3, 0.4, "log", "Frequency (kHz)", "Time (ms)"),
        (22050, 3, "log", "Frequency (Hz)", "Time (s)"),
        (4000, 599, "linear", "Frequency (Hz)", "Time (s)"),
        (4000, 600, "linear", "Frequency (Hz)", "Time (min)"),
        (4000, 3 * 3600, "linear", "Frequency (Hz)", "Time (h)"),
    ],
)
def test_axes_name_units_that_fit_the_recording(top, duration, freq_scale, frequency, time):
    along = axis_scales.time_scale(np.linspace(0, duration, 50))
    up = axis_scales.frequency_scale(np.linspace(0, top, 513), log=freq_scale == "log")
    assert (up.label, along.label) == (frequency, time)
    units = {"ms": 1e3, "s": 1, "min": 1 / 60, "h": 1 / 3600}
    assert (along.low, along.high) == pytest.approx((0, duration * units[time[6:-1]]))
    assert up.high == pytest.approx(top / (1e3 if "kHz" in frequency else 1))


def test_a_recording_that_starts_late_is_labelled_in_recording_time():
    figure = spectrogram(noise(), TIMES * 0.1, start=7200)
    assert words(figure.axes[0].xaxis)[0] == "7200.00"
    assert figure.axes[0].get_xlabel() == "Time (s)"


def test_the_band_shown_sets_the_axis_and_the_maximum():
    magnitude = noise()
    magnitude[0] = 1e6  # an offset of the sensor, outside the band
    magnitude[32, 10] = 1.0
    figure = spectrogram(magnitude, fmin=1000, fmax=3000)
    assert figure.axes[0].get_ylim() == (1000, 3000)
    assert brightest(figure) == (pytest.approx(1.0, abs=0.05), pytest.approx(2000, abs=32))
    assert figure.axes[0].images[0].get_array().max() == 0


def test_a_band_within_one_bin_shows_that_bin():
    theta = np.tile(np.geomspace(1e-3, 1e3, 65)[:, None], (1, 50))
    image = theta_map(theta, 1e3, fmin=1010, fmax=1020).axes[0].images[0]
    shown = np.unique(image.get_array().filled(0))
    assert shown == pytest.approx([theta[16, 0] * 1e3])  # the bin at 1000 Hz, in µs
    assert image.get_clim()[0] <= shown[0] <= image.get_clim()[1]


@pytest.mark.parametrize(
    "change",
    [{"cmap": "magmma"}, {"freq_scale": "mels"}, {"db_range": 0.0}, {"db_range": float("nan")}],
)
def test_views_that_cannot_be_drawn_are_refused_by_name(change):
    with pytest.raises(InputError, match=f"figures: {next(iter(change))}="):
        View(**change)


@pytest.mark.parametrize("band", [{"fmin": 5000}, {"fmin": 3000, "fmax": 2000}, {"fmax": 10, "freq_scale": "log"}])
def test_a_band_without_bins_is_refused(band):
    with pytest.raises(InputError, match=r"figures: nothing to show with .*: the data range from .* to 4000 Hz"):
        spectrogram(noise(), **band)


def test_silence_is_flat_at_the_floor():
    figure = spectrogram(np.zeros((65, 50)), freq_scale="log")
    assert np.unique(figure.axes[0].images[0].get_array()).tolist() == [-80]
    png(figure)


def test_what_is_not_finite_does_not_spread():
    magnitude = noise()
    magnitude[10, 10], magnitude[20, 20], magnitude[24, 31] = np.nan, np.inf, 1.0
    figure = spectrogram(magnitude, db_range=1e5)
    grid = np.asarray(figure.axes[0].images[0].get_array())
    assert np.isfinite(grid).all() and grid.max() == 0
    assert brightest(figure) == (pytest.approx(3.1, abs=0.05), pytest.approx(1500, abs=32))


@pytest.mark.parametrize(
    ("freq_scale", "first", "bins", "frames"),
    [("linear", 0, 1, 50), ("linear", 3, 1, 1), ("log", 3, 1, 50), ("log", 0, 1, 50), ("log", 0, 65, 1)],
)
def test_a_single_frame_or_bin_fills_the_picture(freq_scale, first, bins, frames):
    single = Plane(TIMES[:frames], FREQUENCIES[first : first + bins], np.ones((bins, frames)))
    figure = spectrograms.spectrogram(single, View(freq_scale=freq_scale))
    assert np.unique(figure.axes[0].images[0].get_array()).tolist() == [0]
    png(figure)


def test_panels_share_one_colour_scale_and_carry_their_words():
    panels = [Panel("short", plane(noise()), ", entropy 9.800"), Panel("long", plane(10 * noise()), ", entropy 9.610")]
    panels += [Panel("a", plane(noise()), ", entropy 9.500"), Panel("b", plane(noise()))]
    figure = spectrograms.comparison(panels, View(title="robin.wav"))
    images = [axes.images[0] for axes in figure.axes[:4]]
    assert len(figure.axes) == 5  # four panels, one colour bar
    assert {image.get_clim() for image in images} == {(-80, 0)}
    loudest = [image.get_array().max() for image in images]
    assert loudest[1] == 0
    assert loudest[0] == pytest.approx(-20)
    titles = [axes.get_title("left") for axes in figure.axes[:4]]
    assert titles == ["short, entropy 9.800", "long, entropy 9.610", "a, entropy 9.500", "b"]
    corners = {tuple(np.round(axes.get_position().p0, 6)) for axes in figure.axes[:4]}
    assert len({x for x, _ in corners}) == len({y for _, y in corners}) == 2  # two by two


def test_panels_with_times_of_their_own_are_drawn_at_them_over_the_same_axis():
    few, many, one = np.array([0.5, 0.6, 4.0, 7.0]), np.arange(100) * 0.05, np.array([3.0])
    quiet, dense, alone = noise(65, 4), noise(65, 100), noise(65, 1)
    quiet[24, 1] = dense[24, 90] = alone[24, 0] = 1.0
    planes = {"few": plane(quiet, few), "many": plane(dense, many), "one": plane(alone, one), "usual": plane(noise())}
    figure = spectrograms.comparison([Panel(*item) for item in planes.items()], View(start=10))
    assert {axes.get_xlim() for axes in figure.axes[:4]} == {(10, 17)}  # the first frame of all to the last
    assert brightest(figure, 0) == (pytest.approx(10.55, abs=0.05), pytest.approx(1500, abs=32))
    assert brightest(figure, 1) == (pytest.approx(14.5, abs=0.05), pytest.approx(1500, abs=32))
    lone = np.asarray(figure.axes[2].images[0].get_array())
    assert (lone.max(axis=0) == 0).all()  # the only frame there is stands for all times


def test_window_lengths_are_drawn_in_units_of_time():
    image = theta_map(np.repeat([[441.0], [882.0]], [30, 35], 0).repeat(50, 1), 44100)
    assert image.axes[1].get_ylabel() == "Window length (ms)"
    assert np.unique(image.axes[0].images[0].get_array().filled(0)) == pytest.approx([10, 20])
    curve = theta_map(np.full((1, 50), 20.0), 1e6, bounds=(10, 40)).axes[0]
    assert curve.get_ylabel() == "Window length (µs)"
    assert [np.unique(np.round(line.get_ydata(), 9)).tolist() for line in curve.lines] == [[20], [10], [40]]
    window = theta_map(np.full((1, 1), 1024.0), 100).axes[0]
    assert [text.get_text() for text in window.texts if text.get_text()][:2] == ["10.2 s", "1024 samples at 100 Hz"]


def test_a_time_varying_length_is_drawn_over_time_and_a_frequency_varying_one_over_frequency():
    theta = np.geomspace(100, 1000, 65)
    over_time = theta_map(theta[None, :50], 1000).axes[0]
    over_frequency = theta_map(theta[:, None], 1000, fmax=2000).axes[0]
    assert over_time.get_xlabel() == "Time (s)" and over_time.lines[0].get_xdata() == pytest.approx(TIMES)
    assert over_time.lines[0].get_ydata() == pytest.approx(theta[:50])
    assert over_frequency.get_xlabel() == "Frequency (Hz)" and over_frequency.get_xlim() == (0, 2000)
    assert over_frequency.lines[0].get_xdata() == pytest.approx(FREQUENCIES)
    assert over_time.get_yscale() == over_frequency.get_yscale() == "log"


def test_a_length_in_one_bin_lies_at_that_bin_in_the_map():
    theta = np.full((65, 50), 100.0)
    theta[24, 31] = 800.0
    time, frequency = brightest(theta_map(theta, 8000))
    assert (time, frequency) == (pytest.approx(3.1, abs=0.05), pytest.approx(1500, abs=32))


@pytest.mark.parametrize("difference", [1e-6, 3e-3])
def test_a_map_of_one_length_is_drawn_as_that_window(difference):
    theta = 441 * (1 + difference * np.random.default_rng(0).normal(size=(65, 50)))
    axes = theta_map(theta, 44100, bounds=(100, 1000)).axes[0]
    assert not axes.images
    words = [text.get_text() for text in axes.texts if text.get_text()]
    assert words[0] in ("10 ms", "9.99 ms", "10.01 ms")
    assert any(text.startswith("One window length overall: ") for text in words)


def test_lengths_that_hardly_differ_do_not_fill_their_scale():
    theta = np.repeat([[441.0], [463.0]], [30, 35], 0).repeat(50, 1)
    low, high = theta_map(theta, 44100).axes[0].images[0].get_clim()
    assert np.log2(high / low) == pytest.approx(0.25)


def test_a_map_is_pale_where_nothing_stands_out_and_its_colours_are_those_of_what_does():
    theta, found = np.full((65, 50), 20.0), np.zeros((65, 50), np.float32)
    theta[:, 25:], theta[:30, 25:], found[:, 25:] = 400.0, 800.0, 1.0
    axes = spectrograms.theta_map(plane(theta), 8000, View(), (10, 4000), found).axes[0]
    opaque, colours = axes.images[0].get_alpha(), axes.images[0].get_clim()
    assert opaque[:, : opaque.shape[1] // 2 - 20].max() < 0.2
    assert (opaque[:, opaque.shape[1] // 2 + 20 :] == 1).all()
    assert colours == (pytest.approx(50, rel=0.02), pytest.approx(100, rel=0.02))
    assert any("pale: no signal above the noise" in text.get_text() for text in axes.texts)


def test_an_automatic_range_reaches_down_to_the_noise():
    rng = np.random.default_rng(0)
    magnitude = np.sqrt(rng.exponential(1e-5, (65, 50)))  # 50 dB below the tone
    magnitude[24] = 1.0
    image = spectrogram(magnitude, db_range="auto").axes[0].images[0]
    assert image.get_clim() == (pytest.approx(-57, abs=3), 0)
    assert 0.05 < np.mean(np.asarray(image.get_array()) <= image.get_clim()[0] + 1e-9) < 0.35
    ticks = image.colorbar.get_ticks()
    assert len(ticks) >= 3 and ticks.min() >= image.get_clim()[0]


@pytest.mark.parametrize(("noise_level", "least"), [(1e-9, -80), (0.0, -80), (0.5, -25)])
def test_an_automatic_range_is_neither_endless_nor_tiny(noise_level, least):
    magnitude = noise_level * np.random.default_rng(0).uniform(0.9, 1, (65, 50))
    magnitude[24, 10] = 1.0
    assert spectrogram(magnitude, db_range="auto").axes[0].images[0].get_clim() == (least, 0)


def test_a_remark_in_the_corner_meets_no_other_text():
    for size in (None, (3, 2)):
        figure = spectrogram(noise(), title="t" * 90, corner="0 to 4 kHz of 22.1 kHz", size=size)
        box = figure.texts[0].get_window_extent()
        assert figure.texts[0].get_text() == "0 to 4 kHz of 22.1 kHz"
        assert box.x1 <= figure.bbox.width and box.y0 >= 0
        assert not box.overlaps(figure.axes[0].xaxis.label.get_window_extent())
        assert not any(
            box.overlaps(label.get_window_extent())
            for axes in figure.axes
            for axis in (axes.xaxis, axes.yaxis)
            for label in axis.get_ticklabels()
            if label.get_visible() and label.get_text()
        )


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
    curve = LengthLoss(np.array([1.0, 10.0, 100.0]), np.array([9.9, 9.25, 9.7]), "loss")
    history, lengths = loss_curves(terms, View(), curve).axes
    assert history.get_title("left") == "loss = entropy: 10.00 → 9.250 at step 2"
    assert history.lines[0].get_ydata().tolist() == loss.tolist()
    assert (history.lines[1].get_xdata().tolist(), history.lines[1].get_ydata().tolist()) == ([2], [9.25])
    assert (lengths.lines[1].get_xdata().tolist(), lengths.lines[1].get_ydata().tolist()) == ([10], [9.25])
    assert lengths.get_title("left") == "loss over window length, lowest at 10 ms"
    assert lengths.get_xscale() == "log" and lengths.get_xlabel() == "Window length (ms)"


def test_a_term_that_rises_is_read_off_where_the_loss_is_lowest():
    terms = {"loss": [0.5, 0.2, 0.3], "kurtosis": [2.0, 5.0, 5.5], "coverage": [1.0, 0.9, 0.95]}
    figure = loss_curves(terms, View())
    titles = [axes.get_title("left") for axes in figure.axes]
    assert titles[1:] == ["kurtosis: 2.000 → 5.000 at step 1", "coverage: 1.000 → 0.9000 at step 1"]
    assert [axes.lines[1].get_xdata().tolist() for axes in figure.axes] == [[1]] * 3


def test_terms_beside_a_curve_keep_clear_of_it():
    terms = {"loss": 9 + np.exp(-np.arange(200.0)), "kurtosis": np.arange(200.0), "coverage": np.sqrt(np.arange(200))}
    curve = LengthLoss(np.geomspace(100, 1000, 30), np.linspace(0, 1, 30), "loss")
    figure = loss_curves(terms, View(), curve)
    figure.draw_without_rendering()
    left = max(axes.get_tightbbox().x1 for axes in figure.axes[:3])
    assert left < figure.axes[3].get_tightbbox().x0


def test_a_loss_that_never_fell_is_given_once():
    loss, kurtosis = loss_curves({"loss": [9.4, 9.5], "kurtosis": [2.0, 3.0]}, View()).axes
    assert loss.get_title("left") == "loss: 9.400 at step 0"
    assert kurtosis.get_title("left") == "kurtosis: 2.000 at step 0"


def test_every_term_has_its_panel_and_gaps_stay_gaps():
    terms = {"loss": [np.nan, 3.0, 2.0, np.inf], "entropy": [3.0, 2.5, 1.5, 1.0]}
    terms["regularization (weighted)"] = [0.0, 0.5, 0.5, 1.0]
    figure = loss_curves(terms, View())
    assert [axes.get_title("left").split(":")[0] for axes in figure.axes] == list(terms)
    assert np.isnan(figure.axes[0].lines[0].get_ydata()).tolist() == [True, False, False, True]
    assert "nan" not in figure.axes[0].get_title("left")
    assert words(figure.axes[-1].xaxis) == ["0", "1", "2", "3"] and figure.axes[-1].get_xlabel() == "Step"


@pytest.mark.parametrize("loss", [[9.4], 9.4 + 1e-13 * np.arange(40)])
def test_a_loss_that_stays_has_readable_ticks(loss):
    axes = loss_curves({"loss": loss}, View()).axes[0]
    assert 1 <= len(words(axes.yaxis)) <= 7 and all(len(word) <= 6 for word in words(axes.yaxis))
    assert len(set(words(axes.yaxis))) == len(words(axes.yaxis))
    assert all(word.isdigit() for word in words(axes.xaxis))


def test_any_file_name_can_be_a_title():
    name = "a\nb\tc\x07\x1b[0m \udcff\udc80 \U00013000\u200f\ufe0f e\u0301.wav"
    figure = spectrogram(noise(), title=name, note=name)
    for form in ("png", "svg", "pdf"):
        spectrograms.save(figure, io.BytesIO(), form, dpi=50)
    title = figure.axes[0].get_title("left")
    assert title.isprintable() and title.endswith("é.wav")


@pytest.mark.parametrize("view", VIEWS, ids=["plain", "long title", "odd title"])
def test_texts_are_whole_apart_and_as_they_were_given(view):
    for figure in every_figure(view):
        figure.draw_without_rendering()  # puts every text in its place
        texts = [text for text in figure.findobj(matplotlib.text.Text) if text.get_text().strip()]
        boxes = {text: text.get_window_extent() for text in texts if text.get_visible()}
        for text, box in boxes.items():
            assert box.x0 >= 0 and box.y0 >= 0, text
            assert box.x1 <= figure.bbox.width and box.y1 <= figure.bbox.height, text
        for first, second in itertools.combinations(boxes, 2):
            assert not boxes[first].overlaps(boxes[second]), (first, second)
        assert not any(text.get_parse_math() or text.get_usetex() for text in texts)  # $ and _ are plain characters
        assert view.title != NAME or NAME in [text.get_text() for text in texts]
        for axes in figure.axes:
            for axis, ends_of in ((axes.xaxis, "intervalx"), (axes.yaxis, "intervaly")):
                labels = [label.get_window_extent() for label in axis.get_ticklabels() if label.get_visible()]
                ends = sorted(tuple(getattr(box, ends_of)) for box in labels if box.width)
                assert all(before[1] < after[0] for before, after in itertools.pairwise(ends))


def test_a_long_note_leaves_the_picture_its_width():
    plain, noted = (spectrogram(noise(), note="m" * n) for n in (0, 300))
    assert noted.axes[0].get_position().width == pytest.approx(plain.axes[0].get_position().width, rel=0.01)


def test_a_long_title_loses_its_middle_only():
    title = "2024-05-01_turbine_" + 8 * "a_very_long_name_" + "bearing_3.wav, channel left"
    shown = spectrogram(noise(), title=title).axes[0].get_title("left")
    head, tail = shown.split("…")
    assert title.startswith(head) and title.endswith(tail)
    assert len(head) > 30 and tail.endswith("bearing_3.wav, channel left")


def test_the_same_figure_gives_the_same_bytes():
    def written(figure, form):
        file = io.BytesIO()
        spectrograms.save(figure, file, form, dpi=50)
        return file.getvalue()

    figure, again = (spectrogram(noise(), title="a", note="b") for _ in range(2))
    for form in ("png", "svg", "pdf"):
        data = written(figure, form)
        assert data == written(figure, form) == written(again, form)
        assert b"Date" not in data and b"dc:date" not in data


def test_an_unknown_format_is_refused():
    with pytest.raises(InputError, match="format='bmp'"):
        spectrograms.save(loss_curves({"loss": [1.0]}, View()), io.BytesIO(), "bmp")


def test_settings_of_the_user_neither_change_the_picture_nor_are_changed():
    def picture():
        return png(spectrogram(noise(), title="$a$ b", note="note"))

    plain = picture()
    theirs = {"text.usetex": True, "font.size": 23, "axes.grid": True, "savefig.bbox": "tight"}
    with matplotlib.rc_context(theirs):
        before = dict(matplotlib.rcParams)
        assert np.array_equal(picture(), plain)
        assert dict(matplotlib.rcParams) == before


def test_drawing_needs_neither_pyplot_nor_torch_nor_a_display(tmp_path):
    code = (
        "import sys, numpy as np; from dstft_cli.figures import spectrograms, loss_curves, style; "
        "figure = loss_curves.loss_curves({'loss': np.arange(3.0)}, style.View()); spectrograms.save(figure, sys.argv[1]); "
        "sys.exit(bool({'matplotlib.pyplot', 'torch'} & set(sys.modules)))"
    )
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "MPLBACKEND")}
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a.png"], env=environment, check=False)
    assert done.returncode == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
