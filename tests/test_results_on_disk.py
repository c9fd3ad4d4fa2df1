"""``reconstruct`` and ``compare`` of results on disk, block by block: what they give in memory, in many small blocks."""
# ruff: noqa: F811 - fixtures that are imported

from dataclasses import replace

import numpy as np
import pytest
import torch
from out_of_core_runs import SMALL, F, force_out_of_core, signal  # noqa: F401

from dstft_cli import optimize, read_result, write_result
from dstft_cli.stft.frames import Frames
from dstft_cli.stft.normal_equations import NormalEquations
from dstft_cli.stft.plane import Plane
from dstft_cli.stft.windows import get_window
from dstft_cli.workflows.compare import candidates, local_entropies
from dstft_cli.workflows.reconstruct import reconstruct
from dstft_cli.workflows.sharpness import measure

LOSSES = ("entropy", "local-entropy")


@pytest.fixture(scope="module")
def folder(signal, tmp_path_factory):
    """A folder of results on disk, by loss."""
    home = tmp_path_factory.mktemp("on disk")
    with pytest.MonkeyPatch.context() as patch:
        force_out_of_core(patch.setattr)
        for loss in LOSSES:
            settings = {"mode": "tf-varying", "criterion": loss, "steps": 8}
            write_result(optimize(signal, **settings, **SMALL), home / loss, figures=False)
    return home


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr("dstft_cli.stft.plane._BLOCK_BINS", 300 * F)
    monkeypatch.setattr("dstft_cli.workflows.sharpness._BLOCK_BINS", 170 * F)


def in_memory(result):
    samples = replace(result.signal, samples=np.array(result.signal.samples, dtype=np.float64))
    return replace(result, stft=np.array(result.stft), theta=np.array(result.theta), signal=samples)


@pytest.mark.parametrize("masked", [False, True])
def test_the_signal_comes_back_as_from_memory(folder, masked, monkeypatch):
    result = read_result(folder / "entropy")
    mask = np.linspace(1, 0, F)[:, None] if masked else None
    found = reconstruct(result, mask)
    monkeypatch.setattr("dstft_cli.stft.plane._BLOCK_BINS", 1 << 30)
    once = reconstruct(in_memory(result), mask)
    scale = np.abs(once.samples).max()
    assert result.on_disk and found.inverse.converged
    np.testing.assert_allclose(found.samples, once.samples, atol=3e-6 * scale)
    assert found.inverse.residual == pytest.approx(once.inverse.residual, abs=1e-6)
    assert (found.error is None) == masked and (masked or found.error < -80)


@pytest.mark.parametrize("frames", [1, 4, 30])
def test_a_gap_is_found_wherever_blocks_end(frames, monkeypatch):
    """Frames 40 samples apart with windows of 64: they meet, unless two neighbours are short."""
    monkeypatch.setattr("dstft_cli.stft.plane._BLOCK_BINS", frames * F)
    positions = 40.0 * torch.arange(30)

    def gaps(*short: int) -> bool:
        theta = torch.full((F, 30), 64.0)
        theta[5, list(short)] = 24.0
        plane = Plane(theta, torch.float32, theta.device)
        return NormalEquations(plane, Frames.at(positions, 64), get_window("hann"), 1180).has_gaps()

    assert not gaps() and not gaps(7)
    assert all(gaps(n, n + 1) for n in range(29))


def test_measures_are_those_of_the_plane_in_memory(folder):
    results = {loss: read_result(folder / loss) for loss in LOSSES}
    on_disk = candidates(results, [24.0])
    once = candidates({loss: in_memory(result) for loss, result in results.items()}, [24.0])
    for one, other in zip(on_disk, once, strict=True):
        assert not isinstance(one.magnitude, np.ndarray) and one.label == other.label
        assert vars(measure(one)) == pytest.approx(vars(measure(other)), rel=1e-5, nan_ok=True)
    judge = results["local-entropy"]
    values = local_entropies(judge, on_disk)
    assert values == pytest.approx(local_entropies(in_memory(judge), once), rel=1e-5, abs=1e-5)
    assert values[2] == judge.final["local-entropy"]


def test_the_command_compares_and_draws_them(folder, tmp_path, dstft):
    run = dstft("compare", folder / "entropy", folder / "local-entropy", "-o", tmp_path / "a.png")
    assert run.code == 0 and (tmp_path / "a.png").stat().st_size > 1000
    assert "entropy, tf-varying" in run.out
