"""The compiled loss of a plane: equal to that of torch in value and gradient, and used only where it pays."""

import sys

import numpy as np
import pytest
import torch

from dstft_cli import Signal, optimize
from dstft_cli.config.loading import load_config
from dstft_cli.optimization import fused_entropy as module
from dstft_cli.optimization.fused_entropy import FusedEntropy, fused_entropy
from dstft_cli.optimization.problem import Problem
from dstft_cli.stft.window_bank import WindowBank
from dstft_cli.stft.windows import WINDOWS

pytest.importorskip("numba")
SMALL = {"mode": "tf-varying", "criterion": "entropy", "support": 128, "hop": 7, "theta_min": 8}


@pytest.fixture
def recording(two_tones_and_click):
    return Signal(two_tones_and_click, 2000.0, "two tones and a click")


def problem_of(recording, **settings):
    return Problem(recording, load_config(None, [], SMALL | settings), WINDOWS["hann"])


def bank_of(problem):
    return WindowBank(problem.framed_at(problem.positions(64)), problem.grid.theta_min, problem.grid.support, 12)


def random_lengths(bank, low=3.0, high=7.0):
    draw = torch.rand(bank.shape, generator=torch.Generator().manual_seed(3))
    return (low + (high - low) * draw).clamp_(low, high).requires_grad_()


def compare(problem, log_theta=None):
    """Losses and gradients of both ways at the same θ."""
    bank = bank_of(problem)
    log_theta = random_lengths(bank) if log_theta is None else log_theta(bank)
    found = []
    for objective in (
        lambda log_theta: problem.losses(bank.magnitude(log_theta), log_theta, problem.positions(64)),
        FusedEntropy(problem, bank),
    ):
        terms = objective(log_theta)
        (gradient,) = torch.autograd.grad(terms["loss"], log_theta)
        found.append(({name: term.item() for name, term in terms.items()}, gradient))
    return found


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"lambda_": 0.0},
        {"regularizer": "none"},
        {"reduction": "sum", "lambda_": 1e-3, "epsilon": 0.3},
        {"hop": 600},  # two frames
        {"support": 1000, "theta_min": 8.1},
    ],
    ids=str,
)
def test_value_and_gradient_are_those_of_torch(recording, settings, threads):
    torch.set_num_threads(threads)
    try:
        (expected, by_torch), (terms, gradient) = compare(problem_of(recording, **settings))
    finally:
        torch.set_num_threads(1)
    assert terms == pytest.approx(expected, rel=1e-6, abs=1e-7)
    assert (gradient - by_torch).norm() <= 1e-5 * by_torch.norm() and by_torch.norm() > 0


def test_it_reads_anew_where_lengths_have_left_their_nodes(recording):
    problem = problem_of(recording)
    bank = bank_of(problem)
    fused, first = FusedEntropy(problem, bank), random_lengths(bank)
    for change in (0.0, 0.01, 0.4, -0.7):
        log_theta = (first.detach() + change).clamp(3.0, 7.0)
        with torch.no_grad():
            expected = problem.losses(bank.magnitude(log_theta), log_theta, problem.positions(64))["loss"].item()
            assert fused(log_theta)["loss"].item() == pytest.approx(expected, rel=1e-6)


def test_at_one_length_and_at_the_bounds_it_is_that_of_torch(recording):
    for length in (3.0, 5.0, 7.0):
        start = lambda bank, length=length: torch.full(bank.shape, length).requires_grad_()  # noqa: E731
        (expected, by_torch), (terms, gradient) = compare(problem_of(recording), start)
        assert terms == pytest.approx(expected, rel=1e-6, abs=1e-7)
        assert (gradient - by_torch).norm() <= 1e-5 * by_torch.norm()


def test_silent_and_faint_bins_are_those_of_torch():
    samples = np.zeros(1000)
    samples[:200] = np.random.default_rng(0).standard_normal(200)
    samples[500] = 1e-25
    (expected, by_torch), (terms, gradient) = compare(problem_of(Signal(samples, 2000.0, "mostly silent")))
    assert terms == pytest.approx(expected, rel=1e-6) and gradient.isfinite().all()
    assert (gradient - by_torch).norm() <= 1e-5 * by_torch.norm()


def test_the_logarithm_is_precise_to_the_last_bits():
    from dstft_cli.optimization.fused_kernels import _log

    values = np.exp(np.random.default_rng(0).uniform(-69, 80, 20_000)).astype(np.float32)
    values = np.concatenate([values, np.linspace(0.5, 2, 20_000, dtype=np.float32)])
    exact = np.log(values.astype(np.float64))
    errors = np.abs([_log(value) for value in values] - exact)
    assert (errors <= 2.5e-7 * np.maximum(1, np.abs(exact))).all()
    assert _log(np.float32(1)) == 0


def test_a_run_ends_where_it_ends_without(recording, monkeypatch):
    results = []
    for pays in (0, 10**12):
        monkeypatch.setattr(module, "_PAYS", pays)
        results.append(optimize(recording, **SMALL, steps=15))
    fused, plain = results
    assert len(fused.history["loss"]) == len(plain.history["loss"])
    np.testing.assert_allclose(fused.history["loss"], plain.history["loss"], rtol=1e-5)
    assert fused.final["loss"] == pytest.approx(plain.final["loss"], rel=1e-5)
    assert np.median(np.abs(np.log2(fused.theta / plain.theta))) < 1e-3


def test_a_large_plane_is_descended_on_it(recording, monkeypatch):
    monkeypatch.setattr(module, "_PAYS", 0)
    used = []
    monkeypatch.setattr(module, "FusedEntropy", lambda *given: used.append(given) or FusedEntropy(*given))
    optimize(recording, **SMALL, steps=2)
    assert used


@pytest.mark.parametrize(
    "settings",
    [
        {"criterion": "renyi"},
        {"criterion": "kurtosis"},
        {"mode": "time-varying"},
        {"unit": "samples"},
        {"penalty": "coverage"},
        {"dtype": "float64"},
    ],
    ids=str,
)
def test_what_it_does_not_know_is_left_to_torch(recording, settings, monkeypatch):
    monkeypatch.setattr(module, "_PAYS", 0)
    problem = problem_of(recording, **settings)
    assert fused_entropy(problem, bank_of(problem), 100) is None


def test_a_small_run_does_not_load_it(recording):
    problem = problem_of(recording)
    bank = bank_of(problem)
    assert fused_entropy(problem, bank, 100) is None
    assert fused_entropy(problem, bank, 10**6) is not None


@pytest.mark.parametrize("error", [ImportError, RuntimeError])
def test_where_numba_is_missing_or_has_no_folder_torch_does_it(recording, monkeypatch, error):
    class Refused:
        def find_spec(self, name, *_):
            if name.endswith("fused_kernels"):
                raise error("no locator available")

    monkeypatch.delitem(sys.modules, "dstft_cli.optimization.fused_kernels", raising=False)
    monkeypatch.delattr("dstft_cli.optimization.fused_kernels", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Refused(), *sys.meta_path])
    monkeypatch.setattr(module, "_PAYS", 0)
    problem = problem_of(recording)
    assert fused_entropy(problem, bank_of(problem), 100) is None
