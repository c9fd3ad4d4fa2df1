"""What a run gives: arrays, metrics and config, and the names they have on disk."""

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from ..config.grid import Grid
from ..config.loading import Config
from ..recordings.signal import Signal
from ..stft.checked_transform import Accuracy
from ..stft.modes import CONSTANT_HOP, FIXED_HOP, OVERLAP, VARYING_HOP
from ..stft.transform import dstft
from ..stft.windows import Window
from ..system.devices import DTYPES
from ..system.disk_arrays import on_disk, quantities
from ..text import one_line
from .progress import CONVERGED, PATIENCE, STEPS
from .versions import versions

SCHEMA_VERSION = 3
ARRAYS, METRICS, CONFIG = "result.npz", "metrics.json", "config.yaml"
COMPLETE = (CONVERGED, PATIENCE, STEPS)
BESIDE = ("stft", "theta", "signal")
"""What lies in result-NAME.npy beside result.npz where the plane is too long for memory: ``numpy.load(file, mmap_mode="r")``."""
_EXTENT = (np.min, np.median, np.max)


@dataclass
class Result:
    """The optimal spectrogram of one signal and how it was found.

    stft: (F, T) complex. theta: window lengths in samples, (1, 1), (1, T), (F, 1) or (F, T).
    frame_positions: (T,) samples; sample 0 is the first one analysed.
    geometry: support, hops and least window length in samples. window: the family. criterion: the name of what was optimised.
    history: the loss and its terms over steps, (steps + 1,) each: the criterion as the field knows it, the others weighted.
    final: the same terms for the transform as it is returned.
    measures: entropy, kurtosis and true coverage, {initial, final} each. first_theta: the constant window length, in
        samples, that the run set out from.
    curve: constant window lengths in samples, increasing, the loss and the criterion at each; empty where none was computed.
    accuracy: stft against the exact transform at random bins.
    bank: how true the interpolation was that the run stepped on, or None where it used none.
    seconds: how long each part took.
    """

    signal: Signal
    config: Config
    criterion: str
    stft: np.ndarray
    theta: np.ndarray
    frame_positions: np.ndarray
    grid: Grid
    window: Window
    history: dict[str, np.ndarray]
    final: dict[str, float]
    measures: dict[str, dict[str, float]]
    first_theta: float
    curve: tuple[np.ndarray, np.ndarray, np.ndarray]
    accuracy: Accuracy
    bank: dict[str, float] | None
    stop_reason: str
    device: str
    threads: int
    seconds: dict[str, float]

    @property
    def sample_rate(self) -> float:
        """Hz."""
        return self.signal.sample_rate

    @property
    def mode(self) -> str:
        return self.config.transform.mode

    @property
    def hop_mode(self) -> str:
        return self.config.transform.hop_mode

    @property
    def placed(self) -> bool:
        """True where no frame moved of its own: each lies where the hop, or the windows, say."""
        return self.hop_mode in (FIXED_HOP, OVERLAP)

    @property
    def hop(self) -> float | np.ndarray:
        """H in samples: one number, or with frames that each have their own place t_{n+1} - t_n, (T - 1,)."""
        if self.hop_mode == OVERLAP and self.theta.size == 1:
            return self.grid.overlap * self.theta.item()
        if self.hop_mode in (VARYING_HOP, OVERLAP):
            return np.diff(self.frame_positions)
        if self.hop_mode == CONSTANT_HOP and len(self.frame_positions) > 1:
            return float(self.frame_positions[1])
        return self.grid.hop

    @property
    def support(self) -> int:
        """L in samples."""
        return self.grid.support

    @property
    def initial(self) -> dict[str, float]:
        """The loss and its terms for the constant window that the run set out from."""
        return {name: float(values[0]) for name, values in self.history.items()}

    @property
    def best_constant(self) -> tuple[float, float] | None:
        """(θ in samples, criterion) of the best constant window, None where none was looked for."""
        lengths, losses, values = self.curve
        return (float(lengths[losses.argmin()]), float(values[losses.argmin()])) if len(lengths) else None

    @property
    def steps(self) -> int:
        return len(self.history["loss"]) - 1

    @property
    def times(self) -> np.ndarray:
        """Frame centres in s from the first sample analysed, (T,)."""
        return self.frame_positions / self.sample_rate

    @property
    def frequencies(self) -> np.ndarray:
        """Bin centres in Hz, (F,)."""
        return self.grid.frequencies(self.sample_rate)

    @property
    def magnitude(self) -> np.ndarray:
        """|S|, (F, T); half the amplitude of a steady tone."""
        return np.abs(self.stft)

    @property
    def complete(self) -> bool:
        """False where the run was interrupted or diverged."""
        return self.stop_reason in COMPLETE

    @cached_property
    def extent(self) -> tuple[float, float, float]:
        """The least, the median and the greatest window length, in samples."""
        least, median, greatest = (
            quantities(self.theta) if on_disk(self.theta) else [float(f(self.theta)) for f in _EXTENT]
        )
        return least, median, greatest

    @property
    def on_disk(self) -> bool:
        """True where the plane stays on disk: ``stft``, and what else is of its size, are then read-only maps of files."""
        return on_disk(self.stft)

    def arrays(self) -> dict[str, np.ndarray]:
        """What result.npz holds, by name; of a plane on disk, it and the files beside it (BESIDE)."""
        samples = self.signal.samples
        return {
            "stft": self.stft.astype(np.complex64, copy=False),
            "theta": self.theta,
            "frame_positions": self.frame_positions,
            "times": self.times,
            "frequencies": self.frequencies,
            "sample_rate": np.float64(self.sample_rate),
            "support": np.int64(self.support),
            "hop": np.float64(self.hop),
            "hop_mode": np.str_(self.hop_mode),
            "window": np.str_(self.window.name),
            "mode": np.str_(self.mode),
            "start": np.float64(self.signal.start),
            "signal": samples if self.on_disk else samples.astype(self.config.run.dtype),
            "first_theta": np.float64(self.first_theta),
            "curve": np.stack(self.curve),
            "schema_version": np.int64(SCHEMA_VERSION),
            **{f"{name}_history": values for name, values in self.history.items()},
        }

    def metrics(self) -> dict:
        """What metrics.json holds: strict JSON, every figure finite."""
        best = self.best_constant
        return {
            "schema_version": SCHEMA_VERSION,
            "mode": self.mode,
            "hop_mode": self.hop_mode,
            "criterion": self.criterion,
            "stop_reason": self.stop_reason,
            "steps": self.steps,
            **{name: {"initial": self.initial[name], "final": self.final[name]} for name in self.final},
            **{name: pair for name, pair in self.measures.items() if name not in self.final},
            "theta": self._theta_summary(),
            "best_constant": None if best is None else {"theta": best[0], self.criterion: best[1]},
            "accuracy": vars(self.accuracy),
            "bank": self.bank,
            "geometry": {
                "support": self.support,
                "hop": self._hop_summary(),
                "theta_min": self.grid.theta_min,
                "frames": len(self.frame_positions),
                "bins": self.grid.bins,
                "window": self.window.name,
            },
            "seconds": {name: round(value, 4) for name, value in self.seconds.items()},
            "device": self.device,
            "dtype": self.config.run.dtype,
            "threads": self.threads,
            "seed": self.config.run.seed,
            "input": self._input(),
            "notes": [asdict(note) for note in self.signal.notes],
            "versions": versions(),
        }

    def _hop_summary(self) -> float | dict[str, float]:
        """The hop in samples, or the least, median and greatest of them."""
        if np.ndim(self.hop) == 0:
            return self.hop
        hops = self.hop if len(self.hop) else np.array([self.grid.hop])
        return {name: float(f(hops)) for name, f in (("min", np.min), ("median", np.median), ("max", np.max))}

    def _theta_summary(self) -> dict[str, dict[str, float]]:
        values = self.extent
        names = ("min", "median", "max")
        return {
            "samples": dict(zip(names, values, strict=True)),
            "seconds": {name: value / self.sample_rate for name, value in zip(names, values, strict=True)},
        }

    def _input(self) -> dict:
        signal = self.signal
        return {
            "name": one_line(Path(signal.path).name if signal.path else signal.name),
            "sha256": signal.sha256,
            "sample_rate": signal.sample_rate,
            "samples": len(signal.samples),
            "channel": signal.channel,
            "channels": list(signal.channels),
            "start": signal.start,
            "unit": signal.unit,
        }


def reference(result: Result, length: float) -> tuple[np.ndarray, np.ndarray]:
    """|S| (F, T) of the result's signal with one constant window of that many samples on frames that have not moved.

    Also their times in s, (T,).
    """
    samples = torch.tensor(result.signal.samples, dtype=DTYPES[result.config.run.dtype])
    positions = result.grid.positions(length, torch.device("cpu"))
    with torch.no_grad():
        values = dstft(samples, length, positions, result.support, result.window).abs().numpy()
    return values, positions.numpy() / result.sample_rate
