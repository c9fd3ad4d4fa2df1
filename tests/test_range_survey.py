"""Support, shortest window and hop that are chosen from the recording."""

import dataclasses
from functools import lru_cache

import numpy as np
import pytest
from text_tables import DATA

from dstft_cli.config.grid import make_grid
from dstft_cli.config.loading import dump_config, load_config, merge_config
from dstft_cli.optimization.auto_lengths import choose_common_lengths, choose_lengths, unchosen, wider_lengths
from dstft_cli.optimization.length_range import Given, choose_range
from dstft_cli.optimization.optimize import optimize, plan_signal
from dstft_cli.optimization.range_survey import Preferences, survey
from dstft_cli.recordings.lazy_samples import LazySamples
from dstft_cli.recordings.signal import Signal, load_signal
from dstft_cli.stft.windows import get_window
from dstft_cli.workflows.batch.one_input import process_input

RATE, N = 1000.0, 2**14
AMPLE = (1e9, "time")
RNG = np.random.default_rng(5)
NOISE = RNG.standard_normal(N)
TIME = np.arange(N)


def coloured(power):
    frequencies = np.fft.rfftfreq(N)
    frequencies[0] = frequencies[1]
    return np.fft.irfft(np.fft.rfft(NOISE) * frequencies**-power)


def resonant(radius):
    """Noise through a resonance: an autoregression of order two."""
    out = np.zeros(N + 2)
    for i in range(N):
        out[i + 2] = 2 * radius * np.cos(0.7) * out[i + 1] - radius**2 * out[i] + NOISE[i]
    return out[2:]


def clicks(period=500):
    out = np.zeros(N)
    out[::period] = 1.0
    return out


@lru_cache
def recording(samples: bytes) -> Signal:
    """One Signal for the same samples, so that it is surveyed once."""
    return Signal(np.frombuffer(samples), RATE, "x")


def chosen(samples, **settings):
    signal = recording(np.asarray(samples, dtype=np.float64).tobytes())
    return choose_lengths(signal, merge_config(None, settings))


def lengths(samples, **settings):
    """(shortest, longest) in samples; None where nothing was chosen."""
    found = chosen(samples, **settings).range
    return found and (found.theta_min, found.support)


NOTHING = {
    "white": NOISE,
    "pink": coloured(0.5),
    "blue": coloured(-0.5),
    "resonant": resonant(0.9),
    "drifting level": NOISE * 10 ** (0.5 * np.sin(2 * np.pi * TIME / N * 3)),
    "heavy tails": RNG.laplace(size=N),
    "integers": np.round(3 * NOISE),
    "on an offset": 1000 + NOISE,
    "on a slope": NOISE + 0.1 * TIME,
}


@pytest.mark.parametrize("name", NOTHING)
def test_noise_of_any_colour_takes_the_usual_lengths_and_says_so(name):
    choice = chosen(NOTHING[name])
    assert choice.range is None and choice.keys == ()
    assert choice.config == merge_config(None, {})
    assert "nothing in the recording but noise" in choice.text


@pytest.mark.parametrize("samples", [np.zeros(N), np.full(N, 7.0), np.full(N, 0.1)])
def test_silence_and_constants_show_nothing(samples):
    assert lengths(samples) is None


@pytest.mark.parametrize("count", [2, 5, 16, 30, 44, 63, 100])
def test_very_short_recordings_keep_lengths_that_fit(count):
    signal = Signal(NOISE[:count], RATE, "x")
    config = choose_lengths(signal, merge_config(None, {})).config
    if count >= 16:
        grid = make_grid(config, RATE, count)
        assert grid.theta_min <= grid.support


def test_a_tone_takes_the_longest_windows_that_fit():
    low, high = lengths(np.sin(0.3 * TIME) + 0.1 * NOISE)
    assert high == N / 8 and low <= high / 8


