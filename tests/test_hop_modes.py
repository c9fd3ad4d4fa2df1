"""What a caller can say of runs whose frames move, what stops them, and signals that try them."""

import math
from itertools import product

import numpy as np
import pytest
from optimization_runs import (
    CRITERIA,
    HOP,
    ROUNDING,
    SAMPLES,
    SUPPORT,
    check_sound,
    error,
    exact,
    random_signal,
    same_bits,
    settings_of,
    signal,
    textbook,
)
from torch.autograd import gradcheck

from dstft_cli import optimize
from dstft_cli.errors import DivergedError, InputError
from dstft_cli.optimization.criteria import entropy, kurtosis
from dstft_cli.optimization.loss import coverage_penalty
from dstft_cli.optimization.run import OptimizationRun
from dstft_cli.stft.modes import CONSTANT_HOP, FIXED_HOP, HOP_MODES, OVERLAP, VARYING_HOP

MOVING = HOP_MODES[1:]
LEARNT = (CONSTANT_HOP, VARYING_HOP)  # frames that have something of their own to learn
SHARE = 0.25  # of a window, in hop mode overlap where nothing is said
CLICKS = signal(np.where(np.arange(SAMPLES) % 100 == 50, 5.0, 0.0) + random_signal(1).samples * 0.01)


def run(hop_mode: str, recording=None, **settings):
    """A small time-varying run of eight steps, but for what is said otherwise."""
    recording = random_signal(3) if recording is None else recording
    return optimize(recording, **{"mode": "time-varying", "steps": 8, **settings_of(hop_mode), **settings})


def start(hop_mode: str, theta: float) -> np.ndarray:
    """Where frames lie before any has moved, with windows of that many samples."""
    hop = SHARE * theta if hop_mode == OVERLAP else HOP
    return hop * np.arange(1 + math.floor(SAMPLES / hop))


@pytest.mark.parametrize("hop_mode", MOVING)
class TestStart:
    @pytest.mark.parametrize("theta", [None, 25.5])
    def test_no_steps_transforms_where_the_run_would_begin(self, hop_mode, theta):
        result = run(hop_mode, steps=0, theta=theta)
        first = theta or SUPPORT / 2
        assert (result.theta == first).all()
        np.testing.assert_allclose(result.frame_positions, start(hop_mode, first), rtol=ROUNDING)
        assert np.abs(result.stft - exact(result)).max() < 1e-5
        assert (result.steps, result.stop_reason) == (0, "steps")

    def test_theta_is_the_first_window(self, hop_mode):
        before, result = (run(hop_mode, criterion="entropy", theta=20, **more) for more in ({"steps": 0}, {}))
        assert result.first_theta == 20
        assert result.initial == before.final
        assert result.initial["entropy"] == pytest.approx(textbook("entropy", np.abs(exact(before))), rel=1e-4)

    def test_without_theta_it_begins_at_the_best_constant_window(self, hop_mode):
        still = OVERLAP if hop_mode == OVERLAP else FIXED_HOP
        best = run(still, mode="constant", criterion="entropy", penalty="none", steps=60)
        result = run(hop_mode, criterion="entropy", penalty="none", steps=60, patience=1)
        assert result.initial["loss"] == pytest.approx(best.final["loss"], abs=1e-6)
        assert result.first_theta == pytest.approx(best.theta.item(), rel=1e-6)

    def test_mode_fixed_keeps_its_window(self, hop_mode):
        result = run(hop_mode, mode="fixed", theta=25.5)
        assert result.theta.item() == pytest.approx(25.5, rel=1e-6)
        moved = not np.allclose(result.frame_positions, start(hop_mode, 25.5))
        assert moved == (hop_mode in LEARNT)


