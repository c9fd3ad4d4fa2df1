"""By how much a spectrogram is narrower than under the best constant window: known pairs, and what the command says of it."""

import math

import numpy as np
import pytest
import soundfile
import torch
from local_entropy_fields import white

from dstft_cli import Signal, optimize
from dstft_cli.optimization.local_entropy.narrowing import narrowing, width_changes
from dstft_cli.optimization.local_entropy.working_grid import WorkingGrid
from dstft_cli.results.metrics import Narrowing, read_metrics
from dstft_cli.workflows import optimize_file

GRID = WorkingGrid((257, 400), 512, 4.0, 32.0)  # a unit is 8 bins or 16 frames
FLAGS = ("--support", "128", "--hop", "16", "--theta-min", "16", "--mode", "tf", "--set", "dpi=20")


def ridge(*widths: int) -> torch.Tensor:
    """P of lines so many bins wide, of equal energy, 80 bins apart."""
    power = torch.full(GRID.shape, 1e-12)
    for i, width in enumerate(widths):
        power[40 + 80 * i : 40 + 80 * i + width] = 1 / width
    return power


def compared(power: torch.Tensor, other: torch.Tensor) -> Narrowing:
    return narrowing([width_changes(power, other, torch.full((1, 1), 64.0), GRID)], 100.0)


class TestFigures:
    def test_of_a_plane_beside_itself_are_0(self):
        noise = torch.from_numpy(white(257 * 400).reshape(257, 400) ** 2)
        found = compared(noise, noise)
        assert found == Narrowing(theta=100.0, narrower=0.0, share=0.0, wider_share=0.0, overall=0.0)
        assert not found.worthwhile

    def test_of_lines_half_as_wide_are_a_half(self):
        found = compared(ridge(2, 2), ridge(4, 4))
        assert (found.narrower, found.overall) == pytest.approx((0.5, 0.5), abs=0.05)
        assert found.share > 0.99 and found.wider_share < 0.01 and found.worthwhile

    def test_of_lines_twice_as_wide_are_below_0(self):
        found = compared(ridge(4, 4), ridge(2, 2))
        assert found.overall == pytest.approx(-1, abs=0.2)
        assert found.wider_share > 0.99 and found.narrower == 0 and not found.worthwhile

    def test_of_one_line_narrower_and_one_wider_count_each(self):
        found = compared(ridge(2, 4), ridge(4, 2))
        assert (found.share, found.wider_share) == pytest.approx((0.5, 0.5), abs=0.02)
        assert found.narrower == pytest.approx(0.5, abs=0.05) and abs(found.overall) < 0.05 and not found.worthwhile

    def test_of_much_narrower_places_leave_the_others_out(self):
        found = compared(ridge(2, 9), ridge(4, 10))
        assert found.share > 0.8 and found.narrower < 0.4
        assert found.much_share == pytest.approx(0.5, abs=0.03) and found.much_narrower == pytest.approx(0.5, abs=0.02)

    def test_of_blocks_add_up(self):
        halves = [
            width_changes(*(plane[:, part] for plane in (ridge(2, 3), ridge(4, 4))), torch.full((1, 1), 64.0), GRID)
            for part in (slice(0, 200), slice(200, 400))
        ]
        joined, whole = narrowing(halves, 100.0), compared(ridge(2, 3), ridge(4, 4))
        assert list(joined.values().values()) == pytest.approx(list(whole.values().values()), abs=1e-3)

    @pytest.mark.parametrize("shape", [(1, 400), (257, 1), (257, 400)])
    def test_tell_how_fast_window_lengths_change(self, shape):
        noise, units = torch.from_numpy(white(257 * 400).reshape(257, 400) ** 2), (257 / 8, 400 / 16)
        axes = [
            torch.linspace(0, size / 4, count) for size, count in zip(units, shape, strict=True)
        ]  # a quarter octave a unit
        ramp = sum(
            axis if count > 1 else 0 for axis, count in zip(torch.meshgrid(*axes, indexing="ij"), shape, strict=True)
        )
        found = narrowing([width_changes(noise, noise, 2.0 ** (3 + ramp), GRID)], 100.0)
        assert found.restlessness == pytest.approx(0.25 * sum(count > 1 for count in shape), rel=0.1)

    def test_do_not_count_changes_where_nothing_sounds(self):
        lengths = torch.full(GRID.shape, 64.0)
        lengths[150:] = 2.0 ** (3 + torch.arange(400) % 7)
        quiet = narrowing([width_changes(ridge(2), ridge(4), lengths, GRID)], 100.0)
        loud = narrowing([width_changes(ridge(2, 2), ridge(4, 4), lengths.flip(0), GRID)], 100.0)
        assert quiet.restlessness < 0.01 < 0.5 < loud.restlessness

    def test_of_silence_are_0(self):
        found = compared(torch.zeros(GRID.shape), torch.zeros(GRID.shape))
        assert (found.narrower, found.overall) == (0, 0) and not found.worthwhile

    @pytest.mark.parametrize(
        ("share", "overall", "worthwhile"), [(0.5, 0.1, True), (0.05, 0.1, False), (0.5, 0.01, False)]
    )
    def test_are_worthwhile_where_enough_is_narrower(self, share, overall, worthwhile):
        found = Narrowing(theta=9.0, narrower=0.3, share=share, wider_share=0.0, overall=overall)
        assert found.worthwhile is worthwhile