def test_clicks_take_the_shortest_windows_whether_or_not_in_noise():
    assert lengths(clicks()) == (8, 64)
    assert lengths(clicks() + 0.02 * NOISE) == (8, 64)
    low, high = lengths(np.eye(1, N, N // 2)[0])
    assert low == 8 and high <= 192


def test_the_range_of_a_sweep_contains_the_window_that_follows_it_best():
    """A sweep of k cycles a sample squared is sharpest under windows of about sqrt(2 / k) samples."""
    slope = 0.4 / N
    low, high = lengths(np.cos(np.pi * slope * TIME**2) + 0.1 * NOISE)
    best = np.sqrt(2 / slope)
    assert low < best / 2 and best / 2 < high < 8 * best


def test_clicks_over_a_tone_take_both_short_and_long_windows():
    tone = np.sin(0.9 * TIME)
    low, high = lengths(tone + 30 * clicks(3001) + 0.05 * NOISE)
    assert low <= 64 and high >= 512


@pytest.mark.parametrize("offset", [1e3, 1e6])
def test_an_offset_decides_nothing(offset):
    sweep = np.cos(np.pi * 0.4 / N * TIME**2) + 0.1 * NOISE
    assert lengths(sweep + offset) == pytest.approx(lengths(sweep), rel=0.51)


def test_the_scale_of_the_samples_decides_nothing():
    sweep = np.cos(np.pi * 0.4 / N * TIME**2) + 0.1 * NOISE
    assert lengths(1e-6 * sweep) == lengths(sweep) == lengths(2.0**20 * sweep)


SWEEP = np.cos(np.pi * 0.4 / N * TIME**2) + 0.1 * NOISE


def test_the_range_keeps_its_proportions():
    for samples in (SWEEP, clicks(), np.sin(0.3 * TIME), SWEEP + 20 * clicks(3001)):
        found = chosen(samples).range
        assert 8 <= found.support / found.theta_min <= 64
        assert found.hop <= found.theta_min / 2
        odd = found.support
        while odd % 2 == 0:
            odd //= 2
        assert found.support % 2 == 0 and odd in (1, 3)


def test_given_lengths_win_and_the_others_fit_them():
    assert chosen(SWEEP, support=1000, theta_min=100).keys == ()
    choice = chosen(SWEEP, support=200)
    assert choice.config.transform.support.value == 200 and choice.range.theta_min <= 200 / 8
    choice = chosen(SWEEP, theta_min=300)
    assert choice.keys == ("support", "hop") and choice.range.support >= 6 * 300
    choice = chosen(SWEEP, hop=40)
    assert choice.config.transform.hop.value == 40 and choice.range.theta_min >= 80
    choice = chosen(SWEEP, theta="3s")
    assert choice.range.support >= 3000 > choice.range.theta_min
    choice = chosen(SWEEP, theta=20)
    assert choice.range.theta_min <= 20
    choice = chosen(SWEEP, theta_min="50%")
    assert choice.range.theta_min == choice.range.support / 2
    choice = chosen(SWEEP, hop="10%")
    assert choice.range.hop == pytest.approx(choice.range.support / 10)


@pytest.mark.parametrize(
    "settings",
    [
        {"support": 200},
        {"theta_min": 300},
        {"hop": 40},
        {"theta": 20},
        {"theta": 900},
        {"theta_min": "50%"},
        {"hop": 900},
    ],
)
def test_every_choice_gives_a_grid(settings):
    for samples in (SWEEP, clicks(), NOISE):
        grid = make_grid(chosen(samples, **settings).config, RATE, N)
        assert 0 < grid.theta_min <= grid.support and grid.hop > 0


@pytest.mark.parametrize("settings", [{"mode": "fixed", "theta": 50}, {"mode": "fixed"}, {"hop_mode": "constant"}])
def test_lengths_follow_from_the_rate_where_frames_move_or_nothing_is_optimised(settings):
    choice = chosen(SWEEP, **settings)
    assert choice.keys == () and choice.text == ""


def made_up(longer, shorter):
    longer, shorter = np.array(longer), np.array(shorter)
    return Preferences(8 * 2.0 ** (np.arange(len(longer) + 1) / 2), longer, shorter, np.maximum(longer, shorter))


WIDE = made_up(np.linspace(0.9, 0.2, 20), np.linspace(0.1, 0.5, 20))


def test_scarce_memory_narrows_the_range_and_says_so():
    free = choose_range(WIDE, 2**20, AMPLE)
    tight = choose_range(WIDE, 2**20, (16 * 2**20, "memory"))
    assert tight.limit == "memory" and free.limit == ""
    assert tight.support / tight.theta_min < free.support / free.theta_min
    assert tight.support / 2 / tight.hop <= 16
    assert tight.longer_wanted or tight.shorter_wanted
    least = choose_range(WIDE, 2**20, (1.0, "memory"))
    assert least.support / least.theta_min == pytest.approx(8, rel=0.01)


def test_memory_that_a_user_allows_counts():
    tone = np.sin(0.3 * TIME) + 30 * clicks(3001) + 0.05 * NOISE
    wide, narrow = (chosen(tone, mode="tf-varying", memory=memory) for memory in ("4GB", "462MB"))
    assert narrow.range.support / narrow.range.theta_min < wide.range.support / wide.range.theta_min
    assert "more --memory" in narrow.text and "more --memory" not in wide.text


def test_rhythm_beyond_a_barrier_does_not_count_but_what_makes_up_for_it_does():
    pulses = [0.9, 0.8, 0.3, 0.1, *[0.0] * 8, 0.3, 0.3, 0.3], [0.0, 0.0, 0.1, 0.4, *[0.6] * 8, 0.0, 0.0, 0.0]
    assert choose_range(made_up(*pulses), 2**17, AMPLE).support <= 64
    lines = [*pulses[0][:-3], *[0.9] * 5], [*pulses[1][:-3], *[0.0] * 5]
    assert choose_range(made_up(*lines), 2**17, AMPLE).support > 1000


def test_settled_lengths_may_be_the_only_ones():
    found = choose_range(WIDE, 2**17, AMPLE, Given(support=512, theta_min=500.0))
    assert (found.support, found.theta_min) == (512, 500.0) and found.hop <= 250


def test_a_survey_is_made_once_and_does_not_depend_on_threads():
    signal = Signal(SWEEP, RATE, "x")
    assert survey(signal, get_window("hann")) is survey(signal, get_window("hann"))


def test_long_recordings_are_read_in_parts():
    read = []

    def piece(first, last):
        read.append(last - first)
        return np.cos(np.pi * 1e-5 * (np.arange(first, last) % 2**14) ** 2) + 0.1 * np.resize(NOISE, last - first)

    signal = Signal(LazySamples(piece, 2**28), RATE, "x")
    found = survey(signal, get_window("hann"))
    assert max(read) <= 2**19 and len(found.lengths) > 20


def test_a_run_uses_the_lengths_and_its_configuration_repeats_it(tmp_path):
    signal = Signal(SWEEP, RATE, "x")
    result = optimize(signal, steps=2)  # which widens the range, see test_wider_range.py
    expected = wider_lengths(
        signal, choose_lengths(signal, merge_config(None, {})), (0.0, 1.0), get_window("hann")
    ).range
    assert (result.support, result.grid.theta_min, result.grid.hop) == (
        expected.support,
        expected.theta_min,
        expected.hop,
    )
    assert set(result.chosen) == {"support", "hop", "theta_min"} == set(result.metrics().chosen)
    assert any("chosen from the recording" in note.text for note in result.signal.notes)
    path = tmp_path / "config.yaml"
    path.write_text(dump_config(result.config), "utf-8")
    again = optimize(Signal(SWEEP, RATE, "x"), load_config(path))
    assert again.config == result.config and np.array_equal(again.stft, result.stft)
    assert dump_config(unchosen(load_config(path), result.chosen)) == dump_config(merge_config(None, {"steps": 2}))


def test_a_batch_keeps_a_result_whose_lengths_were_chosen(tmp_path):
    """Its configuration has numbers where that of the batch has auto."""
    path, config = tmp_path / "sweep.csv", merge_config(None, {"steps": 2, "fs": RATE})
    path.write_text("\n".join(map(repr, SWEEP[:4096].tolist())), "utf-8")
    assert [row["status"] for row in process_input(str(path), config, str(tmp_path / "out"))] == ["done"]
    assert [row["status"] for row in process_input(str(path), config, str(tmp_path / "out"))] == ["skipped"]
    other = merge_config(config, {"support": 256})
    assert [row["status"] for row in process_input(str(path), other, str(tmp_path / "out"))] == ["done"]
    assert [row["status"] for row in process_input(str(path), config, str(tmp_path / "out"))] == ["done"]


def test_the_plan_is_that_of_the_run():
    signal, config = Signal(SWEEP, RATE, "x"), merge_config(None, {})
    plan, expected = plan_signal(signal, config), plan_signal(signal, choose_lengths(signal, config).config)
    assert (plan.memory, plan.disk, plan.seconds) == (expected.memory, expected.disk, expected.seconds)


def test_several_recordings_share_the_range_from_the_shortest_to_the_longest():
    one, other = Signal(clicks(), RATE, "x"), Signal(np.sin(0.3 * TIME), 2 * RATE, "y")
    config = choose_common_lengths([one, other], merge_config(None, {}))
    grids = [make_grid(config, signal.sample_rate, N) for signal in (one, other)]
    assert grids[0].support == pytest.approx(N / 8 / 2, rel=0.01)
    assert grids[1].support == pytest.approx(2 * grids[0].support, rel=0.01)
    assert choose_common_lengths([Signal(NOISE, RATE, "x")] * 2, merge_config(None, {})) == merge_config(None, {})


REAL = {  # shortest and longest window in ms; None for noise
    "signals/mouse_usv_300k.wav": (0.16, 2.6),
    "signals/robin_chirp.wav": (2.2, 35),
    "signals/biosppy_ecg.txt": (16, 256),
    "signals/piano_notes.wav": (15, 370),
    "signals/machine_vib_tempo.csv": None,
    "field/cwru_or021_de.wav": (8, 680),  # impacts 9 ms apart, for ten seconds
    "field/rain_noise.wav": None,
}


@pytest.mark.parametrize("name", REAL)
def test_real_recordings_take_lengths_that_suit_their_kind(name):
    path = DATA.parent / name
    if not path.is_file():
        pytest.skip("the recordings are not here")
    signal, expected = load_signal(path), REAL[name]
    found = choose_lengths(signal, merge_config(None, {})).range
    if expected is None:
        assert found is None
        return
    milliseconds = [1e3 * length / signal.sample_rate for length in (found.theta_min, found.support)]
    for length, wanted in zip(milliseconds, expected, strict=True):
        assert wanted / 2 <= length <= 2 * wanted


def test_the_range_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        chosen(SWEEP).range.support = 8
