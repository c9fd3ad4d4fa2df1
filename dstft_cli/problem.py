"""What one run is about and does not change: the signal on its device, the plane, the window, the loss."""

import math

import numpy as np
import torch
from torch import Tensor

from .config import Config
from .criteria import CRITERIA, REGULARIZERS, magnitude
from .devices import DTYPES, free_bytes, get_device
from .errors import DivergedError, InputError
from .final import final_transform
from .frames import Frames
from .geometry import get_geometry
from .modes import theta_shape
from .signals import Signal
from .transform import dstft, dstft_magnitude
from .verify import Accuracy, check
from .windows import Window

_LEAST_PEAK, _MOST_PEAK = 1e-30, 1e30  # of samples, so that S fits complex64


class Problem:
    """The loss of Eq. (27) for one signal.

    samples: (N,) on the device, in units of ``scale``. positions: (T,) samples. geometry: support, hop and bounds of θ in samples.
    Raises InputError or DeviceError where config and signal do not fit.
    """

    def __init__(self, signal: Signal, config: Config, window: Window):
        self.signal, self.config, self.window = signal, config, window
        self.mode, self.name = config.transform.mode, config.loss.criterion
        self.device = get_device(config.run.device)
        try:
            self.geometry = get_geometry(config, signal.sample_rate, len(signal.samples))
        except InputError as error:
            raise InputError(f"{signal.where}: {error}") from None
        self.check_memory(0)
        peak = np.abs(signal.samples).max()
        if not _LEAST_PEAK <= peak <= _MOST_PEAK:
            raise InputError(
                f"{signal.where}: the largest sample is {peak:g}; between {_LEAST_PEAK:g} and {_MOST_PEAK:g} the result keeps its "
                "precision: bring the samples to another unit"
            )
        # A power of two is divided out exactly, so that no unit of the samples is too small or too great for a float.
        self.scale = 2.0 ** math.floor(math.log2(peak))
        self.samples = torch.as_tensor(signal.samples / self.scale, dtype=DTYPES[config.run.dtype], device=self.device)
        self.positions = self.geometry.positions(self.device)
        self.criterion = CRITERIA[self.name]
        self._plane = Frames.at(self.positions, self.geometry.support), self.geometry.support, window

    def constant(self, length: float) -> Tensor:
        """θ of one length in samples everywhere, in the shape of the mode."""
        shape = theta_shape(self.mode, self.geometry.support, self.geometry.frames)
        return torch.full(shape, length, dtype=self.samples.dtype, device=self.device)

    def losses(self, values: Tensor, log_theta: Tensor) -> dict[str, Tensor]:
        """The loss and its two terms, the second already weighted, from |S| and log2 of θ in samples."""
        settings = self.config.loss
        value = self.criterion(values)
        regularizer = REGULARIZERS[settings.regularizer]
        if regularizer is None or settings.lambda_ == 0 or log_theta.numel() == 1:
            weighted = torch.zeros_like(value)
        else:
            lengths = log_theta if settings.unit == "octaves" else log_theta.exp2()
            weighted = settings.lambda_ * regularizer(lengths, settings.epsilon, settings.reduction)
        return {"loss": value + weighted, self.name: value, "regularization": weighted}

    def terms(self, spectrum: Tensor, theta: Tensor) -> dict[str, float]:
        """The losses of a transform (F, T) at θ in samples, as numbers. Raises DivergedError where one is not finite."""
        with torch.no_grad():
            values = {name: value.item() for name, value in self.losses(magnitude(spectrum), theta.log2()).items()}
        if not all(math.isfinite(value) for value in values.values()):
            raise self.diverged()
        return values

    def transform(self, length: float) -> Tensor:
        """S (F, T) with one window of that many samples, exactly, by FFT."""
        with torch.no_grad():
            return dstft(self.samples, length, *self._plane)

    def evaluate(self, length: float) -> float:
        """The criterion at a constant window of that many samples. Raises DivergedError where it is not finite."""
        value = self.criterion(dstft_magnitude(self.samples, length, *self._plane)).item()
        if not math.isfinite(value):
            raise self.diverged()
        return value

    def final(self, theta: Tensor) -> tuple[Tensor, Accuracy]:
        """The transform that is written out at θ in samples, and how true it is."""
        run, bank = self.config.run, self.config.bank
        return final_transform(self.samples, theta, self.positions, *self._plane[1:], seed=run.seed, exact=bank.exact)

    def check(self, spectrum: Tensor, theta: Tensor) -> Accuracy:
        """How true a transform at θ in samples is, at random bins."""
        return check(spectrum, self.samples, theta, self.positions, *self._plane[1:], self.config.run.seed)

    def diverged(self) -> DivergedError:
        """The error of a loss that is not finite from the start."""
        return DivergedError(
            f"{self.signal.where}: the loss is not finite in {self.config.run.dtype}; check the scale of the samples, or use "
            "--dtype float64"
        )

    def check_memory(self, nodes: int) -> None:
        """Raises InputError where a bank of that many nodes, and the steps on it, would not fit into memory."""
        geometry, free = self.geometry, free_bytes(self.device)
        # Floats a bin: the bank, gradients and Adam's state; without a bank S, |S| and its entropy.
        words = 2 * nodes + 24 if nodes else 12
        per_bin = DTYPES[self.config.run.dtype].itemsize * words
        need = geometry.bins * geometry.frames * per_bin
        if need > 0.9 * free:
            raise InputError(
                f"{self.signal.where}: {self.mode} on {geometry.bins} x {geometry.frames} bins needs about {need / 1e9:.1f} GB "
                f"and {free / 1e9:.1f} GB are free: take a part with --duration, a longer --hop or a smaller --support"
            )