@pytest.mark.parametrize("hop_mode", LEARNT)
class TestLearntFrames:
    def test_frames_stay_where_only_windows_may_move(self, hop_mode):
        result = run(hop_mode, position_rate=1e-9, theta=20, **{"lambda": 0})
        np.testing.assert_allclose(result.frame_positions, start(hop_mode, 20), atol=1e-3)
        assert np.abs(np.log2(result.theta / 20)).max() > 0.5

    def test_windows_stay_where_only_frames_may_move(self, hop_mode):
        result = run(hop_mode, learning_rate=1e-9, theta=20)
        np.testing.assert_allclose(result.theta, 20, rtol=1e-4)
        assert np.abs(result.frame_positions - start(hop_mode, 20)).max() > 2

    def test_steps_however_long_keep_frames_in_order_and_apart(self, hop_mode):
        for hop_min in (0.2, 4, 15):
            check_sound(run(hop_mode, position_rate=5, learning_rate=5, hop_min=hop_min, schedule="constant", steps=15))

    def test_frames_that_are_pulled_together_stop_at_the_least_hop(self, hop_mode):
        pull = {"penalty": lambda positions, _, samples: positions.mean() / samples, "penalty_weight": 1e3}
        gaps = np.diff(run(hop_mode, hop_min=6, theta=20, position_rate=1, steps=40, **pull).frame_positions)
        assert gaps.min() >= 6 * (1 - ROUNDING)
        assert gaps[:5].max() < 6.1

    def test_with_no_room_between_frames_only_that_at_the_end_is_used(self, hop_mode):
        """38 frames 16 samples apart end at sample 592 of 600."""
        result = run(hop_mode, hop_min=HOP, position_rate=1, steps=15)
        ahead = result.frame_positions - start(hop_mode, 20)
        assert ahead.max() > 4
        assert (np.diff(ahead) > -1e-6).all() and ahead[-1] <= 8 + 1e-6

    def test_with_no_room_at_all_frames_stay_and_windows_are_learnt(self, hop_mode):
        result = run(hop_mode, random_signal(3, HOP * 37), hop_min=HOP, position_rate=1, theta=20)
        np.testing.assert_allclose(result.frame_positions, HOP * np.arange(38), rtol=ROUNDING)
        assert result.final["loss"] < result.initial["loss"]

    @pytest.mark.parametrize("criterion", CRITERIA)
    def test_a_single_frame_stays_at_0_and_learns_its_window(self, hop_mode, criterion):
        result = run(hop_mode, random_signal(0, 300), hop=700, theta=20, theta_min=8, criterion=criterion)
        check_sound(result)
        assert result.frame_positions.tolist() == [0.0]
        assert result.final["loss"] < result.initial["loss"]
        assert result.hop == 700 if hop_mode == CONSTANT_HOP else result.hop.shape == (0,)

    def test_a_heavy_penalty_closes_gaps_that_none_leaves_open(self, hop_mode):
        settings = {"criterion": "entropy", "hop": 32, "theta_min": 8, "theta": 12, "steps": 40}
        left, closed = (run(hop_mode, CLICKS, penalty_weight=weight, **settings) for weight in (0, 1e4))
        assert left.measures["coverage"]["final"] < 0.7
        assert closed.measures["coverage"]["final"] > 0.99


@pytest.mark.parametrize("hop_mode", MOVING)
class TestLoss:
    def test_kurtosis_is_not_regularised_unless_asked(self, hop_mode):
        free, smooth = (run(hop_mode, criterion="kurtosis", theta=20, **setting) for setting in ({}, {"lambda": 0.5}))
        assert np.ptp(free.theta) > 1 and (free.history["regularization"] == 0).all()
        assert smooth.history["regularization"][0] == 0 < smooth.history["regularization"][-1]

    def test_a_penalty_is_there_unless_it_is_none_and_weighs_what_is_said(self, hop_mode):
        default, none = run(hop_mode), run(hop_mode, penalty="none")
        assert ("penalty" in default.history) == (hop_mode in LEARNT)
        assert "penalty" not in none.history
        weighed = [
            run(hop_mode, penalty="coverage", penalty_weight=weight, steps=0, theta=25.5) for weight in (0, 1, 1e4)
        ]
        penalties = [result.final["penalty"] for result in weighed]
        assert penalties[0] == 0 < penalties[1]
        assert penalties[2] == pytest.approx(1e4 * penalties[1])

    def test_a_callable_that_is_a_named_criterion_gives_the_same_run(self, hop_mode):
        def concentration(size):
            return -kurtosis(size).log()

        named = run(hop_mode, criterion="kurtosis")
        own = run(
            hop_mode, criterion=concentration, penalty="none" if hop_mode == OVERLAP else "coverage", **{"lambda": 0}
        )
        assert own.final["loss"] == named.final["loss"]
        np.testing.assert_array_equal(own.theta, named.theta)
        np.testing.assert_array_equal(own.frame_positions, named.frame_positions)

    def test_a_callable_that_is_the_named_penalty_gives_the_same_run(self, hop_mode):
        named, own = (run(hop_mode, penalty=penalty) for penalty in ("coverage", lambda *a: coverage_penalty(*a)))
        assert same_bits(named, own)

    def test_a_callable_penalty_is_told_samples_and_steers_windows(self, hop_mode):
        told = set()

        def penalty(positions, theta, samples):
            lengths = theta.detach()
            told.add((samples, theta.shape == (1, len(positions)) or theta.numel() == 1, positions[0].item()))
            assert 7.99 < lengths.min() and lengths.max() < 64.01
            return (theta.log2() - math.log2(30)).square().mean()

        result = run(hop_mode, penalty=penalty, penalty_weight=1e3, theta=12, steps=60, learning_rate=0.1)
        assert told == {(SAMPLES, True, 0.0)}
        np.testing.assert_allclose(result.theta, 30, rtol=0.05)

    @pytest.mark.parametrize(
        "own",
        [
            {"criterion": lambda size: size.sum(0)},
            {"penalty": lambda positions, *_: positions},
            {"penalty": lambda *_: 1.0},
        ],
        ids=["criterion", "penalty", "no tensor"],
    )
    def test_a_callable_that_gives_no_single_number_is_refused(self, hop_mode, own):
        with pytest.raises(InputError, match="one number"):
            run(hop_mode, **own)


