"""What a run gives: arrays, metrics and configuration, and the names of their files."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from ..config.grid import Grid
from ..config.loading import Config
from ..recordings.signal import Signal
from ..stft.checked_transform import Accuracy
from ..stft.framed_signal import FramedSignal
from ..stft.frames import Frames
from ..stft.modes import CONSTANT_HOP, FIXED_HOP, OVERLAP, VARYING_HOP
from ..stft.transform import dstft
from ..stft.windows import Window
from ..system.devices import DTYPES
from ..system.disk_arrays import min_median_max, on_disk
from ..text import one_line
from .metrics import (
    BankFacts,
    Change,
    ErrorSample,
    Extent,
    GridFacts,
    InputFacts,
    Metrics,
    Narrowing,
    Remark,
    Seconds,
    WindowLengths,
    annotation_facts,
)
from .progress import CONVERGED, PATIENCE, STEPS
from .versions import SCHEMA_VERSION, versions

ARRAYS, METRICS, CONFIG = "result.npz", "metrics.json", "config.yaml"
TRACK = "track.csv"  # in the folder of a track, which has metrics.json too
COMPLETE = (CONVERGED, PATIENCE, STEPS)
BESIDE = ("stft", "theta", "signal")
"""Arrays that have a file of their own, result-NAME.npy, where they are too large for memory: ``numpy.load(file, mmap_mode="r")``."""
_EXTENT = (np.min, np.median, np.max)


@dataclass
class Result:
    """The optimal spectrogram of one signal and how it was found.

    signal: the samples analysed, (N,), and their origin.
    config: the settings of the run.
    criterion: the name of what was optimised; "custom" for a callable.
    stft: S, (F, T) complex, in the signal's unit.
    theta: window lengths in samples, (1, 1), (1, T), (F, 1) or (F, T).
    frame_positions: frame centres in samples, (T,); sample 0 is the first one analysed.
    grid: support, hops and shortest window length, in samples.
    window: the window family.
    history: the loss and its terms over the steps, (steps + 1,) each: the criterion itself, the other terms weighted.
    final: the same terms for the transform as returned.
    measures: entropy, kurtosis and coverage (0 to 1), {initial, final} each.
    first_theta: the constant window length, in samples, that the run set out from.
    curve: constant window lengths in samples, increasing, and the loss and the criterion at each, (K,) each; K = 0 where no
        curve was computed.
    accuracy: the error of stft at random bins.
    bank: the error of the interpolated transform that the steps used, None where they used none.
    narrowing: the result beside the best constant window; None where there is nothing to compare.
    stop_reason: why the run stopped, as in ``progress``.
    device: what it ran on, as torch names it.
    threads: CPU threads.
    seconds: how long each phase took.
    chosen: the lengths of the section transform that were ``auto`` and were chosen from the recording.
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
    narrowing: Narrowing | None
    stop_reason: str
    device: str
    threads: int
    seconds: dict[str, float]
    chosen: tuple[str, ...] = ()

    @property
    def sample_rate(self) -> float:
        """Hz."""
        return self.signal.sample_rate

    @property
    def mode(self) -> str:
        """Which window lengths were learnt."""
        return self.config.transform.mode

    @property
    def hop_mode(self) -> str:
        """Which frames moved."""
        return self.config.transform.hop_mode

    @property
    def placed(self) -> bool:
        """True where no frame moved on its own: the hop, or the window lengths, give all positions."""
        return self.hop_mode in (FIXED_HOP, OVERLAP)

    @property
    def hop(self) -> float | np.ndarray:
        """H in samples: one number, or t_{n+1} - t_n, (T - 1,), where each frame has its own position."""
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
        """(θ in samples, criterion) of the best constant window, None where none was searched for."""
        lengths, losses, values = self.curve
        return (float(lengths[losses.argmin()]), float(values[losses.argmin()])) if len(lengths) else None

    @property
    def steps(self) -> int:
        """How many steps the run took."""
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
            min_median_max(self.theta) if on_disk(self.theta) else [float(f(self.theta)) for f in _EXTENT]
        )
        return least, median, greatest

    @property
    def on_disk(self) -> bool:
        """True where the spectrogram stays on disk: ``stft``, and other arrays of its size, are then read-only maps of files."""
        return on_disk(self.stft)

    def arrays(self) -> dict[str, np.ndarray]:
        """What result.npz holds, by name; on disk, what it and the files beside it (BESIDE) hold."""
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

    def metrics(self) -> Metrics:
        """What metrics.json holds."""
        changes = {name: Change(initial=self.initial[name], final=last) for name, last in self.final.items()}
        changes = {name: Change(**pair) for name, pair in self.measures.items()} | changes
        best = self.best_constant
        return Metrics(
            mode=self.mode,
            hop_mode=self.hop_mode,
            criterion=self.criterion,
            stop_reason=self.stop_reason,
            steps=self.steps,
            **changes,
            theta=self._window_lengths(),
            best_constant=None if best is None else {"theta": best[0], self.criterion: best[1]},
            narrowing=self.narrowing,
            accuracy=ErrorSample(**vars(self.accuracy)),
            bank=None if self.bank is None else BankFacts(**self.bank),
            geometry=self._grid_facts(),
            chosen=list(self.chosen),
            seconds=self._seconds(),
            device=self.device,
            dtype=self.config.run.dtype,
            threads=self.threads,
            seed=self.config.run.seed,
            input=self._input_facts(),
            notes=[Remark(severity=note.severity, text=note.text) for note in self.signal.notes],
            versions=versions(),
        )

    def _window_lengths(self) -> WindowLengths:
        seconds = [length / self.sample_rate for length in self.extent]
        return WindowLengths(samples=_extent(self.extent), seconds=_extent(seconds))

    def _grid_facts(self) -> GridFacts:
        hop = self.hop
        if np.ndim(hop) == 1:
            hops = hop if len(hop) else np.array([self.grid.hop])
            hop = _extent([float(f(hops)) for f in _EXTENT])
        return GridFacts(
            support=self.support,
            hop=hop,
            theta_min=self.grid.theta_min,
            frames=len(self.frame_positions),
            bins=self.grid.bins,
            window=self.window.name,
        )

    def _seconds(self) -> Seconds:
        seconds = {"total": sum(self.seconds.values()), **self.seconds}
        return Seconds(**{name: round(value, 4) for name, value in seconds.items()})

    def _input_facts(self) -> InputFacts:
        signal = self.signal
        return InputFacts(
            name=one_line(Path(signal.path).name if signal.path else signal.name),
            sha256=signal.sha256,
            sample_rate=signal.sample_rate,
            samples=len(signal.samples),
            channel=signal.channel,
            channels=list(signal.channels),
            start=signal.start,
            unit=signal.unit,
            **({} if signal.began is None else {"began": signal.began}),
            **({"metadata": dict(signal.metadata)} if signal.metadata else {}),
            **({} if signal.annotations is None else {"annotations": annotation_facts(signal.annotations)}),
        )


