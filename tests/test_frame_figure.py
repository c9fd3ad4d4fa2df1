"""What a reader sees of frames: where they lie, how far each window reaches, and what was left out."""

import functools
import io
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import to_hex

from dstft_cli.figures import spectrograms
from dstft_cli.figures.axis_scales import amplitude_scale
from dstft_cli.figures.frame_timeline import frame_timeline
from dstft_cli.figures.shown.view import View
from dstft_cli.figures.style import INK

pytestmark = pytest.mark.filterwarnings("error")

RATE, COUNT = 1000, 3000
WAVE = np.random.default_rng(0).normal(size=COUNT)
POSITIONS = np.array([0, 130, 700, 700.1, 1250, 1900, 2200, 3000])
LENGTHS = np.array([[200, 900, 410, 300, 640, 333, 250, 500.0]])
DEEPEST = 3  # that many of these windows overlap, from sample 550 to 580
STRONG, PALE, CENTRE = 0, 1, 2


@functools.cache
def usual():
    """The figure of those windows in a recording that starts at 7200 s."""
    return frame_timeline(WAVE, RATE, POSITIONS, LENGTHS, View(start=7200))


def layer(figure, which):
    """The strong bars, the pale bars or the centres, pixel for pixel; nan where there is none."""
    images = sorted(figure.axes[1].images, key=lambda image: (image.get_zorder(), image.get_alpha() is not None))
    return np.asarray(images[which].get_array().filled(np.nan), dtype=float)


