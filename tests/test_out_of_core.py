"""Runs out of core give what runs in memory give, and no edge of a block shows."""
# ruff: noqa: F811 - fixtures that are imported

import numpy as np
import pytest
import torch
from out_of_core_runs import RATE, SMALL, F, out_of_core, signal, voice  # noqa: F401

from dstft_cli import optimize
from dstft_cli.config.loading import load_config
from dstft_cli.optimization.criteria import get_criterion, total_variation
from dstft_cli.optimization.loss import FrameSumLoss, coverage_penalty
from dstft_cli.optimization.problem import Problem
from dstft_cli.optimization.resources import HALO, ResourcePlan, block_bytes
from dstft_cli.optimization.strategies.pilot_sample import _calibrated
from dstft_cli.stft.windows import get_window


@pytest.fixture
def both(signal, out_of_core, monkeypatch):
    """A run in memory, and the same out of core."""

    def run(**settings):
        blocks = optimize(signal, **SMALL, **settings)
        with monkeypatch.context() as patch:
            patch.setattr(
                "dstft_cli.optimization.optimize.plan_signal", lambda *args, **rest: ResourcePlan(0.0, 0.0, 0.0, 0.0)
            )
            return optimize(signal, **SMALL, **settings), blocks

    return run


def octaves(one, other) -> np.ndarray:
    return np.abs(np.log2(one.theta) - np.log2(np.asarray(other.theta)))


@pytest.mark.parametrize("loss", ["entropy", "renyi", "kurtosis", "local-entropy"])
def test_blocks_give_the_windows_and_the_loss_of_the_whole_plane(both, loss, monkeypatch):
    decided = "dstft_cli.optimization.run.OptimizationRun.gained_nothing"
    monkeypatch.setattr(decided, lambda run: run.final["loss"] > run.history[0]["loss"])  # however little is gained
    whole, blocks = both(mode="tf-varying", loss=loss, steps=15)
    apart = octaves(whole, blocks)
    assert blocks.on_disk and not whole.on_disk
    assert blocks.final["loss"] == pytest.approx(whole.final["loss"], abs=1e-5 if loss == "local-entropy" else 1e-3)
    assert whole.final["loss"] < whole.initial["loss"] - 0.005
    assert np.median(apart) < 0.05


def test_block_edges_leave_no_seam(both, monkeypatch):
    """Beside the edges windows are no further from those of the whole plane than elsewhere, and change no more across them."""
    edges = []
    from dstft_cli.optimization.strategies.blocks import BlockStrategy

    descend = BlockStrategy._descend_block

    def noted(self, block, kept, *rest):
        edges.append(block.first + kept.start)
        return descend(self, block, kept, *rest)

    monkeypatch.setattr(BlockStrategy, "_descend_block", noted)
    whole, blocks = both(mode="tf-varying", steps=25, loss="entropy", lambda_=2.0)
    assert len(set(edges)) >= 4
    inner = sorted(edge for edge in set(edges) if edge)
    at_once, in_blocks = (
        np.abs(np.diff(np.log2(one.theta), axis=1))[:, np.array(inner) - 1] for one in (whole, blocks)
    )
    assert in_blocks.mean() < 1.3 * at_once.mean() + 0.002
    apart = octaves(whole, blocks).mean(0)
    near = np.concatenate([apart[edge - 2 : edge + 2] for edge in inner])
    assert near.mean() < 1.5 * apart.mean() + 0.005


def test_a_stop_between_blocks_keeps_those_that_are_done(signal, out_of_core):
    def stop(step):
        return step.phase == "descent" and step.total > 20 and step.index > 0.6 * step.total

    result = optimize(signal, on_step=stop, mode="tf-varying", loss="entropy", steps=20, **SMALL)
    assert result.stop_reason == "interrupted"
    assert result.final["loss"] < result.initial["loss"]
    assert np.ptp(result.theta[:, 0]) > 0 and np.ptp(result.theta[:, -1]) == 0


def test_a_local_criterion_is_the_same_in_blocks_of_any_size(signal):
    config = load_config(None, [], {**SMALL, "mode": "tf-varying", "loss": "local-entropy"})
    fields = []
    for room in (5e5, 1e9):
        problem = Problem(signal, config, get_window("hann"), room=room)
        problem.loss.precompute(lambda index, count: None)
        fields.append((len(problem.loss.column_blocks()), problem.loss.field))
    (many, few), (one, whole) = fields
    assert many > 4 and one == 1
    assert few.calm == whole.calm
    for length in (16.0, 20.0, 33.0, 64.0):
        log_theta = torch.full((1, 1), length).log2()
        assert float(few(log_theta)) == pytest.approx(float(whole(log_theta)), abs=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {"mode": "time-varying", "loss": "entropy"},
        {"mode": "time-varying", "loss": "kurtosis"},
        {"mode": "frequency-varying", "loss": "renyi"},
        {"mode": "time-varying", "loss": "local-entropy"},
        {"mode": "frequency-varying", "loss": "local-entropy"},
    ],
    ids=str,
)
def test_runs_per_axis_give_the_windows_and_the_loss_of_the_whole_plane(both, settings):
    whole, blocks = both(steps=15, **settings)
    assert blocks.final["loss"] == pytest.approx(whole.final["loss"], abs=1e-3)
    assert np.median(octaves(whole, blocks)) < 0.05
    assert settings["loss"] == "local-entropy" or blocks.bank["loss_error"] < 0.01