@pytest.fixture(scope="module")
def mixture():
    """Two tones that cross a train of clicks, in a little noise."""
    time = np.arange(2000)
    tones = np.sin(2 * math.pi * 0.1 * time) + 0.7 * np.sin(2 * math.pi * 0.3 * time)
    return tones + 25.0 * (time % 500 == 250) + 0.02 * white(2000)


class TestRuns:
    @pytest.mark.parametrize(
        "settings", [{"mode": "constant"}, {"mode": "fixed"}, {"hop_mode": "constant", "mode": "time"}]
    )
    def test_with_nothing_to_compare_have_none(self, settings):
        result = optimize(Signal(white(1000), 1000, "x"), support=64, hop=16, steps=2, **settings)
        assert result.narrowing is None

    @pytest.fixture
    def keeps_one(self, mixture, monkeypatch):
        """Whether a run whose comparison comes out so keeps one window; then: what differs in a second comparison."""

        def keeps(then: dict | None = None, **found) -> bool:
            figures = {"narrower": 0.0, "share": 0.5, "wider_share": 0.0, "overall": 0.01, **found}
            comparisons = [Narrowing(theta=64.0, **{**figures, **other}) for other in ({}, then or {})]
            monkeypatch.setattr(
                "dstft_cli.optimization.run.narrowing",
                lambda sums, length: comparisons.pop(0) if len(comparisons) > 1 else comparisons[0],
            )
            result = optimize(Signal(mixture, 1000, "x"), mode="tf", support=128, hop=8, theta_min=8)
            keeps.result = result
            one = bool(np.ptp(result.theta) == 0)
            assert (result.narrowing.overall == 0) == one
            return one

        return keeps

    @pytest.mark.parametrize(
        ("overall", "wider", "kept"), [(0.01, 0.04, False), (-0.01, 0.04, True), (0.01, 0.06, True), (0.2, 0.06, False)]
    )
    def test_keep_one_window_where_as_much_would_become_wider(self, keeps_one, overall, wider, kept):
        assert keeps_one(narrower=0.4, wider_share=wider, overall=overall) == kept

    @pytest.mark.parametrize(("narrower", "share", "kept"), [(0.2, 0.42, False), (0.2, 0.38, True), (0.15, 0.9, True)])
    def test_keep_several_windows_where_some_places_become_narrower(self, keeps_one, narrower, share, kept):
        assert keeps_one(narrower=narrower, share=share) == kept

    @pytest.mark.parametrize(
        ("much", "share", "restlessness", "kept"),
        [
            (0.5, 0.003, 0.5, False),
            (0.5, 0.002, 0.5, True),
            (0.37, 0.04, 0.12, True),
            (0.38, 0.04, 0.5, False),
            (0.38, 0.06, 0.5, True),
            (0.35, 0.04, 0.1, False),
            (0.34, 0.04, 0.1, True),
        ],
    )
    def test_keep_several_windows_where_a_few_places_become_much_narrower(
        self, keeps_one, much, share, restlessness, kept
    ):
        lost, gain = {"much_narrower": 0.0}, {"much_narrower": much, "much_share": share}
        assert keeps_one(lost, narrower=0.1, overall=0.03, restlessness=restlessness, **gain) == kept

    @pytest.mark.parametrize(
        ("then", "kept"),
        [
            ({"restlessness": 0.1}, False),
            ({"restlessness": 0.1, "overall": 0.03, "share": 0.06}, False),
            ({"restlessness": 0.1, "overall": 0.03, "share": 0.04}, True),
            ({"restlessness": 0.12, "share": 0.48}, True),
            ({"restlessness": 0.12, "overall": 0.15}, False),
            ({"restlessness": 0.12, "share": 0.52}, False),
            ({"restlessness": 0.12, "share": 0.48, "much_narrower": 0.35, "much_share": 0.06}, True),
            ({"restlessness": 0.12, "share": 0.48, "much_narrower": 0.38, "much_share": 0.06}, False),
        ],
        ids=str,
    )
    def test_what_is_left_of_restless_windows_stays_where_it_is_calmer_or_gains_much(self, keeps_one, then, kept):
        assert keeps_one(then, narrower=0.2, overall=0.08, restlessness=0.33) == kept

    @pytest.mark.parametrize(("share", "kept"), [(0.003, False), (0.002, True)])
    def test_regions_are_tried_where_a_few_places_become_much_narrower(self, keeps_one, share, kept):
        regions = {"much_narrower": 0.4, "much_share": 0.003, "restlessness": 0.05}
        assert keeps_one(regions, much_narrower=0.37, much_share=share, restlessness=0.27) == kept

    @pytest.mark.parametrize(
        ("first", "then", "regions"),
        [
            ({}, {"restlessness": 0.05}, True),
            ({}, {"restlessness": 0.05, "much_narrower": 0.3}, False),  # lost: the first try stays
            ({"restlessness": 0.1}, {"restlessness": 0.05}, False),
            ({"overall": 0.07}, {"restlessness": 0.05}, False),
            ({"share": 0.42}, {"restlessness": 0.05, "share": 0.06}, False),
        ],
        ids=str,
    )
    def test_several_windows_that_stay_for_a_few_places_leave_the_rest_alone(self, keeps_one, first, then, regions):
        few = {"narrower": 0.15, "share": 0.06, "much_narrower": 0.39, "much_share": 0.04, "restlessness": 0.12}
        assert not keeps_one(**{**few, "restlessness": 0.1})
        alone = keeps_one.result
        assert not keeps_one({"narrower": 0.16, **then}, **{**few, **first})
        result = keeps_one.result
        assert result.narrowing.narrower == (0.16 if regions else 0.15)
        assert np.array_equal(result.theta, alone.theta) != regions
        assert (result.final["loss"] == alone.final["loss"]) != regions

    @pytest.mark.parametrize(("overall", "share", "kept"), [(0.13, 0.4, True), (0.15, 0.26, False), (0.15, 0.24, True)])
    def test_keep_one_window_where_the_lengths_change_fast_for_a_small_gain(self, keeps_one, overall, share, kept):
        gain = {"narrower": 0.19, "much_narrower": 0.35, "much_share": share, "overall": overall}
        assert keeps_one(restlessness=0.32, **gain) == kept and not keeps_one(restlessness=0.3, **gain)

    @pytest.mark.parametrize(("overall", "kept"), [(0.05, True), (0.07, False)])
    def test_keep_several_calm_windows_for_a_smaller_gain_in_the_mean(self, keeps_one, overall, kept):
        assert keeps_one(narrower=0.1, overall=overall, restlessness=0.2) == kept

    def test_keep_one_window_in_noise_however_narrow_chance_makes_it(self, monkeypatch):
        monkeypatch.setattr("dstft_cli.optimization.local_entropy.seen_gain._SEEN_NARROWER", 0.0)
        monkeypatch.setattr("dstft_cli.optimization.local_entropy.seen_gain._SEEN_SHARE", 0.0)
        monkeypatch.setattr("dstft_cli.optimization.local_entropy.seen_gain._SEEN_MUCH", 0.0)
        monkeypatch.setattr("dstft_cli.optimization.local_entropy.seen_gain._SEEN_MUCH_SHARE", 0.0)
        result = optimize(Signal(white(2000), 1000, "x"), mode="tf", support=128, hop=8, theta_min=8)
        assert np.ptp(result.theta) == 0