def extent(grid, shade):
    """From where to where a shade lies, in samples, and its lowest and highest pixel, which must be a full block."""
    there = np.isclose(grid, shade, rtol=1e-5)
    rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    block = there[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert block.mean() == 1, "nothing else is drawn on it"
    pixel = COUNT / grid.shape[1]
    return columns[0] * pixel, (columns[-1] + 1) * pixel, rows[0], rows[-1]


def heading(figure):
    return figure.axes[1].get_title("left")


def bars_drawn(figure):
    """How many bars the heading says there are."""
    return int(heading(figure).split("; ")[1].split()[0])


def corners(grid):
    """How many separate blocks there are: those pixels that have none to the left and none below."""
    there = np.pad(np.isfinite(grid), ((1, 0), (1, 0)))
    return (there[1:, 1:] & ~there[1:, :-1] & ~there[:-1, 1:]).sum()


def explanation(figure):
    return figure.axes[1].texts[0].get_text()


@pytest.mark.parametrize(("which", "share"), [(PALE, 1), (STRONG, 0.5)])
def test_each_window_lies_about_its_centre_clipped_to_the_signal(which, share):
    grid = layer(usual(), which)
    for t, length in zip(POSITIONS, LENGTHS[0], strict=True):
        left, right, _, _ = extent(grid, length)  # 1 sample is 1 ms
        reach = share * length / 2
        assert (left, right) == pytest.approx((max(t - reach, 0), min(t + reach, COUNT)), abs=5)


def test_bars_take_as_few_rows_as_their_overlap_allows():
    grid = layer(usual(), PALE)
    rows = {extent(grid, length)[2:] for length in LENGTHS[0]}
    assert len(rows) == DEEPEST
    assert all(above[1] < below[0] for above, below in pairwise(sorted(rows)))


def test_windows_that_touch_share_a_row_and_can_be_told_apart():
    figure = frame_timeline(WAVE, RATE, np.arange(7) * 500.0, [[1000.0]], View())
    drawn = np.isfinite(layer(figure, PALE))
    assert len(np.flatnonzero(np.diff(drawn.any(axis=1)))) == 4  # two rows begin and end
    first = drawn[np.flatnonzero(drawn[:, 0])[-1]]
    assert len(np.flatnonzero(np.diff(first.astype(int)) == -1)) == 3  # four windows, three seams


def test_centres_are_marked_in_recording_time():
    figure = usual()
    upper, lower = figure.axes[:2]
    assert upper.get_xlim() == lower.get_xlim() == (7200, 7203)
    assert lower.get_xlabel() == "Time (s)" and upper.get_ylabel() == "Amplitude"
    marks = np.unique(upper.lines[-1].get_xdata()) - 7200
    assert marks == pytest.approx(np.delete(POSITIONS / RATE, 3), abs=1e-9)  # 0.1 samples apart is one line
    columns = np.flatnonzero(np.isfinite(layer(figure, CENTRE)).any(axis=0))
    width = layer(figure, CENTRE).shape[1]
    assert all(np.abs((columns + 0.5) * COUNT / width - t).min() < 5 for t in POSITIONS)


def test_the_longest_and_the_shortest_window_over_frequency_are_shown():
    theta = np.array([[300, 900.0], [500, 450], [700, 200]])
    figure = frame_timeline(WAVE, RATE, [1000, 2000], theta, View())
    pale, strong = layer(figure, PALE), layer(figure, STRONG)
    for grid, lengths in ((pale, (700, 900)), (strong, (300, 200))):
        for t, length in zip((1000, 2000), lengths, strict=True):
            assert extent(grid, length)[:2] == pytest.approx((t - length / 2, t + length / 2), abs=5)
    assert explanation(figure) == "Pale: a frame's longest window over frequency. Strong: its shortest."
    assert heading(figure) == "2 frames, centres in red, windows of 200 ms to 900 ms"


@pytest.mark.parametrize("theta", [[[400.0]], 400 + 1e-5 * np.arange(8)[None], np.full((5, 1), 400.0)])
def test_equal_lengths_are_said_in_words_without_colours(theta):
    figure = frame_timeline(WAVE, RATE, POSITIONS, theta, View())
    assert len(figure.axes) == 2  # no colour bar
    assert all(to_hex(image.to_rgba(np.array([400.0]))[0]) == INK for image in figure.axes[1].images[:2])
    assert heading(figure) == "8 frames, centres in red, every window 400 ms"


def test_unequal_lengths_have_colours_in_time_units():
    figure = frame_timeline(WAVE, 1e6, POSITIONS, LENGTHS / 10, View())
    assert figure.axes[2].get_ylabel() == "Window length (µs)"
    assert figure.axes[1].images[0].get_clim() == pytest.approx((20, 90))
    assert figure.axes[1].get_xlabel() == "Time (ms)"


def test_one_frame_has_its_window():
    figure = frame_timeline(WAVE, RATE, [1500.0], [[600.0]], View())
    assert heading(figure) == "1 frame, centre in red, window 600 ms"
    drawn = np.flatnonzero(np.isfinite(layer(figure, PALE)).any(axis=0)) * COUNT / layer(figure, PALE).shape[1]
    assert (drawn[0], drawn[-1]) == pytest.approx((1200, 1800), abs=5)


def test_one_loud_sample_among_millions_is_not_lost_and_the_file_stays_small():
    samples = np.zeros(5_000_000, dtype=np.float32)
    samples[3_827_160], samples[123] = 3.0, -2.0
    figure = frame_timeline(samples, 5e4, np.arange(10_000) * 500.0, [[2000.0]], View())
    line = figure.axes[0].lines[0]
    times, values = line.get_xdata(), line.get_ydata()
    assert (values.max(), values.min(), len(values)) == (3, -2, 4000)
    assert times[values.argmax()] == pytest.approx(76.5432, abs=0.05) and times[values.argmin()] < 0.05
    for form in ("svg", "pdf"):
        file = io.BytesIO()
        spectrograms.save(figure, file, form)
        assert len(file.getvalue()) < 600_000


@pytest.mark.parametrize(("gain", "label"), [(1e-7, "Amplitude (×10⁻⁹)"), (1, "Amplitude"), (4e6, "Amplitude (×10⁶)")])
def test_small_and_large_amplitudes_have_short_numbers(gain, label):
    samples = gain * np.sin(np.arange(COUNT)) * 0.9
    scale, factor = amplitude_scale(samples)
    assert scale.label == label
    assert scale.centres == pytest.approx(factor * samples)
    assert all(len(tick) <= 5 for tick in scale.ticks(6)[1])


@pytest.mark.parametrize(
    ("count", "length", "dpi"), [(2000, 24.0, 50), (20_000, 300.0, 50), (20_000, 300.0, 150), (20_000, 0.1, 150)]
)
def test_many_frames_are_drawn_over_the_whole_signal_or_said_to_be_fewer(count, length, dpi):
    figure = frame_timeline(WAVE, RATE, np.linspace(0, COUNT, count), [[length]], View(dpi=dpi))
    drawn = np.isfinite(layer(figure, PALE))
    assert drawn.any(axis=0).mean() > 0.99  # windows without a gap in between have no gap in the picture
    halfway, deepest = (
        len(np.flatnonzero(np.diff(column.astype(int)) == 1))
        for column in (drawn[:, drawn.shape[1] // 2], drawn.any(axis=1))
    )
    assert halfway >= deepest - 2 and deepest <= 62  # no deeper at the ends than in the middle
    assert ("drawn as bars" in heading(figure)) == (length == 300)
    assert length != 300 or bars_drawn(figure) < 62 * (COUNT + length) / length


def test_no_short_window_is_lost_on_a_coarse_picture():
    figure = frame_timeline(WAVE, RATE, np.linspace(0, COUNT, 60), [[0.1]], View(dpi=50))
    assert corners(layer(figure, PALE)) == corners(layer(figure, STRONG)) == 60


def test_a_crowd_of_frames_does_not_hide_those_that_stand_alone():
    alone, crowd = np.arange(0, COUNT, 500), 1250 + np.linspace(-40, 40, 400)
    positions = np.sort(np.concatenate([alone, crowd]))
    theta = np.where(np.isin(positions, alone), 100 + positions / 100, 60)[None]
    figure = frame_timeline(WAVE, RATE, positions, theta, View(dpi=300))
    grid = layer(figure, PALE)
    for t in alone:
        assert extent(grid, 100 + t / 100)[0] == pytest.approx(max(0, t - 50 - t / 200), abs=3)
    assert bars_drawn(figure) == corners(layer(figure, CENTRE)) < 150


def test_bars_longer_than_their_windows_are_owned_up_to():
    long_signal = np.zeros(100_000)
    some = frame_timeline(long_signal, RATE, [1000, 50_000], [[50, 9000.0]], View())
    assert explanation(some).endswith("energy. No bar is shorter than 125 ms.")
    every = frame_timeline(long_signal, RATE, [1000, 50_000], [[50, 90.0]], View())
    assert explanation(every) == "The windows are too short to be drawn to scale: every bar is 125 ms long."


def test_no_heading_is_shortened():
    positions = np.linspace(0, COUNT, 20_000)
    for theta in (np.geomspace(0.123, 999, 20_000)[None], np.geomspace(0.123, 999, 30)[:, None]):
        figure = frame_timeline(WAVE, RATE, positions, theta, View())
        assert "…" not in heading(figure) + explanation(figure)
        assert "drawn as bars" in heading(figure) and "No bar is shorter" in explanation(figure)


def test_the_same_frames_give_the_same_bytes():
    def written(figure, form):
        file = io.BytesIO()
        spectrograms.save(figure, file, form, dpi=50)
        return file.getvalue()

    first, again = (frame_timeline(WAVE, RATE, POSITIONS, LENGTHS, View(title="a", dpi=50), "b") for _ in range(2))
    for form in ("png", "svg", "pdf"):
        assert written(first, form) == written(again, form)