@pytest.mark.parametrize(
    "settings",
    [
        {"mode": "time-varying", "loss": "kurtosis", "hop_mode": "time-varying"},
        {"mode": "constant", "loss": "entropy", "hop_mode": "time-varying"},
        {"mode": "tf-varying", "loss": "entropy", "hop_mode": "constant"},
        {"mode": "frequency-varying", "loss": "kurtosis"},
    ],
    ids=str,
)
def test_moving_frames_settle_where_they_do_in_memory(both, settings):
    whole, blocks = both(steps=4, **settings)
    assert blocks.final["loss"] == pytest.approx(whole.final["loss"], rel=1e-4)
    assert np.abs(blocks.frame_positions - whole.frame_positions).max() < 0.02
    assert np.median(octaves(whole, blocks)) < 0.01


@pytest.mark.parametrize(
    "settings",
    [
        {"mode": "tf-varying"},
        {"mode": "tf-varying", "loss": "local-entropy"},
        {"mode": "frequency-varying"},
        {"mode": "time-varying", "loss": "kurtosis", "hop_mode": "time-varying"},
    ],
    ids=str,
)
def test_blocks_are_computed_on_the_gpu(signal, out_of_core, cuda, settings):
    result = optimize(signal, device=str(cuda), steps=2, **SMALL, **settings)
    assert result.device.startswith("cuda") and result.on_disk
    assert result.final["loss"] <= result.initial["loss"]


@pytest.mark.parametrize("loss", ["entropy", "kurtosis", "local-entropy"])
def test_a_constant_window_is_that_of_the_whole_plane(both, loss):
    whole, blocks = both(mode="constant", loss=loss)
    assert blocks.theta.item() == pytest.approx(whole.theta.item(), rel=1e-5)
    np.testing.assert_allclose(blocks.stft, whole.stft, atol=1e-6 * np.abs(whole.stft).max())
    for name, pair in whole.measures.items():
        assert blocks.measures[name] == pytest.approx(pair, rel=1e-5)
    assert 0 < blocks.accuracy.rms < 1e-5


@pytest.mark.parametrize("name", ["entropy", "renyi", "kurtosis"])
def test_the_loss_by_sums_has_the_value_and_the_gradient_of_the_loss(name):
    torch.manual_seed(0)
    values, log_theta = torch.rand(9, 14, dtype=torch.float64), 4 + torch.rand(9, 14, dtype=torch.float64)
    positions, settings = torch.arange(14, dtype=torch.float64) * 20, load_config(None, [], {"epsilon": 0.05}).loss
    criterion = get_criterion(name)
    loss = FrameSumLoss(criterion, settings, (0.5, 3.0), (9, 14, 280))
    leaves = [values.requires_grad_(), log_theta.requires_grad_()]
    plain = criterion.cost(criterion.measure(values)) + 0.5 * total_variation(log_theta, settings.epsilon)
    plain = plain + 3.0 * coverage_penalty(positions, log_theta.exp2(), 280)
    sums = loss.sums(values, log_theta, positions)
    total = sums.detach().sum(1)
    assert loss.terms(total, 126)["loss"].item() == pytest.approx(plain.item(), rel=1e-12)
    ours = torch.autograd.grad((loss.slopes(total, 126)[:, None] * sums).sum(), leaves)
    for mine, theirs in zip(ours, torch.autograd.grad(plain, leaves), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_the_pilots_weights_reproduce_the_known_sums_over_all_frames():
    """And so the sums of whatever is correlated with them, from a sixth of the frames."""
    random = np.random.default_rng(0)
    known = torch.from_numpy(np.stack([np.ones(3000), random.lognormal(0, 2, 3000), random.lognormal(1, 1, 3000)]))
    drawn = torch.from_numpy(random.choice(3000, 500, replace=False))
    plain = torch.full((500,), 6.0, dtype=torch.float64)
    weights = _calibrated(plain, known[:, drawn], known.sum(1))
    torch.testing.assert_close(known[:, drawn] @ weights, known.sum(1), rtol=2e-3, atol=0.0)
    sought = 3 * known[1] - known[2] + 0.1 * torch.from_numpy(random.standard_normal(3000))
    errors = [abs(float(sought[drawn] @ these / sought.sum()) - 1) for these in (weights, plain)]
    assert errors[0] < 0.01 < errors[1]


def test_a_block_is_longer_than_the_frames_it_shares_with_its_neighbours():
    """A block is mostly its own frames, not its neighbours'."""
    from dstft_cli.optimization.strategies.blocks import frames_at_once

    class Small:
        room, dtype = 1.0, torch.float32
        grid = type("Any", (), {"bins": F, "frames": 10_000, "samples": 80_000})

    assert frames_at_once(Small, 4) == 6 * HALO
    Small.room = 20.01 * HALO * block_bytes(Small.grid, 4, 4)
    assert frames_at_once(Small, 4) == 20 * HALO
    Small.grid.frames, Small.room = 10, 1.0
    assert frames_at_once(Small, 4) == 10
