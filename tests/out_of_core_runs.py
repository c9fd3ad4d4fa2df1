"""What tests of runs out of core share: a signal, and settings that make any run work out of core."""

import numpy as np
import pytest

from dstft_cli import Signal
from dstft_cli.optimization.resources import ResourcePlan

RATE, F = 8000, 33
SMALL = {"support": 64, "hop": 16, "theta_min": 16, "threads": 1}


def voice(samples: int) -> np.ndarray:
    """Gliding tones that come and go, clicks and noise."""
    t, random = np.arange(samples) / RATE, np.random.default_rng(0)
    glide = np.sin(2 * np.pi * (900 * t - 60 * np.cos(2 * np.pi * 1.1 * t))) * (np.sin(2 * np.pi * 0.9 * t) > 0)
    clicks = (np.arange(samples) % 1700 == 0) * 1.5
    return glide + 0.5 * np.sin(2 * np.pi * 2500 * t) + clicks + 0.05 * random.standard_normal(samples)


@pytest.fixture(scope="module")
def signal() -> Signal:
    return Signal(voice(24000), RATE, "voice")


def force_out_of_core(setattr, frames: int = 130) -> None:
    """Makes every run work out of core, in steps of so many frames and with room for blocks of some 400 frames.

    setattr: as that of pytest's MonkeyPatch.
    """
    plan = ResourcePlan(0.0, 0.0, 0.0, 0.0, long=True, room=4 * (2 * 16 + 26) * F * 450)
    for home in ("optimization.optimize", "workflows.optimize_file"):
        setattr(f"dstft_cli.{home}.plan_signal", lambda *args, **rest: plan)
    setattr("dstft_cli.optimization.problem._BLOCK_BINS", 200 * F)
    setattr("dstft_cli.optimization.transformed_plane._BLOCK_BINS", frames * F)


@pytest.fixture
def out_of_core(monkeypatch):
    force_out_of_core(monkeypatch.setattr)


@pytest.fixture
def no_figures(monkeypatch):
    """Results are written without their pictures, which take longer than small runs."""
    monkeypatch.setattr("dstft_cli.workflows.optimize_file._write_figures", lambda result, folder: None)
