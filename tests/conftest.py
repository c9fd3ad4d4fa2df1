"""What tests share: signals with known truth, real recordings where they are, and devices."""

import os
import signal
from pathlib import Path
from types import SimpleNamespace

# Before torch is loaded: threads that spin would fight over the cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # of commands in processes of their own, too

import numpy as np
import pytest
import torch

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as shells have it for what they run in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)

torch.set_num_threads(1)  # planes are small here, and several tests run at a time

SAMPLES = Path(__file__).resolve().parent.parent / "sample_data"
_REAL = Path(os.environ.get("DSTFT_TEST_DATA", SAMPLES.parent.parent / "shared" / "data" / "signals"))


@pytest.fixture
def sample_data() -> Path:
    """The folder of synthetic recordings that comes with the project."""
    return SAMPLES


@pytest.fixture
def real_data() -> Path:
    """The folder of real recordings; the test is skipped where it is absent."""
    if not _REAL.is_dir():
        pytest.skip("real recordings are not here")
    return _REAL


@pytest.fixture
def cuda() -> torch.device:
    """The GPU; the test is skipped where there is none."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA GPU here")
    return torch.device("cuda")


@pytest.fixture
def noise() -> torch.Tensor:
    """300 samples of white noise, float64."""
    return torch.randn(300, dtype=torch.float64, generator=torch.Generator().manual_seed(5))


@pytest.fixture
def two_tones_and_click() -> np.ndarray:
    """0.5 s at 2 kHz: tones of 200 and 610 Hz, a click at sample 500, a little noise."""
    time = np.arange(1000) / 2000
    signal = np.sin(2 * np.pi * 200 * time) + 0.5 * np.sin(2 * np.pi * 610 * time)
    signal[500] += 20
    return signal + 0.01 * np.random.default_rng(1).standard_normal(1000)


@pytest.fixture
def dstft(capsys):
    """Runs the command: its exit code and what it wrote to stdout and stderr."""

    from dstft_cli.cli import main

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main([*map(str, arguments)], prog_name="dstft")
        said = capsys.readouterr()
        return SimpleNamespace(code=end.value.code, out=said.out, err=said.err)

    return run