class TestLine:
    """The line ``gain`` of the summary."""

    @pytest.fixture(autouse=True)
    def no_pictures(self, monkeypatch):
        monkeypatch.setattr(optimize_file, "_write_figures", lambda result, folder: None)

    def said(self, samples, tmp_path, dstft) -> str:
        soundfile.write(tmp_path / "in.wav", samples / np.abs(samples).max(), 1000, subtype="FLOAT")
        run = dstft("optimize", tmp_path / "in.wav", "-o", tmp_path / "out", *FLAGS)
        assert run.code == 0
        self.metrics = read_metrics(tmp_path / "out" / "metrics.json")
        (line,) = (line for line in run.out.splitlines() if line.startswith("gain "))
        return line.removeprefix("gain").strip()

    def test_says_how_much_narrower_and_over_how_much_of_the_energy(self, mixture, tmp_path, dstft):
        line = self.said(mixture, tmp_path, dstft)
        percent, _, rest = line.partition(" % narrower than under the best constant window (")
        length, _, share = rest.partition(") over ")
        assert 5 < int(percent) < 90 and length.endswith("ms") and 10 < int(share.split(" %")[0]) <= 100
        assert "% of the energy" in share
        found = self.metrics.narrowing
        assert found.worthwhile and found.theta == self.metrics.best_constant["theta"]
        assert (int(percent), int(share.split(" %")[0])) == (round(100 * found.narrower), round(100 * found.share))

    @pytest.mark.parametrize("limit", ["_SEEN_NARROWER", "_SEEN_SHARE"])
    def test_keeps_one_window_where_the_gain_is_not_seen(self, mixture, tmp_path, dstft, monkeypatch, limit):
        for name in ("_SEEN_MEAN", "_SEEN_CALM", "_SEEN_MUCH", "_SEEN_REGIONS", limit):
            monkeypatch.setattr(f"dstft_cli.optimization.local_entropy.seen_gain.{name}", 1.0)
        line = self.said(mixture, tmp_path, dstft)
        assert line.startswith("one window of ") and self.metrics.loss.final == self.metrics.loss.initial

    @pytest.mark.parametrize("limit", ["_SEEN_MEAN", "_SEEN_NARROWER"])
    def test_keeps_several_where_much_is_gained_in_the_mean_or_at_some_places(
        self, mixture, tmp_path, dstft, monkeypatch, limit
    ):
        monkeypatch.setattr("dstft_cli.optimization.local_entropy.seen_gain._RESTLESS", 9.0)
        monkeypatch.setattr(f"dstft_cli.optimization.local_entropy.seen_gain.{limit}", 1.0)
        assert "% narrower" in self.said(mixture, tmp_path, dstft)

    def test_never_says_of_several_windows_that_one_shows_as_much(self, mixture, tmp_path, dstft, monkeypatch):
        monkeypatch.setattr("dstft_cli.results.metrics._LEAST_SHARE", 2.0)  # more than there is
        assert "% narrower" in self.said(mixture, tmp_path, dstft) and not self.metrics.narrowing.worthwhile

    def test_says_that_one_window_shows_noise_as_well(self, tmp_path, dstft):
        line = self.said(white(2000), tmp_path, dstft)
        assert line.startswith("one window of ") and line.endswith(" ms shows this recording as well")
