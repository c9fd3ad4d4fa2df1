"""A range of window lengths that was chosen too narrow is widened once; a user's own is not."""

from dataclasses import replace

import numpy as np
import pytest

from dstft_cli import Signal, optimize
from dstft_cli.config.loading import merge_config
from dstft_cli.optimization import range_survey
from dstft_cli.optimization.auto_lengths import choose_lengths, wider_lengths
from dstft_cli.stft.windows import get_window

RATE, COUNT = 1000.0, 4096
TIME, HANN = np.arange(COUNT), get_window("hann")
NOISE = 0.01 * np.random.default_rng(0).standard_normal(COUNT)
SWEEP = Signal(np.cos(np.pi * 0.4 / COUNT * TIME**2) + NOISE, RATE, "sweep")  # its best constant window: 221 samples
CLICKS = Signal((TIME % 500 == 0) + NOISE, RATE, "clicks")


def wider(signal, shares, **settings):
    """The wider choice for shares of places at the bounds; None where the choice stands."""
    return wider_lengths(signal, choose_lengths(signal, merge_config(None, settings)), shares, HANN)


@pytest.fixture(scope="module")
def widened():
    """A run that searches the best constant window."""
    return optimize(SWEEP, mode="constant")


class TestRun:
    def test_has_twice_the_support_where_the_best_window_is_the_longest(self, widened):
        first = choose_lengths(SWEEP, merge_config(None, {})).range
        assert (first.theta_min, first.support) == (12, 192)
        assert (widened.grid.theta_min, widened.support) == (12, 384)
        assert 200 < widened.theta.item() < 240

    def test_says_the_new_range_and_not_the_former_one(self, widened):
        said = [note.text for note in widened.signal.notes if "chosen from the recording" in note.text]
        assert len(said) == 1 and said[0].startswith("windows of 12 ms to 380 ms, hop 3 ms")

    def test_is_repeated_by_its_configuration(self, widened):
        assert set(widened.chosen) == {"support", "hop", "theta_min"}
        settings = widened.config.transform
        assert [one.value for one in (settings.support, settings.theta_min, settings.hop)] == [384, 12, 3]
        again = optimize(SWEEP, widened.config)
        assert again.chosen == () and np.array_equal(again.stft, widened.stft)

    def test_is_widened_where_lengths_vary_too(self):
        result = optimize(SWEEP, mode="time", steps=1)
        assert result.support == 384 and np.median(result.theta) > 192

    @pytest.mark.parametrize("settings", [{"support": 192}, {"support": 192, "theta_min": 12}])
    def test_keeps_a_support_that_the_user_gave(self, settings):
        result = optimize(SWEEP, mode="constant", **settings)
        assert result.support == 192 and result.theta.item() > 190

    def test_of_sharp_clicks_keeps_the_shortest_windows_there_are(self):
        result = optimize(CLICKS, mode="constant")
        assert result.grid.theta_min == 8 and result.theta.item() == pytest.approx(8, rel=0.01)

    def test_is_widened_by_the_survey_that_chose_it(self, monkeypatch):
        surveys = []
        ask = range_survey._survey
        monkeypatch.setattr(range_survey, "_survey", lambda *of: surveys.append(of) or ask(*of))
        assert optimize(replace(SWEEP), mode="constant").support == 384 and len(surveys) == 1

    def test_is_not_widened_twice(self, monkeypatch):
        asked = []

        def always(signal, chosen, shares, window):
            asked.append(chosen.range.support)
            return choose_lengths(signal, merge_config(None, {"mode": "constant", "theta_min": 4.0 * len(asked)}))

        monkeypatch.setattr("dstft_cli.optimization.optimize.wider_lengths", always)
        result = optimize(SWEEP, mode="constant")
        assert asked == [192] and result.grid.theta_min == 4

    @pytest.mark.parametrize(
        "bounds, kept", [((12, 60), False), ((12, 100), True), ((12, 384), True), ((700, 800), True)]
    )
    def test_is_given_up_where_a_much_shorter_window_of_the_first_range_is_the_best(self, monkeypatch, bounds, kept):
        asked, (shortest, longest) = [], bounds

        def wider(signal, chosen, shares, window):
            asked.append(shares)
            given = choose_lengths(signal, merge_config(None, {"support": longest, "theta_min": shortest}))
            return replace(given, range=replace(chosen.range, theta_min=shortest, support=longest))

        monkeypatch.setattr("dstft_cli.optimization.optimize.wider_lengths", wider)
        result = optimize(SWEEP, mode="constant")  # 192 samples are the best of the first range
        assert result.support == (longest if kept else 192) and len(asked) == 1
        said = [
            note.text
            for note in result.signal.notes
            if "not 12 ms to 60 ms, which would make 60 ms the best" in note.text
        ]
        assert len(said) == (not kept)


class TestChoice:
    def test_stands_where_few_places_are_at_a_bound(self):
        assert wider(SWEEP, (0.0, 0.15)) is None and wider(SWEEP, (0.15, 0.0)) is None

    @pytest.mark.parametrize("settings", [{"support": 192}, {"support": "192ms"}])
    def test_of_the_user_stands(self, settings):
        assert wider(SWEEP, (0.0, 1.0), **settings) is None
        assert wider(SWEEP, (1.0, 0.0), theta_min=20) is None
        assert wider(SWEEP, (1.0, 1.0), support=192, theta_min=20) is None

    def test_goes_to_longer_windows_and_keeps_what_the_user_gave(self):
        found = wider(SWEEP, (0.0, 0.5), hop=5)
        assert found.range.support == 384 and found.config.transform.hop.value == 5
        assert found.keys == choose_lengths(SWEEP, merge_config(None, {"hop": 5})).keys

    def test_goes_to_shorter_windows(self):
        chosen = choose_lengths(SWEEP, merge_config(None, {}))
        long = replace(chosen, range=replace(chosen.range, theta_min=24, support=384))
        assert wider_lengths(SWEEP, long, (0.5, 0.0), HANN).range.theta_min <= 12

    def test_stands_where_a_support_would_be_long_beside_the_recording_or_windows_shorter_than_8_samples(self):
        tone = Signal(np.sin(0.3 * TIME), RATE, "tone")  # an eighth of it already
        assert wider(tone, (0.0, 1.0)) is None and wider(CLICKS, (1.0, 0.0)) is None

    def test_that_is_the_usual_one_stands(self):
        noise = Signal(NOISE, RATE, "noise")
        assert choose_lengths(noise, merge_config(None, {})).range is None
        assert wider(noise, (1.0, 1.0)) is None