def stopping(phase: str, index: int):
    return lambda step: (step.phase, step.index) == (phase, index)


def not_finite(at: int):
    """Entropy that is not finite at that evaluation of the descent."""
    calls = iter(range(10**9))
    return lambda size: entropy(size) * (math.nan if size.requires_grad and next(calls) == at else 1.0)


@pytest.mark.parametrize("hop_mode", MOVING)
class TestStops:
    @pytest.mark.parametrize(
        ("phase", "index"), [("search", 0), ("search", 5), ("descent", 0), ("descent", 3), ("verify", 0)]
    )
    def test_a_caller_who_stops_it_gets_a_sound_result(self, hop_mode, phase, index):
        result = run(hop_mode, on_step=stopping(phase, index))
        check_sound(result)
        assert error(result) <= 1.2e-4
        assert (result.stop_reason, result.complete) == ("interrupted", False)
        assert result.steps == {"search": 0, "descent": index, "verify": 8}[phase]

    @pytest.mark.parametrize("at", [1, 6])
    def test_a_loss_that_is_not_finite_ends_it_with_the_last_good_state(self, hop_mode, at):
        result = run(hop_mode, criterion=not_finite(at), theta=20)
        before = run(hop_mode, criterion=not_finite(-1), theta=20, steps=at - 1)
        check_sound(result)
        assert (result.stop_reason, result.steps, result.complete) == ("diverged", at - 1, False)
        np.testing.assert_array_equal(result.theta, before.theta)
        np.testing.assert_array_equal(result.frame_positions, before.frame_positions)

    def test_a_loss_that_is_never_finite_is_an_error(self, hop_mode):
        with pytest.raises(DivergedError, match="not finite"):
            run(hop_mode, criterion=lambda size: entropy(size) * math.nan)


@pytest.mark.parametrize(("hop_mode", "mode"), [*product(MOVING, ("time-varying",)), *product(LEARNT, ("tf-varying",))])
def test_the_same_run_twice_gives_the_same_bits(hop_mode, mode):
    assert same_bits(*(run(hop_mode, mode=mode, steps=4) for _ in range(2)))


HALVES = np.arange(SAMPLES) < SAMPLES // 2
QUIET = {
    "silent at first": signal(random_signal(3).samples * ~HALVES),
    "silent at last": signal(random_signal(3).samples * HALVES),
    "a click in silence": signal(np.eye(1, SAMPLES, 301)[0]),
}


ORDERS = {"renyi of order 0.5": ("renyi", 0.5)}
SILENCES = [  # every hop mode with every criterion; the recordings and the window modes take turns
    (
        hop_mode,
        criterion,
        [*QUIET][(i + j) % 3],
        "tf-varying" if hop_mode != OVERLAP and (i + j) % 2 else "time-varying",
    )
    for i, hop_mode in enumerate(MOVING)
    for j, criterion in enumerate([*CRITERIA, *ORDERS])
]


@pytest.mark.parametrize(("hop_mode", "criterion", "recording", "mode"), SILENCES)
def test_digital_silence_does_no_harm(recording, criterion, hop_mode, mode):
    name, order = ORDERS.get(criterion, (criterion, 3.0))
    result = run(hop_mode, QUIET[recording], mode=mode, criterion=name, order=order)
    check_sound(result)
    assert result.stop_reason != "diverged"
    assert result.steps >= 1


@pytest.mark.parametrize("hop_mode", MOVING)
def test_float64_keeps_its_precision(hop_mode):
    result = run(hop_mode, dtype="float64")
    assert (result.stft.dtype, result.theta.dtype) == (np.complex128, np.float64)
    assert error(result) < 1e-12
    assert result.final["loss"] < run(hop_mode, dtype="float64", steps=0).final["loss"]


@pytest.mark.parametrize("hop_mode", MOVING)
def test_the_loss_has_the_gradient_of_its_value(hop_mode, monkeypatch):
    """With respect to windows and to frames, also where it is the windows that move the frames."""
    descents = []

    def descend(self, objective, variables, steps):
        descents.append((objective, [variable.start.detach().requires_grad_() for variable in variables]))
        return real(self, objective, variables, steps)

    real = OptimizationRun.descend
    monkeypatch.setattr(OptimizationRun, "descend", descend)
    run(hop_mode, theta=23.7, steps=1, dtype="float64")
    objective, values = descents[0]
    assert gradcheck(lambda *given: objective(*given)["loss"], values, fast_mode=True, atol=1e-7)