def _extent(lengths: Sequence[float]) -> Extent:
    least, median, greatest = lengths
    return Extent(min=least, median=median, max=greatest)


def reference(result: Result, length: float) -> tuple[np.ndarray, np.ndarray]:
    """The magnitude of the result's signal with one constant window, on frames that have not moved.

    result: the result, of N samples.
    length: the window length in samples.

    Returns |S|, (F, T), in the signal's unit, and the frame centres in s from the first sample analysed, (T,).
    """
    samples = torch.tensor(result.signal.samples, dtype=DTYPES[result.config.run.dtype])
    positions = result.grid.positions(length, torch.device("cpu"))
    framed = FramedSignal(samples, positions, result.support, result.window)
    values = framed.magnitude_at_any_level(length).numpy()
    return values, positions.numpy() / result.sample_rate


def reference_columns(result: Result, length: float, first: int, last: int) -> np.ndarray:
    """Frames first to last - 1 of the magnitude that ``reference`` gives, (F, last - first)."""
    frames = Frames.at(result.grid.positions(length, torch.device("cpu")), result.support)
    begin, end, frames = frames.near(first, last, len(result.signal.samples))
    samples = torch.tensor(result.signal.samples[begin:end], dtype=DTYPES[result.config.run.dtype])
    with torch.no_grad():
        return dstft(samples, length, frames, result.support, result.window).abs().numpy()
